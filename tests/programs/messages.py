#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What both programs say to bad input: the exit status, and a message that names the place, the rule and the value.

usage: messages.py PATH_OF_vonglau PATH_OF_vonglau-sensor
"""
import os, re, shutil, socket, struct, subprocess, sys, tempfile

vonglau, sensor = (os.path.abspath(path) for path in sys.argv[1:3])
rules = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "rules")
passed = failed = 0
# The sandbox keeps a leak checker from its work, and the checker waits for ever.
os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))


def refused(code, words, *patterns, user=None):
    """The command ends with `code`, and what it says has each pattern."""
    global passed, failed
    became = {"user": user, "group": user, "extra_groups": []} if user else {}
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, **became)
    said = done.stdout + done.stderr
    missing = [p for p in patterns if not re.search(p, said)]
    good = done.returncode == code and not missing
    passed, failed = passed + good, failed + (not good)
    shown = " ".join(os.path.basename(w) if w.startswith("/") else w for w in words)
    print(f"{'ok  ' if good else 'FAIL'} {shown}{'' if good else f': status {done.returncode}, lacks {missing}: {said[-1500:]}'}", flush=True)


def write(name, content):
    with open(name, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return name


def captures():
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    frame = b"\x02" * 12 + b"\x08\x00" + bytes(46)
    record = struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)

    def read(code, name, *patterns):
        refused(code, [sensor, "-r", name, "--disable-detection", "-l", "out"], *patterns)

    read(0, write("cut.pcap", head + record * 3 + record[:20]), r"cut\.pcap: cut off at offset 252: 20 bytes of 76; the rest of the file is passed over")
    read(0, write("large.pcap", head + record + struct.pack("<IIII", 1, 0, 0x7FFFFFFF, 60)), r"large\.pcap: a frame of 2147483647 bytes at offset 100 is too large")
    read(1, write("head.pcap", head[:10]), r"head\.pcap: not a capture file: only 10 bytes")
    read(1, write("empty.pcap", b""), r"empty\.pcap: not a capture file: only 0 bytes")
    read(1, write("text.pcap", "a text, no capture, and long enough for a header"), r"text\.pcap: not a capture file: it begins with 61 20 74 65")
    read(0, write("block.pcapng", section + struct.pack("<II", 6, 0x7FFFFFF0) + bytes(40)), r"block\.pcapng: a block of 2147483632 bytes at offset 28 is impossible")
    read(0, write("port.pcapng", section + struct.pack("<IIIIIIII", 6, 32, 9, 0, 0, 0, 0, 32)), r"port\.pcapng: a packet of interface 9, which is not described")
    read(1, "gone.pcap", r"gone\.pcap: No such file or directory")
    os.mkdir("nothing")
    read(0, "nothing", r"there is no file in nothing")
    os.mkdir("mixed")
    write("mixed/a.pcap", head + record)
    write("mixed/b.pcap", "junk")
    read(0, "mixed", r"mixed/b\.pcap: not a capture file: only 4 bytes")
    refused(1, [vonglau, "open", "text.pcap"], r"text\.pcap: is neither a capture nor a file of EVE lines")
    refused(1, [vonglau, "open", "gone.pcap"], r"gone\.pcap: No such file or directory")


def detection_rules():
    tails = {
        2: ("nosuchword:1;", r"nosuchword: the keyword is not known", r"signature 2 from file bad\.rules at line 2, column \d+: nosuchword"),
        3: ('content:"a"; content:"b"; distance:70000000;', r"distance: must be -1048576 to 1048576, not 70000000", r"signature 3 from file bad\.rules at line 3, column \d+: distance"),
        4: ('pcre:"/(a/";', r"pcre: missing closing parenthesis at offset 2", r"signature 4 from file bad\.rules at line 4, column \d+: pcre"),
    }
    lines = ['alert tcp any any -> any any (msg:"good"; content:"GET"; sid:1; rev:1;)']
    lines += [f'alert tcp any any -> any any (msg:"bad"; {tail[0]} sid:{sid}; rev:1;)' for sid, tail in tails.items()]
    lines += ['alert tcp any any -> any 99999 (msg:"bad"; sid:5; rev:1;)', 'alert tcp 300.1.1.1 any -> any any (msg:"bad"; sid:6; rev:1;)',
              'alert tcp $NOWHERE any -> any any (msg:"bad"; sid:7; rev:1;)', 'alert tcp any any -> any any (msg:"bad"; sid:8; rev:1;', "nonsense"]
    patterns = [p for tail in tails.values() for p in tail[1:]]
    patterns += [r"the port range 99999 is empty or over 65535", r"at line 5, column \d+: 99999", r'"300\.1\.1\.1" is not an address', r"\$NOWHERE is not defined",
                 r"options must end with '\)'", r"at line 8\b", r"at line 9\b"]
    write("bad.rules", "\n".join(lines) + "\n")
    refused(1, [sensor, "-T", "-S", "bad.rules", "-l", "out"], *patterns, r"Error: 8 rules were refused")
    # Who only reads goes on with the rest.
    refused(0, [sensor, "-r", "mixed/a.pcap", "-S", "bad.rules", "-l", "out"], *patterns)
    refused(1, [sensor, "-r", "mixed/a.pcap", "-S", "bad.rules", "-l", "out", "--init-errors-fatal"], *patterns)
    refused(1, [sensor, "-T", "-S", "gone.rules", "-l", "out"], r"gone\.rules: No such file or directory")
    refused(0, [sensor, "-T", "-S", os.path.join(rules, "vonglau.rules"), "-c", os.path.join(rules, "sensor.yaml"), "-l", "out"], r"Notice: .*successfully loaded")


def settings():
    def check(text, *patterns):
        refused(1, [sensor, "-T", "--disable-detection", "-l", "out", "-c", write("bad.yaml", "%YAML 1.1\n---\n" + text)], *patterns)

    check("vars: [\n", r"bad\.yaml:4:1: did not find expected node content")
    check("\tflow: 1\n", r"bad\.yaml:3:1: found character that cannot start any token")
    check("flow:\n  memcap: banana\n", r"bad\.yaml:4: flow\.memcap: invalid size argument: 'banana', a size such as 64 MiB expected")
    check("outputs:\n  - eve-log:\n      enabled: perhaps\n", r"bad\.yaml:5: outputs\.0\.eve-log\.enabled: yes or no expected, not 'perhaps'")
    check("include: gone.yaml\n", r"bad\.yaml:3: cannot open gone\.yaml: No such file or directory")
    words = [sensor, "-T", "--disable-detection", "-l", "out"]
    refused(1, [*words, "-c", "gone.yaml"], r"cannot open gone\.yaml: No such file or directory")
    refused(1, [*words, "--set", "flow.memcap=banana"], r"--set: flow\.memcap: .*'banana'")
    refused(1, [*words, "--set", "foo"], r"--set foo: a name, '=' and a value are expected")
    refused(1, [*words, "--memory", "5"], r"--memory 5: a size such as 512MB expected, at least 4 MB")
    refused(2, [*words, "--nosuch"], r"option --nosuch is unknown")
    refused(1, [sensor, "-r", "mixed/a.pcap", "-l", "out", "-k", "maybe"], r"-k maybe: all or none expected")
    refused(1, [sensor, "-r", "mixed/a.pcap", "-l", "out", "tcp and and"], r'filter "tcp and and": can\'t parse filter expression')


def permissions(root):
    nobody = 65534 if root else None
    for name, mode in (("readable", 0o555), ("private", 0o700)):
        os.mkdir(name)
        os.chmod(name, mode)
    # The build may lie where nobody comes.
    ours, theirs = (shutil.copy(program, ".") for program in (sensor, vonglau))
    words = [os.path.abspath(ours), "--disable-detection"]
    refused(1, [*words, "-r", "mixed/a.pcap", "-l", "readable"], r'the logging directory "readable": Permission denied', user=nobody)
    refused(1, [*words, "-r", "mixed/a.pcap", "-l", "gone/deeper"], r'the logging directory "gone/deeper" does not exist')
    refused(1, [*words, "-i", "nosuch0", "-l", "out"], r"nosuch0")
    refused(1, [os.path.abspath(theirs), "center", "--state", "readable/state", "--listen", "127.0.0.1:0"], r"readable/state: Permission denied", user=nobody)
    if root:
        os.chmod(write("secret.pcap", b""), 0o600)
        os.mkdir("open")
        os.chmod("open", 0o777)
        refused(1, [*words, "-r", "secret.pcap", "-l", "open"], r"secret\.pcap: Permission denied", user=nobody)
        refused(1, [*words, "-i", "lo", "-l", "open"], r"interface lo: cannot open a packet socket, which takes root or CAP_NET_RAW: Operation not permitted", user=nobody)


def command_lines():
    refused(2, [vonglau, "center", "--listen", "127.0.0.1:99999"], r"--listen 127\.0\.0\.1:99999: an address and a port")
    refused(2, [vonglau, "center", "--nosuch"], r"option --nosuch is unknown or lacks its value")
    refused(2, [vonglau, "nosuchverb"], r"unknown verb nosuchverb")
    refused(1, [vonglau, "center", "--state", "state", "--listen", "192.0.2.1:0"], r"cannot listen on 192\.0\.2\.1 port 0: Cannot assign requested address")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(1, [vonglau, "center", "--state", "state", "--listen", f"127.0.0.1:{port}"], rf"cannot listen on 127\.0\.0\.1 port {port}: Address already in use")
    admin = [vonglau, "admin"]
    refused(1, [*admin, "create-user", "x", "duty", "--state", "state"], r'user\.name must be 2 to 40 bytes, not "x"')
    refused(1, [*admin, "create-user", "truc", "captain", "--state", "state"], r'role.*"captain"')
    refused(1, [*admin, "enrol", "bad name!", "--state", "state"], r'a sensor\'s name has 1 to 63 letters.*"bad name!"')
    refused(1, [*admin, "revoke", "nobody", "--state", "state"], r"there is no sensor nobody")
    refused(1, [*admin, "reset-password", "nobody", "--state", "state"], r"there is no user nobody")
    refused(1, [sensor, "uplink", "nothing", "nothing"], r"nothing holds no enrolment")
    os.chmod("state/authority.key", 0o644)
    refused(0, [*admin, "enrol", "sensor-1", "--state", "state"], r"Warning: centre: others may read state/authority\.key \(mode 0644\); chmod 600")
    refused(0, [*admin, "enrol", "sensor-1", "--state", "state"], r"^\w{4}-")
    refused(0, [*admin, "revoke", "sensor-1", "--state", "state"], r"sensor sensor-1 is revoked")


folder = tempfile.mkdtemp(prefix="vonglau-messages-")
try:
    os.chmod(folder, 0o755)
    os.chdir(folder)
    os.mkdir("out")
    captures()
    detection_rules()
    settings()
    permissions(os.geteuid() == 0)
    command_lines()
finally:
    os.chdir("/")
    shutil.rmtree(folder, ignore_errors=True)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
