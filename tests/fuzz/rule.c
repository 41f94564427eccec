/* SPDX-License-Identifier: Apache-2.0 */
/* Rule text from outside: loads what it can, then inspects two packets with it. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "detect/detect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inspect(const struct ruleset *set, enum direction direction, unsigned protocol,
                    struct bytes payload)
{
    struct error error;
    static const uint8_t address[] = { 192, 0, 2, 1 };
    struct detector *detector = detector_new(set, 4, &error);
    struct alerts *alerts = calloc(1, sizeof *alerts);
    struct flow flow = {
        .id = 1, .protocol = (uint8_t)protocol, .state = FLOW_ESTABLISHED, .established_directions = 3
    };
    struct packet packet = {
        .time = 1, .protocol = (uint8_t)protocol, .payload = payload, .src_port = 1024, .dst_port = 80
    };
    packet.src = packet.dst = address_v4(address);
    packet.ip_record.version = 4;
    packet.ip_record.protocol = (uint8_t)protocol;
    packet.ip = &packet.ip_record;
    packet.tcp = protocol == IP_TCP ? &packet.tcp_record : NULL;
    packet.udp = protocol == IP_UDP ? &packet.udp_record : NULL;
    struct inspection inspection = { .packet = &packet, .flow = &flow, .direction = direction };
    if (detector && alerts) {
        detect(detector, &inspection, alerts);
        detect_flow_free(detector, &flow);
    }
    detector_free(detector);
    free(alerts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("rules", 0);
    char path[64];
    struct text text = text_of(path, sizeof path);
    text_add(&text, "/proc/self/fd/%d", fd);
    if (fd >= 0 && write(fd, data, size) == (ssize_t)size) {
        const char *files[] = { path };
        struct ruleset_settings settings = { .files = files, .file_count = 1, .data_dir = "/nonexistent" };
        struct error error;
        struct ruleset *set = ruleset_load(&settings, &error);
        if (set) {
            inspect(set, TO_SERVER, IP_TCP, bytes_of(data, size));
            inspect(set, TO_CLIENT, IP_UDP, bytes_of(data, size));
        }
        ruleset_free(set);
    }
    if (fd >= 0)
        close(fd);
    return 0;
}
