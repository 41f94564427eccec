/* SPDX-License-Identifier: Apache-2.0 */
/* What just happened, for those who watch: a ring of recent messages that subscribers read at their own pace.
 */
#ifndef VONGLAU_CENTER_HUB_H
#define VONGLAU_CENTER_HUB_H

#include "base/text.h"
#include "store/principal.h"

struct hub;

/* Called after each message, from the publishing thread. */
typedef void (*hub_wake_fn)(void *context);

struct hub *hub_new(void);
void hub_free(struct hub *hub);
void hub_on_message(struct hub *hub, hub_wake_fn wake, void *context);
/* `agency` 0: seen only by those who see all agencies; -1: by everybody. `json` is copied. */
void hub_publish(struct hub *hub, const char *event, int64_t agency, struct bytes json);
/* Number of the newest message. */
uint64_t hub_position(struct hub *hub);
/* Appends what came after *position and the principal may see, as server-sent events; moves *position. */
void hub_read(struct hub *hub, const struct principal *principal, uint64_t *position, struct text *out);
/* Wakes subscribers without a message, so that they can send a sign of life. */
void hub_nudge(struct hub *hub);

#endif
