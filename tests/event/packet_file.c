/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "event/packet_file.h"

static char folder[] = "/tmp/vonglau-packets-XXXXXX";
static uint8_t filler[70000];

static int make_folder(void **state)
{
    (void)state;
    memset(filler, 'x', sizeof filler);
    return mkdtemp(folder) ? 0 : -1;
}

static int empty_folder(void **state)
{
    (void)state;
    char path[512];
    DIR *directory = opendir(folder);
    if (!directory)
        return -1;
    for (struct dirent *entry; (entry = readdir(directory));) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        (void)unlink(path);
    }
    return closedir(directory);
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static long size_of(const char *name)
{
    char path[512];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &status) == 0 ? (long)status.st_size : -1;
}

static void touch(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static struct packet_file *open_named(const char *name, bool pattern, uint64_t size_max, uint32_t files_max)
{
    struct packet_file_settings settings = {
        .directory = folder, .name = name, .pattern = pattern, .size_max = size_max, .files_max = files_max
    };
    struct error error = { "" };
    struct packet_file *file = packet_file_open(&settings, 3, &error);
    assert_non_null(file);
    return file;
}

static void put(struct packet_file *file, uint64_t seconds, size_t size, uint16_t link_type)
{
    struct packet_record record = { seconds * NS_PER_S + 250 * NS_PER_US, bytes_of(filler, size),
                                    (uint32_t)size + 5, link_type };
    struct error error = { "" };
    assert_true(packet_file_put(file, &record, &error));
}

static void a_file_is_made_for_the_first_packet_and_holds_it(void **state)
{
    (void)state;
    static const uint32_t words[] = { 0xa1b2c3d4, 0, 0, 0, 262144, 1, 77, 250, 4, 9 };
    struct packet_file *file = open_named("log.pcap", false, 1000, 0);
    assert_int_equal(size_of("log.pcap.77"), -1);
    put(file, 77, 4, 1);
    struct error error;
    assert_true(packet_file_flush(file, &error));
    assert_int_equal(size_of("log.pcap.77"), 24 + 16 + 4);
    assert_int_equal(packet_file_written(file), 1);
    packet_file_close(file);
    char path[512];
    uint8_t data[64];
    snprintf(path, sizeof path, "%s/log.pcap.77", folder);
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    assert_int_equal(fread(data, 1, sizeof data, in), 44);
    fclose(in);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (i != 1)
            assert_memory_equal(data + i * 4, &words[i], 4);
    assert_memory_equal(data + 40, "xxxx", 4);
}

static void a_file_ends_when_the_next_packet_would_not_fit(void **state)
{
    (void)state;
    struct packet_file *file = open_named("log", false, 24 + 2 * (16 + 100), 0);
    for (uint64_t i = 0; i < 5; i++)
        put(file, 10 + i, 100, 1);
    packet_file_close(file);
    assert_int_equal(size_of("log.10"), 24 + 2 * 116);
    assert_int_equal(size_of("log.12"), 24 + 2 * 116);
    assert_int_equal(size_of("log.14"), 24 + 116);
}

static void another_link_type_begins_another_file(void **state)
{
    (void)state;
    struct packet_file *file = open_named("log", false, 1 << 20, 0);
    put(file, 10, 100, 1);
    put(file, 11, 100, 101);
    packet_file_close(file);
    assert_int_equal(size_of("log.10"), 24 + 116);
    assert_int_equal(size_of("log.11"), 24 + 116);
}

static void files_of_one_second_do_not_overwrite_each_other(void **state)
{
    (void)state;
    struct packet_file *file = open_named("log", false, 200, 0);
    for (int i = 0; i < 3; i++)
        put(file, 10, 100, 1);
    packet_file_close(file);
    assert_int_equal(size_of("log.10"), 24 + 116);
    assert_int_equal(size_of("log.10-1"), 24 + 116);
    assert_int_equal(size_of("log.10-2"), 24 + 116);
}

static void a_packet_larger_than_the_limit_has_a_file_of_its_own(void **state)
{
    (void)state;
    struct packet_file *file = open_named("log", false, 200, 0);
    put(file, 10, 100, 1);
    put(file, 11, 60000, 1);
    put(file, 12, 100, 1);
    packet_file_close(file);
    assert_int_equal(size_of("log.11"), 24 + 16 + 60000);
    assert_int_equal(size_of("log.12"), 24 + 116);
}

static void more_than_a_buffer_is_written_in_order(void **state)
{
    (void)state;
    struct packet_file *file = open_named("log", false, 1 << 30, 0);
    for (int i = 0; i < 40; i++)
        put(file, 10, sizeof filler, 1);
    assert_int_equal(packet_file_written(file), 40);
    packet_file_close(file);
    assert_int_equal(size_of("log.10"), 24 + 40 * (16 + (long)sizeof filler));
}

static void the_oldest_files_are_removed_those_of_earlier_runs_first(void **state)
{
    (void)state;
    touch("log.9");
    touch("log.8.000123");
    touch("log.8-1");
    touch("log.x");
    touch("log.9.gz");
    touch("other.1");
    struct packet_file *file = open_named("log", false, 200, 3);
    put(file, 10, 100, 1);
    assert_int_equal(size_of("log.8-1"), -1);
    assert_int_equal(size_of("log.8.000123"), 0);
    put(file, 11, 100, 1);
    assert_int_equal(size_of("log.8.000123"), -1);
    put(file, 12, 100, 1);
    put(file, 13, 100, 1);
    packet_file_close(file);
    assert_int_equal(size_of("log.9"), -1);
    assert_int_equal(size_of("log.10"), -1);
    assert_int_equal(size_of("log.11"), 24 + 116);
    assert_int_equal(size_of("log.13"), 24 + 116);
    /* What is named otherwise is somebody else's. */
    assert_int_equal(size_of("log.x"), 0);
    assert_int_equal(size_of("log.9.gz"), 0);
    assert_int_equal(size_of("other.1"), 0);
}

static void patterns_name_worker_and_time(void **state)
{
    (void)state;
    touch("log.2.5.pcap"); /* another worker's */
    touch("log.3.5.pcap");
    struct packet_file *file = open_named("log.%n.%t.pcap", true, 200, 1);
    put(file, 10, 100, 1);
    packet_file_close(file);
    assert_int_equal(size_of("log.3.10.pcap"), 24 + 116);
    assert_int_equal(size_of("log.3.5.pcap"), -1);
    assert_int_equal(size_of("log.2.5.pcap"), 0);
}

static void what_cannot_be_opened_is_an_error_and_removes_nothing(void **state)
{
    (void)state;
    touch("log.9");
    char path[512];
    snprintf(path, sizeof path, "%s/log.10", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    struct packet_file *file = open_named("log", false, 200, 1);
    struct packet_record record = { 10 * NS_PER_S, bytes_of(filler, 10), 10, 1 };
    struct error error = { "" };
    assert_false(packet_file_put(file, &record, &error));
    assert_non_null(strstr(error.text, "log.10"));
    /* Not tried again at once, and not told again. */
    assert_true(packet_file_put(file, &record, &error));
    assert_int_equal(packet_file_lost(file), 2);
    assert_int_equal(packet_file_written(file), 0);
    packet_file_close(file);
    assert_int_equal(size_of("log.9"), 0);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_file_is_made_for_the_first_packet_and_holds_it, empty_folder),
        cmocka_unit_test_teardown(a_file_ends_when_the_next_packet_would_not_fit, empty_folder),
        cmocka_unit_test_teardown(another_link_type_begins_another_file, empty_folder),
        cmocka_unit_test_teardown(files_of_one_second_do_not_overwrite_each_other, empty_folder),
        cmocka_unit_test_teardown(a_packet_larger_than_the_limit_has_a_file_of_its_own, empty_folder),
        cmocka_unit_test_teardown(more_than_a_buffer_is_written_in_order, empty_folder),
        cmocka_unit_test_teardown(the_oldest_files_are_removed_those_of_earlier_runs_first, empty_folder),
        cmocka_unit_test_teardown(patterns_name_worker_and_time, empty_folder),
        cmocka_unit_test_teardown(what_cannot_be_opened_is_an_error_and_removes_nothing, empty_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
