/* SPDX-License-Identifier: Apache-2.0 */
/* Reading EVE lines into event records, and what may leave the sensor. */
#include "support/support.h"

#include "event/boundary.h"
#include "event/record.h"

static const char alert[] =
    "{\"timestamp\":\"2026-11-22T10:00:00.000001+0700\",\"flow_id\":1844674407370955161,\"event_type\":"
    "\"alert\","
    "\"src_ip\":\"192.0.2.7\",\"src_port\":4711,\"dest_ip\":\"2001:db8::5\",\"dest_port\":80,\"proto\":"
    "\"TCP\","
    "\"community_id\":\"1:abc=\",\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":2010935,"
    "\"rev\":3,"
    "\"signature\":\"ET \\\"quoted\\\" \\u1ed9\",\"severity\":2},\"http\":{\"hostname\":\"www.example.vn\"}}";

static void an_alert_line_gives_all_indexed_members(void **state)
{
    (void)state;
    struct event_record r;
    struct arena memory = arena_of(65536);
    assert_true(event_record_read(BYTES_OF(alert), &r, &memory));
    assert_int_equal(r.type, EVENT_ALERT);
    assert_int_equal(r.time, 1795316400000001000ULL);
    assert_int_equal(r.flow_id, 1844674407370955161ULL);
    assert_int_equal(r.source.version, 4);
    assert_int_equal(r.destination.version, 6);
    assert_int_equal(r.source_port, 4711);
    assert_int_equal(r.destination_port, 80);
    assert_int_equal(r.signature_id, 2010935);
    assert_int_equal(r.severity, 2);
    assert_true(bytes_is(r.signature, "ET \"quoted\" \xe1\xbb\x99"));
    assert_true(bytes_is(r.community_id, "1:abc="));
    assert_true(bytes_is(r.host, "www.example.vn"));
    assert_int_equal(r.body.size, sizeof alert - 1);
    arena_done(&memory);
}

static void host_names_come_from_each_protocol(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"timestamp\":\"2026-11-22T10:00:00.0Z\",\"event_type\":\"dns\",\"dns\":{\"rrname\":\"a.vn\"}}",
        ("{\"timestamp\":\"2026-11-22T10:00:00.0Z\",\"event_type\":\"dns\",\"dns\":{\"queries\":[{\"rrname\":"
         "\"a.vn\"}]}}"),
        "{\"timestamp\":\"2026-11-22T10:00:00.0Z\",\"event_type\":\"tls\",\"tls\":{\"sni\":\"a.vn\"}}",
        "{\"timestamp\":\"2026-11-22T10:00:00.0Z\",\"event_type\":\"quic\",\"quic\":{\"sni\":\"a.vn\"}}",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct event_record r;
        struct arena memory = arena_of(65536);
        assert_true(event_record_read(bytes_of_string(lines[i]), &r, &memory));
        assert_true(bytes_is(r.host, "a.vn"));
        arena_done(&memory);
    }
}

static void lines_without_time_or_type_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = { "",
                                         "[]",
                                         "{}",
                                         "null",
                                         "{\"timestamp\":\"2026-11-22T10:00:00.0Z\"}",
                                         "{\"event_type\":\"dns\"}",
                                         "{\"timestamp\":1,\"event_type\":\"dns\"}",
                                         "{\"timestamp\":\"yesterday\",\"event_type\":\"dns\"}",
                                         "{\"timestamp\":\"2026-11-22T10:00:00.0Z\",\"event_type\":1}" };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct event_record r = { .flow_id = 9 };
        struct arena memory = arena_of(65536);
        assert_false(event_record_read(bytes_of_string(lines[i]), &r, &memory));
        assert_int_equal(r.flow_id, 9); /* outputs keep their value */
        arena_done(&memory);
    }
}

static void every_prefix_and_every_changed_byte_is_survived(void **state)
{
    (void)state;
    uint8_t copy[sizeof alert];
    char room[4096];
    for (size_t size = 0; size < sizeof alert - 1; size++) {
        struct event_record r;
        struct arena memory = arena_of(65536);
        uint8_t *guarded = guarded_copy(alert, size);
        assert_false(event_record_read(bytes_of(guarded, size), &r, &memory));
        guarded_free(guarded, size);
        arena_done(&memory);
    }
    for (size_t at = 0; at < sizeof alert - 1; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct event_record r;
            enum event_type type;
            struct bytes allowed;
            struct text out = text_of(room, sizeof room);
            struct arena memory = arena_of(65536);
            memcpy(copy, alert, sizeof alert);
            copy[at] ^= (uint8_t)(1U << bit);
            if (event_record_read(bytes_of(copy, sizeof alert - 1), &r, &memory))
                assert_true(r.type < EVENT_TYPE_COUNT);
            if (boundary_filter(bytes_of(copy, sizeof alert - 1), &out, &type, &allowed))
                assert_true(allowed.size <= sizeof alert + 8);
            arena_done(&memory);
        }
    }
}

static void type_names_read_back(void **state)
{
    (void)state;
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        assert_int_equal(event_type_of(bytes_of_string(event_type_name((enum event_type)type))), type);
        assert_true(event_type_priority((enum event_type)type) < EVENT_PRIORITY_COUNT);
    }
    assert_int_equal(event_type_of(BYTES_OF("no such")), EVENT_OTHER);
}

struct boundary_case {
    const char *line, *allowed;
};

static const struct boundary_case boundary_cases[] = {
    { "{\"event_type\":\"http\",\"http\":{\"hostname\":\"a.vn\",\"url\":\"/tim?q=ten+benh#x\",\"http_refer\":"
      "\"https://b.vn/?s=1\",\"status\":200}}",
      "{\"event_type\":\"http\",\"http\":{\"hostname\":\"a.vn\",\"url\":\"/tim\",\"http_refer\":\"https://"
      "b.vn/\","
      "\"status\":200}}" },
    { "{\"event_type\":\"http\",\"http\":{\"url\":\"/\\\\u003fa\\\\?b=1\",\"hostname\":\"h\"}}",
      "{\"event_type\":\"http\",\"http\":{\"url\":\"/\\\\u003fa\\\\\",\"hostname\":\"h\"}}" },
    { "{\"event_type\":\"http\",\"http\":{\"url\":\"/a\\u003fb=1\",\"http_response_body\":\"aGVsbG8=\"}}",
      "{\"event_type\":\"http\",\"http\":{\"url\":\"/a\"}}" },
    { "{\"event_type\":\"http\",\"http\":{\"request_headers\":[{\"name\":\"Cookie\",\"value\":\"s=1\"},{"
      "\"name\":"
      "\"Accept\",\"value\":\"*/*\"},{\"name\":\"Referer\",\"value\":\"http://c.vn/p?x=1\"}]}}",
      "{\"event_type\":\"http\",\"http\":{\"request_headers\":[{\"name\":\"Accept\",\"value\":\"*/"
      "*\"},{\"name\":"
      "\"Referer\",\"value\":\"http://c.vn/p\"}]}}" },
    { "{\"event_type\":\"fileinfo\",\"http\":{\"url\":\"/f?a\"},\"fileinfo\":{\"filename\":\"/"
      "f?a\",\"size\":3}}",
      "{\"event_type\":\"fileinfo\",\"http\":{\"url\":\"/f\"},\"fileinfo\":{\"filename\":\"/"
      "f\",\"size\":3}}" },
    { "{\"event_type\":\"anomaly\",\"packet\":\"AAAA\",\"payload\":\"BBBB\"}",
      "{\"event_type\":\"anomaly\"}" },
    { "{\"event_type\":\"ftp\",\"ftp\":{\"command\":\"PASS\",\"command_data\":\"matkhau\"}}",
      "{\"event_type\":\"ftp\",\"ftp\":{\"command\":\"PASS\"}}" },
    /* Nothing to take, and what belongs to an alert. */
    { "{\"event_type\":\"dns\",\"dns\":{\"rrname\":\"a?b.vn\"}}", NULL },
    { "{\"event_type\":\"flow\",\"flow\":{\"bytes_toserver\":1}}", NULL },
    { "{\"event_type\":\"alert\",\"payload\":\"AAAA\",\"http\":{\"url\":\"/x?id=1'\"}}", NULL },
};

static void ordinary_traffic_loses_queries_cookies_and_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(boundary_cases); i++) {
        const struct boundary_case *c = &boundary_cases[i];
        struct text out = text_new(4096);
        enum event_type type;
        struct bytes allowed;
        assert_true(boundary_filter(bytes_of_string(c->line), &out, &type, &allowed));
        if (!bytes_is(allowed, c->allowed ? c->allowed : c->line))
            fail_msg("case %zu: %.*s", i, (int)allowed.size, (const char *)allowed.data);
        text_done(&out);
    }
}

static void what_cannot_be_filtered_is_not_sent(void **state)
{
    (void)state;
    char room[16];
    enum event_type type;
    struct bytes allowed;
    struct text small = text_of(room, sizeof room);
    assert_false(boundary_filter(BYTES_OF("not json"), &small, &type, &allowed));
    assert_false(boundary_filter(BYTES_OF("{\"a\":1}"), &small, &type, &allowed));
    assert_false(boundary_filter(bytes_of_string(boundary_cases[0].line), &small, &type, &allowed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_line_gives_all_indexed_members),
        cmocka_unit_test(host_names_come_from_each_protocol),
        cmocka_unit_test(lines_without_time_or_type_are_refused),
        cmocka_unit_test(every_prefix_and_every_changed_byte_is_survived),
        cmocka_unit_test(type_names_read_back),
        cmocka_unit_test(ordinary_traffic_loses_queries_cookies_and_bodies),
        cmocka_unit_test(what_cannot_be_filtered_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
