/* SPDX-License-Identifier: Apache-2.0 */
/* vonglau-sensor: arguments in, exit status out. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sensor/engine.h"
#include "sensor/enrol.h"
#include "sensor/service.h"
#include "sensor/uplink.h"

#define ENROLMENT_DIRECTORY "/var/lib/vonglau/enrolment"

static int usage(const char *reason)
{
    fprintf(stderr, "vonglau-sensor: %s\n%s", reason, options_help());
    return 2;
}

static int failed(const struct error *error)
{
    fprintf(stderr, "vonglau-sensor: %s\n", error->text);
    return 1;
}

/* enrol URL CODE [DIR] */
static int enrol(int argc, char **argv)
{
    char name[128];
    struct error error;
    const char *directory = argc > 4 ? argv[4] : ENROLMENT_DIRECTORY;
    if (argc < 4 || argc > 5)
        return usage("enrol wants the centre's URL and a code");
    if (!enrol_run(argv[2], argv[3], directory, name, sizeof name, &error))
        return failed(&error);
    printf("Enrolled as %s, key and certificate are in %s\n", name, directory);
    return 0;
}

/* uplink DIR SPOOL */
static int uplink(int argc, char **argv)
{
    struct error error;
    if (argc != 4)
        return usage("uplink wants the folder of the enrolment and the spool");
    struct uplink_settings settings = { .directory = argv[2], .spool = argv[3], .sandbox = true };
    return uplink_run(&settings, &error) ? 0 : failed(&error);
}

int main(int argc, char **argv)
{
    struct options options;
    struct error error;
    if (argc > 1 && !strcmp(argv[1], "enrol"))
        return enrol(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "uplink"))
        return uplink(argc, argv);
    if (!options_read(argc, argv, &options, &error))
        return usage(error.text);
    bool watches = options.mode == MODE_RUN && (options.interface_count || options.interfaces_of_file) &&
                   options.spool;
    if (watches)
        return service_main(&options);
    if (options.daemon && options.mode == MODE_RUN && daemon(1, 0) < 0)
        return 1;
    return engine_main(&options);
}
