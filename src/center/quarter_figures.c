/* SPDX-License-Identifier: Apache-2.0 */
/* What the quarter counts: each figure is a query here and an address of the interface whose rows it counts.
 */
#include <stdio.h>

#include "base/clock.h"
#include "center/entities.h"
#include "center/hunt.h"
#include "center/quarter.h"
#include "store/register.h"

/* In `sql`, ?1 and ?2 are the quarter's start and end. In `rows`, FROM and TO stand for its days. */
static const struct figure {
    const char *key, *group, *sql, *rows;
    bool standing; /* of today, not of a period: no figure of the quarter before */
} figures[] = {
    { "alerts_total", "alerts", "SELECT count(*) FROM alert_group WHERE last>=?1 AND first<?2",
      "/api/alerts?state=all&from=FROM&to=TO", false },
    { "alerts_high", "alerts", "SELECT count(*) FROM alert_group WHERE last>=?1 AND first<?2 AND severity=1",
      "/api/alerts?state=all&severity=1&from=FROM&to=TO", false },
    { "alerts_escalated", "alerts",
      "SELECT count(*) FROM alert_group WHERE last>=?1 AND first<?2 AND state='escalated'",
      "/api/alerts?state=escalated&from=FROM&to=TO", false },
    { "alerts_archived", "alerts",
      "SELECT count(*) FROM alert_group WHERE last>=?1 AND first<?2 AND state='archived'",
      "/api/alerts?state=archived&from=FROM&to=TO", false },
    { "incidents_total", "incidents", "SELECT count(*) FROM incident WHERE created>=?1 AND created<?2",
      "/api/incidents?state=all&opened_from=FROM&opened_to=TO", false },
    { "incidents_serious", "incidents",
      "SELECT count(*) FROM incident WHERE created>=?1 AND created<?2 AND severity='serious'",
      "/api/incidents?state=all&severity=serious&opened_from=FROM&opened_to=TO", false },
    { "incidents_closed", "incidents",
      "SELECT count(*) FROM incident WHERE closed>=?1 AND closed<?2 AND state='closed'",
      "/api/incidents?state=closed&closed_from=FROM&closed_to=TO", false },
    { "incidents_rejected", "incidents",
      "SELECT count(*) FROM incident WHERE created>=?1 AND created<?2 AND state='rejected'",
      "/api/incidents?state=rejected&opened_from=FROM&opened_to=TO", false },
    { "incidents_late", "incidents",
      "SELECT count(*) FROM incident i WHERE created>=?1 AND created<?2 AND EXISTS (SELECT 1 FROM "
      "incident_clock k WHERE "
      "k.incident=i.id AND k.needed=1 AND coalesce(k.sent,?3)>k.due+k.grace)",
      "/api/incidents?state=all&late=1&opened_from=FROM&opened_to=TO", false },
    { "incidents_malware", "types",
      "SELECT count(*) FROM incident WHERE created>=?1 AND created<?2 AND type='malware'",
      "/api/incidents?state=all&type=malware&opened_from=FROM&opened_to=TO", false },
    { "incidents_phishing", "types",
      "SELECT count(*) FROM incident WHERE created>=?1 AND created<?2 AND type='phishing'",
      "/api/incidents?state=all&type=phishing&opened_from=FROM&opened_to=TO", false },
    { "incidents_intrusion", "types",
      "SELECT count(*) FROM incident WHERE created>=?1 AND created<?2 AND type='intrusion'",
      "/api/incidents?state=all&type=intrusion&opened_from=FROM&opened_to=TO", false },
    { "incidents_ransomware", "types",
      "SELECT count(*) FROM incident WHERE created>=?1 AND created<?2 AND type='ransomware'",
      "/api/incidents?state=all&type=ransomware&opened_from=FROM&opened_to=TO", false },
    { "incidents_defacement", "types",
      "SELECT count(*) FROM incident WHERE created>=?1 AND created<?2 AND type='defacement'",
      "/api/incidents?state=all&type=defacement&opened_from=FROM&opened_to=TO", false },
    { "incidents_dos", "types",
      "SELECT count(*) FROM incident WHERE created>=?1 AND created<?2 AND type='dos'",
      "/api/incidents?state=all&type=dos&opened_from=FROM&opened_to=TO", false },
    { "agencies_total", "registers", "SELECT count(*) FROM agency WHERE ended IS NULL",
      "/api/registers/agency", true },
    { "contacts_total", "registers", "SELECT count(*) FROM contact WHERE ended IS NULL",
      "/api/registers/contact", true },
    { "agencies_no_contact", "registers",
      "SELECT count(*) FROM agency t WHERE ended IS NULL AND NOT EXISTS (SELECT 1 FROM contact k WHERE "
      "k.agency=t.id AND k.ended IS NULL)",
      "/api/registers/agency?gap=contact", true },
    { "networks_total", "registers", "SELECT count(*) FROM network WHERE ended IS NULL",
      "/api/registers/network", true },
    { "sensors_total", "registers", "SELECT count(*) FROM sensor WHERE ended IS NULL",
      "/api/registers/sensor", true },
    { "systems_total", "levels", "SELECT count(*) FROM system WHERE ended IS NULL", "/api/registers/system",
      true },
    { "systems_level_1", "levels", "SELECT count(*) FROM system WHERE ended IS NULL AND level=1",
      "/api/registers/system?level=1", true },
    { "systems_level_2", "levels", "SELECT count(*) FROM system WHERE ended IS NULL AND level=2",
      "/api/registers/system?level=2", true },
    { "systems_level_3", "levels", "SELECT count(*) FROM system WHERE ended IS NULL AND level=3",
      "/api/registers/system?level=3", true },
    { "systems_level_4", "levels", "SELECT count(*) FROM system WHERE ended IS NULL AND level=4",
      "/api/registers/system?level=4", true },
    { "systems_level_5", "levels", "SELECT count(*) FROM system WHERE ended IS NULL AND level=5",
      "/api/registers/system?level=5", true },
    { "systems_no_decision", "levels",
      "SELECT count(*) FROM system WHERE ended IS NULL AND coalesce(decision,'')=''",
      "/api/registers/system?gap=decision", true },
    { "systems_plan_full", "levels", "SELECT count(*) FROM system WHERE ended IS NULL AND plan='full'",
      "/api/registers/system?plan=full", true },
    { "systems_plan_partial", "levels", "SELECT count(*) FROM system WHERE ended IS NULL AND plan='partial'",
      "/api/registers/system?plan=partial", true },
};

struct period {
    char from[11], to[11]; /* days, [from, to) */
    uint64_t start, end;
};

static struct period period_of(int64_t year, int64_t quarter)
{
    struct period p = { "", "", 0, 0 };
    int64_t next_year = quarter == 4 ? year + 1 : year, next = quarter == 4 ? 1 : quarter + 1;
    struct text from = text_of(p.from, sizeof p.from), to = text_of(p.to, sizeof p.to);
    text_add(&from, "%04lld-%02lld-01", (long long)year, (long long)(quarter * 3 - 2));
    text_add(&to, "%04lld-%02lld-01", (long long)next_year, (long long)(next * 3 - 2));
    (void)!time_read(bytes_of_string(p.from), 0, &p.start);
    (void)!time_read(bytes_of_string(p.to), 0, &p.end);
    return p;
}

static void rows_address(const char *pattern, const struct period *p, struct text *out)
{
    struct bytes rest = bytes_of_string(pattern);
    while (rest.size) {
        bool from = bytes_starts(rest, BYTES_OF("FROM")), to = bytes_starts(rest, BYTES_OF("TO"));
        if (from || to)
            text_string(out, from ? p->from : p->to);
        else
            text_char(out, (char)rest.data[0]);
        rest = bytes_from(rest, from ? 4 : to ? 2 : 1);
    }
}

static int64_t count_of(struct context *c, const struct figure *f, const struct period *p)
{
    return database_number(c->database, f->sql, "uuu", p->start, p->end, c->now);
}

static void put_figure(struct text *out, const char *key, const char *group, int64_t value, int64_t previous,
                       bool standing, const char *rows)
{
    char shown[24];
    snprintf(shown, sizeof shown, "%lld", (long long)value);
    json_open(out, NULL, '{');
    json_cstring(out, "key", key);
    json_cstring(out, "group", group);
    json_int(out, "value", value);
    json_cstring(out, "text", shown);
    json_cstring(out, "unit", "count");
    if (standing)
        json_null(out, "previous");
    else
        json_int(out, "previous", previous);
    json_cstring(out, "rows", rows);
    json_close(out, '}');
}

static bool count_events(struct context *c, const struct period *p, int64_t *count)
{
    struct event_filter filter = { .from = p->start, .to = p->end };
    struct error error;
    uint64_t number = 0;
    bool partial;
    if (!events_count(center_events(c->center), &filter, clock_steady() + 20 * NS_PER_S, &number, &partial,
                      &error))
        return refuse_error(c, "internal", "events", &error);
    if (partial)
        return refuse(c, "busy", "events", BYTES_NONE,
                      "counting the quarter's events took too long; try again");
    *count = (int64_t)number;
    return true;
}

/* Agencies under the name they bore on the quarter's last day. */
static void agency_table(struct context *c, const struct period *p, struct text *out)
{
    static const char *const columns[] = { "agency", "alerts", "incidents", "overdue" };
    char last[11];
    register_day(p->end - NS_PER_S, last);
    json_open(out, NULL, '{');
    json_cstring(out, "key", "by_agency");
    json_open(out, "columns", '[');
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        json_cstring(out, NULL, columns[i]);
    json_close(out, ']');
    json_open(out, "rows", '[');
    struct statement *s = database_query(
        c->database,
        "SELECT id, (SELECT count(*) FROM alert_group g WHERE g.agency=a.id AND g.last>=?1 AND g.first<?2) "
        "AS alerts, "
        "(SELECT count(*) FROM incident i WHERE i.agency=a.id AND i.created>=?1 AND i.created<?2) AS "
        "incidents, (SELECT "
        "count(*) FROM incident i WHERE i.agency=a.id AND i.created>=?1 AND i.created<?2 AND EXISTS (SELECT "
        "1 FROM "
        "incident_clock k WHERE k.incident=i.id AND k.needed=1 AND coalesce(k.sent,?3)>k.due+k.grace)) FROM "
        "agency a WHERE "
        "alerts>0 OR incidents>0 ORDER BY incidents DESC, alerts DESC, id LIMIT 500",
        "uuu", p->start, p->end, c->now);
    while (statement_next(s)) {
        json_open(out, NULL, '[');
        struct bytes name = register_text_on(c->database, &agency_entity, statement_int(s, 0), "name", last,
                                             c->memory);
        json_string(out, NULL, name.data ? name : BYTES_OF(""));
        for (int i = 1; i < 4; i++)
            json_int(out, NULL, statement_int(s, i));
        json_close(out, ']');
    }
    json_close(out, ']');
    json_close(out, '}');
}

static void signature_table(struct context *c, const struct period *p, struct text *out)
{
    json_open(out, NULL, '{');
    json_cstring(out, "key", "by_signature");
    json_open(out, "columns", '[');
    json_cstring(out, NULL, "signature");
    json_cstring(out, NULL, "alerts");
    json_cstring(out, NULL, "agencies");
    json_close(out, ']');
    json_open(out, "rows", '[');
    struct statement *s = database_query(c->database,
                                         "SELECT signature, sum(count) AS n, count(DISTINCT agency) FROM "
                                         "alert_group WHERE last>=?1 AND first<?2 AND "
                                         "coalesce(reason,'')<>'noise' GROUP BY sid ORDER BY n DESC LIMIT 15",
                                         "uu", p->start, p->end);
    while (statement_next(s)) {
        json_open(out, NULL, '[');
        json_string(out, NULL, statement_bytes(s, 0));
        json_int(out, NULL, statement_int(s, 1));
        json_int(out, NULL, statement_int(s, 2));
        json_close(out, ']');
    }
    json_close(out, ']');
    json_close(out, '}');
}

bool quarter_figures(struct context *c, int64_t year, int64_t quarter, struct text *out, struct text *tables)
{
    struct period p = period_of(year, quarter);
    struct period before = period_of(quarter == 1 ? year - 1 : year, quarter == 1 ? 4 : quarter - 1);
    int64_t events = 0, events_before = 0;
    if (!count_events(c, &p, &events) || !count_events(c, &before, &events_before))
        return false;
    json_open(out, NULL, '[');
    for (size_t i = 0; i < COUNT_OF(figures); i++) {
        char rows[200];
        struct text address = text_of(rows, sizeof rows);
        rows_address(figures[i].rows, &p, &address);
        put_figure(out, figures[i].key, figures[i].group, count_of(c, &figures[i], &p),
                   figures[i].standing ? 0 : count_of(c, &figures[i], &before), figures[i].standing, rows);
    }
    char rows[100];
    snprintf(rows, sizeof rows, "/api/events?from=%s&to=%s", p.from, p.to);
    put_figure(out, "events_total", "alerts", events, events_before, false, rows);
    json_close(out, ']');
    json_end(out);
    json_open(tables, NULL, '[');
    agency_table(c, &p, tables);
    signature_table(c, &p, tables);
    json_close(tables, ']');
    json_end(tables);
    return true;
}

int64_t quarter_figure(struct json_value all, const char *key)
{
    struct json_cursor cursor = json_elements(all);
    struct json_value one;
    uint64_t value;
    while (json_next_element(&cursor, &one)) {
        if (bytes_is(json_find(one, "key").text, key) && json_to_u64(json_find(one, "value"), &value))
            return (int64_t)value;
    }
    return 0;
}
