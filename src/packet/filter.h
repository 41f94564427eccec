/* SPDX-License-Identifier: Apache-2.0 */
/* BPF expressions (pcap-filter(7)) asked of frames of any link type. */
#ifndef VONGLAU_PACKET_FILTER_H
#define VONGLAU_PACKET_FILTER_H

#include "base/error.h"

struct frame_filter;

/* NULL, with the reason, when `text` is no expression. */
MUST_CHECK struct frame_filter *frame_filter_new(const char *text, struct error *error);
void frame_filter_free(struct frame_filter *filter);
/* Sets `*fits`; false when the expression cannot be compiled for frames of this link type. */
MUST_CHECK bool frame_filter_ask(struct frame_filter *filter, uint16_t link_type, struct bytes frame,
                                 uint32_t wire_size, bool *fits, struct error *error);

#endif
