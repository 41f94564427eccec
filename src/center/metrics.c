/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics. */
#include "center/metrics.h"

static void figure(struct text *out, const char *name, const char *kind, const char *help, uint64_t value)
{
    text_add(out, "# HELP vonglau_%s %s\n# TYPE vonglau_%s %s\nvonglau_%s %llu\n", name, help, name, kind,
             name, (unsigned long long)value);
}

bool metrics_text(struct context *c, struct text *out)
{
    static const struct {
        const char *name, *help, *sql;
    } counts[] = {
        { "alert_groups_inbox", "Alert groups waiting in the inbox",
          "SELECT count(*) FROM alert_group WHERE state='inbox'" },
        { "incidents_open", "Incidents neither closed nor rejected",
          "SELECT count(*) FROM incident WHERE state NOT IN ('closed','rejected')" },
        { "clocks_overdue", "Clocks of open incidents past their time",
          "SELECT count(*) FROM incident_clock k JOIN incident i ON i.id=k.incident WHERE k.sent IS NULL AND "
          "k.needed=1 AND "
          "k.due+k.grace<?1 AND i.state NOT IN ('closed','rejected')" },
        { "sensors_trusted", "Sensors enrolled and trusted",
          "SELECT count(*) FROM sensor WHERE state='trusted' AND ended IS NULL" },
        { "sensors_silent", "Trusted sensors without a sign of life for ten minutes",
          "SELECT count(*) FROM sensor WHERE state='trusted' AND ended IS NULL AND "
          "last_seen<?1-600000000000" },
        { "sessions", "Sessions in force", "SELECT count(*) FROM session WHERE expires>?1" },
        { "audit_rows", "Rows of the audit log", "SELECT coalesce(max(id),0) FROM audit" },
    };
    struct event_statistics statistics;
    struct error error;
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        figure(out, counts[i].name, "gauge", counts[i].help,
               (uint64_t)database_number(c->database, counts[i].sql, "u", c->now));
    if (!events_statistics(center_events(c->center), &statistics, &error))
        return refuse_error(c, "internal", "events", &error);
    figure(out, "store_events", "gauge", "Events kept", statistics.events);
    figure(out, "store_alerts", "gauge", "Alerts kept", statistics.alerts);
    figure(out, "state_free_bytes", "gauge", "Bytes free on the file system of the state directory",
           center_storage(c->center).free);
    figure(out, "store_bytes", "gauge", "Bytes of the event store on disk", statistics.bytes);
    figure(out, "store_appended_total", "counter", "Events stored since start", statistics.appended);
    figure(out, "store_replayed_total", "counter", "Events delivered again and left out",
           statistics.replayed);
    figure(out, "store_dropped_days_total", "counter", "Days dropped by retention", statistics.dropped_days);
    return true;
}
