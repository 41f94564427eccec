/* SPDX-License-Identifier: Apache-2.0 */
/* suricata.yaml as a tree: values, overrides, includes, places in messages. */
#include "support/support.h"

#include <stdio.h>
#include <unistd.h>

#include "sensor/config.h"
#include "sensor/settings.h"

static void load(struct config *config, const char *text)
{
    struct error error = { "" };
    config_init(config);
    if (!config_load_text(config, bytes_of_string(text), "test.yaml", &error))
        fail_msg("%s", error.text);
}

static void values_are_found_by_dotted_path(void **state)
{
    (void)state;
    struct config config;
    load(&config, "%YAML 1.1\n---\na: {b: {c: 7}}\nlist:\n  - one\n  - eve-log: {enabled: yes}\n");
    assert_string_equal(config_value(&config.root, "a.b.c"), "7");
    assert_string_equal(config_value(&config.root, "list.0"), "one");
    assert_string_equal(config_value(&config.root, "list.1.eve-log.enabled"), "yes");
    assert_null(config_find(&config.root, "a.x.c"));
    assert_true(config_find(&config.root, "list")->sequence);
    config_done(&config);
}

static void a_later_mapping_replaces_an_earlier_one(void **state)
{
    (void)state;
    struct config config;
    load(&config, "a: {b: 1, c: 2}\na: {c: 3}\n");
    assert_null(config_find(&config.root, "a.b"));
    assert_string_equal(config_value(&config.root, "a.c"), "3");
    config_done(&config);
}

static void assignments_make_and_change_nodes(void **state)
{
    (void)state;
    struct config config;
    load(&config, "stats: {enabled: no}\noutputs:\n  - fast: {enabled: yes}\n");
    struct error error;
    assert_true(config_set(&config, "stats.enabled=yes", &error));
    assert_true(config_set(&config, "outputs.0.fast.enabled=no", &error));
    assert_true(config_set(&config, "new.deep.name = a=b", &error));
    assert_string_equal(config_value(&config.root, "stats.enabled"), "yes");
    assert_string_equal(config_value(&config.root, "outputs.0.fast.enabled"), "no");
    assert_string_equal(config_value(&config.root, "new.deep.name"), "a=b");
    assert_false(config_set(&config, "without-value", &error));
    config_done(&config);
}

static void wrong_values_are_named_with_their_place(void **state)
{
    (void)state;
    struct config config;
    load(&config, "a:\n  b: maybe\n  n: 300\n  s: 10 parsec\n");
    struct error error = { "" };
    bool flag = true;
    uint64_t number = 5;
    assert_false(config_bool(&config.root, "a.b", &flag, &error));
    assert_string_equal(error.text, "test.yaml:2: a.b: yes or no expected, not 'maybe'");
    assert_true(flag);
    assert_false(config_uint(&config.root, "a.n", 255, &number, &error));
    assert_int_equal(number, 5);
    assert_false(config_size(&config.root, "a.s", &number, &error));
    assert_true(config_uint(&config.root, "a.missing", 255, &number, &error));
    assert_int_equal(number, 5);
    config_done(&config);
}

static void sizes_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t size;
        bool good;
    } cases[] = { { "1", 1, true },          { "10kb", 10240, true },     { "64 MiB", 64 << 20, true },
                  { "1.5 KiB", 1536, true }, { "2gb", 2ULL << 30, true }, { "", 0, false },
                  { "-1", 0, false },        { "1 tb", 0, false },        { "nan", 0, false },
                  { "1e300", 0, false } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t size = 0;
        assert_int_equal(config_parse_size(cases[i].text, &size), cases[i].good);
        assert_int_equal(size, cases[i].size);
    }
}

static void broken_yaml_is_an_error_with_line_and_column(void **state)
{
    (void)state;
    static const char *const cases[] = { "a: [1, 2\nb: 3\n", "a: *unknown\n", "a: {b: c\n", "- : :\n\t- x",
                                         "? [x]\n: y\n" };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config config;
        struct error error = { "" };
        config_init(&config);
        assert_false(config_load_text(&config, bytes_of_string(cases[i]), "bad.yaml", &error));
        assert_memory_equal(error.text, "bad.yaml:", 9);
        config_done(&config);
    }
}

static void every_prefix_and_changed_byte_is_survived(void **state)
{
    (void)state;
    static const char text[] = "vars:\n  a: '[1,2]'\nlist:\n - x: {y: z}\n - \"q\"\n---\nn: ~\n";
    for (size_t size = 0; size < sizeof text; size++) {
        for (unsigned change = 0; change < 8; change++) {
            char copy[sizeof text];
            struct config config;
            struct error error;
            memcpy(copy, text, sizeof text);
            if (size)
                copy[size - 1] = (char)(copy[size - 1] ^ (1 << change));
            config_init(&config);
            (void)!config_load_text(&config, bytes_of(copy, size), "x", &error);
            config_done(&config);
        }
    }
}

static void included_files_are_read_beside_the_including_one(void **state)
{
    (void)state;
    char folder[] = "/tmp/vonglau-config-XXXXXX", path[64], inner[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/main.yaml", folder);
    snprintf(inner, sizeof inner, "%s/inner.yaml", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("include: inner.yaml\nb: 2\nc: !include inner.yaml\n", file);
    fclose(file);
    file = fopen(inner, "w");
    assert_non_null(file);
    fputs("a: 1\nb: 1\n", file);
    fclose(file);
    struct config config;
    struct error error = { "" };
    config_init(&config);
    assert_true(config_load(&config, path, &error));
    assert_string_equal(config_value(&config.root, "a"), "1");
    assert_string_equal(config_value(&config.root, "b"), "2");
    assert_string_equal(config_value(&config.root, "c.a"), "1");
    config_done(&config);
    /* A file that includes itself ends with an error. */
    file = fopen(inner, "w");
    assert_non_null(file);
    fputs("include: inner.yaml\n", file);
    fclose(file);
    config_init(&config);
    assert_false(config_load(&config, path, &error));
    config_done(&config);
    unlink(path);
    unlink(inner);
    rmdir(folder);
}

static void unused_keys_are_listed(void **state)
{
    (void)state;
    struct config config;
    load(&config, "a: {b: 1, c: 2}\nd: 3\n");
    struct text out = text_new(4096);
    (void)config_value(&config.root, "a.b");
    config_list_unused(&config.root, &out);
    assert_string_equal(out.data, "test.yaml:1: a.c\ntest.yaml:2: d\n");
    text_done(&out);
    config_done(&config);
}

static void the_folder_of_the_command_line_is_taken_whatever_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *given, *wanted;
    } cases[] = { { ".", "." }, { "/a", "/a" }, { NULL, "/logs" } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct settings settings;
        settings_init(&settings);
        load(&settings.config, "default-log-dir: /logs\n");
        settings.log_dir = cases[i].given;
        settings_read_places(&settings);
        assert_string_equal(settings.log_dir, cases[i].wanted);
        settings_done(&settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_of_the_command_line_is_taken_whatever_its_name),
        cmocka_unit_test(values_are_found_by_dotted_path),
        cmocka_unit_test(a_later_mapping_replaces_an_earlier_one),
        cmocka_unit_test(assignments_make_and_change_nodes),
        cmocka_unit_test(wrong_values_are_named_with_their_place),
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(broken_yaml_is_an_error_with_line_and_column),
        cmocka_unit_test(every_prefix_and_changed_byte_is_survived),
        cmocka_unit_test(included_files_are_read_beside_the_including_one),
        cmocka_unit_test(unused_keys_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
