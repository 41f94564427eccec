/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of values: what files they load, what rules may say of them, what they bring into alerts. */
#include "stage.h"

#include <stdio.h>

#include "../support/folder.h"
#include "base/text.h"

#define RULE(options) "alert udp any any -> any any (" options " sid:1;)\n"

static void write_in(const char *folder, const char *name, const char *content)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void open_in(struct stage *stage, const char *folder, const char *rules)
{
    stage_open_with(stage, rules, &(struct ruleset_settings){ .data_dir = folder });
}

static void send(struct stage *stage, enum direction direction)
{
    stage_packet(stage, direction, IP_UDP, "x", 1);
}

static void expect_loaded(const struct stage *stage, const char *rule)
{
    if (stage->refused)
        fail_msg("%s: %s", rule, stage->reason.text);
}

/* The notes of the only alert as "key=json;". */
static const char *notes_of(const struct stage *stage, char *out, size_t size)
{
    struct text text = text_of(out, size);
    out[0] = '\0';
    if (stage->alerts->count == 1)
        for (const struct alert_note *note = stage->alerts->items[0].notes; note; note = note->next) {
            text_put(&text, note->key);
            text_char(&text, '=');
            text_put(&text, note->json);
            text_char(&text, ';');
        }
    return out;
}

static void json_of_a_matched_value_comes_with_the_alert(void **state)
{
    const char *folder = *state;
    char notes[300];
    struct stage stage;
    static const struct {
        const char *options, *notes;
    } cases[] = {
        { "load a.json,format json,context_key k,value_key ip", "k={\"ip\":\"192.0.2.1\",\"n\":1};" },
        { "load a.json,format json,context_key k,value_key ip,remove_key", "k={\"n\":1};" },
        { "load o.json,format json,context_key k,value_key h.ip,array_key d.l",
          "k={\"h\":{\"ip\":\"192.0.2.1\"}};" },
        { "load l.json,format ndjson,context_key k,value_key ip", "k={\"ip\":\"192.0.2.1\",\"s\":\"é\"};" },
    };
    write_in(folder, "a.json",
             "[ {\"ip\": \"192.0.2.1\", \"n\": 1}, 7, {\"q\": 2},\n {\"ip\": \"192.0.2.1\", \"n\": 2} ]");
    write_in(folder, "o.json", "{\"d\": {\"l\": [{\"h\": {\"ip\": \"192.0.2.1\"}}]}}");
    write_in(folder, "l.json", "{\"ip\": \"192.0.2.1\", \"s\": \"\\u00e9\"}\n\n{\"other\": 1}\n");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char rule[300];
        snprintf(rule, sizeof rule, RULE("ip.src; dataset:isset,s,type ip,%s;"), cases[i].options);
        open_in(&stage, folder, rule);
        expect_loaded(&stage, rule);
        send(&stage, TO_SERVER);
        assert_int_equal(stage_count(&stage, 1), 1);
        assert_string_equal(notes_of(&stage, notes, sizeof notes), cases[i].notes);
        send(&stage, TO_CLIENT);
        assert_int_equal(stage_count(&stage, 1), 0);
        stage_close(&stage);
    }
}

static void several_sets_bring_their_json_under_their_keys(void **state)
{
    const char *folder = *state;
    char notes[300];
    struct stage stage;
    write_in(folder, "a.json", "[{\"ip\":\"192.0.2.1\"}]");
    write_in(folder, "e.json", "[{\"s\":\"\"}]");
    open_in(&stage, folder,
            RULE("ip.src; dataset:isset,e,type string,load e.json,format json,context_key x,value_key s;"));
    expect_loaded(&stage, "an empty string");
    stage_close(&stage);
    write_in(folder, "b.json", "[{\"v\":\"198.51.100.1\"},{\"v\":\"192.0.2.1\"}]");
    static const char rules[] = RULE(
        "ip.src; dataset:isset,a,type ip,load a.json,format json,context_key x,value_key ip; "
        "ip.dst; dataset:isset,b,type ipv4,load b.json,format json,context_key y,value_key v; "
        "dataset:isnotset,a,type ip,load a.json,format json,context_key z,value_key ip;");
    open_in(&stage, folder, rules);
    expect_loaded(&stage, rules);
    send(&stage, TO_SERVER);
    assert_string_equal(notes_of(&stage, notes, sizeof notes),
                        "y={\"v\":\"198.51.100.1\"};x={\"ip\":\"192.0.2.1\"};");
    stage_close(&stage);
}

static void refused_lists_say_what_is_wrong(void **state)
{
    const char *folder = *state;
    static const struct {
        const char *content, *options, *why;
        bool of_data;
    } cases[] = {
        { "a!b\n", "type string,load f", "bad base64 encoding s", true },
        { "1.2.3\n", "type ipv4,load f", "invalid Ipv4 value 1.2.3", true },
        { "::1\n", "type ipv4,load f", "invalid Ipv4 value ::1", true },
        { "host\n", "type ip,load f", "invalid IP value", true },
        { "abcd\n", "type md5,load f", "length for a hash", true },
        { "YQ==\nYg==,3\n", "type string,load f", "Cannot mix", true },
        { "YQ==,70000\n", "type string,load f", "invalid datarep value", true },
        { "", "type string,load nowhere", "cannot be read", true },
        { "", "load f", "not defined", true },
        { "YQ==\n", "type string,load f,memcap 104064,hashsize 1", "too large for set memcap", true },
        { "", "type string,hashsize 65537", "'single-hashsize' limit (65536)", true },
        { "[{\"v\":1}]", "type md5,load f,format json,context_key k,value_key v", "not a string", true },
        { "[{\"v\":\"x\"}]", "type ip,load f,format json,context_key k,value_key v", "invalid IP", true },
        { "[{\"v\":\"x\",}]", "type string,load f,format json,context_key k,value_key v", "parse", true },
        { "[{\"v\":\"x\",\"w\":01}]", "type string,load f,format json,context_key k,value_key v", "malformed",
          true },
        { "{\"v\":\"x\"", "type string,load f,format ndjson,context_key k,value_key v", "line 1", true },
        { "{\"v\":\"x\"}", "type string,load f,format json,context_key k,value_key v", "not an array", true },
        { "{}", "type string,load f,format json,context_key k,value_key v,array_key a", "key 'a'", true },
        { "[{}]", "type string,load f,format json,context_key k,value_key v", "No valid entries", true },
        { "", "type string,load f,format json,context_key k", "'value_key'", false },
        { "", "type string,load f,format json,value_key k", "'context_key'", false },
        { "", "type string,load f,format json,context_key a-b,value_key k", "alphanumeric", false },
        { "", "type string,state f,format json,context_key a,value_key k", "'save' or 'state'", false },
        { "", "type string,load f,format xml", "unknown format xml", false },
        { "", "type string,load f,load f", "'load' can only appear once", false },
        { "", "type string,state f,save g", "'state' can not be mixed", false },
        { "", "type text,load f", "bad type text", false },
        { "", "type string,memcap many", "memcap", false },
        { "", "type string,save /tmp/x", "Absolute paths not allowed: /tmp/x", false },
        { "", "type string,state a/../x", "Directory traversals not allowed: a/../x", false },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char rule[300];
        struct stage stage;
        write_in(folder, "f", cases[i].content);
        snprintf(rule, sizeof rule, RULE("ip.src; dataset:isset,s,%s;"), cases[i].options);
        open_in(&stage, folder, rule);
        if (!stage.refused || !strstr(stage.reason.text, cases[i].why) ||
            stage.reason.of_data != cases[i].of_data)
            fail_msg("%s on %s: %s", rule, cases[i].content, stage.refused ? stage.reason.text : "loaded");
        stage_close(&stage);
    }
}

static void json_is_for_looking_up_only(void **state)
{
    const char *folder = *state;
    static const char *const commands[] = { "set", "unset" };
    struct stage stage;
    write_in(folder, "a.json", "[{\"ip\":\"192.0.2.1\"}]");
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        char rule[300];
        snprintf(rule, sizeof rule,
                 RULE("ip.src; dataset:%s,s,type ip,load a.json,format json,context_key k,value_key ip;"),
                 commands[i]);
        open_in(&stage, folder, rule);
        assert_int_equal(stage.refused, 1);
        assert_non_null(strstr(stage.reason.text, commands[i]));
        stage_close(&stage);
    }
}

static void a_list_that_was_refused_is_named_once(void **state)
{
    const char *folder = *state;
    struct stage stage;
    write_in(folder, "f", "a!b\n");
    open_in(&stage, folder,
            RULE("ip.src; dataset:isset,s,type string,load f;")
                RULE("ip.src; dataset:isnotset,s,type string,load f;"));
    assert_int_equal(stage.refused, 2);
    assert_non_null(strstr(stage.reason.text, "refused before"));
    stage_close(&stage);
}

static void values_are_kept_in_the_file_of_the_set(void **state)
{
    const char *folder = *state;
    static const struct {
        const char *type, *transform, *line;
    } cases[] = {
        { "ip", "", "192.0.2.1\n" },
        { "ipv4", "", "192.0.2.1\n" },
        { "string", "", "wAACAQ==\n" },
        { "md5", "to_md5;", "b201f143e9c4d4048c4bf61e78b8eedb\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char rule[300], path[300], line[100] = "";
        struct stage stage;
        snprintf(path, sizeof path, "%s/kept", folder);
        unlink(path);
        snprintf(rule, sizeof rule, RULE("ip.src; %s dataset:set,s,type %s,state kept;"), cases[i].transform,
                 cases[i].type);
        for (unsigned run = 0; run < 2; run++) {
            open_in(&stage, folder, rule);
            expect_loaded(&stage, rule);
            send(&stage, TO_SERVER);
            assert_int_equal(stage_count(&stage, 1), run == 0); /* known from the file the second time */
            stage_close(&stage);
        }
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        assert_non_null(fgets(line, sizeof line, file));
        assert_string_equal(line, cases[i].line);
        fclose(file);
    }
}

static void rules_fill_a_set_up_to_its_memcap(void **state)
{
    const char *folder = *state;
    struct stage stage;
    /* Room for one string of four bytes beside what an empty set counts. */
    open_in(&stage, folder,
            RULE("ip.src; dataset:set,s,type string,memcap 104068,hashsize 1;") "alert udp any any -> any "
                                                                                "any (ip.src; "
                                                                                "dataset:unset,s; sid:2;)\n");
    send(&stage, TO_SERVER);
    assert_int_equal(stage.alerts->count, 2);
    stage_close(&stage);
    open_in(&stage, folder, RULE("ip.src; dataset:set,s,type string,memcap 104068,hashsize 1;"));
    send(&stage, TO_SERVER);
    assert_int_equal(stage_count(&stage, 1), 1);
    send(&stage, TO_CLIENT);
    assert_int_equal(stage_count(&stage, 1), 0);
    stage_close(&stage);
}

static void administrators_limit_what_rules_may_write(void **state)
{
    const char *folder = *state;
    struct stage stage;
    struct ruleset_settings settings = { .data_dir = folder, .dataset_limits = { .no_writing = true } };
    stage_open_with(&stage, RULE("ip.src; dataset:set,s,type ip,save kept;"), &settings);
    assert_int_equal(stage.refused, 1);
    assert_non_null(strstr(stage.reason.text, "have been disabled"));
    stage_close(&stage);
    settings.dataset_limits = (struct dataset_limits){ .absolute_names = true };
    char rule[300], path[300];
    snprintf(path, sizeof path, "%s/absolute", folder);
    snprintf(rule, sizeof rule, RULE("ip.src; dataset:set,s,type ip,save %s;"), path);
    stage_open_with(&stage, rule, &settings);
    expect_loaded(&stage, rule);
    assert_string_equal(ruleset_kept_file(stage.set, 0), path);
    assert_null(ruleset_kept_file(stage.set, 1));
    send(&stage, TO_SERVER);
    stage_close(&stage);
    assert_int_equal(access(path, R_OK), 0);
    settings.dataset_limits = (struct dataset_limits){ .hashsizes_max = 3000 };
    stage_open_with(
        &stage, RULE("ip.src; dataset:isset,a,type ip,hashsize 2000; dataset:isset,b,type ip,hashsize 1001;"),
        &settings);
    assert_int_equal(stage.refused, 1);
    assert_non_null(strstr(stage.reason.text, "'total-hashsizes' limit (3000)"));
    stage_close(&stage);
}

static void sets_of_the_settings_are_there_by_name(void **state)
{
    const char *folder = *state;
    struct stage stage;
    write_in(folder, "known", "192.0.2.1\n");
    struct dataset_setting sets[] = { { .name = "known", .type = "ip", .load = "known" },
                                      { .name = "other", .type = "md5", .hashsize = 16 } };
    struct ruleset_settings settings = { .data_dir = folder, .datasets = sets, .dataset_count = 2 };
    stage_open_with(&stage, RULE("ip.src; dataset:isset,known; to_md5; dataset:isnotset,other;"), &settings);
    expect_loaded(&stage, "known");
    send(&stage, TO_SERVER);
    assert_int_equal(stage_count(&stage, 1), 1);
    stage_close(&stage);
    sets[1].type = "hash";
    struct error error = { "" };
    assert_null(ruleset_load(&settings, &error));
    assert_non_null(strstr(error.text, "datasets.other: bad type hash"));
    sets[1].type = "md5";
    sets[0].load = "unknown";
    assert_null(ruleset_load(&settings, &error));
    assert_non_null(strstr(error.text, "datasets.known"));
}

static void one_set_answers_rules_with_different_reputations(void **state)
{
    const char *folder = *state;
    struct stage stage;
    write_in(folder, "scores", "192.0.2.1,50\n198.51.100.1,150\n");
    open_in(
        &stage, folder,
        RULE(
            "ip.src; datarep:s,>,100,type ip,load scores;") "alert udp any any -> any any (ip.src; "
                                                            "datarep:s,<,100,type ip,load scores; sid:2;)\n");
    assert_int_equal(stage.refused, 0);
    send(&stage, TO_SERVER);
    assert_int_equal(stage_count(&stage, 1), 0);
    assert_int_equal(stage_count(&stage, 2), 1);
    send(&stage, TO_CLIENT);
    assert_int_equal(stage_count(&stage, 1), 1);
    assert_int_equal(stage_count(&stage, 2), 0);
    stage_close(&stage);
}

static int make_folder(void **state)
{
    static char folder[FOLDER_MAX];
    folder_make(folder);
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    folder_remove(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_of_a_matched_value_comes_with_the_alert),
        cmocka_unit_test(several_sets_bring_their_json_under_their_keys),
        cmocka_unit_test(refused_lists_say_what_is_wrong),
        cmocka_unit_test(json_is_for_looking_up_only),
        cmocka_unit_test(a_list_that_was_refused_is_named_once),
        cmocka_unit_test(values_are_kept_in_the_file_of_the_set),
        cmocka_unit_test(rules_fill_a_set_up_to_its_memcap),
        cmocka_unit_test(administrators_limit_what_rules_may_write),
        cmocka_unit_test(sets_of_the_settings_are_there_by_name),
        cmocka_unit_test(one_set_answers_rules_with_different_reputations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
