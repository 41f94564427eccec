/* SPDX-License-Identifier: Apache-2.0 */
/* Recognition of the protocol of a flow, feeding its parser, and the life of transactions. */
#include "proto/session.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/file.h"

#define TX_SPARE           (1024U * 1024U)
#define PROBE_GIVE_UP      2048U
#define KEPT_MAX           (16U * 1024U) /* of what a client said, until its server tells what it is */
#define SESSION_MEMORY     (64U * 1024U)
#define SESSION_ROOM       (496 - sizeof(struct session)) /* a small state is in the session's own block */
#define TX_MEMORY          (4U * 1024U * 1024U)
#define TX_MEMORY_DEFAULT  (256U * 1024U)
#define TX_ROOM            512U /* what a short message needs beside its record */
#define TX_MAX_DEFAULT     512U
#define BUFFER_MAX_DEFAULT (256U * 1024U)

const char *const session_event_names[SESSION_EVENT_COUNT] = {
    [SESSION_MISMATCH_BOTH_DIRECTIONS] = "APPLAYER_MISMATCH_PROTOCOL_BOTH_DIRECTIONS",
    [SESSION_WRONG_DIRECTION_FIRST_DATA] = "APPLAYER_WRONG_DIRECTION_FIRST_DATA",
    [SESSION_DETECT_ONLY_ONE_DIRECTION] = "APPLAYER_DETECT_PROTOCOL_ONLY_ONE_DIRECTION",
    [SESSION_UNEXPECTED_PROTOCOL] = "APPLAYER_UNEXPECTED_PROTOCOL",
    [SESSION_DETECTION_SKIPPED] = "APPLAYER_PROTO_DETECTION_SKIPPED",
    [SESSION_NO_TLS_AFTER_STARTTLS] = "APPLAYER_NO_TLS_AFTER_STARTTLS",
};

const struct counter session_counters[SESSION_COUNTER_COUNT] = { COUNTER_TABLE(SESSION_COUNTERS) };

static void count(const struct session *session, enum session_counter counter)
{
    if (session->settings->counts)
        session->settings->counts[counter]++;
}

static void session_event(struct session *session, enum session_event event)
{
    if (session->event_count < COUNT_OF(session->events))
        session->events[session->event_count++] = (uint8_t)event;
}

static void uncharge(const struct session *session)
{
    struct session_budget *budget = session->settings->budget;
    budget->used -= session->charged;
    if (session->charged_to)
        budget->by_protocol[session->charged_to->id] -= session->charged;
}

static size_t tx_size(const struct tx *tx)
{
    size_t size = tx->memory.used + tx->spare.used;
    for (const struct file *file = tx->files; file; file = file->next)
        size += file_memory(file);
    return size;
}

/* Brings the budget up to date, where the transactions have `size` bytes; true while the session may go on.
 * One that still grows when nothing is left is given up, so that those that rest keep what they have. */
static bool charge(struct session *session, size_t size)
{
    struct session_budget *budget = session->settings->budget;
    if (!budget)
        return true;
    size_t before = session->charged;
    size += session->memory.used + session->heap;
    for (int d = 0; d < DIRECTIONS; d++)
        size += session->frames[d] ? FRAMES_MAX * sizeof(struct frame) : 0;
    uncharge(session);
    session->charged = size;
    session->charged_to = session->protocol;
    budget->used += size;
    if (session->protocol)
        budget->by_protocol[session->protocol->id] += size;
    return size <= before || budget->used <= budget->limit;
}

struct session *session_new(const struct session_settings *settings, uint8_t transport, uint16_t client_port,
                            uint16_t server_port)
{
    const struct session_budget *budget = settings->budget;
    bool room = !budget || budget->used + sizeof(struct session) <= budget->limit;
    size_t memory = settings->session_memory_max ? settings->session_memory_max : (size_t)SESSION_MEMORY;
    struct session *session = room ? ARENA_OWN(struct session, sizeof *session, memory, SESSION_ROOM, memory)
                                   : NULL;
    if (!session) {
        if (settings->counts)
            settings->counts[SESSION_REFUSED]++;
        return NULL;
    }
    session->settings = settings;
    session->transport = transport;
    session->client_port = client_port;
    session->server_port = server_port;
    count(session, SESSION_OPENED);
    return session;
}

/* ---- protocols that are enabled ---- */

static const struct protocol *const *candidates(const struct session *session)
{
    return session->settings->enabled ? session->settings->enabled : protocols;
}

static bool is_enabled(const struct session *session, const struct protocol *protocol)
{
    for (const struct protocol *const *at = candidates(session); *at; at++)
        if (*at == protocol)
            return true;
    return false;
}

/* ---- transactions ---- */

static void tx_free(struct session *session, struct tx *tx)
{
    if (session->settings->tx_freed)
        session->settings->tx_freed(session->settings->context, tx);
    if (tx->protocol->tx_close)
        tx->protocol->tx_close(tx);
    if (tx->carrier)
        tx->carrier->carried = NULL;
    if (tx->carried)
        tx->carried->carrier = NULL;
    for (struct file *file = tx->files; file; file = file->next)
        file_free(file);
    arena_done(&tx->spare);
    arena_done(&tx->memory); /* the transaction itself */
}

/* Too many at once: the oldest one is finished as it is; the sweep after this packet frees it. */
static void shed_oldest(struct session *session)
{
    for (struct tx *tx = session->shed_from ? session->shed_from : session->txs; tx; tx = tx->next) {
        session->shed_from = tx;
        bool finished = tx_complete(session, tx, TO_SERVER) && tx_complete(session, tx, TO_CLIENT);
        if (finished)
            continue;
        tx_finish_both(tx);
        if (tx->protocol->shed_event)
            tx_event(tx, tx->protocol->shed_event - 1);
        count(session, SESSION_TX_SHED);
        return;
    }
}

static struct tx *tx_new(struct session *session, const struct protocol *protocol)
{
    uint32_t most = protocol->tx_max ? protocol->tx_max : TX_MAX_DEFAULT;
    size_t limit = session->settings->tx_memory_max ? session->settings->tx_memory_max : (size_t)TX_MEMORY;
    size_t own = protocol->tx_memory_max ? protocol->tx_memory_max : (size_t)TX_MEMORY_DEFAULT;
    if (session->tx_count >= most)
        shed_oldest(session);
    if (session->tx_count >= most * 4) {
        count(session, SESSION_ERROR_ALLOC);
        return NULL;
    }
    struct tx *tx = ARENA_OWN(struct tx, sizeof *tx + protocol->record_size, memory, TX_ROOM,
                              MIN(limit, own));
    if (!tx) {
        count(session, SESSION_ERROR_ALLOC);
        return NULL;
    }
    tx->protocol = protocol;
    tx->number = session->tx_total++ - session->tx_base;
    tx->first = tx->last = session->time;
    tx->spare = arena_of(TX_SPARE);
    if (session->last_tx)
        session->last_tx->next = tx;
    else
        session->txs = tx;
    session->last_tx = tx;
    session->tx_count++;
    count(session, SESSION_TXS);
    return tx;
}

struct tx *session_tx(struct session *session)
{
    return tx_new(session, session->protocol);
}

struct tx *session_tx_directed(struct session *session, enum direction direction)
{
    struct tx *tx = tx_new(session, session->protocol);
    if (tx) {
        tx->directed = true;
        tx->direction = (uint8_t)direction;
        tx->inspected[!direction] = true; /* nothing to inspect there */
    }
    return tx;
}

struct tx *session_tx_carried(struct session *session, const struct protocol *protocol,
                              enum direction direction, struct tx *carrier)
{
    struct tx *tx = is_enabled(session, protocol) ? tx_new(session, protocol) : NULL;
    if (!tx)
        return NULL;
    session->tx_total--; /* the numbers are those of the session's own */
    tx->number = 0;
    tx->directed = true;
    tx->direction = (uint8_t)direction;
    tx->inspected[!direction] = true;
    if (carrier->carried)
        carrier->carried->carrier = NULL;
    carrier->carried = tx;
    tx->carrier = carrier;
    return tx;
}

struct tx *session_tx_open(struct session *session, enum direction direction)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next)
        if (!tx_complete(session, tx, direction))
            return tx;
    return NULL;
}

void tx_event(struct tx *tx, uint8_t event)
{
    size_t count = MIN((size_t)tx->event_count, COUNT_OF(tx->events));
    for (size_t i = 0; i < count; i++)
        if (tx->events[i] == event)
            return;
    if (count == COUNT_OF(tx->events))
        return;
    tx->events[count] = event;
    tx->event_count = (uint8_t)(count + 1);
}

void tx_finish(struct tx *tx, enum direction direction)
{
    tx->progress[direction] = protocol_complete(tx->protocol, direction);
}

void tx_finish_both(struct tx *tx)
{
    tx_finish(tx, TO_SERVER);
    tx_finish(tx, TO_CLIENT);
}

static bool finished_with(const struct tx *tx)
{
    return tx->dead || (!tx->keep && tx->logged && tx->inspected[TO_SERVER] && tx->inspected[TO_CLIENT] &&
                        tx->events_logged >= tx->event_count);
}

void session_sweep(struct session *session)
{
    struct tx **link = &session->txs;
    size_t size = 0;
    session->last_tx = session->shed_from = NULL;
    while (*link) {
        struct tx *tx = *link;
        if (!finished_with(tx)) {
            session->last_tx = tx;
            link = &tx->next;
            size += tx_size(tx);
            continue;
        }
        *link = tx->next;
        session->tx_count--;
        tx_free(session, tx);
    }
    bool deaf = session->status[TO_SERVER] == SESSION_FAILED && session->status[TO_CLIENT] == SESSION_FAILED;
    if (!charge(session, size) && !deaf) {
        session->status[TO_SERVER] = session->status[TO_CLIENT] = SESSION_FAILED;
        count(session, SESSION_SHED);
    }
}

/* ---- frames ---- */

uint64_t session_frame(struct session *session, enum direction direction, uint8_t type, const uint8_t *at,
                       uint64_t size, const struct tx *tx)
{
    if (!session->settings->frames || session->frame_count[direction] == FRAMES_MAX)
        return 0;
    if (!session->frames[direction])
        session->frames[direction] = calloc(FRAMES_MAX, sizeof(struct frame));
    if (!session->frames[direction])
        return 0;
    struct frame *frame = &session->frames[direction][session->frame_count[direction]++];
    *frame = (struct frame){
        .type = type,
        .offset = (session->transport == TRANSPORT_TCP ? session->offset[direction] : 0) +
                  (uint64_t)(at - session->feed),
        .size = size,
        .id = ++session->frame_total[direction],
        .tx_number = tx ? tx->number : 0,
        .has_tx = tx != NULL,
        .protocol = session->protocol,
    };
    return frame->id;
}

void session_frame_end(struct session *session, enum direction direction, uint64_t id, const uint8_t *at)
{
    uint64_t end = (session->transport == TRANSPORT_TCP ? session->offset[direction] : 0) +
                   (uint64_t)(at - session->feed);
    for (size_t i = 0; i < session->frame_count[direction]; i++) {
        struct frame *frame = &session->frames[direction][i];
        if (frame->id == id && end >= frame->offset)
            frame->size = end - frame->offset;
    }
}

void session_sweep_frames(struct session *session, bool unwritten)
{
    for (int d = 0; d < DIRECTIONS; d++) {
        uint8_t kept = 0;
        for (size_t i = 0; i < session->frame_count[d]; i++)
            if (!session->frames[d][i].inspected || (unwritten && !session->frames[d][i].logged))
                session->frames[d][kept++] = session->frames[d][i];
        session->frame_count[d] = kept;
    }
}

static void close_parser(struct session *session)
{
    if (session->protocol && session->protocol->close && session->state)
        session->protocol->close(session, session->state);
    session->state = NULL;
}

void session_free(struct session *session)
{
    if (!session)
        return;
    close_parser(session);
    while (session->txs) {
        struct tx *tx = session->txs;
        session->txs = tx->next;
        tx_free(session, tx);
    }
    if (session->settings->budget)
        uncharge(session);
    free(session->frames[TO_SERVER]);
    free(session->frames[TO_CLIENT]);
    arena_done(&session->memory); /* the session itself */
}

/* ---- recognition ---- */

const void *session_options(const struct session *session, const struct protocol *protocol)
{
    const struct protocol *const *enabled = session->settings->enabled;
    if (!enabled || !session->settings->options)
        return NULL;
    for (size_t i = 0; enabled[i]; i++)
        if (enabled[i] == protocol)
            return session->settings->options[i];
    return NULL;
}

/* True when `port` is listed in "53,5353,8000-8010". */
static bool port_listed(const char *ports, uint16_t port)
{
    struct bytes rest = bytes_of_string(ports);
    while (rest.size) {
        struct bytes high = bytes_cut(&rest, ',');
        uint64_t from, to;
        bool range = bytes_find_byte(high, '-') != SIZE_MAX;
        struct bytes low = range ? bytes_cut(&high, '-') : high;
        if (bytes_to_u64(low, &from) && bytes_to_u64(high, &to) && port >= from && port <= to)
            return true;
    }
    return false;
}

static bool usual_port(const struct session *session, const struct protocol *protocol)
{
    return protocol->ports && (port_listed(protocol->ports, session->server_port) ||
                               port_listed(protocol->ports, session->client_port));
}

/* The sender has a port that servers of the protocol have, and the receiver has none. */
static bool from_usual_port(const struct session *session, enum direction direction,
                            const struct protocol *protocol)
{
    if (!protocol->ports || direction != TO_SERVER)
        return false;
    return port_listed(protocol->ports, session->client_port) &&
           !port_listed(protocol->ports, session->server_port);
}

struct finding {
    const struct protocol *protocol;
    bool reversed, more;
};

/* Asks the protocols of one class (usual port or not) in order. */
static bool ask(const struct session *session, enum direction direction, struct bytes data, bool usual,
                struct finding *found)
{
    for (const struct protocol *const *at = candidates(session); *at; at++) {
        const struct protocol *protocol = *at;
        if (!(protocol->transports & session->transport) || !protocol->probe ||
            (!usual && protocol->probe_usual_port_only) || usual_port(session, protocol) != usual)
            continue;
        enum probe answer = protocol->probe(direction, data);
        if (answer == PROBE_REVERSED && !usual && session->transport == TRANSPORT_UDP)
            continue; /* one datagram that would be an answer tells too little */
        if (answer == PROBE_YES || answer == PROBE_REVERSED || answer == PROBE_EITHER) {
            found->protocol = protocol;
            found->reversed = answer == PROBE_REVERSED ||
                              (answer == PROBE_EITHER && from_usual_port(session, direction, protocol));
            return true;
        }
        if (answer == PROBE_MORE && (!protocol->probe_depth || data.size < protocol->probe_depth))
            found->more = true;
    }
    return false;
}

static bool start_parser(struct session *session, const struct protocol *protocol)
{
    if (protocol->state_size) {
        session->state = arena_new(&session->memory, protocol->state_size, 16);
        if (!session->state) {
            count(session, SESSION_ERROR_ALLOC);
            return false;
        }
    }
    session->protocol = protocol;
    if (protocol->open)
        protocol->open(session, session->state);
    return true;
}

static void give_up(struct session *session, enum direction direction)
{
    session->probing_done[direction] = true;
    session->status[direction] = session->protocol ? session->status[direction] : SESSION_UNKNOWN;
}

/* Nothing known begins so, but the answer may tell: a client's bytes wait for it, from the first one on. */
static bool waits_for_answer(struct session *session, enum direction direction, size_t size, unsigned flags)
{
    session->waiting = direction == TO_SERVER && session->status[TO_SERVER] == SESSION_UNKNOWN &&
                       !session->probing_done[TO_CLIENT] && session->offset[TO_SERVER] == 0 &&
                       size <= KEPT_MAX && !(flags & FEED_END);
    return session->waiting;
}

/* Both sides were recognised, and differently: the one recognised first stays. */
static void compare_sides(struct session *session, const struct protocol *found, enum direction direction)
{
    session->seen[direction] = found;
    const struct protocol *other = session->seen[!direction];
    if (other && other != found)
        session_event(session, SESSION_MISMATCH_BOTH_DIRECTIONS);
}

static void swap_sides(struct session *session)
{
#define SWAP(member)                                                       \
    do {                                                                   \
        __typeof__(session->member[0]) keep_ = session->member[TO_SERVER]; \
        session->member[TO_SERVER] = session->member[TO_CLIENT];           \
        session->member[TO_CLIENT] = keep_;                                \
    } while (0)
    SWAP(seen);
    SWAP(status);
    SWAP(probing_done);
    SWAP(lost);
    SWAP(offset);
    SWAP(scanned);
    SWAP(gaps);
    SWAP(frames);
    SWAP(frame_count);
    SWAP(frame_total);
#undef SWAP
    uint16_t port = session->client_port;
    session->client_port = session->server_port;
    session->server_port = port;
    session->reversed = true;
}

static void check_expected(struct session *session, const struct protocol *found)
{
    const struct protocol *expected = session->expected;
    if (!expected || expected == found)
        return;
    session->expected = NULL;
    session_event(session, SESSION_UNEXPECTED_PROTOCOL);
    if (bytes_is(bytes_of_string(expected->name), "tls"))
        session_event(session, SESSION_NO_TLS_AFTER_STARTTLS);
}

/* So many bytes of a side are needed before it can be said, as in Suricata, that they tell nothing. */
static const uint8_t side_tells[DIRECTIONS] = { [TO_SERVER] = 17, [TO_CLIENT] = 10 };

/* These bytes alone would not tell (a greeting "220", a client's commands), but they fit what the other
 * side's told. */
static bool agrees(const struct session *session, enum direction direction, struct bytes data)
{
    const struct protocol *protocol = session->protocol;
    if (!protocol || !protocol->server_speaks_first || !protocol->probe)
        return false;
    if (direction == TO_SERVER)
        return protocol->known_by_server;
    return session->owed[direction] && protocol->probe(direction, data) == PROBE_MORE;
}

/* More bytes may tell what this is. */
static bool may_still_tell(const struct session *session, enum direction direction, struct bytes data,
                           unsigned flags)
{
    uint32_t most = session->settings->probe_give_up ? session->settings->probe_give_up : PROBE_GIVE_UP;
    if (session->protocol && !session->protocol->server_speaks_first)
        most = MIN(most, side_tells[direction]);
    return data.size < most && !(flags & FEED_END) && !session->owed[direction];
}

bool session_side_failed(const struct session *session, enum direction direction)
{
    uint64_t heard = session->offset[direction] + session->scanned[direction];
    return session->probing_done[direction] && !session->seen[direction] && !session->lost[direction] &&
           (session->skipped || session->transport != TRANSPORT_TCP || heard >= side_tells[direction]);
}

/* Nothing was recognised in what this side said, though the other one's told what it is. */
static void tell_one_sided(struct session *session, enum direction direction)
{
    if (session->protocol && session_side_failed(session, direction))
        session_event(session, SESSION_DETECT_ONLY_ONE_DIRECTION);
}

/* Bytes after the first of a side whose first were too few to tell anything, and are gone. */
static void recognise_late(struct session *session, enum direction direction, struct bytes data)
{
    if (session->offset[direction] + data.size < side_tells[direction])
        return;
    give_up(session, direction);
    tell_one_sided(session, direction);
}

/* The direction the bytes travel once recognition is done; may differ from `direction` when reversed. */
static bool recognise(struct session *session, enum direction *direction, struct bytes data, unsigned flags)
{
    struct finding found = { 0 };
    if (!ask(session, *direction, data, true, &found))
        (void)ask(session, *direction, data, false, &found);
    if (!found.protocol && agrees(session, *direction, data))
        found.protocol = session->protocol;
    if (!found.protocol) {
        bool too_few = session->protocol && data.size < side_tells[*direction];
        if (!too_few && !(found.more && may_still_tell(session, *direction, data, flags))) {
            give_up(session, *direction);
            tell_one_sided(session, *direction);
            if (!session->protocol)
                check_expected(session, NULL);
        }
        return false;
    }
    /* The side heard first has said which way the conversation goes; the other one cannot turn it round. */
    if (found.reversed && !session->protocol) {
        swap_sides(session);
        *direction = !*direction;
    }
    compare_sides(session, found.protocol, *direction);
    session->probing_done[*direction] = true;
    if (session->protocol)
        return true;
    check_expected(session, found.protocol);
    if (!start_parser(session, found.protocol)) {
        session->status[TO_SERVER] = session->status[TO_CLIENT] = SESSION_FAILED;
        return false;
    }
    session->status[TO_SERVER] = session->status[TO_CLIENT] = SESSION_PARSING;
    if (*direction == TO_CLIENT && session->transport == TRANSPORT_TCP &&
        !found.protocol->server_speaks_first && !session->midstream && session->offset[TO_SERVER] == 0 &&
        session->scanned[TO_SERVER] == 0)
        session_event(session, SESSION_WRONG_DIRECTION_FIRST_DATA);
    tell_one_sided(session, !*direction);
    /* The other side's bytes were kept unread; its parser has to see them, but for what came before a
     * server's greeting. */
    if (session->waiting && found.protocol->server_speaks_first)
        session->offset[!*direction] = session->scanned[!*direction];
    else
        session->owed[!*direction] = session->scanned[!*direction] > 0;
    session->waiting = false;
    session->scanned[!*direction] = 0;
    return true;
}

/* ---- feeding ---- */

static void fail(struct session *session, enum direction direction, enum session_counter why)
{
    session->status[direction] = SESSION_FAILED;
    count(session, why);
}

static void start_certain(struct session *session, const struct protocol *protocol)
{
    if (!start_parser(session, protocol))
        return;
    for (int d = 0; d < DIRECTIONS; d++) {
        session->seen[d] = protocol;
        session->probing_done[d] = true;
        session->status[d] = SESSION_PARSING;
    }
}

void session_announced(struct session *session, const struct protocol *protocol, struct bytes note)
{
    if (session->protocol || !is_enabled(session, protocol))
        return;
    session->note = arena_copy(&session->memory, note);
    session->scanned[TO_SERVER] = session->scanned[TO_CLIENT] = 0;
    start_certain(session, protocol);
}

void session_announce(struct session *session, uint16_t port, const struct protocol *protocol,
                      struct bytes note)
{
    if (session->settings->announce)
        session->settings->announce(session->settings->context, session, port, protocol, note);
}

/* A parser asked for the rest to be recognised anew. */
static void change(struct session *session)
{
    session->want_change = false;
    session->changed_in = session->packet_number;
    session->unheard = 1U << TO_SERVER | 1U << TO_CLIENT;
    for (struct tx *tx = session->txs; tx; tx = tx->next) {
        tx->keep = false;
        tx_finish_both(tx);
    }
    close_parser(session);
    session->original = session->protocol;
    session->protocol = NULL;
    session->tx_base = session->tx_total;
    for (int d = 0; d < DIRECTIONS; d++) {
        session->seen[d] = NULL;
        session->probing_done[d] = false;
        session->status[d] = SESSION_PROBING;
        session->scanned[d] = 0;
    }
    session->frame_total[TO_SERVER] = session->frame_total[TO_CLIENT] = 0;
    const struct protocol *next = session->next;
    session->next = NULL;
    if (next)
        start_certain(session, next);
}

static size_t parse(struct session *session, enum direction direction, struct bytes ready, unsigned flags)
{
    const struct protocol *protocol = session->protocol;
    struct reader in = reader_of_bytes(ready);
    if (session->owed[direction]) { /* the other side may have waited for this one */
        session->owed[direction] = false;
        session->scanned[!direction] = 0;
    }
    size_t most = protocol->buffer_max ? protocol->buffer_max : (size_t)BUFFER_MAX_DEFAULT;
    session->feed = ready.data;
    session->unheard &= (uint8_t) ~(1U << direction);
    if (ready.size && !session->frame_total[direction])
        (void)session_frame(session, direction, FRAME_STREAM, ready.data, UINT64_MAX, NULL);
    bool good = protocol->stream && protocol->stream(session, session->state, direction, &in, flags);
    size_t taken = ready.size - reader_left(&in);
    if (!good)
        fail(session, direction, SESSION_ERROR_PARSER);
    else if (reader_left(&in) > most)
        fail(session, direction, SESSION_ERROR_ALLOC);
    return taken;
}

/* The other side spoke first, and what it said waited for this one's bytes to be recognised. */
static bool other_is_due(const struct session *session, enum direction direction)
{
    bool second = session->protocol->server_speaks_first ? direction == TO_SERVER : direction == TO_CLIENT;
    return second && session->owed[!direction];
}

/* Of a direction that nothing was recognised in: passed over, unless it waits. */
static void forget_unknown(struct session *session, enum direction direction, size_t size, unsigned flags)
{
    session->scanned[direction] = size;
    if (session->status[direction] != SESSION_UNKNOWN || waits_for_answer(session, direction, size, flags))
        return;
    session->offset[direction] += size;
    session->scanned[direction] = 0;
}

void session_stream(struct session *session, enum direction direction, struct bytes ready, unsigned flags)
{
    for (int changes = 0; changes < 4; changes++) {
        if (session_deaf(session, direction)) {
            session->offset[direction] += ready.size;
            return;
        }
        if (ready.size == 0 && !(flags & FEED_END))
            return;
        if (!session->probing_done[direction] && ready.size) {
            session->scanned[direction] = ready.size;
            bool first = session->offset[direction] == 0 || session_unheard(session, direction);
            if (!session->protocol || first) {
                (void)recognise(session, &direction, ready, flags);
                if (!session->protocol) {
                    forget_unknown(session, direction, ready.size, flags);
                    return;
                }
                if (other_is_due(session, direction)) {
                    session->scanned[direction] = 0; /* these are offered again after those */
                    return;
                }
            } else if (!session->original) {
                recognise_late(session, direction, ready);
            }
        }
        if (!session->protocol)
            forget_unknown(session, direction, ready.size, flags);
        if (!session->protocol || session_deaf(session, direction))
            return;
        size_t taken = parse(session, direction, ready, flags);
        session->offset[direction] += taken;
        session->scanned[direction] = ready.size - taken;
        ready = bytes_from(ready, taken);
        if (!session->want_change)
            return;
        change(session);
    }
}

void session_gap(struct session *session, enum direction direction, uint64_t size)
{
    session->gaps[direction]++;
    session->offset[direction] += size;
    session->scanned[direction] = 0;
    if (!session->protocol) {
        session->lost[direction] |= !session->probing_done[direction];
        give_up(session, direction);
        return;
    }
    if (session_deaf(session, direction))
        return;
    if (!session->protocol->gap || !session->protocol->gap(session, session->state, direction, size))
        fail(session, direction, SESSION_ERROR_GAP);
}

void session_datagram(struct session *session, enum direction direction, struct bytes payload)
{
    if (payload.size == 0 || session_deaf(session, direction))
        return;
    if (!session->protocol && !recognise(session, &direction, payload, 0)) {
        session->probing_done[direction] = ++session->scanned[direction] >= 3;
        session->status[direction] = session->probing_done[direction] ? (uint8_t)SESSION_UNKNOWN
                                                                      : (uint8_t)SESSION_PROBING;
        return;
    }
    if (!session->seen[direction])
        session->seen[direction] = session->protocol;
    struct reader in = reader_of_bytes(payload);
    session->feed = payload.data;
    if (session->protocol->datagram &&
        !session->protocol->datagram(session, session->state, direction, &in)) {
        count(session, SESSION_ERROR_PARSER);
    }
    session->offset[direction] += payload.size;
}

/* What lasts until the connection closes is whole now. */
static void end_streams(struct session *session)
{
    for (int d = 0; d < DIRECTIONS && session->transport == TRANSPORT_TCP; d++) {
        const struct protocol *protocol = session->protocol;
        struct reader nothing = reader_of_bytes(
            BYTES_OF("")); /* a place, so that parsers may count from it */
        session->feed = nothing.at;
        if (protocol && protocol->ends_with_flow && session->status[d] == SESSION_PARSING &&
            !session->want_change)
            (void)protocol->stream(session, session->state, (enum direction)d, &nothing, FEED_END);
    }
}

void session_one_sided(struct session *session, enum direction silent)
{
    if (session->protocol || session->probing_done[silent])
        return;
    give_up(session, silent);
    session->skipped = true;
    session_event(session, SESSION_DETECTION_SKIPPED);
}

void session_truncate(struct session *session, enum direction direction)
{
    if (!session->protocol || session_deaf(session, direction))
        return;
    for (struct tx *tx = session->txs; tx; tx = tx->next)
        for (struct file *file = tx->files; file; file = file->next)
            if (file->direction == direction && file->state == FILE_OPEN)
                file_close(session, file, true);
    session->status[direction] = SESSION_FAILED;
}

void session_end(struct session *session)
{
    if (session->ended)
        return;
    end_streams(session);
    for (struct tx *tx = session->txs; tx; tx = tx->next)
        for (struct file *file = tx->files; file; file = file->next)
            if (file->state == FILE_OPEN)
                file_close(session, file, true);
    session->ended = true;
}

bool session_deaf(const struct session *session, enum direction direction)
{
    if (session->ended || session->status[direction] == SESSION_FAILED ||
        session->status[direction] == SESSION_BYPASS)
        return true;
    bool waits = direction == TO_SERVER && session->waiting && !session->probing_done[TO_CLIENT];
    return !session->protocol && session->probing_done[direction] && !waits;
}

bool session_change(struct session *session, const struct protocol *expected)
{
    session->expected = expected;
    session->want_change |= session->unheard == 0;
    return session->want_change;
}

bool session_become(struct session *session, const struct protocol *protocol)
{
    if (!session_change(session, protocol))
        return false;
    for (const struct protocol *const *at = candidates(session); *at; at++)
        if (*at == protocol)
            session->next = protocol;
    return true;
}

void session_encrypted(struct session *session)
{
    session->encrypted = true;
}
