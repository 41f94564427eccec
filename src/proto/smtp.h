/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP (RFC 5321): the record of one mail. */
#ifndef VONGLAU_PROTO_SMTP_H
#define VONGLAU_PROTO_SMTP_H

#include "proto/mime.h"

struct smtp {
    struct bytes helo, mail_from;
    struct mail_texts rcpt_to;
    struct mail mail; /* status MAIL_NONE: no content was seen */
};

/* Settings below app-layer.protocols.smtp. */
struct smtp_settings {
    struct mime_settings mime;
    bool decode_mime, raw_extraction;
    uint32_t content_limit, content_inspect_min_size, content_inspect_window;
};

/* Appends the "smtp" object's members, and, beside it, the "email" object. */
void smtp_log(const struct tx *tx, struct text *out);
void smtp_log_mail(const struct tx *tx, const struct mail_log_settings *settings, struct text *out);

#endif
