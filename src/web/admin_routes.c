/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of users, sensors and the audit log. */
#include <stdio.h>

#include "base/clock.h"
#include "center/audit.h"
#include "center/enrolment.h"
#include "center/sensors.h"
#include "center/users.h"
#include "web/api.h"

static bool users(struct call *x)
{
    return users_list(x->context, x->out);
}

static bool names(struct call *x)
{
    return users_names(x->context, x->out);
}

static bool add_user(struct call *x)
{
    x->response->status = 201;
    return user_create(x->context, x->body, x->out);
}

static bool change_user(struct call *x)
{
    return user_update(x->context, x->numbers[0], x->body, x->out);
}

static bool reset_password(struct call *x)
{
    return user_reset_password_json(x->context, x->numbers[0], x->out);
}

static bool reset_totp(struct call *x)
{
    return user_reset_totp(x->context, x->numbers[0], x->out);
}

static bool unlock(struct call *x)
{
    return user_unlock(x->context, x->numbers[0], x->out);
}

static bool sensors(struct call *x)
{
    return sensors_list(x->context, x->out);
}

static bool put_code(struct call *x, int64_t sensor)
{
    struct context *c = x->context;
    char code[ENROLMENT_CODE_MAX], command[512];
    uint64_t expires;
    struct error error;
    if (!center_authority(c->center))
        return refuse(c, "internal", "sensor", BYTES_NONE, "this centre takes no sensors");
    if (!enrolment_code(c->database, center_authority(c->center), sensor, c->now, code, &expires, &error))
        return refuse(c, "wrong_state", "sensor", BYTES_NONE, "%s", error.text);
    if (!audit_add(c, "sensor.code", "sensor", sensor, BYTES_NONE))
        return false;
    struct bytes host = http_header(x->request, "Host");
    snprintf(command, sizeof command, "vonglau-sensor enrol https://%.*s %s",
             (int)MIN(host.size, (size_t)255), host.data ? (const char *)host.data : "", code);
    json_open(x->out, NULL, '{');
    json_key(x->out, "sensor");
    if (!sensor_json(c, sensor, x->out))
        return false;
    json_cstring(x->out, "code", code);
    json_key(x->out, "expires");
    text_char(x->out, '"');
    clock_text_rfc3339(expires, x->out);
    text_put(x->out, BYTES_OF("\","));
    json_cstring(x->out, "command", command);
    json_close(x->out, '}');
    return true;
}

static bool add_sensor(struct call *x)
{
    int64_t sensor = sensor_create(x->context, x->body);
    x->response->status = 201;
    return sensor && put_code(x, sensor);
}

static bool sensor_code(struct call *x)
{
    return put_code(x, x->numbers[0]);
}

static bool revoke(struct call *x)
{
    return sensor_revoke(x->context, x->numbers[0], x->out);
}

static bool audit(struct call *x)
{
    return audit_list(x->context, x->parameters, x->out);
}

static bool verify(struct call *x)
{
    return audit_verify_json(x->context, x->out);
}

#define OVERSEERS (ROLE_ADMINISTRATOR | ROLE_AUDITOR)

static const struct route routes[] = {
    { "GET", "/api/users", OVERSEERS, users, "Users", 0, 0 },
    { "GET", "/api/users/names", ROLE_STAFF, names, "Those who can be assigned", 0, 0 },
    { "POST", "/api/users", ROLE_ADMINISTRATOR, add_user, "Makes a user", 0, 0 },
    { "PATCH", "/api/users/{id}", ROLE_ADMINISTRATOR, change_user, "Changes a user", 0, 0 },
    { "POST", "/api/users/{id}/reset-password", ROLE_ADMINISTRATOR, reset_password, "New one-time password",
      0, 0 },
    { "POST", "/api/users/{id}/reset-totp", ROLE_ADMINISTRATOR, reset_totp, "Removes the second factor", 0,
      0 },
    { "POST", "/api/users/{id}/unlock", ROLE_ADMINISTRATOR, unlock, "Ends a lockout", 0, 0 },
    { "GET", "/api/sensors", ROLE_STAFF | OVERSEERS, sensors, "Sensors and their health", 0, 0 },
    { "POST", "/api/sensors", ROLE_ADMINISTRATOR, add_sensor, "Makes a sensor and its code", 0, 0 },
    { "POST", "/api/sensors/{id}/code", ROLE_ADMINISTRATOR, sensor_code, "New enrolment code", 0, 0 },
    { "POST", "/api/sensors/{id}/revoke", ROLE_ADMINISTRATOR, revoke, "Refuses the sensor from now on", 0,
      0 },
    { "GET", "/api/audit", OVERSEERS, audit, "The audit log", 0, 0 },
    { "GET", "/api/audit/verify", OVERSEERS, verify, "Checks its chain", 0, 0 },
};

const struct route_table admin_routes = { routes, COUNT_OF(routes) };
