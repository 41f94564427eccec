/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the Community ID specification's own examples. */
#include "../support/support.h"

#include "flow/community_id.h"

static void ids_do_not_depend_on_the_direction(void **state)
{
    (void)state;
    static const struct {
        uint8_t protocol;
        const char *src, *dst;
        uint16_t src_port, dst_port;
        const char *id;
    } cases[] = {
        { IP_TCP, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
        { IP_UDP, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
        { IP_ICMP, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct address src, dst;
        char id[COMMUNITY_ID_SIZE];
        assert_true(address_parse(bytes_of_string(cases[i].src), &src));
        assert_true(address_parse(bytes_of_string(cases[i].dst), &dst));
        community_id(0, cases[i].protocol, &src, &dst, cases[i].src_port, cases[i].dst_port, id);
        assert_string_equal(id, cases[i].id);
        community_id(0, cases[i].protocol, &dst, &src, cases[i].dst_port, cases[i].src_port, id);
        assert_string_equal(id, cases[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ids_do_not_depend_on_the_direction) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
