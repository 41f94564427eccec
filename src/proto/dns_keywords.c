/* SPDX-License-Identifier: Apache-2.0 */
/* Rule keywords over messages of DNS, multicast DNS and LLMNR. */
#include "proto/dns_parts.h"

static bool question_name(const struct tx *tx, enum direction direction, uint32_t index,
                          struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    const struct dns *dns = dns_of(tx);
    if (index >= dns->question_count)
        return false;
    *value = dns->questions[index].name.text;
    return true;
}

static bool request_name(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                         struct bytes *value)
{
    return !(dns_of(tx)->flags & DNS_RESPONSE) && question_name(tx, direction, index, scratch, value);
}

static bool record_name(const struct dns_records *list, uint32_t index, struct bytes *value)
{
    if (index >= list->count)
        return false;
    *value = list->items[index].name.text;
    return true;
}

static bool answer_name(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                        struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return record_name(&dns_of(tx)->answers, index, value);
}

static bool authority_name(const struct tx *tx, enum direction direction, uint32_t index,
                           struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return record_name(&dns_of(tx)->authorities, index, value);
}

static bool additional_name(const struct tx *tx, enum direction direction, uint32_t index,
                            struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    return record_name(&dns_of(tx)->additionals, index, value);
}

static bool response_name(const struct tx *tx, enum direction direction, uint32_t index,
                          struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    const struct dns *dns = dns_of(tx);
    if (index >= dns->name_count)
        return false;
    *value = dns->names[index];
    return true;
}

static bool opcode_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = dns_opcode(dns_of(tx));
    return index == 0;
}

static bool rcode_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = dns_rcode(dns_of(tx));
    return index == 0;
}

/* Requests: types asked for; responses: types answered. */
static bool type_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    const struct dns *dns = dns_of(tx);
    if (dns->flags & DNS_RESPONSE) {
        if (index >= dns->answers.count)
            return false;
        *value = dns->answers.items[index].type;
        return true;
    }
    if (index >= dns->question_count)
        return false;
    *value = dns->questions[index].type;
    return true;
}

#define BOTH (1U << TO_SERVER | 1U << TO_CLIENT)
#define NAME_ROW(keyword, other, where, getter, text)                                            \
    {                                                                                            \
        .name = (keyword), .alias = (other), .kind = INSPECT_GET, .directions = (where),         \
        .progress = { 1, 1 }, .get = (getter), .help = (text), .source = "RFC 1035 section 4.1", \
    }

const struct inspect dns_inspects[DNS_INSPECTS] = {
    { .name = "dns.query",
      .alias = "dns_query",
      .shown = "dns_query",
      .kind = INSPECT_GET,
      .directions = 1U << TO_SERVER,
      .progress = { 1, 1 },
      .get = request_name,
      .help = "Names asked for, in requests",
      .source = "RFC 1035 section 4.1" },
    NAME_ROW("dns.queries.rrname", NULL, BOTH, question_name, "Names of the question section"),
    NAME_ROW("dns.query.name", NULL, BOTH, question_name, "Names of the question section"),
    NAME_ROW("dns.answers.rrname", NULL, BOTH, answer_name, "Names of the answer section"),
    NAME_ROW("dns.answer.name", NULL, BOTH, answer_name, "Names of the answer section"),
    NAME_ROW("dns.authorities.rrname", NULL, BOTH, authority_name, "Names of the authority section"),
    NAME_ROW("dns.additionals.rrname", NULL, BOTH, additional_name, "Names of the additional section"),
    NAME_ROW("dns.response.rrname", NULL, 1U << TO_CLIENT, response_name,
             "All names of a response, and the names in its data (CNAME, PTR, MX, NS, SOA)"),
    { .name = "dns.opcode",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = opcode_number,
      .max = UINT8_MAX,
      .help = "Operation code",
      .source = "RFC 1035 section 4.1.1" },
    { .name = "dns.rcode",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = rcode_number,
      .max = UINT16_MAX,
      .choices = dns_rcode_names,
      .names = dns_high_rcodes,
      .help = "Response code",
      .source = "RFC 1035 section 4.1.1" },
    { .name = "dns.rrtype",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = type_number,
      .max = UINT16_MAX,
      .choices = dns_type_names,
      .names = dns_high_types,
      .help = "Record types: asked for in requests, answered in responses",
      .source = "RFC 1035 section 3.2.2" },
};

const struct inspect mdns_inspects[DNS_LOCAL_INSPECTS] = {
    NAME_ROW("mdns.queries.rrname", NULL, BOTH, question_name, "Names of the question section"),
    NAME_ROW("mdns.answers.rrname", NULL, BOTH, answer_name, "Names of the answer section"),
    NAME_ROW("mdns.authorities.rrname", NULL, BOTH, authority_name, "Names of the authority section"),
    NAME_ROW("mdns.additionals.rrname", NULL, BOTH, additional_name, "Names of the additional section"),
    NAME_ROW("mdns.response.rrname", NULL, 1U << TO_SERVER, response_name, "All names of a response"),
};

const struct inspect llmnr_inspects[DNS_LOCAL_INSPECTS] = {
    NAME_ROW("llmnr.queries.rrname", NULL, BOTH, question_name, "Names of the question section"),
    NAME_ROW("llmnr.answers.rrname", NULL, BOTH, answer_name, "Names of the answer section"),
    NAME_ROW("llmnr.authorities.rrname", NULL, BOTH, authority_name, "Names of the authority section"),
    NAME_ROW("llmnr.additionals.rrname", NULL, BOTH, additional_name, "Names of the additional section"),
    NAME_ROW("llmnr.response.rrname", NULL, BOTH, response_name, "All names of a response"),
};
