/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include <stdio.h>

#include "base/field.h"

static void appended_documents_read_back(void **state)
{
    (void)state;
    struct text out = text_new(4096);
    json_open(&out, NULL, '{');
    json_string(&out, "a\xc3\xa1", BYTES_OF("x\"\\\n\x01 Vi\xe1\xbb\x87t"));
    json_string(&out, "raw", BYTES_OF("\xff\"z"));
    json_int(&out, "n", INT64_MIN);
    json_open(&out, "l", '[');
    json_bool(&out, NULL, true);
    json_null(&out, NULL);
    json_close(&out, ']');
    json_open(&out, "e", '{');
    json_close(&out, '}');
    json_close(&out, '}');
    json_end(&out);
    assert_string_equal(out.data,
                        "{\"a\xc3\xa1\":\"x\\\"\\\\\\n\\u0001 Vi\xe1\xbb\x87t\",\"raw\":\"\\\\xff\\\"z\","
                        "\"n\":-9223372036854775808,\"l\":[true,null],\"e\":{}}");
    struct json_value value = json_find(json_parse(text_bytes(&out)), "l");
    assert_int_equal(value.type, JSON_ARRAY);
    text_done(&out);
}

static void a_text_that_is_full_stays_valid(void **state)
{
    (void)state;
    char buffer[8];
    struct text out = text_of(buffer, sizeof buffer);
    json_string(&out, "key", BYTES_OF("value"));
    assert_true(out.full);
    assert_true(out.size < sizeof buffer);
}

static void a_word_is_written_whole_or_not_at_all(void **state)
{
    (void)state;
    char word[64] = { 0 }, expected[64], buffer[70];
    for (size_t size = 0; size < 60; size++) {
        memset(word, 'w', size);
        (void)snprintf(expected, sizeof expected, "\"%s\",", word);
        for (size_t capacity = 1; capacity < sizeof buffer; capacity++) {
            memset(buffer, '#', sizeof buffer);
            struct text out = text_of(buffer, capacity);
            text_clear(&out);
            const char *volatile unknown = word; /* when this is compiled */
            json_word(&out, NULL, unknown);
            bool fits = size + 3 < capacity;
            assert_int_equal(out.full, !fits);
            assert_string_equal(buffer, fits ? expected : "");
            assert_int_equal(buffer[capacity], '#');
        }
    }
}

static void an_escape_is_found_wherever_it_stands(void **state)
{
    (void)state;
    static const uint8_t odd[] = { 0, 8, 0x1f, '"', '\\', 0x80, 0xff };
    uint8_t value[40];
    for (size_t size = 1; size < sizeof value; size++) {
        for (size_t at = 0; at < size; at++) {
            for (size_t k = 0; k < sizeof odd; k++) {
                struct text out = text_new(512), back = text_new(512);
                memset(value, '~', size);
                value[at] = odd[k];
                json_string(&out, NULL, bytes_of(value, size));
                json_end(&out);
                assert_true(out.size > size + 2);
                assert_true(json_unescape(json_parse(text_bytes(&out)), &back));
                if (odd[k] < 0x80)
                    assert_true(bytes_equal(text_bytes(&back), bytes_of(value, size)));
                else /* no UTF-8: the byte's name stands for it */
                    assert_int_equal(back.size, size + 3);
                text_done(&out);
                text_done(&back);
            }
        }
        memset(value, ' ', size);
        struct text out = text_new(512);
        json_string(&out, NULL, bytes_of(value, size));
        assert_int_equal(out.size, size + 3);
        text_done(&out);
    }
}

static void malformed_documents_have_no_value(void **state)
{
    (void)state;
    static const char *const bad[] = { "",     "{", "{]", "[}", "\"", "\"\\", "{\"a\":1", "nul", "-",
                                       "{} x", "]", "01", "1.", "-x", "1e",   "0\"",      "2\"", "tru\"e" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(json_parse(bytes_of_string(bad[i])).type, JSON_NONE);
    static const char *const members[] = {
        "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "{\"a\":1 2}", "{,}", "{\"\":0\",\"a\":2\",\"b\":\"\"}"
    };
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        struct json_cursor cursor = json_members(json_parse(bytes_of_string(members[i])));
        struct bytes key;
        struct json_value value;
        while (json_next(&cursor, &key, &value)) {
        }
        assert_true(cursor.failed);
    }
}

static void every_prefix_of_a_document_ends(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,2,{\"b\":\"\\u00e1\\\\\"}],\"c\":true,\"d\":-1.5e3}";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        uint8_t *copy = guarded_copy(text, size);
        assert_int_equal(json_parse(bytes_of(copy, size)).type, JSON_NONE);
        guarded_free(copy, size);
    }
    assert_int_equal(json_find(json_parse(BYTES_OF(text)), "c").type, JSON_TRUE);
}

static void strings_unescape_to_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = { { "\"a\\u1ec7\\n\"", "a\xe1\xbb\x87\n" },
                  { "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80" },
                  { "\"\\ud83d\"", NULL },
                  { "\"\\x\"", NULL },
                  { "\"\\u12\"", NULL },
                  { "\"\\ude00\"", NULL } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char buffer[64] = "";
        struct text out = text_of(buffer, sizeof buffer);
        bool ok = json_unescape(json_parse(bytes_of_string(cases[i].in)), &out);
        assert_int_equal(ok, cases[i].out != NULL);
        if (ok)
            assert_string_equal(buffer, cases[i].out);
    }
}

static void a_value_is_copied_compactly_when_it_is_well_formed(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        { " { \"b\" : 1 ,\n\"a\":[ true, null ,\"x\\u00e9\\/\" ] } ", "{\"b\":1,\"a\":[true,null,\"xé/\"]}" },
        { "{\"k\":1,\"n\":{\"k\":2}}", "{\"n\":{\"k\":2}}" },
        { "[]", "[]" },
        { "[{},[]]", "[{},[]]" },
        { "-0.5e+10", "-0.5e+10" },
        { "0", "0" },
        { "01", NULL },
        { "1.", NULL },
        { "[1e]", NULL },
        { "[-]", NULL },
        { "{\"a\":1 2}", NULL },
        { "{\"a\"}", NULL },
        { "[1,]", NULL },
        { "[nul]", NULL },
        { "[\"\\x\"]", NULL },
        { "{\"\\ud800\":1}", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char buffer[128] = "";
        struct text out = text_of(buffer, sizeof buffer);
        bool ok = json_copy(&out, json_parse(bytes_of_string(cases[i].in)), "k");
        json_end(&out);
        if (ok != (cases[i].out != NULL))
            fail_msg("%s: %s", cases[i].in, buffer);
        if (ok)
            assert_string_equal(buffer, cases[i].out);
    }
}

struct sample {
    uint16_t port;
    uint8_t kind;
    int32_t delta;
    struct bytes name, hex;
    struct address host;
    bool flag;
};

static void fields_become_members(void **state)
{
    (void)state;
    static const char *const kinds[] = { NULL, "one", NULL };
    static const struct field fields[] = {
        { "port", FIELD_UINT, AT(struct sample, port) },
        { "kind", FIELD_CHOICE, AT(struct sample, kind), .choices = kinds, .choice_count = 2 },
        { "delta", FIELD_INT, AT(struct sample, delta) },
        { "name", FIELD_BYTES, AT(struct sample, name) },
        { "hex", FIELD_HEX, AT(struct sample, hex) },
        { "host", FIELD_ADDRESS, AT(struct sample, host) },
        { "flag", FIELD_BOOL, AT(struct sample, flag), .keep_zero = true },
    };
    static const uint8_t octets[4] = { 192, 0, 2, 1 };
    struct sample sample = { 53, 1, -7, BYTES_OF("n"), BYTES_OF("\x01\xff"), address_v4(octets), false };
    char buffer[256];
    struct text out = text_of(buffer, sizeof buffer);
    json_fields(&out, fields, COUNT_OF(fields), &sample);
    assert_string_equal(buffer, "\"port\":53,\"kind\":\"one\",\"delta\":-7,\"name\":\"n\",\"hex\":\"01ff\","
                                "\"host\":\"192.0.2.1\",\"flag\":false,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_documents_read_back),
        cmocka_unit_test(a_text_that_is_full_stays_valid),
        cmocka_unit_test(a_word_is_written_whole_or_not_at_all),
        cmocka_unit_test(an_escape_is_found_wherever_it_stands),
        cmocka_unit_test(malformed_documents_have_no_value),
        cmocka_unit_test(every_prefix_of_a_document_ends),
        cmocka_unit_test(strings_unescape_to_utf8),
        cmocka_unit_test(a_value_is_copied_compactly_when_it_is_well_formed),
        cmocka_unit_test(fields_become_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
