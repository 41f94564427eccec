/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of addresses and ports as rules write them. */
#include "detect/ranges.h"

#include <stdlib.h>

#include "detect/syntax.h"

#define NESTING_MAX 64

struct parsing {
    bool ports;
    variable_fn variable;
    const void *context;
    struct error *error;
};

static u128 top_of(bool ports)
{
    return ports ? PORT_TOP : ADDRESS_TOP;
}

u128 address_number(const struct address *address)
{
    u128 value = 0;
    if (address->version == 4) {
        for (size_t i = 0; i < 4; i++)
            value = value << 8 | address->octets[i];
        return value | (u128)0xffff << 32;
    }
    for (size_t i = 0; i < 16; i++)
        value = value << 8 | address->octets[i];
    return value;
}

void ranges_done(struct ranges *set)
{
    free(set->items);
    *set = (struct ranges){ 0 };
}

static bool append(struct ranges *set, u128 low, u128 high)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? set->capacity * 2 : 8;
        struct interval *items = realloc(set->items, capacity * sizeof *items);
        if (!items)
            return false;
        set->items = items;
        set->capacity = capacity;
    }
    set->items[set->count++] = (struct interval){ low, high };
    return true;
}

static int by_low(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

/* Sorts and joins what overlaps or touches. */
static void normalise(struct ranges *set)
{
    if (set->count < 2)
        return;
    qsort(set->items, set->count, sizeof *set->items, by_low);
    size_t kept = 0;
    for (size_t i = 1; i < set->count; i++) {
        struct interval *last = &set->items[kept], *next = &set->items[i];
        if (next->low <= last->high || next->low == last->high + 1)
            last->high = MAX(last->high, next->high);
        else
            set->items[++kept] = *next;
    }
    set->count = kept + 1;
}

/* What `from` holds and `without` does not; both normalised. */
static bool subtract(const struct ranges *from, const struct ranges *without, struct ranges *out)
{
    size_t k = 0;
    for (size_t i = 0; i < from->count; i++) {
        u128 low = from->items[i].low, high = from->items[i].high;
        bool open = true;
        while (k < without->count && without->items[k].high < low)
            k++;
        for (size_t j = k; open && j < without->count && without->items[j].low <= high; j++) {
            if (without->items[j].low > low && !append(out, low, without->items[j].low - 1))
                return false;
            if (without->items[j].high >= high)
                open = false;
            else
                low = without->items[j].high + 1;
        }
        if (open && !append(out, low, high))
            return false;
    }
    return true;
}

static bool parse_set(const struct parsing *p, struct bytes text, unsigned depth, struct ranges *set);

static bool parse_port(const struct parsing *p, struct bytes text, struct ranges *set)
{
    uint64_t low = 0, high = 65535;
    size_t colon = bytes_find_byte(text, ':');
    struct bytes first = bytes_trim(bytes_first(text, colon));
    struct bytes last = colon == SIZE_MAX ? first : bytes_trim(bytes_from(text, colon + 1));
    if ((first.size || colon == SIZE_MAX) && !bytes_to_u64(first, &low))
        return error_set(p->error, "\"%.*s\" is not a port", (int)MIN(text.size, 60U),
                         (const char *)text.data);
    if (last.size && !bytes_to_u64(last, &high))
        return error_set(p->error, "\"%.*s\" is not a port range", (int)MIN(text.size, 60U),
                         (const char *)text.data);
    if (low > high || high > 65535)
        return error_set(p->error, "the port range %.*s is empty or over 65535", (int)MIN(text.size, 60U),
                         (const char *)text.data);
    return append(set, low, high) || error_set(p->error, "out of memory");
}

/* The prefix length that a dotted mask means; false when it has holes. */
static bool mask_prefix(struct bytes text, uint8_t *prefix)
{
    struct address mask;
    if (!address_parse(text, &mask) || mask.version != 4)
        return false;
    uint32_t bits = (uint32_t)address_number(&mask);
    *prefix = (uint8_t)__builtin_popcount(bits);
    return bits == (*prefix ? ~(uint32_t)0 << (32 - *prefix) : 0);
}

static bool parse_address(const struct parsing *p, struct bytes text, struct ranges *set)
{
    struct network network;
    struct address low, high;
    size_t dash = bytes_find_byte(text, '-'), slash = bytes_find_byte(text, '/');
    if (dash != SIZE_MAX) {
        if (!address_parse(bytes_trim(bytes_first(text, dash)), &low) ||
            !address_parse(bytes_trim(bytes_from(text, dash + 1)), &high) || low.version != high.version ||
            address_number(&low) > address_number(&high))
            goto bad;
        return append(set, address_number(&low), address_number(&high)) ||
               error_set(p->error, "out of memory");
    }
    if (slash != SIZE_MAX && bytes_find_byte(bytes_from(text, slash + 1), '.') != SIZE_MAX) {
        if (!address_parse(bytes_first(text, slash), &network.address) || network.address.version != 4 ||
            !mask_prefix(bytes_from(text, slash + 1), &network.prefix))
            goto bad;
    } else if (!network_parse(text, &network)) {
        goto bad;
    }
    unsigned host_bits = (network.address.version == 4 ? 32U : 128U) - network.prefix;
    u128 host = host_bits >= 128 ? ~(u128)0 : ((u128)1 << host_bits) - 1;
    u128 number = address_number(&network.address) & ~host;
    return append(set, number, number | host) || error_set(p->error, "out of memory");
bad:
    return error_set(p->error, "\"%.*s\" is not an address", (int)MIN(text.size, 60U),
                     (const char *)text.data);
}

static bool join(struct ranges *into, const struct ranges *from)
{
    for (size_t i = 0; i < from->count; i++)
        if (!append(into, from->items[i].low, from->items[i].high))
            return false;
    return true;
}

/* One element without its '!': any, a list, a variable, an address or port. */
static bool parse_element(const struct parsing *p, struct bytes text, unsigned depth, struct ranges *set)
{
    if (text.size == 0)
        return error_set(p->error, "an element of the list is empty");
    if (bytes_equal_nocase(text, BYTES_OF("any")))
        return append(set, 0, top_of(p->ports)) || error_set(p->error, "out of memory");
    if (text.data[0] == '[') {
        if (text.data[text.size - 1] != ']')
            return error_set(p->error, "a list must end with ']'");
        return parse_set(p, bytes_of(text.data + 1, text.size - 2), depth + 1, set);
    }
    if (text.data[0] == '$') {
        struct bytes value = p->variable ? p->variable(p->context, bytes_from(text, 1)) : BYTES_NONE;
        if (!value.data)
            return error_set(p->error, "the variable %.*s is not defined", (int)MIN(text.size, 60U),
                             (const char *)text.data);
        return parse_set(p, value, depth + 1, set);
    }
    return p->ports ? parse_port(p, text, set) : parse_address(p, text, set);
}

/* A list: what is wanted (all, when nothing is named) without what is negated. */
static bool parse_set(const struct parsing *p, struct bytes text, unsigned depth, struct ranges *set)
{
    if (depth > NESTING_MAX)
        return error_set(p->error, "lists are nested too deeply");
    struct ranges wanted = { 0 }, unwanted = { 0 }, result = { 0 };
    struct bytes rest = bytes_trim(text), item;
    bool done = false, any_wanted = false;
    if (rest.size == 0) {
        (void)error_set(p->error, "the list is empty");
        goto out;
    }
    while (list_next(&rest, &item)) {
        bool negated = false;
        while (item.size && item.data[0] == '!') {
            negated = !negated;
            item = bytes_trim(bytes_from(item, 1));
        }
        any_wanted |= !negated;
        result.subtracted |= negated;
        if (!parse_element(p, item, depth, negated ? &unwanted : &wanted))
            goto out;
    }
    if (!any_wanted && !append(&wanted, 0, top_of(p->ports)))
        goto memory;
    normalise(&wanted);
    normalise(&unwanted);
    result.subtracted |= wanted.subtracted || unwanted.subtracted;
    if (!subtract(&wanted, &unwanted, &result) || !join(set, &result))
        goto memory;
    normalise(set);
    set->subtracted |= result.subtracted;
    done = true;
    goto out;
memory:
    (void)error_set(p->error, "out of memory");
out:
    ranges_done(&wanted);
    ranges_done(&unwanted);
    ranges_done(&result);
    return done;
}

bool ranges_parse(struct bytes text, bool ports, variable_fn variable, const void *context,
                  struct ranges *set, struct error *error)
{
    struct parsing p = { ports, variable, context, error };
    struct ranges parsed = { 0 };
    if (!parse_set(&p, text, 0, &parsed)) {
        ranges_done(&parsed);
        return false;
    }
    if (parsed.count == 0) {
        ranges_done(&parsed);
        return error_set(error, "%s set \"%.*s\" is empty", ports ? "port" : "address",
                         (int)MIN(text.size, 60U), (const char *)text.data);
    }
    *set = parsed;
    return true;
}

bool ranges_has(const struct ranges *set, u128 value)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->items[middle].high < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && set->items[low].low <= value;
}

bool ranges_equal(const struct ranges *a, const struct ranges *b)
{
    if (a->count != b->count || a->subtracted != b->subtracted)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->items[i].low != b->items[i].low || a->items[i].high != b->items[i].high)
            return false;
    return true;
}

bool ranges_is_all(const struct ranges *set, bool ports)
{
    return set->count == 1 && set->items[0].low == 0 && set->items[0].high == top_of(ports);
}
