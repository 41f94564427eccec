/* SPDX-License-Identifier: Apache-2.0 */
/* Countries of addresses, from a file in the MaxMind DB format 2.0. Private to detect. */
#ifndef VONGLAU_DETECT_GEOIP_H
#define VONGLAU_DETECT_GEOIP_H

#include "base/address.h"
#include "base/error.h"

struct geoip;

/* Reads the whole file; NULL when it is no such database. */
MUST_CHECK struct geoip *geoip_open(const char *path, struct error *error);
/* The same from memory, which is copied. */
MUST_CHECK struct geoip *geoip_of(struct bytes content, struct error *error);
/* ISO 3166 code of the address's country, in lower case; false when the database has none. */
bool geoip_country(const struct geoip *geoip, const struct address *address, uint8_t code[2]);
void geoip_free(struct geoip *geoip);

#endif
