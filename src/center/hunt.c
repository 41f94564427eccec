/* SPDX-License-Identifier: Apache-2.0 */
/* Hunting in the event store. */
#include "center/hunt.h"

#include <stdio.h>

#include "base/clock.h"
#include "center/alerts.h"
#include "center/audit.h"
#include "center/incident_private.h"
#include "center/query.h"
#include "center/resolver.h"
#include "store/register.h"

#define TIME_BOX_NS (8 * NS_PER_S)
#define NAMES_MAX   8

static void time_json(struct text *out, const char *key, uint64_t time)
{
    char buffer[40];
    struct text text = text_of(buffer, sizeof buffer);
    clock_text_rfc3339(time, &text);
    json_string(out, key, text_bytes(&text));
}

static bool failed(struct context *c, const struct error *error)
{
    return refuse_error(c, "internal", "events", error);
}

void hunt_permit(struct context *c, struct event_filter *filter)
{
    filter->limit_agencies = c->principal.limited;
    if (!c->principal.limited || c->principal.agency_count == 0)
        return;
    uint32_t *agencies = ARENA_ARRAY(c->memory, uint32_t, c->principal.agency_count);
    for (size_t i = 0; agencies && i < c->principal.agency_count; i++)
        agencies[i] = (uint32_t)c->principal.agencies[i];
    filter->agencies = agencies;
    filter->agency_count = agencies ? c->principal.agency_count : 0;
}

/* ---- rows ---- */

static void title_json(struct context *c, const char *key, const char *sql, uint32_t id, struct text *out)
{
    struct bytes title = id ? database_text(c->database, c->memory, sql, "i", (int64_t)id) : BYTES_NONE;
    if (title.data)
        json_string(out, key, title);
    else
        json_null(out, key);
}

static void id_json(struct text *out, const char *key, uint32_t id)
{
    if (id)
        json_uint(out, key, id);
    else
        json_null(out, key);
}

static void event_json(struct context *c, const struct event_record *r, struct text *out)
{
    char buffer[96];
    struct text id = text_of(buffer, sizeof buffer);
    struct event_cursor cursor = event_cursor_of(r);
    event_cursor_text(&cursor, &id);
    json_open(out, NULL, '{');
    json_string(out, "id", text_bytes(&id));
    time_json(out, "time", r->time);
    json_cstring(out, "type", event_type_name(r->type));
    id_json(out, "agency", r->agency);
    title_json(c, "agency_title", "SELECT name FROM agency WHERE id=?", r->agency, out);
    id_json(out, "system", r->system);
    title_json(c, "system_title", "SELECT name FROM system WHERE id=?", r->system, out);
    title_json(c, "sensor", "SELECT name FROM sensor WHERE id=?", r->id.sensor, out);
    json_raw(out, "event", json_parse(r->body).type == JSON_OBJECT ? r->body : BYTES_OF("{}"));
    json_close(out, '}');
}

bool events_rows(struct context *c, struct event_query *query, const char *key, const char *newest,
                 struct text *out)
{
    struct event_page page;
    struct error error;
    hunt_permit(c, &query->filter);
    if (!query->deadline)
        query->deadline = clock_steady() + TIME_BOX_NS;
    if (!events_scan(center_events(c->center), query, c->memory, &page, &error))
        return failed(c, &error);
    json_open(out, key, '[');
    for (size_t i = 0; i < page.count; i++)
        event_json(c, &page.records[i], out);
    json_close(out, ']');
    if (newest && page.count && json_parse(page.records[0].body).type == JSON_OBJECT)
        json_raw(out, newest, page.records[0].body);
    else if (newest)
        json_null(out, newest);
    return true;
}

/* ---- requests ---- */

static uint32_t lookup(void *context, const char *entity, struct bytes name)
{
    struct context *c = context;
    char sql[256];
    bool agency = strcmp(entity, "agency") == 0;
    snprintf(sql, sizeof sql, "SELECT id FROM %s WHERE ended IS NULL AND (fold(name)=fold(?1)%s) LIMIT 1",
             entity,
             agency                          ? " OR fold(short_name)=fold(?1) OR code=?1"
             : strcmp(entity, "system") == 0 ? " OR code=?1"
                                             : "");
    return (uint32_t)database_number(c->database, sql, "b", name);
}

/* q, from and to; by default the last 24 hours. */
static bool filter_read(struct context *c, const struct parameters *p, struct event_filter *filter)
{
    struct query query;
    struct error error;
    size_t column = 1;
    char shown[24];
    *filter = (struct event_filter){ .from = c->now - 86400 * NS_PER_S, .to = 0 };
    if (!query_parse(parameter(p, "q"), c->now, lookup, c, c->memory, &query, &column, &error)) {
        snprintf(shown, sizeof shown, "%zu", column);
        return refuse(c, "bad_query", "q", bytes_of_string(shown), "%s", error.text);
    }
    if (!parameter_time(c, p, "from", &filter->from) || !parameter_time(c, p, "to", &filter->to))
        return false;
    if (query.from)
        filter->from = query.from;
    if (query.to)
        filter->to = query.to;
    if (filter->to == 0 || bytes_is(parameter(p, "to"), "now"))
        filter->to = filter->to && query.to ? filter->to : c->now + NS_PER_S;
    if (filter->from >= filter->to)
        return refuse(c, "bad_request", "from", parameter(p, "from"), "from must be before to");
    filter->term = query.term;
    hunt_permit(c, filter);
    return true;
}

bool hunt_events(struct context *c, const struct parameters *p, struct text *out)
{
    struct event_query query = { .limit = 50, .deadline = clock_steady() + TIME_BOX_NS };
    struct event_page page;
    struct error error;
    int64_t limit = 50;
    struct bytes cursor = parameter(p, "cursor");
    if (!filter_read(c, p, &query.filter) || !parameter_number(c, p, "limit", &limit))
        return false;
    if (limit < 1 || limit > 500)
        return refuse(c, "bad_request", "limit", parameter(p, "limit"), "limit must be 1 to 500");
    if (cursor.size && !event_cursor_parse(cursor, &query.after))
        return refuse(c, "bad_cursor", "cursor", cursor, "the cursor is not one that was given out");
    query.limit = (size_t)limit;
    query.oldest_first = bytes_is(parameter(p, "order"), "oldest");
    if (!events_scan(center_events(c->center), &query, c->memory, &page, &error))
        return failed(c, &error);
    json_open(out, NULL, '{');
    json_open(out, "rows", '[');
    for (size_t i = 0; i < page.count; i++)
        event_json(c, &page.records[i], out);
    json_close(out, ']');
    char next[96];
    struct text text = text_of(next, sizeof next);
    event_cursor_text(&page.next, &text);
    if (page.more || page.partial)
        json_string(out, "next", text_bytes(&text));
    else
        json_null(out, "next");
    json_bool(out, "partial", page.partial);
    json_close(out, '}');
    return true;
}

/* About 60 buckets of a length that people can read. */
static uint64_t readable_interval(uint64_t span)
{
    static const uint64_t seconds[] = { 1,    5,    10,    30,    60,    300,   600,
                                        1800, 3600, 10800, 21600, 43200, 86400, 604800 };
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        if (span / (seconds[i] * NS_PER_S) <= 72)
            return seconds[i] * NS_PER_S;
    }
    return MAX(span / 60, (uint64_t)604800 * NS_PER_S);
}

bool hunt_histogram_json(struct context *c, const struct event_filter *filter, uint64_t interval,
                         struct text *out)
{
    struct event_histogram h;
    struct error error;
    if (interval == 0)
        interval = readable_interval(filter->to - filter->from);
    /* Buckets start on whole intervals, so that two looks agree. */
    struct event_filter whole = *filter;
    whole.from -= whole.from % interval;
    if ((whole.to - whole.from) / interval >= EVENT_BUCKETS_MAX)
        return refuse(c, "bad_request", "interval", BYTES_NONE, "the interval gives more than %d buckets",
                      EVENT_BUCKETS_MAX);
    if (!events_histogram(center_events(c->center), &whole, interval, clock_steady() + TIME_BOX_NS, c->memory,
                          &h, &error))
        return failed(c, &error);
    json_uint(out, "interval_s", interval / NS_PER_S);
    time_json(out, "from", filter->from);
    time_json(out, "to", filter->to);
    json_open(out, "buckets", '[');
    for (size_t i = 0; i < h.count; i++) {
        json_open(out, NULL, '{');
        time_json(out, "time", h.start + i * h.interval);
        json_uint(out, "count", h.counts[i]);
        json_uint(out, "alerts", h.alerts ? h.alerts[i] : 0);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_uint(out, "total", h.total);
    json_bool(out, "partial", h.partial);
    return true;
}

bool hunt_histogram(struct context *c, const struct parameters *p, struct text *out)
{
    struct event_filter filter;
    int64_t interval = 0;
    if (!filter_read(c, p, &filter) || !parameter_number(c, p, "interval", &interval))
        return false;
    if (interval > 86400 * 366)
        return refuse(c, "bad_request", "interval", parameter(p, "interval"), "the interval is too long");
    json_open(out, NULL, '{');
    if (!hunt_histogram_json(c, &filter, (uint64_t)interval * NS_PER_S, out))
        return false;
    json_close(out, '}');
    return true;
}

/* Rows {"value","count"} but for the value `without`; ids get their title too. */
static bool top_rows(struct context *c, const struct event_filter *filter, struct bytes field, size_t limit,
                     bool fewest, struct bytes without, const char *key, bool *partial, struct text *out)
{
    struct event_top top;
    struct error error;
    struct bytes path = BYTES_NONE;
    enum event_group group = query_group(field, &path);
    if (!events_top(center_events(c->center), filter, group, path,
                    fewest ? EVENT_TOP_MAX : limit + (without.size ? 1 : 0), clock_steady() + TIME_BOX_NS,
                    c->memory, &top, &error))
        return failed(c, &error);
    const char *title = group == GROUP_AGENCY   ? "SELECT name FROM agency WHERE id=?"
                        : group == GROUP_SYSTEM ? "SELECT name FROM system WHERE id=?"
                        : group == GROUP_SENSOR ? "SELECT name FROM sensor WHERE id=?"
                                                : NULL;
    json_open(out, key, '[');
    for (size_t i = 0, shown = 0; i < top.count && shown < limit; i++) {
        const struct event_top_row *row = &top.rows[fewest ? top.count - 1 - i : i];
        if (without.size && bytes_equal(row->key, without))
            continue;
        shown++;
        json_open(out, NULL, '{');
        json_string(out, "value", row->key);
        if (group == GROUP_SIGNATURE) {
            json_uint(out, "sid", row->number);
            json_string(out, "title", row->label);
        } else if (title) {
            title_json(c, "title", title, (uint32_t)row->number, out);
        }
        json_uint(out, "count", row->count);
        json_close(out, '}');
    }
    json_close(out, ']');
    *partial |= top.partial;
    return true;
}

bool hunt_top(struct context *c, const struct parameters *p, struct text *out)
{
    struct event_filter filter;
    int64_t limit = 10;
    bool partial = false;
    struct bytes field = parameter(p, "field");
    if (!filter_read(c, p, &filter) || !parameter_number(c, p, "limit", &limit))
        return false;
    if (field.size == 0 || field.size > 100)
        return refuse(c, "bad_request", "field", field, "field must name a member of the events");
    if (limit < 1 || limit > 500)
        return refuse(c, "bad_request", "limit", parameter(p, "limit"), "limit must be 1 to 500");
    json_open(out, NULL, '{');
    json_string(out, "field", field);
    if (!top_rows(c, &filter, field, (size_t)limit, bytes_is(parameter(p, "order"), "fewest"), BYTES_NONE,
                  "rows", &partial, out))
        return false;
    json_bool(out, "partial", partial);
    json_close(out, '}');
    return true;
}

bool hunt_fields(struct text *out)
{
    json_open(out, NULL, '{');
    json_open(out, "rows", '[');
    for (size_t i = 0; i < query_field_count; i++) {
        const struct query_field *f = &query_fields[i];
        json_open(out, NULL, '{');
        json_cstring(out, "name", f->name);
        json_cstring(out, "type", f->type);
        json_open(out, "aliases", '[');
        if (f->alias)
            json_cstring(out, NULL, f->alias);
        json_close(out, ']');
        json_bool(out, "top", f->top);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
    return true;
}

/* The event of an id, permission applied. */
static bool find_event(struct context *c, struct bytes id, struct event_record *record)
{
    struct event_cursor place;
    struct event_page page;
    struct error error;
    if (!event_cursor_parse(id, &place))
        return refuse(c, "not_found", "event", id, "there is no such event");
    if (!events_get(center_events(c->center), &place, c->memory, &page, &error))
        return failed(c, &error);
    if (page.count == 0 || !principal_has(&c->principal, page.records[0].agency))
        return refuse(c, "not_found", "event", id, "there is no such event");
    *record = page.records[0];
    return true;
}

bool hunt_event(struct context *c, struct bytes id, struct text *out)
{
    struct event_record record = { 0 };
    if (!find_event(c, id, &record))
        return false;
    event_json(c, &record, out);
    return true;
}

static struct network whole_address(const struct address *address)
{
    return (struct network){ *address, (uint8_t)(address_size(address) * 8) };
}

bool hunt_context(struct context *c, struct bytes id, struct text *out)
{
    struct event_record record = { 0 };
    if (!find_event(c, id, &record))
        return false;
    /* Flow ids are short-lived numbers of one sensor: both ends must be the same too. */
    const struct event_term terms[] = {
        { .kind = TERM_FLOW, .low = record.flow_id, .high = record.flow_id },
        { .kind = TERM_SENSOR, .low = record.id.sensor, .high = record.id.sensor },
        { .kind = TERM_ADDRESS, .network = whole_address(&record.source) },
        { .kind = TERM_ADDRESS, .network = whole_address(&record.destination) },
        { .kind = TERM_PORT, .low = record.source_port, .high = record.source_port },
        { .kind = TERM_PORT, .low = record.destination_port, .high = record.destination_port },
    };
    const struct event_term all = { .kind = TERM_ALL, .items = terms, .count = COUNT_OF(terms) };
    const struct event_term itself = { .kind = TERM_ID, .id = record.id };
    uint64_t around = 3600 * NS_PER_S;
    bool has_flow = record.flow_id && record.source.version && record.destination.version;
    struct event_query query = { .filter = { .from = record.time - MIN(record.time, around),
                                             .to = record.time + around,
                                             .term = has_flow ? &all : &itself },
                                 .limit = 100,
                                 .oldest_first = true };
    json_open(out, NULL, '{');
    if (!events_rows(c, &query, "rows", NULL, out))
        return false;
    json_close(out, '}');
    return true;
}

/* ---- one host ---- */

static void host_owner(struct context *c, const struct address *address, struct text *out)
{
    struct owner owner = resolver_find(center_resolver(c->center), address, c->now);
    if (!principal_has(&c->principal, owner.agency))
        owner = (struct owner){ 0 };
    id_json(out, "agency", owner.agency);
    title_json(c, "agency_title", "SELECT name FROM agency WHERE id=?", owner.agency, out);
    id_json(out, "system", owner.system);
    title_json(c, "system_title", "SELECT name FROM system WHERE id=?", owner.system, out);
    id_json(out, "level", owner.level);
    if (!owner.network.address.version) {
        json_null(out, "network");
        return;
    }
    char buffer[64];
    struct text text = text_of(buffer, sizeof buffer);
    address_text_short(&owner.network.address, &text);
    text_add(&text, "/%u", owner.network.prefix);
    json_string(out, "network", text_bytes(&text));
}

/* When the host was first and last seen within the filter; null when it was not. */
static bool host_seen(struct context *c, const struct event_filter *filter, struct text *out)
{
    for (int last = 0; last < 2; last++) {
        struct event_query query = {
            .filter = *filter, .limit = 1, .oldest_first = !last, .deadline = clock_steady() + TIME_BOX_NS
        };
        struct event_page page;
        struct error error;
        if (!events_scan(center_events(c->center), &query, c->memory, &page, &error))
            return failed(c, &error);
        if (page.count)
            time_json(out, last ? "last" : "first", page.records[0].time);
        else
            json_null(out, last ? "last" : "first");
    }
    return true;
}

/* Names the host goes by: what it calls itself to DHCP, and what others call it in HTTP and TLS. */
static bool host_names(struct context *c, const struct address *address, const struct event_filter *filter,
                       struct text *out)
{
    static const struct {
        const char *path;
        enum event_side side;
        enum event_type type;
    } sources[] = { { "dhcp.hostname", EVENT_SIDE_ANY, EVENT_DHCP },
                    { "http.hostname", EVENT_SIDE_DESTINATION, EVENT_HTTP },
                    { "tls.sni", EVENT_SIDE_DESTINATION, EVENT_TLS } };
    struct bytes names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        const struct event_term terms[] = {
            { .kind = TERM_TYPE, .low = sources[i].type, .high = sources[i].type },
            { .kind = TERM_ADDRESS, .side = sources[i].side, .network = whole_address(address) },
        };
        const struct event_term all = { .kind = TERM_ALL, .items = terms, .count = COUNT_OF(terms) };
        struct event_filter own = *filter;
        struct event_top top;
        struct error error;
        own.term = &all;
        if (!events_top(center_events(c->center), &own, GROUP_MEMBER, bytes_of_string(sources[i].path),
                        NAMES_MAX, clock_steady() + TIME_BOX_NS, c->memory, &top, &error))
            return failed(c, &error);
        for (size_t j = 0; j < top.count && count < NAMES_MAX; j++) {
            struct address number;
            bool known = address_parse(top.rows[j].key, &number) || !top.rows[j].key.size;
            for (size_t k = 0; k < count && !known; k++)
                known = bytes_equal_nocase(names[k], top.rows[j].key);
            if (!known)
                names[count++] = top.rows[j].key;
        }
    }
    json_open(out, "names", '[');
    for (size_t i = 0; i < count; i++)
        json_string(out, NULL, names[i]);
    json_close(out, ']');
    return true;
}

static bool host_traffic(struct context *c, struct bytes shown, const struct event_filter *filter,
                         struct text *out)
{
    static const struct {
        const char *key, *field;
    } tops[] = { { "types", "event_type" },
                 { "ports", "dest_port" },
                 { "hosts", "host" },
                 { "peers", "ip" },
                 { "signatures", "@sid" } };
    bool partial = false;
    json_open(out, "histogram", '{');
    if (!hunt_histogram_json(c, filter, 0, out))
        return false;
    json_close(out, '}');
    for (size_t i = 0; i < COUNT_OF(tops); i++) {
        /* Of both ends of its events the host itself is no peer. */
        if (!top_rows(c, filter, bytes_of_string(tops[i].field), 10, false, shown, tops[i].key, &partial,
                      out))
            return false;
    }
    struct event_query query = { .filter = *filter, .limit = 20 };
    json_bool(out, "partial", partial);
    return events_rows(c, &query, "events", NULL, out);
}

bool hunt_host(struct context *c, struct bytes ip, const struct parameters *p, struct text *out)
{
    struct address address;
    char shown[64];
    struct text text = text_of(shown, sizeof shown);
    struct event_filter filter = { .from = c->now - 7 * 86400 * NS_PER_S, .to = c->now + NS_PER_S };
    if (!address_parse(ip, &address))
        return refuse(c, "bad_request", "ip", ip, "the address is not one");
    if (!parameter_time(c, p, "from", &filter.from) || !parameter_time(c, p, "to", &filter.to))
        return false;
    if (filter.from >= filter.to)
        return refuse(c, "bad_request", "from", parameter(p, "from"), "from must be before to");
    address_text_short(&address, &text);
    const struct event_term term = { .kind = TERM_ADDRESS, .network = whole_address(&address) };
    filter.term = &term;
    hunt_permit(c, &filter);
    char data[96];
    snprintf(data, sizeof data, "{\"ip\":\"%s\"}", shown);
    if (!audit_add(c, "host.view", "host", 0, bytes_of_string(data)))
        return false;
    json_open(out, NULL, '{');
    json_cstring(out, "ip", shown);
    host_owner(c, &address, out);
    if (!host_seen(c, &filter, out) || !host_names(c, &address, &filter, out) ||
        !host_traffic(c, text_bytes(&text), &filter, out))
        return false;
    alerts_rows(c, "alerts", "(g.src=?2 OR g.dest=?2) ORDER BY g.last DESC LIMIT 20", 0,
                bytes_of_string(shown), out);
    struct text sql = text_new(1 << 14);
    text_add(&sql,
             "SELECT %s FROM incident i WHERE (instr(','||replace(i.addresses,' ','')||',', "
             "','||?3||',') OR EXISTS (SELECT 1 FROM alert_group g "
             "WHERE "
             "g.incident=i.id AND (g.src=?3 OR g.dest=?3)))",
             incident_summary_columns);
    incident_scope(c, &sql);
    text_put(&sql, BYTES_OF(" ORDER BY i.id DESC LIMIT 20"));
    rows_json(database_query(c->database, sql.data, "uis", c->now, c->principal.user, shown), "incidents",
              out);
    text_done(&sql);
    json_close(out, '}');
    return true;
}
