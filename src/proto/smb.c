/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 1 (MS-CIFS, MS-SMB) and SMB 2 to 3.1.1 (MS-SMB2) over NetBIOS sessions (RFC 1002 section 4.3) or bare
 * TCP: recognition, and the stream cut into messages; see smb.h.
 *
 * Of a message that carries content only the beginning is waited for; the content is taken as it comes. What
 * SMB 3 encrypts or compresses is passed over. */
#include "proto/smb.h"

#define MESSAGE_MAX (64U * 1024U) /* bytes of a message that are waited for */
#define TX_MAX      1024U

enum { NBSS_MESSAGE = 0, NBSS_REQUEST = 0x81, NBSS_KEEPALIVE = 0x85, NBSS_HEADER = 4 };

static const char *const events[] = {
    "internal_error",
    "malformed_data",
    "record_overflow",
    "malformed_ntlmssp_request",
    "malformed_ntlmssp_response",
    "duplicate_negotiate",
    "negotiate_malformed_dialects",
    "file_overlap",
    "response_to_server",
    "request_to_client",
    "read_request_too_large",
    "read_response_too_large",
    "write_request_too_large",
    "negotiate_max_read_size_too_large",
    "negotiate_max_write_size_too_large",
    "read_queue_size_exceeded",
    "read_queue_cnt_exceeded",
    "write_queue_size_exceeded",
    "write_queue_cnt_exceeded",
    "unusual_ntlmssp_order",
    "too_many_transactions",
    NULL,
};

enum smb_frame {
    FRAME_NBSS_PDU,
    FRAME_NBSS_HDR,
    FRAME_NBSS_DATA,
    FRAME_SMB1_PDU,
    FRAME_SMB1_HDR,
    FRAME_SMB1_DATA,
    FRAME_SMB2_PDU,
    FRAME_SMB2_HDR,
    FRAME_SMB2_DATA,
    FRAME_SMB3_PDU,
    FRAME_SMB3_HDR,
    FRAME_SMB3_DATA,
};
static const char *const frame_names[] = {
    "nbss.pdu", "nbss.hdr",  "nbss.data", "smb1.pdu", "smb1.hdr",  "smb1.data", "smb2.pdu",
    "smb2.hdr", "smb2.data", "smb3.pdu",  "smb3.hdr", "smb3.data", NULL,
};

/* ---- settings ---- */

static const struct smb_settings default_settings = {
    .max_tx = TX_MAX,
    .max_read_size = 16U << 20,
    .max_write_size = 16U << 20,
    .max_read_queue_size = 64U << 20,
    .max_read_queue_count = 64,
    .max_write_queue_size = 64U << 20,
    .max_write_queue_count = 64,
};

static const struct field settings[] = {
    { "max-tx", FIELD_UINT, AT(struct smb_settings, max_tx),
      .help = "Most transactions of a connection at a time" },
    { "max-read-size", FIELD_UINT, AT(struct smb_settings, max_read_size), .help = "Largest read, in bytes" },
    { "max-write-size", FIELD_UINT, AT(struct smb_settings, max_write_size),
      .help = "Largest write, in bytes" },
    { "max-read-queue-size", FIELD_UINT, AT(struct smb_settings, max_read_queue_size),
      .help = "Bytes of a file that may be read before their turn" },
    { "max-read-queue-cnt", FIELD_UINT, AT(struct smb_settings, max_read_queue_count),
      .help = "Pieces of a file that may be read before their turn" },
    { "max-write-queue-size", FIELD_UINT, AT(struct smb_settings, max_write_queue_size),
      .help = "Bytes of a file that may be written before their turn" },
    { "max-write-queue-cnt", FIELD_UINT, AT(struct smb_settings, max_write_queue_count),
      .help = "Pieces of a file that may be written before their turn" },
};

const struct smb_settings *smb_settings(const struct session *session)
{
    const struct smb_settings *chosen = session_options(session, session->protocol);
    return chosen ? chosen : &default_settings;
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
    if (message.data[0] != 0xff && message.data[0] != 0xfe) /* encrypted or compressed */
        return PROBE_EITHER;
    if (message.size <= 16)
        return PROBE_MORE;
    bool answer = is_answer(message);
    return answer == (direction == TO_CLIENT) ? PROBE_YES : PROBE_REVERSED;
}

/* ---- transactions ---- */

/* True when as many transactions wait for their end as may. */
static bool too_many(const struct session *session)
{
    uint64_t most = smb_settings(session)->max_tx, waiting = 0;
    if (!most || session->tx_count < most)
        return false;
    for (const struct tx *tx = session->txs; tx; tx = tx->next)
        waiting += !tx_complete(session, tx, TO_SERVER) || !tx_complete(session, tx, TO_CLIENT);
    return waiting >= most;
}

struct tx *smb_tx(const struct smb_message *message, enum smb_kind kind)
{
    struct session *session = message->session;
    if (too_many(session)) { /* as in Suricata that is the end */
        message->state->failed = true;
        tx_event(session->last_tx, SMB_TOO_MANY_TRANSACTIONS);
        return NULL;
    }
    struct tx *tx = session_tx(session);
    if (!tx)
        return NULL;
    *smb_of(tx) = (struct smb){
        .version = message->version,
        .kind = (uint8_t)kind,
        .command = message->command,
        .message = message->id,
        .session_id = message->session_id,
        .tree = message->tree,
        .dialect = message->state->dialect,
    };
    if (message->version == 1 && !message->state->dialect)
        smb_of(tx)->dialect_name = arena_copy(&tx->memory, bytes_of_string(message->state->dialect1));
    return tx;
}

struct tx *smb_request(const struct smb_message *message, enum smb_kind kind)
{
    struct tx *tx = smb_tx(message, kind);
    if (tx)
        tx_finish(tx, TO_SERVER);
    return tx;
}

/* SMB 2 may answer the negotiation of SMB 1 (MS-SMB2 3.3.5.3.1). */
static bool answers(const struct smb_message *message, const struct smb *smb)
{
    if (smb->answered)
        return false;
    if (message->version == 2 && smb->version == 1)
        return smb->kind == SMB_NEGOTIATE && message->command == 0 && message->id == 0;
    return smb->version == message->version && smb->command == message->command &&
           smb->message == message->id;
}

struct tx *smb_request_of(const struct smb_message *message)
{
    for (struct tx *tx = message->session->txs; tx; tx = tx->next)
        if (tx->protocol == &smb_protocol && answers(message, smb_of(tx)))
            return tx;
    return NULL;
}

void smb_answer(const struct smb_message *message, struct tx *tx)
{
    struct smb *smb = smb_of(tx);
    smb->has_status = true;
    smb->dos_status = message->dos_status;
    smb->status = message->status;
    smb->session_id = message->session_id;
    if (!message->asynchronous)
        smb->tree = message->tree;
}

void smb_event(const struct smb_message *message, struct tx *tx, enum smb_event event)
{
    if (!tx && (tx = session_tx_directed(message->session, message->direction)) != NULL) {
        smb_of(tx)->version = message->version;
        smb_of(tx)->answered = smb_of(tx)->silent = true;
        tx_finish_both(tx);
    }
    if (tx)
        tx_event(tx, (uint8_t)event);
}

void smb_check(const struct smb_message *message, const struct reader *in, struct tx *tx)
{
    if (!reader_ok(in))
        smb_event(message, tx, SMB_MALFORMED_DATA);
}

struct bytes smb_part(const struct smb_message *message, size_t offset, size_t size)
{
    return bytes_first(bytes_from(message->all, offset), size);
}

static size_t unicode_size(struct bytes raw)
{
    size_t size = 0;
    while (size + 2 <= raw.size && (raw.data[size] || raw.data[size + 1]))
        size += 2;
    return size;
}

struct bytes smb_text(struct arena *memory, struct bytes raw, bool unicode)
{
    struct bytes text;
    if (unicode) {
        text = utf16_text(memory, bytes_first(raw, unicode_size(raw)));
    } else {
        size_t end = bytes_find_byte(raw, 0);
        text = arena_copy(memory, bytes_first(raw, end));
    }
    return text.data ? text : BYTES_OF("");
}

void smb_token(struct tx *tx, struct bytes token)
{
    struct smb *smb = smb_of(tx);
    bool had = smb->ntlmssp.malformed;
    security_token(token, &tx->memory, &smb->ntlmssp, &smb->kerberos);
    if (smb->ntlmssp.malformed && !had)
        tx_event(tx, SMB_MALFORMED_NTLMSSP_REQUEST);
    if (smb->ntlmssp.unusual_order)
        tx_event(tx, SMB_UNUSUAL_NTLMSSP_ORDER);
}

uint64_t smb_time(uint64_t filetime)
{
    uint64_t seconds = filetime / 10000000U, epoch = 11644473600U;
    return seconds > epoch ? seconds - epoch : 0;
}

/* ---- the stream ---- */

static void add_frames(struct session *session, enum direction direction, enum smb_frame pdu,
                       const uint8_t *at, uint64_t head, uint64_t size)
{
    if (!session->settings->frames)
        return;
    (void)session_frame(session, direction, (uint8_t)pdu, at, size, NULL);
    (void)session_frame(session, direction, (uint8_t)(pdu + 1), at, MIN(head, size), NULL);
    if (size >= head)
        (void)session_frame(session, direction, (uint8_t)(pdu + 2), at + head, size - head, NULL);
}

static bool take_record(struct session *session, struct smb_side *side, enum direction direction,
                        struct reader *in)
{
    const uint8_t *at = in->at;
    uint8_t type = reader_u8(in);
    side->record = reader_be24(in);
    if (type > NBSS_KEEPALIVE || (type > NBSS_MESSAGE && type < NBSS_REQUEST))
        return false;
    add_frames(session, direction, FRAME_NBSS_PDU, at, NBSS_HEADER, side->record + NBSS_HEADER);
    if (type != NBSS_MESSAGE)
        side->message = side->record;
    return true;
}

/* Size of an SMB 2 message of a chain: up to where the next one starts. */
static uint64_t size_in_chain(struct bytes head, uint64_t rest)
{
    struct reader in = reader_of_bytes(bytes_from(head, 20));
    uint32_t next = reader_le32(&in);
    return next >= SMB2_HEADER && next < rest ? next : rest;
}

/* Bytes that have to be there of a message that begins so. */
static size_t wanted(const struct smb_message *message)
{
    if (message->all.size < 4)
        return 4;
    if (!is_smb(message->all))
        return 0;
    if (message->version == 1)
        return smb1_wanted(message);
    return message->version == 2 ? smb2_wanted(message) : SMB2_HEADER;
}

static void take_known(struct smb_message *message)
{
    enum { TRANSFORM_HEADER = 52 }; /* MS-SMB2 2.2.41 */
    const uint8_t *at = message->all.data;
    struct session *session = message->session;
    if (message->version == 1) {
        add_frames(session, message->direction, FRAME_SMB1_PDU, at, SMB1_HEADER, message->size);
        smb1_message(message);
    } else if (message->version == 2) {
        add_frames(session, message->direction, FRAME_SMB2_PDU, at, SMB2_HEADER, message->size);
        smb2_message(message);
    } else if (at[0] == 0xfd) {
        add_frames(session, message->direction, FRAME_SMB3_PDU, at, TRANSFORM_HEADER, message->size);
    }
}

static void pass(struct smb_side *side, uint64_t size)
{
    side->record -= size;
    side->message -= size;
}

/* True when a message, or what there is of it, was taken. */
static bool take_message(struct session *session, struct smb_state *state, enum direction direction,
                         struct reader *in)
{
    struct smb_side *side = &state->sides[direction];
    struct smb_message message = {
        .session = session,
        .state = state,
        .direction = direction,
        .all = bytes_first(reader_peek(in), (size_t)MIN(side->record, (uint64_t)SIZE_MAX)),
        .size = side->record,
    };
    struct bytes head = message.all;
    bool known = is_smb(head);
    message.version = !known ? 0 : head.data[0] == 0xff ? 1 : head.data[0] == 0xfe ? 2 : 3;
    if (message.version == 2 && head.size >= SMB2_HEADER)
        message.size = size_in_chain(head, side->record);
    message.all = bytes_first(head, (size_t)MIN(message.size, (uint64_t)head.size));
    if (head.size < MIN(MIN(wanted(&message), (size_t)MESSAGE_MAX), message.size))
        return false;
    side->message = message.size;
    if (known)
        take_known(&message);
    else
        smb_event(&message, NULL, SMB_MALFORMED_DATA);
    reader_skip(in, message.all.size);
    pass(side, message.all.size);
    return true;
}

/* Takes what belongs to the message that was begun; false when more has to come. */
static bool go_on(struct session *session, struct smb_side *side, enum direction direction, struct reader *in)
{
    if (side->content) {
        struct bytes data = reader_bytes(in, (size_t)MIN(side->content, (uint64_t)reader_left(in)));
        side->content -= data.size;
        pass(side, data.size);
        if (data.size)
            smb_content_more(session, direction, data);
    }
    if (!side->content && side->message) {
        uint64_t size = MIN(side->message, (uint64_t)reader_left(in));
        reader_skip(in, (size_t)size);
        pass(side, size);
    }
    return side->message == 0;
}

/* After a gap: passes over what is before the next record. */
static bool find_record(struct smb_side *side, struct reader *in)
{
    struct bytes rest = reader_peek(in);
    for (size_t i = 0; i + NBSS_HEADER + 4 <= rest.size; i++) {
        if (rest.data[i] == NBSS_MESSAGE && is_smb(bytes_from(rest, i + NBSS_HEADER))) {
            reader_skip(in, i);
            side->lost = false;
            return true;
        }
    }
    size_t kept = NBSS_HEADER + 3;
    reader_skip(in, rest.size > kept ? rest.size - kept : 0);
    return false;
}

static bool smb_stream(struct session *session, void *parser, enum direction direction, struct reader *in,
                       unsigned flags)
{
    struct smb_state *state = parser;
    struct smb_side *side = &state->sides[direction];
    (void)flags;
    if (reader_empty(in))
        return true;
    while (!reader_empty(in)) {
        if (side->lost && !find_record(side, in))
            return true;
        if (!go_on(session, side, direction, in))
            return true;
        if (state->failed)
            return false;
        if (side->record) {
            if (!take_message(session, state, direction, in))
                return true;
        } else if (reader_left(in) < NBSS_HEADER) {
            return true;
        } else if (!take_record(session, side, direction, in)) {
            return false;
        }
    }
    return !state->failed;
}

static bool smb_gap(struct session *session, void *parser, enum direction direction, uint64_t size)
{
    struct smb_state *state = parser;
    struct smb_side *side = &state->sides[direction];
    uint64_t content = MIN(size, side->content);
    if (content) {
        side->content -= content;
        smb_content_gap(session, direction, content);
    }
    if (size <= side->record) { /* the message that follows is lost with its beginning */
        side->record -= size;
        side->message = side->message > size ? side->message - size : side->record;
        return true;
    }
    side->record = side->message = side->content = 0;
    side->lost = true;
    return true;
}

static void smb_close_parser(struct session *session, void *parser)
{
    smb_tables_done(session, parser);
}

static bool smb_loggable(const struct tx *tx)
{
    return !smb_in(tx)->silent;
}

const struct protocol smb_protocol = {
    .id = PROTOCOL_smb,
    .eve_numbered = true,
    .name = "smb",
    .alias = "dcerpc",
    .title = "Server Message Block",
    .eve_type = "smb",
    .stream_waits = true,
    .transports = TRANSPORT_TCP,
    .ports = "445,139",
    .probe = smb_probe,
    .state_size = sizeof(struct smb_state),
    .record_size = sizeof(struct smb),
    .tx_memory_max = 4U * DCERPC_STUB_MAX,
    .buffer_max = MESSAGE_MAX + 16,
    .tx_max = TX_MAX + 1,
    .stream = smb_stream,
    .gap = smb_gap,
    .close = smb_close_parser,
    .loggable = smb_loggable,
    .write = smb_write,
    .inspects = smb_inspects,
    .inspect_count = SMB_INSPECTS,
    .events = events,
    .settings = settings,
    .setting_count = COUNT_OF(settings),
    .settings_size = sizeof(struct smb_settings),
    .settings_default = &default_settings,
    .frames = frame_names,
    .file_directions = 1 << TO_SERVER | 1 << TO_CLIENT,
    .whole_stream = true,
};
