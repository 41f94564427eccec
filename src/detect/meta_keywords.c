/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords about the rule itself: numbers, texts, classification, references, requirements. */
#include <stdlib.h>

#include "base/json.h"
#include "detect/keyword.h"

#define LANGUAGE_VERSION 8000008 /* the release of Suricata whose rule language is spoken: 8.0.8 */

static bool parse_msg(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    if (c->signature->rule.message.data)
        return refuse(c, "given twice");
    if (!value.size)
        return refuse(c, "is empty");
    char clean[1024];
    size_t size = 0;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t b = value.data[i];
        if (b == '\\' && i + 1 < value.size && memchr("\";:\\", value.data[i + 1], 4))
            b = value.data[++i];
        if (size == sizeof clean)
            return refuse(c, "longer than %zu bytes", sizeof clean);
        clean[size++] = (char)b;
    }
    return compiler_copy(c, bytes_of(clean, size), &c->signature->rule.message);
}

enum { META_SID, META_GID, META_REV, META_PRIORITY };

static bool parse_id(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    struct rule *rule = &c->signature->rule;
    uint64_t number;
    if (!bytes_to_u64(value, &number) || number > UINT32_MAX ||
        (number == 0 && (keyword->mode == META_SID || keyword->mode == META_REV)))
        return refuse(c, "must be a number of 32 bits, not %.*s", (int)MIN(value.size, 40U),
                      (const char *)value.data);
    if (keyword->mode == META_SID) {
        if (c->has_sid)
            return refuse(c, "given twice");
        c->has_sid = true;
        rule->sid = (uint32_t)number;
    } else if (keyword->mode == META_GID) {
        rule->gid = (uint32_t)number;
    } else if (keyword->mode == META_REV) {
        rule->rev = (uint32_t)number;
    } else {
        rule->priority = (uint32_t)number;
    }
    return true;
}

/* An unknown class gets priority 3 and no description, as Suricata does. */
static bool parse_classtype(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct rule *rule = &c->signature->rule;
    uintptr_t *place = map_find(&c->set->classifications, value);
    if (!compiler_copy(c, value, &rule->classtype))
        return false;
    if (place) {
        const struct classification *known = (const struct classification *)*place;
        if (!c->priority || known->priority < c->priority)
            c->priority = known->priority;
        rule->category = known->description;
    }
    return true;
}

static bool parse_reference(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    char lower[64];
    struct bytes rest = value, system = bytes_trim(bytes_cut(&rest, ','));
    rest = bytes_trim(rest);
    if (system.size == 0 || rest.size == 0 || system.size >= sizeof lower)
        return refuse(c, "must be a system and an id");
    for (size_t i = 0; i < system.size; i++)
        lower[i] = (char)byte_lower(system.data[i]);
    uintptr_t *place = map_find(&c->set->references, bytes_of(lower, system.size));
    char buffer[1200];
    struct text url = text_of(buffer, sizeof buffer);
    if (place)
        text_string(&url, (const char *)*place);
    text_put(&url, rest);
    if (!c->references.size)
        json_open(&c->references, NULL, '[');
    json_string(&c->references, NULL, text_bytes(&url));
    return true;
}

/* The pairs of "key value, key value". */
struct pairs {
    struct bytes keys[RULE_METADATA_MAX], values[RULE_METADATA_MAX];
    size_t count;
};

static bool cut_pairs(struct bytes text, struct pairs *pairs)
{
    struct bytes item;
    pairs->count = 0;
    while (list_next(&text, &item)) {
        size_t space = 0;
        while (space < item.size && !byte_is_space(item.data[space]))
            space++;
        if (item.size == 0)
            continue;
        if (pairs->count == RULE_METADATA_MAX)
            return false;
        pairs->keys[pairs->count] = bytes_first(item, space);
        pairs->values[pairs->count++] = bytes_trim(bytes_from(item, space));
    }
    return true;
}

/* Values of one key stand, as in Suricata, in reverse: the last one first. */
void rule_put_metadata(const struct rule *rule, struct text *out)
{
    struct pairs pairs;
    (void)cut_pairs(rule->metadata, &pairs);
    json_open(out, "metadata", '{');
    for (size_t i = 0; i < pairs.count; i++) {
        bool seen = pairs.values[i].size == 0;
        for (size_t k = 0; k < i && !seen; k++)
            seen = bytes_equal(pairs.keys[k], pairs.keys[i]);
        if (seen)
            continue;
        char name[128];
        struct text key = text_of(name, sizeof name);
        json_escape(&key, pairs.keys[i]);
        json_open(out, name, '[');
        for (size_t k = pairs.count; k > i; k--)
            if (bytes_equal(pairs.keys[k - 1], pairs.keys[i]))
                json_string(out, NULL, pairs.values[k - 1]);
        json_close(out, ']');
    }
    json_close(out, '}');
}

/* Kept as it is written: few rules ever alert. A second metadata keyword goes on where the first ends. */
static bool parse_metadata(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes *metadata = &c->signature->rule.metadata;
    size_t commas = 0;
    for (size_t i = 0; i < value.size; i++)
        commas += value.data[i] == ',';
    if (metadata->data) {
        struct text joined = text_new(metadata->size + value.size + 3);
        text_put(&joined, *metadata);
        text_string(&joined, ", ");
        text_put(&joined, value);
        bool copied = compiler_copy(c, text_bytes(&joined), metadata);
        text_done(&joined);
        commas = RULE_METADATA_MAX;
        if (!copied)
            return false;
    } else if (!compiler_copy(c, value, metadata)) {
        return false;
    }
    struct pairs pairs;
    return commas < RULE_METADATA_MAX || cut_pairs(*metadata, &pairs) ||
           refuse(c, "more than %d pairs", RULE_METADATA_MAX);
}

static bool parse_target(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    if (!bytes_is(value, "src_ip") && !bytes_is(value, "dest_ip"))
        return refuse(c, "must be src_ip or dest_ip");
    c->signature->rule.has_target = true;
    c->signature->rule.target_is_source = bytes_is(value, "src_ip");
    return true;
}

static bool parse_noalert(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)value;
    c->signature->no_alert = c->signature->rule.noalert = keyword->mode;
    c->signature->alerts_too = !keyword->mode;
    return true;
}

static const char *const features[] = { "output::file-store", "ja3", "ja4", "geoip", "magic", NULL };

/* "8.0.3" as 8000003; missing parts are 0. */
static uint64_t version_number(struct bytes text)
{
    uint64_t number = 0, part;
    for (int i = 0; i < 3; i++) {
        struct bytes piece = bytes_trim(bytes_cut(&text, '.'));
        size_t digits = 0;
        while (digits < piece.size && byte_is_digit(piece.data[digits]))
            digits++;
        number = number * 1000 + (bytes_to_u64(bytes_first(piece, digits), &part) ? part : 0);
    }
    return number;
}

static bool version_holds(struct bytes condition)
{
    static const struct {
        const char *sign;
        int low, high; /* of the comparison's sign, both allowed */
    } signs[] = { { ">=", 0, 1 }, { "<=", -1, 0 }, { ">", 1, 1 }, { "<", -1, -1 } };
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        struct bytes sign = bytes_of_string(signs[i].sign);
        if (!bytes_starts(condition, sign))
            continue;
        uint64_t want = version_number(bytes_trim(bytes_from(condition, sign.size)));
        int have = LANGUAGE_VERSION > want ? 1 : LANGUAGE_VERSION < want ? -1 : 0;
        return have >= signs[i].low && have <= signs[i].high;
    }
    return false;
}

/* "version >= 7.0.3 < 8 | >= 8.0.1": alternatives of conditions that all hold. */
static bool versions_hold(struct bytes text)
{
    while (text.size) {
        struct bytes conditions = bytes_trim(bytes_cut(&text, '|'));
        bool all = conditions.size > 0;
        while (conditions.size && all) {
            size_t end = 1;
            while (end < conditions.size && conditions.data[end] != '<' && conditions.data[end] != '>')
                end++;
            /* The second character of ">=" is '='; a following '<' or '>' starts the next condition. */
            all = version_holds(bytes_trim(bytes_first(conditions, end)));
            conditions = bytes_trim(bytes_from(conditions, end));
        }
        if (all)
            return true;
    }
    return false;
}

static bool feature_there(const struct compiler *c, struct bytes name)
{
    (void)c;
    for (size_t i = 0; features[i]; i++)
        if (bytes_is(name, features[i]))
            return true;
    return false;
}

static bool parse_requires(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes item;
    while (list_next(&value, &item)) {
        size_t space = bytes_find_byte(item, ' ');
        struct bytes what = bytes_first(item, space), rest = bytes_trim(bytes_from(item, space));
        bool met;
        if (bytes_is(what, "version"))
            met = versions_hold(rest);
        else if (bytes_is(what, "feature"))
            met = feature_there(c, rest);
        else if (bytes_is(what, "keyword"))
            met = map_find(&c->set->keywords, rest) || map_find(&c->set->rows, rest);
        else
            met = false; /* a requirement of a later language */
        if (!met) {
            c->skip = true;
            return true;
        }
    }
    return true;
}

/* Behind a content it is that content's fast_pattern; behind a condition on packets it is told in reports. */
static bool parse_prefilter(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    (void)value;
    if (!c->last_match)
        return refuse(c, "prefilter needs a match before it");
    for (struct rule_part *part = c->parts ? c->parts->first : NULL; part; part = part->next)
        part->leads = part->next == c->part;
    if (c->last && c->last == c->last_match)
        c->last->content.fast_pattern = true;
    return true;
}

const struct keyword meta_keywords[] = {
    { "msg", .parse = parse_msg, .flags = KEYWORD_QUOTES, .help = "What the alert says" },
    { "sid", .parse = parse_id, .mode = META_SID, .help = "Number of the rule" },
    { "gid", .parse = parse_id, .mode = META_GID, .help = "Group of rule numbers" },
    { "rev", .parse = parse_id, .mode = META_REV, .help = "Revision of the rule" },
    { "priority", .parse = parse_id, .mode = META_PRIORITY, .help = "1 comes first" },
    { "classtype", .parse = parse_classtype, .flags = KEYWORD_BARE,
      .help = "Class, with its priority, of classification.config" },
    { "reference", .parse = parse_reference, .help = "Where to read more: system and id" },
    { "metadata", .parse = parse_metadata, .flags = KEYWORD_BARE, .help = "Pairs of key and value" },
    { "target", .parse = parse_target, .help = "Which side is attacked" },
    { "noalert", .parse = parse_noalert, .mode = 1, .flags = KEYWORD_NO_VALUE,
      .help = "A match raises no alert" },
    { "alert", .parse = parse_noalert, .mode = 0, .flags = KEYWORD_NO_VALUE,
      .help = "A match raises an alert" },
    { "requires", .parse = parse_requires, .flags = KEYWORD_BARE,
      .help = "Skips the rule where something is missing" },
    { "prefilter", .parse = parse_prefilter, .flags = KEYWORD_NO_VALUE,
      .help = "Rules are looked for by the match before it, if that is a content" },
    { "logto", .parse = parse_ignored, .flags = KEYWORD_OPTIONAL, .help = "Accepted and ignored" },
    { 0 },
};
