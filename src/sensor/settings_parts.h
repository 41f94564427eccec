/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read settings share; nobody else includes it. */
#ifndef VONGLAU_SENSOR_SETTINGS_PARTS_H
#define VONGLAU_SENSOR_SETTINGS_PARTS_H

#include "sensor/settings.h"

/* `path` below `directory` unless it is absolute. */
const char *settings_path(struct settings *settings, const char *directory, const char *path);
/* `outputs`: EVE logs, fast.log, stats.log, stored files. */
MUST_CHECK bool read_outputs(struct settings *settings, struct error *error);
/* A protocol's own settings below app-layer.protocols, in the record its parser expects; NULL: defaults. */
const void *protocol_options(struct settings *settings, struct config_node *node,
                             const struct protocol *protocol);

/* What a type of records in `types` says about its form. */
MUST_CHECK bool read_record_options(struct settings *settings, struct eve_settings *eve,
                                    const struct protocol *protocol, struct config_node *node,
                                    struct error *error);

#endif
