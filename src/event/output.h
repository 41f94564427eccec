/* SPDX-License-Identifier: Apache-2.0 */
/* Where finished lines go: a file (rotated by time or reopened on request), a FIFO or a unix socket.
 *
 * Shared by workers: each keeps a buffer of its own and hands over whole lines, one write a buffer. */
#ifndef VONGLAU_EVENT_OUTPUT_H
#define VONGLAU_EVENT_OUTPUT_H

#include "base/error.h"
#include "base/text.h"

enum output_kind {
    OUTPUT_FILE,
    OUTPUT_FIFO,
    OUTPUT_UNIX_STREAM,
    OUTPUT_UNIX_DGRAM,
    OUTPUT_SYSLOG, /* `path` is the log's socket; each line is a message of its own (RFC 3164) */
    OUTPUT_NOWHERE
};

#define OUTPUT_SYSLOG_SOCKET "/dev/log"
/* Numbers of "local5" and the like, of "info" and the like, in any case; -1: no such name. */
int output_facility(struct bytes name);
int output_severity(struct bytes name);

struct output_settings {
    const char *directory; /* put before a relative path */
    const char *path;      /* may hold strftime() patterns, filled in when opened */
    enum output_kind kind;
    bool truncate;   /* start an empty file instead of appending */
    uint64_t rotate; /* seconds between openings of a new file; 0: never */
    uint32_t mode;   /* permission bits of new files; 0: 0640 */
    /* Syslog */
    const char *identity; /* NULL: vonglau */
    uint8_t facility, severity;
};

struct output;

MUST_CHECK struct output *output_open(const struct output_settings *settings, struct error *error);
/* Writes whole lines, each ended by a newline. Lines that cannot be written are counted, not kept; the part
 * of one that was is taken back, so that what follows later can be read. */
void output_write(struct output *output, struct bytes lines);
/* Opens the file anew, as after a log rotation by others; keeps the old one when that fails. */
MUST_CHECK bool output_reopen(struct output *output, struct error *error);
/* Rotates when it is time; `now` in nanoseconds since 1970. */
MUST_CHECK bool output_tick(struct output *output, uint64_t now, struct error *error);
/* Lines that were lost because the file was full or nobody listened at the socket. */
uint64_t output_lost(const struct output *output);
const char *output_path(const struct output *output);
void output_close(struct output *output);

#endif
