/* SPDX-License-Identifier: Apache-2.0 */
/* EVE's `dns`, `mdns` and `llmnr` objects. */
#include "base/json.h"
#include "proto/dns_parts.h"

JSON_INLINE void write_name(struct text *out, const char *key, const struct dns_name *name)
{
    json_string(out, key, name->text);
}

/* A number's name; the number when it has none. */
static void put_name(struct text *out, const char *name, unsigned number)
{
    if (name)
        json_word(out, NULL, name);
    else
        text_add(out, "\"%u\",", number);
}

static void write_type(struct text *out, uint16_t type)
{
    json_key(out, "rrtype");
    put_name(out, dns_type_name(type), type);
}

static void write_rcode(struct text *out, const struct dns *dns)
{
    json_key(out, "rcode");
    put_name(out, dns_rcode_name(dns_rcode(dns)), dns_rcode(dns));
}

static void write_soa(struct text *out, const char *key, const struct dns_soa *soa)
{
    json_open(out, key, '{');
    write_name(out, "mname", &soa->mname);
    write_name(out, "rname", &soa->rname);
    json_uint(out, "serial", soa->serial);
    json_uint(out, "refresh", soa->refresh);
    json_uint(out, "retry", soa->retry);
    json_uint(out, "expire", soa->expire);
    json_uint(out, "minimum", soa->minimum);
    json_close(out, '}');
}

static void write_srv(struct text *out, const char *key, const struct dns_record *record)
{
    json_open(out, key, '{');
    json_uint(out, "priority", record->data.srv.priority);
    json_uint(out, "weight", record->data.srv.weight);
    json_uint(out, "port", record->data.srv.port);
    write_name(out, "name", &record->data.srv.target);
    json_close(out, '}');
}

static void write_sshfp(struct text *out, const char *key, const struct dns_record *record)
{
    struct bytes print = record->data.sshfp.fingerprint;
    json_open(out, key, '{');
    json_key(out, "fingerprint");
    text_char(out, '"');
    for (size_t i = 0; i < print.size; i++) {
        if (i)
            text_char(out, ':');
        text_hex(out, bytes_of(print.data + i, 1));
    }
    text_string(out, "\",");
    json_uint(out, "algo", record->data.sshfp.algorithm);
    json_uint(out, "type", record->data.sshfp.type);
    json_close(out, '}');
}

static void write_opt(struct text *out, const char *key, struct bytes options)
{
    struct reader in = reader_of_bytes(options);
    json_open(out, key, '[');
    while (!reader_empty(&in)) {
        uint16_t code = reader_be16(&in);
        struct bytes data = reader_bytes(&in, reader_be16(&in));
        if (!reader_ok(&in))
            break;
        json_open(out, NULL, '{');
        json_uint(out, "code", code);
        json_hex(out, "data", data);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_address(struct text *out, const char *key, const struct address *address)
{
    json_key(out, key);
    text_char(out, '"');
    address_text(address, out);
    text_string(out, "\",");
}

/* The record's data under `key`, or, for compound types, under their own. */
static void write_data(struct text *out, const char *key, const struct dns_record *record, bool own_key)
{
    switch (record->kind) {
    case DNS_DATA_ADDRESS:
        write_address(out, key, &record->data.address);
        break;
    case DNS_DATA_NAME:
        write_name(out, key, &record->data.target);
        break;
    case DNS_DATA_TEXT:
        json_string(out, key, record->data.text);
        break;
    case DNS_DATA_SOA:
        write_soa(out, own_key ? "soa" : key, record->data.soa);
        break;
    case DNS_DATA_SRV:
        write_srv(out, own_key ? "srv" : key, record);
        break;
    case DNS_DATA_SSHFP:
        write_sshfp(out, own_key ? "sshfp" : key, record);
        break;
    case DNS_DATA_OPT:
        if (own_key)
            write_opt(out, "opt", record->data.text);
        break;
    default:
        break;
    }
}

/* EDNS without options (RFC 6891) says nothing about a name: not shown. */
static bool shown(const struct dns_record *record)
{
    return record->type != TYPE_OPT || record->kind != DNS_DATA_NONE;
}

static bool any_shown(const struct dns_records *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (shown(&list->items[i]))
            return true;
    return false;
}

static void write_records(struct text *out, const char *key, const struct dns_records *list)
{
    if (!any_shown(list))
        return;
    json_open(out, key, '[');
    for (uint32_t i = 0; i < list->count; i++) {
        const struct dns_record *record = &list->items[i];
        if (!shown(record))
            continue;
        json_open(out, NULL, '{');
        write_name(out, "rrname", &record->name);
        if (record->name.truncated)
            json_bool(out, "rrname_truncated", true);
        write_type(out, record->type);
        json_uint(out, "ttl", record->ttl);
        write_data(out, "rdata", record, true);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static bool shown_in_groups(const struct dns_record *record)
{
    return record->kind != DNS_DATA_NONE && record->kind != DNS_DATA_OPT;
}

/* Types in order of their first record; a mark per record keeps this within one pass per type. */
static void write_grouped(struct text *out, const struct dns_records *list)
{
    uint16_t seen[16];
    size_t seen_count = 0;
    if (!list->count)
        return;
    json_open(out, "grouped", '{');
    for (uint32_t i = 0; i < list->count; i++) {
        uint16_t type = list->items[i].type;
        bool known = !shown_in_groups(&list->items[i]) || !dns_type_name(type);
        for (size_t k = 0; k < seen_count; k++)
            known |= seen[k] == type;
        if (known || seen_count == COUNT_OF(seen))
            continue;
        seen[seen_count++] = type;
        json_open(out, dns_type_name(type), '[');
        for (uint32_t k = i; k < list->count; k++)
            if (list->items[k].type == type)
                write_data(out, NULL, &list->items[k], false);
        json_close(out, ']');
    }
    json_close(out, '}');
}

static void write_questions(struct text *out, const struct dns *dns)
{
    if (!dns->question_count)
        return;
    json_open(out, "queries", '[');
    for (uint32_t i = 0; i < dns->question_count; i++) {
        json_open(out, NULL, '{');
        write_name(out, "rrname", &dns->questions[i].name);
        if (dns->questions[i].name.truncated)
            json_bool(out, "rrname_truncated", true);
        write_type(out, dns->questions[i].type);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_flags(struct text *out, const struct dns *dns)
{
    static const struct {
        uint16_t bit;
        const char *name;
    } shown[] = {
        { DNS_RESPONSE, "qr" },          { DNS_AUTHORITATIVE, "aa" },       { DNS_TRUNCATED, "tc" },
        { DNS_RECURSION_DESIRED, "rd" }, { DNS_RECURSION_AVAILABLE, "ra" }, { DNS_Z, "z" },
    };
    json_key(out, "flags");
    text_char(out, '"');
    text_u64_hex(out, dns->flags);
    text_put(out, BYTES_OF("\","));
#pragma GCC unroll 8
    for (size_t i = 0; i < COUNT_OF(shown); i++)
        if (dns->flags & shown[i].bit)
            json_bool(out, shown[i].name, true);
}

static void write_sections(struct text *out, const struct dns *dns, const struct dns_log_settings *settings)
{
    if (!settings->no_detailed)
        write_records(out, "answers", &dns->answers);
    if (!settings->no_grouped)
        write_grouped(out, &dns->answers);
    write_records(out, "authorities", &dns->authorities);
}

/* The form of version 2: one question, "query" and "answer". */
static void log_version_2(const struct tx *tx, const struct dns_log_settings *settings, struct text *out)
{
    const struct dns *dns = dns_of(tx);
    bool response = dns->flags & DNS_RESPONSE;
    if (response)
        json_uint(out, "version", 2);
    json_word(out, "type", response ? "answer" : "query");
    json_uint(out, "id", dns->id);
    if (response)
        write_flags(out, dns);
    else if (dns->flags & DNS_Z)
        json_bool(out, "z", true);
    json_uint(out, "opcode", dns_opcode(dns));
    if (dns->question_count) {
        write_name(out, "rrname", &dns->questions[0].name);
        write_type(out, dns->questions[0].type);
    }
    if (!response) {
        json_uint(out, "tx_id", tx->number);
        return;
    }
    write_rcode(out, dns);
    write_sections(out, dns, settings);
}

void dns_log(const struct tx *tx, const struct dns_log_settings *settings, struct text *out)
{
    static const struct dns_log_settings everything = { 0 };
    const struct dns *dns = dns_of(tx);
    if (!settings)
        settings = &everything;
    if (settings->version == 2) {
        log_version_2(tx, settings, out);
        return;
    }
    json_uint(out, "version", 3);
    json_word(out, "type", dns->flags & DNS_RESPONSE ? "response" : "request");
    json_uint(out, "tx_id", tx->number);
    json_uint(out, "id", dns->id);
    write_flags(out, dns);
    json_uint(out, "opcode", dns_opcode(dns));
    write_rcode(out, dns);
    write_questions(out, dns);
    write_sections(out, dns, settings);
    write_records(out, "additionals", &dns->additionals);
}

static bool listed(const struct dns_log_settings *settings, uint16_t type)
{
    for (size_t i = 0; i < settings->type_count; i++)
        if (settings->types[i] == type)
            return true;
    return false;
}

bool dns_log_wanted(const struct tx *tx, const struct dns_log_settings *settings)
{
    const struct dns *dns = dns_of(tx);
    bool response = dns->flags & DNS_RESPONSE;
    if (dns->malformed || (response ? settings->no_responses : settings->no_requests))
        return false;
    if (!settings->types)
        return true;
    for (uint32_t i = 0; i < dns->question_count; i++)
        if (listed(settings, dns->questions[i].type))
            return true;
    for (uint32_t i = 0; i < dns->answers.count; i++)
        if (listed(settings, dns->answers.items[i].type))
            return true;
    return false;
}

void dns_write(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    dns_log(tx, NULL, out);
}

bool dns_loggable(const struct tx *tx)
{
    return !dns_of(tx)->malformed && !dns_of(tx)->silent;
}

/* ---- EVE of multicast DNS and LLMNR: types in lower case, data under the type's name ---- */

static void lower_type(uint16_t type, char *name, size_t size)
{
    struct text text = text_of(name, size);
    const char *known = dns_type_name(type);
    if (!known) {
        text_add(&text, "%u", type);
        return;
    }
    for (; *known; known++)
        text_char(&text, (char)byte_lower((uint8_t)*known));
}

static void write_local_records(struct text *out, const char *key, const struct dns_records *list)
{
    if (!list->count)
        return;
    json_open(out, key, '[');
    for (uint32_t i = 0; i < list->count; i++) {
        const struct dns_record *record = &list->items[i];
        char type[16];
        lower_type(record->type, type, sizeof type);
        json_open(out, NULL, '{');
        write_name(out, "rrname", &record->name);
        if (record->type == TYPE_TXT && record->kind == DNS_DATA_TEXT) {
            json_open(out, type, '[');
            json_string(out, NULL, record->data.text);
            while (i + 1 < list->count && list->items[i + 1].continued)
                json_string(out, NULL, list->items[++i].data.text);
            json_close(out, ']');
        } else {
            write_data(out, type, record, true);
        }
        json_close(out, '}');
    }
    json_close(out, ']');
}

void dns_local_write(const struct tx *tx, bool extended, struct text *out)
{
    static const char *const flag_names[] = { "z", "ra", "rd", "tc", "aa" };
    (void)extended;
    const struct dns *dns = dns_of(tx);
    json_word(out, "type", dns->flags & DNS_RESPONSE ? "response" : "request");
    json_uint(out, "id", dns->id);
    if (dns->flags &
        (DNS_AUTHORITATIVE | DNS_TRUNCATED | DNS_RECURSION_DESIRED | DNS_RECURSION_AVAILABLE | DNS_Z)) {
        json_open(out, "flags", '[');
        for (size_t i = COUNT_OF(flag_names); i-- > 0;)
            if (dns->flags >> (6 + i) & 1)
                json_word(out, NULL, flag_names[i]);
        json_close(out, ']');
    }
    json_uint(out, "opcode", dns_opcode(dns));
    json_uint(out, "rcode", dns_rcode(dns));
    if (dns->question_count) {
        json_open(out, "queries", '[');
        for (uint32_t i = 0; i < dns->question_count; i++) {
            char type[16];
            lower_type(dns->questions[i].type, type, sizeof type);
            json_open(out, NULL, '{');
            write_name(out, "rrname", &dns->questions[i].name);
            json_cstring(out, "rrtype", type);
            json_close(out, '}');
        }
        json_close(out, ']');
    }
    write_local_records(out, "answers", &dns->answers);
    write_local_records(out, "authorities", &dns->authorities);
    write_local_records(out, "additionals", &dns->additionals);
}
