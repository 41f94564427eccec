/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as --engine-analysis tells them in words: rules_analysis.txt and rules_fast_pattern.txt; see
 * analysis.h. */
#include "detect/analysis.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "detect/ranges.h"
#include "detect/rule_view.h"
#include "packet/packet.h"

#define REPORT_MAX (64U << 20) /* bytes of one rule's lines */
#define RULE_LINE  "-------------------------------------------------------------------\n"

/* ---- all rules, in the order of the files ---- */

static int by_place(const void *a, const void *b)
{
    const struct rule *x = &(*(const struct signature *const *)a)->rule,
                      *y = &(*(const struct signature *const *)b)->rule;
    if (x->file != y->file) {
        int order = strcmp(x->file ? x->file : "", y->file ? y->file : "");
        if (order)
            return order;
    }
    return x->line < y->line ? -1 : x->line > y->line;
}

static bool put(FILE *out, struct text *text, struct error *error)
{
    struct bytes bytes = text_bytes(text);
    bool whole = !text->full && fwrite(bytes.data, 1, bytes.size, out) == bytes.size;
    text_done(text);
    return whole || error_system(error, "cannot write the analysis of rules");
}

static bool write_head(FILE *out, struct error *error)
{
    time_t now = (time_t)(clock_wall() / NS_PER_S);
    struct tm tm;
    struct text text = text_new(512);
    (void)localtime_r(&now, &tm);
    text_string(&text, RULE_LINE);
    text_add(&text, "Date: %02d/%02d/%04d -- %02d:%02d:%02d\n", tm.tm_mday, tm.tm_mon + 1, tm.tm_year + 1900,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
    text_string(&text, RULE_LINE);
    return put(out, &text, error);
}

typedef void (*tell_fn)(struct text *out, const struct rule_view *view, void *context);

static bool tell_rules(const struct ruleset *set, tell_fn tell, void *context, FILE *out, struct error *error)
{
    const struct signature **sorted = calloc(set->signature_count + 1, sizeof *sorted);
    if (!sorted)
        return error_set(error, "the analysis of rules: out of memory");
    for (size_t i = 0; i < set->signature_count; i++)
        sorted[i] = set->signatures[i];
    qsort(sorted, set->signature_count, sizeof *sorted, by_place);
    bool good = write_head(out, error);
    for (size_t i = 0; good && i < set->signature_count; i++) {
        const struct rule_view view = rule_view(set, sorted[i]);
        struct text text = text_new(REPORT_MAX);
        text_add(&text, "== Sid: %u ==\n", sorted[i]->rule.sid);
        text_put(&text, sorted[i]->rule.text);
        text_char(&text, '\n');
        tell(&text, &view, context);
        text_char(&text, '\n');
        good = put(out, &text, error);
    }
    free(sorted);
    return good;
}

/* Bytes that are no text as \xHH, `quote` too. */
static void put_bytes(struct text *out, struct bytes bytes, char quote)
{
    for (size_t i = 0; i < bytes.size; i++) {
        char c = (char)bytes.data[i];
        if (c == '\\')
            text_string(out, "\\\\");
        else if (c >= ' ' && c < 0x7f && c != quote)
            text_char(out, c);
        else
            text_add(out, "\\x%02X", bytes.data[i]);
    }
}

static const char *help_of(const struct ruleset *set, const struct buffer *buffer)
{
    for (size_t p = 0; p < PROTOCOLS_MAX; p++)
        if (buffer->rows[p])
            return buffer->rows[p]->help ? buffer->rows[p]->help : "";
    uintptr_t *place = map_find(&set->keywords, bytes_of_string(buffer->name));
    const struct keyword *keyword = place ? (const struct keyword *)*place : NULL;
    return keyword && keyword->help ? keyword->help : "";
}

static void put_buffer(struct text *out, const struct rule_view *view)
{
    text_add(out, "%s (", help_of(view->set, view->fast_use->buffer));
    view_told_name(view, view->fast_use->buffer, out);
    text_char(out, ')');
}

/* What of a content the prefilter looks for. */
static struct bytes looked_for(const struct content *content)
{
    return content->chop_size
               ? bytes_first(bytes_from(content->bytes, content->chop_offset), content->chop_size)
               : content->bytes;
}

/* ---- rules_fast_pattern.txt ---- */

struct payload_patterns {
    size_t least, most, count;
    uint64_t total;
};

static void tell_flags(struct text *out, const struct item *item)
{
    const struct content *content = &item->content;
    const struct {
        const char *name;
        bool set;
    } flags[] = { { " Offset", content->has_offset }, { " Depth", content->has_depth },
                  { " Within", content->has_within }, { " Distance", content->has_distance },
                  { " Nocase", content->nocase },     { " Negated", item->negated } };
    bool any = false;
    text_string(out, "        Flags:");
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        any |= flags[i].set;
        text_string(out, flags[i].set ? flags[i].name : "");
    }
    text_string(out, any ? "\n" : " None\n");
}

static void tell_pattern(struct text *out, const struct rule_view *view, void *context)
{
    struct payload_patterns *all = context;
    text_string(out, "    Fast Pattern analysis:\n");
    if (view->leader) {
        text_add(out, "        Prefilter on: %s\n", view_keyword_name(view->leader->keyword));
        return;
    }
    if (!view->fast) {
        text_string(out, "        No content present\n");
        return;
    }
    const struct content *content = &view->fast->content;
    struct bytes final = looked_for(content);
    text_string(out, "        Fast pattern matcher: ");
    if (view->fast_use->buffer->kind == BUFFER_PAYLOAD) {
        text_string(out, "content");
        all->least = all->count ? MIN(all->least, final.size) : final.size;
        all->most = MAX(all->most, final.size);
        all->total += final.size;
        all->count++;
    } else {
        put_buffer(out, view);
    }
    text_char(out, '\n');
    tell_flags(out, view->fast);
    text_add(out, "        Fast pattern set: %s\n", content->fast_pattern ? "yes" : "no");
    text_add(out, "        Fast pattern only set: %s\n", content->fast_only ? "yes" : "no");
    text_add(out, "        Fast pattern chop set: %s\n", content->chop_size ? "yes" : "no");
    if (content->chop_size)
        text_add(out, "        Fast pattern offset, length: %u, %u\n", content->chop_offset,
                 content->chop_size);
    text_string(out, "        Original content: ");
    put_bytes(out, content->bytes, '\0');
    text_string(out, "\n        Final content: ");
    put_bytes(out, final, '\0');
    text_char(out, '\n');
}

bool ruleset_write_patterns(const struct ruleset *set, FILE *out, struct error *error)
{
    struct payload_patterns all = { 0 };
    if (!tell_rules(set, tell_pattern, &all, out, error))
        return false;
    struct text text = text_new(512);
    text_string(&text, "============\nSummary:\n============\n");
    if (all.count)
        text_add(
            &text,
            "packet/stream payload, smallest pattern %zu byte(s), longest pattern %zu byte(s), number of "
            "patterns %zu, avg pattern len %.2f byte(s)\n",
            all.least, all.most, all.count, (double)all.total / (double)all.count);
    return put(out, &text, error);
}

/* ---- rules_analysis.txt ---- */

/* What the advice goes by. */
struct traits {
    size_t contents, regexes;  /* in raw bytes */
    bool tcp, transport, http; /* of TCP; of a transport, not of any; of HTTP/1 only */
    bool flow, flags, bits;    /* has keywords of them */
    uint8_t version;           /* of IP; 0: both */
    bool client_ports, both;
};

static bool has_protocol(const struct header *header, uint8_t protocol)
{
    return header->ip_protocols[protocol / 8] >> protocol % 8 & 1;
}

static void take_keywords(struct traits *traits, const struct rule_view *view)
{
    for (const struct rule_part *part = view->parts->first; part; part = part->next) {
        const char *name = part->keyword ? view_keyword_name(part->keyword) : "";
        traits->flow |= strcmp(name, "flow") == 0 && !part->hidden;
        traits->flags |= strcmp(name, "tcp.flags") == 0;
        traits->bits |= !part->action && (strcmp(name, "flowbits") == 0 || strcmp(name, "flowint") == 0);
    }
}

static struct traits traits_of(const struct rule_view *view)
{
    const struct signature *s = view->signature;
    const struct header *h = &view->set->headers[s->header];
    const struct ranges *ports = view->set->ports.items;
    const char *protocol = view->parts->app_layer ? view_protocols_name(view->set, s->protocols) : NULL;
    bool source = !ranges_is_all(&ports[h->src_ports], true),
         destination = !ranges_is_all(&ports[h->dst_ports], true);
    struct traits traits = { .tcp = has_protocol(h, IP_TCP) && !has_protocol(h, IP_ICMP),
                             .transport = !has_protocol(h, IP_ICMP),
                             .http = protocol && strcmp(protocol, "http") == 0,
                             .version = h->version,
                             .client_ports = s->to_server != s->to_client &&
                                             (s->to_server ? source && !destination : destination && !source),
                             .both = h->both };
    take_keywords(&traits, view);
    for (size_t i = 0; i < view->use_count; i++) {
        const struct buffer *buffer = view->uses[i]->buffer;
        if (strcmp(buffer->name, "ipv4.hdr") == 0 || strcmp(buffer->name, "ipv6.hdr") == 0)
            traits.version = (uint8_t)(buffer->name[3] - '0');
        for (const struct item *item = view->uses[i]->items; item && buffer->kind == BUFFER_PAYLOAD;
             item = item->next) {
            traits.contents += item->kind == ITEM_CONTENT;
            traits.regexes += item->kind == ITEM_REGEX;
        }
    }
    return traits;
}

static const char *kind_of(const char *type)
{
    static const struct {
        const char *type, *kind;
    } kinds[] = { { "ip_only", "ip only" },
                  { "like_ip_only", "like ip only" },
                  { "pd_only", "PD only" },
                  { "de_only", "DE only" },
                  { "pkt", "packet inspecting" },
                  { "pkt_stream", "packet and stream inspecting" },
                  { "stream", "stream inspecting" },
                  { "app_layer", "app-layer inspecting" },
                  { "app_tx", "App-layer TX inspecting" } };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].type, type) == 0)
            return kinds[i].kind;
    return "";
}

static void tell_fast(struct text *out, const struct rule_view *view)
{
    size_t transforms = 0;
    if (view->leader) {
        text_add(out, "    Prefilter on: %s.\n", view_keyword_name(view->leader->keyword));
        return;
    }
    if (!view->fast)
        return;
    text_string(out, "    Fast Pattern \"");
    put_bytes(out, looked_for(&view->fast->content), '"');
    text_string(out, "\" on \"");
    if (view->fast_use->buffer->kind == BUFFER_PAYLOAD)
        text_string(out, !view->stream  ? "payload"
                         : view->packet ? "payload and reassembled stream"
                                        : "reassembled stream");
    else
        put_buffer(out, view);
    for (const struct transform *t = view->fast_use->buffer->transforms; t; t = t->next)
        transforms++;
    if (transforms)
        text_add(out, "\" (with %zu transform(s)) buffer.\n", transforms);
    else
        text_string(out, "\" buffer.\n");
}

#define ADVICE "             -"

static void tell_warnings(struct text *out, const struct rule_view *view, const struct traits *t, bool stores)
{
    const struct signature *s = view->signature;
    const struct {
        bool holds;
        const char *warning;
    } warnings[] = {
        { t->regexes && !t->contents, "Rule uses pcre without a content option present.\n" ADVICE
                                      "Consider adding a content to improve performance of this rule." },
        { t->http && t->contents,
          "Rule app layer protocol is http, but content options do not have http_* modifiers.\n" ADVICE
          "Consider adding http content modifiers." },
        { t->http && t->regexes,
          "Rule app layer protocol is http, but pcre options do not have http modifiers.\n" ADVICE
          "Consider adding http pcre modifiers." },
        { t->client_ports, "Rule contains ports or port variables only on the client side.\n" ADVICE
                           "Flow direction possibly inconsistent with rule." },
        { t->tcp && !t->flow && !t->flags && (t->contents || t->regexes || t->bits),
          "TCP rule without a flow or flags option.\n" ADVICE
          "Consider adding flow or flags to improve performance of this rule." },
        { t->tcp && view->payload && view->packet && view->stream,
          "Rule has depth/offset with raw content keywords.  Please note the offset/depth will be checked "
          "against both packet payloads and stream.  If you meant to have the offset/depth checked against "
          "just "
          "the payload, you can update the signature as \"alert tcp-pkt...\"" },
        { t->http && view->fast_use && view->fast_use->buffer->kind == BUFFER_PAYLOAD,
          "Rule app layer protocol is http, but the fast_pattern is set on the raw stream.  Consider adding "
          "fast_pattern over a http buffer for increased performance." },
        { t->transport && s->to_server && s->to_client,
          "Rule is inspecting both the request and the response." },
        { t->both && s->to_server != s->to_client,
          "Rule is bidirectional and has a flow option with a specific direction." },
        { s->files_store && !stores, "Rule requires file-store but the output file-store is not enabled." },
    };
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(warnings); i++) {
        any |= warnings[i].holds;
        if (warnings[i].holds)
            text_add(out, "    Warning: %s\n", warnings[i].warning);
    }
    text_string(out, any ? "" : "    No warnings for this rule.\n");
}

static void tell_advice(struct text *out, const struct rule_view *view, void *context)
{
    const bool *stores = context;
    const struct traits traits = traits_of(view);
    const char *protocol = view->parts->app_layer ? view_protocols_name(view->set, view->signature->protocols)
                                                  : NULL;
    text_add(out, "    Rule is %s.\n", kind_of(view_type(view)));
    if (traits.version)
        text_add(out, "    Rule is IPv%u only.\n", traits.version);
    if (view->packet)
        text_string(out, "    Rule matches on packets.\n");
    if (view->stream)
        text_string(out, "    Rule matches on reassembled stream.\n");
    if (protocol)
        text_add(out, "    App layer protocol is %s.\n", protocol);
    if (traits.contents || traits.regexes)
        text_add(
            out,
            "    Rule contains %zu content options, 0 http content options, %zu pcre options, and 0 pcre "
            "options with http modifiers.\n",
            traits.contents, traits.regexes);
    tell_fast(out, view);
    tell_warnings(out, view, &traits, *stores);
}

bool ruleset_write_advice(const struct ruleset *set, bool stores, FILE *out, struct error *error)
{
    return tell_rules(set, tell_advice, &stores, out, error);
}
