/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

#include <stdio.h>

#include "proto/http.h"

static const struct file_settings file_settings = { .md5 = true };

static void print_files(const struct tx *tx, struct text *out)
{
    for (struct file *file = tx->files; file; file = file->next) {
        if (file->logged || file->state == FILE_OPEN)
            continue;
        file->logged = true;
        json_open(out, NULL, '{');
        json_string(out, "file", file->name);
        json_uint(out, "size", file->size);
        json_bool(out, "whole", file->state == FILE_CLOSED);
        json_string(out, "content", file->window.data);
        json_close(out, '}');
        json_end(out);
        text_char(out, '\n');
    }
}

static void print_tx(struct session *session, struct tx *tx, struct text *out)
{
    const struct protocol *protocol = tx->protocol;
    uint8_t wanted[DIRECTIONS];
    for (; tx->events_logged < tx->event_count; tx->events_logged++)
        text_add(out, "event %s\n", protocol->events[tx->events[tx->events_logged]]);
    print_files(tx, out);
    for (int d = 0; d < DIRECTIONS; d++) {
        tx->inspected[d] = tx_complete(session, tx, (enum direction)d);
        wanted[d] = protocol->log_progress[d] ? protocol->log_progress[d]
                                              : protocol_complete(protocol, (enum direction)d);
    }
    if (tx->logged || tx_progress(session, tx, TO_SERVER) < wanted[TO_SERVER] ||
        tx_progress(session, tx, TO_CLIENT) < wanted[TO_CLIENT])
        return;
    tx->logged = true;
    if (!protocol->eve_type || (protocol->loggable && !protocol->loggable(tx)))
        return;
    json_open(out, NULL, '{');
    json_open(out, protocol->eve_type, '{');
    if (protocol->write)
        protocol->write(tx, true, out);
    else
        json_fields(out, protocol->fields, protocol->field_count, tx->record);
    json_close(out, '}');
    if (protocol->write_beside)
        protocol->write_beside(tx, true, out);
    json_close(out, '}');
    json_end(out);
    text_char(out, '\n');
}

static void inspect_all(const struct tx *tx)
{
    for (size_t i = 0; i < tx->protocol->inspect_count; i++) {
        const struct inspect *inspect = &tx->protocol->inspects[i];
        for (int d = 0; d < DIRECTIONS; d++) {
            struct arena scratch = arena_of(1U << 20);
            struct bytes value = BYTES_NONE;
            struct window window;
            uint64_t number;
            if (inspect->kind == INSPECT_GET)
                for (uint32_t n = 0; n < 3 && inspect->get(tx, (enum direction)d, n, &scratch, &value); n++)
                    (void)bytes_hash(value, 0);
            else if (inspect->kind == INSPECT_NUMBER)
                (void)inspect->number(tx, (enum direction)d, 0, &number);
            else if (inspect->kind == INSPECT_STREAM)
                (void)inspect->window(tx, (enum direction)d, 0, &window);
            arena_done(&scratch);
        }
    }
}

/* Frames stay until here: at most FRAMES_MAX of each direction. */
static void print_frames(const struct session *session, struct text *out)
{
    for (int d = 0; d < DIRECTIONS; d++)
        for (size_t i = 0; i < session->frame_count[d]; i++) {
            const struct frame *frame = &session->frames[d][i];
            text_add(out, "frame %s %s %llu ", frame_name(frame), d == TO_SERVER ? "to_server" : "to_client",
                     (unsigned long long)frame->offset);
            if (frame->size == UINT64_MAX)
                text_string(out, "open\n");
            else
                text_add(out, "%llu\n", (unsigned long long)frame->size);
        }
}

static void print_new(struct session *session, struct text *out)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next) {
        inspect_all(tx);
        print_tx(session, tx, out);
    }
    session_sweep(session);
}

struct side {
    uint8_t pending[256 * 1024];
    size_t size;
};

static void feed(struct session *session, enum direction direction, struct side *side, unsigned flags,
                 struct text *out)
{
    uint64_t before = session->offset[direction];
    uint8_t *copy = guarded_copy(side->pending, side->size);
    session_stream(session, direction, bytes_of(copy, side->size), flags);
    size_t taken = (size_t)(session->offset[direction] - before);
    if (session->reversed) { /* damaged bytes may look like the other side's: then they are over */
        session->reversed = false;
        taken = side->size;
    }
    assert_true(taken <= side->size);
    print_new(session, out);
    guarded_free(copy, side->size);
    memmove(side->pending, side->pending + taken, side->size - taken);
    side->size -= taken;
}

static void stream_turn(struct session *session, const struct turn *turn, size_t cut, struct side *sides,
                        struct text *out)
{
    struct side *side = &sides[turn->direction];
    for (struct bytes rest = turn->data; rest.size;) {
        struct bytes part = bytes_first(rest, cut ? cut : rest.size);
        rest = bytes_from(rest, part.size);
        if (side->size + part.size > sizeof side->pending)
            return;
        memcpy(side->pending + side->size, part.data, part.size);
        side->size += part.size;
        feed(session, turn->direction, side, 0, out);
    }
}

/* Bytes that are lost: `size` of them at `at` in a turn. */
struct loss {
    size_t turn, at, size;
};

/* What was left unread goes with them. */
static void lossy_turn(struct session *session, const struct turn *turn, const struct loss *loss,
                       struct side *sides, struct text *out)
{
    struct side *side = &sides[turn->direction];
    struct turn before = { turn->direction, bytes_first(turn->data, loss->at) };
    struct turn after = { turn->direction, bytes_from(turn->data, loss->at + loss->size) };
    stream_turn(session, &before, 0, sides, out);
    session_gap(session, turn->direction, side->size + loss->size);
    side->size = 0;
    print_new(session, out);
    stream_turn(session, &after, 0, sides, out);
}

/* The turns, in a session that may have gone on for a while. */
static void converse(struct session *session, const struct conversation *c, size_t cut,
                     const struct loss *loss, struct text *out)
{
    struct side *sides = calloc(DIRECTIONS, sizeof *sides);
    assert_non_null(sides);
    for (size_t i = 0; i < c->turn_count; i++) {
        const struct turn *turn = &c->turns[i];
        if (loss && loss->turn == i) {
            lossy_turn(session, turn, loss, sides, out);
            continue;
        }
        if (c->transport == TRANSPORT_TCP) {
            stream_turn(session, turn, cut, sides, out);
            continue;
        }
        uint8_t *copy = guarded_copy(turn->data.data, turn->data.size);
        session_datagram(session, turn->direction, bytes_of(copy, turn->data.size));
        print_new(session, out);
        guarded_free(copy, turn->data.size);
    }
    if (c->transport == TRANSPORT_TCP && !c->open_ended) {
        feed(session, TO_SERVER, &sides[TO_SERVER], FEED_END, out);
        feed(session, TO_CLIENT, &sides[TO_CLIENT], FEED_END, out);
    }
    session_end(session);
    print_new(session, out);
    print_frames(session, out);
    free(sides);
}

static void play_with(const struct conversation *c, size_t cut, const struct loss *loss, struct text *out)
{
    const struct protocol *enabled[] = { c->protocol, c->then, NULL };
    const void *options[] = { c->options, NULL, NULL };
    struct session_settings settings = { .enabled = enabled,
                                         .options = c->options ? options : NULL,
                                         .files = &file_settings,
                                         .frames = c->frames,
                                         .tx_memory_max = c->tx_memory_max,
                                         .session_memory_max = c->session_memory_max };
    struct session *session = session_new(&settings, c->transport, 40000, c->server_port);
    assert_non_null(session);
    converse(session, c, cut, loss, out);
    session_free(session);
}

void play(const struct conversation *c, size_t cut, struct text *out)
{
    play_with(c, cut, NULL, out);
}

static void any_cutting_equals_the_whole(const struct conversation *c)
{
    static const size_t cuts[] = { 1, 2, 3, 7, 64, 1000 };
    struct text whole = text_new(1U << 24), cut = text_new(1U << 24);
    if (c->transport != TRANSPORT_TCP)
        return;
    play(c, 0, &whole);
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        text_clear(&cut);
        play(c, cuts[i], &cut);
        assert_string_equal(cut.data ? cut.data : "", whole.data ? whole.data : "");
    }
    text_done(&whole);
    text_done(&cut);
}

/* Every turn ended early, what follows as it was: must not crash, hang or read past the end. */
static void every_prefix_is_survived(const struct conversation *c, size_t step)
{
    struct turn turns[64];
    struct text out = text_new(1U << 24);
    assert_true(c->turn_count <= COUNT_OF(turns));
    for (size_t i = 0; i < c->turn_count; i++)
        for (size_t size = 0; size < c->turns[i].data.size; size += step) {
            struct conversation shorter = *c;
            memcpy(turns, c->turns, sizeof *turns * c->turn_count);
            turns[i].data.size = size;
            shorter.turns = turns;
            text_clear(&out);
            play(&shorter, 0, &out);
        }
    text_done(&out);
}

static void every_changed_byte_is_survived(const struct conversation *c, size_t step)
{
    static const uint8_t changes[] = { 0xff, 0x80, 0x01 };
    struct turn turns[64];
    struct text out = text_new(1U << 24);
    for (size_t i = 0; i < c->turn_count; i++) {
        size_t size = c->turns[i].data.size;
        uint8_t *copy = malloc(size + 1);
        assert_non_null(copy);
        for (size_t at = 0; at < size; at += step) {
            struct conversation changed = *c;
            memcpy(copy, c->turns[i].data.data, size);
            copy[at] ^= changes[at / step % COUNT_OF(changes)];
            memcpy(turns, c->turns, sizeof *turns * c->turn_count);
            turns[i].data.data = copy;
            changed.turns = turns;
            text_clear(&out);
            play(&changed, 0, &out);
        }
        free(copy);
    }
    text_done(&out);
}

/* Memory that ends at any place: what was counted must be there. */
static void any_shortage_is_survived(const struct conversation *c)
{
    struct text out = text_new(1U << 24);
    for (size_t limit = 1; limit < 65536; limit += 1 + limit / 16) {
        struct conversation poor = *c;
        poor.tx_memory_max = limit;
        text_clear(&out);
        play(&poor, 0, &out);
        poor.tx_memory_max = c->tx_memory_max;
        poor.session_memory_max = limit;
        text_clear(&out);
        play(&poor, 0, &out);
    }
    text_done(&out);
}

static void any_loss_is_survived(const struct conversation *c, size_t step)
{
    struct text out = text_new(1U << 24);
    for (size_t i = 0; i < c->turn_count && c->transport == TRANSPORT_TCP; i++)
        for (size_t at = 0; at < c->turns[i].data.size; at += step * 3) {
            const struct loss loss = { i, at, 1 + at % 7 };
            text_clear(&out);
            play_with(c, 0, &loss, &out);
        }
    text_done(&out);
}

/* A tunnel's request lives on while the connection speaks the protocol: it is neither looked at as one of the
 * protocol's own transactions nor changed. */
static void what_went_before_is_left_alone(const struct conversation *c)
{
    static const struct protocol *const tunnel[] = { &http_protocol, NULL };
    const struct protocol *enabled[] = { &http_protocol, c->protocol, c->then, NULL };
    const void *options[] = { NULL, c->options, NULL, NULL };
    struct session_settings settings = { .enabled = tunnel, .files = &file_settings };
    struct text out = text_new(1U << 24);
    if (c->transport != TRANSPORT_TCP)
        return;
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, c->server_port);
    assert_non_null(session);
    session_stream(session, TO_SERVER, BYTES_OF("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    session_stream(session, TO_CLIENT, BYTES_OF("HTTP/1.1 200 OK\r\n\r\n"), 0);
    settings.enabled = enabled;
    settings.options = c->options ? options : NULL;
    session_announced(session, c->protocol, BYTES_OF(""));
    struct tx *request = session->txs;
    struct http before;
    assert_non_null(request);
    assert_ptr_equal(session->protocol, c->protocol);
    request->keep = true;
    inspect_all(request); /* which makes some of its buffers */
    memcpy(&before, request->record, sizeof before);
    uint8_t events = request->event_count;
    uint64_t changed_at = session->tx_base;
    converse(session, c, 0, NULL, &out);
    if (session->protocol == c->protocol &&
        session->tx_base == changed_at) { /* one more change lets go of it */
        assert_ptr_equal(session->txs, request);
        assert_memory_equal(&before, request->record, sizeof before);
        assert_int_equal(request->event_count, events);
        assert_null(request->files);
    }
    session_free(session);
    text_done(&out);
}

void check_conversation(const struct conversation *c, size_t step)
{
    what_went_before_is_left_alone(c);
    any_loss_is_survived(c, step);
    any_shortage_is_survived(c);
    any_cutting_equals_the_whole(c);
    every_prefix_is_survived(c, step);
    every_changed_byte_is_survived(c, step);
}

void expect_text(const struct text *out, const char *wanted)
{
    if (bytes_find(text_bytes(out), bytes_of_string(wanted)) == SIZE_MAX)
        fail_msg("missing: %s\nin: %s", wanted, out->data ? out->data : "");
}

void expect_no_text(const struct text *out, const char *unwanted)
{
    if (bytes_find(text_bytes(out), bytes_of_string(unwanted)) != SIZE_MAX)
        fail_msg("unwanted: %s\nin: %s", unwanted, out->data);
}

struct bytes from_hex(const char *digits)
{
    static uint8_t memory[16][4096];
    static size_t next;
    uint8_t *out = memory[next++ % COUNT_OF(memory)];
    size_t size = 0;
    for (; *digits && size < sizeof memory[0]; digits++) {
        if (byte_hex((uint8_t)digits[0]) < 0)
            continue;
        out[size++] = (uint8_t)(byte_hex((uint8_t)digits[0]) << 4 | byte_hex((uint8_t)digits[1]));
        digits++;
    }
    return bytes_of(out, size);
}
