/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files that break off or make no sense in their middle. */
#include "../support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packet/capture.h"

enum { FILE_HEADER = 24, RECORD = 16 + 20, RECORDS = 3 };

static size_t write_u32(uint8_t *out, size_t at, uint32_t value)
{
    memcpy(out + at, &value, sizeof value);
    return at + sizeof value;
}

/* Three frames of 20 bytes each. */
static size_t make_capture(uint8_t out[FILE_HEADER + RECORDS * RECORD])
{
    size_t at = write_u32(out, 0, 0xa1b2c3d4);
    at = write_u32(out, at, 2 | 4U << 16);
    at = write_u32(out, at, 0);
    at = write_u32(out, at, 0);
    at = write_u32(out, at, 65535);
    at = write_u32(out, at, 1);
    for (uint32_t i = 0; i < RECORDS; i++) {
        at = write_u32(out, at, i + 1);
        at = write_u32(out, at, 0);
        at = write_u32(out, at, 20);
        at = write_u32(out, at, 20);
        memset(out + at, (int)i, 20);
        at += 20;
    }
    return at;
}

static void put_file(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Reads all there is: frames and broken files are counted, the end must come. */
static size_t read_all(const char *path, size_t batch, size_t *broken, struct error *error)
{
    struct capture_frame frames[8];
    struct capture *capture = capture_open_file(path, NULL, error);
    assert_non_null(capture);
    size_t total = 0;
    *broken = 0;
    for (;;) {
        size_t count = 0;
        struct error now = { "" };
        enum capture_status status = capture_next(capture, frames, batch, &count, 0, &now);
        if (status == CAPTURE_END)
            break;
        if (status == CAPTURE_BROKEN) {
            ++*broken;
            *error = now;
        }
        assert_true(status == CAPTURE_FRAMES || status == CAPTURE_BROKEN);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(frames[i].number, total + i + 1);
            assert_int_equal(frames[i].data.size, 20);
        }
        total += count;
    }
    assert_int_equal(capture_counts(capture)[CAPTURE_FILE_ERRORS], *broken);
    capture_close(capture);
    return total;
}

static char folder[] = "/tmp/vonglau-capture-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *in_folder(char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

static void frames_before_the_place_where_a_file_breaks_off_are_read(void **state)
{
    (void)state;
    uint8_t data[FILE_HEADER + RECORDS * RECORD];
    size_t size = make_capture(data);
    char path[128];
    for (size_t cut = FILE_HEADER; cut <= size; cut++)
        for (size_t batch = 1; batch <= 4; batch += 3) {
            struct error error = { "" };
            size_t broken;
            put_file(in_folder(path, "cut"), data, cut);
            assert_int_equal(read_all(path, batch, &broken, &error), (cut - FILE_HEADER) / RECORD);
            assert_int_equal(broken, (cut - FILE_HEADER) % RECORD != 0);
            if (broken) {
                char place[32];
                snprintf(place, sizeof place, "cut off at offset %zu",
                         FILE_HEADER + (cut - FILE_HEADER) / RECORD * RECORD);
                assert_non_null(strstr(error.text, path));
                assert_non_null(strstr(error.text, place));
            }
        }
    assert_int_equal(unlink(path), 0);
}

static void a_record_of_impossible_size_ends_the_file_and_is_told(void **state)
{
    (void)state;
    uint8_t data[FILE_HEADER + RECORDS * RECORD];
    size_t size = make_capture(data);
    char path[128];
    write_u32(data, FILE_HEADER + RECORD + 8, 0x7fffffff);
    put_file(in_folder(path, "huge"), data, size);
    for (size_t batch = 1; batch <= 4; batch += 3) {
        struct error error = { "" };
        size_t broken;
        assert_int_equal(read_all(path, batch, &broken, &error), 1);
        assert_int_equal(broken, 1);
        assert_non_null(strstr(error.text, "2147483647"));
    }
    assert_int_equal(unlink(path), 0);
}

static void a_folder_goes_on_after_a_file_that_breaks_off(void **state)
{
    (void)state;
    uint8_t data[FILE_HEADER + RECORDS * RECORD];
    size_t size = make_capture(data);
    char first[128], second[128], third[128];
    struct error error = { "" };
    size_t broken;
    put_file(in_folder(first, "1"), data, size - 1);
    put_file(in_folder(second, "2"), data, 5);
    put_file(in_folder(third, "3"), data, size);
    assert_int_equal(read_all(folder, 8, &broken, &error), RECORDS - 1 + RECORDS);
    assert_int_equal(broken, 2);
    assert_int_equal(unlink(first) | unlink(second) | unlink(third), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_before_the_place_where_a_file_breaks_off_are_read),
        cmocka_unit_test(a_record_of_impossible_size_ends_the_file_and_is_told),
        cmocka_unit_test(a_folder_goes_on_after_a_file_that_breaks_off),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
