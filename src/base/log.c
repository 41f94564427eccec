/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink: the one mutable global besides the signal flag. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

static struct {
    enum log_level level, copy_level;
    int fd, copy_fd;
    bool copy_json;
} sink = { LOG_LEVEL_INFO, LOG_LEVEL_INFO, STDERR_FILENO, -1, false };

void log_setup(enum log_level level, int fd)
{
    sink.level = level;
    sink.fd = fd;
}

void log_copy(enum log_level level, int fd, bool json)
{
    sink.copy_level = level;
    sink.copy_fd = fd;
    sink.copy_json = json;
}

static void write_line(int fd, struct text *line)
{
    text_char(line, '\n');
    ssize_t written = write(fd, line->data, line->size);
    (void)written;
}

/* {"timestamp":...,"log_level":"Error","event_type":"engine","engine":{"message":...,"module":...}}: the
 * module is what stands before the first colon, when that is one word. */
static void write_json(enum log_level level, struct bytes message)
{
    static const char *const names[] = { "Error", "Warning", "Notice", "Info", "Debug" };
    char line[4096];
    struct text out = text_of(line, sizeof line - 1);
    struct bytes rest = message, module = bytes_cut(&rest, ':');
    bool named = rest.size > 1 && rest.data[0] == ' ' && bytes_find_byte(module, ' ') == SIZE_MAX;
    text_string(&out, "{\"timestamp\":\"");
    clock_text_eve(clock_wall(), &out);
    text_add(&out, "\",\"log_level\":\"%s\",\"event_type\":\"engine\",", names[level]);
    json_open(&out, "engine", '{');
    json_string(&out, "message", named ? bytes_from(rest, 1) : message);
    if (named)
        json_string(&out, "module", module);
    json_close(&out, '}');
    json_end(&out);
    text_char(&out, '}');
    if (!out.full)
        write_line(sink.copy_fd, &out);
}

static void write_text(enum log_level level, struct bytes message, int fd)
{
    static const char *const names[] = { "Error", "Warning", "Notice", "Info", "Debug" };
    char line[2300];
    struct text out = text_of(line, sizeof line - 1);
    clock_text_rfc3339(clock_wall(), &out);
    text_add(&out, " %s: ", names[level]);
    text_put(&out, message);
    write_line(fd, &out);
}

void log_write(enum log_level level, const char *format, ...)
{
    bool copied = sink.copy_fd >= 0 && level <= sink.copy_level;
    if (level > sink.level && !copied)
        return;
    char message[2048];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    struct bytes text = bytes_of(message, MIN((size_t)size, sizeof message - 1));
    if (level <= sink.level)
        write_text(level, text,
                   level == LOG_LEVEL_ERROR && sink.fd == STDOUT_FILENO ? STDERR_FILENO : sink.fd);
    if (copied && sink.copy_json)
        write_json(level, text);
    else if (copied)
        write_text(level, text, sink.copy_fd);
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
