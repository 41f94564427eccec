/* SPDX-License-Identifier: Apache-2.0 */
/* MaxMind DB (https://maxmind.github.io/MaxMind-DB/): a binary tree over the bits of addresses whose leaves
 * point into a section of typed values. Nothing in the file is trusted. */
#include "detect/geoip.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/reader.h"

#define FILE_SIZE_MAX     (512U << 20)
#define METADATA_SIZE_MAX (128U << 10) /* where at the end the marker stands */
#define SEPARATOR         16U          /* zero bytes between tree and values */
#define DEPTH_MAX         16U          /* of maps in maps and of pointers */

struct geoip {
    uint8_t *content;
    struct bytes tree, values;
    uint32_t nodes, record_bits;
    uint32_t ip4_start; /* the node where IPv4 addresses begin */
    bool ip6;
};

/* ---- values ---- */

enum { TYPE_EXTENDED, TYPE_POINTER, TYPE_STRING, TYPE_MAP = 7, TYPE_ARRAY = 11, TYPE_BOOL = 14 };

struct value {
    uint8_t type;
    uint32_t size; /* bytes; of maps: pairs; of arrays: elements; of pointers: where it points */
};

static uint32_t read_number(struct reader *in, unsigned bytes)
{
    uint32_t number = 0;
    while (bytes-- > 0)
        number = number << 8 | reader_u8(in);
    return number;
}

static struct value read_head(struct reader *in)
{
    static const uint32_t pointer_base[] = { 0, 2048, 526336, 0 }, size_base[] = { 29, 285, 65821 };
    uint8_t control = reader_u8(in);
    struct value value = { control >> 5, control & 31 };
    if (value.type == TYPE_POINTER) {
        unsigned more = control >> 3 & 3;
        uint32_t high = more == 3 ? 0 : (uint32_t)(control & 7) << (8 * (more + 1));
        value.size = (high | read_number(in, more + 1)) + pointer_base[more];
        return value;
    }
    if (value.type == TYPE_EXTENDED)
        value.type = (uint8_t)(7 + reader_u8(in));
    if (value.size >= 29)
        value.size = size_base[value.size - 29] + read_number(in, value.size - 28);
    return value;
}

/* Moves past a value and all in it. */
static void skip_value(struct reader *in, unsigned depth)
{
    struct value value = read_head(in);
    if (value.type == TYPE_POINTER || value.type == TYPE_BOOL)
        return;
    if (value.type != TYPE_MAP && value.type != TYPE_ARRAY) {
        reader_skip(in, value.size);
        return;
    }
    if (depth == 0)
        reader_fail(in);
    uint64_t parts = value.type == TYPE_MAP ? 2 * (uint64_t)value.size : value.size;
    while (parts-- > 0 && !reader_empty(in))
        skip_value(in, depth - 1);
}

/* The value's head, pointers followed; `in` is behind it then. */
static struct value follow(struct bytes section, struct reader *in)
{
    struct value value = read_head(in);
    for (unsigned hops = 0; value.type == TYPE_POINTER && hops < DEPTH_MAX; hops++) {
        *in = reader_of_bytes(bytes_from(section, value.size));
        value = read_head(in);
    }
    return value;
}

static struct bytes read_string(struct bytes section, struct reader in)
{
    struct value value = follow(section, &in);
    struct bytes text = reader_bytes(&in, value.size);
    return value.type == TYPE_STRING && reader_ok(&in) ? text : BYTES_NONE;
}

/* Moves `in`, which stands at a map, to the value of its member `name`. */
static bool find_member(struct bytes section, struct reader *in, const char *name)
{
    struct value map = follow(section, in);
    if (map.type != TYPE_MAP)
        return false;
    for (uint32_t i = 0; i < map.size && !reader_empty(in); i++) {
        struct bytes key = read_string(section, *in);
        skip_value(in, 0);
        if (bytes_is(key, name))
            return reader_ok(in);
        skip_value(in, DEPTH_MAX);
    }
    return false;
}

static bool find_number(struct bytes section, const char *name, uint32_t *number)
{
    struct reader in = reader_of_bytes(section);
    if (!find_member(section, &in, name))
        return false;
    struct value value = follow(section, &in);
    if (value.size > 4)
        return false;
    *number = read_number(&in, value.size);
    return reader_ok(&in);
}

/* ---- the tree ---- */

/* The record for this bit of a node; a number past the nodes is a leaf or nothing. */
static uint32_t next_node(const struct geoip *geoip, uint32_t node, bool bit)
{
    unsigned size = geoip->record_bits / 4; /* bytes of a node */
    struct reader in = reader_of_bytes(bytes_from(geoip->tree, (size_t)node * size));
    if (geoip->record_bits == 28) {
        uint32_t left = reader_be24(&in), middle = reader_u8(&in), right = reader_be24(&in);
        return bit ? (middle & 15) << 24 | right : middle >> 4 << 24 | left;
    }
    reader_skip(&in, bit ? size / 2 : 0);
    return read_number(&in, size / 2);
}

static bool read_metadata(struct geoip *geoip, struct bytes content, struct error *error)
{
    static const uint8_t marker[] = "\xab\xcd\xefMaxMind.com";
    struct bytes tail = bytes_from(content, content.size - MIN(content.size, METADATA_SIZE_MAX));
    size_t size = sizeof marker - 1, at = tail.size;
    while (at >= size && memcmp(tail.data + at - size, marker, size) != 0)
        at--; /* the last one counts */
    if (at < size)
        return error_set(error, "no MaxMind DB");
    struct bytes metadata = bytes_from(tail, at);
    uint32_t version;
    if (!find_number(metadata, "node_count", &geoip->nodes) ||
        !find_number(metadata, "record_size", &geoip->record_bits) ||
        !find_number(metadata, "ip_version", &version))
        return error_set(error, "the MaxMind DB's metadata cannot be read");
    geoip->ip6 = version == 6;
    uint64_t tree_size = (uint64_t)geoip->nodes * (geoip->record_bits / 4);
    if (geoip->record_bits != 24 && geoip->record_bits != 28 && geoip->record_bits != 32)
        return error_set(error, "a MaxMind DB with records of %u bits is not supported", geoip->record_bits);
    if (tree_size + SEPARATOR > content.size)
        return error_set(error, "the MaxMind DB is cut short");
    geoip->tree = bytes_first(content, (size_t)tree_size);
    geoip->values = bytes_from(content, (size_t)tree_size + SEPARATOR);
    for (unsigned i = 0; geoip->ip6 && i < 96 && geoip->ip4_start < geoip->nodes; i++)
        geoip->ip4_start = next_node(geoip, geoip->ip4_start, false);
    return true;
}

static struct geoip *take(uint8_t *content, size_t size, struct error *error)
{
    struct geoip *geoip = calloc(1, sizeof *geoip);
    if (geoip)
        geoip->content = content;
    if (geoip && read_metadata(geoip, bytes_of(content, size), error))
        return geoip;
    if (!geoip)
        (void)error_set(error, "out of memory");
    free(geoip);
    free(content);
    return NULL;
}

struct geoip *geoip_of(struct bytes content, struct error *error)
{
    uint8_t *copy = malloc(content.size + 1);
    if (!copy) {
        (void)error_set(error, "out of memory");
        return NULL;
    }
    if (content.size)
        memcpy(copy, content.data, content.size);
    return take(copy, content.size, error);
}

struct geoip *geoip_open(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    uint8_t *content = NULL;
    size_t size = 0;
    if (fd < 0) {
        (void)error_system(error, "%s", path);
        return NULL;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= (off_t)FILE_SIZE_MAX)
        content = malloc((size_t)status.st_size + 1);
    while (content && size < (size_t)status.st_size) {
        ssize_t got = read(fd, content + size, (size_t)status.st_size - size);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    close(fd);
    struct geoip *geoip = NULL;
    if (!content)
        (void)error_set(error, "no file, or too large");
    else
        geoip = take(content, size, error);
    if (!geoip)
        (void)error_prefix(error, "%s", path);
    return geoip;
}

void geoip_free(struct geoip *geoip)
{
    if (!geoip)
        return;
    free(geoip->content);
    free(geoip);
}

bool geoip_country(const struct geoip *geoip, const struct address *address, uint8_t code[2])
{
    bool ip4 = address->version == 4;
    if (!address->version || (!ip4 && !geoip->ip6))
        return false;
    uint32_t node = ip4 ? geoip->ip4_start : 0;
    for (unsigned i = 0; i < (ip4 ? 32U : 128U) && node < geoip->nodes; i++)
        node = next_node(geoip, node, address->octets[i / 8] >> (7 - i % 8) & 1);
    if (node <= geoip->nodes || node - geoip->nodes < SEPARATOR)
        return false;
    struct reader in = reader_of_bytes(bytes_from(geoip->values, node - geoip->nodes - SEPARATOR));
    if (!find_member(geoip->values, &in, "country") || !find_member(geoip->values, &in, "iso_code"))
        return false;
    struct bytes name = read_string(geoip->values, in);
    if (name.size != 2)
        return false;
    code[0] = byte_lower(name.data[0]);
    code[1] = byte_lower(name.data[1]);
    return true;
}
