/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT: what an output asks of its records. */
#ifndef VONGLAU_PROTO_MQTT_H
#define VONGLAU_PROTO_MQTT_H

#include "proto/protocol.h"

struct mqtt_log_settings {
    bool limited; /* to `string_max` instead of MQTT_LOG_STRING_MAX */
    bool no_passwords;
    size_t string_max; /* bytes of each string that are shown */
};
#define MQTT_LOG_STRING_MAX 1024U

/* Appends the members of the EVE "mqtt" object. */
void mqtt_log(const struct tx *tx, const struct mqtt_log_settings *wanted, struct text *out);

#endif
