/* SPDX-License-Identifier: Apache-2.0 */
/* The one bounds check beneath every binary write. */
#include "base/writer.h"

uint8_t *writer_room(struct writer *w, size_t size)
{
    if (w->failed || size > (size_t)(w->end - w->at)) {
        w->failed = true;
        return NULL;
    }
    uint8_t *room = w->at;
    w->at += size;
    return room;
}
