"""tcpdump's own captures, many of them malformed: no crash, and the conversations and TCP flags it prints."""
import collections, glob, os, re

from corpora import run

# "IP 10.0.0.1.80 > 10.0.0.2.4000: Flags [S.], ..."
LINE = re.compile(r"\bIP6? (?:\([^)]*\)\s+)?(\S+?)\.(\d+) > (\S+?)\.(\d+): (?:\[[^\]]*\] )?(Flags \[([^\]]*)\]|UDP|SCTP|sctp)?")
BITS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128}


def printed(path):
    """Conversations that tcpdump printed with numbers: who, and the union of flags."""
    found = collections.defaultdict(int)
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            m = LINE.search(line)
            if m and m.group(5) and m.group(5).startswith("Flags") and re.match(r"[0-9a-f.:]+$", m.group(1)) and re.match(r"[0-9a-f.:]+$", m.group(3)):
                flags = 0
                for letter in m.group(6):
                    flags |= BITS.get(letter, 0)
                found[run.ends("TCP", m.group(1), m.group(2), m.group(3), m.group(4))] |= flags
            elif m and m.group(5) == "UDP" and re.match(r"[0-9a-f.:]+$", m.group(1)):
                found[run.ends("UDP", m.group(1), m.group(2), m.group(3), m.group(4))] |= 0
    return found


def compare(corpus, runner, result):
    folder = os.path.join(corpus, "protocols", "tcpdump")
    outputs = collections.defaultdict(list)
    for path in glob.glob(os.path.join(folder, "expected", "*.cmds.tsv")):
        name = os.path.basename(path)[: -len(".cmds.tsv")]
        with open(path, errors="replace") as f:
            for word in re.findall(r"\S+\.out", f.read()):
                outputs[name].append(os.path.join(folder, "expected", os.path.basename(word)))
    for capture in sorted(glob.glob(os.path.join(folder, "pcap", "*"))):
        events = runner.events(capture)
        name = re.sub(r"\.(gz|xz)$", "", os.path.basename(capture))
        flows = run.by_flow(events, "flow")
        wanted = {}
        for path in outputs.get(name, []):
            if os.path.exists(path):
                wanted.update(printed(path))
        for k, flags in wanted.items():
            mine = flows.get(k, [])
            result.compare("conversation", True, bool(mine), (name,) + k)
            if mine and flags:
                union = 0
                for f in mine:
                    union |= int(f.get("tcp", {}).get("tcp_flags", "0"), 16)
                result.compare("tcp flags", flags, flags & union, (name,) + k)
