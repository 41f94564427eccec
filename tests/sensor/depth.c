/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>

#include "sensor/settings.h"

/* How far streams of `protocol` are followed once `assignment` (or nothing) was made; UINT64_MAX: refused. */
static uint64_t depth_of(const char *protocol, const char *assignment)
{
    struct settings settings;
    struct error error = { "" };
    settings_init(&settings);
    assert_true(config_load_text(&settings.config, bytes_of_string(settings_stock), "defaults", &error));
    if (assignment)
        assert_true(config_set(&settings.config, assignment, &error));
    bool good = settings_read(&settings, &error);
    size_t index = protocol_find(bytes_of_string(protocol))->id;
    uint64_t depth = good ? settings.app_depth[index] : UINT64_MAX;
    settings_done(&settings);
    return depth;
}

static void databases_and_shares_are_followed_to_their_end(void **state)
{
    static const char *const whole[] = { "smb", "pgsql", "mysql", "pop3", "modbus" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(whole); i++)
        assert_int_equal(depth_of(whole[i], NULL), 0);
    assert_int_equal(depth_of("http", NULL), 1 << 20);
    assert_int_equal(depth_of("http", "stream.reassembly.depth=4mb"), 4 << 20);
}

static void a_protocol_may_have_a_depth_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(depth_of("smb", "app-layer.protocols.smb.stream-depth=100kb"), 100 << 10);
    assert_int_equal(depth_of("http", "app-layer.protocols.http.stream-depth=0"), 0);
    assert_int_equal(depth_of("pgsql", "app-layer.protocols.smb.stream-depth=100kb"), 0);
    assert_int_equal(depth_of("smb", "app-layer.protocols.smb.stream-depth=deep"), UINT64_MAX);
}

/* What becomes of urgent bytes under these settings. */
static unsigned urgent_of(const char *text)
{
    struct settings settings;
    struct error error = { "" };
    settings_init(&settings);
    assert_true(config_load_text(&settings.config, bytes_of_string(text), "test", &error));
    assert_true(settings_read(&settings, &error));
    unsigned policy = settings.tcp.urgent;
    settings_done(&settings);
    return policy;
}

/* The file that comes with Suricata takes them out of the stream; one that does not speak of them leaves them
 * where they are. */
static void urgent_bytes_stay_unless_settings_say_otherwise(void **state)
{
    (void)state;
    assert_int_equal(urgent_of(settings_stock), URGENT_OOB);
    assert_int_equal(urgent_of("stream:\n  reassembly:\n    depth: 1mb\n"), URGENT_INLINE);
    assert_int_equal(urgent_of("stream: {reassembly: {urgent: {policy: gap}}}\n"), URGENT_GAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(databases_and_shares_are_followed_to_their_end),
        cmocka_unit_test(a_protocol_may_have_a_depth_of_its_own),
        cmocka_unit_test(urgent_bytes_stay_unless_settings_say_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
