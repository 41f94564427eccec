/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the event store: events per CPU second, bytes per event, latency of five queries.
 *
 *   bench-store [EVENTS [DIRECTORY]]     10,000,000 events in a temporary directory unless said otherwise
 *
 * The events are made up but shaped like a province's: 100 sensors, 20 agencies, flows, DNS, TLS, HTTP and a
 * few alerts over seven days, in deliveries of 1,000, written durably. CPU time is the process's own, user
 * and system, without the making of the events. */
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/events.h"

#define DAYS      7U
#define DAY       (86400 * NS_PER_S)
#define BATCH     1000U
#define SENSORS   100U
#define AGENCIES  20U
#define START     (20500 * DAY)
#define LINE_ROOM 1024U

struct maker {
    uint64_t state; /* of the generator */
    char *lines;    /* BATCH of LINE_ROOM */
    struct event_record records[BATCH];
    uint64_t sequences[SENSORS];
};

/* xorshift64*: repeatable, good enough for made-up traffic. */
static uint32_t roll(struct maker *m, uint32_t sides)
{
    m->state ^= m->state >> 12;
    m->state ^= m->state << 25;
    m->state ^= m->state >> 27;
    return (uint32_t)((m->state * 0x2545F4914F6CDD1DULL) >> 33) % sides;
}

/* Small numbers are far more frequent than large ones, as hosts and servers are. */
static uint32_t skewed(struct maker *m, uint32_t sides)
{
    uint32_t first = roll(m, sides) + 1;
    return roll(m, first);
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) / 1e6;
}

static void put_head(struct text *line, const char *type, uint64_t time, const char *source, uint32_t port,
                     const char *destination, uint32_t to_port, uint64_t flow, uint64_t community)
{
    char stamp[40];
    struct text when = text_of(stamp, sizeof stamp);
    clock_text_eve(time, &when);
    text_add(line,
             "{\"timestamp\":\"%s\",\"flow_id\":%" PRIu64
             ",\"in_iface\":\"eth1\",\"event_type\":\"%s\",\"src_ip\":\"%s\","
             "\"src_port\":%u,\"dest_ip\":\"%s\",\"dest_port\":%u,\"proto\":\"%s\",\"community_id\":\"1:%"
             "016" PRIx64 "abcdefghijk=\"",
             stamp, flow, type, source, port, destination, to_port, to_port == 53 ? "UDP" : "TCP", community);
}

static const char *put_event(struct maker *m, struct text *line, uint64_t time, uint32_t agency)
{
    char source[24], destination[24];
    uint32_t kind = roll(m, 100), port = 1024 + roll(m, 60000), name = skewed(m, 50000);
    uint64_t flow = (uint64_t)roll(m, 1U << 31) << 20 | roll(m, 1U << 20);
    uint64_t community = flow * 0x9E3779B97F4A7C15ULL;
    const char *type = kind < 45   ? "flow"
                       : kind < 72 ? "dns"
                       : kind < 87 ? "tls"
                       : kind < 98 ? "http"
                                   : "alert";
    uint32_t to_port = *type == 'd' ? 53 : *type == 'h' ? 80 : 443;
    snprintf(source, sizeof source, "10.%u.%u.%u", agency, roll(m, 4), 1 + skewed(m, 250));
    snprintf(destination, sizeof destination, "%u.%u.%u.%u", 23 + name % 180, name % 251, name / 251 % 256,
             1 + name % 250);
    put_head(line, type, time, source, port, destination, to_port, flow, community);
    if (*type == 'f') {
        uint32_t packets = 1 + skewed(m, 400);
        text_add(
            line,
            ",\"app_proto\":\"%s\",\"flow\":{\"pkts_toserver\":%u,\"pkts_toclient\":%u,\"bytes_toserver\":%u,"
            "\"bytes_toclient\":%u,\"start\":\"2026-02-16T00:00:00.000000+0000\",\"age\":%u,\"state\":"
            "\"closed\","
            "\"reason\":\"timeout\",\"alerted\":false}",
            to_port == 443 ? "tls" : "http", packets, packets + 2, packets * 90, packets * 900 + roll(m, 999),
            roll(m, 300));
    } else if (*type == 'd') {
        text_add(line,
                 ",\"dns\":{\"version\":3,\"type\":\"response\",\"tx_id\":0,\"id\":%u,\"rcode\":\"NOERROR\","
                 "\"queries\":[{"
                 "\"rrname\":\"host%u.site%u.example.vn\",\"rrtype\":\"A\"}],\"grouped\":{\"A\":[\"%s\"]}}",
                 roll(m, 65536), name % 7, name, destination);
    } else if (*type == 't') {
        text_add(line,
                 ",\"tls\":{\"sni\":\"www.site%u.example.vn\",\"version\":\"TLS "
                 "1.3\",\"ja3\":{\"hash\":\"%016" PRIx64 "%016" PRIx64
                 "\"},\"ja4\":\"t13d1516h2_8daaf6152771_b0da82dd1658\"}",
                 name, (uint64_t)(skewed(m, 200) * 0x9E3779B97F4A7C15ULL), (uint64_t)7);
    } else if (*type == 'h') {
        text_add(
            line,
            ",\"http\":{\"hostname\":\"www.site%u.example.vn\",\"url\":\"/path/%u/"
            "index.html\",\"http_user_agent\":"
            "\"Mozilla/5.0 (X11; Linux x86_64)\",\"http_content_type\":\"text/html\",\"http_method\":\"GET\","
            "\"protocol\":\"HTTP/1.1\",\"status\":200,\"length\":%u}",
            name, roll(m, 5000), roll(m, 90000));
    } else {
        uint32_t rule = skewed(m, 300);
        text_add(line,
                 ",\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":%u,\"rev\":3,\"signature\":"
                 "\"ET MADE UP rule "
                 "number %u\",\"category\":\"Potentially Bad "
                 "Traffic\",\"severity\":%u},\"app_proto\":\"http\",\"payload_"
                 "printable\":\"GET /%u HTTP/1.1\"}",
                 2000000 + rule, rule, 1 + rule % 3, roll(m, 100000));
        return type;
    }
    text_char(line, '}');
    return type;
}

static size_t make_batch(struct maker *m, uint64_t number, uint64_t total, uint32_t *sensor,
                         struct arena *memory)
{
    uint64_t left = total - number, count = MIN(left, (uint64_t)BATCH);
    *sensor = roll(m, SENSORS);
    arena_reset(memory);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t time = START + (number + i) * (DAYS * DAY / total) + roll(m, 1000) * NS_PER_MS;
        struct text line = text_of(m->lines + i * LINE_ROOM, LINE_ROOM);
        put_event(m, &line, time, *sensor % AGENCIES);
        struct event_record *r = &m->records[i];
        if (line.full || !event_record_read(text_bytes(&line), r, memory))
            abort();
        r->id = (struct event_id){ *sensor + 1, 1, ++m->sequences[*sensor] };
        r->agency = *sensor % AGENCIES + 1;
        r->system = *sensor + 1;
    }
    return (size_t)count;
}

static bool fill(struct events *events, uint64_t total, struct error *error)
{
    struct maker *m = calloc(1, sizeof *m);
    struct arena memory = arena_of(64 << 20);
    double spent = 0;
    bool ok = m != NULL;
    if (ok) {
        m->state = 88172645463325252ULL;
        m->lines = malloc(BATCH * LINE_ROOM);
        ok = m->lines != NULL;
    }
    uint64_t wall = clock_steady(), bodies = 0;
    for (uint64_t done = 0; ok && done < total;) {
        uint32_t sensor;
        size_t added, count = make_batch(m, done, total, &sensor, &memory);
        struct event_batch batch = { sensor + 1, 1, 1, m->records, count };
        for (size_t i = 0; i < count; i++)
            bodies += m->records[i].body.size;
        double before = cpu_seconds();
        ok = events_append(events, &batch, &added, error);
        spent += cpu_seconds() - before;
        done += count;
    }
    double before = cpu_seconds();
    ok = ok && events_seal(events, error);
    spent += cpu_seconds() - before;
    if (ok) {
        printf("events                     %12" PRIu64 "  of %.0f octets on average\n", total,
               (double)bodies / (double)total);
        printf("events per CPU second      %12.0f\n", (double)total / spent);
        printf("elapsed, making included   %12.1f s\n", (double)(clock_steady() - wall) / 1e9);
    }
    if (m)
        free(m->lines);
    free(m);
    arena_done(&memory);
    return ok;
}

/* Median of five runs. */
typedef bool (*query_fn)(struct events *events, size_t *rows, struct error *error);

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool measure(struct events *events, const char *name, query_fn query, struct error *error)
{
    uint64_t times[5];
    size_t rows = 0;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        uint64_t before = clock_steady();
        if (!query(events, &rows, error))
            return false;
        times[i] = clock_steady() - before;
    }
    uint64_t first = times[0];
    qsort(times, COUNT_OF(times), sizeof *times, by_value);
    printf("%-42s %8.1f ms (first %.1f), %zu rows\n", name, (double)times[2] / 1e6, (double)first / 1e6,
           rows);
    return true;
}

static bool page(struct events *events, const struct event_term *term, uint64_t days, size_t *rows,
                 struct error *error)
{
    struct arena memory = arena_of(256 << 20);
    struct event_query query = {
        .filter = { .from = START + (DAYS - days) * DAY, .to = START + DAYS * DAY, .term = term },
        .limit = 200
    };
    struct event_page found;
    bool ok = events_scan(events, &query, &memory, &found, error);
    *rows = ok ? found.count : 0;
    arena_done(&memory);
    return ok;
}

static bool last_day_of_an_address(struct events *events, size_t *rows, struct error *error)
{
    struct event_term term = { .kind = TERM_ADDRESS };
    return network_parse(BYTES_OF("10.7.2.170"), &term.network) && page(events, &term, 1, rows, error);
}

static bool top_signatures(struct events *events, size_t *rows, struct error *error)
{
    struct arena memory = arena_of(16 << 20);
    struct event_filter filter = { .from = START, .to = START + DAYS * DAY };
    struct event_top top;
    bool ok = events_top(events, &filter, GROUP_SIGNATURE, BYTES_NONE, 20, 0, &memory, &top, error);
    *rows = ok ? top.count : 0;
    arena_done(&memory);
    return ok;
}

static bool part_of_a_host(struct events *events, size_t *rows, struct error *error)
{
    struct event_term term = { .kind = TERM_HOST, .text = BYTES_OF("site4999.exam") };
    return page(events, &term, DAYS, rows, error);
}

static bool histogram(struct events *events, size_t *rows, struct error *error)
{
    struct arena memory = arena_of(16 << 20);
    struct event_filter filter = { .from = START, .to = START + DAYS * DAY };
    struct event_histogram found;
    bool ok = events_histogram(events, &filter, 3600 * NS_PER_S, 0, &memory, &found, error);
    *rows = ok ? found.count : 0;
    arena_done(&memory);
    return ok;
}

static bool page_of_an_agency(struct events *events, size_t *rows, struct error *error)
{
    struct event_term term = { .kind = TERM_AGENCY, .low = 13 };
    return page(events, &term, DAYS, rows, error);
}

static bool run(struct events *events, uint64_t total, struct error *error)
{
    struct event_statistics statistics;
    if (!fill(events, total, error) || !events_statistics(events, &statistics, error))
        return false;
    printf("octets per event on disk   %12.1f\n", (double)statistics.bytes / (double)total);
    bool ok = measure(events, "an address, last 24 h, newest 200", last_day_of_an_address, error) &&
              measure(events, "most frequent signatures, 7 days", top_signatures, error) &&
              measure(events, "part of a host name, 7 days, newest 200", part_of_a_host, error) &&
              measure(events, "histogram by hour, 7 days", histogram, error) &&
              measure(events, "an agency, 7 days, newest 200", page_of_an_agency, error);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("peak memory                %12.1f MB\n", (double)usage.ru_maxrss / 1024);
    return ok;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/vonglau-bench-XXXXXX";
    uint64_t total = 10000000;
    struct error error = { "" };
    if (argc > 1 && (!bytes_to_u64(bytes_of_string(argv[1]), &total) || total == 0)) {
        fprintf(stderr, "usage: bench-store [EVENTS [DIRECTORY]]\n");
        return 2;
    }
    const char *where = argc > 2 ? argv[2] : mkdtemp(directory);
    struct events_settings settings = { .directory = where };
    struct events *events = where ? events_open(&events_sqlite, &settings, &error) : NULL;
    bool ok = events && run(events, total, &error);
    events_close(events);
    if (argc <= 2 && where)
        nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (!ok)
        fprintf(stderr, "bench-store: %s\n", error.text);
    return ok ? 0 : 1;
}
