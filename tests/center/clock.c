/* SPDX-License-Identifier: Apache-2.0 */
/* A wall clock that is set while the centre runs, or between two starts of it. */
#include "support/folder.h"

#include "base/clock.h"
#include "center/center.h"
#include "center/users.h"

#define YEAR (365 * 86400 * NS_PER_S)
#define DAYS (86400 * NS_PER_S)

/* The clocks that the centre reads here. */
static uint64_t wall, elapsed;

static uint64_t read_wall(void)
{
    return wall;
}

static uint64_t read_elapsed(void)
{
    return elapsed;
}

static void pass(uint64_t time)
{
    wall += time;
    elapsed += time;
}

struct fixture {
    char folder[FOLDER_MAX];
    struct center *center;
    struct database *database;
    struct arena memory;
    struct context context;
    char token[SESSION_TOKEN_SIZE];
};

static void start(struct fixture *f)
{
    struct error error = { "" };
    const struct center_settings settings = { .state = f->folder,
                                              .clock = read_wall,
                                              .elapsed = read_elapsed,
                                              .temporary = true,
                                              .passwords_light = true };
    f->center = center_open(&settings, &error);
    if (!f->center)
        fail_msg("%s", error.text);
    f->database = center_connection(f->center);
    f->context = context_system(f->center, f->database, &f->memory);
}

static void stop(struct fixture *f)
{
    center_connection_return(f->center, f->database);
    center_close(f->center);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char password[PASSWORD_ONCE_SIZE], body[128];
    struct text out = text_new(1 << 16);
    wall = 1780000000 * NS_PER_S;
    elapsed = 1000 * NS_PER_S;
    folder_make(f->folder);
    f->memory = arena_of(32 << 20);
    start(f);
    assert_true(user_make(&f->context, "truc", "Trực ban", "duty", NULL, 0, password, NULL));
    snprintf(body, sizeof body, "{\"name\":\"truc\",\"password\":\"%s\"}", password);
    assert_true(session_open(&f->context, json_parse(bytes_of_string(body)), BYTES_NONE, f->token, &out));
    text_done(&out);
    database_run(
        f->database,
        "INSERT INTO sensor (version, created, updated, name, state, serial, last_seen, code_expires) "
        "VALUES (1, ?1, ?1, 'sensor-01', 'trusted', 'aa', ?1, ?2)",
        "uu", wall, wall + DAYS);
    database_run(f->database, "UPDATE user SET locked_until=?, totp_step=? WHERE name='truc'", "uu",
                 wall + LOCKOUT_NS, totp_step(wall));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    stop(f);
    arena_done(&f->memory);
    folder_remove(f->folder);
    free(f);
    return 0;
}

static bool signed_in(struct fixture *f)
{
    center_watch_clock(f->center);
    struct context context = context_system(f->center, f->database, &f->memory);
    return session_find(&context, bytes_of_string(f->token));
}

static uint64_t value(struct fixture *f, const char *sql)
{
    return (uint64_t)database_number(f->database, sql, "");
}

static void a_clock_that_is_set_ends_no_session_and_extends_none(void **state)
{
    struct fixture *f = *state;
    const uint64_t steps[] = { YEAR, 0 - 2 * YEAR, 31 * DAYS, 0 - 20 * DAYS, 3600 * NS_PER_S };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        wall += steps[i];
        assert_true(signed_in(f));
        pass(10 * 60 * NS_PER_S);
        assert_true(signed_in(f));
    }
    for (int i = 0; i < 42; i++) { /* ten minutes each: 50 minutes of eight hours are gone */
        pass(10 * 60 * NS_PER_S);
        assert_true(signed_in(f));
    }
    pass(11 * 60 * NS_PER_S);
    assert_false(signed_in(f));
}

static void idleness_is_what_passed_not_what_the_clock_says(void **state)
{
    struct fixture *f = *state;
    wall -= 3 * DAYS;
    assert_true(signed_in(f));
    pass(16 * 60 * NS_PER_S);
    assert_false(signed_in(f));
}

static void lockouts_codes_and_signs_of_life_keep_their_age(void **state)
{
    struct fixture *f = *state;
    const uint64_t steps[] = { YEAR, 0 - 2 * YEAR };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        wall += steps[i];
        center_watch_clock(f->center);
        assert_int_equal(value(f, "SELECT locked_until FROM user WHERE name='truc'"), wall + LOCKOUT_NS);
        assert_int_equal(value(f, "SELECT last_seen FROM sensor"), wall);
        assert_int_equal(value(f, "SELECT code_expires FROM sensor"), wall + DAYS);
        /* A second factor stays usable within a minute, and no code that was used is good again. */
        assert_true(value(f, "SELECT totp_step FROM user WHERE name='truc'") <= totp_step(wall) + 1);
        assert_true(i == 0 ||
                    value(f, "SELECT totp_step FROM user WHERE name='truc'") == totp_step(wall) + 1);
    }
    assert_int_equal(value(f, "SELECT count(*) FROM audit WHERE action='clock.set'"), 2);
    assert_int_equal(value(f, "SELECT json_extract(data,'$.seconds') FROM audit WHERE action='clock.set'"),
                     365 * 86400);
}

static void a_clock_that_is_disciplined_moves_nothing(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 100; i++) {
        wall += 20 * NS_PER_S;
        center_watch_clock(f->center);
    }
    assert_int_equal(value(f, "SELECT count(*) FROM audit WHERE action='clock.set'"), 0);
}

static void filters_do_not_lapse_by_a_clock_that_may_be_set_back(void **state)
{
    struct fixture *f = *state;
    database_run(
        f->database,
        "INSERT INTO alert_group (gid, sid, signature, severity, priority, src, dest, count, first, last, "
        "state, collecting, filter, newest, created) VALUES (1,1,'x',1,1,'a','b',1,1,1,'archived',1,1,'x',1)",
        "");
    database_run(f->database,
                 "INSERT INTO archive_filter (id, version, created, updated, reason, expires) VALUES "
                 "(1,1,1,1,'noise','2026-07-01')",
                 "");
    assert_true(database_ok(f->database, &(struct error){ "" }));
    wall += YEAR;
    center_tick(f->center);
    assert_int_equal(value(f, "SELECT collecting FROM alert_group"), 1);
    wall -= YEAR;
    center_watch_clock(f->center);
    assert_int_equal(value(f, "SELECT collecting FROM alert_group"), 1);
    assert_true(signed_in(f));
}

static void a_start_under_an_earlier_clock_leaves_nothing_in_the_future(void **state)
{
    struct fixture *f = *state;
    stop(f);
    wall -= YEAR;
    start(f);
    assert_true(value(f, "SELECT expires FROM session") <= wall + SESSION_LIFE_NS);
    assert_true(value(f, "SELECT seen FROM session") <= wall);
    assert_true(value(f, "SELECT locked_until FROM user WHERE name='truc'") <= wall + LOCKOUT_NS);
    assert_true(value(f, "SELECT last_seen FROM sensor") <= wall);
    assert_true(value(f, "SELECT totp_step FROM user WHERE name='truc'") <= totp_step(wall) + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_clock_that_is_set_ends_no_session_and_extends_none),
        TEST(idleness_is_what_passed_not_what_the_clock_says),
        TEST(lockouts_codes_and_signs_of_life_keep_their_age),
        TEST(a_clock_that_is_disciplined_moves_nothing),
        TEST(filters_do_not_lapse_by_a_clock_that_may_be_set_back),
        TEST(a_start_under_an_earlier_clock_leaves_nothing_in_the_future),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
