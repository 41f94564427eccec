/* SPDX-License-Identifier: Apache-2.0 */
/* tls-store: the certificates of a TLS end as PEM, and beside them what connection they are from. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "proto/tls.h"
#include "sensor/recorder.h"

#define PEM_LINE 64U /* characters, RFC 7468 section 2 */

static void write_pem(const struct tls_end *end, struct text *scratch, FILE *out)
{
    for (uint32_t i = 0; i < MIN(end->chain_count, TLS_CHAIN_MAX); i++) {
        text_clear(scratch);
        text_base64(scratch, end->chain[i]);
        struct bytes rest = text_bytes(scratch);
        fputs("-----BEGIN CERTIFICATE-----\n", out);
        for (; rest.size; rest = bytes_from(rest, PEM_LINE)) {
            struct bytes line = bytes_first(rest, PEM_LINE);
            fprintf(out, "%.*s\n", (int)line.size, (const char *)line.data);
        }
        fputs("-----END CERTIFICATE-----\n", out);
    }
}

static void write_text(FILE *out, const char *label, struct bytes value)
{
    struct text safe = text_new(64 << 10);
    json_escape(&safe, value);
    fprintf(out, "%-18s %.*s\n", label, (int)safe.size, safe.data ? safe.data : "");
    text_done(&safe);
}

static void write_meta(const struct scene *scene, const struct tls_end *end, FILE *out)
{
    const struct flow *flow = scene->flow;
    const struct packet *packet = scene->packet;
    time_t seconds = (time_t)(packet->time / NS_PER_S);
    struct tm tm;
    char stamp[32], client[64], server[64];
    struct text client_text = text_of(client, sizeof client), server_text = text_of(server, sizeof server);
    localtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%m/%d/%Y-%H:%M:%S", &tm);
    address_text(&flow->client, &client_text);
    address_text(&flow->server, &server_text);
    fprintf(out, "TIME:              %s.%06u\n", stamp, (unsigned)(packet->time % NS_PER_S / NS_PER_US));
    if (packet->number)
        fprintf(out, "PCAP PKT NUM:      %llu\n", (unsigned long long)packet->number);
    fprintf(out, "SRC IP:            %s\nDST IP:            %s\nPROTO:             %u\n", client, server,
            flow->protocol);
    fprintf(out, "SRC PORT:          %u\nDST PORT:          %u\n", flow->client_port, flow->server_port);
    write_text(out, "TLS SUBJECT:", end->certificate.subject);
    write_text(out, "TLS ISSUERDN:", end->certificate.issuer);
    write_text(out, "TLS FINGERPRINT:", end->certificate.fingerprint);
}

static FILE *open_one(const struct recorder *recorder, const struct scene *scene, enum direction sender,
                      unsigned number, const char *suffix)
{
    char path[4096];
    uint64_t time = scene->packet->time;
    int size = snprintf(path, sizeof path, "%s/%s%llu.%06u-%u.%s", recorder->settings->certificate_dir,
                        sender == TO_SERVER ? "client-" : "", (unsigned long long)(time / NS_PER_S),
                        (unsigned)(time % NS_PER_S / NS_PER_US), number, suffix);
    return size > 0 && (size_t)size < sizeof path ? fopen(path, "we") : NULL;
}

void record_certificate(struct recorder *recorder, const struct scene *scene, const struct alert *alert)
{
    struct tx *tx = alert->tx;
    if (!alert->rule->stores_certificate || !recorder->settings->certificate_dir || !tx || !scene->flow ||
        tx->protocol->id != PROTOCOL_tls)
        return;
    enum direction sender = (enum direction)alert->direction;
    struct tls_end *end = &((struct tls *)(void *)tx->record)->ends[sender];
    if (!end->has_certificate || end->stored)
        return;
    end->stored = true;
    (void)mkdir(recorder->settings->certificate_dir, 0750);
    unsigned number = atomic_fetch_add(&recorder->sinks->certificates, 1) + 1;
    FILE *pem = open_one(recorder, scene, sender, number, "pem");
    FILE *meta = open_one(recorder, scene, sender, number, "meta");
    if (pem) {
        write_pem(end, &recorder->scratch, pem);
        fclose(pem);
    }
    if (meta) {
        write_meta(scene, end, meta);
        fclose(meta);
    }
}
