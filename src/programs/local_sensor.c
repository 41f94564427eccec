/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/local_sensor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "center/enrolment.h"
#include "programs/children.h"

/* The interface of the default route (/proc/net/route); false when there is none. */
static bool default_interface(char *out, size_t size)
{
    char line[512], name[64];
    unsigned long destination, mask;
    FILE *file = fopen("/proc/net/route", "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%63s %lx %*x %*x %*d %*d %*d %lx", name, &destination, &mask) == 3 &&
            destination == 0 && mask == 0) {
            snprintf(out, size, "%s", name);
            found = true;
        }
    }
    if (file)
        fclose(file);
    return found;
}

static void local_start(struct local_sensor *l)
{
    struct sensor_words words = { .count = 0 };
    say_word(&words, l->program);
    say_word(&words, "-i");
    say_word(&words, l->interface);
    say_word(&words, "-l");
    say_word(&words, l->logs);
    say_word(&words, "--spool");
    say_word(&words, l->spool);
    say_settings(&words, l->rules);
    /* The queue for the centre has every event; a second copy in a file would only grow. */
    if (words.settings[0]) {
        say_word(&words, "--set");
        say_word(&words, "outputs.0.eve-log.enabled=no");
    }
    l->pid = spawn(words.argv, l->log_path);
}

void local_watch(void *context)
{
    struct local_sensor *l = context;
    int status;
    if (l->pid > 0 && waitpid(l->pid, &status, WNOHANG) == l->pid) {
        l->pid = 0;
        l->start_at = clock_steady() + 10 * NS_PER_S;
        log_warning("sensor: ended with status %d, started again in 10 s; see %s",
                    WIFEXITED(status) ? WEXITSTATUS(status) : -1, l->log_path);
    }
    if (l->pid == 0 && l->start_at && clock_steady() >= l->start_at)
        local_start(l);
}

void local_stop(struct local_sensor *l)
{
    if (l->pid <= 0)
        return;
    kill(l->pid, SIGTERM);
    for (int i = 0; i < 100; i++) {
        if (waitpid(l->pid, NULL, WNOHANG) == l->pid)
            return;
        nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    }
    kill(l->pid, SIGKILL);
    waitpid(l->pid, NULL, 0);
}

struct code_request {
    struct service *service;
    char code[ENROLMENT_CODE_MAX];
};

static bool make_code(struct context *c, void *argument)
{
    struct code_request *r = argument;
    struct error error;
    return enrolment_code_for_name(c->database, service_authority(r->service), "local", c->now, r->code,
                                   &error) ||
           refuse(c, "internal", "sensor", BYTES_NONE, "%s", error.text);
}

/* The local sensor enrols with this centre as any other would. */
static bool local_enrol(struct service *service, struct local_sensor *l, uint16_t port, struct error *error)
{
    char uplink[2700], url[64];
    snprintf(uplink, sizeof uplink, "%s/uplink.json", l->spool);
    if (access(uplink, R_OK) == 0)
        return true;
    struct code_request request = { .service = service };
    if (!service_with(service, make_code, &request, error))
        return false;
    snprintf(url, sizeof url, "https://127.0.0.1:%u", port);
    char *argv[] = { l->program, word("enrol"), url, request.code, l->spool, NULL };
    return spawn_and_wait(argv, l->log_path, error);
}

bool local_open(struct service *service, const struct arguments *a, struct local_sensor *l,
                struct error *error)
{
    sensor_program(l->program, sizeof l->program);
    if (a->interface)
        snprintf(l->interface, sizeof l->interface, "%s", a->interface);
    else if (!default_interface(l->interface, sizeof l->interface))
        return error_set(error, "this machine has no default route; name an interface with --interface");
    snprintf(l->spool, sizeof l->spool, "%s/sensor", a->state);
    snprintf(l->logs, sizeof l->logs, "%s/sensor/logs", a->state);
    snprintf(l->log_path, sizeof l->log_path, "%s/sensor/sensor.log", a->state);
    if ((mkdir(l->spool, 0700) != 0 && errno != EEXIST) || (mkdir(l->logs, 0700) != 0 && errno != EEXIST))
        return error_system(error, "%s", l->spool);
    l->rules = a->rules;
    if (!local_enrol(service, l, service_port(service), error))
        return false;
    local_start(l);
    return l->pid > 0 || error_system(error, "cannot start %s", l->program);
}
