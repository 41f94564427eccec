/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of live messages. */
#include "center/hub.h"

#include <pthread.h>
#include <stdlib.h>

#define MESSAGES      512
#define SIZE_MAX_EACH 512

struct message {
    int64_t agency;
    char event[16], json[SIZE_MAX_EACH];
    size_t size;
};

struct hub {
    pthread_mutex_t lock;
    struct message messages[MESSAGES];
    uint64_t position;
    hub_wake_fn wake;
    void *wake_context;
};

struct hub *hub_new(void)
{
    struct hub *hub = calloc(1, sizeof *hub);
    if (hub)
        pthread_mutex_init(&hub->lock, NULL);
    return hub;
}

void hub_free(struct hub *hub)
{
    if (!hub)
        return;
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

void hub_on_message(struct hub *hub, hub_wake_fn wake, void *context)
{
    pthread_mutex_lock(&hub->lock);
    hub->wake = wake;
    hub->wake_context = context;
    pthread_mutex_unlock(&hub->lock);
}

void hub_nudge(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    hub_wake_fn wake = hub->wake;
    void *context = hub->wake_context;
    pthread_mutex_unlock(&hub->lock);
    if (wake)
        wake(context);
}

void hub_publish(struct hub *hub, const char *event, int64_t agency, struct bytes json)
{
    if (json.size > SIZE_MAX_EACH)
        return;
    pthread_mutex_lock(&hub->lock);
    struct message *m = &hub->messages[++hub->position % MESSAGES];
    m->agency = agency;
    struct text name = text_of(m->event, sizeof m->event);
    text_string(&name, event);
    if (json.size)
        memcpy(m->json, json.data, json.size);
    m->size = json.size;
    pthread_mutex_unlock(&hub->lock);
    hub_nudge(hub);
}

uint64_t hub_position(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    uint64_t position = hub->position;
    pthread_mutex_unlock(&hub->lock);
    return position;
}

void hub_read(struct hub *hub, const struct principal *principal, uint64_t *position, struct text *out)
{
    pthread_mutex_lock(&hub->lock);
    if (hub->position - *position > MESSAGES)
        *position = hub->position - MESSAGES; /* too slow: what it missed is gone */
    while (*position < hub->position) {
        const struct message *m = &hub->messages[++*position % MESSAGES];
        bool seen = m->agency < 0 || !principal->limited ||
                    (m->agency && principal_has(principal, m->agency));
        if (!seen)
            continue;
        text_add(out, "event: %s\ndata: %.*s\n\n", m->event, (int)m->size, m->json);
    }
    pthread_mutex_unlock(&hub->lock);
}
