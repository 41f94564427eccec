/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of sensors (docs/sensor-protocol.md): enrolment, deliveries, heartbeats. All but the first two ask
 * for the client's certificate and check it against the register at every request. */
#include "base/log.h"
#include "center/audit.h"
#include "center/enrolment.h"
#include "center/ingest.h"
#include "event/frame.h"
#include "web/api.h"

#define REQUEST_BODY_MAX   (32U << 10)
#define HEARTBEAT_BODY_MAX (64U << 10)

/* The trusted sensor that presents its certificate; 0 and refused when none does. */
static int64_t presented(struct call *x)
{
    struct context *c = x->context;
    struct error error = { "" };
    struct authority *authority = center_authority(c->center);
    struct bytes certificate = http_client_certificate(x->request);
    if (!authority || !center_ingest(c->center)) {
        refuse(c, "busy", "sensor", BYTES_NONE, "this centre takes no sensors now");
        return 0;
    }
    if (!certificate.size) {
        refuse(c, "not_signed_in", "certificate", BYTES_NONE, "a sensor's certificate is needed");
        return 0;
    }
    int64_t sensor = enrolment_sensor(c->database, authority, certificate, c->now, &error);
    if (!sensor)
        refuse(c, "forbidden", "certificate", BYTES_NONE, "%.200s", error.text);
    return sensor;
}

static bool show_authority(struct call *x)
{
    struct authority *authority = center_authority(x->context->center);
    if (!authority)
        return refuse(x->context, "not_found", "path", BYTES_NONE, "this centre takes no sensors");
    x->response->type = "application/x-pem-file";
    text_put(x->out, authority_certificate(authority));
    return true;
}

/* {"name","certificate","until"} of what was issued. */
static bool put_issued(struct call *x, const char *name, const struct issued *issued)
{
    json_open(x->out, NULL, '{');
    json_cstring(x->out, "name", name);
    json_string(x->out, "certificate", issued->certificate);
    json_uint(x->out, "until_s", issued->until / 1000000000ULL);
    json_close(x->out, '}');
    return true;
}

static bool refuse_enrolment(struct context *c, enum enrolment_result result, const struct error *error)
{
    return result == ENROLMENT_REFUSED ? refuse(c, "forbidden", "code", BYTES_NONE, "%.200s", error->text)
                                       : refuse_error(c, "busy", "", error);
}

static bool enrol(struct call *x)
{
    struct context *c = x->context;
    struct authority *authority = center_authority(c->center);
    struct json_value body = json_parse(x->request->body);
    struct bytes code = BYTES_NONE, request = BYTES_NONE;
    char name[AUTHORITY_NAME_MAX] = "";
    struct issued issued = { 0 };
    struct error error = { "" };
    if (!authority)
        return refuse(c, "busy", "sensor", BYTES_NONE, "this centre takes no sensors now");
    if (body.type != JSON_OBJECT)
        return refuse(c, "bad_json", "body", BYTES_NONE, "the body must be one JSON object");
    if (!body_text(c, body, "code", 64, &code, NULL) || !body_text(c, body, "request", 16384, &request, NULL))
        return false;
    enum enrolment_result result = enrolment_redeem(c->database, authority, code, request, c->now,
                                                    x->request->memory, name, &issued, &error);
    if (result != ENROLMENT_OK) {
        log_warning("sensor enrolment from %s refused: %s", c->principal.address, error.text);
        return refuse_enrolment(c, result, &error);
    }
    log_info("sensor %s enrolled from %s", name, c->principal.address);
    return audit_add(c, "sensor.enrol", "sensor", 0, BYTES_NONE) && put_issued(x, name, &issued);
}

static bool renew(struct call *x)
{
    struct context *c = x->context;
    struct json_value body = json_parse(x->request->body);
    struct bytes request = BYTES_NONE;
    struct issued issued = { 0 };
    struct error error = { "" };
    int64_t sensor = presented(x);
    if (!sensor || !body_text(c, body, "request", 16384, &request, NULL))
        return false;
    enum enrolment_result result = enrolment_renew(c->database, center_authority(c->center), sensor, request,
                                                   c->now, x->request->memory, &issued, &error);
    if (result != ENROLMENT_OK)
        return refuse_enrolment(c, result, &error);
    return audit_add(c, "sensor.renew", "sensor", sensor, BYTES_NONE) && put_issued(x, "", &issued);
}

static bool refuse_delivery(struct context *c, enum ingest_result result, const struct error *error)
{
    return result == INGEST_MALFORMED ? refuse(c, "bad_request", "body", BYTES_NONE, "%.200s", error->text)
                                      : refuse_error(c, "busy", "", error);
}

static bool deliver(struct call *x)
{
    struct context *c = x->context;
    struct ingest_receipt receipt;
    struct error error = { "" };
    int64_t sensor = presented(x);
    if (!sensor)
        return false;
    enum ingest_result result = ingest_frame(center_ingest(c->center), sensor, x->request->body, &receipt,
                                             &error);
    if (result != INGEST_OK)
        return refuse_delivery(c, result, &error);
    json_open(x->out, NULL, '{');
    json_uint(x->out, "boot", receipt.boot);
    json_uint(x->out, "acknowledged", receipt.acknowledged);
    json_uint(x->out, "events", receipt.events);
    json_uint(x->out, "unreadable", receipt.unreadable);
    json_close(x->out, '}');
    return true;
}

static bool heartbeat(struct call *x)
{
    struct context *c = x->context;
    struct error error = { "" };
    int64_t sensor = presented(x);
    if (!sensor)
        return false;
    enum ingest_result result = ingest_heartbeat(center_ingest(c->center), sensor, x->request->body,
                                                 c->principal.address, x->out, &error);
    return result == INGEST_OK || refuse_delivery(c, result, &error);
}

static const struct route routes[] = {
    { "GET", "/sensor/v1/authority", 0, show_authority, "The centre's authority, in PEM", ROUTE_SENSOR, 0 },
    { "POST", "/sensor/v1/enrol", 0, enrol, "A one-time code and a request for a certificate", ROUTE_SENSOR,
      REQUEST_BODY_MAX },
    { "POST", "/sensor/v1/renew", 0, renew, "A new certificate", ROUTE_SENSOR, REQUEST_BODY_MAX },
    { "POST", "/sensor/v1/events", 0, deliver, "One delivery of events", ROUTE_SENSOR, FRAME_SIZE_MAX },
    { "POST", "/sensor/v1/heartbeat", 0, heartbeat, "A sign of life", ROUTE_SENSOR, HEARTBEAT_BODY_MAX },
};

const struct route_table sensor_routes = { routes, COUNT_OF(routes) };
