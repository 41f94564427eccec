/* SPDX-License-Identifier: Apache-2.0 */
/* A block: up to 4,096 events of ordinary traffic, sorted by time, as packed columns, compressed frames of
 * 256 bodies, and Bloom filters that say what is certainly not in it. */
#ifndef VONGLAU_STORE_EVENT_BLOCK_H
#define VONGLAU_STORE_EVENT_BLOCK_H

#include <zstd.h>

#include "store/event_match.h"

#define BLOCK_EVENTS_MAX 4096U
#define BLOCK_RAW_MAX    (16U << 20) /* octets of bodies after which a block is closed early */
#define FRAME_EVENTS     256U
#define BLOCK_FRAMES_MAX (BLOCK_EVENTS_MAX / FRAME_EVENTS)

enum block_filter {
    BLOCK_FILTER_ADDRESS,
    BLOCK_FILTER_NUMBER,
    BLOCK_FILTER_HOST,
    BLOCK_FILTER_FLOW,
    BLOCK_FILTERS
};

/* One event on its way into a block; everything borrowed. */
struct block_event {
    const struct event_record *record;
    uint64_t time;                    /* by which it is stored: the record's, unless that was implausible */
    uint32_t host;                    /* id in the file's list of hosts */
    uint64_t flow_key, community_key; /* block_event_keys(); hashes for the filters, 0: none */
};

/* Fills in the keys from the record. */
void block_event_keys(struct block_event *event);

/* Working memory of whoever packs or unpacks blocks; one thread. */
struct block_codec;

MUST_CHECK struct block_codec *block_codec_new(struct error *error);
void block_codec_free(struct block_codec *codec);

/* What block_pack() made; borrowed from the codec until its next use. */
struct packed_block {
    struct bytes columns, frames[BLOCK_FRAMES_MAX], filters[BLOCK_FILTERS];
    size_t frame_count;
    uint64_t first, last; /* times */
    uint64_t types;       /* bit n: events of type n are inside */
};

/* Packs `count` events (1 to BLOCK_EVENTS_MAX), sorted by time and id; whole blocks with their filters, open
 * ones with the keys for filters to come, compressed only lightly. */
MUST_CHECK bool block_pack(struct block_codec *codec, const struct block_event *events, size_t count,
                           bool filters, struct packed_block *packed, struct error *error);

/* Columns of one event as unpacked. */
struct block_row {
    uint64_t time;
    struct event_id id;
    uint32_t agency, system, host;
    uint64_t flow_key, community_key; /* of blocks packed without filters only */
    uint16_t source, destination;     /* indexes into block.addresses; 0 is "none" */
    uint16_t source_port, destination_port;
    uint8_t type;
};

struct block {
    struct block_row *rows; /* oldest first */
    size_t count;
    struct address *addresses; /* [0] is absent */
    size_t address_count;
};

/* Unpacks columns into `memory`. False for what block_pack() could not have made. */
MUST_CHECK bool block_unpack(struct block_codec *codec, struct bytes columns, struct arena *memory,
                             struct block *block, struct error *error);
/* Unpacks one frame: `count` bodies into bodies[], text in `memory`. */
MUST_CHECK bool frame_unpack(struct block_codec *codec, struct bytes packed, size_t count,
                             struct arena *memory, struct bytes *bodies, struct error *error);
struct event_view block_view(const struct block *block, size_t row);

/* The block's filters, read when first needed: absent means it has none. */
typedef struct bytes (*block_filter_fn)(void *context, enum block_filter filter);

/* False when no event of the block can match. */
bool block_may_match(const struct event_matcher *matcher, uint64_t types, block_filter_fn filters,
                     void *context);

#endif
