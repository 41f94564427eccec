"""Arkime's sessions: community id, fingerprints and metadata of protocols."""
import email.header, glob, json, lzma, os, re

from corpora import run


def values(records, *path):
    found = []
    for record in records:
        at = [record]
        for step in path:
            at = [x for a in at for x in ([a.get(step)] if isinstance(a, dict) else [i.get(step) for i in a if isinstance(i, dict)] if isinstance(a, list) else [])]
            at = [i for x in at for i in (x if isinstance(x, list) else [x])]
        found += [str(v) for v in at if v is not None]
    return {v.lower() for v in found}


def dns_names(of):
    return values(of["dns"], "dns", "queries", "rrname") | values(of["dns"], "dns", "rrname") | values(of["dns"], "dns", "answers", "rrname")


def subject(text):
    """Encoded words (RFC 2047) as Arkime shows them; our record has the line as it was sent."""
    try:
        return str(email.header.make_header(email.header.decode_header(text))).lower()
    except (LookupError, ValueError):
        return text


# Arkime's field, what of ours it is compared with.
FIELDS = {
    "http.method": lambda of: values(of["http"], "http", "http_method"),
    "http.statuscode": lambda of: values(of["http"], "http", "status"),
    "http.useragent": lambda of: values(of["http"], "http", "http_user_agent"),
    "http.request-referer": lambda of: values(of["http"], "http", "http_refer"),
    "http.host": lambda of: values(of["http"], "http", "hostname"),
    "http.path": lambda of: {u.split("?")[0] for u in values(of["http"], "http", "url")},
    "tls.ja3": lambda of: values(of["tls"] + of["quic"], "tls", "ja3", "hash") | values(of["quic"], "quic", "ja3", "hash"),
    "tls.ja3s": lambda of: values(of["tls"], "tls", "ja3s", "hash"),
    "tls.ja4": lambda of: values(of["tls"], "tls", "ja4") | values(of["quic"], "quic", "ja4"),
    "quic.host": lambda of: values(of["quic"], "quic", "sni"),
    "ssh.hassh": lambda of: values(of["ssh"], "ssh", "client", "hassh", "hash"),
    "ssh.hasshServer": lambda of: values(of["ssh"], "ssh", "server", "hassh", "hash"),
    "dns.host": dns_names,
    "email.subject": lambda of: {subject(str(r["email"]["subject"])) for r in of["smtp"] if "subject" in r.get("email", {})},
    "email.smtpHello": lambda of: values(of["smtp"], "smtp", "helo"),
    "http.md5": lambda of: values(of["fileinfo"], "fileinfo", "md5"),
    "http.sha256": lambda of: values(of["fileinfo"], "fileinfo", "sha256"),
    "ldap.bindname": lambda of: values(of["ldap"], "ldap", "request", "bind_request", "name"),
    "tftp.filename": lambda of: values(of["tftp"], "tftp", "file"),
    "krb5.realm": lambda of: values(of["krb5"], "krb5", "realm"),
    "snmp.community": lambda of: values(of["snmp"], "snmp", "community"),
    "mysql.version": lambda of: values(of["mysql"], "mysql", "version"),
}
KINDS = ("http", "tls", "quic", "ssh", "dns", "smtp", "fileinfo", "ldap", "tftp", "krb5", "snmp", "mysql")


def at(body, path):
    for step in path.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    return body if isinstance(body, list) else [] if body is None else [body]


def compare(corpus, runner, result):
    folder = os.path.join(corpus, "fingerprints", "arkime-sessions")
    for capture in sorted(glob.glob(os.path.join(folder, "pcap", "*"))):
        name = os.path.basename(capture)
        stem = name[: name.index(".pcap")]
        path = glob.glob(os.path.join(folder, "expected", glob.escape(stem) + ".test.json*"))
        events = runner.events(capture)
        if not path:
            continue
        with (lzma.open if path[0].endswith(".xz") else open)(path[0]) as f:
            sessions = json.load(f)["sessions3"]
        flows = run.by_flow(events, "flow")
        records = {kind: run.by_flow(events, kind) for kind in KINDS}
        for session in sessions:
            session_of(name, session["body"], flows, records, result)


def session_of(name, body, flows, records, result):
    if "source" not in body or "ip" not in body["source"]:
        return
    k = run.ends(body.get("ipProtocol"), body["source"]["ip"], body["source"].get("port"), body["destination"]["ip"],
                 body["destination"].get("port"))
    where = (name,) + k
    community = body.get("network", {}).get("community_id")
    if community:
        mine = {f.get("community_id") for f in flows.get(k, [])}
        result.compare("community_id", community, community if community in mine else sorted(m for m in mine if m), where)
    of = {kind: records[kind].get(k, []) for kind in KINDS}
    for field, get in FIELDS.items():
        # Of a session without HTTP, http.host is the name in a TLS hello.
        if field == "http.host" and "http" not in body.get("protocol", []):
            continue
        for wanted in at(body, field):
            mine = get(of)
            text = re.sub(r":\d+$", "", str(wanted).lower()) if field == "http.host" else str(wanted).lower()
            result.compare(field, text, text if text in mine else sorted(mine), where)
    certificates(body.get("cert", []), of, result, where)


def certificates(chain, of, result, where):
    """Ours is the server's own: its serial number, the only member that both spell alike, must be one of the chain's."""
    theirs = {c["serial"].lower().lstrip("0") for c in chain if c.get("serial")}
    for record in of["tls"]:
        serial = record["tls"].get("serial", "").replace(":", "").lower().lstrip("0")
        if serial and theirs:
            result.compare("cert.serial", True, serial in theirs, where)
