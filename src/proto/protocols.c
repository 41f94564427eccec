/* SPDX-License-Identifier: Apache-2.0 */
/* The list of protocols, from protocols.def. */
#include "proto/protocol.h"

#define PROTOCOL(name) extern const struct protocol name##_protocol;
#include "proto/protocols.def"
#undef PROTOCOL

const struct protocol *const protocols[] = {
#define PROTOCOL(name) &name##_protocol,
#include "proto/protocols.def"
#undef PROTOCOL
    NULL,
};

/* True when `name` is one of the space-separated words of `words`. */
static bool has_word(const char *words, struct bytes name)
{
    struct bytes rest = bytes_of_string(words);
    while (rest.size)
        if (bytes_equal_nocase(bytes_cut(&rest, ' '), name))
            return true;
    return false;
}

const struct protocol *protocol_find(struct bytes name)
{
    for (const struct protocol *const *at = protocols; *at; at++)
        if (bytes_equal_nocase(bytes_of_string((*at)->name), name))
            return *at;
    for (const struct protocol *const *at = protocols; *at; at++)
        if (has_word((*at)->alias, name))
            return *at;
    return NULL;
}
