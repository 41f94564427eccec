/* SPDX-License-Identifier: Apache-2.0 */
/* Modbus over TCP (Modbus Messaging on TCP/IP 1.0b; MODBUS Application Protocol 1.1b3). */
#include "proto/modbus.h"

#include "proto/session.h"

#define HEADER_SIZE         6U /* transaction, protocol, length */
#define LENGTH_MIN          2U /* unit and function */
#define LENGTH_MAX          254U
#define EXCEPTION_BIT       0x80U
#define COILS_READ_MAX      2000U
#define REGISTERS_READ_MAX  125U
#define COILS_WRITE_MAX     1968U
#define REGISTERS_WRITE_MAX 123U
#define REGISTERS_BOTH_MAX  121U /* written by function 23 */
#define COIL_ON             0xff00U

enum {
    READ_COILS = 1,
    READ_DISCRETES,
    READ_HOLDING,
    READ_INPUT,
    WRITE_COIL,
    WRITE_REGISTER,
    READ_EXCEPTIONS,
    DIAGNOSTIC,
    EVENT_COUNTER = 11,
    EVENT_LOG,
    WRITE_COILS = 15,
    WRITE_REGISTERS,
    REPORT_SERVER,
    READ_FILE = 20,
    WRITE_FILE,
    WRITE_MASK,
    READ_WRITE,
    READ_FIFO,
    MEI = 43,
};

enum {
    EVENT_INVALID_PROTOCOL_ID,
    EVENT_UNSOLICITED_RESPONSE,
    EVENT_INVALID_LENGTH,
    EVENT_INVALID_FUNCTION_CODE,
    EVENT_INVALID_VALUE,
    EVENT_INVALID_EXCEPTION_CODE,
    EVENT_VALUE_MISMATCH,
    EVENT_FLOODED,
};
static const char *const event_names[] = { "invalid_protocol_id",
                                           "unsolicited_response",
                                           "invalid_length",
                                           "invalid_function_code",
                                           "invalid_value",
                                           "invalid_exception_code",
                                           "value_mismatch",
                                           "flooded",
                                           NULL };

/* Faults of a message; bits in the order in which EVE lists them. */
enum { BAD_VALUE = 1, BAD_LENGTH = 2, BAD_EXCEPTION = 4, BAD_FUNCTION = 8, BAD_PROTOCOL = 16 };
static const char *const error_names[] = { "DATA_VALUE", "DATA_LENGTH", "EXC_CODE", "FUNC_CODE", "PROTO_ID" };

struct modbus_options {
    uint32_t flood; /* requests without a response that are one too many */
};
static const struct modbus_options default_options = { .flood = 500 };
static const struct field option_fields[] = {
    { .name = "request-flood",
      .type = FIELD_UINT,
      AT(struct modbus_options, flood),
      .min = 1,
      .max = UINT32_MAX,
      .help = "Requests that may wait for their responses before they are a flood" },
};

struct modbus_state {
    uint32_t waiting;          /* requests without a response */
    uint32_t skip[DIRECTIONS]; /* bytes left of a message with a length that cannot be */
    bool flooded;
};

/* ---- names ---- */

struct function {
    const char *name;
    uint8_t access;
};

#define WRITES_SINGLE   (MODBUS_WRITE | MODBUS_SINGLE)
#define WRITES_MULTIPLE (MODBUS_WRITE | MODBUS_MULTIPLE)

static const struct function functions[] = {
    [READ_COILS] = { "RdCoils", MODBUS_READ | MODBUS_COILS },
    [READ_DISCRETES] = { "RdDiscreteInputs", MODBUS_READ | MODBUS_DISCRETES },
    [READ_HOLDING] = { "RdHoldRegs", MODBUS_READ | MODBUS_HOLDING },
    [READ_INPUT] = { "RdInputRegs", MODBUS_READ | MODBUS_INPUT },
    [WRITE_COIL] = { "WrSingleCoil", WRITES_SINGLE | MODBUS_COILS },
    [WRITE_REGISTER] = { "WrSingleReg", WRITES_SINGLE | MODBUS_HOLDING },
    [READ_EXCEPTIONS] = { "RdExcStatus", 0 },
    [DIAGNOSTIC] = { "Diagnostic", 0 },
    [9] = { "Program484", 0 },
    [10] = { "Poll484", 0 },
    [EVENT_COUNTER] = { "GetCommEventCtr", 0 },
    [EVENT_LOG] = { "GetCommEventLog", 0 },
    [13] = { "ProgramController", 0 },
    [14] = { "PollController", 0 },
    [WRITE_COILS] = { "WrMultCoils", WRITES_MULTIPLE | MODBUS_COILS },
    [WRITE_REGISTERS] = { "WrMultRegs", WRITES_MULTIPLE | MODBUS_HOLDING },
    [REPORT_SERVER] = { "ReportServerID", 0 },
    [18] = { "Program884", 0 },
    [19] = { "ResetCommLink", 0 },
    [READ_FILE] = { "RdFileRec", 0 },
    [WRITE_FILE] = { "WrFileRec", 0 },
    [WRITE_MASK] = { "MaskWrReg", MODBUS_WRITE | MODBUS_HOLDING },
    [READ_WRITE] = { "RdWrMultRegs", MODBUS_READ | WRITES_MULTIPLE | MODBUS_HOLDING },
    [READ_FIFO] = { "RdFIFOQueue", 0 },
    [MEI] = { "MEI", 0 },
};

static const char *const diagnostics[] = { "RetQueryData",
                                           "RestartCommOpt",
                                           "RetDiagReg",
                                           "ChangeInputDelimiter",
                                           "ForceListenOnlyMode",
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           "ClearCtrDiagReg",
                                           "RetBusMsgCount",
                                           "RetBusCommErrCount",
                                           "RetBusExcErrCount",
                                           "RetServerMsgCount",
                                           "RetServerNoRespCount",
                                           "RetServerNAKCount",
                                           "RetServerBusyCount",
                                           "RetBusCharOverrunCount",
                                           "RetOverrunErrCount",
                                           "ClearOverrunCounterFlag",
                                           "GetClearPlusStats" };
static const char *const exceptions[] = { NULL,
                                          "IllegalFunction",
                                          "IllegalDataAddr",
                                          "IllegalDataValue",
                                          "ServerDeviceFail",
                                          "Ack",
                                          "ServerDeviceBusy",
                                          "NegAck",
                                          "MemParityErr",
                                          NULL,
                                          "GatewayPathUnavailable",
                                          "GatewayTargetFailToResp" };
#define MEI_CANOPEN   13U
#define MEI_DEVICE_ID 14U

static const char *name_of(const char *const *names, size_t count, size_t index)
{
    return index < count ? names[index] : NULL;
}

static const struct function *function_of(uint8_t code)
{
    static const struct function unknown = { NULL, 0 };
    uint8_t function = code & (uint8_t)~EXCEPTION_BIT;
    return function < COUNT_OF(functions) ? &functions[function] : &unknown;
}

/* Annex A of the application protocol; section 5 for the codes of users. */
static uint8_t category_of(uint8_t function)
{
    static const uint8_t reserved[] = { 41, 42, 90, 91, 125, 126, 127 };
    if (function == 0)
        return 0;
    for (size_t i = 0; i < COUNT_OF(reserved); i++)
        if (function == reserved[i])
            return MODBUS_RESERVED;
    if ((function >= 65 && function <= 72) || (function >= 100 && function <= 110))
        return MODBUS_USER;
    return function_of(function)->name ? MODBUS_ASSIGNED : MODBUS_UNASSIGNED;
}

/* ---- data of messages ---- */

static void check_size(struct modbus_message *message, bool good)
{
    if (!good)
        message->errors |= BAD_LENGTH;
}

static void check_value(struct modbus_message *message, bool good)
{
    if (!good)
        message->errors |= BAD_VALUE;
}

static void take_raw(struct modbus_message *message, struct reader *in)
{
    message->shape = MODBUS_RAW;
    message->data = reader_rest(in);
}

/* The data is too short for its function. */
static void take_short(struct modbus_message *message, struct reader *in)
{
    message->errors |= BAD_LENGTH;
    take_raw(message, in);
}

static void take_span(struct reader *in, struct modbus_span *span)
{
    span->address = reader_be16(in);
    span->quantity = reader_be16(in);
}

static void take_code(struct modbus_message *message, struct reader *in, enum modbus_shape shape)
{
    size_t size = shape == MODBUS_DIAGNOSTIC ? 2 : 1;
    if (reader_left(in) < size) {
        message->errors |= BAD_LENGTH;
        message->category = 0;
        (void)reader_rest(in);
        return;
    }
    message->shape = shape;
    message->code = size == 2 ? reader_be16(in) : reader_u8(in);
    message->data = reader_rest(in);
    bool known = shape == MODBUS_DIAGNOSTIC
                     ? name_of(diagnostics, COUNT_OF(diagnostics), message->code) != NULL
                     : message->code == MEI_CANOPEN || message->code == MEI_DEVICE_ID;
    message->category = known ? MODBUS_ASSIGNED : MODBUS_RESERVED;
}

/* Section 6.8: which words a diagnostic may carry. */
static void check_diagnostic(struct modbus_message *message)
{
    struct reader in = reader_of_bytes(message->data);
    uint16_t word = reader_be16(&in);
    bool free_choice = message->code == 0 || message->code == 4 || message->category == MODBUS_RESERVED;
    check_size(message, message->data.size == 2);
    if (message->data.size != 2 || free_choice)
        return;
    if (message->code == 1)
        check_value(message, word == 0 || word == COIL_ON);
    else if (message->code == 3)
        check_value(message, (word & 0xff) == 0);
    else
        check_value(message, word == 0);
}

static void take_read_request(struct modbus_message *message, struct reader *in, uint16_t most)
{
    if (reader_left(in) < 4) {
        take_short(message, in);
        return;
    }
    message->shape = MODBUS_READ_REQUEST;
    take_span(in, &message->read);
    check_value(message, message->read.quantity >= 1 && message->read.quantity <= most);
    check_size(message, reader_empty(in));
}

static void take_write_word(struct modbus_message *message, struct reader *in)
{
    if (reader_left(in) < 4) {
        take_short(message, in);
        return;
    }
    message->shape = MODBUS_WRITE_WORD;
    message->write = (struct modbus_span){ reader_be16(in), 1 };
    message->word = reader_be16(in);
    check_size(message, reader_empty(in));
}

static size_t bytes_for(bool coils, uint16_t quantity)
{
    return coils ? ((size_t)quantity + 7) / 8 : (size_t)quantity * 2;
}

/* Quantity, count and values of functions 15, 16 and 23. */
static void take_values(struct modbus_message *message, struct reader *in, bool coils, uint16_t most)
{
    take_span(in, &message->write);
    uint8_t count = reader_u8(in);
    message->data = reader_rest(in);
    check_value(message, message->write.quantity >= 1 && message->write.quantity <= most &&
                             count == bytes_for(coils, message->write.quantity));
    check_size(message, count > 0 && message->data.size == count);
}

static void take_write_many(struct modbus_message *message, struct reader *in, bool coils)
{
    if (reader_left(in) < 5) {
        take_short(message, in);
        return;
    }
    message->shape = MODBUS_WRITE_MANY;
    take_values(message, in, coils, coils ? COILS_WRITE_MAX : REGISTERS_WRITE_MAX);
}

static void take_mask(struct modbus_message *message, struct reader *in)
{
    if (reader_left(in) < 6) {
        take_short(message, in);
        return;
    }
    message->shape = MODBUS_WRITE_MASK;
    message->write = (struct modbus_span){ reader_be16(in), 1 };
    message->and_mask = reader_be16(in);
    message->or_mask = reader_be16(in);
    check_size(message, reader_empty(in));
}

static void take_read_write(struct modbus_message *message, struct reader *in)
{
    if (reader_left(in) < 9) {
        take_short(message, in);
        return;
    }
    message->shape = MODBUS_READ_WRITE;
    take_span(in, &message->read);
    check_value(message, message->read.quantity >= 1 && message->read.quantity <= REGISTERS_READ_MAX);
    take_values(message, in, false, REGISTERS_BOTH_MAX);
}

static void take_request(struct modbus_message *message, struct reader *in)
{
    switch (message->function) {
    case READ_COILS:
    case READ_DISCRETES:
        take_read_request(message, in, COILS_READ_MAX);
        break;
    case READ_HOLDING:
    case READ_INPUT:
        take_read_request(message, in, REGISTERS_READ_MAX);
        break;
    case WRITE_COIL:
        take_write_word(message, in);
        check_value(message, message->word == 0 || message->word == COIL_ON);
        break;
    case WRITE_REGISTER:
        take_write_word(message, in);
        break;
    case WRITE_COILS:
    case WRITE_REGISTERS:
        take_write_many(message, in, message->function == WRITE_COILS);
        break;
    case WRITE_MASK:
        take_mask(message, in);
        break;
    case READ_WRITE:
        take_read_write(message, in);
        break;
    case DIAGNOSTIC:
        take_code(message, in, MODBUS_DIAGNOSTIC);
        if (message->shape == MODBUS_DIAGNOSTIC)
            check_diagnostic(message);
        break;
    case MEI:
        take_code(message, in, MODBUS_MEI);
        break;
    case READ_EXCEPTIONS:
    case EVENT_COUNTER:
    case EVENT_LOG:
    case REPORT_SERVER:
        check_size(message, reader_empty(in));
        take_raw(message, in);
        break;
    case READ_FIFO:
        check_size(message, reader_left(in) == 2);
        take_raw(message, in);
        break;
    case READ_FILE:
    case WRITE_FILE:
        check_size(message, !reader_empty(in));
        take_raw(message, in);
        break;
    default:
        take_raw(message, in);
        break;
    }
}

/* Section 7. Memory parity errors (8) belong to the functions on files. */
static void take_exception(struct modbus_message *message, struct reader *in)
{
    uint8_t function = message->function & (uint8_t)~EXCEPTION_BIT;
    if (function == DIAGNOSTIC || function == MEI)
        message->category = 0; /* it depends on a code that exceptions do not carry */
    if (reader_left(in) != 1) {
        take_short(message, in);
        return;
    }
    message->shape = MODBUS_EXCEPTION;
    message->code = reader_u8(in);
    bool parity = message->code == 8 && function != READ_FILE && function != WRITE_FILE;
    if (parity || !name_of(exceptions, COUNT_OF(exceptions), message->code))
        message->errors |= BAD_EXCEPTION;
}

static void take_read_data(struct modbus_message *message, struct reader *in)
{
    if (reader_empty(in)) {
        message->errors |= BAD_LENGTH;
        return;
    }
    message->shape = MODBUS_READ_DATA;
    uint8_t count = reader_u8(in);
    message->data = reader_rest(in);
    check_value(message, message->data.size == count);
}

static void take_response(struct modbus_message *message, struct reader *in)
{
    if (message->function & EXCEPTION_BIT) {
        take_exception(message, in);
        return;
    }
    switch (message->function) {
    case READ_COILS:
    case READ_DISCRETES:
    case READ_HOLDING:
    case READ_INPUT:
    case READ_WRITE:
        take_read_data(message, in);
        break;
    case WRITE_COIL:
    case WRITE_REGISTER:
    case WRITE_COILS:
    case WRITE_REGISTERS:
        take_write_word(message, in);
        break;
    case WRITE_MASK:
        take_mask(message, in);
        break;
    case DIAGNOSTIC:
        take_code(message, in, MODBUS_DIAGNOSTIC);
        break;
    case MEI:
        take_code(message, in, MODBUS_MEI);
        break;
    case READ_EXCEPTIONS:
        check_size(message, reader_left(in) == 1);
        take_raw(message, in);
        break;
    case EVENT_COUNTER:
        check_size(message, reader_left(in) == 4);
        take_raw(message, in);
        break;
    default:
        take_raw(message, in);
        break;
    }
}

/* A response repeats what was written, and has as much data as was asked for. */
static bool fits(const struct modbus_message *request, const struct modbus_message *response)
{
    switch (response->shape) {
    case MODBUS_READ_DATA: {
        bool asked = request->shape == MODBUS_READ_REQUEST || request->shape == MODBUS_READ_WRITE;
        bool bits = response->function == READ_COILS || response->function == READ_DISCRETES;
        return asked && response->data.size == bytes_for(bits, request->read.quantity);
    }
    case MODBUS_WRITE_WORD:
        if (request->write.address != response->write.address)
            return false;
        return request->shape == MODBUS_WRITE_MANY
                   ? request->write.quantity && request->write.quantity == response->word
                   : request->shape == MODBUS_WRITE_WORD && request->word == response->word;
    case MODBUS_WRITE_MASK:
        return request->shape == MODBUS_WRITE_MASK && request->write.address == response->write.address &&
               request->and_mask == response->and_mask && request->or_mask == response->or_mask;
    default:
        return true;
    }
}

/* ---- messages ---- */

static void raise_common(struct tx *tx, const struct modbus_message *message)
{
    if (message->errors & BAD_PROTOCOL)
        tx_event(tx, EVENT_INVALID_PROTOCOL_ID);
    if (message->errors & BAD_FUNCTION)
        tx_event(tx, EVENT_INVALID_FUNCTION_CODE);
}

static void raise_request(struct tx *tx, const struct modbus_message *message)
{
    raise_common(tx, message);
    if (message->errors & BAD_VALUE)
        tx_event(tx, EVENT_INVALID_VALUE);
    if (message->errors & BAD_LENGTH)
        tx_event(tx, EVENT_INVALID_LENGTH);
}

static void raise_response(struct tx *tx, const struct modbus_message *message)
{
    raise_common(tx, message);
    bool compared = message->access && message->shape != MODBUS_EXCEPTION;
    if (message->errors & BAD_VALUE || (compared && message->errors & BAD_LENGTH))
        tx_event(tx, EVENT_VALUE_MISMATCH);
    else if (message->errors & BAD_LENGTH)
        tx_event(tx, EVENT_INVALID_LENGTH);
    if (message->errors & BAD_EXCEPTION)
        tx_event(tx, EVENT_INVALID_EXCEPTION_CODE);
}

/* Reads a message whose header and length are there. */
static void read_message(struct modbus_message *message, enum direction direction, struct bytes whole)
{
    struct reader in = reader_of_bytes(whole);
    message->present = true;
    message->transaction = reader_be16(&in);
    message->protocol = reader_be16(&in);
    uint16_t length = reader_be16(&in);
    if (length < LENGTH_MIN || length > LENGTH_MAX) {
        message->protocol = 0;
        message->errors = BAD_LENGTH;
        return;
    }
    if (message->protocol != 0)
        message->errors |= BAD_PROTOCOL;
    message->unit = reader_u8(&in);
    message->function = reader_u8(&in);
    uint8_t function = message->function & (uint8_t)~EXCEPTION_BIT;
    message->access = function_of(function)->access;
    message->category = category_of(function);
    if (direction == TO_SERVER && (function == 0 || message->function != function))
        message->errors |= BAD_FUNCTION;
    if (direction == TO_SERVER)
        take_request(message, &in);
    else
        take_response(message, &in);
}

static bool answers(const struct modbus_message *request, const struct modbus_message *response)
{
    if (!request->present || request->transaction != response->transaction ||
        request->unit != response->unit ||
        request->function != (response->function & (uint8_t)~EXCEPTION_BIT))
        return false;
    bool coded = request->shape == MODBUS_DIAGNOSTIC || request->shape == MODBUS_MEI;
    return !coded || response->shape != request->shape || response->code == request->code;
}

static struct tx *find_request(const struct session *session, const struct modbus_message *response)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next) {
        const struct modbus *modbus = (const struct modbus *)tx->record;
        if (tx->protocol == session->protocol && !modbus->response.present &&
            answers(&modbus->request, response))
            return tx;
    }
    return NULL;
}

static void keep_data(struct tx *tx, struct modbus_message *message)
{
    struct bytes kept = arena_copy(&tx->memory, message->data);
    message->data = kept.data ? kept : BYTES_NONE;
}

static void count_request(const struct session *session, struct modbus_state *state, struct tx *tx)
{
    const struct modbus_options *options = session_options(session, session->protocol);
    state->waiting++;
    if (state->flooded || state->waiting <= (options ? options : &default_options)->flood)
        return;
    state->flooded = true;
    tx_event(tx, EVENT_FLOODED);
}

static void handle_request(struct session *session, struct modbus_state *state, struct bytes whole)
{
    struct tx *tx = session_tx(session);
    if (!tx)
        return;
    struct modbus_message *request = &((struct modbus *)tx->record)->request;
    read_message(request, TO_SERVER, whole);
    keep_data(tx, request);
    raise_request(tx, request);
    count_request(session, state, tx);
    tx_finish(tx, TO_SERVER);
}

static void handle_response(struct session *session, struct modbus_state *state, struct bytes whole)
{
    struct modbus_message response = { 0 };
    read_message(&response, TO_CLIENT, whole);
    struct tx *tx = find_request(session, &response);
    bool asked = tx != NULL;
    if (!tx)
        tx = session_tx(session);
    if (!tx)
        return;
    struct modbus *modbus = (struct modbus *)tx->record;
    if (!asked)
        tx_event(tx, EVENT_UNSOLICITED_RESPONSE);
    else if (!fits(&modbus->request, &response))
        response.errors |= BAD_VALUE;
    if (asked && state->waiting)
        state->waiting--;
    state->flooded = state->flooded && state->waiting;
    modbus->response = response;
    keep_data(tx, &modbus->response);
    raise_response(tx, &response);
    tx_finish_both(tx);
}

static bool modbus_stream(struct session *session, void *state_, enum direction direction, struct reader *in,
                          unsigned flags)
{
    struct modbus_state *state = state_;
    (void)flags;
    for (;;) {
        size_t skipped = MIN((size_t)state->skip[direction], reader_left(in));
        reader_skip(in, skipped);
        state->skip[direction] -= (uint32_t)skipped;
        struct reader header = reader_of_bytes(reader_peek(in));
        reader_skip(&header, 4);
        uint16_t length = reader_be16(&header);
        bool whole = length >= LENGTH_MIN && length <= LENGTH_MAX;
        if (!reader_ok(&header) || (whole && reader_left(&header) < length))
            return true;
        struct bytes message = reader_bytes(in, HEADER_SIZE + (whole ? (size_t)length : 0));
        if (!whole)
            state->skip[direction] = length;
        if (direction == TO_SERVER)
            handle_request(session, state, message);
        else
            handle_response(session, state, message);
    }
}

static enum probe modbus_probe(enum direction direction, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    reader_skip(&in, 2);
    uint16_t protocol = reader_be16(&in);
    uint16_t length = reader_be16(&in);
    reader_skip(&in, 1);
    uint8_t function = reader_u8(&in);
    if (!reader_ok(&in))
        return PROBE_MORE;
    bool exception = direction == TO_CLIENT && length == 3 && function & EXCEPTION_BIT;
    if (protocol != 0 || length < LENGTH_MIN || length > LENGTH_MAX || function == 0 ||
        (function & EXCEPTION_BIT && !exception))
        return PROBE_NO;
    return PROBE_YES;
}

/* ---- the record ---- */

static void put_names(struct text *out, const char *key, const char *const *names, size_t count,
                      unsigned bits)
{
    bool first = true;
    json_key(out, key);
    text_char(out, '"');
    for (size_t i = 0; i < count; i++) {
        if (!(bits & 1U << i))
            continue;
        if (!first)
            text_string(out, " | ");
        text_string(out, names[i]);
        first = false;
    }
    text_string(out, first ? "NONE\"," : "\",");
}

static void put_access(struct text *out, uint8_t access)
{
    static const char *const names[] = { "READ",    "WRITE",  "DISCRETES", "COILS",        "INPUT",
                                         "HOLDING", "SINGLE", "MULTIPLE",  "WRITE_SINGLE", "WRITE_MULTIPLE" };
    unsigned bits = access;
    if (access & MODBUS_SINGLE)
        bits |= 1U << 8;
    if (access & MODBUS_MULTIPLE)
        bits |= 1U << 9;
    put_names(out, "access_type", names, COUNT_OF(names), bits);
}

static void put_code(struct text *out, const char *key, uint16_t code, const char *name, const char *other)
{
    json_open(out, key, '{');
    json_uint(out, "raw", code);
    json_cstring(out, "code", name ? name : other);
}

static void put_span(struct text *out, const char *key, const struct modbus_span *span)
{
    json_open(out, key, '{');
    json_uint(out, "address", span->address);
    json_uint(out, "quantity", span->quantity);
}

static void put_data(struct text *out, const struct modbus_message *message)
{
    switch (message->shape) {
    case MODBUS_EMPTY:
        break;
    case MODBUS_RAW:
        json_string(out, "data", message->data);
        break;
    case MODBUS_READ_DATA:
        json_open(out, "read", '{');
        json_string(out, "data", message->data);
        json_close(out, '}');
        break;
    case MODBUS_READ_REQUEST:
        put_span(out, "read", &message->read);
        json_close(out, '}');
        break;
    case MODBUS_WRITE_WORD:
        json_open(out, "write", '{');
        json_uint(out, "address", message->write.address);
        json_uint(out, "data", message->word);
        json_close(out, '}');
        break;
    case MODBUS_WRITE_MASK:
        json_open(out, "write", '{');
        json_uint(out, "address", message->write.address);
        json_uint(out, "and_mask", message->and_mask);
        json_uint(out, "or_mask", message->or_mask);
        json_close(out, '}');
        break;
    case MODBUS_READ_WRITE:
        put_span(out, "read", &message->read);
        json_close(out, '}');
        put_span(out, "write", &message->write);
        json_string(out, "data", message->data);
        json_close(out, '}');
        break;
    case MODBUS_WRITE_MANY:
        put_span(out, "write", &message->write);
        json_string(out, "data", message->data);
        json_close(out, '}');
        break;
    case MODBUS_DIAGNOSTIC:
        put_code(out, "diagnostic", message->code, name_of(diagnostics, COUNT_OF(diagnostics), message->code),
                 "Reserved");
        json_string(out, "data", message->data);
        json_close(out, '}');
        break;
    case MODBUS_MEI:
        put_code(out, "mei", message->code,
                 message->code == MEI_CANOPEN     ? "CANOpenGenRefReqResp"
                 : message->code == MEI_DEVICE_ID ? "RdDevId"
                                                  : NULL,
                 "Unknown");
        json_string(out, "data", message->data);
        json_close(out, '}');
        break;
    case MODBUS_EXCEPTION:
        put_code(out, "exception", message->code, name_of(exceptions, COUNT_OF(exceptions), message->code),
                 "Unknown");
        json_close(out, '}');
        break;
    }
}

static void put_message(struct text *out, const char *key, const struct modbus_message *message)
{
    static const char *const categories[] = { "PUBLIC_ASSIGNED", "PUBLIC_UNASSIGNED", "USER_DEFINED",
                                              "RESERVED" };
    if (!message->present)
        return;
    const char *name = function_of(message->function)->name;
    json_open(out, key, '{');
    json_uint(out, "transaction_id", message->transaction);
    json_uint(out, "protocol_id", message->protocol);
    json_uint(out, "unit_id", message->unit);
    json_uint(out, "function_raw", message->function);
    json_cstring(out, "function_code", name ? name : "Unknown");
    put_access(out, message->access);
    put_names(out, "category", categories, COUNT_OF(categories), message->category);
    put_names(out, "error_flags", error_names, COUNT_OF(error_names), message->errors);
    put_data(out, message);
    json_close(out, '}');
}

static void modbus_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct modbus *modbus = (const void *)tx->record;
    (void)extended;
    json_uint(out, "id", tx->number + 1);
    put_message(out, "request", &modbus->request);
    put_message(out, "response", &modbus->response);
}

const struct protocol modbus_protocol = {
    .id = PROTOCOL_modbus,
    .name = "modbus",
    .title = "Modbus/TCP",
    .eve_type = "modbus",
    .transports = TRANSPORT_TCP,
    .ports = "502",
    .probe = modbus_probe,
    .probe_usual_port_only = true,
    .probe_depth = HEADER_SIZE + 2,
    .state_size = sizeof(struct modbus_state),
    .record_size = sizeof(struct modbus),
    .tx_memory_max = 4096,
    .buffer_max = HEADER_SIZE + LENGTH_MAX,
    .tx_max = 1024,
    .stream = modbus_stream,
    .write = modbus_write,
    .events = event_names,
    .settings = option_fields,
    .setting_count = COUNT_OF(option_fields),
    .settings_size = sizeof(struct modbus_options),
    .settings_default = &default_options,
    .whole_stream = true,
};
