/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the indexed members of one EVE JSON line (field names as Suricata 8 documents them). */
#include "event/record.h"

#include "base/clock.h"

#define EVENT_TYPE_NAME(symbol, name) [symbol] = (name),
static const char *const type_names[] = { EVENT_TYPES(EVENT_TYPE_NAME) };

const char *event_type_name(enum event_type type)
{
    return (unsigned)type < EVENT_TYPE_COUNT ? type_names[type] : type_names[EVENT_OTHER];
}

enum event_type event_type_of(struct bytes name)
{
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++)
        if (bytes_is(name, type_names[type]))
            return (enum event_type)type;
    return EVENT_OTHER;
}

enum event_priority event_type_priority(enum event_type type)
{
    switch (type) {
    case EVENT_ALERT:
    case EVENT_DROP:
    case EVENT_BEHAVIOR:
    case EVENT_ENGINE:
        return EVENT_PRIORITY_HIGH;
    case EVENT_FLOW:
    case EVENT_NETFLOW:
    case EVENT_STATS:
    case EVENT_FRAME:
        return EVENT_PRIORITY_LOW;
    default:
        return EVENT_PRIORITY_NORMAL;
    }
}

/* The string's content; absent when it is no string or there is no room to unescape it. */
static struct bytes text_of_value(struct json_value value, struct arena *memory)
{
    if (value.type != JSON_STRING)
        return BYTES_NONE;
    if (bytes_find_byte(value.text, '\\') == SIZE_MAX)
        return value.text;
    char *copy = arena_new(memory, value.text.size + 1, 1);
    if (!copy)
        return BYTES_NONE;
    struct text out = text_of(copy, value.text.size + 1); /* unescaping never lengthens */
    return json_unescape(value, &out) ? text_bytes(&out) : BYTES_NONE;
}

static uint64_t number_of(struct json_value value, uint64_t max)
{
    uint64_t number;
    return json_to_u64(value, &number) && number <= max ? number : 0;
}

static void read_address(struct json_value value, struct address *address)
{
    struct address found;
    if (value.type == JSON_STRING && address_parse(value.text, &found))
        *address = found;
}

static void read_alert(struct json_value alert, struct event_record *record, struct arena *memory)
{
    struct json_cursor members = json_members(alert);
    struct bytes key;
    struct json_value value;
    while (json_next(&members, &key, &value)) {
        if (bytes_is(key, "signature_id"))
            record->signature_id = (uint32_t)number_of(value, UINT32_MAX);
        else if (bytes_is(key, "signature"))
            record->signature = text_of_value(value, memory);
        else if (bytes_is(key, "severity"))
            record->severity = (uint8_t)number_of(value, UINT8_MAX);
    }
}

/* dns.rrname, or the first of dns.queries (the form of EVE's version 3). */
static struct json_value dns_name(struct json_value dns)
{
    struct json_value name = json_find(dns, "rrname");
    struct json_value query;
    if (name.type == JSON_STRING)
        return name;
    struct json_cursor queries = json_elements(json_find(dns, "queries"));
    return json_next_element(&queries, &query) ? json_find(query, "rrname") : name;
}

static void read_host(struct bytes key, struct json_value value, struct event_record *record,
                      struct arena *memory)
{
    struct json_value host = { JSON_NONE, BYTES_NONE };
    if (value.type != JSON_OBJECT || record->host.data)
        return;
    if (bytes_is(key, "dns") || bytes_is(key, "mdns"))
        host = dns_name(value);
    else if (bytes_is(key, "tls") || bytes_is(key, "quic"))
        host = json_find(value, "sni");
    else if (bytes_is(key, "http"))
        host = json_find(value, "hostname");
    record->host = text_of_value(host, memory);
}

bool event_record_read(struct bytes line, struct event_record *record, struct arena *memory)
{
    struct event_record found = { .body = line };
    struct json_value object = json_parse(line);
    struct json_cursor members = json_members(object);
    struct bytes key;
    struct json_value value;
    bool timed = false, typed = false;
    if (object.type != JSON_OBJECT)
        return false;
    while (json_next(&members, &key, &value)) {
        if (bytes_is(key, "timestamp")) {
            timed = value.type == JSON_STRING && clock_parse(value.text, &found.time);
        } else if (bytes_is(key, "event_type")) {
            typed = value.type == JSON_STRING;
            found.type = event_type_of(value.text);
        } else if (bytes_is(key, "src_ip")) {
            read_address(value, &found.source);
        } else if (bytes_is(key, "dest_ip")) {
            read_address(value, &found.destination);
        } else if (bytes_is(key, "src_port")) {
            found.source_port = (uint16_t)number_of(value, UINT16_MAX);
        } else if (bytes_is(key, "dest_port")) {
            found.destination_port = (uint16_t)number_of(value, UINT16_MAX);
        } else if (bytes_is(key, "flow_id")) {
            found.flow_id = number_of(value, UINT64_MAX);
        } else if (bytes_is(key, "community_id")) {
            found.community_id = text_of_value(value, memory);
        } else if (bytes_is(key, "alert") && value.type == JSON_OBJECT) {
            read_alert(value, &found, memory);
        } else {
            read_host(key, value, &found, memory);
        }
    }
    if (members.failed || !timed || !typed)
        return false;
    *record = found;
    return true;
}
