/* SPDX-License-Identifier: Apache-2.0 */
/* What DNS calls its record types and response codes (IANA DNS parameters). */
#include "proto/dns_parts.h"

/* Names by number; "" where a number has none in rules and records. */
const char *const dns_type_names[] = {
    "",        "A",          "NS",     "MD",      "MF",    "CNAME",    "SOA",   "MB",   "MG",     "MR",
    "NULL",    "WKS",        "PTR",    "HINFO",   "MINFO", "MX",       "TXT",   "RP",   "AFSDB",  "X25",
    "ISDN",    "RT",         "NSAP",   "NSAPPTR", "SIG",   "KEY",      "PX",    "GPOS", "AAAA",   "LOC",
    "NXT",     "EID",        "NIMLOC", "SRV",     "ATMA",  "NAPTR",    "KX",    "CERT", "A6",     "DNAME",
    "SINK",    "OPT",        "APL",    "DS",      "SSHFP", "IPSECKEY", "RRSIG", "NSEC", "DNSKEY", "DHCID",
    "NSEC3",   "NSEC3PARAM", "TLSA",   "SMIMEA",  "",      "HIP",      "NINFO", "RKEY", "TALINK", "CDS",
    "CDNSKEY", "OPENPGPKEY", "CSYNC",  "ZONEMD",  "SVCB",  "HTTPS",    "",      "",     "",       "",
    "",        "",           "",       "",        "",      "",         "",      "",     "",       "",
    "",        "",           "",       "",        "",      "",         "",      "",     "",       "",
    "",        "",           "",       "",        "",      "",         "",      "",     "",       "SPF",
    "UINFO",   "UID",        "GID",    "UNSPEC",  "NID",   "L32",      "L64",   "LP",   "EUI48",  "EUI64",
    NULL,
};

static const struct {
    uint16_t type;
    const char *name;
} high_types[] = {
    { 249, "TKEY" }, { 250, "TSIG" }, { 251, "IXFR" }, { 252, "AXFR" }, { 253, "MAILB" }, { 254, "MAILA" },
    { 255, "ANY" },  { 256, "URI" },  { 257, "CAA" },  { 32768, "TA" }, { 32769, "DLV" },
};

const char *const dns_rcode_names[] = {
    "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
    "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE", NULL,
};

const char *dns_type_name(uint16_t type)
{
    if (type < COUNT_OF(dns_type_names) - 1)
        return dns_type_names[type][0] ? dns_type_names[type] : NULL;
    for (size_t i = 0; i < COUNT_OF(high_types); i++)
        if (high_types[i].type == type)
            return high_types[i].name;
    return NULL;
}

uint16_t dns_type_number(struct bytes name)
{
    for (size_t i = 1; i < COUNT_OF(dns_type_names) - 1; i++)
        if (dns_type_names[i][0] && bytes_equal_nocase(name, bytes_of_string(dns_type_names[i])))
            return (uint16_t)i;
    for (size_t i = 0; i < COUNT_OF(high_types); i++)
        if (bytes_equal_nocase(name, bytes_of_string(high_types[i].name)))
            return high_types[i].type;
    return 0;
}

const char *dns_rcode_name(unsigned rcode)
{
    return rcode < COUNT_OF(dns_rcode_names) - 1 ? dns_rcode_names[rcode] : NULL;
}
