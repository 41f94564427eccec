/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents: opening, states, clocks. */
#include "center/incidents.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "center/audit.h"
#include "center/clocks.h"
#include "center/hub.h"
#include "center/incident_private.h"
#include "center/words.h"
#include "store/register.h"

const char *const incident_types[] = {
    "dos",       "phishing", "malware",      "intrusion",    "defacement",     "ransomware", "destruction",
    "espionage", "combined", "other_attack", "system_fault", "operator_error", "disaster",   NULL
};

/* The workflow: the primary step of a state stands first. */
static const struct transition {
    const char *from, *to;
    unsigned roles;
    bool primary;
} transitions[] = {
    { "detected", "acknowledged", ROLE_ACTING, true },
    { "detected", "rejected", ROLE_ACTING, false },
    { "acknowledged", "verified", ROLE_ACTING, true },
    { "acknowledged", "rejected", ROLE_ACTING, false },
    { "verified", "first_response", ROLE_ACTING, true },
    { "verified", "rejected", ROLE_ACTING, false },
    { "first_response", "contained", ROLE_ACTING, true },
    { "contained", "eradicated", ROLE_ACTING, true },
    { "eradicated", "recovered", ROLE_ACTING, true },
    { "recovered", "tested", ROLE_ACTING, true },
    { "tested", "reporting", ROLE_ACTING, true },
    { "tested", "contained", ROLE_ACTING, false }, /* it was not over */
    { "reporting", "closed", ROLE_ACTING | ROLE_LEADER, true },
    { "reporting", "tested", ROLE_ACTING | ROLE_LEADER, false },
};

static const char *const states[] = { "detected",  "acknowledged", "verified",  "first_response",
                                      "contained", "eradicated",   "recovered", "tested",
                                      "reporting", "closed",       "rejected",  NULL };

bool incident_states(struct text *out)
{
    json_open(out, NULL, '{');
    json_open(out, "states", '[');
    for (const char *const *s = states; *s; s++)
        json_cstring(out, NULL, *s);
    json_close(out, ']');
    json_open(out, "types", '[');
    for (const char *const *t = incident_types; *t; t++)
        json_cstring(out, NULL, *t);
    json_close(out, ']');
    json_open(out, "transitions", '[');
    for (size_t i = 0; i < COUNT_OF(transitions); i++) {
        json_open(out, NULL, '{');
        json_cstring(out, "from", transitions[i].from);
        json_cstring(out, "to", transitions[i].to);
        json_open(out, "roles", '[');
        for (unsigned role = 1; role <= ROLE_AUDITOR; role <<= 1) {
            if (transitions[i].roles & role)
                json_cstring(out, NULL, role_name(role));
        }
        json_close(out, ']');
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
    return true;
}

void incident_scope(const struct context *c, struct text *sql)
{
    if (!c->principal.limited)
        return;
    text_put(sql, BYTES_OF(" AND "));
    principal_condition(&c->principal, "i.agency IN {}", sql);
}

bool incident_there(struct context *c, int64_t id)
{
    char buffer[2048];
    struct text sql = text_of(buffer, sizeof buffer);
    text_put(&sql, BYTES_OF("SELECT 1 FROM incident i WHERE i.id=?"));
    incident_scope(c, &sql);
    return database_number(c->database, buffer, "i", id) == 1 ||
           refuse(c, "not_found", "incident", BYTES_NONE, "there is no such incident");
}

bool incident_open(struct context *c, int64_t id)
{
    if (!incident_there(c, id))
        return false;
    struct bytes state = database_text(c->database, c->memory, "SELECT state FROM incident WHERE id=?", "i",
                                       id);
    if (bytes_is(state, "closed") || bytes_is(state, "rejected"))
        return refuse(c, "wrong_state", "state", state, "the incident is over");
    return true;
}

bool timeline_add(struct context *c, int64_t id, const char *kind, struct bytes text, struct bytes data)
{
    database_run(
        c->database,
        "INSERT INTO incident_timeline (incident, time, user, kind, text, data) VALUES (?,?,?,?,?,?)",
        "iuosbb", id, c->now, c->principal.user, kind, text.data ? text : BYTES_OF(""), data);
    return database_run(c->database, "UPDATE incident SET updated=? WHERE id=?", "ui", c->now, id);
}

void incident_publish(struct context *c, int64_t id, const char *what)
{
    char buffer[96];
    struct text text = text_of(buffer, sizeof buffer);
    json_open(&text, NULL, '{');
    json_int(&text, "incident", id);
    json_cstring(&text, "what", what);
    json_close(&text, '}');
    json_end(&text);
    hub_publish(center_hub(c->center), "incident",
                database_number(c->database, "SELECT agency FROM incident WHERE id=?", "i", id),
                text_bytes(&text));
}

/* ---- clocks ---- */

bool clocks_start(struct context *c, int64_t id, const char *starts, uint64_t start)
{
    struct calendar *calendar = ARENA_NEW(c->memory, struct calendar);
    char day[11];
    if (!calendar)
        return refuse(c, "too_large", "", BYTES_NONE, "the request needs too much memory");
    calendar_load(calendar, c->database);
    register_day((uint64_t)database_number(c->database, "SELECT detected FROM incident WHERE id=?", "i", id),
                 day);
    struct statement *s = database_query(c->database,
                                         "SELECT r.id, r.kind, r.amount, r.unit, "
                                         "coalesce(r.grace_minutes,0), r.recipient, r.form, r.source FROM "
                                         "rule_of_law r, incident i WHERE i.id=?1 AND r.ended IS NULL AND "
                                         "r.starts=?2 AND r.kind<>'contact_update' AND "
                                         "r.valid_from<=?3 AND (r.valid_to IS NULL OR r.valid_to>?3) AND "
                                         "(r.regime='local' OR r.regime=i.regime) AND "
                                         "(r.severity='any' OR r.severity=i.severity) AND "
                                         "coalesce(i.level,0) BETWEEN r.level_min AND r.level_max AND "
                                         "(r.kind<>'personal_data_notice' OR i.personal_data=1) AND NOT "
                                         "EXISTS (SELECT 1 FROM incident_clock k WHERE "
                                         "k.incident=i.id AND k.rule=r.id) ORDER BY r.id",
                                         "iss", id, starts, day);
    while (statement_next(s)) {
        enum clock_unit unit;
        if (!clock_unit_read(statement_bytes(s, 3), &unit))
            continue;
        database_run(
            c->database,
            "INSERT INTO incident_clock (incident, rule, kind, recipient, form, source, started, due, grace) "
            "VALUES (?,?,?,?,?,?,?,?,?)",
            "iibbbbuuu", id, statement_int(s, 0), statement_bytes(s, 1), statement_bytes(s, 5),
            statement_bytes(s, 6), statement_bytes(s, 7), start,
            clock_due(calendar, start, (uint64_t)statement_int(s, 2), unit),
            (uint64_t)statement_int(s, 4) * 60 * NS_PER_S);
    }
    return true;
}

/* A changed severity, level or kind of data: what no rule asks for any more is not needed, what is new
 * starts. */
static bool clocks_revise(struct context *c, int64_t id)
{
    database_run(
        c->database,
        "UPDATE incident_clock AS k SET needed=(SELECT (r.severity='any' OR r.severity=i.severity) AND "
        "coalesce(i.level,0) BETWEEN r.level_min AND r.level_max AND (r.kind<>'personal_data_notice' OR "
        "i.personal_data=1) FROM rule_of_law r, incident i WHERE r.id=k.rule AND i.id=k.incident) WHERE "
        "k.incident=? AND k.sent IS NULL",
        "i", id);
    uint64_t detected = (uint64_t)database_number(c->database, "SELECT detected FROM incident WHERE id=?",
                                                  "i", id);
    return clocks_start(c, id, "detected", detected);
}

void clocks_json(struct context *c, int64_t id, struct text *out)
{
    rows_json(
        database_query(c->database,
                       "SELECT id, rule, kind, recipient, form, source, started AS \"started@time\", due AS "
                       "\"due@time\", "
                       "CASE WHEN sent IS NOT NULL OR needed=0 THEN NULL WHEN due<=started THEN CASE WHEN "
                       "?1>due+grace THEN 100 ELSE "
                       "50 END ELSE min(999, CAST((?1-started)*100.0/(due-started) AS INTEGER)) END AS "
                       "used_percent, sent AS "
                       "\"sent@time\", (SELECT display_name FROM user WHERE id=k.sent_by) AS sent_by_title, "
                       "channel, document, "
                       "acknowledged AS \"acknowledged@time\", CASE WHEN needed=0 AND sent IS NULL THEN "
                       "'not_needed' WHEN sent IS NOT "
                       "NULL AND sent<=due+grace THEN 'met' WHEN sent IS NOT NULL THEN 'late' WHEN "
                       "?1>due+grace THEN 'overdue' ELSE "
                       "'running' END AS state FROM incident_clock k WHERE incident=?2 ORDER BY due, id",
                       "ui", c->now, id),
        "clocks", out);
}

/* ---- reminders ---- */

struct reminder {
    int64_t clock, incident;
    unsigned percent;
    char kind[32];
};

static bool remind(struct context *c, const struct reminder *r)
{
    char data[64];
    snprintf(data, sizeof data, "{\"percent\":%u}", r->percent);
    database_begin(c->database);
    bool ok = database_run(c->database, "UPDATE incident_clock SET warned=? WHERE id=?", "ii",
                           (int64_t)r->percent, r->clock) &&
              timeline_add(c, r->incident, "reminder", bytes_of_string(r->kind), bytes_of_string(data));
    if (!ok)
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    incident_publish(c, r->incident, "reminder");
    return true;
}

void incidents_remind(struct context *c)
{
    struct reminder reminders[64];
    size_t count = 0;
    /* One step at a time would repeat itself after a pause: only the highest step that is reached counts. */
    struct statement *s = database_query(
        c->database,
        "SELECT k.id, k.incident, k.kind, CASE WHEN ?1>=k.due+k.grace THEN 100 WHEN k.due>k.started AND "
        "(?1-k.started)/10>=(k.due-k.started)/10*0.8 THEN 80 WHEN k.due>k.started AND "
        "(?1-k.started)/10>=(k.due-k.started)/10*0.5 THEN 50 ELSE 0 END AS step FROM incident_clock k JOIN "
        "incident i ON i.id=k.incident WHERE k.sent IS NULL AND k.needed=1 AND i.state NOT IN "
        "('closed','rejected') AND step>k.warned ORDER BY k.due LIMIT 64",
        "u", c->now);
    while (count < COUNT_OF(reminders) && statement_next(s)) {
        struct reminder *r = &reminders[count++];
        *r = (struct reminder){ .clock = statement_int(s, 0),
                                .incident = statement_int(s, 1),
                                .percent = (unsigned)statement_int(s, 3) };
        struct text kind = text_of(r->kind, sizeof r->kind);
        text_put(&kind, statement_bytes(s, 2));
    }
    statement_done(s);
    for (size_t i = 0; i < count; i++) {
        if (remind(c, &reminders[i]))
            continue;
        log_warning("centre: a reminder could not be written: %s", c->refusal.text);
        if (strcmp(c->refusal.code, "disk_full") == 0)
            return; /* nor could the others; they come when there is room */
    }
}

/* ---- opening ---- */

bool playbook_apply(struct context *c, int64_t id)
{
    return database_run(c->database,
                        "INSERT INTO incident_task (incident, position, state, title_vi, title_en, "
                        "for_contact, required) SELECT i.id, "
                        "p.position, p.state, p.title_vi, p.title_en, coalesce(p.for_contact,0), "
                        "coalesce(p.required,0) FROM playbook_task "
                        "p, incident i WHERE i.id=? AND p.ended IS NULL AND (p.incident_type='any' OR "
                        "p.incident_type=i.type) AND NOT "
                        "EXISTS (SELECT 1 FROM incident_task t WHERE t.incident=i.id AND "
                        "t.title_vi=p.title_vi) ORDER BY p.position",
                        "i", id);
}

struct opening {
    struct bytes title, type, severity, summary, addresses;
    int64_t agency, system;
    uint64_t detected;
    bool personal_data;
    const char *source;
};

static bool opening_read(struct context *c, struct json_value body, struct opening *o)
{
    struct bytes detected = BYTES_NONE;
    if (!body_text(c, body, "title", 300, &o->title, NULL) ||
        !body_text(c, body, "type", 40, &o->type, NULL) ||
        !body_text(c, body, "severity", 20, &o->severity, NULL) ||
        !body_text(c, body, "summary", 8000, &o->summary, NULL) ||
        !body_text(c, body, "addresses", 1000, &o->addresses, NULL) ||
        !body_text(c, body, "detected", 40, &detected, NULL) ||
        !body_number(c, body, "agency", &o->agency, NULL) ||
        !body_number(c, body, "system", &o->system, NULL) ||
        !body_flag(c, body, "personal_data", &o->personal_data, NULL))
        return false;
    if (detected.size && !time_read(detected, c->now, &o->detected))
        return refuse(c, "bad_request", "detected", detected, "detected must be a time");
    return true;
}

/* Checks what people may set, at opening and later. */
static bool fields_check(struct context *c, struct bytes type, struct bytes severity, int64_t agency,
                         int64_t system)
{
    static const char *const severities[] = { "ordinary", "serious", NULL };
    struct problems *problems = context_problems(c);
    if (!problems)
        return false;
    if (!text_listed(type, incident_types))
        problem_add(problems, "choice", "type", type, "type is not one of the incident types");
    if (!text_listed(severity, severities))
        problem_add(problems, "choice", "severity", severity, "severity must be ordinary or serious");
    if (agency && !database_number(c->database, "SELECT 1 FROM agency WHERE id=?", "i", agency))
        problem_add(problems, "reference", "agency", BYTES_NONE, "agency names no agency");
    if (system && !database_number(c->database, "SELECT 1 FROM system WHERE id=?", "i", system))
        problem_add(problems, "reference", "system", BYTES_NONE, "system names no system");
    return problems->count == 0 || refuse_problems(c, problems);
}

static bool incident_insert(struct context *c, const struct opening *o, int64_t *id)
{
    char number[24], day[11];
    if (!fields_check(c, o->type, o->severity, o->agency, o->system) || !body_required(c, "title", o->title))
        return false;
    if (o->detected > c->now + 60 * NS_PER_S)
        return refuse(c, "bad_request", "detected", BYTES_NONE, "detected is in the future");
    register_day(c->now, day);
    int64_t next = database_number(c->database,
                                   "SELECT coalesce(max(CAST(substr(number, 6) AS INTEGER)), 0)+1 FROM "
                                   "incident WHERE number LIKE ?||'-%'",
                                   "b", bytes_of(day, 4));
    snprintf(number, sizeof number, "%.4s-%04lld", day, (long long)next);
    register_day(o->detected, day);
    /* A case keeps the body of law it was born under. */
    struct bytes regime = database_text(
        c->database, c->memory,
        "SELECT regime FROM rule_of_law WHERE regime<>'local' AND kind='initial_notice' AND valid_from<=?1 "
        "AND (valid_to "
        "IS NULL OR valid_to>?1) AND ended IS NULL ORDER BY valid_from DESC LIMIT 1",
        "s", day);
    if (!regime.data)
        regime = BYTES_OF("local");
    database_run(
        c->database,
        "INSERT INTO incident (number, title, type, severity, state, level, agency, system, regime, summary, "
        "source, reporter, personal_data, addresses, detected, created, updated) VALUES "
        "(?1,?2,?3,?4,'detected',"
        "(SELECT level FROM system WHERE id=?6),?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?14)",
        "sbbboobbsoibuu", number, o->title, o->type, o->severity, o->agency, o->system, regime,
        o->summary.data ? o->summary : BYTES_OF(""), o->source, c->principal.user, (int64_t)o->personal_data,
        o->addresses.data ? o->addresses : BYTES_OF(""), o->detected, c->now);
    *id = database_last_id(c->database);
    struct error error;
    if (!database_ok(c->database, &error))
        return refuse_error(c, "internal", "incident", &error);
    return timeline_add(c, *id, "created", o->title, BYTES_NONE) &&
           clocks_start(c, *id, "detected", o->detected) && playbook_apply(c, *id) &&
           audit_add(c, "incident.create", "incident", *id, BYTES_NONE);
}

bool incident_create(struct context *c, struct json_value body, struct text *out)
{
    struct opening o = { .type = BYTES_OF("other_attack"),
                         .severity = BYTES_OF("ordinary"),
                         .detected = c->now,
                         .source = c->principal.role == ROLE_CONTACT ? "contact" : "manual" };
    int64_t id = 0;
    if (!opening_read(c, body, &o))
        return false;
    if (c->principal.limited && !o.agency && c->principal.agency_count == 1)
        o.agency = c->principal.agencies[0];
    if (!principal_has(&c->principal, o.agency))
        return refuse(c, "forbidden", "agency", BYTES_NONE,
                      "only incidents of one's own agency can be reported");
    database_begin(c->database);
    if (!incident_insert(c, &o, &id))
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    incident_publish(c, id, "opened");
    return incident_show(c, id, out);
}

/* What kind of incident the signature's class speaks of. */
static struct bytes type_of_category(struct bytes category, struct bytes signature)
{
    static const struct {
        const char *part, *type;
    } kinds[] = {
        { "ransom", "ransomware" },
        { "phish", "phishing" },
        { "social engineering", "phishing" },
        { "denial of service", "dos" },
        { "web application", "intrusion" },
        { "trojan", "malware" },
        { "malware", "malware" },
        { "command and control", "malware" },
        { "exploit", "intrusion" },
        { "administrator", "intrusion" },
        { "user privilege", "intrusion" },
        { "brute", "intrusion" },
        { "login", "intrusion" },
        { "exfil", "espionage" },
        { "beacon", "malware" },
        { "tunnel", "malware" },
        { "crypto", "malware" },
        { "sql injection", "intrusion" },
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct bytes part = bytes_of_string(kinds[i].part);
        if (bytes_find_nocase(category, part) != SIZE_MAX || bytes_find_nocase(signature, part) != SIZE_MAX)
            return bytes_of_string(kinds[i].type);
    }
    return BYTES_OF("other_attack");
}

static bool opening_from_alert(struct context *c, int64_t alert, struct opening *o)
{
    char addresses[128];
    struct text text = text_of(addresses, sizeof addresses);
    struct statement *s = database_query(
        c->database,
        "SELECT signature, category, src, dest, agency, system, first, side FROM alert_group WHERE id=?", "i",
        alert);
    if (!statement_next(s))
        return refuse(c, "not_found", "alert", BYTES_NONE, "there is no such alert group");
    o->type = type_of_category(statement_bytes(s, 1), statement_bytes(s, 0));
    text_put(&text, bytes_is(statement_bytes(s, 7), "src") ? statement_bytes(s, 2) : statement_bytes(s, 3));
    o->addresses = arena_copy(c->memory, text_bytes(&text));
    o->agency = statement_int(s, 4);
    o->system = statement_int(s, 5);
    /* Detected is when the alert reached the centre's people, not when the traffic of an old capture ran. */
    o->detected = c->now;
    statement_done(s);
    return true;
}

/* A case without a title is named by what it is and whom it concerns, in the language of who opens it. */
static void title_by_type(struct context *c, struct opening *o)
{
    char key[64], buffer[512];
    struct text title = text_of(buffer, sizeof buffer);
    struct bytes agency = database_text(c->database, c->memory, "SELECT name FROM agency WHERE id=?", "i",
                                        o->agency);
    snprintf(key, sizeof key, "incident_type.%.*s", (int)MIN(o->type.size, (size_t)40),
             (const char *)o->type.data);
    const char *word = word_of(key, context_language(c));
    if (word)
        text_string(&title, word);
    else
        text_put(&title, o->type);
    if (agency.size) {
        text_string(&title, " – ");
        text_put(&title, agency);
    }
    o->title = arena_copy(c->memory, bytes_first(text_bytes(&title), 300));
}

bool incident_from_alerts(struct context *c, const int64_t *alerts, size_t count, struct json_value body,
                          int64_t *incident)
{
    if (*incident) {
        if (!incident_open(c, *incident))
            return false;
    } else {
        struct opening o = { .severity = BYTES_OF("ordinary"), .source = "alert" };
        if (!opening_from_alert(c, alerts[0], &o) || !opening_read(c, body, &o))
            return false;
        if (!o.title.size)
            title_by_type(c, &o);
        if (!incident_insert(c, &o, incident))
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        char data[48];
        snprintf(data, sizeof data, "{\"alert\":%lld}", (long long)alerts[i]);
        struct bytes signature = database_text(
            c->database, c->memory, "SELECT signature FROM alert_group WHERE id=?", "i", alerts[i]);
        if (!timeline_add(c, *incident, "alert", signature, bytes_of_string(data)))
            return false;
    }
    return true;
}

/* ---- states ---- */

static void missing_text(struct context *c, struct problems *problems, int64_t id, const char *column)
{
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT trim(%s)='' FROM incident WHERE id=?", column);
    if (database_number(c->database, sql, "i", id))
        problem_add(problems, "required", column, BYTES_NONE, "%s must be filled in before closing", column);
}

/* What a case lacks for its next state. */
static void missing_for(struct context *c, int64_t id, const char *to, struct problems *problems)
{
    if (strcmp(to, "verified") == 0 &&
        database_number(c->database, "SELECT agency IS NULL FROM incident WHERE id=?", "i", id))
        problem_add(problems, "required", "agency", BYTES_NONE,
                    "an incident needs its agency to be verified");
    if (strcmp(to, "closed") != 0)
        return;
    static const char *const columns[] = { "cause", "damage", "handling", "result", "lessons" };
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        missing_text(c, problems, id, columns[i]);
    if (database_number(c->database,
                        "SELECT count(*) FROM incident_task WHERE incident=? AND required=1 AND done IS NULL",
                        "i", id))
        problem_add(problems, "open_tasks", "tasks", BYTES_NONE, "required tasks are not done");
    /* The closing report itself is due after the end: every other notice must be out. */
    if (database_number(
            c->database,
            "SELECT count(*) FROM incident_clock WHERE incident=? AND needed=1 AND sent IS NULL AND "
            "kind<>'closing_report'",
            "i", id))
        problem_add(problems, "unsent_notice", "clocks", BYTES_NONE,
                    "notices that the law asks for are not sent");
}

/* Two-person rule: a serious incident is closed by someone else than who submitted it. */
static bool second_person_needed(struct context *c, int64_t id, const char *to)
{
    return strcmp(to, "closed") == 0 &&
           database_number(c->database,
                           "SELECT severity='serious' AND submitted_by=? FROM incident WHERE id=?", "ii",
                           c->principal.user, id);
}

void next_states_json(struct context *c, int64_t id, struct text *out)
{
    struct bytes state = database_text(c->database, c->memory, "SELECT state FROM incident WHERE id=?", "i",
                                       id);
    json_open(out, "next", '[');
    for (size_t i = 0; i < COUNT_OF(transitions); i++) {
        const struct transition *t = &transitions[i];
        struct problems *problems = bytes_is(state, t->from) ? context_problems(c) : NULL;
        if (!problems)
            continue;
        missing_for(c, id, t->to, problems);
        json_open(out, NULL, '{');
        json_cstring(out, "state", t->to);
        json_bool(out, "primary", t->primary);
        json_bool(out, "allowed", (t->roles & c->principal.role) && !second_person_needed(c, id, t->to));
        json_open(out, "missing", '[');
        for (size_t j = 0; j < MIN(problems->count, (size_t)PROBLEMS_MAX); j++) {
            json_open(out, NULL, '{');
            json_cstring(out, "code", problems->items[j].code);
            json_cstring(out, "place", problems->items[j].place);
            json_cstring(out, "value", problems->items[j].value);
            json_close(out, '}');
        }
        json_close(out, ']');
        json_close(out, '}');
    }
    json_close(out, ']');
}

static const struct transition *find_transition(struct bytes from, struct bytes to)
{
    for (size_t i = 0; i < COUNT_OF(transitions); i++) {
        if (bytes_is(from, transitions[i].from) && bytes_is(to, transitions[i].to))
            return &transitions[i];
    }
    return NULL;
}

/* What entering a state brings with it. */
static bool state_entered(struct context *c, int64_t id, const char *to)
{
    if (strcmp(to, "acknowledged") == 0) {
        database_run(c->database, "UPDATE incident SET assignee=coalesce(assignee, ?) WHERE id=?", "oi",
                     c->principal.user, id);
        return database_run(
            c->database,
            "UPDATE incident_clock SET sent=?1, sent_by=?2, acknowledged=?1, channel='system' WHERE "
            "incident=?3 AND kind='acknowledge' AND sent IS NULL",
            "uoi", c->now, c->principal.user, id);
    }
    if (strcmp(to, "tested") == 0) {
        database_run(c->database, "UPDATE incident SET ended=coalesce(ended, ?) WHERE id=?", "ui", c->now,
                     id);
        return clocks_start(c, id, "ended", c->now);
    }
    if (strcmp(to, "reporting") == 0)
        return database_run(c->database, "UPDATE incident SET submitted_by=? WHERE id=?", "oi",
                            c->principal.user, id);
    if (strcmp(to, "closed") == 0 || strcmp(to, "rejected") == 0) {
        database_run(c->database, "UPDATE incident SET closed=? WHERE id=?", "ui", c->now, id);
        database_run(c->database, "UPDATE alert_group SET collecting=0 WHERE incident=?", "i", id);
    }
    if (strcmp(to, "rejected") == 0)
        database_run(c->database, "UPDATE incident_clock SET needed=0 WHERE incident=? AND sent IS NULL", "i",
                     id);
    return true;
}

static bool move(struct context *c, int64_t id, struct bytes to, struct bytes note, int64_t version)
{
    if (!incident_there(c, id))
        return false;
    struct bytes state = database_text(c->database, c->memory, "SELECT state FROM incident WHERE id=?", "i",
                                       id);
    int64_t current = database_number(c->database, "SELECT version FROM incident WHERE id=?", "i", id);
    const struct transition *t = find_transition(state, to);
    if (version && version != current) {
        char shown[24];
        snprintf(shown, sizeof shown, "%lld", (long long)current);
        return refuse(c, "conflict", "version", bytes_of_string(shown), "the incident was changed meanwhile");
    }
    if (!t)
        return refuse(c, "wrong_state", "state", state, "there is no step from this state to that one");
    if (!(t->roles & c->principal.role))
        return refuse(c, "forbidden", "state", to, "not for the role %s", role_name(c->principal.role));
    struct problems *problems = context_problems(c);
    if (!problems)
        return false;
    missing_for(c, id, t->to, problems);
    if (problems->count)
        return refuse_problems(c, problems);
    if (second_person_needed(c, id, t->to))
        return refuse(c, "second_person", "state", to, "a serious incident is closed by a second person");
    char data[96];
    snprintf(data, sizeof data, "{\"from\":\"%s\",\"to\":\"%s\"}", t->from, t->to);
    database_run(c->database, "UPDATE incident SET state=?, version=version+1 WHERE id=?", "si", t->to, id);
    return state_entered(c, id, t->to) && timeline_add(c, id, "state", note, bytes_of_string(data)) &&
           audit_add(c, "incident.state", "incident", id, bytes_of_string(data));
}

bool incident_move(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    struct bytes to = BYTES_NONE, note = BYTES_NONE;
    int64_t version = 0;
    if (!body_text(c, body, "state", 40, &to, NULL) || !body_text(c, body, "note", 4000, &note, NULL) ||
        !body_number(c, body, "version", &version, NULL))
        return false;
    database_begin(c->database);
    if (!move(c, id, to, note, version))
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    incident_publish(c, id, "state");
    return incident_show(c, id, out);
}

/* ---- changes ---- */

struct edit {
    const char *member, *column;
    size_t max;
};

static const struct edit text_edits[] = {
    { "title", "title", 300 },
    { "type", "type", 40 },
    { "severity", "severity", 20 },
    { "summary", "summary", 8000 },
    { "provider", "provider", 300 },
    { "addresses", "addresses", 1000 },
    { "closing.cause", "cause", 8000 },
    { "closing.damage", "damage", 8000 },
    { "closing.handling", "handling", 8000 },
    { "closing.result", "result", 20 },
    { "closing.lessons", "lessons", 8000 },
};
static const struct edit number_edits[] = { { "agency", "agency", 0 },
                                            { "system", "system", 0 },
                                            { "assignee", "assignee", 0 } };

static bool edit_texts(struct context *c, int64_t id, struct json_value body, struct text *changed)
{
    char sql[96];
    for (size_t i = 0; i < COUNT_OF(text_edits); i++) {
        struct bytes value = BYTES_NONE;
        bool given = false;
        if (!body_text(c, body, text_edits[i].member, text_edits[i].max, &value, &given))
            return false;
        if (!given)
            continue;
        snprintf(sql, sizeof sql, "UPDATE incident SET %s=?1 WHERE id=?2 AND %s<>?1", text_edits[i].column,
                 text_edits[i].column);
        database_run(c->database, sql, "bi", value, id);
        if (database_changes(c->database))
            text_add(changed, "%s%s", changed->size ? ", " : "", text_edits[i].column);
    }
    return true;
}

static bool edit_numbers(struct context *c, int64_t id, struct json_value body, struct text *changed)
{
    char sql[96];
    for (size_t i = 0; i < COUNT_OF(number_edits); i++) {
        int64_t value = 0;
        bool given = false;
        if (!body_number(c, body, number_edits[i].member, &value, &given))
            return false;
        if (!given)
            continue;
        snprintf(sql, sizeof sql, "UPDATE incident SET %s=?1 WHERE id=?2 AND %s IS NOT ?1",
                 number_edits[i].column, number_edits[i].column);
        database_run(c->database, sql, "oi", value, id);
        if (database_changes(c->database))
            text_add(changed, "%s%s", changed->size ? ", " : "", number_edits[i].column);
    }
    bool flag = false, given = false;
    if (!body_flag(c, body, "personal_data", &flag, &given))
        return false;
    if (given)
        database_run(c->database, "UPDATE incident SET personal_data=? WHERE id=?", "ii", (int64_t)flag, id);
    return true;
}

static bool edit_check(struct context *c, int64_t id)
{
    static const char *const results[] = { "", "resolved", "partly", "unresolved", NULL };
    struct statement *s = database_query(
        c->database, "SELECT type, severity, agency, system, result, assignee FROM incident WHERE id=?", "i",
        id);
    if (!statement_next(s))
        return refuse(c, "not_found", "incident", BYTES_NONE, "there is no such incident");
    struct bytes type = arena_copy(c->memory, statement_bytes(s, 0));
    struct bytes severity = arena_copy(c->memory, statement_bytes(s, 1));
    int64_t agency = statement_int(s, 2), system = statement_int(s, 3), assignee = statement_int(s, 5);
    bool result_known = text_listed(statement_bytes(s, 4), results);
    statement_done(s);
    if (!fields_check(c, type, severity, agency, system))
        return false;
    if (!result_known)
        return refuse(c, "bad_request", "closing.result", BYTES_NONE,
                      "result must be resolved, partly or unresolved");
    return !assignee ||
           database_number(c->database,
                           "SELECT role IN ('duty','handler') FROM user WHERE id=? AND ended IS NULL", "i",
                           assignee) ||
           refuse(c, "bad_request", "assignee", BYTES_NONE, "assignee must be a duty officer or handler");
}

static bool update(struct context *c, int64_t id, struct json_value body, int64_t version)
{
    char names[512] = "";
    struct text changed = text_of(names, sizeof names);
    if (!incident_open(c, id))
        return false;
    int64_t current = database_number(c->database, "SELECT version FROM incident WHERE id=?", "i", id);
    if (version && version != current) {
        char shown[24];
        snprintf(shown, sizeof shown, "%lld", (long long)current);
        return refuse(c, "conflict", "version", bytes_of_string(shown), "the incident was changed meanwhile");
    }
    if (!edit_texts(c, id, body, &changed) || !edit_numbers(c, id, body, &changed) || !edit_check(c, id))
        return false;
    database_run(c->database,
                 "UPDATE incident SET version=version+1, level=(SELECT level FROM system y WHERE "
                 "y.id=incident.system) "
                 "WHERE id=?",
                 "i", id);
    return clocks_revise(c, id) && playbook_apply(c, id) &&
           timeline_add(c, id, "change", text_bytes(&changed), BYTES_NONE) &&
           audit_add(c, "incident.update", "incident", id, BYTES_NONE);
}

bool incident_update(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    int64_t version = 0;
    if (!body_number(c, body, "version", &version, NULL))
        return false;
    database_begin(c->database);
    if (!update(c, id, body, version))
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    incident_publish(c, id, "change");
    return incident_show(c, id, out);
}
