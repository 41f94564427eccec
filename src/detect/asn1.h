/* SPDX-License-Identifier: Apache-2.0 */
/* Malformed ASN.1 in payload. Private to detect. */
#ifndef VONGLAU_DETECT_ASN1_H
#define VONGLAU_DETECT_ASN1_H

#include "base/bytes.h"

/* True when one of the oddities that the keyword's value asked for stands in `data`. */
bool asn1_is_odd(struct bytes data, const void *asked);

#endif
