/* SPDX-License-Identifier: Apache-2.0 */
/* The application side of a flow: which protocol it speaks, and its transactions.
 *
 * The worker feeds bytes; session.c recognises the protocol, calls its parser, keeps transactions
 * until they are inspected and logged. The second half of this header is what parsers call. */
#ifndef VONGLAU_PROTO_SESSION_H
#define VONGLAU_PROTO_SESSION_H

#include "base/counter.h"
#include "proto/protocol.h"

/* ---- for the worker, detection and output ---- */

/* What all sessions of a worker may hold together, about: parsers, transactions and file windows. */
struct session_budget {
    size_t used, limit; /* bytes */
    size_t by_protocol[PROTOCOL_COUNT];
};

/* Limits and choices of a worker's sessions; constant after start. Unset numbers take defaults. */
struct session_settings {
    const struct protocol *const *enabled; /* NULL-terminated; NULL: all of protocols[] */
    const void *const *options;            /* per enabled protocol: its parsed settings, or NULL */
    uint32_t probe_give_up;                /* bytes of one direction without a result: 0 is 2048 */
    size_t session_memory_max;             /* bytes of one session's state: 0 is 64 KiB */
    size_t tx_memory_max;                  /* cap over the protocol's own: 0 is 4 MiB */
    struct session_budget *budget;         /* the worker's; NULL: without limit */
    const struct file_settings *files;     /* proto/file.h */
    struct ranges *ranges;                 /* proto/ranges.h; NULL: parts of files are not joined */
    bool inline_mode;                      /* packets wait for the verdict: content is shown as it comes */
    bool frames;                           /* keep frames: a rule or an output wants them */
    uint64_t *counts;                      /* the worker's, by enum session_counter; NULL: not counted */
    void (*tx_freed)(void *context, struct tx *tx); /* called before a transaction is freed; may be NULL */
    /* A parser announces another connection of these hosts; may be NULL. */
    void (*announce)(void *context, struct session *session, uint16_t port, const struct protocol *protocol,
                     struct bytes note);
    void *context;
};

enum session_status { SESSION_PROBING, SESSION_PARSING, SESSION_FAILED, SESSION_UNKNOWN, SESSION_BYPASS };

/* A named part of the conversation, as the rule keyword `frame` and EVE's frame records see it. */
struct frame {
    uint8_t type; /* index of protocol->frames, or FRAME_STREAM */
    bool inspected, logged;
    uint64_t offset; /* of its first byte: in the stream; in the payload of a datagram */
    uint64_t size;   /* UINT64_MAX: not known yet; it lasts until session_frame_end() or the stream's end */
    uint64_t id, tx_number;
    bool has_tx;
    const struct protocol *protocol;
    uint64_t judged; /* FRAME_STREAM: bytes of it that rules looked at */
};
#define FRAMES_MAX 64
/* All that one side sends in the protocol: the first frame of each direction of a stream. It lasts until the
 * stream's end. */
#define FRAME_STREAM 254U

static inline const char *frame_name(const struct frame *frame)
{
    return frame->type == FRAME_STREAM ? "stream" : frame->protocol->frames[frame->type];
}

struct session {
    const struct session_settings *settings;
    void *owner;                                /* the worker's: the flow */
    const struct protocol *protocol;            /* recognised; NULL while unknown */
    const struct protocol *seen[DIRECTIONS];    /* recognised from each side */
    const struct protocol *known_as;            /* more exactly than `protocol`, to events (doh2); or NULL */
    const struct protocol *original, *expected; /* before a change (STARTTLS, CONNECT); announced */
    uint8_t transport;                          /* enum transport */
    uint8_t status[DIRECTIONS];                 /* enum session_status */
    bool reversed;                              /* the worker has to swap the flow's ends; it clears this */
    bool probing_done[DIRECTIONS];
    bool lost[DIRECTIONS]; /* bytes were missing before anything was recognised: it did not fail */
    bool skipped;          /* nothing was recognised in much of one side, and the other was not waited for */
    bool waiting; /* nothing was recognised in what the client said; it is kept for its server's answer */
    /* Bytes were offered before the protocol was known, and must be offered again. */
    bool owed[DIRECTIONS];
    uint64_t offset[DIRECTIONS];        /* stream offset of the next unread byte */
    uint64_t scanned[DIRECTIONS];       /* bytes offered and left unread at the last call */
    uint64_t said[DIRECTIONS];          /* see session_said() */
    uint64_t time;                      /* of the packet being handled, ns */
    uint64_t packet_number, changed_in; /* of the packet being handled; of the latest change */
    uint16_t client_port, server_port;
    void *state;              /* the parser's */
    struct bytes note;        /* what the announcer of this connection said; session_announced() */
    struct tx *txs, *last_tx; /* live transactions, oldest first */
    struct tx *shed_from;     /* those before it are finished; NULL: not known since the last sweep */
    uint32_t tx_count;        /* live */
    uint64_t tx_total;        /* made so far */
    uint64_t tx_base;         /* of them by protocols before the last change: numbers start anew */
    uint32_t file_total;      /* files opened so far */
    uint64_t gaps[DIRECTIONS];
    uint8_t event_count; /* session-wide anomalies (enum session_event) */
    uint8_t events[8], events_logged;
    struct frame *frames[DIRECTIONS]; /* not yet inspected and logged; NULL: never any */
    uint8_t frame_count[DIRECTIONS];
    uint64_t frame_total[DIRECTIONS]; /* made so far in the protocol at hand; they are numbered from 1 */
    const uint8_t *feed;              /* where the bytes being parsed start */
    bool alone;                       /* the worker's: the side not heard yet never will be */
    bool midstream;                   /* the worker's: the beginning was not seen */
    bool announcer;                   /* the worker's: other connections were announced here */
    uint8_t unheard;                  /* bit per direction without bytes since the last change */
    bool want_change;                 /* a parser asked for a new recognition (session_change) */
    const struct protocol *next;      /* that is certain what follows (session_become) */
    uint8_t end_seen;                 /* the worker's: bit per direction whose end was offered */
    bool ended;                       /* session_end() was called */
    bool encrypted;                   /* payload is opaque from here on: bypass is allowed */
    size_t heap;                      /* bytes that the parser holds outside of arenas */
    size_t charged;                   /* bytes of the budget, as of the last sweep */
    const struct protocol *charged_to;
    struct arena memory; /* the session's and its parser's */
};

/* Anomalies of recognition; names in session_event_names[] ("APPLAYER_MISMATCH_PROTOCOL_BOTH_DIRECTIONS"
 * ...). */
enum session_event {
    SESSION_MISMATCH_BOTH_DIRECTIONS,
    SESSION_WRONG_DIRECTION_FIRST_DATA,
    SESSION_DETECT_ONLY_ONE_DIRECTION,
    SESSION_UNEXPECTED_PROTOCOL,
    SESSION_NO_TLS_AFTER_STARTTLS,
    SESSION_DETECTION_SKIPPED,
    SESSION_EVENT_COUNT
};
extern const char *const session_event_names[SESSION_EVENT_COUNT];

#define SESSION_COUNTERS(X)                                                                   \
    X(SESSION_OPENED, "app_layer.sessions", "Sessions opened")                                \
    X(SESSION_TXS, "app_layer.tx", "Transactions made")                                       \
    X(SESSION_TX_SHED, "app_layer.tx_shed", "Transactions closed by force: too many at once") \
    X(SESSION_REFUSED, "app_layer.refused", "Sessions not opened: no memory")                 \
    X(SESSION_SHED, "app_layer.shed", "Sessions given up: no memory")                         \
    X(SESSION_ERROR_GAP, "app_layer.error.gap", "Parsers stopped by a gap")                   \
    X(SESSION_ERROR_ALLOC, "app_layer.error.alloc", "Parsers stopped by their memory limit")  \
    X(SESSION_ERROR_PARSER, "app_layer.error.parser", "Parsers stopped by malformed data")
COUNTER_ENUM(session_counter, SESSION_COUNTERS, SESSION_COUNTER_COUNT);
extern const struct counter session_counters[SESSION_COUNTER_COUNT];

/* NULL when out of memory or of the budget: the flow goes on without a parser. */
struct session *session_new(const struct session_settings *settings, uint8_t transport, uint16_t client_port,
                            uint16_t server_port);
void session_free(struct session *session);

/* Stream bytes of `direction` from session->offset on: all that are contiguous and ready, unread ones
 * included. Advances session->offset past what was taken. `flags`: FEED_END. */
void session_stream(struct session *session, enum direction direction, struct bytes ready, unsigned flags);
/* `size` bytes at session->offset are lost. */
void session_gap(struct session *session, enum direction direction, uint64_t size);
void session_datagram(struct session *session, enum direction direction, struct bytes payload);
/* Much came from one side, nothing was recognised in it, and the other is silent: it is not waited for. */
void session_one_sided(struct session *session, enum direction silent);
/* The rest of `direction` is beyond what is looked at: what was begun there ends as it is. */
void session_truncate(struct session *session, enum direction direction);
/* No more bytes in any direction: every transaction becomes complete. */
void session_end(struct session *session);
/* Another connection announced this one: it speaks `protocol`, without recognition, if that is enabled. The
 * note is copied, for the parser. Before any byte was parsed. */
void session_announced(struct session *session, const struct protocol *protocol, struct bytes note);
/* True when enough was heard of `direction` to say that it is of no known protocol. */
bool session_side_failed(const struct session *session, enum direction direction);
/* True when no more bytes of `direction` are wanted: the stream may be released as it comes. */
bool session_deaf(const struct session *session, enum direction direction);

/* The progress at which a direction of `protocol` is finished. */
static inline uint8_t protocol_complete(const struct protocol *protocol, enum direction direction)
{
    return protocol->complete[direction] ? protocol->complete[direction] : 1;
}

/* The transaction's progress in `direction` as detection should see it: complete when the session
 * failed or ended, or when a directed transaction does not concern the direction. */
static inline uint8_t tx_progress(const struct session *session, const struct tx *tx,
                                  enum direction direction)
{
    uint8_t complete = protocol_complete(tx->protocol, direction);
    bool over = session->ended || session->status[direction] == SESSION_FAILED ||
                (tx->directed && tx->direction != direction) || tx->dead ||
                (session->alone && !session->offset[direction] && !session->scanned[direction]);
    return over || tx->progress[direction] > complete ? complete : tx->progress[direction];
}

static inline bool tx_complete(const struct session *session, const struct tx *tx, enum direction direction)
{
    return tx_progress(session, tx, direction) >= protocol_complete(tx->protocol, direction);
}

/* Nothing came from `direction` since the protocol changed. */
static inline bool session_unheard(const struct session *session, enum direction direction)
{
    return session->unheard >> direction & 1;
}

/* What is spoken; after a change what was spoken before, for the rest of that packet and until the first of
 * something else is heard or nothing can be recognised any more. NULL: unknown. */
static inline const struct protocol *session_speaks(const struct session *session)
{
    bool heard = !(session_unheard(session, TO_SERVER) && session_unheard(session, TO_CLIENT)) &&
                 (session->changed_in != session->packet_number || session->packet_number == 0);
    bool failed = !session->protocol && session->probing_done[TO_SERVER] && session->probing_done[TO_CLIENT];
    return (session->protocol && heard) || failed ? session->protocol : session->original;
}

/* Recognition has looked at what `direction` said to its end; a datagram is whole. */
static inline bool session_probed(const struct session *session, enum direction direction)
{
    return session->probing_done[direction] ||
           (session->transport == TRANSPORT_UDP && session->scanned[direction] > 0);
}

/* It is known what `direction` speaks, or that it will not be: in a stream of each side by itself; after a
 * change it speaks what it spoke or something new. */
static inline bool session_decided(const struct session *session, enum direction direction)
{
    return session_probed(session, direction) || session->original ||
           (session->transport == TRANSPORT_UDP && session->protocol);
}

/* Not one byte of the stream came that way, and it is not known that none could. */
static inline bool session_silent(const struct session *session, enum direction direction)
{
    return session->transport == TRANSPORT_TCP && !session->offset[direction] &&
           !session->scanned[direction] && !session->alone;
}

/* Forgets frames that are inspected; not those that are still to be written, when `unwritten`. */
void session_sweep_frames(struct session *session, bool unwritten);
/* Frees the transactions that are logged, and inspected in both directions (or dead). */
void session_sweep(struct session *session);

/* ---- for parsers ---- */

/* A new transaction with a zeroed record; NULL when out of memory. The oldest is closed when there are too
 * many. */
MUST_CHECK struct tx *session_tx(struct session *session);
/* The same for one direction only. */
MUST_CHECK struct tx *session_tx_directed(struct session *session, enum direction direction);
/* The same of another protocol, whose message travels inside one of this one's, `carrier` (DNS over HTTP);
 * NULL also when that is not enabled. */
MUST_CHECK struct tx *session_tx_carried(struct session *session, const struct protocol *protocol,
                                         enum direction direction, struct tx *carrier);
/* The oldest live transaction whose progress in `direction` is not complete, or NULL. */
struct tx *session_tx_open(struct session *session, enum direction direction);
/* Raises protocol->events[event] on `tx`. */
void tx_event(struct tx *tx, uint8_t event);
/* Marks `direction` (or, for both, each) complete. */
void tx_finish(struct tx *tx, enum direction direction);
void tx_finish_both(struct tx *tx);
/* The rest of the flow speaks something else from the next unread byte on (STARTTLS, CONNECT, Upgrade):
 * recognition starts again; `expected` may name the protocol announced, or be NULL. False,
 * and nothing changes, while one side has not spoken since the last change. */
bool session_change(struct session *session, const struct protocol *expected);
/* The same when the announced protocol is certain: its parser goes on without recognition, if it is enabled.
 */
bool session_become(struct session *session, const struct protocol *protocol);
/* Another connection between these hosts, to `port` of either, will speak `protocol`; its parser finds `note`
 * in session->note. */
void session_announce(struct session *session, uint16_t port, const struct protocol *protocol,
                      struct bytes note);
/* What the parser holds outside of arenas is `size` bytes now; `*told` is what it said before. */
static inline void session_holds(struct session *session, size_t *told, size_t size)
{
    session->heap += size - *told;
    *told = size;
}
/* Payload is opaque from here on; the worker may bypass the flow. */
void session_encrypted(struct session *session);
/* Something was said to its end: rules on the stream look at it without waiting for more. A transaction that
 * becomes complete says so by itself. */
static inline void session_said(struct session *session, enum direction direction)
{
    session->said[direction]++;
}
/* A frame of `size` bytes (UINT64_MAX: unknown) that starts at `at`, a place in the reader's bytes. Returns
 * its id for session_frame_end(), 0 when frames are not wanted. `tx` may be NULL. */
uint64_t session_frame(struct session *session, enum direction direction, uint8_t type, const uint8_t *at,
                       uint64_t size, const struct tx *tx);
/* The frame ends before `at`. */
void session_frame_end(struct session *session, enum direction direction, uint64_t id, const uint8_t *at);
/* This protocol's settings object, or NULL for defaults. */
const void *session_options(const struct session *session, const struct protocol *protocol);

#endif
