/* SPDX-License-Identifier: Apache-2.0 */
/* Throw-away folders for tests that need files. */
#ifndef VONGLAU_TESTS_FOLDER_H
#define VONGLAU_TESTS_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "support/support.h"

#define FOLDER_MAX 64

static inline int folder_remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

/* Makes an empty folder and puts its path in `path`. */
static inline void folder_make(char path[static FOLDER_MAX])
{
    snprintf(path, FOLDER_MAX, "/tmp/vonglau-test-XXXXXX");
    assert_non_null(mkdtemp(path));
}

static inline void folder_remove(const char *path)
{
    assert_int_equal(nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
