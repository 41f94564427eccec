/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the worker share; nobody else includes it. */
#ifndef VONGLAU_SENSOR_WORKER_PARTS_H
#define VONGLAU_SENSOR_WORKER_PARTS_H

#include "sensor/worker.h"

/* Drops the packet, in inline mode, for `reason`; the first reason counts. */
void scene_drop(struct worker *worker, struct scene *scene, enum drop_reason reason);
/* From now on the flow's packets are counted only. */
void bypass(struct worker *worker, struct flow *flow);
/* Does what the policy for `target` says. */
void apply_exception(struct worker *worker, struct scene *scene, enum exception_target target,
                     enum drop_reason reason);
void record_session(struct worker *worker, struct scene *scene);
/* Tracks the segment and gives what became ready to the session. */
void handle_tcp(struct worker *worker, struct scene *scene, struct packet *packet, struct tcp_result *result);
void handle_udp(struct worker *worker, struct scene *scene, struct packet *packet);
/* A parser's announcement (session_settings.announce); `context` is the worker. */
void announce(void *context, struct session *session, uint16_t port, const struct protocol *protocol,
              struct bytes note);
/* Offers the session all bytes of both directions that are ready. */
void feed_streams(struct worker *worker, struct scene *scene, struct tcp_result *result);

#endif
