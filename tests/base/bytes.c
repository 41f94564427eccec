/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "../support/support.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/writer.h"

static void a_failed_reader_is_empty_and_yields_zeros(void **state)
{
    (void)state;
    static const uint8_t data[] = { 1, 2, 3, 4, 5 };
    struct reader in = reader_of(data, sizeof data);
    assert_int_equal(reader_be32(&in), 0x01020304);
    assert_int_equal(reader_be16(&in), 0);
    assert_false(reader_ok(&in));
    assert_true(reader_empty(&in));
    assert_int_equal(reader_u8(&in), 0);
    assert_null(reader_take(&in, 0));
    in = reader_of(data, sizeof data);
    struct reader sub = reader_sub(&in, 6);
    assert_false(reader_ok(&sub));
    assert_true(reader_empty(&sub));
    in = reader_of(data, sizeof data);
    assert_int_equal(reader_le16(&in), 0x0201);
    assert_true(bytes_is(reader_until(&in, 4), "\x03"));
    assert_null(reader_until(&in, 9).data);
    assert_false(reader_ok(&in));

    in = reader_of(NULL, 0);
    assert_null(reader_take(&in, 0));
    assert_true(reader_ok(&in));
    assert_true(reader_empty(&in));
    assert_null(reader_take(&in, 1));
    assert_false(reader_ok(&in));
}

static size_t plain_search(struct bytes in, struct bytes what, bool nocase)
{
    for (size_t i = 0; i + what.size <= in.size; i++) {
        struct bytes there = bytes_of(in.data + i, what.size);
        if (nocase ? bytes_equal_nocase(there, what) : bytes_equal(there, what))
            return i;
    }
    return SIZE_MAX;
}

static void search_finds_the_first_place_whatever_the_sizes(void **state)
{
    (void)state;
    uint64_t seed = 3;
    unsigned hits = 0;
    for (int round = 0; round < 20000; round++) {
        uint8_t hay[160], what[12];
        size_t hay_size = (seed >> 33) % sizeof hay, what_size = (seed >> 45) % sizeof what + 1;
        /* The data ends where its memory ends. */
        uint8_t *exact = malloc(hay_size ? hay_size : 1);
        assert_non_null(exact);
        for (size_t i = 0; i < hay_size; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            hay[i] = (uint8_t) "aAbB@`"[(seed >> 40) % 6];
        }
        for (size_t i = 0; i < what_size; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            what[i] = (uint8_t) "aAbB@`"[(seed >> 40) % 6];
        }
        memcpy(exact, hay, hay_size);
        struct bytes in = bytes_of(exact, hay_size), needle = bytes_of(what, what_size);
        assert_int_equal(bytes_find(in, needle), plain_search(in, needle, false));
        assert_int_equal(bytes_find_nocase(in, needle), plain_search(in, needle, true));
        hits += bytes_find(in, needle) != SIZE_MAX;
        free(exact);
    }
    assert_true(hits > 1000);
}

static void writer_and_reader_agree(void **state)
{
    (void)state;
    uint8_t buffer[16];
    struct writer out = writer_of(buffer, sizeof buffer);
    writer_be64(&out, 0x1122334455667788);
    writer_le32(&out, 5);
    writer_be16(&out, 6);
    assert_true(writer_ok(&out));
    struct reader in = reader_of_bytes(writer_bytes(&out));
    assert_true(reader_be64(&in) == 0x1122334455667788);
    assert_int_equal(reader_le32(&in), 5);
    assert_int_equal(reader_be16(&in), 6);
    assert_true(reader_empty(&in) && reader_ok(&in));
    writer_be32(&out, 1);
    assert_false(writer_ok(&out));
}

static void numbers_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_true(bytes_to_u64(BYTES_OF("18446744073709551615"), &value) && value == UINT64_MAX);
    assert_false(bytes_to_u64(BYTES_OF("18446744073709551616"), &value));
    assert_false(bytes_to_u64(BYTES_OF(""), &value));
    assert_false(bytes_to_u64(BYTES_OF("1 "), &value));
    assert_true(bytes_to_number(BYTES_OF("0xfF"), &value) && value == 255);
    assert_false(bytes_to_number(BYTES_OF("0x"), &value));
    assert_false(bytes_to_number(BYTES_OF("0x11112222333344445"), &value));
}

static void utf8_is_told_from_other_bytes(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "abc", "\xc3\xa1", "\xe1\xbb\x87", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"
    };
    static const char *const bad[] = {
        "\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"
    };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(bytes_is_utf8(bytes_of_string(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(bytes_is_utf8(bytes_of_string(bad[i])));
}

static void searches_find_the_first(void **state)
{
    (void)state;
    assert_int_equal(bytes_find(BYTES_OF("abcabc"), BYTES_OF("ca")), 2);
    assert_int_equal(bytes_find_nocase(BYTES_OF("xxABc"), BYTES_OF("abC")), 2);
    assert_true(bytes_find(BYTES_OF("ab"), BYTES_OF("abc")) == SIZE_MAX);
    /* Every place of a longer text, against the obvious way. */
    static const char text[] = "GET /a@`A[{b HTTP/1.1\r\nHost: Example.ORG\r\nhost: example.org\r\n\r\n";
    struct bytes all = bytes_of(text, sizeof text - 1);
    for (size_t from = 0; from < all.size; from++) {
        for (size_t size = 1; size <= all.size - from; size++) {
            struct bytes needle = bytes_of(all.data + from, size);
            size_t exact = 0, folded = 0;
            while (!bytes_equal(bytes_of(all.data + exact, size), needle))
                exact++;
            while (!bytes_equal_nocase(bytes_of(all.data + folded, size), needle))
                folded++;
            assert_int_equal(bytes_find(all, needle), exact);
            assert_int_equal(bytes_find_nocase(all, needle), folded);
        }
    }
    struct bytes rest = BYTES_OF("a,,b");
    assert_true(bytes_is(bytes_cut(&rest, ','), "a"));
    assert_true(bytes_is(bytes_cut(&rest, ','), ""));
    assert_true(bytes_is(bytes_cut(&rest, ','), "b"));
    assert_int_equal(rest.size, 0);
    assert_true(bytes_is(bytes_trim(BYTES_OF(" \ta b\r\n")), "a b"));
}

static void networks_clear_host_bits_and_overlap(void **state)
{
    (void)state;
    struct network a, b;
    struct address host;
    assert_true(network_parse(BYTES_OF("10.1.2.3/8"), &a));
    assert_true(network_parse(BYTES_OF("10.200.0.0/16"), &b));
    assert_true(network_overlaps(&a, &b));
    assert_int_equal(a.address.octets[1], 0);
    assert_true(address_parse(BYTES_OF("10.255.0.1"), &host) && network_has(&a, &host) &&
                !network_has(&b, &host));
    assert_true(network_parse(BYTES_OF("2001:db8::/33"), &a));
    assert_false(network_overlaps(&a, &b));
    static const char *const bad[] = { "", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/x", "g::" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(network_parse(bytes_of_string(bad[i]), &a));
    char buffer[64];
    struct text out = text_of(buffer, sizeof buffer);
    assert_true(address_parse(BYTES_OF("2001:db8::1"), &host));
    address_text(&host, &out);
    assert_string_equal(buffer, "2001:0db8:0000:0000:0000:0000:0000:0001");
}

static void assert_number(uint64_t value)
{
    char expected[32], decimal[32], hex[32];
    struct text out = text_of(decimal, sizeof decimal), xout = text_of(hex, sizeof hex);
    text_u64(&out, value);
    text_u64_hex(&xout, value);
    snprintf(expected, sizeof expected, "%llu", (unsigned long long)value);
    assert_string_equal(decimal, expected);
    snprintf(expected, sizeof expected, "%llx", (unsigned long long)value);
    assert_string_equal(hex, expected);
}

static void numbers_are_written_with_all_their_digits(void **state)
{
    (void)state;
    uint64_t power = 1;
    for (int digits = 0; digits < 20; digits++, power *= 10) {
        assert_number(power - 1);
        assert_number(power);
        assert_number(power + 1);
    }
    for (int bit = 0; bit < 64; bit++) {
        assert_number((uint64_t)1 << bit);
        assert_number(((uint64_t)1 << bit) - 1);
    }
    assert_number(UINT64_MAX);
    for (unsigned octet = 0; octet < 256; octet++) {
        char buffer[32], expected[32];
        struct text out = text_of(buffer, sizeof buffer);
        struct address host = address_v4((const uint8_t[4]){ (uint8_t)octet, 0, 10, (uint8_t)octet });
        address_text(&host, &out);
        snprintf(expected, sizeof expected, "%u.0.10.%u", octet, octet);
        assert_string_equal(buffer, expected);
    }
    char small[3];
    struct text full = text_of(small, sizeof small);
    text_u64(&full, 1234);
    assert_true(full.full && full.size == 0);
}

static void times_are_read_in_every_zone(void **state)
{
    (void)state;
    uint64_t time;
    assert_true(clock_parse(BYTES_OF("1970-01-01T07:00:01.5+0700"), &time) && time == 1500000000);
    assert_true(clock_parse(BYTES_OF("2026-11-22T03:04:05Z"), &time));
    char buffer[64];
    struct text out = text_of(buffer, sizeof buffer);
    clock_text_rfc3339(time, &out);
    assert_string_equal(buffer, "2026-11-22T03:04:05.000Z");
    static const char *const bad[] = { "",
                                       "2026",
                                       "2026-13-01T00:00:00Z",
                                       "2026-01-01T00:00:00",
                                       "2026-01-01T00:00:00Zx",
                                       "1969-12-31T23:59:59Z" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(clock_parse(bytes_of_string(bad[i]), &time));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_reader_is_empty_and_yields_zeros),
        cmocka_unit_test(writer_and_reader_agree),
        cmocka_unit_test(search_finds_the_first_place_whatever_the_sizes),
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(searches_find_the_first),
        cmocka_unit_test(networks_clear_host_bits_and_overlap),
        cmocka_unit_test(numbers_are_written_with_all_their_digits),
        cmocka_unit_test(times_are_read_in_every_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
