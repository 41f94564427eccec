/* SPDX-License-Identifier: Apache-2.0 */
/* Packets as capture files (pcap): a new one when it is large enough, the oldest ones removed.
 *
 * Shared by workers or owned by one; packets are buffered. Names are made of the first packet's time. */
#ifndef VONGLAU_EVENT_PACKET_FILE_H
#define VONGLAU_EVENT_PACKET_FILE_H

#include "base/error.h"

struct packet_file_settings {
    const char *directory;
    /* With `pattern` it may hold %n (worker), %i (thread id), %t (time of the first packet), the latter two
     * behind the last slash only; without, a dot and the time are put behind it. */
    const char *name;
    bool pattern, microseconds; /* the time with six digits of a second's fraction */
    uint64_t size_max;          /* bytes of a file */
    uint32_t files_max;         /* of this name, those of earlier runs included; 0: none is removed */
    bool lz4, lz4_checksum;     /* compressed as LZ4 frames (`lz4 -d`), ".lz4" behind the names */
    unsigned lz4_level;
};

struct packet_record {
    uint64_t time; /* ns since 1970 UTC */
    struct bytes frame;
    uint32_t wire_size;
    uint16_t link_type;
};

struct packet_file;

/* Finds files of earlier runs; the first file is made for the first packet. `number` is the worker's. */
MUST_CHECK struct packet_file *packet_file_open(const struct packet_file_settings *settings, unsigned number,
                                                struct error *error);
/* False, with the reason once for each attempt, when the file cannot be made or written: packets are lost
 * until it can. */
MUST_CHECK bool packet_file_put(struct packet_file *file, const struct packet_record *record,
                                struct error *error);
/* Writes what is buffered. */
MUST_CHECK bool packet_file_flush(struct packet_file *file, struct error *error);
uint64_t packet_file_written(const struct packet_file *file);
uint64_t packet_file_lost(const struct packet_file *file);
/* Writes what is buffered, as far as that goes. */
void packet_file_close(struct packet_file *file);

#endif
