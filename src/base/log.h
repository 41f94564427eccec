/* SPDX-License-Identifier: Apache-2.0 */
/* The program's own messages to its administrator, on standard error or in a file.
 *
 * Only `sensor`, `center`, `web` and `programs` log. Untrusted text goes through log_quote(). */
#ifndef VONGLAU_BASE_LOG_H
#define VONGLAU_BASE_LOG_H

#include "base/bytes.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Messages above `level` are left out; `fd` receives the lines (errors go to
 * standard error when it is standard output). Call before threads start. */
void log_setup(enum log_level level, int fd);
/* A second place for messages up to `level`, as lines or, when `json`, as EVE's engine events; -1: none. */
void log_copy(enum log_level level, int fd, bool json);
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* `b` in double quotes, control and non-ASCII bytes as \xHH, cut to fit `out`. Returns `out`. */
const char *log_quote(struct bytes b, char *out, size_t size);

/* True at most `burst` times a second; for messages that a peer can repeat. */
struct log_limit {
    uint64_t second;
    unsigned used;
};
bool log_allowed(struct log_limit *limit, unsigned burst);

#endif
