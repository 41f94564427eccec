/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of behavior/ as EVE alerts; see watch.h. */
#include "sensor/watch.h"

#define SCAN_METADATA \
    "mitre_technique_id T1046, mitre_technique_name Network_Service_Discovery, verdict attempt"

static const struct rule scan_rules[] = {
    [SCAN_PORTS] = { .sid = 1901001,
                     .gid = 1,
                     .rev = 1,
                     .priority = 3,
                     .action = ACTION_ALERT,
                     .message = { (const uint8_t *)"VONGLAU port scan: many ports of one host", 41 },
                     .category = { (const uint8_t *)"Detection of a Network Scan", 27 },
                     .classtype = { (const uint8_t *)"network-scan", 12 },
                     .metadata = { (const uint8_t *)SCAN_METADATA, sizeof SCAN_METADATA - 1 } },
    [SCAN_HOSTS] = { .sid = 1901002,
                     .gid = 1,
                     .rev = 1,
                     .priority = 3,
                     .action = ACTION_ALERT,
                     .message = { (const uint8_t *)"VONGLAU host sweep: one port of many hosts", 42 },
                     .category = { (const uint8_t *)"Detection of a Network Scan", 27 },
                     .classtype = { (const uint8_t *)"network-scan", 12 },
                     .metadata = { (const uint8_t *)SCAN_METADATA, sizeof SCAN_METADATA - 1 } },
};

bool watch_init(struct watch *watch, struct error *error)
{
    struct scan_settings settings = { 0 };
    watch->scans = scan_watch_new(&settings, error);
    if (!watch->scans)
        return false;
    pthread_mutex_init(&watch->lock, NULL);
    return true;
}

void watch_done(struct watch *watch)
{
    if (!watch->scans)
        return;
    pthread_mutex_destroy(&watch->lock);
    scan_watch_free(watch->scans);
    watch->scans = NULL;
}

static void report(struct recorder *recorder, struct scene *scene, const struct scan_finding *finding)
{
    char extra[256];
    struct text out = text_of(extra, sizeof extra);
    json_open(&out, NULL, '{');
    json_cstring(&out, "verdict", "attempt");
    json_open(&out, "scan", '{');
    json_uint(&out, "tried", finding->tried);
    json_uint(&out, "answered", finding->answered);
    json_close(&out, '}');
    json_close(&out, '}');
    json_end(&out);
    scene->flow->alerted = true;
    scene->extra = text_bytes(&out);
    record_finding(recorder, scene, &scan_rules[finding->kind]);
    scene->extra = BYTES_NONE;
}

void watch_packet(struct watch *watch, struct recorder *recorder, struct scene *scene, bool fresh)
{
    const struct packet *packet = scene->packet;
    const struct flow *flow = scene->flow;
    const struct tcp_header *tcp = packet->tcp;
    struct scan_finding finding = { .kind = SCAN_NONE };
    if (!watch->scans || !(tcp || packet->udp))
        return;
    bool tried = fresh && (!tcp || (tcp->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN);
    bool accepts = tcp ? (tcp->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) : true;
    bool answered = scene->direction == TO_CLIENT && accepts && flow->packets[TO_CLIENT] <= 1;
    if (!tried && !answered)
        return;
    pthread_mutex_lock(&watch->lock);
    if (tried && !scan_tried(watch->scans, packet, &finding))
        finding.kind = SCAN_NONE;
    if (answered)
        scan_answered(watch->scans, &flow->client, &flow->server, flow->server_port);
    pthread_mutex_unlock(&watch->lock);
    if (finding.kind != SCAN_NONE)
        report(recorder, scene, &finding);
}
