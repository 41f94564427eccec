/* SPDX-License-Identifier: Apache-2.0 */
/* One protocol's parser, its keywords and its EVE record under arbitrary bytes.
 *
 * Built once per line of protocols.def with -DPROTOCOL_UNDER_TEST=<name>_protocol, and
 * -DPROTOCOL_BESIDE=<name>_protocol where its messages carry another one's: with libFuzzer (option fuzz), or,
 * without, as a program that plays the files given to it. Input: chunks of a head of two bytes (bit 15:
 * towards the client; bit 14: the direction ends; the rest: size) and content. After a head of a stream with
 * nothing but a direction two bytes say how many are lost there. The first byte of the input chooses the
 * transport where the protocol has two (bit 0) and how much memory there is (bits 1 to 6: 0 is as much as in
 * the program, n is 1.3 ^ n times 32 bytes). */
#include <stdio.h>
#include <stdlib.h>

#include "proto/file.h"
#include "proto/ranges.h"
#include "proto/session.h"

extern const struct protocol PROTOCOL_UNDER_TEST;
#ifdef PROTOCOL_BESIDE
extern const struct protocol PROTOCOL_BESIDE;
#define BESIDE      &PROTOCOL_BESIDE
#define SERVER_PORT 443 /* where the other one is not looked for first */
#else
#define BESIDE      NULL
#define SERVER_PORT 53
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct tx *tx, const struct inspect *inspect, enum direction direction)
{
    struct arena scratch = arena_of(1U << 20);
    struct bytes value = BYTES_NONE;
    struct window window = { 0 };
    uint64_t number = 0;
    for (uint32_t i = 0; i < 16; i++) {
        bool more = (inspect->kind == INSPECT_GET && inspect->get(tx, direction, i, &scratch, &value)) ||
                    (inspect->kind == INSPECT_NUMBER && inspect->number(tx, direction, i, &number)) ||
                    (inspect->kind == INSPECT_STREAM && inspect->window(tx, direction, i, &window));
        if (!more)
            break;
        (void)bytes_hash(value, 0);
        (void)bytes_hash(window.data, number);
    }
    arena_done(&scratch);
}

/* What a transaction has, other than bodies: where its memory is free, and its progress. Never 0. */
static uintptr_t mark_of(const struct tx *tx)
{
    return (uintptr_t)tx->memory.at << 17 | (uintptr_t)tx->progress[TO_SERVER] << 9 |
           (uintptr_t)tx->progress[TO_CLIENT] << 1 | 1;
}

/* As in detection, what did not change is not looked at again: hundreds of open transactions are not looked
 * at in hundreds of chunks. */
static void inspect(struct tx *tx)
{
    const struct protocol *protocol = tx->protocol;
    bool same = (uintptr_t)tx->detect[TO_SERVER] == mark_of(tx);
    for (size_t i = 0; i < protocol->inspect_count; i++) {
        if (same && protocol->inspects[i].kind != INSPECT_STREAM)
            continue;
        look_at(tx, &protocol->inspects[i], TO_SERVER);
        look_at(tx, &protocol->inspects[i], TO_CLIENT);
    }
    tx->detect[TO_SERVER] = (void *)mark_of(tx);
}

/* What one side sent and the parser left unread. */
struct side {
    uint8_t *data;
    size_t size;
    uint64_t offered; /* offset behind all that was offered */
};

/* Frames are looked at and forgotten; one that begins behind what was offered would show what is not there.
 */
static void take_frames(struct session *session, const struct side sides[DIRECTIONS])
{
    for (int d = 0; d < DIRECTIONS; d++)
        for (size_t i = 0; i < session->frame_count[d]; i++) {
            struct frame *frame = &session->frames[d][i];
            if (session->transport == TRANSPORT_TCP && frame->offset > sides[d].offered)
                abort();
            frame->inspected = frame->logged = frame->size != UINT64_MAX;
        }
    session_sweep_frames(session, true);
}

static void finish(struct session *session, struct text *out)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next) {
        const struct protocol *protocol = tx->protocol;
        inspect(tx);
        tx->events_logged = tx->event_count;
        tx->inspected[TO_SERVER] = tx_complete(session, tx, TO_SERVER);
        tx->inspected[TO_CLIENT] = tx_complete(session, tx, TO_CLIENT);
        tx->logged = tx->inspected[TO_SERVER] && tx->inspected[TO_CLIENT];
        if (!tx->logged || (protocol->loggable && !protocol->loggable(tx)))
            continue;
        text_clear(out);
        if (protocol->write)
            protocol->write(tx, true, out);
        else
            json_fields(out, protocol->fields, protocol->field_count, tx->record);
        if (protocol->write_beside)
            protocol->write_beside(tx, true, out);
    }
    session_sweep(session);
}

/* Recognition after a change may find that the ends are the other way round. Returns the direction of the
 * bytes that `direction` had. */
static enum direction turn(struct session *session, struct side sides[DIRECTIONS], bool *turned,
                           enum direction direction)
{
    if (!session->reversed)
        return direction;
    struct side kept = sides[TO_SERVER];
    sides[TO_SERVER] = sides[TO_CLIENT];
    sides[TO_CLIENT] = kept;
    session->reversed = false;
    *turned = !*turned;
    return !direction;
}

/* One connection, or the datagrams between two ports, in the protocol without recognition. */
static void play(struct session *session, struct reader *in, struct text *out)
{
    size_t most = reader_left(in);
    struct side sides[DIRECTIONS] = { { .data = malloc(most + 1) }, { .data = malloc(most + 1) } };
    bool turned = false;
    session_announced(session, &PROTOCOL_UNDER_TEST, BYTES_OF(""));
    while (sides[0].data && sides[1].data && !reader_empty(in)) {
        uint16_t head = reader_be16(in);
        struct bytes part = bytes_first(reader_peek(in), head & 0x3fff);
        enum direction d = (head >> 15) != turned ? TO_CLIENT : TO_SERVER;
        struct side *side = &sides[d];
        reader_skip(in, part.size);
        if (PROTOCOL_UNDER_TEST.probe)
            (void)PROTOCOL_UNDER_TEST.probe(d, part);
        if (session->transport == TRANSPORT_UDP) {
            session_datagram(session, d, part);
        } else if (!(head & 0x7fff)) { /* what was left unread goes with the bytes that are lost */
            session_gap(session, d, side->size + reader_be16(in));
            side->size = 0;
        } else {
            if (part.size)
                memcpy(side->data + side->size, part.data, part.size);
            side->size += part.size;
            uint64_t before = session->offset[d];
            session_stream(session, d, bytes_of(side->data, side->size), head & 0x4000 ? FEED_END : 0);
            d = turn(session, sides, &turned, d);
            side = &sides[d];
            size_t taken = (size_t)(session->offset[d] - before);
            if (taken > side->size)
                abort();
            memmove(side->data, side->data + taken, side->size - taken);
            side->size -= taken;
        }
        side->offered = session->offset[d] + side->size;
        take_frames(session, sides);
        finish(session, out);
    }
    session_end(session);
    take_frames(session, sides);
    finish(session, out);
    free(sides[0].data);
    free(sides[1].data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct file_settings files = { .md5 = true };
    static const struct protocol *const enabled[] = { &PROTOCOL_UNDER_TEST, BESIDE, NULL };
    struct error error;
    struct session_budget budget = { .limit = SIZE_MAX / 2 };
    struct session_settings settings = { .enabled = enabled,
                                         .files = &files,
                                         .frames = true,
                                         .budget = &budget,
                                         .ranges = ranges_new(1, &error) };
    struct reader in = reader_of(data, size);
    struct text out = text_new(1U << 22);
    uint8_t choice = reader_u8(&in);
    for (unsigned n = choice >> 1 & 63; n; n--)
        settings.tx_memory_max = settings.tx_memory_max ? settings.tx_memory_max * 13 / 10 : 32;
    settings.session_memory_max = settings.tx_memory_max;
    uint8_t transport = choice & 1 ? TRANSPORT_UDP : TRANSPORT_TCP;
    if (!(PROTOCOL_UNDER_TEST.transports & transport))
        transport = PROTOCOL_UNDER_TEST.transports;
    struct session *session = session_new(&settings, transport, 40000, SERVER_PORT);
    if (session)
        play(session, &in, &out);
    session_free(session);
    if (budget.used)
        abort();
    ranges_free(settings.ranges);
    text_done(&out);
    return 0;
}
