/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/backup.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "center/anchor.h"
#include "center/audit.h"
#include "programs/files.h"

/* Files of the state beside the registry: the keys, then all of evidence/. Events are not copied: they are
 * many, and the sensors' findings live on in the registry. */
static const char *const state_keys[] = { "secret.key", "authority.key", "authority.pem", "server.key",
                                          "server.pem" };

static bool copy_anchor(const char *from, const char *to, struct error *error)
{
    char source[2600], target[2600];
    snprintf(source, sizeof source, "%s/" ANCHOR_FILE, from);
    snprintf(target, sizeof target, "%s/" ANCHOR_FILE, to);
    return access(source, F_OK) != 0 || copy_file(source, target, error);
}

/* Keys and evidence of the state `from` into the folder `to`. */
static bool copy_state(const char *from, const char *to, size_t *count, struct error *error)
{
    char source[2600], target[2600];
    for (size_t i = 0; i < COUNT_OF(state_keys); i++) {
        snprintf(source, sizeof source, "%s/%s", from, state_keys[i]);
        snprintf(target, sizeof target, "%s/%s", to, state_keys[i]);
        if (access(source, F_OK) != 0)
            continue;
        if (!copy_file(source, target, error))
            return false;
        ++*count;
    }
    snprintf(source, sizeof source, "%s/evidence", from);
    snprintf(target, sizeof target, "%s/evidence", to);
    return copy_folder(source, target, count, error);
}

/* A backup is whole when its registry is sound, its audit log verifies and every piece of evidence that the
 * registry names is there with the SHA-256 it was stored under. */
static bool backup_check(const char *directory, struct audit_verdict *verdict, struct error *error)
{
    char path[2600];
    snprintf(path, sizeof path, "%s/registry.db", directory);
    struct database *copy = database_open(path, true, error);
    if (!copy)
        return false;
    struct arena memory = arena_of(1 << 20);
    bool ok = bytes_is(database_text(copy, &memory, "PRAGMA integrity_check", ""), "ok") ||
              error_set(error, "%s: the file is damaged", path);
    char fault[256];
    ok = ok && audit_verify(copy, directory, verdict, error);
    audit_fault_text(verdict, fault, sizeof fault);
    ok = ok && (verdict->ok || error_set(error, "%s: %s", path, fault));
    struct statement *s = database_query(copy, "SELECT DISTINCT sha256 FROM incident_evidence", "");
    while (ok && statement_next(s)) {
        char name[80];
        struct text text = text_of(name, sizeof name);
        text_put(&text, statement_bytes(s, 0));
        snprintf(path, sizeof path, "%s/evidence/%s", directory, name);
        ok = file_has_hash(path, name) || error_set(error, "%s: evidence is missing or was changed", path);
    }
    statement_done(s);
    snprintf(path, sizeof path, "%s/secret.key", directory);
    ok = ok && (access(path, R_OK) == 0 || error_system(error, "%s", path));
    arena_done(&memory);
    database_close(copy);
    return ok;
}

bool backup_write(struct context *c, const char *state, const char *directory, size_t *count,
                  struct error *error)
{
    char registry[2600];
    struct audit_verdict verdict;
    snprintf(registry, sizeof registry, "%s/registry.db", directory);
    /* The anchor before the registry, the registry before evidence: what comes meanwhile is more than the one
     * before names, never less. */
    return (mkdir(directory, 0700) == 0 || error_system(error, "%s", directory)) &&
           copy_anchor(state, directory, error) && database_backup(c->database, registry, error) &&
           copy_state(state, directory, count, error) && backup_check(directory, &verdict, error);
}

int admin_restore(const struct arguments *a)
{
    char part[2200], previous[2200], from[2600], to[2600];
    struct error error = { "" };
    struct audit_verdict verdict = { 0 };
    size_t count = 1;
    snprintf(part, sizeof part, "%s.restoring", a->state);
    snprintf(previous, sizeof previous, "%s.before-restore", a->state);
    if (!backup_check(a->words[1], &verdict, &error))
        return failed(&error);
    bool there = access(a->state, F_OK) == 0;
    if (there && access(previous, F_OK) == 0) {
        error_set(&error, "%s is there already: move it away first", previous);
        return failed(&error);
    }
    remove_tree(part);
    snprintf(from, sizeof from, "%s/registry.db", a->words[1]);
    snprintf(to, sizeof to, "%s/registry.db", part);
    bool ok = (mkdir(part, 0700) == 0 || error_system(&error, "%s", part)) && copy_file(from, to, &error) &&
              copy_anchor(a->words[1], part, &error) && copy_state(a->words[1], part, &count, &error) &&
              backup_check(part, &verdict, &error);
    ok = ok && (!there || rename(a->state, previous) == 0 || error_system(&error, "%s", previous));
    ok = ok && (rename(part, a->state) == 0 || error_system(&error, "%s", a->state));
    if (!ok) {
        remove_tree(part);
        return failed(&error);
    }
    /* Events are no part of a backup: those that are still here stay in use. */
    snprintf(from, sizeof from, "%s/events", previous);
    snprintf(to, sizeof to, "%s/events", a->state);
    if (there && rename(from, to) != 0 && errno != ENOENT)
        fprintf(stderr, "vonglau: the events stay in %s: %s\n", from, strerror(errno));
    printf("restored %zu files to %s: %lld audit rows verified%s%s\n", count, a->state,
           (long long)verdict.rows, there ? "; what was there is " : "", there ? previous : "");
    return 0;
}
