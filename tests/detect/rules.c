/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules load, and what is said of those that do not. */
#include "stage.h"

#define ALERT(options) "alert tcp any any -> any any (msg:\"t\"; " options " sid:1;)\n"

static void good_rules_load(void **state)
{
    (void)state;
    static const char *const rules[] = {
        ALERT("content:\"abc\";"),
        ALERT("content:!\"a|41 42|b\"; nocase; offset:1; depth:20;"),
        ALERT("content:\"a\\\"b\\;c\\:d\\\\\"; fast_pattern;"),
        ALERT("content:\"abc\"; fast_pattern:1,2;"),
        ALERT("content:\"abc\", nocase, depth 10;"),
        ALERT("byte_extract:2,0,n,relative; content:\"x\"; within:n;"),
        ALERT("byte_math:bytes 2,offset 0,oper +,rvalue 3,result r; isdataat:r;"),
        ALERT("byte_math:bytes 1,offset 0,oper /,rvalue 0,result r; isdataat:r;"),
        ALERT("tos:x1f; tos:!8;"),
        ALERT("threshold:type limit, track by_src, count 0, seconds 0;"),
        "alert http any any -> any any (urilen:5,foo; filestore:foo,bar; sid:1;)\n",
        "alert http2 any any -> any any (http2.settings:SETTINGS_ENABLE_PUSH; sid:1;)\n",
        ALERT("byte_test:4,>,1000,20,relative,little; byte_jump:2,0,from_beginning,post_offset -1;"),
        ALERT("content:\"x\"; pcre:\"/a.*b/Ri\"; flags:S+,12; ttl:>5; window:!55808; seq:0; ack:0;"),
        ALERT("flow:established,to_server; flowbits:isset,a|b; flowbits:set,c; dsize:10<>20;"),
        ALERT("threshold:type limit, track by_src, count 1, seconds 60;"),
        ALERT("detection_filter:track by_dst, count 5, seconds 10; metadata:a b, c d;"),
        ALERT("base64_decode:bytes 10, offset 2, relative; base64_data; content:\"x\";"),
        ALERT("xbits:set,bad,track ip_src,expire 60; hostbits:isset,x,src; flowint:n,+,1; "
              "tag:session,10,packets;"),
        ALERT("l3_proto:IPv4; template2:>5; nfq_set_mark:0x1/0xff; xbits:set,bad; flowbits:set,c|d;"),
        ALERT("flowvar:name,\"a|41|\"; pktvar:name,x; engine-event:stream.pkt_invalid_ack;"),
        "alert ip any any -> any any (ip_proto:IPv6-ICMP; sid:1;)\n",
        "alert krb5 any any -> any any (krb5.ticket_encryption:!weak; "
        "krb5.ticket_encryption:-128,17-20,rc4-hmac; "
        "sid:1;)\n",
        "alert dcerpc any any -> any any (dcerpc.opnum:9,10-15; sid:1;)\n",
        "alert udp [192.0.2.0/24,!192.0.2.7] [1:1024,!80] <> [$HOME_NET,!10.1.0.0/16] ![53,54] (sid:1;)\n",
        "alert ip 192.0.2.1-192.0.2.9 any -> 2001:db8::/32 any (sid:1;)\n",
        "drop icmp any any -> any any (itype:8; icode:<3; icmp_id:1; sid:1; rev:3; gid:2; priority:1;)\n",
        "alert pkthdr any any -> any any (decode-event:ipv4.trunc_pkt; sid:1;)\n",
        "alert tcp any any -> any any (requires: version >= 7.0; sid:1;)\n",
        "  alert tcp any any -> any any ( \\\n  content:\"abc\"; \\\n  sid:1;)\n",
        "alert http any any -> any any (http.uri; content:\"/x\"; endswith; http.host; dotprefix; "
        "content:\".a.b\"; bsize:<30; sid:1;)\n",
        "alert http any any -> any any (content:\"/x\"; http_uri; content:\"GET\"; http_method; "
        "pcre:\"/y/U\"; sid:1;)\n",
        "alert dns any any -> any any (dns.query; content:\"abcd\"; nocase; sid:1;)\n",
        ALERT("rpc:100000,*,3;"),
        ALERT("ttl:!5-10; ttl:5<>7; ttl:&0xf0=0x40; ttl:&0xf0!=0x10; tcp.mss:>=1kb; tcp.mss:<2KiB;"),
        ALERT("tcp.session:setup,closing; flow.elephant:toserver,toclient; fragoffset:>65000; tos:\"5\";"),
        "alert ip any any -> any any (ipopts:QS; ipopts:cipso; ipopts:rtralt; sid:1;)\n",
        "alert mqtt any any -> any any (mqtt.flags:&9=8; mqtt.type:1-14; mqtt.type:!connect; sid:1;)\n",
        "alert dns any any -> any any (dns.rrtype:any; dns.rrtype:!1-16; dns.rcode:badvers; "
        "dns.rcode:!=300; sid:1;)\n",
        "alert http2 any any -> any any (http2.settings:SETTINGS_ENABLE_PUSH 1-3; "
        "http2.settings:settings_max_frame_size>=0x10; http2.errorcode:1-5; sid:1;)\n",
        "alert krb5 any any -> any any (krb5.ticket_encryption:rc4-md4,subkey-keymaterial; sid:1;)\n",
        ALERT("app-layer-protocol:tls|ssh,final; app-layer-protocol:unknown|failed,to_client;"),
        ALERT("app-layer-protocol:!\"http\"; content:\"abc\"; isdataat:!1,relative; endswith;"),
        "alert http any any -> any any (http.uri; gunzip:max-size 1kb; content:\"a\"; sid:1;)\n",
        "alert ntp any any -> any any (ntp.mode:!server; ntp.stratum:<3; sid:1;)\n",
        "alert ldap any any -> any any (ldap.responses.result_code:success,all; "
        "ldap.responses.operation:bind_response,-1; sid:1;)\n",
        "alert enip any any -> any any (enip.capabilities:288; enip.service_name; content:\"Comm\"; "
        "sid:1;)\n",
        "alert tls any any -> any any (tls_cert_expired; tls_store; sid:1;)\n",
        "alert ftp any any -> any any (frame:stream; content:\"USER\"; sid:1;)\n",
        "alert tcp any any -> any any (frame:krb5.stream; bsize:>9; content:\"a\"; "
        "sid:1;)\n",
        "alert ssh:request_in_progress any any -> any any (sid:1;)\n",
        "alert ssh:response_banner_wait_eol any any -> any any (sid:1;)\n",
        ALERT("entropy:value 1<>5; entropy:value !1-5; entropy:bytes 4, offset 1, value >= 6.5;"),
        ALERT("window:!512; stream_size:either,!=,9; tcp.seq:7;"),
        "alert tcp-pkt any any -> any any (app-layer-protocol:tls; dsize:>5; content:\"a\"; sid:1;)\n",
        "alert tcp-stream any any -> any any (stream_size:client,>,5; content:\"a\"; sid:1;)\n",
        "alert tls any any -> any any (ssl_state:!client_hello | server_hello; sid:1;)\n",
        "alert tcp any any -> any any (frame:doh2.hdr; content:\"|00|\"; sid:1;)\n",
        "alert doh2 any any -> any any (frame:http2.pdu; content:\"|00|\"; sid:1;)\n",
        "alert dcerpc any any -> any any (frame:smb.smb2.hdr; content:\"|00|\"; sid:1;)\n",
        "alert tls any any -> any any (tls.version:1.2; tls.sni; to_sha1; dataset:isset,seen,type sha1; "
        "sid:1;)\n",
    };
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        struct stage stage;
        stage_open(&stage, rules[i], NULL);
        if (stage.refused || ruleset_numbers(stage.set).loaded != 1)
            fail_msg("%s: column %u %s: %s", rules[i], stage.reason.column, stage.refused_keyword,
                     stage.reason.text);
        stage_close(&stage);
    }
}

static void bad_rules_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        unsigned column;
        const char *keyword;
        const char *why; /* part of the text */
    } cases[] = {
        { "alert", 1, "", "incomplete" },
        { "alert tcp any any - any any (sid:1;)", 19, "", "direction" },
        { "alert tcp any any -> any any (sid:1)", 31, "", "end with ';'" },
        { "alert tcp any any -> any any (sid:1;", 36, "", "end with ')'" },
        { "shout tcp any any -> any any (sid:1;)", 1, "shout", "action" },
        { "alert foo any any -> any any (sid:1;)", 1, "alert", "protocol" },
        { "alert tcp any any -> any 70000 (sid:1;)", 26, "70000", "65535" },
        { "alert tcp 1.2.3.400 any -> any any (sid:1;)", 11, "1.2.3.400", "address" },
        { "alert tcp $NO any -> any any (sid:1;)", 11, "$NO", "not defined" },
        { "alert tcp any any -> !any any (sid:1;)", 22, "!any", "empty" },
        { "alert tcp any any -> any any (msg:\"x\";)", 1, "", "sid" },
        { ALERT("nonsense;"), 40, "nonsense", "not known" },
        { ALERT("content:\"\";"), 40, "content", "empty" },
        { ALERT("content:\"|4|\";"), 40, "content", "half a byte" },
        { ALERT("content:\"|41\";"), 40, "content", "not closed" },
        { ALERT("content:\"a\\x\";"), 40, "content", "escape" },
        { ALERT("content:abc;"), 40, "content", "quotes" },
        { ALERT("nocase;"), 40, "nocase", "content before" },
        { ALERT("content:\"abc\"; depth:2;"), 55, "depth", "less than" },
        { ALERT("content:\"abc\"; within:2;"), 55, "within", "less than" },
        { ALERT("content:\"abc\"; offset:1; distance:2;"), 65, "distance", "do not go" },
        { ALERT("content:\"abc\"; distance:x;"), 55, "distance", "Unknown byte_extract" },
        { ALERT("content:\"abc\"; distance:70000000;"), 55, "distance", "must be" },
        { ALERT("pcre:\"/(/\";"), 40, "pcre", "offset" },
        { ALERT("pcre:\"/a/!\";"), 40, "pcre", "flag" },
        { ALERT("pcre:\"/(a)/,flow:x,pkt:y\";"), 40, "pcre", "more names than captures" },
        { ALERT("pcre:\"/(a)/,tx:x\";"), 40, "pcre", "flow:, pkt: or alert:" },
        { ALERT("pcre:\"/(a)/,flow:\";"), 40, "pcre", "flow:, pkt: or alert:" },
        { ALERT("byte_test:9,>,1,0;"), 40, "byte_test", "8 bytes" },
        { ALERT("byte_test:1,?,1,0;"), 40, "byte_test", "operator" },
        { ALERT("flow:sideways;"), 40, "flow", "not known" },
        { ALERT("flow:established,stateless;"), 40, "flow", "does not go" },
        { ALERT("l3_proto:ipx;"), 40, "l3_proto", "must be ipv4" },
        { ALERT("nfq_set_mark:1;"), 40, "nfq_set_mark", "a mark and a mask" },
        { ALERT("flowvar:name;"), 40, "flowvar", "a name and a text" },
        { ALERT("pcre:\"/a/R\";"), 40, "pcre", "needs preceding match" },
        { ALERT("ip_proto:6;"), 40, "ip_proto", "must leave the protocol open" },
        { ALERT("content:\"a\"; fast_pattern; content:\"b\"; fast_pattern;"), 80, "fast_pattern",
          "only one content" },
        { ALERT("prefilter;"), 40, "prefilter", "needs a match" },
        { ALERT("udp.hdr; content:\"a\";"), 1, "", "no header" },
        { ALERT("app-layer-protocol:dns; app-layer-protocol:tls;"), 64, "app-layer-protocol",
          "only one protocol" },
        { ALERT("app-layer-protocol:!unknown;"), 40, "app-layer-protocol", "cannot be negated" },
        { ALERT("app-layer-protocol:tls|xyzzy;"), 40, "app-layer-protocol", "\"xyzzy\" is not known" },
        { ALERT("app-layer-protocol:xyzzy;"), 40, "app-layer-protocol", "\"xyzzy\" is not known" },
        { "alert ip any any -> any any (ip_proto:TcP; sid:1;)", 30, "ip_proto", "no IP protocol" },
        { "alert tls any any -> any any (ja3.hash; content:\"e7\"; sid:1;)", 1, "", "32 bytes long" },
        { "alert http any any -> any any (http.host; content:\"A\"; sid:1;)", 1, "", "small letters" },
        { "alert http any any -> any any (http.method; content:\"GET \"; sid:1;)", 1, "", "no space" },
        { "alert http any any -> any any (http.uri; content:\"a\"; dsize:5; sid:1;)", 1, "",
          "about one packet" },
        { "alert krb5 any any -> any any (krb5.ticket_encryption:nothing; sid:1;)", 32,
          "krb5.ticket_encryption", "no number, range or name" },
        { "alert tcp-pkt any any -> any any (http.uri; content:\"a\"; sid:1;)", 1, "",
          "tcp-pkt does not go" },
        { "alert tcp-pkt any any -> any any (frame:tls.pdu; content:\"a\"; sid:1;)", 1, "",
          "tcp-pkt does not" },
        { "alert tcp-pkt any any -> any any (flow:only_stream; content:\"a\"; sid:1;)", 1, "", "tcp-stream" },
        { "alert tcp-stream any any -> any any (ttl:5; content:\"a\"; sid:1;)", 1, "", "about one packet" },
        { ALERT("flow:only_stream; flags:S;"), 1, "", "about one packet" },
        { ALERT("entropy:value !5;"), 40, "entropy", "\"!5\" is no value" },
        { ALERT("entropy:value >5,0;"), 40, "entropy", "\"0\" is no value" },
        { ALERT("stream_size:toserver,>,5;"), 40, "stream_size", "\"toserver\"" },
        { ALERT("stream_size:client,>5,1;"), 40, "stream_size", "\">5\" is no operator" },
        { ALERT("stream_size:client,>,5kb;"), 40, "stream_size", "\"5kb\"" },
        { ALERT("ttl:5-1;"), 40, "ttl", "its ends do not belong to it, in 5-1" },
        { ALERT("flow.pkts:5;"), 40, "flow.pkts", "either or both, in 5" },
        { ALERT("id:>5;"), 40, "id", "one number, not \">5\"" },
        { ALERT("window:1-5;"), 40, "window", "one number" },
        { "alert tls any any -> any any (ssl_state:client_hello|; sid:1;)", 31, "ssl_state",
          "\"\" is no state" },
        { "alert tls any any -> any any (ssl_state:CLIENT_HELLO; sid:1;)", 31, "ssl_state", "is no state" },
        { "alert udp any any -> any any (frame:tls.pdu; content:\"a\"; sid:1;)", 31, "frame",
          "\"tls.pdu\" is no" },
        { "alert ntp any any -> any any (frame:stream; content:\"a\"; sid:1;)", 31, "frame",
          "\"stream\" is no" },
        { "alert http any any -> any any (frame:data; content:\"a\"; sid:1;)", 32, "frame",
          "\"data\" is no" },
        { "alert dcerpc any any -> any any (frame:smb2.hdr; content:\"a\"; sid:1;)", 34, "frame",
          "no frame" },
        { ALERT("detection_filter:track by_src, count 0, seconds 60;"), 40, "detection_filter", "wanted" },
        { ALERT("tos:0x10;"), 40, "tos", "0 to 255" },
        { ALERT("tos:x100;"), 40, "tos", "0 to 255" },
        { ALERT("tos:256;"), 40, "tos", "0 to 255" },
        { ALERT("tos:<5;"), 40, "tos", "0 to 255" },
        { "alert http2 any any -> any any (http2.settings:SETTINGS_NONE; sid:1;)", 33, "http2.settings",
          "known name" },
        { ALERT("ttl:300;"), 40, "ttl", "255" },
        { ALERT("dsize:9<>3;"), 40, "dsize", "empty" },
        { ALERT("ttl:5-6;"), 40, "ttl", "its ends do not belong to it" },
        { ALERT("ttl:! 5-9;"), 40, "ttl", "starts with its lower number" },
        { ALERT("ttl:!=5-9;"), 40, "ttl", "not a number" },
        { ALERT("ttl:>255;"), 40, "ttl", "holds always, or never" },
        { ALERT("ttl:<0;"), 40, "ttl", "holds always, or never" },
        { ALERT("ttl:>=0;"), 40, "ttl", "holds always, or never" },
        { ALERT("ttl:<=255;"), 40, "ttl", "holds always, or never" },
        { ALERT("ttl:&0x0f;"), 40, "ttl", "mask wants a value" },
        { ALERT("ttl:&0x0f=0x10;"), 40, "ttl", "bits that the mask has not" },
        { ALERT("ttl:0X10;"), 40, "ttl", "not a number" },
        { ALERT("tcp.mss:1 kb;"), 40, "tcp.mss", "not a number" },
        { ALERT("ttl:5,6;"), 40, "ttl", "not a number" },
        { ALERT("flow.age:4294967296;"), 40, "flow.age", "must be 0 to" },
        { ALERT("flow.elephant:toserver,either;"), 40, "flow.elephant", "only two" },
        { ALERT("ttl:5;;"), 46, "", "keyword is missing" },
        { ALERT("metadata;"), 40, "metadata", "value is missing" },
        { ALERT("tcp.session:;"), 40, "tcp.session", "value is missing" },
        { ALERT("classtype:\"x\";"), 40, "classtype", "takes no quotes" },
        { "alert tls any any -> any any (tls.subject:x; sid:1;)", 31, "tls.subject", "must be in quotes" },
        { "alert http any any -> any any (http.uri; content:\"a\"; rawbytes; sid:1;)", 55, "rawbytes",
          "about packets" },
        { "alert http any any -> any any (http.uri; absent:or_else; sid:1;)", 1, "", "wants something" },
        { "alert http any any -> any any (http.uri; absent; absent; sid:1;)", 50, "absent", "come first" },
        { "alert http any any -> any any (http.uri; pcrexform:\"(a)(b)\"; content:\"a\"; sid:1;)", 42,
          "pcrexform", "exactly one group" },
        { "alert dhcp any any -> any any (dhcp.leasetime:5,all; sid:1;)", 32, "dhcp.leasetime",
          "only one number" },
        { "alert mqtt any any -> any any (mqtt.flags:DUP; sid:1;)", 32, "mqtt.flags", "no flag" },
        { ALERT("byte_test:1,=,1,0,endian big;"), 40, "byte_test", "not known" },
        { ALERT("byte_test:1,=,1,0,bitmask 0x1ffffffff;"), 40, "byte_test", "of 32 bits" },
        { ALERT("byte_test:1,=,1,0,dce,big;"), 40, "byte_test", "dce says the byte order" },
        { ALERT("byte_jump:1,0,dec;"), 40, "byte_jump", "string is wanted" },
        { ALERT("byte_jump:1,0,bitmask 0xf;"), 40, "byte_jump", "not known" },
        { ALERT("byte_jump:1,0,from_beginning,from_end;"), 40, "byte_jump", "do not go together" },
        { ALERT("byte_extract:1,0,v; byte_jump:1,0,post_offset v;"), 60, "byte_jump", "must be a number" },
        { ALERT("byte_extract:1,0,v; byte_extract:1,v,w;"), 60, "byte_extract", "must be numbers" },
        { ALERT("byte_extract:1,0,v,relative,relative;"), 40, "byte_extract", "twice" },
        { ALERT("byte_math:bytes 4, oper +, rvalue 1, result v;"), 40, "byte_math", "are wanted" },
        { ALERT("byte_math:bytes 4, bytes 4, offset 0, oper +, rvalue 1, result v;"), 40, "byte_math",
          "bytes is there twice" },
        { ALERT("flags:Z;"), 40, "flags", "no TCP flag" },
        { ALERT("threshold:type limit, track by_src, count 1, seconds 6; threshold:type limit, track by_src, "
                "count 1, seconds 6;"),
          96, "threshold", "multiple \"threshold\" options" },
        { ALERT("base64_decode; base64_data; content:\"a\"; fast_pattern;"), 81, "fast_pattern",
          "cannot be used with base64_data" },
        { ALERT("dsize:6; content:\"boom\"; content:\"loom\"; distance:2;"), 1, "",
          "length 10 exceeds dsize value 6" },
        { "alert http any any -> any any (http.uri; content:\"abc\"; bsize:<2; sid:1;)", 1, "",
          "length 3 exceeds bsize value: 2" },
        { "alert http any any -> any any (http.uri; content:\"abcd\"; bsize:1<>3; sid:1;)", 1, "",
          "length 4 exceeds bsize range: 1-3" },
        { "alert http any any -> any any (http.uri; content:\"abc\"; offset:3; bsize:3; sid:1;)", 1, "",
          "length 6 exceeds bsize value: 3" },
        { "alert http any any => any any (http.uri; content:\"a\"; sid:1;)", 1, "", "should use both" },
        { "alert http any any => any any (http.uri; content:\"a\"; http.stat_code; content:\"2\"; "
          "http.connection; content:\"b\"; sid:1;)",
          1, "", "ambiguous" },
        { "alert http any any => any any (http.uri; content:\"a\"; http.stat_code; content:\"2\"; "
          "flow:to_server; sid:1;)",
          1, "", "cannot specify a flow direction" },
        { "alert smb any any -> any any (smb.version:>1; sid:1;)", 31, "smb.version", "from 1 to 2" },
        { "alert smb any any -> any any (smb.version:1; smb.version:2; sid:1;)", 46, "smb.version",
          "2 or more smb.version" },
        { ALERT("bsize:4;"), 40, "bsize", "sticky" },
        { ALERT("rpc:*,1;"), 40, "rpc", "program must be a number" },
        { ALERT("rpc:1,2,3,4;"), 40, "rpc", "at most" },
        { ALERT("rpc:1,x;"), 40, "rpc", "no number of 32 bits" },
        { ALERT("tls_cert_notafter:>=2015-01-01;"), 40, "tls_cert_notafter", "is no date" },
        { ALERT("tls_cert_notafter:2015-13-01;"), 40, "tls_cert_notafter", "is no date" },
        { ALERT("tls_cert_notafter:2015-01-01T1;"), 40, "tls_cert_notafter", "is no date" },
        { ALERT("tls_cert_notbefore:2015-01<>2014-01;"), 40, "tls_cert_notbefore", "must be later" },
        { "alert ldap any any -> any any (ldap.responses.result_code:success,none; sid:1;)", 32,
          "ldap.responses.result_code", "is not any, all or an index" },
        { ALERT("ttl;"), 40, "ttl", "value is missing" },
        { ALERT("sid:2;"), 47, "sid", "twice" },
        { "alert http any any -> any any (file.data; sid:1;)", 1, "", "nothing is looked for" },
        { "alert http any any -> any any (http.uri; content:\"a\"; http.stat_code; content:\"2\"; sid:1;)", 1,
          "", "conflicting directions" },
        { "alert dns any any -> any any (http.uri; content:\"a\"; sid:1;)", 1, "", "does not go" },
        { "alert http any any -> any any (http.uri; url_decode; content:\"a\"; to_md5; sid:1;)", 67, "to_md5",
          "right after" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;
        stage_open(&stage, cases[i].rule, NULL);
        bool right = stage.refused == 1 && stage.reason.line == 1 && stage.reason.column == cases[i].column &&
                     strcmp(stage.refused_keyword, cases[i].keyword) == 0 &&
                     strstr(stage.reason.text, cases[i].why);
        if (!right)
            fail_msg("%s: %u refused, column %u, \"%s\": %s", cases[i].rule, stage.refused,
                     stage.reason.column, stage.refused_keyword, stage.reason.text);
        assert_int_equal(ruleset_numbers(stage.set).loaded, 0);
        stage_close(&stage);
    }
}

static void rules_on_unknown_anomalies_are_skipped_with_a_word(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage,
               "alert dns any any -> any any (app-layer-event:dns.of_another_release; sid:1;)\n"
               "alert dns any any -> any any (app-layer-event:dns.malformed_data; sid:2;)\n",
               NULL);
    struct ruleset_numbers numbers = ruleset_numbers(stage.set);
    assert_int_equal(numbers.loaded, 1);
    assert_int_equal(numbers.failed, 0);
    assert_int_equal(numbers.skipped, 1);
    assert_true(stage.reason.skipped);
    assert_int_equal(stage.reason.sid, 1);
    assert_non_null(strstr(stage.reason.text, "doesn't have event \"of_another_release\""));
    stage_close(&stage);
}

static void the_rest_of_a_file_loads(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage,
               "# a comment\n" ALERT(
                   "content:\"abc\";") "alert tcp any any -> any any (broken; sid:2;)\n"
                                       "alert tcp any any -> any any (requires: version >= 99; sid:3;)\n"
                                       "alert tcp any any -> any any (requires: keyword no.such; what.ever; "
                                       "sid:4;)\n"
                                       "alert udp any any -> any any (content:\"abc\"; sid:5;)\n",
               NULL);
    struct ruleset_numbers numbers = ruleset_numbers(stage.set);
    assert_int_equal(numbers.loaded, 2);
    assert_int_equal(numbers.failed, 1);
    assert_int_equal(numbers.skipped, 2);
    assert_int_equal(stage.reason.line, 3);
    assert_int_equal(stage.reason.sid, 2);
    stage_close(&stage);
}

/* One with `pairs` pairs of metadata. */
static bool with_pairs(unsigned pairs, struct text *json)
{
    struct text rule = text_new(64 << 10);
    text_string(&rule, "alert tcp any any -> any any (content:\"abc\"; metadata:");
    for (unsigned i = 0; i < pairs; i++)
        text_string(&rule, i ? ", k v" : "k \"v\"");
    text_string(&rule, "; metadata: l w, k x, alone; sid:1;)\n");
    text_char(&rule, 0);
    struct stage stage;
    stage_open(&stage, rule.data, NULL);
    bool loaded = !stage.refused;
    if (loaded) {
        stage_packet(&stage, TO_SERVER, 6, "abc", 3);
        assert_int_equal(stage.alerts->count, 1);
        rule_put_metadata(stage.alerts->items[0].rule, json);
    } else {
        assert_string_equal(stage.refused_keyword, "metadata");
        assert_non_null(strstr(stage.reason.text, "256 pairs"));
    }
    stage_close(&stage);
    text_done(&rule);
    return loaded;
}

static void metadata_is_grouped_by_key(void **state)
{
    (void)state;
    struct text json = text_new(1000);
    assert_true(with_pairs(2, &json));
    text_char(&json, 0);
    assert_string_equal(json.data, "\"metadata\":{\"k\":[\"x\",\"v\",\"\\\"v\\\"\"],\"l\":[\"w\"]},");
    text_done(&json);
    assert_false(with_pairs(254, NULL));
    json = text_new(10000);
    assert_true(with_pairs(253, &json));
    text_done(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_rules_load),
        cmocka_unit_test(bad_rules_are_refused_with_their_place),
        cmocka_unit_test(rules_on_unknown_anomalies_are_skipped_with_a_word),
        cmocka_unit_test(the_rest_of_a_file_loads),
        cmocka_unit_test(metadata_is_grouped_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
