#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A rule that takes most of the time is put aside while the sensor runs: the log and the statistics name it, and the other rules go on.

usage: quarantine.py SENSOR
"""
import json, os, subprocess, sys, tempfile

sys.dont_write_bytecode = True
# The sandbox keeps a leak checker from its work, and the checker waits for ever.
os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from talk import capture_of

CONNECTIONS = 3000
TALK = f"""tcp A*{CONNECTIONS} 10.0.0.1:1024 198.51.100.7:80
A > "GET /x HTTP/1.1\\r\\nHost: a.vn\\r\\n\\r\\n"
A < "HTTP/1.1 200 OK\\r\\nContent-Length: 14000\\r\\n\\r\\n"
A < "aaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbb"*400
A fin
"""
RULES = """alert tcp any any -> any any (msg:"costs too much"; pcre:"/(a+a+)+[xy]/"; sid:1;)
alert http any any -> any any (msg:"goes on"; http.uri; content:"/"; sid:2;)
"""
SETTINGS = """%YAML 1.1
---
detect: {quarantine: {enabled: yes, share: 50, seconds: 1}}
pcre: {match-limit: 300000, match-limit-recursion: 300000}
outputs:
  - eve-log: {enabled: yes, filename: eve.json, types: [alert, stats]}
"""


def write(folder, name, content):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)
    return os.path.join(folder, name)


def main():
    with tempfile.TemporaryDirectory() as out:
        command = [sys.argv[1], "-r", write(out, "talk.pcap", capture_of(TALK)), "-S", write(out, "slow.rules", RULES.encode()),
                   "-c", write(out, "settings.yaml", SETTINGS.encode()), "-l", out, "-k", "none", "--runmode", "single"]
        done = subprocess.run(command, capture_output=True, timeout=250, text=True)
        log = done.stdout + done.stderr
        assert done.returncode == 0, log
        assert "rule 1 (" in log and "it is put aside until the rules are reloaded" in log, log
        with open(os.path.join(out, "eve.json"), encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
    told = [e["alert"]["signature_id"] for e in events if e["event_type"] == "alert"]
    assert told == [2] * CONNECTIONS, (len(told), set(told))
    stats = [e["stats"] for e in events if e["event_type"] == "stats"]
    assert stats[-1]["detect"]["engines"][0]["rules_quarantined"] == [1], stats[-1]["detect"]


main()
