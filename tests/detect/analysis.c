/* SPDX-License-Identifier: Apache-2.0 */
/* The report of what rules were compiled to. */
#include "stage.h"

#include "base/json.h"
#include "base/text.h"
#include "detect/analysis.h"
#include "detect/grouping.h"

static char report[16384];

/* What a report says of `rules`. */
static void tell(const char *rules, bool (*write)(const struct ruleset *, FILE *, struct error *))
{
    struct stage stage;
    struct error error = { "" };
    stage_open(&stage, rules, NULL);
    memset(report, 0, sizeof report);
    FILE *file = fmemopen(report, sizeof report - 1, "w");
    assert_non_null(file);
    assert_true(write(stage.set, file, &error));
    assert_int_equal(fclose(file), 0);
    stage_close(&stage);
}

static void analyze(const char *rules)
{
    tell(rules, ruleset_analyze);
}

static bool write_advice(const struct ruleset *set, FILE *out, struct error *error)
{
    return ruleset_write_advice(set, false, out, error);
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
    assert_reported("\"id\":11,\"gid\":1,\"rev\":3,\"msg\":\"one\",");
    assert_reported("\"id\":12,\"gid\":5,\"rev\":0,\"msg\":\"two\",");
    assert_reported("\"raw\":\"alert ip 192.0.2.7 any -> any any (msg:\\\"two\\\"; sid:12; gid:5;)\"");
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

static void flow_bits_are_told_with_the_rules_that_use_them(void **state)
{
    (void)state;
    struct stage stage;
    struct error error = { "" };
    stage_open(&stage,
               "alert tcp any any -> any any (flowbits:set,a; sid:1;)\n"
               "alert tcp any any -> any any (flowbits:isset,a|b; flowbits:unset,a; sid:2;)\n"
               "alert tcp any any -> any any (flowbits:isnotset,b; flowbits:toggle,b; sid:3;)\n",
               NULL);
    memset(report, 0, sizeof report);
    FILE *file = fmemopen(report, sizeof report - 1, "w");
    assert_non_null(file);
    assert_true(ruleset_has_bits(stage.set));
    assert_true(ruleset_report_bits(stage.set, file, &error));
    assert_int_equal(fclose(file), 0);
    stage_close(&stage);
    assert_reported("{\"name\":\"a\",\"internal_id\":1,\"set_cnt\":1,\"unset_cnt\":1,\"toggle_cnt\":0,"
                    "\"isset_cnt\":1,\"isnotset_cnt\":0,\"sets\":[1],\"isset\":[2],\"unset\":[2]}");
    assert_reported("\"isset\":[2],\"isnotset\":[3],\"toggle\":[3]}");
    stage_open(&stage, "alert tcp any any -> any any (content:\"a\"; sid:1;)\n", NULL);
    assert_false(ruleset_has_bits(stage.set));
    stage_close(&stage);
}

static void a_rule_on_packets_with_bytes_looks_at_packets(void **state)
{
    (void)state;
    analyze("alert tcp any any -> any any (flags:S; content:\"a\"; sid:1;)\n");
    assert_reported("\"requirements\":[\"payload\",\"tcp_flags_init_deinit\",\"real_pkt\"]");
    assert_reported("\"type\":\"pkt\"");
    if (strstr(report, "\"msg\"") || strstr(report, "need_stream"))
        fail_msg("%s", report);
}

static void buffers_of_many_protocols_name_none(void **state)
{
    (void)state;
    analyze("alert tcp any any -> any any (file.data; content:\"a\"; sid:1;)\n");
    assert_reported("\"app_proto\":\"unknown\"");
    if (strstr(report, "applayer"))
        fail_msg("%s", report);
    analyze("alert tcp any any -> any any (http.uri; content:\"a\"; sid:1;)\n");
    assert_reported("applayer");
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

static void a_place_that_is_relative_to_nothing_is_counted_from_the_start(void **state)
{
    (void)state;
    analyze("alert tcp any any -> any any (content:\"a\"; distance:3; within:5; content:\"b\"; sid:1;)\n");
    assert_reported("\"no_double_inspect\":false,\"offset\":3,\"depth\":8,");
    assert_reported(
        "\"notes\":[\"'within' option for pattern w/o previous content was converted to 'depth'\",");
}

static void the_end_of_data_after_a_content_is_the_contents(void **state)
{
    (void)state;
    analyze("alert tcp any any -> any any (content:\"a\"; isdataat:!1,relative; sid:1;)\n");
    assert_reported("\"ends_with\":true,");
    if (strstr(report, "\"name\":\"isdataat\""))
        fail_msg("isdataat stays: %s", report);
}

static void conditions_are_told_by_their_lists(void **state)
{
    (void)state;
    static const struct {
        const char *options, *part;
    } cases[] = {
        { "ttl:10;", "\"packet\":{\"matches\":[{\"name\":\"ttl\"}]}" },
        { "window:!5;", "{\"name\":\"tcp.window\",\"window\":{\"size\":5,\"negated\":true}}" },
        { "ack:7;", "{\"name\":\"tcp.ack\",\"ack\":{\"number\":7}}" },
        { "tcp.mss:!5-9;", "\"tcp_mss\":{\"negated_range\":{\"min\":5,\"max\":9}}" },
        { "tcp.mss:&12=4;", "\"tcp_mss\":{\"bitmask\":{\"mask\":12,\"value\":4}}" },
        { "ipopts:rr;", "\"ipopts\":{\"option\":\"rr\"}" },
        { "flow:established;", "\"packet\":{\"matches\":[{\"name\":\"flow\"}]}" },
        { "flow:to_server;", "\"lists\":{}" },
        { "dsize:0;", "\"requirements\":[\"no_payload\",\"real_pkt\"]" },
        { "dsize:>3;", "\"requirements\":[\"payload\",\"real_pkt\"]" },
        { "flags:S;", "\"requirements\":[\"tcp_flags_init_deinit\",\"real_pkt\"]" },
        { "stream-event:rst_but_no_session;", "\"requirements\":[\"engine_event\"]" },
        { "flowbits:isset,a|b;",
          "\"flowbits\":{\"cmd\":\"isset\",\"names\":[\"a\",\"b\"],\"operator\":\"or\"}" },
        { "flowbits:isset,a;", "\"need_flowvar\"" },
        { "flowbits:set,a;", "\"postmatch\":{\"matches\":[{\"name\":\"flowbits\"," },
        { "flowint:n,+,2;", "\"flowint\":{\"cmd\":\"add\",\"var\":\"n\",\"value\":2}" },
        { "flowint:n,>,m;", "\"flowint\":{\"cmd\":\"gt\",\"var\":\"n\",\"value\":\"m\"}" },
        { "tag:session,5,packets;", "\"tag\":{\"matches\":[{\"name\":\"tag\"}]}" },
        { "threshold:type limit,track by_src,count 1,seconds 9;",
          "\"threshold\":{\"matches\":[{\"name\":\"threshold\"}]}" },
        { "app-layer-protocol:!http,either;", "\"mode\":\"either\",\"negated\":true" },
        { "base64_decode:bytes 9; base64_data; content:\"a\";", "\"base64_data\":{\"matches\":[{" },
        { "byte_test:4,>,5,1,string,hex;",
          "{\"nbytes\":4,\"offset\":1,\"base\":\"hex\",\"flags\":[\"string\"]}" },
        { "pcre:\"/a/i\";", "\"nocase\":true,\"negated\":false}" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char rule[256];
        snprintf(rule, sizeof rule, "alert tcp any any -> any any (%s sid:1;)\n", cases[i].options);
        analyze(rule);
        assert_reported(cases[i].part);
    }
}

static void prefilter_behind_a_condition_names_it_and_behind_a_content_chooses_it(void **state)
{
    (void)state;
    analyze("alert tcp any any -> any any (flags:S; prefilter; content:\"abc\"; sid:1;)\n");
    assert_reported("\"prefilter\":{\"buffer\":\"packet\",\"name\":\"tcp.flags\"}");
    analyze("alert tcp any any -> any any (content:\"abc\"; content:\"d\"; prefilter; sid:1;)\n");
    assert_reported("\"mpm\":{\"buffer\":\"payload\",\"pattern\":\"d\",");
}

static void engines_go_by_progress_behind_the_one_that_is_looked_for(void **state)
{
    (void)state;
    analyze(
        "alert http any any -> any any (http.request_body; pcre:\"/a/\"; http.user_agent; content:\"abcd\"; "
        "http.method; content:\"b\"; content:\"c\"; pkt_data; pcre:\"/d/\"; sid:1;)\n");
    const char *const names[] = { "http_user_agent", "http_method", "http_user_agent", "http_client_body",
                                  "\"name\":\"stream\"" };
    const char *at = report;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        at = strstr(at, names[i]);
        if (!at)
            fail_msg("%s is not in its place in %s", names[i], report);
        at++;
    }
}

/* "name/direction/protocol/progress" of each engine, "*" where the prefilter looks. */
static void assert_engines(const char *rule, const char *wanted)
{
    char text[256], got[2048];
    struct text out = text_of(got, sizeof got);
    snprintf(text, sizeof text, "alert %s sid:1;)\n", rule);
    analyze(text);
    struct json_value engine;
    struct json_cursor engines = json_elements(json_find(json_parse(bytes_of_string(report)), "engines"));
    while (json_next_element(&engines, &engine)) {
        static const char *const members[] = { "name", "direction", "app_proto", "progress" };
        for (size_t i = 0; i < COUNT_OF(members); i++) {
            text_string(&out, i ? "/" : out.size ? " " : "");
            text_put(&out, json_find(engine, members[i]).text);
        }
        text_string(&out, bytes_is(json_find(engine, "is_mpm").text, "true") ? "*" : "");
    }
    text_char(&out, '\0');
    assert_string_equal(got, wanted);
}

static void engines_have_the_order_and_the_progress_of_suricata(void **state)
{
    (void)state;
    assert_engines("http any any -> any any (http.host; content:\"abcd\";",
                   "http_host/toserver/http2/1* http_host/toserver/http/2*");
    assert_engines("http any any -> any any (http.connection; bsize:4;",
                   "http_connection/toserver/http2/1 http_connection/toserver/http/2 "
                   "http_connection/toclient/http/2 http_connection/toclient/http2/5");
    assert_engines("tcp any any -> any any (http.start; bsize:4;",
                   "http_start/toserver/http/2 http_start/toclient/http/2");
    assert_engines("dns any any -> any any (dns.query; content:\"abcd\";",
                   "dns_query/toserver/dns/1* dns_query/toserver/doh2/1*");
    assert_engines("http2 any any -> any any (http.stat_code; content:\"404\";",
                   "http_stat_code/toclient/http2/5* http_stat_code/toclient/doh2/5*");
    assert_engines("tcp any any -> any any (dcerpc.opnum:4;",
                   "dce_generic/toserver/dcerpc/0 dce_generic/toserver/smb/0 dce_generic/toclient/dcerpc/0 "
                   "dce_generic/toclient/smb/0");
    assert_engines("mqtt any any -> any any (mqtt.qos:1;", "mqtt.qos/toserver/mqtt/0");
}

static void files_of_a_rule_on_no_protocol_are_of_all_that_have_some(void **state)
{
    (void)state;
    assert_engines("tcp any any -> any any (flow:to_server; file.name; bsize:4;",
                   "file.name/toserver/nfs/0 file.name/toserver/smb/0 file.name/toserver/ftp/0 "
                   "file.name/toserver/ftp-data/0 file.name/toserver/smtp/1 file.name/toserver/http/3 "
                   "file.name/toserver/doh2/3 file.name/toserver/http2/3");
}

static void texts_of_files_are_contents_of_their_names_and_types(void **state)
{
    (void)state;
    analyze("alert http any any -> any any (fileext:\"EXE\"; filename:!\"b\"; sid:1;)\n");
    assert_reported("\"mpm\":{\"buffer\":\"file.name\",\"pattern\":\".exe\",\"length\":4,\"nocase\":true,");
    assert_reported("\"ends_with\":true,");
    assert_reported("{\"pattern\":\"b\",\"length\":1,\"nocase\":true,\"negated\":true,");
    analyze("alert http any any -> any any (filemagic:\"PDF\"; sid:1;)\n");
    assert_reported("\"mpm\":{\"buffer\":\"file.magic\",\"pattern\":\"pdf\",");
}

static void files_in_mail_are_the_clients(void **state)
{
    (void)state;
    assert_engines("smtp any any -> any any (filesize:>5;", "files/toserver/smtp/1");
}

static void what_a_keyword_does_besides_is_told_with_what_follows_a_match(void **state)
{
    (void)state;
    analyze("alert http any any -> any any (http.uri; content:\"a\"; filestore; sid:1;)\n");
    assert_reported("\"postmatch\":{\"matches\":[{\"name\":\"__filestore__postmatch__\"}]}");
    analyze("alert http any any -> any any (http.uri; pcre:\"/(.)(.)/, flow:a, flow:b\"; sid:1;)\n");
    assert_reported("[{\"name\":\"__flowvar__postmatch__\"},{\"name\":\"__flowvar__postmatch__\"}]");
    analyze("alert tls any any -> any any (tls.sni; content:\"a\"; tls.store; sid:1;)\n");
    assert_reported("\"postmatch\":{\"matches\":[{\"name\":\"tls_store\"}]}");
    assert_reported("\"tlsstore\"");
}

static void an_event_is_that_of_the_protocol_it_names(void **state)
{
    (void)state;
    analyze("alert http any any -> any any (app-layer-event:http.compression_bomb; sid:1;)\n");
    assert_reported("\"app_proto\":\"http\",");
    analyze("alert http2 any any -> any any (app-layer-event:http2.compression_bomb; sid:1;)\n");
    assert_reported("\"app_proto\":\"http2\",");
}

static void a_bounce_is_asked_of_requests_of_ftp(void **state)
{
    (void)state;
    assert_engines("tcp any any -> any any (ftpbounce;", "ftp:request_complete:generic/toserver/ftp/1");
    assert_reported("\"matches\":[{\"name\":\"ftpbounce\"}]");
    assert_reported("\"app_proto\":\"ftp\",");
}

static void the_size_of_data_and_their_end_bound_contents(void **state)
{
    (void)state;
    static const struct {
        const char *options, *part;
    } cases[] = {
        { "dsize:10; content:\"abc\";", "\"no_double_inspect\":true,\"depth\":10," },
        { "dsize:3<>10; content:\"abc\"; offset:2;", "\"offset\":2,\"depth\":10," },
        { "content:\"abc\"; depth:5; content:\"defg\"; distance:0; within:10; endswith;", "\"depth\":15," },
        { "content:\"abc\"; depth:5; content:\"defg\"; within:7; endswith; content:\"k\";",
          "\"pattern\":\"k\",\"length\":1,\"nocase\":false,\"negated\":false,\"starts_with\":false,"
          "\"ends_with\":false,\"is_mpm\":false,\"no_double_inspect\":false,\"depth\":12," },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char rule[256];
        snprintf(rule, sizeof rule, "alert tcp any any -> any any (%s sid:1;)\n", cases[i].options);
        analyze(rule);
        assert_reported(cases[i].part);
    }
    analyze("alert http any any -> any any (http.uri; urilen:<10; content:\"abc\"; sid:1;)\n");
    assert_reported("\"no_double_inspect\":false,\"depth\":11,");
}

static void a_rule_of_both_ways_is_told_for_each(void **state)
{
    (void)state;
    analyze("alert tcp 192.0.2.1 1 <> any 80 (content:\"abc\"; sid:1;)\n");
    assert_reported("\"flags\":[\"dst_any\",\"need_stream\",");
    assert_reported("\"flags\":[\"src_any\",\"need_stream\",");
}

static void notes_are_told_for_each_engine_and_of_bodies_that_wait_for_raw_bytes(void **state)
{
    (void)state;
    analyze("alert http any any -> any any (content:\"GET\"; http.request_body; content:\"abcd\"; sid:1;)\n");
    assert_reported(
        "\"notes\":[\"mpm in http_client_body combined with stream match leads to stream buffering\"]");
    analyze(
        "alert http any any -> any any (flow:to_server; http.header; content:\"User-Agent: x\"; sid:1;)\n");
    const char *first = strstr(report, "use http.user_agent");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "use http.user_agent"));
}

static void a_number_of_a_buffer_is_asked_with_it(void **state)
{
    (void)state;
    analyze("alert http any any -> any any (urilen:5; http.uri; content:\"ab\"; sid:1;)\n");
    assert_reported("\"matches\":[{\"name\":\"urilen\"},{\"name\":\"content\",");
}

static void legacy_modifiers_are_about_the_first_version_of_http(void **state)
{
    (void)state;
    analyze("alert http any any -> any any (content:\"x\"; http_uri; sid:1;)\n");
    assert_reported("\"app_proto\":\"http\",");
    if (strstr(report, "http2"))
        fail_msg("HTTP/2 is meant too: %s", report);
    analyze("alert http any any -> any any (http.uri; content:\"x\"; sid:1;)\n");
    assert_reported("\"app_proto\":\"http_any\",");
}

static void a_packet_rule_names_the_transactions_that_set_its_bits(void **state)
{
    (void)state;
    analyze("alert http any any -> any any (http.uri; content:\"a\"; flowbits:set,one; sid:7;)\n"
            "alert tcp any any -> any any (flowbits:isset,one; sid:8;)\n");
    assert_reported("{\"state_modifying_rules\":{\"sids\":[7],\"names\":[\"one\"]}}");
    analyze("alert http any any -> any any (http.uri; content:\"a\"; flowbits:set,one; sid:7;)\n"
            "alert http any any -> any any (http.uri; content:\"a\"; flowbits:isset,one; sid:9;)\n"
            "alert tcp any any -> any any (flowbits:isset,one; sid:8;)\n");
    if (strstr(report, "dependencies"))
        fail_msg("a transaction asks for the bit too: %s", report);
}

static void what_a_match_does_is_its_policy(void **state)
{
    (void)state;
    analyze("drop tcp any any -> any any (ttl:3; sid:1;)\n");
    assert_reported("\"match_policy\":{\"actions\":[\"alert\",\"drop\"],\"scope\":\"packet\"}");
    analyze("drop:flow tcp any any -> any any (ttl:3; sid:1;)\n");
    assert_reported("\"match_policy\":{\"actions\":[\"alert\",\"drop\"],\"scope\":\"flow\"}");
    analyze("pass:packet tcp any any -> any any (content:\"a\"; sid:1;)\n");
    assert_reported("\"match_policy\":{\"actions\":[\"pass\"],\"scope\":\"packet\"}");
    analyze("pass http any any -> any any (http.uri; content:\"a\"; sid:1;)\n");
    assert_reported("\"match_policy\":{\"actions\":[\"pass\"],\"scope\":\"flow\"}");
    analyze("rejectboth tcp any any -> any any (content:\"a\"; sid:1;)\n");
    assert_reported("\"actions\":[\"alert\",\"drop\",\"reject_both\"],\"scope\":\"flow_if_stateful\"");
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

static void the_pattern_of_each_rule_is_told_in_words(void **state)
{
    (void)state;
    tell("alert tcp any any -> any any (content:\"abcd\"; nocase; depth:9; sid:3;)\n"
         "alert http any any -> any any (http.uri; content:\"a|00|bcd\"; fast_pattern:1,3; sid:2;)\n"
         "alert tcp any any -> any any (flags:S; prefilter; sid:1;)\n"
         "alert tcp any any -> any any (content:\"ef\"; sid:4;)\n"
         "alert ip 192.0.2.7 any -> any any (sid:5;)\n",
         ruleset_write_patterns);
    assert_reported("== Sid: 3 ==\nalert tcp any any -> any any (content:\"abcd\"; nocase; depth:9; sid:3;)\n"
                    "    Fast Pattern analysis:\n        Fast pattern matcher: content\n"
                    "        Flags: Depth Nocase\n        Fast pattern set: no\n");
    assert_reported(" (http_uri)\n        Flags: None\n        Fast pattern set: yes\n"
                    "        Fast pattern only set: no\n        Fast pattern chop set: yes\n"
                    "        Fast pattern offset, length: 1, 3\n        Original content: a\\x00bcd\n"
                    "        Final content: \\x00bc\n");
    assert_reported("== Sid: 1 ==\nalert tcp any any -> any any (flags:S; prefilter; sid:1;)\n"
                    "    Fast Pattern analysis:\n        Prefilter on: tcp.flags\n");
    assert_reported("        No content present\n");
    assert_reported("packet/stream payload, smallest pattern 2 byte(s), longest pattern 4 byte(s), number of "
                    "patterns 2, avg pattern len 3.00 byte(s)\n");
    if (strstr(report, "Sid: 2") < strstr(report, "Sid: 3")) /* in the order of the file */
        fail_msg("%s", report);
}

static void advice_is_given_on_each_rule(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *part;
    } cases[] = {
        { "alert tcp any any -> any any (content:\"a\"; depth:4; sid:1;)\n",
          "    Rule is packet and stream inspecting.\n    Rule matches on packets.\n"
          "    Rule matches on reassembled stream.\n    Rule contains 1 content options, 0 http content "
          "options, "
          "0 pcre options, and 0 pcre options with http modifiers.\n"
          "    Fast Pattern \"a\" on \"payload and reassembled stream\" buffer.\n"
          "    Warning: TCP rule without a flow or flags option.\n"
          "             -Consider adding flow or flags to improve performance of this rule.\n"
          "    Warning: Rule has depth/offset with raw content keywords." },
        { "alert http any any -> any any (flow:established,to_server; http.uri; url_decode; "
          "content:\"a|22|\"; "
          "sid:1;)\n",
          " (http_uri)\" (with 1 transform(s)) buffer.\n    No warnings for this rule.\n" },
        { "alert http any any -> any any (flow:established,to_server; http.uri; content:\"a|22|\"; sid:1;)\n",
          "    App layer protocol is http_any.\n    Fast Pattern \"a\\x22\" on \"" },
        { "alert ipv6 any any -> any any (ipv6.hdr; content:\"a\"; sid:1;)\n", "    Rule is IPv6 only.\n" },
        { "alert udp any any -> any any (flow:to_server; pcre:\"/a/\"; sid:1;)\n",
          "    Warning: Rule uses pcre without a content option present.\n" },
        { "alert tcp any any -> any 53 (flow:established,to_client; content:\"a\"; sid:1;)\n",
          "    Warning: Rule contains ports or port variables only on the client side.\n" },
        { "alert tcp any any <> any 53 (flow:established,to_client; content:\"a\"; sid:1;)\n",
          "    Warning: Rule is bidirectional and has a flow option with a specific direction.\n" },
        { "alert http any any -> any any (flow:to_server; http.uri; content:\"a\"; filestore; sid:1;)\n",
          "    Warning: Rule requires file-store but the output file-store is not enabled.\n" },
        { "alert http1 any any -> any any (flow:established; content:\"a\"; sid:1;)\n",
          "    Warning: Rule app layer protocol is http, but the fast_pattern is set on the raw stream." },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tell(cases[i].rule, write_advice);
        assert_reported(cases[i].part);
    }
}

static void contents_are_counted_by_buffer(void **state)
{
    (void)state;
    tell("alert tcp any any -> any any (flow:to_server; content:\"foo\"; sid:1;)\n"
         "alert udp any any -> any any (content:\"foo\"; content:\"zz\"; sid:2;)\n"
         "alert http any any -> any any (http.uri; content:\"uri\"; content:!\"u2\"; sid:3;)\n"
         "alert tcp any any -> any any (frame:http1.request; content:\"fr\"; sid:4;)\n",
         ruleset_count_patterns);
    assert_reported("{\"pattern\":\"foo\",\"patlen\":3,\"cnt\":4,\"mpm\":4,\"flags\":{\"nocase\":false,");
    assert_reported("{\"pattern\":\"zz\",\"patlen\":2,\"cnt\":2,\"mpm\":0,");
    assert_reported("{\"pattern\":\"uri\",\"patlen\":3,\"cnt\":2,\"mpm\":2,");
    assert_reported(
        "{\"pattern\":\"u2\",\"patlen\":2,\"cnt\":2,\"mpm\":0,\"flags\":{\"nocase\":false,\"negated\":true,");
    assert_reported("{\"name\":\"http1.request\",\"patterns\":[{\"pattern\":\"fr\",");
}

static void group(const char *rules, const struct grouping_settings *settings)
{
    struct stage stage;
    struct error error = { "" };
    stage_open(&stage, rules, NULL);
    memset(report, 0, sizeof report);
    FILE *file = fmemopen(report, sizeof report - 1, "w");
    assert_non_null(file);
    assert_true(ruleset_write_groups(stage.set, settings, file, &error));
    assert_int_equal(fclose(file), 0);
    stage_close(&stage);
}

/* "low-high:id[sids]" of each group of `protocol` in one direction. */
static void assert_groups(const char *protocol, const char *direction, const char *wanted)
{
    char got[1024];
    struct text text = text_of(got, sizeof got);
    char path[64];
    struct json_value document = json_parse(bytes_of_string(report)), group;
    snprintf(path, sizeof path, "%s.%s", protocol, direction);
    struct json_cursor groups = json_elements(json_find(document, path));
    while (json_next_element(&groups, &group)) {
        struct json_value low = json_find(group, "port"), high = json_find(group, "port2"),
                          id = json_find(group, "rulegroup.id"), rule;
        text_add(&text, "%.*s-%.*s:%.*s[", (int)low.text.size, (const char *)low.text.data,
                 (int)high.text.size, (const char *)high.text.data, (int)id.text.size,
                 (const char *)id.text.data);
        struct json_cursor rules = json_elements(json_find(group, "rulegroup.rules"));
        while (json_next_element(&rules, &rule)) {
            struct json_value sid = json_find(rule, "sig_id");
            text_add(&text, "%.*s ", (int)sid.text.size, (const char *)sid.text.data);
        }
        text_string(&text, "]");
    }
    text_char(&text, '\0');
    assert_string_equal(got, wanted);
}

static const struct grouping_settings all_groups = { .with_rules = true };

static void ports_that_no_rule_tells_apart_are_one_group(void **state)
{
    (void)state;
    group("alert tcp any any -> any 10:30 (flow:to_server; content:\"abcd\"; sid:1;)\n"
          "alert tcp any any -> any [20,40] (flow:to_server; content:\"abcd\"; sid:2;)\n"
          "alert tcp any 50 -> any any (flow:to_client; content:\"abcd\"; sid:3;)\n"
          "alert udp any any -> any 60 (content:\"abcd\"; sid:4;)\n"
          "alert ip 192.0.2.1 any -> any any (sid:5;)\n",
          &all_groups);
    assert_groups("tcp", "toserver", "20-20:0[1 2 ]10-19:1[1 ]21-30:1[1 ]40-40:2[2 ]");
    assert_groups("tcp", "toclient", "50-50:3[3 ]");
    assert_groups("udp", "toserver", "60-60:4[4 ]");
    assert_groups("udp", "toclient", "0-65535:5[4 ]");
}

static void the_first_and_the_last_port_are_ports_too(void **state)
{
    (void)state;
    group("alert tcp any any -> any 0 (flow:to_server; content:\"abcd\"; sid:1;)\n"
          "alert tcp any any -> any 65535 (flow:to_server; content:\"abcd\"; sid:2;)\n",
          &all_groups);
    assert_groups("tcp", "toserver", "0-0:0[1 ]65535-65535:1[2 ]");
}

static void usual_ports_come_first_and_the_rest_is_told_together(void **state)
{
    (void)state;
    struct grouping_settings settings = { .with_rules = true, .groups_max = { [TO_SERVER] = 2 } };
    static const char rules[] = "alert tcp any any -> any 10 (flow:to_server; content:\"abcd\"; sid:1;)\n"
                                "alert tcp any any -> any 80 (flow:to_server; content:\"abcd\"; sid:2;)\n"
                                "alert tcp any any -> any 90 (flow:to_server; content:\"abcd\"; sid:3;)\n"
                                "alert tcp any any -> any 99 (flow:to_server; content:\"abcd\"; sid:4;)\n";
    group(rules, &settings);
    assert_groups("tcp", "toserver", "80-80:0[2 ]10-10:1[1 ]0-65535:2[3 4 ]");
    settings.groups_max[TO_SERVER] = 0;
    settings.tcp_priority = "99";
    group(rules, &settings);
    assert_groups("tcp", "toserver", "99-99:0[4 ]10-10:1[1 ]80-80:2[2 ]90-90:3[3 ]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_is_a_line_with_its_text_and_numbers),
        cmocka_unit_test(the_longest_content_of_the_protocol_is_the_pattern),
        cmocka_unit_test(fast_pattern_is_the_pattern_however_short),
        cmocka_unit_test(flow_bits_are_told_with_the_rules_that_use_them),
        cmocka_unit_test(a_rule_on_packets_with_bytes_looks_at_packets),
        cmocka_unit_test(buffers_of_many_protocols_name_none),
        cmocka_unit_test(bytes_that_are_no_text_are_hexadecimal_and_places_are_numbers),
        cmocka_unit_test(buffers_have_the_names_of_reports),
        cmocka_unit_test(a_buffer_is_looked_for_in_each_protocol_that_has_it),
        cmocka_unit_test(a_rule_says_what_kind_it_is_of),
        cmocka_unit_test(a_place_that_is_relative_to_nothing_is_counted_from_the_start),
        cmocka_unit_test(the_end_of_data_after_a_content_is_the_contents),
        cmocka_unit_test(conditions_are_told_by_their_lists),
        cmocka_unit_test(prefilter_behind_a_condition_names_it_and_behind_a_content_chooses_it),
        cmocka_unit_test(engines_go_by_progress_behind_the_one_that_is_looked_for),
        cmocka_unit_test(engines_have_the_order_and_the_progress_of_suricata),
        cmocka_unit_test(files_of_a_rule_on_no_protocol_are_of_all_that_have_some),
        cmocka_unit_test(texts_of_files_are_contents_of_their_names_and_types),
        cmocka_unit_test(files_in_mail_are_the_clients),
        cmocka_unit_test(what_a_keyword_does_besides_is_told_with_what_follows_a_match),
        cmocka_unit_test(an_event_is_that_of_the_protocol_it_names),
        cmocka_unit_test(a_bounce_is_asked_of_requests_of_ftp),
        cmocka_unit_test(the_size_of_data_and_their_end_bound_contents),
        cmocka_unit_test(a_rule_of_both_ways_is_told_for_each),
        cmocka_unit_test(notes_are_told_for_each_engine_and_of_bodies_that_wait_for_raw_bytes),
        cmocka_unit_test(a_number_of_a_buffer_is_asked_with_it),
        cmocka_unit_test(legacy_modifiers_are_about_the_first_version_of_http),
        cmocka_unit_test(a_packet_rule_names_the_transactions_that_set_its_bits),
        cmocka_unit_test(what_a_match_does_is_its_policy),
        cmocka_unit_test(the_pattern_of_each_rule_is_told_in_words),
        cmocka_unit_test(advice_is_given_on_each_rule),
        cmocka_unit_test(contents_are_counted_by_buffer),
        cmocka_unit_test(ports_that_no_rule_tells_apart_are_one_group),
        cmocka_unit_test(the_first_and_the_last_port_are_ports_too),
        cmocka_unit_test(usual_ports_come_first_and_the_rest_is_told_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
