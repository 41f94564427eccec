/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that parses packets may still do: privileges dropped, files and system calls listed. */
#ifndef VONGLAU_SENSOR_SANDBOX_H
#define VONGLAU_SENSOR_SANDBOX_H

#include "base/error.h"

struct sandbox_path {
    const char *path;
    bool write;
};

struct sandbox {
    const char *user, *group; /* NULL: stay who we are */
    const struct sandbox_path *paths;
    size_t path_count;
};

/* False, with the reason, when a group is named and no user. */
MUST_CHECK bool sandbox_names_user(const char *user, const char *group, struct error *error);

/* Becomes `user` and lays down its capabilities; then only the paths listed can be opened and only the calls
 * of the table made.
 *
 * Kernels without Landlock are told of in a warning by the caller: `landlock` says whether it holds. */
MUST_CHECK bool sandbox_enter(const struct sandbox *sandbox, bool *landlock, struct error *error);

#endif
