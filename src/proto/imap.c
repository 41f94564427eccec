/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP (RFC 9051): recognised by the server's greeting and followed until TLS begins. There are no
 * transactions and no records. */
#include "proto/session.h"

#define GREETING  "* OK "
#define LINE_KEPT 512U /* of a line; what is longer is no STARTTLS and no answer to it */
#define TAG_MAX   64U

struct imap_state {
    uint8_t line[DIRECTIONS][LINE_KEPT];
    size_t line_size[DIRECTIONS]; /* LINE_KEPT + 1: too long */
    uint8_t tag[TAG_MAX];         /* of the STARTTLS that waits for its answer */
    size_t tag_size;
};

static enum probe imap_probe(enum direction direction, struct bytes data)
{
    struct bytes greeting = BYTES_OF(GREETING);
    if (direction != TO_CLIENT ||
        !bytes_equal_nocase(bytes_first(data, greeting.size), bytes_first(greeting, data.size)))
        return PROBE_NO;
    return data.size < greeting.size ? PROBE_MORE : PROBE_YES;
}

/* RFC 9051 section 6.2.1: tag SP "STARTTLS", answered by tag SP "OK". */
static void take_line(struct session *session, struct imap_state *state, enum direction direction,
                      struct bytes line)
{
    struct bytes rest = bytes_trim(line);
    struct bytes tag = bytes_cut(&rest, ' ');
    struct bytes word = bytes_cut(&rest, ' ');
    if (direction == TO_SERVER) {
        if (tag.size && tag.size <= TAG_MAX && bytes_equal_nocase(word, BYTES_OF("STARTTLS"))) {
            memcpy(state->tag, tag.data, tag.size);
            state->tag_size = tag.size;
        }
        return;
    }
    if (!state->tag_size || !bytes_equal(tag, bytes_of(state->tag, state->tag_size)))
        return;
    state->tag_size = 0;
    if (bytes_equal_nocase(word, BYTES_OF("OK")))
        session_change(session, protocol_find(BYTES_OF("tls")));
}

static void keep(struct imap_state *state, enum direction direction, struct bytes part)
{
    size_t size = state->line_size[direction];
    if (size + part.size > LINE_KEPT) {
        state->line_size[direction] = LINE_KEPT + 1;
        return;
    }
    if (part.size)
        memcpy(state->line[direction] + size, part.data, part.size);
    state->line_size[direction] = size + part.size;
}

static bool imap_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                        unsigned flags)
{
    struct imap_state *state = state_;
    (void)flags;
    while (!reader_empty(in) && !session->want_change) {
        struct bytes data = reader_peek(in);
        size_t end = bytes_find_byte(data, '\n');
        keep(state, direction, bytes_first(data, end));
        if (end == SIZE_MAX) {
            (void)reader_rest(in);
            break;
        }
        reader_skip(in, end + 1);
        size_t size = state->line_size[direction];
        state->line_size[direction] = 0;
        if (size <= LINE_KEPT)
            take_line(session, state, direction, bytes_of(state->line[direction], size));
    }
    return true;
}

static bool imap_gap(struct session *session, void *state_, enum direction direction, uint64_t size)
{
    struct imap_state *state = state_;
    (void)session;
    (void)size;
    state->line_size[direction] = LINE_KEPT + 1; /* what follows is the end of an unknown line */
    return true;
}

const struct protocol imap_protocol = {
    .id = PROTOCOL_imap,
    .name = "imap",
    .title = "Internet Message Access Protocol",
    .transports = TRANSPORT_TCP,
    .ports = "143",
    .probe = imap_probe,
    .known_by_server = true,
    .server_speaks_first = true,
    .probe_depth = sizeof GREETING - 1,
    .state_size = sizeof(struct imap_state),
    .stream = imap_stream,
    .gap = imap_gap,
};
