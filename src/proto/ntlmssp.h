/* SPDX-License-Identifier: Apache-2.0 */
/* Who logs in: NTLMSSP (MS-NLMP) and Kerberos tickets in the tokens of SPNEGO (RFC 4178, RFC 4121). */
#ifndef VONGLAU_PROTO_NTLMSSP_H
#define VONGLAU_PROTO_NTLMSSP_H

#include "base/arena.h"
#include "base/reader.h"

struct ntlmssp {
    bool seen, has_version, unusual_order, malformed;
    struct bytes domain, user, host;
    uint8_t major, minor, revision;
    uint16_t build;
};

#define KERBEROS_NAMES 8U
struct kerberos_ticket {
    bool seen;
    struct bytes realm;
    uint32_t name_count;
    struct bytes names[KERBEROS_NAMES];
};

/* Looks into a security token; what is found is copied to `memory`. */
void security_token(struct bytes token, struct arena *memory, struct ntlmssp *ntlmssp,
                    struct kerberos_ticket *kerberos);
/* UTF-16, little endian, as UTF-8 in `memory`. */
struct bytes utf16_text(struct arena *memory, struct bytes raw);

#endif
