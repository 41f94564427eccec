/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 2: a dialect, a share of pipes, a file that is not there; SMB 1: a dialect and a share. Messages
 * written by hand after MS-SMB2 and MS-CIFS. */
#include "conversation.h"

extern const struct protocol smb_protocol;

/* Header of SMB 2 (section 2.2.1.2): status, command, flags, message, tree. */
#define SMB2(size, status, command, flags, message, tree)                                                   \
    "0000" size "fe534d42 4000 0000" status command "0100" flags "000000 00000000" message "00000000000000" \
    "fffe0000" tree "000000 2a00000000000000 00000000000000000000000000000000"

static const char negotiate[] = SMB2(
    "0068", "00000000", "0000", "00", "01",
    "00") "2400 0200 0100 0000 00000000 00000000000000000000000000000000 0000000000000000 0202 1103";
static const char negotiated[] = SMB2("0048", "00000000", "0000", "01", "01", "00") "4100 0100 1103 0000";
static const char connect[] = SMB2("0058", "00000000", "0300", "00", "02",
                                   "00") "0900 0000 4800 1000"
                                         "5c005c0061005c004900500043002400";
static const char connected[] = SMB2("0044", "00000000", "0300", "01", "02", "05") "1000 0200";
static const char create[] = SMB2(
    "0080", "00000000", "0500", "00", "03",
    "05") "3900 0000 00000000 0000000000000000 0000000000000000 00000000 00000000 00000000 01000000 00000000"
          "7800 0800"
          "00000000 00000000"
          "6100620063006400";
static const char created[] = SMB2("0048", "340000c0", "0500", "01", "03", "05") "0900 0000 00000000";

static struct turn turn_of(enum direction way, const char *hex)
{
    struct bytes data = from_hex(hex);
    return (struct turn){ way, data };
}

static void requests_and_answers_of_version_2_are_one_record(void **state)
{
    (void)state;
    const struct turn turns[] = { turn_of(TO_SERVER, negotiate), turn_of(TO_CLIENT, negotiated),
                                  turn_of(TO_SERVER, connect),   turn_of(TO_CLIENT, connected),
                                  turn_of(TO_SERVER, create),    turn_of(TO_CLIENT, created) };
    struct conversation c = { &smb_protocol, TRANSPORT_TCP, 445, turns, COUNT_OF(turns) };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"id\":1,\"dialect\":\"3.11\",\"command\":\"SMB2_COMMAND_NEGOTIATE_PROTOCOL\","
                      "\"status\":\"STATUS_SUCCESS\",\"status_code\":\"0x0\"");
    expect_text(&out, "\"client_dialects\":[\"2.02\",\"3.11\"]");
    expect_text(
        &out, "\"session_id\":42,\"tree_id\":5,\"named_pipe\":\"\\\\\\\\a\\\\IPC$\",\"share_type\":\"PIPE\"");
    expect_text(&out, "\"status\":\"STATUS_OBJECT_NAME_NOT_FOUND\",\"status_code\":\"0xc0000034\"");
    expect_text(&out, "\"filename\":\"abcd\",\"disposition\":\"FILE_OPEN\"");
    check_conversation(&c, 1);
    text_done(&out);
}

static const char negotiate1[] =
    "0000002f ff534d42 72 00000000 00 0000 000000000000000000000000 0000 0000 0000 0100"
    "00 0c00 02 4e54204c4d20302e313200";
static const char negotiated1[] =
    "00000025 ff534d42 72 00000000 80 0000 000000000000000000000000 0000 0000 0000 0100"
    "01 0000 0000";
static const char connect1[] =
    "00000038 ff534d42 75 00000000 00 0000 000000000000000000000000 0000 0000 0700 0200"
    "04 ff00 0000 0000 0100 0d00 00 5c5c735c6400 3f3f3f3f3f00";
static const char connected1[] =
    "00000027 ff534d42 75 00000000 80 0000 000000000000000000000000 0300 0000 0700 0200"
    "00 0400 413a0000";

static void version_1_tells_its_dialect_and_shares(void **state)
{
    (void)state;
    const struct turn turns[] = { turn_of(TO_SERVER, negotiate1), turn_of(TO_CLIENT, negotiated1),
                                  turn_of(TO_SERVER, connect1), turn_of(TO_CLIENT, connected1) };
    struct conversation c = { &smb_protocol, TRANSPORT_TCP, 445, turns, COUNT_OF(turns) };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"dialect\":\"NT LM 0.12\",\"command\":\"SMB1_COMMAND_NEGOTIATE_PROTOCOL\"");
    expect_text(&out, "\"session_id\":7,\"tree_id\":3,\"share\":\"\\\\\\\\s\\\\d\"");
    check_conversation(&c, 1);
    text_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(requests_and_answers_of_version_2_are_one_record),
                                        cmocka_unit_test(version_1_tells_its_dialect_and_shares) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
