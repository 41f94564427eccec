/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents as lists and whole cases. */
#include "center/alerts.h"
#include "center/incident_private.h"

#define NEXT_CLOCK(column)                                                                            \
    "(SELECT " column                                                                                 \
    " FROM incident_clock k WHERE k.incident=i.id AND k.sent IS NULL AND k.needed=1 AND i.state NOT " \
    "IN ('closed','rejected') ORDER BY due, id LIMIT 1)"

const char incident_summary_columns[] =
    "i.id, i.number, i.title, i.type, i.severity, i.state, i.level, i.agency, (SELECT name FROM agency WHERE "
    "id=i.agency) AS agency_title, i.system, (SELECT name FROM system WHERE id=i.system) AS system_title, "
    "i.regime, "
    "i.detected AS \"detected@time\", i.created AS \"created@time\", i.updated AS \"updated@time\", i.closed "
    "AS "
    "\"closed@time\", i.assignee, (SELECT display_name FROM user WHERE id=i.assignee) AS "
    "assignee_title, " NEXT_CLOCK("due") " AS \"next_due@time\", " NEXT_CLOCK(
        "kind") " AS next_clock, coalesce(" NEXT_CLOCK("due+grace<?1") ", 0) AS \"overdue@bool\", (SELECT "
                                                                       "count(*) FROM incident_task t WHERE "
                                                                       "t.incident=i.id AND t.done IS "
                                                                       "NULL) AS tasks_open, (SELECT "
                                                                       "count(*) FROM incident_task t WHERE "
                                                                       "t.incident=i.id) AS tasks_total, "
                                                                       "(SELECT count(*) "
                                                                       "FROM incident_message m WHERE "
                                                                       "m.incident=i.id AND m.user<>?2 AND "
                                                                       "m.id>coalesce((SELECT message FROM "
                                                                       "incident_read r "
                                                                       "WHERE r.incident=i.id AND "
                                                                       "r.user=?2), 0)) AS unread, i.version";

struct incident_filter {
    struct bytes state, search, type, severity;
    int64_t agency, assignee;
    uint64_t opened_from, opened_to, closed_from, closed_to;
    int64_t late;
    const char *order;
};

static bool filter_read(struct context *c, const struct parameters *p, struct incident_filter *f)
{
    *f = (struct incident_filter){ .opened_to = INT64_MAX, .closed_to = INT64_MAX };
    f->state = parameter(p, "state");
    if (!f->state.size)
        f->state = BYTES_OF("open");
    f->search = parameter(p, "q");
    f->type = parameter(p, "type");
    f->severity = parameter(p, "severity");
    struct bytes sort = parameter(p, "sort");
    /* What is over has no clock: it comes last. */
    f->order = NEXT_CLOCK("due") " IS NULL, " NEXT_CLOCK("due") ", i.updated DESC, i.id DESC";
    if (bytes_is(sort, "updated"))
        f->order = "i.updated DESC, i.id DESC";
    else if (bytes_is(sort, "number"))
        f->order = "i.id DESC";
    else if (sort.size && !bytes_is(sort, "due"))
        return refuse(c, "bad_request", "sort", sort, "sort must be due, updated or number");
    if (bytes_is(parameter(p, "assignee"), "me"))
        f->assignee = c->principal.user;
    else if (!parameter_number(c, p, "assignee", &f->assignee))
        return false;
    return parameter_number(c, p, "agency", &f->agency) && parameter_number(c, p, "late", &f->late) &&
           parameter_time(c, p, "opened_from", &f->opened_from) &&
           parameter_time(c, p, "opened_to", &f->opened_to) &&
           parameter_time(c, p, "closed_from", &f->closed_from) &&
           parameter_time(c, p, "closed_to", &f->closed_to);
}

bool incidents_list(struct context *c, const struct parameters *p, struct text *out)
{
    struct incident_filter f;
    struct page page;
    if (!filter_read(c, p, &f) || !page_read(c, p, &page))
        return false;
    struct text sql = text_new(1 << 15);
    text_add(&sql,
             "SELECT %s FROM incident i WHERE (?3='all' OR (?3='open' AND i.state NOT IN "
             "('closed','rejected')) OR "
             "i.state=?3) AND (?4=0 OR i.agency=?4) AND (?5 IS NULL OR i.type=?5) AND (?6 IS NULL OR "
             "i.severity=?6) AND "
             "(?7=0 OR i.assignee=?7) AND i.created>=?8 AND i.created<?9 AND (?10=0 OR i.closed>=?10) AND "
             "(?11=%lld OR "
             "i.closed<?11) AND (?12 IS NULL OR instr(fold(i.title||' '||i.number||' '||i.summary||' "
             "'||i.addresses), "
             "fold(?12))) AND (?13=0 OR EXISTS (SELECT 1 FROM incident_clock k WHERE k.incident=i.id AND "
             "k.needed=1 AND "
             "coalesce(k.sent, ?1)>k.due+k.grace))",
             incident_summary_columns, (long long)INT64_MAX);
    incident_scope(c, &sql);
    text_add(&sql, " ORDER BY %s LIMIT %lld OFFSET %lld", f.order, (long long)page.limit + 1,
             (long long)page.offset);
    struct statement *s = database_query(c->database, sql.data, "uibibbiuuuubi", c->now, c->principal.user,
                                         f.state, f.agency, f.type.size ? f.type : BYTES_NONE,
                                         f.severity.size ? f.severity : BYTES_NONE, f.assignee, f.opened_from,
                                         f.opened_to, f.closed_from, f.closed_to,
                                         f.search.size ? f.search : BYTES_NONE, f.late);
    json_open(out, NULL, '{');
    json_open(out, "rows", '[');
    int64_t rows = 0;
    while (rows < page.limit && statement_next(s)) {
        json_open(out, NULL, '{');
        statement_json(s, out);
        json_close(out, '}');
        rows++;
    }
    bool more = rows == page.limit && statement_next(s);
    statement_done(s);
    json_close(out, ']');
    page_end(&page, more, out);
    json_close(out, '}');
    text_done(&sql);
    return true;
}

static void show_closing(struct context *c, int64_t id, struct text *out)
{
    struct statement *s = database_query(
        c->database,
        "SELECT cause, damage, handling, result, lessons, ended AS \"ended@time\" FROM incident WHERE id=?",
        "i", id);
    json_open(out, "closing", '{');
    if (statement_next(s))
        statement_json(s, out);
    statement_done(s);
    json_close(out, '}');
}

static void show_work(struct context *c, int64_t id, struct text *out)
{
    rows_json(
        database_query(
            c->database,
            "SELECT id, time AS \"time@time\", user, (SELECT display_name FROM user WHERE id=t.user) AS "
            "user_title, kind, text, data AS \"data@raw\" FROM incident_timeline t WHERE incident=? ORDER "
            "BY id LIMIT 2000",
            "i", id),
        "timeline", out);
    rows_json(
        database_query(
            c->database,
            "SELECT id, position, state AS state_for, title_vi, title_en, for_contact AS "
            "\"for_contact@bool\", required AS \"required@bool\", done AS \"done@time\", (SELECT "
            "display_name FROM user WHERE id=t.done_by) AS done_by_title, note, due AS \"due@time\", help AS "
            "\"help@bool\" FROM incident_task t WHERE incident=? ORDER BY position, id LIMIT 500",
            "i", id),
        "tasks", out);
    rows_json(
        database_query(
            c->database,
            "SELECT id, time AS \"time@time\", user, (SELECT display_name FROM user WHERE id=m.user) AS "
            "user_title, from_contact AS \"from_contact@bool\", text FROM incident_message m WHERE "
            "incident=? ORDER BY id LIMIT 1000",
            "i", id),
        "messages", out);
    rows_json(
        database_query(
            c->database,
            "SELECT id, time AS \"time@time\", user, (SELECT display_name FROM user WHERE id=e.user) AS "
            "user_title, name, type, size, sha256, note FROM incident_evidence e WHERE incident=? ORDER BY "
            "id "
            "LIMIT 500",
            "i", id),
        "evidence", out);
}

bool incident_show(struct context *c, int64_t id, struct text *out)
{
    struct text sql = text_new(1 << 14);
    text_add(
        &sql,
        "SELECT %s, i.summary, i.source, i.reporter, (SELECT display_name FROM user WHERE id=i.reporter) AS "
        "reporter_title, i.personal_data AS \"personal_data@bool\", i.state_secret AS \"state_secret@bool\", "
        "i.addresses, "
        "i.provider FROM incident i WHERE i.id=?3",
        incident_summary_columns);
    incident_scope(c, &sql);
    struct statement *s = database_query(c->database, sql.data, "uii", c->now, c->principal.user, id);
    bool found = statement_next(s);
    if (found) {
        json_open(out, NULL, '{');
        statement_json(s, out);
    }
    statement_done(s);
    text_done(&sql);
    if (!found)
        return refuse(c, "not_found", "incident", BYTES_NONE, "there is no such incident");
    show_closing(c, id, out);
    next_states_json(c, id, out);
    clocks_json(c, id, out);
    show_work(c, id, out);
    alerts_rows(c, "alerts", "g.incident=?1 ORDER BY g.last DESC LIMIT 100", id, BYTES_NONE, out);
    rows_json(
        database_query(
            c->database,
            "SELECT k.id, k.person, k.role, k.position, coalesce(k.mobile, k.phone) AS phone, k.email FROM "
            "contact k JOIN incident i ON i.agency=k.agency WHERE i.id=? AND k.ended IS NULL ORDER BY "
            "k.role='response' DESC, k.id LIMIT 20",
            "i", id),
        "contacts", out);
    json_close(out, '}');
    return true;
}
