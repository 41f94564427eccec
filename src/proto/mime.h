/* SPDX-License-Identifier: Apache-2.0 */
/* MIME messages (RFC 2045 to 2047, RFC 2231, RFC 5322), line by line: headers, attachments, links in bodies.
 *
 * Used by every protocol that carries mail; what it finds is in `struct mail`, in the transaction's memory.
 */
#ifndef VONGLAU_PROTO_MIME_H
#define VONGLAU_PROTO_MIME_H

#include "proto/session.h"

/* What the parser met; the owner translates to its own events. */
enum mime_event {
    MIME_INVALID_BASE64,
    MIME_INVALID_QP,
    MIME_LONG_LINE,         /* over 998 bytes */
    MIME_LONG_ENCODED_LINE, /* over 76 bytes of a base64 text, or of a file in base64 or quoted-printable */
    MIME_LONG_HEADER_NAME,
    MIME_LONG_HEADER_VALUE,
    MIME_LONG_BOUNDARY,
    MIME_LONG_FILENAME,
    MIME_MALFORMED, /* nesting too deep */
    MIME_EVENT_COUNT
};

struct mime_settings {
    bool decode_base64, decode_quoted_printable, extract_urls, log_url_scheme, body_md5;
    uint32_t header_value_max; /* bytes of a header's value that are kept */
    struct field_list schemes; /* struct bytes: "http" ...; empty: http */
};

struct mail_header {
    struct bytes name, value; /* value unfolded */
};

struct mail_texts {
    struct bytes *items;
    uint32_t count, capacity;
};

struct mail {
    bool begun; /* the content of a mail, not only its envelope, was seen */
    struct mail_header *headers;
    uint32_t header_count, header_capacity;
    struct mail_texts attachments, urls;
    bool has_body_md5;
    uint8_t body_md5[16];
};

struct mime;

/* Starts a message whose files travel in `direction`; NULL when out of memory. `mail` is in the transaction.
 */
MUST_CHECK struct mime *mime_new(struct session *session, struct tx *tx, enum direction direction,
                                 const struct mime_settings *settings, struct mail *mail);
/* A line without its end; `ended` is false when more of the same line follows. */
void mime_line(struct mime *mime, struct bytes line, bool ended);
/* The next line belongs to the headers of the message, or of a part. */
bool mime_in_headers(const struct mime *mime);
/* The message is complete, or, when `truncated`, breaks off. */
void mime_end(struct mime *mime, bool truncated);
/* Frees what is outside the transaction's memory; mime_end() does it too. */
void mime_free(struct mime *mime);
/* The events since the last call: a bit each. */
unsigned mime_events(struct mime *mime);

/* The n-th header of that name, without regard to case; absent when there are fewer. */
struct bytes mail_header(const struct mail *mail, const char *name, uint32_t index);
/* Cuts the next address off a list as in To and Cc: commas inside quotes do not separate. */
struct bytes mail_next_address(struct bytes *rest);

/* Which headers an EVE output adds: entries of `custom:` and the switches of `md5:`. */
struct mail_log_settings {
    const char *const *custom; /* header names in lower case ("x-mailer"), NULL-terminated; NULL: none */
    bool md5_body, md5_subject;
};
/* True when `custom` may name this header; others are not shown. */
bool mail_header_shown(const char *name);
/* Appends the "email" object. */
void mail_log(const struct mail *mail, const struct mail_log_settings *settings, struct text *out);

#endif
