/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 (RFC 9113): the record of a stream or of a frame of the connection, and what its files share.
 *
 * The record begins with that of HTTP/1, so the keywords http.* and the bodies are shared. */
#ifndef VONGLAU_PROTO_HTTP2_H
#define VONGLAU_PROTO_HTTP2_H

#include "proto/http.h"

#define HTTP2_EVENTS(X)                                             \
    X(INVALID_FRAME_HEADER, "invalid_frame_header")                 \
    X(INVALID_CLIENT_MAGIC, "invalid_client_magic")                 \
    X(INVALID_FRAME_DATA, "invalid_frame_data")                     \
    X(INVALID_HEADER, "invalid_header")                             \
    X(INVALID_FRAME_LENGTH, "invalid_frame_length")                 \
    X(EXTRA_HEADER_DATA, "extra_header_data")                       \
    X(LONG_FRAME_DATA, "long_frame_data")                           \
    X(STREAM_ID_REUSE, "stream_id_reuse")                           \
    X(INVALID_HTTP1_SETTINGS, "invalid_http1_settings")             \
    X(FAILED_DECOMPRESSION, "failed_decompression")                 \
    X(INVALID_RANGE, "invalid_range")                               \
    X(HEADER_INTEGER_OVERFLOW, "header_integer_overflow")           \
    X(TOO_MANY_STREAMS, "too_many_streams")                         \
    X(AUTHORITY_HOST_MISMATCH, "authority_host_mismatch")           \
    X(USERINFO_IN_URI, "userinfo_in_uri")                           \
    X(REASSEMBLY_LIMIT_REACHED, "reassembly_limit_reached")         \
    X(DNS_REQUEST_TOO_LONG, "dns_request_too_long")                 \
    X(DNS_RESPONSE_TOO_LONG, "dns_response_too_long")               \
    X(DATA_STREAM_ZERO, "data_stream_zero")                         \
    X(TOO_MANY_FRAMES, "too_many_frames")                           \
    X(CONTINUATION_WITHOUT_HEADERS, "continuation_without_headers") \
    X(COMPRESSION_BOMB, "compression_bomb")                         \
    X(HEADER_TABLE_OVERFLOW, "header_table_overflow")               \
    X(TOO_LONG_REPEATED_HEADERS, "too_long_repeated_headers")

enum http2_event {
#define X(id, name) HTTP2_EVENT_##id,
    HTTP2_EVENTS(X)
#undef X
        HTTP2_EVENT_COUNT
};

/* Section 6. */
enum http2_frame_type {
    HTTP2_DATA,
    HTTP2_HEADERS,
    HTTP2_PRIORITY,
    HTTP2_RST_STREAM,
    HTTP2_SETTINGS,
    HTTP2_PUSH_PROMISE,
    HTTP2_PING,
    HTTP2_GOAWAY,
    HTTP2_WINDOW_UPDATE,
    HTTP2_CONTINUATION
};

/* A number that a frame carried. */
enum http2_number { HTTP2_FRAME, HTTP2_ERROR, HTTP2_WEIGHT, HTTP2_WINDOW, HTTP2_SETTING, HTTP2_TABLE_SIZE };

struct http2_value {
    uint8_t kind; /* enum http2_number */
    uint8_t direction;
    uint8_t frame;    /* enum http2_frame_type it came in */
    uint16_t setting; /* HTTP2_SETTING: its identifier */
    uint16_t header;  /* HTTP2_TABLE_SIZE: headers of this direction that came before */
    uint32_t value;
};

struct http2_side {
    struct http_body body;
    bool ended;
};

struct http2 {
    struct http http; /* first: the keywords http.* look here */
    uint32_t stream;
    uint32_t frames;    /* of both directions */
    struct tx *beside;  /* the next one in the connection's `streams` */
    struct tx **before; /* what points to this one there; NULL: nothing */
    struct http2_value *values;
    uint32_t value_count, value_capacity;
    struct http2_side side[DIRECTIONS];
    uint16_t header_room[DIRECTIONS];
    uint16_t headers_told[DIRECTIONS]; /* of which the buffers were made */
    struct bytes authority;
    struct bytes cookie; /* its fields joined */
    bool dns;            /* the answer is a DNS message, which has the record */
};

struct http2_settings {
    uint32_t streams_max, table_max, frames_max;
    uint64_t block_max, bomb_limit;
};

/* One direction of the connection. */
struct http2_end {
    struct nghttp2_hd_inflater *inflater;
    struct text block;     /* a header block over several frames (heap) */
    uint32_t block_stream; /* 0: none is open */
    uint8_t block_type;
    bool block_ends; /* END_STREAM came with the HEADERS frame */
    bool block_cut;  /* over the limit: not decoded */
    bool lost;       /* the compression state of headers cannot be followed any more */
    bool magic;      /* the preface was read */
    uint64_t left;   /* bytes of a DATA (or skipped) frame to come */
    uint32_t stream; /* of that DATA frame; 0: skipped */
    uint32_t padding;
    bool ends;          /* that frame ends its stream */
    uint64_t pdu, data; /* ids of open frames */
};

#define HTTP2_CHAINS 64U
struct http2_state {
    const struct http2_settings *settings;
    struct tx *streams[HTTP2_CHAINS]; /* live ones, by a hash of their number */
    struct http2_end end[DIRECTIONS];
    uint32_t highest[DIRECTIONS]; /* stream opened by that side */
    size_t held;                  /* bytes of header blocks and of their compression */
};

extern const struct protocol http2_protocol, doh2_protocol;
extern const struct http2_settings http2_settings_default;

static inline struct http2 *http2_of(const struct tx *tx)
{
    return (struct http2 *)(uintptr_t)tx->record;
}

/* Keywords: those of HTTP/1 and then those of HTTP/2 alone (http.c). */
enum { HTTP1_INSPECTS = 1, HTTP_INSPECTS = 30, HTTP2_INSPECTS = 37 };
extern const struct inspect http_inspects[HTTP1_INSPECTS + HTTP2_INSPECTS];
extern const char *const http2_parts_of_frames[4]; /* what rules can look at: protocol->frames */
extern const char *const http2_frame_names[11], *const http2_error_names[15], *const http2_setting_names[11];
bool http2_frame_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value);
bool http2_error_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value);
bool http2_weight_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value);
bool http2_window_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value);
bool http2_table_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value);
/* The identifier in the upper 32 bits. */
bool http2_setting_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value);
bool http2_get_name(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                    struct bytes *value);

/* The parser's entry points (http2_frames.c). */
void http2_open(struct session *session, void *state);
void http2_close(struct session *session, void *state);
void http2_tx_close(struct tx *tx);
bool http2_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                  unsigned flags);
bool http2_gap(struct session *session, void *state, enum direction direction, uint64_t size);
enum probe http2_probe(enum direction direction, struct bytes data);

/* DNS over HTTP (http2_dns.c): there is more content; a message is complete. */
void http2_dns_data(struct tx *tx, enum direction direction);
void http2_dns_end(struct session *session, struct tx *tx, enum direction direction);

/* Decodes a whole header block (RFC 7541) into `tx`; NULL: only the compression state follows. False when
 * malformed (http2_headers.c). */
bool http2_header_block(struct http2_state *state, struct tx *tx, enum direction direction,
                        struct bytes block);
/* Appends a field to a message; false when there is no room. */
bool http2_add_header(struct tx *tx, enum direction direction, struct bytes name, struct bytes value);
/* Makes the buffers of the message from its headers. */
void http2_finish_headers(struct tx *tx, enum direction direction);
void http2_add_value(struct tx *tx, struct http2_value value);

#endif
