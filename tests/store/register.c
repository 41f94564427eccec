/* SPDX-License-Identifier: Apache-2.0 */
/* Registers from a field list: tables, checks, history, dated values, CSV. */
#include "support/folder.h"

#include "store/register.h"

static const char *const kinds[] = { "big", "small", NULL };
static const struct field house_fields[] = {
    { "name", FIELD_TEXT, .required = true, .max = 20 },
    { "code", FIELD_TEXT, .unique = true, .max = 10 },
    { "kind", FIELD_CHOICE, .required = true, .choices = kinds },
    { "rooms", FIELD_UINT, .min = 1, .max = 9 },
    { "owner", FIELD_REF, .target = "house" },
    { "built", FIELD_DATE },
    { "empty", FIELD_BOOL },
    { "hidden", FIELD_TEXT, .secret = true },
};
static const char *const dated[] = { "name", NULL };
static const struct entity house = { .name = "house",
                                     FIELDS(house_fields),
                                     .title = "name",
                                     .keys = "code",
                                     .dated = dated,
                                     .scope = "t.owner IN {}",
                                     .readers = ROLE_ANY,
                                     .writers = ROLE_DUTY | ROLE_CONTACT };
static const struct entity *const entities[] = { &house };
static const char *word(const char *key, enum register_language language)
{
    static const char *const words[][3] = {
        { "house.name", "Tên nhà", "Name of the house" },
        { "house.kind", "Loại", "Kind" },
        { "house.kind.big", "Nhà lớn", "Large" },
        { "house.owner", "Chủ", "Owned by" },
        { "house.built", "Ngày xây", "Built on" },
        { "field.empty", "Bỏ trống", "Vacant" },
        { "yes", "Có", "Yes" },
        { "no", "Không", "No" },
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(key, words[i][0]) == 0)
            return words[i][language];
    }
    return NULL;
}
static const struct registers registers = { entities, 1, word };

struct fixture {
    char folder[FOLDER_MAX];
    struct database *database;
    struct arena memory;
    struct problems problems;
    struct principal duty;
    struct register_write write;
    struct text out;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error error = { "" };
    char path[128];
    folder_make(f->folder);
    snprintf(path, sizeof path, "%s/a.db", f->folder);
    f->database = database_open(path, false, &error);
    assert_non_null(f->database);
    if (!registers_migrate(f->database, &registers, &error) ||
        !database_script(f->database, "CREATE TABLE user (id INTEGER, display_name TEXT)", &error))
        fail_msg("%s", error.text);
    f->memory = arena_of(16 << 20);
    f->duty = (struct principal){ .user = 1, .role = ROLE_DUTY };
    f->write = (struct register_write){ .database = f->database,
                                        .registers = &registers,
                                        .entity = &house,
                                        .principal = &f->duty,
                                        .memory = &f->memory,
                                        .problems = &f->problems,
                                        .now = 1795312800000000000ULL };
    f->out = text_new(1 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    text_done(&f->out);
    arena_done(&f->memory);
    database_close(f->database);
    folder_remove(f->folder);
    free(f);
    return 0;
}

static int64_t create(struct fixture *f, const char *body)
{
    int64_t id = 0;
    f->problems.count = 0;
    enum register_result result = register_create(&f->write, json_parse(bytes_of_string(body)), &id);
    assert_true((result == REGISTER_OK) == (id != 0));
    assert_true((result == REGISTER_INVALID) == (f->problems.count != 0));
    return id;
}

static void every_broken_rule_is_named(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *body, *code, *place;
    } cases[] = {
        { "{}", "required", "name" },
        { "{\"name\":\"a\"}", "required", "kind" },
        { "{\"name\":\"\",\"kind\":\"big\"}", "required", "name" },
        { "{\"name\":\"aaaaaaaaaaaaaaaaaaaaa\",\"kind\":\"big\"}", "length", "name" },
        { "{\"name\":\"a\",\"kind\":\"huge\"}", "choice", "kind" },
        { "{\"name\":\"a\",\"kind\":\"big\",\"rooms\":0}", "range", "rooms" },
        { "{\"name\":\"a\",\"kind\":\"big\",\"rooms\":10}", "range", "rooms" },
        { "{\"name\":\"a\",\"kind\":\"big\",\"rooms\":-1}", "format", "rooms" },
        { "{\"name\":\"a\",\"kind\":\"big\",\"rooms\":\"3\"}", "format", "rooms" },
        { "{\"name\":\"a\",\"kind\":\"big\",\"rooms\":99999999999999999999}", "format", "rooms" },
        { "{\"name\":\"a\",\"kind\":\"big\",\"owner\":77}", "reference", "owner" },
        { "{\"name\":\"a\",\"kind\":\"big\",\"built\":\"2026-02-30\"}", "format", "built" },
        { "{\"name\":\"a\",\"kind\":\"big\",\"empty\":\"yes\"}", "format", "empty" },
        { "{\"name\":7,\"kind\":\"big\"}", "format", "name" },
        { "{\"name\":\"a\",\"kind\":\"big\",\"color\":1}", "unknown_field", "house" },
        { "{\"name\":\"a\",\"kind\":\"big\",\"hidden\":\"x\"}", "unknown_field", "house" },
        { "{\"name\":\"a\\ud800\",\"kind\":\"big\"}", "format", "name" },
        { "[]", "format", "body" },
        { "{\"name\":\"a\",", "format", "body" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(create(f, cases[i].body), 0);
        bool named = false;
        for (size_t j = 0; j < f->problems.count; j++)
            named |= strcmp(f->problems.items[j].code, cases[i].code) == 0 &&
                     strcmp(f->problems.items[j].place, cases[i].place) == 0;
        if (!named)
            fail_msg("%s: %s at %s is not said", cases[i].body, cases[i].code, cases[i].place);
    }
    assert_int_equal(database_number(f->database, "SELECT count(*) FROM house", ""), 0);
}

static void unique_counts_rows_that_have_not_ended(void **state)
{
    struct fixture *f = *state;
    int64_t first = create(f, "{\"name\":\"a\",\"kind\":\"big\",\"code\":\"X\"}"), version = 0;
    assert_int_equal(first, 1);
    assert_int_equal(create(f, "{\"name\":\"b\",\"kind\":\"big\",\"code\":\"X\"}"), 0);
    assert_string_equal(f->problems.items[0].code, "unique");
    assert_int_equal(register_end(&f->write, first, &version), REGISTER_OK);
    assert_int_equal(create(f, "{\"name\":\"b\",\"kind\":\"big\",\"code\":\"X\"}"), 2);
    assert_int_equal(register_end(&f->write, first, &version), REGISTER_NOT_FOUND);
}

static void the_second_of_two_writers_is_told(void **state)
{
    struct fixture *f = *state;
    int64_t id = create(f, "{\"name\":\"a\",\"kind\":\"big\"}"), version = 1;
    struct json_value change = json_parse(BYTES_OF("{\"rooms\":3}"));
    assert_int_equal(register_update(&f->write, id, &version, change), REGISTER_OK);
    assert_int_equal(version, 2);
    version = 1;
    assert_int_equal(register_update(&f->write, id, &version, change), REGISTER_CONFLICT);
    assert_int_equal(version, 2);
    assert_int_equal(register_history(f->database, &house, &f->duty, id, &f->out), REGISTER_OK);
    assert_non_null(strstr(f->out.data, "\"before\":{\"name\":\"a\""));
    assert_null(strstr(f->out.data, "hidden"));
}

static void dated_names_are_known_for_every_day(void **state)
{
    struct fixture *f = *state;
    int64_t id = create(f, "{\"name\":\"old\",\"kind\":\"big\"}"), version = 0;
    struct json_value first = json_parse(BYTES_OF("{\"name\":\"middle\",\"effective_from\":\"2025-07-01\"}"));
    struct json_value second = json_parse(BYTES_OF("{\"name\":\"new\",\"effective_from\":\"2026-01-01\"}"));
    assert_int_equal(register_update(&f->write, id, &version, first), REGISTER_OK);
    version = 0;
    assert_int_equal(register_update(&f->write, id, &version, second), REGISTER_OK);
    static const char *const cases[][2] = { { "1999-01-01", "old" },    { "2025-06-30", "old" },
                                            { "2025-07-01", "middle" }, { "2025-12-31", "middle" },
                                            { "2026-01-01", "new" },    { "2099-01-01", "new" } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes name = register_text_on(f->database, &house, id, "name", cases[i][0], &f->memory);
        assert_true(bytes_is(name, cases[i][1]));
    }
    assert_int_equal(register_versions(f->database, &registers, &house, &f->duty, id, &f->out), REGISTER_OK);
    assert_non_null(
        strstr(f->out.data, "\"valid_from\":\"2025-07-01\",\"valid_to\":\"2026-01-01\",\"name\":\"middle\""));
}

static void a_limited_principal_sees_and_makes_own_rows_only(void **state)
{
    struct fixture *f = *state;
    int64_t a = create(f, "{\"name\":\"a\",\"kind\":\"big\"}");
    int64_t b = create(f, "{\"name\":\"b\",\"kind\":\"big\",\"owner\":1}");
    struct principal contact = {
        .user = 2, .role = ROLE_CONTACT, .limited = true, .agencies = { 1 }, .agency_count = 1
    };
    struct principal lost = { .user = 3, .role = ROLE_CONTACT, .limited = true };
    struct register_query query = { .limit = 10 };
    bool more;
    int64_t total;
    assert_int_equal(register_list(f->database, &registers, &house, &contact, &query, &f->problems, &f->out,
                                   &more, &total),
                     REGISTER_OK);
    assert_int_equal(total, 1);
    assert_int_equal(
        register_list(f->database, &registers, &house, &lost, &query, &f->problems, &f->out, &more, &total),
        REGISTER_OK);
    assert_int_equal(total, 0);
    assert_int_equal(register_get(f->database, &registers, &house, &contact, a, &f->out), REGISTER_NOT_FOUND);
    assert_int_equal(register_get(f->database, &registers, &house, &contact, b, &f->out), REGISTER_OK);
    f->write.principal = &contact;
    int64_t id = 0;
    assert_int_equal(
        register_create(&f->write, json_parse(BYTES_OF("{\"name\":\"c\",\"kind\":\"big\"}")), &id),
        REGISTER_FORBIDDEN);
    assert_int_equal(register_create(&f->write,
                                     json_parse(BYTES_OF("{\"name\":\"c\",\"kind\":\"big\",\"owner\":1}")),
                                     &id),
                     REGISTER_OK);
    assert_int_equal(database_number(f->database, "SELECT count(*) FROM house", ""), 3);
}

static void csv_goes_out_and_comes_in_unchanged(void **state)
{
    struct fixture *f = *state;
    struct register_import result;
    create(f, "{\"name\":\"Nhà \\\"A\\\", một\",\"kind\":\"big\",\"code\":\"+84\",\"empty\":true}");
    struct register_query query = { .limit = 10 };
    assert_int_equal(
        register_export(f->database, &registers, &house, &f->duty, &query, &f->problems, &f->out),
        REGISTER_OK);
    assert_non_null(strstr(f->out.data, "\"Nhà \"\"A\"\", một\""));
    assert_non_null(strstr(f->out.data, "\"'+84\""));
    assert_int_equal(register_import(&f->write, text_bytes(&f->out), false, &result), REGISTER_OK);
    assert_int_equal(result.updated, 1);
    assert_int_equal(
        database_number(f->database, "SELECT count(*) FROM house WHERE code='+84' AND empty=1", ""), 1);
}

/* Officers get headings and choices as words of their language, and may send either back. */
static void csv_with_words_goes_out_and_comes_in_unchanged(void **state)
{
    struct fixture *f = *state;
    struct register_import result;
    create(f, "{\"name\":\"A\",\"kind\":\"big\",\"code\":\"K1\",\"built\":\"2026-02-01\",\"empty\":true}");
    create(f, "{\"name\":\"B\",\"kind\":\"big\",\"code\":\"K2\",\"empty\":false,\"owner\":1}");
    for (int language = REGISTER_CODES; language < REGISTER_LANGUAGES; language++) {
        struct register_query query = { .limit = 10, .language = (enum register_language)language };
        text_clear(&f->out);
        assert_int_equal(
            register_export(f->database, &registers, &house, &f->duty, &query, &f->problems, &f->out),
            REGISTER_OK);
        if (language == REGISTER_VIETNAMESE) {
            assert_non_null(strstr(f->out.data, "id,Tên nhà,code,Loại,"));
            assert_non_null(strstr(f->out.data, "Nhà lớn"));
            assert_non_null(strstr(f->out.data, "Có"));
        }
        if (language != REGISTER_CODES)
            assert_null(strstr(f->out.data, "version"));
    }
    static const char mixed[] = "ten nha*;kind;code;NGÀY XÂY;Vacant\nC;nhà lớn;K3;31/12/2025;không\n"
                                "D;big;K4;2025-12-31;yes\n";
    assert_int_equal(register_import(&f->write, BYTES_OF(mixed), false, &result), REGISTER_OK);
    assert_int_equal(result.created, 2);
    assert_int_equal(database_number(f->database,
                                     "SELECT count(*) FROM house WHERE kind='big' AND built='2025-12-31' AND "
                                     "empty=(code='K4') AND code IN ('K3','K4')",
                                     ""),
                     2);
    static const char bad[] = "ten nha,kind,code\nE,nhà vừa,K5\n";
    assert_int_equal(register_import(&f->write, BYTES_OF(bad), false, &result), REGISTER_INVALID);
}

static void a_quote_that_does_not_end_is_named(void **state)
{
    struct fixture *f = *state;
    static const char *const files[] = {
        "name,kind,code\nA,big,K1\n\"B,big,K2\n",
        "name,kind,code\nA,big,K1\n\"B\"b,big,K2\n",
        "name,kind,code\nA,big,K1\n\"",
    };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct register_import result;
        f->problems.count = 0;
        assert_int_equal(register_import(&f->write, bytes_of_string(files[i]), false, &result),
                         REGISTER_INVALID);
        assert_int_equal(f->problems.count, 1);
        assert_int_equal(f->problems.items[0].row, 3);
        assert_non_null(strstr(f->problems.items[0].text, "quote"));
        assert_int_equal(database_number(f->database, "SELECT count(*) FROM house", ""), 0);
    }
}

/* Whatever a file holds, it is taken whole or not at all. */
static void every_prefix_of_a_csv_is_taken_whole_or_refused(void **state)
{
    struct fixture *f = *state;
    static const char csv[] = "name,kind,code\n\"a \"\"b\"\"\",big,K1\nc,small,K2\n";
    for (size_t size = 0; size < sizeof csv; size++) {
        uint8_t *copy = guarded_copy(csv, size);
        struct register_import result;
        f->problems.count = 0;
        enum register_result done = register_import(&f->write, bytes_of(copy, size), false, &result);
        int64_t rows = database_number(f->database, "SELECT count(*) FROM house", "");
        assert_int_equal(rows, done == REGISTER_OK ? (int64_t)result.created : 0);
        assert_true(database_run(f->database, "DELETE FROM house_version", ""));
        assert_true(database_run(f->database, "DELETE FROM house", ""));
        guarded_free(copy, size);
    }
}

static void days_are_days_of_the_calendar(void **state)
{
    (void)state;
    char day[11];
    assert_true(register_day_valid(BYTES_OF("2024-02-29")));
    assert_false(register_day_valid(BYTES_OF("2026-02-29")));
    assert_false(register_day_valid(BYTES_OF("2026-2-9")));
    assert_false(register_day_valid(BYTES_OF("2026-02-29T")));
    /* 17:30 UTC is the next day at +07:00. */
    register_day(1795541400000000000ULL, day);
    assert_string_equal(day, "2026-11-25");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_broken_rule_is_named),
        TEST(unique_counts_rows_that_have_not_ended),
        TEST(the_second_of_two_writers_is_told),
        TEST(dated_names_are_known_for_every_day),
        TEST(a_limited_principal_sees_and_makes_own_rows_only),
        TEST(csv_goes_out_and_comes_in_unchanged),
        TEST(csv_with_words_goes_out_and_comes_in_unchanged),
        TEST(a_quote_that_does_not_end_is_named),
        TEST(every_prefix_of_a_csv_is_taken_whole_or_refused),
        cmocka_unit_test(days_are_days_of_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
