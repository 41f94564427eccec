/* SPDX-License-Identifier: Apache-2.0 */
/* YAML files into a tree of named nodes; see config.h. */
#include "sensor/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <yaml.h>

#define MEMORY_MAX   (16U << 20)
#define DEPTH_MAX    32U
#define INCLUDES_MAX 10U
#define CHILDREN_MAX 65536U
#define FILE_MAX     (8U << 20)

void config_init(struct config *config)
{
    *config = (struct config){ .memory = arena_of(MEMORY_MAX), .root = { .name = "" } };
}

void config_done(struct config *config)
{
    arena_done(&config->memory);
    config->root = (struct config_node){ .name = "" };
}

static struct config_node *child_named(const struct config_node *node, struct bytes name)
{
    for (struct config_node *child = node->first; child; child = child->next)
        if (bytes_equal(name, bytes_of_string(child->name)))
            return child;
    return NULL;
}

static struct config_node *child_add(struct config *config, struct config_node *parent, struct bytes name)
{
    struct config_node *child = ARENA_NEW(&config->memory, struct config_node);
    if (!child)
        return NULL;
    child->name = arena_string(&config->memory, name);
    if (!child->name)
        return NULL;
    child->parent = parent;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    return child;
}

/* Forgets all below a node that the command line did not set. */
static void prune(struct config_node *node)
{
    struct config_node *kept = NULL, *next;
    for (struct config_node *child = node->first; child; child = next) {
        next = child->next;
        if (!child->final)
            continue;
        prune(child);
        child->next = NULL;
        if (kept)
            kept->next = child;
        else
            node->first = child;
        kept = child;
    }
    if (!kept)
        node->first = NULL;
    node->last = kept;
    if (!node->final)
        node->value = NULL;
}

struct source {
    struct config *config;
    yaml_parser_t parser;
    const char *name;
    struct error *error;
};

static bool source_error(const struct source *source, const yaml_mark_t *mark, const char *text)
{
    return error_set(source->error, "%s:%zu:%zu: %s", source->name, mark->line + 1, mark->column + 1, text);
}

static bool read_node(struct source *source, struct config_node *node, const yaml_event_t *event,
                      unsigned depth);

static bool next_event(struct source *source, yaml_event_t *event)
{
    if (yaml_parser_parse(&source->parser, event))
        return true;
    const yaml_mark_t *mark = &source->parser.problem_mark;
    return source_error(source, mark, source->parser.problem ? source->parser.problem : "this is not YAML");
}

/* A path beside the including file, unless it is absolute. */
static const char *beside(struct source *source, const char *path)
{
    const char *slash = strrchr(source->name, '/');
    if (path[0] == '/' || !slash)
        return path;
    size_t directory = (size_t)(slash - source->name) + 1, size = strlen(path);
    char *whole = arena_new(&source->config->memory, directory + size + 1, 1);
    if (!whole)
        return path;
    memcpy(whole, source->name, directory);
    memcpy(whole + directory, path, size + 1);
    return whole;
}

static bool load_into(struct config *config, struct config_node *node, const char *path, struct error *error);

static bool include_value(struct source *source, struct config_node *into, const yaml_event_t *event)
{
    const char *path = (const char *)event->data.scalar.value;
    if (source->config->include_depth >= INCLUDES_MAX)
        return source_error(source, &event->start_mark, "includes are nested too deeply");
    source->config->include_depth++;
    bool loaded = load_into(source->config, into, beside(source, path), source->error);
    source->config->include_depth--;
    if (!loaded)
        error_prefix(source->error, "%s:%zu", source->name, event->start_mark.line + 1);
    return loaded;
}

/* "include: file" or "include: [file, ...]" at the top. */
static bool read_includes(struct source *source, struct config_node *into)
{
    yaml_event_t event;
    bool ok = true, list = false;
    do {
        if (!next_event(source, &event))
            return false;
        if (event.type == YAML_SEQUENCE_START_EVENT && !list)
            list = true;
        else if (event.type == YAML_SEQUENCE_END_EVENT)
            list = false;
        else if (event.type == YAML_SCALAR_EVENT)
            ok = include_value(source, into, &event);
        else
            ok = source_error(source, &event.start_mark, "include wants a file name or a list of them");
        yaml_event_delete(&event);
    } while (ok && list);
    return ok;
}

static bool read_mapping(struct source *source, struct config_node *node, unsigned depth)
{
    for (;;) {
        yaml_event_t key, value;
        if (!next_event(source, &key))
            return false;
        if (key.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&key);
            return true;
        }
        if (key.type != YAML_SCALAR_EVENT) {
            source_error(source, &key.start_mark, "a key has to be a plain name");
            yaml_event_delete(&key);
            return false;
        }
        struct bytes name = bytes_of(key.data.scalar.value, key.data.scalar.length);
        if (!node->parent && bytes_is(name, "include")) {
            yaml_event_delete(&key);
            if (!read_includes(source, node))
                return false;
            continue;
        }
        struct config_node *child = child_named(node, name);
        if (child)
            prune(child);
        else
            child = child_add(source->config, node, name);
        if (!child) {
            source_error(source, &key.start_mark, "the configuration is too large");
            yaml_event_delete(&key);
            return false;
        }
        child->file = source->name;
        child->line = (uint32_t)key.start_mark.line + 1;
        yaml_event_delete(&key);
        if (!next_event(source, &value))
            return false;
        bool ok = read_node(source, child, &value, depth + 1);
        yaml_event_delete(&value);
        if (!ok)
            return false;
    }
}

static bool read_sequence(struct source *source, struct config_node *node, unsigned depth)
{
    node->sequence = true;
    for (unsigned index = 0;; index++) {
        yaml_event_t event;
        if (!next_event(source, &event))
            return false;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        char name[16];
        snprintf(name, sizeof name, "%u", index);
        struct config_node *child = child_named(node, bytes_of_string(name));
        if (!child && index < CHILDREN_MAX)
            child = child_add(source->config, node, bytes_of_string(name));
        bool ok = child != NULL;
        if (child) {
            child->file = source->name;
            child->line = (uint32_t)event.start_mark.line + 1;
            ok = read_node(source, child, &event, depth + 1);
        } else {
            source_error(source, &event.start_mark, "the configuration is too large");
        }
        yaml_event_delete(&event);
        if (!ok)
            return false;
    }
}

static bool is_null(const yaml_event_t *event)
{
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (event->data.scalar.length == 0 || !strcmp((const char *)event->data.scalar.value, "~"));
}

static bool read_node(struct source *source, struct config_node *node, const yaml_event_t *event,
                      unsigned depth)
{
    if (depth > DEPTH_MAX)
        return source_error(source, &event->start_mark, "nested too deeply");
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        if (event->data.scalar.tag && !strcmp((const char *)event->data.scalar.tag, "!include"))
            return include_value(source, node, event);
        if (node->final || is_null(event))
            return true;
        node->value = arena_string(&source->config->memory,
                                   bytes_of(event->data.scalar.value, event->data.scalar.length));
        return node->value || source_error(source, &event->start_mark, "the configuration is too large");
    case YAML_MAPPING_START_EVENT:
        return read_mapping(source, node, depth);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(source, node, depth);
    case YAML_ALIAS_EVENT:
        return source_error(source, &event->start_mark, "aliases are not supported");
    default:
        return source_error(source, &event->start_mark, "a value is missing");
    }
}

static bool load_text_into(struct config *config, struct config_node *into, struct bytes text,
                           const char *name, struct error *error)
{
    struct source source = { .config = config, .error = error };
    source.name = arena_string(&config->memory, bytes_of_string(name));
    if (!source.name || !yaml_parser_initialize(&source.parser))
        return error_set(error, "%s: out of memory", name);
    yaml_parser_set_input_string(&source.parser, text.data, text.size);
    bool ok = true, more = true;
    while (ok && more) {
        yaml_event_t event;
        if (!next_event(&source, &event)) {
            ok = false;
            break;
        }
        if (event.type == YAML_STREAM_END_EVENT)
            more = false;
        else if (event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT)
            ok = read_node(&source, into, &event, 0);
        else if (event.type == YAML_SCALAR_EVENT && !is_null(&event))
            ok = source_error(&source, &event.start_mark, "a mapping of settings is expected");
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&source.parser);
    return ok;
}

bool config_load_text(struct config *config, struct bytes text, const char *name, struct error *error)
{
    return load_text_into(config, &config->root, text, name, error);
}

static bool load_into(struct config *config, struct config_node *node, const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return error_system(error, "cannot open %s", path);
    struct text text = text_new(FILE_MAX);
    char buffer[16384];
    size_t got;
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0)
        text_put(&text, bytes_of(buffer, got));
    bool ok = !ferror(file);
    if (!ok)
        error_system(error, "cannot read %s", path);
    fclose(file);
    if (ok && text.full)
        ok = error_set(error, "%s: larger than %u bytes", path, FILE_MAX);
    if (ok)
        ok = load_text_into(config, node, text_bytes(&text), path, error);
    text_done(&text);
    return ok;
}

bool config_load(struct config *config, const char *path, struct error *error)
{
    return load_into(config, &config->root, path, error);
}

bool config_set(struct config *config, const char *assignment, struct error *error)
{
    struct bytes rest = bytes_of_string(assignment);
    size_t equals = bytes_find_byte(rest, '=');
    if (equals == SIZE_MAX)
        return error_set(error, "--set %s: a name, '=' and a value are expected", assignment);
    struct bytes path = bytes_trim(bytes_first(rest, equals)),
                 value = bytes_trim(bytes_from(rest, equals + 1));
    struct config_node *node = &config->root;
    while (path.size) {
        struct bytes name = bytes_cut(&path, '.');
        struct config_node *child = child_named(node, name);
        if (!child)
            child = child_add(config, node, name);
        if (!child)
            return error_set(error, "--set %s: too long", assignment);
        if (!child->file)
            child->file = "--set";
        if (byte_is_digit(name.size ? name.data[0] : 0) && !node->first->next)
            node->sequence = true;
        child->final = true;
        node = child;
    }
    node->file = "--set";
    node->line = 0;
    node->value = arena_string(&config->memory, value);
    return node->value || error_set(error, "--set %s: too long", assignment);
}

struct config_node *config_find(struct config_node *node, const char *path)
{
    struct bytes rest = bytes_of_string(path);
    while (node && rest.size) {
        struct bytes name = bytes_cut(&rest, '.');
        node = child_named(node, name);
        if (node)
            node->used = true;
    }
    return node;
}

const char *config_value(struct config_node *node, const char *path)
{
    struct config_node *found = config_find(node, path);
    return found ? found->value : NULL;
}

bool config_true(const char *value)
{
    return value && (!strcasecmp(value, "yes") || !strcasecmp(value, "true") || !strcasecmp(value, "on") ||
                     !strcmp(value, "1"));
}

bool config_false(const char *value)
{
    return value && (!strcasecmp(value, "no") || !strcasecmp(value, "false") || !strcasecmp(value, "off") ||
                     !strcmp(value, "0"));
}

void config_path(const struct config_node *node, struct text *out)
{
    if (node->parent && node->parent->parent) {
        config_path(node->parent, out);
        text_char(out, '.');
    }
    text_string(out, node->name);
}

bool config_error(const struct config_node *node, struct error *error, const char *format, ...)
{
    char what[256], path[256];
    struct text text = text_of(path, sizeof path);
    config_path(node, &text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (node->line)
        return error_set(error, "%s:%u: %s: %s", node->file, node->line, path, what);
    return error_set(error, "%s: %s: %s", node->file ? node->file : "settings", path, what);
}

bool config_bool(struct config_node *node, const char *path, bool *out, struct error *error)
{
    struct config_node *found = config_find(node, path);
    if (!found || !found->value)
        return true;
    if (!config_true(found->value) && !config_false(found->value))
        return config_error(found, error, "yes or no expected, not '%s'", found->value);
    *out = config_true(found->value);
    return true;
}

bool config_uint(struct config_node *node, const char *path, uint64_t max, uint64_t *out, struct error *error)
{
    struct config_node *found = config_find(node, path);
    uint64_t value;
    if (!found || !found->value)
        return true;
    if (!bytes_to_number(bytes_trim(bytes_of_string(found->value)), &value) || value > max)
        return config_error(found, error, "a number from 0 to %llu expected, not '%s'",
                            (unsigned long long)max, found->value);
    *out = value;
    return true;
}

bool config_u32(struct config_node *node, const char *path, uint32_t *out, struct error *error)
{
    uint64_t value = *out;
    if (!config_uint(node, path, UINT32_MAX, &value, error))
        return false;
    *out = (uint32_t)value;
    return true;
}

bool config_parse_size(const char *value, uint64_t *out)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = { { "", 0 },    { "b", 0 },    { "kb", 10 }, { "kib", 10 }, { "mb", 20 }, { "mib", 20 },
                  { "gb", 30 }, { "gib", 30 }, { "k", 10 },  { "m", 20 },   { "g", 30 } };
    char *end;
    errno = 0;
    double number = strtod(value, &end);
    if (end == value || errno || !(number >= 0))
        return false;
    struct bytes unit = bytes_trim(bytes_of_string(end));
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        double bytes = number * (double)(1ULL << units[i].shift);
        if (bytes_equal_nocase(unit, bytes_of_string(units[i].name)) && bytes < 1e18) {
            *out = (uint64_t)bytes;
            return true;
        }
    }
    return false;
}

bool config_size(struct config_node *node, const char *path, uint64_t *out, struct error *error)
{
    struct config_node *found = config_find(node, path);
    if (!found || !found->value)
        return true;
    if (!config_parse_size(found->value, out))
        return config_error(found, error, "invalid size argument: '%s', a size such as 64 MiB expected",
                            found->value);
    return true;
}

void config_dump(const struct config_node *node, struct text *out)
{
    if (node->value) {
        config_path(node, out);
        text_add(out, " = %s\n", node->value);
    }
    for (const struct config_node *child = node->first; child; child = child->next)
        config_dump(child, out);
}

void config_list_unused(const struct config_node *node, struct text *out)
{
    for (const struct config_node *child = node->first; child; child = child->next) {
        if (child->used) {
            config_list_unused(child, out);
            continue;
        }
        if (child->line)
            text_add(out, "%s:%u: ", child->file, child->line);
        config_path(child, out);
        text_char(out, '\n');
    }
}
