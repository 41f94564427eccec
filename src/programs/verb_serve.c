/* SPDX-License-Identifier: Apache-2.0 */
/* up, center, demo. */
#include <stdio.h>
#include <string.h>

#include "programs/children.h"
#include "programs/local_sensor.h"
#include "programs/replay.h"

static void say_address(const struct arguments *a, struct service *service, const char *password,
                        bool waiting)
{
    bool six = strchr(a->address, ':') != NULL;
    bool all = strcmp(a->address, "0.0.0.0") == 0 || strcmp(a->address, "::") == 0;
    printf("Vọng Lâu: https://%s%s%s:%u/\n", six && !all ? "[" : "", all ? "127.0.0.1" : a->address,
           six && !all ? "]" : "", service_port(service));
    if (password[0])
        printf("First sign-in / Đăng nhập lần đầu: admin  %s\n", password);
    else if (waiting)
        printf("The first password of admin was not used yet; another one / Chưa dùng mật khẩu lần đầu; lấy "
               "lại:\n"
               "  vonglau admin reset-password admin --state %s\n",
               a->state);
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

int verb_serve(struct arguments *a, bool demo, bool sensor)
{
    struct service_settings settings = settings_of(a);
    struct error error = { "" };
    char password[PASSWORD_ONCE_SIZE], captures[2600] = "";
    struct sample sample = { 0 };
    struct local_sensor local = { 0 };
    struct service *service = service_open(&settings, &error);
    bool waiting = false, ok = service && service_first_user(service, password, &waiting, &error) &&
                               service_start(service, &error);
    if (ok)
        say_address(a, service, password, waiting);
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
        else if (sample.loaded)
            fprintf(stderr,
                    "vonglau: there are no recordings to replay; --captures DIR names a folder of them\n");
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
    if (ok && (demo || sensor)) {
        printf("Ctrl-C stops %s / Ctrl-C để dừng\n", local.pid ? "both" : "it");
        fflush(stdout);
    }
    if (ok)
        ok = service_run(service, sensor ? local_watch : NULL, &local, &error);
    local_stop(&local);
    service_close(service);
    return ok ? 0 : failed(&error);
}
