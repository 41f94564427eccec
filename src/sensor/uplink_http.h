/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS to the centre, for the uplink and for enrolment only. */
#ifndef VONGLAU_SENSOR_UPLINK_HTTP_H
#define VONGLAU_SENSOR_UPLINK_HTTP_H

#include "base/error.h"
#include "base/text.h"

#define UPLINK_REPLY_MAX (64U << 10)

struct uplink_http;

struct uplink_http_settings {
    const char *url; /* "https://host[:port]" */
    const char
        *authority; /* PEM file of the centre's authority; NULL: any certificate (first contact only) */
    const char *certificate, *key; /* PEM files; NULL: none */
    uint64_t bytes_per_second;     /* 0: no limit */
    int stop_fd;                   /* readable: give up at once; -1: none */
};

MUST_CHECK struct uplink_http *uplink_http_open(const struct uplink_http_settings *settings,
                                                struct error *error);
void uplink_http_close(struct uplink_http *http);
/* One request; body absent: GET. The status, or 0 (and the error) when there was none. `reply` is cleared
 * first and holds at most UPLINK_REPLY_MAX octets. */
unsigned uplink_http_request(struct uplink_http *http, const char *path, struct bytes body, const char *type,
                             struct text *reply, struct error *error);
/* True for "https://host[:port]" with nothing after it but an optional slash. */
bool uplink_url_is_good(const char *url);

#endif
