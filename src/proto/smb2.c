/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of SMB 2 and 3 (MS-SMB2 2.2). Offsets in messages count from the header. */
#include "proto/smb.h"

#define READ_HEAD  (SMB2_HEADER + 16U)
#define WRITE_HEAD (SMB2_HEADER + 48U)

enum command {
    NEGOTIATE,
    SESSION_SETUP,
    LOGOFF,
    TREE_CONNECT,
    TREE_DISCONNECT,
    CREATE,
    CLOSE,
    FLUSH,
    READ,
    WRITE,
    LOCK,
    IOCTL,
    CANCEL,
    ECHO,
    QUERY_DIRECTORY,
    CHANGE_NOTIFY,
    QUERY_INFO,
    SET_INFO,
    OPLOCK_BREAK,
};

enum { FLAG_ANSWER = 1, FLAG_ASYNC = 2 };
#define STATUS_PENDING 0x103U
enum { FSCTL_PIPE_TRANSCEIVE = 0x11c017 };
enum { CREATE_DIRECTORY = 1, CREATE_DELETE_ON_CLOSE = 0x1000 };
enum { INFO_FILE = 1, INFO_RENAME = 10, INFO_DISPOSITION = 13 };
enum { DIALECT_ANY = 0x2ff };

/* The handle of related operations: the one that the message before in the same chain has opened. */
static const uint8_t related_handle[SMB_HANDLE_SIZE] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

struct call {
    struct smb_message *message;
    struct reader body;
};

static void read_guid(struct reader *in, uint8_t guid[16])
{
    struct bytes raw = reader_bytes(in, 16);
    if (raw.size)
        memcpy(guid, raw.data, raw.size);
}

static void plain_request(struct call *c)
{
    (void)smb_request(c->message, SMB_PLAIN);
}

/* ---- negotiation and logon ---- */

static void negotiate_request(struct call *c)
{
    struct tx *tx = smb_request(c->message, SMB_NEGOTIATE);
    if (!tx)
        return;
    struct smb *smb = smb_of(tx);
    struct reader *in = &c->body;
    reader_skip(in, 2);
    uint32_t count = reader_le16(in);
    reader_skip(in, 8);
    read_guid(in, smb->client_guid);
    reader_skip(in, 8);
    smb->has_client_guid = reader_ok(in);
    count = MIN(count, SMB_DIALECTS_MAX);
    smb->dialects = ARENA_ARRAY(&tx->memory, struct bytes, count);
    for (uint32_t i = 0; smb->dialects && i < count && reader_ok(in); i++) {
        uint16_t dialect = reader_le16(in);
        if (!reader_ok(in))
            break;
        const char *name = smb2_dialect_name(dialect);
        char other[40];
        struct text text = text_of(other, sizeof other);
        text_add(&text, "(unknown dialect: 0x%04x)", dialect);
        smb->dialects[smb->dialect_count++] = name ? bytes_of_string(name)
                                                   : arena_copy(&tx->memory, bytes_of(other, text.size));
    }
    smb_check(c->message, &c->body, tx);
    if (c->message->state->dialect && c->message->state->dialect != DIALECT_ANY)
        smb_event(c->message, tx, SMB_DUPLICATE_NEGOTIATE);
}

static void negotiate_answer(struct call *c, struct tx *tx)
{
    const struct smb_settings *settings = smb_settings(c->message->session);
    struct smb_state *state = c->message->state;
    struct smb *smb = smb_of(tx);
    struct reader *in = &c->body;
    reader_skip(in, 4);
    uint16_t dialect = reader_le16(in);
    if (!reader_ok(in))
        return;
    state->dialect = smb->dialect = dialect;
    smb->dialect_name = BYTES_NONE;
    reader_skip(in, 2);
    uint8_t guid[16] = { 0 };
    read_guid(in, guid);
    reader_skip(in, 8);
    uint32_t max_read = reader_le32(in), max_write = reader_le32(in);
    if (!reader_ok(in))
        return;
    memcpy(smb->server_guid, guid, sizeof guid);
    smb->has_server_guid = smb->has_max = true;
    smb->max_read = state->max_read = max_read;
    smb->max_write = state->max_write = max_write;
    if (settings->max_read_size && max_read > settings->max_read_size)
        smb_event(c->message, tx, SMB_NEGOTIATE_MAX_READ_SIZE_TOO_LARGE);
    if (settings->max_write_size && max_write > settings->max_write_size)
        smb_event(c->message, tx, SMB_NEGOTIATE_MAX_WRITE_SIZE_TOO_LARGE);
}

static void setup_request(struct call *c)
{
    struct tx *tx = smb_request(c->message, SMB_SESSION_SETUP);
    reader_skip(&c->body, 12);
    size_t offset = reader_le16(&c->body), size = reader_le16(&c->body);
    smb_check(c->message, &c->body, tx);
    if (tx && reader_ok(&c->body))
        smb_token(tx, smb_part(c->message, offset, size));
}

static void setup_answer(struct call *c, struct tx *tx)
{
    reader_skip(&c->body, 4);
    size_t offset = reader_le16(&c->body), size = reader_le16(&c->body);
    if (reader_ok(&c->body))
        smb_token(tx, smb_part(c->message, offset, size));
}

/* ---- shares ---- */

static void connect_request(struct call *c)
{
    struct tx *tx = smb_request(c->message, SMB_TREE_CONNECT);
    reader_skip(&c->body, 4);
    size_t offset = reader_le16(&c->body), size = reader_le16(&c->body);
    smb_check(c->message, &c->body, tx);
    if (tx)
        smb_of(tx)->share = smb_text(&tx->memory, smb_part(c->message, offset, size), true);
}

static void connect_answer(struct call *c, struct tx *tx)
{
    struct smb *smb = smb_of(tx);
    reader_skip(&c->body, 2);
    uint8_t type = reader_u8(&c->body);
    if (!reader_ok(&c->body))
        return;
    smb->share_type = type <= SMB_SHARE_PRINT ? type : SMB_SHARE_UNKNOWN;
    (void)smb_add_tree(c->message, smb->share_type, smb->share);
}

/* ---- files ---- */

static void name_handle(const struct call *c, const uint8_t handle[SMB_HANDLE_SIZE], struct bytes name)
{
    struct smb_entry *entry = smb_add_handle(c->message, handle);
    if (entry)
        smb_entry_name(c->message->session, entry, name);
}

static void create_request(struct call *c)
{
    struct tx *tx = smb_request(c->message, SMB_CREATE);
    if (!tx)
        return;
    struct smb *smb = smb_of(tx);
    struct reader *in = &c->body;
    reader_skip(in, 36);
    smb->disposition = reader_le32(in);
    uint32_t options = reader_le32(in);
    size_t offset = reader_le16(in), size = reader_le16(in);
    smb_check(c->message, &c->body, tx);
    smb->directory = options & CREATE_DIRECTORY;
    smb->delete_on_close = options & CREATE_DELETE_ON_CLOSE;
    smb->name = smb_text(&tx->memory, smb_part(c->message, offset, size), true);
    name_handle(c, related_handle, smb->name);
}

static void create_answer(struct call *c, struct tx *tx)
{
    struct smb *smb = smb_of(tx);
    struct reader *in = &c->body;
    reader_skip(in, 8);
    uint64_t created = reader_le64(in), accessed = reader_le64(in);
    uint64_t modified = reader_le64(in), changed = reader_le64(in);
    reader_skip(in, 8);
    uint64_t size = reader_le64(in);
    reader_skip(in, 8);
    uint8_t handle[SMB_HANDLE_SIZE] = { 0 };
    read_guid(in, handle);
    if (!reader_ok(in))
        return;
    smb->created = smb_time(created);
    smb->accessed = smb_time(accessed);
    smb->modified = smb_time(modified);
    smb->changed = smb_time(changed);
    smb->size = size;
    smb->has_handle = true;
    memcpy(smb->handle, handle, sizeof handle);
    name_handle(c, related_handle, smb->name);
    name_handle(c, handle, smb->name);
}

/* The file of a related operation is still written or read when its close is asked for. */
static bool is_related(const uint8_t handle[SMB_HANDLE_SIZE])
{
    return memcmp(handle, related_handle, SMB_HANDLE_SIZE) == 0;
}

static void close_request(struct call *c)
{
    uint8_t handle[SMB_HANDLE_SIZE] = { 0 };
    struct tx *tx = smb_request(c->message, SMB_PLAIN);
    reader_skip(&c->body, 8);
    read_guid(&c->body, handle);
    if (tx)
        memcpy(smb_of(tx)->handle, handle, sizeof handle);
    if (reader_ok(&c->body) && !is_related(handle))
        smb_close(c->message, handle);
}

static void close_answer(struct call *c, struct tx *tx)
{
    if (is_related(smb_of(tx)->handle))
        smb_close(c->message, related_handle);
}

static void read_request(struct call *c)
{
    const struct smb_settings *settings = smb_settings(c->message->session);
    struct smb_read read = { .message = c->message->id };
    reader_skip(&c->body, 4);
    uint32_t size = reader_le32(&c->body);
    read.offset = reader_le64(&c->body);
    read_guid(&c->body, read.handle);
    smb_check(c->message, &c->body, NULL);
    if (!reader_ok(&c->body))
        return;
    uint32_t agreed = c->message->state->max_read;
    if ((settings->max_read_size && size > settings->max_read_size) || (agreed && size > agreed))
        smb_event(c->message, NULL, SMB_READ_REQUEST_TOO_LARGE);
    smb_add_read(c->message, &read);
}

static void read_answer(struct call *c)
{
    const struct smb_settings *settings = smb_settings(c->message->session);
    struct smb_read read;
    if (c->message->status == STATUS_PENDING || !smb_take_read(c->message, &read))
        return;
    const struct smb_entry *entry = smb_handle_of(c->message, read.handle);
    if (entry && entry->transfers[TO_CLIENT].tx) {
        smb_of(entry->transfers[TO_CLIENT].tx)->has_status = true;
        smb_of(entry->transfers[TO_CLIENT].tx)->status = c->message->status;
    }
    if (c->message->status != 0 && c->message->status != SMB_STATUS_BUFFER_OVERFLOW)
        return;
    reader_skip(&c->body, 2);
    size_t offset = reader_u8(&c->body);
    reader_skip(&c->body, 1);
    uint32_t size = reader_le32(&c->body);
    smb_check(c->message, &c->body, NULL);
    uint32_t agreed = c->message->state->max_read;
    if ((settings->max_read_size && size > settings->max_read_size) || (agreed && size > agreed))
        smb_event(c->message, NULL, SMB_READ_RESPONSE_TOO_LARGE);
    if (reader_ok(&c->body))
        smb_content(c->message, read.handle, read.offset, offset, size);
}

static void write_request(struct call *c)
{
    const struct smb_settings *settings = smb_settings(c->message->session);
    uint8_t handle[SMB_HANDLE_SIZE] = { 0 };
    reader_skip(&c->body, 2);
    size_t place = reader_le16(&c->body);
    uint32_t size = reader_le32(&c->body);
    uint64_t offset = reader_le64(&c->body);
    read_guid(&c->body, handle);
    smb_check(c->message, &c->body, NULL);
    if (!reader_ok(&c->body))
        return;
    uint32_t agreed = c->message->state->max_write;
    if ((settings->max_write_size && size > settings->max_write_size) || (agreed && size > agreed))
        smb_event(c->message, NULL, SMB_WRITE_REQUEST_TOO_LARGE);
    smb_content(c->message, handle, offset, place, size);
}

static bool take_call(const struct call *c, const uint8_t handle[SMB_HANDLE_SIZE], struct bytes data)
{
    struct smb_entry *entry = smb_entry_for(c->message, handle, data);
    return entry && smb_is_pipe(c->message, entry, data) && smb_pipe(c->message, entry, data);
}

static void ioctl_request(struct call *c)
{
    uint8_t handle[SMB_HANDLE_SIZE] = { 0 };
    struct reader *in = &c->body;
    reader_skip(in, 4);
    uint32_t function = reader_le32(in);
    read_guid(in, handle);
    size_t offset = reader_le32(in), size = reader_le32(in);
    if (reader_ok(in) && function == FSCTL_PIPE_TRANSCEIVE &&
        take_call(c, handle, smb_part(c->message, offset, size)))
        return;
    struct tx *tx = smb_request(c->message, SMB_IOCTL);
    smb_check(c->message, &c->body, tx);
    if (tx)
        smb_of(tx)->function = function;
}

static void ioctl_answer(struct call *c)
{
    const struct tx *tx = smb_request_of(c->message);
    struct reader *in = &c->body;
    reader_skip(in, 32);
    size_t offset = reader_le32(in), size = reader_le32(in);
    bool good = c->message->status == 0 || c->message->status == SMB_STATUS_BUFFER_OVERFLOW;
    if (tx && reader_ok(in) && good && smb_in(tx)->call)
        (void)take_call(c, smb_in(tx)->handle, smb_part(c->message, offset, size));
}

/* Renaming and deleting (MS-FSCC 2.4.37 and 2.4.11). */
static void set_info_request(struct call *c)
{
    struct reader *in = &c->body;
    reader_skip(in, 2);
    uint8_t type = reader_u8(in), class = reader_u8(in);
    size_t size = reader_le32(in), offset = reader_le16(in);
    reader_skip(in, 6);
    uint8_t handle[SMB_HANDLE_SIZE] = { 0 };
    read_guid(in, handle);
    struct reader value = reader_of_bytes(smb_part(c->message, offset, size));
    if (!reader_ok(in) || type != INFO_FILE || (class != INFO_RENAME && class != INFO_DISPOSITION)) {
        smb_check(c->message, &c->body, NULL);
        return;
    }
    struct tx *tx = smb_request(c->message, class == INFO_RENAME ? SMB_RENAME : SMB_DISPOSITION);
    const struct smb_entry *entry = smb_handle_of(c->message, handle);
    if (!tx)
        return;
    struct smb *smb = smb_of(tx);
    smb->has_handle = true;
    memcpy(smb->handle, handle, sizeof handle);
    smb->name = arena_copy(&tx->memory, entry ? entry->name : BYTES_OF("<unknown>"));
    if (class == INFO_DISPOSITION) {
        smb->delete_on_close = reader_u8(&value) != 0;
    } else {
        reader_skip(&value, 16);
        uint32_t length = reader_le32(&value);
        smb->to = smb_text(&tx->memory, reader_bytes(&value, length), true);
        smb->info_class = "FILE_INFO";
        smb->info_level = "SMB2_FILE_RENAME_INFO";
    }
    if (!reader_ok(&value))
        smb_event(c->message, tx, SMB_MALFORMED_DATA);
}

/* ---- dispatch ---- */

struct command_row {
    void (*request)(struct call *c);
    void (*answer)(struct call *c, struct tx *tx); /* of what succeeded */
    void (*content)(struct call *c); /* an answer that carries what belongs to other transactions */
    bool silent;                     /* Suricata makes no transactions of these */
};

static const struct command_row commands[] = {
    [NEGOTIATE] = { negotiate_request, negotiate_answer },
    [SESSION_SETUP] = { setup_request, setup_answer },
    [TREE_CONNECT] = { connect_request, connect_answer },
    [CREATE] = { create_request, create_answer },
    [CLOSE] = { close_request, close_answer },
    [READ] = { read_request, .content = read_answer, .silent = true },
    [WRITE] = { write_request, .silent = true },
    [IOCTL] = { ioctl_request, .content = ioctl_answer },
    [QUERY_INFO] = { .silent = true },
    [SET_INFO] = { set_info_request },
};

static void dispatch_request(struct call *c, const struct command_row *row)
{
    if (row->request)
        row->request(c);
    else if (!row->silent)
        plain_request(c);
}

static void dispatch_answer(struct call *c, const struct command_row *row)
{
    if (row->content)
        row->content(c);
    struct tx *tx = smb_request_of(c->message);
    if (!tx)
        return;
    smb_answer(c->message, tx);
    if (c->message->status == STATUS_PENDING)
        return;
    if (smb_of(tx)->call) {
        smb_call_answered(c->message, tx);
        return;
    }
    bool good = c->message->status == 0 || c->message->command == SESSION_SETUP;
    if (row->answer && good)
        row->answer(c, tx);
    smb_of(tx)->answered = true;
    tx_finish_both(tx);
}

static bool read_head(struct smb_message *message, struct reader *in)
{
    reader_skip(in, 4);
    uint16_t size = reader_le16(in);
    reader_skip(in, 2);
    message->status = reader_le32(in);
    message->command = reader_le16(in);
    reader_skip(in, 2);
    uint32_t flags = reader_le32(in);
    reader_skip(in, 4); /* the next message */
    message->id = reader_le64(in);
    reader_skip(in, 4);
    uint32_t tree = reader_le32(in);
    message->session_id = reader_le64(in);
    reader_skip(in, 16);
    message->answer = flags & FLAG_ANSWER;
    message->asynchronous = flags & FLAG_ASYNC;
    message->tree = message->asynchronous ? 0 : tree;
    message->unicode = true;
    return reader_ok(in) && size == SMB2_HEADER;
}

size_t smb2_wanted(const struct smb_message *message)
{
    struct smb_message head = *message;
    struct reader in = reader_of_bytes(message->all);
    if (message->all.size < READ_HEAD)
        return READ_HEAD;
    bool answer = message->direction == TO_CLIENT, good = read_head(&head, &in);
    bool listing = head.command == QUERY_DIRECTORY || head.command == QUERY_INFO;
    if (good && listing && answer)
        return READ_HEAD;
    if (!good || !((head.command == READ && answer) || (head.command == WRITE && !answer)))
        return SIZE_MAX;
    const struct smb_entry *tree = smb_tree_of(&head);
    reader_skip(&in, 2);
    uint16_t place = head.command == READ ? reader_u8(&in) : reader_le16(&in);
    size_t start = head.command == READ ? READ_HEAD : WRITE_HEAD;
    return tree && tree->share_type == SMB_SHARE_PIPE ? SIZE_MAX
                                                      : MAX(start, (size_t)place) + DCERPC_HEADER_SIZE;
}

void smb2_message(struct smb_message *message)
{
    static const struct command_row plain = { NULL };
    struct reader in = reader_of_bytes(message->all);
    if (!read_head(message, &in)) {
        smb_event(message, NULL, SMB_MALFORMED_DATA);
        return;
    }
    if (message->answer != (message->direction == TO_CLIENT)) {
        smb_event(message, NULL, message->answer ? SMB_RESPONSE_TO_SERVER : SMB_REQUEST_TO_CLIENT);
        return;
    }
    struct call c = { message, in };
    const struct command_row *row = message->command < COUNT_OF(commands) ? &commands[message->command]
                                                                          : &plain;
    if (message->answer)
        dispatch_answer(&c, row);
    else
        dispatch_request(&c, row);
}
