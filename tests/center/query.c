/* SPDX-License-Identifier: Apache-2.0 */
/* The query bar: what is understood, and where an error is. */
#include "support/support.h"

#include "base/clock.h"
#include "center/query.h"

#define NOW 1795312800000000000ULL

static uint32_t lookup(void *context, const char *entity, struct bytes name)
{
    (void)context;
    return strcmp(entity, "agency") == 0 && bytes_is(name, "syt") ? 3 : 0;
}

/* The tree in a form that fits one line. */
static void show(const struct event_term *t, struct text *out)
{
    static const char *const names[] = {
        [TERM_ALL] = "all",
        [TERM_ANY] = "any",
        [TERM_NOT] = "not",
        [TERM_TYPE] = "type",
        [TERM_AGENCY] = "agency",
        [TERM_SYSTEM] = "system",
        [TERM_SENSOR] = "sensor",
        [TERM_ADDRESS] = "address",
        [TERM_PORT] = "port",
        [TERM_SIGNATURE] = "sid",
        [TERM_SEVERITY] = "severity",
        [TERM_FLOW] = "flow",
        [TERM_COMMUNITY] = "community",
        [TERM_HOST] = "host",
        [TERM_TEXT] = "text",
        [TERM_MEMBER] = "member",
    };
    text_string(out, names[t->kind]);
    if (t->side)
        text_string(out, t->side == EVENT_SIDE_SOURCE ? "<" : ">");
    if (t->count) {
        text_char(out, '(');
        for (size_t i = 0; i < t->count; i++) {
            text_string(out, i ? " " : "");
            show(&t->items[i], out);
        }
        text_char(out, ')');
        return;
    }
    if (t->path.size) {
        text_char(out, '.');
        text_put(out, t->path);
    }
    if (t->text.size) {
        text_char(out, '=');
        text_put(out, t->text);
    } else if (t->kind == TERM_ADDRESS) {
        text_char(out, '=');
        address_text_short(&t->network.address, out);
        text_add(out, "/%u", t->network.prefix);
    } else if (t->high == UINT64_MAX) {
        text_add(out, "=%llu+", (unsigned long long)t->low);
    } else if (t->low || t->high) {
        text_add(out, "=%llu-%llu", (unsigned long long)t->low, (unsigned long long)t->high);
    }
}

static bool parse(const char *text, struct arena *memory, struct query *query, size_t *column)
{
    struct error error = { "" };
    return query_parse(bytes_of_string(text), NOW, lookup, NULL, memory, query, column, &error);
}

static void both_forms_are_understood(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "admin", "text=admin" },
        { "\"GET /a\" b", "all(text=GET /a text=b)" },
        { "\"say \\\"x\\\"\"", "text=say \"x\"" },
        { "10.1.0.5", "address=10.1.0.5/32" },
        { "2001:db8::1", "address=2001:db8::1/128" },
        { "@ip:10.1.0.0/16", "address=10.1.0.0/16" },
        { "src_ip:10.1.0.5 dest_ip:10.2.0.0/24", "all(address<=10.1.0.5/32 address>=10.2.0.0/24)" },
        { "@src:2001:db8::/32", "address<=2001:db8::/32" },
        { "dest_port:443", "port>=443-443" },
        { "@port:80-90", "port=80-90" },
        { "src_port:>1024", "port<=1025+" },
        { "@sid:2100498", "sid=2100498-2100498" },
        { "alert.signature_id:2100498", "sid=2100498-2100498" },
        { "@sig:trojan", "member.alert.signature=*trojan*" },
        { "-proto:udp", "not(member.proto=udp)" },
        { "not proto:udp", "not(member.proto=udp)" },
        { "not not a", "text=a" },
        { "a or b and c", "any(text=a all(text=b text=c))" },
        { "(a or b) c", "all(any(text=a text=b) text=c)" },
        { "a AND NOT (b OR c)", "all(text=a not(any(text=b text=c)))" },
        { "tls.sni:*.example.vn", "member.tls.sni=*.example.vn" },
        { "http.status:>=400", "member.http.status=400+" },
        { "event_type:dns", "type=6-6" },
        { "@agency:syt", "agency=3-3" },
        { "@agency:7", "agency=7-7" },
        { "host:\"a b\"", "host=a b" },
        { "orange andy notes", "all(all(text=orange text=andy) text=notes)" },
        { "a-b", "text=a-b" },
        { "dns.rrname:x.vn", "any(member.dns.rrname=x.vn member.dns.queries.rrname=x.vn)" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char buffer[512] = "";
        struct text out = text_of(buffer, sizeof buffer);
        struct arena memory = arena_of(1 << 20);
        struct query query;
        size_t column = 0;
        if (!parse(cases[i][0], &memory, &query, &column))
            fail_msg("%s: refused at %zu", cases[i][0], column);
        show(query.term, &out);
        assert_string_equal(buffer, cases[i][1]);
        arena_done(&memory);
    }
}

static void errors_name_their_column(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t column;
    } cases[] = {
        { "(a", 1 },
        { "a)", 2 },
        { "a or", 5 },
        { "not", 1 + 3 },
        { "a \"b", 3 },
        { "@ip:10.1.0", 5 },
        { "src_port:x", 10 },
        { "event_type:cat", 12 },
        { "@agency:nobody", 9 },
        { "@color:red", 1 },
        { "a @from:soon", 9 },
        { "()", 2 },
        { "proto:", 7 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena memory = arena_of(1 << 20);
        struct query query;
        size_t column = 0;
        assert_false(parse(cases[i].text, &memory, &query, &column));
        if (column != cases[i].column)
            fail_msg("%s: column %zu, not %zu", cases[i].text, column, cases[i].column);
        arena_done(&memory);
    }
}

static void times_set_the_range(void **state)
{
    (void)state;
    struct arena memory = arena_of(1 << 20);
    struct query query;
    size_t column;
    assert_true(parse("@from:-24h @to:now", &memory, &query, &column));
    assert_true(query.from == NOW - 86400 * NS_PER_S && query.to == NOW);
    assert_true(parse("", &memory, &query, &column));
    assert_null(query.term);
    arena_done(&memory);
}

static void nesting_and_length_have_limits(void **state)
{
    (void)state;
    char text[QUERY_SIZE_MAX + 10];
    struct query query;
    size_t column;
    for (size_t depth = QUERY_DEPTH_MAX - 1; depth <= QUERY_DEPTH_MAX + 1; depth++) {
        struct arena memory = arena_of(1 << 20);
        memset(text, '(', depth);
        text[depth] = 'a';
        memset(text + depth + 1, ')', depth);
        text[2 * depth + 1] = '\0';
        assert_int_equal(parse(text, &memory, &query, &column), depth <= QUERY_DEPTH_MAX);
        arena_done(&memory);
    }
    struct arena memory = arena_of(4 << 20);
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(parse(text, &memory, &query, &column));
    for (size_t i = 0; i < QUERY_SIZE_MAX; i += 2)
        memcpy(text + i, "a ", 2);
    text[QUERY_SIZE_MAX] = '\0';
    assert_false(parse(text, &memory, &query, &column));
    arena_done(&memory);
}

static void any_prefix_ends_well(void **state)
{
    (void)state;
    static const char whole[] =
        "(@ip:10.1.0.0/16 or -\"a\\\"b\") and not dest_port:80-90 tls.sni:*.vn @from:-1h";
    for (size_t size = 0; size < sizeof whole; size++) {
        uint8_t *copy = guarded_copy(whole, size);
        struct arena memory = arena_of(1 << 20);
        struct query query;
        struct error error;
        size_t column;
        bool ok = query_parse(bytes_of(copy, size), NOW, lookup, NULL, &memory, &query, &column, &error);
        assert_true(ok || (column >= 1 && column <= size + 1));
        arena_done(&memory);
        guarded_free(copy, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_understood), cmocka_unit_test(errors_name_their_column),
        cmocka_unit_test(times_set_the_range),       cmocka_unit_test(nesting_and_length_have_limits),
        cmocka_unit_test(any_prefix_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
