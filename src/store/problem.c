/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of problems. */
#include "store/problem.h"

#include <stdarg.h>
#include <stdio.h>

/* Copies what fits, without cutting a UTF-8 character in two. */
static void copy_text(char *out, size_t capacity, struct bytes value)
{
    size_t size = MIN(value.size, capacity - 1);
    while (size && size < value.size && (value.data[size] & 0xC0) == 0x80)
        size--;
    if (size)
        memcpy(out, value.data, size);
    out[size] = '\0';
}

bool problem_add(struct problems *problems, const char *code, const char *place, struct bytes value,
                 const char *format, ...)
{
    if (problems->count++ >= PROBLEMS_MAX)
        return false;
    struct problem *p = &problems->items[problems->count - 1];
    *p = (struct problem){ .code = code, .row = problems->row };
    copy_text(p->place, sizeof p->place, bytes_of_string(place));
    copy_text(p->value, sizeof p->value, value);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(p->text, sizeof p->text, format, arguments);
    va_end(arguments);
    return false;
}

void problems_json(const struct problems *problems, struct text *out)
{
    json_open(out, "details", '[');
    for (size_t i = 0; i < MIN(problems->count, (size_t)PROBLEMS_MAX); i++) {
        const struct problem *p = &problems->items[i];
        json_open(out, NULL, '{');
        json_cstring(out, "code", p->code);
        if (p->row) {
            char place[128];
            snprintf(place, sizeof place, "row %u, column %s", p->row, p->place);
            json_cstring(out, "place", place);
            json_uint(out, "row", p->row);
            json_cstring(out, "column", p->place);
        } else {
            json_cstring(out, "place", p->place);
        }
        json_cstring(out, "value", p->value);
        json_cstring(out, "text", p->text);
        json_close(out, '}');
    }
    json_close(out, ']');
}
