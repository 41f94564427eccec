/* SPDX-License-Identifier: Apache-2.0 */
/* The event record: what the centre indexes of one EVE JSON line, and the line itself. */
#ifndef VONGLAU_EVENT_RECORD_H
#define VONGLAU_EVENT_RECORD_H

#include "base/address.h"
#include "base/arena.h"
#include "base/json.h"

/* EVE's event_type values; the numbers are stored, so append only. */
#define EVENT_TYPES(X)                    \
    X(EVENT_OTHER, "other")               \
    X(EVENT_ALERT, "alert")               \
    X(EVENT_ANOMALY, "anomaly")           \
    X(EVENT_FLOW, "flow")                 \
    X(EVENT_NETFLOW, "netflow")           \
    X(EVENT_STATS, "stats")               \
    X(EVENT_DNS, "dns")                   \
    X(EVENT_TLS, "tls")                   \
    X(EVENT_HTTP, "http")                 \
    X(EVENT_SMTP, "smtp")                 \
    X(EVENT_FILEINFO, "fileinfo")         \
    X(EVENT_DROP, "drop")                 \
    X(EVENT_FRAME, "frame")               \
    X(EVENT_ENGINE, "engine")             \
    X(EVENT_QUIC, "quic")                 \
    X(EVENT_MDNS, "mdns")                 \
    X(EVENT_POP3, "pop3")                 \
    X(EVENT_IMAP, "imap")                 \
    X(EVENT_FTP, "ftp")                   \
    X(EVENT_FTP_DATA, "ftp_data")         \
    X(EVENT_TFTP, "tftp")                 \
    X(EVENT_SSH, "ssh")                   \
    X(EVENT_RDP, "rdp")                   \
    X(EVENT_RFB, "rfb")                   \
    X(EVENT_TELNET, "telnet")             \
    X(EVENT_SMB, "smb")                   \
    X(EVENT_DCERPC, "dcerpc")             \
    X(EVENT_KRB5, "krb5")                 \
    X(EVENT_LDAP, "ldap")                 \
    X(EVENT_NFS, "nfs")                   \
    X(EVENT_RPC, "rpc")                   \
    X(EVENT_DHCP, "dhcp")                 \
    X(EVENT_SNMP, "snmp")                 \
    X(EVENT_NTP, "ntp")                   \
    X(EVENT_SIP, "sip")                   \
    X(EVENT_IKE, "ike")                   \
    X(EVENT_MQTT, "mqtt")                 \
    X(EVENT_WEBSOCKET, "websocket")       \
    X(EVENT_PGSQL, "pgsql")               \
    X(EVENT_MYSQL, "mysql")               \
    X(EVENT_BITTORRENT, "bittorrent_dht") \
    X(EVENT_MODBUS, "modbus")             \
    X(EVENT_DNP3, "dnp3")                 \
    X(EVENT_ENIP, "enip")                 \
    X(EVENT_ARP, "arp")                   \
    X(EVENT_SYSLOG, "syslog")             \
    X(EVENT_BEHAVIOR, "behavior")

#define EVENT_TYPE_ROW(symbol, name) symbol,
enum event_type { EVENT_TYPES(EVENT_TYPE_ROW) EVENT_TYPE_COUNT };
#undef EVENT_TYPE_ROW

/* EVE's name of a type. */
const char *event_type_name(enum event_type type);
/* EVENT_OTHER when the name is not listed. */
enum event_type event_type_of(struct bytes name);

/* What is lost last, and sent first: the class of the spool an event waits in. */
enum event_priority {
    EVENT_PRIORITY_LOW,    /* flow, netflow, stats */
    EVENT_PRIORITY_NORMAL, /* transactions, files, anomalies */
    EVENT_PRIORITY_HIGH,   /* alert, drop, behavior, engine */
    EVENT_PRIORITY_COUNT
};
enum event_priority event_type_priority(enum event_type type);

/* Names an event for good: the sensor's row in the register, its start, its running number. */
struct event_id {
    uint32_t sensor;
    uint64_t boot, sequence;
};

/* All text is borrowed: from `body`, or from the arena where it had to be unescaped. */
struct event_record {
    struct event_id id;
    uint64_t time; /* nanoseconds since 1970, UTC */
    enum event_type type;
    uint32_t agency, system; /* register ids; 0: unknown. Given by ingest */
    struct address source, destination;
    uint16_t source_port, destination_port;
    uint64_t flow_id;
    uint32_t signature_id; /* 0: none */
    uint8_t severity;      /* EVE's alert.severity, 1 is worst; 0: none */
    struct bytes signature, community_id;
    /* The name asked for or visited: dns rrname, tls sni, http hostname, quic sni. */
    struct bytes host;
    struct bytes body; /* the EVE line, verbatim, without its newline */
};

/* Fills `record` (but not id, agency, system) from one EVE line.
 *
 * False when the line is not one JSON object with a readable `timestamp` and an `event_type`; members that
 * are absent or of another type stay empty. Unescaped text is taken from `memory`. */
MUST_CHECK bool event_record_read(struct bytes line, struct event_record *record, struct arena *memory);

#endif
