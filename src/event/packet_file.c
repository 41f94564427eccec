/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files (draft-ietf-opsawg-pcap) with a limit of size and number; see packet_file.h. */
#include "event/packet_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "event/lz4_frame.h"

#define FILE_HEADER    24U
#define RECORD_HEADER  16U
#define SNAPLEN        262144U
#define BUFFER_SIZE    (320U << 10) /* the largest record fits */
#define RETRY_INTERVAL NS_PER_S     /* between attempts to make a file */
#define FOUND_MAX      65536U       /* files of earlier runs */
#define PATH_SIZE      2048
#define LZ4_SUFFIX     ".lz4"

/* A file on disk that counts against files_max. */
struct kept {
    char *path;
    uint64_t time; /* of its name, microseconds */
};

struct packet_file {
    struct packet_file_settings settings;
    pthread_mutex_t lock;
    unsigned number;
    char folder[PATH_SIZE], name[512]; /* what stands before and behind the last slash */
    char path[PATH_SIZE], base[PATH_SIZE];
    unsigned copy; /* of `base`: files whose names would be the same get a number */
    int fd;
    uint16_t link_type;
    uint64_t size;         /* of the file, with what is buffered */
    struct lz4_frame *lz4; /* NULL: not compressed */
    uint64_t good;         /* bytes on disk */
    uint64_t retry_at;     /* steady time */
    uint64_t written, lost;
    struct kept *kept; /* oldest first */
    size_t kept_count, kept_room;
    size_t used, buffered; /* bytes and packets of `buffer` */
    uint8_t buffer[BUFFER_SIZE];
};

/* ---- names ---- */

static void put_time(const struct packet_file *file, uint64_t time, struct text *out)
{
    text_u64(out, time / NS_PER_S);
    if (file->settings.microseconds)
        text_add(out, ".%06u", (unsigned)(time % NS_PER_S / NS_PER_US));
}

/* `pattern` with its marks filled in; those without a value stay. */
static void expand(const struct packet_file *file, const char *pattern, uint64_t time, struct text *out)
{
    for (const char *at = pattern; *at; at++) {
        if (!file->settings.pattern || *at != '%' || !at[1]) {
            text_char(out, *at);
            continue;
        }
        at++;
        if (*at == 'n')
            text_u64(out, file->number);
        else if (*at == 'i')
            text_u64(out, (uint64_t)syscall(SYS_gettid));
        else if (*at == 't')
            put_time(file, time, out);
    }
    if (!file->settings.pattern) {
        text_char(out, '.');
        put_time(file, time, out);
    }
}

/* The name of the file that begins with a packet of `time`; false when it is too long. */
static bool name_file(struct packet_file *file, uint64_t time)
{
    char base[sizeof file->base];
    struct text out = text_of(base, sizeof base);
    text_add(&out, "%s/", file->folder);
    expand(file, file->name, time, &out);
    if (out.full)
        return false;
    file->copy = strcmp(base, file->base) == 0 ? file->copy + 1 : 0;
    memcpy(file->base, base, sizeof base);
    struct text path = text_of(file->path, sizeof file->path);
    text_string(&path, base);
    if (file->copy)
        text_add(&path, "-%u", file->copy);
    if (file->lz4)
        text_string(&path, LZ4_SUFFIX);
    return !path.full;
}

static bool take_number(struct bytes *name, uint64_t *value)
{
    size_t digits = 0;
    while (digits < name->size && byte_is_digit(name->data[digits]))
        digits++;
    bool good = bytes_to_u64(bytes_first(*name, digits), value);
    *name = bytes_from(*name, digits);
    return good;
}

static bool take_time(struct bytes *name, uint64_t *time)
{
    uint64_t seconds, fraction = 0;
    if (!take_number(name, &seconds) || seconds > UINT32_MAX)
        return false;
    if (name->size >= 7 && name->data[0] == '.' && byte_is_digit(name->data[1])) {
        *name = bytes_from(*name, 1);
        if (!take_number(name, &fraction) || fraction > 999999)
            return false;
    }
    *time = seconds * 1000000 + fraction;
    return true;
}

static bool take_byte(struct bytes *name, char c)
{
    bool good = name->size && name->data[0] == (uint8_t)c;
    if (good)
        *name = bytes_from(*name, 1);
    return good;
}

/* True when this worker, in whatever run, would give a file this name. */
static bool is_own(const struct packet_file *file, struct bytes name, uint64_t *time)
{
    uint64_t number;
    *time = 0;
    if (file->lz4 && !bytes_ends(name, BYTES_OF(LZ4_SUFFIX)))
        return false;
    if (file->lz4)
        name.size -= sizeof LZ4_SUFFIX - 1;
    for (const char *at = file->name; *at; at++) {
        bool mark = file->settings.pattern && *at == '%' && at[1];
        if (mark)
            at++;
        if (!mark ? !take_byte(&name, *at)
                  : (*at == 't'   ? !take_time(&name, time)
                     : *at == 'n' ? !take_number(&name, &number) || number != file->number
                                  : !take_number(&name, &number)))
            return false;
    }
    if (!file->settings.pattern && (!take_byte(&name, '.') || !take_time(&name, time)))
        return false;
    return name.size == 0 || (take_byte(&name, '-') && take_number(&name, &number) && name.size == 0);
}

/* ---- files that are kept ---- */

static bool keep(struct packet_file *file, const char *path, uint64_t time)
{
    if (file->kept_count == file->kept_room) {
        size_t room = file->kept_room ? file->kept_room * 2 : 16;
        struct kept *grown = realloc(file->kept, room * sizeof *grown);
        if (!grown)
            return false;
        file->kept = grown;
        file->kept_room = room;
    }
    struct kept *kept = &file->kept[file->kept_count];
    *kept = (struct kept){ strdup(path), time };
    file->kept_count += kept->path != NULL;
    return kept->path != NULL;
}

static void forget(struct packet_file *file, size_t index)
{
    free(file->kept[index].path);
    memmove(&file->kept[index], &file->kept[index + 1], (file->kept_count - index - 1) * sizeof *file->kept);
    file->kept_count--;
}

static int compare_kept(const void *a, const void *b)
{
    const struct kept *left = a, *right = b;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    return strcmp(left->path, right->path);
}

static bool find_kept(struct packet_file *file, struct error *error)
{
    DIR *folder = opendir(file->folder);
    if (!folder)
        return errno == ENOENT || error_system(error, "%s", file->folder);
    bool good = true;
    for (struct dirent *entry; good && file->kept_count < FOUND_MAX && (entry = readdir(folder));) {
        char path[PATH_SIZE];
        struct text out = text_of(path, sizeof path);
        uint64_t time;
        if (!is_own(file, bytes_of_string(entry->d_name), &time))
            continue;
        text_add(&out, "%s/%s", file->folder, entry->d_name);
        good = out.full || keep(file, path, time) || error_set(error, "out of memory");
    }
    closedir(folder);
    if (file->kept_count)
        qsort(file->kept, file->kept_count, sizeof *file->kept, compare_kept);
    return good;
}

/* Makes room for one more file, and notes it. */
static void rotate_kept(struct packet_file *file, uint64_t time)
{
    if (!file->settings.files_max)
        return;
    for (size_t i = file->kept_count; i-- > 0;)
        if (!strcmp(file->kept[i].path, file->path))
            forget(file, i); /* it is written over */
    while (file->kept_count >= file->settings.files_max) {
        (void)unlink(file->kept[0].path);
        forget(file, 0);
    }
    /* Without memory it is only not removed later. */
    (void)keep(file, file->path, time / NS_PER_US);
}

/* ---- writing ---- */

static bool write_bytes(struct packet_file *file, struct bytes bytes)
{
    const uint8_t *data = bytes.data;
    size_t size = bytes.size;
    while (size) {
        ssize_t done = write(file->fd, data, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        size -= (size_t)done;
        file->good += (uint64_t)done;
    }
    return true;
}

static bool write_buffer(struct packet_file *file)
{
    struct bytes bytes = bytes_of(file->buffer, file->used);
    if (!file->lz4)
        return write_bytes(file, bytes);
    bytes = lz4_frame_put(file->lz4, bytes);
    errno = ENOMEM;
    return bytes.data && write_bytes(file, bytes);
}

/* The frame's end; without it a reader gets what there is and a complaint. */
static void end_file(struct packet_file *file)
{
    if (file->fd < 0)
        return;
    struct bytes rest = file->lz4 ? lz4_frame_end(file->lz4) : BYTES_NONE;
    if (rest.size)
        (void)write_bytes(file, rest);
    close(file->fd);
    file->fd = -1;
}

/* Half a record would spoil all that is written behind it. */
static bool give_up(struct packet_file *file, uint64_t good, struct error *error)
{
    error_system(error, "cannot write %s", file->path);
    if (ftruncate(file->fd, (off_t)good) == 0)
        file->good = file->size = good;
    close(file->fd);
    file->fd = -1;
    file->retry_at = clock_steady() + RETRY_INTERVAL;
    file->written -= file->buffered;
    file->lost += file->buffered;
    file->used = file->buffered = 0;
    return false;
}

static bool flush_locked(struct packet_file *file, struct error *error)
{
    uint64_t before = file->good;
    if (file->fd < 0 || !file->used)
        return true;
    if (!write_buffer(file))
        return give_up(file, before, error);
    file->used = file->buffered = 0;
    if (file->lz4)
        file->size = file->good; /* the limit is one of disk space */
    return true;
}

/* The format's numbers are in the order of the machine that wrote it; the magic tells. */
static void put_u32(uint8_t **at, uint32_t value)
{
    memcpy(*at, &value, sizeof value);
    *at += sizeof value;
}

static void put_u16(uint8_t **at, uint16_t value)
{
    memcpy(*at, &value, sizeof value);
    *at += sizeof value;
}

static bool begin_frame(struct packet_file *file)
{
    struct bytes head = lz4_frame_begin(file->lz4);
    errno = ENOMEM;
    return head.data && write_bytes(file, head);
}

static bool begin_file(struct packet_file *file, const struct packet_record *record, struct error *error)
{
    end_file(file);
    if (!name_file(file, record->time))
        return error_set(error, "the name of a capture file is too long: %.200s", file->settings.name);
    file->fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0640);
    if (file->fd < 0) {
        file->base[0] = '\0'; /* the name is still free */
        return error_system(error, "cannot open %s", file->path);
    }
    rotate_kept(file, record->time);
    file->good = 0;
    if (file->lz4 && !begin_frame(file))
        return give_up(file, 0, error);
    uint8_t *at = file->buffer;
    put_u32(&at, 0xa1b2c3d4);
    put_u16(&at, 2); /* version 2.4 */
    put_u16(&at, 4);
    put_u32(&at, 0);
    put_u32(&at, 0);
    put_u32(&at, SNAPLEN);
    put_u32(&at, record->link_type);
    file->used = file->size = FILE_HEADER;
    file->buffered = 0;
    file->link_type = record->link_type;
    return true;
}

static bool put_locked(struct packet_file *file, const struct packet_record *record, struct error *error)
{
    size_t size = MIN(record->frame.size, (size_t)SNAPLEN), whole = RECORD_HEADER + size;
    if (file->fd < 0 && clock_steady() < file->retry_at) {
        file->lost++;
        return true;
    }
    bool fits = file->fd >= 0 && file->link_type == record->link_type &&
                (file->size + whole <= file->settings.size_max || file->size == FILE_HEADER);
    if (!fits && (!flush_locked(file, error) || !begin_file(file, record, error))) {
        file->retry_at = clock_steady() + RETRY_INTERVAL;
        file->lost++;
        return false;
    }
    if (whole > BUFFER_SIZE - file->used && !flush_locked(file, error)) {
        file->lost++;
        return false;
    }
    uint8_t head[RECORD_HEADER], *at = head;
    put_u32(&at, (uint32_t)(record->time / NS_PER_S));
    put_u32(&at, (uint32_t)(record->time % NS_PER_S / NS_PER_US));
    put_u32(&at, (uint32_t)size);
    put_u32(&at, MAX(record->wire_size, (uint32_t)size));
    file->size += whole;
    file->written++;
    memcpy(file->buffer + file->used, head, sizeof head);
    if (size)
        memcpy(file->buffer + file->used + sizeof head, record->frame.data, size);
    file->used += whole;
    file->buffered++;
    return true;
}

bool packet_file_put(struct packet_file *file, const struct packet_record *record, struct error *error)
{
    pthread_mutex_lock(&file->lock);
    bool good = put_locked(file, record, error);
    pthread_mutex_unlock(&file->lock);
    return good;
}

bool packet_file_flush(struct packet_file *file, struct error *error)
{
    pthread_mutex_lock(&file->lock);
    bool good = flush_locked(file, error);
    pthread_mutex_unlock(&file->lock);
    return good;
}

uint64_t packet_file_written(const struct packet_file *file)
{
    return file->written;
}

uint64_t packet_file_lost(const struct packet_file *file)
{
    return file->lost;
}

/* ---- life ---- */

struct packet_file *packet_file_open(const struct packet_file_settings *settings, unsigned number,
                                     struct error *error)
{
    struct packet_file *file = calloc(1, sizeof *file);
    if (!file) {
        error_set(error, "out of memory");
        return NULL;
    }
    file->settings = *settings;
    file->number = number;
    file->fd = -1;
    pthread_mutex_init(&file->lock, NULL);
    char whole[sizeof file->folder] = "";
    struct text out = text_of(whole, sizeof whole), folder = text_of(file->folder, sizeof file->folder);
    if (settings->name[0] != '/')
        text_add(&out, "%s/", settings->directory);
    text_string(&out, settings->name);
    char *slash = strrchr(whole, '/');
    const char *name = slash ? slash + 1 : whole;
    int size = snprintf(file->name, sizeof file->name, "%s", name);
    bool good = !out.full && size > 0 && (size_t)size < sizeof file->name;
    if (slash)
        *slash = '\0';
    /* The time belongs to names of files only. */
    for (const char *at = slash ? whole : "."; *at; at++)
        if (settings->pattern && at[0] == '%' && at[1] == 'n')
            text_u64(&folder, (at++, number));
        else
            text_char(&folder, *at);
    if (settings->lz4 &&
        !(file->lz4 = lz4_frame_new(BUFFER_SIZE, settings->lz4_level, settings->lz4_checksum)))
        error_set(error, "out of memory");
    else if (!good || folder.full)
        error_set(error, "the name of a capture file is too long: %.200s", settings->name);
    else if (!settings->files_max || find_kept(file, error))
        return file;
    packet_file_close(file);
    return NULL;
}

void packet_file_close(struct packet_file *file)
{
    struct error unused;
    if (!file)
        return;
    (void)flush_locked(file, &unused);
    end_file(file);
    lz4_frame_free(file->lz4);
    while (file->kept_count)
        forget(file, file->kept_count - 1);
    free(file->kept);
    pthread_mutex_destroy(&file->lock);
    free(file);
}
