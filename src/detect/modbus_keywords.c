/* SPDX-License-Identifier: Apache-2.0 */
/* modbus: the function, the unit and the access of a Modbus request. */
#include "detect/buffer.h"
#include "detect/context.h"
#include "detect/keyword.h"
#include "proto/modbus.h"

/* A number and how it is compared; '-': between, without the ends; 0: anything. */
struct limit {
    char operation;
    uint32_t low, high;
};

struct wanted_modbus {
    struct limit unit, address, value;
    uint8_t function; /* 0: any */
    bool has_code;
    uint16_t code;
    uint8_t category; /* bits, any of them; 0: any */
    bool not_category;
    uint8_t access; /* bits, all of them */
};

static bool within(const struct limit *limit, uint32_t number)
{
    switch (limit->operation) {
    case '=':
        return number == limit->low;
    case '<':
        return number < limit->high;
    case '>':
        return number > limit->low;
    case '-':
        return number > limit->low && number < limit->high;
    default:
        return true;
    }
}

/* The value that a request writes to the `index`-th address of what it writes. */
static bool written(const struct modbus_message *request, uint32_t index, uint32_t *value)
{
    bool coils = (request->access & MODBUS_COILS) != 0;
    struct reader in = reader_of_bytes(request->data);
    switch (request->shape) {
    case MODBUS_WRITE_WORD:
        *value = coils ? request->word != 0 : request->word;
        return true;
    case MODBUS_WRITE_MANY:
    case MODBUS_READ_WRITE:
        reader_skip(&in, coils ? index / 8 : (size_t)index * 2);
        *value = coils ? ((uint32_t)reader_u8(&in) >> (index % 8)) & 1U : reader_be16(&in);
        return reader_ok(&in);
    default:
        return false;
    }
}

/* The numbers that `limit` lets through: `low` up to and without `end`. */
static void interval(const struct limit *limit, uint32_t *low, uint32_t *end)
{
    bool above = limit->operation == '>' || limit->operation == '-';
    bool below = limit->operation == '<' || limit->operation == '-';
    *low = limit->operation == '=' ? limit->low : above ? limit->low + 1 : 0;
    *end = limit->operation == '=' ? limit->low + 1 : below ? limit->high : UINT32_MAX;
}

/* Addresses in rules start at 1, those on the wire at 0. */
static bool span_holds(const struct wanted_modbus *wanted, const struct modbus_message *request,
                       const struct modbus_span *span)
{
    uint32_t low, end, value;
    interval(&wanted->address, &low, &end);
    low = MAX(low, span->address + 1U);
    end = MIN(end, span->address + 1U + span->quantity);
    if (!wanted->value.operation)
        return low < end;
    /* written() says when the message has no more values. */
    for (uint32_t at = low; at < end && written(request, at - span->address - 1, &value); at++)
        if (within(&wanted->value, value))
            return true;
    return false;
}

static bool access_holds(const struct wanted_modbus *wanted, const struct modbus_message *request)
{
    if ((request->access & wanted->access) != wanted->access)
        return false;
    if (!wanted->address.operation)
        return true;
    return span_holds(wanted, request, wanted->access & MODBUS_READ ? &request->read : &request->write);
}

static bool modbus_holds(const struct buffer_use *use, const struct tx *tx, enum direction direction)
{
    const struct modbus *modbus = (const struct modbus *)tx->record;
    const struct modbus_message *request = &modbus->request;
    const struct wanted_modbus *wanted = use->data;
    if (direction != TO_SERVER || !request->present || !within(&wanted->unit, request->unit))
        return false;
    if (wanted->function && request->function != wanted->function)
        return false;
    bool coded = request->shape == MODBUS_DIAGNOSTIC || request->shape == MODBUS_MEI;
    if (wanted->has_code && (!coded || request->code != wanted->code))
        return false;
    if (wanted->category && ((request->category & wanted->category) != 0) == wanted->not_category)
        return false;
    return !wanted->access || access_holds(wanted, request);
}

/* ---- parsing ---- */

static bool read_number(struct bytes text, uint64_t most, uint32_t *number)
{
    uint64_t value;
    if (!bytes_to_u64(text, &value) || value > most)
        return false;
    *number = (uint32_t)value;
    return true;
}

/* "5", "<5", ">5", "1<>5". */
static bool read_limit(struct bytes text, struct limit *limit)
{
    size_t between = bytes_find(text, BYTES_OF("<>"));
    if (between != SIZE_MAX) {
        limit->operation = '-';
        return read_number(bytes_first(text, between), UINT16_MAX, &limit->low) &&
               read_number(bytes_from(text, between + 2), UINT16_MAX, &limit->high);
    }
    if (text.size && (text.data[0] == '<' || text.data[0] == '>')) {
        limit->operation = (char)text.data[0];
        return read_number(bytes_from(text, 1), UINT16_MAX, text.data[0] == '<' ? &limit->high : &limit->low);
    }
    limit->operation = '=';
    return read_number(text, UINT16_MAX, &limit->low);
}

/* Takes "NAME VALUE" off the front of the list; false when it is something else. */
static bool take_setting(struct bytes *rest, const char *name, struct bytes *value)
{
    struct bytes after = *rest;
    struct bytes part = bytes_trim(bytes_cut(&after, ','));
    struct bytes word = bytes_cut(&part, ' ');
    if (!bytes_is(word, name) || !part.size)
        return false;
    *rest = after;
    *value = part;
    return true;
}

static bool read_category(struct bytes word, struct wanted_modbus *wanted)
{
    static const struct {
        const char *name;
        uint8_t bits;
    } names[] = { { "assigned", MODBUS_ASSIGNED },
                  { "unassigned", MODBUS_UNASSIGNED },
                  { "public", MODBUS_ASSIGNED | MODBUS_UNASSIGNED },
                  { "user", MODBUS_USER },
                  { "reserved", MODBUS_RESERVED },
                  { "all", MODBUS_ASSIGNED | MODBUS_UNASSIGNED | MODBUS_USER | MODBUS_RESERVED } };
    if (word.size && word.data[0] == '!') {
        wanted->not_category = true;
        word = bytes_from(word, 1);
    }
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (bytes_is(word, names[i].name)) {
            wanted->category = names[i].bits;
            return true;
        }
    return false;
}

static bool parse_function(struct compiler *c, struct bytes value, struct bytes *rest,
                           struct wanted_modbus *wanted)
{
    uint32_t number;
    if (!value.size || !byte_is_digit(value.data[0]))
        return read_category(value, wanted) ||
               refuse(c, "function wants a number, assigned, unassigned, public, user, reserved or all");
    if (!read_number(value, UINT8_MAX, &number) || number == 0)
        return refuse(c, "function must be 1 to 255");
    wanted->function = (uint8_t)number;
    struct bytes code;
    if (take_setting(rest, "subfunction", &code)) {
        if (!read_number(code, UINT16_MAX, &number))
            return refuse(c, "subfunction must be 0 to 65535");
        wanted->has_code = true;
        wanted->code = (uint16_t)number;
    }
    return true;
}

static bool parse_access(struct compiler *c, struct bytes value, struct bytes *rest,
                         struct wanted_modbus *wanted)
{
    static const struct {
        const char *name;
        uint8_t bit;
        bool writable;
    } spaces[] = { { "discretes", MODBUS_DISCRETES, false },
                   { "coils", MODBUS_COILS, true },
                   { "input", MODBUS_INPUT, false },
                   { "holding", MODBUS_HOLDING, true } };
    struct bytes word = bytes_cut(&value, ' '), limit;
    bool write = bytes_is(word, "write"), known = !value.size;
    if (!write && !bytes_is(word, "read"))
        return refuse(c, "access wants read or write");
    wanted->access = write ? MODBUS_WRITE : MODBUS_READ;
    for (size_t i = 0; i < COUNT_OF(spaces); i++)
        if (bytes_is(value, spaces[i].name) && (spaces[i].writable || !write)) {
            wanted->access |= spaces[i].bit;
            known = true;
        }
    if (!known)
        return refuse(c, "no such thing to %s", write ? "write" : "read");
    if (!take_setting(rest, "address", &limit))
        return true;
    if (!read_limit(limit, &wanted->address))
        return refuse(c, "address wants a number up to 65535, <, > or <>");
    if (take_setting(rest, "value", &limit) && !read_limit(limit, &wanted->value))
        return refuse(c, "value wants a number up to 65535, <, > or <>");
    return true;
}

static bool parse_modbus(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct wanted_modbus *wanted = COMPILER_NEW(c, struct wanted_modbus);
    struct buffer *buffer = set_buffer_kind(c->set, "test", BUFFER_TEST, NULL);
    struct buffer_use *use = wanted && buffer ? compiler_add_use(c, buffer) : NULL;
    if (!use)
        return refuse(c, "out of memory");
    use->test = modbus_holds;
    use->data = wanted;
    for (size_t i = 0; i < c->set->protocol_count; i++)
        if (strcmp(c->set->protocols[i]->name, "modbus") == 0)
            use->protocols = (uint64_t)1 << i;
    struct bytes rest = bytes_trim(value), setting;
    bool any = take_setting(&rest, "unit", &setting);
    if (any && !read_limit(setting, &wanted->unit))
        return refuse(c, "unit wants a number, <, > or <>");
    if (take_setting(&rest, "function", &setting)) {
        any = true;
        if (!parse_function(c, setting, &rest, wanted))
            return false;
    } else if (take_setting(&rest, "access", &setting)) {
        any = true;
        if (!parse_access(c, setting, &rest, wanted))
            return false;
    }
    if (!any || rest.size)
        return refuse(c, "wanted: unit, then function (and subfunction) or access (and address, value)");
    return true;
}

const struct keyword modbus_keywords[] = {
    { "modbus", .parse = parse_modbus, .help = "Function, unit and access of a Modbus request",
      .source = "MODBUS Application Protocol 1.1b3" },
    { 0 },
};
