/* SPDX-License-Identifier: Apache-2.0 */
/* Error texts. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

bool error_set(struct error *error, const char *format, ...)
{
    if (!error)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

bool error_system(struct error *error, const char *format, ...)
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
