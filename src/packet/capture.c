/* SPDX-License-Identifier: Apache-2.0 */
/* Captures: folders of files, filters, and the choice between files and interfaces. */
#include "packet/capture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "packet/capture_parts.h"
#include "packet/filter.h"

const struct counter capture_counters[CAPTURE_COUNTER_COUNT] = { COUNTER_TABLE(CAPTURE_COUNTERS) };

enum { FILES_MAX = 1 << 20, FOLDER_DEPTH_MAX = 16, PATH_SIZE = 4096 };

struct found {
    char *path;
    uint64_t modified;
};

struct capture {
    struct capture_settings settings;
    char *filter_text;
    struct capture_ring *ring;
    struct capture_file *file;
    char *name;   /* of the current file or interface */
    char *folder; /* NULL: a single file */
    struct found *list;
    size_t list_count, list_at;
    struct map done; /* paths that were read, for waiting folders */
    struct frame_filter *filter;
    uint64_t number;
    uint64_t counts[CAPTURE_COUNTER_COUNT];
};

static struct capture *capture_new(const struct capture_settings *settings, const char *name,
                                   struct error *error)
{
    struct capture *capture = calloc(1, sizeof *capture);
    if (!capture || !(capture->name = strdup(name))) {
        free(capture);
        error_set(error, "out of memory");
        return NULL;
    }
    if (settings)
        capture->settings = *settings;
    if (capture->settings.filter && *capture->settings.filter) {
        capture->filter_text = strdup(capture->settings.filter);
        if (!capture->filter_text) {
            capture_close(capture);
            error_set(error, "out of memory");
            return NULL;
        }
    }
    capture->settings.filter = capture->filter_text;
    capture->done = map_of(0, FILES_MAX);
    return capture;
}

static void list_clear(struct capture *capture)
{
    for (size_t i = 0; i < capture->list_count; i++)
        free(capture->list[i].path);
    free(capture->list);
    capture->list = NULL;
    capture->list_count = capture->list_at = 0;
}

void capture_close(struct capture *capture)
{
    if (!capture)
        return;
    capture_ring_close(capture->ring);
    capture_file_close(capture->file);
    frame_filter_free(capture->filter);
    list_clear(capture);
    map_done(&capture->done);
    free(capture->folder);
    free(capture->filter_text);
    free(capture->name);
    free(capture);
}

static int found_compare(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    if (left->modified != right->modified)
        return left->modified < right->modified ? -1 : 1;
    return strcmp(left->path, right->path);
}

static bool list_add(struct capture *capture, const char *path, const struct stat *status,
                     struct error *error)
{
    if (map_find(&capture->done, bytes_of_string(path)))
        return true;
    if (capture->list_count == FILES_MAX)
        return error_set(error, "%s: more than %d files", capture->folder, FILES_MAX);
    if ((capture->list_count & (capture->list_count - 1)) == 0) {
        size_t room = capture->list_count ? capture->list_count * 2 : 1;
        struct found *grown = realloc(capture->list, room * sizeof *grown);
        if (!grown)
            return error_set(error, "out of memory");
        capture->list = grown;
    }
    char *copy = strdup(path);
    if (!copy)
        return error_set(error, "out of memory");
    capture->list[capture->list_count++] = (struct found){ copy, (uint64_t)status->st_mtim.tv_sec * NS_PER_S +
                                                                     (uint64_t)status->st_mtim.tv_nsec };
    return true;
}

static bool list_folder(struct capture *capture, const char *folder, unsigned depth, struct error *error)
{
    DIR *directory = opendir(folder);
    if (!directory)
        return error_system(error, "%s", folder);
    bool done = true;
    for (struct dirent *entry; done && (entry = readdir(directory));) {
        char buffer[PATH_SIZE];
        struct stat status;
        if (entry->d_name[0] == '.')
            continue;
        struct text path = text_of(buffer, sizeof buffer);
        text_add(&path, "%s/%s", folder, entry->d_name);
        if (path.full || stat(buffer, &status) < 0)
            continue;
        if (S_ISREG(status.st_mode))
            done = list_add(capture, buffer, &status, error);
        else if (S_ISDIR(status.st_mode) && capture->settings.recursive && depth < FOLDER_DEPTH_MAX)
            done = list_folder(capture, buffer, depth + 1, error);
    }
    closedir(directory);
    return done;
}

static bool list_refresh(struct capture *capture, struct error *error)
{
    list_clear(capture);
    if (!list_folder(capture, capture->folder, 0, error))
        return false;
    if (capture->list_count)
        qsort(capture->list, capture->list_count, sizeof *capture->list, found_compare);
    return true;
}

static bool file_begin(struct capture *capture, const char *path, struct error *error)
{
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_system(error, "%s", path);
    capture->file = capture_file_open(fd, error);
    if (!capture->file)
        return error_prefix(error, "%s", path);
    capture->counts[CAPTURE_FILES]++;
    return true;
}

struct capture *capture_open_file(const char *path, const struct capture_settings *settings,
                                  struct error *error)
{
    struct capture *capture = capture_new(settings, path, error);
    if (!capture)
        return NULL;
    struct stat status;
    bool done;
    if (strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        capture->folder = strdup(path);
        size_t size = capture->folder ? strlen(capture->folder) : 0;
        while (size > 1 && capture->folder[size - 1] == '/')
            capture->folder[--size] = '\0';
        done = capture->folder ? list_refresh(capture, error) : error_set(error, "out of memory");
    } else {
        done = file_begin(capture, path, error);
    }
    if (done && capture->filter_text)
        done = (capture->filter = frame_filter_new(capture->filter_text, error)) != NULL;
    if (!done) {
        capture_close(capture);
        return NULL;
    }
    return capture;
}

struct capture *capture_open_interface(const char *interface, const struct capture_settings *settings,
                                       struct error *error)
{
    struct capture *capture = capture_new(settings, interface, error);
    if (!capture)
        return NULL;
    capture->ring = capture_ring_open(interface, &capture->settings, error);
    if (!capture->ring) {
        capture_close(capture);
        return NULL;
    }
    return capture;
}

/* Numbers the frames and leaves out those the filter does not want. */
static bool frames_sift(struct capture *capture, struct capture_frame *frames, size_t *count,
                        struct error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        bool fits = true;
        if (capture->filter && !frame_filter_ask(capture->filter, frames[i].link_type, frames[i].data,
                                                 frames[i].wire_size, &fits, error))
            return false;
        if (!fits) {
            capture->counts[CAPTURE_FILTERED]++;
            continue;
        }
        frames[i].number = ++capture->number;
        frames[kept++] = frames[i];
    }
    *count = kept;
    return true;
}

/* Ends the current file; with `whole`, it was read to its end. */
static void file_end(struct capture *capture, bool whole)
{
    capture_file_close(capture->file);
    capture->file = NULL;
    if (capture->folder) {
        bool added;
        if (!map_add(&capture->done, bytes_of_string(capture->name), &added))
            capture->settings.continuous = false; /* it could not be told from a new one */
    }
    if (whole && capture->settings.remove && strcmp(capture->name, "-") != 0)
        (void)unlink(capture->name);
}

/* Opens the folder's next readable file; CAPTURE_FRAMES when there is one. */
static enum capture_status folder_advance(struct capture *capture, int timeout_ms, struct error *error)
{
    for (bool waited = false;;) {
        while (capture->list_at < capture->list_count) {
            const char *path = capture->list[capture->list_at++].path;
            char *name = strdup(path);
            if (!name) {
                error_set(error, "out of memory");
                return CAPTURE_FAILED;
            }
            free(capture->name);
            capture->name = name;
            if (file_begin(capture, path, error))
                return CAPTURE_FRAMES;
            capture->counts[CAPTURE_FILE_ERRORS]++;
            file_end(capture, false);
            return CAPTURE_BROKEN;
        }
        if (!capture->settings.continuous)
            return CAPTURE_END;
        if (waited)
            return CAPTURE_IDLE;
        if (!list_refresh(capture, error))
            return CAPTURE_FAILED;
        if (capture->list_count == 0) {
            struct timespec pause = { timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000L };
            (void)nanosleep(&pause, NULL);
        }
        waited = true;
    }
}

enum capture_status capture_next(struct capture *capture, struct capture_frame *frames, size_t max,
                                 size_t *count, int timeout_ms, struct error *error)
{
    *count = 0;
    if (capture->ring)
        return capture_ring_next(capture->ring, frames, max, count, timeout_ms, error);
    for (;;) {
        if (!capture->file) {
            enum capture_status status = capture->folder ? folder_advance(capture, timeout_ms, error)
                                                         : CAPTURE_END;
            if (status != CAPTURE_FRAMES)
                return status;
        }
        enum capture_status status = capture_file_next(capture->file, frames, max, count, timeout_ms, error);
        if (status == CAPTURE_IDLE)
            return status;
        if (status == CAPTURE_FRAMES) {
            if (!frames_sift(capture, frames, count, error))
                return CAPTURE_FAILED;
            if (*count)
                return CAPTURE_FRAMES;
        } else {
            file_end(capture, status == CAPTURE_END);
            if (status != CAPTURE_END) {
                capture->counts[CAPTURE_FILE_ERRORS]++;
                error_prefix(error, "%s", capture->name);
                return status == CAPTURE_FAILED && capture->folder ? CAPTURE_BROKEN : status;
            }
            if (!capture->folder)
                return CAPTURE_END;
        }
    }
}

bool capture_keep(struct capture *capture, uint8_t **memory, size_t *size)
{
    return capture->file && capture_file_keep(capture->file, memory, size);
}

const char *capture_name(const struct capture *capture)
{
    return capture->name;
}

const uint64_t *capture_counts(struct capture *capture)
{
    if (capture->ring)
        capture_ring_counts(capture->ring, capture->counts);
    return capture->counts;
}

int capture_descriptor(const struct capture *capture)
{
    return capture->ring ? capture_ring_descriptor(capture->ring) : -1;
}

uint16_t capture_fanout_group(const struct capture *capture)
{
    return capture->ring ? capture_ring_fanout(capture->ring) : 0;
}
