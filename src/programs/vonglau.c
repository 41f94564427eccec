/* SPDX-License-Identifier: Apache-2.0 */
/* vonglau: the centre and its tools, one command with verbs. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "center/anchor.h"
#include "center/audit.h"
#include "center/enrolment.h"
#include "center/sensors.h"
#include "programs/serve.h"

#define STATUS_RUNTIME 1
#define STATUS_USAGE   2
#define PORT_DEFAULT   8443

static const char help[] =
    "usage: vonglau VERB [OPTION...]\n"
    "\n"
    "  up                     the centre, and a sensor on this machine's default interface\n"
    "  center                 the centre alone\n"
    "  demo                   the centre with a sample province and recorded attacks\n"
    "  open FILE              shows a capture or an eve.json in the browser; leaves nothing behind\n"
    "  admin create-user NAME ROLE [DISPLAY NAME]\n"
    "  admin reset-password NAME\n"
    "  admin enrol NAME       one-time code for a sensor\n"
    "  admin revoke NAME      refuses a sensor from now on\n"
    "  admin verify-audit [ROWS HASH]\n"
    "                         checks the audit log's chain and end; also against a line noted elsewhere\n"
    "  admin backup DIR       copies registry, evidence and keys while the centre runs, and verifies the "
    "copy\n"
    "  admin restore DIR      puts a copy back; the centre must be stopped\n"
    "  sensor ...             same as vonglau-sensor ...\n"
    "  --version, --help\n"
    "\n"
    "  --state DIR            where the centre keeps its data\n"
    "                         (default: /var/lib/vonglau as root, else ~/.local/share/vonglau)\n"
    "  --listen ADDRESS:PORT  default 127.0.0.1:8443; [::]:8443 for all addresses\n"
    "  --host NAME            name or address of this centre for its certificate\n"
    "  --interface NAME       up: the interface to watch (default: that of the default route)\n"
    "  --rules FILE           demo, open, up: rules to use\n"
    "  --captures DIR         demo: folder of recordings to replay\n";

struct arguments {
    const char *state, *interface, *rules, *captures, *host;
    char address[64];
    uint16_t port;
    const char *words[8];
    size_t word_count;
    char state_buffer[2048];
};

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "vonglau: %s%s%s\n%s", what, value ? " " : "", value ? value : "", help);
    return STATUS_USAGE;
}

static int failed(const struct error *error)
{
    fprintf(stderr, "vonglau: %s\n", error->text);
    return STATUS_RUNTIME;
}

static bool read_listen(struct arguments *a, const char *value)
{
    struct bytes text = bytes_of_string(value);
    const char *colon = strrchr(value, ':');
    uint64_t port;
    struct address address;
    if (!colon || !bytes_to_u64(bytes_of_string(colon + 1), &port) || port > UINT16_MAX)
        return false;
    text = bytes_first(text, (size_t)(colon - value));
    if (text.size > 2 && text.data[0] == '[')
        text = bytes_of(text.data + 1, text.size - 2);
    if (!address_parse(text, &address) || text.size >= sizeof a->address)
        return false;
    snprintf(a->address, sizeof a->address, "%.*s", (int)text.size, (const char *)text.data);
    a->port = (uint16_t)port;
    return true;
}

static void default_state(struct arguments *a)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (geteuid() == 0)
        snprintf(a->state_buffer, sizeof a->state_buffer, "/var/lib/vonglau");
    else if (data && data[0] == '/')
        snprintf(a->state_buffer, sizeof a->state_buffer, "%s/vonglau", data);
    else
        snprintf(a->state_buffer, sizeof a->state_buffer, "%s/.local/share/vonglau", home ? home : ".");
    a->state = a->state_buffer;
}

static bool read_arguments(int argc, char **argv, struct arguments *a)
{
    *a = (struct arguments){ .port = PORT_DEFAULT };
    snprintf(a->address, sizeof a->address, "127.0.0.1");
    default_state(a);
    struct {
        const char *name, **value;
    } options[] = { { "--state", &a->state },
                    { "--interface", &a->interface },
                    { "--rules", &a->rules },
                    { "--captures", &a->captures },
                    { "--host", &a->host } };
    for (int i = 2; i < argc; i++) {
        bool known = false;
        for (size_t j = 0; j < COUNT_OF(options) && !known; j++) {
            if (strcmp(argv[i], options[j].name) == 0 && i + 1 < argc) {
                *options[j].value = argv[++i];
                known = true;
            }
        }
        if (known)
            continue;
        if (strcmp(argv[i], "--listen") == 0 && i + 1 < argc) {
            if (!read_listen(a, argv[++i]))
                return false;
        } else if (argv[i][0] == '-' || a->word_count == COUNT_OF(a->words)) {
            return false;
        } else {
            a->words[a->word_count++] = argv[i];
        }
    }
    return true;
}

/* ---- other programs ---- */

/* The sensor's program: beside this one, else on the path. */
static void sensor_program(char *out, size_t size)
{
    char self[2048];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[MAX(length, 0)] = '\0';
    char *slash = strrchr(self, '/');
    if (slash) {
        *slash = '\0';
        snprintf(out, size, "%s/vonglau-sensor", self);
        if (access(out, X_OK) == 0)
            return;
    }
    snprintf(out, size, "vonglau-sensor");
}

/* A file of the project: in the folder $VONGLAU_SHARE names (a build outside the project's tree), beside the
 * binaries (build tree), else where it is installed. */
static bool shared_path(const char *name, char *out, size_t size)
{
    const char *share = getenv("VONGLAU_SHARE");
    if (share && share[0] == '/') {
        snprintf(out, size, "%s/%s", share, name);
        if (access(out, R_OK) == 0)
            return true;
    }
    static const char *const places[] = { "/..", "/../..", "/../../..", "/../share/vonglau", "/../../../.." };
    char self[2048];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[MAX(length, 0)] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash)
        return false;
    *slash = '\0';
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        snprintf(out, size, "%s%s/%s", self, places[i], name);
        if (access(out, R_OK) == 0)
            return true;
    }
    return false;
}

/* exec takes words that it does not change but declares them changeable. */
static char *word(const char *text)
{
    return (char *)(uintptr_t)text;
}

static pid_t spawn(char *const argv[], const char *log_path)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (log_path) {
        int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd >= 0) {
            dup2(fd, STDOUT_FILENO);
            dup2(fd, STDERR_FILENO);
        }
    }
    execvp(argv[0], argv);
    fprintf(stderr, "vonglau: cannot start %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* What the program said last, to our standard error: its log may not outlive us. */
static void show_log(const char *path)
{
    char tail[2000];
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fseek(file, -(long)sizeof tail, SEEK_END) != 0)
        rewind(file);
    size_t size = fread(tail, 1, sizeof tail, file);
    fwrite(tail, 1, size, stderr);
    fclose(file);
}

static bool spawn_and_wait(char *const argv[], const char *log_path, struct error *error)
{
    int status = 0;
    pid_t child = spawn(argv, log_path);
    if (child < 0)
        return error_system(error, "cannot start %s", argv[0]);
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return error_system(error, "waiting for %s", argv[0]);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (log_path)
        show_log(log_path);
    return error_set(error, "%s failed (status %d)%s%s", argv[0],
                     WIFEXITED(status) ? WEXITSTATUS(status) : -1, log_path ? "; see " : "",
                     log_path ? log_path : "");
}

/* What every sensor started from here is told: our settings and the tables that stand beside them. */
struct sensor_words {
    char settings[2600], classes[2700], references[2700], rules[2600];
    char *argv[24];
    size_t count;
};

static void say_word(struct sensor_words *w, const char *text)
{
    assert(w->count + 1 < COUNT_OF(w->argv));
    w->argv[w->count++] = word(text);
    w->argv[w->count] = NULL;
}

static void say_setting(struct sensor_words *w, const char *name, const char *file, char *buffer, size_t size)
{
    char path[2600];
    if (!shared_path(file, path, sizeof path))
        return;
    snprintf(buffer, size, "%s=%s", name, path);
    say_word(w, "--set");
    say_word(w, buffer);
}

/* `rules` NULL: those shipped. */
static void say_settings(struct sensor_words *w, const char *rules)
{
    if (shared_path("rules/sensor.yaml", w->settings, sizeof w->settings)) {
        say_word(w, "-c");
        say_word(w, w->settings);
    }
    say_setting(w, "classification-file", "rules/classification.config", w->classes, sizeof w->classes);
    say_setting(w, "reference-config-file", "rules/reference.config", w->references, sizeof w->references);
    say_word(w, "--behavior");
    if (rules)
        snprintf(w->rules, sizeof w->rules, "%s", rules);
    if (rules || shared_path("rules/vonglau.rules", w->rules, sizeof w->rules)) {
        say_word(w, "-S");
        say_word(w, w->rules);
    }
}

/* ---- captures into the centre ---- */

static bool starts_with_capture_magic(const char *path)
{
    unsigned char magic[4] = { 0 };
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(magic, 1, sizeof magic, file) : 0;
    if (file)
        fclose(file);
    static const unsigned char magics[][4] = { { 0xd4, 0xc3, 0xb2, 0xa1 },
                                               { 0xa1, 0xb2, 0xc3, 0xd4 },
                                               { 0x4d, 0x3c, 0xb2, 0xa1 },
                                               { 0xa1, 0xb2, 0x3c, 0x4d },
                                               { 0x0a, 0x0d, 0x0d, 0x0a } };
    for (size_t i = 0; size == sizeof magic && i < COUNT_OF(magics); i++) {
        if (memcmp(magic, magics[i], sizeof magic) == 0)
            return true;
    }
    return false;
}

/* Reads a capture with the sensor's program into `directory`/eve.json. */
static bool analyse(const char *capture, const char *directory, const char *rules, struct error *error)
{
    char program[2100], log_path[3072];
    struct sensor_words words = { .count = 0 };
    sensor_program(program, sizeof program);
    snprintf(log_path, sizeof log_path, "%s/sensor.log", directory);
    say_word(&words, program);
    say_word(&words, "-r");
    say_word(&words, capture);
    say_word(&words, "-l");
    say_word(&words, directory);
    say_word(&words, "-k");
    say_word(&words, "none");
    say_settings(&words, rules);
    return spawn_and_wait(words.argv, log_path, error);
}

struct import_request {
    struct service *service;
    const char *path;
    const char *sensor;
    uint64_t run;
    bool to_now; /* move the times so that the newest event is now */
    struct import_result result;
};

static bool import_file(struct context *c, void *argument)
{
    struct import_request *r = argument;
    struct error error = { "" };
    int64_t sensor = import_sensor(c->database, r->sensor, c->now);
    uint64_t newest = r->to_now ? import_newest(r->path) : 0;
    int64_t shift = newest ? (int64_t)(c->now - 60 * NS_PER_S) - (int64_t)newest : 0;
    if (!sensor)
        return refuse(c, "internal", "sensor", BYTES_NONE, "the sensor's row cannot be made");
    return import_eve(service_ingest(r->service), sensor, r->run, r->path, shift, &r->result, &error) ||
           refuse(c, "internal", r->path, BYTES_NONE, "%s", error.text);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool replay_capture(struct service *service, const char *capture, const char *work, const char *rules,
                           struct error *error)
{
    char directory[2600], eve[2700];
    snprintf(directory, sizeof directory, "%s/replay", work);
    remove_tree(directory);
    if (mkdir(directory, 0700) != 0)
        return error_system(error, "%s", directory);
    snprintf(eve, sizeof eve, "%s/eve.json", directory);
    struct import_request request = { .service = service,
                                      .path = eve,
                                      .sensor = "sensor-mau",
                                      .run = bytes_hash(bytes_of_string(capture), 3) >> 1,
                                      .to_now = true };
    bool ok = analyse(capture, directory, rules, error) &&
              service_with(service, import_file, &request, error);
    if (ok)
        printf("  %s: %zu events\n", capture, request.result.events);
    remove_tree(directory);
    return ok;
}

/* Every capture.pcap one level below `captures`. */
static void replay_all(struct service *service, const char *captures, const char *work, const char *rules)
{
    struct dirent **names;
    int count = scandir(captures, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[3072];
        struct error error;
        snprintf(path, sizeof path, "%s/%s/capture.pcap", captures, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && access(path, R_OK) == 0 &&
            !replay_capture(service, path, work, rules, &error))
            fprintf(stderr, "vonglau: %s\n", error.text);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

/* ---- serving ---- */

static struct service_settings settings_of(const struct arguments *a)
{
    return (struct service_settings){
        .state = a->state, .address = a->address, .port = a->port, .host = a->host
    };
}

static void say_address(const struct arguments *a, struct service *service, const char *password)
{
    bool six = strchr(a->address, ':') != NULL;
    bool all = strcmp(a->address, "0.0.0.0") == 0 || strcmp(a->address, "::") == 0;
    printf("Vọng Lâu: https://%s%s%s:%u/\n", six && !all ? "[" : "", all ? "127.0.0.1" : a->address,
           six && !all ? "]" : "", service_port(service));
    if (password[0])
        printf("First sign-in / Đăng nhập lần đầu: admin  %s\n", password);
    fflush(stdout);
}

static bool load_sample(struct context *c, void *argument)
{
    return sample_load(c, argument);
}

static void say_sample(const struct sample *sample)
{
    if (sample->user_count)
        printf("Users of the sample province / Người dùng của tỉnh mẫu (one-time passwords / mật khẩu một "
               "lần):\n");
    for (size_t i = 0; i < sample->user_count; i++)
        printf("  %-8s %-9s %s  %s\n", sample->users[i].name, sample->users[i].role,
               sample->users[i].password, sample->users[i].display_name);
    fflush(stdout);
}

/* ---- the sensor on this machine ---- */

/* The interface of the default route (/proc/net/route); false when there is none. */
static bool default_interface(char *out, size_t size)
{
    char line[512], name[64];
    unsigned long destination, mask;
    FILE *file = fopen("/proc/net/route", "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%63s %lx %*x %*x %*d %*d %*d %lx", name, &destination, &mask) == 3 &&
            destination == 0 && mask == 0) {
            snprintf(out, size, "%s", name);
            found = true;
        }
    }
    if (file)
        fclose(file);
    return found;
}

struct local_sensor {
    pid_t pid;
    const char *rules; /* NULL: those shipped */
    char program[2100], interface[64], spool[2600], logs[2600], log_path[2700];
    uint64_t start_at; /* steady time of the next start after it died */
};

static void local_start(struct local_sensor *l)
{
    struct sensor_words words = { .count = 0 };
    say_word(&words, l->program);
    say_word(&words, "-i");
    say_word(&words, l->interface);
    say_word(&words, "-l");
    say_word(&words, l->logs);
    say_word(&words, "--spool");
    say_word(&words, l->spool);
    say_settings(&words, l->rules);
    /* The queue for the centre has every event; a second copy in a file would only grow. */
    if (words.settings[0]) {
        say_word(&words, "--set");
        say_word(&words, "outputs.0.eve-log.enabled=no");
    }
    l->pid = spawn(words.argv, l->log_path);
}

static void local_watch(void *context)
{
    struct local_sensor *l = context;
    int status;
    if (l->pid > 0 && waitpid(l->pid, &status, WNOHANG) == l->pid) {
        l->pid = 0;
        l->start_at = clock_steady() + 10 * NS_PER_S;
        log_warning("sensor: ended with status %d, started again in 10 s; see %s",
                    WIFEXITED(status) ? WEXITSTATUS(status) : -1, l->log_path);
    }
    if (l->pid == 0 && l->start_at && clock_steady() >= l->start_at)
        local_start(l);
}

static void local_stop(struct local_sensor *l)
{
    if (l->pid <= 0)
        return;
    kill(l->pid, SIGTERM);
    for (int i = 0; i < 100; i++) {
        if (waitpid(l->pid, NULL, WNOHANG) == l->pid)
            return;
        nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    }
    kill(l->pid, SIGKILL);
    waitpid(l->pid, NULL, 0);
}

struct code_request {
    struct service *service;
    char code[ENROLMENT_CODE_MAX];
};

static bool make_code(struct context *c, void *argument)
{
    struct code_request *r = argument;
    struct error error;
    return enrolment_code_for_name(c->database, service_authority(r->service), "local", c->now, r->code,
                                   &error) ||
           refuse(c, "internal", "sensor", BYTES_NONE, "%s", error.text);
}

/* The local sensor enrols with this centre as any other would. */
static bool local_enrol(struct service *service, struct local_sensor *l, uint16_t port, struct error *error)
{
    char uplink[2700], url[64];
    snprintf(uplink, sizeof uplink, "%s/uplink.json", l->spool);
    if (access(uplink, R_OK) == 0)
        return true;
    struct code_request request = { .service = service };
    if (!service_with(service, make_code, &request, error))
        return false;
    snprintf(url, sizeof url, "https://127.0.0.1:%u", port);
    char *argv[] = { l->program, word("enrol"), url, request.code, l->spool, NULL };
    return spawn_and_wait(argv, l->log_path, error);
}

static bool local_open(struct service *service, const struct arguments *a, struct local_sensor *l,
                       struct error *error)
{
    sensor_program(l->program, sizeof l->program);
    if (a->interface)
        snprintf(l->interface, sizeof l->interface, "%s", a->interface);
    else if (!default_interface(l->interface, sizeof l->interface))
        return error_set(error, "this machine has no default route; name an interface with --interface");
    snprintf(l->spool, sizeof l->spool, "%s/sensor", a->state);
    snprintf(l->logs, sizeof l->logs, "%s/sensor/logs", a->state);
    snprintf(l->log_path, sizeof l->log_path, "%s/sensor/sensor.log", a->state);
    if ((mkdir(l->spool, 0700) != 0 && errno != EEXIST) || (mkdir(l->logs, 0700) != 0 && errno != EEXIST))
        return error_system(error, "%s", l->spool);
    l->rules = a->rules;
    if (!local_enrol(service, l, service_port(service), error))
        return false;
    local_start(l);
    return l->pid > 0 || error_system(error, "cannot start %s", l->program);
}

/* ---- verbs ---- */

static int verb_serve(struct arguments *a, bool demo, bool sensor)
{
    struct service_settings settings = settings_of(a);
    struct error error = { "" };
    char password[PASSWORD_ONCE_SIZE], captures[2600] = "";
    struct sample sample = { 0 };
    struct local_sensor local = { 0 };
    struct service *service = service_open(&settings, &error);
    bool ok = service && service_first_user(service, password, &error) && service_start(service, &error);
    if (ok)
        say_address(a, service, password);
    if (ok && demo)
        ok = service_with(service, load_sample, &sample, &error);
    if (ok && demo) {
        say_sample(&sample);
        if (a->captures)
            snprintf(captures, sizeof captures, "%s", a->captures);
        bool found = a->captures || shared_path("tests/golden", captures, sizeof captures) ||
                     shared_path("captures", captures, sizeof captures);
        if (sample.loaded && found)
            replay_all(service, captures, a->state, a->rules);
        printf("Ready / Sẵn sàng.\n");
        fflush(stdout);
    }
    if (ok && sensor && !local_open(service, a, &local, &error)) {
        /* The centre is of use without it. */
        fprintf(stderr, "vonglau: no sensor on this machine: %s\n", error.text);
    } else if (ok && sensor) {
        printf("Sensor on %s / Cảm biến trên %s\n", local.interface, local.interface);
        fflush(stdout);
    }
    if (ok)
        ok = service_run(service, sensor ? local_watch : NULL, &local, &error);
    local_stop(&local);
    service_close(service);
    return ok ? 0 : failed(&error);
}

struct open_request {
    const char *file;
    char directory[64], password[PASSWORD_ONCE_SIZE];
};

static bool open_user(struct context *c, void *argument)
{
    struct open_request *r = argument;
    return user_make(c, "xem", "Người xem", "duty", NULL, 0, r->password, NULL) &&
           /* The centre lives for minutes and on loopback only: its one password is good as it is. */
           database_run(c->database, "UPDATE user SET must_change=0", "");
}

static int verb_open(struct arguments *a)
{
    struct open_request request = { .file = a->words[0], .directory = "/tmp/vonglau-open-XXXXXX" };
    struct error error = { "" };
    char state[128], eve[160];
    if (a->word_count != 1)
        return usage_error("open needs one FILE", NULL);
    if (access(request.file, R_OK) != 0) {
        error_system(&error, "%s", request.file);
        return failed(&error);
    }
    if (!mkdtemp(request.directory)) {
        error_system(&error, "%s", request.directory);
        return failed(&error);
    }
    snprintf(state, sizeof state, "%s/state", request.directory);
    snprintf(eve, sizeof eve, "%s/eve.json", request.directory);
    struct service_settings settings = {
        .state = state, .address = "127.0.0.1", .port = 0, .temporary = true
    };
    if (a->port != PORT_DEFAULT)
        settings.port = a->port;
    struct import_request import = { .path = request.file, .sensor = "open", .run = 1 };
    struct service *service = service_open(&settings, &error);
    bool ok = service != NULL;
    if (ok && starts_with_capture_magic(request.file)) {
        ok = analyse(request.file, request.directory, a->rules, &error);
        import.path = eve;
    }
    import.service = service;
    ok = ok && service_with(service, import_file, &import, &error);
    if (ok && import.result.events == 0 && import.result.unreadable)
        ok = error_set(&error, "%s: is neither a capture nor a file of EVE lines", request.file);
    ok = ok && service_with(service, open_user, &request, &error) && service_start(service, &error);
    if (ok) {
        printf("%zu events / sự kiện\nhttps://127.0.0.1:%u/   xem  %s\nCtrl-C ends and leaves nothing behind "
               "/ kết thúc và "
               "xóa sạch\n",
               import.result.events, service_port(service), request.password);
        fflush(stdout);
        ok = service_run(service, NULL, NULL, &error);
    }
    service_close(service);
    remove_tree(request.directory);
    return ok ? 0 : failed(&error);
}

/* ---- administration, beside a running centre ---- */

struct admin {
    const struct arguments *arguments;
    struct service *service;
};

static bool admin_create_user(struct context *c, void *argument)
{
    struct admin *admin = argument;
    const struct arguments *a = admin->arguments;
    char password[PASSWORD_ONCE_SIZE];
    if (!user_make(c, a->words[1], a->word_count > 3 ? a->words[3] : a->words[1], a->words[2], NULL, 0,
                   password, NULL))
        return false;
    printf("%s\n", password);
    return true;
}

static bool admin_reset_password(struct context *c, void *argument)
{
    struct admin *admin = argument;
    char password[PASSWORD_ONCE_SIZE];
    int64_t id = database_number(c->database, "SELECT id FROM user WHERE name=? AND ended IS NULL", "s",
                                 admin->arguments->words[1]);
    if (!id)
        return refuse(c, "not_found", "user", BYTES_NONE, "there is no user %s", admin->arguments->words[1]);
    if (!user_reset_password(c, id, password))
        return false;
    printf("%s\n", password);
    return true;
}

static bool admin_enrol(struct context *c, void *argument)
{
    struct admin *admin = argument;
    char code[ENROLMENT_CODE_MAX];
    struct error error;
    if (!enrolment_code_for_name(c->database, service_authority(admin->service), admin->arguments->words[1],
                                 c->now, code, &error))
        return refuse(c, "internal", "sensor", BYTES_NONE, "%s", error.text);
    if (!audit_add(c, "sensor.code", "sensor", 0, BYTES_NONE))
        return false;
    printf("%s\n", code);
    return true;
}

static bool admin_revoke(struct context *c, void *argument)
{
    struct admin *admin = argument;
    int64_t id = database_number(c->database, "SELECT id FROM sensor WHERE name=? AND ended IS NULL", "s",
                                 admin->arguments->words[1]);
    return id ? sensor_revoke(c, id, NULL)
              : refuse(c, "not_found", "sensor", BYTES_NONE, "there is no sensor %s",
                       admin->arguments->words[1]);
}

/* verify-audit [ROWS HASH]: also against a line that was noted elsewhere (the system's log). */
static bool admin_verify_audit(struct context *c, void *argument)
{
    const struct admin *admin = argument;
    const struct arguments *a = admin->arguments;
    struct audit_verdict verdict;
    struct error error;
    char text[256], hex[2 * sizeof verdict.last + 1];
    uint64_t rows = 0;
    if (!audit_verify(c->database, a->state, &verdict, &error))
        return refuse(c, "internal", "audit", BYTES_NONE, "%s", error.text);
    audit_fault_text(&verdict, text, sizeof text);
    if (!verdict.ok)
        return refuse(c, "internal", "audit", BYTES_NONE, "%s", text);
    bool noted = a->word_count > 1;
    if (noted &&
        (a->word_count != 3 || !bytes_to_u64(bytes_of_string(a->words[1]), &rows) || rows > INT64_MAX))
        return refuse(c, "bad_request", "audit", BYTES_NONE, "verify-audit takes nothing, or ROWS and HASH");
    if (noted && !audit_row_is(c->database, (int64_t)rows, bytes_of_string(a->words[2])))
        return refuse(c, "internal", "audit", BYTES_NONE,
                      "the audit log was replaced: its row %s does not have the hash %s", a->words[1],
                      a->words[2]);
    sodium_bin2hex(hex, sizeof hex, verdict.last, sizeof verdict.last);
    printf("audit log: %lld rows, chain whole, anchored to row %lld\n%lld %s\n", (long long)verdict.rows,
           (long long)verdict.anchored, (long long)verdict.rows, hex);
    return true;
}

/* ---- backup ---- */

/* Files of the state beside the registry: the keys, then all of evidence/. Events are not copied: they are
 * many, and the sensors' findings live on in the registry. */
static const char *const state_keys[] = { "secret.key", "authority.key", "authority.pem", "server.key",
                                          "server.pem" };

static bool copy_file(const char *from, const char *to, struct error *error)
{
    char buffer[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
    ssize_t size = 0;
    bool ok = in >= 0 && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0;
    while (ok && (size = read(in, buffer, sizeof buffer)) > 0)
        ok = write(out, buffer, (size_t)size) == size;
    ok = ok && size == 0 && fsync(out) == 0;
    if (!ok)
        error_system(error, "copying %s to %s", from, to);
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return ok;
}

static bool copy_anchor(const char *from, const char *to, struct error *error)
{
    char source[2600], target[2600];
    snprintf(source, sizeof source, "%s/" ANCHOR_FILE, from);
    snprintf(target, sizeof target, "%s/" ANCHOR_FILE, to);
    return access(source, F_OK) != 0 || copy_file(source, target, error);
}

/* Every file of `from` into the new folder `to`; *count grows. */
static bool copy_folder(const char *from, const char *to, size_t *count, struct error *error)
{
    struct dirent **names;
    int found = scandir(from, &names, NULL, alphasort);
    bool ok = mkdir(to, 0700) == 0 || error_system(error, "%s", to);
    for (int i = 0; i < found; i++) {
        char source[2600], target[2600];
        snprintf(source, sizeof source, "%s/%s", from, names[i]->d_name);
        snprintf(target, sizeof target, "%s/%s", to, names[i]->d_name);
        if (ok && names[i]->d_name[0] != '.') {
            ok = copy_file(source, target, error);
            *count += ok;
        }
        free(names[i]);
    }
    if (found >= 0)
        free(names);
    return ok;
}

/* Keys and evidence of the state `from` into the folder `to`. */
static bool copy_state(const char *from, const char *to, size_t *count, struct error *error)
{
    char source[2600], target[2600];
    for (size_t i = 0; i < COUNT_OF(state_keys); i++) {
        snprintf(source, sizeof source, "%s/%s", from, state_keys[i]);
        snprintf(target, sizeof target, "%s/%s", to, state_keys[i]);
        if (access(source, F_OK) != 0)
            continue;
        if (!copy_file(source, target, error))
            return false;
        ++*count;
    }
    snprintf(source, sizeof source, "%s/evidence", from);
    snprintf(target, sizeof target, "%s/evidence", to);
    return copy_folder(source, target, count, error);
}

static bool file_has_hash(const char *path, const char *expected)
{
    uint8_t buffer[65536], hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof hash + 1];
    crypto_hash_sha256_state state;
    FILE *file = fopen(path, "re");
    size_t size;
    if (!file)
        return false;
    crypto_hash_sha256_init(&state);
    while ((size = fread(buffer, 1, sizeof buffer, file)) > 0)
        crypto_hash_sha256_update(&state, buffer, size);
    bool ok = !ferror(file);
    fclose(file);
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    return ok && strcmp(hex, expected) == 0;
}

/* A backup is whole when its registry is sound, its audit log verifies and every piece of evidence that the
 * registry names is there with the SHA-256 it was stored under. */
static bool backup_check(const char *directory, struct audit_verdict *verdict, struct error *error)
{
    char path[2600];
    snprintf(path, sizeof path, "%s/registry.db", directory);
    struct database *copy = database_open(path, true, error);
    if (!copy)
        return false;
    struct arena memory = arena_of(1 << 20);
    bool ok = bytes_is(database_text(copy, &memory, "PRAGMA integrity_check", ""), "ok") ||
              error_set(error, "%s: the file is damaged", path);
    char fault[256];
    ok = ok && audit_verify(copy, directory, verdict, error);
    audit_fault_text(verdict, fault, sizeof fault);
    ok = ok && (verdict->ok || error_set(error, "%s: %s", path, fault));
    struct statement *s = database_query(copy, "SELECT DISTINCT sha256 FROM incident_evidence", "");
    while (ok && statement_next(s)) {
        char name[80];
        struct text text = text_of(name, sizeof name);
        text_put(&text, statement_bytes(s, 0));
        snprintf(path, sizeof path, "%s/evidence/%s", directory, name);
        ok = file_has_hash(path, name) || error_set(error, "%s: evidence is missing or was changed", path);
    }
    statement_done(s);
    snprintf(path, sizeof path, "%s/secret.key", directory);
    ok = ok && (access(path, R_OK) == 0 || error_system(error, "%s", path));
    arena_done(&memory);
    database_close(copy);
    return ok;
}

static bool backup_write(struct context *c, const char *state, const char *directory, size_t *count,
                         struct error *error)
{
    char registry[2600];
    struct audit_verdict verdict;
    snprintf(registry, sizeof registry, "%s/registry.db", directory);
    /* The anchor before the registry, the registry before evidence: what comes meanwhile is more than the one
     * before names, never less. */
    return (mkdir(directory, 0700) == 0 || error_system(error, "%s", directory)) &&
           copy_anchor(state, directory, error) && database_backup(c->database, registry, error) &&
           copy_state(state, directory, count, error) && backup_check(directory, &verdict, error);
}

static bool admin_backup(struct context *c, void *argument)
{
    struct admin *admin = argument;
    const char *directory = admin->arguments->words[1];
    struct error error;
    size_t count = 1;
    if (access(directory, F_OK) == 0)
        return refuse(c, "internal", directory, BYTES_NONE, "%s is there already", directory);
    if (!audit_add(c, "admin.backup", "registry", 0, BYTES_NONE))
        return false;
    if (!backup_write(c, admin->arguments->state, directory, &count, &error)) {
        remove_tree(directory);
        return refuse(c, "internal", directory, BYTES_NONE, "%s", error.text);
    }
    printf("backed up %zu files to %s, all verified\n", count, directory);
    return true;
}

/* Checks the copy whole before it takes the state's place, and keeps what was there beside it. */
static int admin_restore(const struct arguments *a)
{
    char part[2200], previous[2200], from[2600], to[2600];
    struct error error = { "" };
    struct audit_verdict verdict = { 0 };
    size_t count = 1;
    snprintf(part, sizeof part, "%s.restoring", a->state);
    snprintf(previous, sizeof previous, "%s.before-restore", a->state);
    if (!backup_check(a->words[1], &verdict, &error))
        return failed(&error);
    bool there = access(a->state, F_OK) == 0;
    if (there && access(previous, F_OK) == 0) {
        error_set(&error, "%s is there already: move it away first", previous);
        return failed(&error);
    }
    remove_tree(part);
    snprintf(from, sizeof from, "%s/registry.db", a->words[1]);
    snprintf(to, sizeof to, "%s/registry.db", part);
    bool ok = (mkdir(part, 0700) == 0 || error_system(&error, "%s", part)) && copy_file(from, to, &error) &&
              copy_anchor(a->words[1], part, &error) && copy_state(a->words[1], part, &count, &error) &&
              backup_check(part, &verdict, &error);
    ok = ok && (!there || rename(a->state, previous) == 0 || error_system(&error, "%s", previous));
    ok = ok && (rename(part, a->state) == 0 || error_system(&error, "%s", a->state));
    if (!ok) {
        remove_tree(part);
        return failed(&error);
    }
    /* Events are no part of a backup: those that are still here stay in use. */
    snprintf(from, sizeof from, "%s/events", previous);
    snprintf(to, sizeof to, "%s/events", a->state);
    if (there && rename(from, to) != 0 && errno != ENOENT)
        fprintf(stderr, "vonglau: the events stay in %s: %s\n", from, strerror(errno));
    printf("restored %zu files to %s: %lld audit rows verified%s%s\n", count, a->state,
           (long long)verdict.rows, there ? "; what was there is " : "", there ? previous : "");
    return 0;
}

static const struct admin_verb {
    const char *name;
    size_t words_min, words_max;
    bool (*run)(struct context *context, void *argument);
} admin_verbs[] = {
    { "create-user", 3, 4, admin_create_user },
    { "reset-password", 2, 2, admin_reset_password },
    { "enrol", 2, 2, admin_enrol },
    { "revoke", 2, 2, admin_revoke },
    { "verify-audit", 1, 3, admin_verify_audit },
    { "backup", 2, 2, admin_backup },
};

static int verb_admin(struct arguments *a)
{
    struct error error = { "" };
    if (a->word_count == 2 && strcmp(a->words[0], "restore") == 0)
        return admin_restore(a);
    for (size_t i = 0; i < COUNT_OF(admin_verbs); i++) {
        const struct admin_verb *verb = &admin_verbs[i];
        if (a->word_count == 0 || strcmp(a->words[0], verb->name) != 0)
            continue;
        if (a->word_count < verb->words_min || a->word_count > verb->words_max)
            return usage_error("wrong number of words for admin", verb->name);
        struct service_settings settings = settings_of(a);
        struct admin admin = { .arguments = a, .service = service_open(&settings, &error) };
        bool ok = admin.service && service_with(admin.service, verb->run, &admin, &error);
        service_close(admin.service);
        return ok ? 0 : failed(&error);
    }
    return usage_error("unknown admin verb", a->word_count ? a->words[0] : NULL);
}

int main(int argc, char **argv)
{
    struct arguments a;
    const char *verb = argc > 1 ? argv[1] : "--help";
    log_setup(LOG_LEVEL_INFO, STDERR_FILENO);
    if (strcmp(verb, "--version") == 0 || strcmp(verb, "-V") == 0) {
        printf("vonglau %s\n", VONGLAU_VERSION);
        return 0;
    }
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        fputs(help, stdout);
        return argc > 1 ? 0 : STATUS_USAGE;
    }
    if (strcmp(verb, "sensor") == 0) {
        char program[2100];
        sensor_program(program, sizeof program);
        argv[1] = program;
        execvp(program, argv + 1);
        fprintf(stderr, "vonglau: cannot start %s: %s\n", program, strerror(errno));
        return STATUS_RUNTIME;
    }
    if (!read_arguments(argc, argv, &a))
        return usage_error("the options are not right", NULL);
    if (strcmp(verb, "open") == 0)
        return verb_open(&a);
    if (strcmp(verb, "admin") == 0)
        return verb_admin(&a);
    bool serve = strcmp(verb, "up") == 0 || strcmp(verb, "center") == 0 || strcmp(verb, "demo") == 0;
    if (!serve || a.word_count)
        return usage_error(serve ? "this verb takes no further words" : "unknown verb", serve ? NULL : verb);
    return verb_serve(&a, strcmp(verb, "demo") == 0, strcmp(verb, "up") == 0);
}
