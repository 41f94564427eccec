/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's detector: a packet goes through anomalies, addresses, payload, stream, transactions. */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "detect/engine.h"
#include "detect/profile.h"
#include "detect/quarantine.h"
#include "detect/tags.h"
#include "flow/tcp.h"

#define SCRATCH_SIZE                                                                       \
    (4U << 20) /* bytes of decoded and transformed values of one packet; touched as needed \
                */

const struct counter detect_counters[DETECT_COUNTER_COUNT] = { COUNTER_TABLE(DETECT_COUNTERS) };

/* ---- life ---- */

/* What a detector holds for one rule set. */
struct set_memory {
    const struct ruleset *set;
    struct class_cache *classes;
    struct prefilter_memory *prefilter;
    struct regex_memory *regex;
    struct value_cache *cache;
    uint32_t *candidates;
    uint64_t *candidate_bits;
    struct meter *meter;
    struct rule_cost *costs;
};

static void set_memory_free(struct set_memory *memory)
{
    if (!memory)
        return;
    class_cache_free(memory->classes);
    prefilter_memory_free(memory->prefilter);
    regex_memory_free(memory->regex);
    free(memory->cache);
    free(memory->candidates);
    free(memory->candidate_bits);
    meter_free(memory->meter);
    free(memory->costs);
    free(memory);
}

static struct set_memory *set_memory_new(const struct ruleset *set, bool profiled, struct error *error)
{
    struct set_memory *memory = calloc(1, sizeof *memory);
    if (memory) {
        memory->set = set;
        memory->classes = class_cache_new(set);
        memory->prefilter = prefilter_memory_new(set, error);
        memory->regex = regex_memory_new(set->match_limit);
        memory->cache = calloc(set->buffer_count + 1, sizeof *memory->cache);
        memory->candidates = calloc(set->signature_count + 1, sizeof *memory->candidates);
        memory->candidate_bits = calloc(set->signature_count / 64 + 1, sizeof *memory->candidate_bits);
        memory->meter = set->quarantine ? meter_new(set->quarantine, set->signature_count) : NULL;
        memory->costs = profiled ? rule_costs_new(set) : NULL;
    }
    if (memory && memory->classes && memory->prefilter && memory->regex && memory->cache &&
        memory->candidates && memory->candidate_bits && (memory->meter || !set->quarantine) &&
        (memory->costs || !profiled))
        return memory;
    set_memory_free(memory);
    (void)error_set(error, "detection: out of memory");
    return NULL;
}

bool detector_prepare(struct detector *detector, const struct ruleset *set, struct error *error)
{
    set_memory_free(detector->next);
    detector->next = set_memory_new(set, detector->costs != NULL, error);
    return detector->next != NULL;
}

void detector_forget(struct detector *detector)
{
    set_memory_free(detector->next);
    detector->next = NULL;
}

/* What belongs to the set of now, to be freed. */
static struct set_memory of_now(const struct detector *detector)
{
    return (struct set_memory){ .classes = detector->classes,
                                .prefilter = detector->prefilter,
                                .regex = detector->regex,
                                .cache = detector->cache,
                                .candidates = detector->candidates,
                                .candidate_bits = detector->candidate_bits,
                                .meter = detector->meter,
                                .costs = detector->costs };
}

void detector_change(struct detector *detector)
{
    struct set_memory *next = detector->next, old = of_now(detector);
    assert(next);
    const struct ruleset *set = next->set;
    detector->set = set;
    detector->classes = next->classes;
    detector->prefilter = next->prefilter;
    detector->regex = next->regex;
    detector->cache = next->cache;
    detector->candidates = next->candidates;
    detector->candidate_bits = next->candidate_bits;
    detector->meter = next->meter;
    detector->costs = next->costs;
    detector->aside = set->quarantine ? quarantine_aside(set->quarantine) : NULL;
    detector->candidate_count = 0;
    detector->epoch = 1;
    detector->generation++;
    *next = old;
    detector_forget(detector);
}

struct detector *detector_new(const struct ruleset *set, size_t flow_max, struct error *error)
{
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector) {
        (void)error_set(error, "detection: out of memory");
        return NULL;
    }
    detector->scratch_memory = malloc(SCRATCH_SIZE);
    if (!detector->scratch_memory) {
        detector_free(detector);
        (void)error_set(error, "detection: out of memory");
        return NULL;
    }
    detector->scratch = arena_fixed(detector->scratch_memory, SCRATCH_SIZE);
    size_t flows = flow_max ? flow_max : FLOW_MAX_DEFAULT;
    if (!pool_open(&detector->states, sizeof(struct flow_memory), flows, error) ||
        !pool_open(&detector->values, sizeof(struct flow_values), flows, error) ||
        !detector_prepare(detector, set, error)) {
        detector_free(detector);
        return NULL;
    }
    detector_change(detector);
    return detector;
}

void detector_free(struct detector *detector)
{
    if (!detector)
        return;
    detector_forget(detector);
    class_cache_free(detector->classes);
    prefilter_memory_free(detector->prefilter);
    regex_memory_free(detector->regex);
    free(detector->cache);
    free(detector->candidates);
    free(detector->candidate_bits);
    free(detector->scratch_memory);
    free(detector->costs);
    meter_free(detector->meter);
    pool_close(&detector->states);
    pool_close(&detector->values);
    free(detector);
}

const uint64_t *detector_counts(const struct detector *detector)
{
    return detector->counts;
}

/* ---- one rule ---- */

static bool flow_is_set_up(const struct flow *flow)
{
    /* Of a connection that was met in its middle one side can be all there is to see. */
    bool one_side = flow->tcp && flow->tcp->midstream;
    return flow->protocol == IP_TCP ? flow->state != FLOW_NEW && (one_side || flow_is_established(flow))
                                    : flow_is_established(flow);
}

/* The segment that ends the handshake does not belong to the established flow yet, unless it carries data. */
static bool is_established(const struct context *context)
{
    bool ends_handshake = context->packet->tcp && context->packet->payload.size == 0 &&
                          context->packet->source != SOURCE_FLOW_TIMEOUT && context->state &&
                          !context->state->established;
    return flow_is_set_up(context->flow) && !ends_handshake;
}

bool signature_applies(struct context *context, const struct signature *s)
{
    const struct packet *packet = context->packet;
    if (!class_allows(context->class, s->header))
        return false;
    if (!context->flow) {
        if (!s->to_server || !s->to_client || s->established || s->only_stream)
            return false;
    } else {
        if (!(context->direction == TO_SERVER ? s->to_server : s->to_client))
            return false;
        if (s->established && !is_established(context))
            return false;
        if (s->not_established && is_established(context))
            return false;
    }
    if (s->protocols && s->kind != SIGNATURE_TX && !(s->protocols & context->protocols))
        return false;
    if (s->parts_only && context->in->session && context->in->session->known_as)
        return false;
    if (s->only_frag || s->no_frag) {
        bool fragment = packet->source == SOURCE_DEFRAG || (packet->ip && packet->ip->is_fragment);
        if (fragment != s->only_frag)
            return false;
    }
    return true;
}

/* True when the payload of a TCP packet is looked at in its stream. */
static bool taken_by_stream(const struct context *context)
{
    const struct inspection *in = context->in;
    return context->flow && in->streams[context->direction] && !in->loose;
}

/* Raw bytes: of the stream first, then of the packet, as the rule wants. */
bool payload_matches(struct context *context, const struct signature *s, const struct buffer_use *use)
{
    const struct packet *packet = context->packet;
    bool tcp = packet->ip && packet->protocol == IP_TCP;
    const struct buffer *buffer = use->buffer;
    const struct stream *stream = context->in->streams[context->direction];
    if (tcp && s->kind == SIGNATURE_TX && stream) {
        /* Beside a transaction all that is still held counts. */
        uint64_t start = stream_start(stream);
        struct bytes held = buffer_transform(buffer, stream_held(stream, start), context);
        return match_items(use->items, held, start, context);
    }
    if (tcp && s->needs_stream && context->raw_ready) {
        struct bytes data = buffer_transform(buffer, context->raw, context);
        if (match_items(use->items, data, context->raw_offset, context)) {
            context->on_stream = true;
            return true;
        }
    }
    bool in_stream = tcp && taken_by_stream(context);
    if (packet->source == SOURCE_FLOW_TIMEOUT || (s->only_stream && tcp))
        return false;
    if (tcp && s->needs_stream && !s->needs_packet && in_stream)
        return false;
    /* Where there is nothing, nothing is absent: as in Suricata. */
    if (packet->payload.size == 0 || packet->carrier || context->in->refused ||
        (context->flow && context->flow->no_payload_inspection))
        return false;
    return match_items(use->items, buffer_transform(buffer, packet->payload, context), 0, context);
}

static bool uses_match(struct context *context, const struct signature *s)
{
    for (const struct buffer_use *use = s->uses; use; use = use->next) {
        struct bytes value;
        if (use->buffer->kind == BUFFER_PACKET) {
            if (!use->buffer->get_packet(context->packet, &value) ||
                !match_items(use->items, buffer_transform(use->buffer, value, context), 0, context))
                return false;
        } else if (!payload_matches(context, s, use)) {
            return false;
        }
    }
    return true;
}

/* Of a direction, as a number: 0 while it is not known what it speaks, 1 when it will not be. */
static int8_t spoken_now(const struct context *context)
{
    const struct session *session = context->in->session;
    if (!session || !session_decided(session, context->direction))
        return 0;
    bool heard = session->protocol && !session_unheard(session, context->direction);
    const struct protocol *protocol = heard || !session->original ? session->protocol : session->original;
    return (int8_t)(protocol ? set_protocol_index(context->set, protocol) + 2 : 1);
}

/* Nothing was recognised in datagrams, and the next one is tried: each is judged. */
static bool is_tried_again(const struct session *session, enum direction direction)
{
    return session->transport == TRANSPORT_UDP && !session->protocol && !session->probing_done[direction];
}

/* The packet is the first of its direction since it was recognised what that direction speaks. */
static bool recognised_now(const struct context *context)
{
    int8_t spoken = spoken_now(context);
    return spoken && !(context->state && context->state->judged_as[context->direction] == spoken);
}

static void judge_packet_rule(struct context *context, const struct signature *s)
{
    context->signature = s;
    context->on_stream = false;
    context->file = NULL;
    context->notes = NULL;
    if (!signature_applies(context, s))
        return;
    if (s->once && !recognised_now(context))
        return;
    for (const struct check *check = s->checks; check; check = check->next)
        if (!check->test(check, context))
            return;
    if (uses_match(context, s))
        signature_matched(context, s);
}

uint64_t cost_begin(const struct detector *detector)
{
    if (detector->costs)
        return clock_steady();
    return detector->meter ? meter_begin(detector->meter) : 0;
}

void cost_end(struct detector *detector, uint32_t rule, uint64_t begin)
{
    if (!begin)
        return;
    uint64_t now = clock_steady();
    if (detector->costs) {
        detector->costs[rule].checks++;
        detector->costs[rule].time += now - begin;
    }
    if (detector->meter)
        meter_end(detector->meter, detector->set, rule, begin, now);
}

/* ---- candidates of one packet ---- */

static void add_candidate(struct context *context, uint32_t rule)
{
    struct detector *detector = context->detector;
    if (detector->candidate_bits[rule / 64] >> (rule % 64) & 1)
        return;
    if (!class_allows(context->class, context->set->signatures[rule]->header))
        return;
    detector->candidate_bits[rule / 64] |= (uint64_t)1 << rule % 64;
    detector->candidates[detector->candidate_count++] = rule;
}

static void on_hit(void *context, const uint32_t *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_candidate(context, rules[i]);
}

static void add_all(struct context *context, const struct index_list *list)
{
    on_hit(context, list->items, list->count);
}

/* Rules without a prefilter, as far as a glance at the packet lets them through. */
static void add_gated(struct context *context)
{
    const struct packet *packet = context->packet;
    const struct flow_class *class = context->class;
    bool established = context->flow && is_established(context), wire = packet->source != SOURCE_FLOW_TIMEOUT;
    if (!wire && !established) /* what came before a handshake was looked at in its packets */
        return;
    struct gate_view view = {
        .size = (uint16_t)MIN(packet->payload.size, (size_t)UINT16_MAX),
        .flags = packet->tcp ? packet->tcp->flags : 0,
        .payload = packet->payload,
        .raw = context->raw_ready ? context->raw : BYTES_NONE,
        .raw_offset = context->raw_offset,
    };
    bool data = view.payload.size || view.raw.size;
    const struct stream *answers = context->in->streams[TO_CLIENT];
    if (!answers || stream_end(answers) <= QUIET_SERVER)
        view.has |= GATE_QUIET_SERVER;
    if (context->flow)
        view.has |= context->direction == TO_SERVER ? GATE_TO_SERVER : GATE_TO_CLIENT;
    view.has |= (uint16_t)((established ? GATE_ESTABLISHED : GATE_NOT_ESTABLISHED) | (data ? GATE_DATA : 0) |
                           (context->protocols ? GATE_PROTOCOL : 0) | (wire ? GATE_PACKET : 0));
    for (uint32_t i = data ? 0 : class->with_data; i < class->always_count; i++)
        if (gate_opens(&class->always[i], &view))
            add_candidate(context, class->always[i].rule);
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

#define FEW 32U /* that sorting by insertion is the quickest for */

static void sort_numbers(uint32_t *numbers, size_t count)
{
    if (count > FEW) {
        qsort(numbers, count, sizeof *numbers, by_number);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        uint32_t number = numbers[i];
        size_t at = i;
        for (; at && numbers[at - 1] > number; at--)
            numbers[at] = numbers[at - 1];
        numbers[at] = number;
    }
}

static void judge_candidates(struct context *context)
{
    struct detector *detector = context->detector;
    sort_numbers(detector->candidates, detector->candidate_count);
    for (size_t i = 0; i < detector->candidate_count; i++) {
        uint32_t rule = detector->candidates[i];
        detector->candidate_bits[rule / 64] &= ~((uint64_t)1 << rule % 64);
        if (rule_rests(detector, rule))
            continue;
        uint64_t begin = cost_begin(detector);
        judge_packet_rule(context, context->set->signatures[rule]);
        cost_end(detector, rule, begin);
    }
    detector->candidate_count = 0;
}

/* ---- parts of a packet ---- */

static void add_anomalies(struct context *context)
{
    const struct inspection *in = context->in;
    const struct ruleset *set = context->set;
    for (unsigned i = 0; i < in->packet->event_count; i++)
        add_all(context, &set->decode_rules[in->packet->events[i]]);
    for (size_t i = 0; i < in->event_count; i++)
        add_all(context, &set->stream_rules[in->events[i]]);
    if (in->session && context->state && in->session->event_count > context->state->session_events) {
        context->state->session_events = in->session->event_count;
        add_all(context, &set->session_rules);
    }
}

static void scan_raw(struct context *context, enum raw_kind kind, struct bytes data, uint64_t offset)
{
    enum direction direction = context->direction;
    const struct prefilter *prefilter = context->set->payload[kind][direction];
    if (prefilter)
        prefilter_scan_for(prefilter, context->detector->prefilter, context->class,
                           &context->class->views[kind][direction], data, offset, on_hit, context);
}

static void scan_payload(struct context *context)
{
    const struct packet *packet = context->packet;
    if (packet->payload.size == 0 || packet->source == SOURCE_FLOW_TIMEOUT || !context->class->raw_packet)
        return;
    if (packet->carrier || context->in->refused || (context->flow && context->flow->no_payload_inspection))
        return;
    bool tcp = packet->ip && packet->protocol == IP_TCP;
    scan_raw(context, tcp ? RAW_TCP_PACKET : RAW_OTHER, packet->payload, 0);
}

/* Bytes that no stream took are looked at where they are. */
static void scan_loose_segment(struct context *context)
{
    const struct packet *packet = context->packet;
    if (!packet->tcp || taken_by_stream(context) || context->in->refused ||
        packet->source == SOURCE_FLOW_TIMEOUT || (context->flow && context->flow->no_payload_inspection))
        return;
    scan_raw(context, RAW_TCP_STREAM, packet->payload, 0);
}

/* A number that changes when a transaction ends, or something else that rules on the stream should see. */
static uint64_t finished_transactions(const struct session *session, enum direction direction)
{
    uint64_t live = 0;
    if (session->protocol && session->protocol->stream_waits)
        return session->said[direction];
    for (const struct tx *tx = session->txs; tx; tx = tx->next)
        live += !tx_complete(session, tx, direction);
    return session->tx_total - live + session->said[direction];
}

/* Where packets are held back, each is judged with a chunk of what lies around it: bytes that were looked at
 * before may be the beginning of what it ends. */
static struct bytes around_packet(struct context *context, const struct stream *stream)
{
    const struct packet *packet = context->packet;
    enum direction direction = context->direction;
    struct flow_memory *state = context->state;
    uint64_t start = state->raw_offset[direction], held = stream_start(stream);
    size_t chunk = context->set->stream_chunk[direction];
    if (packet->tcp && packet->payload.size && packet->source != SOURCE_FLOW_TIMEOUT) {
        int64_t offset = stream_offset_of(stream, packet->tcp->sequence);
        size_t before = chunk > packet->payload.size ? chunk - packet->payload.size : 0;
        uint64_t run = stream_run_start(stream, (uint64_t)MAX(offset, 0));
        uint64_t from = offset > (int64_t)before ? (uint64_t)offset - before : 0;
        from = MAX(MAX(from, run), held);
        start = from < start || stream_held(stream, start).size == 0 ? from : start;
    }
    context->raw_offset = start;
    return stream_held(stream, start);
}

/* The sender has said all it has to say: the client's end is taken at its word, the server's once the client
 * has come to its own. */
static bool is_done(const struct inspection *in, enum direction direction)
{
    const struct stream *other = in->streams[!direction];
    if (!stream_closed(in->streams[direction]))
        return false;
    const struct tcp *tcp = in->flow ? in->flow->tcp : NULL;
    bool client_closed = tcp && (tcp->state == TCP_CLOSE_WAIT || tcp->state == TCP_LAST_ACK);
    return client_closed || !other || stream_closed(other);
}

/* The raw bytes to look at now: a chunk's worth, or what is there when a transaction ended or nothing more
 * will come. */
static void take_raw(struct context *context)
{
    const struct inspection *in = context->in;
    enum direction direction = context->direction;
    const struct stream *stream = in->streams[direction];
    struct flow_memory *state = context->state;
    if (!context->set->raw_streams || !stream || !state || !context->class->raw_stream ||
        state->raw_done[direction])
        return;
    uint64_t start = stream_start(stream);
    if (state->raw_offset[direction] < start)
        state->raw_offset[direction] = start;
    /* From here on all is opaque; of the other side, too, unless something was said there to its end. */
    bool opaque = context->flow->no_payload_inspection;
    state->raw_done[direction] = opaque;
    if (opaque && in->session && (uint8_t)in->session->said[!direction] == state->said_seen[!direction])
        state->raw_done[!direction] = true;
    bool flush = in->flow_ends || is_done(in, direction) || opaque;
    if (in->session) {
        uint64_t finished = finished_transactions(in->session, direction);
        flush |= finished != state->tx_seen[direction];
        state->tx_seen[direction] = finished;
        state->said_seen[direction] = (uint8_t)in->session->said[direction];
    }
    context->raw_offset = state->raw_offset[direction];
    struct bytes ready = in->inline_mode ? around_packet(context, stream)
                                         : stream_ready(stream, context->raw_offset);
    if (ready.size == 0 && (in->flow_ends || !in->inline_mode)) {
        /* Past what will never come. */
        context->raw_offset += stream_gap(stream, context->raw_offset);
        ready = stream_ready(stream, context->raw_offset);
    }
    if (ready.size == 0)
        return;
    /* What a hole ends does not grow. */
    flush |= !in->inline_mode && stream_gap(stream, context->raw_offset + ready.size) > 0;
    if (!flush && !in->inline_mode && ready.size < context->set->stream_chunk[direction])
        return;
    context->raw = ready;
    context->raw_ready = true;
    scan_raw(context, RAW_TCP_STREAM, ready, context->raw_offset);
}

static void raw_done(struct context *context)
{
    if (!context->raw_ready || !context->state)
        return;
    uint64_t *offset = &context->state->raw_offset[context->direction];
    *offset = MAX(*offset, context->raw_offset + context->raw.size);
}

static void add_by_address(struct context *context)
{
    struct flow_memory *state = context->state;
    if (context->class->ip_only_count == 0 || (state && state->ip_only_done[context->direction]) ||
        !context->packet->ip)
        return;
    on_hit(context, context->class->ip_only, context->class->ip_only_count);
    if (state)
        state->ip_only_done[context->direction] = true;
}

static void set_class(struct context *context)
{
    struct detector *detector = context->detector;
    struct flow_memory *state = context->state;
    enum direction direction = context->direction;
    uint32_t generation = class_generation(detector->classes);
    /* An ICMP error comes in the flow that it is about, and is not one of its packets. */
    if (!state || context->packet->protocol != context->flow->protocol) {
        context->class = class_of(detector->classes, context->packet);
        return;
    }
    if (state->class_generation != generation) {
        state->classes[TO_SERVER] = state->classes[TO_CLIENT] = NULL;
        state->class_generation = generation;
    }
    if (!state->classes[direction]) {
        state->classes[direction] = class_of(detector->classes, context->packet);
        if (class_generation(detector->classes) != generation) {
            state->classes[!direction] = NULL;
            state->class_generation = class_generation(detector->classes);
        }
    }
    context->class = state->classes[direction];
}

static void inspect_packet(struct context *context)
{
    const struct inspection *in = context->in;
    add_anomalies(context);
    add_by_address(context); /* addresses are known whatever the transport's header is like */
    if (!in->packet->invalid) {
        scan_payload(context);
        scan_loose_segment(context);
        take_raw(context);
        add_gated(context);
    }
    judge_candidates(context);
    if (context->set->wants.frames && in->session && in->session->frame_count[context->direction] &&
        !in->packet->invalid)
        frames_inspect(context);
    if (in->session && in->session->txs && !in->packet->invalid && !in->corrupt)
        transactions_inspect(context);
    raw_done(context);
    if (context->state && in->session && !is_tried_again(in->session, context->direction))
        context->state->judged_as[context->direction] = spoken_now(context);
    alerts_finish(context);
    if (context->state && context->flow)
        context->state->established = flow_is_set_up(context->flow);
}

/* A flow that passed is looked at no more; its transactions count as inspected. */
static void skip_transactions(const struct inspection *in)
{
    for (struct tx *tx = in->session ? in->session->txs : NULL; tx; tx = tx->next)
        tx->inspected[in->direction] = tx_complete(in->session, tx, in->direction) || in->flow_ends;
}

static uint64_t protocols_of_session(const struct ruleset *set, const struct session *session)
{
    const struct protocol *spoken = session ? session_speaks(session) : NULL;
    int index = spoken ? set_protocol_index(set, spoken) : -1;
    uint64_t known = index < 0 ? 0 : (uint64_t)1 << index;
    return session && session->known_as ? known | set_parts_of(set, session->known_as) : known;
}

void detect(struct detector *detector, const struct inspection *inspection, struct alerts *alerts)
{
    alerts->count = alerts->overflow = alerts->suppressed = 0;
    alerts->action = 0;
    alerts->flow_drop = alerts->flow_pass = alerts->bypass = alerts->tagged = false;
    alerts->drop_rule = alerts->lost_drop = NULL;
    alerts->lost_flow_drop = false;
    struct context context = { .set = detector->set,
                               .detector = detector,
                               .in = inspection,
                               .packet = inspection->packet,
                               .flow = inspection->flow,
                               .direction = inspection->direction,
                               .alerts = alerts,
                               .scratch = &detector->scratch,
                               .counters = detector->counts };
    context.protocols = protocols_of_session(detector->set, inspection->session);
    (void)context_state(&context);
    if (context.state && context.state->pass) {
        skip_transactions(inspection);
        return;
    }
    bool tagged = tags_take(&context);
    set_class(&context);
    if (context.class)
        inspect_packet(&context);
    else
        skip_transactions(inspection);
    if (tagged)
        alerts_add_tagged(&context);
    detector->scratch = arena_fixed(detector->scratch_memory, SCRATCH_SIZE);
}
