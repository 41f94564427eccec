/* SPDX-License-Identifier: Apache-2.0 */
/* SMB 2 and SMB 1: dialects, shares, files written and read in pieces, calls over pipes, renaming, deleting,
 * and what is bounded. Messages written by hand after MS-SMB2 and MS-CIFS. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "conversation.h"
#include "proto/smb.h"

static struct turn turn_of(enum direction way, const char *hex)
{
    struct bytes data = from_hex(hex);
    return (struct turn){ way, data };
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
    expect_text(&out, "\"session_id\":7,\"tree_id\":3,\"share\":\"\\\\s\\\\d\"");
    check_conversation(&c, 1);
    text_done(&out);
}

/* ---- messages put together ---- */

#define TURNS_MAX 1200U

/* A conversation being written; `hex` has the messages, a page for each turn. */
struct script {
    struct turn turns[TURNS_MAX];
    size_t count;
    uint8_t *bytes;
    size_t used;
};

#define SCRIPT_BYTES (1U << 20)

static void begin(struct script *script)
{
    *script = (struct script){ .bytes = malloc(SCRIPT_BYTES) };
    assert_non_null(script->bytes);
}

static void add(struct script *script, enum direction way, struct bytes message)
{
    assert_true(script->count < TURNS_MAX && script->used + message.size <= SCRIPT_BYTES);
    uint8_t *at = script->bytes + script->used;
    memcpy(at, message.data, message.size);
    script->used += message.size;
    script->turns[script->count++] = (struct turn){ way, bytes_of(at, message.size) };
}

/* Joins the next message to the one before, as one of a chain. */
static void join(struct script *script)
{
    struct turn *first = &script->turns[script->count - 2], *second = &script->turns[script->count - 1];
    uint8_t *data = (uint8_t *)(uintptr_t)first->data.data;
    size_t size = first->data.size - 4, padded = (size + 7) / 8 * 8, more = second->data.size - 4;
    static uint8_t kept[4096];
    memcpy(kept, second->data.data + 4, more);
    memset(data + 4 + size, 0, padded - size);
    memcpy(data + 4 + padded, kept, more);
    size_t last = 4; /* the message that the new one follows */
    while (data[last + 20] | data[last + 21])
        last += (size_t)(data[last + 20] | data[last + 21] << 8);
    data[last + 20] = (uint8_t)(4 + padded - last);
    data[last + 21] = (uint8_t)((4 + padded - last) >> 8);
    data[2] = (uint8_t)((padded + more) >> 8);
    data[3] = (uint8_t)(padded + more);
    first->data.size = 4 + padded + more;
    script->count--;
    script->used = (size_t)(data - script->bytes) + first->data.size;
}

/* What a header of SMB 2 (section 2.2.1.2) may say beside the command; the rest is always the same. */
struct head2 {
    unsigned status, tree;
};

static void say2_as(struct script *script, enum direction way, struct head2 head, unsigned command,
                    unsigned id, const char *body)
{
    char hex[8192];
    size_t digits = 0;
    for (const char *c = body; *c; c++)
        digits += *c != ' ';
    snprintf(hex, sizeof hex,
             "0000%04zx fe534d42 4000 0000 %08x %02x00 0100 %02x000000 00000000 %02x%02x000000000000 fffe0000"
             "%02x000000 2a00000000000000 00000000000000000000000000000000 %s",
             64 + digits / 2, htonl(head.status), command, way == TO_CLIENT ? 1 : 0, id & 0xff, id >> 8,
             head.tree, body);
    add(script, way, from_hex(hex));
}

static void say2(struct script *script, enum direction way, unsigned command, unsigned id, const char *body)
{
    say2_as(script, way, (struct head2){ .tree = 5 }, command, id, body);
}

static void say1(struct script *script, enum direction way, unsigned command, unsigned id, const char *body)
{
    char hex[8192];
    size_t digits = 0;
    for (const char *c = body; *c; c++)
        digits += *c != ' ';
    snprintf(hex, sizeof hex,
             "0000%04zx ff534d42 %02x 00000000 %02x 0140 000000000000000000000000 0300 0000 0700 %02x00 %s",
             32 + digits / 2, command, way == TO_CLIENT ? 0x80 : 0, id, body);
    add(script, way, from_hex(hex));
}

enum { NEGOTIATE, TREE = 3, CREATE = 5, CLOSE, READ = 8, WRITE, IOCTL = 11, SET_INFO = 17 };
#define HANDLE  "0100000002000000 0300000004000000"
#define RELATED "ffffffffffffffff ffffffffffffffff"

static void open_tree(struct script *script, const char *type)
{
    char body[64];
    say2(script, TO_SERVER, TREE, 2, "0900 0000 4800 1000 5c005c0061005c004900500043002400");
    snprintf(body, sizeof body, "1000 %s00", type);
    say2(script, TO_CLIENT, TREE, 2, body);
}

static void ask_open(struct script *script, unsigned id)
{
    say2(script, TO_SERVER, CREATE, id,
         "3900 0000 00000000 0000000000000000 0000000000000000 00000000 00000000 00000000 05000000 00100000"
         "7800 0800 00000000 00000000 6100620063006400");
}

static void give_handle(struct script *script, unsigned id, const char *handle)
{
    char body[512];
    snprintf(body, sizeof body,
             "5900 0000 01000000 00803ed5deb19d01 00803ed5deb19d01 00803ed5deb19d01 00803ed5deb19d01"
             "0000000000000000 0800000000000000 00000000 00000000 %s 00000000 00000000",
             handle);
    say2(script, TO_CLIENT, CREATE, id, body);
}

static void open_file(struct script *script, unsigned id)
{
    ask_open(script, id);
    give_handle(script, id, HANDLE);
}

static void write_at(struct script *script, unsigned id, const char *handle, unsigned offset, const char *hex)
{
    char body[4096];
    snprintf(body, sizeof body,
             "3100 7000 %02zx000000 %02x00000000000000 %s 00000000 00000000 0000 0000 00000000 %s",
             strlen(hex) / 2, offset, handle, hex);
    say2(script, TO_SERVER, WRITE, id, body);
}

static void ask_read(struct script *script, unsigned id, const char *handle, unsigned offset)
{
    char body[512];
    snprintf(body, sizeof body,
             "3100 0000 00100000 %02x00000000000000 %s 00000000 00000000 00000000 0000 0000 00", offset,
             handle);
    say2(script, TO_SERVER, READ, id, body);
}

static void give_read(struct script *script, unsigned id, const char *hex)
{
    char body[4096];
    snprintf(body, sizeof body, "1100 5000 %02zx000000 00000000 00000000 %s", strlen(hex) / 2, hex);
    say2(script, TO_CLIENT, READ, id, body);
}

static void close_file(struct script *script, unsigned id, const char *handle)
{
    char body[128];
    snprintf(body, sizeof body, "1800 0000 00000000 %s", handle);
    say2(script, TO_SERVER, CLOSE, id, body);
    say2(script, TO_CLIENT, CLOSE, id, "3c00 0000 00000000");
}

static void play_script(struct script *script, struct text *out, bool check)
{
    struct conversation c = { &smb_protocol, TRANSPORT_TCP, 445, script->turns, script->count };
    *out = text_new(1U << 20);
    play(&c, 0, out);
    if (check)
        check_conversation(&c, 1);
    free(script->bytes);
}

/* ---- sessions ---- */

static void requests_and_answers_of_version_2_are_one_record(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    begin(&script);
    const struct head2 no_tree = { 0 }, not_found = { .status = 0xc0000034, .tree = 5 };
    say2_as(&script, TO_SERVER, no_tree, NEGOTIATE, 1,
            "2400 0200 0100 0000 00000000 00000000000000000000000000000000 0000000000000000 0202 1103");
    say2_as(&script, TO_CLIENT, no_tree, NEGOTIATE, 1, "4100 0100 1103 0000");
    say2_as(&script, TO_SERVER, no_tree, TREE, 2, "0900 0000 4800 1000 5c005c0061005c004900500043002400");
    say2(&script, TO_CLIENT, TREE, 2, "1000 0200");
    say2(&script, TO_SERVER, CREATE, 3,
         "3900 0000 00000000 0000000000000000 0000000000000000 00000000 00000000 00000000 01000000 00000000"
         "7800 0800 00000000 00000000 6100620063006400");
    say2_as(&script, TO_CLIENT, not_found, CREATE, 3, "0900 0000 00000000");
    play_script(&script, &out, true);
    expect_text(&out, "\"id\":1,\"dialect\":\"3.11\",\"command\":\"SMB2_COMMAND_NEGOTIATE_PROTOCOL\","
                      "\"status\":\"STATUS_SUCCESS\",\"status_code\":\"0x0\"");
    expect_text(&out, "\"client_dialects\":[\"2.02\",\"3.11\"]");
    expect_text(
        &out, "\"session_id\":42,\"tree_id\":5,\"named_pipe\":\"\\\\\\\\a\\\\IPC$\",\"share_type\":\"PIPE\"");
    expect_text(&out, "\"status\":\"STATUS_OBJECT_NAME_NOT_FOUND\",\"status_code\":\"0xc0000034\"");
    expect_text(&out, "\"filename\":\"abcd\",\"disposition\":\"FILE_OPEN\"");
    text_done(&out);
}

/* ---- files ---- */

static void a_file_written_in_pieces_is_put_in_order(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    begin(&script);
    open_tree(&script, "01");
    open_file(&script, 3);
    write_at(&script, 4, HANDLE, 4, "65666768");
    write_at(&script, 5, HANDLE, 0, "61626364");
    write_at(&script, 6, HANDLE, 8, "696a");
    close_file(&script, 7, HANDLE);
    play_script(&script, &out, true);
    expect_text(&out, "\"file\":\"abcd\",\"size\":6,\"whole\":true,\"content\":\"efghij\"");
    expect_text(&out, "event file_overlap");
    expect_text(&out, "\"command\":\"SMB2_COMMAND_WRITE\",\"status\":\"STATUS_SUCCESS\"");
    expect_text(&out, "\"filename\":\"abcd\",\"share\":\"\\\\\\\\a\\\\IPC$\","
                      "\"fuid\":\"00000001-0002-0000-0003-000000000004\"");
    text_done(&out);
}

static void what_comes_before_its_turn_waits(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    begin(&script);
    open_tree(&script, "01");
    open_file(&script, 3);
    for (unsigned id = 4; id < 7; id++)
        ask_read(&script, id, HANDLE, (id - 4) * 4);
    give_read(&script, 4, "61626364");
    give_read(&script, 6, "696a6b6c");
    give_read(&script, 5, "65666768");
    close_file(&script, 7, HANDLE);
    play_script(&script, &out, true);
    expect_text(&out, "\"file\":\"abcd\",\"size\":12,\"whole\":true,\"content\":\"abcdefghijkl\"");
    expect_text(&out, "\"command\":\"SMB2_COMMAND_READ\",\"status\":\"STATUS_SUCCESS\"");
    expect_no_text(&out, "file_overlap");
    text_done(&out);
}

static void what_never_came_is_a_gap(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    begin(&script);
    open_tree(&script, "01");
    open_file(&script, 3);
    write_at(&script, 4, HANDLE, 0, "61626364");
    write_at(&script, 5, HANDLE, 8, "696a6b6c");
    close_file(&script, 7, HANDLE);
    play_script(&script, &out, true);
    expect_text(&out, "\"file\":\"abcd\",\"size\":12,\"whole\":false,\"content\":\"abcd\"");
    text_done(&out);
}

static void a_chain_opens_writes_and_closes(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    begin(&script);
    open_tree(&script, "01");
    ask_open(&script, 3);
    write_at(&script, 4, RELATED, 0, "61626364");
    join(&script);
    say2(&script, TO_SERVER, CLOSE, 5, "1800 0000 00000000 " RELATED);
    join(&script);
    give_handle(&script, 3, HANDLE);
    say2(&script, TO_CLIENT, WRITE, 4, "1100 0000 04000000 00000000 0000 0000 0000");
    join(&script);
    say2(&script, TO_CLIENT, CLOSE, 5, "3c00 0000 00000000");
    join(&script);
    play_script(&script, &out, true);
    expect_text(&out, "\"file\":\"abcd\",\"size\":4,\"whole\":true,\"content\":\"abcd\"");
    expect_text(&out, "\"command\":\"SMB2_COMMAND_CLOSE\",\"status\":\"STATUS_SUCCESS\"");
    text_done(&out);
}

static void the_file_used_longest_ago_is_given_up(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    begin(&script);
    open_tree(&script, "01");
    for (unsigned i = 0; i < 140; i++) {
        char handle[64];
        snprintf(handle, sizeof handle, "%02x00000002000000 0300000004000000", i);
        ask_open(&script, 3 + 2 * i);
        give_handle(&script, 3 + 2 * i, handle);
        write_at(&script, 4 + 2 * i, handle, 0, i ? "6263" : "61");
    }
    play_script(&script, &out, false);
    expect_text(&out, "\"size\":1,\"whole\":false,\"content\":\"a\"");
    text_done(&out);
}

static void renaming_and_deleting_are_told(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    begin(&script);
    open_tree(&script, "01");
    open_file(&script, 3);
    say2(&script, TO_SERVER, SET_INFO, 4,
         "2100 01 0a 18000000 6000 0000 00000000 " HANDLE
         "00 00000000000000 0000000000000000 04000000 78007900");
    say2(&script, TO_CLIENT, SET_INFO, 4, "0200");
    say2(&script, TO_SERVER, SET_INFO, 5, "2100 01 0d 01000000 6000 0000 00000000 " HANDLE "01");
    say2(&script, TO_CLIENT, SET_INFO, 5, "0200");
    play_script(&script, &out, true);
    expect_text(&out, "\"set_info\":{\"class\":\"FILE_INFO\",\"info_level\":\"SMB2_FILE_RENAME_INFO\"},"
                      "\"rename\":{\"from\":\"abcd\",\"to\":\"xy\"}");
    expect_text(&out, "\"filename\":\"abcd\",\"access\":\"delete on close\",\"fuid\"");
    expect_text(&out, "\"access\":\"delete on close\",\"created\":0,");
    text_done(&out);
}

/* ---- pipes ---- */

#define BIND                                                                      \
    "05000b03 10000000 4800 0000 01000000 b810 b810 00000000 01000000 0000 01 00" \
    "8170bb364498f135ad3298f038001003 0200 0000 045d888aeb1cc9119fe808002b104860 02000000"
#define BIND_ACK                                                                           \
    "05000c03 10000000 3800 0000 01000000 b810 b810 00000000 0000 0000 01000000 0000 0000" \
    "045d888aeb1cc9119fe808002b104860 02000000"
#define CALL   "05000003 10000000 1c00 0000 02000000 04000000 0000 0f00 01020304"
#define RESULT "05000203 10000000 1e00 0000 02000000 06000000 0000 00 00 111213141516"

/* Without spaces, for say2(). */
static const char *packed(const char *hex)
{
    static char text[4][2048];
    static size_t next;
    char *out = text[next++ % COUNT_OF(text)];
    size_t size = 0;
    for (; *hex; hex++)
        if (*hex != ' ')
            out[size++] = *hex;
    out[size] = '\0';
    return out;
}

static void calls_over_pipes_are_followed(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    char body[1024];
    begin(&script);
    open_tree(&script, "02");
    open_file(&script, 3);
    write_at(&script, 4, HANDLE, 0, packed(BIND));
    say2(&script, TO_CLIENT, WRITE, 4, "1100 0000 48000000 00000000 0000 0000 00");
    ask_read(&script, 5, HANDLE, 0);
    give_read(&script, 5, packed(BIND_ACK));
    snprintf(body, sizeof body,
             "3900 0000 17c01100 " HANDLE "78000000 1c000000 00000000 00000000 00000000 00040000"
             "01000000 00000000 %s",
             packed(CALL));
    say2(&script, TO_SERVER, IOCTL, 6, body);
    snprintf(body, sizeof body,
             "3100 0000 17c01100 " HANDLE "00000000 00000000 70000000 1e000000 00000000 00000000 %s",
             packed(RESULT));
    say2(&script, TO_CLIENT, IOCTL, 6, body);
    play_script(&script, &out, true);
    expect_text(&out,
                "\"command\":\"SMB2_COMMAND_WRITE\",\"status\":\"STATUS_SUCCESS\",\"status_code\":\"0x0\","
                "\"session_id\":42,\"tree_id\":5,\"dcerpc\":{\"request\":\"BIND\",\"response\":\"BINDACK\","
                "\"interfaces\":[{\"uuid\":\"36bb7081-9844-35f1-ad32-98f038001003\",\"version\":\"2.0\","
                "\"ack_result\":0,\"ack_reason\":0}],\"call_id\":1}");
    expect_text(&out,
                "\"command\":\"SMB2_COMMAND_IOCTL\",\"status\":\"STATUS_SUCCESS\",\"status_code\":\"0x0\","
                "\"session_id\":42,\"tree_id\":5,\"dcerpc\":{\"request\":\"REQUEST\",\"response\":"
                "\"RESPONSE\",\"opnum\":15,\"req\":{\"frag_cnt\":1,\"stub_data_size\":4},\"interfaces\":"
                "[{\"uuid\":\"36bb7081-9844-35f1-ad32-98f038001003\",\"version\":\"2.0\"}],"
                "\"res\":{\"frag_cnt\":1,\"stub_data_size\":6},\"call_id\":2}");
    expect_no_text(&out, "\"file\"");
    text_done(&out);
}

static void a_call_is_put_together_from_several_writes(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    const char *call = packed(CALL);
    char first[64], rest[64];
    snprintf(first, sizeof first, "%.52s", call);
    snprintf(rest, sizeof rest, "%s", call + 52);
    begin(&script);
    open_tree(&script, "02");
    open_file(&script, 3);
    write_at(&script, 4, HANDLE, 0, first);
    write_at(&script, 5, HANDLE, 0, rest);
    play_script(&script, &out, true);
    expect_text(&out, "\"req\":{\"frag_cnt\":1,\"stub_data_size\":4}");
    expect_text(&out, "\"response\":\"UNREPLIED\"");
    text_done(&out);
}

static void what_is_no_call_is_told_of_on_a_pipe_only(void **state)
{
    (void)state;
    for (int pipe = 0; pipe < 2; pipe++) {
        struct script script;
        struct text out;
        begin(&script);
        open_tree(&script, pipe ? "02" : "01");
        open_file(&script, 3);
        write_at(&script, 4, HANDLE, 0, "41414141414141414141414142414141");
        write_at(&script, 5, HANDLE, 16, "414141414141414141414141424141"); /* shorter than a head */
        say2(&script, TO_CLIENT, WRITE, 4, "1100 0000 10000000 00000000 0000 0000 00");
        play_script(&script, &out, true);
        if (pipe) {
            expect_text(&out,
                        "\"dcerpc\":{\"request\":\"65\",\"response\":\"UNREPLIED\",\"call_id\":1111572801}");
            expect_text(&out, "event malformed_data\n");
        } else {
            expect_no_text(&out, "\"dcerpc\"");
        }
        text_done(&out);
    }
}

/* ---- SMB 1 ---- */

static void version_1_has_files_and_calls(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    char body[1024];
    begin(&script);
    say1(&script, TO_SERVER, 0xa2, 1,
         "18 ff000000 00 0500 00000000 00000000 00000000 0000000000000000 00000000 00000000 01000000 00000000"
         "00000000 00 0600 5c6161616100");
    say1(&script, TO_CLIENT, 0xa2, 1,
         "22 ff000000 00 0840 01000000 00803ed5deb19d01 00803ed5deb19d01 00803ed5deb19d01 00803ed5deb19d01"
         "20000000 0800000000000000 0800000000000000 0000 0000 00 0000");
    /* LOCKING_ANDX, then WRITE_ANDX */
    say1(&script, TO_SERVER, 0x24, 2,
         "08 2f003300 0840 00 00 00000000 0000 0000 0000"
         "0e ff000000 0840 00000000 00000000 0000 0000 0000 0400 5200 00000000 0400 61626364");
    say1(&script, TO_SERVER, 0x2e, 3, "0c ff000000 0840 00000000 0004 0000 00000000 0000 00000000 0000");
    say1(&script, TO_CLIENT, 0x2e, 3,
         "0c ff000000 0000 0000 0000 0300 3b00 0000 0000000000000000 0300 78797a");
    say1(&script, TO_SERVER, 0x04, 4, "03 0840 00000000 0000");
    say1(&script, TO_CLIENT, 0x04, 4, "00 0000");
    snprintf(body, sizeof body,
             "10 0000 1c00 0000 0004 00 00 0000 00000000 0000 0000 4300 1c00 4700 02 00 2600 0940 2300"
             "00000000 %s 00000000",
             packed(CALL));
    say1(&script, TO_SERVER, 0x25, 5, body);
    snprintf(body, sizeof body, "0a 0000 1e00 0000 0000 3700 0000 1e00 3700 0000 00 00 1e00 %s",
             packed(RESULT));
    say1(&script, TO_CLIENT, 0x25, 5, body);
    play_script(&script, &out, true);
    expect_text(&out, "\"file\":\"\\\\aaaa\",\"size\":4,\"whole\":true,\"content\":\"abcd\"");
    expect_text(&out, "\"file\":\"\\\\aaaa\",\"size\":3,\"whole\":true,\"content\":\"xyz\"");
    expect_text(&out, "\"command\":\"SMB1_COMMAND_WRITE_ANDX\",\"session_id\":0,\"tree_id\":0,"
                      "\"filename\":\"\\\\aaaa\",\"share\":\"\",\"fuid\":\"4008\"");
    expect_text(&out, "\"command\":\"SMB1_COMMAND_TRANS\",\"status\":\"STATUS_SUCCESS\"");
    expect_text(&out, "\"opnum\":15,\"req\":{\"frag_cnt\":1,\"stub_data_size\":4},"
                      "\"res\":{\"frag_cnt\":1,\"stub_data_size\":6}");
    text_done(&out);
}

static void a_file_opened_the_older_way_has_its_name(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    begin(&script);
    say1(&script, TO_SERVER, 0x2d, 1,
         "0f ff000000 0000 0000 0000 0000 00000000 0100 00000000 00000000 00000000 0600 5c6161616100");
    say1(&script, TO_CLIENT, 0x2d, 1,
         "0f ff000000 0840 0000 00000000 00000000 0000 0000 0000 0000 00000000 0000 0000");
    say1(&script, TO_SERVER, 0x0b, 2, "05 0840 0400 00000000 0000 0700 01 0400 61626364");
    say1(&script, TO_SERVER, 0x04, 3, "03 0840 00000000 0000");
    play_script(&script, &out, true);
    expect_text(&out, "\"file\":\"\\\\aaaa\",\"size\":4,\"whole\":true,\"content\":\"abcd\"");
    expect_text(&out, "\"command\":\"SMB1_COMMAND_OPEN_ANDX\",\"status\":\"STATUS_SUCCESS\"");
    text_done(&out);
}

/* As in Suricata: more transactions than the settings allow end the parsing. */
static void too_many_open_transactions_end_the_parsing(void **state)
{
    (void)state;
    static const struct smb_settings settings = { .max_tx = 2 };
    struct script script;
    begin(&script);
    for (unsigned id = 1; id < 6; id++)
        ask_open(&script, id);
    struct conversation c = { &smb_protocol, TRANSPORT_TCP, 445, script.turns, script.count, &settings };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "event too_many_transactions");
    expect_text(&out, "\"id\":2,");
    expect_no_text(&out, "\"id\":3,");
    free(script.bytes);
    text_done(&out);
}

static void what_neither_handle_nor_tree_is_known_of_is_no_file(void **state)
{
    (void)state;
    struct script script;
    struct text out;
    begin(&script);
    write_at(&script, 4, HANDLE, 0, "61626364");
    close_file(&script, 5, HANDLE);
    play_script(&script, &out, true);
    expect_no_text(&out, "\"file\"");
    text_done(&out);
    begin(&script);
    open_tree(&script, "01");
    write_at(&script, 4, HANDLE, 0, "61626364");
    close_file(&script, 5, HANDLE);
    play_script(&script, &out, true);
    expect_text(&out, "\"file\":\"<unknown>\",\"size\":4,\"whole\":true");
    text_done(&out);
}

static void encrypted_messages_are_the_servers_when_they_come_from_its_port(void **state)
{
    (void)state;
    struct bytes message = from_hex("00000004 fd534d42");
    assert_int_equal(smb_protocol.probe(TO_SERVER, message), PROBE_EITHER);
    struct session_settings settings = { 0 };
    struct session *session = session_new(&settings, TRANSPORT_TCP, 445, 50000);
    assert_non_null(session);
    session_stream(session, TO_SERVER, message, 0);
    assert_ptr_equal(session->protocol, &smb_protocol);
    assert_true(session->reversed);
    session_free(session);
    session = session_new(&settings, TRANSPORT_TCP, 50000, 445);
    assert_non_null(session);
    session_stream(session, TO_SERVER, message, 0);
    assert_false(session->reversed);
    session_free(session);
}

static void records_are_of_the_types_asked_for(void **state)
{
    (void)state;
    struct tx *tx = calloc(1, sizeof *tx + sizeof(struct smb));
    assert_non_null(tx);
    smb_of(tx)->kind = SMB_CALL;
    assert_true(smb_log_wanted(tx, 0));
    assert_true(smb_log_wanted(tx, smb_log_type(BYTES_OF("dcerpc")) | smb_log_type(BYTES_OF("file"))));
    assert_false(smb_log_wanted(tx, smb_log_type(BYTES_OF("file"))));
    assert_int_equal(smb_log_type(BYTES_OF("nothing")), 0);
    free(tx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_answers_of_version_2_are_one_record),
        cmocka_unit_test(version_1_tells_its_dialect_and_shares),
        cmocka_unit_test(a_file_written_in_pieces_is_put_in_order),
        cmocka_unit_test(what_comes_before_its_turn_waits),
        cmocka_unit_test(what_never_came_is_a_gap),
        cmocka_unit_test(a_chain_opens_writes_and_closes),
        cmocka_unit_test(the_file_used_longest_ago_is_given_up),
        cmocka_unit_test(renaming_and_deleting_are_told),
        cmocka_unit_test(calls_over_pipes_are_followed),
        cmocka_unit_test(what_is_no_call_is_told_of_on_a_pipe_only),
        cmocka_unit_test(a_call_is_put_together_from_several_writes),
        cmocka_unit_test(version_1_has_files_and_calls),
        cmocka_unit_test(a_file_opened_the_older_way_has_its_name),
        cmocka_unit_test(too_many_open_transactions_end_the_parsing),
        cmocka_unit_test(what_neither_handle_nor_tree_is_known_of_is_no_file),
        cmocka_unit_test(encrypted_messages_are_the_servers_when_they_come_from_its_port),
        cmocka_unit_test(records_are_of_the_types_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
