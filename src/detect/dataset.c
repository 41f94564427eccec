/* SPDX-License-Identifier: Apache-2.0 */
/* dataset, datarep and lists of hashes: sets of values in files or memory, looked up and added to by rules.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "detect/data.h"
#include "detect/engine.h"

#define VALUES_MAX    (4U << 20)   /* of one set */
#define LIST_SIZE_MAX (256U << 20) /* bytes of one file */

struct dataset {
    struct dataset *next;
    pthread_mutex_t lock;
    struct map values; /* value -> 1 + reputation */
    uint8_t type;
    char *name, *save_path;
    bool changed, reputation;
    struct range range; /* datarep */
};

static const struct {
    const char *name;
    uint8_t type;
    uint8_t size; /* of a binary value; 0: any */
} types[] = { { "string", DATASET_STRING, 0 },  { "md5", DATASET_MD5, 16 },  { "sha1", DATASET_SHA1, 20 },
              { "sha256", DATASET_SHA256, 32 }, { "ipv4", DATASET_IPV4, 4 }, { "ip", DATASET_IP, 16 },
              { "ipv6", DATASET_IP, 16 } };

static size_t value_size(unsigned type)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (types[i].type == type)
            return types[i].size;
    return 0;
}

bool dataset_has(const struct dataset *set, struct bytes value)
{
    return map_find(&set->values, value) != NULL;
}

/* An address as the set keeps it: 4 octets, or 16 with IPv4 mapped. */
static struct bytes address_value(const struct dataset *set, struct bytes octets, uint8_t out[16])
{
    memset(out, 0, 16);
    if (set->type == DATASET_IPV4)
        return octets.size == 4 ? octets : BYTES_NONE;
    if (octets.size == 4) {
        out[10] = out[11] = 0xff;
        memcpy(out + 12, octets.data, 4);
        return bytes_of(out, 16);
    }
    return octets.size == 16 ? octets : BYTES_NONE;
}

bool dataset_match(struct dataset *set, unsigned command, struct bytes value, struct context *context)
{
    (void)context;
    uint8_t mapped[16];
    if (set->type == DATASET_IP || set->type == DATASET_IPV4)
        value = address_value(set, value, mapped);
    if (!value.data || (value_size(set->type) && value.size != value_size(set->type)))
        return false;
    bool result = false, added = false;
    pthread_mutex_lock(&set->lock);
    uintptr_t *place = map_find(&set->values, value);
    switch (command) {
    case DATASET_IS_SET:
        result = place && (!set->reputation || range_has(&set->range, *place - 1));
        break;
    case DATASET_IS_NOT_SET:
        result = !place;
        break;
    case DATASET_SET:
        /* Matches when the value is new. */
        if (!place && map_add(&set->values, value, &added))
            result = set->changed = added;
        break;
    case DATASET_UNSET:
        result = place && map_remove(&set->values, value);
        set->changed |= result;
        break;
    default:
        break;
    }
    pthread_mutex_unlock(&set->lock);
    return result;
}

/* ---- files ---- */

static bool unhex(struct bytes text, uint8_t *out, size_t size)
{
    if (text.size != size * 2)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = byte_hex(text.data[2 * i]), low = byte_hex(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int base64_digit(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? memchr(digits, c, 64) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Strings are kept in base64 in files. */
static bool unbase64(struct bytes text, uint8_t *out, size_t room, size_t *size)
{
    uint32_t bits = 0;
    unsigned held = 0;
    *size = 0;
    while (text.size && text.data[text.size - 1] == '=')
        text.size--;
    for (size_t i = 0; i < text.size; i++) {
        int digit = base64_digit(text.data[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            if (*size == room)
                return false;
            out[(*size)++] = (uint8_t)(bits >> held);
        }
    }
    return true;
}

/* One value in its text form, added. */
static bool add_text(struct dataset *set, struct bytes text, uint64_t reputation)
{
    uint8_t raw[16384];
    struct bytes value = BYTES_NONE;
    struct address address;
    uint8_t mapped[16];
    size_t size = value_size(set->type);
    if (set->type == DATASET_STRING) {
        if (!unbase64(text, raw, sizeof raw, &size))
            return false;
        value = bytes_of(raw, size);
    } else if (set->type == DATASET_IPV4 || set->type == DATASET_IP) {
        if (!address_parse(text, &address))
            return false;
        value = address_value(set, bytes_of(address.octets, address_size(&address)), mapped);
    } else if (unhex(text, raw, size)) {
        value = bytes_of(raw, size);
    }
    uintptr_t *place = value.data ? map_add(&set->values, value, NULL) : NULL;
    if (place)
        *place = (uintptr_t)reputation + 1;
    return place != NULL;
}

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

static bool load_lines(struct compiler *c, struct dataset *set, const char *path, bool must_exist)
{
    size_t size;
    char *content = read_file(path, &size);
    if (!content)
        return !must_exist || refuse(c, "%.150s cannot be read", path);
    struct bytes rest = bytes_of(content, size);
    uint32_t number = 0;
    bool good = true;
    while (rest.size && good) {
        struct bytes line = bytes_trim(bytes_cut(&rest, '\n'));
        number++;
        if (line.size == 0 || line.data[0] == '#')
            continue;
        struct bytes reputation = line, value = bytes_trim(bytes_cut(&reputation, ','));
        uint64_t score = 0;
        if (reputation.size && (!bytes_to_u64(bytes_trim(reputation), &score) || score > UINT16_MAX)) {
            good = refuse(c, "invalid datarep value %.60s: %.90s:%u", set->name, path, number);
            break;
        }
        if (!add_text(set, value, score))
            good = refuse(c, "%.120s:%u: not a value of this set, or too many", path, number);
    }
    free(content);
    return good;
}

/* The path in the data folder, or beside the rule file, unless it is absolute. */
static void resolve(const struct compiler *c, struct bytes name, bool beside_rules, char *out, size_t size)
{
    struct text path = text_of(out, size);
    const char *file = c->signature->rule.file, *slash = file ? strrchr(file, '/') : NULL;
    if (name.size && name.data[0] != '/') {
        if (beside_rules && slash)
            text_put(&path, bytes_of(file, (size_t)(slash - file) + 1));
        else if (!beside_rules && c->set->settings->data_dir)
            text_add(&path, "%s/", c->set->settings->data_dir);
    }
    text_put(&path, name);
}

static struct dataset *dataset_new(struct compiler *c, const char *name, uint8_t type)
{
    struct dataset *set = calloc(1, sizeof *set);
    if (!set || !(set->name = strdup(name))) {
        free(set);
        (void)refuse(c, "out of memory");
        return NULL;
    }
    set->type = type;
    set->values = map_of(0x2545f4914f6cdd1dULL, VALUES_MAX);
    pthread_mutex_init(&set->lock, NULL);
    set->next = c->set->datasets;
    c->set->datasets = set;
    return set;
}

struct dataset *hash_list_open(struct compiler *c, struct bytes name, enum dataset_type type)
{
    char path[1024];
    resolve(c, name, true, path, sizeof path);
    struct dataset *set = dataset_new(c, path, (uint8_t)type);
    if (!set)
        return NULL;
    size_t size;
    char *content = read_file(path, &size);
    if (!content) {
        (void)refuse(c, "%.150s cannot be read", path);
        return NULL;
    }
    struct bytes rest = bytes_of(content, size);
    while (rest.size) {
        struct bytes line = bytes_trim(bytes_cut(&rest, '\n'));
        size_t digits = 0;
        while (digits < line.size && byte_hex(line.data[digits]) >= 0)
            digits++;
        (void)(digits == value_size(type) * 2 && add_text(set, bytes_first(line, digits), 0));
    }
    free(content);
    return set;
}

static void save(const struct dataset *set)
{
    FILE *out = fopen(set->save_path, "we");
    if (!out)
        return;
    size_t position = 0;
    struct bytes key;
    uintptr_t *value;
    while (map_each(&set->values, &position, &key, &value)) {
        struct text line = text_new(64 << 10);
        struct address address = { 0 };
        if (set->type == DATASET_STRING) {
            text_base64(&line, key);
        } else if (set->type == DATASET_IPV4 || set->type == DATASET_IP) {
            static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };
            bool v4 = key.size == 4 || memcmp(key.data, v4_prefix, sizeof v4_prefix) == 0;
            address = v4 ? address_v4(key.data + (key.size == 4 ? 0 : 12)) : address_v6(key.data);
            address_text(&address, &line);
        } else {
            text_hex(&line, key);
        }
        if (line.size)
            fprintf(out, "%.*s\n", (int)line.size, line.data);
        text_done(&line);
    }
    fclose(out);
}

void datasets_free(struct dataset *first)
{
    while (first) {
        struct dataset *next = first->next;
        if (first->save_path && first->changed)
            save(first);
        map_done(&first->values);
        pthread_mutex_destroy(&first->lock);
        free(first->name);
        free(first->save_path);
        free(first);
        first = next;
    }
}

/* ---- keywords ---- */

static struct dataset *find_set(const struct compiler *c, struct bytes name)
{
    for (struct dataset *set = c->set->datasets; set; set = set->next)
        if (bytes_is(name, set->name))
            return set;
    return NULL;
}

struct options {
    struct bytes load, state, save;
    int type;
};

static bool read_options(struct compiler *c, struct bytes value, struct options *options)
{
    struct bytes word;
    options->type = -1;
    while (list_next(&value, &word)) {
        size_t space = MIN(bytes_find_byte(word, ' '), word.size);
        struct bytes name = bytes_first(word, space), rest = bytes_trim(bytes_from(word, space));
        if (bytes_is(name, "type")) {
            for (size_t i = 0; i < COUNT_OF(types); i++)
                if (bytes_is(rest, types[i].name))
                    options->type = types[i].type;
            if (options->type < 0)
                return refuse(c, "the type must be string, md5, sha1, sha256, ipv4 or ip");
        } else if (bytes_is(name, "load")) {
            options->load = rest;
        } else if (bytes_is(name, "state")) {
            options->state = rest;
        } else if (bytes_is(name, "save")) {
            options->save = rest;
        } else if (!bytes_is(name, "memcap") && !bytes_is(name, "hashsize")) {
            return refuse(c, "\"%.*s\" is not known", (int)MIN(word.size, 40U), (const char *)word.data);
        }
    }
    return true;
}

/* The set of this name, made and loaded when new. */
static struct dataset *open_set(struct compiler *c, struct bytes name, const struct options *options)
{
    struct dataset *set = find_set(c, name);
    char plain[256], path[1024];
    if (set) {
        if (options->type >= 0 && options->type != set->type) {
            (void)refuse(c, "the set is of another type");
            return NULL;
        }
        return set;
    }
    if (options->type < 0) {
        (void)refuse(c, "a new set needs a type");
        return NULL;
    }
    if (name.size >= sizeof plain) {
        (void)refuse(c, "the name is too long");
        return NULL;
    }
    if (options->state.data && (options->load.data || options->save.data)) {
        (void)refuse(c, "state does not go with load or save");
        return NULL;
    }
    memcpy(plain, name.data, name.size);
    plain[name.size] = '\0';
    set = dataset_new(c, plain, (uint8_t)options->type);
    if (!set)
        return NULL;
    struct bytes load = options->load.data ? options->load : options->state;
    if (load.data) {
        resolve(c, load, options->load.data != NULL, path, sizeof path);
        if (access(path, R_OK) != 0)
            resolve(c, load, options->load.data == NULL, path, sizeof path);
        if (!load_lines(c, set, path, options->load.data != NULL))
            return NULL;
    }
    struct bytes keep = options->save.data ? options->save : options->state;
    if (keep.data) {
        resolve(c, keep, false, path, sizeof path);
        set->save_path = strdup(path);
    }
    return set;
}

static bool parse_dataset(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    static const char *const commands[] = { "isset", "isnotset", "set", "unset" };
    struct bytes command, name;
    struct options options = { 0 };
    size_t i = 0;
    if (!c->sticky.data)
        return refuse(c, "needs a sticky buffer before it");
    if (!list_next(&value, &command) || !list_next(&value, &name))
        return refuse(c, "a command and a name are wanted");
    while (i < COUNT_OF(commands) && !bytes_is(command, commands[i]))
        i++;
    if (i == COUNT_OF(commands))
        return refuse(c, "the command must be isset, isnotset, set or unset");
    if (!read_options(c, value, &options))
        return false;
    struct dataset *set = open_set(c, name, &options);
    struct item *item = set ? compiler_item(c, ITEM_DATASET) : NULL;
    if (!item)
        return false;
    item->dataset.set = set;
    item->dataset.command = (uint8_t)i;
    return true;
}

/* "name, > 200, load file, type string" */
static bool parse_datarep(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes name, op, number;
    struct options options = { 0 };
    char joined[64];
    if (!c->sticky.data)
        return refuse(c, "needs a sticky buffer before it");
    if (!list_next(&value, &name) || !list_next(&value, &op) || !list_next(&value, &number))
        return refuse(c, "a name, an operator and a value are wanted");
    struct text text = text_of(joined, sizeof joined);
    text_put(&text, bytes_is(op, "==") ? BYTES_OF("=") : op);
    text_put(&text, number);
    if (!read_options(c, value, &options))
        return false;
    struct dataset *set = open_set(c, name, &options);
    struct item *item = set ? compiler_item(c, ITEM_DATASET) : NULL;
    if (!item)
        return false;
    set->reputation = true;
    item->dataset.set = set;
    item->dataset.command = DATASET_IS_SET;
    return parse_range(c, text_bytes(&text), 65535, NULL, &set->range);
}

const struct keyword dataset_keywords[] = {
    { "dataset", .parse = parse_dataset, .help = "The buffer is in a set, or is added to it" },
    { "datarep", .parse = parse_datarep, .help = "The buffer's reputation in a set" },
    { 0 },
};
