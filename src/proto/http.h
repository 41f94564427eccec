/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 (RFC 9110, 9112) as lenient receivers read it: records, settings, and what its files share. */
#ifndef VONGLAU_PROTO_HTTP_H
#define VONGLAU_PROTO_HTTP_H

#include "proto/decompress.h"
#include "proto/file.h"

/* app-layer.protocols.http.libhtp.default-config of suricata.yaml. */
struct http_settings {
    uint64_t request_body_limit, response_body_limit; /* decoded bytes of a body followed; 0: no limit */
    uint32_t request_inspect_min, request_inspect_step;
    uint32_t response_inspect_min, response_inspect_step;
    uint16_t decompress_layers; /* 0: bodies are not decompressed */
    uint32_t bombs_max;         /* of one connection, after which its bodies are not decompressed */
    uint16_t headers_max;
    uint8_t body_inline; /* show bodies to detection as they come: 0 when packets wait for a verdict, 1
                            always, 2 never */
    bool double_decode_path, double_decode_query, plus_is_space;
    bool lzma;
    uint64_t byterange_memcap, byterange_timeout; /* bytes, seconds; 0: those of proto/ranges.h */
    struct decompress_limits decompress;
};
extern const struct http_settings http_settings_default;

/* Header fields the parser or a keyword asks for; the name of each is in http_field_names. */
/* clang-format off */
#define HTTP_FIELDS(X)                                                                          \
    X(HOST, "host")                                                                             \
    X(USER_AGENT, "user-agent")                                                                 \
    X(ACCEPT, "accept")                                                                         \
    X(ACCEPT_ENCODING, "accept-encoding")                                                       \
    X(ACCEPT_LANGUAGE, "accept-language")                                                       \
    X(CONNECTION, "connection")                                                                 \
    X(CONTENT_TYPE, "content-type") X(CONTENT_LENGTH, "content-length")                         \
        X(CONTENT_ENCODING, "content-encoding") X(CONTENT_DISPOSITION, "content-disposition")   \
            X(CONTENT_RANGE, "content-range") X(COOKIE, "cookie") X(SET_COOKIE, "set-cookie")   \
                X(REFERER, "referer") X(LOCATION, "location") X(SERVER, "server")               \
                    X(TRANSFER_ENCODING, "transfer-encoding") X(AUTHORIZATION, "authorization") \
                        X(UPGRADE, "upgrade") X(EXPECT, "expect") X(X_FORWARDED_FOR, "x-forwarded-for")
/* clang-format on */

enum http_field {
    HTTP_OTHER,
#define X(id, name) HTTP_##id,
    HTTP_FIELDS(X)
#undef X
        HTTP_FIELD_COUNT
};

/* clang-format off */
#define HTTP_EVENTS(X) \
    X(UNKNOWN_ERROR, "unknown_error")                                                               \
    X(GZIP_DECOMPRESSION_FAILED, "gzip_decompression_failed")                                       \
    X(REQUEST_FIELD_MISSING_COLON, "request_field_missing_colon")                                   \
    X(RESPONSE_FIELD_MISSING_COLON, "response_field_missing_colon")                                 \
    X(INVALID_REQUEST_CHUNK_LEN, "invalid_request_chunk_len")                                       \
    X(INVALID_RESPONSE_CHUNK_LEN, "invalid_response_chunk_len")                                     \
    X(INVALID_TRANSFER_ENCODING_IN_REQUEST, "invalid_transfer_encoding_value_in_request")           \
    X(INVALID_TRANSFER_ENCODING_IN_RESPONSE, "invalid_transfer_encoding_value_in_response")         \
    X(INVALID_CONTENT_LENGTH_IN_REQUEST, "invalid_content_length_field_in_request")                 \
    X(INVALID_CONTENT_LENGTH_IN_RESPONSE, "invalid_content_length_field_in_response")               \
    X(DUPLICATE_CONTENT_LENGTH_IN_REQUEST, "duplicate_content_length_field_in_request")             \
    X(DUPLICATE_CONTENT_LENGTH_IN_RESPONSE, "duplicate_content_length_field_in_response")           \
    X(CONTINUE_ALREADY_SEEN, "100_continue_already_seen")                                           \
    X(UNABLE_TO_MATCH_RESPONSE_TO_REQUEST, "unable_to_match_response_to_request")                   \
    X(INVALID_SERVER_PORT_IN_REQUEST, "invalid_server_port_in_request")                             \
    X(INVALID_AUTHORITY_PORT, "invalid_authority_port")                                             \
    X(REQUEST_HEADER_INVALID, "request_header_invalid")                                             \
    X(RESPONSE_HEADER_INVALID, "response_header_invalid")                                           \
    X(MISSING_HOST_HEADER, "missing_host_header")                                                   \
    X(HOST_HEADER_AMBIGUOUS, "host_header_ambiguous")                                               \
    X(INVALID_REQUEST_FIELD_FOLDING, "invalid_request_field_folding")                               \
    X(INVALID_RESPONSE_FIELD_FOLDING, "invalid_response_field_folding")                             \
    X(REQUEST_FIELD_TOO_LONG, "request_field_too_long")                                             \
    X(RESPONSE_FIELD_TOO_LONG, "response_field_too_long")                                           \
    X(FILE_NAME_TOO_LONG, "file_name_too_long")                                                     \
    X(REQUEST_LINE_INVALID, "request_line_invalid")                                                 \
    X(REQUEST_BODY_UNEXPECTED, "request_body_unexpected")                                           \
    X(RESPONSE_BODY_UNEXPECTED, "response_body_unexpected")                                         \
    X(REQUEST_SERVER_PORT_TCP_PORT_MISMATCH, "request_server_port_tcp_port_mismatch")               \
    X(REQUEST_URI_HOST_INVALID, "request_uri_host_invalid")                                         \
    X(REQUEST_HEADER_HOST_INVALID, "request_header_host_invalid")                                   \
    X(REQUEST_AUTH_UNRECOGNIZED, "request_auth_unrecognized")                                       \
    X(REQUEST_HEADER_REPETITION, "request_header_repetition")                                       \
    X(RESPONSE_HEADER_REPETITION, "response_header_repetition")                                     \
    X(RESPONSE_MULTIPART_BYTERANGES, "response_multipart_byteranges")                               \
    X(RESPONSE_ABNORMAL_TRANSFER_ENCODING, "response_abnormal_transfer_encoding")                   \
    X(RESPONSE_CHUNKED_OLD_PROTO, "response_chunked_old_proto")                                     \
    X(RESPONSE_INVALID_PROTOCOL, "response_invalid_protocol")                                       \
    X(RESPONSE_INVALID_STATUS, "response_invalid_status")                                           \
    X(REQUEST_LINE_INCOMPLETE, "request_line_incomplete")                                           \
    X(DOUBLE_ENCODED_URI, "double_encoded_uri")                                                     \
    X(METHOD_DELIM_NON_COMPLIANT, "method_delim_non_compliant")                                     \
    X(URI_DELIM_NON_COMPLIANT, "uri_delim_non_compliant")                                           \
    X(REQUEST_LINE_LEADING_WHITESPACE, "request_line_leading_whitespace")                           \
    X(TOO_MANY_ENCODING_LAYERS, "too_many_encoding_layers")                                         \
    X(ABNORMAL_CE_HEADER, "abnormal_ce_header")                                                     \
    X(LZMA_MEMLIMIT_REACHED, "lzma_memlimit_reached")                                               \
    X(COMPRESSION_BOMB, "compression_bomb")                                                         \
    X(MULTIPART_GENERIC_ERROR, "multipart_generic_error")                                           \
    X(MULTIPART_NO_FILEDATA, "multipart_no_filedata")                                               \
    X(MULTIPART_INVALID_HEADER, "multipart_invalid_header")                                         \
    X(TOO_MANY_WARNINGS, "too_many_warnings")                                                       \
    X(RANGE_INVALID, "range_invalid")                                                               \
    X(REQUEST_CHUNK_EXTENSION, "request_chunk_extension")                                           \
    X(RESPONSE_CHUNK_EXTENSION, "response_chunk_extension")                                         \
    X(REQUEST_LINE_MISSING_PROTOCOL, "request_line_missing_protocol")                               \
    X(REQUEST_TOO_MANY_HEADERS, "request_too_many_headers")                                         \
    X(RESPONSE_TOO_MANY_HEADERS, "response_too_many_headers")                                       \
    X(FAILED_PROTOCOL_CHANGE, "failed_protocol_change")                                             \
    X(COMPRESSION_BOMB_LIMIT_REACHED, "compression_bomb_limit_reached")                             \
    X(PARSER_STATE_ERROR, "parser_state_error")                                                     \
    X(MISSING_OUTBOUND_TRANSACTION_DATA, "missing_outbound_transaction_data")                       \
    X(MISSING_INBOUND_TRANSACTION_DATA, "missing_inbound_transaction_data")                         \
    X(ZERO_LENGTH_DATA_CHUNKS, "zero_length_data_chunks")                                           \
    X(REQUEST_LINE_UNKNOWN_METHOD, "request_line_unknown_method")                                   \
    X(REQUEST_LINE_UNKNOWN_METHOD_NO_PROTOCOL, "request_line_unknown_method_no_protocol")           \
    X(REQUEST_LINE_UNKNOWN_METHOD_INVALID_PROTOCOL, "request_line_unknown_method_invalid_protocol") \
    X(PROTOCOL_CONTAINS_EXTRA_DATA, "protocol_contains_extra_data")                                 \
    X(CONTENT_LENGTH_EXTRA_DATA_START, "content_length_extra_data_start")                           \
    X(CONTENT_LENGTH_EXTRA_DATA_END, "content_length_extra_data_end")                               \
    X(SWITCHING_PROTO_WITH_CONTENT_LENGTH, "switching_proto_with_content_length")                   \
    X(DEFORMED_EOL, "deformed_eol")                                                                 \
    X(REQUEST_BODY_DATA_CALLBACK_ERROR, "request_body_data_callback_error")                         \
    X(RESPONSE_BODY_INTERNAL_ERROR, "response_body_internal_error")                                 \
    X(REQUEST_INVALID_EMPTY_NAME, "request_invalid_empty_name")                                     \
    X(REQUEST_INVALID_LWS_AFTER_NAME, "request_invalid_lws_after_name")                             \
    X(RESPONSE_INVALID_EMPTY_NAME, "response_invalid_empty_name")                                   \
    X(RESPONSE_INVALID_LWS_AFTER_NAME, "response_invalid_lws_after_name")                           \
    X(RESPONSE_HEADER_NAME_NOT_TOKEN, "response_header_name_not_token")                             \
    X(RESPONSE_LINE_INVALID_PROTOCOL, "response_line_invalid_protocol")                             \
    X(RESPONSE_LINE_INVALID_RESPONSE_STATUS, "response_line_invalid_response_status")               \
    X(LZMA_DECOMPRESSION_DISABLED, "lzma_decompression_disabled")                                   \
    X(CONNECTION_ALREADY_OPEN, "connection_already_open")                                           \
    X(COMPRESSION_BOMB_DOUBLE_LZMA, "compression_bomb_double_lzma")                                 \
    X(INVALID_CONTENT_ENCODING, "invalid_content_encoding")                                         \
    X(INVALID_GAP, "invalid_gap")
/* clang-format on */

enum http_event {
#define X(id, name) HTTP_EVENT_##id,
    HTTP_EVENTS(X)
#undef X
        HTTP_EVENT_COUNT
};

/* What is complete; tx->progress. */
enum http_progress { HTTP_STARTED, HTTP_LINE, HTTP_HEADERS, HTTP_BODY, HTTP_TRAILER, HTTP_COMPLETE };

struct http_header {
    struct bytes name, value; /* trimmed; folds and repetitions joined */
    uint8_t field;            /* enum http_field */
};

/* Request or response. */
struct http_message {
    struct bytes line;           /* start line without its end */
    struct bytes protocol;       /* "HTTP/1.1" as sent */
    struct bytes raw;            /* header block as it came, up to and including the empty line */
    struct http_header *headers; /* in order of first appearance */
    uint16_t header_count;
    uint16_t known[HTTP_FIELD_COUNT]; /* 1-based place in `headers`; 0: absent */
    uint64_t size;                    /* bytes of the body on the wire, framing included */
    struct file *body; /* decoded content and its window; one of tx->files unless body_hidden */
    bool body_hidden;
    struct bytes normal, names, start; /* made when first asked for */
};

struct http_side;

/* The record of a transaction. */
struct http {
    struct http_message message[DIRECTIONS];
    struct bytes method, uri_raw;
    struct bytes uri;            /* normalised: path, query, fragment */
    struct bytes path;           /* normalised; absent when there is none */
    struct bytes uri_host;       /* of an absolute URI */
    struct bytes host, host_raw; /* lower case without port; as sent */
    uint16_t port;               /* named with the host; 0: none */
    struct bytes status_code, status_text;
    uint16_t status; /* 0: not a number */
    bool no_request, head, connect, version_0_9, continued, logged_range;
    uint8_t events_counted; /* of the transaction's, for those of the connection */
    uint64_t range_start, range_end, range_size;
    bool has_range;
    struct http_side *side[DIRECTIONS]; /* parser working on it */
};

/* ---- shared by the files of this parser ---- */

/* Start lines (http_line.c). */
static inline bool http_is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}
/* Without leading blanks, line ends and zero bytes. */
struct bytes http_skip_space(struct bytes b);
/* Up to the first blank or line end. */
struct bytes http_word(struct bytes b);
/* A copy in the transaction's memory; empty when there is no room. */
struct bytes http_keep(struct tx *tx, struct bytes b);
bool http_is_method(struct bytes word);
/* A method may begin with `word`. */
bool http_may_be_method(struct bytes word);
/* METHOD SP target SP version; not `whole`: the connection ended within it. False when out of memory. */
MUST_CHECK bool http_request_line(struct tx *tx, struct bytes raw, bool whole,
                                  const struct http_settings *settings);
bool http_is_status_line(struct bytes data);
void http_status_line(struct tx *tx, struct bytes raw);

enum http_scan { HTTP_SCAN_MORE, HTTP_SCAN_LINE, HTTP_SCAN_EMPTY, HTTP_SCAN_END };

/* Where a walk over lines stands; zero at the start of a header block. */
struct http_scan_state {
    size_t at;       /* of the next line */
    size_t searched; /* no line end before this offset */
    size_t lf;       /* no LF from there up to this offset: lone CR may end thousands of lines before one */
    bool lfcr;       /* the line before ended with LF CR */
};

/* The next line of `data`: LF ends lines, of a response LF CR and a lone CR, too. END: the line ends the
 * block. EMPTY: an ignorable empty line. `last`: nothing will follow. */
enum http_scan http_scan_line(struct bytes data, enum direction direction, struct http_scan_state *state,
                              bool last, struct bytes *line);

/* Splits the raw header block in message->raw; values go to tx->memory. False when out of memory. */
MUST_CHECK bool http_parse_headers(struct tx *tx, enum direction direction,
                                   const struct http_settings *settings);
/* Raises what is odd about the fields behind the last chunk; they are not kept. */
void http_judge_trailer(struct tx *tx, enum direction direction, struct bytes raw,
                        const struct http_settings *settings);

/* A Content-Length as lenient receivers read it: the first number in the value. */
struct http_length {
    uint64_t value;
    bool valid;         /* there is a number, and it fits */
    bool before, after; /* something stands before it, behind it */
    bool several;       /* and another number, after a blank */
};
struct http_length http_length(struct bytes value);
/* Which known field `name` is; `zeros`: zero bytes in it are passed over. */
enum http_field http_field_named(struct bytes name, bool zeros);
/* The known field, or NULL. */
const struct http_header *http_field(const struct http_message *message, enum http_field field);
/* Any field by name, or NULL. */
const struct http_header *http_header_named(const struct http_message *message, struct bytes name);
/* True when `word` occurs in `value` without regard to case and zero bytes. */
bool http_value_has(struct bytes value, const char *word);

/* Fills uri, path, uri_host, port from record->uri_raw. False when out of memory. */
MUST_CHECK bool http_parse_uri(struct tx *tx, const struct http_settings *settings);
/* Splits "host:port"; port 0 when there is none, and false when it is not valid. */
bool http_split_host(struct bytes value, struct bytes *host, uint16_t *port);

/* Content of one message: decompression, files, form parts. Owned by the parser's side. */
struct http_body {
    struct session *session;
    struct tx *tx; /* NULL: nobody wants it */
    const struct http_settings *settings;
    struct decompressor *decompressor;
    struct http_multipart *multipart;
    struct range *range; /* the file of which this is a part */
    uint64_t decoded, limit;
    uint32_t *bombs; /* of the connection; NULL: they are not counted */
    size_t held;     /* bytes outside of the transaction's memory, files apart */
    uint8_t direction;
    bool started, cut, bombed;
};

void http_body_start(struct http_body *body, struct session *session, struct tx *tx, enum direction direction,
                     const struct http_settings *settings, uint32_t *bombs);
void http_body_data(struct http_body *body, struct bytes data);
void http_body_gap(struct http_body *body, uint64_t size);
void http_body_end(struct http_body *body, bool truncated);
/* The transaction goes away before the message ends. */
void http_body_abandon(struct http_body *body);

/* Raises what is odd about Content-Encoding, whether there is content or not. */
void http_judge_codings(struct tx *tx, enum direction direction, const struct http_settings *settings);
/* Bodies are shown to detection as they come. */
bool http_body_at_once(const struct http_body *body);

struct http_multipart; /* multipart/form-data of a request (RFC 7578) */
MUST_CHECK struct http_multipart *http_multipart_open(struct bytes content_type, struct http_body *body);
size_t http_multipart_memory(const struct http_multipart *multipart);
void http_multipart_data(struct http_multipart *multipart, struct bytes data);
void http_multipart_end(struct http_multipart *multipart, bool truncated);
void http_multipart_free(struct http_multipart *multipart);
/* A parameter of a header value: `form-data; name="a"; filename="b"`. Absent when there is none. */
struct bytes http_parameter(struct bytes value, const char *name);

/* One direction of a connection. */
struct http_side {
    struct tx *tx; /* being worked on; NULL between messages, or when it was shed */
    struct http_body body;
    struct http_scan_state scan;
    uint64_t frame;         /* of the message at hand; 0: none */
    uint64_t left;          /* body or chunk bytes to come */
    uint8_t phase, framing; /* framing: the phase that reads the body, once it is certain that there is one */
    bool any;               /* a message was begun in this direction */
    bool any_chunk;         /* a chunk was read: the framing is trusted */
    bool unknown_length;    /* Content-Length or Transfer-Encoding are there, and say nothing */
};

enum { HTTP_FRAME_REQUEST, HTTP_FRAME_RESPONSE };

struct http_state {
    struct http_side side[DIRECTIONS];
    uint32_t bombs;    /* bodies that grew beyond measure when they were decompressed */
    uint16_t oddities; /* events about how messages are written, counted up to a bound */
};

/* ---- for output ---- */

/* Which headers of HTTP/1 an output wants: all of a direction, or those named. */
struct http_log_settings {
    bool all[DIRECTIONS];
    const char *const *custom; /* NULL-terminated; NULL: none */
};
/* Appends the wanted headers as "request_headers" and "response_headers", [{"name":...,"value":...}]. */
void http_log_headers(const struct tx *tx, const struct http_log_settings *settings, struct text *out);
/* Buffers of keywords, made once per message; absent when out of memory or not there. */
struct bytes http_normal_headers(const struct tx *tx, enum direction direction);

extern const struct protocol http_protocol;

/* The parser's entry points (http_stream.c). */
bool http_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                 unsigned flags);
bool http_gap(struct session *session, void *state, enum direction direction, uint64_t size);
void http_close(struct session *session, void *state);
void http_tx_close(struct tx *tx);
enum probe http_probe(enum direction direction, struct bytes data);

#endif
