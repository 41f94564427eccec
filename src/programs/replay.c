/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/replay.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "programs/children.h"
#include "programs/files.h"

#define REPLAY_SPAN_S (20U * 3600)

bool starts_with_capture_magic(const char *path)
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

bool analyse(const char *capture, const char *directory, const char *rules, struct error *error)
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

bool import_file(struct context *c, void *argument)
{
    struct import_request *r = argument;
    struct error error = { "" };
    int64_t sensor = import_sensor(c->database, r->sensor, c->now);
    uint64_t newest = r->age_s ? import_newest(r->path) : 0;
    int64_t shift = newest ? (int64_t)(c->now - r->age_s * NS_PER_S) - (int64_t)newest : 0;
    if (!sensor)
        return refuse(c, "internal", "sensor", BYTES_NONE, "the sensor's row cannot be made");
    return import_eve(service_ingest(r->service), sensor, r->run, r->path, shift, &r->result, &error) ||
           refuse(c, "internal", r->path, BYTES_NONE, "%s", error.text);
}

static bool replay_capture(struct service *service, const char *scene, const char *capture, const char *work,
                           const char *rules, uint64_t age_s, struct error *error)
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
                                      .age_s = age_s };
    bool ok = analyse(capture, directory, rules, error) &&
              service_with(service, import_file, &request, error);
    if (ok)
        printf("  %-16s %zu events / sự kiện\n", scene, request.result.events);
    remove_tree(directory);
    return ok;
}

void replay_all(struct service *service, const char *captures, const char *work, const char *rules)
{
    struct dirent **names;
    int count = scandir(captures, &names, NULL, alphasort);
    printf("Recorded attacks / Các cuộc tấn công đã ghi:\n");
    /* A day's work: the recordings come one after the other, the last one a minute ago. */
    for (int i = 0; i < count; i++) {
        char path[3072];
        struct error error;
        uint64_t age_s = 60 + (uint64_t)(count - 1 - i) * (REPLAY_SPAN_S / (uint64_t)count);
        snprintf(path, sizeof path, "%s/%s/capture.pcap", captures, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && access(path, R_OK) == 0 &&
            !replay_capture(service, names[i]->d_name, path, work, rules, age_s, &error))
            fprintf(stderr, "vonglau: %s\n", error.text);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}
