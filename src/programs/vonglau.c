/* SPDX-License-Identifier: Apache-2.0 */
/* vonglau: the centre and its tools, one command with verbs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "programs/children.h"
#include "programs/command.h"

static const char help[] =
    "usage: vonglau VERB [OPTION...]\n"
    "\n"
    "  up                     the centre, and a sensor on this machine's default interface\n"
    "  center                 the centre alone\n"
    "  demo                   the centre with a sample province and recorded attacks\n"
    "  open FILE              shows a capture or an eve.json in the browser; leaves nothing behind\n"
    "  admin create-user NAME ROLE [DISPLAY NAME]\n"
    "  admin reset-password NAME\n"
    "  admin enrol NAME       one-time code for a sensor\n"
    "  admin revoke NAME      refuses a sensor from now on\n"
    "  admin verify-audit [ROWS HASH]\n"
    "                         checks the audit log's chain and end; also against a line noted elsewhere\n"
    "  admin anchor-audit REASON\n"
    "                         anchors the audit log anew when its anchor is lost or does not fit; is itself\n"
    "                         logged, and says what can no longer be proved\n"
    "  admin backup DIR       copies registry, evidence and keys while the centre runs, and verifies the "
    "copy\n"
    "  admin restore DIR      puts a copy back; the centre must be stopped\n"
    "  sensor ...             same as vonglau-sensor ...\n"
    "  --version, --help\n"
    "\n"
    "  --state DIR            where the centre keeps its data\n"
    "                         (default: /var/lib/vonglau as root, else ~/.local/share/vonglau; of the demo\n"
    "                         the same with -demo at its end)\n"
    "  --listen ADDRESS:PORT  default 127.0.0.1:8443; [::]:8443 for all addresses\n"
    "  --host NAME            name or address of this centre for its certificate\n"
    "  --interface NAME       up: the interface to watch (default: that of the default route)\n"
    "  --rules FILE           demo, open, up: rules to use\n"
    "  --captures DIR         demo: folder of recordings to replay\n";

int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "vonglau: %s%s%s\n%s", what, value ? " " : "", value ? value : "", help);
    return STATUS_USAGE;
}

int failed(const struct error *error)
{
    fprintf(stderr, "vonglau: %s\n", error->text);
    return STATUS_RUNTIME;
}

struct service_settings settings_of(const struct arguments *a)
{
    return (struct service_settings){
        .state = a->state, .address = a->address, .port = a->port, .host = a->host
    };
}

static bool read_listen(struct arguments *a, const char *value)
{
    struct bytes text = bytes_of_string(value);
    const char *colon = strrchr(value, ':');
    uint64_t port;
    struct address address;
    if (!colon || !bytes_to_u64(bytes_of_string(colon + 1), &port) || port > UINT16_MAX)
        return false;
    text = bytes_first(text, (size_t)(colon - value));
    if (text.size > 2 && text.data[0] == '[')
        text = bytes_of(text.data + 1, text.size - 2);
    if (!address_parse(text, &address) || text.size >= sizeof a->address)
        return false;
    snprintf(a->address, sizeof a->address, "%.*s", (int)text.size, (const char *)text.data);
    a->port = (uint16_t)port;
    return true;
}

/* The sample province never gets into what an office works with. */
static void default_state(struct arguments *a, bool demo)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME"), *end = demo ? "-demo" : "";
    if (geteuid() == 0)
        snprintf(a->state_buffer, sizeof a->state_buffer, "/var/lib/vonglau%s", end);
    else if (data && data[0] == '/')
        snprintf(a->state_buffer, sizeof a->state_buffer, "%s/vonglau%s", data, end);
    else
        snprintf(a->state_buffer, sizeof a->state_buffer, "%s/.local/share/vonglau%s", home ? home : ".",
                 end);
    a->state = a->state_buffer;
}

static bool read_arguments(int argc, char **argv, struct arguments *a, struct error *error)
{
    *a = (struct arguments){ .port = PORT_DEFAULT };
    snprintf(a->address, sizeof a->address, "127.0.0.1");
    default_state(a, strcmp(argv[1], "demo") == 0);
    struct {
        const char *name, **value;
    } options[] = { { "--state", &a->state },
                    { "--interface", &a->interface },
                    { "--rules", &a->rules },
                    { "--captures", &a->captures },
                    { "--host", &a->host } };
    for (int i = 2; i < argc; i++) {
        bool known = false;
        for (size_t j = 0; j < COUNT_OF(options) && !known; j++) {
            if (strcmp(argv[i], options[j].name) == 0 && i + 1 < argc) {
                *options[j].value = argv[++i];
                known = true;
            }
        }
        if (known)
            continue;
        if (strcmp(argv[i], "--listen") == 0 && i + 1 < argc) {
            if (!read_listen(a, argv[++i]))
                return error_set(error,
                                 "--listen %s: an address and a port from 0 to 65535 are expected, as in "
                                 "127.0.0.1:8443 or [::]:8443",
                                 argv[i]);
        } else if (argv[i][0] == '-') {
            return error_set(error, "option %s is unknown or lacks its value", argv[i]);
        } else if (a->word_count == COUNT_OF(a->words)) {
            return error_set(error, "a word too many: %s", argv[i]);
        } else {
            a->words[a->word_count++] = argv[i];
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct arguments a;
    const char *verb = argc > 1 ? argv[1] : "--help";
    log_setup(LOG_LEVEL_INFO, STDERR_FILENO);
    if (strcmp(verb, "--version") == 0 || strcmp(verb, "-V") == 0) {
        printf("vonglau %s\n", VONGLAU_VERSION);
        return 0;
    }
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        fputs(help, stdout);
        return argc > 1 ? 0 : STATUS_USAGE;
    }
    if (strcmp(verb, "sensor") == 0) {
        char program[2100];
        sensor_program(program, sizeof program);
        argv[1] = program;
        execvp(program, argv + 1);
        fprintf(stderr, "vonglau: cannot start %s: %s\n", program, strerror(errno));
        return STATUS_RUNTIME;
    }
    struct error error;
    if (!read_arguments(argc, argv, &a, &error))
        return usage_error(error.text, NULL);
    if (strcmp(verb, "open") == 0)
        return verb_open(&a);
    if (strcmp(verb, "admin") == 0)
        return verb_admin(&a);
    bool serve = strcmp(verb, "up") == 0 || strcmp(verb, "center") == 0 || strcmp(verb, "demo") == 0;
    if (!serve || a.word_count)
        return usage_error(serve ? "this verb takes no further words" : "unknown verb", serve ? NULL : verb);
    return verb_serve(&a, strcmp(verb, "demo") == 0, strcmp(verb, "up") == 0);
}
