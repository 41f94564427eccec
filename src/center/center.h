/* SPDX-License-Identifier: Apache-2.0 */
/* The centre as one object, and a request to it.
 *
 * State directory: registry.db, events/, evidence/, secret.key. Functions of this layer take a `struct
 * context` (who asks, with which connection, when), append JSON to a text and return false with a refusal set
 * when they will not. */
#ifndef VONGLAU_CENTER_CENTER_H
#define VONGLAU_CENTER_CENTER_H

#include <pthread.h>

#include "base/arena.h"
#include "store/database.h"
#include "store/events.h"
#include "store/principal.h"
#include "store/problem.h"

struct authority;
struct hub;
struct ingest;
struct resolver;

struct center_settings {
    const char *state;         /* directory, made when absent, mode 0700 */
    uint64_t event_bytes_max;  /* retention of events; 0: three quarters of the file system */
    uint64_t (*clock)(void);   /* wall clock; NULL: the system's */
    uint64_t (*elapsed)(void); /* what it should have advanced by; NULL: clock_elapsed() */
    bool temporary;            /* do not wait for the disk */
    bool passwords_light;      /* least work for a password: for tests, which make hundreds of them */
};

#define CENTER_CONNECTIONS_MAX 32

struct center;

MUST_CHECK struct center *center_open(const struct center_settings *settings, struct error *error);
void center_close(struct center *center);
/* A connection for one request; blocks while all are in use. */
struct database *center_connection(struct center *center);
void center_connection_return(struct center *center, struct database *database);
struct events *center_events(struct center *center);
struct hub *center_hub(struct center *center);
struct resolver *center_resolver(struct center *center);
/* What programs open beside the centre and close after it is no longer served; NULL until attached. */
void center_attach(struct center *center, struct authority *authority, struct ingest *ingest);
struct authority *center_authority(struct center *center);
struct ingest *center_ingest(struct center *center);
bool center_passwords_light(const struct center *center);
const char *center_directory(const struct center *center);
uint64_t center_now(const struct center *center);
/* 32 bytes kept in the state directory, for secrets at rest. */
const uint8_t *center_key(const struct center *center);
/* Held while a stored file of evidence and the row that tells of it come together. */
pthread_mutex_t *center_evidence_lock(struct center *center);
/* True while events and registers can be written (readiness); else the error says why. */
bool center_ready(struct center *center, struct error *error);

/* The file system of the state directory. Events are taken while more than `kept` is free: the rest is for
 * the registers, the audit log and sessions, so that people can sign in and clear the disk. */
struct center_storage {
    uint64_t size, free, kept; /* octets; all 0 when the system does not tell */
    bool full;                 /* free <= kept */
};
struct center_storage center_storage(const struct center *center);
/* {"storage":{...}} for GET /api/health. */
void center_health_json(const struct center *center, struct text *out);
/* Notices when the wall clock was set while the centre runs: durations that are kept as times (sessions,
 * lockouts, codes, signs of life) are moved along, and for an hour nothing is done that only the clock calls
 * for. Call before a request and every second. */
void center_watch_clock(struct center *center);
/* Housekeeping that is due: expired sessions, retention, overdue clocks, silent sensors. Call every few
 * seconds. */
void center_tick(struct center *center);

/* Why a request was not done. */
struct refusal {
    const char *code; /* of docs/api.md; NULL: not refused */
    char place[64], value[160], text[256];
    const struct problems *problems; /* details, or NULL */
};

struct parameter {
    struct bytes name, value;
};

#define PARAMETERS_MAX 32

/* Query parameters of a request, decoded. */
struct parameters {
    struct parameter items[PARAMETERS_MAX];
    size_t count;
};

struct context {
    struct center *center;
    struct database *database;
    struct principal principal;
    struct arena *memory;
    uint64_t now; /* nanoseconds since 1970 */
    struct refusal refusal;
    bool audited; /* rows of the audit log wait for the commit, then for their anchor */
    /* Of the session, when there is one. */
    int64_t session;
    char csrf[48], user_title[128];
    bool must_change_password, must_add_factor;
};

/* Starts a context on behalf of the program itself (all rights, user 0). */
struct context context_system(struct center *center, struct database *database, struct arena *memory);
/* Sets the refusal (the first one stays) and returns false. */
bool refuse(struct context *context, const char *code, const char *place, struct bytes value,
            const char *format, ...) PRINTF_LIKE(5, 6);
/* Refuses with `code`, or with disk_full when that is why. */
bool refuse_error(struct context *context, const char *code, const char *place, const struct error *error);
/* Commits; on failure refuses with internal, busy or disk_full. */
MUST_CHECK bool context_commit(struct context *context);
/* Undoes the transaction; false. */
bool context_rollback(struct context *context);
/* A fresh, empty list of problems in the request's memory; NULL (and refused) when that is full. */
struct problems *context_problems(struct context *context);
bool refuse_problems(struct context *context, const struct problems *problems);

/* Absent when not given. */
struct bytes parameter(const struct parameters *parameters, const char *name);
/* A number; false and refused when it is not one. Absent: keeps *value. */
bool parameter_number(struct context *context, const struct parameters *parameters, const char *name,
                      int64_t *value);
/* RFC 3339, "now", or "-24h" and the like. Absent: keeps *time. */
bool parameter_time(struct context *context, const struct parameters *parameters, const char *name,
                    uint64_t *time);
/* "now", "-15m", "-24h", "-7d" or RFC 3339 or a day at +07:00. */
bool time_read(struct bytes text, uint64_t now, uint64_t *time);

/* `cursor` (an offset) and `limit` of a list. */
struct page {
    int64_t offset, limit;
};
bool page_read(struct context *context, const struct parameters *parameters, struct page *page);
/* "next":..., for a page that was asked for with limit + 1 rows. */
void page_end(const struct page *page, bool more, struct text *out);

/* Members of a request body. Absent or null members keep the output; false and refused on another type.
 * `given` may be NULL. Texts are trimmed, checked for UTF-8 and at most `max` bytes. */
bool body_text(struct context *context, struct json_value body, const char *name, size_t max,
               struct bytes *out, bool *given);
bool body_number(struct context *context, struct json_value body, const char *name, int64_t *out,
                 bool *given);
bool body_flag(struct context *context, struct json_value body, const char *name, bool *out, bool *given);
/* Refuses with `required` when the text is empty. */
bool body_required(struct context *context, const char *name, struct bytes value);

/* {"rows":[ the statement's rows ]} members, without the outer braces. Returns how many. */
size_t rows_json(struct statement *statement, const char *key, struct text *out);
bool text_listed(struct bytes text, const char *const *names);

#endif
