/* SPDX-License-Identifier: Apache-2.0 */
/* Which packets go to capture files, and those held in case of an alert; see packet_log.h. */
#include "sensor/packet_log.h"

#include <stdlib.h>

#include "base/log.h"
#include "event/packet_file.h"
#include "packet/filter.h"

#define RING_SIZE   (4U << 20) /* bytes of packets held for one worker */
#define CHAINS      4096U
#define HELD_MAX    4096U /* packets of one flow that are written when it alerts */
#define ENTRY_ALIGN 8U

/* A packet in the ring; its bytes follow. Positions are counted from the ring's first use on, plus one. */
struct held {
    uint64_t previous; /* position of the one before it in the same chain, or 0 */
    uint64_t flow_id, time;
    uint32_t size, wire_size; /* size UINT32_MAX: unused up to the ring's end */
    uint16_t link_type;
};

struct ring {
    uint8_t *memory;
    uint64_t head, tail; /* bytes ever put; the first that is still there */
    uint64_t chains[CHAINS];
    uint64_t found[HELD_MAX];
};

struct packet_log {
    const struct packet_log_settings *settings;
    struct packet_file *file;
    bool owns_file, wanted, held;
    struct frame_filter *filter;
    const struct capture_frame *frame;
    struct ring *ring; /* NULL when all packets are written anyway */
    uint64_t filtered;
    struct log_limit complaints;
};

struct packet_log *packet_log_new(const struct packet_log_settings *settings, struct packet_file *shared,
                                  unsigned worker, struct error *error)
{
    struct packet_log *log = calloc(1, sizeof *log);
    if (!log) {
        error_set(error, "out of memory");
        return NULL;
    }
    log->settings = settings;
    log->file = shared;
    log->owns_file = !shared;
    if (!shared && !(log->file = packet_file_open(&settings->file, worker + 1, error)))
        goto failed;
    if (settings->filter && !(log->filter = frame_filter_new(settings->filter, error)))
        goto failed;
    if (settings->condition != PACKET_LOG_ALL) {
        log->ring = calloc(1, sizeof *log->ring);
        if (!log->ring || !(log->ring->memory = malloc(RING_SIZE))) {
            error_set(error, "out of memory");
            goto failed;
        }
    }
    return log;
failed:
    packet_log_free(log);
    return NULL;
}

void packet_log_free(struct packet_log *log)
{
    if (!log)
        return;
    if (log->owns_file)
        packet_file_close(log->file);
    frame_filter_free(log->filter);
    if (log->ring)
        free(log->ring->memory);
    free(log->ring);
    free(log);
}

static void complain(struct packet_log *log, const struct error *error)
{
    if (log_allowed(&log->complaints, 1))
        log_error("pcap-log: %s; packets are not written until it can be", error->text);
}

static void write_packet(struct packet_log *log, const struct packet_record *record)
{
    struct error error = { "" };
    bool fits = true;
    if (log->filter &&
        !frame_filter_ask(log->filter, record->link_type, record->frame, record->wire_size, &fits, &error)) {
        complain(log, &error);
        fits = false;
    }
    if (!fits)
        log->filtered++;
    else if (!packet_file_put(log->file, record, &error))
        complain(log, &error);
}

/* ---- packets that are held ---- */

static struct held *held_at(const struct ring *ring, uint64_t position)
{
    return (struct held *)(void *)(ring->memory + position % RING_SIZE);
}

static uint64_t span_of(size_t size)
{
    return (sizeof(struct held) + size + ENTRY_ALIGN - 1) / ENTRY_ALIGN * ENTRY_ALIGN;
}

/* Forgets the oldest until `size` bytes are free. */
static void make_room(struct ring *ring, uint64_t size)
{
    while (ring->head + size - ring->tail > RING_SIZE) {
        const struct held *oldest = held_at(ring, ring->tail);
        uint64_t rest = RING_SIZE - ring->tail % RING_SIZE;
        bool unused = rest < sizeof *oldest || oldest->size == UINT32_MAX;
        ring->tail += unused ? rest : span_of(oldest->size);
    }
}

static void hold(struct ring *ring, const struct capture_frame *frame, uint64_t flow_id)
{
    uint64_t span = span_of(frame->data.size), rest = RING_SIZE - ring->head % RING_SIZE;
    if (span > RING_SIZE / 2)
        return;
    if (rest < span) {
        make_room(ring, rest);
        if (rest >= sizeof(struct held))
            held_at(ring, ring->head)->size = UINT32_MAX;
        ring->head += rest;
    }
    make_room(ring, span);
    uint64_t *chain = &ring->chains[flow_id % CHAINS];
    struct held *held = held_at(ring, ring->head);
    *held = (struct held){ .previous = *chain,
                           .flow_id = flow_id,
                           .time = frame->time,
                           .size = (uint32_t)frame->data.size,
                           .wire_size = frame->wire_size,
                           .link_type = frame->link_type };
    if (frame->data.size)
        memcpy(held + 1, frame->data.data, frame->data.size);
    *chain = ring->head + 1;
    ring->head += span;
}

/* Writes what is held of a flow, oldest first. */
static void write_held(struct packet_log *log, uint64_t flow_id)
{
    struct ring *ring = log->ring;
    size_t count = 0;
    for (uint64_t at = ring->chains[flow_id % CHAINS]; at > ring->tail && count < HELD_MAX;) {
        const struct held *held = held_at(ring, at - 1);
        if (held->flow_id == flow_id)
            ring->found[count++] = at - 1;
        at = held->previous;
    }
    while (count) {
        const struct held *held = held_at(ring, ring->found[--count]);
        struct packet_record record = { held->time, bytes_of(held + 1, held->size), held->wire_size,
                                        held->link_type };
        write_packet(log, &record);
    }
}

/* ---- what is wanted ---- */

/* Streams past their depth, and what is encrypted, tell nothing more. */
static bool is_beyond(const struct scene *scene)
{
    const struct stream *stream = scene->streams[scene->direction];
    return stream && (stream_truncated(stream) || scene->flow->no_payload_inspection);
}

static bool is_wanted(const struct packet_log_settings *settings, const struct scene *scene)
{
    const struct flow *flow = scene->flow;
    if (flow && settings->honor_pass_rules && flow->passed)
        return false;
    if (flow && settings->use_stream_depth && is_beyond(scene))
        return false;
    switch (settings->condition) {
    case PACKET_LOG_ALERTS:
        return scene->alerted || (flow && flow->alerted);
    case PACKET_LOG_TAGGED:
        return scene->tagged;
    default:
        return true;
    }
}

void packet_log_begin(struct packet_log *log, const struct capture_frame *frame)
{
    log->frame = frame;
    log->wanted = log->held = false;
}

/* The first of a flow brings those before it along. */
static void recall(struct packet_log *log, struct flow *flow)
{
    if (!log->ring || !flow || flow->recalled || flow->protocol != IP_TCP)
        return;
    flow->recalled = true;
    write_held(log, flow->id);
}

void packet_log_note(struct packet_log *log, const struct scene *scene)
{
    if (is_wanted(log->settings, scene)) {
        recall(log, scene->flow);
        log->wanted = true;
    } else if (log->ring && scene->flow && scene->packet->tcp && scene->packet->payload.size && !log->held) {
        hold(log->ring, log->frame, scene->flow->id);
        log->held = true;
    }
}

void packet_log_end(struct packet_log *log)
{
    const struct capture_frame *frame = log->frame;
    if (!log->wanted)
        return;
    struct packet_record record = { frame->time, frame->data, frame->wire_size, frame->link_type };
    write_packet(log, &record);
}

void packet_log_flow_end(struct packet_log *log, const struct scene *scene)
{
    if (is_wanted(log->settings, scene))
        recall(log, scene->flow);
}

void packet_log_flush(struct packet_log *log)
{
    struct error error = { "" };
    if (!packet_file_flush(log->file, &error))
        complain(log, &error);
}

void packet_log_count(const struct packet_log *log, struct packet_log_counts *counts)
{
    counts->filtered += log->filtered;
    if (!log->owns_file)
        return;
    counts->written += packet_file_written(log->file);
    counts->lost += packet_file_lost(log->file);
}
