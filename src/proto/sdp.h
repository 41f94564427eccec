/* SPDX-License-Identifier: Apache-2.0 */
/* Session descriptions (RFC 8866) inside other protocols' messages. */
#ifndef VONGLAU_PROTO_SDP_H
#define VONGLAU_PROTO_SDP_H

#include "base/arena.h"
#include "base/text.h"

#define SDP_LINES_MAX 256U

/* One "k=value" line; `media`: 0 before the first m= line, then the number of the media description. */
struct sdp_line {
    uint8_t kind;
    uint16_t media;
    struct bytes value;
};

struct sdp {
    struct sdp_line *lines;
    size_t count;
};

/* Reads the lines; NULL when the text is no session description or memory is short. Borrows `text`. */
struct sdp *sdp_parse(struct bytes text, struct arena *memory);
/* Appends "sdp":{...}, as EVE nests it. */
void sdp_write(const struct sdp *sdp, struct text *out);
/* The `index`-th value of lines of `kind`, in the session part or in the media descriptions. */
bool sdp_value(const struct sdp *sdp, uint8_t kind, bool in_media, uint32_t index, struct bytes *value);

#endif
