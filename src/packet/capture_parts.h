/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the capture call in each other; not for other layers. */
#ifndef VONGLAU_PACKET_CAPTURE_PARTS_H
#define VONGLAU_PACKET_CAPTURE_PARTS_H

#include "packet/capture.h"

struct bpf_program;

/* capture_file.c: one pcap or pcapng file, read through a buffer. */
struct capture_file;
/* `fd` becomes the file's, even on failure. */
MUST_CHECK struct capture_file *capture_file_open(int fd, struct error *error);
void capture_file_close(struct capture_file *file);
/* At most `max` frames (numbers are not set). CAPTURE_END at the file's end; CAPTURE_IDLE when a pipe gave
 * nothing for `timeout` ms. */
MUST_CHECK enum capture_status capture_file_next(struct capture_file *file, struct capture_frame *frames,
                                                 size_t max, size_t *count, int timeout, struct error *error);

/* See capture_keep(). */
MUST_CHECK bool capture_file_keep(struct capture_file *file, uint8_t **memory, size_t *size);

/* capture_live.c: one AF_PACKET ring. */
struct capture_ring;
MUST_CHECK struct capture_ring *capture_ring_open(const char *interface,
                                                  const struct capture_settings *settings,
                                                  struct error *error);
void capture_ring_close(struct capture_ring *ring);
MUST_CHECK enum capture_status capture_ring_next(struct capture_ring *ring, struct capture_frame *frames,
                                                 size_t max, size_t *count, int timeout_ms,
                                                 struct error *error);
void capture_ring_counts(struct capture_ring *ring, uint64_t *counts);
uint16_t capture_ring_fanout(const struct capture_ring *ring);
int capture_ring_descriptor(const struct capture_ring *ring);

/* filter.c: the filter for one link type, compiled; freed with pcap_freecode(). */
MUST_CHECK bool capture_compile(const char *filter, uint16_t link_type, uint32_t snaplen,
                                struct bpf_program *program, struct error *error);

#endif
