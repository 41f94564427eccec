/* SPDX-License-Identifier: Apache-2.0 */
/* The centre as a running service: opened parts, HTTPS, housekeeping until a signal. */
#ifndef VONGLAU_PROGRAMS_SERVE_H
#define VONGLAU_PROGRAMS_SERVE_H

#include "center/center.h"
#include "center/import.h"
#include "center/sample.h"

struct service;

struct service_settings {
    const char *state;
    const char *address; /* to listen on */
    uint16_t port;
    const char *host; /* further name of the server's certificate, or NULL */
    bool temporary;
};

/* Opens everything but does not serve yet. */
MUST_CHECK struct service *service_open(const struct service_settings *settings, struct error *error);
/* Starts HTTPS. */
MUST_CHECK bool service_start(struct service *service, struct error *error);
/* Serves until SIGINT or SIGTERM. `each` is called every second; may be NULL. Signals are taken over by
 * service_open(), so that no thread gets them. */
MUST_CHECK bool service_run(struct service *service, void (*each)(void *context), void *context,
                            struct error *error);
void service_close(struct service *service);

struct center *service_center(struct service *service);
struct ingest *service_ingest(struct service *service);
struct authority *service_authority(struct service *service);
uint16_t service_port(struct service *service);
/* Makes the first administrator when there is no user; `password` is empty when there was one. `waiting`: the
 * one-time password of an earlier start was not used yet. */
MUST_CHECK bool service_first_user(struct service *service, char password[PASSWORD_ONCE_SIZE], bool *waiting,
                                   struct error *error);
/* Runs `work` with a context of the program itself. */
bool service_with(struct service *service, bool (*work)(struct context *context, void *argument),
                  void *argument, struct error *error);

#endif
