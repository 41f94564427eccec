"""Runs the sensor over a capture and hands out its events."""
import collections, gzip, hashlib, ipaddress, json, lzma, os, shutil, subprocess

TIME_MAX = 60
YAML = """%YAML 1.1
---
vars:
  address-groups: {HOME_NET: "any", EXTERNAL_NET: "any"}
decoder:
  vxlan: {enabled: true, ports: "4789,8472"}
  geneve: {enabled: true, ports: 6081}
  recursion-level: {use-for-tracking: true}
stream: {midstream: true, async-oneside: true}
app-layer:
  protocols:
    tls: {ja3-fingerprints: yes, ja4-fingerprints: yes}
    quic: {ja3-fingerprints: yes, ja4-fingerprints: yes}
    ssh: {hassh: yes}
    modbus: {enabled: yes}
    dnp3: {enabled: yes}
    enip: {enabled: yes, detection-ports: {dp: 44818, sp: 44818}}
    http: {libhtp: {default-config: {request-body-limit: 0, response-body-limit: 0}}}
outputs:
  - eve-log:
      enabled: yes
      filename: eve.json
      community-id: true
      community-id-seed: %SEED%
      types:
        - flow
        - http: {extended: yes}
        - dns
        - tls: {extended: yes, ja4: yes}
        - files: {force-hash: [md5, sha1, sha256]}
        - smtp: {extended: yes, custom: [subject, received, x-mailer, user-agent, message-id]}
        - ssh
        - modbus
        - dnp3
        - enip
        - llmnr
        - websocket
        - ftp
        - ftp_data
        - quic
        - sip
        - dhcp: {extended: yes}
        - krb5
        - ldap
        - snmp
        - smb
        - nfs
        - rdp
        - rfb
        - mqtt
        - mysql
        - pgsql: {enabled: yes}
        - ike
        - tftp
        - ntp
        - mdns
        - arp: {enabled: yes}
"""


class Runner:
    def __init__(self, sensor, sanitized, work):
        self.programs = [os.path.realpath(sensor)] + ([os.path.realpath(sanitized)] if sanitized else [])
        self.work, self.captures = work, 0
        self.trouble, self.said = collections.Counter(crash=0, hang=0, report=0), []
        os.makedirs(work, exist_ok=True)

    def events(self, capture, seed=0):
        """All events of a capture, read with fresh state."""
        self.captures += 1
        plain = self.plain(capture)
        out = os.path.join(self.work, hashlib.sha1(f"{capture} {seed}".encode()).hexdigest()[:16])
        for program in reversed(self.programs):
            shutil.rmtree(out, ignore_errors=True)
            os.makedirs(out)
            self.run(program, capture, plain, out, seed)
        found = []
        try:
            with open(os.path.join(out, "eve.json"), encoding="utf-8", errors="replace") as f:
                for line in f:
                    found.append(json.loads(line))
        except FileNotFoundError:
            pass
        shutil.rmtree(out, ignore_errors=True)
        return found

    def plain(self, capture):
        opener = gzip.open if capture.endswith(".gz") else lzma.open if capture.endswith(".xz") else None
        if not opener:
            return capture
        plain = os.path.join(self.work, "unpacked", os.path.basename(capture).rsplit(".", 1)[0])
        os.makedirs(os.path.dirname(plain), exist_ok=True)
        with opener(capture) as f, open(plain, "wb") as out:
            shutil.copyfileobj(f, out)
        return plain

    def run(self, program, capture, plain, out, seed):
        yaml = os.path.join(out, "settings.yaml")
        with open(yaml, "w") as f:
            f.write(YAML.replace("%SEED%", str(seed)))
        try:
            child = subprocess.run([program, "-c", yaml, "-r", plain, "-l", out, "-k", "none", "--disable-detection", "--no-sandbox"], capture_output=True,
                                   timeout=TIME_MAX, env={**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1", "ASAN_OPTIONS": "exitcode=99"})
        except subprocess.TimeoutExpired:
            self.note("hang", capture, "did not end")
            return
        said = child.stderr.decode("utf-8", "replace")
        if "Sanitizer" in said or "runtime error" in said:
            self.note("report", capture, next(l for l in said.splitlines() if "Sanitizer" in l or "runtime error" in l))
        elif child.returncode < 0:
            self.note("crash", capture, f"signal {-child.returncode}")

    def note(self, kind, capture, text):
        self.trouble[kind] += 1
        self.said.append(f"{kind}: {capture}: {text}")


def address(text):
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return text
    return str(ip)


PROTOCOLS = {"TCP": 6, "UDP": 17, "ICMP": 1, "IPv6-ICMP": 58, "SCTP": 132, "ICMPV6": 58, "IGMP": 2, "GRE": 47, "ESP": 50}


def ends(protocol, a, a_port, b, b_port):
    """A conversation, whichever side is named first. ICMP has types for ports, which only one side needs to agree about."""
    number = PROTOCOLS.get(protocol, PROTOCOLS.get(str(protocol).upper(), protocol))
    if number not in (6, 17, 132) or (number == 132 and 0 in (int(a_port or 0), int(b_port or 0))):
        a_port = b_port = 0
    return (number,) + tuple(sorted([(address(a), int(a_port or 0)), (address(b), int(b_port or 0))]))


def key(event):
    return ends(event.get("proto"), event.get("src_ip"), event.get("src_port"), event.get("dest_ip"), event.get("dest_port"))


def by_flow(events, kind):
    found = collections.defaultdict(list)
    for e in events:
        if e.get("event_type") == kind:
            found[key(e)].append(e)
    return found
