/* SPDX-License-Identifier: Apache-2.0 */
/* BPF expressions, compiled for each link type when its first frame comes; see filter.h. */
#include "packet/filter.h"

#include <pcap/pcap.h>
#include <stdlib.h>

#include "packet/capture_parts.h"
#include "packet/decode.h"

enum { LINK_TYPES_MAX = 8, FILTER_SNAPLEN = 262144 };

struct compiled {
    uint16_t link_type;
    struct bpf_program program;
};

struct frame_filter {
    char *text;
    struct compiled compiled[LINK_TYPES_MAX];
    size_t count;
};

bool capture_compile(const char *filter, uint16_t link_type, uint32_t snaplen, struct bpf_program *program,
                     struct error *error)
{
    pcap_t *dead = pcap_open_dead(link_type, (int)snaplen);
    if (!dead)
        return error_set(error, "out of memory");
    bool done = pcap_compile(dead, program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0 ||
                error_set(error, "filter \"%.200s\": %.200s", filter, pcap_geterr(dead));
    pcap_close(dead);
    return done;
}

static bool check(const char *filter, struct error *error)
{
    struct bpf_program program;
    if (!capture_compile(filter, LINK_ETHERNET, FILTER_SNAPLEN, &program, error))
        return false;
    pcap_freecode(&program);
    return true;
}

struct frame_filter *frame_filter_new(const char *text, struct error *error)
{
    if (!check(text, error))
        return NULL;
    struct frame_filter *filter = calloc(1, sizeof *filter);
    if (filter && (filter->text = strdup(text)))
        return filter;
    free(filter);
    error_set(error, "out of memory");
    return NULL;
}

void frame_filter_free(struct frame_filter *filter)
{
    if (!filter)
        return;
    for (size_t i = 0; i < filter->count; i++)
        pcap_freecode(&filter->compiled[i].program);
    free(filter->text);
    free(filter);
}

static const struct bpf_program *program_for(struct frame_filter *filter, uint16_t link_type,
                                             struct error *error)
{
    for (size_t i = 0; i < filter->count; i++)
        if (filter->compiled[i].link_type == link_type)
            return &filter->compiled[i].program;
    if (filter->count == LINK_TYPES_MAX) {
        error_set(error, "frames of more than %d link types", LINK_TYPES_MAX);
        return NULL;
    }
    struct compiled *compiled = &filter->compiled[filter->count];
    compiled->link_type = link_type;
    if (!capture_compile(filter->text, link_type, FILTER_SNAPLEN, &compiled->program, error))
        return NULL;
    filter->count++;
    return &compiled->program;
}

bool frame_filter_ask(struct frame_filter *filter, uint16_t link_type, struct bytes frame, uint32_t wire_size,
                      bool *fits, struct error *error)
{
    const struct bpf_program *program = program_for(filter, link_type, error);
    if (program)
        *fits = bpf_filter(program->bf_insns, frame.data, wire_size, (unsigned)frame.size) != 0;
    return program != NULL;
}
