/* SPDX-License-Identifier: Apache-2.0 */
/* What the uplink process may still do once it runs: its two directories, the network, nothing that starts or
 * inspects other programs. */
#ifndef VONGLAU_SENSOR_UPLINK_SANDBOX_H
#define VONGLAU_SENSOR_UPLINK_SANDBOX_H

#include "base/error.h"

/* Becomes `user` when root and given; then, to `confine`, no capabilities, Landlock (`spool` writable,
 * `directory` and what name lookup and TLS need readable) and seccomp. Kernels without Landlock keep the
 * rest. */
MUST_CHECK bool uplink_sandbox_enter(const char *user, const char *directory, const char *spool, bool confine,
                                     struct error *error);

#endif
