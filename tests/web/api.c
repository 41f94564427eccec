/* SPDX-License-Identifier: Apache-2.0 */
/* The interface over HTTPS on loopback: sessions, permissions, limits, and the path from an alert to a closed
 * case. */
#include "support/folder.h"

#include <curl/curl.h>

#include "base/clock.h"
#include "center/alerts.h"
#include "center/audit.h"
#include "center/authority.h"
#include "center/incidents.h"
#include "center/users.h"
#include "web/api.h"

#define PASSWORD "Gac-Lau-9x#q2Zt"

struct client {
    const char *name;
    CURL *handle;
    char csrf[64];
};

struct fixture {
    char folder[FOLDER_MAX];
    struct center *center;
    struct authority *authority;
    struct web *web;
    struct client admin, duty, handler, leader, contact, other, auditor, nobody;
    struct text answer;
    int64_t agency, other_agency;
};

/* ---- asking ---- */

static size_t take(char *data, size_t size, size_t count, void *context)
{
    text_put(context, bytes_of(data, size * count));
    return size * count;
}

/* Sends a request; returns the status, the answer is in f->answer. */
static long ask_as(struct fixture *f, struct client *client, const char *method, const char *path,
                   const char *type, struct bytes body, const char *csrf)
{
    char url[512], header[256];
    long status = 0;
    struct curl_slist *headers = NULL;
    snprintf(url, sizeof url, "https://127.0.0.1:%u%s", web_port(f->web), path);
    snprintf(header, sizeof header, "X-CSRF-Token: %s", csrf ? csrf : "");
    if (csrf)
        headers = curl_slist_append(headers, header);
    snprintf(header, sizeof header, "Content-Type: %s", type);
    headers = curl_slist_append(headers, header);
    headers = curl_slist_append(headers, "Expect:");
    text_clear(&f->answer);
    curl_easy_setopt(client->handle, CURLOPT_URL, url);
    curl_easy_setopt(client->handle, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(client->handle, CURLOPT_HTTPHEADER, headers);
    if (body.data) {
        curl_easy_setopt(client->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
        curl_easy_setopt(client->handle, CURLOPT_POSTFIELDS, body.data);
    } else {
        curl_easy_setopt(client->handle, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(client->handle, CURLOPT_CUSTOMREQUEST, method);
    }
    CURLcode code = curl_easy_perform(client->handle);
    curl_easy_getinfo(client->handle, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return code == CURLE_OK ? status : -(long)code;
}

static long ask(struct fixture *f, struct client *client, const char *method, const char *path,
                const char *body)
{
    return ask_as(f, client, method, path, "application/json", bytes_of_string(body), client->csrf);
}

static long get(struct fixture *f, struct client *client, const char *path)
{
    return ask(f, client, "GET", path, NULL);
}

static struct json_value found(struct fixture *f, const char *path)
{
    return json_find(json_parse(text_bytes(&f->answer)), path);
}

static uint64_t number(struct fixture *f, const char *path)
{
    uint64_t value = UINT64_MAX;
    (void)!json_to_u64(found(f, path), &value);
    return value;
}

static void says(struct fixture *f, const char *path, const char *expected)
{
    struct bytes text = found(f, path).text;
    if (!bytes_is(text, expected))
        fail_msg("%s is \"%.*s\", not \"%s\": %.400s", path, (int)text.size, (const char *)text.data,
                 expected, f->answer.data ? f->answer.data : "");
}

static bool has(struct fixture *f, const char *part)
{
    return bytes_find(text_bytes(&f->answer), bytes_of_string(part)) != SIZE_MAX;
}

static void client_open(struct fixture *f, struct client *client, const char *name)
{
    client->name = name;
    client->handle = curl_easy_init();
    assert_non_null(client->handle);
    curl_easy_setopt(client->handle, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(client->handle, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(client->handle, CURLOPT_COOKIEFILE, "");
    curl_easy_setopt(client->handle, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(client->handle, CURLOPT_WRITEDATA, &f->answer);
    curl_easy_setopt(client->handle, CURLOPT_TIMEOUT, 30L);
}

static void sign_in(struct fixture *f, struct client *client, const char *name)
{
    char body[200];
    client_open(f, client, name);
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"password\":\"" PASSWORD "\"}", name);
    assert_int_equal(
        ask_as(f, client, "POST", "/api/session", "application/json", bytes_of_string(body), NULL), 200);
    struct bytes csrf = found(f, "csrf").text;
    assert_true(csrf.size > 20);
    snprintf(client->csrf, sizeof client->csrf, "%.*s", (int)csrf.size, (const char *)csrf.data);
}

static struct bytes base32_read(struct bytes text, uint8_t *out)
{
    uint32_t bits = 0, count = 0;
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t b = text.data[i];
        bits = bits << 5 | (uint32_t)(b >= 'A' ? b - 'A' : b - '2' + 26);
        count += 5;
        if (count >= 8) {
            count -= 8;
            out[size++] = (uint8_t)(bits >> count);
        }
    }
    return bytes_of(out, size);
}

/* The code that `key` gives now. */
static uint32_t code_now(struct bytes key)
{
    return totp_code(key, clock_wall() / NS_PER_S / 30);
}

static void add_factor(struct fixture *f, struct client *client)
{
    uint8_t secret[64];
    char body[64];
    assert_int_equal(ask(f, client, "POST", "/api/account/totp", "{}"), 200);
    snprintf(body, sizeof body, "{\"code\":\"%06u\"}",
             code_now(base32_read(found(f, "secret").text, secret)));
    assert_int_equal(ask(f, client, "POST", "/api/account/totp/confirm", body), 200);
}

/* ---- a centre with two agencies, a user of each role, and one alert ---- */

static int64_t make_row(struct context *c, const char *sql, int64_t number)
{
    assert_true(database_run(c->database, sql, "i", number));
    return database_last_id(c->database);
}

static void make_user(struct context *c, const char *name, const char *role, int64_t agency)
{
    char once[PASSWORD_ONCE_SIZE];
    int64_t id;
    assert_true(user_make(c, name, name, role, &agency, agency != 0, once, &id));
    assert_true(user_set_password(c, id, BYTES_OF(PASSWORD), false));
}

static void add_alert(struct context *c, int64_t agency)
{
    static const char line[] =
        "{\"timestamp\":\"2026-11-22T03:00:00.000000+0000\",\"event_type\":\"alert\",\"src_ip\":\"198.51.100."
        "7\","
        "\"src_port\":4242,\"dest_ip\":\"10.1.0.5\",\"dest_port\":80,\"proto\":\"TCP\",\"alert\":{\"gid\":1,"
        "\"signature_id\":2100498,\"rev\":1,\"signature\":\"TEST trojan answer\",\"category\":\"A Network "
        "Trojan was "
        "detected\",\"severity\":1}}";
    struct event_record record = { 0 };
    assert_true(event_record_read(BYTES_OF(line), &record, c->memory));
    record.id = (struct event_id){ 1, 1, 1 };
    record.agency = (uint32_t)agency;
    assert_true(alerts_add(c, &record, 1));
}

static void fill(struct fixture *f)
{
    struct arena memory = arena_of(16 << 20);
    struct database *database = center_connection(f->center);
    struct context c = context_system(f->center, database, &memory);
    f->agency = make_row(
        &c, "INSERT INTO agency (name, type, created, updated) VALUES ('Sở Y tế','department',?1,?1)", 1);
    f->other_agency = make_row(
        &c, "INSERT INTO agency (name, type, created, updated) VALUES ('Sở Tài chính','department',?1,?1)",
        1);
    make_user(&c, "quantri", "administrator", 0);
    make_user(&c, "truc", "duty", 0);
    make_user(&c, "ungcuu", "handler", 0);
    make_user(&c, "lanhdao", "leader", 0);
    make_user(&c, "daumoi", "contact", f->agency);
    make_user(&c, "daumoi2", "contact", f->other_agency);
    make_user(&c, "kiemtra", "auditor", 0);
    make_user(&c, "quantri2", "administrator", 0);
    add_alert(&c, f->agency);
    center_connection_return(f->center, database);
    arena_done(&memory);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct arena memory = arena_of(1 << 20);
    struct error error = { "" };
    struct bytes chain, key;
    folder_make(f->folder);
    f->answer = text_new(8 << 20);
    const struct center_settings settings = { .state = f->folder,
                                              .temporary = true,
                                              .passwords_light = true };
    f->center = center_open(&settings, &error);
    if (!f->center)
        fail_msg("%s", error.text);
    f->authority = authority_open(f->folder, clock_wall(), &error);
    assert_non_null(f->authority);
    center_attach(f->center, f->authority, NULL);
    assert_true(authority_server(f->authority, NULL, clock_wall(), &memory, &chain, &key, &error));
    const struct web_settings web = { .address = "127.0.0.1",
                                      .certificate_pem = arena_string(&memory, chain),
                                      .key_pem = arena_string(&memory, key) };
    f->web = web_start(f->center, &web, &error);
    if (!f->web)
        fail_msg("%s", error.text);
    arena_done(&memory);
    fill(f);
    client_open(f, &f->nobody, "");
    sign_in(f, &f->admin, "quantri");
    add_factor(f, &f->admin);
    sign_in(f, &f->duty, "truc");
    sign_in(f, &f->handler, "ungcuu");
    sign_in(f, &f->leader, "lanhdao");
    sign_in(f, &f->contact, "daumoi");
    sign_in(f, &f->other, "daumoi2");
    sign_in(f, &f->auditor, "kiemtra");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct client *all[] = { &f->admin,   &f->duty,  &f->handler, &f->leader,
                             &f->contact, &f->other, &f->auditor, &f->nobody };
    for (size_t i = 0; i < COUNT_OF(all); i++)
        curl_easy_cleanup(all[i]->handle);
    web_stop(f->web);
    center_attach(f->center, NULL, NULL);
    authority_close(f->authority);
    center_close(f->center);
    text_done(&f->answer);
    folder_remove(f->folder);
    free(f);
    return 0;
}

/* ---- tests ---- */

static void nothing_is_told_without_a_session(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = { "/api/session",
                                         "/api/alerts",
                                         "/api/incidents/1",
                                         "/api/registers",
                                         "/api/registers/agency",
                                         "/api/events",
                                         "/api/hosts/10.1.0.5",
                                         "/api/today",
                                         "/api/mywork",
                                         "/api/reports",
                                         "/api/users",
                                         "/api/sensors",
                                         "/api/audit",
                                         "/api/stream",
                                         "/api/incidents/1/evidence/1" };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_int_equal(get(f, &f->nobody, paths[i]), 401);
        says(f, "error.code", "not_signed_in");
    }
    assert_int_equal(get(f, &f->nobody, "/healthz"), 200);
    assert_int_equal(get(f, &f->nobody, "/readyz"), 200);
    assert_int_equal(get(f, &f->nobody, "/metrics"), 200);
    assert_true(has(f, "vonglau_alert_groups_inbox 1"));
}

static void roles_reach_what_the_table_says(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path;
        int admin, duty, handler, leader, contact, auditor;
    } cases[] = {
        { "/api/alerts", 403, 200, 200, 200, 200, 200 },
        { "/api/events", 403, 200, 200, 200, 200, 200 },
        { "/api/incidents", 403, 200, 200, 200, 200, 200 },
        { "/api/today", 200, 200, 200, 200, 403, 200 },
        { "/api/mywork", 200, 200, 200, 200, 200, 200 },
        { "/api/registers", 200, 200, 200, 200, 200, 200 },
        { "/api/registers/agency", 200, 200, 200, 200, 200, 200 },
        { "/api/registers/rule_of_law", 200, 200, 200, 200, 403, 200 },
        { "/api/registers/user", 200, 403, 403, 403, 403, 200 },
        { "/api/users", 200, 403, 403, 403, 403, 200 },
        { "/api/sensors", 200, 200, 200, 200, 403, 200 },
        { "/api/audit", 200, 403, 403, 403, 403, 200 },
        { "/api/reports", 403, 200, 200, 200, 403, 200 },
        { "/api/registers/nothing", 404, 404, 404, 404, 404, 404 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct client *clients[] = { &f->admin, &f->duty, &f->handler, &f->leader, &f->contact, &f->auditor };
        const int expected[] = { cases[i].admin,  cases[i].duty,    cases[i].handler,
                                 cases[i].leader, cases[i].contact, cases[i].auditor };
        for (size_t j = 0; j < COUNT_OF(clients); j++) {
            long status = get(f, clients[j], cases[i].path);
            if (status != expected[j])
                fail_msg("%s as %s: %ld, not %d: %.300s", cases[i].path, clients[j]->name, status,
                         expected[j], f->answer.data);
        }
    }
    static const char *const writes[] = { "/api/alerts/1/archive", "/api/alerts/1/escalate", "/api/users",
                                          "/api/sensors",          "/api/registers/agency",  "/api/reports" };
    for (size_t i = 0; i < COUNT_OF(writes); i++) {
        assert_int_equal(ask(f, &f->auditor, "POST", writes[i], "{}"), 403);
        assert_int_equal(ask(f, &f->contact, "POST", writes[i], "{}"), 403);
    }
}

static void changes_need_the_token_of_the_session(void **state)
{
    struct fixture *f = *state;
    struct bytes body = BYTES_OF("{\"reason\":\"noise\"}");
    const char *path = "/api/alerts/1/archive";
    assert_int_equal(ask_as(f, &f->duty, "POST", path, "application/json", body, NULL), 403);
    says(f, "error.code", "csrf");
    assert_int_equal(ask_as(f, &f->duty, "POST", path, "application/json", body, f->handler.csrf), 403);
    assert_int_equal(ask_as(f, &f->duty, "POST", path, "application/json", body, ""), 403);
    assert_int_equal(get(f, &f->duty, "/api/alerts?state=inbox"), 200);
    assert_int_equal(number(f, "total"), 1);
}

static void malformed_requests_get_clear_answers(void **state)
{
    struct fixture *f = *state;
    const char *path = "/api/alerts/1/archive";
    assert_int_equal(ask(f, &f->duty, "POST", path, "{\"reason\":"), 400);
    says(f, "error.code", "bad_json");
    assert_int_equal(ask(f, &f->duty, "POST", path, "[1]"), 400);
    assert_int_equal(ask(f, &f->duty, "POST", path, "{\"reason\":7}"), 400);
    assert_int_equal(ask_as(f, &f->duty, "POST", path, "text/plain", BYTES_OF("{}"), f->duty.csrf), 415);
    assert_int_equal(ask(f, &f->duty, "DELETE", "/api/alerts", ""), 405);
    says(f, "error.code", "wrong_method");
    assert_int_equal(get(f, &f->duty, "/api/alerts/99999999999999999999"), 404);
    assert_int_equal(get(f, &f->duty, "/api/alerts/x"), 404);
    assert_int_equal(get(f, &f->duty, "/api/nowhere"), 404);
    assert_int_equal(get(f, &f->duty, "/api/alerts?limit=501"), 400);
    assert_int_equal(get(f, &f->duty, "/api/alerts?cursor=abc"), 400);
    says(f, "error.code", "bad_cursor");
    assert_int_equal(get(f, &f->duty, "/api/events?q=src_port:x"), 400);
    says(f, "error.code", "bad_query");
    says(f, "error.value", "10");
    char *large = calloc(1, (256 << 10) + 2);
    memset(large, ' ', (256 << 10) + 1);
    assert_int_equal(ask(f, &f->duty, "POST", path, large), 413);
    says(f, "error.code", "too_large");
    free(large);
}

static void a_contact_officer_reaches_no_row_of_another_agency(void **state)
{
    struct fixture *f = *state;
    char body[300], path[128];
    snprintf(body, sizeof body, "{\"title\":\"Máy lạ\",\"type\":\"malware\",\"agency\":%lld}",
             (long long)f->agency);
    assert_int_equal(ask(f, &f->other, "POST", "/api/incidents", body), 403);
    assert_int_equal(ask(f, &f->duty, "POST", "/api/incidents", body), 201);
    uint64_t incident = number(f, "id");
    snprintf(body, sizeof body, "{\"cidr\":\"10.1.0.0/16\",\"agency\":%lld,\"kind\":\"lan\"}",
             (long long)f->agency);
    assert_int_equal(ask(f, &f->duty, "POST", "/api/registers/network", body), 201);
    uint64_t network = number(f, "id");
    snprintf(body, sizeof body,
             "{\"name\":\"LAN\",\"owner\":%lld,\"level\":2,\"type\":\"internal\",\"status\":\"running\"}",
             (long long)f->agency);
    assert_int_equal(ask(f, &f->duty, "POST", "/api/registers/system", body), 201);
    uint64_t system = number(f, "id");
    snprintf(body, sizeof body, "{\"person\":\"An\",\"role\":\"security\",\"agency\":%lld}",
             (long long)f->agency);
    assert_int_equal(ask(f, &f->contact, "POST", "/api/registers/contact", body), 201);
    uint64_t contact = number(f, "id");
    snprintf(path, sizeof path, "/api/incidents/%llu/evidence?name=a.txt", (unsigned long long)incident);
    assert_int_equal(
        ask_as(f, &f->contact, "POST", path, "text/plain", BYTES_OF("chứng cứ"), f->contact.csrf), 201);
    uint64_t evidence = number(f, "id");
    const struct {
        const char *method, *pattern;
        uint64_t number, second;
        const char *body;
    } cases[] = {
        { "GET", "/api/alerts/%llu", 1, 0, NULL },
        { "GET", "/api/incidents/%llu", incident, 0, NULL },
        { "POST", "/api/incidents/%llu/messages", incident, 0, "{\"text\":\"x\"}" },
        { "POST", "/api/incidents/%llu/tasks/%llu", incident, 1, "{\"done\":true}" },
        { "POST", "/api/incidents/%llu/read", incident, 0, "{}" },
        { "POST", "/api/incidents/%llu/evidence?name=b", incident, 0, "{}" },
        { "GET", "/api/incidents/%llu/evidence/%llu", incident, evidence, NULL },
        { "GET", "/api/registers/agency/%llu", (uint64_t)f->agency, 0, NULL },
        { "GET", "/api/registers/agency/%llu/history", (uint64_t)f->agency, 0, NULL },
        { "GET", "/api/registers/agency/%llu/versions", (uint64_t)f->agency, 0, NULL },
        { "GET", "/api/registers/network/%llu", network, 0, NULL },
        { "GET", "/api/registers/system/%llu", system, 0, NULL },
        { "GET", "/api/registers/contact/%llu", contact, 0, NULL },
        { "PATCH", "/api/registers/contact/%llu", contact, 0, "{\"person\":\"B\"}" },
        { "DELETE", "/api/registers/contact/%llu", contact, 0, "" },
        { "POST", "/api/contacts/%llu/confirm", contact, 0, "{}" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        snprintf(path, sizeof path, cases[i].pattern, (unsigned long long)cases[i].number,
                 (unsigned long long)cases[i].second);
        long status = ask(f, &f->other, cases[i].method, path, cases[i].body);
        if (status != 404)
            fail_msg("%s %s: %ld: %.300s", cases[i].method, path, status, f->answer.data);
    }
    /* Lists leave them out, whatever is asked for. */
    static const char *const lists[] = { "/api/alerts?state=all",       "/api/incidents?state=all",
                                         "/api/registers/network",      "/api/registers/system",
                                         "/api/registers/contact",      "/api/registers/network?q=10.1",
                                         "/api/registers/agency?q=y+te" };
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        assert_int_equal(get(f, &f->other, lists[i]), 200);
        assert_int_equal(found(f, "rows").text.size, 2);
    }
    assert_int_equal(get(f, &f->other, "/api/registers/network/export.csv"), 200);
    assert_false(has(f, "10.1.0.0/16"));
    assert_int_equal(get(f, &f->other, "/api/hosts/10.1.0.5"), 200);
    assert_false(has(f, "Sở Y tế") || has(f, "TEST trojan"));
    /* A row of the own agency cannot be made for, nor given to, another one. */
    assert_int_equal(ask(f, &f->other, "POST", "/api/registers/contact", body), 403);
    snprintf(path, sizeof path, "/api/registers/contact/%llu", (unsigned long long)contact);
    snprintf(body, sizeof body, "{\"agency\":%lld}", (long long)f->other_agency);
    assert_int_equal(ask(f, &f->contact, "PATCH", path, body), 403);
    assert_int_equal(get(f, &f->contact, path), 200);
}

static void registers_refuse_what_breaks_their_rules(void **state)
{
    struct fixture *f = *state;
    char body[400];
    assert_int_equal(ask(f, &f->duty, "POST", "/api/registers/agency", "{\"type\":\"department\"}"), 422);
    says(f, "error.place", "name");
    assert_int_equal(ask(f, &f->duty, "POST", "/api/registers/agency",
                         "{\"name\":\"A\",\"type\":\"castle\",\"code\":\"h38\",\"color\":1}"),
                     422);
    assert_int_equal(ask(f, &f->duty, "POST", "/api/registers/agency",
                         "{\"name\":\"A\",\"type\":\"department\",\"code\":\"h38\"}"),
                     422);
    says(f, "error.place", "code");
    snprintf(body, sizeof body, "{\"cidr\":\"10.9.0.0/16\",\"agency\":%lld,\"kind\":\"lan\"}",
             (long long)f->agency);
    assert_int_equal(ask(f, &f->duty, "POST", "/api/registers/network", body), 201);
    uint64_t version = number(f, "version"), id = number(f, "id");
    snprintf(body, sizeof body, "{\"cidr\":\"10.9.3.0/24\",\"agency\":%lld,\"kind\":\"lan\"}",
             (long long)f->other_agency);
    assert_int_equal(ask(f, &f->duty, "POST", "/api/registers/network", body), 422);
    assert_true(has(f, "\"code\":\"overlap\"") && has(f, "10.9.0.0/16 Sở Y tế"));
    snprintf(body, sizeof body, "{\"cidr\":\"10.0.0.0/8\",\"agency\":%lld,\"kind\":\"lan\"}",
             (long long)f->other_agency);
    assert_int_equal(ask(f, &f->duty, "POST", "/api/registers/network", body), 422);
    /* Two people at one row: the second one is told. */
    char path[64];
    snprintf(path, sizeof path, "/api/registers/network/%llu", (unsigned long long)id);
    snprintf(body, sizeof body, "{\"version\":%llu,\"note\":\"a\"}", (unsigned long long)version);
    assert_int_equal(ask(f, &f->duty, "PATCH", path, body), 200);
    assert_int_equal(ask(f, &f->duty, "PATCH", path, body), 409);
    says(f, "error.code", "conflict");
    snprintf(path, sizeof path, "/api/registers/network/%llu/history", (unsigned long long)id);
    assert_int_equal(get(f, &f->duty, path), 200);
    assert_true(has(f, "\"action\":\"update\"") && has(f, "\"action\":\"create\""));
}

static void lists_show_what_lacks_something(void **state)
{
    struct fixture *f = *state;
    char body[200], path[64];
    snprintf(
        body, sizeof body,
        "{\"agency\":%lld,\"person\":\"Nguyễn Văn A\",\"role\":\"security\",\"mobile\":\"0900 000 001\"}",
        (long long)f->agency);
    assert_int_equal(ask(f, &f->duty, "POST", "/api/registers/contact", body), 201);
    uint64_t contact = number(f, "id");
    assert_int_equal(get(f, &f->duty, "/api/registers/agency?gap=contact"), 200);
    assert_int_equal(number(f, "total"), 1);
    assert_true(has(f, "Sở Tài chính"));
    assert_int_equal(get(f, &f->contact, "/api/registers/agency?gap=contact"), 200);
    assert_int_equal(number(f, "total"), 0);
    assert_int_equal(get(f, &f->duty, "/api/registers/contact?gap=verified"), 200);
    assert_int_equal(number(f, "total"), 1);
    snprintf(path, sizeof path, "/api/contacts/%llu/confirm", (unsigned long long)contact);
    assert_int_equal(ask(f, &f->contact, "POST", path, "{}"), 200);
    assert_int_equal(get(f, &f->duty, "/api/registers/contact?gap=verified"), 200);
    assert_int_equal(number(f, "total"), 0);
    assert_int_equal(get(f, &f->duty, "/api/registers/agency?gap=castle"), 422);
    says(f, "error.place", "gap");
    /* The report counts the same rows. */
    assert_int_equal(ask(f, &f->duty, "POST", "/api/reports", "{\"year\":2026,\"quarter\":4}"), 201);
    assert_true(has(f, "\"key\":\"agencies_no_contact\",\"group\":\"registers\",\"value\":1"));
    assert_true(has(f, "Còn 1 cơ quan chưa cử cán bộ đầu mối"));
}

static void an_import_is_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    const char *path = "/api/registers/agency/import";
    struct bytes bad = BYTES_OF("name,type,code\nSở A,department,K09.1\nSở B,castle,K09.1\n\"Sở C\n");
    assert_int_equal(ask_as(f, &f->duty, "POST", path, "text/csv", bad, f->duty.csrf), 422);
    assert_true(has(f, "\"row\":3"));
    assert_int_equal(get(f, &f->duty, "/api/registers/agency?code=K09.1"), 200);
    assert_int_equal(number(f, "total"), 0);
    struct bytes good = BYTES_OF(
        "\xEF\xBB\xBFname;type;code\r\n\"Sở \"\"A\"\"; một\";department;K09.1\r\nSở B;board;K09.2\r\n");
    assert_int_equal(
        ask_as(f, &f->duty, "POST", "/api/registers/agency/import?dry_run=1", "text/csv", good, f->duty.csrf),
        200);
    assert_int_equal(number(f, "created"), 2);
    assert_int_equal(get(f, &f->duty, "/api/registers/agency?code=K09.1"), 200);
    assert_int_equal(number(f, "total"), 0);
    assert_int_equal(ask_as(f, &f->duty, "POST", path, "text/csv", good, f->duty.csrf), 200);
    assert_int_equal(get(f, &f->duty, "/api/registers/agency?q=so+%22a%22"), 200);
    assert_int_equal(number(f, "total"), 1);
    assert_int_equal(get(f, &f->duty, "/api/registers/agency/export.csv"), 200);
    assert_true(has(f, "\"Sở \"\"A\"\"; một\""));
}

static void repeated_failures_lock_the_account(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(
            ask(f, &f->nobody, "POST", "/api/session", "{\"name\":\"kiemtra\",\"password\":\"sai\"}"), 401);
        says(f, "error.code", "bad_credentials");
    }
    assert_int_equal(
        ask(f, &f->nobody, "POST", "/api/session", "{\"name\":\"kiemtra\",\"password\":\"" PASSWORD "\"}"),
        429);
    says(f, "error.code", "locked");
    assert_int_equal(get(f, &f->admin, "/api/users"), 200);
    assert_int_equal(ask(f, &f->admin, "POST", "/api/users/7/unlock", "{}"), 200);
    assert_int_equal(
        ask(f, &f->nobody, "POST", "/api/session", "{\"name\":\"kiemtra\",\"password\":\"" PASSWORD "\"}"),
        200);
}

static void the_first_password_must_be_changed(void **state)
{
    struct fixture *f = *state;
    struct client fresh = { 0 };
    char body[300];
    assert_int_equal(
        ask(f, &f->admin, "POST", "/api/users",
            "{\"name\":\"moi\",\"display_name\":\"Người mới\",\"role\":\"duty\",\"agencies\":[]}"),
        201);
    struct bytes once = found(f, "password").text;
    client_open(f, &fresh, "moi");
    snprintf(body, sizeof body, "{\"name\":\"moi\",\"password\":\"%.*s\"}", (int)once.size,
             (const char *)once.data);
    char old[32];
    snprintf(old, sizeof old, "%.*s", (int)once.size, (const char *)once.data);
    assert_int_equal(ask(f, &fresh, "POST", "/api/session", body), 200);
    struct bytes csrf = found(f, "csrf").text;
    snprintf(fresh.csrf, sizeof fresh.csrf, "%.*s", (int)csrf.size, (const char *)csrf.data);
    assert_int_equal(get(f, &fresh, "/api/alerts"), 403);
    says(f, "error.code", "password_change_required");
    static const char *const weak[] = { "ngan", "chuthuongkhongthoi", "Matkhau-123456789",
                                        "Moi-nguoi-2026#moi" };
    for (size_t i = 0; i < COUNT_OF(weak); i++) {
        snprintf(body, sizeof body, "{\"old\":\"%s\",\"new\":\"%s\"}", old, weak[i]);
        assert_int_equal(ask(f, &fresh, "POST", "/api/account/password", body), 422);
        assert_true(has(f, "\"code\":\"weak\""));
    }
    snprintf(body, sizeof body, "{\"old\":\"%s\",\"new\":\"" PASSWORD "\"}", old);
    assert_int_equal(ask(f, &fresh, "POST", "/api/account/password", body), 200);
    assert_int_equal(get(f, &fresh, "/api/alerts"), 200);
    curl_easy_cleanup(fresh.handle);
}

/* Takes the next steps one after the other. */
static void step(struct fixture *f, struct client *client, const char *path, const char *state, long expected)
{
    char body[128];
    snprintf(body, sizeof body, "{\"state\":\"%s\"}", state);
    long status = ask(f, client, "POST", path, body);
    if (status != expected)
        fail_msg("to %s as %s: %ld, not %ld: %.600s", state, client->name, status, expected, f->answer.data);
}

static void an_alert_becomes_a_case_that_closes_when_all_is_done(void **state)
{
    struct fixture *f = *state;
    char path[128], work[128];
    assert_int_equal(ask(f, &f->duty, "POST", "/api/alerts/1/escalate", "{\"severity\":\"serious\"}"), 201);
    says(f, "incident.type", "malware");
    says(f, "incident.state", "detected");
    says(f, "incident.regime", "2026");
    assert_true(has(f, "\"kind\":\"immediate_notice\"") && has(f, "\"kind\":\"initial_notice\"") &&
                has(f, "\"kind\":\"full_report\"") && has(f, "\"kind\":\"acknowledge\""));
    uint64_t id = number(f, "incident.id");
    snprintf(path, sizeof path, "/api/incidents/%llu/state", (unsigned long long)id);
    step(f, &f->duty, path, "closed", 409);
    step(f, &f->contact, path, "acknowledged", 403);
    step(f, &f->duty, path, "acknowledged", 200);
    says(f, "assignee", "2");
    /* The agency answers. */
    snprintf(work, sizeof work, "/api/incidents/%llu/messages", (unsigned long long)id);
    assert_int_equal(ask(f, &f->duty, "POST", work, "{\"text\":\"Đề nghị rút mạng máy 10.1.0.5\"}"), 201);
    assert_int_equal(get(f, &f->contact, "/api/mywork"), 200);
    assert_true(has(f, "\"kind\":\"message\"") && has(f, "\"kind\":\"task\""));
    assert_int_equal(ask(f, &f->contact, "POST", work, "{\"text\":\"Đã rút mạng\"}"), 201);
    assert_int_equal(ask(f, &f->contact, "POST", work, "{\"text\":\"\"}"), 422);
    static const char *const steps[] = { "verified",  "first_response", "contained", "eradicated",
                                         "recovered", "tested",         "reporting" };
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        step(f, &f->duty, path, steps[i], 200);
    step(f, &f->leader, path, "closed", 422);
    assert_true(has(f, "\"place\":\"cause\"") && has(f, "open_tasks") && has(f, "unsent_notice"));
    snprintf(work, sizeof work, "/api/incidents/%llu", (unsigned long long)id);
    assert_int_equal(
        ask(f, &f->duty, "PATCH", work,
            "{\"closing\":{\"cause\":\"Thư lừa đảo\",\"damage\":\"Không\",\"handling\":\"Cài lại\","
            "\"result\":\"resolved\",\"lessons\":\"Tập huấn\"}}"),
        200);
    /* Every task done, every notice sent. */
    struct text whole = text_new(1 << 20);
    text_put(&whole, text_bytes(&f->answer));
    struct json_cursor tasks = json_elements(json_find(json_parse(text_bytes(&whole)), "tasks"));
    struct json_value one;
    uint64_t part;
    while (json_next_element(&tasks, &one)) {
        assert_true(json_to_u64(json_find(one, "id"), &part));
        snprintf(work, sizeof work, "/api/incidents/%llu/tasks/%llu", (unsigned long long)id,
                 (unsigned long long)part);
        bool theirs = json_find(one, "for_contact").type == JSON_TRUE;
        assert_int_equal(ask(f, &f->contact, "POST", work, "{\"done\":true}"), theirs ? 200 : 404);
        assert_int_equal(ask(f, &f->duty, "POST", work, "{\"done\":true}"), 200);
    }
    struct json_cursor clocks = json_elements(json_find(json_parse(text_bytes(&whole)), "clocks"));
    while (json_next_element(&clocks, &one)) {
        assert_true(json_to_u64(json_find(one, "id"), &part));
        snprintf(work, sizeof work, "/api/incidents/%llu/clocks/%llu", (unsigned long long)id,
                 (unsigned long long)part);
        assert_int_equal(ask(f, &f->duty, "POST", work, "{\"sent\":\"now\",\"channel\":\"letter\"}"), 200);
        says(f, "state", "met");
    }
    text_done(&whole);
    step(f, &f->duty, path, "closed", 403);
    says(f, "error.code", "second_person");
    step(f, &f->leader, path, "closed", 200);
    says(f, "state", "closed");
    /* The quarter counts it, and the figure's address shows it. */
    assert_int_equal(ask(f, &f->duty, "POST", "/api/reports", "{\"year\":2026,\"quarter\":4}"), 201);
    assert_int_equal(get(f, &f->duty, "/api/incidents?state=closed&severity=serious"), 200);
    assert_true(has(f, "\"state\":\"closed\""));
    assert_int_equal(get(f, &f->auditor, "/api/audit/verify"), 200);
    assert_int_equal(found(f, "ok").type, JSON_TRUE);
}

static void archived_alerts_leave_the_inbox_and_come_back(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask(f, &f->handler, "POST", "/api/alerts/1/archive",
                         "{\"reason\":\"expected\",\"note\":\"quét định kỳ\"}"),
                     200);
    says(f, "state", "archived");
    assert_int_equal(ask(f, &f->handler, "POST", "/api/alerts/1/archive", "{}"), 409);
    assert_int_equal(get(f, &f->duty, "/api/alerts"), 200);
    assert_int_equal(number(f, "counts.inbox"), 0);
    assert_int_equal(ask(f, &f->handler, "POST", "/api/alerts/1/unarchive", "{}"), 200);
    assert_int_equal(
        ask(f, &f->handler, "POST", "/api/alerts/1/filter", "{\"scope\":\"sid_src\",\"dry_run\":true}"), 200);
    assert_int_equal(number(f, "matches"), 1);
    assert_int_equal(
        ask(f, &f->handler, "POST", "/api/alerts/bulk", "{\"action\":\"archive\",\"ids\":[1,999]}"), 404);
    assert_int_equal(get(f, &f->duty, "/api/alerts"), 200);
    assert_int_equal(number(f, "counts.inbox"), 1);
    assert_int_equal(
        ask(f, &f->handler, "POST", "/api/alerts/1/filter", "{\"scope\":\"sid_src\",\"days\":30}"), 200);
    assert_int_equal(get(f, &f->duty, "/api/alerts"), 200);
    assert_int_equal(number(f, "counts.inbox"), 0);
}

/* ---- second factor ---- */

static long sign_in_with(struct fixture *f, const char *code)
{
    char body[200];
    snprintf(body, sizeof body, "{\"name\":\"truc\",\"password\":\"" PASSWORD "\"%s%s%s}",
             code ? ",\"code\":\"" : "", code ? code : "", code ? "\"" : "");
    return ask(f, &f->nobody, "POST", "/api/session", body);
}

static void a_second_factor_is_enrolled_and_asked_for(void **state)
{
    struct fixture *f = *state;
    uint8_t secret[64];
    char body[64], recovery[32];
    assert_int_equal(ask(f, &f->duty, "POST", "/api/account/totp", "{}"), 200);
    struct bytes key = base32_read(found(f, "secret").text, secret);
    assert_int_equal(key.size, 20);
    assert_true(has(f, "otpauth://totp/"));
    assert_int_equal(sign_in_with(f, NULL), 200); /* not active until it is confirmed */
    uint32_t code = code_now(key);
    snprintf(body, sizeof body, "{\"code\":\"%06u\"}", (code + 1) % 1000000);
    assert_int_equal(ask(f, &f->duty, "POST", "/api/account/totp/confirm", body), 401);
    says(f, "error.code", "bad_code");
    snprintf(body, sizeof body, "{\"code\":\"%06u\"}", code_now(key));
    assert_int_equal(ask(f, &f->duty, "POST", "/api/account/totp/confirm", body), 200);
    struct json_value codes = found(f, "recovery_codes"), item = { 0 };
    assert_int_equal(codes.type, JSON_ARRAY);
    struct json_cursor items = json_elements(codes);
    size_t count = 0;
    while (json_next_element(&items, &item)) {
        if (count++ == 0)
            snprintf(recovery, sizeof recovery, "%.*s", (int)item.text.size, (const char *)item.text.data);
    }
    assert_int_equal(count, 10);
    assert_int_equal(sign_in_with(f, NULL), 401);
    says(f, "error.code", "code_required");
    assert_int_equal(sign_in_with(f, "000000"), 401);
    assert_int_equal(sign_in_with(f, recovery), 200);
    assert_int_equal(sign_in_with(f, recovery), 401); /* good once */
}

static void a_text_that_is_too_long_is_told_with_its_limit(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = { 301, 2000, 100000 };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *body = calloc(1, sizes[i] + 100);
        assert_non_null(body);
        int head = snprintf(body, 100, "{\"type\":\"malware\",\"severity\":\"ordinary\",\"title\":\"");
        memset(body + head, 'a', sizes[i]);
        memcpy(body + (size_t)head + sizes[i], "\"}", 2);
        assert_int_equal(ask(f, &f->duty, "POST", "/api/incidents", body), 422);
        says(f, "error.place", "title");
        assert_true(has(f, "at most 300 bytes"));
        free(body);
    }
}

static void an_administrator_does_nothing_without_a_second_factor(void **state)
{
    struct fixture *f = *state;
    struct client fresh;
    static const char *const paths[] = { "/api/users", "/api/sensors", "/api/audit", "/api/registers",
                                         "/api/account/sessions" };
    sign_in(f, &fresh, "quantri2");
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_int_equal(get(f, &fresh, paths[i]), 403);
        says(f, "error.code", "totp_required");
    }
    assert_int_equal(get(f, &fresh, "/api/session"), 200);
    add_factor(f, &fresh);
    assert_int_equal(get(f, &fresh, "/api/users"), 200);
    /* Taken away, it is asked for again, in the same session. */
    assert_int_equal(ask(f, &fresh, "DELETE", "/api/account/totp", "{\"password\":\"" PASSWORD "\"}"), 204);
    assert_int_equal(get(f, &fresh, "/api/users"), 403);
    curl_easy_cleanup(fresh.handle);
}

static void sign_ins_from_one_address_are_limited(void **state)
{
    struct fixture *f = *state;
    char body[100];
    long status = 0;
    int tried = 0;
    for (; tried < 200 && status != 429; tried++) {
        snprintf(body, sizeof body, "{\"name\":\"ai%d\",\"password\":\"sai\"}", tried);
        status = ask(f, &f->nobody, "POST", "/api/session", body);
    }
    assert_int_equal(status, 429);
    says(f, "error.code", "too_many");
    assert_true(tried > 10);
    /* Who is signed in already is not held up. */
    assert_int_equal(get(f, &f->duty, "/api/session"), 200);
}

/* ---- the case ---- */

static int64_t open_case(struct fixture *f)
{
    char body[200];
    snprintf(body, sizeof body, "{\"title\":\"Máy trạm lạ\",\"type\":\"malware\",\"agency\":%lld}",
             (long long)f->agency);
    assert_int_equal(ask(f, &f->duty, "POST", "/api/incidents", body), 201);
    return (int64_t)number(f, "id");
}

static void evidence_has_a_size_limit(void **state)
{
    struct fixture *f = *state;
    char path[120], whole[64];
    size_t most = EVIDENCE_MAX;
    uint8_t *file = calloc(1, most + 1);
    assert_non_null(file);
    int64_t id = open_case(f);
    snprintf(path, sizeof path, "/api/incidents/%lld/evidence?name=anh.bin", (long long)id);
    snprintf(whole, sizeof whole, "/api/incidents/%lld", (long long)id);
    /* The answer comes before the body is through: a client that is still sending may only see the end. */
    long status = ask_as(f, &f->duty, "POST", path, "application/octet-stream", bytes_of(file, most + 1),
                         f->duty.csrf);
    assert_true(status == 413 || status == -(long)CURLE_SEND_ERROR || status == -(long)CURLE_RECV_ERROR);
    assert_int_equal(get(f, &f->duty, whole), 200);
    assert_true(has(f, "\"evidence\":[]"));
    assert_int_equal(ask_as(f, &f->contact, "POST", path, "application/octet-stream", bytes_of(file, most),
                            f->contact.csrf),
                     201);
    assert_int_equal(number(f, "size"), most);
    assert_int_equal(found(f, "sha256").text.size, 64);
    assert_int_equal(
        ask_as(f, &f->other, "POST", path, "application/octet-stream", bytes_of(file, 10), f->other.csrf),
        404);
    free(file);
}

/* Lets `percent` of the time of every clock pass, and reminds. */
static void pass_time(struct fixture *f, unsigned percent)
{
    struct arena memory = arena_of(4 << 20);
    struct database *database = center_connection(f->center);
    struct context c = context_system(f->center, database, &memory);
    uint64_t hour = 3600 * NS_PER_S;
    assert_true(database_run(database,
                             "UPDATE incident_clock SET started=?1-?2, due=?1-?2+?3, grace=0 WHERE "
                             "kind<>'acknowledge'",
                             "uuu", c.now, hour / 100 * percent, hour));
    incidents_remind(&c);
    incidents_remind(&c); /* nothing is said twice */
    center_connection_return(f->center, database);
    arena_done(&memory);
}

static size_t count_of(struct fixture *f, const char *part)
{
    struct bytes rest = text_bytes(&f->answer), wanted = bytes_of_string(part);
    size_t count = 0;
    for (size_t at; (at = bytes_find(rest, wanted)) != SIZE_MAX; count++)
        rest = bytes_from(rest, at + wanted.size);
    return count;
}

static void clocks_remind_at_half_at_eighty_and_at_the_end(void **state)
{
    struct fixture *f = *state;
    char path[64];
    static const struct {
        unsigned passed, said;
    } steps[] = { { 20, 0 }, { 55, 50 }, { 70, 50 }, { 85, 80 }, { 101, 100 } };
    snprintf(path, sizeof path, "/api/incidents/%lld", (long long)open_case(f));
    assert_int_equal(get(f, &f->duty, path), 200);
    size_t clocks = count_of(f, "\"used_percent\"") - count_of(f, "\"kind\":\"acknowledge\"");
    assert_true(clocks >= 1);
    size_t expected = 0;
    unsigned last = 0;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        char reminded[40];
        pass_time(f, steps[i].passed);
        assert_int_equal(get(f, &f->duty, path), 200);
        expected += steps[i].said != last ? clocks : 0;
        last = steps[i].said;
        assert_int_equal(count_of(f, "\"kind\":\"reminder\""), expected);
        assert_int_equal(get(f, &f->duty, "/api/today"), 200);
        snprintf(reminded, sizeof reminded, "\"reminded\":%u", steps[i].said);
        assert_true(has(f, reminded));
    }
    assert_true(has(f, "incident_reminder"));
}

/* ---- live ---- */

/* Reads the stream of `client` until `part` came; false after `seconds`. */
static bool stream_says(CURLM *streams, struct text *heard, const char *part, unsigned seconds)
{
    uint64_t until = clock_steady() + seconds * NS_PER_S;
    while (clock_steady() < until) {
        int running = 0;
        curl_multi_perform(streams, &running);
        if (bytes_find(text_bytes(heard), bytes_of_string(part)) != SIZE_MAX)
            return true;
        if (!running)
            return false;
        curl_multi_wait(streams, NULL, 0, 50, NULL);
    }
    return false;
}

static void what_happens_is_told_as_it_happens(void **state)
{
    struct fixture *f = *state;
    char url[80], path[80];
    struct client *listeners[] = { &f->leader, &f->contact, &f->other };
    struct text heard[COUNT_OF(listeners)];
    CURLM *streams = curl_multi_init();
    snprintf(url, sizeof url, "https://127.0.0.1:%u/api/stream", web_port(f->web));
    int64_t id = open_case(f);
    for (size_t i = 0; i < COUNT_OF(listeners); i++) {
        CURL *handle = listeners[i]->handle;
        heard[i] = text_new(1 << 20);
        curl_easy_setopt(handle, CURLOPT_URL, url);
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, NULL);
        curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "GET");
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, &heard[i]);
        curl_multi_add_handle(streams, handle);
    }
    /* The answer's head must be there before something happens. */
    for (int i = 0; i < 40; i++) {
        int running = 0;
        curl_multi_perform(streams, &running);
        curl_multi_wait(streams, NULL, 0, 25, NULL);
    }
    snprintf(path, sizeof path, "/api/incidents/%lld/notes", (long long)id);
    assert_int_equal(ask(f, &f->duty, "POST", path, "{\"text\":\"Đã gọi đầu mối\"}"), 201);
    char expected[80];
    snprintf(expected, sizeof expected, "{\"incident\":%lld,\"what\":\"note\"}", (long long)id);
    assert_true(stream_says(streams, &heard[0], expected, 10));
    assert_true(stream_says(streams, &heard[1], expected, 10));
    assert_true(bytes_find(text_bytes(&heard[0]), BYTES_OF("event: incident")) != SIZE_MAX);
    assert_false(stream_says(streams, &heard[2], expected, 1)); /* not of this agency */
    for (size_t i = 0; i < COUNT_OF(listeners); i++) {
        long status = 0;
        char *type = NULL;
        curl_easy_getinfo(listeners[i]->handle, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(listeners[i]->handle, CURLINFO_CONTENT_TYPE, &type);
        assert_int_equal(status, 200);
        assert_non_null(type);
        assert_non_null(strstr(type, "text/event-stream"));
        curl_multi_remove_handle(streams, listeners[i]->handle);
        text_done(&heard[i]);
    }
    curl_multi_cleanup(streams);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_told_without_a_session),
        TEST(roles_reach_what_the_table_says),
        TEST(changes_need_the_token_of_the_session),
        TEST(malformed_requests_get_clear_answers),
        TEST(a_contact_officer_reaches_no_row_of_another_agency),
        TEST(registers_refuse_what_breaks_their_rules),
        TEST(lists_show_what_lacks_something),
        TEST(an_import_is_all_or_nothing),
        TEST(repeated_failures_lock_the_account),
        TEST(the_first_password_must_be_changed),
        TEST(a_second_factor_is_enrolled_and_asked_for),
        TEST(a_text_that_is_too_long_is_told_with_its_limit),
        TEST(an_administrator_does_nothing_without_a_second_factor),
        TEST(sign_ins_from_one_address_are_limited),
        TEST(evidence_has_a_size_limit),
        TEST(clocks_remind_at_half_at_eighty_and_at_the_end),
        TEST(what_happens_is_told_as_it_happens),
        TEST(archived_alerts_leave_the_inbox_and_come_back),
        TEST(an_alert_becomes_a_case_that_closes_when_all_is_done),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failures;
}
