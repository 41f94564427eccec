/* SPDX-License-Identifier: Apache-2.0 */
/* What matches in raw payload: positions, relations, numbers, expressions; what matches leave behind. */
#include "stage.h"

#include "base/clock.h"
#include "flow/tcp.h"

#include <stdio.h>

#define UDP(options) "alert udp any any -> any any (" options " sid:1;)\n"
#define P(literal)   literal, sizeof(literal) - 1

struct matching_case {
    const char *rule, *payload;
    size_t size;
    unsigned alerts;
};

static void run(const struct matching_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct stage stage;
        stage_open(&stage, cases[i].rule, NULL);
        if (stage.refused)
            fail_msg("%s: %s", cases[i].rule, stage.reason.text);
        stage_packet(&stage, TO_SERVER, IP_UDP, cases[i].payload, cases[i].size);
        if (stage_count(&stage, 1) != cases[i].alerts)
            fail_msg("%s on \"%s\": %u alerts", cases[i].rule, cases[i].payload, stage_count(&stage, 1));
        stage_close(&stage);
    }
}

static void contents_stand_where_they_should(void **state)
{
    (void)state;
    static const struct matching_case cases[] = {
        { UDP("content:\"abc\";"), P("xxabcxx"), 1 },
        { UDP("content:\"abc\";"), P("xxABCxx"), 0 },
        { UDP("content:\"aBc\"; nocase;"), P("xxABCxx"), 1 },
        { UDP("content:\"a|42 43|\";"), P("aBC"), 1 },
        { UDP("content:!\"abc\";"), P("xyz"), 1 },
        { UDP("content:!\"abc\";"), P("xabcz"), 0 },
        { UDP("content:\"abcd\"; offset:2;"), P("abcd"), 0 },
        { UDP("content:\"abcd\"; offset:2;"), P("xxabcd"), 1 },
        { UDP("content:\"abcd\"; depth:5;"), P("xabcd"), 1 },
        { UDP("content:\"abcd\"; depth:5;"), P("xxabcd"), 0 },
        { UDP("content:\"abcd\"; offset:1; depth:4;"), P("xabcd"), 1 },
        { UDP("content:\"abcd\"; offset:1; depth:4;"), P("xxabcd"), 0 },
        { UDP("content:\"abcd\"; startswith;"), P("abcdx"), 1 },
        { UDP("content:\"abcd\"; startswith;"), P("xabcd"), 0 },
        { UDP("content:\"abcd\"; endswith;"), P("xabcd"), 1 },
        { UDP("content:\"abcd\"; endswith;"), P("xabcdx"), 0 },
        { UDP("content:\"abcd\"; startswith; endswith;"), P("abcd"), 1 },
        { UDP("content:\"abcd\"; startswith; endswith;"), P("abcdabcd"), 0 },
        { UDP("content:!\"abcd\"; endswith;"), P("abcdx"), 1 },
        { UDP("content:\"ab\"; content:\"cd\"; distance:1; within:2;"), P("abxcd"), 1 },
        { UDP("content:\"ab\"; content:\"cd\"; distance:1; within:2;"), P("abxxcd"), 0 },
        { UDP("content:\"cd\"; content:\"ab\"; distance:-4; within:2;"), P("abcd"), 1 },
        { UDP("content:\"ab\"; content:!\"cd\"; within:3;"), P("abxxcd"), 1 },
        { UDP("content:\"ab\"; content:!\"cd\"; within:3;"), P("abcd"), 0 },
        { UDP("content:\"ab\"; content:!\"cd\"; within:3;"), P("abcd...abxx"), 1 },
        { UDP("content:\"x\"; isdataat:2,relative;"), P("x12"), 1 },
        { UDP("content:\"x\"; isdataat:3,relative;"), P("x12"), 0 },
        { UDP("isdataat:!3;"), P("x12"), 1 },
        { UDP("content:\"12\"; isdataat:!1,relative;"), P("x12"), 1 },
    };
    run(cases, COUNT_OF(cases));
}

static void earlier_matches_are_tried_again(void **state)
{
    (void)state;
    static const struct matching_case cases[] = {
        { UDP("content:\"a\"; content:\"b\"; distance:0; within:1;"), P("axaxab"), 1 },
        { UDP("content:\"a\"; content:\"b\"; within:1; content:\"c\"; within:1;"), P("ab ab abc"), 1 },
        { UDP("content:\"a\"; content:\"b\"; within:1; content:\"c\"; within:1;"), P("ab ab ab c"), 0 },
        { UDP("content:\"aa\"; content:\"b\"; within:1;"), P("aaab"), 1 },
        { UDP("content:\"k=\"; pcre:\"/^[0-9]+\\x3b/R\";"), P("k=x; k=12;"), 1 },
        { UDP("pcre:\"/k=/\"; content:\"1\"; within:1;"), P("k=x k=1"), 1 },
        { UDP("content:\"k=\"; byte_test:1,=,0x31,0,relative;"), P("k=x k=1"), 1 },
        { UDP("content:\"a\"; content:\"b\"; distance:0; content:\"zz\";"), P("aaaabbbbzz"), 1 },
    };
    run(cases, COUNT_OF(cases));
}

static void numbers_are_read_from_payload(void **state)
{
    (void)state;
    static const struct matching_case cases[] = {
        { UDP("byte_test:2,=,0x0102,0;"), P("\x01\x02"), 1 },
        { UDP("byte_test:2,=,0x0201,0,little;"), P("\x01\x02"), 1 },
        { UDP("byte_test:2,>,0x0102,0;"), P("\x01\x02"), 0 },
        { UDP("byte_test:1,&,0x02,1;"), P("\x01\x02"), 1 },
        { UDP("byte_test:1,!&,0x02,1;"), P("\x01\x02"), 0 },
        { UDP("byte_test:4,=,1234,0,string,dec;"), P("1234"), 1 },
        { UDP("byte_test:4,=,0x12ab,0,string,hex;"), P("12ab"), 1 },
        { UDP("byte_test:2,=,3,0,bitmask 0x0600;"), P("\x06\xff"), 1 },
        { UDP("byte_test:4,=,1,0;"), P("\x01\x02"), 0 },
        { UDP("byte_jump:1,0; content:\"X\"; within:1;"), P("\x03...X"), 1 },
        { UDP("byte_jump:1,0; content:\"X\"; within:1;"), P("\x02...X"), 0 },
        { UDP("byte_jump:1,0,from_beginning; content:\"X\"; within:1;"), P("\x04...X"), 1 },
        { UDP("byte_jump:1,0,multiplier 2,post_offset 1; content:\"X\"; within:1;"), P("\x01...X"), 1 },
        { UDP("byte_jump:1,0,align; content:\"X\"; within:1;"), P("\x03....X"), 1 },
        { UDP("byte_jump:1,0; content:\"X\"; within:1;"), P("\xff"), 0 },
        { UDP("byte_extract:1,0,n; content:\"X\"; offset:n;"), P("\x03.XX"), 1 },
        { UDP("byte_extract:1,0,n; content:\"X\"; offset:n;"), P("\x03.X."), 0 },
        { UDP("byte_extract:1,0,n; byte_test:1,=,n,1;"), P("\x03\x03"), 1 },
        { UDP("byte_math:bytes 1,offset 0,oper *,rvalue 2,result r; byte_test:1,=,r,1;"), P("\x03\x06"), 1 },
        { UDP("byte_math:bytes 1,offset 0,oper /,rvalue 2,result r; byte_test:1,=,r,1;"), P("\x06\x06"), 0 },
        { UDP("byte_math:bytes 1,offset 0,oper /,rvalue 0,result r; content:\"a\";"),
          P("\x06"
            "a"),
          0 },
        { UDP("base64_decode:bytes 8; base64_data; content:\"hello\"; startswith;"), P("aGVsbG8="), 1 },
        { UDP("content:\"k=\"; base64_decode:relative; base64_data; content:\"hello\";"), P("k=aGVsbG8="),
          1 },
        { UDP("base64_decode:offset 1; base64_data; content:\"hello\";"), P("aGVsbG8="), 0 },
        { UDP("entropy:bytes 0, value < 1;"), P("aaaaaaaaab"), 1 },
        { UDP("entropy: value >= 3;"), P("abcdefgh"), 1 },
        { UDP("asn1:oversize_length 1000;"), P("\x30\x82\x04\x00\x02"), 1 },
        { UDP("asn1:oversize_length 2000;"), P("\x30\x82\x04\x00\x02"), 0 },
        { UDP("asn1:bitstring_overflow;"), P("\x30\x04\x03\x02\x09\x01"), 1 },
        { UDP("dsize:5;"), P("12345"), 1 },
        { UDP("dsize:3<>6;"), P("123"), 0 },
        { UDP("dsize:>3;"), P("12345"), 1 },
        { UDP("ttl:64;"), P("x"), 1 },
        { UDP("ttl:<64;"), P("x"), 0 },
        { UDP("sameip;"), P("x"), 0 },
        { UDP("ip.src; content:\"|c0 00 02 01|\";"), P("x"), 1 },
    };
    run(cases, COUNT_OF(cases));
}

static void bits_pass_between_rules(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage,
               "alert udp any any -> any any (content:\"two\"; flowbits:isset,seen; sid:2;)\n"
               "alert udp any any -> any any (content:\"one\"; flowbits:set,seen; flowbits:noalert; sid:1;)\n"
               "alert udp any any -> any any (content:\"off\"; flowbits:unset,seen; sid:3;)\n"
               "alert udp any any -> any any (content:\"add\"; flowint:n,+,1; noalert; sid:4;)\n"
               "alert udp any any -> any any (flowint:n,>=,2; sid:5;)\n",
               NULL);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("two"));
    assert_int_equal(stage_count(&stage, 2), 0);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("one two"));
    assert_int_equal(stage_count(&stage, 1), 0);
    assert_int_equal(stage_count(&stage, 2), 1); /* what sets comes before what asks */
    stage_packet(&stage, TO_CLIENT, IP_UDP, P("off"));
    stage_packet(&stage, TO_SERVER, IP_UDP, P("two"));
    assert_int_equal(stage_count(&stage, 2), 0);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("add"));
    assert_int_equal(stage_count(&stage, 5), 0);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("add"));
    assert_int_equal(stage_count(&stage, 5), 1);
    stage_close(&stage);
}

static void assert_text(const struct stage *stage, size_t index, const char *name, const char *json)
{
    struct bytes key, value;
    assert_true(detect_flow_text(stage->detector, &stage->flow, index, &key, &value));
    assert_true(bytes_is(key, name));
    assert_true(bytes_is(value, json));
}

static void captures_stay_with_flow_packet_and_alert(void **state)
{
    (void)state;
    struct stage stage;
    struct bytes key, value;
    stage_open(&stage,
               "alert udp any any -> any any (pcre:\"/^(\\w+) (\\w+) (\\w+)/,flow:one,pkt:two,alert:three\"; "
               "content:\"!\"; sid:1;)\n"
               "alert udp any any -> any any (pcre:\"/(?P<flow_late>x.)(?P<other>.)/\"; sid:2;)\n",
               NULL);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("ab cd ef"));
    assert_false(detect_flow_text(stage.detector, &stage.flow, 0, &key, &value)); /* the rule did not match */
    stage_packet(&stage, TO_SERVER, IP_UDP, P("ab cd ef!"));
    assert_text(&stage, 0, "one", "\"ab\"");
    assert_int_equal(stage_count(&stage, 1), 1);
    const struct alert_note *note = stage.alerts->items[0].notes;
    assert_int_equal(note->kind, NOTE_FLOW);
    assert_int_equal(note->next->kind, NOTE_PACKET);
    assert_true(bytes_is(note->next->key, "two") && bytes_is(note->next->json, "\"cd\""));
    assert_int_equal(note->next->next->kind, NOTE_CONTEXT);
    assert_true(bytes_is(note->next->next->json, "\"ef\""));
    assert_null(note->next->next->next);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("x\"?"));
    assert_text(&stage, 1, "late", "\"x\\\"\"");
    stage_packet(&stage, TO_SERVER, IP_UDP, P("gh cd ef!"));
    assert_text(&stage, 0, "one", "\"gh\""); /* a later value takes its place */
    assert_false(detect_flow_text(stage.detector, &stage.flow, 2, &key, &value));
    stage_close(&stage);
}

static void later_rules_ask_for_what_was_captured(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage,
               "alert udp any any -> any any (pktvar:two,\"d|65|\"; sid:3;)\n"
               "alert udp any any -> any any (flowvar:one,bc; sid:2;)\n"
               "alert udp any any -> any any (pcre:\"/^(\\w+) (\\w+)/,flow:one,pkt:two\"; sid:1;)\n",
               NULL);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("?"));
    assert_int_equal(stage.alerts->count, 0);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("abcd cdef"));
    assert_int_equal(stage_count(&stage, 1), 1);
    assert_int_equal(stage_count(&stage, 2), 1);
    assert_int_equal(stage_count(&stage, 3), 1);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("?"));
    assert_int_equal(stage_count(&stage, 2), 1); /* the flow keeps it, the packet is gone */
    assert_int_equal(stage_count(&stage, 3), 0);
    stage_close(&stage);
}

static void a_flow_keeps_only_so_many_texts(void **state)
{
    (void)state;
    struct stage stage;
    struct bytes key, value;
    stage_open(
        &stage,
        "alert udp any any -> any any (pcre:\"/(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)/,flow:a,flow:b,flow:c,flow:d,"
        "flow:e,flow:f,flow:g,flow:h,flow:i,flow:j\"; sid:1;)\n",
        NULL);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("0123456789"));
    assert_text(&stage, 7, "h", "\"7\"");
    assert_false(detect_flow_text(stage.detector, &stage.flow, 8, &key, &value));
    stage_close(&stage);
}

static void assert_entropy(const struct stage *stage, size_t index, const char *name, double wanted)
{
    double value;
    const char *found = detect_flow_entropy(stage->detector, &stage->flow, index, &value);
    assert_non_null(found);
    assert_string_equal(found, name);
    assert_true(value > wanted - 1e-9 && value < wanted + 1e-9);
}

static void entropy_is_told_of_the_flow_whether_it_matches_or_not(void **state)
{
    (void)state;
    struct stage stage;
    double value;
    stage_open(&stage,
               "alert udp any any -> any any (entropy:value > 7; sid:1;)\n"
               "alert udp any any -> any any (udp.hdr; entropy:bytes 4, value > 0; sid:2;)\n",
               NULL);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("abab"));
    assert_int_equal(stage_count(&stage, 1), 0);
    assert_entropy(&stage, 0, "content", 1);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("abcdabcd"));
    assert_entropy(&stage, 0, "content", 2); /* the latest */
    stage_packet(&stage, TO_SERVER, IP_UDP, P(""));
    assert_entropy(&stage, 0, "content", 2); /* nothing has none */
    assert_null(detect_flow_entropy(stage.detector, &stage.flow, 2, &value));
    stage_close(&stage);
}

static void thresholds_hide_and_show(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *thresholds;
        const char *shown; /* per packet, one each second */
    } cases[] = {
        { UDP("content:\"x\";"), NULL, "111111" },
        { UDP("content:\"x\"; threshold:type limit,track by_src,count 2,seconds 60;"), NULL, "110000" },
        { UDP("content:\"x\"; threshold:type limit,track by_src,count 1,seconds 3;"), NULL, "100100" },
        { UDP("content:\"x\"; threshold:type threshold,track by_dst,count 3,seconds 60;"), NULL, "001001" },
        { UDP("content:\"x\"; threshold:type both,track by_rule,count 2,seconds 60;"), NULL, "010000" },
        { UDP("content:\"x\"; threshold:type backoff,track by_flow,count 1,multiplier 2;"), NULL, "110100" },
        { UDP("content:\"x\"; detection_filter:track by_src,count 3,seconds 60;"), NULL, "000111" },
        { UDP("content:\"x\";"),
          "threshold gen_id 1, sig_id 1, type limit, track by_both, count 1, seconds 60\n", "100000" },
        { UDP("content:\"x\";"), "suppress gen_id 1, sig_id 1, track by_src, ip 192.0.2.0/24\n", "000000" },
        { UDP("content:\"x\";"), "suppress gen_id 1, sig_id 1, track by_dst, ip 192.0.2.0/24\n", "111111" },
        { UDP("content:\"x\";"), "suppress gen_id 1, sig_id 1\n", "000000" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;
        stage_open(&stage, cases[i].rule, cases[i].thresholds);
        assert_int_equal(stage.refused, 0);
        for (size_t k = 0; cases[i].shown[k]; k++) {
            stage.packet.time += 1000000000ULL;
            stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
            if (stage_count(&stage, 1) != (unsigned)(cases[i].shown[k] - '0'))
                fail_msg("%s: packet %zu", cases[i].rule, k);
        }
        stage_close(&stage);
    }
}

static void headers_choose_the_packets(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        unsigned server, client; /* alerts on a packet each way */
    } cases[] = {
        { "alert udp $HOME_NET any -> $EXTERNAL_NET 80 (content:\"x\"; sid:1;)", 1, 0 },
        { "alert udp $HOME_NET any <> $EXTERNAL_NET 80 (content:\"x\"; sid:1;)", 1, 1 },
        { "alert udp any 80 -> any any (content:\"x\"; sid:1;)", 0, 1 },
        { "alert udp any any -> any any (content:\"x\"; flow:to_client; sid:1;)", 0, 1 },
        { "alert udp any any -> any !80 (content:\"x\"; sid:1;)", 0, 1 },
        { "alert tcp any any -> any any (content:\"x\"; sid:1;)", 0, 0 },
        { "alert ip any any -> any any (content:\"x\"; sid:1;)", 1, 1 },
        { "alert ip any any -> any any (ip_proto:17; sid:1;)", 1, 1 },
        { "alert ip any any -> any any (ip_proto:!17; sid:1;)", 0, 0 },
        { "alert ipv6 any any -> any any (content:\"x\"; sid:1;)", 0, 0 },
        { "alert ip [192.0.2.0/24,!192.0.2.1] any -> any any (sid:1;)", 0, 0 },
        { "alert ip 192.0.2.1 any -> any any (sid:1;)", 1, 0 },
        { "alert udp any any -> any any (flow:not_established; sid:1;)", 0, 0 },
        { "alert udp any any -> any any (flow:established; sid:1;)", 1, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;
        stage_open(&stage, cases[i].rule, NULL);
        if (stage.refused)
            fail_msg("%s: %s", cases[i].rule, stage.reason.text);
        stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
        if (stage_count(&stage, 1) != cases[i].server)
            fail_msg("%s: to the server", cases[i].rule);
        stage_packet(&stage, TO_CLIENT, IP_UDP, P("x"));
        if (stage_count(&stage, 1) != cases[i].client)
            fail_msg("%s: to the client", cases[i].rule);
        stage_close(&stage);
    }
}

static void addresses_alone_are_judged_once_a_flow(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage, "alert ip 192.0.2.1 any -> any any (sid:1;)\n", NULL);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
    assert_int_equal(stage_count(&stage, 1), 1);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
    assert_int_equal(stage_count(&stage, 1), 0);
    stage_close(&stage);
}

static void a_pass_comes_first(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage,
               "alert udp any any -> any any (content:\"x\"; sid:1;)\n"
               "pass udp any any -> any any (content:\"ok\"; sid:2;)\n",
               NULL);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
    assert_int_equal(stage_count(&stage, 1), 1);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("x ok"));
    assert_int_equal(stage.alerts->count, 0);
    stage_close(&stage);
}

static void alerts_of_a_packet_are_limited(void **state)
{
    (void)state;
    char rules[8192];
    struct text text = text_of(rules, sizeof rules);
    for (unsigned i = 1; i <= 20; i++)
        text_add(&text, "alert udp any any -> any any (content:\"x\"; sid:%u;)\n", i);
    struct stage stage;
    stage_open(&stage, rules, NULL);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
    assert_int_equal(stage.alerts->count, 15);
    assert_int_equal(stage.alerts->overflow, 5);
    assert_int_equal(stage_count(&stage, 1), 1);
    stage_close(&stage);
}

static const uint8_t drops_first[] = { ACTION_DROP, ACTION_PASS, ACTION_REJECT, ACTION_ALERT };
static const uint8_t alerts_first[] = { ACTION_ALERT, ACTION_DROP, ACTION_PASS, ACTION_REJECT };

static void actions_count_in_their_order(void **state)
{
    (void)state;
    static const char rules[] = "pass udp any any -> any any (content:\"x\"; sid:1;)\n"
                                "drop udp any any -> any any (content:\"x\"; sid:2;)\n"
                                "alert udp any any -> any any (content:\"x\"; sid:3;)\n";
    struct stage stage;
    stage_open_inline(&stage, rules, NULL, 0);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
    assert_int_equal(stage.alerts->count, 0);
    assert_int_equal(stage.alerts->action, ACTION_PASS);
    stage_close(&stage);
    stage_open_inline(&stage, rules, drops_first, 0);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
    assert_int_equal(stage_count(&stage, 2), 1);
    assert_int_equal(stage_count(&stage, 3), 0);
    assert_int_equal(stage.alerts->action, ACTION_DROP);
    stage_close(&stage);
}

/* What a rule says of the ends it says of the whole flow, what it says of a packet of that packet. */
static void actions_reach_as_far_as_their_rule(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        bool flow;
    } cases[] = {
        { "udp any any -> any any (sid:1;)", true },
        { "udp any any -> any 80 (sid:1;)", true },
        { "udp !10.9.9.9 any -> any any (sid:1;)", true },
        { "udp any any -> any any (hostbits:isnotset,seen; sid:1;)", true },
        { "udp any any -> any any (ttl:64; sid:1;)", false },
        { "udp any any -> any any (flow:to_server; sid:1;)", false },
        { "udp any any -> any any (content:\"x\"; sid:1;)", false },
        { "udp any any -> any any (flowbits:isnotset,seen; sid:1;)", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;
        char rule[256];
        snprintf(rule, sizeof rule, "drop %s\n", cases[i].rule);
        stage_open_inline(&stage, rule, NULL, 0);
        stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
        assert_int_equal(stage.alerts->action, ACTION_DROP);
        assert_int_equal(stage.alerts->flow_drop, cases[i].flow);
        stage_close(&stage);
        snprintf(rule, sizeof rule, "pass %s\n", cases[i].rule);
        stage_open_inline(&stage, rule, NULL, 0);
        stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
        assert_int_equal(stage.alerts->flow_pass, cases[i].flow);
        stage_close(&stage);
    }
}

static void an_action_with_a_scope_reaches_that_far(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        bool flow = i & 1, pass = i & 2, about_flow = i & 4;
        struct stage stage;
        char rule[128];
        snprintf(rule, sizeof rule, "%s:%s udp any any -> any any (%ssid:1;)\n", pass ? "pass" : "drop",
                 flow ? "flow" : "packet", about_flow ? "" : "content:\"x\"; ");
        stage_open_inline(&stage, rule, NULL, 0);
        stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
        assert_int_equal(pass ? stage.alerts->flow_pass : stage.alerts->flow_drop, flow);
        stage_close(&stage);
    }
}

static void scopes_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const char *const rules[] = { "alert:flow tcp any any -> any any (sid:1;)\n",
                                         "drop:tx tcp any any -> any any (sid:1;)\n",
                                         "drop: tcp any any -> any any (sid:1;)\n" };
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        struct stage stage;
        stage_open(&stage, rules[i], NULL);
        assert_int_equal(stage.refused, 1);
        stage_close(&stage);
    }
}

static void a_negated_address_is_judged_for_each_packet(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage, "alert ip !10.9.9.9 any -> any any (sid:1;)\n", NULL);
    for (unsigned i = 0; i < 3; i++) {
        stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
        assert_int_equal(stage_count(&stage, 1), 1);
    }
    stage_close(&stage);
}

static void a_drop_without_room_still_drops(void **state)
{
    (void)state;
    struct stage stage;
    stage_open_inline(&stage,
                      "alert udp any any -> any any (content:\"x\"; sid:1;)\n"
                      "alert udp any any -> any any (content:\"x\"; sid:2;)\n"
                      "drop udp any any -> any any (content:\"x\"; sid:3;)\n",
                      alerts_first, 2);
    stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
    assert_int_equal(stage.alerts->count, 2);
    assert_int_equal(stage.alerts->overflow, 1);
    assert_int_equal(stage.alerts->action, ACTION_DROP);
    assert_int_equal(stage.alerts->drop_rule->sid, 3);
    stage_close(&stage);
}

/* Tags cover so many packets, bytes or seconds; the packet that began it is the first. */
static void tags_cover_what_comes_after_a_match(void **state)
{
    (void)state;
    static const struct {
        const char *tag;
        unsigned covered; /* of four packets after the match, a second and 100 bytes each */
    } cases[] = {
        { "session", 4 },
        { "session,1,packets", 0 },
        { "session,3,packets", 2 },
        { "session,0,packets", 0 },
        { "session,2,seconds", 2 },
        { "session,300,bytes", 2 },
        { "session,99,bytes", 0 },
        { "host,3,packets,src", 2 },
        { "host,3,packets,dst", 2 },
        { "host", 4 },
        { "host,2,packets", 1 },
        { "session,3,packets; noalert", 2 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;
        char rule[256];
        unsigned covered = 0;
        snprintf(rule, sizeof rule, "alert udp any any -> any any (content:\"begin\"; tag:%s; sid:1;)\n",
                 cases[i].tag);
        stage_open(&stage, rule, NULL);
        assert_int_equal(stage.refused, 0);
        stage.packet.frame = bytes_of(rule, 100);
        stage_packet(&stage, TO_SERVER, IP_UDP, P("begin"));
        assert_true(stage.alerts->tagged);
        for (unsigned n = 0; n < 4; n++) {
            stage.packet.time += NS_PER_S;
            stage_packet(&stage, n % 2 ? TO_CLIENT : TO_SERVER, IP_UDP, P("more"));
            assert_int_equal(stage.alerts->tagged, stage.alerts->count == 1);
            covered += stage.alerts->tagged;
        }
        if (covered != cases[i].covered)
            fail_msg("%s: %u packets, not %u", cases[i].tag, covered, cases[i].covered);
        stage_close(&stage);
    }
}

static void tags_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const char *const tags[] = { "x", "session,3", "session,x,packets", "session,3,miles",
                                        "host,3,packets,left" };
    for (size_t i = 0; i < COUNT_OF(tags); i++) {
        struct stage stage;
        char rule[256];
        snprintf(rule, sizeof rule, "alert udp any any -> any any (tag:%s; sid:1;)\n", tags[i]);
        stage_open(&stage, rule, NULL);
        assert_int_equal(stage.refused, 1);
        stage_close(&stage);
    }
}

#define CALL "\0\0\0\7\0\0\0\0\0\0\0\2\0\1\x86\xa3\0\0\0\3\0\0\0\1"

static void calls_of_rpc_are_known_by_their_numbers(void **state)
{
    (void)state;
    static const struct matching_case cases[] = {
        { UDP("rpc:100003;"), P(CALL), 1 },
        { UDP("rpc:100003,3;"), P(CALL), 1 },
        { UDP("rpc:100003,3,1;"), P(CALL), 1 },
        { UDP("rpc:100003,*,1;"), P(CALL), 1 },
        { UDP("rpc:100003, 3, *;"), P(CALL), 1 },
        { UDP("rpc:100004;"), P(CALL), 0 },
        { UDP("rpc:100003,2;"), P(CALL), 0 },
        { UDP("rpc:100003,3,2;"), P(CALL), 0 },
        { UDP("rpc:100003;"), P("\0\0\0\7\0\0\0\1\0\0\0\2\0\1\x86\xa3\0\0\0\3\0\0\0\1"), 0 }, /* a reply */
        { UDP("rpc:100003;"), P("\0\0\0\7\0\0\0\0\0\0\0\1\0\1\x86\xa3\0\0\0\3\0\0\0\1"), 0 }, /* version 1 */
    };
    run(cases, COUNT_OF(cases));
    struct stage stage;
    stage_open(&stage, "alert tcp any any -> any any (rpc:100003,3,1; sid:1;)\n", NULL);
    stage_packet(&stage, TO_SERVER, IP_TCP, P("\x80\0\0\x18" CALL)); /* behind a record mark */
    assert_int_equal(stage_count(&stage, 1), 1);
    for (size_t size = 0; size < sizeof CALL - 1; size++) {
        stage_packet(&stage, TO_SERVER, IP_TCP, "\x80\0\0\x18" CALL, size);
        assert_int_equal(stage_count(&stage, 1), 0);
    }
    stage_close(&stage);
}

static void addresses_are_judged_when_the_transport_is_broken(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage,
               "alert ip 192.0.2.1 any -> any any (sid:1;)\n"
               "alert udp any any -> any any (content:\"x\"; sid:2;)\n",
               NULL);
    stage.packet.invalid = true;
    stage_packet(&stage, TO_SERVER, IP_UDP, P("x"));
    assert_int_equal(stage_count(&stage, 1), 1);
    assert_int_equal(stage_count(&stage, 2), 0);
    stage_close(&stage);
}

/* What the old set knew of a flow's classes went with it: a flow without a packet since must not be asked by
 * it. */
static void a_reload_that_is_given_up_changes_nothing(void **state)
{
    (void)state;
    struct stage stage, next;
    struct error error = { "" };
    stage_open(&stage, "alert tcp any any -> any 80 (content:\"abc\"; sid:1;)\n", NULL);
    stage_open(&next, "alert tcp any any -> any any (content:\"abc\"; sid:2;)\n", NULL);
    assert_true(detector_prepare(stage.detector, next.set, &error));
    assert_true(detector_prepare(stage.detector, next.set, &error));
    detector_forget(stage.detector);
    stage_close(&next);
    stage_packet(&stage, TO_SERVER, IP_TCP, "xxabc", 5);
    assert_int_equal(stage_count(&stage, 1), 1);
    assert_int_equal(stage_count(&stage, 2), 0);
    stage_close(&stage);
}

static void a_reload_leaves_nothing_of_the_old_set(void **state)
{
    (void)state;
    struct stage stage, next;
    stage_open(&stage, "alert tcp any any -> any 80 (content:\"abc\"; sid:1;)\n", NULL);
    stage_open(&next, "alert tcp any any -> any any (content:\"abc\"; sid:2;)\n", NULL);
    stage_packet(&stage, TO_SERVER, IP_TCP, "xxabc", 5);
    assert_int_equal(stage_count(&stage, 1), 1);
    stage_change(&stage, next.set);
    ruleset_free(stage.set);
    stage.set = NULL;
    assert_int_equal(detect_stream_offset(stage.detector, &stage.flow, TO_SERVER), 0);
    stage_packet(&stage, TO_SERVER, IP_TCP, "xxabc", 5);
    assert_int_equal(stage_count(&stage, 2), 1);
    stage_close(&stage);
    stage_close(&next);
}

static void numbers_are_compared_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *form;
        uint16_t size;
        unsigned holds;
    } cases[] = {
        { "5", 5, 1 },          { "=5", 5, 1 },          { "5", 6, 0 },        { "0x5", 5, 1 },
        { "!5", 6, 1 },         { "!=5", 5, 0 },         { ">5", 6, 1 },       { ">5", 5, 0 },
        { ">=5", 5, 1 },        { "<5", 5, 0 },          { "<= 5", 5, 1 },     { "5-8", 5, 0 },
        { "5-8", 6, 1 },        { "5<>8", 7, 1 },        { "5 <> 8", 8, 0 },   { "!5-8", 5, 1 },
        { "!5-8", 6, 0 },       { "!5<>8", 8, 1 },       { "&0x6=0x2", 3, 1 }, { "&0x6=0x2", 6, 0 },
        { "&0x6!=0x2", 6, 1 },  { "& 6 != 2", 3, 0 },    { "1kb", 1024, 1 },   { "<1KiB", 1023, 1 },
        { "0x10-0x12", 17, 1 }, { "& 0x6 = 0x2", 3, 1 },
    };
    static const char payload[1024];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;
        char rule[100];
        snprintf(rule, sizeof rule, "alert tcp any any -> any any (dsize:%s; sid:1;)\n", cases[i].form);
        stage_open(&stage, rule, NULL);
        stage_packet(&stage, TO_SERVER, IP_TCP, payload, cases[i].size);
        if (stage_count(&stage, 1) != cases[i].holds)
            fail_msg("dsize:%s of %u bytes", cases[i].form, cases[i].size);
        stage_close(&stage);
    }
}

static void a_phase_of_tcp_is_that_in_which_the_packet_came(void **state)
{
    (void)state;
    static const struct {
        uint8_t before;
        unsigned setup, established;
    } cases[] = { { TCP_NONE, 1, 0 },        { TCP_SYN_SENT, 1, 0 },  { TCP_SYN_RECV, 1, 0 },
                  { TCP_ESTABLISHED, 0, 1 }, { TCP_FIN_WAIT1, 0, 1 }, { TCP_CLOSED, 0, 1 } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;
        stage_open(&stage,
                   "alert tcp any any -> any any (tcp.session:setup; sid:1;)\n"
                   "alert tcp any any -> any any (tcp.session:established; sid:2;)\n"
                   "alert tcp any any -> any any (tcp.session:setup,established; sid:3;)\n",
                   NULL);
        stage.tcp_before = cases[i].before;
        stage_packet(&stage, TO_SERVER, IP_TCP, "x", 1);
        assert_int_equal(stage_count(&stage, 1), cases[i].setup);
        assert_int_equal(stage_count(&stage, 2), cases[i].established);
        assert_int_equal(stage_count(&stage, 3), 1);
        stage_packet(&stage, TO_SERVER, IP_UDP, "x", 1);
        assert_int_equal(stage_count(&stage, 3), 0);
        stage_close(&stage);
    }
}

static void rules_about_ip_look_at_streams(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        uint32_t streams, packets;
    } cases[] = {
        { "alert ip any any -> any any (content:\"abc\"; sid:1;)\n", 1, 0 },
        { "alert ipv6 any any -> any any (content:\"abc\"; sid:1;)\n", 1, 0 },
        { "alert tcp any any -> any any (content:\"abc\"; sid:1;)\n", 1, 0 },
        { "alert udp any any -> any any (content:\"abc\"; sid:1;)\n", 0, 1 },
        { "alert ip any any -> any any (content:\"abc\"; ttl:>1; sid:1;)\n", 0, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;
        stage_open(&stage, cases[i].rule, NULL);
        struct ruleset_numbers numbers = ruleset_numbers(stage.set);
        assert_int_equal(numbers.stream_rules, cases[i].streams);
        assert_int_equal(numbers.packet_rules, cases[i].packets);
        stage_close(&stage);
    }
}

static void nothing_is_absent_where_there_is_nothing(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage,
               "alert tcp any any -> any any (content:!\"x\"; sid:1;)\n"
               "alert udp any any -> any any (isdataat:!1; sid:2;)\n",
               NULL);
    stage_packet(&stage, TO_SERVER, 6, "", 0);
    assert_int_equal(stage.alerts->count, 0);
    stage_packet(&stage, TO_SERVER, 17, "", 0);
    assert_int_equal(stage.alerts->count, 0);
    stage_packet(&stage, TO_SERVER, 6, "y", 1);
    assert_int_equal(stage.alerts->count, 1);
    stage_packet(&stage, TO_SERVER, 17, "y", 1);
    assert_int_equal(stage.alerts->count, 1);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_action_with_a_scope_reaches_that_far),
        cmocka_unit_test(scopes_that_make_no_sense_are_refused),
        cmocka_unit_test(numbers_are_compared_in_every_form),
        cmocka_unit_test(a_phase_of_tcp_is_that_in_which_the_packet_came),
        cmocka_unit_test(contents_stand_where_they_should),
        cmocka_unit_test(earlier_matches_are_tried_again),
        cmocka_unit_test(numbers_are_read_from_payload),
        cmocka_unit_test(calls_of_rpc_are_known_by_their_numbers),
        cmocka_unit_test(bits_pass_between_rules),
        cmocka_unit_test(captures_stay_with_flow_packet_and_alert),
        cmocka_unit_test(later_rules_ask_for_what_was_captured),
        cmocka_unit_test(a_flow_keeps_only_so_many_texts),
        cmocka_unit_test(entropy_is_told_of_the_flow_whether_it_matches_or_not),
        cmocka_unit_test(thresholds_hide_and_show),
        cmocka_unit_test(headers_choose_the_packets),
        cmocka_unit_test(rules_about_ip_look_at_streams),
        cmocka_unit_test(nothing_is_absent_where_there_is_nothing),
        cmocka_unit_test(addresses_alone_are_judged_once_a_flow),
        cmocka_unit_test(a_pass_comes_first),
        cmocka_unit_test(alerts_of_a_packet_are_limited),
        cmocka_unit_test(actions_count_in_their_order),
        cmocka_unit_test(actions_reach_as_far_as_their_rule),
        cmocka_unit_test(a_negated_address_is_judged_for_each_packet),
        cmocka_unit_test(a_drop_without_room_still_drops),
        cmocka_unit_test(addresses_are_judged_when_the_transport_is_broken),
        cmocka_unit_test(tags_cover_what_comes_after_a_match),
        cmocka_unit_test(tags_that_make_no_sense_are_refused),
        cmocka_unit_test(a_reload_that_is_given_up_changes_nothing),
        cmocka_unit_test(a_reload_leaves_nothing_of_the_old_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
