/* SPDX-License-Identifier: Apache-2.0 */
/* Takes deliveries of sensors in: decode, resolve agency and system, store, group alerts, acknowledge.
 *
 * Acknowledged is what is on disk in the event store and counted in the alert groups, each exactly once: both
 * keep the last sequence they took of every sensor, start and stream. */
#ifndef VONGLAU_CENTER_INGEST_H
#define VONGLAU_CENTER_INGEST_H

#include "center/center.h"

struct ingest;

MUST_CHECK struct ingest *ingest_open(struct center *center, struct error *error);
void ingest_close(struct ingest *ingest);

enum ingest_result {
    INGEST_OK,
    INGEST_MALFORMED, /* the sensor's fault: repeating will not help */
    INGEST_BUSY,      /* the centre's (error.disk_full: want of room): try again later */
};

struct ingest_receipt {
    uint64_t acknowledged; /* last sequence of the frame */
    uint64_t boot;
    size_t events, added, unreadable; /* lines; new ones; ones that are no events (counted, dropped) */
};

/* Takes one frame (event/frame.h) of the sensor with this row. Any thread. */
enum ingest_result ingest_frame(struct ingest *ingest, int64_t sensor, struct bytes frame,
                                struct ingest_receipt *receipt, struct error *error);
/* The same for events from elsewhere (a capture opened on this machine): `records` in rising order of
 * id.sequence, with id.sensor and id.boot as in the batch; agency and system are filled in here. */
enum ingest_result ingest_records(struct ingest *ingest, const struct event_batch *batch,
                                  struct event_record *records, struct ingest_receipt *receipt,
                                  struct error *error);
/* A sensor's sign of life: counters, clock, backlog (docs/sensor-protocol.md). Appends the settings it shall
 * use as one JSON object. */
enum ingest_result ingest_heartbeat(struct ingest *ingest, int64_t sensor, struct bytes body,
                                    const char *address, struct text *reply, struct error *error);

struct ingest_statistics {
    uint64_t frames, events, replayed, unreadable, refused;
};
void ingest_statistics(struct ingest *ingest, struct ingest_statistics *statistics);

#endif
