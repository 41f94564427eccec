/* SPDX-License-Identifier: Apache-2.0 */
/* Which packets go to the capture log, and how those before an alert are found again. */
#include "../support/support.h"

#include <dirent.h>
#include <stdio.h>

#include "base/clock.h"
#include "sensor/packet_log.h"

static char folder[] = "/tmp/vonglau-packet-log-XXXXXX";
static struct flow flows[8];
static struct tcp_header header = { .flags = TCP_ACK };
static uint8_t filler[1500];

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

static struct packet_log_settings settings_of(enum packet_log_condition condition)
{
    return (struct packet_log_settings){
        .enabled = true,
        .condition = condition,
        .file = { .directory = folder, .name = "log", .size_max = 1ULL << 30 },
    };
}

static struct packet_log *open_log(const struct packet_log_settings *settings)
{
    struct error error = { "" };
    struct packet_log *log = packet_log_new(settings, NULL, 0, &error);
    assert_non_null(log);
    for (size_t i = 0; i < COUNT_OF(flows); i++)
        flows[i] = (struct flow){ .id = i + 1, .protocol = IP_TCP };
    return log;
}

/* A frame of `size` bytes; the first four say which one it is. */
static void pass(struct packet_log *log, uint32_t number, struct flow *flow, size_t size, bool alerted)
{
    memcpy(filler, &number, sizeof number);
    struct capture_frame frame = { .time = 5 * NS_PER_S + number,
                                   .data = bytes_of(filler, size),
                                   .wire_size = (uint32_t)size,
                                   .link_type = 1 };
    struct packet packet = { .frame = frame.data, .payload = frame.data, .tcp = &header };
    struct scene scene = { .packet = &packet, .flow = flow, .alerted = alerted };
    if (flow)
        flow->alerted |= alerted;
    packet_log_begin(log, &frame);
    packet_log_note(log, &scene);
    packet_log_end(log);
}

/* Reads the file back: numbers of its packets. */
static size_t read_back(uint32_t *numbers, size_t room)
{
    char path[512];
    snprintf(path, sizeof path, "%s/log.5", folder);
    struct error error = { "" };
    struct capture *capture = capture_open_file(path, NULL, &error);
    if (!capture)
        return 0;
    struct capture_frame frames[16];
    size_t count, total = 0;
    while (capture_next(capture, frames, COUNT_OF(frames), &count, 0, &error) == CAPTURE_FRAMES)
        for (size_t i = 0; i < count; i++) {
            assert_true(total < room);
            memcpy(&numbers[total++], frames[i].data.data, 4);
        }
    capture_close(capture);
    assert_int_equal(unlink(path), 0);
    return total;
}

static void all_packets_are_written_when_nothing_else_is_said(void **state)
{
    (void)state;
    struct packet_log_settings settings = settings_of(PACKET_LOG_ALL);
    struct packet_log *log = open_log(&settings);
    uint32_t numbers[16];
    for (uint32_t i = 0; i < 3; i++)
        pass(log, i, i ? &flows[i] : NULL, 60, false);
    packet_log_free(log);
    assert_int_equal(read_back(numbers, 16), 3);
}

static void an_alert_brings_the_data_before_it_along(void **state)
{
    (void)state;
    struct packet_log_settings settings = settings_of(PACKET_LOG_ALERTS);
    struct packet_log *log = open_log(&settings);
    static const uint32_t expected[] = { 1, 3, 4, 6 };
    uint32_t numbers[16];
    pass(log, 1, &flows[0], 60, false);
    pass(log, 2, &flows[1], 60, false);
    pass(log, 3, &flows[0], 60, false);
    pass(log, 4, &flows[0], 60, true);
    pass(log, 5, &flows[1], 60, false);
    pass(log, 6, &flows[0], 60, false);
    packet_log_free(log);
    assert_int_equal(read_back(numbers, 16), COUNT_OF(expected));
    assert_memory_equal(numbers, expected, sizeof expected);
}

static void flows_without_alerts_leave_no_file(void **state)
{
    (void)state;
    struct packet_log_settings settings = settings_of(PACKET_LOG_ALERTS);
    struct packet_log *log = open_log(&settings);
    uint32_t numbers[16];
    for (uint32_t i = 0; i < 100; i++)
        pass(log, i, &flows[i % 8], 60, false);
    packet_log_free(log);
    assert_int_equal(read_back(numbers, 16), 0);
}

/* Whatever the sizes, the ring hands out the newest packets of the flow, in order and undamaged. */
static void the_ring_forgets_the_oldest_only(void **state)
{
    (void)state;
    struct packet_log_settings settings = settings_of(PACKET_LOG_ALERTS);
    uint32_t *numbers = calloc(8192, sizeof *numbers);
    assert_non_null(numbers);
    for (size_t step = 1; step < 1400; step += 173) {
        struct packet_log *log = open_log(&settings);
        uint32_t last = 0;
        for (uint32_t i = 0; i < 20000; i++) {
            size_t size = 4 + (i * step) % (sizeof filler - 4);
            struct flow *flow = &flows[i % 8 == 3 ? 0 : 1 + i % 7];
            pass(log, i, flow, size, false);
            if (flow == &flows[0])
                last = i;
        }
        pass(log, 20000, &flows[0], 60, true);
        packet_log_free(log);
        size_t count = read_back(numbers, 8192);
        assert_in_range(count, 100, 4097);
        assert_int_equal(numbers[count - 1], 20000);
        for (size_t i = 0; i + 1 < count; i++)
            assert_int_equal(numbers[i], last - (count - 2 - i) * 8);
    }
    free(numbers);
}

static void passed_flows_and_filtered_packets_stay_out(void **state)
{
    (void)state;
    struct packet_log_settings settings = settings_of(PACKET_LOG_ALL);
    settings.honor_pass_rules = true;
    settings.filter = "greater 100";
    struct packet_log *log = open_log(&settings);
    uint32_t numbers[16];
    flows[2].passed = true;
    pass(log, 1, &flows[1], 60, false);
    pass(log, 2, &flows[1], 200, false);
    pass(log, 3, &flows[2], 200, false);
    struct packet_log_counts counts = { 0 };
    packet_log_count(log, &counts);
    assert_int_equal(counts.written, 1);
    assert_int_equal(counts.filtered, 1);
    packet_log_free(log);
    assert_int_equal(read_back(numbers, 16), 1);
    assert_int_equal(numbers[0], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_packets_are_written_when_nothing_else_is_said),
        cmocka_unit_test(an_alert_brings_the_data_before_it_along),
        cmocka_unit_test(flows_without_alerts_leave_no_file),
        cmocka_unit_test(the_ring_forgets_the_oldest_only),
        cmocka_unit_test(passed_flows_and_filtered_packets_stay_out),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
