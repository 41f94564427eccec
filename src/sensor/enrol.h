/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment of this sensor with a centre: `vonglau-sensor enrol URL CODE`. */
#ifndef VONGLAU_SENSOR_ENROL_H
#define VONGLAU_SENSOR_ENROL_H

#include "base/error.h"

/* Makes a key (EC P-256, mode 0600), has the centre sign it against the one-time code, and leaves sensor.key,
 * sensor.pem, authority.pem and uplink.json in `directory` (made when absent).
 *
 * `url` is "https://host[:port]". The code carries the fingerprint of the centre's authority: a certificate
 * that does not fit it is refused before the code is sent. An earlier enrolment in the directory is replaced
 * only when this one succeeds. `name` receives the sensor's name. */
MUST_CHECK bool enrol_run(const char *url, const char *code, const char *directory, char *name,
                          size_t name_size, struct error *error);
struct uplink_http;

/* True when less than a third of the life of the certificate in `directory` is left. */
bool enrol_renewal_is_due(const char *directory);
/* Has the centre sign the sensor's key anew and replaces sensor.pem at once; a failure leaves it as it was.
 * Connections made before go on with the earlier certificate. */
MUST_CHECK bool enrol_renew(struct uplink_http *http, const char *directory, struct error *error);

#endif
