"""JA4 of TLS clients over TCP and QUIC: the reference implementation's test captures."""
import collections, glob, json, os

from corpora import run


def hellos(events):
    found = collections.defaultdict(list)
    for kind in ("tls", "quic"):
        for k, records in run.by_flow(events, kind).items():
            found[k] += [r[kind]["ja4"] for r in records if "ja4" in r[kind]]
    return found


def compare(corpus, runner, result):
    folder = os.path.join(corpus, "fingerprints", "ja4")
    for capture in sorted(glob.glob(os.path.join(folder, "pcap", "*"))):
        name = os.path.basename(capture)
        found = hellos(runner.events(capture))
        path = os.path.join(folder, "expected-python", name + ".json")
        if os.path.exists(path):
            with open(path) as f:
                streams(name, json.load(f), found, result)
        path = os.path.join(folder, "expected-wireshark", name + ".json")
        if os.path.exists(path):
            with open(path) as f:
                frames(name, json.load(f), found, result)


def streams(name, wanted, found, result):
    for stream in wanted:
        values = [v for k, v in stream.items() if k.startswith("JA4.") or k == "JA4"]
        for value in values:
            transport = "UDP" if value[0] in "qd" else "TCP"
            k = run.ends(transport, stream["src"], stream["srcport"], stream["dst"], stream["dstport"])
            mine = found.get(k, [])
            result.compare("stream.ja4", value, value if value in mine else mine, (name,) + k)


def frames(name, wanted, found, result):
    """Frames without ends: every value must be one of the capture's."""
    all_of_ours = {v for values in found.values() for v in values}
    for value in sorted({v for frame in wanted for v in frame.get("ja4.ja4", ())}):
        result.compare("capture.ja4", value, value if value in all_of_ours else sorted(all_of_ours), (name,))
