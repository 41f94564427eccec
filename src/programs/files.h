/* SPDX-License-Identifier: Apache-2.0 */
/* Files and folders of a state directory. */
#ifndef VONGLAU_PROGRAMS_FILES_H
#define VONGLAU_PROGRAMS_FILES_H

#include "base/error.h"

/* Removes `path` and all below it; follows no links. */
void remove_tree(const char *path);
/* Copies into a new file, and waits for the disk. */
bool copy_file(const char *from, const char *to, struct error *error);
/* Every file of `from` into the new folder `to`; *count grows. */
bool copy_folder(const char *from, const char *to, size_t *count, struct error *error);
/* The file's SHA-256 in hexadecimal is `expected`. */
bool file_has_hash(const char *path, const char *expected);

#endif
