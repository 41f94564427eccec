/* SPDX-License-Identifier: Apache-2.0 */
/* What every driver of the event store must do; compared with a plain list of the same events. */
#include "support/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "store/event_bloom.h"
#include "store/event_match.h"
#include "store/event_names.h"
#include "store/events.h"

#define START   1728000000000000000ULL /* 2024-10-04T00:00:00Z: whole days since 1970, and past */
#define DAY     (86400 * NS_PER_S)
#define MINUTES (60 * NS_PER_S)

struct world {
    char folder[FOLDER_MAX];
    struct events *events;
    struct arena memory;
    struct event_record *all; /* every event stored, in the order of sequence */
    size_t count;
    uint64_t sequence;
};

static struct events *open_store(const char *folder, uint64_t bytes_max)
{
    struct error error = { "" };
    struct events_settings settings = { .directory = folder, .bytes_max = bytes_max, .no_sync = true };
    struct events *events = events_open(&events_sqlite, &settings, &error);
    if (!events)
        fail_msg("%s", error.text);
    return events;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    folder_make(w->folder);
    w->memory = arena_of(256 << 20);
    w->events = open_store(w->folder, 0);
    w->all = calloc(40000, sizeof *w->all);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    events_close(w->events);
    folder_remove(w->folder);
    arena_done(&w->memory);
    free(w->all);
    free(w);
    return 0;
}

static const char *const hosts[] = { "www.haiphong.gov.vn", "mail.example.vn", "cdn.example.com",
                                     "UPPER.Example.ORG", "x" };

/* One made-up event; `n` decides everything. */
static void make_event(struct world *w, unsigned n, uint64_t time)
{
    struct text line = text_new(4096);
    char stamp[64];
    struct text when = text_of(stamp, sizeof stamp);
    static const char *const types[] = { "flow", "dns", "tls", "http", "alert", "fileinfo", "anomaly" };
    const char *type = types[n % COUNT_OF(types)];
    clock_text_rfc3339(time, &when);
    json_open(&line, NULL, '{');
    json_cstring(&line, "timestamp", stamp);
    json_uint(&line, "flow_id", 100000 + n / 3);
    json_cstring(&line, "event_type", type);
    json_key(&line, "src_ip");
    text_add(&line, "\"10.%u.%u.%u\",", n % 4, n % 16, n % 200);
    json_uint(&line, "src_port", 1024 + n % 5000);
    json_key(&line, "dest_ip");
    if (n % 11 == 0)
        text_add(&line, "\"2001:0db8:0000:0000:0000:0000:0000:%04x\",", n % 300);
    else
        text_add(&line, "\"198.51.%u.%u\",", n % 7, n % 250);
    json_uint(&line, "dest_port", n % 3 ? 443 : 80);
    json_key(&line, "community_id");
    text_add(&line, "\"1:flow%u=\",", n / 3);
    if (!strcmp(type, "alert")) {
        json_open(&line, "alert", '{');
        json_uint(&line, "signature_id", 2000000 + n % 5);
        json_key(&line, "signature");
        text_add(&line, "\"Rule number %u\",", n % 5);
        json_uint(&line, "severity", 1 + n % 3);
        json_close(&line, '}');
    }
    if (!strcmp(type, "dns") || !strcmp(type, "tls") || !strcmp(type, "http")) {
        json_open(&line, type, '{');
        json_cstring(&line,
                     !strcmp(type, "dns")   ? "rrname"
                     : !strcmp(type, "tls") ? "sni"
                                            : "hostname",
                     hosts[n % COUNT_OF(hosts)]);
        json_uint(&line, "number", n % 97);
        json_close(&line, '}');
    }
    json_close(&line, '}');
    json_end(&line);
    struct bytes body = arena_copy(&w->memory, text_bytes(&line));
    struct event_record *r = &w->all[w->count++];
    assert_true(event_record_read(body, r, &w->memory));
    r->time = time;
    r->id = (struct event_id){ 1 + n % 2, 42, ++w->sequence };
    r->agency = n % 6;
    r->system = n % 9;
    text_done(&line);
}

/* Appends all[from..) as deliveries of `size` events each, per sensor. */
static size_t deliver(struct world *w, size_t from, size_t size)
{
    size_t total = 0;
    struct event_record *batch = calloc(size, sizeof *batch);
    for (uint32_t sensor = 1; sensor <= 2; sensor++) {
        size_t used = 0;
        for (size_t i = from; i <= w->count; i++) {
            if (i < w->count && w->all[i].id.sensor == sensor)
                batch[used++] = w->all[i];
            if (used == size || (i == w->count && used)) {
                struct error error = { "" };
                struct event_batch b = { sensor, 42, 1, batch, used };
                size_t added = 0;
                if (!events_append(w->events, &b, &added, &error))
                    fail_msg("%s", error.text);
                total += added;
                used = 0;
            }
        }
    }
    free(batch);
    return total;
}

/* Two and a half days, two sensors, times out of order within the batches. */
static void fill(struct world *w, size_t count, size_t batch)
{
    for (unsigned n = 0; n < count; n++) {
        uint64_t step = 216000 * NS_PER_S / count;
        make_event(w, n, (START + n * step + (n * 7919U % 100) * 20 * NS_PER_MS) / NS_PER_MS * NS_PER_MS);
    }
    assert_int_equal(deliver(w, 0, batch), count);
}

static struct event_view view_of(const struct event_record *r)
{
    return (struct event_view){ .id = r->id,
                                .time = r->time,
                                .type = r->type,
                                .agency = r->agency,
                                .system = r->system,
                                .signature = r->signature_id,
                                .severity = r->severity,
                                .source = &r->source,
                                .destination = &r->destination,
                                .source_port = r->source_port,
                                .destination_port = r->destination_port,
                                .record = r };
}

static int newest_first(const void *a, const void *b)
{
    const struct event_record *x = a, *y = b;
    struct event_cursor left = event_cursor_of(x), right = event_cursor_of(y);
    return event_cursor_compare(&right, &left);
}

/* What a filter must give, newest first. */
static size_t expected(struct world *w, const struct event_filter *filter, struct event_record *out)
{
    struct event_matcher matcher;
    struct error error;
    size_t count = 0;
    assert_true(matcher_init(&matcher, filter, &error));
    for (size_t i = 0; i < w->count; i++) {
        struct event_view view = view_of(&w->all[i]);
        if (matcher_match(&matcher, &view) == MATCH_YES)
            out[count++] = w->all[i];
    }
    qsort(out, count, sizeof *out, newest_first);
    return count;
}

/* Pages through the filter and compares with the list. */
static void check_filter(struct world *w, const struct event_filter *filter, size_t limit, bool oldest)
{
    struct event_record *want = calloc(w->count + 1, sizeof *want);
    size_t count = expected(w, filter, want), at = 0;
    struct event_query query = { .filter = *filter, .limit = limit, .oldest_first = oldest };
    for (;;) {
        struct arena memory = arena_of(64 << 20);
        struct event_page page;
        struct error error = { "" };
        if (!events_scan(w->events, &query, &memory, &page, &error))
            fail_msg("%s", error.text);
        assert_false(page.partial);
        for (size_t i = 0; i < page.count; i++, at++) {
            assert_true(at < count);
            const struct event_record *r = &want[oldest ? count - 1 - at : at];
            assert_int_equal(page.records[i].time, r->time);
            assert_int_equal(page.records[i].id.sequence, r->id.sequence);
            assert_int_equal(page.records[i].agency, r->agency);
            assert_int_equal(page.records[i].flow_id, r->flow_id);
            assert_true(bytes_equal(page.records[i].body, r->body));
        }
        query.after = page.next;
        bool more = page.more;
        arena_done(&memory);
        if (!more)
            break;
    }
    assert_int_equal(at, count);
    /* The count by a top agrees. */
    uint64_t counted;
    bool partial;
    struct error error = { "" };
    if (!events_count(w->events, filter, 0, &counted, &partial, &error))
        fail_msg("%s", error.text);
    assert_int_equal(counted, count);
    free(want);
}

static struct network net(const char *text)
{
    struct network network;
    assert_true(network_parse(bytes_of_string(text), &network));
    return network;
}

static void check_terms(struct world *w)
{
    struct event_term dns = { .kind = TERM_TYPE, .low = EVENT_DNS };
    struct event_term sensor_two = { .kind = TERM_SENSOR, .low = 2 };
    struct event_term both[] = { dns, sensor_two };
    struct event_term address = { .kind = TERM_ADDRESS, .network = net("198.51.3.52") };
    struct event_term source_net = { .kind = TERM_ADDRESS,
                                     .network = net("10.1.0.0/16"),
                                     .side = EVENT_SIDE_SOURCE };
    struct event_term either[] = { address, source_net };
    const struct event_term terms[] = {
        dns,
        address,
        source_net,
        { .kind = TERM_ADDRESS, .network = net("2001:db8::5") },
        { .kind = TERM_ADDRESS, .network = net("2001:db8::/64"), .side = EVENT_SIDE_DESTINATION },
        { .kind = TERM_ADDRESS, .network = net("10.0.0.0/8"), .side = EVENT_SIDE_DESTINATION },
        { .kind = TERM_ADDRESS, .network = net("203.0.113.9") },
        { .kind = TERM_PORT, .low = 80, .high = 80 },
        { .kind = TERM_PORT, .low = 1024, .high = 1100, .side = EVENT_SIDE_SOURCE },
        { .kind = TERM_AGENCY, .low = 3 },
        { .kind = TERM_SYSTEM, .low = 8 },
        { .kind = TERM_SIGNATURE, .low = 2000003, .high = 2000003 },
        { .kind = TERM_SEVERITY, .low = 1, .high = 2 },
        { .kind = TERM_FLOW, .low = 100077 },
        { .kind = TERM_COMMUNITY, .text = BYTES_OF("1:flow77=") },
        { .kind = TERM_HOST, .text = BYTES_OF("EXAMPLE") },
        { .kind = TERM_HOST, .text = BYTES_OF("x") },
        { .kind = TERM_HOST, .text = BYTES_OF("nowhere") },
        { .kind = TERM_HOST_IS, .text = BYTES_OF("upper.example.org") },
        { .kind = TERM_TEXT, .text = BYTES_OF("RULE NUMBER 3") },
        { .kind = TERM_MEMBER, .path = BYTES_OF("dns.rrname"), .text = BYTES_OF("*.EXAMPLE.*") },
        { .kind = TERM_MEMBER, .path = BYTES_OF("tls.number"), .low = 10, .high = 12 },
        { .kind = TERM_ALL, .items = both, .count = 2 },
        { .kind = TERM_ANY, .items = either, .count = 2 },
        { .kind = TERM_ANY },
        { .kind = TERM_NOT, .items = &address, .count = 1 },
        { .kind = TERM_NOT, .items = &dns, .count = 1 },
        { .kind = TERM_ID, .id = { 2, 42, 100 } },
    };
    for (size_t i = 0; i < COUNT_OF(terms); i++) {
        struct event_filter filter = { .term = &terms[i] };
        check_filter(w, &filter, 500, i % 2);
        filter.from = START + 30 * MINUTES;
        filter.to = START + DAY + 77 * MINUTES;
        check_filter(w, &filter, 73, (i + 1) % 2);
    }
}

static void every_filter_gives_what_a_plain_list_gives(void **state)
{
    struct world *w = *state;
    struct event_filter everything = { 0 };
    const uint32_t agencies[] = { 2, 4 };
    struct event_filter limited = { .limit_agencies = true, .agencies = agencies, .agency_count = 2 };
    struct event_filter none = { .limit_agencies = true };
    fill(w, 16000, 700); /* whole and open blocks in every file */
    check_filter(w, &everything, 5000, false);
    check_filter(w, &everything, 5000, true);
    check_filter(w, &limited, 400, false);
    check_filter(w, &none, 400, false);
    check_terms(w);
}

static void sealed_and_reopened_it_gives_the_same(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    fill(w, 9000, 131);
    struct event_filter everything = { 0 };
    assert_true(events_seal(w->events, &error));
    check_filter(w, &everything, 1000, false);
    events_close(w->events);
    w->events = open_store(w->folder, 0);
    check_filter(w, &everything, 1000, true);
    check_terms(w);
    /* And it goes on after sealing. */
    size_t before = w->count;
    for (unsigned n = 0; n < 100; n++)
        make_event(w, n, START + n * NS_PER_S);
    assert_int_equal(deliver(w, before, 10), 100);
    check_filter(w, &everything, 1000, false);
}

static void a_replayed_batch_adds_nothing(void **state)
{
    struct world *w = *state;
    struct event_filter everything = { 0 };
    fill(w, 3000, 100);
    assert_int_equal(deliver(w, 0, 100), 0);
    assert_int_equal(deliver(w, 0, 37), 0); /* cut otherwise */
    check_filter(w, &everything, 1000, false);
    struct event_statistics statistics;
    struct error error;
    assert_true(events_statistics(w->events, &statistics, &error));
    assert_int_equal(statistics.events, 3000);
    assert_int_equal(statistics.replayed, 6000);
    assert_int_equal(statistics.days, 3);
}

static void a_batch_out_of_sequence_is_refused(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    size_t added;
    make_event(w, 0, START);
    make_event(w, 2, START);
    w->all[1].id.sequence = w->all[0].id.sequence;
    struct event_batch batch = { 1, 42, 1, w->all, 2 };
    assert_false(events_append(w->events, &batch, &added, &error));
    assert_non_null(strstr(error.text, "sequence"));
    batch.sensor = 9;
    assert_false(events_append(w->events, &batch, &added, &error));
}

static void histograms_agree_with_counting(void **state)
{
    struct world *w = *state;
    fill(w, 20000, 900);
    struct event_term dns = { .kind = TERM_TYPE, .low = EVENT_DNS };
    struct event_term agency = { .kind = TERM_AGENCY, .low = 3 };
    struct event_term port = { .kind = TERM_PORT, .low = 80, .high = 80 };
    const struct event_term *terms[] = { NULL, &dns, &agency, &port };
    const uint64_t intervals[] = { 60 * MINUTES, 5 * MINUTES * 12 * 6, 90 * MINUTES, 1000 * NS_PER_S };
    const uint64_t starts[] = { START, START + 7 * MINUTES, START + 1234567 };
    for (size_t t = 0; t < COUNT_OF(terms); t++) {
        for (size_t s = 0; s < COUNT_OF(starts); s++) {
            struct event_filter filter = { .from = starts[s],
                                           .to = starts[s] + 2 * DAY + 17 * MINUTES + 5,
                                           .term = terms[t] };
            uint64_t interval = intervals[(t + s) % COUNT_OF(intervals)];
            struct event_histogram histogram;
            struct error error = { "" };
            if (!events_histogram(w->events, &filter, interval, 0, &w->memory, &histogram, &error))
                fail_msg("%s", error.text);
            struct event_record *want = calloc(w->count, sizeof *want);
            size_t count = expected(w, &filter, want);
            assert_int_equal(histogram.total, count);
            for (size_t i = 0; i < count; i++)
                histogram.counts[(want[i].time - histogram.start) / interval]--;
            for (size_t i = 0; i < histogram.count; i++)
                assert_int_equal(histogram.counts[i], 0);
            free(want);
        }
    }
    struct event_filter endless = { .from = START };
    struct event_histogram histogram;
    struct error error;
    assert_false(events_histogram(w->events, &endless, MINUTES, 0, &w->memory, &histogram, &error));
}

static uint64_t count_in_list(struct world *w, const struct event_filter *filter, enum event_group group,
                              const struct event_top_row *row)
{
    struct event_record *want = calloc(w->count, sizeof *want);
    size_t count = expected(w, filter, want);
    uint64_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct event_record *r = &want[i];
        char room[64];
        struct text text = text_of(room, sizeof room);
        if (group == GROUP_SOURCE)
            address_text_short(&r->source, &text);
        found += group == GROUP_TYPE               ? bytes_is(row->key, event_type_name(r->type))
                 : group == GROUP_AGENCY           ? r->agency == row->number
                 : group == GROUP_SIGNATURE        ? r->signature_id == row->number
                 : group == GROUP_DESTINATION_PORT ? r->destination_port == row->number
                 : group == GROUP_HOST             ? bytes_equal(r->host, row->key)
                                                   : bytes_equal(text_bytes(&text), row->key);
    }
    free(want);
    return found;
}

static void tops_agree_with_counting(void **state)
{
    struct world *w = *state;
    fill(w, 12000, 900);
    struct event_term dns = { .kind = TERM_TYPE, .low = EVENT_DNS };
    const struct event_term *terms[] = { NULL, &dns };
    const enum event_group groups[] = { GROUP_TYPE,   GROUP_AGENCY, GROUP_SIGNATURE, GROUP_DESTINATION_PORT,
                                        GROUP_SOURCE, GROUP_HOST };
    for (size_t t = 0; t < COUNT_OF(terms); t++) {
        for (size_t g = 0; g < COUNT_OF(groups); g++) {
            struct event_filter filter = { .from = START + 3 * 60 * MINUTES + 1,
                                           .to = START + 2 * DAY + 77,
                                           .term = terms[t] };
            struct event_top top;
            struct error error = { "" };
            if (!events_top(w->events, &filter, groups[g], BYTES_NONE, 20, 0, &w->memory, &top, &error))
                fail_msg("%s", error.text);
            assert_true(top.count > 0 || (groups[g] == GROUP_SIGNATURE && t == 1));
            for (size_t i = 0; i < top.count; i++) {
                assert_int_equal(top.rows[i].count, count_in_list(w, &filter, groups[g], &top.rows[i]));
                if (i)
                    assert_true(top.rows[i].count <= top.rows[i - 1].count);
                if (groups[g] == GROUP_SIGNATURE)
                    assert_true(bytes_starts(top.rows[i].label, BYTES_OF("Rule number ")));
            }
        }
    }
    struct event_filter filter = { 0 };
    struct event_top top;
    struct error error;
    assert_true(
        events_top(w->events, &filter, GROUP_MEMBER, BYTES_OF("dns.number"), 5, 0, &w->memory, &top, &error));
    assert_int_equal(top.count, 5);
}

static void a_page_cut_by_the_deadline_can_be_continued(void **state)
{
    struct world *w = *state;
    fill(w, 8000, 900);
    struct event_term term = { .kind = TERM_TEXT, .text = BYTES_OF("Rule number 4") };
    struct event_filter filter = { .term = &term };
    struct event_record *want = calloc(w->count, sizeof *want);
    size_t count = expected(w, &filter, want), at = 0;
    for (int oldest = 0; oldest < 2; oldest++) {
        struct event_query query = { .filter = filter, .limit = 50, .oldest_first = oldest };
        unsigned partial = 0;
        for (at = 0;;) {
            struct arena memory = arena_of(64 << 20);
            struct event_page page;
            struct error error = { "" };
            /* Every third page has no time at all, the others plenty. */
            query.deadline = partial % 3 == 0 ? 1 : 0;
            assert_true(events_scan(w->events, &query, &memory, &page, &error));
            partial++;
            for (size_t i = 0; i < page.count; i++, at++)
                assert_int_equal(page.records[i].id.sequence, want[oldest ? count - 1 - at : at].id.sequence);
            query.after = page.next;
            bool more = page.more;
            arena_done(&memory);
            if (!more)
                break;
            assert_true(partial < 1000);
        }
        assert_int_equal(at, count);
    }
    free(want);
}

struct copying {
    struct database *database;
};

static bool copy_name(void *context, uint32_t number, struct bytes name)
{
    struct copying *copying = context;
    return database_run(copying->database, "INSERT INTO host(id, name) VALUES(?, ?)", "ub", (uint64_t)number,
                        name);
}

/* Makes a file as the first form was: a row and an index entry for each name, and an index of their letters.
 */
static void to_first_form(const char *path)
{
    struct error error = { "" };
    struct copying copying = { database_open(path, false, &error) };
    ZSTD_DCtx *expander = ZSTD_createDCtx();
    static const char tables[] =
        "CREATE TABLE host(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
        "CREATE VIRTUAL TABLE host_text USING fts5(name, content='host', content_rowid='id', "
        "tokenize='trigram', detail='full');";
    assert_non_null(copying.database);
    assert_true(database_script(copying.database, tables, &error));
    assert_true(names_each(copying.database, expander, copy_name, &copying, &error));
    assert_true(database_script(copying.database, "DROP TABLE name_page; PRAGMA user_version=1", &error));
    ZSTD_freeDCtx(expander);
    database_close(copying.database);
}

static size_t found_by_host(struct world *w, const char *part)
{
    const struct event_term term = { .kind = TERM_HOST, .text = bytes_of_string(part) };
    const struct event_query query = { .filter = { .term = &term }, .limit = EVENT_PAGE_MAX };
    struct arena memory = arena_of(256 << 20);
    struct event_page page;
    struct error error = { "" };
    if (!events_scan(w->events, &query, &memory, &page, &error))
        fail_msg("%s", error.text);
    arena_done(&memory);
    return page.count;
}

static void a_file_of_the_first_form_is_read_and_goes_on(void **state)
{
    struct world *w = *state;
    char path[FOLDER_MAX + 64];
    fill(w, 3000, 900);
    size_t before = found_by_host(w, "example"), exact = found_by_host(w, "cdn.EXAMPLE.com");
    assert_true(before > exact && exact > 0);
    events_close(w->events);
    for (int day = 4; day <= 6; day++) {
        snprintf(path, sizeof path, "%s/2024-10-0%d.traffic.db", w->folder, day);
        to_first_form(path);
    }
    w->events = open_store(w->folder, 0);
    assert_int_equal(found_by_host(w, "example"), before);
    assert_int_equal(found_by_host(w, "cdn.EXAMPLE.com"), exact);
    for (unsigned n = 0; n < 70; n++)
        make_event(w, 3000 + n, START + 3600 * NS_PER_S + n * NS_PER_S);
    assert_int_equal(deliver(w, 3000, 50), 70);
    assert_int_equal(found_by_host(w, "cdn.EXAMPLE.com"), exact + 6);
    assert_true(found_by_host(w, "example") > before);
}

static uint64_t elapsed;

static uint64_t read_elapsed(void)
{
    return elapsed;
}

/* As if no file had been written since. */
static void make_old(const char *folder, time_t seconds)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    const struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
    assert_non_null(entries);
    while ((entry = readdir(entries)))
        if (entry->d_name[0] != '.')
            assert_int_equal(utimensat(dirfd(entries), entry->d_name, times, 0), 0);
    closedir(entries);
}

/* Traffic may be kept for 30 days; a clock that is wrong for an hour must not cost all of it. */
static void a_clock_set_forward_drops_nothing_before_it_is_believed(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    struct event_statistics before, after;
    const uint64_t later = START + 400 * DAY;
    fill(w, 3000, 900);
    assert_true(events_statistics(w->events, &before, &error));
    events_close(w->events);
    make_old(w->folder, (time_t)(START / NS_PER_S));
    struct events_settings settings = {
        .directory = w->folder, .traffic_days_max = 30, .no_sync = true, .elapsed = read_elapsed
    };
    w->events = events_open(&events_sqlite, &settings, &error);
    assert_non_null(w->events);
    elapsed = 0;
    for (int hour = 0; hour < 24; hour++, elapsed += 3600 * NS_PER_S) {
        assert_true(events_retain(w->events, later, &error));
        assert_true(events_statistics(w->events, &after, &error));
        assert_int_equal(after.events, before.events);
    }
    /* Set back meanwhile, the day begins anew; set right, nothing was lost. */
    assert_true(events_retain(w->events, START + 3 * DAY, &error));
    for (int hour = 0; hour < 24; hour++, elapsed += 3600 * NS_PER_S)
        assert_true(events_retain(w->events, later, &error));
    assert_true(events_statistics(w->events, &after, &error));
    assert_int_equal(after.events, before.events);
    elapsed += NS_PER_S;
    assert_true(events_retain(w->events, later, &error));
    assert_true(events_statistics(w->events, &after, &error));
    assert_int_equal(after.events, before.alerts); /* it is so late, and alerts have no such limit */
}

/* A sensor whose clock stands at an old date delivers events that are new. */
static void old_times_alone_do_not_drop_what_has_just_come(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    struct event_statistics before, after;
    fill(w, 3000, 900);
    make_event(w, 1, clock_wall() / NS_PER_MS * NS_PER_MS);
    assert_int_equal(deliver(w, 3000, 900), 1);
    events_close(w->events);
    struct events_settings settings = { .directory = w->folder, .traffic_days_max = 30, .no_sync = true };
    w->events = events_open(&events_sqlite, &settings, &error);
    assert_non_null(w->events);
    assert_true(events_statistics(w->events, &before, &error));
    assert_true(events_retain(w->events, clock_wall(), &error));
    assert_true(events_statistics(w->events, &after, &error));
    assert_int_equal(after.events, before.events);
    make_old(w->folder, (time_t)(START / NS_PER_S));
    assert_true(events_retain(w->events, clock_wall(), &error));
    assert_true(events_statistics(w->events, &after, &error));
    assert_int_equal(after.days, before.days); /* their alerts */
    assert_int_equal(after.events, before.alerts + 1);
}

static void retention_drops_traffic_first_and_never_the_newest_day(void **state)
{
    struct world *w = *state;
    struct error error = { "" };
    struct event_statistics before, after;
    fill(w, 12000, 900);
    events_close(w->events);
    w->events = open_store(w->folder, 0);
    assert_true(events_statistics(w->events, &before, &error));
    events_close(w->events);
    w->events = open_store(w->folder, before.bytes - 1);
    assert_true(events_retain(w->events, START + 3 * DAY, &error));
    assert_true(events_statistics(w->events, &after, &error));
    assert_true(after.events < before.events);
    assert_int_equal(after.alerts, before.alerts); /* alerts outlive the rest */
    assert_int_equal(after.newest, before.newest);
    events_close(w->events);
    w->events = open_store(w->folder, 1);
    assert_true(events_retain(w->events, START + 3 * DAY, &error));
    assert_true(events_statistics(w->events, &after, &error));
    assert_int_equal(after.days, 1);
    assert_int_equal(after.newest, before.newest);
    /* Intake goes on. */
    size_t first = w->count;
    make_event(w, 1, START);
    assert_int_equal(deliver(w, first, 1), 1);
    assert_true(events_drop_before(w->events, START + DAY, true, &error));
    assert_true(events_statistics(w->events, &after, &error));
    assert_int_equal(after.days, 1);
}

static void an_event_from_the_future_is_stored_under_its_receipt(void **state)
{
    struct world *w = *state;
    struct error error;
    struct event_statistics statistics;
    make_event(w, 1, clock_wall() + 400 * DAY);
    assert_int_equal(deliver(w, 0, 1), 1);
    assert_true(events_statistics(w->events, &statistics, &error));
    assert_true(statistics.newest <= clock_wall());
}

static void no_event_is_half_stored_when_the_disk_refuses(void **state)
{
    struct world *w = *state;
    fill(w, 2000, 400);
    events_close(w->events);
    w->events = NULL;
    fflush(NULL);
    for (rlim_t limit = 4096; limit <= 65536; limit *= 4) {
        pid_t child = fork();
        if (child == 0) {
            signal(SIGXFSZ, SIG_IGN);
            struct rlimit files = { limit, limit };
            struct error error;
            struct events_settings settings = { .directory = w->folder, .no_sync = true };
            struct events *events = events_open(&events_sqlite, &settings, &error);
            if (!events || setrlimit(RLIMIT_FSIZE, &files) != 0)
                _exit(2);
            size_t first = w->count, added;
            for (unsigned n = 0; n < 5000; n++)
                make_event(w, 2 * n + 1, START + n * NS_PER_S);
            struct event_batch batch = { 2, 42, 1, w->all + first, 5000 };
            _exit(events_append(events, &batch, &added, &error) ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    }
    w->events = open_store(w->folder, 0);
    struct event_filter everything = { 0 };
    check_filter(w, &everything, 1000, false);
    /* The same batch goes in once there is room. */
    size_t first = w->count;
    for (unsigned n = 0; n < 5000; n++)
        make_event(w, 2 * n + 1, START + n * NS_PER_S);
    assert_int_equal(deliver(w, first, 5000), 5000);
    check_filter(w, &everything, 1000, false);
}

static void a_bad_condition_is_an_error(void **state)
{
    struct world *w = *state;
    struct event_term deep[EVENT_TERM_DEPTH_MAX + 3];
    struct error error = { "" };
    struct event_page page;
    for (size_t i = 0; i < COUNT_OF(deep); i++)
        deep[i] =
            (struct event_term){ .kind = TERM_ALL, .items = &deep[i + 1], .count = i + 1 < COUNT_OF(deep) };
    struct event_query query = { .filter = { .term = deep }, .limit = 10 };
    assert_false(events_scan(w->events, &query, &w->memory, &page, &error));
    struct event_term hosts_many[MATCH_HOST_TERMS_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(hosts_many); i++)
        hosts_many[i] = (struct event_term){ .kind = TERM_HOST, .text = BYTES_OF("a") };
    struct event_term any = { .kind = TERM_ANY, .items = hosts_many, .count = COUNT_OF(hosts_many) };
    query.filter.term = &any;
    assert_false(events_scan(w->events, &query, &w->memory, &page, &error));
    query.limit = 0;
    assert_false(events_scan(w->events, &query, &w->memory, &page, &error));
    struct events_settings nowhere = { .directory = "/proc/no/such" };
    assert_null(events_open(&events_sqlite, &nowhere, &error));
}

static void cursors_read_back_and_nonsense_does_not(void **state)
{
    (void)state;
    const struct event_cursor cursors[] = { { 0 },
                                            { UINT64_MAX, { UINT32_MAX, UINT64_MAX, UINT64_MAX } },
                                            { START, { 7, 99, 12345 } } };
    static const char *const bad[] = { "",       "1",       "1-2-3",           "1-2-3-4-5",
                                       "1--3-4", "g-1-1-1", "1-100000000-1-1", "11111111111111111-1-1-1" };
    for (size_t i = 0; i < COUNT_OF(cursors); i++) {
        char room[128];
        struct text text = text_of(room, sizeof room);
        struct event_cursor back;
        event_cursor_text(&cursors[i], &text);
        assert_true(event_cursor_parse(text_bytes(&text), &back));
        assert_int_equal(event_cursor_compare(&back, &cursors[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct event_cursor back;
        assert_false(event_cursor_parse(bytes_of_string(bad[i]), &back));
    }
}

static void bloom_filters_never_deny_and_seldom_lie(void **state)
{
    (void)state;
    size_t size = bloom_size(4096, 10), lies = 0;
    uint8_t *bits = calloc(size, 1);
    for (uint64_t i = 0; i < 4096; i++)
        bloom_add(bits, size, bloom_hash_number(1, i));
    for (uint64_t i = 0; i < 4096; i++)
        assert_true(bloom_has(bytes_of(bits, size), bloom_hash_number(1, i)));
    for (uint64_t i = 4096; i < 104096; i++)
        lies += bloom_has(bytes_of(bits, size), bloom_hash_number(1, i));
    assert_true(lies < 3000); /* under 3 % */
    assert_true(bloom_has(BYTES_NONE, 1));
    free(bits);
}

static void patterns_match_with_stars(void **state)
{
    (void)state;
    assert_true(match_pattern(BYTES_OF("www.Example.vn"), BYTES_OF("*.example.*")));
    assert_true(match_pattern(BYTES_OF("abc"), BYTES_OF("***")));
    assert_true(match_pattern(BYTES_OF(""), BYTES_OF("*")));
    assert_false(match_pattern(BYTES_OF("abc"), BYTES_OF("ab")));
    assert_true(match_pattern(BYTES_OF("aXbXc"), BYTES_OF("a*x*c")));
    assert_false(match_pattern(BYTES_OF("aXbXd"), BYTES_OF("a*x*c")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_filter_gives_what_a_plain_list_gives, setup, teardown),
        cmocka_unit_test_setup_teardown(sealed_and_reopened_it_gives_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replayed_batch_adds_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_out_of_sequence_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(histograms_agree_with_counting, setup, teardown),
        cmocka_unit_test_setup_teardown(tops_agree_with_counting, setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_cut_by_the_deadline_can_be_continued, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_of_the_first_form_is_read_and_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_set_forward_drops_nothing_before_it_is_believed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(old_times_alone_do_not_drop_what_has_just_come, setup, teardown),
        cmocka_unit_test_setup_teardown(retention_drops_traffic_first_and_never_the_newest_day, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_event_from_the_future_is_stored_under_its_receipt, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(no_event_is_half_stored_when_the_disk_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_condition_is_an_error, setup, teardown),
        cmocka_unit_test(cursors_read_back_and_nonsense_does_not),
        cmocka_unit_test(bloom_filters_never_deny_and_seldom_lie),
        cmocka_unit_test(patterns_match_with_stars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
