/* SPDX-License-Identifier: Apache-2.0 */
/* The whole pipeline on frames that were cut short or had one byte changed: it goes on, whatever comes. */
#include "support/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "sensor/worker.h"

static struct settings settings;
static struct sinks sinks;

static int prepare(void **state)
{
    struct error error = { "" };
    (void)state;
    settings_init(&settings);
    if (!config_load_text(&settings.config, bytes_of_string(settings_stock), "defaults", &error) ||
        !config_set(&settings.config, "outputs.0.fast.enabled=no", &error) ||
        !config_set(&settings.config, "outputs.1.eve-log.filetype=null", &error) ||
        !config_set(&settings.config, "outputs.2.stats.enabled=no", &error) ||
        !settings_read(&settings, &error) || !sinks_open(&sinks, &settings, &error)) {
        print_error("%s\n", error.text);
        return 1;
    }
    return 0;
}

static int finish(void **state)
{
    (void)state;
    sinks_close(&sinks);
    settings_done(&settings);
    return 0;
}

enum damage { WHOLE, CUT, FLIPPED };

/* Feeds a capture, damaging every third frame; returns how many lines were written. */
static uint64_t feed(const char *path, enum damage damage, unsigned seed)
{
    struct capture_settings wanted = { 0 };
    struct capture_frame frames[64];
    struct error error = { "" };
    size_t count, number = 0;
    struct capture *capture = capture_open_file(path, &wanted, &error);
    struct worker *worker = worker_new(&settings, NULL, &sinks, 0, &error);
    assert_non_null(capture);
    assert_non_null(worker);
    while (capture_next(capture, frames, COUNT_OF(frames), &count, 0, &error) == CAPTURE_FRAMES)
        for (size_t i = 0; i < count; i++, number++) {
            size_t size = frames[i].data.size;
            bool hurt = damage != WHOLE && size && (number + seed) % 3 == 0;
            if (hurt && damage == CUT)
                size = (number * 7 + seed) % size;
            uint8_t *copy = guarded_copy(frames[i].data.data, size);
            if (hurt && damage == FLIPPED)
                copy[(number * 13 + seed) % size] ^= (uint8_t)(1U << (seed % 8));
            struct capture_frame frame = frames[i];
            frame.data = bytes_of(copy, size);
            worker_frames(worker, &frame, 1);
            guarded_free(copy, size);
        }
    worker_finish(worker);
    uint64_t lines = worker->recorder.lines;
    assert_int_equal(worker->recorder.lost, 0);
    worker_free(worker);
    capture_close(capture);
    return lines;
}

static void damaged_frames_are_survived(void **state)
{
    (void)state;
    static const char *const scenes[] = { "web-attack", "mail", "dns", "browsing", "download" };
    for (size_t i = 0; i < COUNT_OF(scenes); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s/capture.pcap", GOLDEN_DIRECTORY, scenes[i]);
        assert_true(feed(path, WHOLE, 0) > 0);
        for (unsigned seed = 0; seed < 12; seed++) {
            (void)feed(path, CUT, seed);
            assert_true(feed(path, FLIPPED, seed) > 0);
        }
    }
}

/* ---- a connection made by hand: IPv4 without a link, checksums left to the card ---- */

struct talk {
    struct worker *worker;
    uint64_t time;
    uint32_t next[DIRECTIONS];
};

static uint8_t *put(uint8_t *at, unsigned size, uint32_t value)
{
    for (unsigned i = size; i--; value >>= 8)
        at[i] = (uint8_t)value;
    return at + size;
}

static void say(struct talk *talk, enum direction direction, uint8_t flags, struct bytes payload)
{
    static const struct {
        uint32_t address;
        uint16_t port;
    } ends[DIRECTIONS] = { [TO_SERVER] = { 0x0a000001, 40000 }, [TO_CLIENT] = { 0x0a000002, 7777 } };
    uint8_t frame[256];
    size_t size = 40 + payload.size;
    assert_true(size <= sizeof frame);
    uint8_t *at = put(put(put(put(frame, 4, 0x45000000 | (uint32_t)size), 4, 0), 4, 64U << 24 | IP_TCP << 16),
                      4, ends[direction].address);
    at = put(put(put(at, 4, ends[!direction].address), 2, ends[direction].port), 2, ends[!direction].port);
    at = put(put(at, 4, talk->next[direction]), 4, flags & TCP_ACK ? talk->next[!direction] : 0);
    at = put(put(at, 4, 5U << 28 | (uint32_t)flags << 16 | 60000), 4, 0);
    memcpy(at, payload.data ? payload.data : at, payload.size);
    struct capture_frame whole = { .time = talk->time += NS_PER_MS,
                                   .link_type = LINK_RAW,
                                   .data = bytes_of(frame, size),
                                   .wire_size = (uint32_t)size,
                                   .offloaded = true };
    worker_frames(talk->worker, &whole, 1);
    talk->next[direction] += (uint32_t)payload.size + !!(flags & TCP_SYN);
}

static void of_what_is_not_recognised_before_a_hole_nothing_is_kept(void **state)
{
    (void)state;
    struct error error = { "" };
    struct talk talk = { .worker = worker_new(&settings, NULL, &sinks, 0, &error), .time = 1000 * NS_PER_S };
    assert_non_null(talk.worker);
    say(&talk, TO_SERVER, TCP_SYN, BYTES_NONE);
    say(&talk, TO_CLIENT, TCP_SYN | TCP_ACK, BYTES_NONE);
    for (unsigned turn = 0; turn < 2000; turn++) {
        say(&talk, TO_SERVER, TCP_ACK | TCP_PSH, BYTES_OF("\1\2nothing that is known\3\4"));
        talk.next[TO_SERVER] += 100; /* which nobody saw */
        say(&talk, TO_CLIENT, TCP_ACK, BYTES_NONE);
    }
    const uint64_t *counts = tcp_counts(talk.worker->tcp);
    assert_int_equal(counts[TCP_COUNT_ACTIVE], 1);
    assert_true(counts[TCP_COUNT_REASSEMBLY_MEMUSE] <= 16384);
    worker_finish(talk.worker);
    worker_free(talk.worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_frames_are_survived),
        cmocka_unit_test(of_what_is_not_recognised_before_a_hole_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
