/* SPDX-License-Identifier: Apache-2.0 */
/* Where bytes stand in other bytes. Private to base: bytes_find() and bytes_find_nocase() are the way in. */
#ifndef VONGLAU_BASE_SEARCH_H
#define VONGLAU_BASE_SEARCH_H

#include "base/bytes.h"

/* Offset of the first `needle`, at least one byte and no longer than `haystack`, or SIZE_MAX. */
size_t search(struct bytes haystack, struct bytes needle, bool nocase);

#endif
