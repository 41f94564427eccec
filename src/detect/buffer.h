/* SPDX-License-Identifier: Apache-2.0 */
/* Names of buffers: the rows of protocols and packets behind them, and their values. Private to detect. */
#ifndef VONGLAU_DETECT_BUFFER_H
#define VONGLAU_DETECT_BUFFER_H

#include "detect/keyword.h"

/* A row by one of its names. */
struct named_row {
    const struct inspect *row;
    bool modifier; /* the name is the legacy content modifier */
};

/* Fills the set's name tables from the protocols it has. */
MUST_CHECK bool buffer_list_open(struct ruleset *set);
const struct named_row *buffer_named(const struct ruleset *set, struct bytes name);
/* One transaction can hold several values of it. */
bool buffer_is_multiple(const struct buffer *buffer);
bool parse_row_number(struct compiler *c, const struct named_row *named, struct bytes value);

#endif
