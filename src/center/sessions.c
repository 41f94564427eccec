/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in, passwords, second factors, sessions. */
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fold.h"
#include "center/audit.h"
#include "center/users_private.h"

#define IDLE_S          (15 * 60) /* TCVN 14423:2026: 15 minutes, administrators 5 */
#define IDLE_ADMIN_S    (5 * 60)
#define FAILURES_MAX    5
#define PASSWORD_MEMORY ((size_t)32 << 20)
#define PASSWORD_PASSES 3
#define TOTP_SECRET     20
#define SEALED_SIZE     (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + TOTP_SECRET)
#define RECOVERY_CODES  10
#define PASSWORDS_KEPT  10

/* ---- passwords ---- */

static bool password_check(const char *hash, struct bytes password)
{
    return crypto_pwhash_str_verify(hash, (const char *)password.data, password.size) == 0;
}

const char *password_weakness(struct bytes password, struct bytes user_name, bool second_factor)
{
    static const char *const common[] = { "matkhau",  "password", "123456",   "abc123", "qwerty", "vietnam",
                                          "admin123", "iloveyou", "anhyeuem", "111111", "000000", "letmein" };
    bool lower = false, upper = false, digit = false, other = false;
    for (size_t i = 0; i < password.size; i++) {
        uint8_t b = password.data[i];
        bool is_lower = b >= 'a' && b <= 'z', is_upper = b >= 'A' && b <= 'Z';
        lower |= is_lower;
        upper |= is_upper;
        digit |= byte_is_digit(b);
        other |= !is_lower && !is_upper && !byte_is_digit(b);
    }
    if (password.size < (second_factor ? 8U : 14U) || password.size > 200)
        return "length";
    if (!lower || !upper || !digit || !other)
        return "classes";
    if (user_name.size >= 3 && bytes_find_nocase(password, user_name) != SIZE_MAX)
        return "name";
    char buffer[512];
    struct text folded = text_of(buffer, sizeof buffer);
    text_fold(password, &folded);
    for (size_t i = 0; i < COUNT_OF(common); i++) {
        if (bytes_find(text_bytes(&folded), bytes_of_string(common[i])) != SIZE_MAX)
            return "common";
    }
    return NULL;
}

static unsigned long long password_passes(const struct center *center)
{
    return center_passwords_light(center) ? crypto_pwhash_OPSLIMIT_MIN : PASSWORD_PASSES;
}

static size_t password_memory(const struct center *center)
{
    return center_passwords_light(center) ? crypto_pwhash_MEMLIMIT_MIN : PASSWORD_MEMORY;
}

bool user_set_password(struct context *c, int64_t id, struct bytes password, bool must_change)
{
    char hash[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str(hash, (const char *)password.data, password.size, password_passes(c->center),
                          password_memory(c->center)) != 0)
        return refuse(c, "busy", "password", BYTES_NONE, "not enough memory to hash a password");
    database_begin(c->database);
    database_run(
        c->database,
        "UPDATE user SET password=?, must_change=?, password_changed=?, version=version+1 WHERE id=?", "siui",
        hash, (int64_t)must_change, c->now, id);
    database_run(c->database, "INSERT INTO password_history (user, password, time) VALUES (?,?,?)", "isu", id,
                 hash, c->now);
    database_run(
        c->database,
        "DELETE FROM password_history WHERE user=?1 AND id NOT IN (SELECT id FROM password_history WHERE "
        "user=?1 ORDER BY id DESC LIMIT ?2)",
        "ii", id, (int64_t)PASSWORDS_KEPT);
    return context_commit(c);
}

static bool password_reused(struct context *c, int64_t user, struct bytes password)
{
    bool reused = false;
    struct statement *s = database_query(c->database, "SELECT password FROM password_history WHERE user=?",
                                         "i", user);
    while (!reused && statement_next(s)) {
        char hash[crypto_pwhash_STRBYTES + 1];
        struct text copy = text_of(hash, sizeof hash);
        text_put(&copy, statement_bytes(s, 0));
        reused = password_check(hash, password);
    }
    statement_done(s);
    return reused;
}

/* ---- second factor ---- */

uint32_t totp_code(struct bytes secret, uint64_t step)
{
    uint8_t counter[8], mac[20];
    unsigned size = sizeof mac;
    for (int i = 0; i < 8; i++)
        counter[i] = (uint8_t)(step >> (56 - 8 * i));
    if (!HMAC(EVP_sha1(), secret.data, (int)secret.size, counter, sizeof counter, mac, &size))
        return UINT32_MAX;
    unsigned at = mac[19] & 15;
    uint32_t number = ((uint32_t)(mac[at] & 0x7f) << 24) | (uint32_t)mac[at + 1] << 16 |
                      (uint32_t)mac[at + 2] << 8 | mac[at + 3];
    return number % 1000000;
}

uint64_t totp_step(uint64_t now)
{
    return now / (30 * NS_PER_S);
}

static void seal(struct context *c, const uint8_t secret[TOTP_SECRET], uint8_t sealed[SEALED_SIZE])
{
    randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, secret, TOTP_SECRET, sealed,
                          center_key(c->center));
}

static bool unseal(struct context *c, struct bytes sealed, uint8_t secret[TOTP_SECRET])
{
    return sealed.size == SEALED_SIZE &&
           crypto_secretbox_open_easy(secret, sealed.data + crypto_secretbox_NONCEBYTES,
                                      SEALED_SIZE - crypto_secretbox_NONCEBYTES, sealed.data,
                                      center_key(c->center)) == 0;
}

/* The step whose code it is, one step of tolerance either way; 0 for none. */
static uint64_t totp_match(const uint8_t secret[TOTP_SECRET], struct bytes code, uint64_t now)
{
    uint64_t number, step = totp_step(now);
    if (code.size != 6 || !bytes_to_u64(code, &number))
        return 0;
    for (uint64_t s = step - 1; s <= step + 1; s++) {
        if (totp_code(bytes_of(secret, TOTP_SECRET), s) == number)
            return s;
    }
    return 0;
}

static void recovery_hash(struct bytes code, uint8_t hash[32])
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < code.size; i++) {
        uint8_t b = byte_lower(code.data[i]);
        if (b != '-' && b != ' ')
            crypto_hash_sha256_update(&state, &b, 1);
    }
    crypto_hash_sha256_final(&state, hash);
}

/* Checks a TOTP code (each only once) or uses up a recovery code. */
static bool second_factor(struct context *c, int64_t user, struct bytes sealed, uint64_t last_step,
                          struct bytes code)
{
    uint8_t secret[TOTP_SECRET], hash[32];
    if (unseal(c, sealed, secret)) {
        uint64_t step = totp_match(secret, code, c->now);
        sodium_memzero(secret, sizeof secret);
        if (step > last_step)
            return database_run(c->database, "UPDATE user SET totp_step=? WHERE id=?", "ui", step, user);
    }
    recovery_hash(code, hash);
    return database_run(c->database,
                        "UPDATE recovery_code SET used=? WHERE user=? AND code=? AND used IS NULL", "uix",
                        c->now, user, bytes_of(hash, sizeof hash)) &&
           database_changes(c->database) == 1;
}

/* ---- sessions ---- */

static void token_hash(struct bytes token, uint8_t hash[32])
{
    crypto_hash_sha256(hash, token.data, token.size);
}

static void random_token(char token[SESSION_TOKEN_SIZE])
{
    uint8_t bytes[32];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(token, SESSION_TOKEN_SIZE, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

struct account {
    int64_t id, failures;
    uint64_t locked_until, totp_step;
    struct bytes password, sealed;
};

static bool account_load(struct context *c, struct bytes name, struct account *a)
{
    struct statement *s = database_query(c->database,
                                         "SELECT id, failures, locked_until, totp_step, password, totp FROM "
                                         "user WHERE name=? AND state='active' AND "
                                         "ended IS NULL",
                                         "b", name);
    if (!statement_next(s))
        return false;
    *a = (struct account){ .id = statement_int(s, 0),
                           .failures = statement_int(s, 1),
                           .locked_until = (uint64_t)statement_int(s, 2),
                           .totp_step = (uint64_t)statement_int(s, 3) };
    struct bytes password = statement_bytes(s, 4), sealed = statement_bytes(s, 5);
    a->password = password.data ? bytes_of_string(arena_string(c->memory, password)) : BYTES_NONE;
    a->sealed = sealed.data ? arena_copy(c->memory, sealed) : BYTES_NONE;
    statement_done(s);
    return true;
}

static bool sign_in_failed(struct context *c, const struct account *a, const char *code)
{
    database_begin(c->database);
    int64_t failures = a->failures + 1;
    bool lock = failures >= FAILURES_MAX;
    database_run(c->database, "UPDATE user SET failures=?, locked_until=? WHERE id=?", "ioi",
                 lock ? 0 : failures, lock ? (int64_t)(c->now + LOCKOUT_NS) : 0, a->id);
    c->principal.user = a->id;
    bool ok = audit_add(c, lock ? "session.lock" : "session.fail", "user", a->id, BYTES_NONE) &&
              context_commit(c);
    c->principal.user = 0;
    if (!ok)
        return context_rollback(c);
    return refuse(c, code, "", BYTES_NONE, "name, password or code is wrong");
}

/* As much work as for a user who exists, so that the answer's time does not tell. */
static void waste_time(const struct center *center, struct bytes password)
{
    uint8_t out[32], salt[crypto_pwhash_SALTBYTES] = { 0 };
    (void)!crypto_pwhash(out, sizeof out, (const char *)password.data, password.size, salt,
                         password_passes(center), password_memory(center), crypto_pwhash_ALG_ARGON2ID13);
}

static bool session_make(struct context *c, const struct account *a, struct bytes agent,
                         char token[SESSION_TOKEN_SIZE])
{
    uint8_t hash[32];
    char csrf[SESSION_TOKEN_SIZE];
    random_token(token);
    random_token(csrf);
    token_hash(bytes_of_string(token), hash);
    database_begin(c->database);
    database_run(c->database,
                 "INSERT INTO session (user, token, csrf, created, seen, expires, address, agent) VALUES "
                 "(?,?,?,?,?,?,?,?)",
                 "ixsuuusb", a->id, bytes_of(hash, sizeof hash), csrf, c->now, c->now,
                 c->now + SESSION_LIFE_NS, c->principal.address,
                 bytes_is_utf8(agent) ? bytes_first(agent, 200) : BYTES_NONE);
    database_run(c->database, "UPDATE user SET failures=0, locked_until=NULL, last_sign_in=? WHERE id=?",
                 "ui", c->now, a->id);
    c->principal.user = a->id;
    if (!audit_add(c, "session.open", "user", a->id, BYTES_NONE))
        return context_rollback(c);
    return context_commit(c);
}

bool session_open(struct context *c, struct json_value body, struct bytes agent,
                  char token[SESSION_TOKEN_SIZE], struct text *out)
{
    struct bytes name = BYTES_NONE, password = BYTES_NONE, code = BYTES_NONE;
    struct account a;
    if (!body_text(c, body, "name", 100, &name, NULL) ||
        !body_text(c, body, "password", 200, &password, NULL) || !body_text(c, body, "code", 40, &code, NULL))
        return false;
    if (name.size == 0 || password.size == 0)
        return refuse(c, "bad_credentials", "", BYTES_NONE, "name or password is wrong");
    if (!account_load(c, name, &a) || !a.password.data) {
        waste_time(c->center, password);
        return refuse(c, "bad_credentials", "", BYTES_NONE, "name or password is wrong");
    }
    if (a.locked_until > c->now) {
        char seconds[24];
        snprintf(seconds, sizeof seconds, "%llu",
                 (unsigned long long)((a.locked_until - c->now) / NS_PER_S + 1));
        return refuse(c, "locked", "", bytes_of_string(seconds),
                      "the account is locked after too many failures");
    }
    if (!password_check((const char *)a.password.data, password))
        return sign_in_failed(c, &a, "bad_credentials");
    if (a.sealed.data && code.size == 0)
        return refuse(c, "code_required", "code", BYTES_NONE, "the second factor is required");
    if (a.sealed.data && !second_factor(c, a.id, a.sealed, a.totp_step, code))
        return sign_in_failed(c, &a, "bad_code");
    return session_make(c, &a, agent, token) && session_find(c, bytes_of_string(token)) &&
           session_json(c, out);
}

static void load_principal(struct context *c, struct statement *s)
{
    struct principal *p = &c->principal;
    c->session = statement_int(s, 0);
    p->user = statement_int(s, 1);
    struct text csrf = text_of(c->csrf, sizeof c->csrf), title = text_of(c->user_title, sizeof c->user_title);
    text_put(&csrf, statement_bytes(s, 2));
    text_put(&title, bytes_first(statement_bytes(s, 4), sizeof c->user_title - 1));
    p->role = role_of(statement_bytes(s, 3));
    c->must_change_password = statement_int(s, 5) != 0;
    c->must_add_factor = p->role == ROLE_ADMINISTRATOR && statement_int(s, 7) == 0;
    p->limited = p->role == ROLE_CONTACT || p->role == 0;
}

/* On a full disk this cannot be noted, which is no reason to refuse the request. */
static void note_seen(struct context *c)
{
    struct error error;
    if (!database_run(c->database, "UPDATE session SET seen=? WHERE id=?", "ui", c->now, c->session))
        (void)!database_ok(c->database, &error);
}

bool session_find(struct context *c, struct bytes token)
{
    uint8_t hash[32];
    if (token.size != SESSION_TOKEN_SIZE - 1)
        return false;
    token_hash(token, hash);
    struct statement *s = database_query(
        c->database,
        "SELECT s.id, u.id, s.csrf, u.role, u.display_name, u.must_change, s.seen, "
        "u.totp IS NOT NULL FROM session s JOIN user u ON u.id=s.user WHERE s.token=? AND s.expires>? AND "
        "u.state='active' AND u.ended IS NULL",
        "xu", bytes_of(hash, sizeof hash), c->now);
    if (!statement_next(s))
        return false;
    uint64_t seen = (uint64_t)statement_int(s, 6);
    load_principal(c, s);
    statement_done(s);
    uint64_t idle = (c->principal.role == ROLE_ADMINISTRATOR ? IDLE_ADMIN_S : IDLE_S) * NS_PER_S;
    if (c->now > seen + idle) {
        database_run(c->database, "DELETE FROM session WHERE id=?", "i", c->session);
        c->session = 0;
        return false;
    }
    if (c->now > seen + 20 * NS_PER_S)
        note_seen(c);
    s = database_query(c->database, "SELECT agency FROM user_agency WHERE user=? ORDER BY agency LIMIT ?",
                       "ii", c->principal.user, (int64_t)PRINCIPAL_AGENCIES_MAX);
    c->principal.agency_count = 0;
    while (statement_next(s))
        c->principal.agencies[c->principal.agency_count++] = statement_int(s, 0);
    return true;
}

bool session_json(struct context *c, struct text *out)
{
    bool admin = c->principal.role == ROLE_ADMINISTRATOR;
    json_open(out, NULL, '{');
    struct statement *s = database_query(
        c->database,
        "SELECT id, name, display_name, role, language, totp IS NOT NULL AS "
        "\"totp@bool\", "
        "must_change AS \"must_change_password@bool\", (role='administrator' AND totp IS NULL) AS "
        "\"totp_required@bool\", "
        "(SELECT json_group_array(json_object('id', a.id, 'title', a.name)) FROM user_agency ua JOIN agency "
        "a ON "
        "a.id=ua.agency WHERE ua.user=u.id) AS \"agencies@raw\" FROM user u WHERE id=?",
        "i", c->principal.user);
    json_open(out, "user", '{');
    if (statement_next(s))
        statement_json(s, out);
    statement_done(s);
    json_close(out, '}');
    json_cstring(out, "csrf", c->csrf);
    s = database_query(c->database, "SELECT expires AS \"expires@time\" FROM session WHERE id=?", "i",
                       c->session);
    if (statement_next(s))
        statement_json(s, out);
    statement_done(s);
    json_uint(out, "idle_s", admin ? IDLE_ADMIN_S : IDLE_S);
    json_cstring(out, "version", VONGLAU_VERSION);
    json_bool(out, "sample",
              database_number(c->database, "SELECT 1 FROM agency WHERE sample=1 LIMIT 1", "") == 1);
    char now[40];
    struct text text = text_of(now, sizeof now);
    clock_text_rfc3339(c->now, &text);
    json_cstring(out, "now", now);
    json_close(out, '}');
    return true;
}

bool session_in_force(struct context *c, int64_t session)
{
    return database_number(c->database, "SELECT 1 FROM session WHERE id=? AND expires>?", "iu", session,
                           c->now) == 1;
}

bool session_close(struct context *c)
{
    database_begin(c->database);
    database_run(c->database, "DELETE FROM session WHERE id=?", "i", c->session);
    if (!audit_add(c, "session.close", "user", c->principal.user, BYTES_NONE))
        return context_rollback(c);
    return context_commit(c);
}

/* ---- the signed-in user's own account ---- */

bool account_sessions(struct context *c, struct text *out)
{
    json_open(out, NULL, '{');
    rows_json(database_query(
                  c->database,
                  "SELECT id, created AS \"created@time\", seen AS \"seen@time\", address, agent, id=?1 AS "
                  "\"current@bool\" FROM session WHERE user=?2 AND expires>?3 ORDER BY seen DESC LIMIT 100",
                  "iiu", c->session, c->principal.user, c->now),
              "rows", out);
    json_close(out, '}');
    return true;
}

bool account_session_end(struct context *c, int64_t session)
{
    database_run(c->database, "DELETE FROM session WHERE id=? AND user=?", "ii", session, c->principal.user);
    if (database_changes(c->database) == 0)
        return refuse(c, "not_found", "session", BYTES_NONE, "there is no such session");
    return audit_add(c, "session.end", "session", session, BYTES_NONE);
}

static bool own_password(struct context *c, struct bytes password)
{
    struct bytes hash = database_text(c->database, c->memory, "SELECT password FROM user WHERE id=?", "i",
                                      c->principal.user);
    return hash.data && password_check((const char *)hash.data, password);
}

static bool refuse_weak(struct context *c, const char *rule)
{
    struct problems *problems = context_problems(c);
    if (!problems)
        return false;
    problem_add(problems, "weak", "new", bytes_of_string(rule), "the password breaks the rule: %s", rule);
    return refuse_problems(c, problems);
}

bool account_password(struct context *c, struct json_value body, struct text *out)
{
    struct bytes old = BYTES_NONE, new = BYTES_NONE;
    if (!body_text(c, body, "old", 200, &old, NULL) || !body_text(c, body, "new", 200, &new, NULL))
        return false;
    if (!own_password(c, old)) {
        struct account a = { .id = c->principal.user };
        a.failures = database_number(c->database, "SELECT failures FROM user WHERE id=?", "i", a.id);
        return sign_in_failed(c, &a, "bad_credentials");
    }
    struct bytes name = database_text(c->database, c->memory, "SELECT name FROM user WHERE id=?", "i",
                                      c->principal.user);
    bool totp = database_number(c->database, "SELECT totp IS NOT NULL FROM user WHERE id=?", "i",
                                c->principal.user);
    const char *weakness = password_weakness(new, name, totp);
    if (!weakness && password_reused(c, c->principal.user, new))
        weakness = "reuse";
    if (weakness)
        return refuse_weak(c, weakness);
    char csrf[SESSION_TOKEN_SIZE];
    random_token(csrf);
    database_begin(c->database);
    if (!user_set_password(c, c->principal.user, new, false))
        return context_rollback(c);
    database_run(c->database, "DELETE FROM session WHERE user=? AND id<>?", "ii", c->principal.user,
                 c->session);
    database_run(c->database, "UPDATE session SET csrf=? WHERE id=?", "si", csrf, c->session);
    if (!audit_add(c, "user.password", "user", c->principal.user, BYTES_NONE))
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    memcpy(c->csrf, csrf, sizeof csrf);
    c->must_change_password = false;
    return session_json(c, out);
}

static void base32(struct bytes b, struct text *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < b.size; i++) {
        bits = bits << 8 | b.data[i];
        held += 8;
        while (held >= 5) {
            held -= 5;
            text_char(out, digits[bits >> held & 31]);
        }
    }
    if (held)
        text_char(out, digits[bits << (5 - held) & 31]);
}

bool account_totp_begin(struct context *c, struct text *out)
{
    uint8_t secret[TOTP_SECRET], sealed[SEALED_SIZE];
    randombytes_buf(secret, sizeof secret);
    seal(c, secret, sealed);
    char encoded[40], uri[256];
    struct text text = text_of(encoded, sizeof encoded);
    base32(bytes_of(secret, sizeof secret), &text);
    sodium_memzero(secret, sizeof secret);
    struct bytes name = database_text(c->database, c->memory, "SELECT name FROM user WHERE id=?", "i",
                                      c->principal.user);
    database_run(c->database, "UPDATE user SET totp_pending=? WHERE id=?", "xi",
                 bytes_of(sealed, sizeof sealed), c->principal.user);
    snprintf(uri, sizeof uri,
             "otpauth://totp/Vong%%20Lau:%.*s?secret=%s&issuer=Vong%%20Lau&period=30&digits=6",
             (int)name.size, name.data ? (const char *)name.data : "", encoded);
    json_open(out, NULL, '{');
    json_cstring(out, "secret", encoded);
    json_cstring(out, "uri", uri);
    json_close(out, '}');
    return true;
}

static void make_recovery_codes(struct context *c, struct text *out)
{
    database_run(c->database, "DELETE FROM recovery_code WHERE user=?", "i", c->principal.user);
    json_open(out, "recovery_codes", '[');
    for (int i = 0; i < RECOVERY_CODES; i++) {
        static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";
        char code[10] = "abcd-efgh";
        uint8_t hash[32];
        for (size_t j = 0; j < 9; j++) {
            if (j != 4)
                code[j] = letters[randombytes_uniform(sizeof letters - 1)];
        }
        recovery_hash(bytes_of_string(code), hash);
        database_run(c->database, "INSERT INTO recovery_code (user, code) VALUES (?,?)", "ix",
                     c->principal.user, bytes_of(hash, sizeof hash));
        json_cstring(out, NULL, code);
    }
    json_close(out, ']');
}

bool account_totp_confirm(struct context *c, struct json_value body, struct text *out)
{
    struct bytes code = BYTES_NONE;
    uint8_t secret[TOTP_SECRET];
    if (!body_text(c, body, "code", 10, &code, NULL))
        return false;
    struct statement *s = database_query(c->database, "SELECT totp_pending FROM user WHERE id=?", "i",
                                         c->principal.user);
    bool known = statement_next(s) && unseal(c, statement_bytes(s, 0), secret);
    statement_done(s);
    uint64_t step = known ? totp_match(secret, code, c->now) : 0;
    sodium_memzero(secret, sizeof secret);
    if (!step)
        return refuse(c, "bad_code", "code", BYTES_NONE, "the code does not fit the secret and the time");
    database_begin(c->database);
    database_run(c->database, "UPDATE user SET totp=totp_pending, totp_pending=NULL, totp_step=? WHERE id=?",
                 "ui", step, c->principal.user);
    json_open(out, NULL, '{');
    make_recovery_codes(c, out);
    json_close(out, '}');
    if (!audit_add(c, "user.totp", "user", c->principal.user, BYTES_NONE))
        return context_rollback(c);
    return context_commit(c);
}

bool account_totp_remove(struct context *c, struct json_value body)
{
    struct bytes password = BYTES_NONE;
    if (!body_text(c, body, "password", 200, &password, NULL))
        return false;
    if (!own_password(c, password))
        return refuse(c, "bad_credentials", "password", BYTES_NONE, "the password is wrong");
    database_begin(c->database);
    database_run(c->database, "UPDATE user SET totp=NULL, totp_pending=NULL WHERE id=?", "i",
                 c->principal.user);
    database_run(c->database, "DELETE FROM recovery_code WHERE user=?", "i", c->principal.user);
    if (!audit_add(c, "user.totp_remove", "user", c->principal.user, BYTES_NONE))
        return context_rollback(c);
    return context_commit(c);
}

bool account_update(struct context *c, struct json_value body, struct text *out)
{
    struct bytes language = BYTES_NONE;
    if (!body_text(c, body, "language", 10, &language, NULL))
        return false;
    if (!bytes_is(language, "vi") && !bytes_is(language, "en"))
        return refuse(c, "bad_request", "language", language, "language must be vi or en");
    database_run(c->database, "UPDATE user SET language=? WHERE id=?", "bi", language, c->principal.user);
    return session_json(c, out);
}
