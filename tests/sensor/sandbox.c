/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox of the process that parses packets: what it may no longer do. Each test tries it in a child of
 * its own, since there is no way back. */
#include "sensor/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/folder.h"
#include "support/support.h"

struct place {
    char folder[64], logs[96], key[96]; /* the key lies beside the logs, as in an enrolled sensor's folder */
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    folder_make(place->folder);
    snprintf(place->logs, sizeof place->logs, "%s/logs", place->folder);
    snprintf(place->key, sizeof place->key, "%s/sensor.key", place->folder);
    assert_int_equal(mkdir(place->logs, 0700), 0);
    int fd = open(place->key, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, "key", 3) == 3);
    close(fd);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    folder_remove(place->folder);
    free(place);
    return 0;
}

static bool shut_in(const struct place *place)
{
    const struct sandbox_path paths[] = { { place->logs, true } };
    const struct sandbox sandbox = { .paths = paths, .path_count = 1 };
    struct error error = { "" };
    bool landlock;
    if (sandbox_enter(&sandbox, &landlock, &error))
        return true;
    fprintf(stderr, "%s\n", error.text);
    return false;
}

/* Runs `attempt` inside the sandbox; it returns 0 when all was as it must be, or the line of what was not. */
static void inside(struct place *place, int (*attempt)(const struct place *place))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(shut_in(place) ? attempt(place) % 255 : 255);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status))
        fail_msg("line %d was not as it must be", WEXITSTATUS(status));
}

#define MUST(condition)      \
    do {                     \
        if (!(condition))    \
            return __LINE__; \
    } while (0)
#define MUST_FAIL(call, number) MUST((call) == -1 && errno == (number))

static int reach_the_network(const struct place *place)
{
    (void)place;
    MUST_FAIL(socket(AF_INET, SOCK_STREAM, 0), EPERM);
    MUST_FAIL(socket(AF_INET, SOCK_DGRAM, 0), EPERM);
    MUST_FAIL(socket(AF_INET6, SOCK_STREAM, 0), EPERM);
    MUST_FAIL(socket(AF_PACKET, SOCK_RAW, 0), EPERM);
    MUST_FAIL(socket(AF_NETLINK, SOCK_RAW, 0), EPERM);
    return 0;
}

static int open_files(const struct place *place)
{
    char path[128];
    MUST_FAIL(open(place->key, O_RDONLY | O_CLOEXEC), EACCES);
    MUST_FAIL(open("/etc/passwd", O_RDONLY | O_CLOEXEC), EACCES);
    MUST_FAIL(open(place->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES);
    snprintf(path, sizeof path, "%s/new", place->folder);
    MUST_FAIL(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), EACCES);
    snprintf(path, sizeof path, "%s/eve.json", place->logs);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    MUST(fd >= 0 && write(fd, "{}\n", 3) == 3 && close(fd) == 0 && unlink(path) == 0);
    return 0;
}

static int start_programs(const struct place *place)
{
    (void)place;
    char *words[] = { (char[]){ "true" }, NULL };
    MUST_FAIL(execv("/bin/true", words), EPERM);
    MUST_FAIL(ptrace(PTRACE_ATTACH, getppid(), 0, 0), EPERM);
    MUST_FAIL(mount("none", "/mnt", "tmpfs", 0, NULL), EPERM);
    MUST_FAIL(setuid(0), EPERM);
    return 0;
}

/* The word after `name` in /proc/self/status, opened before the sandbox closed. */
static uint64_t number_in(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 16) : UINT64_MAX;
}

static void no_capability_is_left_but_to_open_files(void **state)
{
    struct place *place = *state;
    int ways[2], status;
    assert_int_equal(pipe(ways), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char text[8192] = "";
        int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        if (!shut_in(place) || read(fd, text, sizeof text - 1) <= 0)
            _exit(1);
        const uint64_t told[] = { number_in(text, "CapEff:"), number_in(text, "CapPrm:"),
                                  number_in(text, "CapInh:"), number_in(text, "NoNewPrivs:"),
                                  number_in(text, "Seccomp:") };
        _exit(write(ways[1], told, sizeof told) != sizeof told);
    }
    uint64_t told[5];
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(read(ways[0], told, sizeof told), sizeof told);
    close(ways[0]);
    close(ways[1]);
    const uint64_t files = geteuid() == 0 ? 1U << 1 : 0; /* CAP_DAC_OVERRIDE */
    assert_int_equal(told[0] & ~files, 0);
    assert_int_equal(told[1] & ~files, 0);
    assert_int_equal(told[2], 0);
    assert_int_equal(told[3], 1);
    assert_int_equal(told[4], 2);
}

static void there_is_no_network(void **state)
{
    inside(*state, reach_the_network);
}

static void only_files_that_are_listed_open_and_the_key_is_none(void **state)
{
    inside(*state, open_files);
}

static void no_program_starts_and_nothing_is_mounted(void **state)
{
    inside(*state, start_programs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(there_is_no_network),
        TEST(only_files_that_are_listed_open_and_the_key_is_none),
        TEST(no_program_starts_and_nothing_is_mounted),
        TEST(no_capability_is_left_but_to_open_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
