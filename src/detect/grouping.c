/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of rules by port; see grouping.h. */
#include "detect/grouping.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "detect/set.h"
#include "packet/decode.h"

#define PORT_COUNT   65536U
#define DOCUMENT_MAX (256U << 20) /* bytes of the document */
#define TCP_PRIORITY "[53,80,139,443,445,1433,3306,3389,6666,6667,8080]"
#define UDP_PRIORITY "[53,135,5060]"

/* Ports that the same sets of ports hold. */
struct group {
    uint32_t low, high;
    uint64_t *members;     /* bit per port set */
    uint32_t total, plain; /* rules; those without a pattern */
    bool priority;
    uint32_t id;
};

/* One protocol and direction. */
struct grouping {
    const struct ruleset *set;
    unsigned protocol, direction;
    size_t words;              /* of a group's members */
    uint32_t *totals, *plains; /* rules by port set */
    struct group *groups;
    size_t count, capacity;
};

static bool allows(const struct header *header, unsigned protocol)
{
    return header->ip_protocols[protocol / 8] >> protocol % 8 & 1;
}

/* Judged by packet: rules on addresses only and on broken packets have their own ways. */
static bool is_grouped(const struct grouping *g, const struct signature *s)
{
    return s->kind != SIGNATURE_IP_ONLY && s->trigger != TRIGGER_DECODE_EVENT &&
           (g->direction == TO_SERVER ? s->to_server : s->to_client) &&
           allows(&g->set->headers[s->header], g->protocol);
}

/* The sets of the server's ports that a rule names; the second only of <>. */
static size_t port_sets(const struct grouping *g, const struct signature *s, uint16_t sets[2])
{
    const struct header *header = &g->set->headers[s->header];
    sets[0] = g->direction == TO_SERVER ? header->dst_ports : header->src_ports;
    sets[1] = g->direction == TO_SERVER ? header->src_ports : header->dst_ports;
    return header->both && sets[0] != sets[1] ? 2 : 1;
}

static bool has_member(const struct group *group, size_t set)
{
    return group->members[set / 64] >> set % 64 & 1;
}

static bool holds_rule(const struct grouping *g, const struct group *group, const struct signature *s)
{
    uint16_t sets[2];
    if (!is_grouped(g, s))
        return false;
    for (size_t n = port_sets(g, s, sets); n > 0; n--)
        if (has_member(group, sets[n - 1]))
            return true;
    return false;
}

static void count_rules(struct grouping *g)
{
    for (size_t i = 0; i < g->set->signature_count; i++) {
        const struct signature *s = g->set->signatures[i];
        uint16_t sets[2];
        for (size_t n = is_grouped(g, s) ? port_sets(g, s, sets) : 0; n > 0; n--) {
            g->totals[sets[n - 1]]++;
            g->plains[sets[n - 1]] += s->fast == NULL;
        }
    }
}

/* ---- ports that no rule tells apart ---- */

static bool add_group(struct grouping *g, uint32_t low, uint32_t high, const uint64_t *members)
{
    struct group *last = g->count ? &g->groups[g->count - 1] : NULL;
    if (last && last->high + 1 == low && memcmp(last->members, members, g->words * sizeof *members) == 0) {
        last->high = high;
        return true;
    }
    if (g->count == g->capacity) {
        size_t capacity = g->capacity ? g->capacity * 2 : 64;
        struct group *groups = realloc(g->groups, capacity * sizeof *groups);
        if (!groups)
            return false;
        g->groups = groups;
        g->capacity = capacity;
    }
    uint64_t *copy = malloc(g->words * sizeof *copy);
    if (!copy)
        return false;
    memcpy(copy, members, g->words * sizeof *copy);
    g->groups[g->count++] = (struct group){ .low = low, .high = high, .members = copy };
    return true;
}

static void mark_starts(const struct grouping *g, bool *starts)
{
    starts[0] = true;
    for (size_t s = 0; s < g->set->ports.count; s++)
        for (size_t i = 0; g->totals[s] && i < g->set->ports.items[s].count; i++) {
            starts[(uint32_t)g->set->ports.items[s].items[i].low] = true;
            starts[(uint32_t)g->set->ports.items[s].items[i].high + 1] = true;
        }
}

/* Whether some set holds the ports from `low` on; which, in `members`. */
static bool find_members(const struct grouping *g, uint32_t low, uint64_t *members)
{
    bool any = false;
    memset(members, 0, g->words * sizeof *members);
    for (size_t s = 0; s < g->set->ports.count; s++) {
        if (!g->totals[s] || !ranges_has(&g->set->ports.items[s], low))
            continue;
        members[s / 64] |= (uint64_t)1 << s % 64;
        any = true;
    }
    return any;
}

static bool cut_ports(struct grouping *g)
{
    bool *starts = calloc(PORT_COUNT + 1, sizeof *starts);
    uint64_t *members = calloc(g->words, sizeof *members);
    bool good = starts && members;
    if (good)
        mark_starts(g, starts);
    for (uint32_t low = 0, high; good && low < PORT_COUNT; low = high + 1) {
        for (high = low; high + 1 < PORT_COUNT && !starts[high + 1];)
            high++;
        if (find_members(g, low, members))
            good = add_group(g, low, high, members);
    }
    free(starts);
    free(members);
    return good;
}

/* ---- their order ---- */

static int by_weight(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority ? -1 : 1;
    if (x->plain != y->plain)
        return x->plain > y->plain ? -1 : 1;
    if (x->total != y->total)
        return x->total > y->total ? -1 : 1;
    return x->low < y->low ? -1 : x->low > y->low;
}

static void weigh(struct grouping *g, const struct ranges *priority)
{
    for (size_t i = 0; i < g->count; i++) {
        struct group *group = &g->groups[i];
        group->priority = group->low == group->high && ranges_has(priority, group->low);
        for (size_t s = 0; s < g->set->ports.count; s++) {
            group->total += has_member(group, s) ? g->totals[s] : 0;
            group->plain += has_member(group, s) ? g->plains[s] : 0;
        }
    }
    if (g->count)
        qsort(g->groups, g->count, sizeof *g->groups, by_weight);
}

/* Groups of the same rules have one number; those past the limit become one. */
static void number(struct grouping *g, uint32_t max, uint32_t *next)
{
    uint32_t distinct = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct group *group = &g->groups[i];
        size_t same = 0;
        while (same < i &&
               memcmp(g->groups[same].members, group->members, g->words * sizeof *group->members) != 0)
            same++;
        if (same < i) {
            group->id = g->groups[same].id;
            continue;
        }
        group->id = (*next)++;
        if (!max || distinct++ < max)
            continue;
        for (size_t k = i + 1; k < g->count; k++) {
            for (size_t w = 0; w < g->words; w++)
                group->members[w] |= g->groups[k].members[w];
            free(g->groups[k].members);
        }
        group->low = 0;
        group->high = PORT_COUNT - 1;
        g->count = i + 1;
    }
}

/* ---- the document ---- */

static void write_group(struct text *out, const struct grouping *g, const struct group *group,
                        bool with_rules)
{
    uint32_t total = 0, plain = 0;
    json_open(out, NULL, '{');
    json_uint(out, "port", group->low);
    json_uint(out, "port2", group->high);
    json_open(out, "rulegroup", '{');
    json_uint(out, "id", group->id);
    if (with_rules)
        json_open(out, "rules", '[');
    for (size_t i = 0; i < g->set->signature_count; i++) {
        const struct signature *s = g->set->signatures[i];
        if (!holds_rule(g, group, s))
            continue;
        total++;
        plain += s->fast == NULL;
        if (!with_rules)
            continue;
        json_open(out, NULL, '{');
        json_uint(out, "sig_id", s->rule.sid);
        json_close(out, '}');
    }
    if (with_rules)
        json_close(out, ']');
    json_open(out, "stats", '{');
    json_uint(out, "total", total);
    json_open(out, "types", '{');
    json_uint(out, "mpm", total - plain);
    json_uint(out, "non_mpm", plain);
    json_close(out, '}');
    json_close(out, '}');
    json_close(out, '}');
    json_close(out, '}');
}

static void grouping_done(struct grouping *g)
{
    for (size_t i = 0; i < g->count; i++)
        free(g->groups[i].members);
    free(g->groups);
    free(g->totals);
    free(g->plains);
}

static bool write_direction(struct text *out, struct grouping *g, const struct ranges *priority,
                            const struct grouping_settings *settings, uint32_t *next)
{
    g->words = g->set->ports.count / 64 + 1;
    g->totals = calloc(g->set->ports.count + 1, sizeof *g->totals);
    g->plains = calloc(g->set->ports.count + 1, sizeof *g->plains);
    if (!g->totals || !g->plains)
        return false;
    count_rules(g);
    if (!cut_ports(g))
        return false;
    weigh(g, priority);
    number(g, settings->groups_max[g->direction], next);
    json_open(out, g->direction == TO_SERVER ? "toserver" : "toclient", '[');
    for (size_t i = 0; i < g->count; i++)
        write_group(out, g, &g->groups[i], settings->with_rules);
    json_close(out, ']');
    return true;
}

static struct bytes no_variable(const void *context, struct bytes name)
{
    (void)context;
    (void)name;
    return BYTES_NONE;
}

static bool write_protocol(struct text *out, const struct ruleset *set, unsigned protocol, const char *ports,
                           const struct grouping_settings *settings, uint32_t *next, struct error *error)
{
    struct ranges priority;
    if (!ranges_parse(bytes_of_string(ports), true, no_variable, NULL, &priority, error))
        return false;
    bool good = true;
    json_open(out, protocol == IP_TCP ? "tcp" : "udp", '{');
    for (unsigned d = 0; good && d < DIRECTIONS; d++) {
        struct grouping g = { .set = set, .protocol = protocol, .direction = d };
        good = write_direction(out, &g, &priority, settings, next);
        grouping_done(&g);
    }
    json_close(out, '}');
    ranges_done(&priority);
    return good || error_set(error, "groups of rules: out of memory");
}

bool ruleset_write_groups(const struct ruleset *set, const struct grouping_settings *settings, FILE *out,
                          struct error *error)
{
    struct text text = text_new(DOCUMENT_MAX);
    uint32_t next = 0;
    json_open(&text, NULL, '{');
    bool good = write_protocol(&text, set, IP_TCP,
                               settings->tcp_priority ? settings->tcp_priority : TCP_PRIORITY, settings,
                               &next, error) &&
                write_protocol(&text, set, IP_UDP,
                               settings->udp_priority ? settings->udp_priority : UDP_PRIORITY, settings,
                               &next, error);
    json_close(&text, '}');
    json_end(&text);
    struct bytes bytes = text_bytes(&text);
    if (good && text.full)
        good = error_set(error, "groups of rules: more than %u bytes", DOCUMENT_MAX);
    if (good && (fwrite(bytes.data, 1, bytes.size, out) != bytes.size || fputc('\n', out) == EOF))
        good = error_system(error, "cannot write the groups of rules");
    text_done(&text);
    return good;
}
