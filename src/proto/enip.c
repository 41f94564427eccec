/* SPDX-License-Identifier: Apache-2.0 */
/* EtherNet/IP encapsulation and the CIP messages in it (The CIP Networks Library, volumes 1 and 2). A
 * transaction is a request with its response. */
#include "proto/session.h"

#define HEADER_SIZE  24U
#define MESSAGE_MAX  (HEADER_SIZE + 65535U)
#define SERVICES_MAX 64U
#define SEGMENTS_MAX 16U

enum { FRAME_PDU, FRAME_HEADER, FRAME_DATA, FRAME_ITEM, FRAME_CIP };
static const char *const frame_names[] = { "pdu", "hdr", "data", "enip.item", "cip", NULL };

enum {
    LIST_SERVICES = 4,
    LIST_IDENTITY = 99,
    REGISTER_SESSION = 101,
    SEND_RR_DATA = 111,
    SEND_UNIT_DATA = 112
};
enum { ITEM_IDENTITY = 0x0c, ITEM_SERVICES = 0x100, ITEM_CONNECTED = 0xb1, ITEM_UNCONNECTED = 0xb2 };
enum { SERVICE_MULTIPLE = 0x0a };
enum { SEGMENT_CLASS = 0, SEGMENT_INSTANCE = 1, SEGMENT_ATTRIBUTE = 4 };

enum { EVENT_TOO_MANY_TRANSACTIONS, EVENT_INVALID_PDU };
static const char *const event_names[] = { "too_many_transactions", "invalid_pdu", NULL };

struct message {
    bool present;
    uint16_t command;
    uint32_t status;
    struct bytes data; /* behind the header */
};

struct enip {
    struct message messages[DIRECTIONS];
};

static struct enip *record_of(struct tx *tx)
{
    return (struct enip *)(void *)tx->record;
}

/* ---- decoding on demand ---- */

/* The first item of `type` in a message's common packet format; absent when there is none. */
static struct bytes find_item(const struct message *message, uint16_t type)
{
    struct reader in = reader_of_bytes(message->data);
    if (message->command == SEND_RR_DATA || message->command == SEND_UNIT_DATA)
        reader_skip(&in, 6); /* interface handle, timeout */
    else if (message->command != LIST_IDENTITY && message->command != LIST_SERVICES)
        return BYTES_NONE;
    uint16_t count = reader_le16(&in);
    for (uint16_t i = 0; i < count && !reader_empty(&in); i++) {
        uint16_t kind = reader_le16(&in);
        struct bytes data = reader_bytes(&in, reader_le16(&in));
        if (reader_ok(&in) && kind == type)
            return data;
    }
    return BYTES_NONE;
}

/* The CIP message of a message; absent when there is none. */
static struct bytes cip_of(const struct message *message)
{
    if (!message->present || (message->command != SEND_RR_DATA && message->command != SEND_UNIT_DATA))
        return BYTES_NONE;
    struct bytes item = find_item(message, ITEM_UNCONNECTED);
    if (item.data)
        return item;
    item = find_item(message, ITEM_CONNECTED);
    return item.size > 2 ? bytes_from(item, 2) : BYTES_NONE; /* behind the sequence count */
}

struct identity {
    uint16_t version, vendor, type, product, revision, status;
    uint32_t serial;
    struct bytes name;
    uint8_t state;
};

static bool read_identity(const struct message *message, struct identity *identity)
{
    if (!message->present || message->command != LIST_IDENTITY)
        return false;
    struct reader in = reader_of_bytes(find_item(message, ITEM_IDENTITY));
    identity->version = reader_le16(&in);
    reader_skip(&in, 16); /* socket address */
    identity->vendor = reader_le16(&in);
    identity->type = reader_le16(&in);
    identity->product = reader_le16(&in);
    identity->revision = reader_be16(&in);
    identity->status = reader_le16(&in);
    identity->serial = reader_le32(&in);
    identity->name = reader_bytes(&in, reader_u8(&in));
    identity->state = reader_u8(&in);
    return reader_ok(&in);
}

struct segment {
    uint8_t kind; /* logical type */
    uint32_t value;
};

struct cip {
    uint8_t service; /* without the response bit */
    bool response;
    uint8_t status;
    uint16_t extended_status;
    struct bytes additional; /* status, all of it */
    struct segment path[SEGMENTS_MAX];
    uint32_t path_count;
    struct bytes data;
};

/* Logical segments (volume 1, appendix C-1.4.2). */
static void read_path(struct reader in, struct cip *cip)
{
    while (!reader_empty(&in) && cip->path_count < SEGMENTS_MAX) {
        uint8_t head = reader_u8(&in), format = head & 3;
        if (head >> 5 != 1 || format == 3)
            return;
        uint32_t value;
        if (format == 0) {
            value = reader_u8(&in);
        } else {
            reader_skip(&in, 1);
            value = format == 1 ? reader_le16(&in) : reader_le32(&in);
        }
        if (reader_ok(&in))
            cip->path[cip->path_count++] = (struct segment){ head >> 2 & 7, value };
    }
}

static bool read_cip(struct bytes data, struct cip *cip)
{
    struct reader in = reader_of_bytes(data);
    memset(cip, 0, sizeof *cip);
    uint8_t service = reader_u8(&in);
    cip->service = service & 0x7f;
    cip->response = service & 0x80;
    if (cip->response) {
        reader_skip(&in, 1);
        cip->status = reader_u8(&in);
        struct reader extended = reader_sub(&in, reader_u8(&in) * 2U);
        cip->additional = reader_peek(&extended);
        cip->extended_status = reader_empty(&extended) ? 0 : reader_le16(&extended);
    } else {
        read_path(reader_sub(&in, reader_u8(&in) * 2U), cip);
    }
    cip->data = reader_peek(&in);
    return reader_ok(&in);
}

/* The octets of the `index`-th message in a Multiple Service Packet (volume 1, appendix ); absent when
 * there are fewer. */
static struct bytes inner_of(const struct cip *outer, uint32_t index)
{
    struct reader in = reader_of_bytes(outer->data);
    uint16_t count = reader_le16(&in);
    if (outer->service != SERVICE_MULTIPLE || index >= count || index >= SERVICES_MAX)
        return BYTES_NONE;
    reader_skip(&in, index * 2U);
    size_t from = reader_le16(&in), to = index + 1U < count ? reader_le16(&in) : outer->data.size;
    if (!reader_ok(&in) || from >= to || to > outer->data.size)
        return BYTES_NONE;
    return bytes_from(bytes_first(outer->data, to), from);
}

static bool read_inner(const struct cip *outer, uint32_t index, struct cip *cip)
{
    struct bytes data = inner_of(outer, index);
    return data.size && read_cip(data, cip);
}

/* The `index`-th CIP message: the outer one, then those in it. */
static bool nth_cip(const struct tx *tx, enum direction direction, uint32_t index, struct cip *cip)
{
    const struct enip *enip = (const void *)tx->record;
    struct bytes data = cip_of(&enip->messages[direction]);
    struct cip outer;
    if (!data.size || !read_cip(data, &outer))
        return false;
    if (index) {
        return read_inner(&outer, index - 1, cip);
    }
    *cip = outer;
    return true;
}

/* ---- messages ---- */

static bool known_command(uint16_t command)
{
    return command == 0 || command == LIST_SERVICES || (command >= 99 && command <= 102) ||
           command == SEND_RR_DATA || command == SEND_UNIT_DATA || command == 114 || command == 115;
}

static enum probe enip_probe(enum direction direction, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    uint16_t command = reader_le16(&in), size = reader_le16(&in);
    reader_skip(&in, 4);
    uint32_t status = reader_le32(&in);
    reader_skip(&in, 8);
    uint32_t options = reader_le32(&in);
    (void)direction;
    if (!reader_ok(&in))
        return data.size >= 2 && !known_command(command) ? PROBE_NO : PROBE_MORE;
    bool listed = command == LIST_IDENTITY || command == LIST_SERVICES || command == 100;
    if (!known_command(command) || options != 0 ||
        (status > 3 && status != 0x64 && status != 0x65 && status != 0x69))
        return PROBE_NO;
    return (listed && size > 1024) || (command == 101 && size != 4) || (command == 102 && size) ? PROBE_NO
                                                                                                : PROBE_YES;
}

static void show_frames(struct session *session, enum direction direction, struct bytes whole,
                        const struct message *message, const struct tx *tx)
{
    struct bytes cip = cip_of(message), data = bytes_from(whole, HEADER_SIZE);
    session_frame(session, direction, FRAME_PDU, whole.data, whole.size, tx);
    session_frame(session, direction, FRAME_HEADER, whole.data, HEADER_SIZE, tx);
    if (data.size)
        session_frame(session, direction, FRAME_DATA, data.data, data.size, tx);
    struct bytes item = message->command == LIST_IDENTITY ? find_item(message, ITEM_IDENTITY) : BYTES_NONE;
    if (item.data)
        session_frame(session, direction, FRAME_ITEM, item.data - 4, item.size + 4, tx);
    struct cip outer;
    if (!cip.size)
        return;
    session_frame(session, direction, FRAME_CIP, cip.data, cip.size, tx);
    if (!read_cip(cip, &outer))
        return;
    for (uint32_t i = 0; (cip = inner_of(&outer, i)).size; i++)
        session_frame(session, direction, FRAME_CIP, cip.data, cip.size, tx);
}

static bool take_message(struct session *session, enum direction direction, struct bytes whole)
{
    struct reader in = reader_of_bytes(whole);
    struct message message = { .present = true, .command = reader_le16(&in) };
    reader_skip(&in, 6);
    message.status = reader_le32(&in);
    reader_skip(&in, 12);
    message.data = reader_peek(&in);
    struct tx *tx = direction == TO_CLIENT ? session_tx_open(session, TO_CLIENT) : NULL;
    if (tx && record_of(tx)->messages[TO_SERVER].command != message.command)
        tx = NULL;
    if (!tx)
        tx = direction == TO_SERVER ? session_tx(session) : session_tx_directed(session, TO_CLIENT);
    if (!tx)
        return false;
    show_frames(session, direction, whole, &message, tx);
    message.data = arena_copy(&tx->memory, message.data);
    record_of(tx)->messages[direction] = message;
    if (direction == TO_SERVER)
        tx_finish(tx, TO_SERVER);
    else
        tx_finish_both(tx);
    return true;
}

static bool enip_stream(struct session *session, void *state, enum direction direction, struct reader *in,
                        unsigned flags)
{
    (void)state;
    (void)flags;
    while (reader_left(in) >= HEADER_SIZE) {
        struct reader head = *in;
        if (!known_command(reader_le16(&head))) {
            struct tx *tx = session_tx_directed(session, direction);
            if (tx) {
                tx_event(tx, EVENT_INVALID_PDU);
                tx_finish_both(tx);
            }
            return false;
        }
        size_t size = HEADER_SIZE + reader_le16(&head);
        if (size > reader_left(in))
            break;
        if (!take_message(session, direction, reader_bytes(in, size)))
            return false;
    }
    return true;
}

static bool enip_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    (void)state;
    struct bytes whole = reader_rest(in);
    return whole.size >= HEADER_SIZE && take_message(session, direction, whole);
}

/* ---- the record ---- */

struct name {
    uint32_t value;
    const char *name;
};

static const char *name_of(const struct name *names, size_t count, uint32_t value)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].value == value)
            return names[i].name;
    return NULL;
}

static void put_name(struct text *out, const char *key, const struct name *names, size_t count,
                     uint32_t value)
{
    const char *name = name_of(names, count, value);
    char unknown[32];
    struct text text = text_of(unknown, sizeof unknown);
    text_add(&text, "unknown-%u", value);
    json_cstring(out, key, name ? name : unknown);
}
#define PUT_NAME(out, key, list, value) put_name((out), (key), (list), COUNT_OF(list), (value))

static const struct name command_list[] = {
    { 0, "nop" },
    { 4, "list_services" },
    { 99, "list_identity" },
    { 100, "list_interfaces" },
    { 101, "register_session" },
    { 102, "unregister_session" },
    { 111, "send_r_r_data" },
    { 112, "send_unit_data" },
    { 114, "indicate_status" },
    { 115, "cancel" },
};
static const struct name status_list[] = {
    { 0, "success" },
    { 1, "invalid_cmd" },
    { 2, "no_resources" },
    { 3, "incorrect_data" },
    { 0x64, "invalid_session" },
    { 0x65, "invalid_length" },
    { 0x69, "unsupported_prot_rev" },
};
/* Volume 1, appendix A. */
static const struct name service_list[] = {
    { 1, "Get Attributes All" },
    { 2, "Set Attributes All" },
    { 3, "Get Attribute List" },
    { 4, "Set Attribute List" },
    { 5, "Reset" },
    { 6, "Start" },
    { 7, "Stop" },
    { 8, "Create" },
    { 9, "Delete" },
    { 10, "Multiple Service Packet" },
    { 13, "Apply Attributes" },
    { 14, "Get Attributes Single" },
    { 16, "Set Attributes Single" },
    { 17, "Find Next Object Instance" },
    { 21, "Restore" },
    { 22, "Save" },
    { 23, "No Forward Open" },
    { 24, "Get Member" },
    { 25, "Set Member" },
    { 26, "Insert Member" },
    { 27, "Remove Member" },
    { 28, "Group Sync" },
    { 29, "Get Connection Point Member List" },
    { 75, "Execute PCCC Service" },
    { 76, "Read Data" },
    { 77, "Write Data" },
    { 78, "Read Write Modify Data" },
    { 82, "Read Data Fragmented" },
    { 83, "Write Data Fragmented" },
    { 84, "Forward Open" },
};
static const struct name class_list[] = {
    { 1, "Identity" },
    { 2, "Message Router" },
    { 3, "DeviceNet" },
    { 4, "Assembly" },
    { 5, "Connection" },
    { 6, "Connection Manager" },
    { 7, "Register" },
    { 8, "Discrete Input Point" },
    { 9, "Discrete Output Point" },
    { 10, "Analog Input Point" },
    { 11, "Analog Output Point" },
    { 14, "Presence Sensing" },
    { 15, "Parameter" },
    { 16, "Parameter Group" },
    { 18, "Group" },
    { 29, "Discrete Input Group" },
    { 30, "Discrete Output Group" },
    { 31, "Discrete Group" },
    { 32, "Analog Input Group" },
    { 33, "Analog Output Group" },
    { 34, "Analog Group" },
    { 35, "Position Sensor" },
    { 36, "Position Controller Supervisor" },
    { 37, "Position Controller" },
    { 38, "Block Sequencer" },
    { 39, "Command Block" },
    { 40, "Motor Data" },
    { 41, "Control Supervisor" },
    { 42, "AC/DC Drive" },
    { 43, "Acknowledge Handler" },
    { 44, "Overload" },
    { 45, "Softstart" },
    { 46, "Selection" },
    { 48, "S-Device Supervisor" },
    { 49, "S-Analog Sensor" },
    { 50, "S-Analog Actuator" },
    { 51, "S-Single Stage Controller" },
    { 52, "S-Gas Calibration" },
    { 53, "Trip Point" },
    { 55, "File" },
    { 56, "S-Partial Pressure" },
    { 57, "Safety Supervisor" },
    { 58, "Safety Validator" },
    { 59, "Safety Discrete Output Point" },
    { 60, "Safety Discrete Output Group" },
    { 61, "Safety Discrete Input Point" },
    { 62, "Safety Discrete Input Group" },
    { 63, "Safety Dual Channel Output" },
    { 64, "S-Sensor Calibration" },
    { 65, "Event Log" },
    { 66, "Motion Device Axis" },
    { 67, "Time Sync" },
    { 68, "Modbus" },
    { 69, "Originator Connection List" },
    { 70, "Modbus Serial Link" },
    { 71, "Device Level Ring (DLR)" },
    { 72, "QoS" },
    { 73, "Safety Analog Input Point" },
    { 74, "Safety Analog Input Group" },
    { 75, "Safety Dual Channel Analog Input" },
    { 76, "SERCOS III Link" },
    { 77, "Target Connection List" },
    { 78, "Base Energy" },
    { 79, "Electrical Energy" },
    { 80, "Non-Electrical Energy" },
    { 81, "Base Switch" },
    { 82, "SNMP" },
    { 83, "Power Management" },
    { 84, "RSTP Bridge" },
    { 85, "RSTP Port" },
    { 86, "PRP/HSR Protocol" },
    { 87, "PRP/HSR Nodes Table" },
    { 88, "Safety Feedback" },
    { 89, "Safety Dual Channel Feedback" },
    { 90, "Safety Stop Functions" },
    { 91, "Safety Limit Functions" },
    { 92, "Power Curtailment" },
    { 93, "CIP Security" },
    { 94, "EtherNet/IP Security" },
    { 95, "Certificate Management" },
    { 103, "PCCC Class" },
    { 240, "ControlNet" },
    { 241, "ControlNet Keeper" },
    { 242, "ControlNet Scheduling" },
    { 243, "Connection Configuration" },
    { 244, "Port" },
    { 245, "TCP/IP Interface" },
    { 246, "Ethernet Link" },
    { 247, "CompoNet" },
    { 248, "CompoNet Repeater" },
};
static const struct name vendor_list[] = { { 1, "Rockwell Automation/Allen-Bradley" } };
static const struct name device_list[] = {
    { 0, "Generic Device (deprecated)" },
    { 1, "Control Station (deprecated)" },
    { 2, "AC Drive Device" },
    { 3, "Motor Overload" },
    { 4, "Limit Switch" },
    { 5, "Inductive Proximity Switch" },
    { 6, "Photoelectric Sensor" },
    { 7, "General Purpose Discrete I/O" },
    { 8, "Encoder (deprecated)" },
    { 9, "Resolver" },
    { 10, "General Purpose Analog I/O (deprecated)" },
    { 12, "Communications Adapter" },
    { 13, "Barcode Scanner (deprecated)" },
    { 14, "Programmable Logic Controller" },
    { 16, "Position Controller" },
    { 17, "Weigh Scale (deprecated)" },
    { 18, "Message Display (deprecated)" },
    { 19, "DC Drive" },
    { 20, "Servo Drives (deprecated)" },
    { 21, "Contactor" },
    { 22, "Motor Starter" },
    { 23, "Softstart Starter" },
    { 24, "Human-Machine Interface" },
    { 25, "Pneumatic Valve(s) (deprecated)" },
    { 26, "Mass Flow Controller" },
    { 27, "Pneumatic Valve(s)" },
    { 28, "Vacuum Pressure Gauge" },
    { 29, "Process Control Value" },
    { 30, "Residual Gas Analyzer" },
    { 31, "DC Power Generator" },
    { 32, "RF Power Generator" },
    { 33, "Turbomolecular Vacuum Pump" },
    { 34, "Encoder" },
    { 35, "Safety Discrete I/O Device" },
    { 36, "Fluid Flow Controller" },
    { 37, "CIP Motion Drive" },
    { 38, "CompoNet Repeater" },
    { 39, "Mass Flow Controller Enhanced" },
    { 40, "CIP Modbus Device" },
    { 41, "CIP Modbus Translator" },
    { 42, "Safety Analog I/O Device" },
    { 43, "Generic Device (keyable)" },
    { 44, "Managed Ethernet Switch" },
    { 45, "CIP Motion Safety Drive Device" },
    { 46, "Safety Drive Device" },
    { 47, "CIP Motion Encoder" },
    { 48, "CIP Motion Converter" },
    { 49, "CIP Motion I/O" },
    { 50, "ControlNet Physical Layer Component" },
    { 100, "In-Sight 2000 Series" },
    { 200, "Embedded Component" },
};
static const struct name cip_status_list[] = {
    { 0, "Success" },
    { 1, "Connection Failure" },
    { 2, "Resource Unavailable" },
    { 3, "Invalid Parameter Value" },
    { 4, "Path Segment Error" },
    { 5, "Path Destination Unknown" },
    { 6, "Partial Transfer" },
    { 7, "Connection Lost" },
    { 8, "Service Not Supported" },
    { 9, "Invalid Attribute Value" },
    { 10, "Attribute List Error" },
    { 11, "Already In Requested Mode/State" },
    { 12, "Object State Conflict" },
    { 13, "Object Already Exists" },
    { 14, "Attribute Not Settable" },
    { 15, "Privilege Violation" },
    { 16, "Device State Conflict" },
    { 17, "Reply Data Too Large" },
    { 18, "Fragmentation Of A Primitive Value" },
    { 19, "Not Enough Data" },
    { 20, "Attribute Not Supported" },
    { 21, "Too Much Data" },
    { 22, "Object Does Not Exist" },
    { 23, "Service Fragmentation Sequence Not In Progress" },
    { 24, "No Stored Attribute Data" },
    { 25, "Store Operation Failure" },
    { 26, "Routing Failure, Request Packet Too Large" },
    { 27, "Routing Failure, Response Packet Too Large" },
    { 28, "Missing Attribute List Entry Data" },
    { 29, "Invalid Attribute Value List" },
    { 30, "Embedded Service Error" },
    { 31, "Vendor Specific Error" },
    { 32, "Invalid Parameter" },
    { 33, "Write-Once Value Or Medium Already Written" },
    { 34, "Invalid Reply Received" },
    { 35, "Buffer Overflow" },
    { 36, "Invalid Message Format" },
    { 37, "Key Failure In Path" },
    { 38, "Path Size Invalid" },
    { 39, "Unexpected Attribute In List" },
    { 40, "Invalid Member ID" },
    { 41, "Member Not Settable" },
    { 42, "Group 2 Only Server General Failure" },
    { 43, "Unknown Modbus Error" },
    { 44, "Attribute Not Gettable" },
    { 255, "Still Processing" },
};

static void put_identity(struct text *out, const struct identity *identity)
{
    char revision[16];
    struct text text = text_of(revision, sizeof revision);
    text_add(&text, "%u.%u", identity->revision >> 8, identity->revision & 0xff);
    json_open(out, "identity", '{');
    json_uint(out, "protocol_version", identity->version);
    json_cstring(out, "revision", revision);
    PUT_NAME(out, "vendor_id", vendor_list, identity->vendor);
    PUT_NAME(out, "device_type", device_list, identity->type);
    json_uint(out, "product_code", identity->product);
    json_uint(out, "status", identity->status);
    json_uint(out, "serial", identity->serial);
    json_string(out, "product_name", identity->name);
    json_uint(out, "state", identity->state);
    json_close(out, '}');
}

static void put_registration(struct text *out, const struct message *message)
{
    struct reader in = reader_of_bytes(message->data);
    uint16_t version = reader_le16(&in), options = reader_le16(&in);
    if (!reader_ok(&in))
        return;
    json_open(out, "register_session", '{');
    json_uint(out, "protocol_version", version);
    json_uint(out, "options", options);
    json_close(out, '}');
}

static void put_path(struct text *out, const struct cip *cip)
{
    static const struct name kinds[] = { { SEGMENT_CLASS, "class" },
                                         { SEGMENT_INSTANCE, "instance" },
                                         { 2, "member" },
                                         { 3, "connection_point" },
                                         { SEGMENT_ATTRIBUTE, "attribute" } };
    if (!cip->path_count)
        return;
    json_open(out, "path", '[');
    for (uint32_t i = 0; i < cip->path_count; i++) {
        json_open(out, NULL, '{');
        PUT_NAME(out, "segment_type", kinds, cip->path[i].kind);
        json_uint(out, "value", cip->path[i].value);
        json_close(out, '}');
    }
    json_close(out, ']');
    for (uint32_t i = 0; i < cip->path_count; i++)
        if (cip->path[i].kind == SEGMENT_CLASS) {
            PUT_NAME(out, "class_name", class_list, cip->path[i].value);
            return;
        }
}

static void put_cip(struct text *out, const struct cip *cip)
{
    PUT_NAME(out, "service", service_list, cip->service);
    if (cip->response)
        PUT_NAME(out, "status", cip_status_list, cip->status);
    if (cip->additional.size)
        json_hex(out, "status_extended", cip->additional);
    put_path(out, cip);
}

static void put_message(struct text *out, const char *key, const struct tx *tx, enum direction direction)
{
    const struct message *message = &((const struct enip *)(const void *)tx->record)->messages[direction];
    struct identity identity;
    struct cip cip, inner;
    if (!message->present)
        return;
    json_open(out, key, '{');
    PUT_NAME(out, "command", command_list, message->command);
    PUT_NAME(out, "status", status_list, message->status);
    if (message->command == REGISTER_SESSION)
        put_registration(out, message);
    if (read_identity(message, &identity))
        put_identity(out, &identity);
    if (nth_cip(tx, direction, 0, &cip)) {
        json_open(out, "cip", '{');
        put_cip(out, &cip);
        if (read_inner(&cip, 0, &inner)) {
            json_open(out, "multiple", '[');
            for (uint32_t i = 0; read_inner(&cip, i, &inner); i++) {
                json_open(out, NULL, '{');
                put_cip(out, &inner);
                json_close(out, '}');
            }
            json_close(out, ']');
        }
        json_close(out, '}');
    }
    json_close(out, '}');
}

static void enip_write(const struct tx *tx, bool extended, struct text *out)
{
    (void)extended;
    put_message(out, "request", tx, TO_SERVER);
    put_message(out, "response", tx, TO_CLIENT);
}

/* ---- keywords ---- */

static bool command(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct message *message = &((const struct enip *)(const void *)tx->record)->messages[direction];
    *value = message->command;
    return index == 0 && message->present;
}

static bool status(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    const struct message *message = &((const struct enip *)(const void *)tx->record)->messages[direction];
    *value = message->status;
    return index == 0 && message->present;
}

#define IDENTITY_NUMBER(function, member)                                                                \
    static bool function(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value) \
    {                                                                                                    \
        struct identity identity;                                                                        \
        const struct enip *enip = (const void *)tx->record;                                              \
        if (index || !read_identity(&enip->messages[direction], &identity))                              \
            return false;                                                                                \
        *value = identity.member;                                                                        \
        return true;                                                                                     \
    }
IDENTITY_NUMBER(identity_version, version)
IDENTITY_NUMBER(identity_revision, revision)
IDENTITY_NUMBER(identity_status, status)
IDENTITY_NUMBER(identity_state, state)
IDENTITY_NUMBER(identity_serial, serial)
IDENTITY_NUMBER(identity_product, product)
IDENTITY_NUMBER(identity_type, type)
IDENTITY_NUMBER(identity_vendor, vendor)

static bool get_product_name(const struct tx *tx, enum direction direction, uint32_t index,
                             struct arena *scratch, struct bytes *value)
{
    struct identity identity;
    const struct enip *enip = (const void *)tx->record;
    (void)scratch;
    if (index || !read_identity(&enip->messages[direction], &identity))
        return false;
    *value = identity.name;
    return true;
}

/* A target's answer to List Services (volume 2, 2-4.6.3): version, capabilities, name. */
static bool read_services(const struct tx *tx, enum direction direction, uint16_t *capabilities,
                          struct bytes *name)
{
    const struct message *message = &((const struct enip *)(const void *)tx->record)->messages[direction];
    if (!message->present || message->command != LIST_SERVICES)
        return false;
    struct reader in = reader_of_bytes(find_item(message, ITEM_SERVICES));
    reader_skip(&in, 2);
    *capabilities = reader_le16(&in);
    *name = reader_bytes(&in, 16);
    name->size = MIN(bytes_find_byte(*name, 0), name->size);
    return reader_ok(&in);
}

static bool capabilities(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    uint16_t flags;
    struct bytes name;
    if (index || !read_services(tx, direction, &flags, &name))
        return false;
    *value = flags;
    return true;
}

static bool get_service_name(const struct tx *tx, enum direction direction, uint32_t index,
                             struct arena *scratch, struct bytes *value)
{
    uint16_t flags;
    (void)scratch;
    return index == 0 && read_services(tx, direction, &flags, value);
}

static uint64_t segment_of(const struct cip *cip, uint8_t kind, bool *found)
{
    for (uint32_t i = 0; i < cip->path_count; i++)
        if (cip->path[i].kind == kind) {
            *found = true;
            return cip->path[i].value;
        }
    return 0;
}

/* Service, class and attribute, 16 bits each. */
static bool service(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    struct cip cip;
    bool found = false;
    if (!nth_cip(tx, direction, index, &cip))
        return false;
    *value = (uint64_t)cip.service << 32 | (segment_of(&cip, SEGMENT_CLASS, &found) & 0xffff) << 16 |
             (segment_of(&cip, SEGMENT_ATTRIBUTE, &found) & 0xffff);
    return true;
}

/* The `index`-th segment of `kind` among all CIP messages. */
static bool nth_segment(const struct tx *tx, enum direction direction, uint32_t index, uint8_t kind,
                        uint64_t *value)
{
    struct cip cip;
    for (uint32_t i = 0; i <= SERVICES_MAX && nth_cip(tx, direction, i, &cip); i++) {
        bool found = false;
        uint64_t number = segment_of(&cip, kind, &found);
        if (found && index-- == 0) {
            *value = number;
            return true;
        }
    }
    return false;
}

static bool cip_class(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    return nth_segment(tx, direction, index, SEGMENT_CLASS, value);
}

static bool cip_instance(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    return nth_segment(tx, direction, index, SEGMENT_INSTANCE, value);
}

/* Attributes of paths, and those that Get Attribute List asks for. */
static bool cip_attribute(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    struct cip cip;
    for (uint32_t i = 0; i <= SERVICES_MAX && nth_cip(tx, direction, i, &cip); i++) {
        bool found = false;
        uint64_t number = segment_of(&cip, SEGMENT_ATTRIBUTE, &found);
        if (found && index-- == 0) {
            *value = number;
            return true;
        }
        if (cip.service != 3 || cip.response)
            continue;
        struct reader in = reader_of_bytes(cip.data);
        uint16_t count = reader_le16(&in);
        for (uint16_t k = 0; k < count && !reader_empty(&in); k++) {
            number = reader_le16(&in);
            if (reader_ok(&in) && index-- == 0) {
                *value = number;
                return true;
            }
        }
    }
    return false;
}

static bool cip_status(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    struct cip cip;
    if (!nth_cip(tx, direction, index, &cip) || !cip.response)
        return false;
    *value = cip.status;
    return true;
}

static bool cip_extended_status(const struct tx *tx, enum direction direction, uint32_t index,
                                uint64_t *value)
{
    struct cip cip;
    if (!nth_cip(tx, direction, index, &cip) || !cip.response)
        return false;
    *value = cip.extended_status;
    return true;
}

#define UNNAMED_5  "", "", "", "", ""
#define UNNAMED_10 UNNAMED_5, UNNAMED_5
#define UNNAMED_30 UNNAMED_10, UNNAMED_10, UNNAMED_10

static const char *const command_names[] = {
    "nop",
    "",
    "",
    "",
    "list_services",
    UNNAMED_30,
    UNNAMED_30,
    UNNAMED_30,
    "",
    "",
    "",
    "",
    "list_identity",
    "list_interfaces",
    "register_session",
    "unregister_session",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "send_r_r_data",
    "send_unit_data",
    "",
    "indicate_status",
    "cancel",
    NULL,
};
_Static_assert(COUNT_OF(command_names) == 117, "the names stand at their codes");

static const char *const status_names[] = {
    "success",
    "invalid_cmd",
    "no_resources",
    "incorrect_data",
    UNNAMED_30,
    UNNAMED_30,
    UNNAMED_30,
    "",
    "",
    "",
    "",
    "",
    "",
    "invalid_session",
    "invalid_length",
    "",
    "",
    "",
    "unsupported_prot_rev",
    NULL,
};
_Static_assert(COUNT_OF(status_names) == 107, "the names stand at their codes");

static const struct named_value further_statuses[] = { { "encap_header_error", 106 }, { NULL, 0 } };

#define BOTH (1 << TO_SERVER | 1 << TO_CLIENT)
#define NUMBER(keyword, getter, most, text)                                                               \
    {                                                                                                     \
        .name = (keyword), .kind = INSPECT_NUMBER, .directions = BOTH, .number = (getter), .max = (most), \
        .progress = { 1, 1 }, .help = (text)                                                              \
    }

static const struct inspect inspects[] = {
    { .name = "enip_command",
      .alias = "enip.command",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = command,
      .max = UINT16_MAX,
      .choices = command_names,
      .help = "Command of the encapsulation" },
    { .name = "enip.status",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = status,
      .max = UINT32_MAX,
      .choices = status_names,
      .names = further_statuses,
      .help = "Status of the encapsulation" },
    { .name = "cip_service",
      .alias = "cip.service",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = service,
      .parts = 3,
      .help = "CIP service, with class and attribute" },
    { .name = "enip.product_name",
      .kind = INSPECT_GET,
      .directions = BOTH,
      .progress = { 1, 1 },
      .get = get_product_name,
      .help = "Product name of an identity" },
    { .name = "enip.service_name",
      .kind = INSPECT_GET,
      .directions = BOTH,
      .progress = { 1, 1 },
      .get = get_service_name,
      .help = "Name of a service that a target lists" },
    NUMBER("enip.capabilities", capabilities, UINT16_MAX, "Capabilities of a service that a target lists"),
    NUMBER("enip.protocol_version", identity_version, UINT16_MAX, "Protocol version of an identity"),
    NUMBER("enip.revision", identity_revision, UINT16_MAX,
           "Revision of an identity, major in the high octet"),
    NUMBER("enip.identity_status", identity_status, UINT16_MAX, "Status of an identity"),
    NUMBER("enip.state", identity_state, UINT8_MAX, "State of an identity"),
    NUMBER("enip.serial", identity_serial, UINT32_MAX, "Serial number of an identity"),
    NUMBER("enip.product_code", identity_product, UINT16_MAX, "Product code of an identity"),
    NUMBER("enip.device_type", identity_type, UINT16_MAX, "Device type of an identity"),
    NUMBER("enip.vendor_id", identity_vendor, UINT16_MAX, "Vendor of an identity"),
    NUMBER("enip.cip_class", cip_class, UINT32_MAX, "Class of a CIP path"),
    NUMBER("enip.cip_instance", cip_instance, UINT32_MAX, "Instance of a CIP path"),
    NUMBER("enip.cip_attribute", cip_attribute, UINT32_MAX, "Attribute of a CIP request"),
    NUMBER("enip.cip_status", cip_status, UINT8_MAX, "Status of a CIP response"),
    NUMBER("enip.cip_extendedstatus", cip_extended_status, UINT16_MAX, "Extended status of a CIP response"),
};

static bool enip_loggable(const struct tx *tx)
{
    const struct enip *enip = (const void *)tx->record;
    return enip->messages[TO_SERVER].present || enip->messages[TO_CLIENT].present;
}

const struct protocol enip_protocol = {
    .id = PROTOCOL_enip,
    .name = "enip",
    .title = "EtherNet/IP and CIP",
    .eve_type = "enip",
    .transports = TRANSPORT_TCP | TRANSPORT_UDP,
    .ports = "44818,2222",
    .probe = enip_probe,
    .probe_usual_port_only = true,
    .probe_depth = HEADER_SIZE,
    .record_size = sizeof(struct enip),
    .tx_memory_max = 256U * 1024U,
    .buffer_max = MESSAGE_MAX,
    .tx_max = 256,
    .shed_event = EVENT_TOO_MANY_TRANSACTIONS + 1,
    .events = event_names,
    .loggable = enip_loggable,
    .datagram = enip_datagram,
    .stream = enip_stream,
    .write = enip_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .frames = frame_names,
};
