/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled rules as JSON; see analysis.h. */
#include "detect/analysis.h"

#include "base/json.h"
#include "base/text.h"
#include "detect/set.h"

#define LINE_MAX_SIZE (1 << 20) /* bytes of one rule's object */

/* The pattern that is named as the rule's fast one: by the documented choice, wherever ours looks. */
struct choice {
    const struct buffer_use *use;
    const struct item *item;
};

static bool on_transaction(const struct buffer_use *use)
{
    return use->buffer->kind != BUFFER_PAYLOAD && use->buffer->kind != BUFFER_PACKET;
}

/* An explicit fast_pattern; else a buffer of the protocol before raw payload, then the longest. */
static bool is_better(const struct choice *best, const struct buffer_use *use, const struct item *item)
{
    if (item->kind != ITEM_CONTENT)
        return false;
    if (item->content.fast_pattern || item->negated)
        return item->content.fast_pattern;
    if (!best->item)
        return true;
    if (best->item->content.fast_pattern)
        return false;
    if (on_transaction(use) != on_transaction(best->use))
        return on_transaction(use);
    return item->content.bytes.size > best->item->content.bytes.size;
}

static struct choice choose(const struct signature *signature)
{
    struct choice best = { NULL, NULL };
    for (const struct buffer_use *use = signature->uses; use; use = use->next)
        for (const struct item *item = use->items; item; item = item->next)
            if (is_better(&best, use, item))
                best = (struct choice){ use, item };
    return best;
}

/* As rules write it: runs of bytes that are not printable or have a meaning in rules as |hex|. */
static void write_pattern(struct text *out, struct bytes bytes)
{
    struct text pattern = text_new(LINE_MAX_SIZE);
    bool in_hex = false;
    for (size_t i = 0; i < bytes.size; i++) {
        char c = (char)bytes.data[i], hex[4];
        bool plain = c > ' ' && c < 0x7f && !strchr("|:;\"'\\/`", c);
        if (plain == in_hex)
            text_char(&pattern, '|');
        else if (in_hex)
            text_char(&pattern, ' ');
        in_hex = !plain;
        if (plain) {
            text_char(&pattern, c);
        } else {
            snprintf(hex, sizeof hex, "%02X", bytes.data[i]);
            text_put(&pattern, bytes_of_string(hex));
        }
    }
    if (in_hex)
        text_char(&pattern, '|');
    json_string(out, "pattern", text_bytes(&pattern));
    text_done(&pattern);
}

static void write_place(struct text *out, const char *name, bool has, const struct operand *place,
                        int64_t from)
{
    if (has && place->variable == NO_VARIABLE)
        json_int(out, name, from + place->value);
}

static void write_content(struct text *out, const struct item *item, bool fast)
{
    const struct content *content = &item->content;
    int64_t offset = content->has_offset && content->offset.variable == NO_VARIABLE ? content->offset.value
                                                                                    : 0;
    write_pattern(out, content->bytes);
    json_uint(out, "length", content->bytes.size);
    json_bool(out, "nocase", content->nocase);
    json_bool(out, "negated", item->negated);
    json_bool(out, "starts_with", content->starts);
    json_bool(out, "ends_with", content->ends);
    json_bool(out, "is_mpm", fast);
    write_place(out, "offset", content->has_offset, &content->offset, 0);
    write_place(out, "depth", content->has_depth, &content->depth, offset);
    write_place(out, "distance", content->has_distance, &content->distance, 0);
    write_place(out, "within", content->has_within, &content->within, 0);
    json_bool(out, "fast_pattern", content->fast_pattern);
    json_bool(out, "relative_next", item->relative_next);
}

static const char *item_name(const struct item *item)
{
    static const char *const names[] = {
        [ITEM_CONTENT] = "content",
        [ITEM_REGEX] = "pcre",
        [ITEM_DATA_AT] = "isdataat",
        [ITEM_SIZE] = "bsize",
        [ITEM_TEST] = "byte_test",
        [ITEM_JUMP] = "byte_jump",
        [ITEM_EXTRACT] = "byte_extract",
        [ITEM_MATH] = "byte_math",
        [ITEM_BASE64] = "base64_decode",
        [ITEM_DATASET] = "dataset",
        [ITEM_ENTROPY] = "entropy",
        [ITEM_BOUNCE] = "ftpbounce",
        [ITEM_ASN1] = "asn1",
    };
    return names[item->kind];
}

static void write_item(struct text *out, const struct item *item, const struct choice *fast)
{
    json_open(out, NULL, '{');
    json_cstring(out, "name", item_name(item));
    if (item->kind == ITEM_CONTENT) {
        json_open(out, "content", '{');
        write_content(out, item, item == fast->item);
        json_close(out, '}');
    } else if (item->kind == ITEM_REGEX) {
        json_open(out, "pcre", '{');
        json_bool(out, "relative", item->relative);
        json_bool(out, "relative_next", item->relative_next);
        json_bool(out, "negated", item->negated);
        json_close(out, '}');
    }
    json_close(out, '}');
}

static void write_matches(struct text *out, const struct buffer_use *use, const struct choice *fast)
{
    json_open(out, "matches", '[');
    if (use->absent || use->absent_or_else) {
        json_open(out, NULL, '{');
        json_cstring(out, "name", "absent");
        json_open(out, "absent", '{');
        json_bool(out, "or_else", use->absent_or_else);
        json_close(out, '}');
        json_close(out, '}');
    }
    for (const struct item *item = use->items; item; item = item->next)
        write_item(out, item, fast);
    json_close(out, ']');
}

/* Buffers that had a name before keywords had dots keep it in reports. */
static void write_buffer_name(struct text *out, const char *key, const struct buffer *buffer)
{
    static const char *const names[][2] = {
        { "http.uri.raw", "http_raw_uri" },
        { "http.host.raw", "http_raw_host" },
        { "http.header.raw", "http_raw_header" },
        { "http.request_body", "http_client_body" },
        { "http.response_body", "file_data" },
        { "http.server", "http.server" },
        { "http.location", "http.location" },
        { "file.data", "file_data" },
        { "dns.query", "dns_query" },
    };
    struct bytes name = bytes_of_string(buffer->kind == BUFFER_PAYLOAD ? "payload" : buffer->name);
    char text[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bytes_equal(name, bytes_of_string(names[i][0]))) {
            json_cstring(out, key, names[i][1]);
            return;
        }
    if (name.size > 5 && name.size < sizeof text && !memcmp(name.data, "http.", 5)) {
        memcpy(text, name.data, name.size);
        text[4] = '_';
        name = bytes_of(text, name.size);
    }
    json_string(out, key, name);
}

static void write_transforms(struct text *out, const struct transform *transform)
{
    if (!transform)
        return;
    json_open(out, "transforms", '[');
    for (; transform; transform = transform->next) {
        json_open(out, NULL, '{');
        json_cstring(out, "name", transform->name);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_engine(struct text *out, const struct signature *signature, const struct buffer_use *use,
                         const char *protocol, const struct choice *fast)
{
    json_open(out, NULL, '{');
    write_buffer_name(out, "name", use->buffer);
    if (signature->to_server != signature->to_client)
        json_cstring(out, "direction", signature->to_server ? "toserver" : "toclient");
    json_bool(out, "is_mpm", use == fast->use);
    if (protocol)
        json_cstring(out, "app_proto", protocol);
    write_transforms(out, use->buffer->transforms);
    write_matches(out, use, fast);
    json_close(out, '}');
}

/* One for each protocol that has the buffer. */
static void write_engines(struct text *out, const struct ruleset *set, const struct signature *signature,
                          const struct choice *fast)
{
    json_open(out, "engines", '[');
    for (const struct buffer_use *use = signature->uses; use; use = use->next) {
        if (!on_transaction(use))
            continue;
        uint64_t all = use->buffer->protocols & signature->protocols;
        if (!all)
            write_engine(out, signature, use, NULL, fast);
        for (size_t p = 0; p < set->protocol_count; p++)
            if (all >> p & 1)
                write_engine(out, signature, use, set->protocols[p]->name, fast);
    }
    json_close(out, ']');
}

static void write_lists(struct text *out, const struct signature *signature, const struct choice *fast)
{
    json_open(out, "lists", '{');
    for (const struct buffer_use *use = signature->uses; use; use = use->next)
        if (use->buffer->kind == BUFFER_PAYLOAD) {
            json_open(out, "payload", '{');
            write_matches(out, use, fast);
            json_close(out, '}');
            break;
        }
    json_close(out, '}');
}

/* NULL where the compiled form does not tell kinds apart that the report would. */
static const char *type_of(const struct signature *signature)
{
    if (signature->kind == SIGNATURE_IP_ONLY)
        return "ip_only";
    if (signature->kind == SIGNATURE_TX)
        return "app_tx";
    if (signature->kind == SIGNATURE_FRAME || signature->trigger == TRIGGER_APP_EVENT)
        return NULL;
    if (signature->needs_stream)
        return signature->needs_packet ? "pkt_stream" : "stream";
    if (signature->trigger == TRIGGER_DECODE_EVENT)
        return "de_only";
    if (signature->once && !signature->protocols)
        return "pd_only";
    if (signature->uses || signature->checks)
        return "pkt";
    return signature->protocols ? "app_layer" : signature->flow_scope ? "like_ip_only" : "pkt";
}

static void write_rule(struct text *out, const struct ruleset *set, const struct signature *signature)
{
    const struct rule *rule = &signature->rule;
    const struct choice fast = choose(signature);
    const char *type = type_of(signature);
    json_open(out, NULL, '{');
    json_string(out, "raw", rule->text);
    json_uint(out, "id", rule->sid);
    json_uint(out, "gid", rule->gid);
    json_uint(out, "rev", rule->rev);
    json_string(out, "msg", rule->message);
    if (type)
        json_cstring(out, "type", type);
    write_engines(out, set, signature, &fast);
    write_lists(out, signature, &fast);
    if (fast.item) {
        json_open(out, "mpm", '{');
        write_buffer_name(out, "buffer", fast.use->buffer);
        write_content(out, fast.item, true);
        json_close(out, '}');
    }
    json_close(out, '}');
    json_end(out);
}

bool ruleset_analyze(const struct ruleset *set, FILE *out, struct error *error)
{
    for (size_t i = 0; i < set->signature_count; i++) {
        struct text line = text_new(LINE_MAX_SIZE);
        write_rule(&line, set, set->signatures[i]);
        struct bytes bytes = text_bytes(&line);
        bool good = fwrite(bytes.data, 1, bytes.size, out) == bytes.size && fputc('\n', out) != EOF;
        text_done(&line);
        if (!good)
            return error_system(error, "cannot write the analysis of rules");
    }
    return true;
}
