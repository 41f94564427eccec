/* SPDX-License-Identifier: Apache-2.0 */
/* Mail of arbitrary bytes, line by line: a byte of settings, a byte that says how lines are cut, then the
 * message. */
#include <assert.h>

#include "proto/file.h"
#include "proto/mime.h"

#define PIECE_MAX 700U /* longest piece of a line, as a parser with a buffer hands them on */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A protocol that carries one message and nothing else. */
struct carrier {
    struct mime_settings settings;
    struct mail *mail;
};

static void mail_lines(struct mime *mime, struct bytes text, size_t cut)
{
    while (text.size) {
        size_t end = bytes_find_byte(text, '\n');
        struct bytes line = bytes_first(text, end == SIZE_MAX ? text.size : end);
        text = bytes_from(text, end == SIZE_MAX ? text.size : end + 1);
        for (; line.size > cut; line = bytes_from(line, cut))
            mime_line(mime, bytes_first(line, cut), false);
        mime_line(mime, line, true);
        assert(mime_events(mime) < 1U << MIME_EVENT_COUNT);
    }
}

static bool carry(struct session *session, void *state, enum direction direction, struct reader *in,
                  unsigned flags)
{
    static const struct bytes schemes[] = { { (const uint8_t *)"http", 4 }, { (const uint8_t *)"hxxp", 4 } };
    struct carrier *carrier = state;
    uint8_t choice = reader_u8(in);
    size_t cut = (reader_u8(in) * 3U) % PIECE_MAX + 1;
    struct bytes message = reader_rest(in);
    struct tx *tx = session_tx(session);
    (void)flags;
    if (!tx)
        return false;
    carrier->settings = (struct mime_settings){ .decode_base64 = choice & 1,
                                                .decode_quoted_printable = choice & 2,
                                                .extract_urls = choice & 4,
                                                .log_url_scheme = choice & 8,
                                                .body_md5 = choice & 16,
                                                .header_value_max = choice & 32 ? 40 : 2000 };
    if (choice & 64)
        carrier->settings.schemes = (struct field_list){ .items = schemes, .count = COUNT_OF(schemes) };
    carrier->mail = (void *)tx->record;
    struct mime *mime = mime_new(session, tx, direction, &carrier->settings, carrier->mail);
    if (!mime)
        return false;
    mail_lines(mime, message, cut);
    if (choice & 128)
        mime_free(mime);
    else
        mime_end(mime, false);
    tx_finish_both(tx);
    return true;
}

static enum probe always(enum direction direction, struct bytes data)
{
    (void)direction;
    (void)data;
    return PROBE_YES;
}

static const struct protocol carrier_protocol = {
    .name = "carrier",
    .transports = TRANSPORT_TCP,
    .probe = always,
    .state_size = sizeof(struct carrier),
    .record_size = sizeof(struct mail),
    .tx_memory_max = 1U << 20,
    .stream = carry,
    .file_directions = 1 << TO_SERVER | 1 << TO_CLIENT,
};

static void look_at(const struct mail *mail)
{
    static const char *const custom[] = { "x-mailer", "received", NULL };
    static const struct mail_log_settings all = { .custom = custom, .md5_body = true, .md5_subject = true };
    struct text out = text_new(1U << 22);
    struct bytes to = mail_header(mail, "to", 0);
    while (to.size) {
        struct bytes before = to, address = mail_next_address(&to);
        assert(address.size <= before.size && to.size < before.size);
    }
    mail_log(mail, &all, &out);
    text_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct file_settings files = { .md5 = true };
    static const struct protocol *const enabled[] = { &carrier_protocol, NULL };
    struct session_settings settings = { .enabled = enabled, .files = &files };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 25);
    if (!session || !size) {
        session_free(session);
        return 0;
    }
    session_stream(session, TO_SERVER, bytes_of(data, size), FEED_END);
    for (const struct tx *tx = session->txs; tx; tx = tx->next)
        look_at((const void *)tx->record);
    session_end(session);
    session_free(session);
    return 0;
}
