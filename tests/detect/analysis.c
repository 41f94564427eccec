/* SPDX-License-Identifier: Apache-2.0 */
/* The report of what rules were compiled to. */
#include "stage.h"

#include "detect/analysis.h"

static char report[16384];

static void analyze(const char *rules)
{
    struct stage stage;
    struct error error = { "" };
    stage_open(&stage, rules, NULL);
    memset(report, 0, sizeof report);
    FILE *file = fmemopen(report, sizeof report - 1, "w");
    assert_non_null(file);
    assert_true(ruleset_analyze(stage.set, file, &error));
    assert_int_equal(fclose(file), 0);
    stage_close(&stage);
}

static void assert_reported(const char *part)
{
    if (!strstr(report, part))
        fail_msg("%s is not in %s", part, report);
}

static void each_rule_is_a_line_with_its_text_and_numbers(void **state)
{
    (void)state;
    analyze("alert tcp any any -> any any (msg:\"one\"; content:\"a\"; sid:11; rev:3;)\n"
            "alert ip 192.0.2.7 any -> any any (msg:\"two\"; sid:12; gid:5;)\n");
    assert_reported("\"id\":11,\"gid\":1,\"rev\":3,\"msg\":\"one\",\"type\":\"stream\"");
    assert_reported("\"id\":12,\"gid\":5,\"rev\":0,\"msg\":\"two\",\"type\":\"ip_only\"");
    assert_reported("{\"raw\":\"alert ip 192.0.2.7 any -> any any (msg:\\\"two\\\"; sid:12; gid:5;)\"");
    const char *second = strchr(report, '\n');
    assert_non_null(second);
    assert_int_equal(second[1], '{');
    assert_string_equal(strchr(second + 1, '\n'), "\n");
}

static void the_longest_content_of_the_protocol_is_the_pattern(void **state)
{
    (void)state;
    analyze(
        "alert http any any -> any any (http.uri; content:\"/ab\"; content:\"abcd\"; content:!\"abcdefg\"; "
        "sid:1;)\n");
    assert_reported("\"mpm\":{\"buffer\":\"http_uri\",\"pattern\":\"abcd\",\"length\":4,");
}

static void fast_pattern_is_the_pattern_however_short(void **state)
{
    (void)state;
    analyze("alert tcp any any -> any any (content:\"long enough\"; content:\"q\"; fast_pattern; sid:1;)\n");
    assert_reported("\"mpm\":{\"buffer\":\"payload\",\"pattern\":\"q\",\"length\":1,");
}

static void bytes_that_are_no_text_are_hexadecimal_and_places_are_numbers(void **state)
{
    (void)state;
    analyze(
        "alert tcp any any -> any any (content:\"|00|a|ff|\"; offset:2; depth:20; content:\"z\"; distance:1; "
        "within:4; sid:1;)\n");
    assert_reported("\"pattern\":\"|00|a|FF|\",\"length\":3,");
    assert_reported("\"offset\":2,\"depth\":22,");
    assert_reported("\"distance\":1,\"within\":4,");
}

static void buffers_have_the_names_of_reports(void **state)
{
    (void)state;
    analyze("alert http any any -> any any (http.request_body; content:\"a b/|0d 0a|\"; sid:1;)\n"
            "alert http any any -> any any (http.user_agent; content:\"x\"; sid:2;)\n"
            "alert http any any -> any any (http.server; content:\"x\"; sid:3;)\n");
    assert_reported("\"buffer\":\"http_client_body\",\"pattern\":\"a|20|b|2F 0D 0A|\",");
    assert_reported("\"buffer\":\"http_user_agent\",");
    assert_reported("\"buffer\":\"http.server\",");
}

static void a_buffer_is_looked_for_in_each_protocol_that_has_it(void **state)
{
    (void)state;
    analyze("alert http any any -> any any (http.uri; content:\"x\"; sid:1;)\n");
    assert_reported(
        "\"name\":\"http_uri\",\"direction\":\"toserver\",\"is_mpm\":true,\"app_proto\":\"http\",");
    assert_reported(
        "\"name\":\"http_uri\",\"direction\":\"toserver\",\"is_mpm\":true,\"app_proto\":\"http2\",");
}

static void a_rule_says_what_kind_it_is_of(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *type;
    } cases[] = {
        { "alert ip 192.0.2.7 any -> any any (sid:1;)\n", "ip_only" },
        { "alert http any any -> any any (http.uri; content:\"/a\"; sid:1;)\n", "app_tx" },
        { "alert tcp any any -> any any (content:\"ab\"; depth:9; sid:1;)\n", "pkt_stream" },
        { "alert tcp any any -> any any (app-layer-protocol:!http; sid:1;)\n", "pd_only" },
        { "alert tcp any any -> any any (flags:S; sid:1;)\n", "pkt" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char part[64];
        snprintf(part, sizeof part, "\"type\":\"%s\"", cases[i].type);
        analyze(cases[i].rule);
        assert_reported(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_is_a_line_with_its_text_and_numbers),
        cmocka_unit_test(the_longest_content_of_the_protocol_is_the_pattern),
        cmocka_unit_test(fast_pattern_is_the_pattern_however_short),
        cmocka_unit_test(bytes_that_are_no_text_are_hexadecimal_and_places_are_numbers),
        cmocka_unit_test(buffers_have_the_names_of_reports),
        cmocka_unit_test(a_buffer_is_looked_for_in_each_protocol_that_has_it),
        cmocka_unit_test(a_rule_says_what_kind_it_is_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
