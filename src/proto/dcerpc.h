/* SPDX-License-Identifier: Apache-2.0 */
/* DCE/RPC calls (C706 chapter 12): messages (dcerpc_call.c); TCP and UDP (dcerpc.c); pipes (smb_pipe.c). */
#ifndef VONGLAU_PROTO_DCERPC_H
#define VONGLAU_PROTO_DCERPC_H

#include "proto/protocol.h"

#define DCERPC_HEADER_SIZE 16U
#define DCERPC_STUB_MAX    (1024U * 1024U)
#define DCERPC_INTERFACES  64U /* of one bind, and remembered at a time */

enum { DCERPC_FIRST = 1, DCERPC_LAST = 2 };

/* Section 12.6.4 and MS-RPCE 2.2.2. */
enum dcerpc_type {
    DCERPC_REQUEST,
    DCERPC_RESPONSE = 2,
    DCERPC_FAULT,
    DCERPC_BIND = 11,
    DCERPC_BINDACK,
    DCERPC_BINDNAK,
    DCERPC_ALTER_CONTEXT,
    DCERPC_ALTER_CONTEXT_RESP,
    DCERPC_AUTH3,
    DCERPC_SHUTDOWN,
    DCERPC_CO_CANCEL,
    DCERPC_ORPHANED,
};

struct dcerpc_header {
    uint8_t version, minor, type, flags;
    bool little;
    uint16_t size;
    uint32_t call_id;
};

struct dcerpc_interface {
    uint8_t uuid[16]; /* in the order in which it is written */
    uint16_t context, major, minor;
    uint16_t result, reason; /* of the answer; 0: accepted */
    bool answered;
};

struct dcerpc_side {
    uint8_t type;
    bool seen;
    uint32_t fragments;
    uint8_t *stub; /* of `stub_capacity` bytes, `stub_size` used */
    size_t stub_size, stub_capacity;
};

struct dcerpc {
    struct dcerpc_side sides[DIRECTIONS];
    uint32_t call_id;
    uint8_t version, minor;
    uint16_t context, opnum;
    uint32_t interface_count; /* offered by bind, or the one that the request is for */
    struct dcerpc_interface *interfaces;
    uint8_t activity[16]; /* of datagrams, in the order in which it is written */
    uint32_t sequence;
    bool little; /* byte order of the message seen last */
};

/* Interfaces that were offered and not refused, found by their context. */
struct dcerpc_bound {
    uint32_t count;
    struct dcerpc_interface interfaces[DCERPC_INTERFACES];
};

extern const struct protocol dcerpc_protocol;

/* The head of a connection-oriented message; false when these bytes are none. */
bool dcerpc_read_header(struct reader *in, struct dcerpc_header *header);
/* True when the message is one that clients send. */
bool dcerpc_from_client(uint8_t type);
/* True when no further fragment of this side follows. */
bool dcerpc_ends(const struct dcerpc_header *header);
/* Adds what follows the head to the call; its texts live in `memory`. */
void dcerpc_take(struct dcerpc_bound *bound, struct dcerpc *call, struct arena *memory,
                 enum direction direction, const struct dcerpc_header *header, struct reader body);
/* Appends stub data of the fragment taken last (`fragments`: how many it begins). */
void dcerpc_add_stub(struct dcerpc *call, struct arena *memory, enum direction direction, struct bytes data,
                     uint32_t fragments);
/* An identifier of 16 bytes, put in the order in which it is written. */
void dcerpc_read_uuid(struct reader *in, bool little, uint8_t uuid[16]);

/* The call that a transaction, also one of SMB, is about, or NULL. */
const struct dcerpc *dcerpc_of_tx(const struct tx *tx);

/* NULL when the type has no name. */
const char *dcerpc_type_name(uint8_t type);
void dcerpc_write_uuid(struct text *out, const char *key, const uint8_t uuid[16]);
/* What a side sent: the members, and the whole object under `key`. */
void dcerpc_write_stub_counts(struct text *out, const struct dcerpc_side *side);
void dcerpc_write_stub(struct text *out, const char *key, const struct dcerpc_side *side);
/* Which results `interfaces` shows: SMB only those of interfaces that were answered, with a reason. */
enum dcerpc_results { DCERPC_NO_RESULTS, DCERPC_RESULTS, DCERPC_RESULTS_OF_ANSWERS };
void dcerpc_write_interfaces(struct text *out, const struct dcerpc *call, enum dcerpc_results results);

/* Rows of the keywords dcerpc.opnum and dcerpc.stub_data, for the protocols that carry calls. */
bool dcerpc_get_opnum(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value);
bool dcerpc_get_stub(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                     struct bytes *value);
#define DCERPC_INSPECTS                                                                                      \
    { .name = "dcerpc.opnum",                                                                                \
      .alias = "dce_opnum",                                                                                  \
      .shown = "dce_generic",                                                                                \
      .kind = INSPECT_NUMBER,                                                                                \
      .directions = 1U << TO_SERVER | 1U << TO_CLIENT,                                                       \
      .progress = { 1, 1 },                                                                                  \
      .number = dcerpc_get_opnum,                                                                            \
      .max = UINT16_MAX,                                                                                     \
      .list = true,                                                                                          \
      .help = "Number of the operation called",                                                              \
      .source = "C706 12.6.4.9" },                                                                           \
    {                                                                                                        \
        .name = "dcerpc.stub_data", .alias = "dce_stub_data", .shown = "dce_stub_data", .kind = INSPECT_GET, \
        .directions = 1U << TO_SERVER | 1U << TO_CLIENT, .progress = { 1, 1 }, .get = dcerpc_get_stub,       \
        .help = "Arguments or results of a call, put together from its fragments", .source = "C706 12.6.4.9" \
    }

#endif
