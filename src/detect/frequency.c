/* SPDX-License-Identifier: Apache-2.0 */
/* How often groups of bytes are met; see frequency.h. */
#include "detect/frequency.h"

#include <stdlib.h>

/* Text of the kind that is met most: what is in it is no good sign of anything else. */
static const char common_text[] =
    "POST /GET / HTTP/1.1\r\nHost: www.\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64; compatible; "
    "MSIE "
    "10.0) "
    "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Firefox/\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n"
    "Referer: https://www.\r\nCookie: \r\nHTTP/1.1 200 OK\r\nServer: nginx Apache\r\nDate: Mon, 01 Jan 2024 "
    "GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    "Content-Type: application/javascript json octet-stream\r\nContent-Length: 10\r\nContent-Encoding: "
    "gzip\r\n"
    "Transfer-Encoding: chunked\r\nCache-Control: no-cache, max-age=0\r\nLast-Modified: \r\nSet-Cookie: "
    "\r\n\r\n"
    "<!DOCTYPE html><html lang=\"en\"><head><title></title><meta name=\"description\" "
    "content=\"width=\"/>\r\n"
    "<link rel=\"stylesheet\" type=\"text/css\" href=\"https://\"><script type=\"text/javascript\" "
    "src=\"http://"
    "\"></script></head><body><div class=\"\" id=\"\"><span class=\"\"></span></div><p></p><ul><li><a "
    "href=\"/\" "
    "target=\"_blank\" title=\"\"></a></li></ul><table><tr><td style=\"width: height: color: background: "
    "none; "
    "display: block; font-size: margin: padding: border: position: text-align: center\"></td></tr></table>\n"
    "<img src=\"\" alt=\"\" width=\"\" height=\"\"><form method=\"post\" action=\"\"><input type=\"hidden\" "
    "name=\"\" value=\"\"></form><label for=\"\"></label><button></body></html>\r\n.com/ .net .org .html "
    ".css .js .png "
    "function(){return this.document.window.location;} var x = new Array(); if (typeof e == \"undefined\" && "
    "null !== "
    "false || true) else for (var i = 0; i < length; i++) prototype.call(this,arguments) .getElementById( "
    "the and of to in is that for with from this are user name page time information about command message "
    "archive microsoft windows server system file data search email address number secure login account "
    "password";

#define WHOLE        4U /* bytes of a group that are counted; of longer ones the rarest such part counts */
#define TEXT_BITS    14 /* of a hash */
#define LEARNED_BITS 15
#define TRUST        16384.0 /* places that the model counts for */

struct frequency {
    double often[256];                     /* of one byte, by the model */
    uint8_t text[2][(1 << TEXT_BITS) / 8]; /* a bit per hash of three and of four bytes of the common text */
    uint16_t learned[1 << LEARNED_BITS];   /* times that each hash of four bytes was seen */
    uint32_t total;                        /* places that were looked at */
};

/* Letters as lower case, as are a few signs; up to four bytes. */
static uint32_t hash(const uint8_t *at, unsigned size)
{
    uint32_t word = 0;
    memcpy(&word, at, size);
    return (word | (word & 0x40404040U) >> 1) * 0x9E3779B1U;
}

static uint32_t text_place(const uint8_t *at, unsigned size)
{
    return hash(at, size) >> (32 - TEXT_BITS);
}

/* How often a byte is met in text and markup, in parts of a thousand. */
static double in_text(uint8_t b)
{
    static const uint8_t letters[26] = { 60, 12, 25, 30, 90, 16, 15, 35, 55, 3,  6, 35, 22,
                                         52, 55, 18, 2,  50, 52, 68, 22, 8,  12, 5, 14, 3 };
    uint8_t lower = b | 0x20;
    if (lower >= 'a' && lower <= 'z')
        return letters[lower - 'a'];
    if (b == ' ' || b == 0)
        return 120;
    return memchr("<>/\"=.-0123456789\r\n", b, 19) ? 14 : 2;
}

struct frequency *frequency_new(void)
{
    struct frequency *frequency = calloc(1, sizeof *frequency);
    if (!frequency)
        return NULL;
    for (unsigned b = 0; b < 256; b++)
        frequency->often[b] = in_text((uint8_t)b) / 1000;
    for (unsigned size = 3; size <= WHOLE; size++)
        for (size_t i = 0; i + size < sizeof common_text; i++) {
            uint32_t place = text_place((const uint8_t *)common_text + i, size);
            frequency->text[size - 3][place / 8] |= (uint8_t)(1U << place % 8);
        }
    return frequency;
}

void frequency_free(struct frequency *frequency)
{
    free(frequency);
}

/* Half of everything is forgotten, so that no count overflows. */
static void fade(struct frequency *frequency)
{
    for (size_t i = 0; i < COUNT_OF(frequency->learned); i++)
        frequency->learned[i] /= 2;
    frequency->total /= 2;
}

void frequency_learn(struct frequency *frequency, struct bytes data)
{
    for (size_t i = 0; i + WHOLE <= data.size; i++) {
        uint16_t *count = &frequency->learned[hash(data.data + i, WHOLE) >> (32 - LEARNED_BITS)];
        if (*count == UINT16_MAX)
            fade(frequency);
        ++*count;
        frequency->total++;
    }
}

/* Whether all of a group is met in that text, four bytes by four. */
static bool all_text(const struct frequency *frequency, const uint8_t *at, unsigned group)
{
    unsigned size = MIN(group, WHOLE);
    for (unsigned i = 0; i + size <= group; i++) {
        uint32_t place = text_place(at + i, size);
        if (size < 3 || !(frequency->text[size - 3][place / 8] >> place % 8 & 1))
            return false;
    }
    return true;
}

bool frequency_is_text(struct bytes literal)
{
    const struct bytes text = bytes_of_string(common_text);
    for (size_t i = 0; i + WHOLE <= literal.size; i++)
        if (bytes_find_nocase(text, bytes_of(literal.data + i, WHOLE)) == SIZE_MAX)
            return false;
    return true;
}

/* Letters alone are parts of words, and bytes that hardly change are padding: both come far more often than
 * chance has it. */
static double modelled(const struct frequency *frequency, const uint8_t *at, unsigned size)
{
    double often = 1;
    unsigned letters = 0, changes = 0;
    for (unsigned i = 0; i < size; i++) {
        uint8_t lower = at[i] | 0x20;
        letters += lower >= 'a' && lower <= 'z';
        often *= frequency->often[at[i]];
        changes += i && at[i] != at[i - 1];
    }
    if (changes == 0)
        return FREQUENCY_NEVER;
    if (changes < size / 2)
        often *= 1e3;
    if (letters + 1 >= size)
        often *= letters == size ? 30 : 10;
    return all_text(frequency, at, size) ? MAX(often * 30, size < 4 ? 5e-3 : size == 4 ? 3e-3 : 1e-3) : often;
}

double frequency_of(const struct frequency *frequency, const uint8_t *at, unsigned size)
{
    double often = modelled(frequency, at, size);
    unsigned seen = UINT16_MAX;
    if (size < WHOLE || !frequency->total || often >= FREQUENCY_NEVER)
        return often;
    for (unsigned i = 0; i + WHOLE <= size; i++)
        seen = MIN(seen, frequency->learned[hash(at + i, WHOLE) >> (32 - LEARNED_BITS)]);
    return (often * TRUST + seen) / (TRUST + frequency->total);
}
