/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/decompress.h"

#include <zlib.h>

#include "../support/support.h"

#include "base/text.h"

static bool collect(void *context, struct bytes data)
{
    text_put(context, data);
    return true;
}

/* Compresses with zlib: window bits 31 is gzip, 15 zlib, -15 raw. */
static size_t compress_to(uint8_t *out, size_t room, int bits, struct bytes data)
{
    z_stream z = { 0 };
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)data.data;
    z.avail_in = (uInt)data.size;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t size = room - z.avail_out;
    deflateEnd(&z);
    return size;
}

static enum decompress_status decode(const enum coding *codings, size_t count, struct bytes data, size_t cut,
                                     struct text *out)
{
    struct decompress_limits limits = { 0 };
    struct decompressor *d = decompress_open(codings, count, &limits, collect, out);
    assert_non_null(d);
    for (size_t at = 0; at < data.size; at += cut) {
        struct bytes piece = bytes_first(bytes_from(data, at), cut);
        uint8_t *copy = guarded_copy(piece.data, piece.size);
        (void)decompress_feed(d, bytes_of(copy, piece.size));
        guarded_free(copy, piece.size);
    }
    enum decompress_status status = decompress_finish(d);
    decompress_free(d);
    return status;
}

static const char poem[] = "Trăm năm trong cõi người ta, chữ tài chữ mệnh khéo là ghét nhau.";

static void every_wrapping_and_cutting_gives_the_text(void **state)
{
    (void)state;
    static const int bits[] = { 31, 15, -15 };
    static const enum coding named[] = { CODING_GZIP, CODING_DEFLATE };
    for (size_t b = 0; b < COUNT_OF(bits); b++)
        for (size_t n = 0; n < COUNT_OF(named); n++)
            for (size_t cut = 1; cut < 80; cut += 7) {
                uint8_t packed[512];
                size_t size = compress_to(packed, sizeof packed, bits[b], BYTES_OF(poem));
                struct text out = text_new(1U << 16);
                assert_int_equal(decode(&named[n], 1, bytes_of(packed, size), cut, &out), DECOMPRESS_OK);
                assert_true(bytes_equal(text_bytes(&out), BYTES_OF(poem)));
                text_done(&out);
            }
}

static void layers_are_undone_in_reverse(void **state)
{
    (void)state;
    uint8_t inner[512], outer[1024];
    size_t size = compress_to(inner, sizeof inner, -15, BYTES_OF(poem));
    size = compress_to(outer, sizeof outer, 31, bytes_of(inner, size));
    static const enum coding codings[] = { CODING_DEFLATE, CODING_GZIP };
    struct text out = text_new(1U << 16);
    assert_int_equal(decode(codings, 2, bytes_of(outer, size), 5, &out), DECOMPRESS_OK);
    assert_true(bytes_equal(text_bytes(&out), BYTES_OF(poem)));
    text_done(&out);
}

static void what_is_not_compressed_passes(void **state)
{
    (void)state;
    static const enum coding codings[] = { CODING_GZIP, CODING_DEFLATE, CODING_BROTLI };
    for (size_t i = 0; i < COUNT_OF(codings); i++)
        for (size_t cut = 1; cut < 80; cut += 13) {
            struct text out = text_new(1U << 16);
            (void)decode(&codings[i], 1, BYTES_OF("X5O not compressed at all, just text"), cut, &out);
            assert_true(bytes_is(text_bytes(&out), "X5O not compressed at all, just text"));
            text_done(&out);
        }
}

static void a_broken_stream_delivers_what_came_before(void **state)
{
    (void)state;
    uint8_t text[4000], packed[4096];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof text; i++) {
        seed = seed * 1664525U + 1013904223U;
        text[i] = (uint8_t)('a' + (seed >> 24) % 16);
    }
    size_t size = compress_to(packed, sizeof packed, 31, bytes_of(text, sizeof text));
    static const enum coding coding = CODING_GZIP;
    struct text whole = text_new(1U << 16);
    (void)decode(&coding, 1, bytes_of(packed, size / 2), 100, &whole);
    assert_true(whole.size > 100);
    assert_memory_equal(whole.data, text, whole.size);
    text_done(&whole);
    memset(packed + size / 2, 0xff, size / 4);
    struct text damaged = text_new(1U << 16);
    enum decompress_status status = decode(&coding, 1, bytes_of(packed, size), 100, &damaged);
    assert_true(damaged.size > 100);
    assert_true(status == DECOMPRESS_FAILED || status == DECOMPRESS_OK);
    text_done(&damaged);
}

static void every_changed_byte_is_survived(void **state)
{
    (void)state;
    uint8_t packed[512];
    static const enum coding codings[] = { CODING_GZIP, CODING_DEFLATE, CODING_BROTLI };
    for (size_t c = 0; c < COUNT_OF(codings); c++) {
        size_t size = compress_to(packed, sizeof packed, c == 1 ? -15 : 31, BYTES_OF(poem));
        for (size_t i = 0; i < size; i++)
            for (int bit = 0; bit < 8; bit++) {
                packed[i] ^= (uint8_t)(1 << bit);
                struct text out = text_new(1U << 20);
                (void)decode(&codings[c], 1, bytes_of(packed, size), 16, &out);
                text_done(&out);
                packed[i] ^= (uint8_t)(1 << bit);
            }
    }
}

static bool weigh(void *context, struct bytes data)
{
    *(uint64_t *)context += data.size;
    return true;
}

/* Two layers of zeros: a few kilobytes stand for gigabytes. */
static void bombs_are_stopped(void **state)
{
    (void)state;
    static uint8_t zeros[16U << 20], inner[64U << 10], outer[64U << 10];
    size_t size = compress_to(inner, sizeof inner, 31, bytes_of(zeros, sizeof zeros));
    size = compress_to(outer, sizeof outer, 31, bytes_of(inner, size));
    static const enum coding codings[] = { CODING_GZIP, CODING_GZIP };
    struct decompress_limits limits = { 0 };
    uint64_t total = 0;
    struct decompressor *d = decompress_open(codings, 2, &limits, weigh, &total);
    assert_non_null(d);
    assert_int_equal(decompress_feed(d, bytes_of(outer, size)), DECOMPRESS_BOMB);
    assert_true(total < 4U << 20);
    decompress_free(d);
    decompress_free(NULL);
}

static bool refuse(void *context, struct bytes data)
{
    (void)data;
    ++*(int *)context;
    return false;
}

static void the_receiver_can_stop_it(void **state)
{
    (void)state;
    static uint8_t zeros[1U << 20], packed[64U << 10];
    size_t size = compress_to(packed, sizeof packed, 31, bytes_of(zeros, sizeof zeros));
    static const enum coding coding = CODING_GZIP;
    struct decompress_limits limits = { 0 };
    int calls = 0;
    struct decompressor *d = decompress_open(&coding, 1, &limits, refuse, &calls);
    assert_non_null(d);
    (void)decompress_feed(d, bytes_of(packed, size));
    (void)decompress_feed(d, bytes_of(packed, size));
    assert_int_equal(calls, 1);
    decompress_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrapping_and_cutting_gives_the_text),
        cmocka_unit_test(layers_are_undone_in_reverse),
        cmocka_unit_test(what_is_not_compressed_passes),
        cmocka_unit_test(a_broken_stream_delivers_what_came_before),
        cmocka_unit_test(every_changed_byte_is_survived),
        cmocka_unit_test(bombs_are_stopped),
        cmocka_unit_test(the_receiver_can_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
