/* SPDX-License-Identifier: Apache-2.0 */
/* dataset and datarep: their options, and what of it rules may say. */
#include <string.h>

#include "detect/dataset.h"

static bool refuse_data(struct compiler *c, const struct error *error)
{
    c->of_data = true;
    return refuse(c, "%.190s", error->text);
}

/* False, with what the settings forbid about the file `name`. */
static bool forbid(struct compiler *c, const char *what, struct bytes name)
{
    c->of_settings = true;
    return refuse(c, "%s: %.*s", what, (int)MIN(name.size, 150U), (const char *)name.data);
}

/* A name of a file to write: within the data folder, unless the administrator allows more. */
static bool check_writing(struct compiler *c, struct bytes name)
{
    const struct dataset_limits *limits = &c->set->settings->dataset_limits;
    if (!name.data)
        return true;
    c->of_settings = limits->no_writing;
    if (limits->no_writing)
        return refuse(c, "Rules containing save/state datasets have been disabled");
    if (limits->absolute_names)
        return true;
    if (name.size && name.data[0] == '/')
        return forbid(c, "Absolute paths not allowed", name);
    for (struct bytes rest = name; rest.size;)
        if (bytes_is(bytes_cut(&rest, '/'), ".."))
            return forbid(c, "Directory traversals not allowed", name);
    return true;
}

/* ---- options, a row each ---- */

struct options {
    struct dataset_source source;
    struct bytes context_key;
};

typedef bool (*option_fn)(struct compiler *c, struct options *options, struct bytes value);

static bool read_type(struct compiler *c, struct options *options, struct bytes value)
{
    options->source.type = dataset_type_of(value);
    return options->source.type >= 0 ||
           refuse(c, "bad type %.*s: string, md5, sha1, sha256, ipv4 or ip is wanted",
                  (int)MIN(value.size, 40U), (const char *)value.data);
}

static bool once(struct compiler *c, const char *name, struct bytes *place, struct bytes value)
{
    if (place->data)
        return refuse(c, "'%s' can only appear once", name);
    *place = value;
    return value.size || refuse(c, "'%s' wants a file name", name);
}

static bool read_load(struct compiler *c, struct options *options, struct bytes value)
{
    return once(c, "load", &options->source.load, value);
}

static bool read_state(struct compiler *c, struct options *options, struct bytes value)
{
    return once(c, "state", &options->source.state, value);
}

static bool read_save(struct compiler *c, struct options *options, struct bytes value)
{
    return once(c, "save", &options->source.save, value);
}

static bool read_memcap(struct compiler *c, struct options *options, struct bytes value)
{
    return parse_size(value, &options->source.memcap) || refuse(c, "memcap wants a size such as 10mb");
}

static bool read_hashsize(struct compiler *c, struct options *options, struct bytes value)
{
    return parse_size(value, &options->source.hashsize) || refuse(c, "hashsize wants a number");
}

static bool read_format(struct compiler *c, struct options *options, struct bytes value)
{
    static const char *const formats[] = { "csv", "json", "ndjson" };
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (bytes_is(value, formats[i])) {
            options->source.format = (uint8_t)i;
            return true;
        }
    return refuse(c, "unknown format %.*s: csv, json or ndjson is wanted", (int)MIN(value.size, 40U),
                  (const char *)value.data);
}

static bool read_context_key(struct compiler *c, struct options *options, struct bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        uint8_t letter = value.data[i] | 0x20;
        if (!byte_is_digit(value.data[i]) && value.data[i] != '_' && !(letter >= 'a' && letter <= 'z'))
            return refuse(c, "context_key can only contain alphanumeric characters and underscores");
    }
    options->context_key = value;
    return value.size || refuse(c, "context_key is empty");
}

static bool read_path(struct compiler *c, struct bytes *place, struct bytes value)
{
    *place = value;
    return (value.size && value.size < 200) || refuse(c, "a key of 1 to 199 bytes is wanted");
}

static bool read_value_key(struct compiler *c, struct options *options, struct bytes value)
{
    return read_path(c, &options->source.value_key, value);
}

static bool read_array_key(struct compiler *c, struct options *options, struct bytes value)
{
    return read_path(c, &options->source.array_key, value);
}

static bool read_remove_key(struct compiler *c, struct options *options, struct bytes value)
{
    options->source.remove_key = true;
    return !value.size || refuse(c, "remove_key takes no value");
}

static const struct {
    const char *name;
    option_fn read;
} option_list[] = {
    { "type", read_type },
    { "load", read_load },
    { "state", read_state },
    { "save", read_save },
    { "memcap", read_memcap },
    { "hashsize", read_hashsize },
    { "format", read_format },
    { "context_key", read_context_key },
    { "value_key", read_value_key },
    { "array_key", read_array_key },
    { "remove_key", read_remove_key },
};

static bool read_option(struct compiler *c, struct options *options, struct bytes word)
{
    size_t space = MIN(bytes_find_byte(word, ' '), word.size);
    struct bytes name = bytes_first(word, space), value = bytes_trim(bytes_from(word, space));
    for (size_t i = 0; i < COUNT_OF(option_list); i++)
        if (bytes_is(name, option_list[i].name))
            return option_list[i].read(c, options, value);
    return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
}

static bool check_options(struct compiler *c, const struct options *options)
{
    const struct dataset_source *source = &options->source;
    if (source->state.data && (source->load.data || source->save.data))
        return refuse(c, "'state' can not be mixed with 'load' and 'save'");
    if (!check_writing(c, source->save) || !check_writing(c, source->state))
        return false;
    if (source->format == DATASET_CSV)
        return true;
    if (source->state.data || source->save.data)
        return refuse(c, "json format is not supported with 'save' or 'state' option");
    if (!source->value_key.data)
        return refuse(c, "json format needs a 'value_key' parameter");
    return options->context_key.data || refuse(c, "json format needs a 'context_key' parameter");
}

static bool read_options(struct compiler *c, struct bytes name, struct bytes value, struct options *options)
{
    struct bytes word;
    *options = (struct options){
        .source = { .name = name, .type = DATASET_ANY_TYPE, .beside = c->signature->rule.file }
    };
    if (!name.size || name.size > 255)
        return refuse(c, "a name of 1 to 255 bytes is wanted");
    while (list_next(&value, &word))
        if (!read_option(c, options, word))
            return false;
    return check_options(c, options);
}

/* ---- keywords ---- */

/* The item, with the set that the options name. */
static struct item *open_item(struct compiler *c, const struct options *options)
{
    struct error error;
    struct dataset *set = dataset_open(c->set, &options->source, &error);
    if (!set) {
        (void)refuse_data(c, &error);
        return NULL;
    }
    struct item *item = compiler_item(c, ITEM_DATASET);
    if (item)
        item->dataset.set = set;
    return item;
}

static bool parse_dataset(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    static const char *const commands[] = { "isset", "isnotset", "set", "unset" };
    struct bytes command, name;
    struct options options;
    size_t i = 0;
    if (!c->sticky.data)
        return refuse(c, "needs a sticky buffer before it");
    if (!list_next(&value, &command) || !list_next(&value, &name))
        return refuse(c, "a command and a name are wanted");
    while (i < COUNT_OF(commands) && !bytes_is(command, commands[i]))
        i++;
    if (i == COUNT_OF(commands))
        return refuse(c, "dataset action \"%.*s\" is not supported", (int)MIN(command.size, 40U),
                      (const char *)command.data);
    if (!read_options(c, name, value, &options))
        return false;
    if (options.source.format != DATASET_CSV && (i == DATASET_SET || i == DATASET_UNSET))
        return refuse(c, "json format is not supported for '%s' command", commands[i]);
    struct item *item = open_item(c, &options);
    if (!item)
        return false;
    item->dataset.command = (uint8_t)i;
    if (item->dataset.set->format == DATASET_CSV || !options.context_key.data)
        return true;
    struct buffer_use *use = compiler_use(c);
    if (!use)
        return false;
    use->brings_notes = true;
    return compiler_copy(c, options.context_key, &item->dataset.key);
}

/* "name, > 200, load file, type string" */
static bool parse_datarep(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes name, op, number;
    struct options options;
    char joined[64];
    if (!c->sticky.data)
        return refuse(c, "needs a sticky buffer before it");
    if (!list_next(&value, &name) || !list_next(&value, &op) || !list_next(&value, &number))
        return refuse(c, "a name, an operator and a value are wanted");
    struct text text = text_of(joined, sizeof joined);
    text_put(&text, bytes_is(op, "==") ? BYTES_OF("=") : op);
    text_put(&text, number);
    if (!read_options(c, name, value, &options))
        return false;
    struct item *item = open_item(c, &options);
    if (!item)
        return false;
    if (item->dataset.set->format != DATASET_CSV)
        return refuse(c, "dataset %s has JSON, not reputations", item->dataset.set->name);
    item->dataset.command = DATASET_IS_SET;
    item->dataset.has_range = true;
    return parse_range(c, text_bytes(&text), 65535, NULL, &item->dataset.range);
}

const struct keyword dataset_keywords[] = {
    { "dataset", .parse = parse_dataset,
      .help = "The buffer is in a set, or is added to it; a set with JSON adds it to the alert" },
    { "datarep", .parse = parse_datarep, .help = "The buffer's reputation in a set" },
    { 0 },
};
