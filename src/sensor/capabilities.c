/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities; see capabilities.h. */
#include "sensor/capabilities.h"

#include <cap-ng.h>
#include <unistd.h>

bool capabilities_drop(struct error *error)
{
    if (capng_get_caps_process() != 0)
        return error_set(error, "the capabilities of this process cannot be read");
    bool files = geteuid() == 0 && capng_have_capability(CAPNG_PERMITTED, CAP_DAC_OVERRIDE);
    /* The set that bounds what a program started later gets can only be changed by who may. */
    capng_select_t which = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) ? CAPNG_SELECT_ALL
                                                                               : CAPNG_SELECT_CAPS;
    capng_clear(CAPNG_SELECT_ALL);
    if (files)
        (void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_OVERRIDE);
    return capng_apply(which) == 0 || error_system(error, "capabilities cannot be laid down");
}
