/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <lz4frame.h>
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

/* What `lz4 -d` makes of a file; the bytes are the caller's. */
static size_t unpack(const char *name, uint8_t *out, size_t room)
{
    static uint8_t packed[200000];
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t size = read(fd, packed, sizeof packed);
    close(fd);
    assert_true(size > 0);
    LZ4F_dctx *context;
    assert_false(LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)));
    size_t left = (size_t)size, made = room;
    size_t hint = LZ4F_decompress(context, out, &made, packed, &left, NULL);
    assert_int_equal(hint, 0); /* the frame is whole */
    assert_int_equal(left, size);
    (void)LZ4F_freeDecompressionContext(context);
    return made;
}

static struct packet_file *open_packed(uint64_t size_max, uint32_t files_max)
{
    struct packet_file_settings settings = { .directory = folder,
                                             .name = "log.pcap",
                                             .size_max = size_max,
                                             .files_max = files_max,
                                             .lz4 = true,
                                             .lz4_checksum = true,
                                             .lz4_level = 3 };
    struct error error = { "" };
    struct packet_file *file = packet_file_open(&settings, 3, &error);
    assert_non_null(file);
    return file;
}

static void a_compressed_file_holds_what_a_plain_one_does(void **state)
{
    (void)state;
    static uint8_t plain[300000], unpacked[300000];
    struct packet_file *files[] = { open_named("plain", false, 1 << 20, 0), open_packed(1 << 20, 0) };
    struct error error;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        for (uint64_t second = 0; second < 3; second++) {
            put(files[i], 77 + second, 70000, 1);
            assert_true(packet_file_flush(files[i], &error));
        }
        put(files[i], 80, 0, 1);
        packet_file_close(files[i]);
    }
    char path[512];
    snprintf(path, sizeof path, "%s/plain.77", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t size = read(fd, plain, sizeof plain);
    close(fd);
    assert_int_equal(size, 24 + 3 * 70016 + 16);
    assert_int_equal(unpack("log.pcap.77.lz4", unpacked, sizeof unpacked), size);
    assert_memory_equal(unpacked, plain, (size_t)size);
    assert_true(size_of("log.pcap.77.lz4") < size / 50);
}

static void the_limit_of_a_compressed_file_is_what_it_takes_on_disk(void **state)
{
    (void)state;
    struct packet_file *file = open_packed(100000, 2);
    struct error error;
    for (uint64_t second = 1; second <= 4; second++) {
        put(file, second, 70000, 1);
        assert_true(packet_file_flush(file, &error));
    }
    packet_file_close(file);
    assert_true(size_of("log.pcap.1.lz4") > 0);
    assert_int_equal(size_of("log.pcap.2.lz4"), -1);
    file = open_packed(10, 2); /* each packet its own file, those of the first run among the two that stay */
    for (uint64_t second = 5; second <= 6; second++) {
        put(file, second, 7, 1);
        assert_true(packet_file_flush(file, &error));
    }
    packet_file_close(file);
    assert_int_equal(size_of("log.pcap.1.lz4"), -1);
    assert_true(size_of("log.pcap.5.lz4") > 0 && size_of("log.pcap.6.lz4") > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_file_is_made_for_the_first_packet_and_holds_it, empty_folder),
        cmocka_unit_test_teardown(a_compressed_file_holds_what_a_plain_one_does, empty_folder),
        cmocka_unit_test_teardown(the_limit_of_a_compressed_file_is_what_it_takes_on_disk, empty_folder),
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
