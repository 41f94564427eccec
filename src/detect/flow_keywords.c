/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords about the flow and its streams. */
#include <stdlib.h>

#include "detect/context.h"
#include "detect/keyword.h"
#include "flow/tcp.h"

enum flow_word {
    WORD_TO_SERVER,
    WORD_TO_CLIENT,
    WORD_ESTABLISHED,
    WORD_NOT_ESTABLISHED,
    WORD_STATELESS,
    WORD_ONLY_STREAM,
    WORD_NO_STREAM,
    WORD_ONLY_FRAG,
    WORD_NO_FRAG,
};

static const struct {
    const char *name;
    enum flow_word word;
    unsigned excludes; /* words that cannot stand beside it, itself among them */
} flow_words[] = {
#define WORD(a)         (1U << (a))
#define DIRECTION_WORDS (WORD(WORD_TO_SERVER) | WORD(WORD_TO_CLIENT))
#define STATE_WORDS     (WORD(WORD_ESTABLISHED) | WORD(WORD_NOT_ESTABLISHED) | WORD(WORD_STATELESS))
#define STREAM_WORDS    (WORD(WORD_ONLY_STREAM) | WORD(WORD_NO_STREAM))
#define QUIET_WORDS     (DIRECTION_WORDS | STREAM_WORDS)
#define FRAG_WORDS      (WORD(WORD_ONLY_FRAG) | WORD(WORD_NO_FRAG))
    { "to_server", WORD_TO_SERVER, DIRECTION_WORDS },
    { "from_client", WORD_TO_SERVER, DIRECTION_WORDS },
    { "to_client", WORD_TO_CLIENT, DIRECTION_WORDS },
    { "from_server", WORD_TO_CLIENT, DIRECTION_WORDS },
    { "established", WORD_ESTABLISHED, STATE_WORDS },
    { "not_established", WORD_NOT_ESTABLISHED, STATE_WORDS },
    { "stateless", WORD_STATELESS, STATE_WORDS },
    { "only_stream", WORD_ONLY_STREAM, STREAM_WORDS },
    { "no_stream", WORD_NO_STREAM, STREAM_WORDS },
    { "only_frag", WORD_ONLY_FRAG, FRAG_WORDS },
    { "no_frag", WORD_NO_FRAG, FRAG_WORDS },
};

static bool parse_flow(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct signature *s = c->signature;
    struct bytes word;
    unsigned seen = 0;
    while (list_next(&value, &word)) {
        size_t i = 0;
        while (i < COUNT_OF(flow_words) && !bytes_equal_nocase(word, bytes_of_string(flow_words[i].name)))
            i++;
        if (i == COUNT_OF(flow_words))
            return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
        if (seen & flow_words[i].excludes)
            return refuse(c, "%s does not go with what stands before it", flow_words[i].name);
        seen |= WORD(flow_words[i].word);
    }
    bool directed = seen & DIRECTION_WORDS;
    if (directed && c->direction_given)
        return refuse(c, "two directions are named");
    if (!seen)
        return refuse(c, "a direction or a state is wanted");
    c->direction_given |= directed;
    s->to_client &= !(seen & WORD(WORD_TO_SERVER));
    s->to_server &= !(seen & WORD(WORD_TO_CLIENT));
    s->established |= (seen & WORD(WORD_ESTABLISHED)) != 0;
    s->not_established |= (seen & WORD(WORD_NOT_ESTABLISHED)) != 0;
    s->only_stream |= (seen & WORD(WORD_ONLY_STREAM)) != 0;
    s->no_stream |= (seen & WORD(WORD_NO_STREAM)) != 0;
    s->only_frag |= (seen & WORD(WORD_ONLY_FRAG)) != 0;
    s->no_frag |= (seen & WORD(WORD_NO_FRAG)) != 0;
    c->of_packet |= s->no_stream;
    c->state_given |= (seen & STATE_WORDS) != 0;
    if (c->part)
        c->part->hidden = !(seen & ~QUIET_WORDS); /* directions and kinds of bytes go without saying */
    return true;
}

/* ---- numbers of the flow ---- */

enum { FLOW_NUMBER_AGE, FLOW_NUMBER_PACKETS, FLOW_NUMBER_BYTES };
enum { WAY_SERVER = 1, WAY_CLIENT = 2, WAY_EITHER = 3, WAY_BOTH = 4 };

static bool flow_number_holds(const struct check *check, struct context *context)
{
    const struct flow *flow = context->flow;
    if (!flow)
        return false;
    if (check->a == FLOW_NUMBER_AGE)
        return range_has(&check->range,
                         flow->last > flow->first ? (flow->last - flow->first) / 1000000000U : 0);
    const uint64_t *numbers = check->a == FLOW_NUMBER_PACKETS ? flow->packets : flow->bytes;
    bool server = range_has(&check->range, numbers[TO_SERVER]),
         client = range_has(&check->range, numbers[TO_CLIENT]);
    if (check->mode == WAY_BOTH)
        return server && client;
    return (check->mode & WAY_SERVER && server) || (check->mode & WAY_CLIENT && client);
}

/* "toserver", "toclient", "either", "both" */
static bool parse_way(struct bytes word, uint8_t *way)
{
    static const struct {
        const char *name;
        uint8_t way;
    } names[] = { { "toserver", WAY_SERVER }, { "to_server", WAY_SERVER }, { "server", WAY_SERVER },
                  { "toclient", WAY_CLIENT }, { "to_client", WAY_CLIENT }, { "client", WAY_CLIENT },
                  { "either", WAY_EITHER },   { "both", WAY_BOTH } };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (bytes_is(word, names[i].name)) {
            *way = names[i].way;
            return true;
        }
    }
    return false;
}

/* mode: which number, plus 16 times the way when the keyword's own name says it */
static bool parse_flow_number(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct check *check = compiler_check(c, flow_number_holds);
    if (!check)
        return false;
    check->a = keyword->mode & 15;
    check->mode = (uint8_t)(keyword->mode >> 4);
    if (!check->mode && check->a != FLOW_NUMBER_AGE) {
        struct bytes way = bytes_trim(bytes_cut(&value, ','));
        if (!parse_way(way, &check->mode))
            return refuse(c, "must start with toserver, toclient, either or both");
    }
    return parse_range(c, value, check->a == FLOW_NUMBER_BYTES ? UINT64_MAX : UINT32_MAX, NULL,
                       &check->range);
}

static bool elephant_holds(const struct check *check, struct context *context)
{
    if (!context->flow)
        return false;
    uint8_t have = context->flow->elephant_directions;
    bool server = have >> TO_SERVER & 1, client = have >> TO_CLIENT & 1;
    if (check->mode == WAY_BOTH)
        return server && client;
    return (check->mode & WAY_SERVER && server) || (check->mode & WAY_CLIENT && client);
}

static bool parse_elephant(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes first, second;
    struct check *check = compiler_check(c, elephant_holds);
    uint8_t other = 0;
    if (!check)
        return false;
    if (!list_next(&value, &first) || !parse_way(first, &check->mode))
        return refuse(c, "must be toserver, toclient, either or both");
    if (!list_next(&value, &second))
        return true;
    if (value.data || !parse_way(second, &other) || (check->mode ^ other) != WAY_EITHER)
        return refuse(c, "toserver and toclient are the only two that go together");
    check->mode = WAY_BOTH;
    return true;
}

/* Bytes of the stream sent so far; the SYN counts one, as sequence numbers do. */
static uint64_t stream_bytes(const struct context *context, enum direction direction)
{
    const struct stream *stream = context->in->streams[direction];
    if (!stream)
        return 0;
    uint64_t end = stream_end(stream);
    return end + stream_held(stream, end).size + 1;
}

static bool stream_size_holds(const struct check *check, struct context *context)
{
    if (!context->flow || context->flow->protocol != IP_TCP)
        return false;
    /* "client" is what the client sent. */
    bool sent_by_client = range_has(&check->range, stream_bytes(context, TO_SERVER));
    bool sent_by_server = range_has(&check->range, stream_bytes(context, TO_CLIENT));
    switch (check->mode) {
    case WAY_SERVER:
        return sent_by_server;
    case WAY_CLIENT:
        return sent_by_client;
    case WAY_BOTH:
        return sent_by_server && sent_by_client;
    default:
        return sent_by_server || sent_by_client;
    }
}

static bool parse_stream_size(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes way, op, number;
    char joined[64];
    struct check *check = compiler_check(c, stream_size_holds);
    if (!check)
        return false;
    c->has_stream_size = true;
    if (!list_next(&value, &way) || !list_next(&value, &op) || !list_next(&value, &number) || value.size ||
        !parse_way(way, &check->mode))
        return refuse(c, "must be server, client, both or either, an operator and a size");
    uint64_t size;
    if (bytes_is(way, "toserver") || bytes_is(way, "toclient"))
        return refuse(c, "must be of the server, the client, both or either, not \"%.*s\"", (int)way.size,
                      (const char *)way.data);
    if (!bytes_to_u64(number, &size) || size > UINT32_MAX)
        return refuse(c, "the size must be a number up to 4294967295, not \"%.*s\"",
                      (int)MIN(number.size, 40U), (const char *)number.data);
    static const char *const operators[] = { "=", "!=", "!", "<", "<=", ">", ">=" };
    size_t known = 0;
    while (known < COUNT_OF(operators) && !bytes_is(op, operators[known]))
        known++;
    if (known == COUNT_OF(operators))
        return refuse(c, "\"%.*s\" is no operator: one of = != < <= > >= is wanted", (int)MIN(op.size, 40U),
                      (const char *)op.data);
    struct text text = text_of(joined, sizeof joined);
    if (!bytes_is(op, "="))
        text_put(&text, op);
    text_put(&text, number);
    if (!parse_range(c, text_bytes(&text), UINT64_MAX, NULL, &check->range))
        return false;
    bool less = check->range.comparison == IS_LESS || check->range.comparison == IS_AT_MOST;
    if (check->mode == WAY_SERVER && less && check->range.a <= QUIET_SERVER)
        check->subject = CHECK_QUIET_SERVER;
    return true;
}

/* ---- anomalies and recognition ---- */

static bool stream_event_holds(const struct check *check, struct context *context)
{
    for (size_t i = 0; i < context->in->event_count; i++)
        if (context->in->events[i] == check->a)
            return true;
    return false;
}

bool parse_stream_event(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    int event = stream_event_of(value);
    struct check *check = compiler_check(c, stream_event_holds);
    if (!check)
        return false;
    if (event < 0)
        return refuse(c, "\"%.*s\" is no stream event", (int)MIN(value.size, 60U), (const char *)value.data);
    check->a = (uint32_t)event;
    c->signature->trigger = TRIGGER_STREAM_EVENT;
    c->signature->trigger_event = (uint16_t)event;
    return true;
}

enum { PHASE_SETUP, PHASE_ESTABLISHED, PHASE_CLOSING };
static const char *const phase_names[] = { "setup", "established", "closing" };

/* The phase in which the packet came, which its own flags may end; what belongs to no connection sets one up.
 * From the first FIN to the last acknowledgment it is closing, too. */
static bool tcp_session_holds(const struct check *check, struct context *context)
{
    if (!context->packet->tcp)
        return false;
    const struct tcp *tcp = context->flow ? context->flow->tcp : NULL;
    if (check->a >> PHASE_CLOSING & 1 && tcp && tcp->state > TCP_ESTABLISHED && tcp->state < TCP_CLOSED)
        return true;
    return check->a >> (context->in->tcp_before < TCP_ESTABLISHED ? PHASE_SETUP : PHASE_ESTABLISHED) & 1;
}

static bool parse_tcp_session(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes word;
    struct check *check = compiler_check(c, tcp_session_holds);
    while (check && list_next(&value, &word)) {
        size_t i = 0;
        while (i < COUNT_OF(phase_names) && !bytes_is(word, phase_names[i]))
            i++;
        if (i == COUNT_OF(phase_names))
            return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
        check->a |= 1U << i;
    }
    return check != NULL;
}

static void report_session(const struct ruleset *set, const struct rule_part *part, struct text *out)
{
    (void)set;
    json_open(out, "phases", '[');
    for (size_t i = 0; i < COUNT_OF(phase_names); i++)
        if (part->check->a >> i & 1)
            json_cstring(out, NULL, phase_names[i]);
    json_close(out, ']');
}

static void report_elephant(const struct ruleset *set, const struct rule_part *part, struct text *out)
{
    (void)set;
    static const char *const ways[] = {
        [WAY_SERVER] = "toserver", [WAY_CLIENT] = "toclient", [WAY_EITHER] = "either", [WAY_BOTH] = "both"
    };
    json_cstring(out, "dir", ways[part->check->mode]);
}

const struct keyword flow_keywords[] = {
    { "flow", .parse = parse_flow, .flags = KEYWORD_OF_FLOW, .help = "Direction and state of the flow",
      .list = "packet" },
    { "flow.age", .parse = parse_flow_number, .flags = KEYWORD_OF_PACKET, .mode = FLOW_NUMBER_AGE,
      .help = "Age of the flow in seconds", .key = "flow_age" },
    { "flow.pkts", .parse = parse_flow_number, .flags = KEYWORD_OF_PACKET, .mode = FLOW_NUMBER_PACKETS,
      .help = "Packets of the flow so far" },
    { "flow.pkts_toserver", .parse = parse_flow_number, .flags = KEYWORD_OF_PACKET,
      .mode = FLOW_NUMBER_PACKETS | WAY_SERVER << 4, .help = "Packets to the server", .shown = "flow.pkts" },
    { "flow.pkts_toclient", .parse = parse_flow_number, .flags = KEYWORD_OF_PACKET,
      .mode = FLOW_NUMBER_PACKETS | WAY_CLIENT << 4, .help = "Packets to the client", .shown = "flow.pkts" },
    { "flow.bytes", .parse = parse_flow_number, .flags = KEYWORD_OF_PACKET, .mode = FLOW_NUMBER_BYTES,
      .help = "Bytes of the flow so far" },
    { "flow.bytes_toserver", .parse = parse_flow_number, .flags = KEYWORD_OF_PACKET,
      .mode = FLOW_NUMBER_BYTES | WAY_SERVER << 4, .help = "Bytes to the server", .shown = "flow.bytes" },
    { "flow.bytes_toclient", .parse = parse_flow_number, .flags = KEYWORD_OF_PACKET,
      .mode = FLOW_NUMBER_BYTES | WAY_CLIENT << 4, .help = "Bytes to the client", .shown = "flow.bytes" },
    { "flow.elephant", .parse = parse_elephant, .flags = KEYWORD_OF_PACKET,
      .help = "The flow carries very much", .key = "flow_elephant", .report = report_elephant },
    { "stream_size", .parse = parse_stream_size, .help = "Bytes that a side has sent on its TCP stream" },
    { "stream-event", .parse = parse_stream_event, .flags = KEYWORD_OF_EVENT,
      .help = "An anomaly found while following TCP" },
    { "tcp.session", .parse = parse_tcp_session, .flags = KEYWORD_OF_PACKET,
      .help = "State of the TCP session", .key = "tcp_session", .report = report_session },
    { 0 },
};
