/* SPDX-License-Identifier: Apache-2.0 */
/* The spool: order, priorities, budget, torn tails, a disk that refuses. */
#include "support/support.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "event/spool.h"
#include "event/spool_files.h"

static char directory[64];

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/vonglau-spool-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct spool *open_spool(uint64_t bytes_max)
{
    struct spool_settings settings = { .directory = directory, .bytes_max = bytes_max };
    struct error error = { "" };
    struct spool *spool = spool_open(&settings, &error);
    if (!spool)
        fail_msg("%s", error.text);
    return spool;
}

static struct spool_reader *open_reader(void)
{
    struct error error = { "" };
    struct spool_reader *reader = spool_reader_open(directory, &error);
    if (!reader)
        fail_msg("%s", error.text);
    return reader;
}

static uint64_t append(struct spool *spool, enum event_priority priority, unsigned number)
{
    char line[64];
    int size = snprintf(line, sizeof line, "{\"n\":%u}", number);
    return spool_append(spool, priority, bytes_of(line, (size_t)size));
}

static struct spool_batch next(struct spool_reader *reader, size_t count)
{
    struct spool_batch batch;
    struct error error;
    assert_true(spool_reader_next(reader, count, 1 << 20, &batch, &error));
    return batch;
}

static void acknowledge(struct spool_reader *reader, uint64_t sequence)
{
    struct error error;
    assert_true(spool_reader_acknowledge(reader, sequence, &error));
}

static void high_priority_comes_first_and_order_is_kept(void **state)
{
    (void)state;
    struct spool *spool = open_spool(1 << 20);
    struct spool_reader *reader = open_reader();
    assert_int_equal(next(reader, 10).count, 0);
    for (unsigned i = 0; i < 5; i++) {
        append(spool, EVENT_PRIORITY_LOW, i);
        append(spool, EVENT_PRIORITY_HIGH, i);
    }
    spool_flush(spool);
    struct spool_batch batch = next(reader, 3);
    assert_int_equal(batch.priority, EVENT_PRIORITY_HIGH);
    assert_int_equal(batch.boot, spool_boot(spool));
    assert_int_equal(batch.count, 3);
    assert_int_equal(batch.events[0].sequence, 2);
    assert_true(bytes_is(batch.events[2].line, "{\"n\":2}"));
    /* The same again until it is acknowledged; then only what is left. */
    assert_int_equal(next(reader, 3).events[0].sequence, 2);
    acknowledge(reader, 4);
    assert_int_equal(next(reader, 9).events[0].sequence, 6);
    acknowledge(reader, 10);
    batch = next(reader, 9);
    assert_int_equal(batch.priority, EVENT_PRIORITY_LOW);
    assert_int_equal(batch.count, 5);
    acknowledge(reader, 9);
    assert_int_equal(next(reader, 9).count, 0);
    spool_reader_close(reader);
    spool_close(spool);
}

static void what_was_acknowledged_survives_both_restarts(void **state)
{
    (void)state;
    uint64_t boot = 0;
    unsigned seen = 0;
    for (unsigned round = 0; round < 6; round++) {
        struct spool *spool = open_spool(1 << 20);
        assert_true(spool_boot(spool) > boot);
        boot = spool_boot(spool);
        for (unsigned i = 0; i < 10; i++)
            append(spool, EVENT_PRIORITY_NORMAL, round * 10 + i);
        spool_close(spool);
        struct spool_reader *reader = open_reader();
        for (unsigned i = 0; i < 2; i++) {
            char expected[32];
            struct spool_batch batch = next(reader, 4);
            snprintf(expected, sizeof expected, "{\"n\":%u}", seen);
            assert_true(bytes_is(batch.events[0].line, expected));
            seen += (unsigned)batch.count;
            acknowledge(reader, batch.events[batch.count - 1].sequence);
        }
        spool_reader_close(reader);
    }
    struct spool_reader *reader = open_reader();
    for (;;) {
        struct spool_batch batch = next(reader, 100);
        if (batch.count == 0)
            break;
        seen += (unsigned)batch.count;
        acknowledge(reader, batch.events[batch.count - 1].sequence);
    }
    assert_int_equal(seen, 60);
    struct spool_losses losses;
    uint64_t waiting;
    spool_reader_status(reader, &losses, &waiting);
    assert_int_equal(waiting, 0);
    spool_reader_close(reader);
}

static void over_budget_the_lowest_and_oldest_go_and_are_counted(void **state)
{
    (void)state;
    struct spool *spool = open_spool(SPOOL_BYTES_MIN);
    struct spool_losses losses;
    uint64_t held;
    for (unsigned i = 0; i < 500; i++) /* 11.5 KB that must stay */
        append(spool, EVENT_PRIORITY_HIGH, i);
    spool_flush(spool);
    for (unsigned i = 0; i < 20000; i++) {
        append(spool, i % 4 ? EVENT_PRIORITY_LOW : EVENT_PRIORITY_NORMAL, i);
        if (i % 100 == 0)
            spool_flush(spool);
    }
    spool_flush(spool);
    spool_status(spool, &losses, &held);
    assert_true(held <= SPOOL_BYTES_MIN);
    assert_true(losses.events[EVENT_PRIORITY_LOW] > 0);
    assert_int_equal(losses.events[EVENT_PRIORITY_HIGH], 0);
    struct spool_reader *reader = open_reader();
    uint64_t got[EVENT_PRIORITY_COUNT] = { 0 };
    for (;;) {
        struct spool_batch batch = next(reader, 1000);
        if (batch.count == 0)
            break;
        got[batch.priority] += batch.count;
        acknowledge(reader, batch.events[batch.count - 1].sequence);
    }
    assert_int_equal(got[EVENT_PRIORITY_HIGH], 500);
    assert_int_equal(got[EVENT_PRIORITY_NORMAL] + losses.events[EVENT_PRIORITY_NORMAL], 5000);
    assert_int_equal(got[EVENT_PRIORITY_LOW] + losses.events[EVENT_PRIORITY_LOW], 15000);
    spool_reader_close(reader);
    spool_close(spool);
    /* The count outlives the process. */
    spool = open_spool(SPOOL_BYTES_MIN);
    struct spool_losses again;
    spool_status(spool, &again, &held);
    assert_memory_equal(&again, &losses, sizeof losses);
    spool_close(spool);
}

static void a_torn_or_changed_tail_ends_the_segment_only(void **state)
{
    (void)state;
    char name[SPOOL_NAME_SIZE], path[128];
    struct spool *spool = open_spool(1 << 20);
    for (unsigned i = 0; i < 3; i++)
        append(spool, EVENT_PRIORITY_LOW, i);
    spool_close(spool);
    spool_segment_name(name, EVENT_PRIORITY_LOW, 1);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    size_t record = SPOOL_RECORD_SIZE + 7;
    assert_int_equal(status.st_size, SPOOL_HEADER_SIZE + 3 * record);
    for (size_t size = (size_t)status.st_size; size-- > 0;) {
        assert_int_equal(truncate(path, (off_t)size), 0);
        struct spool_reader *reader = open_reader();
        size_t whole = size < SPOOL_HEADER_SIZE ? 0 : (size - SPOOL_HEADER_SIZE) / record;
        assert_int_equal(next(reader, 10).count, whole);
        spool_reader_close(reader);
    }
    /* Headless, it is passed over once the next start has a segment. */
    spool = open_spool(1 << 20);
    append(spool, EVENT_PRIORITY_LOW, 7);
    spool_flush(spool);
    struct spool_reader *reader = open_reader();
    struct spool_batch batch = next(reader, 10);
    assert_int_equal(batch.count, 1);
    assert_true(bytes_is(batch.events[0].line, "{\"n\":7}"));
    spool_reader_close(reader);
    spool_close(spool);
}

static void no_changed_byte_of_a_segment_gives_a_wrong_line(void **state)
{
    (void)state;
    char name[SPOOL_NAME_SIZE], path[128];
    struct spool *spool = open_spool(1 << 20);
    for (unsigned i = 0; i < 3; i++)
        append(spool, EVENT_PRIORITY_LOW, i);
    spool_close(spool);
    spool_segment_name(name, EVENT_PRIORITY_LOW, 1);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    for (off_t at = 0; at < status.st_size; at++) {
        uint8_t byte, changed;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        changed = byte ^ 0x41;
        assert_int_equal(pwrite(fd, &changed, 1, at), 1);
        struct spool_reader *reader = open_reader();
        struct spool_batch batch = next(reader, 10);
        assert_true(batch.count < 3);
        for (size_t i = 0; i < batch.count; i++) {
            char expected[32];
            snprintf(expected, sizeof expected, "{\"n\":%zu}", i);
            assert_true(bytes_is(batch.events[i].line, expected));
        }
        spool_reader_close(reader);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
}

static void a_disk_that_refuses_is_counted_and_recovers(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* Writes past 8 KB of a file fail with EFBIG, as a full disk would. */
        signal(SIGXFSZ, SIG_IGN);
        struct spool_settings settings = { .directory = directory, .bytes_max = 1 << 20 };
        struct spool *spool = spool_open(&settings, NULL);
        struct rlimit limit = { 8192, RLIM_INFINITY };
        struct spool_losses losses;
        uint64_t held;
        if (!spool || setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(2);
        for (unsigned i = 0; i < 2000; i++) {
            append(spool, EVENT_PRIORITY_NORMAL, i);
            if (i % 10 == 0)
                spool_flush(spool);
        }
        spool_status(spool, &losses, &held);
        limit.rlim_cur = RLIM_INFINITY;
        if (losses.events[EVENT_PRIORITY_NORMAL] == 0 || setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(3);
        append(spool, EVENT_PRIORITY_NORMAL, 2000);
        spool_close(spool);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct spool_reader *reader = open_reader();
    struct spool_losses losses;
    uint64_t waiting, got = 0, last = 0;
    spool_reader_status(reader, &losses, &waiting);
    for (;;) {
        struct spool_batch batch = next(reader, 1000);
        if (batch.count == 0)
            break;
        got += batch.count;
        last = batch.events[batch.count - 1].sequence;
        acknowledge(reader, last);
    }
    assert_int_equal(last, 2001);
    assert_int_equal(got + losses.events[EVENT_PRIORITY_NORMAL], 2001);
    spool_reader_close(reader);
}

static void what_is_no_line_is_counted_not_kept(void **state)
{
    (void)state;
    struct spool *spool = open_spool(8 << 20);
    struct spool_losses losses;
    uint64_t held;
    uint8_t *big = malloc(SPOOL_LINE_MAX + 1);
    assert_non_null(big);
    memset(big, 'x', SPOOL_LINE_MAX + 1);
    spool_append(spool, EVENT_PRIORITY_LOW, bytes_of(big, SPOOL_LINE_MAX + 1));
    spool_append(spool, EVENT_PRIORITY_LOW, BYTES_OF("a\nb"));
    spool_append(spool, EVENT_PRIORITY_LOW, BYTES_OF(""));
    assert_int_equal(spool_append(spool, EVENT_PRIORITY_LOW, bytes_of(big, SPOOL_LINE_MAX)), 4);
    spool_flush(spool);
    spool_status(spool, &losses, &held);
    assert_int_equal(losses.events[EVENT_PRIORITY_LOW], 3);
    struct spool_reader *reader = open_reader();
    struct spool_batch batch = next(reader, 10);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.events[0].line.size, SPOOL_LINE_MAX);
    free(big);
    spool_reader_close(reader);
    spool_close(spool);
}

static void one_writer_and_one_reader_only(void **state)
{
    (void)state;
    struct error error = { "" };
    struct spool_settings settings = { .directory = directory, .bytes_max = 1 << 20 };
    struct spool *spool = open_spool(1 << 20);
    assert_null(spool_open(&settings, &error));
    assert_non_null(strstr(error.text, "in use"));
    struct spool_reader *reader = open_reader();
    assert_null(spool_reader_open(directory, &error));
    settings.bytes_max = 10;
    assert_null(spool_open(&settings, &error));
    assert_non_null(strstr(error.text, "at least"));
    spool_reader_close(reader);
    spool_close(spool);
}

/* What the kernel has is what a crash of the process leaves; the disk follows within the interval. */
static void what_waits_for_the_disk_is_seen_at_once(void **state)
{
    (void)state;
    struct spool_settings settings = {
        .directory = directory, .bytes_max = 1 << 20, .sync = true, .sync_every = UINT64_MAX
    };
    struct error error = { "" };
    struct spool *spool = spool_open(&settings, &error);
    struct spool_batch batch;
    assert_non_null(spool);
    append(spool, EVENT_PRIORITY_HIGH, 1);
    spool_flush(spool);
    struct spool_reader *reader = open_reader();
    assert_true(spool_reader_next(reader, 10, 1 << 20, &batch, &error));
    assert_int_equal(batch.count, 1);
    append(spool, EVENT_PRIORITY_HIGH, 2);
    spool_close(spool);
    assert_true(spool_reader_next(reader, 10, 1 << 20, &batch, &error));
    assert_int_equal(batch.count, 2);
    spool_reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(high_priority_comes_first_and_order_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_acknowledged_survives_both_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(over_budget_the_lowest_and_oldest_go_and_are_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_torn_or_changed_tail_ends_the_segment_only, setup, teardown),
        cmocka_unit_test_setup_teardown(no_changed_byte_of_a_segment_gives_a_wrong_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_refuses_is_counted_and_recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_line_is_counted_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_for_the_disk_is_seen_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(one_writer_and_one_reader_only, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
