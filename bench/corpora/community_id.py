"""Community ID version 1: the vectors of its specification."""
import base64, glob, json, os

from corpora import run


def expected(folder, name):
    with open(os.path.join(folder, "baseline", name)) as f:
        return json.load(f)


def conversation(e, type_of):
    """ICMP's ports are the type and its counterpart, or the code."""
    return e["proto"], tuple(sorted([(run.address(e["saddr"]), e.get("sport") or 0), (run.address(e["daddr"]), e.get("dport") or 0)]))


def ours(events):
    found = {}
    for e in events:
        if e["event_type"] != "flow" or "community_id" not in e:
            continue
        number = run.PROTOCOLS.get(e["proto"], e["proto"])
        pair = run.address(e["src_ip"]), run.address(e["dest_ip"])
        found.setdefault((number, tuple(sorted(pair))), {})[e["community_id"]] = e
    return found


def compare(corpus, runner, result):
    folder = os.path.join(corpus, "fingerprints", "community-id")
    captures = sorted(glob.glob(os.path.join(folder, "pcaps", "*")))
    for seed, baseline in ((0, "baseline_deflt.json"), (1, "baseline_seed1.json")):
        flows = {}
        for capture in captures:
            for k, ids in ours(runner.events(capture, seed)).items():
                flows.setdefault(k, {}).update(ids)
        compare_set(expected(folder, baseline), flows, result, f"seed {seed}", lambda text: text)
        if seed == 0:
            compare_set(expected(folder, "baseline_nob64.json"), flows, result, "without base64",
                        lambda text: "1:" + base64.b64decode(text[2:]).hex())


def compare_set(wanted, flows, result, field, spell):
    """Several conversations can have the same ends (ICMP): the identifier must be one of theirs."""
    seen = set()
    for e in wanted:
        pair = tuple(sorted([run.address(e["saddr"]), run.address(e["daddr"])]))
        ids = {spell(i) for i in flows.get((e["proto"], pair), {})}
        where = (field, e["proto"], e["saddr"], e.get("sport"), e["daddr"], e.get("dport"))
        if (where, e["communityid"]) in seen:
            continue
        seen.add((where, e["communityid"]))
        result.compare(field, e["communityid"], e["communityid"] if e["communityid"] in ids else sorted(ids), where)
