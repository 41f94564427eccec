/* SPDX-License-Identifier: Apache-2.0 */
/* Captures and EVE files into a centre. */
#ifndef VONGLAU_PROGRAMS_REPLAY_H
#define VONGLAU_PROGRAMS_REPLAY_H

#include "programs/serve.h"

bool starts_with_capture_magic(const char *path);
/* Reads a capture with the sensor's program into `directory`/eve.json. */
bool analyse(const char *capture, const char *directory, const char *rules, struct error *error);

struct import_request {
    struct service *service;
    const char *path;
    const char *sensor;
    uint64_t run;
    uint64_t age_s; /* move the times so that the newest event is so old; 0: leave them */
    struct import_result result;
};

/* For service_with(): imports the file that the import_request `argument` names. */
bool import_file(struct context *context, void *argument);
/* Every capture.pcap one level below `captures`. */
void replay_all(struct service *service, const char *captures, const char *work, const char *rules);

#endif
