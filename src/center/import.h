/* SPDX-License-Identifier: Apache-2.0 */
/* EVE files into the event store, as if a sensor on this machine had sent them. */
#ifndef VONGLAU_CENTER_IMPORT_H
#define VONGLAU_CENTER_IMPORT_H

#include "center/ingest.h"

struct import_result {
    size_t events, unreadable;
    uint64_t oldest, newest; /* event times, as stored */
};

/* The row of the local sensor `name`, made (trusted, without certificate) when absent; 0 on failure. */
int64_t import_sensor(struct database *database, const char *name, uint64_t now);
/* Reads a file of EVE lines. `shift` nanoseconds are added to every time (0 keeps them). `run` names this
 * import: the same run of the same file again adds nothing. */
MUST_CHECK bool import_eve(struct ingest *ingest, int64_t sensor, uint64_t run, const char *path,
                           int64_t shift, struct import_result *result, struct error *error);
/* The newest event time in the file; 0 when it has none. */
uint64_t import_newest(const char *path);

#endif
