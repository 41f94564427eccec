/* SPDX-License-Identifier: Apache-2.0 */
/* One file of the event store: a day's alerts, or a day's ordinary traffic. Writing side and schema. */
#ifndef VONGLAU_STORE_EVENT_FILE_H
#define VONGLAU_STORE_EVENT_FILE_H

#include "base/map.h"
#include "store/database.h"
#include "store/event_block.h"

#define NS_PER_DAY          (86400ULL * 1000000000ULL)
#define EVENT_FILE_NAME_MAX 32

enum event_file_kind { EVENT_FILE_ALERTS, EVENT_FILE_TRAFFIC, EVENT_FILE_KINDS };

/* "2026-11-22.alerts.db"; `day` counts from 1970-01-01 UTC. */
void event_file_name(char name[static EVENT_FILE_NAME_MAX], uint64_t day, enum event_file_kind kind);
MUST_CHECK bool event_file_parse(const char *name, uint64_t *day, enum event_file_kind *kind);
/* Alerts and what is kept like them are rows of their own; the rest goes in blocks. */
enum event_file_kind event_file_kind_of(enum event_type type);

struct event_file;

/* Opens or makes the file for writing. `codec` is shared by the files of one store. `dictionary_from`: an
 * earlier file of alerts whose compression dictionary a new one starts with; NULL: none. */
MUST_CHECK struct event_file *event_file_open(const char *path, enum event_file_kind kind, bool no_sync,
                                              const char *dictionary_from, struct block_codec *codec,
                                              struct error *error);
void event_file_close(struct event_file *file);

/* Stores those of `events` (one batch's, this day's and kind's, in order of sequence) that are not there yet,
 * in one transaction; the hosts' ids are filled in. `added` counts them. */
MUST_CHECK bool event_file_append(struct event_file *file, const struct event_batch *batch,
                                  struct block_event *events, size_t count, size_t *added,
                                  struct error *error);
/* Copies the write-ahead log into the file and gives its room back, as far as readers and the disk allow. */
void event_file_settle(struct event_file *file);
/* Packs the open rows into whole blocks. */
MUST_CHECK bool event_file_seal(struct event_file *file, struct error *error);

/* Zstd dictionary of a row of alerts, by its id in the file (0: none). NULL when it is not there. */
MUST_CHECK ZSTD_DDict *event_file_dictionary(struct database *database, int64_t id);

#endif
