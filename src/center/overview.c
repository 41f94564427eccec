/* SPDX-License-Identifier: Apache-2.0 */
/* Today and my work. */
#include "center/overview.h"

#include "base/clock.h"
#include "center/hunt.h"
#include "center/incident_private.h"
#include "center/sensors.h"

#define OPEN_INCIDENT "i.state NOT IN ('closed','rejected')"
#define OPEN_CLOCK    "k.sent IS NULL AND k.needed=1"
#define CARDS_MAX     5

static int64_t number(struct context *c, const char *sql)
{
    return database_number(c->database, sql, "u", c->now);
}

static void put_sensors(struct context *c, struct text *out)
{
    struct statement *s = database_query(
        c->database,
        "SELECT count(*) AS total, coalesce(sum(h='ok'),0) AS ok, coalesce(sum(h='late'),0) AS late, "
        "coalesce(sum(h='silent'),0) AS silent, coalesce(sum(h='new'),0) AS new FROM (SELECT " HEALTH_SQL
        " AS h FROM sensor WHERE ended IS NULL AND state<>'revoked')",
        "u", c->now);
    json_open(out, "sensors", '{');
    if (statement_next(s))
        statement_json(s, out);
    statement_done(s);
    json_close(out, '}');
}

static void put_lists(struct context *c, struct text *out)
{
    rows_json(
        database_query(
            c->database,
            "SELECT i.id AS incident, i.number, i.title, (SELECT name FROM agency WHERE id=i.agency) AS "
            "agency_title, k.kind, k.due AS \"due@time\", k.due+k.grace<?1 AS \"overdue@bool\", k.warned AS "
            "reminded FROM "
            "incident_clock k JOIN incident i ON i.id=k.incident WHERE " OPEN_CLOCK " AND " OPEN_INCIDENT
            " ORDER BY k.due LIMIT 10",
            "u", c->now),
        "clocks", out);
    rows_json(
        database_query(c->database,
                       "SELECT CASE side WHEN 'src' THEN src ELSE dest END AS ip, agency, (SELECT name FROM "
                       "agency WHERE "
                       "id=g.agency) AS agency_title, max(priority) AS priority, count(*) AS groups, "
                       "sum(count) AS count "
                       "FROM alert_group g WHERE state IN ('inbox','escalated') AND agency IS NOT NULL AND "
                       "last>=?1-604800000000000 GROUP BY ip ORDER BY priority DESC, count DESC LIMIT 5",
                       "u", c->now),
        "hosts", out);
    /* act: a person must do something before a time; watch: something waits; blind: a sensor is silent;
     * unwatched: there is no sensor, so that nothing is known. */
    rows_json(database_query(
                  c->database,
                  "WITH a AS (SELECT id, name, short_name, (SELECT count(*) FROM alert_group g WHERE "
                  "g.agency=agency.id AND "
                  "g.state='inbox') AS inbox, (SELECT max(priority) FROM alert_group g WHERE "
                  "g.agency=agency.id AND "
                  "g.state='inbox') AS worst_priority, (SELECT count(*) FROM incident i WHERE "
                  "i.agency=agency.id AND " OPEN_INCIDENT
                  ") AS incidents, (SELECT count(DISTINCT i.id) FROM incident i JOIN incident_clock k ON "
                  "k.incident=i.id WHERE "
                  "i.agency=agency.id AND " OPEN_INCIDENT " AND " OPEN_CLOCK
                  " AND k.due+k.grace<?1) AS overdue, (SELECT count(*) "
                  "FROM sensor s WHERE s.agency=agency.id AND s.ended IS NULL AND s.state<>'revoked') AS "
                  "sensors, (SELECT count(*) "
                  "FROM sensor s WHERE s.agency=agency.id AND s.ended IS NULL AND s.state<>'revoked' AND "
                  "s.last_seen>=?1-90000000000) AS sensors_ok FROM agency WHERE ended IS NULL) SELECT id, "
                  "name AS title, "
                  "short_name, CASE WHEN overdue>0 OR incidents>0 OR worst_priority>=60 THEN 'act' WHEN "
                  "inbox>0 THEN 'watch' WHEN "
                  "sensors>sensors_ok THEN 'blind' WHEN sensors=0 THEN 'unwatched' ELSE 'calm' END AS state, "
                  "inbox, "
                  "coalesce(worst_priority,0) AS worst_priority, "
                  "incidents, overdue, sensors, sensors_ok FROM a ORDER BY overdue DESC, incidents DESC, "
                  "worst_priority DESC, id "
                  "LIMIT 500",
                  "u", c->now),
              "agencies", out);
    rows_json(
        database_query(
            c->database,
            "SELECT t.time AS \"time@time\", 'incident_'||t.kind AS text_code, i.id AS incident, i.number, "
            "i.title, CASE t.kind WHEN 'reminder' THEN t.text END AS clock, CASE t.kind WHEN 'reminder' THEN "
            "json_extract(t.data,'$.percent') END AS percent FROM incident_timeline t JOIN incident i ON "
            "i.id=t.incident WHERE "
            "t.time>=?1-172800000000000 AND t.kind IN ('created','state','message','evidence','reminder') "
            "ORDER BY t.id "
            "DESC LIMIT 12",
            "u", c->now),
        "changes", out);
}

static bool put_events(struct context *c, struct text *out)
{
    struct event_filter filter = { .from = c->now - 86400 * NS_PER_S, .to = c->now + NS_PER_S };
    const struct event_term alert = { .kind = TERM_TYPE, .low = EVENT_ALERT, .high = EVENT_ALERT };
    struct event_filter alerts = filter;
    struct error error;
    uint64_t count = 0;
    bool partial;
    alerts.term = &alert;
    hunt_permit(c, &filter);
    hunt_permit(c, &alerts);
    if (!events_count(center_events(c->center), &alerts, clock_steady() + 2 * NS_PER_S, &count, &partial,
                      &error))
        return refuse_error(c, "internal", "events", &error);
    struct text histogram = text_new(1 << 18);
    json_open(&histogram, NULL, '{');
    bool ok = hunt_histogram_json(c, &filter, 3600 * NS_PER_S, &histogram);
    json_close(&histogram, '}');
    json_end(&histogram);
    if (ok) {
        uint64_t total = 0;
        (void)!json_to_u64(json_find(json_parse(text_bytes(&histogram)), "total"), &total);
        json_open(out, "events_24h", '{');
        json_uint(out, "total", total);
        json_uint(out, "alerts", count);
        json_raw(out, "histogram", text_bytes(&histogram));
        json_close(out, '}');
    }
    text_done(&histogram);
    return ok;
}

bool overview_today(struct context *c, struct text *out)
{
    struct event_statistics statistics;
    struct error error;
    json_open(out, NULL, '{');
    struct statement *s = database_query(
        c->database,
        "SELECT ?1 AS \"now@time\", (SELECT count(DISTINCT i.id) FROM incident i JOIN incident_clock k ON "
        "k.incident=i.id "
        "WHERE " OPEN_INCIDENT " AND " OPEN_CLOCK
        " AND k.due<?1+86400000000000) + (SELECT count(*) FROM alert_group WHERE "
        "state='inbox' AND priority>=60) AS to_do, (SELECT min(k.due) FROM incident i JOIN incident_clock k "
        "ON "
        "k.incident=i.id WHERE " OPEN_INCIDENT " AND " OPEN_CLOCK
        ") AS \"to_do_before@time\", (SELECT count(*) FROM "
        "alert_group WHERE state='inbox') AS inbox, (SELECT count(*) FROM alert_group WHERE state='inbox' "
        "AND priority>=60) "
        "AS inbox_high, (SELECT count(*) FROM incident i WHERE " OPEN_INCIDENT
        ") AS incidents_open, (SELECT count(DISTINCT "
        "i.id) FROM incident i JOIN incident_clock k ON k.incident=i.id WHERE " OPEN_INCIDENT
        " AND " OPEN_CLOCK " AND k.due+k.grace<?1) AS incidents_overdue",
        "u", c->now);
    if (statement_next(s))
        statement_json(s, out);
    statement_done(s);
    put_sensors(c, out);
    put_lists(c, out);
    if (!put_events(c, out))
        return false;
    if (!events_statistics(center_events(c->center), &statistics, &error))
        return refuse_error(c, "internal", "events", &error);
    if (statistics.newest) {
        json_key(out, "last_event");
        text_char(out, '"');
        clock_text_rfc3339(statistics.newest, out);
        text_put(out, BYTES_OF("\","));
    } else {
        json_null(out, "last_event");
    }
    json_int(out, "lost_events",
             number(c, "SELECT coalesce(sum(lost),0) FROM sensor WHERE ended IS NULL AND ?1"));
    json_close(out, '}');
    return true;
}

/* ---- my work ---- */

/* One list of cards per role, most urgent first. Every SELECT gives the same columns: kind, incident, number,
 * title_vi, title_en, text_vi, text_en, due, overdue, task, contact, address, actions, urgency. */
static const char contact_cards[] =
    "SELECT 'task', i.id, i.number, t.title_vi, t.title_en, i.title, i.title, coalesce(t.due, (SELECT "
    "min(due) FROM "
    "incident_clock k WHERE k.incident=i.id AND " OPEN_CLOCK ")), NULL, t.id, NULL, nullif(i.addresses,''), "
    "'[\"done\",\"help\",\"open\"]', 2 FROM incident_task t JOIN incident i ON i.id=t.incident WHERE t.done "
    "IS NULL AND "
    "t.for_contact=1 AND i.state NOT IN ('closed','rejected','detected') %SCOPE% UNION ALL "
    "SELECT 'message', i.id, i.number, 'Có tin nhắn mới', 'New message', i.title, i.title, NULL, NULL, NULL, "
    "NULL, NULL, "
    "'[\"open\"]', 1 FROM incident i WHERE " OPEN_INCIDENT
    " AND EXISTS (SELECT 1 FROM incident_message m WHERE "
    "m.incident=i.id AND m.user<>?2 AND m.id>coalesce((SELECT message FROM incident_read r WHERE "
    "r.incident=i.id AND "
    "r.user=?2),0)) %SCOPE% UNION ALL "
    "SELECT 'contact_check', NULL, NULL, 'Thông tin đầu mối còn đúng không?', 'Are the contact details still "
    "right?', "
    "k.person||' · '||coalesce(k.mobile,k.phone,''), k.person||' · '||coalesce(k.mobile,k.phone,''), NULL, "
    "NULL, NULL, "
    "k.id, NULL, '[\"confirm\",\"open\"]', 3 FROM contact k WHERE k.ended IS NULL AND (k.verified IS NULL OR "
    "k.verified < "
    "date(?1/1000000000, 'unixepoch', '-90 days')) %CONTACT%";
static const char staff_cards[] =
    "SELECT 'clock', i.id, i.number, i.title, i.title, k.kind, k.kind, k.due, k.due+k.grace<?1, NULL, NULL, "
    "nullif(i.addresses,''), '[\"open\"]', 0 FROM incident_clock k JOIN incident i ON i.id=k.incident "
    "WHERE " OPEN_CLOCK " AND " OPEN_INCIDENT
    " AND (i.assignee IS NULL OR i.assignee=?2) AND k.kind<>'acknowledge' AND "
    "k.due<?1+86400000000000 UNION ALL "
    "SELECT 'acknowledge', i.id, i.number, i.title, i.title, '', '', (SELECT min(due) FROM incident_clock k "
    "WHERE "
    "k.incident=i.id AND k.kind='acknowledge'), NULL, NULL, NULL, nullif(i.addresses,''), '[\"open\"]', 0 "
    "FROM incident i "
    "WHERE i.state='detected' UNION ALL "
    "SELECT 'message', i.id, i.number, 'Đầu mối đã trả lời', 'The contact officer answered', i.title, "
    "i.title, NULL, NULL, "
    "NULL, NULL, NULL, '[\"open\"]', 1 FROM incident i WHERE " OPEN_INCIDENT
    " AND EXISTS (SELECT 1 FROM incident_message m "
    "WHERE m.incident=i.id AND m.from_contact=1 AND m.id>coalesce((SELECT message FROM incident_read r WHERE "
    "r.incident=i.id AND r.user=?2),0)) UNION ALL "
    "SELECT 'task', i.id, i.number, t.title_vi, t.title_en, i.title, i.title, t.due, t.due<?1, t.id, NULL, "
    "NULL, "
    "'[\"done\",\"open\"]', 2 FROM incident_task t JOIN incident i ON i.id=t.incident WHERE t.done IS NULL "
    "AND "
    "(t.for_contact=0 OR t.help=1) AND i.assignee=?2 AND " OPEN_INCIDENT;
static const char leader_cards[] =
    "SELECT 'incident', i.id, i.number, i.title, i.title, 'Chờ duyệt đóng sự cố', 'Waits for approval to "
    "close', NULL, NULL, "
    "NULL, NULL, NULL, '[\"open\"]', 0 FROM incident i WHERE i.state='reporting' AND ?1 AND ?2 UNION ALL "
    "SELECT 'incident', i.id, i.number, i.title, i.title, 'Sự cố quá hạn', 'Incident overdue', min(k.due), "
    "1, NULL, NULL, "
    "NULL, '[\"open\"]', 1 FROM incident_clock k JOIN incident i ON i.id=k.incident WHERE " OPEN_CLOCK
    " AND " OPEN_INCIDENT " AND k.due+k.grace<?1 GROUP BY i.id";

/* Puts the conditions of the principal into the places kept for them. */
static void cards_sql(const struct context *c, const char *cards, struct text *sql)
{
    struct bytes rest = bytes_of_string(cards);
    while (rest.size) {
        size_t at = MIN(bytes_find_byte(rest, '%'), rest.size);
        text_put(sql, bytes_first(rest, at));
        rest = bytes_from(rest, at);
        bool scope = bytes_starts(rest, BYTES_OF("%SCOPE%"));
        if (!rest.size)
            break;
        text_put(sql, BYTES_OF("AND "));
        principal_condition(&c->principal, scope ? "i.agency IN {}" : "k.agency IN {}", sql);
        rest = bytes_from(rest, scope ? 7 : 9);
    }
}

bool overview_mywork(struct context *c, struct text *out)
{
    const char *cards = c->principal.role == ROLE_CONTACT  ? contact_cards
                        : c->principal.role & ROLE_ACTING  ? staff_cards
                        : c->principal.role == ROLE_LEADER ? leader_cards
                                                           : NULL;
    json_open(out, NULL, '{');
    struct text sql = text_new(1 << 15);
    int64_t count = 0;
    json_open(out, "cards", '[');
    if (cards) {
        text_put(&sql, BYTES_OF("WITH cards(kind, incident, number, title_vi, title_en, text_vi, text_en, "
                                "due, overdue, task, "
                                "contact, address, actions, urgency) AS ("));
        cards_sql(c, cards, &sql);
        text_put(
            &sql,
            BYTES_OF(
                ") SELECT kind, incident, number, title_vi, title_en, text_vi, text_en, due AS \"due@time\", "
                "coalesce(overdue, due<?1, 0) AS \"overdue@bool\", task, contact, address, actions AS "
                "\"actions@raw\" FROM cards ORDER BY urgency, due IS NULL, due, incident LIMIT 100"));
        struct statement *s = database_query(c->database, sql.data, "ui", c->now, c->principal.user);
        for (; statement_next(s); count++) {
            if (count >= CARDS_MAX)
                continue;
            json_open(out, NULL, '{');
            statement_json(s, out);
            json_close(out, '}');
        }
    }
    json_close(out, ']');
    json_int(out, "more", MAX(count - CARDS_MAX, (int64_t)0));
    json_close(out, '}');
    text_done(&sql);
    return true;
}
