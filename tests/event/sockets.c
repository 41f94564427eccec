/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to unix sockets and to syslog: what arrives, and what is counted when nobody is there. */
#include "../support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "event/output.h"

static char folder[] = "/tmp/vonglau-sockets-XXXXXX", path[128];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/socket", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int listener(int type)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static struct output *open_output(enum output_kind kind)
{
    struct output_settings settings = {
        .path = path, .kind = kind, .identity = "watch", .facility = 21, .severity = 6
    };
    struct error error = { "" };
    struct output *output = output_open(&settings, &error);
    assert_non_null(output);
    return output;
}

static const char *receive(int fd, char *out, size_t room)
{
    ssize_t size = recv(fd, out, room - 1, MSG_DONTWAIT);
    out[size > 0 ? size : 0] = '\0';
    return out;
}

static void datagrams_hold_a_line_each(void **state)
{
    (void)state;
    char got[256];
    int fd = listener(SOCK_DGRAM);
    struct output *output = open_output(OUTPUT_UNIX_DGRAM);
    output_write(output, BYTES_OF("{\"a\":1}\n{\"b\":2}\n"));
    assert_string_equal(receive(fd, got, sizeof got), "{\"a\":1}\n");
    assert_string_equal(receive(fd, got, sizeof got), "{\"b\":2}\n");
    assert_int_equal(output_lost(output), 0);
    output_close(output);
    close(fd);
    unlink(path);
}

static void syslog_messages_have_priority_and_identity(void **state)
{
    (void)state;
    char got[256], month[4], name[64], body[64];
    unsigned priority, day, hour, minute, second;
    long pid;
    int fd = listener(SOCK_DGRAM);
    struct output *output = open_output(OUTPUT_SYSLOG);
    output_write(output, BYTES_OF("{\"a\":1}\n"));
    receive(fd, got, sizeof got);
    assert_int_equal(sscanf(got, "<%u>%3s %u %u:%u:%u %63[^[][%ld]: %63[^\n]", &priority, month, &day, &hour,
                            &minute, &second, name, &pid, body),
                     9);
    assert_int_equal(priority, 21 * 8 + 6);
    assert_string_equal(name, "watch");
    assert_int_equal(pid, getpid());
    assert_string_equal(body, "{\"a\":1}");
    assert_null(strchr(got, '\n'));
    output_close(output);
    close(fd);
    unlink(path);
}

static void a_line_too_long_for_a_datagram_is_lost_alone(void **state)
{
    (void)state;
    enum { HUGE = 8 << 20 };
    char got[256];
    int fd = listener(SOCK_DGRAM);
    struct output *output = open_output(OUTPUT_UNIX_DGRAM);
    uint8_t *lines = malloc(HUGE + 4);
    assert_non_null(lines);
    memset(lines, 'x', HUGE);
    memcpy(lines + HUGE - 1, "\nok\n", 4);
    output_write(output, bytes_of(lines, HUGE + 3));
    assert_int_equal(output_lost(output), 1);
    assert_string_equal(receive(fd, got, sizeof got), "ok\n");
    free(lines);
    output_close(output);
    close(fd);
    unlink(path);
}

static void lines_without_a_listener_are_counted(void **state)
{
    (void)state;
    static const enum output_kind kinds[] = { OUTPUT_UNIX_STREAM, OUTPUT_UNIX_DGRAM, OUTPUT_SYSLOG };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct output *output = open_output(kinds[i]);
        output_write(output, BYTES_OF("a\nb\n"));
        assert_int_equal(output_lost(output), 2);
        output_close(output);
    }
}

static void a_listener_that_leaves_is_noticed(void **state)
{
    (void)state;
    char got[256];
    int fd = listener(SOCK_STREAM);
    struct output *output = open_output(OUTPUT_UNIX_STREAM);
    int peer = accept(fd, NULL, NULL);
    assert_true(peer >= 0);
    output_write(output, BYTES_OF("a\nb\n"));
    assert_string_equal(receive(peer, got, sizeof got), "a\nb\n");
    close(peer);
    close(fd);
    unlink(path);
    output_write(output, BYTES_OF("c\n"));
    output_write(output, BYTES_OF("d\ne\n"));
    assert_int_equal(output_lost(output), 3);
    output_close(output);
}

static void a_listener_that_does_not_read_is_not_waited_for(void **state)
{
    (void)state;
    enum { MUCH = 4 << 20 };
    int fd = listener(SOCK_STREAM);
    struct output *output = open_output(OUTPUT_UNIX_STREAM);
    uint8_t *lines = malloc(MUCH);
    assert_non_null(lines);
    memset(lines, '\n', MUCH);
    uint64_t begin = clock_steady();
    for (int i = 0; i < 10; i++) /* after the first one nobody is asked for a while */
        output_write(output, bytes_of(lines, MUCH));
    assert_true(clock_steady() - begin < 5 * NS_PER_S);
    assert_in_range(output_lost(output), 9ULL * MUCH, 10ULL * MUCH);
    free(lines);
    output_close(output);
    close(fd);
    unlink(path);
}

static void names_of_syslog_are_known(void **state)
{
    (void)state;
    assert_int_equal(output_facility(BYTES_OF("LOCAL5")), 21);
    assert_int_equal(output_facility(BYTES_OF("authpriv")), 10);
    assert_int_equal(output_facility(BYTES_OF("local8")), -1);
    assert_int_equal(output_severity(BYTES_OF("Info")), 6);
    assert_int_equal(output_severity(BYTES_OF("Emergency")), 0);
    assert_int_equal(output_severity(BYTES_OF("loud")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_hold_a_line_each),
        cmocka_unit_test(syslog_messages_have_priority_and_identity),
        cmocka_unit_test(a_line_too_long_for_a_datagram_is_lost_alone),
        cmocka_unit_test(lines_without_a_listener_are_counted),
        cmocka_unit_test(a_listener_that_leaves_is_noticed),
        cmocka_unit_test(a_listener_that_does_not_read_is_not_waited_for),
        cmocka_unit_test(names_of_syslog_are_known),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
