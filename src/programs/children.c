/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/children.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void sensor_program(char *out, size_t size)
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

bool shared_path(const char *name, char *out, size_t size)
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

char *word(const char *text)
{
    return (char *)(uintptr_t)text;
}

pid_t spawn(char *const argv[], const char *log_path)
{
    pid_t parent = getpid(), child = fork();
    if (child != 0)
        return child;
    /* Left alone it would go on, and stand in the way of the next start. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
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

bool spawn_and_wait(char *const argv[], const char *log_path, struct error *error)
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

void say_word(struct sensor_words *w, const char *text)
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

void say_settings(struct sensor_words *w, const char *rules)
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
