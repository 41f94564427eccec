/* SPDX-License-Identifier: Apache-2.0 */
/* Telnet (RFC 854, 855): commands and lines of text as frames. There are no transactions and no records. */
#include "proto/session.h"

#define LINE_MAX_     4096U
#define LOGIN_PROMPTS 2U /* for the name and for the password */

enum { FRAME_PDU, FRAME_CTL, FRAME_DATA };
static const char *const frame_names[] = { "pdu", "ctl", "data", NULL };

/* RFC 854, "Telnet command structure". */
enum { SE = 240, SB = 250, WILL = 251, DONT = 254, IAC = 255 };

struct telnet_state {
    size_t scanned[DIRECTIONS]; /* bytes of an unfinished line or negotiation that were looked at */
    /* Frames of the text that is not all there: rules see it as it comes. */
    uint64_t pdu[DIRECTIONS], text[DIRECTIONS];
    uint8_t prompts; /* of the login, seen so far */
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

/* Size of the text at the start of `data`: up to a line feed, or to the next command; of a server that asks
 * for name and password, up to the end of its prompt. */
static size_t text_size(struct bytes data, size_t *scanned, bool prompt)
{
    for (size_t i = *scanned; i < data.size; i++) {
        if (prompt && i && data.data[i] == ' ' && data.data[i - 1] == ':')
            return i + 1;
        if (!prompt && data.data[i] == '\n')
            return i + 1;
        if (!prompt && data.data[i] == IAC && i)
            return i;
    }
    *scanned = data.size;
    return data.size > LINE_MAX_ ? data.size : 0;
}

static void take_command(struct session *session, enum direction direction, const uint8_t *at, size_t size)
{
    session_frame(session, direction, FRAME_PDU, at, size, NULL);
    session_frame(session, direction, FRAME_CTL, at, size, NULL);
}

/* `size`: 0 while the end of the text is not there. */
static void take_text(struct session *session, struct telnet_state *state, enum direction direction,
                      const uint8_t *at, size_t size)
{
    uint64_t *pdu = &state->pdu[direction], *text = &state->text[direction];
    if (!*pdu) {
        *pdu = session_frame(session, direction, FRAME_PDU, at, size ? size : UINT64_MAX, NULL);
        *text = session_frame(session, direction, FRAME_DATA, at, size ? size : UINT64_MAX, NULL);
    } else if (size) {
        session_frame_end(session, direction, *pdu, at + size);
        session_frame_end(session, direction, *text, at + size);
    }
    if (size)
        *pdu = *text = 0;
}

static bool telnet_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                          unsigned flags)
{
    struct telnet_state *state = state_;
    size_t *scanned = &state->scanned[direction];
    (void)flags;
    while (!reader_empty(in)) {
        struct bytes data = reader_peek(in);
        bool command = data.data[0] == IAC && !state->pdu[direction];
        bool prompt = direction == TO_CLIENT && state->prompts < LOGIN_PROMPTS;
        size_t size = command ? command_size(data, scanned) : text_size(data, scanned, prompt);
        if (!command)
            take_text(session, state, direction, data.data, size);
        if (size == 0)
            return true;
        if (command)
            take_command(session, direction, data.data, size);
        else
            state->prompts = size > LINE_MAX_ ? LOGIN_PROMPTS : (uint8_t)(state->prompts + prompt);
        *scanned = 0;
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
