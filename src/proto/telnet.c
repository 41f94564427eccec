/* SPDX-License-Identifier: Apache-2.0 */
/* Telnet (RFC 854, 855): commands and lines of text as frames. There are no transactions and no records. */
#include "proto/session.h"

#define LINE_MAX_ 4096U

enum { FRAME_PDU, FRAME_CTL, FRAME_DATA };
static const char *const frame_names[] = { "pdu", "ctl", "data", NULL };

/* RFC 854, "Telnet command structure". */
enum { SE = 240, SB = 250, WILL = 251, DONT = 254, IAC = 255 };

struct telnet_state {
    size_t scanned[DIRECTIONS]; /* bytes of an unfinished line or negotiation that were looked at */
};

/* A conversation that starts with an option being negotiated. */
static enum probe telnet_probe(enum direction direction, struct bytes data)
{
    (void)direction;
    if (data.size && data.data[0] != IAC)
        return PROBE_NO;
    if (data.size < 3)
        return PROBE_MORE;
    return data.data[1] >= WILL && data.data[1] <= DONT && data.data[2] < 50 ? PROBE_YES : PROBE_NO;
}

/* Size of the command at the start of `data`; 0 when it is not all there, `*scanned` bytes of it being
 * judged.
 */
static size_t command_size(struct bytes data, size_t *scanned)
{
    if (data.size < 2)
        return 0;
    if (data.data[1] >= WILL && data.data[1] <= DONT)
        return data.size < 3 ? 0 : 3;
    if (data.data[1] != SB)
        return 2;
    size_t i = MAX(*scanned, (size_t)2);
    for (; i + 1 < data.size; i++) {
        if (data.data[i] != IAC)
            continue;
        if (data.data[i + 1] != IAC)
            return i; /* IAC SE is a command by itself */
        i++;
    }
    *scanned = i;
    return data.size > LINE_MAX_ ? data.size : 0;
}

/* Size of the text at the start of `data`: up to a line feed, or to the next command. */
static size_t text_size(struct bytes data, size_t *scanned)
{
    for (size_t i = *scanned; i < data.size; i++) {
        if (data.data[i] == '\n')
            return i + 1;
        if (data.data[i] == IAC && i)
            return i;
    }
    *scanned = data.size;
    return data.size > LINE_MAX_ ? data.size : 0;
}

static bool telnet_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                          unsigned flags)
{
    struct telnet_state *state = state_;
    size_t *scanned = &state->scanned[direction];
    (void)flags;
    while (!reader_empty(in)) {
        struct bytes data = reader_peek(in);
        bool command = data.data[0] == IAC;
        size_t size = command ? command_size(data, scanned) : text_size(data, scanned);
        if (size == 0)
            return true;
        *scanned = 0;
        session_frame(session, direction, FRAME_PDU, data.data, size, NULL);
        session_frame(session, direction, command ? FRAME_CTL : FRAME_DATA, data.data, size, NULL);
        reader_skip(in, size);
    }
    return true;
}

const struct protocol telnet_protocol = {
    .id = PROTOCOL_telnet,
    .name = "telnet",
    .title = "Telnet",
    .transports = TRANSPORT_TCP,
    .ports = "23",
    .probe = telnet_probe,
    .server_speaks_first = true,
    .probe_depth = 3,
    .state_size = sizeof(struct telnet_state),
    .buffer_max = LINE_MAX_ + 1,
    .stream = telnet_stream,
    .frames = frame_names,
};
