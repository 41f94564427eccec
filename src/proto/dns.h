/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages (RFC 1035): the record that DNS, mDNS (RFC 6762) and LLMNR (RFC 4795) share.
 *
 * Every message is a transaction of its own, requests and responses alike. */
#ifndef VONGLAU_PROTO_DNS_H
#define VONGLAU_PROTO_DNS_H

#include "base/address.h"
#include "proto/protocol.h"

/* A domain name as text: labels joined by '.', bytes as they came. */
struct dns_name {
    struct bytes text;
    bool truncated; /* longer than DNS_NAME_MAX: cut there */
};

#define DNS_NAME_MAX 1025U

struct dns_question {
    struct dns_name name;
    uint16_t type, class;
};

enum dns_data {
    DNS_DATA_NONE,    /* a type whose data is not shown */
    DNS_DATA_ADDRESS, /* A, AAAA */
    DNS_DATA_NAME,    /* CNAME, NS, PTR, MX */
    DNS_DATA_TEXT,    /* TXT (one string), NULL */
    DNS_DATA_SOA,
    DNS_DATA_SRV,
    DNS_DATA_SSHFP,
    DNS_DATA_OPT
};

struct dns_soa {
    struct dns_name mname, rname;
    uint32_t serial, refresh, retry, expire, minimum;
};

struct dns_record {
    struct dns_name name;
    uint16_t type, class;
    uint32_t ttl;
    uint8_t kind;   /* enum dns_data */
    bool continued; /* a further string of the TXT record before it */
    union {
        struct address address;
        struct dns_name target;
        struct bytes text; /* TXT, NULL; OPT: the options as they came */
        const struct dns_soa *soa;
        struct {
            uint16_t priority, weight, port;
            struct dns_name target;
        } srv;
        struct {
            uint8_t algorithm, type;
            struct bytes fingerprint;
        } sshfp;
    } data;
};

struct dns_records {
    struct dns_record *items;
    uint32_t count, capacity;
};

struct dns {
    uint16_t id, flags;
    struct dns_question *questions;
    uint32_t question_count;
    struct dns_records answers, authorities, additionals;
    struct bytes *names; /* responses: every name, of records and in their data */
    uint32_t name_count, name_capacity;
    bool malformed; /* only the header could be read: an anomaly, not a record */
    bool silent;    /* without a record of its own */
};

enum dns_flag {
    DNS_RESPONSE = 0x8000,
    DNS_AUTHORITATIVE = 0x0400,
    DNS_TRUNCATED = 0x0200,
    DNS_RECURSION_DESIRED = 0x0100,
    DNS_RECURSION_AVAILABLE = 0x0080,
    DNS_Z = 0x0040
};

static inline unsigned dns_opcode(const struct dns *dns)
{
    return dns->flags >> 11 & 15;
}

static inline unsigned dns_rcode(const struct dns *dns)
{
    return dns->flags & 15;
}

/* Which messages and record types an output wants, and in which form; all zero is everything, version 3. */
struct dns_log_settings {
    bool no_requests, no_responses;
    bool no_detailed, no_grouped;
    uint8_t version;       /* 2 or 3; 0 is 3 */
    const uint16_t *types; /* record types; NULL is all */
    size_t type_count;
};

/* True when `settings` wants this message: its side, and a question (or answer) of a listed type. */
bool dns_log_wanted(const struct tx *tx, const struct dns_log_settings *settings);
/* Appends the members of the EVE "dns" object. */
void dns_log(const struct tx *tx, const struct dns_log_settings *settings, struct text *out);

/* Name of a record type ("AAAA"), or NULL; and back, without regard to case (0 when unknown). */
const char *dns_type_name(uint16_t type);
uint16_t dns_type_number(struct bytes name);
const char *dns_rcode_name(unsigned rcode);

/* Parses one message into a new transaction of `session`; false when malformed. `multicast`: requests and
 * responses may travel either way. */
bool dns_message(struct session *session, enum direction direction, struct bytes message, bool multicast);
/* The same of a message that a transaction of another protocol carries (RFC 8484); false also when DNS is not
 * enabled. */
bool dns_carried(struct session *session, enum direction direction, struct bytes message, struct tx *carrier);
extern const struct protocol dns_protocol;

#endif
