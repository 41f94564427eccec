/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 1 (MS-CIFS, MS-SMB) and SMB 2 to 3.1.1 (MS-SMB2) over NetBIOS sessions (RFC 1002 section 4.3) or bare
 * TCP.
 *
 * Requests and answers make transactions with names, shares and logins. The content of reads and writes is
 * passed over: neither files nor the pipes of DCE/RPC are followed. */
#include <stdio.h>

#include "base/json.h"
#include "proto/ntlmssp.h"
#include "proto/session.h"
#include "proto/smb_names.h"

#define HEAD_MAX     4096U /* bytes of a message that are waited for */
#define TREES_MAX    32U
#define DIALECTS_MAX 16U
#define COMPOUND_MAX 32U

enum { NBSS_MESSAGE = 0, NBSS_REQUEST = 0x81, NBSS_KEEPALIVE = 0x85 };
enum { SMB1_NEGOTIATE = 0x72, SMB1_SESSION_SETUP = 0x73, SMB1_TREE_CONNECT = 0x75, SMB1_CREATE = 0xa2 };
enum {
    SMB2_NEGOTIATE,
    SMB2_SESSION_SETUP,
    SMB2_LOGOFF,
    SMB2_TREE_CONNECT,
    SMB2_TREE_DISCONNECT,
    SMB2_CREATE,
    SMB2_READ = 8,
    SMB2_WRITE = 9,
    SMB2_GET_INFO = 16
};
enum share_type { SHARE_UNKNOWN, SHARE_FILE, SHARE_PIPE, SHARE_PRINT };

struct smb {
    uint8_t version; /* 1 or 2 */
    uint8_t share_type;
    uint16_t command, dialect; /* dialect of SMB 2 when the request came */
    uint32_t status, tree;
    uint64_t message, session; /* of SMB 1: multiplex id and process id; user id */
    bool answered, created;
    struct bytes dialect_name; /* SMB 1: what the server chose */
    struct bytes dialects[DIALECTS_MAX];
    uint32_t dialect_count;
    struct bytes share, file;
    uint32_t disposition;
    struct ntlmssp ntlmssp;
    struct kerberos_ticket kerberos;
};

struct tree {
    uint32_t id;
    uint8_t type;
    bool used;
};

struct smb_state {
    uint64_t skip[DIRECTIONS]; /* bytes of the current message that nobody wants */
    uint16_t dialect;          /* SMB 2; 0: not known */
    char dialect1[24];         /* SMB 1: as the server chose, from `offered` */
    char offered[DIALECTS_MAX][24];
    uint32_t offered_count;
    struct tree trees[TREES_MAX];
    uint8_t next_tree;
};

enum smb_event { SMB_MALFORMED_DATA, SMB_MALFORMED_NTLMSSP, SMB_UNUSUAL_ORDER };
static const char *const events[] = { "malformed_data", "malformed_ntlmssp_request", "unusual_ntlmssp_order",
                                      NULL };

static struct smb *smb_of(struct tx *tx)
{
    return (struct smb *)tx->record;
}

/* ---- recognition ---- */

static bool is_smb(struct bytes message)
{
    return message.size >= 4 && memcmp(message.data + 1, "SMB", 3) == 0 && message.data[0] >= 0xfc;
}

/* The answer bit of the header: flags of SMB 1 (MS-CIFS 2.2.3.1), of SMB 2 (MS-SMB2 2.2.1). */
static bool is_answer(struct bytes message)
{
    if (message.data[0] == 0xff)
        return message.size > 9 && (message.data[9] & 0x80);
    return message.data[0] == 0xfe && message.size > 16 && (message.data[16] & 1);
}

static enum probe smb_probe(enum direction direction, struct bytes data)
{
    if (data.size < 8)
        return data.size && data.data[0] != NBSS_MESSAGE && data.data[0] != NBSS_REQUEST ? PROBE_NO
                                                                                         : PROBE_MORE;
    struct bytes message = bytes_from(data, 4);
    if (data.data[0] == NBSS_REQUEST) /* two names of 34 octets */
        return data.data[1] == 0 && data.data[2] == 0 && data.data[3] == 68 && data.data[4] == 32 ? PROBE_YES
                                                                                                  : PROBE_NO;
    if (data.data[0] != NBSS_MESSAGE || !is_smb(message))
        return PROBE_NO;
    if (message.data[0] != 0xff && message.data[0] != 0xfe) /* encrypted or compressed: either side */
        return PROBE_YES;
    if (message.size <= 16)
        return PROBE_MORE;
    bool answer = is_answer(message);
    return answer == (direction == TO_CLIENT) ? PROBE_YES : PROBE_REVERSED;
}

/* ---- transactions ---- */

static bool is_unlogged(uint8_t version, uint16_t command)
{
    return version == 2 && (command == SMB2_READ || command == SMB2_WRITE || command == SMB2_GET_INFO);
}

static struct tx *find_request(struct session *session, uint8_t version, uint16_t command, uint64_t message)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next) {
        const struct smb *smb = smb_of(tx);
        if (!smb->answered && smb->version == version && smb->command == command && smb->message == message)
            return tx;
    }
    return NULL;
}

static void name_tree(struct smb_state *state, uint32_t id, uint8_t type)
{
    struct tree *tree = &state->trees[state->next_tree];
    for (size_t i = 0; i < TREES_MAX; i++)
        if (state->trees[i].used && state->trees[i].id == id)
            tree = &state->trees[i];
    if (tree == &state->trees[state->next_tree])
        state->next_tree = (uint8_t)((state->next_tree + 1) % TREES_MAX);
    *tree = (struct tree){ id, type, true };
}

static void take_token(struct tx *tx, struct bytes token)
{
    struct smb *smb = smb_of(tx);
    bool had = smb->ntlmssp.malformed;
    security_token(token, &tx->memory, &smb->ntlmssp, &smb->kerberos);
    if (smb->ntlmssp.malformed && !had)
        tx_event(tx, SMB_MALFORMED_NTLMSSP);
    if (smb->ntlmssp.unusual_order)
        tx_event(tx, SMB_UNUSUAL_ORDER);
}

/* A text at `offset` of the message. */
static struct bytes text_at(struct tx *tx, struct bytes message, uint32_t offset, uint32_t size)
{
    if (offset > message.size || size > message.size - offset)
        return BYTES_NONE;
    struct bytes text = utf16_text(&tx->memory, bytes_of(message.data + offset, size));
    return text.data ? text : BYTES_OF("");
}

/* ---- SMB 2 ---- */

static void negotiate_request(struct tx *tx, struct reader *in)
{
    struct smb *smb = smb_of(tx);
    reader_skip(in, 2);
    uint16_t count = reader_le16(in);
    reader_skip(in, 32);
    for (uint16_t i = 0; i < count && i < DIALECTS_MAX && reader_ok(in); i++) {
        const char *name = smb2_dialect_name(reader_le16(in));
        if (reader_ok(in))
            smb->dialects[smb->dialect_count++] = bytes_of_string(name ? name : "unknown");
    }
}

static void request2(struct tx *tx, struct bytes message, struct reader *in)
{
    struct smb *smb = smb_of(tx);
    uint32_t offset, size;
    switch (smb->command) {
    case SMB2_NEGOTIATE:
        negotiate_request(tx, in);
        break;
    case SMB2_SESSION_SETUP: /* 2.2.5 */
        reader_skip(in, 12);
        offset = reader_le16(in);
        size = reader_le16(in);
        if (offset <= message.size && size <= message.size - offset)
            take_token(tx, bytes_of(message.data + offset, size));
        break;
    case SMB2_TREE_CONNECT: /* 2.2.9 */
        reader_skip(in, 4);
        offset = reader_le16(in);
        size = reader_le16(in);
        smb->share = text_at(tx, message, offset, size);
        break;
    case SMB2_CREATE: /* 2.2.13 */
        reader_skip(in, 36);
        smb->disposition = reader_le32(in);
        reader_skip(in, 4);
        offset = reader_le16(in);
        size = reader_le16(in);
        smb->file = text_at(tx, message, offset, size);
        smb->created = true;
        break;
    default:
        break;
    }
    if (!reader_ok(in))
        tx_event(tx, SMB_MALFORMED_DATA);
}

static void answer2(struct smb_state *state, struct tx *tx, struct bytes message, struct reader *in)
{
    struct smb *smb = smb_of(tx);
    if (smb->command == SMB2_NEGOTIATE && smb->status == 0) { /* 2.2.4 */
        reader_skip(in, 4);
        uint16_t dialect = reader_le16(in);
        if (reader_ok(in))
            state->dialect = smb->dialect = dialect;
    } else if (smb->command == SMB2_TREE_CONNECT && smb->status == 0) { /* 2.2.10 */
        reader_skip(in, 2);
        uint8_t type = reader_u8(in);
        smb->share_type = reader_ok(in) && type <= SHARE_PRINT ? type : SHARE_UNKNOWN;
        name_tree(state, smb->tree, smb->share_type);
    } else if (smb->command == SMB2_SESSION_SETUP) { /* 2.2.6 */
        reader_skip(in, 4);
        uint32_t offset = reader_le16(in), size = reader_le16(in);
        if (reader_ok(in) && offset <= message.size && size <= message.size - offset)
            take_token(tx, bytes_of(message.data + offset, size));
    }
}

/* One of the messages of a compound; returns where the next one starts, 0 for none. */
static uint32_t message2(struct session *session, struct smb_state *state, enum direction direction,
                         struct bytes message)
{
    struct reader in = reader_of_bytes(message);
    reader_skip(&in, 8);
    uint32_t status = reader_le32(&in);
    uint16_t command = reader_le16(&in);
    reader_skip(&in, 2);
    uint32_t flags = reader_le32(&in), next = reader_le32(&in);
    uint64_t id = reader_le64(&in);
    reader_skip(&in, 4);
    uint32_t tree = reader_le32(&in);
    uint64_t user = reader_le64(&in);
    reader_skip(&in, 16);
    enum { ANSWER = 1, ASYNC = 2 };
    if (!reader_ok(&in) || is_unlogged(2, command))
        return reader_ok(&in) ? next : 0;
    bool answer = flags & ANSWER;
    struct tx *tx = answer ? find_request(session, 2, command, id) : NULL;
    if (answer && status == 0x103) /* pending: the answer is still to come */
        return next;
    if (!tx && !(tx = session_tx(session)))
        return 0;
    struct smb *smb = smb_of(tx);
    if (!answer || smb->version == 0)
        *smb = (struct smb){ .version = 2, .command = command, .message = id, .dialect = state->dialect };
    if (!(flags & ASYNC))
        smb->tree = tree;
    smb->session = user;
    if (answer) {
        smb->answered = true;
        smb->status = status;
        answer2(state, tx, message, &in);
        tx_finish_both(tx);
    } else {
        request2(tx, message, &in);
        if (command != SMB2_TREE_CONNECT) /* whether it is a share or pipes, the answer says */
            tx_finish(tx, direction);
    }
    return next;
}

static void messages2(struct session *session, struct smb_state *state, enum direction direction,
                      struct bytes message)
{
    for (unsigned i = 0; i < COMPOUND_MAX; i++) {
        uint32_t next = message2(session, state, direction, message);
        if (next < 64 || next >= message.size)
            return;
        message = bytes_from(message, next);
    }
}

/* ---- SMB 1 ---- */

/* A text up to its end, in the coding that the header says. */
static struct bytes text1(struct tx *tx, struct reader *in, bool unicode)
{
    struct bytes rest = reader_peek(in);
    size_t size = 0;
    if (!unicode) {
        struct bytes text = reader_until(in, '\0');
        return arena_copy(&tx->memory, text);
    }
    while (size + 2 <= rest.size && (rest.data[size] || rest.data[size + 1]))
        size += 2;
    reader_skip(in, MIN(size + 2, rest.size));
    return utf16_text(&tx->memory, bytes_first(rest, size));
}

static void negotiate1(struct smb_state *state, struct tx *tx, struct reader *in)
{
    struct smb *smb = smb_of(tx);
    reader_skip(in, 3);
    state->offered_count = 0;
    while (!reader_empty(in) && smb->dialect_count < DIALECTS_MAX) {
        if (reader_u8(in) != 2) /* "buffer format" of a dialect */
            break;
        struct bytes name = reader_until(in, '\0');
        if (!reader_ok(in))
            break;
        smb->dialects[smb->dialect_count++] = arena_copy(&tx->memory, name);
        struct text kept = text_of(state->offered[state->offered_count], sizeof state->offered[0]);
        text_put(&kept, bytes_first(name, sizeof state->offered[0] - 1));
        state->offered[state->offered_count++][kept.size] = '\0';
    }
}

/* The words and bytes of a request; each starts with its own count (MS-CIFS 2.2.3). */
static void request1(struct smb_state *state, struct tx *tx, struct bytes message, bool unicode)
{
    struct smb *smb = smb_of(tx);
    struct reader in = reader_of_bytes(message);
    reader_skip(&in, 32);
    if (smb->command == SMB1_NEGOTIATE) {
        negotiate1(state, tx, &in);
        return;
    }
    uint8_t words = reader_u8(&in);
    struct reader parameters = reader_sub(&in, (size_t)words * 2);
    struct reader data = reader_sub(&in, reader_le16(&in));
    size_t at = 33 + (size_t)words * 2 + 2; /* of the data in the message: texts are aligned to it */
    if (smb->command == SMB1_SESSION_SETUP && words == 12) {
        reader_skip(&parameters, 14);
        uint16_t size = reader_le16(&parameters);
        take_token(tx, reader_bytes(&data, size));
    } else if (smb->command == SMB1_TREE_CONNECT && words == 4) {
        reader_skip(&parameters, 6);
        uint16_t password = reader_le16(&parameters);
        reader_skip(&data, password);
        if (unicode && (at + password) % 2)
            reader_skip(&data, 1);
        smb->share = text1(tx, &data, unicode);
    } else if (smb->command == SMB1_CREATE && words == 24) {
        reader_skip(&parameters, 35);
        smb->disposition = reader_le32(&parameters);
        if (unicode && at % 2)
            reader_skip(&data, 1);
        smb->file = text1(tx, &data, unicode);
        smb->created = true;
    }
}

static void answer1(struct smb_state *state, struct tx *tx, struct bytes message)
{
    struct smb *smb = smb_of(tx);
    struct reader in = reader_of_bytes(message);
    reader_skip(&in, 32);
    uint8_t words = reader_u8(&in);
    struct reader parameters = reader_sub(&in, (size_t)words * 2);
    struct reader data = reader_sub(&in, reader_le16(&in));
    if (smb->command == SMB1_NEGOTIATE && words) {
        uint16_t index = reader_le16(&parameters);
        if (index < state->offered_count)
            memcpy(state->dialect1, state->offered[index], sizeof state->dialect1);
    } else if (smb->command == SMB1_TREE_CONNECT && smb->status == 0) {
        struct bytes service = reader_until(&data, '\0');
        smb->share_type = bytes_is(service, "IPC")     ? SHARE_PIPE
                          : bytes_is(service, "LPT1:") ? SHARE_PRINT
                                                       : SHARE_FILE;
        name_tree(state, smb->tree, smb->share_type);
    } else if (smb->command == SMB1_SESSION_SETUP && words == 4) {
        reader_skip(&parameters, 6);
        uint16_t size = reader_le16(&parameters);
        take_token(tx, reader_bytes(&data, size));
    }
}

static void message1(struct session *session, struct smb_state *state, enum direction direction,
                     struct bytes message)
{
    struct reader in = reader_of_bytes(message);
    reader_skip(&in, 4);
    uint8_t command = reader_u8(&in);
    uint32_t status = reader_le32(&in);
    uint8_t flags = reader_u8(&in);
    uint16_t flags2 = reader_le16(&in);
    reader_skip(&in, 12);
    uint16_t tree = reader_le16(&in), process = reader_le16(&in), user = reader_le16(&in),
             mux = reader_le16(&in);
    enum { ANSWER = 0x80, UNICODE = 0x8000 };
    if (!reader_ok(&in))
        return;
    uint64_t id = (uint64_t)process << 16 | mux;
    bool answer = flags & ANSWER;
    struct tx *tx = answer ? find_request(session, 1, command, id) : NULL;
    if (!tx && !(tx = session_tx(session)))
        return;
    struct smb *smb = smb_of(tx);
    if (!answer || smb->version == 0)
        *smb = (struct smb){ .version = 1, .command = command, .message = id };
    smb->tree = tree;
    smb->session = user;
    if (answer) {
        smb->answered = true;
        smb->status = status;
        answer1(state, tx, message);
    } else {
        request1(state, tx, message, flags2 & UNICODE);
    }
    smb->dialect_name = arena_copy(&tx->memory, bytes_of_string(state->dialect1));
    if (answer)
        tx_finish_both(tx);
    else if (command != SMB1_TREE_CONNECT)
        tx_finish(tx, direction);
}

/* ---- the stream ---- */

static bool smb_stream(struct session *session, void *parser, enum direction direction, struct reader *in,
                       unsigned flags)
{
    struct smb_state *state = parser;
    (void)flags;
    for (;;) {
        size_t pass = (size_t)MIN(state->skip[direction], (uint64_t)reader_left(in));
        reader_skip(in, pass);
        state->skip[direction] -= pass;
        struct bytes rest = reader_peek(in);
        if (rest.size < 4)
            return true;
        size_t size = (size_t)rest.data[1] << 16 | (size_t)rest.data[2] << 8 | rest.data[3];
        size_t wanted = MIN(size, (size_t)HEAD_MAX);
        if (rest.data[0] > NBSS_KEEPALIVE || (rest.data[0] > 0 && rest.data[0] < NBSS_REQUEST))
            return false;
        if (rest.size - 4 < wanted)
            return true;
        struct bytes message = bytes_of(rest.data + 4, MIN(size, rest.size - 4));
        if (rest.data[0] == NBSS_MESSAGE && is_smb(message)) {
            if (message.data[0] == 0xff)
                message1(session, state, direction, message);
            else if (message.data[0] == 0xfe)
                messages2(session, state, direction, message);
        }
        reader_skip(in, 4 + message.size);
        state->skip[direction] = size - message.size;
    }
}

/* Only what was to be passed over anyway may be lost. */
static bool smb_gap(struct session *session, void *parser, enum direction direction, uint64_t size)
{
    struct smb_state *state = parser;
    (void)session;
    bool inside = size <= state->skip[direction];
    state->skip[direction] -= inside ? size : 0;
    return inside;
}

/* ---- the record ---- */

static void put_dialect(const struct smb *smb, struct text *out)
{
    const char *name = smb2_dialect_name(smb->dialect);
    if (smb->version == 1)
        json_string(out, "dialect", smb->dialect_name.size ? smb->dialect_name : BYTES_OF("unknown"));
    else
        json_cstring(out, "dialect", name ? name : "unknown");
}

static void put_command(const struct smb *smb, struct text *out)
{
    char text[16];
    const char *name = smb->version == 1 ? smb1_command_name(smb->command) : smb2_command_name(smb->command);
    snprintf(text, sizeof text, "%u", smb->command);
    json_cstring(out, "command", name ? name : text);
    if (!smb->answered)
        return;
    char code[16];
    name = smb_status_name(smb->status);
    snprintf(code, sizeof code, "0x%x", smb->status);
    json_cstring(out, "status", name ? name : "UNKNOWN");
    json_cstring(out, "status_code", code);
}

static void put_login(const struct smb *smb, struct text *out)
{
    if (smb->ntlmssp.seen) {
        json_open(out, "ntlmssp", '{');
        json_string(out, "domain", smb->ntlmssp.domain);
        json_string(out, "user", smb->ntlmssp.user);
        json_string(out, "host", smb->ntlmssp.host);
        if (smb->ntlmssp.has_version) {
            char version[40];
            snprintf(version, sizeof version, "%u.%u build %u rev %u", smb->ntlmssp.major, smb->ntlmssp.minor,
                     smb->ntlmssp.build, smb->ntlmssp.revision);
            json_cstring(out, "version", version);
        }
        json_close(out, '}');
    }
    if (smb->kerberos.seen) {
        json_open(out, "kerberos", '{');
        json_string(out, "realm", smb->kerberos.realm);
        json_open(out, "snames", '[');
        for (uint32_t i = 0; i < smb->kerberos.name_count; i++)
            json_string(out, NULL, smb->kerberos.names[i]);
        json_close(out, ']');
        json_close(out, '}');
    }
}

static void put_share(const struct smb *smb, struct text *out)
{
    static const char *const types[] = { "UNKNOWN", "FILE", "PIPE", "PRINT" };
    if (!smb->share.data)
        return;
    json_string(out, smb->share_type == SHARE_PIPE ? "named_pipe" : "share", smb->share);
    if (smb->version == 2 && smb->share_type)
        json_cstring(out, "share_type", types[smb->share_type]);
}

static void smb_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct smb *smb = (const void *)tx->record;
    (void)extended;
    json_uint(out, "id", tx->number + 1);
    put_dialect(smb, out);
    put_command(smb, out);
    json_uint(out, "session_id", smb->session);
    json_uint(out, "tree_id", smb->tree);
    if (smb->dialect_count) {
        json_open(out, "client_dialects", '[');
        for (uint32_t i = 0; i < smb->dialect_count; i++)
            json_string(out, NULL, smb->dialects[i]);
        json_close(out, ']');
    }
    if (smb->created) {
        const char *disposition = smb_disposition_name(smb->disposition);
        json_string(out, "filename", smb->file.size ? smb->file : BYTES_OF("<share_root>"));
        json_cstring(out, "disposition", disposition ? disposition : "UNKNOWN");
    }
    put_share(smb, out);
    put_login(smb, out);
}

/* ---- keywords ---- */

static bool get_share(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                      struct bytes *value)
{
    const struct smb *smb = (const void *)tx->record;
    (void)direction;
    (void)scratch;
    *value = smb->share;
    return index == 0 && smb->share.data && smb->share_type != SHARE_PIPE;
}

static bool get_pipe(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                     struct bytes *value)
{
    const struct smb *smb = (const void *)tx->record;
    (void)direction;
    (void)scratch;
    *value = smb->share;
    return index == 0 && smb->share.data && smb->share_type == SHARE_PIPE;
}

static bool version_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = ((const struct smb *)(const void *)tx->record)->version;
    return index == 0;
}

enum { SERVER = 1 << TO_SERVER, BOTH = 1 << TO_SERVER | 1 << TO_CLIENT };

static const struct inspect inspects[] = {
    { .name = "smb.share",
      .shown = "smb_share",
      .alias = "smb_share",
      .kind = INSPECT_GET,
      .directions = SERVER,
      .progress = { 1, 1 },
      .get = get_share,
      .help = "Path of the share in a tree connect",
      .source = "MS-SMB2 2.2.9" },
    { .name = "smb.named_pipe",
      .shown = "smb_named_pipe",
      .alias = "smb_named_pipe",
      .kind = INSPECT_GET,
      .directions = SERVER,
      .progress = { 1, 1 },
      .get = get_pipe,
      .help = "Path of the share of pipes in a tree connect",
      .source = "MS-SMB2 2.2.9" },
    { .name = "smb.ntlmssp_user",
      .shown = "smb_ntlmssp_user",
      .kind = INSPECT_BYTES,
      .directions = SERVER,
      .progress = { 1, 1 },
      .offset = offsetof(struct smb, ntlmssp.user),
      .help = "User in an NTLMSSP login",
      .source = "MS-NLMP 2.2.1.3" },
    { .name = "smb.ntlmssp_domain",
      .shown = "smb_ntlmssp_domain",
      .kind = INSPECT_BYTES,
      .directions = SERVER,
      .progress = { 1, 1 },
      .offset = offsetof(struct smb, ntlmssp.domain),
      .help = "Domain in an NTLMSSP login",
      .source = "MS-NLMP 2.2.1.3" },
    { .name = "smb.version",
      .shown = "smb_version",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = version_number,
      .max = 2,
      .help = "Major version of the messages: 1 or 2",
      .source = "MS-SMB2 2.2.1" },
};

const struct protocol smb_protocol = {
    .name = "smb",
    .alias = "dcerpc",
    .title = "Server Message Block",
    .eve_type = "smb",
    .transports = TRANSPORT_TCP,
    .ports = "445,139",
    .probe = smb_probe,
    .state_size = sizeof(struct smb_state),
    .record_size = sizeof(struct smb),
    .tx_memory_max = 64U * 1024U,
    .buffer_max = HEAD_MAX + 16,
    .tx_max = 256,
    .stream = smb_stream,
    .gap = smb_gap,
    .write = smb_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = events,
};
