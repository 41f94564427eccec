/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords about the application protocol: recognition, anomalies, config, FTP bounce, TLS state. */
#include <stdlib.h>

#include "base/json.h"
#include "detect/buffer.h"
#include "detect/context.h"
#include "detect/keyword.h"

enum {
    RECOGNISED_HERE,
    RECOGNISED_SERVER,
    RECOGNISED_CLIENT,
    RECOGNISED_EITHER,
    RECOGNISED_BOTH,
    RECOGNISED_FINAL,
    RECOGNISED_ORIGINAL,
    RECOGNISED_EXACT /* here, and by that very name: not what is made of it */
};

struct wanted_protocol {
    uint64_t protocols;
    bool failed;  /* nothing was recognised and nothing will be */
    bool unknown; /* nothing was recognised yet */
};

/* What is known of one side, or of both together. */
struct spoken {
    const struct protocol *protocol;
    bool decided; /* also if that is nothing */
};

static bool is_wanted(const struct context *context, const struct wanted_protocol *wanted,
                      struct spoken spoken)
{
    if (!spoken.protocol)
        return spoken.decided ? wanted->failed : wanted->unknown;
    int index = set_protocol_index(context->set, spoken.protocol);
    return index >= 0 && wanted->protocols >> index & 1;
}

/* What was recognised of one direction. After a change both speak the old protocol until one was heard; then
 * it is not known what the other one speaks. */
static struct spoken spoken_by(const struct session *session, enum direction direction)
{
    if (session_unheard(session, direction)) {
        bool old = session_speaks(session) == session->original;
        return (struct spoken){ old ? session->original : NULL, old };
    }
    const struct protocol *seen = session->seen[direction];
    if (session->known_as && seen == session->protocol)
        seen = session->known_as;
    return (struct spoken){ seen, seen || session_probed(session, direction) };
}

/* A negated one is not about what is unknown yet. */
static bool protocol_holds(const struct check *check, struct context *context)
{
    const struct session *session = context->in->session;
    const struct wanted_protocol *wanted = check->data;
    if (!session || !session_decided(session, context->direction))
        return false;
    struct spoken server = spoken_by(session, TO_SERVER), client = spoken_by(session, TO_CLIENT);
    bool by_server = is_wanted(context, wanted, server), by_client = is_wanted(context, wanted, client);
    struct spoken here = context->direction == TO_SERVER ? server : client;
    switch (check->mode) {
    case RECOGNISED_SERVER:
        return check->negated ? server.decided && !by_server : by_server;
    case RECOGNISED_CLIENT:
        return check->negated ? client.decided && !by_client : by_client;
    case RECOGNISED_EITHER:
        return check->negated ? (server.decided || client.decided) && !by_server && !by_client
                              : by_server || by_client;
    case RECOGNISED_BOTH:
        return check->negated ? server.decided && client.decided && !(by_server && by_client)
                              : by_server && by_client;
    case RECOGNISED_ORIGINAL:
        here = (struct spoken){ session->original, session->original != NULL };
        break;
    default: {
        const struct protocol *whole = session->known_as ? session->known_as : session_speaks(session);
        if (whole && (!session_unheard(session, context->direction) || check->mode == RECOGNISED_FINAL))
            here = (struct spoken){ whole, true };
    }
    }
    bool holds = is_wanted(context, wanted, here);
    return check->negated ? here.decided && !holds : holds;
}

/* Several of them in one rule: each side or state can be one protocol only, and what it is excludes what it
 * is not. */
static bool agrees(struct compiler *c, const struct check *mine)
{
    const struct wanted_protocol *wanted = mine->data;
    for (const struct check *other = c->signature->checks; other; other = other->next) {
        const struct wanted_protocol *theirs = other->data;
        if (other == mine || other->test != protocol_holds || other->mode != mine->mode)
            continue;
        if (other->negated && mine->negated)
            continue;
        if (other->negated != mine->negated || theirs->failed || wanted->failed)
            return refuse(c, "a protocol that is wanted does not go with one that is not");
        return refuse(c, "only one protocol can be wanted of one side");
    }
    return true;
}

/* What is made of the wanted protocols, and what they are made of. */
static uint64_t related_to(const struct ruleset *set, uint64_t wanted)
{
    uint64_t related = set_wholes_of(set, wanted);
    for (size_t p = 0; p < set->protocol_count; p++)
        if (wanted >> p & 1)
            related |= set_parts_of(set, set->protocols[p]);
    return related;
}

bool is_protocol_check(const struct check *check)
{
    return check->test == protocol_holds;
}

static bool parse_protocol_keyword(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    static const struct {
        const char *name;
        uint8_t mode;
    } modes[] = { { "direction", RECOGNISED_HERE },    { "to_server", RECOGNISED_SERVER },
                  { "to_client", RECOGNISED_CLIENT },  { "either", RECOGNISED_EITHER },
                  { "both", RECOGNISED_BOTH },         { "final", RECOGNISED_FINAL },
                  { "original", RECOGNISED_ORIGINAL }, { "exact", RECOGNISED_EXACT } };
    struct check *check = compiler_check(c, protocol_holds);
    struct wanted_protocol *wanted = COMPILER_NEW(c, struct wanted_protocol);
    if (!check || !wanted)
        return false;
    if (c->protocols)
        return refuse(c, "the rule's header names a protocol already");
    struct bytes mode = value, name = bytes_trim(bytes_cut(&mode, ','));
    mode = bytes_trim(mode);
    if (name.size && name.data[0] == '!') {
        check->negated = true;
        name = bytes_trim(bytes_from(name, 1));
    }
    if (!unquote(&name))
        return refuse(c, "a quote is not closed");
    if (mode.size) {
        size_t i = 0;
        while (i < COUNT_OF(modes) && !bytes_is(mode, modes[i].name))
            i++;
        if (i == COUNT_OF(modes))
            return refuse(c, "\"%.*s\" is not known", (int)MIN(mode.size, 40U), (const char *)mode.data);
        check->mode = modes[i].mode;
    }
    check->data = wanted;
    c->signature->once = true;
    do {
        struct bytes one = bytes_trim(bytes_cut(&name, '|'));
        uint64_t named = set_protocols_named(c->set, one);
        wanted->unknown |= bytes_is(one, "unknown");
        wanted->failed |= bytes_is(one, "failed");
        bool exact = check->mode == RECOGNISED_EXACT;
        wanted->protocols |= named | (exact ? 0 : related_to(c->set, named));
        if (exact && named & (named - 1))
            return refuse(c, "\"%.*s\" is the name of several protocols", (int)MIN(one.size, 40U),
                          (const char *)one.data);
        if (!named && !bytes_is(one, "unknown") && !bytes_is(one, "failed"))
            return refuse(c, "the protocol \"%.*s\" is not known", (int)MIN(one.size, 40U),
                          (const char *)one.data);
    } while (name.size);
    if (wanted->unknown && check->negated)
        return refuse(c, "\"unknown\" cannot be negated: what is not known yet may become anything");
    return agrees(c, check);
}

/* What is told when these are wanted: DNS over HTTP/2 is known by both of its parts. */
static const struct {
    uint64_t wanted;
    const char *told[4];
} related_protocols[] = {
    { 1U << PROTOCOL_http | 1U << PROTOCOL_http2, { "http", "http2", "http_any" } },
    { 1U << PROTOCOL_http2 | 1U << PROTOCOL_doh2, { "doh2", "http2" } },
    { 1U << PROTOCOL_doh2 | 1U << PROTOCOL_http2 | 1U << PROTOCOL_dns,
      { "dns", "doh2", "http2", "http_any" } },
    { 1U << PROTOCOL_dns | 1U << PROTOCOL_doh2, { "dns", "doh2" } },
};

static void write_wanted(const struct ruleset *set, uint64_t wanted, struct text *out)
{
    uint64_t by_id = 0;
    for (size_t p = 0; p < set->protocol_count; p++)
        if (wanted >> p & 1)
            by_id |= (uint64_t)1 << set->protocols[p]->id;
    for (size_t i = 0; i < COUNT_OF(related_protocols); i++) {
        if (related_protocols[i].wanted != by_id)
            continue;
        for (size_t k = 0; k < COUNT_OF(related_protocols->told) && related_protocols[i].told[k]; k++)
            json_cstring(out, NULL, related_protocols[i].told[k]);
        return;
    }
    for (size_t p = set->protocol_count; p-- > 0;)
        if (wanted >> p & 1)
            json_cstring(out, NULL, set->protocols[p]->name);
}

static void report_protocol(const struct ruleset *set, const struct rule_part *part, struct text *out)
{
    static const char *const modes[] = {
        [RECOGNISED_HERE] = "direction",    [RECOGNISED_SERVER] = "to_server",
        [RECOGNISED_CLIENT] = "to_client",  [RECOGNISED_EITHER] = "either",
        [RECOGNISED_BOTH] = "both",         [RECOGNISED_FINAL] = "final",
        [RECOGNISED_ORIGINAL] = "original", [RECOGNISED_EXACT] = "exact",
    };
    const struct wanted_protocol *wanted = part->check->data;
    json_open(out, "protocols", '[');
    if (wanted->failed)
        json_cstring(out, NULL, wanted->unknown ? "unknown" : "failed");
    write_wanted(set, wanted->protocols, out);
    json_close(out, ']');
    json_cstring(out, "mode", modes[part->check->mode]);
    json_bool(out, "negated", part->check->negated);
}

/* ---- anomalies ---- */

static bool session_event_holds(const struct check *check, struct context *context)
{
    const struct session *session = context->in->session;
    for (unsigned i = 0; session && i < session->event_count; i++)
        if (session->events[i] == check->a)
            return true;
    return false;
}

static bool recognition_event(struct compiler *c, struct bytes name)
{
    for (unsigned i = 0; i < SESSION_EVENT_COUNT; i++) {
        if (!bytes_equal_nocase(name, bytes_of_string(session_event_names[i])))
            continue;
        struct check *check = compiler_check(c, session_event_holds);
        if (!check)
            return false;
        check->a = i;
        c->signature->trigger = TRIGGER_APP_EVENT;
        return true;
    }
    return refuse(c, "\"%.*s\" is no anomaly of recognition", (int)MIN(name.size, 80U),
                  (const char *)name.data);
}

/* The number of the protocol's event `name`; -1: it has none. */
static int event_of(const struct protocol *protocol, struct bytes name)
{
    for (int i = 0; protocol->events && protocol->events[i]; i++)
        if (bytes_equal_nocase(name, bytes_of_string(protocol->events[i])))
            return i;
    return -1;
}

static bool parse_app_event(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    size_t dot = bytes_find_byte(value, '.');
    if (dot == SIZE_MAX)
        return recognition_event(c, value);
    uint64_t named = set_protocols_named(c->set, bytes_first(value, dot)), have = 0;
    struct bytes name = bytes_from(value, dot + 1);
    if (!named)
        return refuse(c, "the protocol \"%.*s\" is not known", (int)MIN(dot, 40U), (const char *)value.data);
    struct buffer *buffer = set_buffer_kind(c->set, "event", BUFFER_EVENT, NULL);
    struct buffer_use *use = buffer ? compiler_add_use(c, buffer) : NULL;
    if (!use)
        return refuse(c, "out of memory");
    /* Protocols that share a name number it alike, or that of this very name counts, or the first. */
    for (unsigned round = 0; round < 2; round++) {
        for (size_t p = 0; p < c->set->protocol_count; p++) {
            const struct protocol *protocol = c->set->protocols[p];
            int event = event_of(protocol, name);
            bool own = bytes_is(bytes_first(value, dot), protocol->name);
            if (!(named >> p & 1) || event < 0 || own != !round || (have && use->event != event))
                continue;
            have |= (uint64_t)1 << p;
            use->event = (uint8_t)event;
        }
    }
    use->protocols = have;
    c->signature->trigger = TRIGGER_APP_EVENT;
    if (!have) {
        /* Lists of rules name the events of every release: one that does not exist cannot happen. */
        c->skip = true;
        (void)refuse(c, "app-layer-event keyword's protocol \"%.*s\" doesn't have event \"%.*s\" registered",
                     (int)MIN(dot, 40U), (const char *)value.data, (int)MIN(name.size, 80U),
                     (const char *)name.data);
    }
    return true;
}

/* ---- what a config rule does ---- */

static bool config_run(const struct check *action, struct context *context)
{
    (void)action;
    struct tx *tx = context->tx;
    if (tx)
        tx->logged = true;
    if (tx && tx->protocol->silenced)
        tx->protocol->silenced(context->in->session, tx);
    return true;
}

static bool parse_config(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    if (!bytes_starts(value, BYTES_OF("logging")))
        return refuse(c, "only \"logging disable, type tx, scope tx\" is known");
    struct bytes word;
    bool typed = false, scoped = false;
    while (list_next(&value, &word)) {
        bool type = bytes_is(word, "type tx") || bytes_is(word, "type flow"),
             scope = bytes_is(word, "scope tx") || bytes_is(word, "scope flow");
        typed |= type;
        scoped |= scope;
        if (!type && !scope && !bytes_is(word, "logging disable"))
            return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
    }
    if (!typed || !scoped)
        return refuse(c, "a type and a scope are wanted: tx or flow");
    return compiler_action(c, config_run) != NULL;
}

/* Progress of the transaction, by name, perhaps with < or >. */
static bool parse_state(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    uint8_t comparison = IS_EQUAL;
    if (value.size && (value.data[0] == '<' || value.data[0] == '>')) {
        comparison = value.data[0] == '<' ? IS_LESS : IS_MORE;
        value = bytes_trim(bytes_from(value, 1));
    }
    struct buffer *buffer = set_buffer_kind(c->set, "hook", BUFFER_HOOK, NULL);
    struct buffer_use *use = c->protocols && buffer ? compiler_add_use(c, buffer) : NULL;
    if (!use || !find_progress(c, value, &use->direction, &use->progress))
        return refuse(c, "\"%.*s\" is no state of the rule's protocol", (int)MIN(value.size, 60U),
                      (const char *)value.data);
    use->protocols = c->protocols;
    use->range.comparison = comparison;
    return true;
}

static bool bypass_run(const struct check *action, struct context *context)
{
    (void)action;
    (void)context;
    return true;
}

static bool parse_bypass(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    (void)value;
    c->signature->bypass = true;
    return compiler_action(c, bypass_run) != NULL;
}

/* A PORT command, and what stands behind it. */
static bool parse_ftpbounce(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    (void)value;
    struct buffer_use *command = compiler_named_use(c, "ftp.command");
    struct item *port = command ? compiler_content(c, command, BYTES_OF("port"), false) : NULL;
    struct buffer_use *use = port ? compiler_named_use(c, "ftp.command_data") : NULL;
    struct item *item = use ? COMPILER_NEW(c, struct item) : NULL;
    if (!item)
        return false;
    command->implied = port->content.nocase = true;
    item->kind = ITEM_BOUNCE;
    use->items = item;
    return true;
}

const struct keyword app_keywords[] = {
    { "app-layer-protocol", .parse = parse_protocol_keyword, .flags = KEYWORD_QUOTED,
      .help = "The protocol recognised", .key = "app_layer_protocol", .report = report_protocol },
    { "app-layer-event", .parse = parse_app_event, .flags = KEYWORD_OF_EVENT,
      .help = "An anomaly of the application protocol" },
    { "app-layer-state", .parse = parse_state, .help = "How far the transaction is" },
    { "config", .parse = parse_config, .help = "Turns logging of the transaction off" },
    { "bypass", .parse = parse_bypass, .flags = KEYWORD_NO_VALUE,
      .help = "The rest of the flow is not looked at" },
    { "ftpbounce", .parse = parse_ftpbounce, .flags = KEYWORD_NO_VALUE,
      .help = "A PORT command names another host", .source = "RFC 2577 3",
      .list = "ftp:request_complete:generic" },
    { 0 },
};
