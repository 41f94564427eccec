#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backup and restore by the program itself: whole, verified, also into a folder that is not there.

usage: backup.py PATH_OF_vonglau
"""
import hashlib, os, shutil, sqlite3, subprocess, sys, tempfile

program = sys.argv[1]
passed = failed = 0


def check(what, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else ': ' + str(detail)}")


def admin(state, *words):
    done = subprocess.run([program, "admin", *words, "--state", state], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


with tempfile.TemporaryDirectory(prefix="vonglau-backup-") as folder:
    state, copy, fresh = (os.path.join(folder, name) for name in ("state", "copy", "fresh"))
    code, said = admin(state, "create-user", "truc", "duty", "Trực ban")
    check("a user is made", code == 0, said)
    content = "nhật ký máy chủ".encode()
    digest = hashlib.sha256(content).hexdigest()
    with open(os.path.join(state, "evidence", digest), "wb") as file:
        file.write(content)
    registry = sqlite3.connect(os.path.join(state, "registry.db"))
    registry.execute("INSERT INTO incident_evidence (incident, time, user, name, type, size, sha256) VALUES (1,1,1,'a.log','text/plain',?,?)",
                     (len(content), digest))
    registry.commit()
    registry.close()

    code, said = admin(state, "backup", copy)
    check("a backup is written and verified", code == 0 and "all verified" in said, said)
    check("it has the keys", all(os.path.exists(os.path.join(copy, n)) for n in ("secret.key", "authority.key", "authority.pem")))
    check("it has the evidence", open(os.path.join(copy, "evidence", digest), "rb").read() == content)
    check("only its owner may read it", os.stat(copy).st_mode & 0o77 == 0 and os.stat(os.path.join(copy, "secret.key")).st_mode & 0o77 == 0)
    code, said = admin(state, "backup", copy)
    check("a second backup to the same place is refused", code == 1 and "there already" in said, said)

    code, said = admin(fresh, "restore", copy)
    check("it is restored into a folder that was not there", code == 0 and os.path.exists(os.path.join(fresh, "registry.db")), said)
    check("with the key of the secrets", open(os.path.join(fresh, "secret.key"), "rb").read() == open(os.path.join(state, "secret.key"), "rb").read())
    check("with the evidence", open(os.path.join(fresh, "evidence", digest), "rb").read() == content)
    code, said = admin(fresh, "verify-audit")
    check("its audit log verifies", code == 0 and "chain whole" in said, said)
    check("to its end", said.splitlines()[0].endswith(f"anchored to row {said.split()[2]}"), said)
    line = said.splitlines()[1].split()
    code, said = admin(fresh, "verify-audit", *line)
    check("also against a line that was noted", code == 0, said)
    code, said = admin(fresh, "verify-audit", line[0], "0" * 64)
    check("but not against another", code == 1 and "was replaced" in said, said)
    code, said = admin(fresh, "reset-password", "truc")
    check("its users are there", code == 0, said)

    os.makedirs(os.path.join(fresh, "events"), exist_ok=True)
    with open(os.path.join(fresh, "events", "kept"), "w"):
        pass
    code, said = admin(fresh, "restore", copy)
    check("what was there is kept beside it", code == 0 and os.path.exists(fresh + ".before-restore/registry.db"), said)
    check("the events stay in use", os.path.exists(os.path.join(fresh, "events", "kept")))
    code, said = admin(fresh, "restore", copy)
    check("an earlier copy is never overwritten", code == 1 and "move it away" in said, said)
    shutil.rmtree(fresh + ".before-restore")

    with open(os.path.join(copy, "evidence", digest), "ab") as file:
        file.write(b"!")
    code, said = admin(fresh, "restore", copy)
    check("changed evidence is refused", code == 1 and "changed" in said, said)
    with open(os.path.join(copy, "evidence", digest), "wb") as file:
        file.write(content)
    shutil.copy(os.path.join(copy, "registry.db"), os.path.join(folder, "whole.db"))
    registry = sqlite3.connect(os.path.join(copy, "registry.db"))
    last = registry.execute("SELECT max(id) FROM audit").fetchone()[0]
    registry.execute("DROP TRIGGER audit_no_delete")
    registry.execute("DELETE FROM audit WHERE id=?", (last,))
    registry.commit()
    registry.close()
    code, said = admin(fresh, "restore", copy)
    check("an audit log without its end is refused, and the rows are named", code == 1 and f"rows {last} to {last} are missing" in said, said)
    shutil.copy(os.path.join(folder, "whole.db"), os.path.join(copy, "registry.db"))
    os.rename(os.path.join(copy, "audit.anchor"), os.path.join(folder, "anchor"))
    code, said = admin(fresh, "restore", copy)
    check("nor one without its anchor", code == 1 and "anchor" in said and "missing" in said, said)
    os.rename(os.path.join(folder, "anchor"), os.path.join(copy, "audit.anchor"))
    registry = sqlite3.connect(os.path.join(copy, "registry.db"))
    registry.execute("DROP TRIGGER IF EXISTS audit_no_update")
    registry.execute("UPDATE audit SET action='session.open' WHERE id=1")
    registry.commit()
    registry.close()
    code, said = admin(fresh, "restore", copy)
    check("a changed audit log is refused", code == 1 and "audit log" in said, said)
    code, said = admin(fresh, "verify-audit")
    check("and nothing was touched", code == 0, said)

    os.remove(os.path.join(fresh, "audit.anchor"))
    code, said = admin(fresh, "verify-audit")
    check("a lost anchor is noticed", code == 1 and "missing" in said, said)
    code, said = admin(fresh, "anchor-audit", "short")
    check("it is made anew only with a reason", code == 1 and "reason" in said, said)
    code, said = admin(fresh, "anchor-audit", "the disk with the state was replaced")
    check("it says what can no longer be proved", code == 0 and "CANNOT BE PROVED" in said and "anchored anew" in said, said)
    code, said = admin(fresh, "verify-audit")
    check("the log verifies again, and remembers", code == 0 and "cannot be ruled out" in said, said)
    code, said = admin(fresh, "anchor-audit", "once more without a need")
    check("an anchor that fits is left alone", code == 1 and "nothing to renew" in said, said)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
