/* SPDX-License-Identifier: Apache-2.0 */
/* threshold, detection_filter, and the lines of threshold.config. */
#include <stdlib.h>

#include "detect/keyword.h"
#include "detect/shared.h"

static bool parse_track(struct bytes word, uint8_t *track)
{
    static const struct {
        const char *name;
        enum track track;
    } tracks[] = { { "by_src", TRACK_SRC },   { "by_dst", TRACK_DST },   { "by_both", TRACK_BOTH },
                   { "by_rule", TRACK_RULE }, { "by_flow", TRACK_FLOW }, { "by_either", TRACK_EITHER } };
    for (size_t i = 0; i < COUNT_OF(tracks); i++) {
        if (bytes_is(word, tracks[i].name)) {
            *track = (uint8_t)tracks[i].track;
            return true;
        }
    }
    return false;
}

static bool parse_type(struct bytes word, uint8_t *type)
{
    static const char *const types[] = { "limit", "threshold", "both", "backoff" };
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (bytes_is(word, types[i])) {
            *type = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static bool parse_action_name(struct bytes word, uint8_t *action)
{
    static const struct {
        const char *name;
        uint8_t action;
    } names[] = { { "alert", ACTION_ALERT },
                  { "drop", ACTION_DROP },
                  { "pass", ACTION_PASS },
                  { "reject", ACTION_REJECT } };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (bytes_is(word, names[i].name)) {
            *action = names[i].action;
            return true;
        }
    }
    return false;
}

/* "name value, name value, ..." of any threshold. */
static bool parse_parts(struct bytes value, struct threshold *t, struct bytes *wrong)
{
    struct bytes word;
    while (list_next(&value, &word)) {
        size_t space = bytes_find_byte(word, ' ');
        struct bytes name = bytes_first(word, space),
                     rest = bytes_trim(bytes_from(word, MIN(space, word.size)));
        uint64_t number = 0;
        *wrong = word;
        if (bytes_is(name, "type")) {
            if (!parse_type(rest, &t->type))
                return false;
        } else if (bytes_is(name, "track")) {
            if (!parse_track(rest, &t->track))
                return false;
        } else if (bytes_is(name, "new_action")) {
            if (!parse_action_name(rest, &t->new_action))
                return false;
        } else if (bytes_is(name, "gen_id") || bytes_is(name, "sig_id")) {
            continue;
        } else {
            uint32_t *place = bytes_is(name, "count")        ? &t->count
                              : bytes_is(name, "seconds")    ? &t->seconds
                              : bytes_is(name, "timeout")    ? &t->timeout
                              : bytes_is(name, "multiplier") ? &t->multiplier
                                                             : NULL;
            if (!place || !bytes_to_u64(rest, &number) || number > UINT32_MAX)
                return false;
            *place = (uint32_t)number;
        }
    }
    *wrong = BYTES_NONE;
    return true;
}

static bool is_whole(const struct threshold *t)
{
    if (t->track == TRACK_NONE || t->track == TRACK_EITHER)
        return false;
    if (t->type == THRESHOLD_BACKOFF)
        return t->count > 0 && t->multiplier > 0 && t->track == TRACK_FLOW;
    return t->type != THRESHOLD_FILTER || (t->count > 0 && t->seconds > 0);
}

static bool parse_threshold(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct threshold *t = COMPILER_NEW(c, struct threshold);
    struct bytes wrong;
    if (!t)
        return false;
    t->type = keyword->mode ? THRESHOLD_FILTER : UINT8_MAX;
    if (!parse_parts(value, t, &wrong))
        return refuse(c, "\"%.*s\" is not known", (int)MIN(wrong.size, 60U), (const char *)wrong.data);
    if (t->type == UINT8_MAX || !is_whole(t))
        return refuse(c, "type, track, count and seconds are wanted; those of a filter are over 0, backoff "
                         "takes by_flow, a count and a multiplier over 0");
    if (keyword->mode ? c->signature->threshold || c->signature->filter : c->signature->filter != NULL)
        return refuse(c, "a rule has thresholds or one detection_filter");
    for (const struct threshold *other = c->signature->threshold; other; other = other->next)
        if (other->type == t->type)
            return refuse(c, "multiple \"threshold\" options are not allowed in the same rule");
    struct threshold **place = keyword->mode ? &c->signature->filter : &c->signature->threshold;
    t->next = *place;
    *place = t;
    return true;
}

const struct keyword threshold_keywords[] = {
    { "threshold", .parse = parse_threshold, .help = "How often the rule alerts", .list = "threshold" },
    { "detection_filter", .parse = parse_threshold, .mode = 1,
      .help = "How often the rule must match before it alerts", .list = "threshold" },
    { 0 },
};

/* ---- threshold.config ---- */

static struct bytes suppress_variable(const void *context, struct bytes name)
{
    const struct ruleset_settings *s = context;
    for (size_t i = 0; i < s->address_count; i++)
        if (bytes_is(name, s->addresses[i].name))
            return bytes_of_string(s->addresses[i].value);
    return BYTES_NONE;
}

struct selector {
    uint64_t gid, sid;
};

static struct selector selector_of(struct bytes value)
{
    struct selector selector = { 0, 0 };
    struct bytes word;
    while (list_next(&value, &word)) {
        struct bytes rest = bytes_trim(bytes_from(word, MIN(bytes_find_byte(word, ' '), word.size)));
        if (bytes_starts(word, BYTES_OF("gen_id ")) && !bytes_to_u64(rest, &selector.gid))
            selector.gid = UINT64_MAX;
        if (bytes_starts(word, BYTES_OF("sig_id ")) && !bytes_to_u64(rest, &selector.sid))
            selector.sid = UINT64_MAX;
    }
    return selector;
}

static bool add_suppression(struct ruleset *set, struct bytes value)
{
    struct selector selector = selector_of(value);
    struct bytes word;
    struct suppression *s = ARENA_NEW(&set->memory, struct suppression);
    if (!s || selector.gid > UINT32_MAX || selector.sid > UINT32_MAX)
        return false;
    s->gid = (uint32_t)selector.gid;
    s->sid = (uint32_t)selector.sid;
    while (list_next(&value, &word)) {
        struct bytes rest = bytes_trim(bytes_from(word, MIN(bytes_find_byte(word, ' '), word.size)));
        struct error error;
        if (bytes_starts(word, BYTES_OF("track ")) && !parse_track(rest, &s->track))
            return false;
        if (bytes_starts(word, BYTES_OF("ip ")) &&
            !ranges_parse(rest, false, suppress_variable, set->settings, &s->addresses, &error))
            return false;
    }
    if (s->track != TRACK_NONE && s->addresses.count == 0)
        return false;
    s->next = set->suppressions;
    set->suppressions = s;
    return true;
}

/* A line's threshold goes to the rules it names; 0 names all that have none of their own. */
static bool add_threshold(struct ruleset *set, struct bytes value, bool rate)
{
    struct selector selector = selector_of(value);
    struct threshold parsed = { .type = rate ? THRESHOLD_RATE : UINT8_MAX };
    struct bytes wrong;
    if (!parse_parts(value, &parsed, &wrong) || parsed.type == UINT8_MAX || !is_whole(&parsed) ||
        (rate && !parsed.new_action))
        return false;
    for (size_t i = 0; i < set->signature_count; i++) {
        struct signature *s = set->signatures[i];
        if ((selector.gid && selector.gid != s->rule.gid) || (selector.sid && selector.sid != s->rule.sid))
            continue;
        if (selector.sid == 0 && (rate ? s->filter : s->threshold))
            continue;
        struct threshold *t = ARENA_NEW(&set->memory, struct threshold);
        if (!t)
            return false;
        *t = parsed;
        if (rate) {
            t->next = s->filter;
            s->filter = t;
        } else {
            s->threshold = t;
        }
    }
    return true;
}

bool load_thresholds(struct ruleset *set, struct bytes text, const char *file)
{
    uint32_t number = 0;
    char joined[65536];
    struct text line = text_of(joined, sizeof joined);
    while (text.size) {
        struct bytes part = bytes_trim(bytes_cut(&text, '\n'));
        number++;
        bool more = part.size && part.data[part.size - 1] == '\\';
        if (more)
            part.size--;
        text_put(&line, part);
        if (more)
            continue;
        struct bytes rest = bytes_trim(text_bytes(&line));
        if (rest.size && rest.data[0] != '#') {
            struct bytes word = bytes_cut(&rest, ' ');
            rest = bytes_trim(rest);
            bool done = bytes_is(word, "suppress") ? add_suppression(set, rest)
                        : bytes_is(word, "threshold") || bytes_is(word, "event_filter")
                            ? add_threshold(set, rest, false)
                        : bytes_is(word, "rate_filter") ? add_threshold(set, rest, true)
                                                        : false;
            if (!done && set->settings->refused) {
                struct rule_reason reason = { .file = file, .line = number, .column = 1, .keyword = word };
                struct text why = text_of(reason.text, sizeof reason.text);
                text_string(&why, "the line is not understood");
                set->settings->refused(set->settings->context, &reason);
            }
        }
        text_clear(&line);
    }
    return true;
}
