/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a spool directory, for its writer and its reader only. */
#ifndef VONGLAU_EVENT_SPOOL_FILES_H
#define VONGLAU_EVENT_SPOOL_FILES_H

#include "event/spool.h"

/* Segment header: "VLSP", u8 version, u8 priority, 2 zero octets, u64 number, u64 boot, u32 zero, u32 CRC-32.
 */
#define SPOOL_HEADER_SIZE 32U
/* Record header: u32 size of the line, u32 CRC-32 of sequence and line, u64 sequence. */
#define SPOOL_RECORD_SIZE 16U
#define SPOOL_NAME_SIZE   40U

struct spool_segment {
    enum event_priority priority;
    uint64_t number, size; /* octets on disk */
};

/* Segments of a directory in the order in which they may be dropped: low priority, then low number, first. */
struct spool_listing {
    struct spool_segment *segments;
    size_t count;
    uint64_t bytes;
};

/* A place in a stream: everything before it is acknowledged. */
struct spool_place {
    uint64_t number, offset;
};

/* What the reader keeps in "cursor". */
struct spool_cursor {
    struct spool_place places[EVENT_PRIORITY_COUNT];
};

/* What the writer keeps in "writer". */
struct spool_state {
    uint64_t boot;
    struct spool_losses losses;
};

void spool_segment_name(char name[static SPOOL_NAME_SIZE], enum event_priority priority, uint64_t number);
void spool_header_write(uint8_t header[static SPOOL_HEADER_SIZE], enum event_priority priority,
                        uint64_t number, uint64_t boot);
MUST_CHECK bool spool_header_read(struct bytes header, enum event_priority priority, uint64_t number,
                                  uint64_t *boot);
/* CRC-32 of a record. */
uint32_t spool_checksum(uint64_t sequence, struct bytes line);
/* Takes the next whole record off `rest`; false at a torn or damaged one. */
MUST_CHECK bool spool_record_take(struct bytes *rest, uint64_t *sequence, struct bytes *line);

MUST_CHECK bool spool_list(int directory, struct spool_listing *listing, struct error *error);
void spool_listing_done(struct spool_listing *listing);

/* Both yield zeros when the file is absent or damaged. */
void spool_cursor_load(int directory, struct spool_cursor *cursor);
void spool_state_load(int directory, struct spool_state *state);
/* Replace the file atomically and durably. */
MUST_CHECK bool spool_cursor_save(int directory, const struct spool_cursor *cursor, struct error *error);
MUST_CHECK bool spool_state_save(int directory, const struct spool_state *state, struct error *error);

/* Opens the directory and takes its lock `name`; -1 when another process holds it. */
MUST_CHECK int spool_lock(int directory, const char *name, const char *path, struct error *error);

#endif
