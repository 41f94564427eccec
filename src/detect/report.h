/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of rules as members of JSON, for reports on rules. Private to detect. */
#ifndef VONGLAU_DETECT_REPORT_H
#define VONGLAU_DETECT_REPORT_H

#include "detect/keyword.h"

/* "equal", "gt", "range"... of the object `key`. */
void report_range(struct text *out, const char *key, const struct range *range);
/* Bytes as rules write them: runs that are not printable or have a meaning in rules as |hex|. */
void report_pattern(struct text *out, struct bytes bytes);
/* What follows for a content from the rest of its rule. */
struct content_told {
    bool fast;      /* the prefilter looks for it */
    bool bounded;   /* the size of its buffer is */
    uint64_t depth; /* that it has though it names none; 0: it ends anywhere */
};

/* Members of a content. */
void report_content(struct text *out, const struct item *item, const struct content_told *told);
/* `base64_data` is put into its own list instead of following. */
void report_item(struct text *out, const char *name, const struct item *item,
                 const struct content_told *told);
/* Nothing but the content's being there is asked, which the prefilter answers. */
bool content_is_plain(const struct item *item);

#endif
