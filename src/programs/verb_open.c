/* SPDX-License-Identifier: Apache-2.0 */
/* open FILE: a centre for minutes, gone when it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "center/users.h"
#include "programs/command.h"
#include "programs/files.h"
#include "programs/replay.h"

struct open_request {
    const char *file;
    char directory[64], password[PASSWORD_ONCE_SIZE];
};

static bool open_user(struct context *c, void *argument)
{
    struct open_request *r = argument;
    return user_make(c, "xem", "Người xem", "duty", NULL, 0, r->password, NULL) &&
           /* The centre lives for minutes and on loopback only: its one password is good as it is. */
           database_run(c->database, "UPDATE user SET must_change=0", "");
}

int verb_open(struct arguments *a)
{
    struct open_request request = { .file = a->words[0], .directory = "/tmp/vonglau-open-XXXXXX" };
    struct error error = { "" };
    char state[128], eve[160];
    if (a->word_count != 1)
        return usage_error("open needs one FILE", NULL);
    if (access(request.file, R_OK) != 0) {
        error_system(&error, "%s", request.file);
        return failed(&error);
    }
    if (!mkdtemp(request.directory)) {
        error_system(&error, "%s", request.directory);
        return failed(&error);
    }
    snprintf(state, sizeof state, "%s/state", request.directory);
    snprintf(eve, sizeof eve, "%s/eve.json", request.directory);
    struct service_settings settings = {
        .state = state, .address = "127.0.0.1", .port = 0, .temporary = true
    };
    if (a->port != PORT_DEFAULT)
        settings.port = a->port;
    struct import_request import = { .path = request.file, .sensor = "open", .run = 1 };
    struct service *service = service_open(&settings, &error);
    bool ok = service != NULL;
    if (ok && starts_with_capture_magic(request.file)) {
        ok = analyse(request.file, request.directory, a->rules, &error);
        import.path = eve;
    }
    import.service = service;
    ok = ok && service_with(service, import_file, &import, &error);
    if (ok && import.result.events == 0 && import.result.unreadable)
        ok = error_set(&error, "%s: is neither a capture nor a file of EVE lines", request.file);
    ok = ok && service_with(service, open_user, &request, &error) && service_start(service, &error);
    if (ok) {
        printf("%zu events / sự kiện\nhttps://127.0.0.1:%u/   xem  %s\nCtrl-C ends and leaves nothing behind "
               "/ kết thúc và "
               "xóa sạch\n",
               import.result.events, service_port(service), request.password);
        fflush(stdout);
        ok = service_run(service, NULL, NULL, &error);
    }
    service_close(service);
    remove_tree(request.directory);
    return ok ? 0 : failed(&error);
}
