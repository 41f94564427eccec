/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered changes of registry.db.
 *
 * The boundary (no table links a natural person to what is published or browsed) is kept here: traffic is
 * known by address, agency and system; persons appear as users, contact officers and authors of case work
 * only. A case that touches state secrets holds a stub: the content stays outside. */
#include "center/schema.h"

#include "center/entities.h"

static const char people[] =
    "CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    "CREATE TABLE session (id INTEGER PRIMARY KEY, user INTEGER NOT NULL, token BLOB NOT NULL UNIQUE, csrf "
    "TEXT NOT NULL,"
    " created INTEGER NOT NULL, seen INTEGER NOT NULL, expires INTEGER NOT NULL, address TEXT, agent TEXT) "
    "STRICT;"
    "CREATE INDEX session_user ON session (user);"
    "CREATE TABLE user_agency (user INTEGER NOT NULL, agency INTEGER NOT NULL, PRIMARY KEY (user, agency)) "
    "STRICT;"
    "CREATE TABLE recovery_code (user INTEGER NOT NULL, code BLOB NOT NULL, used INTEGER, PRIMARY KEY (user, "
    "code)) "
    "STRICT;"
    "CREATE TABLE password_history (id INTEGER PRIMARY KEY, user INTEGER NOT NULL, password TEXT NOT NULL,"
    " time INTEGER NOT NULL) STRICT;"
    "CREATE TABLE audit (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, user INTEGER NOT NULL, address TEXT "
    "NOT NULL,"
    " action TEXT NOT NULL, object TEXT NOT NULL, object_id INTEGER NOT NULL, data TEXT NOT NULL, hash BLOB "
    "NOT NULL)"
    " STRICT;"
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT,'audit is append only'); "
    "END;"
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT,'audit is append only'); "
    "END;"
    "CREATE INDEX audit_action ON audit (action, id);"
    "CREATE INDEX audit_user ON audit (user, id);";

static const char alerts[] =
    "CREATE TABLE alert_group (id INTEGER PRIMARY KEY, gid INTEGER NOT NULL, sid INTEGER NOT NULL,"
    " signature TEXT NOT NULL, category TEXT, severity INTEGER NOT NULL, priority INTEGER NOT NULL, src TEXT "
    "NOT NULL,"
    " src_port INTEGER, dest TEXT NOT NULL, dest_port INTEGER, proto TEXT, app_proto TEXT, count INTEGER NOT "
    "NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, verdict TEXT NOT NULL DEFAULT 'unknown', metadata TEXT,"
    " agency INTEGER, system INTEGER, level INTEGER, side TEXT, state TEXT NOT NULL, collecting INTEGER NOT "
    "NULL,"
    " reason TEXT, note TEXT, filter INTEGER, changed INTEGER, changed_by INTEGER, incident INTEGER,"
    " newest TEXT NOT NULL, created INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX alert_group_key ON alert_group (sid, src, dest, gid) WHERE collecting=1;"
    "CREATE INDEX alert_group_state ON alert_group (state, priority DESC, last DESC);"
    "CREATE INDEX alert_group_last ON alert_group (state, last DESC);"
    "CREATE INDEX alert_group_agency ON alert_group (agency, state);"
    "CREATE INDEX alert_group_src ON alert_group (src);"
    "CREATE INDEX alert_group_dest ON alert_group (dest);"
    "CREATE INDEX alert_group_incident ON alert_group (incident);"
    "CREATE TABLE alert_sensor (alert INTEGER NOT NULL, sensor INTEGER NOT NULL, PRIMARY KEY (alert, "
    "sensor)) STRICT;";

static const char incidents[] =
    "CREATE TABLE incident (id INTEGER PRIMARY KEY, version INTEGER NOT NULL DEFAULT 1, number TEXT NOT NULL "
    "UNIQUE,"
    " title TEXT NOT NULL, type TEXT NOT NULL, severity TEXT NOT NULL, state TEXT NOT NULL, level INTEGER,"
    " agency INTEGER, system INTEGER, regime TEXT NOT NULL, summary TEXT NOT NULL DEFAULT '', source TEXT "
    "NOT NULL,"
    " reporter INTEGER, assignee INTEGER, personal_data INTEGER NOT NULL DEFAULT 0,"
    " state_secret INTEGER NOT NULL DEFAULT 0, addresses TEXT NOT NULL DEFAULT '', provider TEXT NOT NULL "
    "DEFAULT '',"
    " cause TEXT NOT NULL DEFAULT '', damage TEXT NOT NULL DEFAULT '', handling TEXT NOT NULL DEFAULT '',"
    " result TEXT NOT NULL DEFAULT '', lessons TEXT NOT NULL DEFAULT '', detected INTEGER NOT NULL, ended "
    "INTEGER,"
    " created INTEGER NOT NULL, updated INTEGER NOT NULL, closed INTEGER, submitted_by INTEGER) STRICT;"
    "CREATE INDEX incident_state ON incident (state);"
    "CREATE INDEX incident_agency ON incident (agency);"
    "CREATE INDEX incident_detected ON incident (detected);"
    "CREATE TABLE incident_clock (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incident(id),"
    " rule INTEGER NOT NULL, kind TEXT NOT NULL, recipient TEXT, form TEXT, source TEXT, started INTEGER NOT "
    "NULL,"
    " due INTEGER NOT NULL, grace INTEGER NOT NULL DEFAULT 0, needed INTEGER NOT NULL DEFAULT 1, sent "
    "INTEGER,"
    " sent_by INTEGER, channel TEXT, document TEXT, acknowledged INTEGER, warned INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (incident, rule)) STRICT;"
    "CREATE INDEX incident_clock_due ON incident_clock (due) WHERE sent IS NULL AND needed=1;"
    "CREATE TABLE incident_timeline (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES "
    "incident(id),"
    " time INTEGER NOT NULL, user INTEGER, kind TEXT NOT NULL, text TEXT NOT NULL, data TEXT) STRICT;"
    "CREATE INDEX incident_timeline_incident ON incident_timeline (incident, id);"
    "CREATE TRIGGER timeline_no_update BEFORE UPDATE ON incident_timeline BEGIN SELECT RAISE(ABORT,'append "
    "only'); END;"
    "CREATE TRIGGER timeline_no_delete BEFORE DELETE ON incident_timeline BEGIN SELECT RAISE(ABORT,'append "
    "only'); END;"
    "CREATE TABLE incident_task (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES incident(id),"
    " position INTEGER NOT NULL, state TEXT NOT NULL, title_vi TEXT NOT NULL, title_en TEXT NOT NULL,"
    " for_contact INTEGER NOT NULL, required INTEGER NOT NULL, due INTEGER, done INTEGER, done_by INTEGER, "
    "note TEXT,"
    " help INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX incident_task_incident ON incident_task (incident, position);"
    "CREATE TABLE incident_message (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES "
    "incident(id),"
    " time INTEGER NOT NULL, user INTEGER NOT NULL, from_contact INTEGER NOT NULL, text TEXT NOT NULL) "
    "STRICT;"
    "CREATE INDEX incident_message_incident ON incident_message (incident, id);"
    "CREATE TABLE incident_read (incident INTEGER NOT NULL, user INTEGER NOT NULL, message INTEGER NOT NULL,"
    " PRIMARY KEY (incident, user)) STRICT;"
    "CREATE TABLE incident_evidence (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL REFERENCES "
    "incident(id),"
    " time INTEGER NOT NULL, user INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, size INTEGER NOT "
    "NULL,"
    " sha256 TEXT NOT NULL, note TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE INDEX incident_evidence_incident ON incident_evidence (incident, id);";

static const char reports[] =
    "CREATE TABLE quarter_report (id INTEGER PRIMARY KEY, version INTEGER NOT NULL DEFAULT 1, year INTEGER "
    "NOT NULL,"
    " quarter INTEGER NOT NULL, state TEXT NOT NULL, number INTEGER, symbol TEXT NOT NULL, created INTEGER "
    "NOT NULL,"
    " updated INTEGER NOT NULL, created_by INTEGER, reviewed_by INTEGER, approved_by INTEGER, numbered "
    "INTEGER,"
    " figures TEXT NOT NULL, tables TEXT NOT NULL, sections TEXT NOT NULL, addressee TEXT NOT NULL, place "
    "TEXT NOT NULL,"
    " signer TEXT NOT NULL, signer_title TEXT NOT NULL, authority TEXT NOT NULL, recipients TEXT NOT NULL,"
    " parent_agency TEXT NOT NULL, issuing_agency TEXT NOT NULL, day TEXT NOT NULL, UNIQUE (year, quarter)) "
    "STRICT;";

/* Has a row since the audit log was first anchored: from then on a missing anchor is a fault. */
static const char anchors[] = "CREATE TABLE audit_anchored (since INTEGER NOT NULL) STRICT;";

static bool make_registers(struct database *database, const void *context, struct error *error)
{
    (void)context;
    return registers_migrate(database, &province_registers, error);
}

static const struct migration migrations[] = {
    { 1, people, make_registers }, { 2, alerts, NULL },  { 3, incidents, NULL },
    { 4, reports, NULL },          { 5, anchors, NULL },
};

bool schema_apply(struct database *database, uint64_t now, struct error *error)
{
    return database_migrate(database, migrations, COUNT_OF(migrations), NULL, error) &&
           registers_migrate(database, &province_registers, error) && entities_seed(database, now, error);
}
