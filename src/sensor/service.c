/* SPDX-License-Identifier: Apache-2.0 */
/* The two processes of a service and their settings; see service.h. */
#include "sensor/service.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "sensor/engine.h"
#include "sensor/supervisor.h"
#include "sensor/uplink.h"

static int run_engine(void *context)
{
    return engine_main(context);
}

static int run_uplink(void *context)
{
    struct error error;
    if (uplink_run(context, &error))
        return 0;
    log_error("uplink: %s", error.text);
    return 1;
}

static bool enrolled(const char *directory)
{
    char path[4096];
    int size = snprintf(path, sizeof path, "%s/uplink.json", directory);
    return size > 0 && (size_t)size < sizeof path && access(path, R_OK) == 0;
}

int service_main(struct options *options)
{
    static const char folder[] = "/queue";
    char queue[4096];
    const char *directory = options->enrolment;
    if (!directory && options->spool && enrolled(options->spool)) {
        /* Beside the key, the queue gets a folder of its own: the packet process sees nothing but that. */
        int size = snprintf(queue, sizeof queue, "%s%s", options->spool, folder);
        if (size < 0 || (size_t)size >= sizeof queue)
            return 1;
        directory = options->spool;
        options->spool = queue;
    }
    struct uplink_settings uplink = {
        .directory = directory, .spool = options->spool, .sandbox = true, .user = options->user
    };
    struct child children[2] = {
        { .name = "the packet process",
          .run = run_engine,
          .context = options,
          .wants_reload = true,
          .ends_service = true },
        { .name = "the uplink", .run = run_uplink, .context = &uplink },
    };
    size_t count = directory && options->spool && enrolled(directory) ? 2 : 1;
    return supervise(children, count);
}
