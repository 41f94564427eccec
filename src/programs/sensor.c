/* SPDX-License-Identifier: Apache-2.0 */
/* vonglau-sensor: arguments in, exit status out. */
#include <stdio.h>

#include "sensor/engine.h"

int main(int argc, char **argv)
{
    struct options options;
    struct error error;
    if (!options_read(argc, argv, &options, &error)) {
        fprintf(stderr, "vonglau-sensor: %s\n%s", error.text, options_help());
        return 2;
    }
    return engine_main(&options);
}
