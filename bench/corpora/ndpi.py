"""nDPI's flows: protocol, JA4 and host name of each."""
import glob, os, re

from corpora import run

# nDPI's master protocols that we parse, by our names.
NAMES = {"HTTP": "http", "TLS": "tls", "DNS": "dns", "QUIC": "quic", "SSH": "ssh", "SMTP": "smtp", "SMTPS": "tls", "FTP_CONTROL": "ftp", "FTP_DATA": "ftp-data",
         "MDNS": "mdns", "LLMNR": "llmnr", "SIP": "sip", "DHCP": "dhcp", "NTP": "ntp", "SNMP": "snmp", "Kerberos": "krb5", "LDAP": "ldap",
         "SMBv1": "smb", "SMBv23": "smb", "NFS": "nfs", "RDP": "rdp", "VNC": "rfb", "RFB": "rfb", "MQTT": "mqtt", "TFTP": "tftp", "PostgreSQL": "pgsql", "MySQL": "mysql",
         "DNP3": "dnp3", "Modbus": "modbus", "EthernetIP": "enip", "ETHERNET_IP": "enip", "IMAP": "imap", "POP3": "pop3", "TELNET": "telnet", "Telnet": "telnet",
         "WebSocket": "websocket", "IPSec": "ike", "DCE_RPC": "dcerpc", "POPS": "tls", "IMAPS": "tls", "DoH_DoT": "tls", "HTTP_Connect": "http", "HTTP_Proxy": "http"}
LINE = re.compile(r"^\s+\d+\s+(TCP|UDP|ICMP|ICMPV6|SCTP) (\S+?):(\d+) (?:<->|->) (\S+?):(\d+) .*?\[proto: [\d.]+/([^\]]+)\]")


def compare(corpus, runner, result):
    folder = os.path.join(corpus, "ndpi", "default")
    for capture in sorted(glob.glob(os.path.join(folder, "pcap", "*"))):
        name = re.sub(r"\.(gz|xz)$", "", os.path.basename(capture))
        events = runner.events(capture)
        path = os.path.join(folder, "result", name + ".out")
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as f:
                flows_of(name, f, events, result)


def flows_of(name, lines, events, result):
    flows = run.by_flow(events, "flow")
    names, prints = {}, {}
    for e in events:
        kind = e["event_type"]
        record = e.get(kind, {}) if isinstance(e.get(kind), dict) else {}
        k = run.key(e)
        names.setdefault(k, set()).update(str(record[f]).lower() for f in ("sni", "hostname") if f in record)
        for q in record.get("queries") or []:
            names[k].add(str(q.get("rrname", "")).lower())
        if "ja4" in record:
            prints.setdefault(k, set()).add(record["ja4"])
    for line in lines:
        found = LINE.match(line)
        if not found:
            continue
        transport, a, a_port, b, b_port, protocol = found.groups()
        k = run.ends(transport, a.strip("[]"), a_port, b.strip("[]"), b_port)
        flow_of(name, line, k, protocol, flows, names, prints, result)


def flow_of(name, line, k, protocol, flows, names, prints, result):
    where, mine = (name,) + k, flows.get(k, [])
    result.compare("flow", True, bool(mine), where)
    if not mine or k[0] not in (6, 17):
        return
    guessed = "[Confidence: DPI]" not in line
    wanted = [NAMES[p] for p in protocol.split(".") if p in NAMES]
    if wanted and not guessed:
        spoken = {f.get(a) for f in mine for a in ("app_proto", "app_proto_orig", "app_proto_ts", "app_proto_tc", "app_proto_expected")}
        result.compare("protocol." + wanted[0], wanted[0], wanted[0] if spoken & set(wanted) else sorted(str(s) for s in spoken if s), where)
    # Its first part differs on purpose: two first letters of the ALPN value, and its own idea of a server name.
    ja4 = re.search(r"\[JA4: (\w+)_(\w+)_(\w+)\]", line)
    if ja4:
        for number, field in ((2, "ja4.ciphers"), (3, "ja4.extensions")):
            mine = {p.split("_")[number - 1] for p in prints.get(k, ())}
            result.compare(field, ja4.group(number), ja4.group(number) if ja4.group(number) in mine else sorted(mine), where)
    host = re.search(r"\[Hostname/SNI: ([^\]]+)\]", line)
    if host and wanted and wanted[0] in ("tls", "http", "quic", "dns"):
        text = host.group(1).lower()
        mine = names.get(k, set())
        result.compare("host", text, text if any(n == text or n.rsplit(":", 1)[0] == text for n in mine) else sorted(mine), where)
