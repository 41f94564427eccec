/* SPDX-License-Identifier: Apache-2.0 */
/* admin VERB: administration beside a running centre. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "center/audit.h"
#include "center/enrolment.h"
#include "center/sensors.h"
#include "center/users.h"
#include "programs/backup.h"
#include "programs/files.h"

struct admin {
    const struct arguments *arguments;
    struct service *service;
};

static bool admin_create_user(struct context *c, void *argument)
{
    struct admin *admin = argument;
    const struct arguments *a = admin->arguments;
    char password[PASSWORD_ONCE_SIZE];
    if (!user_make(c, a->words[1], a->word_count > 3 ? a->words[3] : a->words[1], a->words[2], NULL, 0,
                   password, NULL))
        return false;
    printf("%s\n", password);
    return true;
}

static bool admin_reset_password(struct context *c, void *argument)
{
    struct admin *admin = argument;
    char password[PASSWORD_ONCE_SIZE];
    int64_t id = database_number(c->database, "SELECT id FROM user WHERE name=? AND ended IS NULL", "s",
                                 admin->arguments->words[1]);
    if (!id)
        return refuse(c, "not_found", "user", BYTES_NONE, "there is no user %s", admin->arguments->words[1]);
    if (!user_reset_password(c, id, password))
        return false;
    printf("%s\n", password);
    return true;
}

static bool admin_enrol(struct context *c, void *argument)
{
    struct admin *admin = argument;
    char code[ENROLMENT_CODE_MAX];
    struct error error;
    if (!enrolment_code_for_name(c->database, service_authority(admin->service), admin->arguments->words[1],
                                 c->now, code, &error))
        return refuse(c, "internal", "sensor", BYTES_NONE, "%s", error.text);
    if (!audit_add(c, "sensor.code", "sensor", 0, BYTES_NONE))
        return false;
    printf("%s\n", code);
    return true;
}

static bool admin_revoke(struct context *c, void *argument)
{
    struct admin *admin = argument;
    int64_t id = database_number(c->database, "SELECT id FROM sensor WHERE name=? AND ended IS NULL", "s",
                                 admin->arguments->words[1]);
    if (!id)
        return refuse(c, "not_found", "sensor", BYTES_NONE, "there is no sensor %s",
                      admin->arguments->words[1]);
    if (!sensor_revoke(c, id, NULL))
        return false;
    printf("sensor %s is revoked: the centre refuses it from now on\n", admin->arguments->words[1]);
    return true;
}

/* verify-audit [ROWS HASH]: also against a line that was noted elsewhere (the system's log). */
static bool admin_verify_audit(struct context *c, void *argument)
{
    const struct admin *admin = argument;
    const struct arguments *a = admin->arguments;
    struct audit_verdict verdict;
    struct error error;
    char text[256], hex[2 * sizeof verdict.last + 1];
    uint64_t rows = 0;
    if (!audit_verify(c->database, a->state, &verdict, &error))
        return refuse(c, "internal", "audit", BYTES_NONE, "%s", error.text);
    audit_fault_text(&verdict, text, sizeof text);
    if (!verdict.ok)
        return refuse(c, "internal", "audit", BYTES_NONE, "%s", text);
    bool noted = a->word_count > 1;
    if (noted &&
        (a->word_count != 3 || !bytes_to_u64(bytes_of_string(a->words[1]), &rows) || rows > INT64_MAX))
        return refuse(c, "bad_request", "audit", BYTES_NONE, "verify-audit takes nothing, or ROWS and HASH");
    if (noted && !audit_row_is(c->database, (int64_t)rows, bytes_of_string(a->words[2])))
        return refuse(c, "internal", "audit", BYTES_NONE,
                      "the audit log was replaced: its row %s does not have the hash %s", a->words[1],
                      a->words[2]);
    sodium_bin2hex(hex, sizeof hex, verdict.last, sizeof verdict.last);
    printf("audit log: %lld rows, chain whole, anchored to row %lld\n%lld %s\n", (long long)verdict.rows,
           (long long)verdict.anchored, (long long)verdict.rows, hex);
    if (verdict.renewed)
        printf("the anchor was made anew at row %lld: that rows were cut before then cannot be ruled out\n",
               (long long)verdict.renewed);
    return true;
}

/* anchor-audit REASON: makes a lost anchor anew, and says what that costs. */
static bool admin_anchor_audit(struct context *c, void *argument)
{
    const struct admin *admin = argument;
    struct audit_renewal renewal;
    char fault[256];
    if (!audit_renew(c, bytes_of_string(admin->arguments->words[1]), &renewal))
        return false;
    audit_fault_text(&renewal.before, fault, sizeof fault);
    printf(
        "Before: %s.\n"
        "The audit log is anchored anew; its row %lld says so, with the reason, and cannot be removed "
        "unseen.\n"
        "CANNOT BE PROVED ANY MORE: that no row was removed or replaced at the log's end before row %lld.\n"
        "Still proved: rows 1 to %lld fit one chain; from row %lld on, a cut is found again.\n",
        fault, (long long)renewal.row, (long long)renewal.row, (long long)renewal.row,
        (long long)renewal.row);
    if (renewal.kept[0])
        printf("The old anchor is kept as %s/%s.\n", admin->arguments->state, renewal.kept);
    return admin_verify_audit(
        c, &(struct admin){ .arguments = &(struct arguments){ .state = admin->arguments->state } });
}

static bool admin_backup(struct context *c, void *argument)
{
    struct admin *admin = argument;
    const char *directory = admin->arguments->words[1];
    struct error error;
    size_t count = 1;
    if (access(directory, F_OK) == 0)
        return refuse(c, "internal", directory, BYTES_NONE, "%s is there already", directory);
    if (!audit_add(c, "admin.backup", "registry", 0, BYTES_NONE))
        return false;
    if (!backup_write(c, admin->arguments->state, directory, &count, &error)) {
        remove_tree(directory);
        return refuse(c, "internal", directory, BYTES_NONE, "%s", error.text);
    }
    printf("backed up %zu files to %s, all verified\n", count, directory);
    return true;
}

static const struct admin_verb {
    const char *name;
    size_t words_min, words_max;
    bool (*run)(struct context *context, void *argument);
} admin_verbs[] = {
    { "create-user", 3, 4, admin_create_user },
    { "reset-password", 2, 2, admin_reset_password },
    { "enrol", 2, 2, admin_enrol },
    { "revoke", 2, 2, admin_revoke },
    { "verify-audit", 1, 3, admin_verify_audit },
    { "anchor-audit", 2, 2, admin_anchor_audit },
    { "backup", 2, 2, admin_backup },
};

int verb_admin(struct arguments *a)
{
    struct error error = { "" };
    if (a->word_count == 2 && strcmp(a->words[0], "restore") == 0)
        return admin_restore(a);
    for (size_t i = 0; i < COUNT_OF(admin_verbs); i++) {
        const struct admin_verb *verb = &admin_verbs[i];
        if (a->word_count == 0 || strcmp(a->words[0], verb->name) != 0)
            continue;
        if (a->word_count < verb->words_min || a->word_count > verb->words_max)
            return usage_error("wrong number of words for admin", verb->name);
        struct service_settings settings = settings_of(a);
        struct admin admin = { .arguments = a, .service = service_open(&settings, &error) };
        bool ok = admin.service && service_with(admin.service, verb->run, &admin, &error);
        service_close(admin.service);
        return ok ? 0 : failed(&error);
    }
    return usage_error("unknown admin verb", a->word_count ? a->words[0] : NULL);
}
