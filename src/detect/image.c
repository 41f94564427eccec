/* SPDX-License-Identifier: Apache-2.0 */
/* The file of compiled patterns; see image.h. Its form: the magic, then entries of a key (32 bytes), a size
 * (64 bits, big endian) and the data. */
#include "detect/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/reader.h"

#define FILE_NAME   "patterns.image"
#define FILE_MAX    (512U << 20) /* bytes */
#define ENTRIES_MAX 4096

static const char magic[8] = "VLPATN01";

struct entry {
    uint8_t key[32];
    struct bytes data;
    void *owned; /* added since the file was read; NULL: `data` is in the file */
    bool used;
};

struct image {
    char path[1024];
    uint8_t *content;
    struct entry *entries;
    size_t count;
    bool added;
};

/* Belongs to this user, and to nobody else's pen. */
static bool is_ours(int fd, size_t *size)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
        (status.st_mode & (S_IWGRP | S_IWOTH)) || status.st_size > (off_t)FILE_MAX)
        return false;
    *size = (size_t)status.st_size;
    return true;
}

static bool read_all(int fd, uint8_t *content, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = read(fd, content + at, size - at);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static void list_entries(struct image *image, size_t size)
{
    struct reader in = reader_of(image->content, size);
    const uint8_t *head = reader_take(&in, sizeof magic);
    if (!head || memcmp(head, magic, sizeof magic) != 0)
        return;
    while (!reader_empty(&in) && image->count < ENTRIES_MAX) {
        struct entry *entry = &image->entries[image->count];
        const uint8_t *key = reader_take(&in, sizeof entry->key);
        uint64_t bytes = reader_be64(&in);
        const uint8_t *data = reader_take(&in, bytes);
        if (!key || !data)
            return;
        memcpy(entry->key, key, sizeof entry->key);
        entry->data = bytes_of(data, (size_t)bytes);
        image->count++;
    }
}

struct image *image_open(const char *dir)
{
    struct image *image = dir ? calloc(1, sizeof *image) : NULL;
    if (!image)
        return NULL;
    image->entries = calloc(ENTRIES_MAX, sizeof *image->entries);
    int length = snprintf(image->path, sizeof image->path, "%s/" FILE_NAME, dir);
    if (!image->entries || length < 0 || (size_t)length >= sizeof image->path) {
        image_close(image);
        return NULL;
    }
    int fd = open(image->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t size;
    if (fd >= 0 && is_ours(fd, &size) && (image->content = malloc(size + 1)) &&
        read_all(fd, image->content, size))
        list_entries(image, size);
    if (fd >= 0)
        close(fd);
    return image;
}

struct bytes image_find(struct image *image, const uint8_t key[32])
{
    for (size_t i = 0; image && i < image->count; i++) {
        if (memcmp(image->entries[i].key, key, 32) != 0)
            continue;
        image->entries[i].used = true;
        return image->entries[i].data;
    }
    return BYTES_NONE;
}

void image_add(struct image *image, const uint8_t key[32], struct bytes data)
{
    if (!image || image->count == ENTRIES_MAX)
        return;
    struct entry *entry = &image->entries[image->count];
    entry->owned = malloc(data.size + 1);
    if (!entry->owned)
        return;
    memcpy(entry->owned, data.data, data.size);
    memcpy(entry->key, key, sizeof entry->key);
    entry->data = bytes_of(entry->owned, data.size);
    entry->used = image->added = true;
    image->count++;
}

static bool write_entries(const struct image *image, FILE *file)
{
    bool good = fwrite(magic, sizeof magic, 1, file) == 1;
    for (size_t i = 0; i < image->count && good; i++) {
        const struct entry *entry = &image->entries[i];
        uint8_t size[8];
        for (unsigned k = 0; k < sizeof size; k++)
            size[k] = (uint8_t)(entry->data.size >> (56 - 8 * k));
        if (entry->used)
            good = fwrite(entry->key, sizeof entry->key, 1, file) == 1 &&
                   fwrite(size, sizeof size, 1, file) == 1 &&
                   fwrite(entry->data.data, 1, entry->data.size, file) == entry->data.size;
    }
    return good;
}

bool image_save(const struct image *image, struct error *error)
{
    char path[sizeof image->path + 32];
    if (!image || !image->added)
        return true;
    snprintf(path, sizeof path, "%s.%ld", image->path, (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file) {
        if (fd >= 0)
            close(fd);
        return error_system(error, "cannot write %s", path);
    }
    bool good = write_entries(image, file);
    good &= fclose(file) == 0;
    if (good && rename(path, image->path) == 0)
        return true;
    (void)error_system(error, "cannot write %s", image->path);
    (void)unlink(path);
    return false;
}

void image_close(struct image *image)
{
    if (!image)
        return;
    for (size_t i = 0; image->entries && i < image->count; i++)
        free(image->entries[i].owned);
    free(image->entries);
    free(image->content);
    free(image);
}
