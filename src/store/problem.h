/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a request: a list of code, place, value and an English sentence, for people to mend. */
#ifndef VONGLAU_STORE_PROBLEM_H
#define VONGLAU_STORE_PROBLEM_H

#include "base/json.h"

struct problem {
    const char *code; /* of docs/api.md */
    char place[64], value[128], text[256];
    uint32_t row; /* of a CSV file, header is 1; 0: none */
};

#define PROBLEMS_MAX 100

struct problems {
    struct problem items[PROBLEMS_MAX];
    size_t count; /* may exceed PROBLEMS_MAX: only so many are kept */
    uint32_t row; /* given to the problems added from now on */
};

/* Adds one; returns false for `return problem_add(...)`. `value` is cut to fit, at a character's border. */
bool problem_add(struct problems *problems, const char *code, const char *place, struct bytes value,
                 const char *format, ...) PRINTF_LIKE(5, 6);
/* Appends "details":[...], with row and column for CSV. */
void problems_json(const struct problems *problems, struct text *out);

#endif
