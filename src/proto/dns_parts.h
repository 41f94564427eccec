/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of DNS share: messages (dns.c), records of EVE (dns_record.c), keywords (dns_keywords.c),
 * names (dns_names.c). */
#ifndef VONGLAU_PROTO_DNS_PARTS_H
#define VONGLAU_PROTO_DNS_PARTS_H

#include "proto/dns.h"

enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_NULL = 10,
    TYPE_PTR = 12,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    TYPE_OPT = 41,
    TYPE_SSHFP = 44
};

/* By number; "" where a number has none in rules and records. NULL-terminated. */
extern const char *const dns_type_names[], *const dns_rcode_names[];
extern const struct named_value dns_high_types[], dns_high_rcodes[];

static inline const struct dns *dns_of(const struct tx *tx)
{
    return (const struct dns *)tx->record;
}

void dns_write(const struct tx *tx, bool extended, struct text *out);
/* Of multicast DNS and LLMNR. */
void dns_local_write(const struct tx *tx, bool extended, struct text *out);
bool dns_loggable(const struct tx *tx);

#define DNS_INSPECTS       11U
#define DNS_LOCAL_INSPECTS 5U
extern const struct inspect dns_inspects[DNS_INSPECTS];
extern const struct inspect mdns_inspects[DNS_LOCAL_INSPECTS], llmnr_inspects[DNS_LOCAL_INSPECTS];

#endif
