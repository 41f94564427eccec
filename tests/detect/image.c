/* SPDX-License-Identifier: Apache-2.0 */
/* The file of compiled patterns: what was kept is found again, and what is foreign or damaged is not
 * believed. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/folder.h"
#include "support/support.h"

#include "detect/image.h"

static int folder_new(void **state)
{
    char *path = malloc(FOLDER_MAX);
    assert_non_null(path);
    folder_make(path);
    *state = path;
    return 0;
}

static int folder_done(void **state)
{
    folder_remove(*state);
    free(*state);
    return 0;
}

static const uint8_t first[32] = { 1 }, second[32] = { 2 }, third[32] = { 3 };

static void keep(const char *dir, const uint8_t key[32], const char *data)
{
    struct error error;
    struct image *image = image_open(dir);
    assert_non_null(image);
    image_add(image, key, bytes_of_string(data));
    assert_true(image_save(image, &error));
    image_close(image);
}

static bool has(const char *dir, const uint8_t key[32], const char *data)
{
    struct image *image = image_open(dir);
    assert_non_null(image);
    bool found = bytes_is(image_find(image, key), data);
    image_close(image);
    return found;
}

static void file_of(const char *dir, char path[256])
{
    snprintf(path, 256, "%s/patterns.image", dir);
}

static void what_was_kept_is_found_again(void **state)
{
    const char *dir = *state;
    keep(dir, first, "one");
    assert_true(has(dir, first, "one"));
    assert_false(has(dir, second, "one"));
}

static void only_entries_in_use_stay(void **state)
{
    const char *dir = *state;
    struct error error;
    keep(dir, first, "one");
    struct image *image = image_open(dir);
    image_add(image, second, BYTES_OF("two"));
    assert_true(bytes_is(image_find(image, first), "one"));
    assert_true(image_save(image, &error));
    image_close(image);
    assert_true(has(dir, first, "one") && has(dir, second, "two"));
    keep(dir, third, "three");
    assert_true(has(dir, third, "three"));
    assert_false(has(dir, first, "one"));
}

static void a_file_that_others_may_write_is_not_read(void **state)
{
    const char *dir = *state;
    char path[256];
    file_of(dir, path);
    keep(dir, first, "one");
    assert_int_equal(chmod(path, 0620), 0);
    assert_false(has(dir, first, "one"));
    keep(dir, first, "again");
    assert_true(has(dir, first, "again"));
}

static void every_shorter_file_gives_less_and_never_fails(void **state)
{
    const char *dir = *state;
    char path[256];
    file_of(dir, path);
    keep(dir, first, "a longer entry");
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    for (off_t size = status.st_size - 1; size >= 0; size--) {
        assert_int_equal(truncate(path, size), 0);
        assert_false(has(dir, first, "a longer entry"));
    }
}

static void a_folder_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct error error;
    struct image *image = image_open("/nonexistent/folder");
    assert_non_null(image);
    image_add(image, first, BYTES_OF("one"));
    assert_false(image_save(image, &error));
    assert_non_null(strstr(error.text, "/nonexistent/folder/patterns.image"));
    image_close(image);
    assert_null(image_open(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_kept_is_found_again, folder_new, folder_done),
        cmocka_unit_test_setup_teardown(only_entries_in_use_stay, folder_new, folder_done),
        cmocka_unit_test_setup_teardown(a_file_that_others_may_write_is_not_read, folder_new, folder_done),
        cmocka_unit_test_setup_teardown(every_shorter_file_gives_less_and_never_fails, folder_new,
                                        folder_done),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
