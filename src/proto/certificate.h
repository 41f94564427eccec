/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an X.509 certificate (RFC 5280) that events and rules name, read from DER. */
#ifndef VONGLAU_PROTO_CERTIFICATE_H
#define VONGLAU_PROTO_CERTIFICATE_H

#include "base/arena.h"
#include "base/reader.h"

/* What made a certificate unreadable. */
enum certificate_problem {
    CERTIFICATE_GOOD,
    CERTIFICATE_BROKEN,     /* an element is longer than what it is in */
    CERTIFICATE_BAD_DER,    /* an element is another than is due, or its size is written otherwise */
    CERTIFICATE_BAD_LENGTH, /* an element is missing */
    CERTIFICATE_BAD_VERSION,
    CERTIFICATE_BAD_SERIAL,
    CERTIFICATE_BAD_DATE,
};

#define CERTIFICATE_NAMES_MAX 256U /* alternative names kept */

struct certificate {
    struct bytes subject, issuer;  /* "C=VN, O=..., CN=..." */
    struct bytes serial;           /* "0A:1B:..." */
    struct bytes fingerprint;      /* SHA-1, "0a:1b:..." */
    int64_t not_before, not_after; /* seconds since 1970 UTC */
    bool has_validity;
    struct bytes *alternative_names; /* DNS names, addresses, URIs, mail addresses */
    uint32_t alternative_name_count;
    bool too_many_names;
};

/* Reads `der`; every text is in `memory`. What was read before a problem stays. */
enum certificate_problem certificate_read(struct bytes der, struct arena *memory,
                                          struct certificate *certificate);

#endif
