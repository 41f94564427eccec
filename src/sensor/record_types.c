/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions in the form an output asks for: fields chosen by custom lists, DNS formats, proxies. */
#include <stdlib.h>

#include "base/log.h"
#include "proto/http.h"
#include "proto/mqtt.h"
#include "proto/smb.h"
#include "proto/smtp.h"
#include "proto/tls.h"
#include "sensor/recorder.h"
#include "sensor/settings_parts.h"

/* ---- settings ---- */

static bool read_dns(struct settings *settings, struct eve_settings *eve, struct config_node *node,
                     struct error *error)
{
    bool requests = true, responses = true;
    uint64_t version = 0;
    if (node && (!config_bool(node, "requests", &requests, error) ||
                 !config_bool(node, "responses", &responses, error) ||
                 !config_uint(node, "version", 3, &version, error)))
        return false;
    eve->dns.no_requests = !requests;
    eve->dns.no_responses = !responses;
    /* As in Suricata, for tools that still expect the older form. */
    const char *wanted = getenv("SURICATA_EVE_DNS_VERSION");
    if (wanted && !version && (!strcmp(wanted, "2") || !strcmp(wanted, "3")))
        version = (uint64_t)(wanted[0] - '0');
    eve->dns.version = (uint8_t)version;
    if (!node)
        return true;
    struct config_node *formats = config_find(node, "formats");
    if (formats && formats->first) {
        eve->dns.no_detailed = eve->dns.no_grouped = true;
        for (struct config_node *item = formats->first; item; item = item->next) {
            item->used = true;
            if (bytes_is(bytes_of_string(item->value), "detailed"))
                eve->dns.no_detailed = false;
            else if (bytes_is(bytes_of_string(item->value), "grouped"))
                eve->dns.no_grouped = false;
            else
                return config_error(item, error, "'detailed' or 'grouped' expected");
        }
    }
    struct config_node *types = config_find(node, "types");
    size_t count = 0;
    for (struct config_node *item = types ? types->first : NULL; item; item = item->next)
        count++;
    uint16_t *numbers = count ? ARENA_ARRAY(&settings->config.memory, uint16_t, count) : NULL;
    if (!numbers)
        return true;
    eve->dns.types = numbers;
    for (struct config_node *item = types->first; item; item = item->next) {
        item->used = true;
        uint16_t number = dns_type_number(bytes_of_string(item->value));
        if (number == 0)
            return config_error(item, error, "'%s' is no type of DNS records",
                                item->value ? item->value : "");
        numbers[eve->dns.type_count++] = number;
    }
    return true;
}

static bool read_tls(struct eve_settings *eve, bool extended, struct config_node *node, struct error *error)
{
    bool ja4 = true, ja3 = true, resumption = true;
    eve->tls_fields = extended ? TLS_LOG_EXTENDED : TLS_LOG_BASIC;
    if (!node)
        return true;
    struct config_node *custom = config_find(node, "custom");
    if (custom && custom->first) {
        eve->tls_fields = 0;
        for (struct config_node *item = custom->first; item; item = item->next) {
            item->used = true;
            eve->tls_fields |= tls_log_field(bytes_of_string(item->value));
        }
    }
    if (!config_bool(node, "ja4", &ja4, error) || !config_bool(node, "ja3", &ja3, error) ||
        !config_bool(node, "session-resumption", &resumption, error))
        return false;
    if (!ja4)
        eve->tls_fields &= ~(uint32_t)TLS_LOG_JA4;
    if (!ja3)
        eve->tls_fields &= ~(uint32_t)(TLS_LOG_JA3 | TLS_LOG_JA3S);
    return true;
}

/* A NULL-terminated list of names; `lower`: in lower case, with dashes for underscores. */
static bool read_names(struct settings *settings, struct config_node *list, bool lower,
                       const char *const **names, struct error *error)
{
    size_t count = 0;
    for (struct config_node *item = list ? list->first : NULL; item; item = item->next)
        count++;
    const char **made = count ? ARENA_ARRAY(&settings->config.memory, const char *, count + 1) : NULL;
    if (!made)
        return true;
    count = 0;
    for (struct config_node *item = list->first; item; item = item->next) {
        item->used = true;
        char *name = arena_string(&settings->config.memory, bytes_of_string(item->value));
        if (!name)
            return error_set(error, "the configuration is too large");
        for (char *at = name; lower && *at; at++)
            *at = *at == '_' ? '-' : (char)byte_lower((uint8_t)*at);
        made[count++] = name;
    }
    *names = made;
    return true;
}

static bool read_mail(struct settings *settings, struct eve_settings *eve, struct config_node *node,
                      struct error *error)
{
    struct config_node *md5 = config_find(node, "md5");
    for (struct config_node *item = md5 ? md5->first : NULL; item; item = item->next) {
        item->used = true;
        eve->mail.md5_body |= bytes_is(bytes_of_string(item->value), "body");
        eve->mail.md5_subject |= bytes_is(bytes_of_string(item->value), "subject");
    }
    if (!read_names(settings, config_find(node, "custom"), true, &eve->mail.custom, error))
        return false;
    for (const char *const *name = eve->mail.custom; name && *name; name++)
        if (!mail_header_shown(*name))
            log_warning("smtp: there is no custom field '%s'", *name);
    return true;
}

static bool read_http(struct settings *settings, struct eve_settings *eve, struct config_node *node,
                      struct error *error)
{
    struct config_node *dump = config_find(node, "dump-all-headers");
    struct bytes which = bytes_of_string(dump ? dump->value : NULL);
    bool both = bytes_is(which, "both");
    eve->http.all[TO_SERVER] = both || bytes_is(which, "request");
    eve->http.all[TO_CLIENT] = both || bytes_is(which, "response");
    if (which.size && !eve->http.all[TO_SERVER] && !eve->http.all[TO_CLIENT] && !bytes_is(which, "none"))
        return config_error(dump, error, "'none', 'both', 'request' or 'response' expected");
    return read_names(settings, config_find(node, "custom"), false, &eve->http.custom, error);
}

static void read_smb(struct eve_settings *eve, struct config_node *node)
{
    struct config_node *types = config_find(node, "types");
    eve->smb_types = 0;
    for (struct config_node *item = types ? types->first : NULL; item; item = item->next) {
        uint32_t type = smb_log_type(bytes_of_string(item->value));
        item->used = true;
        eve->smb_types |= type;
        if (!type)
            log_warning("log: unknown type for smb logging: %s", item->value ? item->value : "");
    }
    if (types && !eve->smb_types)
        log_warning("log: empty types list for smb is interpreted as logging all");
}

static bool read_mqtt(struct eve_settings *eve, struct config_node *node, struct error *error)
{
    bool passwords = true;
    uint64_t most = MQTT_LOG_STRING_MAX;
    if (node && (!config_bool(node, "passwords", &passwords, error) ||
                 !config_size(node, "string-log-limit", &most, error)))
        return false;
    eve->mqtt.no_passwords = !passwords;
    eve->mqtt.limited = true;
    eve->mqtt.string_max = most;
    return true;
}

bool read_record_options(struct settings *settings, struct eve_settings *eve, const struct protocol *protocol,
                         struct config_node *node, struct error *error)
{
    size_t index = protocol->id;
    if (protocol->id == PROTOCOL_tls)
        return read_tls(eve, eve->extended[index], node, error);
    if (protocol->id == PROTOCOL_dns)
        return read_dns(settings, eve, node, error);
    if (protocol->id == PROTOCOL_mqtt)
        return read_mqtt(eve, node, error);
    if (node && protocol->id == PROTOCOL_http)
        return read_http(settings, eve, node, error);
    if (node && protocol->id == PROTOCOL_smtp)
        return read_mail(settings, eve, node, error);
    if (node && protocol->id == PROTOCOL_smb)
        read_smb(eve, node);
    return true;
}

/* ---- writing ---- */

bool recorder_wants(const struct eve_settings *eve, const struct tx *tx)
{
    if (tx->protocol->id == PROTOCOL_dns)
        return dns_log_wanted(tx, &eve->dns);
    if (tx->protocol->id == PROTOCOL_tls)
        return tls_log_wanted(tx, eve->tls_fields);
    if (tx->protocol->id == PROTOCOL_smb)
        return smb_log_wanted(tx, eve->smb_types);
    return true;
}

/* The formats are those of the protocol's own record; elsewhere answers are told one by one. */
static void write_dns(const struct eve_settings *eve, const struct tx *tx, bool own_record, struct text *out)
{
    struct dns_log_settings settings = eve->dns;
    if (!own_record) {
        settings.no_detailed = false;
        settings.no_grouped = true;
    }
    dns_log(tx, &settings, out);
}

static void write_app(const struct eve_settings *eve, const struct tx *tx, bool own_record, struct text *out)
{
    const struct protocol *protocol = tx->protocol;
    size_t index = protocol->id;
    bool extended = eve->extended[index] || (!own_record && protocol->id == PROTOCOL_ike);
    bool sided = protocol->eve_sided && !own_record;
    const char *key = protocol->eve_key ? protocol->eve_key : protocol->eve_type;
    if (!key)
        return;
    json_open(out, key, '{');
    if (sided)
        json_open(out, tx->direction == TO_CLIENT ? "response" : "request", '{');
    if (protocol->id == PROTOCOL_dns)
        write_dns(eve, tx, own_record, out);
    else if (protocol->id == PROTOCOL_tls)
        tls_log(tx, eve->tls_fields ? eve->tls_fields : (uint32_t)TLS_LOG_EXTENDED, out);
    else if (protocol->id == PROTOCOL_mqtt)
        mqtt_log(tx, &eve->mqtt, out);
    else if (protocol->write)
        protocol->write(tx, extended, out);
    else
        json_fields(out, protocol->fields, protocol->field_count, tx->record);
    if (own_record && protocol->id == PROTOCOL_http)
        http_log_headers(tx, &eve->http, out);
    if (sided)
        json_close(out, '}');
    json_close(out, '}');
    if (protocol->id == PROTOCOL_smtp)
        smtp_log_mail(tx, own_record ? &eve->mail : NULL, out);
    else if (protocol->write_beside)
        protocol->write_beside(tx, extended, out);
}

void recorder_app(const struct eve_settings *eve, const struct tx *tx, bool own_record, struct text *out)
{
    write_app(eve, tx, own_record, out);
    if (tx->carrier)
        write_app(eve, tx->carrier, own_record, out);
    if (tx->carried && !own_record)
        write_app(eve, tx->carried, false, out);
}

/* The first address of the list when the proxy is near the server, the last one when it is near the client.
 */
bool recorder_forwarded(const struct xff_settings *xff, const struct tx *tx, char out[64])
{
    if (!xff->enabled || !tx || tx->protocol->id != PROTOCOL_http)
        return false;
    const struct http *http = (const struct http *)(const void *)tx->record;
    const struct http_message *message = &http->message[TO_SERVER];
    for (size_t i = 0; i < message->header_count; i++) {
        if (!bytes_equal_nocase(message->headers[i].name, bytes_of_string(xff->header)))
            continue;
        struct bytes rest = message->headers[i].value, chosen = BYTES_NONE;
        while (rest.size) {
            struct bytes part = bytes_trim(bytes_cut(&rest, ','));
            if (!chosen.data || !xff->forward)
                chosen = part;
            if (xff->forward)
                break;
        }
        struct address address;
        if (!address_parse(chosen, &address))
            return false;
        struct text text = text_of(out, 64);
        address_text(&address, &text);
        return true;
    }
    return false;
}
