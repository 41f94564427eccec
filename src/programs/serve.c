/* SPDX-License-Identifier: Apache-2.0 */
/* Wiring of the centre. */
#include "programs/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "center/authority.h"
#include "web/api.h"

struct service {
    struct service_settings settings;
    struct loop *loop;
    struct center *center;
    struct authority *authority;
    struct ingest *ingest;
    struct web *web;
    void (*each)(void *context);
    void *each_context;
};

static void on_signal(void *context, int signal)
{
    (void)signal;
    struct service *service = context;
    loop_stop(service->loop);
}

static void on_second(void *context)
{
    struct service *service = context;
    center_tick(service->center);
    if (service->each)
        service->each(service->each_context);
}

/* The terminal is gone; unless who started us said that it does not matter (nohup(1)). */
static bool stop_on_hangup(struct service *s, struct error *error)
{
    struct sigaction now;
    bool ignored = sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
    return ignored || loop_signal(s->loop, SIGHUP, on_signal, s, error);
}

static bool open_parts(struct service *s, struct error *error)
{
    const struct center_settings settings = { .state = s->settings.state,
                                              .temporary = s->settings.temporary };
    s->loop = loop_new(error);
    if (!s->loop || !loop_signal(s->loop, SIGINT, on_signal, s, error) ||
        !loop_signal(s->loop, SIGTERM, on_signal, s, error) || !stop_on_hangup(s, error) ||
        !loop_every(s->loop, NS_PER_S, on_second, s, error))
        return false;
    signal(SIGPIPE, SIG_IGN);
    s->center = center_open(&settings, error);
    if (!s->center)
        return false;
    s->authority = authority_open(s->settings.state, clock_wall(), error);
    if (!s->authority)
        return false;
    s->ingest = ingest_open(s->center, error);
    if (!s->ingest)
        return false;
    center_attach(s->center, s->authority, s->ingest);
    return true;
}

struct service *service_open(const struct service_settings *settings, struct error *error)
{
    struct service *s = calloc(1, sizeof *s);
    if (!s) {
        error_system(error, "centre");
        return NULL;
    }
    s->settings = *settings;
    if (!open_parts(s, error)) {
        service_close(s);
        return NULL;
    }
    return s;
}

bool service_start(struct service *s, struct error *error)
{
    struct arena memory = arena_of(1 << 20);
    struct bytes chain, key;
    bool ok = authority_server(s->authority, s->settings.host, clock_wall(), &memory, &chain, &key, error);
    const char *trust = ok ? arena_string(&memory, authority_certificate(s->authority)) : NULL;
    if (ok) {
        const struct web_settings web = { .address = s->settings.address,
                                          .port = s->settings.port,
                                          .certificate_pem = arena_string(&memory, chain),
                                          .key_pem = arena_string(&memory, key),
                                          .client_trust_pem = trust };
        s->web = web_start(s->center, &web, error);
        ok = s->web != NULL;
    }
    arena_done(&memory);
    return ok;
}

bool service_run(struct service *s, void (*each)(void *context), void *context, struct error *error)
{
    s->each = each;
    s->each_context = context;
    return loop_run(s->loop, error);
}

void service_close(struct service *s)
{
    if (!s)
        return;
    web_stop(s->web);
    if (s->center)
        center_attach(s->center, NULL, NULL);
    ingest_close(s->ingest);
    authority_close(s->authority);
    center_close(s->center);
    loop_free(s->loop);
    free(s);
}

struct center *service_center(struct service *s)
{
    return s->center;
}

struct ingest *service_ingest(struct service *s)
{
    return s->ingest;
}

struct authority *service_authority(struct service *s)
{
    return s->authority;
}

uint16_t service_port(struct service *s)
{
    return web_port(s->web);
}

bool service_with(struct service *s, bool (*work)(struct context *context, void *argument), void *argument,
                  struct error *error)
{
    struct arena memory = arena_of(256U << 20);
    struct database *database = center_connection(s->center);
    struct context c = context_system(s->center, database, &memory);
    bool ok = work(&c, argument);
    if (!ok && strstr(c.refusal.text, c.refusal.value))
        error_set(error, "%s", c.refusal.text);
    else if (!ok)
        error_set(error, "%s, not \"%s\"", c.refusal.text, c.refusal.value);
    center_connection_return(s->center, database);
    arena_done(&memory);
    return ok;
}

struct first {
    char *password;
    bool waiting;
};

static bool first_user(struct context *c, void *argument)
{
    struct first *first = argument;
    first->password[0] = '\0';
    first->waiting = database_number(c->database,
                                     "SELECT count(*) FROM user WHERE name='admin' AND must_change=1 AND "
                                     "ended IS NULL",
                                     "") != 0;
    if (database_number(c->database, "SELECT count(*) FROM user WHERE role='administrator' AND ended IS NULL",
                        ""))
        return true;
    return user_make(c, "admin", "Quản trị hệ thống", "administrator", NULL, 0, first->password, NULL);
}

bool service_first_user(struct service *s, char password[PASSWORD_ONCE_SIZE], bool *waiting,
                        struct error *error)
{
    struct first first = { .password = password };
    bool ok = service_with(s, first_user, &first, error);
    *waiting = first.waiting;
    return ok;
}
