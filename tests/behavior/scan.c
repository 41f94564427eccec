/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include "base/clock.h"
#include "behavior/scan.h"

static struct scan_watch *watch_new(uint32_t sources)
{
    struct error error;
    struct scan_watch *watch = scan_watch_new(&(struct scan_settings){ .sources_max = sources }, &error);
    assert_non_null(watch);
    return watch;
}

static struct packet attempt(uint64_t ms, uint8_t source, uint8_t host, uint16_t port)
{
    const uint8_t from[4] = { 10, 0, 0, source }, to[4] = { 10, 0, 1, host };
    return (struct packet){ .time = NS_PER_S * 1000 + ms * NS_PER_MS,
                            .src = address_v4(from),
                            .dst = address_v4(to),
                            .dst_port = port };
}

static void many_ports_of_a_host_are_one_finding(void **state)
{
    (void)state;
    struct scan_watch *watch = watch_new(64);
    struct scan_finding finding;
    unsigned found = 0;
    for (uint16_t i = 0; i < 500; i++) {
        struct packet packet = attempt(i * 2U, 1, 9, (uint16_t)(i + 1));
        if (scan_tried(watch, &packet, &finding)) {
            found++;
            assert_int_equal(finding.kind, SCAN_PORTS);
            assert_in_range(finding.tried, 36, 44);
            assert_in_range(i, 36, 44);
        }
    }
    assert_int_equal(found, 1);
    scan_watch_free(watch);
}

static void one_port_of_many_hosts_is_a_finding(void **state)
{
    (void)state;
    struct scan_watch *watch = watch_new(64);
    struct scan_finding finding = { 0 };
    bool found = false;
    for (uint8_t i = 1; i < 100 && !found; i++) {
        struct packet packet = attempt(i * 50U, 1, i, 445);
        found = scan_tried(watch, &packet, &finding);
    }
    assert_true(found);
    assert_int_equal(finding.kind, SCAN_HOSTS);
    assert_int_equal(finding.port, 445);
    scan_watch_free(watch);
}

static void a_client_whose_tries_are_answered_is_none(void **state)
{
    (void)state;
    struct scan_watch *watch = watch_new(64);
    struct scan_finding finding;
    for (uint8_t i = 1; i < 250; i++) {
        struct packet packet = attempt(i * 20U, 1, i, 443);
        assert_false(scan_tried(watch, &packet, &finding));
        scan_answered(watch, &packet.src, &packet.dst, packet.dst_port);
    }
    scan_watch_free(watch);
}

static void the_same_target_again_and_slow_tries_are_none(void **state)
{
    (void)state;
    struct scan_watch *watch = watch_new(64);
    struct scan_finding finding;
    for (unsigned i = 0; i < 5000; i++) {
        struct packet packet = attempt(i, 1, 9, 80);
        assert_false(scan_tried(watch, &packet, &finding));
    }
    for (unsigned i = 0; i < 500; i++) {
        struct packet packet = attempt(100000 + i * 1000, 2, 9, (uint16_t)(i + 1));
        assert_false(scan_tried(watch, &packet, &finding));
    }
    scan_watch_free(watch);
}

static void more_sources_than_places_forget_the_quiet_ones(void **state)
{
    (void)state;
    struct scan_watch *watch = watch_new(8);
    struct scan_finding finding;
    unsigned found = 0;
    for (uint16_t port = 1; port <= 60; port++)
        for (uint8_t source = 1; source <= 8; source++) {
            struct packet packet = attempt(port * 10U, source, 9, port);
            found += scan_tried(watch, &packet, &finding);
        }
    assert_int_equal(found, 8);
    for (unsigned source = 0; source < 100000; source++) {
        struct packet packet = attempt(2000 + source, 0, 9, 80);
        memcpy(packet.src.octets, &source, 4);
        assert_false(scan_tried(watch, &packet, &finding));
    }
    scan_watch_free(watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_ports_of_a_host_are_one_finding),
        cmocka_unit_test(one_port_of_many_hosts_is_a_finding),
        cmocka_unit_test(a_client_whose_tries_are_answered_is_none),
        cmocka_unit_test(the_same_target_again_and_slow_tries_are_none),
        cmocka_unit_test(more_sources_than_places_forget_the_quiet_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
