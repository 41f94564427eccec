/* SPDX-License-Identifier: Apache-2.0 */
/* Error texts. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

bool(error_set)(struct error *error, const char *format, ...)
{
    if (!error)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->disk_full = false;
    return false;
}

bool(error_system)(struct error *error, const char *format, ...)
{
    int number = errno;
    if (!error)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    size_t size = strlen(error->text);
    char reason[128];
    const char *text = strerror_r(number, reason, sizeof reason);
    snprintf(error->text + size, sizeof error->text - size, ": %s", text);
    error->disk_full = number == ENOSPC || number == EDQUOT;
    return false;
}

bool(error_copy)(struct error *error, const struct error *from)
{
    if (error)
        *error = *from;
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    if (!error)
        return false;
    char before[sizeof error->text];
    memcpy(before, error->text, sizeof before);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    size_t size = strlen(error->text);
    snprintf(error->text + size, sizeof error->text - size, ": %s", before);
    return false;
}
