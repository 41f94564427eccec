/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates conditions on events in three values. */
#include "store/event_match.h"

#define MEMBER_TEXT_MAX 4096U
#define TERMS_MAX       1000U

static bool check_term(struct event_matcher *matcher, const struct event_term *term, unsigned depth,
                       size_t *budget, struct error *error)
{
    if (depth > EVENT_TERM_DEPTH_MAX || (*budget)-- == 0)
        return error_set(error, "events: the condition is nested or long beyond its limit");
    if ((term->kind == TERM_HOST || term->kind == TERM_HOST_IS) && !matcher_hosts(matcher, term)) {
        if (matcher->host_count == MATCH_HOST_TERMS_MAX)
            return error_set(error, "events: at most %u host names in a condition", MATCH_HOST_TERMS_MAX);
        matcher->hosts[matcher->host_count++].term = term;
    }
    if (term->kind == TERM_NOT && term->count != 1)
        return error_set(error, "events: a negation needs one term");
    if (term->kind > TERM_NOT)
        return term->kind <= TERM_ID ? true : error_set(error, "events: unknown term %d", (int)term->kind);
    for (size_t i = 0; i < term->count; i++)
        if (!check_term(matcher, &term->items[i], depth + 1, budget, error))
            return false;
    return true;
}

bool matcher_init(struct event_matcher *matcher, const struct event_filter *filter, struct error *error)
{
    size_t budget = TERMS_MAX;
    *matcher = (struct event_matcher){ .filter = filter };
    return !filter->term || check_term(matcher, filter->term, 0, &budget, error);
}

const struct match_hosts *matcher_hosts(const struct event_matcher *matcher, const struct event_term *term)
{
    for (size_t i = 0; i < matcher->host_count; i++)
        if (matcher->hosts[i].term == term)
            return &matcher->hosts[i];
    return NULL;
}

bool match_host_has(const struct match_hosts *hosts, uint32_t id)
{
    return id < hosts->bit_count && (hosts->bits[id / 8] >> (id % 8) & 1);
}

bool match_pattern(struct bytes text, struct bytes pattern)
{
    size_t at = 0, p = 0, star = SIZE_MAX, resume = 0;
    while (at < text.size) {
        if (p < pattern.size && pattern.data[p] == '*') {
            star = p++;
            resume = at;
        } else if (p < pattern.size && byte_lower(pattern.data[p]) == byte_lower(text.data[at])) {
            p++;
            at++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            at = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '*')
        p++;
    return p == pattern.size;
}

static bool value_matches(struct json_value value, const struct event_term *term)
{
    char room[MEMBER_TEXT_MAX];
    struct text plain = text_of(room, sizeof room);
    uint64_t number;
    if (!term->text.data)
        return json_to_u64(value, &number) && number >= term->low && number <= term->high;
    if (value.type != JSON_STRING)
        return value.type != JSON_OBJECT && match_pattern(value.text, term->text);
    if (bytes_find_byte(value.text, '\\') == SIZE_MAX)
        return match_pattern(value.text, term->text);
    return json_unescape(value, &plain) && match_pattern(text_bytes(&plain), term->text);
}

/* Follows the rest of a dotted path; arrays match when one of their elements does. */
static bool member_matches(struct json_value value, struct bytes path, const struct event_term *term,
                           unsigned depth)
{
    if (depth > JSON_DEPTH_MAX)
        return false;
    if (value.type == JSON_ARRAY) {
        struct json_cursor elements = json_elements(value);
        struct json_value element;
        while (json_next_element(&elements, &element))
            if (member_matches(element, path, term, depth + 1))
                return true;
        return false;
    }
    if (path.size == 0)
        return value_matches(value, term);
    struct bytes rest = path;
    struct bytes name = bytes_cut(&rest, '.');
    struct json_cursor members = json_members(value);
    struct bytes key;
    struct json_value member;
    while (json_next(&members, &key, &member))
        if (bytes_equal(key, name))
            return member_matches(member, rest, term, depth + 1);
    return false;
}

static bool in_network(const struct event_term *term, const struct address *address)
{
    return address && address->version && network_has(&term->network, address);
}

static bool in_range(const struct event_term *term, uint64_t value)
{
    return value >= term->low && value <= term->high;
}

static enum match decided(bool yes)
{
    return yes ? MATCH_YES : MATCH_NO;
}

static enum match match_host(const struct event_matcher *matcher, const struct event_term *term,
                             const struct event_view *view)
{
    if (!view->record && !view->host_known && !view->is_row)
        return MATCH_MAYBE;
    if (!view->record && view->host_known)
        return decided(view->host && match_host_has(matcher_hosts(matcher, term), view->host));
    struct bytes host = view->record ? view->record->host : view->name;
    if (!host.data)
        return MATCH_NO;
    return decided(term->kind == TERM_HOST ? bytes_find_nocase(host, term->text) != SIZE_MAX
                                           : bytes_equal_nocase(host, term->text));
}

static enum match match_body(const struct event_term *term, const struct event_record *record)
{
    if (!record)
        return MATCH_MAYBE;
    switch (term->kind) {
    case TERM_FLOW:
        return decided(record->flow_id == term->low);
    case TERM_COMMUNITY:
        return decided(bytes_equal(record->community_id, term->text));
    case TERM_TEXT:
        return decided(bytes_find_nocase(record->body, term->text) != SIZE_MAX);
    default:
        return decided(member_matches(json_parse(record->body), term->path, term, 0));
    }
}

static bool same_id(const struct event_id *a, const struct event_id *b)
{
    return a->sensor == b->sensor && a->boot == b->boot && a->sequence == b->sequence;
}

static enum match match_term(const struct event_matcher *matcher, const struct event_term *term,
                             const struct event_view *view)
{
    enum match result, one;
    switch (term->kind) {
    case TERM_ALL:
        result = MATCH_YES;
        for (size_t i = 0; i < term->count && result != MATCH_NO; i++) {
            one = match_term(matcher, &term->items[i], view);
            result = MIN(result, one);
        }
        return result;
    case TERM_ANY:
        result = MATCH_NO;
        for (size_t i = 0; i < term->count && result != MATCH_YES; i++) {
            one = match_term(matcher, &term->items[i], view);
            result = MAX(result, one);
        }
        return result;
    case TERM_NOT:
        one = match_term(matcher, &term->items[0], view);
        return one == MATCH_MAYBE ? MATCH_MAYBE : decided(one == MATCH_NO);
    case TERM_TYPE:
        return decided(view->type == term->low);
    case TERM_AGENCY:
        return decided(view->agency == term->low);
    case TERM_SYSTEM:
        return decided(view->system == term->low);
    case TERM_SENSOR:
        return decided(view->id.sensor == term->low);
    case TERM_ID:
        return decided(same_id(&view->id, &term->id));
    case TERM_ADDRESS:
        return decided((term->side != EVENT_SIDE_DESTINATION && in_network(term, view->source)) ||
                       (term->side != EVENT_SIDE_SOURCE && in_network(term, view->destination)));
    case TERM_PORT:
        return decided((term->side != EVENT_SIDE_DESTINATION && in_range(term, view->source_port)) ||
                       (term->side != EVENT_SIDE_SOURCE && in_range(term, view->destination_port)));
    case TERM_FLOW:
        return view->is_row ? decided(view->flow == term->low) : match_body(term, view->record);
    case TERM_SIGNATURE:
        return decided(in_range(term, view->signature));
    case TERM_SEVERITY:
        return decided(in_range(term, view->severity));
    case TERM_HOST:
    case TERM_HOST_IS:
        return match_host(matcher, term, view);
    default:
        return match_body(term, view->record);
    }
}

enum match matcher_match(const struct event_matcher *matcher, const struct event_view *view)
{
    const struct event_filter *filter = matcher->filter;
    if (view->time < filter->from || (filter->to && view->time >= filter->to))
        return MATCH_NO;
    if (filter->limit_agencies) {
        bool allowed = false;
        for (size_t i = 0; i < filter->agency_count && !allowed; i++)
            allowed = view->agency == filter->agencies[i];
        if (!allowed)
            return MATCH_NO;
    }
    return filter->term ? match_term(matcher, filter->term, view) : MATCH_YES;
}
