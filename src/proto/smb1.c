/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of SMB 1 (MS-CIFS 2.2.4). A message is one command, or a chain of them ("AndX"); each has words
 * and bytes with their own counts. Offsets in messages count from the header. */
#include "proto/smb.h"

#define CHAIN_MAX 8U

enum command {
    READ = 0x0a,
    WRITE = 0x0b,
    OPEN = 0x02,
    CLOSE = 0x04,
    RENAME = 0x07,
    LOCKING_ANDX = 0x24,
    TRANSACTION = 0x25,
    WRITE_AND_CLOSE = 0x2c,
    OPEN_ANDX = 0x2d,
    READ_ANDX = 0x2e,
    WRITE_ANDX = 0x2f,
    TRANSACTION2 = 0x32,
    NEGOTIATE = 0x72,
    SESSION_SETUP_ANDX = 0x73,
    LOGOFF_ANDX = 0x74,
    TREE_CONNECT_ANDX = 0x75,
    NT_CREATE_ANDX = 0xa2,
    NO_ANDX = 0xff,
};

enum { FLAG_ANSWER = 0x80, FLAG2_NT_STATUS = 0x4000, FLAG2_UNICODE = 0x8000 };
#define CAP_EXTENDED_SECURITY 0x80000000U
enum { CREATE_DIRECTORY = 1, CREATE_DELETE_ON_CLOSE = 0x1000 };
enum { SET_PATH_INFORMATION = 6, SET_FILE_INFORMATION = 8 };
/* Levels of information, also those that pass through to MS-FSCC (MS-SMB 2.2.2.3.5). */
enum { LEVEL_DISPOSITION = 0x102, LEVEL_PASS_RENAME = 1010, LEVEL_PASS_DISPOSITION = 1013 };

struct call {
    struct smb_message *message;
    uint8_t words;
    struct reader parameters, data;
    size_t data_end; /* of the data in the message */
};

/* Texts of two-byte characters start at even places of the message. */
static void align(struct call *c)
{
    size_t at = c->data_end - reader_left(&c->data);
    if (c->message->unicode && at % 2 && reader_left(&c->data))
        reader_skip(&c->data, 1);
}

/* The text up to its end, in the coding that the header says. */
static struct bytes take_text(struct call *c, struct arena *memory)
{
    struct bytes rest = reader_peek(&c->data);
    size_t step = c->message->unicode ? 2 : 1, size = 0;
    while (size + step <= rest.size && (rest.data[size] || rest.data[size + step - 1]))
        size += step;
    reader_skip(&c->data, MIN(size + step, rest.size));
    return smb_text(memory, bytes_first(rest, size), c->message->unicode);
}

static struct bytes take_ascii(struct call *c, struct arena *memory)
{
    struct bytes rest = reader_peek(&c->data);
    size_t end = bytes_find_byte(rest, 0);
    size_t size = end == SIZE_MAX ? rest.size : end;
    reader_skip(&c->data, MIN(size + 1, rest.size));
    return smb_text(memory, bytes_first(rest, size), false);
}

static void put_handle(uint16_t number, uint8_t handle[SMB_HANDLE_SIZE])
{
    memset(handle, 0, SMB_HANDLE_SIZE);
    handle[0] = (uint8_t)(number >> 8);
    handle[1] = (uint8_t)number;
}

/* ---- negotiation and logon ---- */

static void negotiate_request(struct call *c)
{
    struct smb_state *state = c->message->state;
    struct tx *tx = smb_request(c->message, SMB_NEGOTIATE);
    if (!tx)
        return;
    struct smb *smb = smb_of(tx);
    if (state->dialect1[0])
        smb_event(c->message, tx, SMB_DUPLICATE_NEGOTIATE);
    smb->session_id = smb->tree = 0;
    state->offered_count = 0;
    smb->dialects = ARENA_ARRAY(&tx->memory, struct bytes, SMB_DIALECTS_MAX);
    while (smb->dialects && !reader_empty(&c->data) && smb->dialect_count < SMB_DIALECTS_MAX) {
        bool good = reader_u8(&c->data) == 2; /* "buffer format" of a dialect */
        struct bytes name = reader_until(&c->data, '\0');
        if (!good || !reader_ok(&c->data)) {
            smb_event(c->message, tx, SMB_NEGOTIATE_MALFORMED_DIALECTS);
            break;
        }
        smb->dialects[smb->dialect_count++] = arena_copy(&tx->memory, name);
        struct text kept = text_of(state->offered[state->offered_count], sizeof state->offered[0]);
        text_put(&kept, bytes_first(name, sizeof state->offered[0] - 1));
        state->offered[state->offered_count++][kept.size] = '\0';
    }
}

static void negotiate_answer(struct call *c, struct tx *tx)
{
    struct smb_state *state = c->message->state;
    struct smb *smb = smb_of(tx);
    smb->session_id = smb->tree = 0; /* there is none yet */
    uint16_t index = reader_le16(&c->parameters);
    if (reader_ok(&c->parameters) && index < state->offered_count) {
        memcpy(state->dialect1, state->offered[index], sizeof state->dialect1);
        smb->dialect_name = arena_copy(&tx->memory, bytes_of_string(state->dialect1));
    }
    if (c->words != 17)
        return;
    reader_skip(&c->parameters, 17);
    uint32_t capabilities = reader_le32(&c->parameters);
    struct bytes guid = bytes_first(reader_peek(&c->data), 16);
    if (!(capabilities & CAP_EXTENDED_SECURITY) || guid.size < 16)
        return;
    memcpy(smb->server_guid, guid.data, sizeof smb->server_guid);
    smb->has_server_guid = true;
}

static void take_natives(struct call *c, struct tx *tx)
{
    enum direction way = c->message->direction;
    struct smb *smb = smb_of(tx);
    align(c);
    smb->native_os[way] = take_text(c, &tx->memory);
    smb->native_lm[way] = take_text(c, &tx->memory);
}

static void setup_request(struct call *c)
{
    struct tx *tx = smb_request(c->message, SMB_SESSION_SETUP);
    if (!tx)
        return;
    if (c->words == 12) { /* with a security token (MS-SMB 2.2.4.6.1) */
        reader_skip(&c->parameters, 14);
        uint16_t size = reader_le16(&c->parameters);
        smb_token(tx, reader_bytes(&c->data, size));
    } else if (c->words == 13) {
        reader_skip(&c->parameters, 14);
        size_t passwords = (size_t)reader_le16(&c->parameters) + reader_le16(&c->parameters);
        reader_skip(&c->data, passwords);
        align(c);
        (void)take_text(c, &tx->memory); /* account */
        (void)take_text(c, &tx->memory); /* domain */
    } else {
        return;
    }
    take_natives(c, tx);
}

static void setup_answer(struct call *c, struct tx *tx)
{
    reader_skip(&c->parameters, 6);
    if (c->words == 4) {
        uint16_t size = reader_le16(&c->parameters);
        smb_token(tx, reader_bytes(&c->data, size));
    }
    if (c->words == 3 || c->words == 4)
        take_natives(c, tx);
}

/* ---- shares ---- */

/* As Suricata has it: a path without its first backslash. */
static struct bytes without_slash(struct bytes path)
{
    return path.size && path.data[0] == '\\' ? bytes_from(path, 1) : path;
}

static void connect_request(struct call *c)
{
    struct tx *tx = smb_request(c->message, SMB_TREE_CONNECT);
    reader_skip(&c->parameters, 6);
    uint16_t password = reader_le16(&c->parameters);
    smb_check(c->message, &c->parameters, tx);
    if (!tx)
        return;
    struct smb *smb = smb_of(tx);
    reader_skip(&c->data, password);
    align(c);
    smb->share = without_slash(take_text(c, &tx->memory));
    smb->service[TO_SERVER] = take_ascii(c, &tx->memory);
}

static void connect_answer(struct call *c, struct tx *tx)
{
    struct smb *smb = smb_of(tx);
    struct bytes service = take_ascii(c, &tx->memory);
    smb->service[TO_CLIENT] = service;
    smb->share_type = bytes_is(service, "IPC")     ? SMB_SHARE_PIPE
                      : bytes_is(service, "LPT1:") ? SMB_SHARE_PRINT
                                                   : SMB_SHARE_DISK;
    (void)smb_add_tree(c->message, smb->share_type, smb->share);
}

/* ---- files ---- */

static void create_request(struct call *c)
{
    struct tx *tx = smb_request(c->message, SMB_CREATE);
    if (!tx)
        return;
    struct smb *smb = smb_of(tx);
    reader_skip(&c->parameters, 35);
    smb->disposition = reader_le32(&c->parameters);
    uint32_t options = reader_le32(&c->parameters);
    smb_check(c->message, &c->parameters, tx);
    smb->directory = options & CREATE_DIRECTORY;
    smb->delete_on_close = options & CREATE_DELETE_ON_CLOSE;
    align(c);
    smb->name = take_text(c, &tx->memory);
}

static void create_answer(struct call *c, struct tx *tx)
{
    struct smb *smb = smb_of(tx);
    struct reader *in = &c->parameters;
    reader_skip(in, 5);
    uint16_t number = reader_le16(in);
    reader_skip(in, 4);
    uint64_t created = reader_le64(in), accessed = reader_le64(in);
    uint64_t modified = reader_le64(in), changed = reader_le64(in);
    reader_skip(in, 4);
    uint64_t size = reader_le64(in);
    if (!reader_ok(in))
        return;
    smb->created = smb_time(created);
    smb->accessed = smb_time(accessed);
    smb->modified = smb_time(modified);
    smb->changed = smb_time(changed);
    smb->size = size;
    smb->has_handle = true;
    put_handle(number, smb->handle);
    struct smb_entry *entry = smb_add_handle(c->message, smb->handle);
    if (entry)
        smb_entry_name(c->message->session, entry, smb->name);
}

/* OPEN_ANDX and OPEN: the name, for what is read and written (sections 2.2.4.41 and 2.2.4.3). */
static void open_request(struct call *c)
{
    struct tx *tx = smb_request(c->message, SMB_PLAIN);
    if (c->message->command == OPEN)
        reader_skip(&c->data, 1); /* buffer format */
    align(c);
    if (tx)
        smb_of(tx)->name = take_text(c, &tx->memory);
}

static void open_answer(struct call *c, struct tx *tx)
{
    uint8_t handle[SMB_HANDLE_SIZE];
    if (c->message->command == OPEN_ANDX)
        reader_skip(&c->parameters, 4);
    put_handle(reader_le16(&c->parameters), handle);
    struct smb_entry *entry = reader_ok(&c->parameters) ? smb_add_handle(c->message, handle) : NULL;
    if (entry)
        smb_entry_name(c->message->session, entry, smb_in(tx)->name);
}

static void close_request(struct call *c)
{
    (void)smb_request(c->message, SMB_PLAIN);
    uint8_t handle[SMB_HANDLE_SIZE];
    put_handle(reader_le16(&c->parameters), handle);
    if (reader_ok(&c->parameters))
        smb_close(c->message, handle);
}

static void remember_read(struct call *c, uint16_t number, uint64_t offset)
{
    struct smb_read read = { .message = c->message->id, .offset = offset };
    put_handle(number, read.handle);
    smb_check(c->message, &c->parameters, NULL);
    if (reader_ok(&c->parameters))
        smb_add_read(c->message, &read);
}

static void read_request(struct call *c)
{
    uint16_t number = reader_le16(&c->parameters);
    reader_skip(&c->parameters, 2);
    remember_read(c, number, reader_le32(&c->parameters));
}

static void read_andx_request(struct call *c)
{
    struct reader *in = &c->parameters;
    reader_skip(in, 4);
    uint16_t number = reader_le16(in);
    uint64_t offset = reader_le32(in);
    reader_skip(in, 10);
    if (c->words == 12)
        offset |= (uint64_t)reader_le32(in) << 32;
    remember_read(c, number, offset);
}

static void give_read(struct call *c, size_t place, uint32_t size)
{
    struct smb_read read;
    bool good = c->message->status == 0 || c->message->status == SMB_STATUS_BUFFER_OVERFLOW;
    smb_check(c->message, &c->parameters, NULL);
    if (smb_take_read(c->message, &read) && good && reader_ok(&c->parameters))
        smb_content(c->message, read.handle, read.offset, place, size);
}

/* Behind the count of the words, the words, the count of bytes, a format and a count. */
#define OLD_CONTENT(words) (SMB1_HEADER + 1U + 2U * (words) + 2U + 3U)

static void read_answer(struct call *c)
{
    uint16_t size = reader_le16(&c->parameters);
    give_read(c, OLD_CONTENT(c->words), size);
}

static void read_andx_answer(struct call *c)
{
    struct reader *in = &c->parameters;
    reader_skip(in, 10);
    uint32_t size = reader_le16(in);
    size_t place = reader_le16(in);
    size |= (uint32_t)reader_le16(in) << 16;
    give_read(c, place, size);
}

static void write_content(struct call *c, uint16_t number, uint64_t offset, size_t place, uint32_t size)
{
    uint8_t handle[SMB_HANDLE_SIZE];
    put_handle(number, handle);
    smb_check(c->message, &c->parameters, NULL);
    if (reader_ok(&c->parameters))
        smb_content(c->message, handle, offset, place, size);
}

static void write_request(struct call *c)
{
    uint16_t number = reader_le16(&c->parameters), size = reader_le16(&c->parameters);
    uint32_t offset = reader_le32(&c->parameters);
    write_content(c, number, offset, OLD_CONTENT(c->words), size);
}

static void write_andx_request(struct call *c)
{
    struct reader *in = &c->parameters;
    reader_skip(in, 4);
    uint16_t number = reader_le16(in);
    uint64_t offset = reader_le32(in);
    reader_skip(in, 8);
    uint32_t size = (uint32_t)reader_le16(in) << 16;
    size |= reader_le16(in);
    size_t place = reader_le16(in);
    if (c->words == 14)
        offset |= (uint64_t)reader_le32(in) << 32;
    write_content(c, number, offset, place, size);
}

/* One byte of padding before the content (section 2.2.4.40.1). */
static void write_close_request(struct call *c)
{
    uint16_t number = reader_le16(&c->parameters), size = reader_le16(&c->parameters);
    uint32_t offset = reader_le32(&c->parameters);
    write_content(c, number, offset, SMB1_HEADER + 1U + 2U * c->words + 2U + 1U, size);
    uint8_t handle[SMB_HANDLE_SIZE];
    put_handle(number, handle);
    if (reader_ok(&c->parameters))
        smb_close(c->message, handle);
}

static void rename_request(struct call *c)
{
    struct tx *tx = smb_request(c->message, SMB_RENAME);
    if (!tx)
        return;
    struct smb *smb = smb_of(tx);
    reader_skip(&c->data, 1); /* buffer format */
    align(c);
    smb->name = take_text(c, &tx->memory);
    reader_skip(&c->data, 1);
    align(c);
    smb->to = take_text(c, &tx->memory);
    if (!reader_ok(&c->data))
        smb_event(c->message, tx, SMB_MALFORMED_DATA);
}

/* What is set about a file: its name, or that it is to be deleted. */
static void set_information(struct call *c, const char *class, bool by_name, struct bytes parameters,
                            struct bytes data)
{
    struct reader in = reader_of_bytes(parameters), value = reader_of_bytes(data);
    uint16_t number = by_name ? 0 : reader_le16(&in), level = reader_le16(&in);
    bool deletes = level == LEVEL_DISPOSITION || level == LEVEL_PASS_DISPOSITION;
    if (!reader_ok(&in) || (!deletes && level != LEVEL_PASS_RENAME))
        return;
    struct tx *tx = smb_request(c->message, deletes ? SMB_DISPOSITION : SMB_RENAME);
    if (!tx)
        return;
    struct smb *smb = smb_of(tx);
    smb->info_class = class;
    if (by_name) {
        reader_skip(&in, 4);
        smb->name = smb_text(&tx->memory, reader_peek(&in), c->message->unicode);
    } else {
        put_handle(number, smb->handle);
        smb->has_handle = true;
        const struct smb_entry *entry = smb_handle_of(c->message, smb->handle);
        smb->name = arena_copy(&tx->memory, entry ? entry->name : BYTES_OF("<unknown>"));
    }
    if (deletes) {
        smb->info_level = "Set Disposition Information";
        smb->delete_on_close = reader_u8(&value) != 0;
    } else {
        smb->info_level = "Set Rename Information";
        reader_skip(&value, 8);
        uint32_t size = reader_le32(&value);
        smb->to = smb_text(&tx->memory, reader_bytes(&value, size), true);
    }
    if (!reader_ok(&value))
        smb_event(c->message, tx, SMB_MALFORMED_DATA);
}

static void transaction2_request(struct call *c)
{
    struct reader *in = &c->parameters;
    reader_skip(in, 18);
    size_t parameter_size = reader_le16(in), parameter_at = reader_le16(in);
    size_t data_size = reader_le16(in), data_at = reader_le16(in);
    uint8_t setup_count = reader_u8(in);
    reader_skip(in, 1);
    uint16_t function = reader_le16(in);
    smb_check(c->message, &c->parameters, NULL);
    if (!reader_ok(in) || !setup_count)
        return;
    struct bytes parameters = smb_part(c->message, parameter_at, parameter_size);
    struct bytes data = smb_part(c->message, data_at, data_size);
    if (function == SET_FILE_INFORMATION)
        set_information(c, "SET_FILE_INFO", false, parameters, data);
    else if (function == SET_PATH_INFORMATION)
        set_information(c, "SET_PATH_INFO", true, parameters, data);
}

/* ---- pipes ---- */

static void take_call(const struct call *c, const uint8_t handle[SMB_HANDLE_SIZE], struct bytes data)
{
    struct smb_entry *entry = smb_entry_for(c->message, handle, data);
    if (entry)
        (void)smb_pipe(c->message, entry, data);
}

/* A call, written to a pipe and read from it in one exchange (MS-CIFS 2.2.5.6). */
static void transaction_request(struct call *c)
{
    enum { TRANSACT_PIPE = 0x26 };
    struct reader *in = &c->parameters;
    reader_skip(in, 22);
    size_t size = reader_le16(in), place = reader_le16(in);
    uint8_t setup_count = reader_u8(in);
    reader_skip(in, 1);
    smb_check(c->message, &c->parameters, NULL);
    uint16_t function = reader_le16(in), number = reader_le16(in);
    if (!reader_ok(in) || setup_count < 2 || function != TRANSACT_PIPE)
        return;
    uint8_t handle[SMB_HANDLE_SIZE];
    put_handle(number, handle);
    take_call(c, handle, smb_part(c->message, place, size));
}

static void transaction_answer(struct call *c)
{
    const struct tx *tx = smb_request_of(c->message);
    struct reader *in = &c->parameters;
    reader_skip(in, 12);
    size_t size = reader_le16(in), place = reader_le16(in);
    bool good = c->message->status == 0 || c->message->status == SMB_STATUS_BUFFER_OVERFLOW;
    if (tx && smb_in(tx)->call && reader_ok(in) && good)
        take_call(c, smb_in(tx)->handle, smb_part(c->message, place, size));
}

/* ---- dispatch ---- */

struct command_row {
    void (*request)(struct call *c);
    void (*answer)(struct call *c, struct tx *tx); /* of what succeeded */
    void (*content)(struct call *c); /* an answer that carries what belongs to other transactions */
    bool chained;
};

static const struct command_row commands[256] = {
    [OPEN] = { open_request, open_answer },
    [CLOSE] = { close_request },
    [RENAME] = { rename_request },
    [READ] = { read_request, .content = read_answer },
    [WRITE] = { write_request },
    [LOCKING_ANDX] = { .chained = true },
    [TRANSACTION] = { transaction_request, .content = transaction_answer },
    [WRITE_AND_CLOSE] = { write_close_request },
    [OPEN_ANDX] = { open_request, open_answer, .chained = true },
    [READ_ANDX] = { read_andx_request, .content = read_andx_answer, .chained = true },
    [WRITE_ANDX] = { write_andx_request, .chained = true },
    [TRANSACTION2] = { transaction2_request },
    [NEGOTIATE] = { negotiate_request, negotiate_answer },
    [SESSION_SETUP_ANDX] = { setup_request, setup_answer, .chained = true },
    [LOGOFF_ANDX] = { .chained = true },
    [TREE_CONNECT_ANDX] = { connect_request, connect_answer, .chained = true },
    [NT_CREATE_ANDX] = { create_request, create_answer, .chained = true },
};

static void dispatch(struct call *c, const struct command_row *row)
{
    if (!c->message->answer) {
        if (row->request)
            row->request(c);
        else
            (void)smb_request(c->message, SMB_PLAIN);
        return;
    }
    if (row->content)
        row->content(c);
    struct tx *tx = smb_request_of(c->message);
    if (!tx)
        return;
    smb_answer(c->message, tx);
    if (smb_of(tx)->call) {
        smb_call_answered(c->message, tx);
        return;
    }
    bool good = c->message->status == 0 || c->message->command == SESSION_SETUP_ANDX;
    if (row->answer && good)
        row->answer(c, tx);
    smb_of(tx)->answered = true;
    tx_finish_both(tx);
}

/* The command at `at` of the message; returns where the next one of the chain is, 0 for none. */
static size_t take_command(struct smb_message *message, size_t at)
{
    struct reader in = reader_of_bytes(bytes_from(message->all, at));
    struct call c = { .message = message, .words = reader_u8(&in) };
    c.parameters = reader_sub(&in, (size_t)c.words * 2);
    uint16_t count = reader_le16(&in);
    struct bytes data = bytes_first(reader_peek(&in), count);
    c.data = reader_of_bytes(data);
    c.data_end = at + 1 + (size_t)c.words * 2 + 2 + data.size;
    const struct command_row *row = &commands[message->command];
    struct reader chain = c.parameters;
    uint8_t next = reader_u8(&chain);
    reader_skip(&chain, 1);
    uint16_t next_at = reader_le16(&chain);
    dispatch(&c, row);
    if (!row->chained || !reader_ok(&chain) || next == NO_ANDX || next_at <= at)
        return 0;
    message->command = next;
    return next_at;
}

static bool read_head(struct smb_message *message, struct reader *in)
{
    reader_skip(in, 4);
    message->command = reader_u8(in);
    uint32_t status = reader_le32(in);
    uint8_t flags = reader_u8(in);
    uint16_t flags2 = reader_le16(in);
    reader_skip(in, 12);
    message->tree = reader_le16(in);
    uint16_t process = reader_le16(in);
    message->session_id = reader_le16(in);
    message->id = (uint64_t)process << 16 | reader_le16(in);
    message->answer = flags & FLAG_ANSWER;
    message->unicode = flags2 & FLAG2_UNICODE;
    message->dos_status = !(flags2 & FLAG2_NT_STATUS);
    message->status = message->dos_status ? (status & 0xff) << 16 | status >> 16 : status;
    return reader_ok(in);
}

size_t smb1_wanted(const struct smb_message *message)
{
    enum { DATA_AT_ANSWER = 12, DATA_AT_REQUEST = 22 }; /* places in the words */
    struct smb_message head = *message;
    struct reader in = reader_of_bytes(message->all);
    if (!read_head(&head, &in) || reader_empty(&in))
        return SMB1_HEADER + 1;
    bool answer = message->direction == TO_CLIENT;
    size_t words = reader_u8(&in), start = SMB1_HEADER + 1 + 2 * words + 2;
    bool old = (head.command == WRITE && !answer) || (head.command == READ && answer);
    bool reads = head.command == READ_ANDX && answer, writes = head.command == WRITE_ANDX && !answer;
    const struct smb_entry *tree = smb_tree_of(&head);
    if ((!old && !reads && !writes) || (tree && tree->share_type == SMB_SHARE_PIPE))
        return SIZE_MAX;
    struct reader parameters = reader_sub(&in, words * 2);
    if (!reader_ok(&parameters))
        return start;
    reader_skip(&parameters, reads ? DATA_AT_ANSWER : DATA_AT_REQUEST);
    uint16_t place = old ? 0 : reader_le16(&parameters);
    return MAX(start + 3, (size_t)place) + DCERPC_HEADER_SIZE;
}

void smb1_message(struct smb_message *message)
{
    struct reader in = reader_of_bytes(message->all);
    if (!read_head(message, &in)) {
        smb_event(message, NULL, SMB_MALFORMED_DATA);
        return;
    }
    size_t at = SMB1_HEADER;
    for (unsigned i = 0; i < CHAIN_MAX && at && at < message->all.size; i++)
        at = take_command(message, at);
}
