/* SPDX-License-Identifier: Apache-2.0 */
/* LDAP over TCP and UDP (RFC 4511; CLDAP: RFC 1798). A transaction is a request with its responses.
 *
 * Messages are kept as they came and decoded when a record or a rule asks for a part. */
#include "proto/session.h"

#define MESSAGE_MAX   (256U * 1024U)
#define RESPONSES_MAX 255U

enum ldap_event {
    EVENT_TOO_MANY_TRANSACTIONS,
    EVENT_INVALID_DATA,
    EVENT_REQUEST_NOT_FOUND,
    EVENT_INCOMPLETE_DATA,
    EVENT_TOO_MANY_RESPONSES
};
static const char *const event_names[] = { "too_many_transactions", "invalid_data",       "request_not_found",
                                           "incomplete_data",       "too_many_responses", NULL };

enum { FRAME_PDU };
static const char *const frame_names[] = { "pdu", NULL };

/* Application tags of protocolOp (section 4.2 and following). */
enum ldap_operation {
    BIND_REQUEST,
    BIND_RESPONSE,
    UNBIND_REQUEST,
    SEARCH_REQUEST,
    SEARCH_RESULT_ENTRY,
    SEARCH_RESULT_DONE,
    MODIFY_REQUEST,
    MODIFY_RESPONSE,
    ADD_REQUEST,
    ADD_RESPONSE,
    DEL_REQUEST,
    DEL_RESPONSE,
    MOD_DN_REQUEST,
    MOD_DN_RESPONSE,
    COMPARE_REQUEST,
    COMPARE_RESPONSE,
    ABANDON_REQUEST,
    SEARCH_RESULT_REFERENCE = 19,
    EXTENDED_REQUEST = 23,
    EXTENDED_RESPONSE,
    INTERMEDIATE_RESPONSE,
};

/* Of the choices of Filter (section 4.5.1), the one that is told. */
enum { FILTER_PRESENT = 0x87 };

static const char *const operation_names[] = {
    "bind_request",
    "bind_response",
    "unbind_request",
    "search_request",
    "search_result_entry",
    "search_result_done",
    "modify_request",
    "modify_response",
    "add_request",
    "add_response",
    "del_request",
    "del_response",
    "mod_dn_request",
    "mod_dn_response",
    "compare_request",
    "compare_response",
    "abandon_request",
    "",
    "",
    "search_result_reference",
    "",
    "",
    "",
    "extended_request",
    "extended_response",
    "intermediate_response",
    NULL,
};
#define REQUESTS                                                                               \
    (1U << BIND_REQUEST | 1U << UNBIND_REQUEST | 1U << SEARCH_REQUEST | 1U << MODIFY_REQUEST | \
     1U << ADD_REQUEST | 1U << DEL_REQUEST | 1U << MOD_DN_REQUEST | 1U << COMPARE_REQUEST |    \
     1U << ABANDON_REQUEST | 1U << EXTENDED_REQUEST)

/* Section 4.1.9 and appendix A; "" where no code is assigned. */
static const char *const result_names[] = {
    "success",
    "operations_error",
    "protocol_error",
    "time_limit_exceeded",
    "size_limit_exceeded",
    "compare_false",
    "compare_true",
    "auth_method_not_supported",
    "stronger_auth_required",
    "",
    "referral",
    "admin_limit_exceeded",
    "unavailable_critical_extension",
    "confidentiality_required",
    "sasl_bind_in_progress",
    "",
    "no_such_attribute",
    "undefined_attribute_type",
    "inappropriate_matching",
    "constraint_violation",
    "attribute_or_value_exists",
    "invalid_attribute_syntax",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "no_such_object",
    "alias_problem",
    "invalid_dn_syntax",
    "",
    "alias_dereferencing_problem",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "inappropriate_authentication",
    "invalid_credentials",
    "insufficient_access_rights",
    "busy",
    "unavailable",
    "unwilling_to_perform",
    "loop_detect",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "naming_violation",
    "object_class_violation",
    "not_allowed_on_non_leaf",
    "not_allowed_on_rdn",
    "entry_already_exists",
    "object_class_mods_prohibited",
    "",
    "affects_multiple_dsas",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "other",
    NULL,
};

/* Codes of clients' libraries and of extensions (IANA LDAP parameters), and another spelling of 34. */
static const struct named_value further_results[] = {
    { "is_leaf", 35 },
    { "sort_control_missing", 60 },
    { "offset_range_error", 61 },
    { "results_too_large", 70 },
    { "control_error", 76 },
    { "server_down", 81 },
    { "local_error", 82 },
    { "encoding_error", 83 },
    { "decoding_error", 84 },
    { "timeout", 85 },
    { "auth_unknown", 86 },
    { "filter_error", 87 },
    { "user_canceled", 88 },
    { "param_error", 89 },
    { "no_memory", 90 },
    { "connect_error", 91 },
    { "not_supported", 92 },
    { "control_not_found", 93 },
    { "no_results_returned", 94 },
    { "more_results_to_return", 95 },
    { "client_loop", 96 },
    { "referral_limit_exceeded", 97 },
    { "invalid_response", 100 },
    { "ambiguous_response", 101 },
    { "tls_not_supported", 112 },
    { "intermediate_response", 113 },
    { "unknown_type", 114 },
    { "canceled", 118 },
    { "no_such_operation", 119 },
    { "too_late", 120 },
    { "cannot_cancel", 121 },
    { "assertion_failed", 122 },
    { "authorization_denied", 123 },
    { "e_sync_refresh_required", 4096 },
    { "invalid_dns_syntax", 34 },
    { NULL, 0 },
};

static const char *result_name(uint64_t code)
{
    if (code < COUNT_OF(result_names) - 1 && result_names[code][0])
        return result_names[code];
    const struct named_value *further = further_results;
    while (further->name && further->value != code)
        further++;
    return further->name;
}

struct ldap_message {
    uint32_t id;
    uint8_t operation; /* enum ldap_operation */
    struct bytes body; /* content of protocolOp */
};

struct ldap {
    bool has_request;
    struct ldap_message request;
    struct ldap_message *responses;
    uint32_t response_count, response_capacity;
};

/* ---- BER (X.690), as far as section 5.1 allows it ---- */

struct element {
    uint8_t tag;
    struct bytes content;
};

/* Size of the element that starts here, head included; 0 when its head is not all there, UINT64_MAX when
 * malformed. */
static uint64_t element_size(struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    reader_skip(&in, 1);
    uint8_t first = reader_u8(&in);
    uint64_t size = first;
    if (!reader_ok(&in))
        return 0;
    if (first & 0x80) {
        unsigned octets = first & 0x7f;
        if (octets == 0 || octets > 4)
            return UINT64_MAX;
        size = 0;
        for (unsigned i = 0; i < octets; i++)
            size = size << 8 | reader_u8(&in);
        if (!reader_ok(&in))
            return 0;
    }
    return size + (data.size - reader_left(&in));
}

static struct element next_element(struct reader *in)
{
    struct bytes data = reader_peek(in);
    uint64_t size = element_size(data);
    struct element element = { 0, BYTES_NONE };
    if (size == 0 || size > data.size) {
        reader_fail(in);
        return element;
    }
    struct bytes whole = reader_bytes(in, (size_t)size);
    if (!whole.data)
        return element;
    size_t head = whole.data[1] & 0x80 ? 2U + (whole.data[1] & 0x7fU) : 2U;
    element.tag = whole.data[0];
    element.content = bytes_from(whole, head);
    return element;
}

static uint64_t number_of(struct bytes content)
{
    uint64_t value = 0;
    for (size_t i = 0; i < content.size && i < 8; i++)
        value = value << 8 | content.data[i];
    return value;
}

static struct reader inside(struct element element)
{
    return reader_of_bytes(element.content);
}

/* ---- messages and transactions ---- */

static bool read_message(struct bytes whole, struct ldap_message *message)
{
    struct reader in = reader_of_bytes(whole);
    struct reader sequence = inside(next_element(&in));
    struct element id = next_element(&sequence), operation = next_element(&sequence);
    if (!reader_ok(&sequence) || id.tag != 0x02 || id.content.size == 0 || id.content.size > 4 ||
        (operation.tag & 0xc0) != 0x40)
        return false;
    *message = (struct ldap_message){ (uint32_t)number_of(id.content), operation.tag & 0x1f,
                                      operation.content };
    return message->operation < COUNT_OF(operation_names) - 1 && operation_names[message->operation][0];
}

static struct ldap *record_of(struct tx *tx)
{
    return (struct ldap *)(void *)tx->record;
}

static struct tx *find_request(struct session *session, uint32_t id)
{
    for (struct tx *tx = session->txs; tx; tx = tx->next)
        if (tx->protocol == session->protocol && record_of(tx)->has_request &&
            record_of(tx)->request.id == id && tx->progress[TO_CLIENT] == 0)
            return tx;
    return NULL;
}

static bool add_response(struct tx *tx, const struct ldap_message *message)
{
    struct ldap *ldap = record_of(tx);
    if (ldap->response_count == RESPONSES_MAX)
        return false;
    if (ldap->response_count == ldap->response_capacity) {
        uint32_t capacity = ldap->response_capacity ? ldap->response_capacity * 2 : 2;
        struct ldap_message *grown = ARENA_ARRAY(&tx->memory, struct ldap_message, capacity);
        if (!grown)
            return false;
        if (ldap->response_count)
            memcpy(grown, ldap->responses, ldap->response_count * sizeof *grown);
        ldap->responses = grown;
        ldap->response_capacity = capacity;
    }
    struct ldap_message *kept = &ldap->responses[ldap->response_count];
    *kept = *message;
    kept->body = arena_copy(&tx->memory, message->body);
    ldap->response_count += kept->body.data != NULL;
    return kept->body.data != NULL;
}

static bool result_is_success(struct bytes body)
{
    struct reader in = reader_of_bytes(body);
    struct element code = next_element(&in);
    return reader_ok(&in) && number_of(code.content) == 0;
}

/* The OID of StartTLS (section 4.14.1). */
static bool asks_for_tls(const struct ldap *ldap)
{
    struct reader in = reader_of_bytes(ldap->request.body);
    return ldap->has_request && ldap->request.operation == EXTENDED_REQUEST &&
           bytes_is(next_element(&in).content, "1.3.6.1.4.1.1466.20037");
}

/* Returns its transaction; NULL: out of room. */
static struct tx *take_request(struct session *session, const struct ldap_message *message)
{
    bool lone = message->operation == UNBIND_REQUEST || message->operation == ABANDON_REQUEST;
    struct tx *tx = lone ? session_tx_directed(session, TO_SERVER) : session_tx(session);
    if (!tx)
        return NULL;
    struct ldap *ldap = record_of(tx);
    ldap->request = *message;
    ldap->request.body = arena_copy(&tx->memory, message->body);
    ldap->has_request = ldap->request.body.data != NULL;
    tx_finish(tx, TO_SERVER);
    if (lone)
        tx_finish_both(tx);
    return ldap->has_request ? tx : NULL;
}

static struct tx *take_response(struct session *session, const struct ldap_message *message)
{
    struct tx *tx = message->id ? find_request(session, message->id) : NULL;
    bool answers = tx != NULL;
    if (!tx)
        tx = session_tx_directed(session, TO_CLIENT);
    if (!tx)
        return NULL;
    bool kept = add_response(tx, message);
    if (!kept)
        tx_event(tx, EVENT_TOO_MANY_RESPONSES);
    bool more = message->operation == SEARCH_RESULT_ENTRY || message->operation == SEARCH_RESULT_REFERENCE ||
                message->operation == INTERMEDIATE_RESPONSE;
    if (!answers && message->id)
        tx_event(tx, EVENT_REQUEST_NOT_FOUND);
    if (!answers || !more || !kept)
        tx_finish_both(tx);
    if (answers && message->operation == EXTENDED_RESPONSE && asks_for_tls(record_of(tx)) &&
        result_is_success(message->body))
        session_change(session, protocol_find(BYTES_OF("tls")));
    return tx;
}

static bool take_message(struct session *session, enum direction direction, struct bytes whole)
{
    struct ldap_message message;
    if (!read_message(whole, &message))
        return false;
    bool request = REQUESTS >> message.operation & 1;
    const struct tx *tx = request ? take_request(session, &message) : take_response(session, &message);
    /* As in Suricata, the frame of a datagram's request does not name its transaction. */
    const struct tx *named = request && session->transport == TRANSPORT_UDP ? NULL : tx;
    session_frame(session, direction, FRAME_PDU, whole.data, whole.size, named);
    return tx != NULL;
}

/* What is whole, and no message all the same, is told of the request that is still open. False. */
static bool unreadable(const struct session *session, struct bytes whole)
{
    struct reader in = reader_of_bytes(whole);
    struct element message = next_element(&in);
    if (message.tag == 0x30) {
        struct reader rest = reader_of_bytes(message.content);
        struct element number = next_element(&rest);
        (void)next_element(&rest);
        if (number.content.size == 0 || !reader_ok(&rest))
            return false;
    }
    struct tx *open = NULL;
    for (struct tx *tx = session->txs; tx; tx = tx->next)
        if (!tx_complete(session, tx, TO_CLIENT))
            open = tx;
    if (open)
        tx_event(open, EVENT_INVALID_DATA);
    return false;
}

static bool ldap_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                        unsigned flags)
{
    (void)state;
    (void)flags;
    while (!reader_empty(in) && !session->want_change) {
        struct bytes data = reader_peek(in);
        uint64_t size = element_size(data);
        if (data.data[0] != 0x30)
            return size <= data.size && unreadable(session, data);
        if (size > MESSAGE_MAX)
            return false;
        if (size == 0 || size > data.size)
            return true;
        if (!take_message(session, direction, reader_bytes(in, (size_t)size)))
            return unreadable(session, bytes_first(data, (size_t)size));
    }
    return true;
}

static bool ldap_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    (void)state;
    while (!reader_empty(in)) {
        uint64_t size = element_size(reader_peek(in));
        if (size == 0 || size > reader_left(in) ||
            !take_message(session, direction, reader_bytes(in, (size_t)size)))
            return false;
    }
    return true;
}

static enum probe ldap_probe(enum direction direction, struct bytes data)
{
    struct ldap_message message = { 0 };
    if (data.size && data.data[0] != 0x30)
        return PROBE_NO;
    if (data.size < 7)
        return PROBE_MORE;
    uint64_t size = element_size(data);
    if (size < 7 || size > MESSAGE_MAX)
        return PROBE_NO;
    if (size <= data.size) {
        if (!read_message(bytes_first(data, (size_t)size), &message))
            return PROBE_NO;
    } else {
        /* Only the head of the message is there: sequence, INTEGER id, an application tag. */
        struct reader in = reader_of_bytes(data);
        reader_skip(&in, data.data[1] & 0x80 ? 2U + (data.data[1] & 0x7fU) : 2U);
        struct element id = next_element(&in);
        uint8_t tag = reader_u8(&in);
        if (!reader_ok(&in))
            return data.size < 32 ? PROBE_MORE : PROBE_NO;
        if (id.tag != 0x02 || id.content.size > 4 || (tag & 0xc0) != 0x40 ||
            (tag & 0x1f) > INTERMEDIATE_RESPONSE)
            return PROBE_NO;
        message.operation = tag & 0x1f;
    }
    bool request = REQUESTS >> message.operation & 1;
    return request == (direction == TO_SERVER) ? PROBE_YES : PROBE_REVERSED;
}

/* ---- EVE ---- */

static void put_string(struct text *out, const char *key, struct reader *in)
{
    struct element element = next_element(in);
    if (reader_ok(in))
        json_string(out, key, element.content);
}

static void put_number(struct text *out, const char *key, struct reader *in)
{
    struct element element = next_element(in);
    if (reader_ok(in))
        json_uint(out, key, number_of(element.content));
}

static void put_strings(struct text *out, const char *key, struct reader in)
{
    json_open(out, key, '[');
    while (!reader_empty(&in))
        put_string(out, NULL, &in);
    json_close(out, ']');
}

/* SEQUENCE OF SEQUENCE { type, SET OF value }: `name` is what the type is called here. */
static void put_attributes(struct text *out, const char *name, struct reader in)
{
    if (reader_empty(&in))
        return;
    json_open(out, "attributes", '[');
    while (!reader_empty(&in)) {
        struct reader attribute = inside(next_element(&in));
        json_open(out, NULL, '{');
        put_string(out, name, &attribute);
        put_strings(out, "values", inside(next_element(&attribute)));
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_result(struct text *out, struct reader *in)
{
    struct element code = next_element(in);
    uint64_t value = number_of(code.content);
    if (!reader_ok(in))
        return;
    const char *name = result_name(value);
    if (name)
        json_cstring(out, "result_code", name);
    else
        json_uint(out, "result_code", value);
    put_string(out, "matched_dn", in);
    put_string(out, "message", in);
}

static void put_bind_request(struct text *out, struct reader in)
{
    put_number(out, "version", &in);
    put_string(out, "name", &in);
    struct element method = next_element(&in);
    if (method.tag != 0xa3)
        return; /* a password, which is never shown */
    struct reader sasl = inside(method);
    json_open(out, "sasl", '{');
    put_string(out, "mechanism", &sasl);
    struct element credentials = next_element(&sasl);
    if (reader_ok(&sasl))
        json_hex(out, "credentials", credentials.content);
    json_close(out, '}');
}

static void put_search_request(struct text *out, struct reader in)
{
    put_string(out, "base_object", &in);
    put_number(out, "scope", &in);
    put_number(out, "deref_alias", &in);
    put_number(out, "size_limit", &in);
    put_number(out, "time_limit", &in);
    struct element types_only = next_element(&in);
    json_bool(out, "types_only", number_of(types_only.content) != 0);
    struct element filter = next_element(&in);
    if (filter.tag == FILTER_PRESENT && reader_ok(&in)) {
        json_open(out, "filter", '{');
        json_cstring(out, "type", "present");
        json_string(out, "value", filter.content);
        json_close(out, '}');
    }
    struct element attributes = next_element(&in);
    if (reader_ok(&in) && attributes.content.size)
        put_strings(out, "attributes", inside(attributes));
}

static void put_modify_request(struct text *out, struct reader in)
{
    static const char *const kinds[] = { "add", "delete", "replace", "increment" };
    put_string(out, "object", &in);
    struct reader changes = inside(next_element(&in));
    json_open(out, "changes", '[');
    while (!reader_empty(&changes)) {
        struct reader change = inside(next_element(&changes));
        uint64_t kind = number_of(next_element(&change).content);
        struct reader modification = inside(next_element(&change));
        json_open(out, NULL, '{');
        if (kind < COUNT_OF(kinds))
            json_cstring(out, "operation", kinds[kind]);
        json_open(out, "modification", '{');
        put_string(out, "attribute_type", &modification);
        put_strings(out, "attribute_values", inside(next_element(&modification)));
        json_close(out, '}');
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_mod_dn_request(struct text *out, struct reader in)
{
    put_string(out, "entry", &in);
    put_string(out, "new_rdn", &in);
    struct element remove = next_element(&in);
    json_bool(out, "delete_old_rdn", number_of(remove.content) != 0);
    if (!reader_empty(&in))
        put_string(out, "new_superior", &in);
}

static void put_compare_request(struct text *out, struct reader in)
{
    put_string(out, "entry", &in);
    struct reader assertion = inside(next_element(&in));
    json_open(out, "attribute_value_assertion", '{');
    put_string(out, "description", &assertion);
    put_string(out, "value", &assertion);
    json_close(out, '}');
}

/* What may follow a result: [7] credentials of bind; [10] name and [11] value of extended responses. */
static void put_tail(struct text *out, struct reader in)
{
    while (!reader_empty(&in)) {
        struct element element = next_element(&in);
        if (element.tag == 0x87)
            json_hex(out, "server_sasl_creds", element.content);
        else if (element.tag == 0x8a || element.tag == 0x80)
            json_string(out, "name", element.content);
        else if (element.tag == 0x8b || element.tag == 0x81)
            json_string(out, "value", element.content);
    }
}

static void put_operation(struct text *out, const struct ldap_message *message)
{
    struct reader in = reader_of_bytes(message->body);
    switch (message->operation) {
    case BIND_REQUEST:
        put_bind_request(out, in);
        break;
    case SEARCH_REQUEST:
        put_search_request(out, in);
        break;
    case MODIFY_REQUEST:
        put_modify_request(out, in);
        break;
    case ADD_REQUEST:
        put_string(out, "entry", &in);
        put_attributes(out, "name", inside(next_element(&in)));
        break;
    case DEL_REQUEST:
        json_string(out, "dn", message->body);
        break;
    case MOD_DN_REQUEST:
        put_mod_dn_request(out, in);
        break;
    case COMPARE_REQUEST:
        put_compare_request(out, in);
        break;
    case ABANDON_REQUEST:
        json_uint(out, "message_id", number_of(message->body));
        break;
    case EXTENDED_REQUEST:
    case INTERMEDIATE_RESPONSE:
        put_tail(out, in);
        break;
    case SEARCH_RESULT_ENTRY:
        put_string(out, "base_object", &in);
        put_attributes(out, "type", inside(next_element(&in)));
        break;
    case SEARCH_RESULT_REFERENCE:
        put_strings(out, "uris", in);
        break;
    default: /* what has an LDAPResult */
        put_result(out, &in);
        put_tail(out, in);
        break;
    }
}

static void put_message(struct text *out, const struct ldap_message *message)
{
    json_cstring(out, "operation", operation_names[message->operation]);
    if (message->operation == UNBIND_REQUEST)
        return;
    json_open(out, operation_names[message->operation], '{');
    put_operation(out, message);
    json_close(out, '}');
}

static void ldap_write(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    const struct ldap *ldap = (const void *)tx->record;
    if (ldap->has_request) {
        json_open(out, "request", '{');
        json_uint(out, "message_id", ldap->request.id);
        put_message(out, &ldap->request);
        json_close(out, '}');
    }
    if (!ldap->response_count)
        return;
    json_open(out, "responses", '[');
    for (uint32_t i = 0; i < ldap->response_count; i++) {
        json_open(out, NULL, '{');
        if (!ldap->has_request)
            json_uint(out, "message_id", ldap->responses[i].id);
        put_message(out, &ldap->responses[i]);
        json_close(out, '}');
    }
    json_close(out, ']');
}

/* ---- keywords ---- */

static bool request_operation(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    const struct ldap *ldap = (const void *)tx->record;
    *value = ldap->request.operation;
    return index == 0 && ldap->has_request;
}

static bool response_operation(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    const struct ldap *ldap = (const void *)tx->record;
    if (index >= ldap->response_count)
        return false;
    *value = ldap->responses[index].operation;
    return true;
}

static bool response_count(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = ((const struct ldap *)(const void *)tx->record)->response_count;
    return index == 0;
}

static bool has_result(uint8_t operation)
{
    return operation != SEARCH_RESULT_ENTRY && operation != SEARCH_RESULT_REFERENCE &&
           operation != INTERMEDIATE_RESPONSE;
}

/* The `index`-th response that carries an LDAPResult, past its code; false when there are fewer. */
static bool find_result(const struct tx *tx, uint32_t index, struct reader *in, uint64_t *code)
{
    const struct ldap *ldap = (const void *)tx->record;
    for (uint32_t i = 0; i < ldap->response_count; i++) {
        if (!has_result(ldap->responses[i].operation) || index--)
            continue;
        *in = reader_of_bytes(ldap->responses[i].body);
        *code = number_of(next_element(in).content);
        return reader_ok(in);
    }
    return false;
}

static bool result_code(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    struct reader in;
    return find_result(tx, index, &in, value);
}

static bool get_message(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                        struct bytes *value)
{
    (void)direction;
    (void)scratch;
    struct reader in;
    uint64_t code;
    if (!find_result(tx, index, &in, &code))
        return false;
    (void)next_element(&in);
    *value = next_element(&in).content;
    return reader_ok(&in);
}

/* The distinguished name a request is about. */
static bool get_request_dn(const struct tx *tx, enum direction direction, uint32_t index,
                           struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    const struct ldap *ldap = (const void *)tx->record;
    struct reader in = reader_of_bytes(ldap->request.body);
    if (index || !ldap->has_request)
        return false;
    switch (ldap->request.operation) {
    case BIND_REQUEST:
        (void)next_element(&in);
        *value = next_element(&in).content;
        break;
    case DEL_REQUEST:
        *value = ldap->request.body;
        break;
    case SEARCH_REQUEST:
    case ADD_REQUEST:
    case MODIFY_REQUEST:
    case MOD_DN_REQUEST:
    case COMPARE_REQUEST:
        *value = next_element(&in).content;
        break;
    default:
        return false;
    }
    return reader_ok(&in);
}

static bool get_responses_dn(const struct tx *tx, enum direction direction, uint32_t index,
                             struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    const struct ldap *ldap = (const void *)tx->record;
    if (index >= ldap->response_count)
        return false;
    struct reader in = reader_of_bytes(ldap->responses[index].body);
    if (has_result(ldap->responses[index].operation))
        (void)next_element(&in);
    *value = next_element(&in).content;
    return reader_ok(&in);
}

/* The `*index`-th first member of the elements of a list. */
static bool nth_type(struct reader in, bool nested, uint32_t *index, struct bytes *value)
{
    while (!reader_empty(&in)) {
        struct element element = next_element(&in);
        struct reader attribute = inside(element);
        struct bytes type = nested ? next_element(&attribute).content : element.content;
        if (!reader_ok(&in) || !type.data)
            return false;
        if ((*index)-- == 0) {
            *value = type;
            return true;
        }
    }
    return false;
}

static bool get_request_attribute(const struct tx *tx, enum direction direction, uint32_t index,
                                  struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    const struct ldap *ldap = (const void *)tx->record;
    struct reader in = reader_of_bytes(ldap->request.body);
    if (!ldap->has_request)
        return false;
    switch (ldap->request.operation) {
    case SEARCH_REQUEST:
        for (int i = 0; i < 7; i++)
            (void)next_element(&in);
        return nth_type(inside(next_element(&in)), false, &index, value);
    case ADD_REQUEST:
        (void)next_element(&in);
        return nth_type(inside(next_element(&in)), true, &index, value);
    case COMPARE_REQUEST: {
        (void)next_element(&in);
        struct reader assertion = inside(next_element(&in));
        *value = next_element(&assertion).content;
        return index == 0 && reader_ok(&assertion) && value->data;
    }
    case MODIFY_REQUEST: {
        (void)next_element(&in);
        struct reader changes = inside(next_element(&in));
        while (!reader_empty(&changes)) {
            struct reader change = inside(next_element(&changes));
            (void)next_element(&change);
            struct reader modification = inside(next_element(&change));
            *value = next_element(&modification).content;
            if (reader_ok(&modification) && value->data && index-- == 0)
                return true;
        }
        return false;
    }
    default:
        return false;
    }
}

static bool get_response_attribute(const struct tx *tx, enum direction direction, uint32_t index,
                                   struct arena *scratch, struct bytes *value)
{
    (void)direction;
    (void)scratch;
    const struct ldap *ldap = (const void *)tx->record;
    for (uint32_t i = 0; i < ldap->response_count; i++) {
        struct reader in = reader_of_bytes(ldap->responses[i].body);
        if (ldap->responses[i].operation != SEARCH_RESULT_ENTRY)
            continue;
        (void)next_element(&in);
        if (nth_type(inside(next_element(&in)), true, &index, value))
            return true;
    }
    return false;
}

#define NUMBER(keyword, bits_, getter, most, text)                                        \
    .name = (keyword), .kind = INSPECT_NUMBER, .directions = (bits_), .number = (getter), \
    .progress = { 1, 1 }, .max = (most), .help = (text)
#define GETTER(keyword, bits_, getter, text)                                            \
    {                                                                                   \
        .name = (keyword), .kind = INSPECT_GET, .directions = (bits_), .get = (getter), \
        .progress = { 1, 1 }, .help = (text)                                            \
    }

static const struct inspect inspects[] = {
    { NUMBER("ldap.request.operation", 1 << TO_SERVER, request_operation, UINT8_MAX, "Operation asked for"),
      .choices = operation_names },
    { NUMBER("ldap.responses.operation", 1 << TO_CLIENT, response_operation, UINT8_MAX,
             "Operation of a response"),
      .choices = operation_names, .several = true },
    { NUMBER("ldap.responses.count", 1 << TO_CLIENT, response_count, UINT32_MAX, "Number of responses") },
    { NUMBER("ldap.responses.result_code", 1 << TO_CLIENT, result_code, UINT32_MAX,
             "Result code of a response"),
      .choices = result_names, .several = true, .names = further_results },
    GETTER("ldap.request.dn", 1 << TO_SERVER, get_request_dn, "Distinguished name of the request"),
    GETTER("ldap.responses.dn", 1 << TO_CLIENT, get_responses_dn, "Distinguished name of a response"),
    GETTER("ldap.responses.message", 1 << TO_CLIENT, get_message, "Diagnostic message of a response"),
    GETTER("ldap.request.attribute_type", 1 << TO_SERVER, get_request_attribute,
           "Attribute type of the request"),
    GETTER("ldap.responses.attribute_type", 1 << TO_CLIENT, get_response_attribute,
           "Attribute type of a response"),
};

const struct protocol ldap_protocol = {
    .id = PROTOCOL_ldap,
    .name = "ldap",
    .title = "Lightweight Directory Access Protocol",
    .eve_type = "ldap",
    .eve_ends = EVE_ENDS_OF_FLOW,
    .transports = TRANSPORT_TCP | TRANSPORT_UDP,
    .ports = "389,3268",
    .probe = ldap_probe,
    .probe_usual_port_only = true,
    .probe_depth = 64,
    .record_size = sizeof(struct ldap),
    .tx_memory_max = 1024U * 1024U,
    .buffer_max = MESSAGE_MAX,
    .tx_max = 256,
    .shed_event = EVENT_TOO_MANY_TRANSACTIONS + 1,
    .datagram = ldap_datagram,
    .stream = ldap_stream,
    .write = ldap_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .events = event_names,
    .frames = frame_names,
    .frame_tx_first = 1,
};
