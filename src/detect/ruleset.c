/* SPDX-License-Identifier: Apache-2.0 */
/* Loading rule files into a compiled set: reading, ordering, choosing what the prefilters look for. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "detect/buffer.h"
#include "detect/classes.h"
#include "detect/dataset.h"
#include "detect/geoip.h"
#include "detect/frequency.h"
#include "detect/prefilter.h"
#include "detect/quarantine.h"
#include "detect/regex.h"
#include "detect/reputation.h"
#include "detect/shared.h"
#include "detect/tags.h"
#include "flow/tcp.h"
#include "packet/decode.h"

#define SET_MEMORY_MAX   (1ULL << 30)
#define RULE_FILE_MAX    (512U << 20)
#define RULE_LINE_MAX    (1U << 20)
#define PATTERN_SIZE_MAX 128
#define PATTERN_SIZE_MIN \
    2 /* bytes; in long data shorter ones than the next make a scan several times slower */
#define PATTERN_SIZE_MIN_LARGE 4

static const struct keyword *const keyword_lists[] = {
    meta_keywords,      content_keywords, number_keywords,    regex_keywords, packet_keywords,
    flow_keywords,      bits_keywords,    threshold_keywords, file_keywords,  dataset_keywords,
    transform_keywords, app_keywords,     address_keywords,   tls_keywords,   asn1_keywords,
    frame_keywords,     dce_keywords,     modbus_keywords,
};

static bool name_keyword(struct ruleset *set, const struct keyword *keyword, struct bytes name)
{
    uintptr_t *place = name.size ? map_add(&set->keywords, name, NULL) : NULL;
    if (place)
        *place = (uintptr_t)keyword;
    return place || !name.size;
}

static bool open_keywords(struct ruleset *set)
{
    for (size_t l = 0; l < COUNT_OF(keyword_lists); l++) {
        for (const struct keyword *k = keyword_lists[l]; k->name; k++) {
            struct bytes rest = bytes_of_string(k->alias);
            if (!name_keyword(set, k, bytes_of_string(k->name)))
                return false;
            while (rest.size)
                if (!name_keyword(set, k, bytes_cut(&rest, ' ')))
                    return false;
        }
    }
    return true;
}

void ruleset_list_keywords(struct text *out)
{
    for (size_t l = 0; l < COUNT_OF(keyword_lists); l++)
        for (const struct keyword *k = keyword_lists[l]; k->name; k++)
            text_add(out, "%s;%s;%s\n", k->name, k->help ? k->help : "", k->source ? k->source : "");
    for (size_t p = 0; protocols[p]; p++)
        for (size_t i = 0; i < protocols[p]->inspect_count; i++) {
            const struct inspect *row = &protocols[p]->inspects[i];
            text_add(out, "%s;%s;%s\n", row->name, row->help ? row->help : "",
                     row->source ? row->source : "");
        }
}

/* ---- reading ---- */

static char *read_whole(const char *path, size_t *size, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *content = NULL;
    *size = 0;
    if (fd < 0 || fstat(fd, &status) != 0) {
        (void)error_system(error, "%s", path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (S_ISDIR(status.st_mode))
        (void)error_set(error, "%s is a folder, not a file", path);
    else if (status.st_size > (off_t)RULE_FILE_MAX)
        (void)error_set(error, "%s is larger than %u bytes", path, RULE_FILE_MAX);
    else if (!(content = malloc((size_t)status.st_size + 1)))
        (void)error_set(error, "%s: out of memory", path);
    while (content && *size < (size_t)status.st_size) {
        ssize_t got = read(fd, content + *size, (size_t)status.st_size - *size);
        if (got <= 0)
            break;
        *size += (size_t)got;
    }
    close(fd);
    return content;
}

static void report(const struct ruleset *set, const struct rule_reason *reason)
{
    if (set->settings->refused)
        set->settings->refused(set->settings->context, reason);
}

static void add_rule(struct ruleset *set, struct bytes line, const char *file, uint32_t number)
{
    struct rule_reason reason;
    bool skipped;
    if (!compile_rule(set, line, file, number, &reason, &skipped)) {
        set->numbers.failed++;
        report(set, &reason);
    } else if (skipped) {
        set->numbers.skipped++;
        if (reason.skipped)
            report(set, &reason);
    }
}

/* Lines of a file; a backslash at the end of a line joins the next. */
static bool load_file(struct ruleset *set, const char *path, struct error *error)
{
    size_t size;
    char *content = read_whole(path, &size, error);
    const char *name = arena_string(&set->memory, bytes_of_string(path));
    if (!content)
        return false;
    struct bytes rest = bytes_of(content, size);
    struct text joined = text_new(RULE_LINE_MAX);
    uint32_t number = 0, first = 0;
    while (rest.size) {
        struct bytes line = bytes_trim(bytes_cut(&rest, '\n'));
        number++;
        if (!joined.size)
            first = number;
        bool more = line.size && line.data[line.size - 1] == '\\';
        if (more)
            line = bytes_trim(bytes_first(line, line.size - 1));
        if (joined.size || more) {
            text_put(&joined, line);
            text_char(&joined, ' ');
            if (more && rest.size)
                continue;
            line = bytes_trim(text_bytes(&joined));
        }
        if (line.size && line.data[0] != '#')
            add_rule(set, line, name, first);
        text_clear(&joined);
    }
    text_done(&joined);
    free(content);
    return true;
}

bool load_classifications(struct ruleset *set, struct bytes text)
{
    while (text.size) {
        struct bytes line = bytes_trim(bytes_cut(&text, '\n')), name, description, priority;
        uint64_t number;
        if (!bytes_starts(line, BYTES_OF("config classification:")))
            continue;
        line = bytes_from(line, 22);
        name = bytes_trim(bytes_cut(&line, ','));
        /* The description may hold commas: the priority is what follows the last. */
        size_t comma = line.size;
        while (comma && line.data[comma - 1] != ',')
            comma--;
        if (!comma)
            continue;
        description = bytes_trim(bytes_first(line, comma - 1));
        priority = bytes_trim(bytes_from(line, comma));
        struct classification *c = ARENA_NEW(&set->memory, struct classification);
        uintptr_t *place = c ? map_add(&set->classifications, name, NULL) : NULL;
        if (!place)
            return false;
        if (!bytes_to_u64(priority, &number) || number == 0 || number > 255)
            continue;
        c->name = arena_copy(&set->memory, name);
        c->description = arena_copy(&set->memory, description);
        c->priority = (uint32_t)number;
        *place = (uintptr_t)c;
    }
    return true;
}

bool load_references(struct ruleset *set, struct bytes text)
{
    while (text.size) {
        struct bytes line = bytes_trim(bytes_cut(&text, '\n'));
        char lower[64];
        if (!bytes_starts(line, BYTES_OF("config reference:")))
            continue;
        line = bytes_trim(bytes_from(line, 17));
        size_t space = 0;
        while (space < line.size && !byte_is_space(line.data[space]))
            space++;
        if (space == 0 || space >= sizeof lower)
            continue;
        for (size_t i = 0; i < space; i++)
            lower[i] = (char)byte_lower(line.data[i]);
        uintptr_t *place = map_add(&set->references, bytes_of(lower, space), NULL);
        const char *url = arena_string(&set->memory, bytes_trim(bytes_from(line, space)));
        if (!place || !url)
            return false;
        *place = (uintptr_t)url;
    }
    return true;
}

/* ---- order ---- */

static int by_order(const void *a, const void *b)
{
    const struct signature *x = *(struct signature *const *)a, *y = *(struct signature *const *)b;
    for (size_t i = 0; i < COUNT_OF(x->order); i++)
        if (x->order[i] != y->order[i])
            return x->order[i] < y->order[i] ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void order_rules(struct ruleset *set)
{
    enum { BETWEEN = 2, LAST = 4 }; /* rules that neither write nor read */
    for (size_t i = 0; i < set->signature_count; i++) {
        struct signature *s = set->signatures[i];
        s->index = (uint32_t)i; /* as read: the last word */
        for (enum order_key k = ORDER_FLOWBITS; k <= ORDER_CAPTURES; k++)
            if (s->order[k] == 0)
                s->order[k] = k == ORDER_XBITS ? BETWEEN : LAST;
    }
    if (set->signature_count)
        qsort(set->signatures, set->signature_count, sizeof(struct signature *), by_order);
    for (size_t i = 0; i < set->signature_count; i++)
        set->signatures[i]->index = (uint32_t)i;
}

/* ---- what the prefilters look for ---- */

static bool in_list(const struct buffer *buffer, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(buffer->name, *names) == 0)
            return true;
    return false;
}

/* Buffers whose few values make a pattern in them say little. */
static const char *const dull_buffers[] = { "http.method",     "http.stat_code",    "http.protocol",
                                            "http.stat_msg",   "http.connection",   "http.accept",
                                            "http.accept_enc", "http.content_type", "http.header_names",
                                            "http.start",      "http.content_len",  NULL };

static struct bytes pattern_of(const struct content *content)
{
    struct bytes pattern = content->bytes;
    if (content->chop_size)
        pattern = bytes_of(content->bytes.data + content->chop_offset, content->chop_size);
    return bytes_first(pattern, PATTERN_SIZE_MAX);
}

static bool is_large(const struct buffer *buffer)
{
    return buffer->stream || buffer->kind == BUFFER_FILE_DATA;
}

/* Bytes from the start within which the content must end; 0: anywhere. */
static size_t bound_of(const struct content *content)
{
    if (!content->has_depth || content->has_distance || content->has_within ||
        content->offset.variable != NO_VARIABLE || content->depth.variable != NO_VARIABLE)
        return 0;
    int64_t bound = (content->has_offset ? content->offset.value : 0) + content->depth.value;
    return bound > 0 ? (size_t)bound : 0;
}

/* How telling a pattern is; under 0: not to be used. */
static int score_of(const struct signature *s, const struct buffer_use *use, const struct item *item)
{
    uint8_t kind = use->buffer->kind;
    bool scanned = kind == BUFFER_PAYLOAD || kind == BUFFER_TX || kind == BUFFER_FILE_DATA ||
                   kind == BUFFER_FILE_NAME || kind == BUFFER_FILE_MAGIC;
    if (item->kind != ITEM_CONTENT || item->negated || !scanned || use->absent || use->absent_or_else)
        return -1;
    if (kind == BUFFER_PAYLOAD && (s->kind == SIGNATURE_TX || use->buffer->transforms))
        return -1;
    struct bytes pattern = pattern_of(&item->content);
    size_t bound = use->buffer->transforms ? 0 : bound_of(&item->content);
    bool large = kind == BUFFER_PAYLOAD || (is_large(use->buffer) && (!bound || bound > PREFILTER_HEAD_MAX));
    if (pattern.size < (large ? PATTERN_SIZE_MIN_LARGE : PATTERN_SIZE_MIN))
        return -1;
    bool seen[256] = { false };
    int distinct = 0;
    size_t zeros = 0;
    for (size_t i = 0; i < pattern.size; i++) {
        uint8_t b = pattern.data[i];
        distinct += !seen[b];
        seen[b] = true;
        zeros += b == 0;
    }
    int score = (int)MIN(pattern.size, 24U) * 4 + distinct * 2;
    if (distinct <= 2)
        score /= 4;
    if (in_list(use->buffer, dull_buffers))
        score /= 3;
    if (use->buffer->stream)
        score -= score / 4;
    if (item->content.fast_pattern)
        score += 1000;
    /* At the beginning of raw bytes it costs next to nothing to look for, if only it is not always there. */
    if (kind == BUFFER_PAYLOAD && bound && bound <= PREFILTER_HEAD_MAX && distinct >= 4 &&
        zeros <= pattern.size / 4 && !frequency_is_text(pattern))
        score += 2000;
    return score;
}

static void choose_pattern(const struct ruleset *set, struct signature *s)
{
    int best = -1;
    s->fast = NULL;
    if (s->both_ways || set->settings->no_prefilter) /* judged on both sides, whichever a pattern is on */
        return;
    for (struct buffer_use *use = s->uses; use; use = use->next) {
        for (struct item *item = use->items; item; item = item->next) {
            int score = score_of(s, use, item);
            if (score > best) {
                best = score;
                s->fast = item;
                s->fast_use = use;
            }
        }
    }
    /* An alternative to the bytes (absent: or_else) must not depend on a pattern. */
    for (const struct buffer_use *use = s->uses; use && s->kind == SIGNATURE_TX; use = use->next)
        if (use == s->fast_use && use->absent_or_else)
            s->fast = NULL;
    if (s->trigger == TRIGGER_ALWAYS && s->fast)
        s->trigger = TRIGGER_PATTERN;
}

/* `large`: the buffer may be long. */
static bool add_pattern(struct prefilter **prefilter, const struct signature *s, bool large)
{
    if (!*prefilter && !(*prefilter = prefilter_new(large)))
        return false;
    assert(s->fast && s->fast_use);
    const struct content *content = &s->fast->content;
    return prefilter_add(*prefilter, pattern_of(content), content->nocase,
                         s->fast_use->buffer->transforms ? 0 : bound_of(content), s->index);
}

static bool allows(const struct header *h, unsigned protocol)
{
    return h->ip_protocols[protocol / 8] >> protocol % 8 & 1;
}

static bool allows_other(const struct header *h)
{
    for (unsigned i = 0; i < 256; i++)
        if (i != IP_TCP && allows(h, i))
            return true;
    return false;
}

static bool place_payload(struct ruleset *set, const struct signature *s)
{
    const struct header *h = &set->headers[s->header];
    for (unsigned d = 0; d < DIRECTIONS; d++) {
        if (!(d == TO_SERVER ? s->to_server : s->to_client))
            continue;
        bool tcp = allows(h, IP_TCP);
        if (tcp && s->needs_stream && !add_pattern(&set->payload[RAW_TCP_STREAM][d], s, true))
            return false;
        if (tcp && (!s->needs_stream || s->needs_packet) &&
            !add_pattern(&set->payload[RAW_TCP_PACKET][d], s, true))
            return false;
        if (allows_other(h) && !add_pattern(&set->payload[RAW_OTHER][d], s, true))
            return false;
    }
    return true;
}

/* A response's body is the data of its file: its patterns are looked for together, in one pass. */
static struct buffer *prefilter_buffer(struct ruleset *set, const struct signature *s, struct buffer *buffer,
                                       unsigned direction)
{
    if (direction != TO_CLIENT || buffer->transforms || strcmp(buffer->name, "http.response_body") != 0)
        return buffer;
    struct buffer *file = set_buffer_kind(set, "file.data", BUFFER_FILE_DATA, NULL);
    return file && (s->protocols & ~file->protocols) == 0 ? file : buffer;
}

static bool place_tx(struct ruleset *set, const struct signature *s)
{
    struct buffer *buffer = s->fast_use ? s->fast_use->buffer : NULL;
    assert(buffer || s->trigger != TRIGGER_PATTERN);
    for (unsigned d = 0; d < DIRECTIONS; d++) {
        if (!(d == TO_SERVER ? s->to_server : s->to_client))
            continue;
        set->tx_protocols[d] |= s->protocols;
        if (s->trigger == TRIGGER_PATTERN &&
            !add_pattern(&prefilter_buffer(set, s, buffer, d)->prefilters[d], s, is_large(buffer)))
            return false;
        for (size_t p = 0; p < set->protocol_count && s->trigger != TRIGGER_PATTERN; p++) {
            struct index_list *list = s->trigger == TRIGGER_APP_EVENT ? &set->tx_events[p][d]
                                                                      : &set->tx_always[p][d];
            if (s->protocols >> p & 1 && !index_list_add(list, s->index))
                return false;
        }
    }
    return true;
}

static bool place_frame(struct ruleset *set, const struct signature *s)
{
    set->wants.frames = true;
    for (unsigned d = 0; d < DIRECTIONS; d++)
        for (size_t p = 0; p < set->protocol_count && (d == TO_SERVER ? s->to_server : s->to_client); p++)
            if (s->protocols >> p & 1 && !index_list_add(&set->frame_rules[p][d], s->index))
                return false;
    return true;
}

static bool place_rules(struct ruleset *set)
{
    set->decode_rules = calloc(DECODE_EVENT_COUNT, sizeof *set->decode_rules);
    set->stream_rules = calloc(STREAM_EVENT_COUNT, sizeof *set->stream_rules);
    if (!set->decode_rules || !set->stream_rules)
        return false;
    for (size_t i = 0; i < set->signature_count; i++) {
        struct signature *s = set->signatures[i];
        choose_pattern(set, s);
        bool good = true;
        if (s->kind == SIGNATURE_TX)
            good = place_tx(set, s);
        else if (s->kind == SIGNATURE_FRAME)
            good = place_frame(set, s);
        else if (s->trigger == TRIGGER_DECODE_EVENT)
            good = index_list_add(&set->decode_rules[s->trigger_event], s->index);
        else if (s->trigger == TRIGGER_STREAM_EVENT)
            good = index_list_add(&set->stream_rules[s->trigger_event], s->index);
        else if (s->trigger == TRIGGER_APP_EVENT)
            good = index_list_add(&set->session_rules, s->index);
        else if (s->trigger == TRIGGER_PATTERN)
            good = place_payload(set, s);
        if (!good)
            return false;
        set->raw_streams |= s->needs_stream;
        for (const struct buffer_use *use = s->uses; use; use = use->next)
            set->raw_streams |= use->buffer->kind == BUFFER_PAYLOAD && s->kind == SIGNATURE_TX;
        set->numbers.with_fast_pattern += s->fast != NULL;
        set->numbers.tx_rules += s->kind == SIGNATURE_TX;
        set->numbers.ip_only += s->kind == SIGNATURE_IP_ONLY;
        set->numbers.stream_rules += s->kind == SIGNATURE_PACKET && s->needs_stream;
        set->numbers.packet_rules += s->kind == SIGNATURE_PACKET && !s->needs_stream;
    }
    return true;
}

static bool compile_one(struct prefilter *prefilter, const struct frequency *frequency, struct error *error)
{
    return !prefilter || prefilter_compile(prefilter, frequency, error);
}

static bool list_bodies(struct ruleset *set)
{
    for (size_t i = 0; i < set->buffer_count; i++)
        for (size_t p = 0; p < set->protocol_count; p++) {
            const struct inspect *row = set->buffers[i]->rows[p];
            for (unsigned d = 0; row && row->kind == INSPECT_STREAM && d < DIRECTIONS; d++)
                if (row->directions >> d & 1 && !index_list_add(&set->tx_bodies[p][d], (uint32_t)i))
                    return false;
        }
    return true;
}

static bool compile_all(struct ruleset *set, const struct frequency *frequency, struct error *error)
{
    if (!frequency || !list_bodies(set))
        return error_set(error, "out of memory");
    for (size_t i = 0; i < set->buffer_count; i++) {
        struct buffer *buffer = set->buffers[i];
        for (unsigned d = 0; d < DIRECTIONS; d++) {
            if (!compile_one(buffer->prefilters[d], frequency, error))
                return false;
            for (size_t p = 0; p < set->protocol_count && buffer->prefilters[d]; p++)
                if (buffer->protocols >> p & 1 &&
                    (!buffer->rows[p] || buffer->rows[p]->directions >> d & 1) &&
                    !index_list_add(&set->tx_buffers[p][d], (uint32_t)i))
                    return error_set(error, "out of memory");
        }
    }
    for (unsigned k = 0; k < COUNT_OF(set->payload); k++)
        for (unsigned d = 0; d < DIRECTIONS; d++)
            if (!compile_one(set->payload[k][d], frequency, error))
                return false;
    return true;
}

static bool compile_prefilters(struct ruleset *set, struct error *error)
{
    struct frequency *frequency = frequency_new();
    bool done = compile_all(set, frequency, error);
    frequency_free(frequency);
    return done;
}

/* ---- life ---- */

static bool load_optional(struct ruleset *set, const char *path, const char *stock,
                          bool (*load)(struct ruleset *, struct bytes), struct error *error)
{
    size_t size;
    if (!path)
        return load(set, bytes_of_string(stock)) || error_set(error, "rules: out of memory");
    char *content = read_whole(path, &size, error);
    if (!content)
        return false;
    bool done = load(set, bytes_of(content, size));
    free(content);
    return done || error_set(error, "%s: out of memory", path);
}

static bool load_threshold_file(struct ruleset *set, const char *path, struct error *error)
{
    size_t size;
    if (!path)
        return true;
    char *content = read_whole(path, &size, error);
    if (!content)
        return false;
    bool done = load_thresholds(set, bytes_of(content, size), path);
    free(content);
    return done;
}

static bool open_protocols(struct ruleset *set, const struct ruleset_settings *settings)
{
    const struct protocol *const *list = settings->enabled ? settings->enabled : protocols;
    while (list[set->protocol_count]) {
        if (set->protocol_count == PROTOCOLS_MAX)
            return false;
        set->protocols[set->protocol_count] = list[set->protocol_count];
        set->protocol_count++;
    }
    return true;
}

/* The sets that suricata.yaml names. */
static bool open_datasets(struct ruleset *set, const struct ruleset_settings *settings, struct error *error)
{
    for (size_t i = 0; i < settings->dataset_count; i++) {
        const struct dataset_setting *setting = &settings->datasets[i];
        struct dataset_source source = { .name = bytes_of_string(setting->name),
                                         .type = dataset_type_of(bytes_of_string(setting->type)),
                                         .load = bytes_of_string(setting->load),
                                         .state = bytes_of_string(setting->state),
                                         .save = bytes_of_string(setting->save),
                                         .memcap = setting->memcap,
                                         .hashsize = setting->hashsize };
        if (source.type < 0)
            return error_set(error, "datasets.%.100s: bad type %.40s", setting->name, setting->type);
        if (!dataset_open(set, &source, error))
            return error_prefix(error, "datasets.%.100s", setting->name);
    }
    return true;
}

static bool load_all(struct ruleset *set, const struct ruleset_settings *settings, struct error *error)
{
    if (!open_protocols(set, settings))
        return error_set(error, "more than %d protocols", PROTOCOLS_MAX);
    if (!open_keywords(set) || !buffer_list_open(set))
        return error_set(error, "out of memory");
    if (!load_optional(set, settings->classification_file, classification_stock, load_classifications,
                       error) ||
        !load_optional(set, settings->reference_file, reference_stock, load_references, error) ||
        (settings->geoip_file && !(set->geoip = geoip_open(settings->geoip_file, error))) ||
        !reputation_load(set, settings, error) || !open_datasets(set, settings, error))
        return false;
    for (size_t i = 0; i < settings->file_count; i++)
        if (!load_file(set, settings->files[i], error))
            return false;
    order_rules(set);
    if (!load_threshold_file(set, settings->threshold_file, error))
        return false;
    if (!place_rules(set) || !classes_build(set))
        return error_set(error, "rules: out of memory");
    if (settings->quarantine.share &&
        !(set->quarantine = quarantine_new(&settings->quarantine, set->signature_count)))
        return error_set(error, "rules: out of memory");
    set->numbers.loaded = (uint32_t)set->signature_count;
    return compile_prefilters(set, error);
}

struct ruleset *ruleset_load(const struct ruleset_settings *settings, struct error *error)
{
    struct ruleset *set = calloc(1, sizeof *set);
    if (!set || !(set->shared = shared_new()) || !(set->tags = tags_new())) {
        shared_free(set ? set->shared : NULL);
        free(set);
        (void)error_set(error, "rules: out of memory");
        return NULL;
    }
    struct map *const maps[] = {
        &set->by_sid,   &set->header_map, &set->addresses.by_text, &set->ports.by_text, &set->buffer_map,
        &set->keywords, &set->rows,       &set->classifications,   &set->references,    &set->bits,
        &set->parts
    };
    for (size_t i = 0; i < COUNT_OF(maps); i++)
        *maps[i] = map_of(0x51ed270b + i, 0);
    set->memory = arena_of(SET_MEMORY_MAX);
    set->settings = settings;
    set->alerts_per_packet = settings->alerts_per_packet ? settings->alerts_per_packet : 15;
    set->guess_tx = settings->guess_tx;
    set->guess_max = settings->guess_max ? settings->guess_max : 4;
    set->match_limit = settings->pcre_match_limit ? settings->pcre_match_limit : 3500;
    for (unsigned d = 0; d < DIRECTIONS; d++)
        set->stream_chunk[d] = settings->stream_chunk[d] ? settings->stream_chunk[d] : 2560;
    bool done = load_all(set, settings, error);
    set->settings = NULL;
    if (!done) {
        ruleset_free(set);
        return NULL;
    }
    return set;
}

static void lists_free(struct ruleset *set)
{
    for (size_t p = 0; p < PROTOCOLS_MAX; p++) {
        for (unsigned d = 0; d < DIRECTIONS; d++) {
            free(set->frame_rules[p][d].items);
            free(set->tx_always[p][d].items);
            free(set->tx_events[p][d].items);
            free(set->tx_buffers[p][d].items);
            free(set->tx_bodies[p][d].items);
        }
    }
    for (size_t i = 0; set->decode_rules && i < DECODE_EVENT_COUNT; i++)
        free(set->decode_rules[i].items);
    for (size_t i = 0; set->stream_rules && i < STREAM_EVENT_COUNT; i++)
        free(set->stream_rules[i].items);
    free(set->decode_rules);
    free(set->stream_rules);
    free(set->session_rules.items);
}

static void set_list_done(struct set_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        ranges_done(&list->items[i]);
    free(list->items);
    map_done(&list->by_text);
}

void ruleset_free(struct ruleset *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->buffer_count; i++)
        for (unsigned d = 0; d < DIRECTIONS; d++)
            prefilter_free(set->buffers[i]->prefilters[d]);
    for (unsigned k = 0; k < COUNT_OF(set->payload); k++)
        for (unsigned d = 0; d < DIRECTIONS; d++)
            prefilter_free(set->payload[k][d]);
    for (struct suppression *s = set->suppressions; s; s = s->next)
        ranges_done(&s->addresses);
    lists_free(set);
    classes_free(set->classes);
    datasets_free(set->datasets);
    reputation_free(set->reputation);
    geoip_free(set->geoip);
    regexes_free(set->regexes);
    quarantine_free(set->quarantine);
    shared_free(set->shared);
    tags_free(set->tags);
    set_list_done(&set->addresses);
    set_list_done(&set->ports);
    struct map *const maps[] = { &set->by_sid,     &set->header_map, &set->buffer_map,
                                 &set->keywords,   &set->rows,       &set->classifications,
                                 &set->references, &set->bits,       &set->parts };
    for (size_t i = 0; i < COUNT_OF(maps); i++)
        map_done(maps[i]);
    free(set->signatures);
    free(set->headers);
    free(set->buffers);
    free(set->bit_names);
    arena_done(&set->memory);
    free(set);
}

struct ruleset_wants ruleset_wants(const struct ruleset *set)
{
    return set->wants;
}

struct ruleset_numbers ruleset_numbers(const struct ruleset *set)
{
    return set->numbers;
}
