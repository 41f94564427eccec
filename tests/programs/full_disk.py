#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The programs on a disk that is full: a file system of a few megabytes in memory, filled by them and by others.

usage: full_disk.py PATH_OF_vonglau PATH_OF_vonglau-sensor

Without the right to mount, the test takes a name space of its own; without that either it fails.
"""
import http.client, json, os, random, shutil, signal, socket, sqlite3, ssl, struct, subprocess, sys, tempfile, time, zlib

vonglau, sensor = sys.argv[1:3]
passed = failed = 0
# The sandbox keeps a leak checker from its work, and the checker waits for ever.
os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))
PASSWORD = "Mua-xuan-2026-tren-cao"
PATIENCE = 300  # seconds; only what fails takes them


def check(what, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else ': ' + str(detail)[:600]}", flush=True)


def mount(path, size):
    os.makedirs(path, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path], capture_output=True, text=True)
    if done.returncode == 0:
        return
    if "--apart" not in sys.argv:
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--mount", sys.executable, *sys.argv, "--apart"])
    sys.exit(f"no file system can be mounted here: {done.stderr}")


def free(path):
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def fill(path):
    """Takes every block that is left."""
    with open(path, "ab", buffering=0) as file:
        for size in (65536, 4096):
            try:
                while True:
                    file.write(b"\xa5" * size)
            except OSError:
                pass


# ---- the centre ----

class Center:
    running = []

    def __init__(self, state, port=0):
        self.state = state
        self.process = subprocess.Popen([vonglau, "center", "--state", state, "--listen", f"127.0.0.1:{port}"],
                                        stdout=subprocess.PIPE, stderr=open(os.path.join(os.path.dirname(os.path.dirname(state)), "center.log"), "ab"), text=True)
        Center.running.append(self.process)
        line = self.process.stdout.readline()
        self.port = int(line.rsplit(":", 1)[1].strip("/\n")) if "https" in line else 0

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def ask(self, method, path, body=None, headers=None, identity=None):
        """Status, the answer as text, and its headers."""
        context = ssl._create_unverified_context()
        if identity:
            context.load_cert_chain(os.path.join(identity, "sensor.pem"), os.path.join(identity, "sensor.key"))
        link = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=context)
        sent = dict(headers or {})
        if isinstance(body, dict):
            body, sent = json.dumps(body).encode(), {"Content-Type": "application/json", **sent}
        link.request(method, path, body=body, headers=sent)
        answer = link.getresponse()
        text = answer.read().decode("utf-8", "replace")
        link.close()
        return answer.status, text, answer.headers


def code_of(text):
    try:
        return json.loads(text)["error"]["code"]
    except (ValueError, KeyError):
        return None


class Person:
    """Somebody signed in at the page."""
    def __init__(self, center, name, password):
        self.center = center
        self.status, self.text, headers = center.ask("POST", "/api/session", {"name": name, "password": password})
        if self.status == 200:
            self.headers = {"Cookie": headers["Set-Cookie"].split(";")[0], "X-CSRF-Token": json.loads(self.text)["csrf"]}

    def ask(self, method, path, body=None, headers=None):
        return self.center.ask(method, path, body, {**self.headers, **(headers or {})})


def enrol(center, identity):
    code = subprocess.run([vonglau, "admin", "enrol", "sensor-01", "--state", center.state], capture_output=True, text=True).stdout.strip()
    done = subprocess.run([sensor, "enrol", f"https://127.0.0.1:{center.port}", code, identity], capture_output=True, text=True)
    check("a sensor enrols", done.returncode == 0, done.stderr)


class Deliverer:
    """Deliveries as src/event/frame.h has them, as text; counts what was acknowledged."""
    def __init__(self, identity):
        self.identity, self.sequence, self.boot = identity, 0, 77
        self.random = random.Random(4)
        self.events = self.alerts = 0
        self.refused = None

    def event(self, kind):
        when = time.strftime("%Y-%m-%dT%H:%M:%S.000000+0000", time.gmtime())
        event = {"timestamp": when, "flow_id": self.random.getrandbits(48), "event_type": kind, "src_ip": f"10.1.{self.random.randrange(200)}.7",
                 "src_port": 1024 + self.random.randrange(60000), "dest_ip": "203.0.113.9", "dest_port": 53, "proto": "UDP"}
        if kind == "alert":
            event["alert"] = {"action": "allowed", "gid": 1, "signature_id": 9000001, "rev": 1, "signature": "full disk", "category": "", "severity": 2}
        else:
            event["dns"] = {"type": "request", "rrname": self.random.randbytes(4).hex() + ".example.vn", "rdata": self.random.randbytes(400).hex()}
        return event

    def make(self, count):
        kinds = ["alert" if i % 10 == 0 else "dns" for i in range(count)]
        lines = b"".join(b"%d %s\n" % (0 if i == 0 else 1, json.dumps(self.event(kind), separators=(",", ":")).encode()) for i, kind in enumerate(kinds))
        head = struct.pack(">4sBBHQQQIII", b"VLE1", 1, 0, 0, self.boot, self.sequence + 1, self.sequence + count, count, len(lines), len(lines))
        self.sequence += count
        return head + struct.pack(">I", zlib.crc32(head + lines)) + lines, count, kinds.count("alert")

    def send(self, center, made):
        status, text, _ = center.ask("POST", "/sensor/v1/events", made[0], {"Content-Type": "application/vnd.vonglau.events"}, self.identity)
        if status == 200:
            self.events += made[1]
            self.alerts += made[2]
        return status, text

    def until_refused(self, center, most=3000):
        """Sends what was refused last, then more, until the centre refuses."""
        for _ in range(most):
            made = self.refused or self.make(200)
            status, text = self.send(center, made)
            self.refused = None if status == 200 else made
            if status != 200:
                return status, text
        return 200, "never refused"

    def until_full(self, center, person):
        """Until the centre refuses, and then says that it is full: what it answers to a delivery, at /readyz, and to
        those who are signed in. A reader can keep a write-ahead log from being copied into its file, so a refused
        delivery may be taken a moment later; of the last block that cannot be said for long."""
        for _ in range(50):
            answers = self.until_refused(center), center.ask("GET", "/readyz"), person.ask("GET", "/api/health")
            if answers[1][0] == 503 and '"full"' in answers[2][1]:
                break
        return answers

    def beat(self, center):
        when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        return center.ask("POST", "/sensor/v1/heartbeat", {"time": when, "version": "1", "counters": {}}, None, self.identity)


def stored_now(center):
    figures = dict(line.rsplit(" ", 1) for line in center.ask("GET", "/metrics")[1].splitlines() if line[:1] != "#")
    return int(figures.get("vonglau_store_events", 0))


def stored(center):
    """Events and alerts in the store, alerts counted in groups, from the files of a stopped centre."""
    events = alerts = 0
    folder = os.path.join(center.state, "events")
    sound = True
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".db"):
            continue
        base = sqlite3.connect(os.path.join(folder, name))
        count = base.execute("SELECT coalesce(sum(count), 0) FROM per_hour").fetchone()[0]
        rows = base.execute("SELECT count(*) FROM alert" if "alerts" in name else "SELECT coalesce(sum(count), 0) FROM block").fetchone()[0]
        sound &= base.execute("PRAGMA integrity_check").fetchone()[0] == "ok" and rows == count
        events += count
        alerts += count if "alerts" in name else 0
        base.close()
    registry = sqlite3.connect(os.path.join(center.state, "registry.db"))
    grouped = registry.execute("SELECT coalesce(sum(count), 0) FROM alert_group").fetchone()[0]
    sound &= registry.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    registry.close()
    return events, alerts, grouped, sound


def the_centre(folder):
    disk, identity = os.path.join(folder, "disk"), os.path.join(folder, "identity")
    mount(disk, "24m")
    state, ballast, rest = (os.path.join(disk, name) for name in ("state", "ballast", "rest"))
    with open(ballast, "wb") as file:
        file.write(b"\0" * (6 << 20))
    center = Center(state)
    made = subprocess.run([vonglau, "admin", "create-user", "truc", "duty", "Trực ban", "--state", state], capture_output=True, text=True).stdout.strip()
    person = Person(center, "truc", made)
    status, text, _ = person.ask("POST", "/api/account/password", {"old": made, "new": PASSWORD})
    check("somebody signs in", status == 200, text)
    person = Person(center, "truc", PASSWORD)
    enrol(center, identity)
    deliverer = Deliverer(identity)
    incident = {"title": "Đầy đĩa", "type": "malware", "severity": "ordinary", "summary": "x"}
    status, text, _ = person.ask("POST", "/api/incidents", incident)
    check("an incident is opened", status == 201, text)
    case = json.loads(text).get("id")
    check("with room the centre is ready", center.ask("GET", "/readyz")[0] == 200 and
          json.loads(person.ask("GET", "/api/health")[1])["storage"]["state"] == "ok")

    (status, text), ready, health = deliverer.until_full(center, person)
    check("a delivery too many is refused with 503 disk_full", status == 503 and code_of(text) == "disk_full", (status, text))
    check("after many that were taken", deliverer.events > 2000, deliverer.events)
    check("the centre says that it is not ready, and why", ready[0] == 503 and code_of(ready[1]) == "disk_full", ready[:2])
    check("and tells those who are signed in", health[0] == 200 and json.loads(health[1])["storage"]["state"] == "full", health[:2])
    check("people can still sign in", Person(center, "truc", PASSWORD).status == 200)
    status, text, _ = person.ask("POST", f"/api/incidents/{case}/notes", {"text": "Đang dọn đĩa"})
    check("and work", status == 201, text)
    check("a sign of life is taken", deliverer.beat(center)[0] == 200)

    fill(rest)
    check("others take the last block", free(disk) < 4096, free(disk))
    status, text = deliverer.until_refused(center)
    check("a delivery is refused still", status == 503 and code_of(text) == "disk_full", (status, text))
    for path in ("/api/today", "/api/incidents?state=all", "/api/events?from=-1h&limit=20", "/api/alerts?state=all", "/api/session"):
        status, text, _ = person.ask("GET", path)
        check(f"{path.split('?')[0]} is read on a full disk", status == 200, (status, text))
    taken, status = -1, 201
    while status == 201 and taken < 50:  # room that came back is used, and taken again
        taken += 1
        fill(rest)
        status, text, _ = person.ask("POST", f"/api/incidents/{case}/evidence?name=a.bin", os.urandom(300000), {"Content-Type": "application/octet-stream"})
    check("evidence is refused with 503 disk_full", status == 503 and code_of(text) == "disk_full", (status, text))
    check("and leaves nothing behind", len(os.listdir(os.path.join(state, "evidence"))) == taken, (taken, os.listdir(os.path.join(state, "evidence"))))
    status = 201
    written = 0
    while status == 201 and written < 3000:
        status, text, _ = person.ask("POST", f"/api/incidents/{case}/notes", {"text": "ghi chú " * 200})
        written += status == 201
    check("notes are refused with 503 disk_full in the end", status == 503 and code_of(text) == "disk_full", (status, written, text))
    status, text, _ = person.ask("POST", "/api/incidents", incident)
    check("so is an incident", status == 503 and code_of(text) == "disk_full", (status, text))
    check("a sign of life is answered clearly", deliverer.beat(center)[0] in (200, 503))
    status, text, _ = person.ask("GET", "/api/session")
    check("who is signed in stays so", status == 200, (status, text))
    check("the centre runs", center.process.poll() is None)
    center.stop(signal.SIGKILL)

    again = Center(state)
    if again.port:
        status, text = deliverer.until_refused(again)
        check("killed and started on the full disk it refuses clearly", status == 503 and code_of(text) == "disk_full", (status, text))
    else:
        again.process.wait(PATIENCE)
        said = open(os.path.join(folder, "center.log")).read()
        check("killed, it says that the disk is full and does not start", again.process.returncode == 1 and "full" in said, said[-300:])
        os.remove(rest)
        again = Center(state)
    for path in (rest, ballast):
        if os.path.exists(path):
            os.remove(path)
    before = deliverer.events
    status, text = deliverer.send(again, deliverer.refused)
    check("with room again the refused delivery is taken", status == 200, (status, text))
    for _ in range(2):
        deliverer.send(again, deliverer.make(200))
    check("and those after it", deliverer.events == before + 600, deliverer.events - before)
    status, text, _ = again.ask("GET", "/readyz")
    check("the centre is ready", status == 200, (status, text))
    status, text, _ = Person(again, "truc", PASSWORD).ask("GET", f"/api/incidents/{case}")
    check("the notes that were accepted are there", text.count("ghi chú ghi chú") >= min(written, 100), (written, text.count("ghi chú ghi chú")))
    check("the centre ends", again.stop() == 0)
    events, alerts, grouped, sound = stored(again)
    check("every acknowledged event is stored exactly once", events == deliverer.events, (events, deliverer.events))
    check("every alert is counted in its group exactly once", alerts == grouped == deliverer.alerts, (alerts, grouped, deliverer.alerts))
    check("the databases are sound", sound)
    done = subprocess.run([vonglau, "admin", "verify-audit", "--state", state], capture_output=True, text=True)
    check("the audit log verifies", done.returncode == 0, done.stderr)


# ---- the sensor ----

def dns_packet(number):
    name = b"\x07" + b"%07x" % number + (b"\x06badbad" if number % 10 == 0 else b"\x07example") + b"\x02vn\x00"
    query = struct.pack(">HHHHHH", number & 0xFFFF, 0x100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1)
    udp = struct.pack(">HHHH", 1024 + number % 60000, 53, 8 + len(query), 0) + query
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number & 0xFFFF, 0, 64, 17, 0, bytes([10, 1, number >> 8 & 0xFF, number & 0xFF]), bytes([203, 0, 113, 9]))
    return b"\x02" * 12 + b"\x08\x00" + ip + udp


START = int(time.time()) - 600  # traffic older than its retention would go at once


def capture(first, last, head=True):
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)] if head else []
    for number in range(first, last):
        packet = dns_packet(number)
        out.append(struct.pack("<IIII", START + number // 1000, number % 1000 * 1000, len(packet), len(packet)) + packet)
    return b"".join(out)


SETTINGS = """%YAML 1.1
---
stats: {enabled: no}
outputs:
  - eve-log: {enabled: yes, filetype: regular, filename: eve.json, types: [alert, dns, flow]}
logging: {default-log-level: notice, outputs: [{console: {enabled: yes}}]}
"""
RULE = 'alert dns any any -> any any (msg:"bad name"; dns.query; content:"badbad"; sid:9000002; rev:1;)\n'


def run_sensor(folder, logs, *words, feed=None):
    process = subprocess.Popen([sensor, "-c", os.path.join(folder, "s.yaml"), "-S", os.path.join(folder, "s.rules"), "-k", "none", "-l", logs, *words],
                               stdin=subprocess.PIPE if feed else None, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if feed:
        feed(process.stdin)
        process.stdin.close()
    said = process.stdout.read().decode("utf-8", "replace")
    return process.wait(PATIENCE), said


def kinds(path):
    """How many lines of each kind; 'broken' for what is no JSON."""
    counts = {}
    with open(path, "rb") as file:
        for line in file:
            try:
                kind = json.loads(line)["event_type"]
            except (ValueError, KeyError):
                kind = "broken"
            counts[kind] = counts.get(kind, 0) + 1
    return counts


def spool_losses(folder):
    """(low, normal, high) as the spool keeps them."""
    with open(os.path.join(folder, "writer"), "rb") as file:
        return struct.unpack(">3Q", file.read()[12:36])


def spool_lines(folder):
    counts = {}
    for name in os.listdir(folder):
        if not name.endswith(".spool"):
            continue
        data, at = open(os.path.join(folder, name), "rb").read(), 32
        while at + 16 <= len(data):
            size = struct.unpack(">I", data[at:at + 4])[0]
            kind = name.split("-")[0]
            counts[kind] = counts.get(kind, 0) + 1
            at += 16 + size
    return counts


def the_sensor(folder):
    disk, logs = os.path.join(folder, "small"), os.path.join(folder, "logs")
    os.makedirs(logs)
    mount(disk, "2m")
    for name, text in (("s.yaml", SETTINGS), ("s.rules", RULE)):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    with open(os.path.join(folder, "s.pcap"), "wb") as file:
        file.write(capture(0, 8000))
    words = ("-r", os.path.join(folder, "s.pcap"))
    code, said = run_sensor(folder, logs, *words)
    whole = kinds(os.path.join(logs, "eve.json"))
    check("with room a sensor writes every record", code == 0 and whole == {"dns": 8000, "flow": 8000, "alert": 800}, (code, whole, said))

    code, said = run_sensor(folder, disk, *words)
    some = kinds(os.path.join(disk, "eve.json"))
    lost = [int(line.split("output: ")[1].split()[0]) for line in said.splitlines() if "records were lost" in line]
    check("on a full disk it goes on to the end", code == 0, said)
    check("each line it wrote is whole", "broken" not in some and sum(some.values()) > 1000, some)
    check("each record that it could not write is counted", lost == [16800 - sum(some.values())], (lost, some))

    os.remove(os.path.join(disk, "eve.json"))
    filler = os.path.join(disk, "filler")

    def in_two_parts(pipe):
        pipe.write(capture(0, 3000))
        pipe.flush()
        deadline = time.monotonic() + PATIENCE
        while free(disk) >= 4096 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.remove(filler)
        pipe.write(capture(3000, 8000, head=False))

    with open(filler, "wb") as file:
        file.write(b"\0" * (1900 << 10))
    code, said = run_sensor(folder, disk, "-r", "-", feed=in_two_parts)
    some = kinds(os.path.join(disk, "eve.json"))
    check("when room returns it writes again, and no line is spoilt", code == 0 and "broken" not in some and "records were lost" in said, (code, some, said))
    os.remove(os.path.join(disk, "eve.json"))

    spool = os.path.join(disk, "spool")
    code, said = run_sensor(folder, logs, *words, "--spool", spool)
    low, normal, high = spool_losses(spool)
    kept = spool_lines(spool)
    check("a spool on a full disk stops no sensor", code == 0, said)
    check("it gives up low priority first", low > 0 and high == 0, (low, normal, high))
    check("alerts stay", kept.get("high") == 800, kept)
    check("everything is kept or counted", sum(kept.values()) + low + normal + high == 16800, (kept, low, normal, high))
    fill(filler)
    center = Center(os.path.join(folder, "state", "registry"))
    identity = os.path.join(folder, "identity-2")
    enrol(center, identity)
    uplink = subprocess.Popen([sensor, "uplink", identity, spool], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    while stored_now(center) < sum(kept.values()) and time.monotonic() < deadline:
        time.sleep(0.2)
    check("the uplink delivers from a full disk", uplink.poll() is None, uplink.poll())
    uplink.terminate()
    check("and ends when asked", uplink.wait(PATIENCE) == 0)
    center.stop()
    events, alerts, grouped, sound = stored(center)
    check("the centre has all that was kept", events == sum(kept.values()) and alerts == grouped == 800, (events, kept, alerts, grouped))


folder = tempfile.mkdtemp(prefix="vonglau-full-")
try:
    the_centre(folder)
    the_sensor(folder)
finally:
    for process in Center.running:
        process.kill()
    for name in ("disk", "small"):
        subprocess.run(["umount", "-l", os.path.join(folder, name)], capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
