/* SPDX-License-Identifier: Apache-2.0 */
/* One-time codes, certificates and the trust of sensors, kept in the register's rows. */
#include "center/enrolment.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

#define SECRET_SIZE 10U /* octets: 16 letters of base32 */
#define SECRET_TEXT 16U
#define GROUP       4U

/* RFC 4648 section 6, without padding. */
static void base32(struct bytes b, struct text *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < b.size; i++) {
        bits = bits << 8 | b.data[i];
        for (held += 8; held >= 5; held -= 5)
            text_char(out, alphabet[bits >> (held - 5) & 31]);
    }
    if (held)
        text_char(out, alphabet[bits << (5 - held) & 31]);
}

/* SHA-256 of the secret's letters in hexadecimal. */
static bool secret_hash(struct bytes secret, char out[static 65])
{
    uint8_t digest[32];
    struct text text = text_of(out, 65);
    if (EVP_Digest(secret.data, secret.size, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    text_hex(&text, bytes_of(digest, sizeof digest));
    return true;
}

bool enrolment_code(struct database *database, const struct authority *authority, int64_t sensor,
                    uint64_t now, char code[static ENROLMENT_CODE_MAX], uint64_t *expires,
                    struct error *error)
{
    uint8_t secret[SECRET_SIZE], fingerprint[AUTHORITY_FINGERPRINT_SIZE];
    char letters[64], hash[65];
    struct text plain = text_of(letters, sizeof letters), out = text_of(code, ENROLMENT_CODE_MAX);
    if (RAND_bytes(secret, sizeof secret) != 1)
        return error_set(error, "enrolment: no randomness");
    base32(bytes_of(secret, sizeof secret), &plain);
    if (!secret_hash(text_bytes(&plain), hash))
        return error_set(error, "enrolment: cannot hash");
    authority_fingerprint(authority, fingerprint);
    base32(bytes_of(fingerprint, sizeof fingerprint), &plain);
    database_begin(database);
    database_run(
        database,
        "UPDATE sensor SET code_hash = ?, code_expires = ?, version = version + 1, updated = ? WHERE id = ?",
        "suui", hash, now + ENROLMENT_VALID_NS, now, sensor);
    bool found = database_changes(database) == 1;
    if (!database_commit(database, error))
        return false;
    if (!found)
        return error_set(error, "enrolment: there is no sensor %lld", (long long)sensor);
    for (size_t i = 0; i < plain.size; i++) {
        if (i && i % GROUP == 0)
            text_char(&out, '-');
        text_char(&out, plain.data[i]);
    }
    *expires = now + ENROLMENT_VALID_NS;
    return true;
}

/* Letters, digits, '-' and '.', as the register wants names of sensors. */
static bool name_is_good(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size >= AUTHORITY_NAME_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = byte_lower((uint8_t)name[i]);
        if (!(c >= 'a' && c <= 'z') && !byte_is_digit(c) && c != '-' && c != '.')
            return false;
    }
    return true;
}

bool enrolment_code_for_name(struct database *database, const struct authority *authority, const char *name,
                             uint64_t now, char code[static ENROLMENT_CODE_MAX], struct error *error)
{
    uint64_t expires;
    if (!name_is_good(name))
        return error_set(error,
                         "enrolment: a sensor's name has 1 to %u letters, digits, '-' and '.', unlike \"%s\"",
                         AUTHORITY_NAME_MAX - 1, name);
    database_begin(database);
    int64_t sensor = database_number(database, "SELECT id FROM sensor WHERE name = ? AND ended IS NULL", "s",
                                     name);
    if (!sensor) {
        database_run(
            database,
            "INSERT INTO sensor(version, created, updated, name, state) VALUES(1, ?1, ?1, ?2, 'new')", "us",
            now, name);
        sensor = database_last_id(database);
    } else if (database_number(database, "SELECT state = 'revoked' FROM sensor WHERE id = ?", "i", sensor)) {
        database_rollback(database);
        return error_set(error, "enrolment: %s is revoked; give the new sensor another name", name);
    }
    if (enrolment_code(database, authority, sensor, now, code, &expires, error))
        return database_commit(database, error);
    database_rollback(database);
    return false;
}

/* Signs and notes the new certificate; in the caller's transaction. */
static enum enrolment_result issue(struct database *database, struct authority *authority, int64_t sensor,
                                   const char *name, struct bytes request, uint64_t now, struct arena *memory,
                                   bool renewal, struct issued *issued, struct error *error)
{
    if (!authority_issue_sensor(authority, name, request, now, memory, issued, error))
        return ENROLMENT_REFUSED;
    /* The answer may be lost: the certificate in force stays so until the new one is first shown. */
    database_run(database,
                 "UPDATE sensor SET state = 'trusted', serial = CASE WHEN ? THEN"
                 " substr(serial, 1, instr(serial || ' ', ' ') - 1) || ' ' ELSE '' END || ?, "
                 "certificate_until = ?, code_hash = NULL,"
                 " code_expires = NULL, version = version + 1, updated = ? WHERE id = ?",
                 "isuui", (int64_t)renewal, issued->serial, issued->until, now, sensor);
    return ENROLMENT_OK;
}

/* Ends the transaction as the result says. */
static enum enrolment_result finish(struct database *database, enum enrolment_result result,
                                    struct error *error)
{
    if (result == ENROLMENT_OK)
        return database_commit(database, error) ? ENROLMENT_OK : ENROLMENT_FAILED;
    database_rollback(database);
    return result;
}

enum enrolment_result enrolment_redeem(struct database *database, struct authority *authority,
                                       struct bytes secret, struct bytes request, uint64_t now,
                                       struct arena *memory, char name[static AUTHORITY_NAME_MAX],
                                       struct issued *issued, struct error *error)
{
    char hash[65];
    enum enrolment_result result = ENROLMENT_REFUSED;
    int64_t sensor = 0;
    if (secret.size != SECRET_TEXT || !secret_hash(secret, hash)) {
        error_set(error, "enrolment: not a code");
        return ENROLMENT_REFUSED;
    }
    if (!database_begin(database)) {
        (void)!database_commit(database, error);
        return ENROLMENT_FAILED;
    }
    struct statement *s = database_query(
        database,
        "SELECT id, name FROM sensor WHERE code_hash = ? AND code_expires > ? AND"
        " ended IS NULL AND state <> 'revoked'",
        "su", hash, now);
    if (statement_next(s)) {
        struct bytes found = statement_bytes(s, 1);
        sensor = statement_int(s, 0);
        snprintf(name, AUTHORITY_NAME_MAX, "%.*s", (int)MIN(found.size, AUTHORITY_NAME_MAX - 1),
                 (const char *)found.data);
        statement_done(s);
    }
    if (sensor)
        result = issue(database, authority, sensor, name, request, now, memory, false, issued, error);
    else
        error_set(error, "enrolment: the code is unknown, used or expired");
    return finish(database, result, error);
}

enum enrolment_result enrolment_renew(struct database *database, struct authority *authority, int64_t sensor,
                                      struct bytes request, uint64_t now, struct arena *memory,
                                      struct issued *issued, struct error *error)
{
    if (!database_begin(database)) {
        (void)!database_commit(database, error);
        return ENROLMENT_FAILED;
    }
    enum enrolment_result result = ENROLMENT_REFUSED;
    struct bytes name = database_text(
        database, memory, "SELECT name FROM sensor WHERE id = ? AND state = 'trusted' AND ended IS NULL", "i",
        sensor);
    if (name.data)
        result = issue(database, authority, sensor, (const char *)name.data, request, now, memory, true,
                       issued, error);
    else
        error_set(error, "enrolment: the sensor is not trusted");
    return finish(database, result, error);
}

int64_t enrolment_sensor(struct database *database, struct authority *authority, struct bytes certificate,
                         uint64_t now, struct error *error)
{
    char name[AUTHORITY_NAME_MAX], serial[AUTHORITY_SERIAL_MAX];
    if (!authority_verify(authority, certificate, now, name, serial, error))
        return 0;
    int64_t sensor = database_number(
        database,
        "SELECT id FROM sensor WHERE name = ? AND instr(' ' || serial || ' ', ' ' || ? || ' ') AND"
        " state = 'trusted' AND ended IS NULL",
        "ss", name, serial);
    if (!database_ok(database, error))
        return 0;
    /* Shown for the first time, a new certificate ends the one before. */
    if (sensor && database_number(database,
                                  "SELECT serial <> ?1 AND substr(serial, -length(?1)) = ?1 FROM sensor"
                                  " WHERE id = ?2",
                                  "si", serial, sensor)) {
        database_begin(database);
        database_run(database, "UPDATE sensor SET serial = ? WHERE id = ?", "si", serial, sensor);
        if (!database_commit(database, error))
            return 0;
    }
    if (!sensor)
        error_set(error, "sensor %s is not trusted, or its certificate was replaced", name);
    return sensor;
}

bool enrolment_revoke(struct database *database, int64_t sensor, uint64_t now, struct error *error)
{
    database_begin(database);
    database_run(
        database,
        "UPDATE sensor SET state = 'revoked', code_hash = NULL, code_expires = NULL, version = version + 1,"
        " updated = ? WHERE id = ?",
        "ui", now, sensor);
    bool found = database_changes(database) == 1;
    if (!database_commit(database, error))
        return false;
    return found || error_set(error, "enrolment: there is no sensor %lld", (long long)sensor);
}
