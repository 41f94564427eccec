/* SPDX-License-Identifier: Apache-2.0 */
/* One capture file read by several workers. */
#include "../support/folder.h"

#include <pthread.h>
#include <stdatomic.h>

#include "sensor/share.h"

enum { WORKERS = 3, FRAMES = 30000, HOSTS = 40, LARGE_EVERY = 5000, LARGE = 3000000, BEHIND_MOST = 64 };

static void put_u32(uint8_t *out, uint32_t value)
{
    memcpy(out, &value, sizeof value);
}

/* How large frame `i` is, from 0 on. */
static uint32_t size_of(uint32_t i)
{
    return i % LARGE_EVERY == LARGE_EVERY - 1 ? LARGE : 60 + i * 7919 % 1400;
}

/* The frame's number in the seconds of its time, and a host pair that follows from it. */
static void write_capture(const char *path, uint32_t count)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    uint8_t header[24] = { 0 };
    put_u32(header, 0xa1b2c3d4);
    put_u32(header + 4, 2 | 4U << 16);
    put_u32(header + 16, 1U << 20);
    put_u32(header + 20, 1);
    assert_int_equal(fwrite(header, sizeof header, 1, file), 1);
    uint8_t *record = calloc(1, 16 + LARGE);
    assert_non_null(record);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = size_of(i), ip_size = size - 14 < 65535 ? size - 14 : 65535;
        put_u32(record, i);
        put_u32(record + 8, size);
        put_u32(record + 12, size);
        uint8_t *ether = record + 16, *ip = ether + 14;
        ether[12] = 8;
        ether[13] = 0;
        ip[0] = 0x45;
        ip[2] = (uint8_t)(ip_size >> 8);
        ip[3] = (uint8_t)ip_size;
        ip[8] = 64;
        ip[9] = 17;
        bool back = i % 2;
        ip[12] = ip[16] = 10;
        ip[back ? 19 : 15] = (uint8_t)(i / 2 % HOSTS);
        ip[back ? 15 : 19] = 200;
        put_u32(ether + size - 4, i);
        assert_int_equal(fwrite(record, 16 + size, 1, file), 1);
    }
    free(record);
    assert_int_equal(fclose(file), 0);
}

struct seat {
    struct share *share;
    size_t index;
    unsigned pause; /* us a block */
    atomic_ullong *through;
    uint32_t count, wrong;
    uint8_t pairs[HOSTS]; /* that it has met */
};

static void look(struct seat *seat, const struct capture_frame *frame, uint32_t *next)
{
    uint32_t i = (uint32_t)(frame->time / 1000000000U), mark = 0;
    memcpy(&mark, frame->data.data + frame->data.size - 4, sizeof mark);
    seat->wrong += i < *next || frame->number != i + 1 || frame->data.size != size_of(i) || mark != i;
    *next = i + 1;
    seat->pairs[i / 2 % HOSTS] = 1;
    seat->count++;
}

static void *work(void *context)
{
    struct seat *seat = context;
    struct share_frames block;
    enum share_answer answer;
    uint32_t next = 0;
    for (uint64_t number = 0; (answer = share_next(seat->share, seat->index, number, &block)) != SHARE_END;) {
        if (answer == SHARE_READ)
            share_read(seat->share);
        if (answer != SHARE_BLOCK)
            continue;
        for (size_t w = 0; w < WORKERS; w++)
            seat->wrong += number > atomic_load(&seat->through[w]) + BEHIND_MOST;
        for (size_t i = 0; i < block.count; i++)
            look(seat, &block.frames[i], &next);
        usleep(seat->pause);
        atomic_store(&seat->through[seat->index], number + 1);
        share_done(seat->share, number++);
    }
    return NULL;
}

static void every_frame_goes_to_one_worker_and_none_runs_away(void **state)
{
    (void)state;
    char folder[FOLDER_MAX], path[FOLDER_MAX + 8];
    folder_make(folder);
    snprintf(path, sizeof path, "%s/file", folder);
    write_capture(path, FRAMES);
    struct error error = { "" };
    struct capture *capture = capture_open_file(path, NULL, &error);
    assert_non_null(capture);
    struct share *share = share_new(capture, WORKERS, &error);
    assert_non_null(share);
    atomic_ullong through[WORKERS] = { 0 };
    struct seat seats[WORKERS];
    pthread_t threads[WORKERS];
    for (size_t w = 0; w < WORKERS; w++) {
        seats[w] = (struct seat){ .share = share, .index = w, .pause = w ? 0 : 200, .through = through };
        assert_int_equal(pthread_create(&threads[w], NULL, work, &seats[w]), 0);
    }
    uint32_t count = 0;
    for (size_t w = 0; w < WORKERS; w++) {
        assert_int_equal(pthread_join(threads[w], NULL), 0);
        assert_int_equal(seats[w].wrong, 0);
        assert_true(seats[w].count > 0);
        count += seats[w].count;
    }
    assert_int_equal(count, FRAMES);
    for (size_t host = 0; host < HOSTS; host++)
        assert_int_equal(seats[0].pairs[host] + seats[1].pairs[host] + seats[2].pairs[host], 1);
    uint64_t last;
    assert_true(share_ended(share));
    assert_true(share_result(share, &last, &error));
    assert_int_equal(last, (FRAMES - 1) * 1000000000ULL);
    share_free(share);
    capture_close(capture);
    folder_remove(folder);
}

static void what_was_read_before_a_stop_is_handed_out(void **state)
{
    (void)state;
    char folder[FOLDER_MAX], path[FOLDER_MAX + 8];
    folder_make(folder);
    snprintf(path, sizeof path, "%s/file", folder);
    write_capture(path, 1000);
    struct error error = { "" };
    struct capture *capture = capture_open_file(path, NULL, &error);
    assert_non_null(capture);
    struct share *share = share_new(capture, 1, &error);
    assert_non_null(share);
    struct share_frames block;
    assert_int_equal(share_next(share, 0, 0, &block), SHARE_READ);
    share_read(share);
    share_stop(share);
    assert_int_equal(share_next(share, 0, 0, &block), SHARE_BLOCK);
    assert_true(block.count > 0 && block.count < 1000);
    assert_string_equal(block.file, path);
    share_done(share, 0);
    assert_int_equal(share_next(share, 0, 1, &block), SHARE_END);
    share_free(share);
    capture_close(capture);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_goes_to_one_worker_and_none_runs_away),
        cmocka_unit_test(what_was_read_before_a_stop_is_handed_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
