/* SPDX-License-Identifier: Apache-2.0 */
/* BitTorrent's distributed hash table (BEP 5): queries, responses and errors in bencoding (BEP 3), with IPv6
 * nodes (BEP 32). */
#include "proto/session.h"

#define DEPTH_MAX  8U
#define NODES_MAX  64U
#define ID_SIZE    20U
#define NODE_SIZE  (ID_SIZE + 6U)
#define NODE6_SIZE (ID_SIZE + 18U)

enum { EVENT_MALFORMED_PACKET };
static const char *const event_names[] = { "malformed_packet", NULL };

/* Arguments of a query, values of a response. */
struct dht_values {
    struct bytes id, target, info_hash, token;
    struct bytes nodes, nodes6; /* compact: whole nodes only */
    struct bytes peers;         /* "values": each with its size (6 or 18) before it */
    bool has_port, has_implied;
    uint64_t port, implied;
};

enum dht_kind { DHT_NONE, DHT_QUERY, DHT_RESPONSE, DHT_ERROR };

struct bittorrent {
    enum dht_kind kind; /* "y" */
    struct bytes transaction, version, query;
    bool has_query, has_response, has_error;
    struct dht_values values;
    uint64_t error_number;
    struct bytes error_text;
};

/* ---- bencoding ---- */

/* Reads digits up to `stop`. Zero has one digit; no number has a zero in front (BEP 3). */
static bool read_number(struct reader *in, uint8_t stop, uint64_t *value)
{
    size_t end = bytes_find_byte(bytes_first(reader_peek(in), 21), stop);
    if (end == SIZE_MAX)
        return false;
    struct bytes digits = reader_bytes(in, end);
    reader_skip(in, 1);
    return digits.size && (digits.size == 1 || digits.data[0] != '0') && bytes_to_u64(digits, value);
}

static uint8_t next_byte(const struct reader *in)
{
    struct bytes data = reader_peek(in);
    return data.size ? data.data[0] : 0;
}

static bool read_string(struct reader *in, struct bytes *value)
{
    uint64_t size;
    if (!read_number(in, ':', &size) || size > reader_left(in))
        return false;
    *value = reader_bytes(in, (size_t)size);
    return true;
}

static bool read_integer(struct reader *in, uint64_t *value)
{
    if (next_byte(in) != 'i')
        return false;
    reader_skip(in, 1);
    return read_number(in, 'e', value);
}

/* True, and past it, when a list or dictionary ends here. */
static bool at_end(struct reader *in)
{
    if (next_byte(in) != 'e' || reader_empty(in))
        return false;
    reader_skip(in, 1);
    return true;
}

/* Passes over one value of any kind; no recursion, nesting is bounded. */
static bool skip_value(struct reader *in)
{
    unsigned depth = 0;
    do {
        uint8_t kind = next_byte(in);
        struct bytes string;
        if (kind == 'd' || kind == 'l') {
            reader_skip(in, 1);
            if (++depth > DEPTH_MAX)
                return false;
        } else if (kind == 'e' && depth) {
            reader_skip(in, 1);
            depth--;
        } else if (kind == 'i') {
            reader_skip(in, 1);
            struct bytes digits = bytes_first(reader_peek(in), 22);
            size_t end = bytes_find_byte(digits, 'e');
            if (end == SIZE_MAX || end == 0)
                return false;
            reader_skip(in, end + 1);
        } else if (!read_string(in, &string)) {
            return false;
        }
    } while (depth);
    return true;
}

/* ---- the message ---- */

static bool read_peers(struct reader *in, struct arena *memory, struct dht_values *values)
{
    if (next_byte(in) != 'l')
        return false;
    reader_skip(in, 1);
    struct bytes start = reader_peek(in), peer;
    unsigned count = 0;
    size_t kept = 0;
    while (!at_end(in)) {
        if (!read_string(in, &peer) || (peer.size != 6 && peer.size != 18))
            return false;
        if (count++ < NODES_MAX)
            kept = start.size - reader_left(in);
    }
    values->peers = arena_copy(memory, bytes_first(start, kept));
    return true;
}

static bool read_nodes(struct reader *in, struct arena *memory, size_t each, struct bytes *nodes)
{
    struct bytes all;
    if (!read_string(in, &all))
        return false;
    *nodes = arena_copy(memory, bytes_first(all, MIN(all.size / each, (size_t)NODES_MAX) * each));
    return true;
}

static bool read_kept(struct reader *in, struct arena *memory, struct bytes *value)
{
    struct bytes string;
    if (!read_string(in, &string))
        return false;
    *value = arena_copy(memory, string);
    return true;
}

static bool read_bounded(struct reader *in, uint64_t most, bool *has, uint64_t *value)
{
    *has = read_integer(in, value) && *value <= most;
    return *has;
}

static bool read_member(struct reader *in, struct arena *memory, struct bytes key, struct dht_values *values)
{
    if (bytes_is(key, "id"))
        return read_kept(in, memory, &values->id);
    if (bytes_is(key, "target"))
        return read_kept(in, memory, &values->target);
    if (bytes_is(key, "info_hash"))
        return read_kept(in, memory, &values->info_hash);
    if (bytes_is(key, "token"))
        return read_kept(in, memory, &values->token);
    if (bytes_is(key, "nodes"))
        return read_nodes(in, memory, NODE_SIZE, &values->nodes);
    if (bytes_is(key, "nodes6"))
        return read_nodes(in, memory, NODE6_SIZE, &values->nodes6);
    if (bytes_is(key, "values"))
        return read_peers(in, memory, values);
    if (bytes_is(key, "port"))
        return read_bounded(in, UINT16_MAX, &values->has_port, &values->port);
    if (bytes_is(key, "implied_port"))
        return read_bounded(in, UINT8_MAX, &values->has_implied, &values->implied);
    return skip_value(in);
}

/* "a" of a query, "r" of a response: a dictionary with the sender's id at least. */
static bool read_values(struct reader *in, struct arena *memory, struct dht_values *values)
{
    struct bytes key;
    if (next_byte(in) != 'd')
        return false;
    reader_skip(in, 1);
    while (!at_end(in))
        if (!read_string(in, &key) || !read_member(in, memory, key, values))
            return false;
    return values->id.data != NULL;
}

static bool read_error(struct reader *in, struct arena *memory, struct bittorrent *dht)
{
    if (next_byte(in) != 'l')
        return false;
    reader_skip(in, 1);
    if (!read_integer(in, &dht->error_number) || !read_kept(in, memory, &dht->error_text))
        return false;
    while (!at_end(in))
        if (!skip_value(in))
            return false;
    return true;
}

static bool read_entry(struct reader *in, struct arena *memory, struct bytes key, struct bytes *kind,
                       struct bittorrent *dht)
{
    if (bytes_is(key, "t"))
        return read_kept(in, memory, &dht->transaction);
    if (bytes_is(key, "v"))
        return read_kept(in, memory, &dht->version);
    if (bytes_is(key, "q"))
        return read_kept(in, memory, &dht->query);
    if (bytes_is(key, "y"))
        return read_string(in, kind);
    if (bytes_is(key, "a") || bytes_is(key, "r")) {
        bool *has = key.data[0] == 'a' ? &dht->has_query : &dht->has_response;
        *has = read_values(in, memory, &dht->values);
        return *has;
    }
    if (bytes_is(key, "e")) {
        dht->has_error = true;
        return read_error(in, memory, dht);
    }
    return skip_value(in);
}

static bool read_message(struct reader *in, struct arena *memory, struct bittorrent *dht)
{
    struct bytes key, kind = BYTES_NONE;
    if (next_byte(in) != 'd')
        return false;
    reader_skip(in, 1);
    while (!at_end(in))
        if (!read_string(in, &key) || !read_entry(in, memory, key, &kind, dht))
            return false;
    if (bytes_is(kind, "q"))
        dht->kind = DHT_QUERY;
    else if (bytes_is(kind, "r"))
        dht->kind = DHT_RESPONSE;
    else if (bytes_is(kind, "e"))
        dht->kind = DHT_ERROR;
    const bool fits[] = { false, dht->query.data && dht->has_query, dht->has_response, dht->has_error };
    return fits[dht->kind];
}

/* Keys are sorted, so that a query begins with its arguments and a response with its values. */
static enum probe dht_probe(enum direction direction, struct bytes data)
{
    struct bytes start = direction == TO_SERVER ? BYTES_OF("d1:ad2:id20:") : BYTES_OF("d1:rd2:id20:");
    return bytes_starts(data, start) ? PROBE_YES : PROBE_NO;
}

static bool dht_datagram(struct session *session, void *state, enum direction direction, struct reader *in)
{
    (void)state;
    struct tx *tx = session_tx_directed(session, direction);
    if (!tx)
        return true;
    struct bittorrent *dht = (struct bittorrent *)tx->record;
    if (!read_message(in, &tx->memory, dht)) {
        *dht = (struct bittorrent){ 0 };
        tx_event(tx, EVENT_MALFORMED_PACKET);
    } else if (!dht->transaction.data) {
        tx_event(tx, EVENT_MALFORMED_PACKET);
    }
    tx_finish_both(tx);
    return true;
}

/* ---- the record ---- */

static void put_address(struct text *out, struct bytes ip, uint16_t port)
{
    json_key(out, "ip");
    if (ip.size == 4) {
        text_add(out, "\"%u.%u.%u.%u\",", ip.data[0], ip.data[1], ip.data[2], ip.data[3]);
    } else {
        /* All digits, as Suricata writes the addresses of nodes. */
        text_char(out, '"');
        for (size_t i = 0; i + 1 < ip.size; i += 2) {
            if (i)
                text_char(out, ':');
            text_hex(out, bytes_first(bytes_from(ip, i), 2));
        }
        text_string(out, "\",");
    }
    json_uint(out, "port", port);
}

static void put_nodes(struct text *out, const char *key, struct bytes nodes, size_t each)
{
    struct reader in = reader_of_bytes(nodes);
    json_open(out, key, '[');
    while (reader_left(&in) >= each) {
        json_open(out, NULL, '{');
        json_hex(out, "id", reader_bytes(&in, ID_SIZE));
        struct bytes ip = reader_bytes(&in, each - ID_SIZE - 2);
        put_address(out, ip, reader_be16(&in));
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_peers(struct text *out, struct bytes peers)
{
    struct reader in = reader_of_bytes(peers);
    struct bytes peer;
    json_open(out, "values", '[');
    while (!reader_empty(&in) && read_string(&in, &peer)) {
        struct reader inner = reader_of_bytes(peer);
        json_open(out, NULL, '{');
        struct bytes ip = reader_bytes(&inner, peer.size - 2);
        put_address(out, ip, reader_be16(&inner));
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_query(struct text *out, const struct dht_values *values)
{
    json_open(out, "request", '{');
    json_hex(out, "id", values->id);
    if (values->target.data)
        json_hex(out, "target", values->target);
    if (values->info_hash.data)
        json_hex(out, "info_hash", values->info_hash);
    if (values->token.data)
        json_hex(out, "token", values->token);
    if (values->has_implied)
        json_uint(out, "implied_port", values->implied);
    if (values->has_port)
        json_uint(out, "port", values->port);
    json_close(out, '}');
}

static void put_response(struct text *out, const struct dht_values *values)
{
    json_open(out, "response", '{');
    json_hex(out, "id", values->id);
    if (values->nodes.size)
        put_nodes(out, "nodes", values->nodes, NODE_SIZE);
    if (values->nodes6.size)
        put_nodes(out, "nodes6", values->nodes6, NODE6_SIZE);
    if (values->peers.size)
        put_peers(out, values->peers);
    if (values->token.data)
        json_hex(out, "token", values->token);
    json_close(out, '}');
}

static void dht_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct bittorrent *dht = (const void *)tx->record;
    (void)extended;
    json_hex(out, "transaction_id", dht->transaction);
    if (dht->version.data)
        json_hex(out, "client_version", dht->version);
    if (dht->kind == DHT_QUERY) {
        json_string(out, "request_type", dht->query);
        put_query(out, &dht->values);
    } else if (dht->kind == DHT_ERROR) {
        json_open(out, "error", '{');
        json_uint(out, "num", dht->error_number);
        json_string(out, "msg", dht->error_text);
        json_close(out, '}');
    } else if (dht->kind == DHT_RESPONSE) {
        put_response(out, &dht->values);
    }
}

const struct protocol bittorrent_dht_protocol = {
    .id = PROTOCOL_bittorrent_dht,
    .name = "bittorrent-dht",
    .title = "BitTorrent DHT",
    .eve_type = "bittorrent_dht",
    .transports = TRANSPORT_UDP,
    .probe = dht_probe,
    .record_size = sizeof(struct bittorrent),
    .tx_memory_max = 16384,
    .datagram = dht_datagram,
    .one_way = true,
    .write = dht_write,
    .events = event_names,
};
