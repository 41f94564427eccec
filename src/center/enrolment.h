/* SPDX-License-Identifier: Apache-2.0 */
/* How a sensor becomes trusted: a one-time code from the centre, a certificate for it, and the check of that
 * certificate against the register at every request. */
#ifndef VONGLAU_CENTER_ENROLMENT_H
#define VONGLAU_CENTER_ENROLMENT_H

#include "center/authority.h"
#include "store/database.h"

#define ENROLMENT_CODE_MAX 80U
#define ENROLMENT_VALID_NS (24 * 3600 * 1000000000ULL)

/* Gives the sensor (row `sensor`) a new one-time code: 80 random bits, kept as their SHA-256 for 24 hours,
 * and the authority's fingerprint, by which the sensor knows the centre at first contact. Runs in the
 * caller's transaction or its own; an earlier code ends. */
MUST_CHECK bool enrolment_code(struct database *database, const struct authority *authority, int64_t sensor,
                               uint64_t now, char code[static ENROLMENT_CODE_MAX], uint64_t *expires,
                               struct error *error);
/* The same for `vonglau admin enrol NAME`: the row is made when there is none. Refuses a revoked one. */
MUST_CHECK bool enrolment_code_for_name(struct database *database, const struct authority *authority,
                                        const char *name, uint64_t now, char code[static ENROLMENT_CODE_MAX],
                                        struct error *error);

enum enrolment_result { ENROLMENT_OK, ENROLMENT_REFUSED, ENROLMENT_FAILED };

/* Redeems a code (its secret part) for a certificate: the sensor becomes trusted, the code is used up, an
 * earlier certificate of it is no longer accepted. REFUSED: wrong, used or expired code, or a bad request. */
enum enrolment_result enrolment_redeem(struct database *database, struct authority *authority,
                                       struct bytes secret, struct bytes request, uint64_t now,
                                       struct arena *memory, char name[static AUTHORITY_NAME_MAX],
                                       struct issued *issued, struct error *error);
/* A new certificate for a trusted sensor, before the old one ends. */
enum enrolment_result enrolment_renew(struct database *database, struct authority *authority, int64_t sensor,
                                      struct bytes request, uint64_t now, struct arena *memory,
                                      struct issued *issued, struct error *error);

/* Which trusted sensor presents this certificate (DER): 0 (and the reason) when none. Ask at every request: a
 * revoked sensor or a replaced certificate is refused from the next one on. */
MUST_CHECK int64_t enrolment_sensor(struct database *database, struct authority *authority,
                                    struct bytes certificate, uint64_t now, struct error *error);
/* Refuses the sensor from now on. */
MUST_CHECK bool enrolment_revoke(struct database *database, int64_t sensor, uint64_t now,
                                 struct error *error);

#endif
