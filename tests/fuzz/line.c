/* SPDX-License-Identifier: Apache-2.0 */
/* EVE lines under arbitrary bytes: reading the record, and what may leave the sensor. */
#include <assert.h>

#include "event/boundary.h"
#include "event/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena memory = arena_of(1 << 20);
    struct text out = text_new(1 << 20), again = text_new(1 << 20);
    struct event_record record;
    enum event_type type;
    struct bytes allowed, twice;
    bool readable = event_record_read(bytes_of(data, size), &record, &memory);
    if (boundary_filter(bytes_of(data, size), &out, &type, &allowed)) {
        /* What was filtered is an event still, and filtering it again changes nothing. */
        assert(boundary_filter(allowed, &again, &type, &twice));
        assert(bytes_equal(allowed, twice));
    }
    (void)readable;
    text_done(&out);
    text_done(&again);
    arena_done(&memory);
    return 0;
}
