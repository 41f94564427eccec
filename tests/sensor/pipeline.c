/* SPDX-License-Identifier: Apache-2.0 */
/* The whole pipeline on frames that were cut short or had one byte changed: it goes on, whatever comes. */
#include "support/support.h"

#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(damaged_frames_are_survived) };
    return cmocka_run_group_tests(tests, prepare, finish);
}
