/* SPDX-License-Identifier: Apache-2.0 */
/* up, center, demo. */
#include <stdio.h>
#include <string.h>

#include "programs/children.h"
#include "programs/local_sensor.h"
#include "programs/replay.h"

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

int verb_serve(struct arguments *a, bool demo, bool sensor)
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
