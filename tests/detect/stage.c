/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include <fcntl.h>
#include <stdio.h>

static void note_refusal(void *context, const struct rule_reason *reason)
{
    struct stage *stage = context;
    stage->reason = *reason;
    snprintf(stage->refused_keyword, sizeof stage->refused_keyword, "%.*s", (int)reason->keyword.size,
             (const char *)(reason->keyword.data ? reason->keyword.data : (const uint8_t *)""));
    stage->refused++;
}

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void open_stage(struct stage *stage, const char *rules, const char *thresholds,
                       const struct ruleset_settings *wanted)
{
    memset(stage, 0, sizeof *stage);
    char path[] = "/tmp/vonglau-rules-XXXXXX", threshold_path[] = "/tmp/vonglau-thresholds-XXXXXX";
    write_file(path, rules);
    if (thresholds)
        write_file(threshold_path, thresholds);
    static const struct {
        const char *name, *value;
    } addresses[] = { { "HOME_NET", "[192.0.2.0/24,10.0.0.0/8]" }, { "EXTERNAL_NET", "!$HOME_NET" } },
      ports[] = { { "HTTP_PORTS", "80" } };
    const char *files[] = { path };
    struct ruleset_settings settings = *wanted;
    settings.addresses = (const void *)addresses;
    settings.address_count = COUNT_OF(addresses);
    settings.ports = (const void *)ports;
    settings.port_count = COUNT_OF(ports);
    settings.files = files;
    settings.file_count = 1;
    settings.keep_texts = true;
    settings.keep_parts = true;
    settings.refused = note_refusal;
    settings.context = stage;
    if (!settings.data_dir)
        settings.data_dir = "/tmp";
    settings.threshold_file = thresholds ? threshold_path : NULL;
    struct error error = { "" };
    stage->set = ruleset_load(&settings, &error);
    unlink(path);
    if (thresholds)
        unlink(threshold_path);
    if (!stage->set)
        fail_msg("%s", error.text);
    stage->detector = detector_new(stage->set, 4, &error);
    assert_non_null(stage->detector);
    stage->alerts = calloc(1, sizeof *stage->alerts);
    assert_non_null(stage->alerts);
    stage->packet.time = 1000000000ULL;
    stage->flow.id = 1;
    stage->flow.established_directions = 3;
    stage->flow.state = FLOW_ESTABLISHED;
}

void stage_open(struct stage *stage, const char *rules, const char *thresholds)
{
    open_stage(stage, rules, thresholds, &(struct ruleset_settings){ 0 });
}

void stage_open_with(struct stage *stage, const char *rules, const struct ruleset_settings *settings)
{
    open_stage(stage, rules, NULL, settings);
}

void stage_open_plain(struct stage *stage, const char *rules)
{
    open_stage(stage, rules, NULL, &(struct ruleset_settings){ .no_prefilter = true });
}

void stage_open_inline(struct stage *stage, const char *rules, const uint8_t order[ACTION_PLACES],
                       uint32_t max)
{
    struct ruleset_settings settings = { .inline_mode = true, .alerts_per_packet = max };
    if (order)
        memcpy(settings.action_order, order, ACTION_PLACES);
    open_stage(stage, rules, NULL, &settings);
    stage->inline_mode = true;
}

void stage_change(struct stage *stage, const struct ruleset *set)
{
    struct error error = { "" };
    assert_true(detector_prepare(stage->detector, set, &error));
    detector_change(stage->detector);
}

void stage_close(struct stage *stage)
{
    detect_flow_free(stage->detector, &stage->flow);
    detector_free(stage->detector);
    ruleset_free(stage->set);
    free(stage->alerts);
    if (stage->payload)
        guarded_free(stage->payload, stage->payload_size);
}

void stage_packet(struct stage *stage, enum direction direction, unsigned protocol, const void *payload,
                  size_t size)
{
    struct packet *p = &stage->packet;
    static const uint8_t client[] = { 192, 0, 2, 1 }, server[] = { 198, 51, 100, 1 };
    if (stage->payload)
        guarded_free(stage->payload, stage->payload_size);
    stage->payload = guarded_copy(payload, size);
    stage->payload_size = size;
    p->payload = bytes_of(stage->payload, size);
    p->protocol = (uint8_t)protocol;
    p->ip_record.version = 4;
    p->ip_record.protocol = (uint8_t)protocol;
    p->ip_record.ttl = 64;
    p->ip = &p->ip_record;
    p->src = address_v4(direction == TO_SERVER ? client : server);
    p->dst = address_v4(direction == TO_SERVER ? server : client);
    p->src_port = direction == TO_SERVER ? 40000 : 80;
    p->dst_port = direction == TO_SERVER ? 80 : 40000;
    p->tcp = protocol == IP_TCP ? &p->tcp_record : NULL;
    p->udp = protocol == IP_UDP ? &p->udp_record : NULL;
    p->icmp = protocol == IP_ICMP ? &p->icmp_record : NULL;
    stage->flow.protocol = (uint8_t)protocol;
    struct inspection inspection = {
        .parsed = true,
        .packet = p,
        .flow = &stage->flow,
        .direction = direction,
        .tcp_before = stage->tcp_before,
        .inline_mode = stage->inline_mode,
    };
    detect(stage->detector, &inspection, stage->alerts);
}

unsigned stage_count(const struct stage *stage, uint32_t sid)
{
    unsigned count = 0;
    for (size_t i = 0; i < stage->alerts->count; i++)
        count += !stage->alerts->items[i].tagged && stage->alerts->items[i].rule->sid == sid;
    return count;
}
