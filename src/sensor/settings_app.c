/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of single protocols, filled from app-layer.protocols by their lists of fields. */
#include <strings.h>

#include "base/log.h"
#include "sensor/settings_parts.h"

static void put_number(const struct field *field, void *record, uint64_t value)
{
    uint8_t *at = (uint8_t *)record + field->offset;
    switch (field->size) {
    case 1:
        *at = (uint8_t)value;
        break;
    case 2:
        memcpy(at, &(uint16_t){ (uint16_t)value }, 2);
        break;
    case 4:
        memcpy(at, &(uint32_t){ (uint32_t)value }, 4);
        break;
    default:
        memcpy(at, &value, 8);
        break;
    }
}

static bool read_choice(const struct field *field, const char *text, void *record)
{
    for (size_t i = 0; field->choice_count ? i < field->choice_count : field->choices[i] != NULL; i++)
        if (field->choices[i] && !strcasecmp(field->choices[i], text)) {
            put_number(field, record, i);
            return true;
        }
    return false;
}

static bool read_strings(struct settings *settings, const struct field *field, struct config_node *node,
                         void *record)
{
    size_t count = 0;
    for (struct config_node *item = node->first; item; item = item->next)
        count++;
    struct bytes *items = count ? ARENA_ARRAY(&settings->config.memory, struct bytes, count) : NULL;
    if (count && !items)
        return false;
    count = 0;
    for (struct config_node *item = node->first; item; item = item->next) {
        item->used = true;
        if (item->value)
            items[count++] = bytes_of_string(item->value);
    }
    struct field_list *list = (struct field_list *)(void *)((uint8_t *)record + field->offset);
    *list = (struct field_list){ items, count };
    return true;
}

/* False when the value cannot be read; the default stays then. */
static bool read_field(struct settings *settings, const struct field *field, struct config_node *node,
                       void *record)
{
    uint64_t number;
    switch (field->type) {
    case FIELD_BOOL:
        if (!config_true(node->value) && !config_false(node->value))
            return false;
        put_number(field, record, config_true(node->value));
        return true;
    case FIELD_UINT:
        if (!config_parse_size(node->value, &number) || (field->max && number > field->max) ||
            number < field->min || (field->size < 8 && number >> (field->size * 8)))
            return false;
        put_number(field, record, number);
        return true;
    case FIELD_CHOICE:
        return read_choice(field, node->value, record);
    case FIELD_TEXT:
    case FIELD_BYTES: {
        struct bytes *text = (struct bytes *)(void *)((uint8_t *)record + field->offset);
        *text = bytes_of_string(node->value);
        return true;
    }
    case FIELD_STRINGS:
        return read_strings(settings, field, node, record);
    default:
        return false;
    }
}

const void *protocol_options(struct settings *settings, struct config_node *node,
                             const struct protocol *protocol)
{
    if (!node || !protocol->settings)
        return protocol->settings_default;
    void *record = arena_new(&settings->config.memory, protocol->settings_size, 16);
    if (!record)
        return protocol->settings_default;
    if (protocol->settings_default)
        memcpy(record, protocol->settings_default, protocol->settings_size);
    for (size_t i = 0; i < protocol->setting_count; i++) {
        const struct field *field = &protocol->settings[i];
        struct config_node *found = config_find(node, field->name);
        if (!found || (!found->value && !found->first))
            continue;
        if ((!found->value && field->type != FIELD_STRINGS) || !read_field(settings, field, found, record))
            log_warning("%s: %s:%u: Invalid value for %s.%s: %s", protocol->name, found->file, found->line,
                        protocol->name, field->name, found->value ? found->value : "");
    }
    return record;
}
