/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules set, clear and ask for which flow bits: flowbits.json of --engine-analysis. */
#include <stdlib.h>

#include "base/json.h"
#include "detect/analysis.h"
#include "detect/rule_view.h"

#define REPORT_MAX (64U << 20)

/* What the lists are called, in the order in which they are written, and what counts them. */
static const struct {
    enum bit_command command;
    const char *list, *count;
} kinds[] = { { BIT_SET, "sets", "set_cnt" },
              { BIT_UNSET, "unset", "unset_cnt" },
              { BIT_TOGGLE, "toggle", "toggle_cnt" },
              { BIT_IS_SET, "isset", "isset_cnt" },
              { BIT_IS_NOT_SET, "isnotset", "isnotset_cnt" } };

static const enum bit_command list_order[] = { BIT_SET, BIT_IS_SET, BIT_IS_NOT_SET, BIT_UNSET, BIT_TOGGLE };

/* Rules by what they do with one bit, by sid. */
struct bit_rules {
    struct index_list lists[COUNT_OF(kinds)];
};

static bool note_part(struct bit_rules *bits, const struct rule_part *part, uint32_t sid)
{
    for (size_t i = 0; part->bits && i < part->bit_count; i++)
        if (!index_list_add(&bits[part->bits[i]].lists[part->bits_command], sid))
            return false;
    return true;
}

static bool note_all(const struct ruleset *set, struct bit_rules *bits)
{
    for (size_t i = 0; i < set->signature_count; i++) {
        const struct rule_part *part = view_parts(set, set->signatures[i])->first;
        for (; part; part = part->next)
            if (!note_part(bits, part, set->signatures[i]->rule.sid))
                return false;
    }
    return true;
}

static size_t count_of(const struct bit_rules *bit)
{
    size_t count = 0;
    for (size_t k = 0; k < COUNT_OF(kinds); k++)
        count += bit->lists[k].count;
    return count;
}

static void write_bit(const struct bit_rules *bit, const char *name, size_t id, struct text *out)
{
    json_open(out, NULL, '{');
    json_cstring(out, "name", name);
    json_uint(out, "internal_id", id);
    for (size_t k = 0; k < COUNT_OF(kinds); k++)
        json_uint(out, kinds[k].count, bit->lists[kinds[k].command].count);
    for (size_t k = 0; k < COUNT_OF(list_order); k++) {
        const struct index_list *list = &bit->lists[list_order[k]];
        if (!list->count)
            continue;
        json_open(out, kinds[list_order[k]].list, '[');
        for (size_t i = 0; i < list->count; i++)
            json_uint(out, NULL, list->items[i]);
        json_close(out, ']');
    }
    json_close(out, '}');
}

static void write_all(const struct ruleset *set, const struct bit_rules *bits, struct text *out)
{
    size_t id = 0;
    json_open(out, NULL, '{');
    json_open(out, "flowbits", '[');
    for (size_t i = 0; i < set->bit_count; i++)
        if (count_of(&bits[i]))
            write_bit(&bits[i], set->bit_names[i], ++id, out);
    json_close(out, ']');
    json_close(out, '}');
    json_end(out);
    text_char(out, '\n');
}

bool ruleset_has_bits(const struct ruleset *set)
{
    for (size_t i = 0; i < set->signature_count; i++)
        for (const struct rule_part *part = view_parts(set, set->signatures[i])->first; part;
             part = part->next)
            if (part->bits)
                return true;
    return false;
}

bool ruleset_report_bits(const struct ruleset *set, FILE *out, struct error *error)
{
    struct bit_rules *bits = calloc(set->bit_count + 1, sizeof *bits);
    struct text text = text_new(REPORT_MAX);
    bool good = bits && note_all(set, bits);
    if (good) {
        write_all(set, bits, &text);
        struct bytes bytes = text_bytes(&text);
        good = fwrite(bytes.data, 1, bytes.size, out) == bytes.size ||
               error_system(error, "cannot write the report on flow bits");
    } else {
        (void)error_set(error, "the report on flow bits: out of memory");
    }
    for (size_t i = 0; bits && i < set->bit_count; i++)
        for (size_t k = 0; k < COUNT_OF(kinds); k++)
            free(bits[i].lists[k].items);
    free(bits);
    text_done(&text);
    return good;
}
