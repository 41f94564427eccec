/* SPDX-License-Identifier: Apache-2.0 */
/* The common members of EVE lines, and the files they go to. */
#include "support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "event/eve.h"
#include "event/output.h"

static void a_header_has_suricatas_members_in_its_order(void **state)
{
    (void)state;
    struct eve_stamp stamp = { 0 };
    struct text out = text_new(4096);
    uint16_t vlans[] = { 10, 20 };
    struct eve_header header = { .time = 1468449727ULL * NS_PER_S + 573103 * NS_PER_US,
                                 .flow_id = 12345,
                                 .packet_number = 9,
                                 .type = "alert",
                                 .vlans = vlans,
                                 .vlan_count = 2,
                                 .src = address_v4((const uint8_t[]){ 192, 0, 2, 1 }),
                                 .dst = address_v4((const uint8_t[]){ 192, 0, 2, 2 }),
                                 .src_port = 80,
                                 .dst_port = 54186,
                                 .has_ports = true,
                                 .protocol = 6,
                                 .packet_source = "wire/pcap" };
    eve_open(&stamp, &header, &out);
    json_close(&out, '}');
    json_end(&out);
    assert_string_equal(out.data,
                        "{\"timestamp\":\"2016-07-13T22:42:07.573103+0000\",\"flow_id\":12345,\"pcap_cnt\":9,"
                        "\"event_type\":\"alert\",\"vlan\":[10,20],\"src_ip\":\"192.0.2.1\",\"src_port\":80,"
                        "\"dest_ip\":\"192.0.2.2\",\"dest_port\":54186,\"proto\":\"TCP\",\"ip_v\":4,"
                        "\"pkt_src\":\"wire/pcap\"}");
    text_done(&out);
}

static void times_within_a_second_share_their_text(void **state)
{
    (void)state;
    struct eve_stamp stamp = { 0 };
    struct text out = text_new(4096);
    static const uint64_t times[] = { 5 * NS_PER_S, 5 * NS_PER_S + 999999999, 6 * NS_PER_S,
                                      5 * NS_PER_S + 1000 };
    for (size_t i = 0; i < COUNT_OF(times); i++)
        eve_time(&stamp, &out, "t", times[i]);
    assert_string_equal(out.data, "\"t\":\"1970-01-01T00:00:05.000000+0000\","
                                  "\"t\":\"1970-01-01T00:00:05.999999+0000\","
                                  "\"t\":\"1970-01-01T00:00:06.000000+0000\","
                                  "\"t\":\"1970-01-01T00:00:05.000001+0000\",");
    text_done(&out);
}

static void protocols_without_a_name_are_numbers(void **state)
{
    (void)state;
    struct text out = text_new(256);
    eve_protocol(&out, "p", 58);
    eve_protocol(&out, "p", 3);
    eve_protocol(&out, "p", 255);
    assert_string_equal(out.data, "\"p\":\"IPv6-ICMP\",\"p\":\"003\",\"p\":\"255\",");
    text_done(&out);
}

static void payload_is_shown_with_dots(void **state)
{
    (void)state;
    struct text out = text_new(256);
    eve_printable(&out, "p", BYTES_OF("a\x00\"\r\n\x7f\xffz"));
    assert_string_equal(out.data, "\"p\":\"a.\\\"\\r\\n..z\",");
    text_done(&out);
}

static char folder[] = "/tmp/vonglau-output-XXXXXX";

static size_t read_file(const char *name, char *buffer, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, buffer, size);
    close(fd);
    unlink(path);
    return got < 0 ? 0 : (size_t)got;
}

static void a_file_is_appended_to_and_reopened(void **state)
{
    (void)state;
    struct output_settings settings = { .directory = folder, .path = "eve.json" };
    struct error error = { "" };
    char text[64], path[256], moved[256];
    struct output *output = output_open(&settings, &error);
    assert_non_null(output);
    output_write(output, BYTES_OF("one\n"));
    snprintf(path, sizeof path, "%s/eve.json", folder);
    snprintf(moved, sizeof moved, "%s/old.json", folder);
    assert_int_equal(rename(path, moved), 0);
    output_write(output, BYTES_OF("two\n"));
    assert_true(output_reopen(output, &error));
    output_write(output, BYTES_OF("three\n"));
    output_close(output);
    assert_int_equal(read_file("old.json", text, sizeof text), 8);
    assert_memory_equal(text, "one\ntwo\n", 8);
    assert_int_equal(read_file("eve.json", text, sizeof text), 6);
    assert_memory_equal(text, "three\n", 6);
}

static void a_pattern_names_a_new_file_each_period(void **state)
{
    (void)state;
    struct output_settings settings = { .directory = folder, .path = "eve-%Y/x-%m.json", .rotate = 60 };
    struct error error = { "" };
    struct output *output = output_open(&settings, &error);
    assert_non_null(output);
    char first[256];
    snprintf(first, sizeof first, "%s", output_path(output));
    assert_null(strchr(first, '%'));
    /* Half a year later. */
    assert_true(output_tick(output, clock_wall() + 180ULL * 86400 * NS_PER_S, &error));
    assert_string_not_equal(first, output_path(output));
    unlink(first);
    unlink(output_path(output));
    *strrchr(first, '/') = '\0';
    rmdir(first);
    snprintf(first, sizeof first, "%s", output_path(output));
    *strrchr(first, '/') = '\0';
    rmdir(first);
    output_close(output);
}

static void a_folder_that_is_missing_is_an_error(void **state)
{
    (void)state;
    struct output_settings settings = { .directory = "/nonexistent", .path = "eve.json" };
    struct error error = { "" };
    assert_null(output_open(&settings, &error));
    assert_non_null(strstr(error.text, "/nonexistent/eve.json"));
}

static void datagrams_are_lines_and_lost_ones_are_counted(void **state)
{
    (void)state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct output_settings settings = { .directory = folder, .path = "s", .kind = OUTPUT_UNIX_DGRAM };
    struct error error = { "" };
    char buffer[64];
    struct output *output = output_open(&settings, &error);
    assert_non_null(output); /* nobody listens yet */
    output_write(output, BYTES_OF("a\nb\n"));
    assert_int_equal(output_lost(output), 2);
    output_close(output);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
    int server = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof address), 0);
    output = output_open(&settings, &error);
    assert_non_null(output);
    output_write(output, BYTES_OF("one\ntwo\n"));
    assert_int_equal(recv(server, buffer, sizeof buffer, 0), 4);
    assert_int_equal(recv(server, buffer, sizeof buffer, 0), 4);
    assert_memory_equal(buffer, "two\n", 4);
    assert_int_equal(output_lost(output), 0);
    output_close(output);
    close(server);
    unlink(address.sun_path);
}

static void a_full_disk_loses_lines_and_counts_them(void **state)
{
    (void)state;
    struct output_settings settings = { .path = "/dev/full" };
    struct error error = { "" };
    struct output *output = output_open(&settings, &error);
    assert_non_null(output);
    output_write(output, BYTES_OF("a\nb\nc\n"));
    assert_int_equal(output_lost(output), 3);
    output_close(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_has_suricatas_members_in_its_order),
        cmocka_unit_test(times_within_a_second_share_their_text),
        cmocka_unit_test(protocols_without_a_name_are_numbers),
        cmocka_unit_test(payload_is_shown_with_dots),
        cmocka_unit_test(a_file_is_appended_to_and_reopened),
        cmocka_unit_test(a_pattern_names_a_new_file_each_period),
        cmocka_unit_test(a_folder_that_is_missing_is_an_error),
        cmocka_unit_test(datagrams_are_lines_and_lost_ones_are_counted),
        cmocka_unit_test(a_full_disk_loses_lines_and_counts_them),
    };
    setenv("TZ", "UTC", 1);
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
