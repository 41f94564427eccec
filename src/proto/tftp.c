/* SPDX-License-Identifier: Apache-2.0 */
/* TFTP read and write requests (RFC 1350 section 5). */
#include "proto/session.h"

enum { REQUEST_READ = 1, REQUEST_WRITE = 2 };

struct tftp {
    uint16_t opcode;
    struct bytes file, mode;
};

static const char *const requests[] = { NULL, "read", "write", NULL };
static const struct field fields[] = {
    { .name = "packet",
      .type = FIELD_CHOICE,
      AT(struct tftp, opcode),
      .choices = requests,
      .choice_count = 3,
      .help = "Request" },
    { .name = "file", .type = FIELD_BYTES, AT(struct tftp, file), .help = "Requested file name" },
    { .name = "mode", .type = FIELD_BYTES, AT(struct tftp, mode), .help = "Transfer mode, in lower case" },
};

static bool read_request(struct reader *in, struct tftp *request)
{
    request->opcode = reader_be16(in);
    request->file = reader_until(in, '\0');
    request->mode = reader_until(in, '\0');
    return reader_ok(in) && (request->opcode == REQUEST_READ || request->opcode == REQUEST_WRITE) &&
           request->file.size > 0;
}

static bool known_mode(struct bytes mode)
{
    return bytes_equal_nocase(mode, BYTES_OF("octet")) || bytes_equal_nocase(mode, BYTES_OF("netascii")) ||
           bytes_equal_nocase(mode, BYTES_OF("mail"));
}

static enum probe tftp_probe(enum direction direction, struct bytes data)
{
    (void)direction;
    struct tftp request;
    struct reader in = reader_of_bytes(data);
    return read_request(&in, &request) && known_mode(request.mode) ? PROBE_YES : PROBE_NO;
}

/* RFC 1350 section 5: a mode is written in any combination of upper and lower case. */
static struct bytes lower(struct arena *memory, struct bytes text)
{
    uint8_t *copy = text.size ? arena_new(memory, text.size, 1) : NULL;
    for (size_t i = 0; copy && i < text.size; i++)
        copy[i] = byte_lower(text.data[i]);
    return copy ? bytes_of(copy, text.size) : BYTES_NONE;
}

static bool tftp_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    (void)state;
    struct tftp request;
    if (!read_request(in, &request))
        return true; /* data and acknowledgements */
    struct tx *tx = session_tx_directed(session, direction);
    if (!tx)
        return true;
    struct tftp *kept = (struct tftp *)tx->record;
    kept->opcode = request.opcode;
    kept->file = arena_copy(&tx->memory, request.file);
    kept->mode = lower(&tx->memory, request.mode);
    tx_finish_both(tx);
    return true;
}

const struct protocol tftp_protocol = {
    .id = PROTOCOL_tftp,
    .name = "tftp",
    .title = "Trivial File Transfer Protocol",
    .eve_type = "tftp",
    .transports = TRANSPORT_UDP,
    .ports = "69",
    .probe = tftp_probe,
    .record_size = sizeof(struct tftp),
    .tx_memory_max = 4096,
    .datagram = tftp_datagram,
    .one_way = true,
    FIELDS(fields),
};
