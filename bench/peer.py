"""Suricata behind its command socket, and the captures of the shared folder: what agreement and rules have in common."""
import gzip, json, os, re, shutil, socket, subprocess, sys, time

MAGIC = {bytes.fromhex(m) for m in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "0a0d0d0a")}
OFF_BY_DEFAULT = ("pgsql", "modbus", "dnp3", "enip")  # protocols that its own settings leave out


def install(bench, shared):
    """Puts it into the work folder, once."""
    folder = os.path.join(bench, "peer")
    if not os.path.exists(os.path.join(folder, "suricata.yaml")):
        subprocess.run([os.path.join(shared, "tools", "peer-suricata"), folder], check=True)
    return folder


def settings(folder, outputs, protocols=(), home=None):
    """The text of its own settings, with other outputs, protocols turned on and another HOME_NET."""
    with open(os.path.join(folder, "suricata.yaml")) as f:
        text = f.read()
    text = re.sub(r"\noutputs:\n.*?\n(?=\S)", lambda _: outputs, text, count=1, flags=re.S)
    for name in protocols:
        text = re.sub(rf"(\n    {name}:\n(?: *#.*\n)*      enabled:) no", r"\1 yes", text, count=1)
    if home:
        text = re.sub(r"\n    HOME_NET: .*", f'\n    HOME_NET: "{home}"', text, count=1)
        text = re.sub(r"\n    EXTERNAL_NET: .*", '\n    EXTERNAL_NET: "any"', text, count=1)
    return text


def captures(folder, words, unpacked):
    """Name and readable file of each capture: compressed ones are unpacked."""
    found = []
    for where, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(where, name)
            relative = os.path.relpath(path, folder)
            if words and not any(w in relative for w in words):
                continue
            with open(path, "rb") as f:
                head = f.read(4)
            if head[:2] == b"\x1f\x8b" and re.search(r"\.(p?cap(ng)?)\.gz$", name):
                plain = os.path.join(unpacked, relative[:-3])
                if not os.path.exists(plain):
                    os.makedirs(os.path.dirname(plain), exist_ok=True)
                    with gzip.open(path) as f, open(plain, "wb") as out:
                        shutil.copyfileobj(f, out)
                with open(plain, "rb") as f:
                    head = f.read(4)
                path = plain
            if head in MAGIC:
                found.append((relative, path))
    return sorted(found)


class Peer:
    """All rules stay loaded, each capture starts with no flows. `folder_of` gives the folder of a capture's results."""

    def __init__(self, program, yaml, rules, work, folder_of, arguments=()):
        self.program, self.yaml, self.rules, self.work, self.folder_of = program, yaml, rules, work, folder_of
        self.path, self.log, self.arguments, self.child = os.path.join(work, "peer.socket"), os.path.join(work, "peer.log"), arguments, None

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        log = open(self.log, "ab")
        self.child = subprocess.Popen([self.program, "-c", self.yaml, "-k", "none", "-S", self.rules, "-l", self.work, "--runmode", "single",
                                       "--unix-socket=" + self.path, *self.arguments], stdout=log, stderr=log)
        while not os.path.exists(self.path):
            if self.child.poll() is not None:
                sys.exit(f"the peer does not start; see {self.log}")
            time.sleep(0.2)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(self.path)
        self.ask({"version": "0.2"})

    def ask(self, command):
        self.socket.sendall(json.dumps(command).encode() + b"\n")
        answer = b""
        while True:
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError
            answer += part
            try:
                return json.loads(answer)
            except ValueError:
                continue

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.terminate()
            self.child.wait()

    def read(self, batch, at_once=40):
        """The captures of `batch`; those that it dies of are tried by themselves, then noted as refused. Whatever lasts from one
        capture to the next (thresholds, hosts) lasts for `at_once` of them."""
        folder_of = self.folder_of
        todo = [(n, f) for n, f in batch if not os.path.exists(os.path.join(folder_of(n), "done"))]
        while todo:
            if not self.child or self.child.poll() is not None:
                self.start()
            part = todo[:at_once]
            try:
                for name, path in part:
                    out = folder_of(name)
                    shutil.rmtree(out, ignore_errors=True)
                    os.makedirs(out)
                    self.ask({"command": "pcap-file", "arguments": {"filename": path, "output-dir": out}})
                while True:
                    left = self.ask({"command": "pcap-file-number"})["message"]
                    if left == 0 and self.ask({"command": "pcap-current"})["message"] == "None":
                        break
                    time.sleep(0.05)
                for name, _ in part:
                    open(os.path.join(folder_of(name), "done"), "w").close()
            except (ConnectionError, BrokenPipeError):
                self.child.wait()
                begun = [n for n, _ in part if os.path.exists(os.path.join(folder_of(n), "eve.json"))]
                guilty = begun[-1] if begun else part[0][0]
                for name in begun:
                    open(os.path.join(folder_of(name), "done"), "w").close()
                with open(os.path.join(folder_of(guilty), "refused"), "w"):
                    pass
                with open(os.path.join(folder_of(guilty), "done"), "w"):
                    pass
            todo = [(n, f) for n, f in todo if not os.path.exists(os.path.join(folder_of(n), "done"))]
            print(f"\rSuricata: {len(todo)} captures to read ", end="", file=sys.stderr, flush=True)
