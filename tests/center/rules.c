/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines, who owns an address when, passwords and codes, the audit chain. */
#include "support/folder.h"

#include <sodium.h>
#include <unistd.h>

#include "base/clock.h"
#include "center/anchor.h"
#include "center/audit.h"
#include "center/clocks.h"
#include "center/entities.h"
#include "center/hub.h"
#include "center/resolver.h"
#include "center/schema.h"
#include "center/users.h"
#include "center/words.h"

static uint64_t at(const char *time)
{
    uint64_t value = 0;
    assert_true(clock_parse(bytes_of_string(time), &value));
    return value;
}

struct fixture {
    char folder[FOLDER_MAX];
    struct center *center;
    struct database *database;
    struct arena memory;
    struct context context;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error error = { "" };
    folder_make(f->folder);
    const struct center_settings settings = { .state = f->folder, .temporary = true };
    f->center = center_open(&settings, &error);
    if (!f->center)
        fail_msg("%s", error.text);
    f->database = center_connection(f->center);
    f->memory = arena_of(32 << 20);
    f->context = context_system(f->center, f->database, &f->memory);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    center_connection_return(f->center, f->database);
    center_close(f->center);
    arena_done(&f->memory);
    folder_remove(f->folder);
    free(f);
    return 0;
}

static void deadlines_follow_the_calendar(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *start;
        uint64_t amount;
        enum clock_unit unit;
        const char *due;
    } cases[] = {
        { "2026-11-20T09:00:00+07:00", 15, CLOCK_MINUTES, "2026-11-20T09:15:00+07:00" },
        { "2026-11-20T09:00:00+07:00", 24, CLOCK_HOURS, "2026-11-21T09:00:00+07:00" },
        { "2026-11-20T09:00:00+07:00", 5, CLOCK_DAYS, "2026-11-25T09:00:00+07:00" },
        { "2026-11-20T09:00:00+07:00", 0, CLOCK_HOURS, "2026-11-20T09:00:00+07:00" },
        /* Friday and three working days: Wednesday. */
        { "2026-11-20T09:00:00+07:00", 3, CLOCK_WORKING_DAYS, "2026-11-25T09:00:00+07:00" },
        /* Late in the evening it is still Friday at +07:00, though not in UTC terms of another zone. */
        { "2026-11-20T23:30:00+07:00", 1, CLOCK_WORKING_DAYS, "2026-11-23T23:30:00+07:00" },
        { "2026-11-21T10:00:00+07:00", 1, CLOCK_WORKING_DAYS, "2026-11-23T10:00:00+07:00" },
        /* Across Tet 2026: 16 to 20 February are off. */
        { "2026-02-13T08:00:00+07:00", 1, CLOCK_WORKING_DAYS, "2026-02-23T08:00:00+07:00" },
        /* Saturday 22 August is worked in exchange for Monday the 31st. */
        { "2026-08-21T08:00:00+07:00", 1, CLOCK_WORKING_DAYS, "2026-08-22T08:00:00+07:00" },
        { "2026-08-28T08:00:00+07:00", 1, CLOCK_WORKING_DAYS, "2026-09-03T08:00:00+07:00" },
    };
    struct calendar calendar;
    calendar_load(&calendar, f->database);
    assert_true(calendar.count > 20);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t due = clock_due(&calendar, at(cases[i].start), cases[i].amount, cases[i].unit);
        if (due != at(cases[i].due))
            fail_msg("%s: not due at %s", cases[i].start, cases[i].due);
    }
}

static void an_address_belongs_to_who_had_it_then(void **state)
{
    struct fixture *f = *state;
    struct error error = { "" };
    assert_true(database_script(
        f->database,
        "INSERT INTO agency (id, name, type) VALUES (1,'A','department'), (2,'B','department');"
        "INSERT INTO system (id, name, owner, operator, level, type, status, addresses) VALUES "
        "(5,'S',1,NULL,3,'public','running','10.1.0.10, 2001:db8::5'), (6,'T',2,2,2,'internal','running','');"
        "INSERT INTO network (cidr, agency, system, kind, valid_from, valid_to) VALUES "
        "('10.1.0.0/16',1,NULL,'lan',NULL,'2026-07-01'), ('10.1.0.0/16',2,6,'lan','2026-07-01',NULL), "
        "('10.1.9.0/24',1,NULL,'lan',NULL,NULL), ('2001:db8::/32',1,NULL,'wan',NULL,NULL)",
        &error));
    assert_true(resolver_load(center_resolver(f->center), f->database, &error));
    static const struct {
        const char *address, *time;
        uint32_t agency, system;
        uint8_t level;
    } cases[] = {
        { "10.1.2.3", "2026-06-30T23:59:59+07:00", 1, 0, 0 },
        { "10.1.2.3", "2026-07-01T00:00:00+07:00", 2, 6, 2 },
        { "10.1.9.3", "2026-08-01T00:00:00+07:00", 1, 0, 0 },
        { "10.1.0.10", "2026-06-01T00:00:00+07:00", 1, 5, 3 },
        { "10.2.0.1", "2026-08-01T00:00:00+07:00", 0, 0, 0 },
        { "2001:db8::5", "2026-08-01T00:00:00+07:00", 1, 5, 3 },
        { "2001:db8::6", "2026-08-01T00:00:00+07:00", 1, 0, 0 },
        { "2001:db9::6", "2026-08-01T00:00:00+07:00", 0, 0, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct address address;
        assert_true(address_parse(bytes_of_string(cases[i].address), &address));
        struct owner owner = resolver_find(center_resolver(f->center), &address, at(cases[i].time));
        if (owner.agency != cases[i].agency || owner.system != cases[i].system ||
            owner.level != cases[i].level)
            fail_msg("%s at %s: %u %u %u", cases[i].address, cases[i].time, owner.agency, owner.system,
                     owner.level);
    }
}

static void agency_codes_have_their_two_forms(void **state)
{
    (void)state;
    assert_true(agency_code_valid(BYTES_OF("H38")) && agency_code_valid(BYTES_OF("H38.12.3")));
    assert_false(agency_code_valid(BYTES_OF("Z38")) || agency_code_valid(BYTES_OF("H3")) ||
                 agency_code_valid(BYTES_OF("H38.")) || agency_code_valid(BYTES_OF("H38..1")) ||
                 agency_code_valid(BYTES_OF("h38")) || agency_code_valid(BYTES_OF("")) ||
                 agency_code_valid(BYTES_OF("H38.123456789.123456789.123456789.12")));
    assert_true(agency_code102_valid(BYTES_OF("000.00.00.H38")));
    assert_false(agency_code102_valid(BYTES_OF("000.00.00.38H")) ||
                 agency_code102_valid(BYTES_OF("00.000.00.H38")));
}

static void passwords_are_judged_by_the_rules(void **state)
{
    (void)state;
    static const struct {
        const char *password, *rule;
        bool second_factor;
    } cases[] = {
        { "Aa1!Aa1!Aa1!A", "length", false },
        { "Aa1!xy7.Qw8?zT", NULL, false },
        { "Aa1!xy7", "length", true },
        { "Aa1!xy7.", NULL, true },
        { "aaaaaaaa1!aaaaaa", "classes", false },
        { "AAAAAAAA1!AAAAAA", "classes", false },
        { "Aaaaaaaaaaaaa!!", "classes", false },
        { "Aaaaaaaaaaaaa11", "classes", false },
        { "Minh.An-2026xx!", "name", false },
        { "Mậtkhẩu-2026xxA!", "common", false },
        { "Xx.PassWord.77zz!", "common", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *rule = password_weakness(bytes_of_string(cases[i].password), BYTES_OF("minh.an"),
                                             cases[i].second_factor);
        if (!rule != !cases[i].rule || (rule && strcmp(rule, cases[i].rule) != 0))
            fail_msg("%s: %s", cases[i].password, rule ? rule : "taken");
    }
}

/* RFC 6238 appendix B gives eight digits; ours are the last six. */
static void codes_are_those_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        uint32_t code;
    } cases[] = { { 59, 287082 },       { 1111111109, 81804 },  { 1111111111, 50471 },
                  { 1234567890, 5924 }, { 2000000000, 279037 }, { 20000000000ULL, 353130 } };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(totp_code(BYTES_OF("12345678901234567890"), cases[i].seconds / 30), cases[i].code);
}

static void a_changed_audit_row_is_found(void **state)
{
    struct fixture *f = *state;
    struct audit_verdict verdict;
    struct error error = { "" };
    for (int i = 0; i < 5; i++)
        assert_true(audit_add(&f->context, "test.act", "thing", i, BYTES_OF("{\"a\":\"đ\"}")));
    assert_true(audit_verify(f->database, f->folder, &verdict, &error));
    assert_true(verdict.ok && verdict.rows == 5);
    /* The table refuses to be changed. */
    assert_false(database_run(f->database, "UPDATE audit SET user=9 WHERE id=3", ""));
    assert_false(database_ok(f->database, &error));
    assert_false(database_run(f->database, "DELETE FROM audit WHERE id=3", ""));
    assert_false(database_ok(f->database, &error));
    static const char *const tampering[] = {
        "UPDATE audit SET user=9 WHERE id=3",      "UPDATE audit SET data='{}' WHERE id=3",
        "UPDATE audit SET time=time+1 WHERE id=3", "DELETE FROM audit WHERE id=3",
        "UPDATE audit SET address='x' WHERE id=3", "UPDATE audit SET hash=zeroblob(32) WHERE id=3",
    };
    assert_true(
        database_script(f->database, "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete", &error));
    for (size_t i = 0; i < COUNT_OF(tampering); i++) {
        assert_true(database_script(f->database, "SAVEPOINT s", &error));
        assert_true(database_script(f->database, tampering[i], &error));
        assert_true(audit_verify(f->database, f->folder, &verdict, &error));
        assert_false(verdict.ok);
        assert_true(verdict.first_bad == 3 || verdict.first_bad == 4);
        assert_true(database_script(f->database, "ROLLBACK TO s; RELEASE s", &error));
    }
    assert_true(audit_verify(f->database, f->folder, &verdict, &error) && verdict.ok);
}

/* The chain alone is whole without its end: only the anchor tells. */
static void an_end_that_was_cut_or_replaced_is_named(void **state)
{
    struct fixture *f = *state;
    struct audit_verdict verdict;
    struct error error = { "" };
    struct anchor anchor;
    char text[256];
    for (int i = 0; i < 5; i++)
        assert_true(audit_add(&f->context, "test.act", "thing", i, BYTES_NONE));
    assert_int_equal(anchor_load(f->folder, &anchor), ANCHOR_GOOD);
    assert_int_equal(anchor.rows, 5);
    assert_true(
        database_script(f->database, "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete", &error));
    assert_true(database_script(f->database, "DELETE FROM audit WHERE id>3", &error));
    assert_true(audit_verify(f->database, f->folder, &verdict, &error));
    assert_int_equal(verdict.fault, AUDIT_CUT);
    audit_fault_text(&verdict, text, sizeof text);
    assert_non_null(strstr(text, "rows 4 to 5 are missing"));
    /* Going on does not heal it: the anchor stays at the row that is gone, and then does not fit. */
    for (int i = 0; i < 4; i++) {
        assert_true(audit_add(&f->context, "test.other", "thing", i, BYTES_NONE));
        assert_true(audit_verify(f->database, f->folder, &verdict, &error));
        assert_int_equal(verdict.fault, i == 0 ? AUDIT_CUT : AUDIT_REPLACED);
        assert_int_equal(verdict.anchored, 5);
    }
}

static void an_anchor_that_is_taken_away_or_forged_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct audit_verdict verdict;
    struct error error = { "" };
    struct anchor anchor;
    char path[sizeof f->folder + 32], hex[2 * sizeof verdict.last + 1];
    static const char forged[] = "vonglau audit anchor 1\n"
                                 "2 0000000000000000000000000000000000000000000000000000000000000000\n"
                                 "0000000000000000000000000000000000000000000000000000000000000000\n";
    for (int i = 0; i < 3; i++)
        assert_true(audit_add(&f->context, "test.act", "thing", i, BYTES_NONE));
    assert_true(audit_verify(f->database, f->folder, &verdict, &error) && verdict.ok);
    assert_int_equal(verdict.anchored, 3);
    sodium_bin2hex(hex, sizeof hex, verdict.last, sizeof verdict.last);
    assert_true(audit_row_is(f->database, 3, bytes_of_string(hex)));
    assert_false(audit_row_is(f->database, 2, bytes_of_string(hex)));
    assert_false(audit_row_is(f->database, 3, BYTES_OF("")));
    snprintf(path, sizeof path, "%s/" ANCHOR_FILE, f->folder);
    assert_int_equal(unlink(path), 0);
    for (int i = 0; i < 2; i++) {
        assert_true(audit_verify(f->database, f->folder, &verdict, &error));
        assert_int_equal(verdict.fault, AUDIT_ANCHOR_MISSING);
        assert_true(audit_add(&f->context, "test.act", "thing", 9, BYTES_NONE)); /* makes no new one */
    }
    for (size_t size = 0; size < sizeof forged; size++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(forged, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(anchor_load(f->folder, &anchor), ANCHOR_DAMAGED);
    }
    assert_true(audit_verify(f->database, f->folder, &verdict, &error));
    assert_int_equal(verdict.fault, AUDIT_ANCHOR_DAMAGED);
}

/* What an anchor made anew can no longer prove stays written in the log. */
static void a_lost_anchor_is_made_anew_and_the_log_says_so(void **state)
{
    struct fixture *f = *state;
    struct audit_verdict verdict;
    struct audit_renewal renewal;
    struct error error = { "" };
    char path[sizeof f->folder + 32];
    struct bytes reason = BYTES_OF("the disk of the state was lost");
    for (int i = 0; i < 3; i++)
        assert_true(audit_add(&f->context, "test.act", "thing", i, BYTES_NONE));
    assert_false(audit_renew(&f->context, reason, &renewal)); /* it fits */
    f->context.refusal.code = NULL;
    snprintf(path, sizeof path, "%s/" ANCHOR_FILE, f->folder);
    assert_int_equal(unlink(path), 0);
    assert_false(audit_renew(&f->context, BYTES_OF("why"), &renewal));
    f->context.refusal.code = NULL;
    assert_true(audit_renew(&f->context, reason, &renewal));
    assert_int_equal(renewal.before.fault, AUDIT_ANCHOR_MISSING);
    assert_int_equal(renewal.row, 4);
    assert_string_equal(renewal.kept, "");
    assert_true(audit_verify(f->database, f->folder, &verdict, &error) && verdict.ok);
    assert_int_equal(verdict.anchored, 4);
    assert_int_equal(verdict.renewed, 4);
    assert_true(audit_add(&f->context, "test.act", "thing", 9, BYTES_NONE));
    /* A cut is found again from then on; the old anchor, which did not fit, is kept when it is made anew. */
    assert_true(
        database_script(f->database, "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete", &error));
    assert_true(database_script(f->database, "DELETE FROM audit WHERE id>4", &error));
    assert_true(audit_verify(f->database, f->folder, &verdict, &error));
    assert_int_equal(verdict.fault, AUDIT_CUT);
    assert_true(audit_renew(&f->context, reason, &renewal));
    assert_string_equal(renewal.kept, ANCHOR_FILE ".before-5");
    snprintf(path, sizeof path, "%s/%s", f->folder, renewal.kept);
    assert_int_equal(access(path, R_OK), 0);
    assert_true(audit_verify(f->database, f->folder, &verdict, &error) && verdict.ok);
    assert_int_equal(verdict.renewed, 5);
    /* A chain that is broken is not mended by an anchor. */
    assert_true(database_script(f->database, "UPDATE audit SET user=9 WHERE id=2", &error));
    assert_false(audit_renew(&f->context, reason, &renewal));
}

/* Importing finds a column by its word: no two of a register may share one. */
static void no_two_columns_of_a_register_have_one_heading(void **state)
{
    (void)state;
    for (size_t e = 0; e < province_registers.count; e++) {
        const struct entity *entity = province_registers.entities[e];
        for (int language = REGISTER_VIETNAMESE; language < REGISTER_LANGUAGES; language++) {
            const char *seen[64];
            size_t count = 0;
            for (size_t i = 0; i < entity->field_count; i++) {
                char key[128];
                if (entity->fields[i].secret)
                    continue;
                snprintf(key, sizeof key, "%s.%s", entity->name, entity->fields[i].name);
                const char *word = word_of(key, (enum register_language)language);
                snprintf(key, sizeof key, "field.%s", entity->fields[i].name);
                word = word ? word : word_of(key, (enum register_language)language);
                if (!word)
                    fail_msg("%s has no word", key);
                for (size_t k = 0; k < count; k++)
                    assert_string_not_equal(word, seen[k]);
                seen[count++] = word;
            }
        }
    }
}

static void a_row_that_is_undone_moves_no_anchor(void **state)
{
    struct fixture *f = *state;
    struct audit_verdict verdict;
    struct error error = { "" };
    assert_true(audit_add(&f->context, "test.act", "thing", 1, BYTES_NONE));
    database_begin(f->database);
    assert_true(audit_add(&f->context, "test.act", "thing", 2, BYTES_NONE));
    assert_true(audit_verify(f->database, f->folder, &verdict, &error));
    assert_int_equal(verdict.anchored, 1);
    context_rollback(&f->context);
    assert_true(audit_add(&f->context, "test.act", "thing", 3, BYTES_NONE));
    assert_true(audit_verify(f->database, f->folder, &verdict, &error) && verdict.ok);
    assert_int_equal(verdict.rows, 2);
    assert_int_equal(verdict.anchored, 2);
}

static void the_schema_links_no_person_to_traffic(void **state)
{
    struct fixture *f = *state;
    /* Tables of persons have neither addresses of machines nor names of sites; tables of traffic have no
     * person. */
    assert_int_equal(
        database_number(f->database,
                        "SELECT count(*) FROM sqlite_schema t, pragma_table_info(t.name) c WHERE "
                        "t.name='alert_group' AND c.name IN ('user','person','login','account')",
                        ""),
        0);
    assert_int_equal(
        database_number(f->database,
                        "SELECT count(*) FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.name IN "
                        "('contact','user') AND c.name IN ('ip','domain','url','host','visited')",
                        ""),
        0);
}

static void live_messages_reach_those_who_may_see_them(void **state)
{
    (void)state;
    struct hub *hub = hub_new();
    struct principal duty = { .role = ROLE_DUTY }, contact = {
        .role = ROLE_CONTACT, .limited = true, .agencies = { 3 }, .agency_count = 1
    };
    char buffer[4096];
    struct text out = text_of(buffer, sizeof buffer);
    uint64_t a = 0, b = 0;
    hub_publish(hub, "alert", 3, BYTES_OF("{\"x\":1}"));
    hub_publish(hub, "alert", 4, BYTES_OF("{\"x\":2}"));
    hub_publish(hub, "inbox", 0, BYTES_OF("{\"x\":3}"));
    hub_publish(hub, "all", -1, BYTES_OF("{\"x\":4}"));
    hub_read(hub, &contact, &a, &out);
    assert_string_equal(buffer, "event: alert\ndata: {\"x\":1}\n\nevent: all\ndata: {\"x\":4}\n\n");
    text_clear(&out);
    hub_read(hub, &duty, &b, &out);
    assert_non_null(strstr(buffer, "{\"x\":2}"));
    assert_non_null(strstr(buffer, "{\"x\":3}"));
    /* Too slow a reader goes on with what is left. */
    for (int i = 0; i < 2000; i++)
        hub_publish(hub, "alert", 4, BYTES_OF("{}"));
    text_clear(&out);
    hub_read(hub, &contact, &a, &out);
    assert_int_equal(out.size, 0);
    assert_true(a == hub_position(hub));
    hub_free(hub);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deadlines_follow_the_calendar),
        TEST(an_address_belongs_to_who_had_it_then),
        cmocka_unit_test(agency_codes_have_their_two_forms),
        cmocka_unit_test(passwords_are_judged_by_the_rules),
        cmocka_unit_test(codes_are_those_of_the_rfc),
        TEST(a_changed_audit_row_is_found),
        TEST(an_end_that_was_cut_or_replaced_is_named),
        TEST(an_anchor_that_is_taken_away_or_forged_is_noticed),
        TEST(a_lost_anchor_is_made_anew_and_the_log_says_so),
        TEST(no_two_columns_of_a_register_have_one_heading),
        TEST(a_row_that_is_undone_moves_no_anchor),
        TEST(the_schema_links_no_person_to_traffic),
        cmocka_unit_test(live_messages_reach_those_who_may_see_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
