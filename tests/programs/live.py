#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sensors on a live interface, alone and beside their centre: the loopback of a network name space of its own, where a browser and a server talk.

usage: live.py PATH_OF_vonglau PATH_OF_vonglau-sensor

Frames there have checksums that nobody computed, as those of virtual machines have.
"""
import collections, fcntl, http.client, http.server, json, os, shutil, signal, socket, ssl, struct, subprocess, sys, tempfile, threading, time

vonglau, sensor = (os.path.abspath(path) for path in sys.argv[1:3])
if "--apart" not in sys.argv:
    apart = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]  # root may, and in a chroot only so
    os.execvp("unshare", ["unshare", *apart, "--net", sys.executable, *sys.argv, "--apart"])
passed = failed = 0
HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 90  # seconds; only what fails takes them
os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))
SETTINGS = """%YAML 1.1
---
stats: {enabled: yes, interval: 1}
outputs:
  - eve-log: {enabled: yes, filetype: regular, filename: eve.json, types: [alert, http, stats]}
logging: {default-log-level: info, outputs: [{file: {enabled: yes, filename: sensor.log}}]}
"""
SLOW = (b"a" * 27 + b"b" * 8) * 400  # what SLOW_RULE takes long for
SLOW_RULE = 'alert tcp any any -> any any (msg:"slow"; flow:to_client; pcre:"/(a+a+)+[xy]/"; sid:{0};)\n'
RULE = 'alert http any any -> any any (msg:"{0}"; flow:established,to_server; http.uri; content:"/{0}?"; startswith; sid:{1};)\n'


def check(what, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else ': ' + str(detail)[:600]}", flush=True)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, 0x8913, request))[1]  # SIOCGIFFLAGS
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", flags | 1))  # SIOCSIFFLAGS, IFF_UP


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = SLOW if self.path.startswith("/slow?") else b"ok"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def ask(port, word, number):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request("GET", f"/{word}?{number}")
    link.getresponse().read()
    link.close()


def until(done):
    deadline = time.monotonic() + PATIENCE
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    return done()


class Sensor:
    def __init__(self, folder, name, *words):
        self.logs = os.path.join(folder, name)
        os.mkdir(self.logs)
        self.process = subprocess.Popen([sensor, "-i", "lo", "-c", os.path.join(folder, "s.yaml"), "-S", os.path.join(folder, "s.rules"), "-l", self.logs, *words],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def events(self, kind, name="eve.json"):
        path = os.path.join(self.logs, name)
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [event for event in map(json.loads, (line for line in file if line.endswith("\n"))) if event["event_type"] == kind]

    def alerts(self, number, name="eve.json"):
        """How often each request was alerted by the rule."""
        return collections.Counter(e["http"]["url"].split("?")[1] for e in self.events("alert", name) if e["alert"]["signature_id"] == number)

    def ready(self, port):
        return until(lambda: ask(port, "warm", 0) or self.alerts(1))

    def log(self):
        with open(os.path.join(self.logs, "sensor.log"), encoding="utf-8") as file:
            return file.read()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        said = self.process.stdout.read().decode("utf-8", "replace")
        return self.process.wait(PATIENCE), said


def add_rule(folder, line):
    with open(os.path.join(folder, "s.rules"), "a", encoding="ascii") as file:
        file.write(line)


def caught(pid):
    """Whether the process has handlers for signals, and whether it is confined already."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":\t", 1) for line in file)
    return int(status["SigCgt"], 16) >> (signal.SIGUSR2 - 1) & 1, status["Seccomp"].strip() != "0"


def early_signals(folder):
    """A sensor that is told to reload, and to open its outputs anew, while it still reads its rules."""
    rules, logs = os.path.join(folder, "many.rules"), os.path.join(folder, "early")
    os.mkdir(logs)
    with open(rules, "w", encoding="ascii") as file:
        for number in range(20000):
            file.write(RULE.format(f"many{number}", number + 1))
    capture = os.path.join(HERE, "..", "golden", "browsing", "capture.pcap")
    process = subprocess.Popen([sensor, "-r", capture, "-S", rules, "-l", logs], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    until(lambda: caught(process.pid)[0])
    check("signals are caught while rules are read", caught(process.pid) == (1, False), caught(process.pid))
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGUSR2)
    said = process.stdout.read().decode("utf-8", "replace")
    check("and the sensor then runs as ever", process.wait(PATIENCE) == 0, said)


def silent_pipe(folder):
    """A pipe that gives a capture and then nothing: what was seen is written, and the sensor ends when it is told to."""
    with open(os.path.join(HERE, "..", "golden", "browsing", "capture.pcap"), "rb") as file:
        capture = file.read()
    for workers in "1", "2":
        logs = os.path.join(folder, "pipe" + workers)
        os.mkdir(logs)
        process = subprocess.Popen([sensor, "-r", "-", "--workers", workers, "-S", "/dev/null", "-l", logs], stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process.stdin.write(capture)
        process.stdin.flush()
        eve = os.path.join(logs, "eve.json")
        written = until(lambda: os.path.exists(eve) and os.path.getsize(eve))
        check(f"what came through a pipe is written while it is silent ({workers})", written, written)
        process.send_signal(signal.SIGINT)
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            status = "none"
        check(f"and the sensor ends when it is told to ({workers})", status == 0, status)
        process.stdin.close()


def once_each(counts, last):
    return counts == {str(number): 1 for number in range(last)}


def run(folder, port):
    with open(os.path.join(folder, "s.yaml"), "w", encoding="ascii") as file:
        file.write(SETTINGS)
    add_rule(folder, RULE.format("warm", 1) + RULE.format("one", 2))
    # Each with two workers: the kernel gives both all packets, and each worker its share.
    first, second = Sensor(folder, "first", "--workers", "2"), Sensor(folder, "second", "--workers", "2")
    deaf = Sensor(folder, "deaf", "not", "port", str(port))
    check("two sensors with two workers each see what is said on the interface", first.ready(port) and second.ready(port))
    for number in range(60):
        ask(port, "one", number)
    until(lambda: sum(first.alerts(2).values()) >= 60 and sum(second.alerts(2).values()) >= 60)
    check("the first has each alert once", once_each(first.alerts(2), 60), first.alerts(2))
    check("the second too", once_each(second.alerts(2), 60), second.alerts(2))

    threads = os.listdir(f"/proc/{first.process.pid}/task")
    states = [open(f"/proc/{first.process.pid}/task/{thread}/status", encoding="ascii").read() for thread in threads]
    check("every thread is confined and has no capability but to open files",
          len(states) >= 3 and all("Seccomp:\t2\n" in state and "NoNewPrivs:\t1\n" in state and "CapEff:\t0000000000000002\n" in state for state in states), states)

    add_rule(folder, RULE.format("two", 3))
    first.process.send_signal(signal.SIGUSR2)
    check("rules are loaded anew at SIGUSR2", until(lambda: ask(port, "two", 0) or first.alerts(3)), first.log())
    check("who was not told keeps its own", not second.alerts(3), second.alerts(3))
    add_rule(folder, 'alert http any any -> any any (msg:"bad"; nosuch:1; sid:4;)\n')
    first.process.send_signal(signal.SIGUSR2)
    check("a bad rule is named at a reload", until(lambda: "signature 4 from file" in first.log() and "at line 4, column" in first.log()), first.log())
    seen = len(first.alerts(3))
    check("and the others hold", until(lambda: ask(port, "two", seen) or len(first.alerts(3)) > seen), first.log())

    os.rename(os.path.join(first.logs, "eve.json"), os.path.join(first.logs, "old.json"))
    first.process.send_signal(signal.SIGHUP)
    check("SIGHUP begins a new file", until(lambda: ask(port, "one", 99) or first.alerts(2)), os.listdir(first.logs))
    check("the old one has all that was before", once_each({n: c for n, c in first.alerts(2, "old.json").items() if n != "99"}, 60), first.alerts(2, "old.json"))

    check("who filters the port away is told nothing", until(lambda: deaf.events("stats")) and not deaf.events("alert") and not deaf.events("http"), deaf.events("alert"))
    for name, one in (("the first", first), ("the second", second), ("the third", deaf)):
        code, said = one.stop()
        check(f"{name} ends when asked", code == 0, (code, said))
    counters = first.events("stats")[-1]["stats"]["capture"]
    check("the kernel dropped nothing", counters["kernel_packets"] > 0 and counters["kernel_drops"] == 0, counters)


def quarantine(folder, port):
    """On a live interface a rule that holds the worker up is put aside, the others go on, and a reload brings it back."""
    add_rule(folder, SLOW_RULE.format(20))
    one = Sensor(folder, "slow", "--set", "detect.quarantine.enabled=yes", "--set", "detect.quarantine.seconds=1", "--set", "detect.quarantine.share=5",
                 "--set", "pcre.match-limit=300000", "--set", "pcre.match-limit-recursion=300000", "port", str(port))

    def resting():
        stats = one.events("stats")
        return bool(stats) and stats[-1]["stats"]["detect"]["engines"][0].get("rules_quarantined", [])

    check("a sensor with a rule that costs too much starts", one.ready(port), one.log())
    check("the rule is put aside", until(lambda: [ask(port, "slow", number) for number in range(100)] and resting()) == [20], one.log())
    check("the log names it and its share", "rule 20 (" in one.log() and "of a worker's time: it is put aside" in one.log(), one.log())
    for number in range(60):
        ask(port, "one", number)
    check("the other rules miss nothing meanwhile", until(lambda: once_each(one.alerts(2), 60)), one.alerts(2))
    one.process.send_signal(signal.SIGUSR2)
    check("a reload brings it back", until(lambda: resting() == []), one.log())
    code, said = one.stop()
    check("and the sensor ends when asked", code == 0, (code, said))


# ---- the centre and its own sensor ----

PASSWORD = "Mua-xuan-2026-tren-cao"


class Pair:
    """vonglau up: the centre, and a sensor on the interface."""
    def __init__(self, state):
        self.state = state
        self.process = subprocess.Popen([vonglau, "up", "--interface", "lo", "--state", state, "--listen", "127.0.0.1:0"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.said, self.port = "", 0
        for line in self.process.stdout:
            self.said += line
            if "https://" in line:
                self.port = int(line.rsplit(":", 1)[1].strip("/\n"))
            if line.startswith("Ctrl-C"):
                break

    def sensors(self):
        """The processes of the sensor whose queue lies in our state."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if os.path.join(self.state, "sensor").encode() in words:
                found.append(int(name))
        return found

    def ask(self, method, path, body=None, headers=None):
        link = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=ssl._create_unverified_context())
        link.request(method, path, body=json.dumps(body).encode() if body else None, headers={"Content-Type": "application/json", **(headers or {})})
        answer = link.getresponse()
        text = answer.read()
        link.close()
        return answer.status, json.loads(text), answer.headers

    def sign_in(self, password):
        status, session, headers = self.ask("POST", "/api/session", {"name": "truc", "password": password})
        return {"Cookie": headers["Set-Cookie"].split(";")[0], "X-CSRF-Token": session["csrf"]} if status == 200 else {}


def scan():
    for port in range(20000, 20200):
        with socket.socket() as one:
            one.connect_ex(("127.0.0.1", port))


def with_the_centre(folder):
    pair = Pair(os.path.join(folder, "state"))
    check("the centre and a sensor start, and say where and how to sign in", "Sensor on lo" in pair.said and "admin  " in pair.said and pair.port, pair.said)
    once = subprocess.run([vonglau, "admin", "create-user", "truc", "duty", "Trực", "--state", pair.state], capture_output=True, text=True).stdout.strip()
    pair.ask("POST", "/api/account/password", {"old": once, "new": PASSWORD}, pair.sign_in(once))
    person = pair.sign_in(PASSWORD)
    until(lambda: pair.ask("GET", "/api/sensors", None, person)[1]["rows"][0]["health"] == "ok")
    begun = time.monotonic()
    scan()
    found = until(lambda: pair.ask("GET", "/api/alerts?state=all", None, person)[1]["rows"])
    print(f"     a scan was in the inbox after {time.monotonic() - begun:.1f} s", flush=True)
    check("a scan of the machine reaches the inbox", found and "scan" in found[0]["signature"], found)
    running = pair.sensors()
    check("the sensor is a parent and two processes, one for packets and one for the centre", len(running) == 3, running)
    pair.process.kill()
    pair.process.wait()
    check("a centre that is killed takes its sensor along", until(lambda: not pair.sensors()), pair.sensors())

    again = Pair(pair.state)
    check("the next start finds its data and has a sensor again", "Sensor on lo" in again.said and "admin  " not in again.said and
          again.ask("GET", "/api/alerts?state=all", None, again.sign_in(PASSWORD))[1]["rows"], again.said)
    check("an unused first password is not forgotten", "reset-password admin" in again.said, again.said)
    again.process.send_signal(signal.SIGINT)
    check("Ctrl-C ends both", again.process.wait(PATIENCE) == 0 and not again.sensors(), again.sensors())


loopback_up()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
folder = tempfile.mkdtemp(prefix="vonglau-live-")
try:
    early_signals(folder)
    silent_pipe(folder)
    run(folder, server.server_address[1])
    quarantine(folder, server.server_address[1])
    with_the_centre(folder)
finally:
    server.shutdown()
    shutil.rmtree(folder, ignore_errors=True)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
