/* SPDX-License-Identifier: Apache-2.0 */
/* What a protocol declares: how it is recognised and parsed, its transaction record, its EVE fields,
 * its rule keywords, its anomaly events. One file, one const struct protocol, one line in protocols.def.
 *
 * A parser sees a reader, its own state, and the session's functions for transactions, events and
 * files (proto/session.h). It never sees the flow or the packet. */
#ifndef VONGLAU_PROTO_PROTOCOL_H
#define VONGLAU_PROTO_PROTOCOL_H

#include "base/arena.h"
#include "base/field.h"
#include "base/reader.h"

struct session;
struct file;

/* One exchange (request and response, or a lone message). The protocol's record follows it. */
struct tx {
    /* What is asked of each live transaction with every packet comes first, in two cache lines. */
    struct tx *next; /* in order of `number` */
    const struct protocol *protocol;
    struct file *files;           /* oldest first; proto/file.h */
    void *detect[DIRECTIONS];     /* detection's own state, in `memory` or `spare` */
    uint8_t progress[DIRECTIONS]; /* the protocol's own states, rising; see struct protocol */
    bool directed;                /* concerns `direction` only (datagram protocols, one-way messages) */
    uint8_t direction;
    bool logged, inspected[DIRECTIONS]; /* set by the worker: EVE written; detection finished */
    uint8_t guessed;                    /* alerts on packets that were told with it: detection's */
    bool alerted, dead;                 /* dead: freed at the end of this packet */
    bool keep;                          /* lives as long as its protocol's parser, even when finished */
    bool no_inspect;                    /* the rest is not worth inspecting (encrypted, bypassed) */
    uint8_t event_count;
    uint8_t events_logged;             /* how many of them were written as anomalies */
    struct arena spare;                /* for detection's state when the record has used up `memory` */
    struct arena memory;               /* everything the record points to */
    uint64_t number;                   /* 0-based in the session; EVE tx_id */
    uint32_t files_gone[DIRECTIONS];   /* of its files: let go of before the end (file_forget_old) */
    uint8_t events[16];                /* indexes of protocol->events */
    uint64_t first, last;              /* packet times */
    uint64_t first_offset[DIRECTIONS]; /* stream offsets of the transaction's bytes, when the parser knows */
    struct tx *carrier,
        *carried; /* that whose message this one travelled in, and the latest of it; or NULL */
    _Alignas(16) uint8_t record[];
};

/* The transaction that owns `record`. */
static inline struct tx *tx_of(void *record)
{
    return (struct tx *)((uint8_t *)record - offsetof(struct tx, record));
}

enum transport { TRANSPORT_TCP = 1, TRANSPORT_UDP = 2 };

enum probe {
    PROBE_NO,   /* not this protocol */
    PROBE_MORE, /* could be; more bytes wanted */
    PROBE_YES,
    PROBE_REVERSED, /* yes, and the sender of these bytes is the server */
    PROBE_EITHER    /* yes, from either side: that with the usual port is the server */
};

/* A keyword over transactions: a buffer that `content` and its kin match, or a number with a range.
 * Detection registers each row under `name`, and under the aliases. */
enum inspect_kind {
    INSPECT_BYTES,  /* struct bytes at `offset` of the record */
    INSPECT_GET,    /* what `get` returns for index 0, 1, ... until it returns false */
    INSPECT_STREAM, /* a body that grows: `window` */
    INSPECT_NUMBER, /* what `number` returns for index 0, 1, ... until false */
};

/* The part of a growing body that is kept. */
struct window {
    struct bytes data;
    uint64_t offset; /* of data's first byte in the body */
    bool complete;   /* no more will follow */
};

struct value_range {
    uint64_t low, high; /* both belong to it */
};

struct named_value {
    const char *name; /* NULL ends a list */
    uint64_t value;
};

struct inspect {
    const char *name;     /* "http.uri" */
    const char *alias;    /* other sticky names, space separated: "http_raw_uri" is not one */
    const char *modifier; /* legacy content modifier: "http_uri" */
    enum inspect_kind kind;
    uint8_t directions;           /* bit 1 << TO_SERVER, 1 << TO_CLIENT */
    uint8_t progress[DIRECTIONS]; /* complete once tx->progress[direction] reaches this */
    bool early;                   /* and looked at before, as far as it is there: more may come */
    uint32_t offset;              /* INSPECT_BYTES: offsetof in the record */
    /* Values live in the transaction's memory or in `scratch` (kept until the packet is done). */
    bool (*get)(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                struct bytes *value);
    bool (*window)(const struct tx *tx, enum direction direction, uint32_t index, struct window *value);
    bool (*number)(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value);
    uint64_t max;            /* INSPECT_NUMBER: largest value a rule may name; 0: 64 bits */
    bool several;            /* INSPECT_NUMBER: which of the values may follow: "any", "all" or an index */
    bool lone;               /* INSPECT_NUMBER: a rule names one of 1 to `max`, once, and no range */
    const char *const *bits; /* INSPECT_NUMBER: names of single bits, lowest first; the rule lists "a,!b" */
    uint8_t parts; /* INSPECT_NUMBER: the rule gives up to so many numbers "a,b,c", 16 bits each, the first
                    * one highest; those left out are not compared. With `choices`: "name=value",
                    * the name's index in the upper 32 bits */
    const char *const *choices; /* names a rule may use for numbers, NULL-terminated; index is the value */
    const struct named_value *names; /* further names, of numbers that lie far apart */
    bool inclusive;                  /* INSPECT_NUMBER: the ends of "1-3" and "1<>3" belong to them */
    bool list;         /* INSPECT_NUMBER: a rule lists numbers, ranges "1-3" and names: one of them holds */
    const char *group; /* with `list`: a name for the values in `group_ranges`, in order, up to the highest */
    const struct value_range *group_ranges;
    uint8_t length;   /* of every value, in bytes; 0: it varies. A content of another length is refused */
    bool hexadecimal; /* with `length`: of small hexadecimal digits */
    const char *help, *source; /* one English sentence; RFC section */
    const char *shown;         /* what reports on rules call its buffer; NULL: `modifier`, or the name */
};

/* Flags of a stream parser's call. */
enum { FEED_END = 1 /* the direction is closed: what is left will not grow */ };

/* A number per protocol, in the order of protocols.def. */
enum protocol_id {
#define PROTOCOL(name) PROTOCOL_##name,
#include "proto/protocols.def"
#undef PROTOCOL
    PROTOCOL_COUNT
};

struct protocol {
    uint8_t id;        /* enum protocol_id */
    const char *name;  /* EVE app_proto and rule header: "http" */
    const char *alias; /* other names in rule headers and app-layer-protocol, space separated */
    const char
        *parts; /* other protocols whose transactions its sessions have, space separated: session->known_as */
    const char *title;    /* "Domain Name System" */
    const char *eve_type; /* event_type of its records; NULL: none */
    const char *eve_key;  /* key of the record's object in events; NULL: eve_type */
    bool eve_sided;       /* alerts have the object's members below "request" or "response" */
    bool eve_numbered;    /* "tx_id" stands beside the object; else in it, or nowhere */
    /* Which ends its records tell: those of the transaction's direction (the client's first when it has
     * none), of the packet at hand, or the client always first. */
    enum { EVE_ENDS_OF_TX, EVE_ENDS_OF_PACKET, EVE_ENDS_OF_FLOW } eve_ends;
    uint8_t transports; /* enum transport, or-ed */
    const char *ports;  /* where it is tried first and midstream probing is trusted: "53,5353" */

    /* Recognition from the first bytes of `direction`. Cheap; called again with more until it decides. */
    enum probe (*probe)(enum direction direction, struct bytes data);
    bool probe_usual_port_only; /* too little to go by elsewhere */
    bool known_by_server;       /* what its clients say is not recognised, and need not be */
    bool server_speaks_first;   /* a banner: first data towards the client is in order */
    uint16_t probe_depth;       /* bytes after which PROBE_MORE counts as no */

    size_t state_size;    /* parser state of one session, zeroed; in the session's arena */
    size_t record_size;   /* transaction record, zeroed */
    size_t tx_memory_max; /* bytes one transaction may hold */
    size_t buffer_max;    /* unread bytes a stream parser may leave before the session gives up */
    uint16_t tx_max;      /* live transactions; the oldest is closed by force and counted */
    uint8_t shed_event;   /* raised on one closed so; one more than its number, 0: none */
    void (*open)(struct session *session, void *state);
    void (*close)(struct session *session, void *state); /* frees what is outside arenas */
    void (*tx_close)(struct tx *tx);                     /* frees what is outside tx->memory */

    /* One datagram. False: malformed (an anomaly of the flow). */
    bool (*datagram)(struct session *session, void *state, enum direction direction, struct reader *in);
    /* Stream bytes: takes whole messages and leaves the rest unread, to be offered again with what follows.
     * False: the rest of this direction cannot be parsed. */
    bool (*stream)(struct session *session, void *state, enum direction direction, struct reader *in,
                   unsigned flags);
    /* `size` bytes are lost. False or NULL: cannot go on after a gap. */
    bool (*gap)(struct session *session, void *state, enum direction direction, uint64_t size);

    /* A rule turned off the record of `tx`: what answers it has none either. NULL: they are one. */
    void (*silenced)(struct session *session, const struct tx *tx);

    /* Progress: names per direction, rule hooks "http1:request_headers"; the last one is complete. */
    const char *const *progress_names[DIRECTIONS];
    uint8_t complete[DIRECTIONS]; /* the progress value at which a direction is finished; 0: 1 */
    bool steady;                  /* while progress stays, only bodies and files of a transaction change */
    /* A number that changes when what else there is of `tx` does; NULL: with each byte parsed, unless steady.
     */
    uint64_t (*changes)(const struct tx *tx);
    bool one_way;      /* no requests and responses: a transaction is complete by itself */
    bool stream_waits; /* the end of a transaction is nothing to rules on its stream: they wait for a chunk of
                          it */
    bool one_tx;       /* a connection is one transaction: there is nothing to count */
    /* Logged when progress reaches this in both directions; 0: complete. */
    uint8_t log_progress[DIRECTIONS];

    const struct field *fields; /* of the record, for EVE and documentation */
    size_t field_count;
    /* Instead of `fields`, when the object's shape depends on content. Appends members (no braces).
     * `extended`: Suricata's `extended: yes` of this type; `settings` is the EVE output's (event/settings).
     */
    void (*write)(const struct tx *tx, bool extended, struct text *out);
    /* Members beside that object, at the top of the event ("email" of SMTP); NULL: none. */
    void (*write_beside)(const struct tx *tx, bool extended, struct text *out);
    bool (*loggable)(const struct tx *tx); /* NULL: every transaction is */

    const struct inspect *inspects; /* rule keywords */
    size_t inspect_count;
    const char *const
        *events; /* anomaly names for app-layer-event, without the protocol's prefix, NULL-terminated */
    bool event_capitals; /* EVE writes this protocol's anomalies in capitals, as Suricata does */
    /* Settings below app-layer.protocols.NAME: a record, its fields (names as in suricata.yaml), its
     * defaults. session_options() returns the filled record. */
    const struct field *settings;
    size_t setting_count, settings_size;
    const void *settings_default;
    uint8_t frame_tx_first;    /* what frames call the session's first transaction */
    const char *const *frames; /* frame names without the protocol's prefix ("pdu"), NULL-terminated */
    uint8_t file_directions;   /* bit 1 << direction: its transactions have files that way */
    bool ends_with_flow;       /* the end of the flow is that of both directions, also without FIN */
    bool whole_stream;         /* followed to its end, unless its setting stream-depth says otherwise */
};

/* All protocols, in the order of protocols.def; NULL-terminated. */
extern const struct protocol *const protocols[];
const struct protocol *protocol_find(struct bytes name);

#endif
