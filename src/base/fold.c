/* SPDX-License-Identifier: Apache-2.0 */
/* Folding Latin letters of Unicode blocks Latin-1, Extended-A, Extended-B (part) and Extended Additional. */
#include "base/fold.h"

/* Base letters from U+00C0 on; '.' keeps the character. */
static const char latin1[] = "aaaaaa.ceeeeiiii.nooooo.ouuuuy..aaaaaa.ceeeeiiii.nooooo.ouuuuy.y";
/* From U+0100. */
static const char extended_a[] =
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkkkllllllllllnnnnnnn..oooooo"
    "..rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
/* From U+1EA0: the Vietnamese letters with two marks. */
static const char additional[] =
    "aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy";

static char base_letter(uint32_t code)
{
    if (code >= 0xC0 && code < 0xC0 + sizeof latin1 - 1)
        return latin1[code - 0xC0];
    if (code >= 0x100 && code < 0x100 + sizeof extended_a - 1)
        return extended_a[code - 0x100];
    if (code == 0x1A0 || code == 0x1A1)
        return 'o';
    if (code == 0x1AF || code == 0x1B0)
        return 'u';
    if (code >= 0x1EA0 && code < 0x1EA0 + sizeof additional - 1)
        return additional[code - 0x1EA0];
    return '.';
}

/* Size of a two- or three-byte sequence at `at`, with its code; 0 for anything else. */
static size_t decode(struct bytes rest, uint32_t *code)
{
    const uint8_t *p = rest.data;
    if (rest.size >= 2 && (p[0] & 0xE0) == 0xC0 && (p[1] & 0xC0) == 0x80) {
        *code = (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
        return 2;
    }
    if (rest.size >= 3 && (p[0] & 0xF0) == 0xE0 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80) {
        *code = (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
        return 3;
    }
    return 0;
}

void text_fold(struct bytes b, struct text *out)
{
    while (b.size) {
        uint32_t code = 0;
        size_t size = b.data[0] < 0x80 ? 0 : decode(b, &code);
        if (size == 0) {
            text_char(out, (char)byte_lower(b.data[0]));
            b = bytes_from(b, 1);
            continue;
        }
        char letter = base_letter(code);
        if (letter != '.')
            text_char(out, letter);
        else if (code < 0x300 || code > 0x36F) /* combining marks vanish */
            text_put(out, bytes_first(b, size));
        b = bytes_from(b, size);
    }
}
