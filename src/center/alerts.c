/* SPDX-License-Identifier: Apache-2.0 */
/* Alert groups: counting, listing, triage. */
#include "center/alerts.h"

#include <stdio.h>

#include "center/audit.h"
#include "center/hub.h"
#include "center/hunt.h"
#include "center/incidents.h"
#include "center/resolver.h"
#include "store/register.h"

/* Suricata's own decoder and stream events: kept and searchable, never in the inbox. */
#define ENGINE_SID_FIRST 2200000
#define ENGINE_SID_LAST  2299999

void alerts_resolve(struct center *center, struct event_record *record)
{
    struct owner owner = resolver_find(center_resolver(center), &record->destination, record->time);
    if (!owner.agency)
        owner = resolver_find(center_resolver(center), &record->source, record->time);
    record->agency = owner.agency;
    record->system = owner.system;
}

/* ---- counting ---- */

static struct bytes member(struct json_value event, const char *path, struct arena *memory)
{
    struct json_value value = json_find(event, path);
    if (value.type != JSON_STRING)
        return BYTES_NONE;
    struct text text = text_new(1 << 16);
    struct bytes copy = json_unescape(value, &text) ? arena_copy(memory, text_bytes(&text)) : BYTES_NONE;
    text_done(&text);
    return copy;
}

static int64_t number_member(struct json_value event, const char *path, int64_t otherwise)
{
    uint64_t number;
    struct json_value value = json_find(event, path);
    return json_to_u64(value, &number) && number <= INT64_MAX ? (int64_t)number : otherwise;
}

/* 0 to 100: severity first, then how much the system matters, then whether it worked. */
static int64_t priority_of(int64_t severity, int64_t level, struct bytes verdict)
{
    static const int64_t base[] = { 60, 60, 45, 25, 10 };
    int64_t priority = base[MIN(MAX(severity, 0), 4)] + level * 5;
    if (bytes_is(verdict, "success"))
        priority += 15;
    else if (bytes_is(verdict, "attempt"))
        priority -= 10;
    return MIN(MAX(priority, 0), 100);
}

struct alert {
    const struct event_record *record;
    struct json_value event;
    char source[48], destination[48], newest[80];
    int64_t gid, severity, level;
    struct bytes verdict;
    bool source_ours;
};

/* What the rule's author says of every alert of it: metadata "verdict attempt". */
static struct bytes verdict_of_rule(struct json_value event)
{
    struct json_cursor cursor = json_elements(json_find(event, "alert.metadata.verdict"));
    struct json_value first;
    return json_next_element(&cursor, &first) && first.type == JSON_STRING ? first.text : BYTES_NONE;
}

static void alert_read(struct context *c, const struct event_record *record, struct alert *a)
{
    struct text source = text_of(a->source, sizeof a->source), destination = text_of(a->destination, 48);
    struct text newest = text_of(a->newest, sizeof a->newest);
    a->record = record;
    a->event = json_parse(record->body);
    address_text_short(&record->source, &source);
    address_text_short(&record->destination, &destination);
    struct event_cursor cursor = event_cursor_of(record);
    event_cursor_text(&cursor, &newest);
    a->gid = number_member(a->event, "alert.gid", 1);
    a->severity = record->severity ? record->severity : 3;
    a->verdict = member(a->event, "vonglau.verdict", c->memory);
    if (!a->verdict.data)
        a->verdict = verdict_of_rule(a->event);
    if (!bytes_is(a->verdict, "attempt") && !bytes_is(a->verdict, "success"))
        a->verdict = BYTES_OF("unknown");
    struct owner owner = resolver_find(center_resolver(c->center), &record->source, record->time);
    struct owner other = resolver_find(center_resolver(c->center), &record->destination, record->time);
    a->source_ours = owner.agency && (!other.agency || record->agency != other.agency);
    a->level = a->source_ours ? owner.level : other.level;
}

/* The auto-archive filter that takes this alert; 0 for none. */
static int64_t filter_for(struct context *c, const struct alert *a, struct bytes *reason)
{
    char today[11];
    int64_t found = 0;
    register_day(c->now, today);
    struct statement *s = database_query(c->database,
                                         "SELECT id, src, dest, reason FROM archive_filter WHERE ended IS "
                                         "NULL AND (expires IS NULL OR expires>?) AND "
                                         "(sid IS NULL OR sid=?) AND (agency IS NULL OR agency=?)",
                                         "sii", today, (int64_t)a->record->signature_id,
                                         (int64_t)a->record->agency);
    while (!found && statement_next(s)) {
        struct network source, destination;
        struct bytes src = statement_bytes(s, 1), dest = statement_bytes(s, 2);
        if ((!src.size || (network_parse(src, &source) && network_has(&source, &a->record->source))) &&
            (!dest.size ||
             (network_parse(dest, &destination) && network_has(&destination, &a->record->destination)))) {
            found = statement_int(s, 0);
            *reason = arena_copy(c->memory, statement_bytes(s, 3));
        }
    }
    statement_done(s);
    return found;
}

static void publish_alert(struct context *c, int64_t group, bool fresh, int64_t count, const struct alert *a)
{
    char buffer[256];
    struct text text = text_of(buffer, sizeof buffer);
    json_open(&text, NULL, '{');
    json_int(&text, "group", group);
    json_bool(&text, "new", fresh);
    json_int(&text, "count", count);
    json_int(&text, "severity", a->severity);
    json_int(&text, "agency", a->record->agency);
    json_close(&text, '}');
    json_end(&text);
    hub_publish(center_hub(c->center), "alert", a->record->agency, text_bytes(&text));
}

static void group_insert(struct context *c, const struct alert *a)
{
    const struct event_record *r = a->record;
    struct bytes reason = BYTES_NONE;
    int64_t filter = 0;
    if (r->signature_id >= ENGINE_SID_FIRST && r->signature_id <= ENGINE_SID_LAST)
        reason = BYTES_OF("noise");
    else
        filter = filter_for(c, a, &reason);
    bool archived = reason.data != NULL;
    struct json_value metadata = json_find(a->event, "alert.metadata");
    database_run(c->database,
                 "INSERT INTO alert_group (gid, sid, signature, category, severity, priority, src, src_port, "
                 "dest, dest_port, "
                 "proto, app_proto, count, first, last, verdict, metadata, agency, system, level, side, "
                 "state, collecting, "
                 "reason, filter, changed, newest, created) "
                 "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,1,?,?,?,?,?,?,?,?,?,1,?,?,?,?,?)",
                 "iibbiisisibb"
                 "uubbooossboosu",
                 a->gid, (int64_t)r->signature_id, r->signature.data ? r->signature : BYTES_OF(""),
                 member(a->event, "alert.category", c->memory), a->severity,
                 priority_of(a->severity, a->level, a->verdict), a->source, (int64_t)r->source_port,
                 a->destination, (int64_t)r->destination_port, member(a->event, "proto", c->memory),
                 member(a->event, "app_proto", c->memory), r->time, r->time, a->verdict,
                 metadata.type == JSON_OBJECT ? metadata.text : BYTES_NONE, (int64_t)r->agency,
                 (int64_t)r->system, a->level, r->agency ? (a->source_ours ? "src" : "dest") : NULL,
                 archived ? "archived" : "inbox", reason, filter, archived ? (int64_t)c->now : (int64_t)0,
                 a->newest, c->now);
    int64_t group = database_last_id(c->database);
    database_run(c->database, "INSERT OR IGNORE INTO alert_sensor (alert, sensor) VALUES (?,?)", "ii", group,
                 (int64_t)r->id.sensor);
    if (!archived)
        publish_alert(c, group, true, 1, a);
}

static void group_count(struct context *c, const struct alert *a)
{
    const struct event_record *r = a->record;
    struct statement *s = database_query(c->database,
                                         "SELECT id, state, count, last FROM alert_group WHERE collecting=1 "
                                         "AND sid=? AND src=? AND dest=? AND gid=?",
                                         "issi", (int64_t)r->signature_id, a->source, a->destination, a->gid);
    if (!statement_next(s)) {
        group_insert(c, a);
        return;
    }
    int64_t group = statement_int(s, 0), count = statement_int(s, 2) + 1;
    bool inbox = bytes_is(statement_bytes(s, 1), "inbox");
    bool newer = r->time >= (uint64_t)statement_int(s, 3);
    statement_done(s);
    database_run(c->database,
                 "UPDATE alert_group SET count=count+1, first=min(first,?1), last=max(last,?1), "
                 "newest=CASE WHEN ?2 THEN ?3 ELSE newest END, "
                 "verdict=CASE WHEN ?4='success' THEN 'success' ELSE verdict END, "
                 "priority=max(priority,?5) WHERE id=?6",
                 "uisbii", r->time, (int64_t)newer, a->newest, a->verdict,
                 priority_of(a->severity, a->level, a->verdict), group);
    database_run(c->database, "INSERT OR IGNORE INTO alert_sensor (alert, sensor) VALUES (?,?)", "ii", group,
                 (int64_t)r->id.sensor);
    /* Who watches hears of the first, then ever more seldom. */
    if (inbox && (count & (count - 1)) == 0)
        publish_alert(c, group, false, count, a);
}

bool alerts_add(struct context *c, const struct event_record *records, size_t count)
{
    database_begin(c->database);
    for (size_t i = 0; i < count; i++) {
        if (records[i].type != EVENT_ALERT || records[i].signature_id == 0)
            continue;
        struct alert alert;
        alert_read(c, &records[i], &alert);
        group_count(c, &alert);
    }
    return context_commit(c);
}

/* ---- reading ---- */

#define GROUP_COLUMNS                                                                                       \
    "g.id, g.state, g.gid, g.sid, g.signature, g.category, g.severity, g.priority, g.src AS src_ip, "       \
    "g.src_port, "                                                                                          \
    "g.dest AS dest_ip, g.dest_port, g.proto, g.app_proto, g.count, g.first AS \"first@time\", g.last AS "  \
    "\"last@time\", g.verdict, g.metadata AS \"metadata@raw\", g.agency, (SELECT name FROM agency WHERE "   \
    "id=g.agency) "                                                                                         \
    "AS agency_title, g.system, (SELECT name FROM system WHERE id=g.system) AS system_title, g.level, "     \
    "g.side, "                                                                                              \
    "(SELECT json_group_array(coalesce(s.name, 'sensor '||x.sensor)) FROM alert_sensor x LEFT JOIN sensor " \
    "s ON "                                                                                                 \
    "s.id=x.sensor WHERE x.alert=g.id) AS \"sensors@raw\", g.incident, g.reason, g.note, g.changed AS "     \
    "\"changed@time\", g.changed_by, (SELECT display_name FROM user WHERE id=g.changed_by) AS "             \
    "changed_by_title"

static void scope(const struct context *c, struct text *sql)
{
    if (!c->principal.limited)
        return;
    text_put(sql, BYTES_OF(" AND "));
    principal_condition(&c->principal, "g.agency IN {}", sql);
}

void alerts_rows(struct context *c, const char *key, const char *where, int64_t number, struct bytes text,
                 struct text *out)
{
    char buffer[4096];
    struct text sql = text_of(buffer, sizeof buffer);
    text_add(&sql, "SELECT " GROUP_COLUMNS " FROM alert_group g WHERE (?1 IS NOT NULL OR ?2 IS NULL OR 1)");
    scope(c, &sql);
    text_add(&sql, " AND %s", where);
    rows_json(database_query(c->database, buffer, "ib", number, text), key, out);
}

static bool group_json(struct context *c, int64_t id, struct text *out)
{
    char buffer[4096];
    struct text sql = text_of(buffer, sizeof buffer);
    text_add(&sql, "SELECT " GROUP_COLUMNS " FROM alert_group g WHERE g.id=?");
    scope(c, &sql);
    struct statement *s = database_query(c->database, buffer, "i", id);
    if (!statement_next(s))
        return refuse(c, "not_found", "alert", BYTES_NONE, "there is no such alert group");
    statement_json(s, out);
    statement_done(s);
    return true;
}

static void counts_json(struct context *c, struct text *out)
{
    char buffer[2048];
    static const char *const states[] = { "inbox", "archived", "escalated" };
    json_open(out, "counts", '{');
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        struct text sql = text_of(buffer, sizeof buffer);
        text_add(&sql, "SELECT count(*) FROM (SELECT 1 FROM alert_group g WHERE g.state='%s'", states[i]);
        scope(c, &sql);
        text_put(&sql, BYTES_OF(" LIMIT 100000)"));
        json_int(out, states[i], database_number(c->database, buffer, ""));
    }
    json_close(out, '}');
}

struct group_filter {
    struct bytes state, search, src, dest;
    int64_t agency, system, severity, sid;
    uint64_t from, to;
    const char *order;
};

static bool filter_read(struct context *c, const struct parameters *p, struct group_filter *f)
{
    static const char *const states[] = { "inbox", "archived", "escalated", "all", NULL };
    *f = (struct group_filter){ .to = INT64_MAX, .sid = -1, .severity = -1 };
    f->state = parameter(p, "state");
    if (!f->state.size)
        f->state = BYTES_OF("inbox");
    if (!text_listed(f->state, states))
        return refuse(c, "bad_request", "state", f->state, "state must be inbox, archived, escalated or all");
    struct bytes sort = parameter(p, "sort");
    f->order = "g.priority DESC, g.last DESC, g.id DESC";
    if (bytes_is(sort, "last"))
        f->order = "g.last DESC, g.id DESC";
    else if (bytes_is(sort, "count"))
        f->order = "g.count DESC, g.id DESC";
    else if (sort.size && !bytes_is(sort, "priority"))
        return refuse(c, "bad_request", "sort", sort, "sort must be priority, last or count");
    f->search = parameter(p, "q");
    f->src = parameter(p, "src");
    f->dest = parameter(p, "dest");
    return parameter_number(c, p, "agency", &f->agency) && parameter_number(c, p, "system", &f->system) &&
           parameter_number(c, p, "severity", &f->severity) && parameter_number(c, p, "sid", &f->sid) &&
           parameter_time(c, p, "from", &f->from) && parameter_time(c, p, "to", &f->to);
}

/* Words of the query bar that alerts understand; the rest must occur in signature, category or an address. */
static void search_word(struct bytes word, struct group_filter *f, struct text *like)
{
    uint64_t number;
    if (bytes_starts(word, BYTES_OF("@sid:")) && bytes_to_u64(bytes_from(word, 5), &number))
        f->sid = (int64_t)MIN(number, (uint64_t)UINT32_MAX);
    else if (bytes_starts(word, BYTES_OF("@src:")))
        f->src = bytes_from(word, 5);
    else if (bytes_starts(word, BYTES_OF("@dest:")))
        f->dest = bytes_from(word, 6);
    else if (bytes_starts(word, BYTES_OF("is:")))
        f->state = bytes_from(word, 3);
    else {
        if (bytes_starts(word, BYTES_OF("@ip:")) || bytes_starts(word, BYTES_OF("@sig:")))
            word = bytes_from(word, word.data[1] == 'i' ? 4 : 5);
        text_string(like, like->size ? " " : "");
        text_put(like, word);
    }
}

static void filter_search(struct context *c, struct group_filter *f)
{
    char buffer[512];
    struct text like = text_of(buffer, sizeof buffer);
    struct bytes rest = f->search;
    while (rest.size) {
        struct bytes word = bytes_trim(bytes_cut(&rest, ' '));
        if (word.size)
            search_word(word, f, &like);
    }
    f->search = like.size ? arena_copy(c->memory, text_bytes(&like)) : BYTES_NONE;
}

bool alerts_list(struct context *c, const struct parameters *p, struct text *out)
{
    struct group_filter f;
    struct page page;
    char buffer[6144];
    static const char *const states[] = { "inbox", "archived", "escalated", "all", NULL };
    if (!filter_read(c, p, &f) || !page_read(c, p, &page))
        return false;
    filter_search(c, &f);
    if (!text_listed(f.state, states))
        return refuse(c, "bad_query", "q", BYTES_OF("1"), "is: takes inbox, archived or escalated");
    struct text where = text_of(buffer, sizeof buffer);
    text_add(&where, " FROM alert_group g WHERE (?1='all' OR g.state=?1) AND (?2=0 OR g.agency=?2) AND (?3=0 "
                     "OR g.system=?3) AND "
                     "(?4<0 OR g.severity=?4) AND (?5<0 OR g.sid=?5) AND (?6 IS NULL OR g.src=?6) AND (?7 IS "
                     "NULL OR g.dest=?7) "
                     "AND g.last>=?8 AND g.first<?9 AND (?10 IS NULL OR "
                     "instr(fold(g.signature||' '||coalesce(g.category,'')||' '||g.src||' '||g.dest||' "
                     "'||g.sid), fold(?10)))");
    scope(c, &where);
    struct text sql = text_new(1 << 14);
    text_add(&sql, "SELECT count(*)%s", buffer);
#define FILTER_ARGUMENTS                                                             \
    f.state, f.agency, f.system, f.severity, f.sid, f.src.size ? f.src : BYTES_NONE, \
        f.dest.size ? f.dest : BYTES_NONE, f.from, f.to, f.search
    struct statement *s = database_query(c->database, sql.data, "biiiibbuub", FILTER_ARGUMENTS);
    int64_t total = statement_next(s) ? statement_int(s, 0) : 0;
    statement_done(s);
    text_clear(&sql);
    text_add(&sql, "SELECT " GROUP_COLUMNS "%s ORDER BY %s LIMIT %lld OFFSET %lld", buffer, f.order,
             (long long)page.limit, (long long)page.offset);
    json_open(out, NULL, '{');
    int64_t rows = (int64_t)rows_json(database_query(c->database, sql.data, "biiiibbuub", FILTER_ARGUMENTS),
                                      "rows", out);
    page_end(&page, page.offset + rows < total, out);
    json_int(out, "total", total);
    counts_json(c, out);
    json_close(out, '}');
    text_done(&sql);
    return true;
}

bool alert_show(struct context *c, int64_t id, struct text *out)
{
    json_open(out, NULL, '{');
    if (!group_json(c, id, out))
        return false;
    struct statement *s = database_query(
        c->database, "SELECT sid, src, dest, first, last, newest FROM alert_group WHERE id=?", "i", id);
    if (!statement_next(s))
        return refuse(c, "not_found", "alert", BYTES_NONE, "there is no such alert group");
    struct network source, destination;
    struct event_term terms[4] = {
        { .kind = TERM_TYPE, .low = EVENT_ALERT },
        { .kind = TERM_SIGNATURE,
          .low = (uint64_t)statement_int(s, 0),
          .high = (uint64_t)statement_int(s, 0) },
    };
    struct bytes src = arena_copy(c->memory, statement_bytes(s, 1));
    if (network_parse(src, &source) && network_parse(statement_bytes(s, 2), &destination)) {
        terms[2] = (struct event_term){ .kind = TERM_ADDRESS, .side = EVENT_SIDE_SOURCE, .network = source };
        terms[3] = (struct event_term){ .kind = TERM_ADDRESS,
                                        .side = EVENT_SIDE_DESTINATION,
                                        .network = destination };
    }
    const struct event_term all = { .kind = TERM_ALL, .items = terms, .count = 4 };
    struct event_query query = { .filter = { .from = (uint64_t)statement_int(s, 3),
                                             .to = (uint64_t)statement_int(s, 4) + 1,
                                             .term = &all },
                                 .limit = 20 };
    statement_done(s);
    if (!events_rows(c, &query, "events", "event", out))
        return false;
    alerts_rows(c, "related", "g.src=?2 AND g.id<>?1 ORDER BY g.last DESC LIMIT 10", id, src, out);
    json_close(out, '}');
    return true;
}

/* ---- triage ---- */

static bool group_there(struct context *c, int64_t id)
{
    char buffer[2048];
    struct text sql = text_of(buffer, sizeof buffer);
    text_put(&sql, BYTES_OF("SELECT 1 FROM alert_group g WHERE g.id=?"));
    scope(c, &sql);
    return database_number(c->database, buffer, "i", id) == 1 ||
           refuse(c, "not_found", "alert", BYTES_NONE, "there is no such alert group");
}

static bool archive_one(struct context *c, int64_t id, struct bytes reason, struct bytes note)
{
    if (!group_there(c, id))
        return false;
    database_run(c->database,
                 "UPDATE alert_group SET state='archived', collecting=0, reason=?, note=?, changed=?, "
                 "changed_by=? WHERE "
                 "id=? AND state='inbox'",
                 "bbuii", reason, note, c->now, c->principal.user, id);
    if (database_changes(c->database) == 0)
        return refuse(c, "wrong_state", "state", BYTES_NONE, "only a group in the inbox can be archived");
    return audit_add(c, "alert.archive", "alert", id, BYTES_NONE);
}

static bool read_reason(struct context *c, struct json_value body, struct bytes *reason, struct bytes *note)
{
    static const char *const reasons[] = { "false_positive", "expected", "handled", "noise", "other", NULL };
    *reason = BYTES_OF("handled");
    *note = BYTES_NONE;
    if (!body_text(c, body, "reason", 40, reason, NULL) || !body_text(c, body, "note", 1000, note, NULL))
        return false;
    return text_listed(*reason, reasons) ||
           refuse(c, "bad_request", "reason", *reason, "reason is not one of those known");
}

static bool finish_one(struct context *c, int64_t id, bool ok, struct text *out)
{
    if (!ok)
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    alerts_publish_inbox(c);
    json_open(out, NULL, '{');
    if (!group_json(c, id, out))
        return false;
    json_close(out, '}');
    return true;
}

bool alert_archive(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    struct bytes reason, note;
    if (!read_reason(c, body, &reason, &note))
        return false;
    database_begin(c->database);
    return finish_one(c, id, archive_one(c, id, reason, note), out);
}

/* Back into the inbox; when the same alert collects in a newer group meanwhile, this one stays as it was
 * counted. */
static bool unarchive_one(struct context *c, int64_t id)
{
    if (!group_there(c, id))
        return false;
    database_run(
        c->database,
        "UPDATE alert_group AS g SET state='inbox', reason=NULL, note=NULL, filter=NULL, changed=?, "
        "changed_by=?, collecting=NOT EXISTS (SELECT 1 FROM alert_group o WHERE o.collecting=1 AND "
        "o.id<>g.id AND "
        "o.sid=g.sid AND o.gid=g.gid AND o.src=g.src AND o.dest=g.dest) WHERE id=? AND state='archived'",
        "uii", c->now, c->principal.user, id);
    if (database_changes(c->database) == 0)
        return refuse(c, "wrong_state", "state", BYTES_NONE, "only an archived group can be put back");
    return audit_add(c, "alert.unarchive", "alert", id, BYTES_NONE);
}

bool alert_unarchive(struct context *c, int64_t id, struct text *out)
{
    database_begin(c->database);
    return finish_one(c, id, unarchive_one(c, id), out);
}

bool alerts_escalate(struct context *c, const int64_t *ids, size_t count, struct json_value body,
                     int64_t *incident)
{
    for (size_t i = 0; i < count; i++) {
        if (!group_there(c, ids[i]))
            return false;
        if (database_number(c->database, "SELECT state='escalated' FROM alert_group WHERE id=?", "i", ids[i]))
            return refuse(c, "wrong_state", "state", BYTES_OF("escalated"),
                          "the group belongs to an incident already");
    }
    if (!incident_from_alerts(c, ids, count, body, incident))
        return false;
    for (size_t i = 0; i < count; i++) {
        database_run(
            c->database,
            "UPDATE alert_group AS g SET state='escalated', incident=?, reason=NULL, changed=?, "
            "changed_by=?, "
            "collecting=NOT EXISTS (SELECT 1 FROM alert_group o WHERE o.collecting=1 AND o.id<>g.id AND "
            "o.sid=g.sid AND o.gid=g.gid AND o.src=g.src AND o.dest=g.dest) WHERE id=?",
            "iuii", *incident, c->now, c->principal.user, ids[i]);
        if (!audit_add(c, "alert.escalate", "alert", ids[i], BYTES_NONE))
            return false;
    }
    return true;
}

bool alert_escalate(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    int64_t incident = 0;
    if (!body_number(c, body, "incident", &incident, NULL))
        return false;
    database_begin(c->database);
    if (!alerts_escalate(c, &id, 1, body, &incident))
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    alerts_publish_inbox(c);
    incident_publish(c, incident, "opened");
    json_open(out, NULL, '{');
    json_key(out, "incident");
    if (!incident_show(c, incident, out))
        return false;
    json_close(out, '}');
    return true;
}

static bool read_ids(struct context *c, struct json_value body, int64_t ids[ALERTS_BULK_MAX], size_t *count)
{
    struct json_cursor cursor = json_elements(json_find(body, "ids"));
    struct json_value element;
    *count = 0;
    while (json_next_element(&cursor, &element)) {
        uint64_t id;
        if (*count == ALERTS_BULK_MAX || !json_to_u64(element, &id) || id > INT64_MAX)
            return refuse(c, "bad_request", "ids", element.text, "ids must be at most %d ids",
                          ALERTS_BULK_MAX);
        ids[(*count)++] = (int64_t)id;
    }
    return (*count && !cursor.failed) ||
           refuse(c, "bad_request", "ids", BYTES_NONE, "ids must be a list of ids");
}

static bool bulk_run(struct context *c, struct bytes action, struct json_value body, const int64_t *ids,
                     size_t count, int64_t *incident)
{
    struct bytes reason, note;
    if (bytes_is(action, "escalate"))
        return body_number(c, body, "incident", incident, NULL) &&
               alerts_escalate(c, ids, count, body, incident);
    if (!read_reason(c, body, &reason, &note))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!(bytes_is(action, "archive") ? archive_one(c, ids[i], reason, note) : unarchive_one(c, ids[i])))
            return false;
    }
    return true;
}

bool alerts_bulk(struct context *c, struct json_value body, struct text *out)
{
    static const char *const actions[] = { "archive", "unarchive", "escalate", NULL };
    int64_t ids[ALERTS_BULK_MAX], incident = 0;
    size_t count;
    struct bytes action = BYTES_NONE;
    if (!body_text(c, body, "action", 20, &action, NULL) || !read_ids(c, body, ids, &count))
        return false;
    if (!text_listed(action, actions))
        return refuse(c, "bad_request", "action", action, "action must be archive, unarchive or escalate");
    database_begin(c->database);
    if (!bulk_run(c, action, body, ids, count, &incident))
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    alerts_publish_inbox(c);
    if (incident)
        incident_publish(c, incident, "opened");
    json_open(out, NULL, '{');
    json_uint(out, "changed", count);
    if (incident)
        json_int(out, "incident", incident);
    else
        json_null(out, "incident");
    json_close(out, '}');
    return true;
}

/* ---- auto-archive ---- */

struct filter_request {
    struct bytes scope, reason, note;
    int64_t days;
    bool dry_run;
};

static bool filter_request_read(struct context *c, struct json_value body, struct filter_request *f)
{
    static const char *const scopes[] = { "sid", "sid_src", "sid_dest", "sid_agency", NULL };
    *f = (struct filter_request){ .scope = BYTES_OF("sid_src"), .days = 30 };
    if (!read_reason(c, body, &f->reason, &f->note) || !body_text(c, body, "scope", 20, &f->scope, NULL) ||
        !body_number(c, body, "days", &f->days, NULL) || !body_flag(c, body, "dry_run", &f->dry_run, NULL))
        return false;
    if (!text_listed(f->scope, scopes))
        return refuse(c, "bad_request", "scope", f->scope,
                      "scope must be sid, sid_src, sid_dest or sid_agency");
    return f->days <= 3650 || refuse(c, "bad_request", "days", BYTES_NONE, "days must be 0 to 3650");
}

bool alert_filter(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    struct filter_request f;
    char expires[11];
    if (!filter_request_read(c, body, &f) || !group_there(c, id))
        return false;
    const char *same = bytes_is(f.scope, "sid_src")      ? "g.src=o.src"
                       : bytes_is(f.scope, "sid_dest")   ? "g.dest=o.dest"
                       : bytes_is(f.scope, "sid_agency") ? "g.agency IS o.agency"
                                                         : "1";
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM alert_group g, alert_group o WHERE o.id=? AND g.sid=o.sid AND "
             "g.state='inbox' AND %s",
             same);
    int64_t matches = database_number(c->database, sql, "i", id), filter = 0;
    register_day(c->now + (uint64_t)f.days * 86400000000000ULL, expires);
    if (!f.dry_run) {
        database_begin(c->database);
        snprintf(sql, sizeof sql,
                 "INSERT INTO archive_filter (created, updated, sid, %s reason, note, expires) SELECT ?1, "
                 "?1, sid, %s ?2, "
                 "?3, ?4 FROM alert_group WHERE id=?5",
                 bytes_is(f.scope, "sid_src")      ? "src,"
                 : bytes_is(f.scope, "sid_dest")   ? "dest,"
                 : bytes_is(f.scope, "sid_agency") ? "agency,"
                                                   : "",
                 bytes_is(f.scope, "sid_src")      ? "src,"
                 : bytes_is(f.scope, "sid_dest")   ? "dest,"
                 : bytes_is(f.scope, "sid_agency") ? "agency,"
                                                   : "");
        database_run(c->database, sql, "ubbsi", c->now, f.reason, f.note, f.days ? expires : NULL, id);
        filter = database_last_id(c->database);
        snprintf(sql, sizeof sql,
                 "UPDATE alert_group SET state='archived', reason=?1, filter=?2, changed=?3, changed_by=?4 "
                 "WHERE id IN "
                 "(SELECT g.id FROM alert_group g, alert_group o WHERE o.id=?5 AND g.sid=o.sid AND "
                 "g.state='inbox' AND %s)",
                 same);
        database_run(c->database, sql, "biuii", f.reason, filter, c->now, c->principal.user, id);
        if (!audit_add(c, "alert.filter", "archive_filter", filter, BYTES_NONE))
            return context_rollback(c);
        if (!context_commit(c))
            return false;
        alerts_publish_inbox(c);
    }
    json_open(out, NULL, '{');
    json_int(out, "matches", matches);
    if (filter)
        json_int(out, "filter", filter);
    else
        json_null(out, "filter");
    json_close(out, '}');
    return true;
}

void alerts_expire_filters(struct context *c)
{
    char today[11];
    register_day(c->now, today);
    /* Groups that a lapsed filter collected stop collecting: what comes now is new in the inbox. */
    database_run(c->database,
                 "UPDATE alert_group SET collecting=0 WHERE collecting=1 AND state='archived' AND filter IN "
                 "(SELECT id "
                 "FROM archive_filter WHERE ended IS NOT NULL OR expires<=?)",
                 "s", today);
}

void alerts_publish_inbox(struct context *c)
{
    char buffer[64];
    struct text text = text_of(buffer, sizeof buffer);
    json_open(&text, NULL, '{');
    json_int(&text, "inbox",
             database_number(c->database, "SELECT count(*) FROM alert_group WHERE state='inbox'", ""));
    json_close(&text, '}');
    json_end(&text);
    hub_publish(center_hub(c->center), "inbox", 0, text_bytes(&text));
}
