/* SPDX-License-Identifier: Apache-2.0 */
/* Kills the spool's writer, the uplink and the centre with SIGKILL at random moments, under load, and then
 * counts: every event that reached the spool is in the event store exactly once, every alert in its group
 * exactly once.
 *
 *   torture-uplink [KILLS [SEED]]    20 kills unless said otherwise
 *
 * Everything is real: the sensor enrols with a code, events travel over mutual TLS on 127.0.0.1. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "center/center.h"
#include "center/enrolment.h"
#include "center/ingest.h"
#include "event/spool.h"
#include "sensor/enrol.h"
#include "sensor/uplink.h"
#include "sensor/uplink_http.h"
#include "web/api.h"

#define PATH_ROOM  256U
#define DRAIN_NS   (60 * NS_PER_S)  /* without any progress */
#define START_NS   (300 * NS_PER_S) /* a centre that lives is waited for */
#define BURST      200U             /* events between two flushes of the writer */
#define SIGNATURES 10U

enum actor { WRITER, UPLINK, CENTER, ACTORS };

struct torture {
    char root[64], state[PATH_ROOM], identity[PATH_ROOM], spool[PATH_ROOM], witness[PATH_ROOM],
        port_file[PATH_ROOM];
    uint16_t port; /* of the centre, the same after each start */
    pid_t pids[ACTORS];
    bool writer_done;
    uint64_t random;
};

static const char *const actor_names[ACTORS] = { "writer", "uplink", "centre" };

static __attribute__((noreturn)) void die(const char *what, const struct error *error)
{
    fprintf(stderr, "torture: %s: %s\n", what, error ? error->text : strerror(errno));
    exit(1);
}

static uint64_t roll(struct torture *t, uint64_t sides)
{
    t->random ^= t->random >> 12;
    t->random ^= t->random << 25;
    t->random ^= t->random >> 27;
    return (t->random * 0x2545F4914F6CDD1DULL >> 33) % sides;
}

static void pause_ms(uint64_t ms)
{
    struct timespec time = { (time_t)(ms / 1000), (long)(ms % 1000 * NS_PER_MS) };
    nanosleep(&time, NULL);
}

/* ---- the centre ---- */

static volatile sig_atomic_t stop_asked;

static void ask_stop(int signal)
{
    (void)signal;
    stop_asked = 1;
}

/* Writes the port for the parent, whole or not at all. */
static void tell_port(const struct torture *t, uint16_t port)
{
    char temporary[PATH_ROOM + 8], text[16];
    snprintf(temporary, sizeof temporary, "%s.new", t->port_file);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int size = snprintf(text, sizeof text, "%u\n", port);
    if (fd < 0 || write(fd, text, (size_t)size) != size || close(fd) != 0 ||
        rename(temporary, t->port_file) != 0)
        die("port file", NULL);
}

static struct center *open_center(const struct torture *t)
{
    struct error error = { "" };
    struct center_settings settings = { .state = t->state };
    struct center *center = center_open(&settings, &error);
    if (!center)
        die("centre", &error);
    return center;
}

static void run_center(const struct torture *t)
{
    struct error error = { "" };
    struct arena memory = arena_of(1 << 20);
    struct bytes chain = BYTES_NONE, key = BYTES_NONE;
    struct center *center = open_center(t);
    struct authority *authority = authority_open(t->state, clock_wall(), &error);
    struct ingest *ingest = authority ? ingest_open(center, &error) : NULL;
    if (!ingest || !authority_server(authority, "127.0.0.1", clock_wall(), &memory, &chain, &key, &error))
        die("centre", &error);
    center_attach(center, authority, ingest);
    struct web_settings settings = { .address = "127.0.0.1",
                                     .port = t->port,
                                     .certificate_pem = arena_string(&memory, chain),
                                     .key_pem = arena_string(&memory, key),
                                     .client_trust_pem = arena_string(&memory,
                                                                      authority_certificate(authority)) };
    struct web *web = web_start(center, &settings, &error);
    if (!web)
        die("centre", &error);
    tell_port(t, web_port(web));
    while (!stop_asked)
        pause_ms(20);
    web_stop(web);
    ingest_close(ingest);
    center_close(center);
    authority_close(authority);
    arena_done(&memory);
}

/* ---- the packet process ---- */

static enum event_priority put_line(struct text *line, uint64_t number)
{
    char stamp[40];
    struct text when = text_of(stamp, sizeof stamp);
    static const char *const types[] = { "flow", "dns", "alert", "http" };
    const char *type = types[number % COUNT_OF(types)];
    clock_text_eve(clock_wall(), &when);
    text_clear(line);
    text_add(line,
             "{\"timestamp\":\"%s\",\"event_type\":\"%s\",\"src_ip\":\"10.0.0.%u\",\"dest_ip\":\"192.0.2.1\","
             "\"n\":%" PRIu64,
             stamp, type, (unsigned)(number % 200), number);
    if (*type == 'a')
        text_add(line, ",\"alert\":{\"signature_id\":%u,\"gid\":1,\"signature\":\"Made up\",\"severity\":2}",
                 (unsigned)(1000000 + number % SIGNATURES));
    text_char(line, '}');
    return event_type_priority(event_type_of(bytes_of_string(type)));
}

/* Appends events; after each flush the witness file says what the spool must have. */
static void run_writer(const struct torture *t)
{
    struct error error = { "" };
    struct spool_settings settings = { .directory = t->spool,
                                       .bytes_max = 1ULL << 30,
                                       .segment_bytes = 256 << 10 };
    struct spool *spool = spool_open(&settings, &error);
    int witness = open(t->witness, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct text line = text_new(4096);
    if (!spool || witness < 0)
        die("writer", &error);
    while (!stop_asked) {
        uint64_t last = 0;
        for (unsigned i = 0; i < BURST; i++) {
            enum event_priority priority = put_line(&line, last + 1);
            last = spool_append(spool, priority, text_bytes(&line));
        }
        spool_flush(spool);
        uint64_t entry[2] = { spool_boot(spool), last };
        if (write(witness, entry, sizeof entry) != (ssize_t)sizeof entry)
            die("witness", NULL);
        pause_ms(10);
    }
    spool_close(spool);
    text_done(&line);
    close(witness);
}

static void run_uplink(const struct torture *t)
{
    struct error error = { "" };
    struct uplink_settings settings = {
        .directory = t->identity, .spool = t->spool, .batch_events = 500, .sandbox = true
    };
    if (!uplink_run(&settings, &error))
        die("uplink", &error);
}

/* ---- the play ---- */

static void start(struct torture *t, enum actor actor)
{
    pid_t parent = getpid(), pid;
    fflush(NULL);
    sigset_t early; /* a signal to stop may come before the child is ready for it */
    sigemptyset(&early);
    sigaddset(&early, SIGTERM);
    sigprocmask(SIG_BLOCK, &early, NULL);
    pid = fork();
    if (pid < 0)
        die("fork", NULL);
    if (pid > 0)
        sigprocmask(SIG_UNBLOCK, &early, NULL);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        signal(SIGTERM, ask_stop);
        if (actor != UPLINK) /* which waits for it itself */
            sigprocmask(SIG_UNBLOCK, &early, NULL);
        if (actor == CENTER)
            run_center(t);
        else if (actor == WRITER)
            run_writer(t);
        else
            run_uplink(t);
        _exit(0); /* the sandbox would keep a leak checker from its work */
    }
    t->pids[actor] = pid;
}

static void wait_for_port(struct torture *t)
{
    uint64_t deadline = clock_steady() + START_NS;
    unsigned port = 0;
    while (!port) {
        FILE *file = fopen(t->port_file, "re");
        if (file && fscanf(file, "%u", &port) != 1)
            port = 0;
        if (file)
            fclose(file);
        if (clock_steady() > deadline || waitpid(t->pids[CENTER], NULL, WNOHANG) != 0)
            die("the centre does not start", NULL);
        if (!port)
            pause_ms(20);
    }
    t->port = (uint16_t)port;
}

static void stop(struct torture *t, enum actor actor, int number)
{
    int status = 0;
    if (kill(t->pids[actor], number) != 0 || waitpid(t->pids[actor], &status, 0) != t->pids[actor])
        die("stop", NULL);
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (number == SIGKILL ? !killed : !clean) {
        fprintf(stderr, "torture: the %s ended by itself with status %d\n", actor_names[actor], status);
        exit(1);
    }
    t->pids[actor] = 0;
}

static void enrol(struct torture *t)
{
    struct error error = { "" };
    char code[ENROLMENT_CODE_MAX], url[64], name[64];
    struct center *center = open_center(t);
    struct authority *authority = authority_open(t->state, clock_wall(), &error);
    struct database *database = center_connection(center);
    if (!authority || !enrolment_code_for_name(database, authority, "sensor-01", clock_wall(), code, &error))
        die("code", &error);
    center_connection_return(center, database);
    authority_close(authority);
    center_close(center);
    start(t, CENTER);
    wait_for_port(t);
    snprintf(url, sizeof url, "https://127.0.0.1:%u", t->port);
    if (!enrol_run(url, code, t->identity, name, sizeof name, &error))
        die("enrol", &error);
    /* A code is good for one sensor only. */
    char other[PATH_ROOM];
    snprintf(other, sizeof other, "%s/other", t->root);
    if (enrol_run(url, code, other, name, sizeof name, &error))
        die("a used code was accepted", &error);
}

/* Lets the uplink finish what is in the spool. */
static void drain(struct torture *t)
{
    uint64_t least = UINT64_MAX, deadline = 0;
    for (unsigned wait = 500;; wait = MIN(wait * 2, 16000U)) {
        struct error error = { "" };
        struct spool_losses losses;
        struct spool_batch batch;
        pause_ms(500);
        stop(t, UPLINK, SIGTERM);
        struct spool_reader *reader = spool_reader_open(t->spool, &error);
        if (!reader || !spool_reader_next(reader, 1, 1, &batch, &error))
            die("spool", &error);
        uint64_t waiting;
        spool_reader_status(reader, &losses, &waiting);
        size_t left = batch.count;
        spool_reader_close(reader);
        for (size_t i = 0; i < EVENT_PRIORITY_COUNT; i++)
            if (losses.events[i])
                die("the spool lost events", NULL);
        if (!left)
            return;
        if (waiting < least) { /* a machine may be slow, but not stand still */
            least = waiting;
            deadline = clock_steady() + DRAIN_NS;
        }
        if (clock_steady() > deadline)
            die("the spool does not empty", NULL);
        start(t, UPLINK);
        pause_ms(wait);
    }
}

/* ---- the count ---- */

struct seen {
    uint64_t boot, sequence;
};

/* What the writer had flushed: boot to last sequence. */
static void read_witness(const struct torture *t, struct map *last)
{
    uint64_t entry[2];
    FILE *file = fopen(t->witness, "re");
    if (!file)
        die("witness", NULL);
    while (fread(entry, sizeof entry, 1, file) == 1) {
        uintptr_t *place = map_add(last, bytes_of(&entry[0], sizeof entry[0]), NULL);
        if (place)
            *place = (uintptr_t)entry[1];
    }
    fclose(file);
}

/* Reads the whole store; counts each event. Returns how many alerts there are. */
static uint64_t read_store(struct center *center, struct map *found, uint64_t *twice)
{
    struct event_query query = { .limit = EVENT_PAGE_MAX, .oldest_first = true };
    uint64_t alerts = 0;
    for (bool more = true; more;) {
        struct arena memory = arena_of(256 << 20);
        struct event_page page;
        struct error error = { "" };
        if (!events_scan(center_events(center), &query, &memory, &page, &error))
            die("scan", &error);
        for (size_t i = 0; i < page.count; i++) {
            struct seen key = { page.records[i].id.boot, page.records[i].id.sequence };
            bool added;
            if (!map_add(found, bytes_of(&key, sizeof key), &added))
                die("map", NULL);
            *twice += !added;
            alerts += page.records[i].type == EVENT_ALERT;
        }
        query.after = page.next;
        more = page.more;
        arena_done(&memory);
    }
    return alerts;
}

static int count_all(struct torture *t)
{
    struct map last = map_of(1, 0), found = map_of(2, 0);
    struct center *center = open_center(t);
    struct database *database = center_connection(center);
    uint64_t twice = 0, missing = 0, flushed = 0;
    read_witness(t, &last);
    uint64_t alerts = read_store(center, &found, &twice);
    uint64_t grouped = (uint64_t)database_number(database, "SELECT coalesce(sum(count), 0) FROM alert_group",
                                                 "");
    size_t position = 0;
    struct bytes key;
    uintptr_t *value;
    while (map_each(&last, &position, &key, &value)) {
        struct seen seen = { 0 };
        memcpy(&seen.boot, key.data, sizeof seen.boot);
        for (seen.sequence = 1; seen.sequence <= *value; seen.sequence++, flushed++)
            missing += map_find(&found, bytes_of(&seen, sizeof seen)) == NULL;
    }
    printf("events flushed %" PRIu64 ", stored %zu, missing %" PRIu64 ", twice %" PRIu64
           "; alerts stored %" PRIu64 ", grouped %" PRIu64 "\n",
           flushed, found.count, missing, twice, alerts, grouped);
    center_connection_return(center, database);
    center_close(center);
    bool good = flushed > 0 && missing == 0 && twice == 0 && alerts == grouped && alerts > 0;
    map_done(&last);
    map_done(&found);
    return good ? 0 : 1;
}

/* The centre answers to the certificate it gave in place of the earlier one. */
static void check_renewal(const struct torture *t)
{
    char url[64], authority[PATH_ROOM + 32], certificate[PATH_ROOM + 32], key[PATH_ROOM + 32];
    snprintf(url, sizeof url, "https://127.0.0.1:%u", t->port);
    snprintf(authority, sizeof authority, "%s/authority.pem", t->identity);
    snprintf(certificate, sizeof certificate, "%s/sensor.pem", t->identity);
    snprintf(key, sizeof key, "%s/sensor.key", t->identity);
    struct uplink_http_settings settings = {
        .url = url, .authority = authority, .certificate = certificate, .key = key, .stop_fd = -1
    };
    for (int i = 0; i < 2; i++) {
        struct error error = { "" };
        struct uplink_http *http = uplink_http_open(&settings, &error);
        if (!http || enrol_renewal_is_due(t->identity) || !enrol_renew(http, t->identity, &error))
            die("renewal", &error);
        uplink_http_close(http);
    }
}

/* After revocation the very next request is refused, so the spool keeps what comes. */
static void check_revocation(struct torture *t)
{
    struct error error = { "" };
    struct center *center = open_center(t);
    struct database *database = center_connection(center);
    int64_t sensor = database_number(database, "SELECT id FROM sensor WHERE name = 'sensor-01'", "");
    if (!enrolment_revoke(database, sensor, clock_wall(), &error))
        die("revoke", &error);
    center_connection_return(center, database);
    center_close(center);
    start(t, WRITER);
    pause_ms(300);
    stop(t, WRITER, SIGTERM);
    start(t, UPLINK);
    pause_ms(1000);
    stop(t, UPLINK, SIGTERM);
    struct spool_batch batch;
    struct spool_reader *reader = spool_reader_open(t->spool, &error);
    if (!reader || !spool_reader_next(reader, 1, 1, &batch, &error))
        die("spool", &error);
    bool kept = batch.count > 0;
    spool_reader_close(reader);
    if (!kept)
        die("a revoked sensor could still deliver", NULL);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static void prepare(struct torture *t)
{
    snprintf(t->root, sizeof t->root, "/tmp/vonglau-torture-XXXXXX");
    if (!mkdtemp(t->root))
        die("folder", NULL);
    snprintf(t->state, sizeof t->state, "%s/state", t->root);
    snprintf(t->identity, sizeof t->identity, "%s/identity", t->root);
    snprintf(t->spool, sizeof t->spool, "%s/spool", t->root);
    snprintf(t->witness, sizeof t->witness, "%s/witness", t->root);
    snprintf(t->port_file, sizeof t->port_file, "%s/port", t->root);
}

int main(int argc, char **argv)
{
    struct torture t = { 0 };
    uint64_t kills = 20, seed = clock_wall();
    if ((argc > 1 && !bytes_to_u64(bytes_of_string(argv[1]), &kills)) ||
        (argc > 2 && !bytes_to_u64(bytes_of_string(argv[2]), &seed))) {
        fprintf(stderr, "usage: torture-uplink [KILLS [SEED]]\n");
        return 2;
    }
    log_setup(LOG_LEVEL_ERROR, STDERR_FILENO);
    t.random = seed | 1;
    prepare(&t);
    printf("%" PRIu64 " kills, seed %" PRIu64 "\n", kills, seed);
    enrol(&t);
    start(&t, WRITER);
    start(&t, UPLINK);
    uint64_t counts[ACTORS] = { 0 };
    for (uint64_t i = 0; i < kills; i++) {
        enum actor actor = (enum actor)roll(&t, ACTORS);
        pause_ms(30 + roll(&t, 300));
        stop(&t, actor, SIGKILL);
        counts[actor]++;
        pause_ms(roll(&t, 50));
        start(&t, actor);
    }
    stop(&t, WRITER, SIGTERM);
    drain(&t);
    stop(&t, CENTER, SIGTERM);
    printf("killed: writer %" PRIu64 ", uplink %" PRIu64 ", centre %" PRIu64 "\n", counts[WRITER],
           counts[UPLINK], counts[CENTER]);
    int result = count_all(&t);
    start(&t, CENTER);
    pause_ms(500);
    check_renewal(&t);
    check_revocation(&t);
    stop(&t, CENTER, SIGTERM);
    nftw(t.root, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    return result;
}
