/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between sensor and centre: round trip, limits, and what a hostile peer may send. */
#include "support/support.h"

#include <stdio.h>

#include "event/frame.h"

static struct bytes small_frame(struct frame_writer *writer)
{
    struct error error;
    struct bytes out;
    frame_writer_start(writer, 77, 2);
    assert_true(frame_writer_add(writer, 5, BYTES_OF("{\"event_type\":\"alert\"}")));
    assert_true(frame_writer_add(writer, 6, BYTES_OF("{}")));
    assert_true(frame_writer_add(writer, 1000000, BYTES_OF("{\"n\":3}")));
    assert_true(frame_writer_finish(writer, &out, &error));
    return out;
}

static void lines_and_sequences_come_back(void **state)
{
    (void)state;
    struct error error;
    struct frame_writer *writer = frame_writer_new(&error);
    struct frame frame;
    struct arena memory = arena_of(FRAME_RAW_MAX * 2);
    assert_non_null(writer);
    assert_true(frame_read(small_frame(writer), &memory, &frame, &error));
    assert_int_equal(frame.boot, 77);
    assert_int_equal(frame.stream, 2);
    assert_int_equal(frame.first, 5);
    assert_int_equal(frame.last, 1000000);
    assert_int_equal(frame.count, 3);
    assert_int_equal(frame.events[1].sequence, 6);
    assert_true(bytes_is(frame.events[2].line, "{\"n\":3}"));
    arena_done(&memory);
    frame_writer_free(writer);
}

static void every_shorter_prefix_is_refused(void **state)
{
    (void)state;
    struct error error;
    struct frame_writer *writer = frame_writer_new(&error);
    struct bytes whole = small_frame(writer);
    for (size_t size = 0; size < whole.size; size++) {
        struct frame frame;
        struct arena memory = arena_of(65536);
        uint8_t *guarded = guarded_copy(whole.data, size);
        assert_false(frame_read(bytes_of(guarded, size), &memory, &frame, &error));
        guarded_free(guarded, size);
        arena_done(&memory);
    }
    frame_writer_free(writer);
}

static void no_changed_byte_yields_changed_lines(void **state)
{
    (void)state;
    struct error error;
    struct frame_writer *writer = frame_writer_new(&error);
    struct bytes whole = small_frame(writer);
    for (size_t at = 0; at < whole.size; at++) {
        for (unsigned value = 1; value < 256; value++) {
            struct frame frame;
            struct arena memory = arena_of(FRAME_RAW_MAX * 2);
            uint8_t *guarded = guarded_copy(whole.data, whole.size);
            guarded[at] ^= (uint8_t)value;
            if (frame_read(bytes_of(guarded, whole.size), &memory, &frame, &error)) {
                assert_int_equal(frame.count, 3);
                assert_true(bytes_is(frame.events[0].line, "{\"event_type\":\"alert\"}"));
                assert_true(at > FRAME_HEADER_SIZE); /* bits that zstd ignores */
            }
            guarded_free(guarded, whole.size);
            arena_done(&memory);
        }
    }
    frame_writer_free(writer);
}

static void a_frame_holds_its_limits_and_no_more(void **state)
{
    (void)state;
    struct error error;
    struct frame_writer *writer = frame_writer_new(&error);
    struct bytes out;
    struct frame frame;
    struct arena memory = arena_of(FRAME_RAW_MAX * 2);
    uint64_t sequence = 0;
    frame_writer_start(writer, 1, 0);
    while (frame_writer_add(writer, ++sequence, BYTES_OF("{}")))
        ;
    assert_int_equal(frame_writer_count(writer), FRAME_COUNT_MAX);
    assert_true(frame_writer_finish(writer, &out, &error));
    assert_true(frame_read(out, &memory, &frame, &error));
    assert_int_equal(frame.count, FRAME_COUNT_MAX);
    arena_reset(&memory);

    /* Identical long lines compress beyond the ratio: they travel as they are. */
    uint8_t *line = malloc(FRAME_LINE_MAX);
    assert_non_null(line);
    memset(line, 'x', FRAME_LINE_MAX);
    frame_writer_start(writer, 1, 0);
    for (sequence = 1; frame_writer_add(writer, sequence, bytes_of(line, FRAME_LINE_MAX)); sequence++)
        ;
    assert_int_equal(sequence, 4);
    assert_true(frame_writer_finish(writer, &out, &error));
    assert_true(out.size > 3 * FRAME_LINE_MAX);
    assert_true(frame_read(out, &memory, &frame, &error));
    assert_int_equal(frame.count, 3);
    assert_int_equal(frame.events[2].line.size, FRAME_LINE_MAX);
    free(line);
    arena_done(&memory);
    frame_writer_free(writer);
}

static void too_little_memory_is_an_error(void **state)
{
    (void)state;
    struct error error = { "" };
    struct frame_writer *writer = frame_writer_new(&error);
    struct bytes whole = small_frame(writer);
    size_t limit = 0;
    struct frame frame;
    for (;; limit++) {
        uint8_t room[512];
        struct arena memory = arena_fixed(room, limit);
        if (frame_read(whole, &memory, &frame, &error))
            break;
        assert_true(strstr(error.text, "no memory") != NULL);
    }
    assert_true(limit > 40 && limit < 256);
    frame_writer_free(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_sequences_come_back),
        cmocka_unit_test(every_shorter_prefix_is_refused),
        cmocka_unit_test(no_changed_byte_yields_changed_lines),
        cmocka_unit_test(a_frame_holds_its_limits_and_no_more),
        cmocka_unit_test(too_little_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
