/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords as rows, and the compiler that their parsers work on. Private to detect. */
#ifndef VONGLAU_DETECT_KEYWORD_H
#define VONGLAU_DETECT_KEYWORD_H

#include "detect/set.h"
#include "detect/signature.h"
#include "detect/syntax.h"

enum bit_command { BIT_SET, BIT_UNSET, BIT_TOGGLE, BIT_IS_SET, BIT_IS_NOT_SET };

/* One keyword of a rule and what it became; kept for reports only (ruleset_settings.keep_parts). */
struct rule_part {
    struct rule_part *next;
    const struct keyword *keyword;      /* NULL: a row of a protocol */
    const struct check *check, *action; /* the condition it made, or what it does on a match */
    const struct item *item;            /* looked for in a buffer */
    const struct buffer_use *use;       /* it opened */
    const struct file_check *file_check;
    bool leads;                  /* `prefilter` stands behind it */
    const uint16_t *asked, *set; /* flow bits that it asks to be set, or sets, by id */
    const uint16_t *bits;        /* flow bits that it has to do with, by id */
    uint8_t bits_command;        /* what with them: enum bit_command */
    size_t bit_count;
    bool hidden; /* nothing to show */
};

struct rule_note {
    struct rule_note *next;
    const char *text;
    const struct buffer_use *use; /* it is about; NULL: the whole */
};

/* A rule as it is written. */
struct rule_parts {
    struct rule_part *first, *last;
    struct rule_note *notes;
    bool app_layer;    /* the header, or all its buffers, name a protocol */
    bool needs_packet; /* the header or a keyword is about packets */
};

/* One rule being compiled. */
struct compiler {
    struct ruleset *set;
    struct signature *signature;
    struct rule_parts *parts;                /* NULL: not kept */
    struct rule_part *part;                  /* of the keyword being parsed; NULL: not kept */
    struct bytes keyword;                    /* being parsed */
    struct bytes protocol;                   /* as the header names it */
    uint64_t protocols;                      /* application protocols the header allows; 0: transport rule */
    uint8_t ip_protocols[32];                /* IP protocols the header (and ip_proto) allows, bit each */
    bool tcp, udp, packet_only, stream_only; /* header protocol */

    struct buffer_use *use; /* buffer that payload keywords go to; NULL: raw payload */
    struct item **list;     /* a nested list (base64_data) instead of use->items */
    struct bytes sticky;    /* name of the open sticky buffer; absent: raw payload */
    const struct transform *transforms, **transform_tail;
    uint8_t sticky_direction;    /* 1 plus the direction it names, or 0 */
    bool sticky_used;            /* something was put into it */
    struct item *last;           /* latest content, for its modifiers */
    struct item *last_payload;   /* latest item of any kind in the open list */
    const void *last_match;      /* latest item or condition */
    struct buffer_use *recent;   /* where the latest item of any kind went */
    struct buffer_use *last_use; /* where `last` went */
    struct bytes variables[RULE_VARIABLES_MAX];
    size_t variable_count;
    bool has_sid, direction_given, state_given, skip;
    bool has_fast_pattern;
    bool of_packet;       /* a keyword is about one packet */
    bool has_stream_size; /* it is asked with each packet */
    bool of_data;         /* the refusal is about a file that the rule names */
    bool of_settings;     /* it is about what the settings allow, in words that are looked for elsewhere */
    uint32_t priority;
    struct text references;
    char error[200];
};

struct keyword;
typedef bool (*keyword_fn)(struct compiler *c, const struct keyword *keyword, struct bytes value);

enum {
    KEYWORD_NO_VALUE = 1,
    KEYWORD_OPTIONAL = 2,
    KEYWORD_QUOTED = 4 /* quotes are taken off */,
    KEYWORD_NEGATABLE = 8,
    KEYWORD_OF_PACKET = 16, /* holds or not for a packet from the wire */
    KEYWORD_OF_FLOW = 32,   /* holds or not for a flow */
    KEYWORD_QUOTES = 128,   /* the value must be in quotes, perhaps behind a '!' */
    KEYWORD_BARE = 512,     /* the value must not be in quotes */
    KEYWORD_OF_EVENT = 64,  /* an anomaly of a packet, a stream or the recognition */
    KEYWORD_PLAIN = 1024,   /* the value is a number, and no range */
    KEYWORD_OF_APP = 256,   /* reports say that an application protocol is needed, though it may be any */
};

/* `mode` of a number with KEYWORD_PLAIN: it may be negated. */
enum { PLAIN_OR_NOT = 1 };

/* A keyword is a row; keywords of one shape share `parse`. */
struct keyword {
    const char *name, *alias; /* alias: other names, space separated */
    keyword_fn parse;
    unsigned flags;
    packet_number_fn number;                                         /* shape: a number of the packet */
    bool (*bytes)(const struct packet *packet, struct bytes *value); /* shape: bytes of the packet */
    transform_fn transform;                                          /* shape: a transformation */
    uint64_t max;
    unsigned mode;
    const char *const *choices;
    const char *help, *source;
    /* In reports of rules: its name there, when that is another; the list it is in, when what it made does
     * not say so; and the rest of what is told of it. `key` names the member that `report` writes; without
     * `report` it is the range of the condition. */
    const char *shown, *list, *key;
    const char *postmatch; /* what reports call that which it does on a match besides its condition */
    void (*report)(const struct ruleset *set, const struct rule_part *part, struct text *out);
};

/* The lists, one per file; each ends with a row without a name. */
extern const struct keyword meta_keywords[], content_keywords[], number_keywords[], regex_keywords[],
    packet_keywords[], flow_keywords[], bits_keywords[], threshold_keywords[], file_keywords[],
    dataset_keywords[], transform_keywords[], app_keywords[], address_keywords[], tls_keywords[],
    asn1_keywords[], frame_keywords[], dce_keywords[], modbus_keywords[];

/* Says why the rule is refused; returns false. */
bool refuse(struct compiler *c, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- helpers of parsers ---- */

#define CONTENT_MAX 8192 /* bytes */

/* A zeroed object that lives as long as the set; NULL (and a refusal) when memory is short. */
MUST_CHECK void *compiler_new(struct compiler *c, size_t size);
#define COMPILER_NEW(c, type) ((type *)compiler_new((c), sizeof(type)))
MUST_CHECK bool compiler_copy(struct compiler *c, struct bytes from, struct bytes *copy);
/* Reads "5", ">5", "<5", ">=5", "<=5", "!5", "!=5", "=5", "1-5", "1<>5", "!1-5", "&0x6=0x2", "&0x6!=0x2", and
 * "NAME", "!NAME" of `choices`. A range excludes its ends. Refuses what would hold always or never. */
MUST_CHECK bool parse_range(struct compiler *c, struct bytes text, uint64_t max, const char *const *choices,
                            struct range *range);
/* A whole number, perhaps with a unit (kb, mb, gb, KiB...). */
MUST_CHECK bool parse_size(struct bytes text, uint64_t *value);
MUST_CHECK bool parse_i64(struct bytes text, int64_t *value);
/* A number or the name of a variable made before (byte_extract, byte_math). */
MUST_CHECK bool parse_operand(struct compiler *c, struct bytes text, int64_t low, int64_t high,
                              struct operand *operand);
/* The place of a new variable. */
MUST_CHECK bool parse_variable(struct compiler *c, struct bytes name, int8_t *index);
/* Puts an item at the end of the open buffer; NULL when refused. */
struct item *compiler_item(struct compiler *c, enum item_kind kind);
/* Says something about the rule (or what it looks for in one buffer) in reports. `text` is a constant. */
void compiler_note(struct compiler *c, const struct buffer_use *use, const char *text);
/* Adds a condition on packets or flows, or something to do on a match. */
struct check *compiler_check(struct compiler *c, check_fn test);
struct check *compiler_action(struct compiler *c, check_fn run);
struct check *compiler_late_action(struct compiler *c, check_fn run);
/* The protocol has this name, or answers to it. */
bool protocol_is_named(const struct protocol *protocol, struct bytes name);
bool find_progress(const struct compiler *c, struct bytes name, uint8_t *direction, uint8_t *progress);
/* For the order of rules: it writes or reads what other rules read or write. */
void note_order(struct compiler *c, enum order_key key, bool writes);
/* The bytes that a content's text means, with |hex| parts and escapes. */
MUST_CHECK bool content_parse(struct compiler *c, struct bytes text, struct bytes *out);
bool is_direction(struct bytes word, uint8_t *direction);
/* Opens the sticky buffer `name`; transformations may follow. */
MUST_CHECK bool compiler_sticky(struct compiler *c, struct bytes name);
/* The buffer use that payload keywords go to now, made when needed; NULL when refused. */
struct buffer_use *compiler_use(struct compiler *c);
/* A new use of the buffer (made or found) of this identity. */
struct buffer_use *compiler_add_use(struct compiler *c, struct buffer *buffer);
/* A use of its own of the buffer `name`; NULL with a refusal. */
struct buffer_use *compiler_named_use(struct compiler *c, const char *name);
/* A content at the end of `use`; NULL with a refusal. */
struct item *compiler_content(struct compiler *c, struct buffer_use *use, struct bytes bytes, bool negated);
/* The latest content, for the modifier `keyword`; NULL when there is none. */
struct item *compiler_last(struct compiler *c, const struct keyword *keyword);
/* Moves the latest content to the buffer `name` (legacy modifiers). */
MUST_CHECK bool compiler_move(struct compiler *c, struct bytes name);

/* It is an app-layer-protocol. */
bool is_protocol_check(const struct check *check);
bool parse_stream_event(struct compiler *c, const struct keyword *keyword, struct bytes value);

/* Shapes. */
bool packet_number_holds(const struct check *check, struct context *context);
bool parse_packet_number(struct compiler *c, const struct keyword *keyword, struct bytes value);
bool parse_packet_bytes(struct compiler *c, const struct keyword *keyword, struct bytes value);
bool parse_transform(struct compiler *c, const struct keyword *keyword, struct bytes value);
bool parse_ignored(struct compiler *c, const struct keyword *keyword, struct bytes value);

#endif
