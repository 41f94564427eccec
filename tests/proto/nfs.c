/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

#include "proto/file.h"

extern const struct protocol nfs_protocol, http_protocol;

/* A message of a test: words and opaques, behind a record mark on streams. */
struct message {
    uint8_t data[4096];
    size_t size;
};

static void word(struct message *m, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        m->data[m->size++] = (uint8_t)(value >> shift);
}

static void opaque(struct message *m, const char *text)
{
    size_t size = strlen(text);
    word(m, (uint32_t)size);
    memcpy(m->data + m->size, text, size);
    m->size += size;
    while (m->size % 4)
        m->data[m->size++] = 0;
}

static void words(struct message *m, size_t count)
{
    while (count--)
        word(m, 0);
}

static struct message call(uint32_t xid, uint32_t version, uint32_t procedure)
{
    struct message m = { .size = 0 };
    const uint32_t head[] = { 0, xid, 0, 2, 100003, version, procedure };
    for (size_t i = 0; i < COUNT_OF(head); i++)
        word(&m, head[i]);
    word(&m, 1); /* AUTH_SYS */
    word(&m, 28);
    word(&m, 9);
    opaque(&m, "host1");
    word(&m, 1000);
    word(&m, 100);
    word(&m, 0);
    words(&m, 2);
    return m;
}

static struct message reply(uint32_t xid)
{
    struct message m = { .size = 0 };
    word(&m, 0);
    word(&m, xid);
    word(&m, 1);
    words(&m, 4);
    return m;
}

static struct bytes marked(struct message *m)
{
    uint32_t mark = 0x80000000U | (uint32_t)(m->size - 4);
    for (int i = 0; i < 4; i++)
        m->data[i] = (uint8_t)(mark >> (24 - 8 * i));
    return bytes_of(m->data, m->size);
}

static struct bytes plain(const struct message *m)
{
    return bytes_of(m->data + 4, m->size - 4);
}

static void written_and_read(struct message m[8])
{
    m[0] = call(1, 3, 3); /* LOOKUP */
    opaque(&m[0], "dir1");
    opaque(&m[0], "name.txt");
    m[1] = reply(1);
    word(&m[1], 0);
    opaque(&m[1], "handle");
    words(&m[1], 2);
    m[2] = call(2, 3, 7); /* WRITE */
    opaque(&m[2], "handle");
    words(&m[2], 2);
    word(&m[2], 5);
    word(&m[2], 2);
    opaque(&m[2], "hello");
    m[3] = reply(2);
    words(&m[3], 4);
    m[4] = call(3, 3, 6); /* READ */
    opaque(&m[4], "handle");
    words(&m[4], 2);
    word(&m[4], 100);
    m[5] = reply(3);
    words(&m[5], 2);
    word(&m[5], 6);
    word(&m[5], 1);
    opaque(&m[5], "world!");
    m[6] = call(4, 3, 14); /* RENAME */
    opaque(&m[6], "dir1");
    opaque(&m[6], "old");
    opaque(&m[6], "dir1");
    opaque(&m[6], "new");
    m[7] = reply(4);
    word(&m[7], 13);
}

static void expect_files(const struct text *out)
{
    expect_text(out, "\"procedure\":\"LOOKUP\",\"filename\":\"name.txt\"");
    expect_text(out, "\"file\":\"name.txt\",\"size\":5,\"whole\":true,\"content\":\"hello\"");
    expect_text(out, "\"file\":\"name.txt\",\"size\":6,\"whole\":true,\"content\":\"world!\"");
    expect_text(out, "\"write\":{\"first\":true,\"last\":true,\"last_xid\":2,\"chunks\":1}");
    expect_text(out, "\"read\":{\"first\":true,\"last\":true,\"last_xid\":3,\"chunks\":1}");
    expect_text(out, "\"status\":\"ERR_ACCES\",\"rename\":{\"from\":\"old\",\"to\":\"new\"}");
    expect_text(out, "\"creds\":{\"machine_name\":\"host1\",\"uid\":1000,\"gid\":100}");
}

static void files_are_joined_on_streams_and_in_datagrams(void **state)
{
    (void)state;
    struct message m[8];
    struct turn turns[8];
    written_and_read(m);
    for (size_t i = 0; i < 8; i++)
        turns[i] = (struct turn){ i % 2 ? TO_CLIENT : TO_SERVER, marked(&m[i]) };
    struct conversation c = { &nfs_protocol, TRANSPORT_TCP, 2049, TURNS(turns) };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_files(&out);
    check_conversation(&c, 1);
    for (size_t i = 0; i < 8; i++)
        turns[i].data = plain(&m[i]);
    c.transport = TRANSPORT_UDP;
    text_clear(&out);
    play(&c, 0, &out);
    expect_files(&out);
    check_conversation(&c, 1);
    text_done(&out);
}

static void compounds_are_walked(void **state)
{
    (void)state;
    struct message m[6];
    m[0] = call(1, 4, 1);
    opaque(&m[0], "");
    word(&m[0], 1);
    word(&m[0], 4);
    word(&m[0], 53); /* SEQUENCE */
    words(&m[0], 8);
    word(&m[0], 22); /* PUTFH */
    opaque(&m[0], "dir1");
    word(&m[0], 15); /* LOOKUP */
    opaque(&m[0], "found");
    word(&m[0], 10); /* GETFH */
    m[1] = reply(1);
    word(&m[1], 0);
    opaque(&m[1], "");
    word(&m[1], 4);
    word(&m[1], 53);
    words(&m[1], 10);
    word(&m[1], 22);
    word(&m[1], 0);
    word(&m[1], 15);
    word(&m[1], 0);
    word(&m[1], 10);
    word(&m[1], 0);
    opaque(&m[1], "file1");
    m[2] = call(2, 4, 1);
    opaque(&m[2], "");
    word(&m[2], 0);
    word(&m[2], 2);
    word(&m[2], 22);
    opaque(&m[2], "file1");
    word(&m[2], 38); /* WRITE */
    words(&m[2], 6);
    word(&m[2], 2);
    opaque(&m[2], "content");
    m[3] = reply(2);
    word(&m[3], 0);
    opaque(&m[3], "");
    word(&m[3], 0);
    m[4] = call(3, 4, 1);
    opaque(&m[4], "");
    word(&m[4], 0);
    word(&m[4], 2);
    word(&m[4], 22);
    opaque(&m[4], "dir1");
    word(&m[4], 28); /* REMOVE */
    opaque(&m[4], "gone");
    m[5] = reply(3);
    word(&m[5], 2);
    opaque(&m[5], "");
    word(&m[5], 0);
    struct turn turns[6];
    for (size_t i = 0; i < 6; i++)
        turns[i] = (struct turn){ i % 2 ? TO_CLIENT : TO_SERVER, marked(&m[i]) };
    struct conversation c = { &nfs_protocol, TRANSPORT_TCP, 2049, TURNS(turns) };
    struct text out = text_new(1U << 20);
    play(&c, 0, &out);
    expect_text(&out, "\"file\":\"found\",\"size\":7,\"whole\":true,\"content\":\"content\"");
    expect_text(&out, "\"procedure\":\"REMOVE\",\"filename\":\"gone\"");
    expect_text(&out, "\"status\":\"ERR_NOENT\"");
    check_conversation(&c, 1);
    text_done(&out);
}

static void a_content_longer_than_what_is_waited_for_and_a_gap_in_it(void **state)
{
    (void)state;
    static const struct session_settings settings = { 0 };
    static uint8_t zeros[20000];
    struct message m = call(2, 3, 7);
    opaque(&m, "handle");
    words(&m, 2);
    word(&m, sizeof zeros);
    word(&m, 2);
    word(&m, sizeof zeros);
    struct bytes head = marked(&m);
    uint32_t mark = 0x80000000U | (uint32_t)(m.size - 4 + sizeof zeros);
    for (int i = 0; i < 4; i++)
        m.data[i] = (uint8_t)(mark >> (24 - 8 * i));
    static uint8_t all[sizeof zeros + 4096];
    memcpy(all, head.data, head.size);
    struct session *session = session_new(&settings, TRANSPORT_TCP, 1000, 2049);
    session_stream(session, TO_SERVER, bytes_of(all, head.size + 8000), 0);
    session_gap(session, TO_SERVER, 4000);
    session_stream(session, TO_SERVER, bytes_of(zeros, 8000), 0);
    assert_non_null(session->txs);
    assert_non_null(session->txs->files);
    assert_int_equal(session->txs->files->size, sizeof zeros);
    assert_true(session->txs->files->has_gaps);
    assert_int_equal(session->txs->files->state, FILE_TRUNCATED);
    session_free(session);
}

/* Numbers of transactions start anew when a connection changes its protocol. */
static void a_file_in_a_tunnel_is_not_that_of_the_request_for_it(void **state)
{
    (void)state;
    static const struct protocol *const enabled[] = { &http_protocol, &nfs_protocol, NULL };
    static const struct session_settings settings = { .enabled = enabled };
    struct message read = call(1, 3, 6), answer = reply(1);
    opaque(&read, "handle");
    words(&read, 2);
    word(&read, 100);
    words(&answer, 3);
    word(&answer, 1);
    opaque(&answer, "content");
    struct session *session = session_new(&settings, TRANSPORT_TCP, 40000, 80);
    assert_non_null(session);
    session_stream(session, TO_SERVER, BYTES_OF("CONNECT a:2049 HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    session_stream(session, TO_CLIENT, BYTES_OF("HTTP/1.1 200 OK\r\n\r\n"), 0);
    session_stream(session, TO_SERVER, marked(&read), 0);
    session_stream(session, TO_CLIENT, marked(&answer), 0);
    assert_ptr_equal(session->txs->protocol, &http_protocol);
    assert_null(session->txs->files);
    assert_ptr_equal(session->last_tx->protocol, &nfs_protocol);
    assert_non_null(session->last_tx->files);
    assert_int_equal(session->last_tx->files->size, 7);
    session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_joined_on_streams_and_in_datagrams),
        cmocka_unit_test(compounds_are_walked),
        cmocka_unit_test(a_content_longer_than_what_is_waited_for_and_a_gap_in_it),
        cmocka_unit_test(a_file_in_a_tunnel_is_not_that_of_the_request_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
