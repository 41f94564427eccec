/* SPDX-License-Identifier: Apache-2.0 */
/* dcerpc.iface: the interface that a DCE/RPC request is for, and its version. */
#include "detect/buffer.h"
#include "detect/context.h"
#include "detect/keyword.h"
#include "proto/smb.h"

struct wanted_interface {
    uint8_t uuid[16];
    char operation; /* on the version: '<' '>' '=' '!'; 0: any version */
    uint16_t version;
};

static bool interface_holds(const struct buffer_use *use, const struct tx *tx, enum direction direction)
{
    (void)direction;
    const struct dcerpc *dcerpc = dcerpc_of_tx(tx);
    const struct wanted_interface *wanted = use->data;
    if (!dcerpc || !dcerpc->sides[TO_SERVER].seen || dcerpc->sides[TO_SERVER].type != DCERPC_REQUEST ||
        !dcerpc->interface_count || memcmp(dcerpc->interfaces->uuid, wanted->uuid, sizeof wanted->uuid) != 0)
        return false;
    uint16_t version = dcerpc->interfaces->major;
    switch (wanted->operation) {
    case '<':
        return version < wanted->version;
    case '>':
        return version > wanted->version;
    case '=':
        return version == wanted->version;
    case '!':
        return version != wanted->version;
    default:
        return true;
    }
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool read_uuid(struct bytes text, uint8_t uuid[16])
{
    size_t digits = 0;
    if (text.size != 36)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text.data[i] != '-')
                return false;
            continue;
        }
        int digit = byte_hex(text.data[i]);
        if (digit < 0)
            return false;
        uuid[digits / 2] = (uint8_t)(uuid[digits / 2] << 4 | digit);
        digits++;
    }
    return true;
}

static bool parse_interface(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct wanted_interface *wanted = COMPILER_NEW(c, struct wanted_interface);
    struct buffer *buffer = set_buffer_kind(c->set, "test", BUFFER_TEST, NULL);
    struct buffer_use *use = wanted && buffer ? compiler_add_use(c, buffer) : NULL;
    if (!use)
        return refuse(c, "out of memory");
    use->test = interface_holds;
    use->data = wanted;
    use->protocols = set_protocols_named(c->set, BYTES_OF("dcerpc"));
    if (!read_uuid(bytes_trim(bytes_cut(&value, ',')), wanted->uuid))
        return refuse(c, "a UUID is wanted");
    while (value.size) {
        struct bytes word = bytes_trim(bytes_cut(&value, ','));
        uint64_t version;
        if (bytes_is(word, "any_frag"))
            continue;
        if (word.size < 2 || !strchr("<>=!", word.data[0]) ||
            !bytes_to_u64(bytes_trim(bytes_from(word, 1)), &version) || version > UINT16_MAX)
            return refuse(c, "after the UUID stands <, >, = or ! with a version, or any_frag");
        wanted->operation = (char)word.data[0];
        wanted->version = (uint16_t)version;
    }
    return true;
}

const struct keyword dce_keywords[] = {
    { "dcerpc.iface", .alias = "dce_iface", .parse = parse_interface,
      .help = "The interface a request is for", .source = "C706 12.6.4.3", .list = "dce_generic" },
    { 0 },
};
