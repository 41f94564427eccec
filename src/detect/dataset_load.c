/* SPDX-License-Identifier: Apache-2.0 */
/* Files of values: one a line, perhaps with a reputation; JSON; hashes in hexadecimal. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "detect/dataset.h"

#define LIST_SIZE_MAX (256U << 20) /* bytes of one file */
#define NOTE_SIZE_MAX (1U << 20)   /* bytes of the JSON of one value */
#define KEY_SIZE      256U

static char *read_file(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *content = NULL;
    *size = 0;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= (off_t)LIST_SIZE_MAX)
        content = malloc((size_t)status.st_size + 1);
    while (content) {
        ssize_t got = read(fd, content + *size, (size_t)status.st_size - *size);
        if (got <= 0)
            break;
        *size += (size_t)got;
    }
    close(fd);
    return content;
}

/* A file that is being read into a set. */
struct loading {
    struct dataset *set;
    const char *path;
    struct error *error;
    const char *value_key; /* JSON */
    bool remove_key;
    struct text value, note; /* JSON: of one element */
    uint32_t line;           /* 0: the file has no lines */
    uint32_t found;          /* elements with a value */
};

static bool refuse_value(const struct loading *in, enum dataset_added outcome, struct bytes text)
{
    int size = (int)MIN(text.size, 80U);
    const char *value = (const char *)text.data;
    if (outcome == DATASET_FULL)
        return error_set(in->error, "dataset too large for set memcap");
    switch (in->set->type) {
    case DATASET_STRING:
        return error_set(in->error, "bad base64 encoding %s/%s", in->set->name, in->path);
    case DATASET_IPV4:
        return error_set(in->error, "invalid Ipv4 value %.*s in %s", size, value, in->path);
    case DATASET_IP:
        return error_set(in->error, "invalid IP value %.*s in %s", size, value, in->path);
    default:
        return error_set(in->error, "Not correct length for a hash: %.*s in %s", size, value, in->path);
    }
}

/* ---- lines ---- */

static bool load_lines(struct loading *in, struct bytes content)
{
    bool scored = false, first = true;
    while (content.size) {
        struct bytes line = bytes_trim(bytes_cut(&content, '\n'));
        in->line++;
        if (line.size == 0 || line.data[0] == '#')
            continue;
        bool has_score = bytes_find_byte(line, ',') != SIZE_MAX;
        struct bytes reputation = line, value = bytes_trim(bytes_cut(&reputation, ','));
        uint64_t score = 0;
        if (!first && has_score != scored)
            return error_set(in->error, "Cannot mix dataset and datarep values for set %s in %s",
                             in->set->name, in->path);
        if (has_score && (!bytes_to_u64(bytes_trim(reputation), &score) || score > UINT16_MAX))
            return error_set(in->error, "invalid datarep value %s: %s:%u", in->set->name, in->path, in->line);
        enum dataset_added outcome = dataset_add_text(in->set, value, true, score, BYTES_NONE);
        if (outcome == DATASET_INVALID || outcome == DATASET_FULL)
            return refuse_value(in, outcome, value);
        scored = has_score;
        first = false;
    }
    return true;
}

/* ---- JSON ---- */

/* One element; those without the key are no values. */
static bool load_element(struct loading *in, struct json_value element)
{
    text_clear(&in->value);
    text_clear(&in->note);
    if (!json_copy(&in->note, element, in->remove_key ? in->value_key : NULL) || in->note.full)
        return error_set(in->error, "dataset: %s failed to parse from '%s': malformed or too long JSON",
                         in->set->name, in->path);
    json_end(&in->note);
    struct json_value value = json_find(element, in->value_key);
    if (value.type == JSON_NONE || element.type != JSON_OBJECT)
        return true;
    if (!json_unescape(value, &in->value) || in->value.full)
        return error_set(in->error, "dataset: %s failed to get value because it is not a string",
                         in->set->name);
    in->found++;
    struct bytes text = in->value.size ? text_bytes(&in->value) : BYTES_OF("");
    enum dataset_added outcome = dataset_add_text(in->set, text, false, 0, text_bytes(&in->note));
    return (outcome != DATASET_INVALID && outcome != DATASET_FULL) || refuse_value(in, outcome, text);
}

static bool load_json_lines(struct loading *in, struct bytes content)
{
    while (content.size) {
        struct bytes line = bytes_trim(bytes_cut(&content, '\n'));
        in->line++;
        struct json_value element = json_parse(line);
        if (line.size == 0)
            continue;
        if (element.type == JSON_NONE)
            return error_set(in->error, "dataset: %s failed to parse line %u of %s", in->set->name, in->line,
                             in->path);
        if (!load_element(in, element))
            return false;
    }
    return true;
}

static bool load_json_array(struct loading *in, struct bytes content, struct bytes array_key)
{
    char key[KEY_SIZE];
    struct json_value array = json_parse(content), element;
    if (array.type == JSON_NONE)
        return error_set(in->error, "dataset: %s failed to parse from '%s'", in->set->name, in->path);
    if (array_key.data) {
        snprintf(key, sizeof key, "%.*s", (int)array_key.size, (const char *)array_key.data);
        array = json_find(array, key);
        if (array.type == JSON_NONE)
            return error_set(in->error, "dataset: %s failed to get key '%s'", in->path, key);
    }
    if (array.type != JSON_ARRAY)
        return error_set(in->error, "dataset: %s: not an array in '%s'", in->set->name, in->path);
    struct json_cursor cursor = json_elements(array);
    while (json_next_element(&cursor, &element))
        if (!load_element(in, element))
            return false;
    return !cursor.failed ||
           error_set(in->error, "dataset: %s failed to parse from '%s'", in->set->name, in->path);
}

static bool load_json(struct loading *in, struct bytes content, const struct dataset_source *source)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%.*s", (int)source->value_key.size, (const char *)source->value_key.data);
    in->value_key = key;
    in->remove_key = source->remove_key;
    in->value = text_new(NOTE_SIZE_MAX);
    in->note = text_new(NOTE_SIZE_MAX);
    bool loaded = source->format == DATASET_NDJSON ? load_json_lines(in, content)
                                                   : load_json_array(in, content, source->array_key);
    text_done(&in->value);
    text_done(&in->note);
    return loaded &&
           (in->found ||
            error_set(in->error, "No valid entries for key '%s' found in the file '%s'", key, in->path));
}

bool dataset_load(struct dataset *set, const char *path, const struct dataset_source *source,
                  struct error *error)
{
    struct loading in = { .set = set, .path = path, .error = error };
    size_t size;
    char *content = read_file(path, &size);
    if (!content)
        return error_set(error, "%.150s cannot be read", path);
    bool loaded = source->format == DATASET_CSV ? load_lines(&in, bytes_of(content, size))
                                                : load_json(&in, bytes_of(content, size), source);
    free(content);
    return loaded;
}

/* ---- hashes ---- */

bool dataset_load_hashes(struct dataset *set, const char *path, struct error *error)
{
    size_t size, wanted = dataset_value_size(set->type) * 2;
    char *content = read_file(path, &size);
    if (!content)
        return error_set(error, "%.150s cannot be read", path);
    struct bytes rest = bytes_of(content, size);
    bool room = true;
    while (rest.size && room) {
        struct bytes line = bytes_trim(bytes_cut(&rest, '\n'));
        size_t digits = 0;
        while (digits < line.size && byte_hex(line.data[digits]) >= 0)
            digits++;
        if (digits == wanted)
            room = dataset_add_text(set, bytes_first(line, digits), false, 0, BYTES_NONE) != DATASET_FULL;
    }
    free(content);
    return room || error_set(error, "%.150s has too many hashes", path);
}
