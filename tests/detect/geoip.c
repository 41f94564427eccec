/* SPDX-License-Identifier: Apache-2.0 */
/* Countries from a database made by hand: the three sizes of records, both versions of IP, and damage. */
#include "stage.h"

#include <stdio.h>

#include "detect/geoip.h"

#define MARKER "\xab\xcd\xefMaxMind.com"

/* 192.0.2.1 is in VN, 198.51.100.1 in JP (by a pointer), nothing else is anywhere. */
static size_t make(uint8_t *out, unsigned record_bits, bool ip6)
{
    static const uint8_t path[] = { 1, 1, 0, 0, 0 };
    static const char values[] = "\xe2\x42id\xc1\x07\x47"
                                 "country\xe1\x48iso_code\x42VN"       /* 0: {id, country} */
                                 "\xe1\x20\x06\xe1\x48iso_code\x42jp"; /* 27: key by pointer */
    unsigned zeros = ip6 ? 96 : 0, nodes = zeros + 6;
    size_t size = 0;
    for (unsigned node = 0; node < nodes; node++) {
        uint32_t record[2] = { nodes, nodes };
        if (node < zeros)
            record[0] = node + 1;
        else if (node < nodes - 1)
            record[path[node - zeros]] = node + 1;
        else {
            record[0] = nodes + 16;
            record[1] = nodes + 16 + 27;
        }
        if (record_bits == 28) {
            const uint8_t bytes[] = {
                (uint8_t)(record[0] >> 16), (uint8_t)(record[0] >> 8),
                (uint8_t)record[0],         (uint8_t)((record[0] >> 24 & 15) << 4 | (record[1] >> 24 & 15)),
                (uint8_t)(record[1] >> 16), (uint8_t)(record[1] >> 8),
                (uint8_t)record[1]
            };
            memcpy(out + size, bytes, sizeof bytes);
            size += sizeof bytes;
            continue;
        }
        for (unsigned i = 0; i < 2; i++)
            for (unsigned shift = record_bits; shift; shift -= 8)
                out[size++] = (uint8_t)(record[i] >> (shift - 8));
    }
    memset(out + size, 0, 16);
    size += 16;
    memcpy(out + size, values, sizeof values - 1);
    size += sizeof values - 1;
    memcpy(out + size, MARKER, sizeof MARKER - 1);
    size += sizeof MARKER - 1;
    const uint8_t metadata[] = "\xe3\x4anode_count\xc1N\x4brecord_size\xa1R\x4aip_version\xa1V";
    memcpy(out + size, metadata, sizeof metadata - 1);
    for (size_t i = size; i < size + sizeof metadata - 1; i++)
        if (out[i - 1] == 0xc1 || out[i - 1] == 0xa1)
            out[i] = (uint8_t)(out[i] == 'N' ? nodes : out[i] == 'R' ? record_bits : ip6 ? 6 : 4);
    return size + sizeof metadata - 1;
}

static const char *country(const struct geoip *geoip, const char *text)
{
    static char code[3];
    struct address address;
    assert_true(address_parse(bytes_of_string(text), &address));
    uint8_t raw[2];
    if (!geoip_country(geoip, &address, raw))
        return "";
    snprintf(code, sizeof code, "%c%c", raw[0], raw[1]);
    return code;
}

static void countries_are_found_whatever_the_size_of_records(void **state)
{
    (void)state;
    static const unsigned sizes[] = { 24, 28, 32 };
    uint8_t content[4096];
    struct error error;
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (int ip6 = 0; ip6 < 2; ip6++) {
            struct geoip *geoip = geoip_of(bytes_of(content, make(content, sizes[i], ip6)), &error);
            if (!geoip)
                fail_msg("%u bits: %s", sizes[i], error.text);
            assert_string_equal(country(geoip, "192.0.2.1"), "vn");
            assert_string_equal(country(geoip, "198.51.100.1"), "jp");
            assert_string_equal(country(geoip, "10.0.0.1"), "");
            assert_string_equal(country(geoip, "::c000:201"), ip6 ? "vn" : "");
            assert_string_equal(country(geoip, "2001:db8::1"), "");
            geoip_free(geoip);
        }
}

static void damaged_databases_do_no_harm(void **state)
{
    (void)state;
    uint8_t content[4096];
    struct error error;
    size_t size = make(content, 24, true);
    for (size_t shorter = 0; shorter < size; shorter++) {
        struct geoip *geoip = geoip_of(bytes_of(content, shorter), &error);
        if (geoip)
            (void)country(geoip, "192.0.2.1");
        geoip_free(geoip);
    }
    for (size_t at = 0; at < size; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            content[at] ^= (uint8_t)(1U << bit);
            struct geoip *geoip = geoip_of(bytes_of(content, size), &error);
            if (geoip) {
                (void)country(geoip, "192.0.2.1");
                (void)country(geoip, "198.51.100.1");
                (void)country(geoip, "2001:db8::1");
            }
            geoip_free(geoip);
            content[at] ^= (uint8_t)(1U << bit);
        }
    assert_null(geoip_of(BYTES_OF("no database"), &error));
    assert_non_null(strstr(error.text, "no MaxMind DB"));
    assert_null(geoip_open("/nonexistent/x.mmdb", &error));
}

static void rules_ask_for_countries(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool matches; /* from 192.0.2.1 (VN) to 198.51.100.1 (JP) */
    } cases[] = {
        { "VN", true },         { "vn", true },          { "US", false },       { "src,VN", true },
        { "dst,VN", false },    { "dst,JP", true },      { "src,US,VN", true }, { "both,VN", false },
        { "both,VN,JP", true }, { "any,JP", true },      { "src,!VN", false },  { "dst,!VN", true },
        { "both,!US", true },   { "src,!US,!CN", true },
    };
    uint8_t content[4096];
    char path[] = "/tmp/vonglau-geoip-XXXXXX";
    size_t size = make(content, 28, true);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, size), size);
    close(fd);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char rule[200];
        struct stage stage;
        snprintf(rule, sizeof rule, "alert udp any any -> any any (geoip:%s; content:\"x\"; sid:1;)\n",
                 cases[i].value);
        stage_open_with(&stage, rule, &(struct ruleset_settings){ .geoip_file = path });
        if (stage.refused)
            fail_msg("%s: %s", rule, stage.reason.text);
        stage_packet(&stage, TO_SERVER, IP_UDP, "x", 1);
        if (stage_count(&stage, 1) != cases[i].matches)
            fail_msg("%s", cases[i].value);
        stage_close(&stage);
    }
    static const char *const wrong[] = { "src", "VNM", "VN,!JP", "!" };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char rule[200];
        struct stage stage;
        snprintf(rule, sizeof rule, "alert udp any any -> any any (geoip:%s; sid:1;)\n", wrong[i]);
        stage_open_with(&stage, rule, &(struct ruleset_settings){ .geoip_file = path });
        assert_int_equal(stage.refused, 1);
        stage_close(&stage);
    }
    unlink(path);
    struct stage stage;
    stage_open(&stage, "alert udp any any -> any any (geoip:VN; sid:1;)\n", NULL);
    assert_non_null(strstr(stage.reason.text, "geoip-database"));
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(countries_are_found_whatever_the_size_of_records),
        cmocka_unit_test(damaged_databases_do_no_harm),
        cmocka_unit_test(rules_ask_for_countries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
