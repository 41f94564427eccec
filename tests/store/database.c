/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite wrapper: transactions, failures that stick, migrations, backup. */
#include "support/folder.h"

#include "base/fold.h"
#include "store/database.h"

struct fixture {
    char folder[FOLDER_MAX], path[128];
    struct database *database;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error error = { "" };
    folder_make(f->folder);
    snprintf(f->path, sizeof f->path, "%s/a.db", f->folder);
    f->database = database_open(f->path, false, &error);
    assert_non_null(f->database);
    assert_true(database_script(
        f->database, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT", &error));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    database_close(f->database);
    folder_remove(f->folder);
    free(f);
    return 0;
}

static int64_t count(struct fixture *f)
{
    return database_number(f->database, "SELECT count(*) FROM t", "");
}

static void a_failure_undoes_the_whole_transaction(void **state)
{
    struct fixture *f = *state;
    struct error error = { "" };
    assert_true(database_begin(f->database));
    assert_true(database_run(f->database, "INSERT INTO t (name) VALUES (?)", "s", "a"));
    assert_false(database_run(f->database, "INSERT INTO t (name) VALUES (?)", "s", "a"));
    /* From now on nothing is done and nothing is read. */
    assert_false(database_run(f->database, "INSERT INTO t (name) VALUES (?)", "s", "b"));
    assert_int_equal(count(f), 0);
    assert_false(database_commit(f->database, &error));
    assert_non_null(strstr(error.text, "UNIQUE"));
    assert_true(database_ok(f->database, &error));
    assert_int_equal(count(f), 0);
}

static void nested_transactions_end_with_the_outermost(void **state)
{
    struct fixture *f = *state;
    struct error error = { "" };
    database_begin(f->database);
    database_begin(f->database);
    database_run(f->database, "INSERT INTO t (name) VALUES ('a')", "");
    assert_true(database_commit(f->database, &error));
    assert_true(database_in_transaction(f->database));
    database_begin(f->database);
    database_rollback(f->database);
    assert_false(database_commit(f->database, &error));
    assert_int_equal(count(f), 0);
    database_begin(f->database);
    database_run(f->database, "INSERT INTO t (name) VALUES ('b')", "");
    assert_true(database_commit(f->database, &error));
    assert_int_equal(count(f), 1);
}

static void statements_of_one_text_can_run_inside_each_other(void **state)
{
    struct fixture *f = *state;
    const char *sql = "SELECT name FROM t ORDER BY id";
    database_run(f->database, "INSERT INTO t (name) VALUES ('a'), ('b'), ('c')", "");
    struct statement *outer = database_query(f->database, sql, "");
    int seen = 0;
    while (statement_next(outer)) {
        struct statement *inner = database_query(f->database, sql, "");
        while (statement_next(inner))
            seen++;
    }
    assert_int_equal(seen, 9);
}

static void rows_become_json_by_the_forms_of_their_columns(void **state)
{
    struct fixture *f = *state;
    char buffer[512];
    struct text out = text_of(buffer, sizeof buffer);
    struct statement *s = database_query(
        f->database,
        "SELECT 1700000000123000000 AS \"at@time\", 1 AS \"yes@bool\", NULL AS "
        "\"none@time\", '{\"a\":1}' AS \"raw@raw\", 'é\"' AS text, 7 AS number",
        "");
    assert_true(statement_next(s));
    statement_json(s, &out);
    statement_done(s);
    assert_string_equal(buffer,
                        "\"at\":\"2023-11-14T22:13:20.123Z\",\"yes\":true,\"none\":null,\"raw\":{\"a\":1},"
                        "\"text\":\"é\\\"\",\"number\":7,");
}

static void a_newer_file_is_refused_and_a_bad_step_undone(void **state)
{
    struct fixture *f = *state;
    struct error error = { "" };
    const struct migration good[] = { { 1, "CREATE TABLE u (x INTEGER) STRICT", NULL } };
    const struct migration bad[] = { { 1, NULL, NULL },
                                     { 2, "CREATE TABLE v (x INTEGER) STRICT; nonsense", NULL } };
    assert_true(database_migrate(f->database, good, 1, NULL, &error));
    assert_true(database_migrate(f->database, good, 1, NULL, &error));
    assert_false(database_migrate(f->database, bad, 2, NULL, &error));
    assert_non_null(strstr(error.text, "migration 2"));
    assert_int_equal(database_number(f->database, "SELECT count(*) FROM sqlite_schema WHERE name='v'", ""),
                     0);
    assert_true(database_script(f->database, "PRAGMA user_version=9", &error));
    assert_false(database_migrate(f->database, good, 1, NULL, &error));
    assert_non_null(strstr(error.text, "newer"));
}

static void a_backup_holds_what_was_there(void **state)
{
    struct fixture *f = *state;
    struct error error = { "" };
    char path[160];
    snprintf(path, sizeof path, "%s/b.db", f->folder);
    database_run(f->database, "INSERT INTO t (name) VALUES ('a')", "");
    assert_true(database_backup(f->database, path, &error));
    struct database *copy = database_open(path, true, &error);
    assert_non_null(copy);
    assert_int_equal(database_number(copy, "SELECT count(*) FROM t", ""), 1);
    assert_false(database_run(copy, "INSERT INTO t (name) VALUES ('b')", ""));
    assert_false(database_ok(copy, &error));
    database_close(copy);
}

static void folding_drops_case_and_marks(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "Sở Y tế", "so y te" },
        { "ĐẶNG THỊ HƯỜNG", "dang thi huong" },
        { "Nguyễn Quỳnh Ỹ Ỵ", "nguyen quynh y y" },
        { "đường ướt ượ Ự", "duong uot uo u" },
        { "A\xCC\x81n", "an" }, /* decomposed */
        { "Łódź ÆÐ 10%", "lodz ÆÐ 10%" },
        { "\xE1\xBB", "\xE1\xBB" }, /* cut short */
        { "", "" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char buffer[128] = "";
        struct text out = text_of(buffer, sizeof buffer);
        text_fold(bytes_of_string(cases[i][0]), &out);
        assert_string_equal(buffer, cases[i][1]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failure_undoes_the_whole_transaction),
        TEST(nested_transactions_end_with_the_outermost),
        TEST(statements_of_one_text_can_run_inside_each_other),
        TEST(rows_become_json_by_the_forms_of_their_columns),
        TEST(a_newer_file_is_refused_and_a_bad_step_undone),
        TEST(a_backup_holds_what_was_there),
        cmocka_unit_test(folding_drops_case_and_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
