/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation played through the protocol layer, and the checks every parser gets: any cutting equals
 * the whole; every prefix, every changed byte, any loss and any shortage of memory is survived; what the
 * connection spoke before is left alone. */
#ifndef VONGLAU_TESTS_CONVERSATION_H
#define VONGLAU_TESTS_CONVERSATION_H

#include "../support/support.h"

#include "proto/session.h"

struct turn {
    enum direction direction;
    struct bytes data;
};

struct conversation {
    const struct protocol *protocol;
    uint8_t transport;
    uint16_t server_port;
    const struct turn *turns;
    size_t turn_count;
    const void *options;         /* of the protocol, or NULL */
    bool open_ended;             /* the streams are not closed at the end */
    bool frames;                 /* frames are printed too, after the rest */
    const struct protocol *then; /* what it may change to, or NULL */
    size_t tx_memory_max;        /* bytes of a transaction, and of the session: 0 is as in the program */
    size_t session_memory_max;
};

#define TURN_TEXT(way, text)                          \
    {                                                 \
        (way),                                        \
        {                                             \
            (const uint8_t *)(text), sizeof(text) - 1 \
        }                                             \
    }
#define TURNS(list) .turns = (list), .turn_count = COUNT_OF(list)

/* Plays it, `cut` bytes of a stream at a time (0: each turn at once), and appends a JSON object for each
 * transaction, the name of each event and each frame ("frame pdu to_server 0 12": place, size), a line each.
 * Bytes end right before an unreadable page. */
void play(const struct conversation *conversation, size_t cut, struct text *out);
/* All the general checks; `step`: every step-th byte is changed. */
void check_conversation(const struct conversation *conversation, size_t step);
/* The output must hold `wanted`. */
void expect_text(const struct text *out, const char *wanted);
void expect_no_text(const struct text *out, const char *unwanted);
/* Decodes hexadecimal digits, spaces ignored; the result is static. */
struct bytes from_hex(const char *digits);

#endif
