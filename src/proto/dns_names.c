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

const struct named_value dns_high_types[] = {
    { "TKEY", 249 }, { "TSIG", 250 }, { "IXFR", 251 }, { "AXFR", 252 }, { "MAILB", 253 }, { "MAILA", 254 },
    { "ANY", 255 },  { "URI", 256 },  { "CAA", 257 },  { "TA", 32768 }, { "DLV", 32769 }, { NULL, 0 },
};

const char *const dns_rcode_names[] = {
    "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
    "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE", NULL,
};

const struct named_value dns_high_rcodes[] = {
    { "BADVERS", 16 }, { "BADKEY", 17 }, { "BADTIME", 18 },  { "BADMODE", 19 },
    { "BADNAME", 20 }, { "BADALG", 21 }, { "BADTRUNC", 22 }, { NULL, 0 },
};

const char *dns_type_name(uint16_t type)
{
    if (type < COUNT_OF(dns_type_names) - 1)
        return dns_type_names[type][0] ? dns_type_names[type] : NULL;
    for (const struct named_value *high = dns_high_types; high->name; high++)
        if (high->value == type)
            return high->name;
    return NULL;
}

uint16_t dns_type_number(struct bytes name)
{
    for (size_t i = 1; i < COUNT_OF(dns_type_names) - 1; i++)
        if (dns_type_names[i][0] && bytes_equal_nocase(name, bytes_of_string(dns_type_names[i])))
            return (uint16_t)i;
    for (const struct named_value *high = dns_high_types; high->name; high++)
        if (bytes_equal_nocase(name, bytes_of_string(high->name)))
            return (uint16_t)high->value;
    return 0;
}

const char *dns_rcode_name(unsigned rcode)
{
    return rcode < COUNT_OF(dns_rcode_names) - 1 ? dns_rcode_names[rcode] : NULL;
}
