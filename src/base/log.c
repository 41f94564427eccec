/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink: the one mutable global besides the signal flag. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static struct {
    enum log_level level;
    int fd;
} sink = { LOG_LEVEL_INFO, STDERR_FILENO };

void log_setup(enum log_level level, int fd)
{
    sink.level = level;
    sink.fd = fd;
}

void log_write(enum log_level level, const char *format, ...)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    if (level > sink.level)
        return;
    char line[2048];
    struct text out = text_of(line, sizeof line - 1);
    clock_text_rfc3339(clock_wall(), &out);
    text_add(&out, " %s: ", names[level]);
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line + out.size, sizeof line - 1 - out.size, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    size_t total = MIN(out.size + (size_t)size, sizeof line - 2);
    line[total++] = '\n';
    ssize_t written = write(sink.fd, line, total);
    (void)written;
}

const char *log_quote(struct bytes b, char *out, size_t size)
{
    struct text text = text_of(out, size);
    text_char(&text, '"');
    for (size_t i = 0; i < b.size && text.size + 6 < size; i++) {
        uint8_t c = b.data[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            text_char(&text, (char)c);
        else
            text_add(&text, "\\x%02x", c);
    }
    text_char(&text, '"');
    return out;
}

bool log_allowed(struct log_limit *limit, unsigned burst)
{
    uint64_t second = clock_steady() / NS_PER_S;
    if (second != limit->second)
        *limit = (struct log_limit){ .second = second };
    return limit->used++ < burst;
}
