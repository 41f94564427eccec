/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled form of a rule: what it asks of packets, flows, buffers and transactions. Private to detect.
 */
#ifndef VONGLAU_DETECT_SIGNATURE_H
#define VONGLAU_DETECT_SIGNATURE_H

#include "detect/detect.h"
#include "detect/ranges.h"

struct context;
struct dataset;
struct regex;

#define RULE_VARIABLES_MAX 16
#define NO_VARIABLE        (-1)
#define PROTOCOLS_MAX      64
#define PROGRESS_COMPLETE  UINT8_MAX /* of a hook: whatever the protocol's last one is */
#define BUFFER_NONE        UINT16_MAX

/* ---- numbers ---- */

enum comparison {
    IS_EQUAL,
    IS_NOT,
    IS_LESS,
    IS_AT_MOST,
    IS_MORE,
    IS_AT_LEAST,
    IS_BETWEEN /* exclusive */,
    IS_OUTSIDE,
    HAS_BITS,
    LACKS_BITS,
    IS_WITHIN /* inclusive */
};

struct range {
    uint8_t comparison;
    uint64_t a, b;
};

static inline bool range_has(const struct range *range, uint64_t value)
{
    switch (range->comparison) {
    case IS_EQUAL:
        return value == range->a;
    case IS_NOT:
        return value != range->a;
    case IS_LESS:
        return value < range->a;
    case IS_AT_MOST:
        return value <= range->a;
    case IS_MORE:
        return value > range->a;
    case IS_AT_LEAST:
        return value >= range->a;
    case IS_BETWEEN:
        return value > range->a && value < range->b;
    case IS_OUTSIDE:
        return !(value > range->a && value < range->b);
    case HAS_BITS:
        return (value & range->a) == range->b;
    case LACKS_BITS:
        return (value & range->a) != range->b;
    case IS_WITHIN:
        return value >= range->a && value <= range->b;
    default:
        return false;
    }
}

/* ---- what is matched inside a buffer ---- */

/* One of several. */
struct range_list {
    const struct range_list *next;
    struct range range;
};

enum item_kind {
    ITEM_CONTENT,
    ITEM_REGEX,
    ITEM_DATA_AT,
    ITEM_SIZE,
    ITEM_TEST,
    ITEM_JUMP,
    ITEM_EXTRACT,
    ITEM_MATH,
    ITEM_BASE64,
    ITEM_DATASET,
    ITEM_ENTROPY,
    ITEM_BOUNCE,
    ITEM_ASN1
};

/* A number, or the rule variable that holds it. */
struct operand {
    int64_t value;
    int8_t variable; /* NO_VARIABLE: `value` */
};

struct content {
    struct bytes bytes; /* lower case when nocase */
    bool nocase, has_offset, has_depth, has_distance, has_within, starts, ends;
    bool fast_pattern, fast_only;
    uint16_t chop_offset, chop_size; /* fast_pattern:offset,size; size 0: whole */
    struct operand offset, depth, distance, within;
};

#define NUMBER_TEXT_MAX 23 /* bytes of a number written as text */

/* Where a number stands in a buffer and how it is written. */
struct number_at {
    struct operand size, offset; /* bytes (0: of text as far as digits go, else no number: 0); from the
                                  * buffer's start or the cursor */
    bool little, text, dce;
    uint8_t base;  /* of text: 8, 10, 16; 0 lets the prefix say */
    uint64_t mask; /* 0: none; the result is shifted down by its trailing zeros */
};

enum arithmetic { BYTE_ADD, BYTE_SUBTRACT, BYTE_MULTIPLY, BYTE_DIVIDE, BYTE_SHIFT_LEFT, BYTE_SHIFT_RIGHT };

struct item {
    struct item *next;
    uint8_t kind;
    bool negated, relative;
    bool relative_next; /* an item after it depends on where this one matched */
    bool nocase;        /* of a regular expression */
    union {
        struct content content;
        const struct regex *regex;
        struct operand data_at;
        struct range size;
        struct {
            struct number_at at;
            uint8_t comparison; /* '<' '>' '=' '&' '^' and 'l' for <=, 'g' for >= */
            bool not ;
            struct operand value;
        } test;
        struct {
            struct number_at at;
            uint32_t multiplier;
            bool align, from_beginning, from_end;
            struct operand post_offset;
        } jump;
        struct {
            struct number_at at;
            uint8_t align; /* 0, 2, 4 */
            uint32_t multiplier;
            int8_t result;
        } extract;
        struct {
            struct number_at at;
            uint8_t operation;
            struct operand value;
            int8_t result;
        } math;
        struct {
            struct operand size, offset; /* size 0: all */
            struct item *items;          /* matched in the decoded bytes */
        } base64;
        struct {
            struct dataset *set;
            uint8_t command;
            bool has_range;
            struct range range; /* datarep: of the value's reputation */
            struct bytes key;   /* context_key: what the value's JSON is called in the alert */
        } dataset;
        struct {
            struct operand size, offset;
            uint8_t comparison;
            double value, high;
            const char *name; /* of the buffer, to events of the flow */
        } entropy;
        struct {
            struct operand offset;
            const void *wanted;
        } asn1;
    };
};

/* ---- buffers ---- */

struct transform;
typedef struct bytes (*transform_fn)(const struct transform *transform, struct bytes in,
                                     struct context *context);

struct transform {
    transform_fn apply;
    const char *name;
    struct bytes argument;
    const void *data; /* parsed argument */
    const struct transform *next;
};

enum buffer_kind {
    BUFFER_PAYLOAD, /* packet payload and raw stream, as the rule requires */
    BUFFER_PACKET,  /* what `get_packet` returns */
    BUFFER_TX,      /* rows of protocols */
    BUFFER_FILES,   /* file_checks of one file of the transaction */
    BUFFER_FILE_NAME,
    BUFFER_FILE_DATA,
    BUFFER_FILE_MAGIC,
    BUFFER_EVENT, /* an anomaly of the transaction */
    BUFFER_HOOK,  /* the transaction got as far as `progress` */
    BUFFER_FRAME, /* a named part of the conversation */
    BUFFER_TEST,  /* `test` of the use holds for the transaction */
};

/* One identity of bytes to match: a name and the transformations over it. */
struct buffer {
    const char *name;
    uint8_t kind;
    uint16_t index;
    const struct transform *transforms;
    bool (*get_packet)(const struct packet *packet, struct bytes *value);
    const struct inspect *rows[PROTOCOLS_MAX]; /* BUFFER_TX: by protocol index */
    uint64_t protocols;                        /* that have a row */
    uint8_t directions;                        /* union over rows */
    uint8_t frame_types[PROTOCOLS_MAX];        /* BUFFER_FRAME: index of protocol->frames, plus 1 */
    bool stream;                               /* some row is a growing body */
    struct prefilter *prefilters[DIRECTIONS];
};

struct file_check;
typedef bool (*file_check_fn)(const struct file_check *check, const struct file *file,
                              struct context *context);
struct file_check {
    struct file_check *next;
    file_check_fn test;
    bool negated;
    bool at_end; /* only a finished file has it (hashes, size) */
    struct range range;
    struct bytes text;
    struct dataset *set;
};

/* One buffer and all that must hold in it. */
struct buffer_use;
typedef bool (*tx_test_fn)(const struct buffer_use *use, const struct tx *tx, enum direction direction);

struct buffer_use {
    struct buffer_use *next;
    struct buffer *buffer;
    struct item *items;
    struct range range;              /* rows of numbers */
    const struct range_list *ranges; /* instead of it; `negated`: none of them */
    uint8_t number_mode;             /* 0: any of the values; 1: all of them; 2: the one at `number_index` */
    int32_t number_index;
    bool absent, absent_or_else;
    bool at_end;                        /* a growing body must be complete before this can be decided */
    bool brings_notes;                  /* judged again for the alert's sake when the rest matches later */
    bool by_modifier;                   /* started by a legacy content modifier */
    bool implied;                       /* only a part of what a keyword means: not told in reports */
    uint8_t event, progress, direction; /* BUFFER_EVENT, BUFFER_HOOK */
    uint64_t protocols;                 /* where it exists */
    struct file_check *file_checks;
    tx_test_fn test; /* BUFFER_TEST */
    uint8_t side;    /* of a => rule: 1 plus the direction it is about; 0: the one it has */
    bool negated;
    uint32_t wanted;
    const void *data;
};

/* ---- conditions on packets and flows, and what a match does ---- */

#define QUIET_SERVER 1024U /* bytes */

/* What is known of a condition without asking it. */
enum check_subject {
    CHECK_OTHER,
    CHECK_HOSTS,         /* of what is known of the addresses: it holds or not for all of a flow */
    CHECK_FLOW_VALUES,   /* changes with the flow's bits and integers only */
    CHECK_PAYLOAD_SIZE,  /* `range` of the payload's size */
    CHECK_QUIET_SERVER,  /* the server sent at most QUIET_SERVER bytes */
    CHECK_TCP_FLAGS_ALL, /* `a` without `b`: all of these flags are set */
};

struct check;
typedef bool (*check_fn)(const struct check *check, struct context *context);
typedef bool (*packet_number_fn)(const struct packet *packet, uint64_t *value);

struct check {
    struct check *next;
    check_fn test;
    bool negated;
    uint8_t subject; /* enum check_subject */
    uint8_t mode;
    struct range range;
    packet_number_fn number;
    const void *data;
    uint32_t a, b;
};

enum action_scope { SCOPE_UNNAMED, SCOPE_PACKET, SCOPE_FLOW };
enum signature_kind { SIGNATURE_PACKET, SIGNATURE_IP_ONLY, SIGNATURE_TX, SIGNATURE_FRAME };

/* How a rule comes to be looked at. */
enum trigger {
    TRIGGER_ALWAYS,
    TRIGGER_PATTERN,
    TRIGGER_DECODE_EVENT,
    TRIGGER_STREAM_EVENT,
    TRIGGER_APP_EVENT
};

/* What evaluation order goes by, most important first. */
enum order_key {
    ORDER_ACTION,
    ORDER_FLOWBITS,
    ORDER_FLOWINT,
    ORDER_HOSTBITS,
    ORDER_XBITS,
    ORDER_CAPTURES, /* flowvar, pktvar, captures of pcre */
    ORDER_PRIORITY,
    ORDER_KEYS
};

struct signature {
    struct rule rule; /* first: output sees only this */
    uint32_t index;   /* its place in evaluation order */
    uint16_t header;
    uint8_t kind, trigger;
    uint16_t trigger_event;
    bool to_server, to_client;         /* directions it may match in */
    bool established, not_established; /* flow keyword */
    bool needs_packet, needs_stream;   /* where raw payload is looked for */
    bool only_stream, no_stream, only_frag, no_frag;
    bool flow_scope; /* its action is for the rest of the flow, wherever it matched */
    uint8_t scope;   /* enum action_scope that it names */
    bool alerts_too; /* a pass rule that says `alert` */
    bool no_alert, files_store, bypass;
    bool any_packet; /* decode events: broken packets too */
    bool both_ways;  /* => : request and response of one transaction */
    bool once;       /* judged once per flow and direction (app-layer-protocol): when its protocol is known */
    bool parts_only; /* not about sessions that are known as more than one of its protocols (doh2) */
    uint64_t protocols; /* application protocols; 0: does not matter */
    struct check *checks;
    struct buffer_use *uses;              /* in evaluation order */
    struct buffer_use *fast_use;          /* where the prefilter looks; NULL: none */
    struct item *fast;                    /* its pattern */
    struct check *actions;                /* run, in order, when it matched */
    struct check *late_actions;           /* run when the alert is really given (tag) */
    struct threshold *threshold, *filter; /* threshold; detection_filter, rate_filter */
    uint8_t order[ORDER_KEYS];            /* of evaluation */
};

#endif
