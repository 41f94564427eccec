"""Zeek's logs of its own test traces: connections, DNS, HTTP, TLS, certificates, files, SSH, mail, QUIC, SIP."""
import collections, glob, os, re

from corpora import run

SERVICES = {"ssl": "tls", "krb": "krb5", "krb_tcp": "krb5", "ldap_tcp": "ldap", "ldap_udp": "ldap", "dce_rpc": "dcerpc", "postgresql": "pgsql",
            "dnp3_tcp": "dnp3", "dnp3_udp": "dnp3", "ftp-data": "ftp-data"}
KNOWN = {"tls", "krb5", "ldap", "dcerpc", "pgsql", "dnp3", "ftp-data", "http", "dns", "ssh", "smtp", "ftp", "quic", "sip", "dhcp", "mysql", "smb", "rdp",
         "rfb", "mqtt", "ntp", "snmp", "modbus", "imap", "pop3", "websocket"}
VERSIONS = {"TLSv10": "TLSv1", "TLSv11": "TLS 1.1", "TLSv12": "TLS 1.2", "TLSv13": "TLS 1.3", "SSLv3": "SSLv3", "SSLv2": "SSLv2"}


def read_log(path):
    """Rows of a TSV log; unset fields are left out."""
    fields = []
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("#fields"):
                fields = line.split("\t")[1:]
            elif line and not line.startswith("#"):
                yield {k: unescape(v) for k, v in zip(fields, line.split("\t")) if v != "-"}


def unescape(text):
    return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m.group(1), 16)), text) if "\\x" in text else text


def tests(folder):
    """Test, trace and whether a script of its own changed what is logged, of each test with one trace."""
    for test in sorted(glob.glob(os.path.join(folder, "expected", "*"))):
        with open(os.path.join(test, "commands.txt"), errors="replace") as f:
            text = f.read()
        traces = re.search(r"^trace\(s\): (.*)$", text, re.M)
        names = traces.group(1).replace(",", " ").split() if traces else []
        if len(names) == 1:
            yield test, os.path.join(folder, "traces", names[0]), "custom_script: yes" in text


def conversation(row):
    return run.ends(row.get("proto", "tcp"), row["id.orig_h"], row["id.orig_p"], row["id.resp_h"], row["id.resp_p"])


def compare(corpus, runner, result):
    folder = os.path.join(corpus, "zeek", "btest")
    known, events_of = {}, {}
    wanted = collections.defaultdict(list)
    for test, trace, changed in tests(folder):
        wanted[trace].append((test, changed))
    for trace in sorted(glob.glob(os.path.join(folder, "traces", "**", "*"), recursive=True)):
        if os.path.isfile(trace) and re.search(r"\.(p?cap(ng)?|trace|dmp)(\.gz|\.xz)?$", trace):
            events = runner.events(trace)
            plain = re.sub(r"\.(gz|xz)$", "", trace)
            for test, changed in {t[0]: t for t in wanted.get(trace, []) + wanted.get(plain, [])}.values():
                for log, check in LOGS.items():
                    path = os.path.join(test, log + ".log")
                    if os.path.exists(path) and not (changed and log == "conn"):
                        rows = list(read_log(path))
                        if log in ("x509", "files") or all("id.orig_h" in r for r in rows):
                            check(os.path.basename(test), rows, events, result)


def conn(name, rows, events, result):
    flows = run.by_flow(events, "flow")
    times = collections.Counter(conversation(r) for r in rows)
    for row in rows:
        k = conversation(row)
        if row.get("proto") not in ("tcp", "udp", "icmp"):
            continue
        if row["proto"] == "icmp":
            k = (58 if ":" in row["id.orig_h"] else 1,) + k[1:]
        mine = flows.get(k, [])
        where = (name,) + k
        result.compare("conn.flow", True, bool(mine), where)
        if not mine or times[k] != 1 or len(mine) != 1 or row["proto"] == "icmp":
            continue
        flow, same = mine[0], run.address(mine[0]["src_ip"]) == run.address(row["id.orig_h"]) and mine[0]["src_port"] == int(row["id.orig_p"])
        for theirs, up in (("orig_pkts", same), ("resp_pkts", not same)):
            if theirs in row:
                result.compare("conn." + theirs, int(row[theirs]), flow["flow"]["pkts_toserver" if up else "pkts_toclient"], where)
        service = row.get("service", "")
        if service and "," not in service and SERVICES.get(service, service) in KNOWN:
            result.compare("conn.service", SERVICES.get(service, service), flow.get("app_proto"), where)


def among(result, field, wanted, mine, where):
    result.compare(field, wanted, wanted if wanted in mine else sorted(mine, key=str), where)


def as_dns(message):
    """The records of mDNS have types in small letters, and an answer's data under its type."""
    answers = [{**a, "rdata": next((v for k, v in a.items() if k != "rrname"), "")} for a in message.get("answers") or []]
    queries = [{**q, "rrtype": q.get("rrtype", "").upper()} for q in message.get("queries") or []]
    return {**message, "queries": queries, "answers": answers, "rcode": {0: "NOERROR"}.get(message.get("rcode"), message.get("rcode"))}


def dns(name, rows, events, result):
    records = run.by_flow(events, "dns")
    for kind in ("mdns", "llmnr"):
        for k, found in run.by_flow(events, kind).items():
            records[k] += [{**r, "dns": as_dns(r.get(kind) or r.get("dns", {}))} for r in found]
    for row in rows:
        k = conversation(row)
        mine = [r["dns"] for r in records.get(k, [])]
        where = (name,) + k
        same = [r for r in mine if str(r.get("id")) == row.get("trans_id")] or mine
        questions = [q for r in same for part in ("queries", "answers", "authorities") for q in r.get(part) or []] or same
        if "query" in row:
            among(result, "dns.query", row["query"].lower().rstrip("."), {str(q.get("rrname", "")).lower() for q in questions}, where)
        if row.get("qtype_name") and not row["qtype_name"].startswith("query-"):
            among(result, "dns.qtype_name", {"*": "ANY"}.get(row["qtype_name"], row["qtype_name"]), {q.get("rrtype") for q in questions}, where)
        if row.get("rcode_name"):
            among(result, "dns.rcode_name", row["rcode_name"], {r.get("rcode") for r in same if r.get("rcode")}, where)
        for answer in row.get("answers", "").split(","):
            if answer and " " not in answer and not answer.startswith("<"):
                data = {run.address(str(a.get("rdata", "")).lower()) for r in same for a in r.get("answers") or []}
                data |= {str(a.get("rdata", "")).lower() for r in same for a in r.get("answers") or []}
                among(result, "dns.answers", run.address(answer.lower()), data, where)


def http(name, rows, events, result):
    records = run.by_flow(events, "http")
    # Our host names are without port; an answer that says no status has 0 there and none here.
    rows = [{k: v.rsplit(":", 1)[0] if k == "host" and re.search(r":\d+$", v) else v for k, v in r.items() if (k, v) != ("status_code", "0")}
            for r in rows]
    ours = {"method": "http_method", "host": "hostname", "uri": "url", "user_agent": "http_user_agent", "referrer": "http_refer",
            "status_code": "status"}
    for row in rows:
        k = conversation({**row, "proto": "tcp"})
        mine = [r["http"] for r in records.get(k, [])]
        for theirs, our in ours.items():
            if theirs in row:
                among(result, "http." + theirs, row[theirs], {str(r.get(our, "")) for r in mine}, (name,) + k)


def ssl(name, rows, events, result):
    tls, quic = run.by_flow(events, "tls"), run.by_flow(events, "quic")
    for row in rows:
        k = conversation({**row, "proto": "tcp"})
        mine = [r["tls"] for r in tls.get(k, [])]
        where = (name,) + k
        if not mine and (17,) + k[1:] in quic or row.get("version", "").startswith("DTLS"):
            continue
        if "version" in row:
            among(result, "ssl.version", VERSIONS.get(row["version"], row["version"].replace("TLSv13-draft", "TLS 1.3 draft-")), {r.get("version") for r in mine}, where)
        if "server_name" in row:
            among(result, "ssl.server_name", row["server_name"], {r.get("sni") for r in mine}, where)
        if "next_protocol" in row and row.get("version") != "TLSv13":
            among(result, "ssl.next_protocol", row["next_protocol"], {p for r in mine for p in r.get("server_alpns", [])}, where)


def x509(name, rows, events, result):
    chains = [e["tls"] for e in events if e["event_type"] == "tls" and "serial" in e["tls"]]
    serials = {c["serial"].replace(":", "").upper().lstrip("0") for c in chains}
    hosts = [r for r in rows if r.get("host_cert") == "T" and r.get("client_cert") == "F"]
    for row in hosts:
        among(result, "x509.serial", row["certificate.serial"].lstrip("0"), serials, (name,))


def files(name, rows, events, result):
    records = [e["fileinfo"] for e in events if e["event_type"] == "fileinfo"]
    for row in rows:
        if row.get("source") not in ("HTTP", "SMTP", "FTP_DATA", "SMB") or row.get("missing_bytes") != "0" or "parent_fuid" in row:
            continue
        for kind in ("md5", "sha1"):
            if kind in row:
                among(result, "files." + kind, row[kind], {r.get(kind) for r in records if r.get(kind)}, (name, row["source"]))


def ssh(name, rows, events, result):
    records = run.by_flow(events, "ssh")
    for row in rows:
        k = conversation({**row, "proto": "tcp"})
        mine = [r["ssh"] for r in records.get(k, [])]
        for side in ("client", "server"):
            if side in row:
                banners = {f"SSH-{r[side].get('proto_version')}-{r[side].get('software_version')}" for r in mine if side in r}
                among(result, "ssh." + side, row[side].split(" ")[0], banners, (name,) + k)  # comments are not kept


def smtp(name, rows, events, result):
    records = run.by_flow(events, "smtp")
    for row in rows:
        k = conversation({**row, "proto": "tcp"})
        mine, where = records.get(k, []), (name,) + conversation({**row, "proto": "tcp"})
        if "helo" in row:
            among(result, "smtp.helo", row["helo"], {r["smtp"].get("helo") for r in mine}, where)
        if "mailfrom" in row:
            among(result, "smtp.mailfrom", row["mailfrom"], {str(r["smtp"].get("mail_from", "")).strip("<>") for r in mine}, where)
        for to in row.get("rcptto", "").split(","):
            if to:
                among(result, "smtp.rcptto", to, {t.strip("<>") for r in mine for t in r["smtp"].get("rcpt_to", [])}, where)
        if "subject" in row:
            among(result, "smtp.subject", row["subject"], {r.get("email", {}).get("subject") for r in mine} | {r["smtp"].get("subject") for r in mine}, where)


def quic(name, rows, events, result):
    records = run.by_flow(events, "quic")
    for row in rows:
        k = conversation({**row, "proto": "udp"})
        if "server_name" in row:
            among(result, "quic.server_name", row["server_name"], {r["quic"].get("sni") for r in records.get(k, [])}, (name,) + k)


def sip(name, rows, events, result):
    records = [e["sip"] for e in events if e["event_type"] == "sip"]
    for row in rows:
        if "method" in row:
            among(result, "sip.method", row["method"], {r.get("method") for r in records}, (name,))
        if "uri" in row:
            among(result, "sip.uri", row["uri"], {r.get("uri") for r in records}, (name,))
        if "status_code" in row:
            among(result, "sip.status_code", row["status_code"], {r.get("code") for r in records}, (name,))


LOGS = {"conn": conn, "dns": dns, "http": http, "ssl": ssl, "x509": x509, "files": files, "ssh": ssh, "smtp": smtp, "quic": quic, "sip": sip}
