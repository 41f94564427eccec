/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what every protocol declares as a JSON array, in the order of protocols.def: the facts that
 * docs/protocols is held to (tools/protocol-docs). */
#include <stdio.h>

#include "proto/protocol.h"

static void words(struct text *out, const char *key, const char *const *list)
{
    json_open(out, key, '[');
    for (; list && *list; list++)
        json_cstring(out, NULL, *list);
    json_close(out, ']');
}

/* States of one direction by name, up to that of completeness. */
static void hooks(struct text *out, const char *key, const struct protocol *protocol,
                  enum direction direction)
{
    const char *const *names = protocol->progress_names[direction];
    json_open(out, key, '[');
    for (uint8_t i = 0; names && i <= protocol->complete[direction]; i++)
        json_cstring(out, NULL, names[i]);
    json_close(out, ']');
}

static void string_if(struct text *out, const char *key, const char *value)
{
    if (value)
        json_cstring(out, key, value);
}

static void value_of(struct text *out, const struct field *field, const void *defaults)
{
    const void *at = (const uint8_t *)defaults + field->offset;
    switch (field->type) {
    case FIELD_BOOL:
        json_bool(out, "default", *(const bool *)at);
        break;
    case FIELD_CHOICE:
        json_cstring(out, "default", field->choices[field_uint(field, defaults)]);
        break;
    case FIELD_UINT:
        json_uint(out, "default", field_uint(field, defaults));
        break;
    case FIELD_TEXT:
    case FIELD_BYTES:
        json_string(out, "default", *(const struct bytes *)at);
        break;
    default:
        break;
    }
}

static void fields(struct text *out, const char *key, const struct field *list, size_t count,
                   const void *defaults)
{
    json_open(out, key, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(out, NULL, '{');
        json_cstring(out, "name", list[i].name);
        json_uint(out, "type", list[i].type);
        string_if(out, "help", list[i].help);
        if (list[i].max)
            json_uint(out, "max", list[i].max);
        if (list[i].type == FIELD_CHOICE && !list[i].choice_count)
            words(out, "choices", list[i].choices);
        if (list[i].fields)
            fields(out, "fields", list[i].fields, list[i].field_count, NULL);
        if (defaults)
            value_of(out, &list[i], defaults);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void inspects(struct text *out, const struct protocol *protocol)
{
    json_open(out, "keywords", '[');
    for (size_t i = 0; i < protocol->inspect_count; i++) {
        const struct inspect *row = &protocol->inspects[i];
        json_open(out, NULL, '{');
        json_cstring(out, "name", row->name);
        string_if(out, "alias", row->alias);
        string_if(out, "modifier", row->modifier);
        json_bool(out, "number", row->kind == INSPECT_NUMBER);
        json_uint(out, "directions", row->directions);
        json_uint(out, "max", row->max);
        words(out, "choices", row->choices);
        words(out, "bits", row->bits);
        string_if(out, "help", row->help);
        string_if(out, "source", row->source);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void describe(struct text *out, const struct protocol *protocol)
{
    json_open(out, NULL, '{');
    json_cstring(out, "name", protocol->name);
    string_if(out, "alias", protocol->alias);
    string_if(out, "title", protocol->title);
    string_if(out, "eve_type", protocol->eve_type);
    string_if(out, "eve_key", protocol->eve_key ? protocol->eve_key : protocol->eve_type);
    json_bool(out, "sided", protocol->eve_sided);
    json_bool(out, "tcp", protocol->transports & TRANSPORT_TCP);
    json_bool(out, "udp", protocol->transports & TRANSPORT_UDP);
    string_if(out, "ports", protocol->ports);
    json_bool(out, "probed", protocol->probe != NULL);
    json_bool(out, "usual_port_only", protocol->probe_usual_port_only);
    json_uint(out, "tx_max", protocol->tx_max);
    json_uint(out, "tx_memory_max", protocol->tx_memory_max);
    json_uint(out, "buffer_max", protocol->buffer_max);
    hooks(out, "hooks_to_server", protocol, TO_SERVER);
    hooks(out, "hooks_to_client", protocol, TO_CLIENT);
    fields(out, "fields", protocol->fields, protocol->field_count, NULL);
    fields(out, "settings", protocol->settings, protocol->setting_count, protocol->settings_default);
    inspects(out, protocol);
    words(out, "events", protocol->events);
    words(out, "frames", protocol->frames);
    json_bool(out, "stream_frame", protocol->frames && protocol->transports & TRANSPORT_TCP);
    json_uint(out, "files", protocol->file_directions);
    json_close(out, '}');
}

int main(void)
{
    struct text out = text_new(8 << 20);
    json_open(&out, NULL, '[');
    for (size_t i = 0; protocols[i]; i++)
        describe(&out, protocols[i]);
    json_close(&out, ']');
    json_end(&out);
    printf("%s\n", out.data);
    text_done(&out);
    return 0;
}
