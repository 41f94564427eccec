/* SPDX-License-Identifier: Apache-2.0 */
/* Tags: after a match, the next packets of the same flow or host are logged too. Bounded, shared by the
 * workers of one rule set; touched only by packets of tagged flows, and by all while a host is tagged.
 * Private to detect. */
#ifndef VONGLAU_DETECT_TAGS_H
#define VONGLAU_DETECT_TAGS_H

#include "detect/context.h"

enum tag_metric { TAG_PACKETS, TAG_SECONDS, TAG_BYTES };
enum tag_scope { TAG_SESSION, TAG_HOST_SRC, TAG_HOST_DST };

struct tags;

MUST_CHECK struct tags *tags_new(void);
void tags_free(struct tags *tags);
/* The rule at hand matched and tags. Its own packet is the first of the count. */
void tags_set(struct context *context, enum tag_scope scope, enum tag_metric metric, uint64_t count);
/* True when an earlier packet's tag covers the one at hand, which then counts. */
bool tags_take(struct context *context);
/* The flow ended. */
void tags_forget(struct tags *tags, const struct flow *flow);

#endif
