/* SPDX-License-Identifier: Apache-2.0 */
/* Engines as reports list them; see engine_places.h. */
#include "detect/engine_places.h"

/* Buffers whose engines have an order or a progress of their own, as "protocol:direction progress". What the
 * rule rules out is left out. */
static const struct {
    const char *name, *places;
} listed[] = {
    { "dce_generic", "dcerpc:s0 smb:s0 dcerpc:c0 smb:c0" },
    { "dce_stub_data", "smb:s0 smb:c0 dcerpc:s0 dcerpc:c0" },
    { "file.magic",
      "nfs:c0 nfs:s0 smb:c0 smb:s0 ftp:c0 ftp:s0 ftp-data:c0 ftp-data:s0 http:c3 http:s3 http2:c5 "
      "http2:s3 smtp:s1" },
    { "file.name",
      "nfs:c0 nfs:s0 smb:c0 smb:s0 ftp:c0 ftp:s0 ftp-data:c0 ftp-data:s0 http:c3 http:s3 http2:c5 "
      "http2:s3 smtp:s1" },
    { "file_data",
      "nfs:c0 nfs:s0 smb:c0 smb:s0 ftp:c0 ftp:s0 ftp-data:c0 ftp-data:s0 http:c3 http:s3 http2:c5 "
      "http2:s3 smtp:s1" },
    { "files", "nfs:c0 nfs:s0 smb:c0 smb:s0 ftp:c0 ftp:s0 ftp-data:c0 ftp-data:s0 http:c3 http:s3 http2:c5 "
               "http2:s3 smtp:s1" },
    { "ftp:request_complete:generic", "ftp:s1" },
    { "ftp.command", "ftp:s1" },
    { "ftp.command_data", "ftp:s1" },
    { "ftp.dynamic_port", "ftp:c1 ftp:s1" },
    { "ftp.mode", "ftp:c1 ftp:s1" },
    { "ftp.reply_received", "ftp:c0" },
    { "http2", "http2:s0 http2:c0" },
    { "http2_header_name", "http2:c1 http2:s1" },
    { "http_connection", "http:s2 http2:s1 http:c2 http2:c5" },
    { "http_content_len", "http:s2 http2:s1 http:c2 http2:c5" },
    { "http_content_type", "http:s2 http2:s1 http:c2 http2:c5" },
    { "http_raw_header", "http:s3 http:c3 http2:s1 http2:c5" },
    { "http_request_header", "http2:s1 http:s2" },
    { "http_response_header", "http2:c1 http:c2" },
    { "ja3.hash", "tls:s1 quic:s1" },
    { "ja3.string", "tls:s1 quic:s1" },
    { "ja3s.hash", "tls:c1 quic:c1" },
    { "ja3s.string", "tls:c1 quic:c1" },
    { "ja4.hash", "tls:s1 quic:s1" },
    { "smtp.helo", "smtp:s0" },
    { "smtp.mail_from", "smtp:s0" },
    { "smtp.rcpt_to", "smtp:s0" },
    { "ssh.proto", "ssh:s2 ssh:c2" },
    { "ssh_software", "ssh:s2 ssh:c2" },
    { "tls.cert_fingerprint", "tls:c2 tls:s2" },
    { "tls.cert_serial", "tls:c2 tls:s2" },
    { "tls.certs", "tls:c2 tls:s2" },
    { "tls.random", "tls:s0 tls:c0" },
    { "tls_cert", "tls:c2 tls:s2" },
};

static const char *listed_places(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(listed); i++)
        if (strcmp(listed[i].name, name) == 0)
            return listed[i].places;
    return NULL;
}

/* A stream of HTTP/2 is open once its request has come, and waits for the answer's data from then on. */
static uint8_t http2_progress(uint8_t progress, enum direction direction)
{
    enum { STREAM_OPEN = 1, STREAM_BODY = 3, STREAM_ANSWER = 5 };
    if (direction == TO_CLIENT)
        return STREAM_ANSWER;
    return progress < STREAM_BODY ? MIN(progress, STREAM_OPEN) : progress;
}

uint8_t engine_progress(const struct rule_view *view, const struct buffer_use *use, size_t protocol,
                        enum direction direction)
{
    const struct protocol *of = view->set->protocols[protocol];
    const struct inspect *row = use->buffer->rows[protocol];
    if (use->buffer->kind == BUFFER_HOOK || use->buffer->kind == BUFFER_TEST)
        return use->progress == PROGRESS_COMPLETE ? protocol_complete(of, direction) : use->progress;
    if (!row)
        return 0;
    switch (of->id) {
    case PROTOCOL_http2:
        return http2_progress(row->progress[direction], direction);
    case PROTOCOL_dhcp: /* as soon as there is a transaction */
    case PROTOCOL_ldap:
    case PROTOCOL_mqtt:
    case PROTOCOL_rfb:
    case PROTOCOL_smb:
        return 0;
    case PROTOCOL_dns:
    case PROTOCOL_krb5:
        return row->kind == INSPECT_NUMBER ? 0 : row->progress[direction];
    default:
        return row->progress[direction];
    }
}

static bool goes_this_way(const struct rule_view *view, const struct buffer_use *use, size_t protocol,
                          enum direction direction)
{
    const struct signature *s = view->signature;
    const struct inspect *row = use->buffer->rows[protocol];
    if (use->side)
        return direction == (enum direction)(use->side - 1);
    if (use->buffer->kind == BUFFER_HOOK)
        return use->direction == direction;
    return (direction == TO_SERVER ? s->to_server : s->to_client) &&
           (!row || row->directions >> direction & 1);
}

/* Files of FTP's control connection are none, but reports name it. */
static bool names_control(const struct rule_view *view, const struct buffer_use *use,
                          const struct protocol *protocol)
{
    return protocol->id == PROTOCOL_ftp && use->buffer->kind >= BUFFER_FILES &&
           use->buffer->kind <= BUFFER_FILE_MAGIC &&
           !view_protocols_name(view->set, view->signature->protocols);
}

static bool has_place(const struct rule_view *view, const struct buffer_use *use, size_t protocol,
                      enum direction direction)
{
    uint64_t all = use->buffer->protocols & use->protocols & view->signature->protocols;
    return (all >> protocol & 1 || names_control(view, use, view->set->protocols[protocol])) &&
           goes_this_way(view, use, protocol, direction);
}

/* DNS over HTTP/2 has what both of its parts have, unless the rule says that any HTTP will do. */
static bool is_doh2(const struct rule_view *view, const struct protocol *protocol)
{
    if (protocol->id == PROTOCOL_dns)
        return true;
    if (protocol->id != PROTOCOL_http2)
        return false;
    const char *name = view->parts->app_layer ? view_protocols_name(view->set, view->signature->protocols)
                                              : NULL;
    return !name || strcmp(name, "http_any") != 0;
}

struct places {
    const struct rule_view *view;
    struct engine_place *items;
    size_t count;
};

static void add_place(struct places *places, size_t protocol, uint8_t direction, uint8_t progress)
{
    const struct protocol *of = places->view->set->protocols[protocol];
    if (places->count + 2 > ENGINE_PLACES_MAX)
        return;
    if (is_doh2(places->view, of))
        places->items[places->count++] = (struct engine_place){ "doh2", direction, progress };
    places->items[places->count++] = (struct engine_place){ of->name, direction, progress };
}

static void add_listed(struct places *places, const struct buffer_use *use, const char *list)
{
    struct bytes rest = bytes_of_string(list);
    while (rest.size) {
        struct bytes place = bytes_cut(&rest, ' '), name = bytes_cut(&place, ':');
        uint8_t direction = place.data[0] == 's' ? TO_SERVER : TO_CLIENT;
        int protocol = set_protocol_index(places->view->set, protocol_find(name));
        if (protocol >= 0 && has_place(places->view, use, (size_t)protocol, direction))
            add_place(places, (size_t)protocol, direction, (uint8_t)(place.data[1] - '0'));
    }
}

size_t engine_places(const struct rule_view *view, const struct buffer_use *use, const char *name,
                     struct engine_place items[ENGINE_PLACES_MAX])
{
    struct places places = { .view = view, .items = items };
    const char *list = listed_places(name);
    if (list) {
        add_listed(&places, use, list);
        return places.count;
    }
    for (size_t p = view->set->protocol_count; p-- > 0;)
        for (uint8_t d = 0; d < DIRECTIONS; d++)
            if (has_place(view, use, p, d))
                add_place(&places, p, d, engine_progress(view, use, p, d));
    return places.count;
}
