/* SPDX-License-Identifier: Apache-2.0 */
/* Counters: one list of name and help per layer, one array per worker, summed by statistics. */
#ifndef VONGLAU_BASE_COUNTER_H
#define VONGLAU_BASE_COUNTER_H

#include "base/macros.h"

struct counter {
    const char *name; /* dotted, as Suricata's stats nest: "decoder.pkts" */
    const char *help; /* one English sentence, with the unit */
};

/* Declares `enum PREFIX { ... PREFIX_COUNT }` and, in one .c file, the table, from a list macro:
 *   #define DECODE_COUNTERS(X) X(DECODE_PACKETS, "decoder.pkts", "Packets decoded")
 *   COUNTER_ENUM(decode_counter, DECODE_COUNTERS, DECODE_COUNTER_COUNT);
 *   const struct counter decode_counters[] = { COUNTER_TABLE(DECODE_COUNTERS) }; */
#define COUNTER_ENUM_ROW(symbol, name, help)  symbol,
#define COUNTER_TABLE_ROW(symbol, name, help) { name, help },
#define COUNTER_ENUM(tag, list, count)        enum tag { list(COUNTER_ENUM_ROW) count }
#define COUNTER_TABLE(list)                   list(COUNTER_TABLE_ROW)

#endif
