/* SPDX-License-Identifier: Apache-2.0 */
/* Files: hashes, the content kept for detection, libmagic, and storing on disk by SHA-256. */
#include "proto/file.h"

#include <errno.h>
#include <fcntl.h>
#include <magic.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSPECT_MAX   (100U * 1024U)
#define MAGIC_BYTES   4096U
#define NAME_MAX_SIZE 4096U
#define MAGIC_TEXT    256U
#define FILES_KEPT    64U

struct magic_set {
    magic_t database;
};

struct file_work {
    const struct file_settings *settings; /* NULL: defaults */
    EVP_MD_CTX *md5, *sha1, *sha256;
    uint8_t *held; /* content from offset 0 on */
    size_t capacity, size;
    bool full; /* `held` does not grow any more */
    int store; /* descriptor of the file being written, or -1 */
    uint64_t written;
    char path[512]; /* of the file being written */
};

static const struct file_settings *settings_of(const struct session *session)
{
    return session->settings->files;
}

struct magic_set *file_magic_open(const char *path)
{
    struct magic_set *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    set->database = magic_open(MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF);
    if (!set->database || magic_load(set->database, path) != 0) {
        file_magic_close(set);
        return NULL;
    }
    return set;
}

void file_magic_close(struct magic_set *set)
{
    if (!set)
        return;
    if (set->database)
        magic_close(set->database);
    free(set);
}

static EVP_MD_CTX *hash_new(bool wanted, const EVP_MD *kind)
{
    if (!wanted)
        return NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_DigestInit_ex(context, kind, NULL) != 1) {
        EVP_MD_CTX_free(context);
        return NULL;
    }
    return context;
}

static void hash_update(EVP_MD_CTX *context, struct bytes data)
{
    if (context)
        (void)EVP_DigestUpdate(context, data.data, data.size);
}

static bool hash_end(EVP_MD_CTX **context, uint8_t *out)
{
    bool good = *context && EVP_DigestFinal_ex(*context, out, NULL) == 1;
    EVP_MD_CTX_free(*context);
    *context = NULL;
    return good;
}

static struct file *file_new(struct session *session, struct tx *tx, enum direction direction)
{
    const struct file_settings *settings = settings_of(session);
    struct file *file = ARENA_NEW(&tx->memory, struct file);
    struct file_work *work = calloc(1, sizeof *work);
    if (!file || !work) {
        free(work);
        return NULL;
    }
    work->settings = settings;
    work->store = -1;
    file->tx = tx;
    file->direction = (uint8_t)direction;
    file->inspect_max = settings && settings->inspect_max ? settings->inspect_max : INSPECT_MAX;
    file->private_state = work;
    return file;
}

struct file *file_open_body(struct session *session, struct tx *tx, enum direction direction)
{
    return file_new(session, tx, direction);
}

struct file *file_open(struct session *session, struct tx *tx, enum direction direction, struct bytes name)
{
    const struct file_settings *settings = settings_of(session);
    struct file *file = file_new(session, tx, direction);
    if (!file)
        return NULL;
    struct file_work *work = file->private_state;
    if (settings) {
        work->md5 = hash_new(settings->md5, EVP_md5());
        work->sha1 = hash_new(settings->sha1, EVP_sha1());
        work->sha256 = hash_new(settings->sha256 || settings->store_dir, EVP_sha256());
        file->store = settings->store_all && settings->store_dir;
    }
    if (name.data)
        file->name = arena_copy(&tx->memory, bytes_first(name, NAME_MAX_SIZE));
    file->id = ++session->file_total;
    struct file **last = &tx->files;
    while (*last)
        last = &(*last)->next;
    *last = file;
    return file;
}

/* ---- on disk ---- */

static void store_drop(struct file *file)
{
    struct file_work *work = file->private_state;
    if (work->store < 0)
        return;
    close(work->store);
    work->store = -1;
    (void)unlink(work->path);
    file->stored = false;
}

static void store_write(struct file *file, const struct file_settings *settings, struct bytes data)
{
    struct file_work *work = file->private_state;
    if (settings->store_max)
        data = bytes_first(data, (size_t)MIN(settings->store_max - MIN(settings->store_max, work->written),
                                             (uint64_t)data.size));
    while (data.size) {
        ssize_t wrote = write(work->store, data.data, data.size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            store_drop(file);
            file->store = false;
            return;
        }
        work->written += (uint64_t)wrote;
        data = bytes_from(data, (size_t)wrote);
    }
}

/* Starts writing to DIR/tmp; what came before is taken from what is held. False when it is not whole any
 * more. */
static bool store_start(struct file *file)
{
    struct file_work *work = file->private_state;
    const struct file_settings *settings = work->settings;
    if (work->size < file->size || file->has_gaps)
        return false;
    (void)mkdir(settings->store_dir, 0750);
    char folder[448];
    int size = snprintf(folder, sizeof folder, "%s/tmp", settings->store_dir);
    if (size < 0 || (size_t)size >= sizeof folder)
        return false;
    (void)mkdir(folder, 0750);
    (void)snprintf(work->path, sizeof work->path, "%s/%lx.%lx.%u", folder, (unsigned long)getpid(),
                   (unsigned long)(uintptr_t)file, file->id);
    work->store = open(work->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (work->store < 0)
        return false;
    store_write(file, settings, bytes_of(work->held, work->size));
    return work->store >= 0;
}

/* Moves the finished file to DIR/aa/aabb...: one copy per content. */
static void store_end(struct file *file, const struct file_settings *settings)
{
    struct file_work *work = file->private_state;
    char hash[65], folder[448], path[576];
    struct text text = text_of(hash, sizeof hash);
    text_hex(&text, bytes_of(file->sha256, sizeof file->sha256));
    int size = snprintf(folder, sizeof folder, "%s/%.2s", settings->store_dir, hash);
    if (!file->has_sha256 || size < 0 || (size_t)size >= sizeof folder) {
        store_drop(file);
        return;
    }
    (void)mkdir(folder, 0750);
    (void)snprintf(path, sizeof path, "%s/%s", folder, hash);
    close(work->store);
    work->store = -1;
    file->stored = rename(work->path, path) == 0;
    if (!file->stored)
        (void)unlink(work->path);
}

/* A rule that names the file only at its end still gets it, when all of it is held. */
void file_store(struct file *file)
{
    struct file_work *work = file->private_state;
    file->store = true;
    bool late = file->state != FILE_OPEN && !file->stored && work && work->settings &&
                work->settings->store_dir;
    if (late && work->store < 0 && store_start(file))
        store_end(file, work->settings);
}

/* ---- content ---- */

static void keep(struct file *file, struct bytes data)
{
    struct file_work *work = file->private_state;
    if (work->full)
        return;
    size_t room = file->inspect_max > work->size ? (size_t)(file->inspect_max - work->size) : 0;
    size_t take = MIN(room, data.size);
    if (take > work->capacity - work->size) {
        size_t wanted = MAX(work->size + take, work->capacity * 2);
        wanted = MAX(wanted, (size_t)512);
        wanted = (size_t)MIN((uint64_t)wanted, file->inspect_max);
        uint8_t *grown = realloc(work->held, wanted);
        if (!grown) {
            work->full = true;
            return;
        }
        work->held = grown;
        work->capacity = wanted;
    }
    if (take)
        memcpy(work->held + work->size, data.data, take);
    work->size += take;
    work->full = work->size >= file->inspect_max;
}

/* Shows detection what is held once it is worth a look. */
static void show(struct file *file, bool end)
{
    struct file_work *work = file->private_state;
    size_t shown = file->window.data.size;
    uint64_t threshold = shown ? shown + file->inspect_step : file->inspect_min;
    if (end || work->full || work->size >= threshold)
        file->window.data = bytes_of(work->held, work->size);
    else
        file->window.data = bytes_of(work->held, shown); /* the memory may have moved */
    file->window.complete = end || work->full;
}

static void find_magic(struct session *session, struct file *file)
{
    const struct file_settings *settings = settings_of(session);
    struct file_work *work = file->private_state;
    if (!settings || !settings->magic || !settings->cookie || file->magic.data || work->size == 0)
        return;
    const char *text = magic_buffer(settings->cookie->database, work->held, work->size);
    if (text)
        file->magic = arena_copy(&file->tx->memory, bytes_first(bytes_of_string(text), MAGIC_TEXT));
}

bool file_data(struct session *session, struct file *file, struct bytes data)
{
    struct file_work *work = file->private_state;
    if (file->state != FILE_OPEN || !work)
        return false;
    if (data.size == 0)
        return true;
    hash_update(work->md5, data);
    hash_update(work->sha1, data);
    hash_update(work->sha256, data);
    const struct file_settings *settings = settings_of(session);
    if (file->store && settings && settings->store_dir) {
        if (work->store < 0 && !store_start(file))
            file->store = false;
        if (work->store >= 0)
            store_write(file, settings, data);
    }
    keep(file, data);
    file->size += data.size;
    show(file, false);
    if (work->size >= MAGIC_BYTES)
        find_magic(session, file);
    return true;
}

void file_gap(struct session *session, struct file *file, uint64_t size)
{
    (void)session;
    struct file_work *work = file->private_state;
    if (file->state != FILE_OPEN || !work)
        return;
    file->has_gaps = true;
    file->size += size;
    work->full = true; /* what follows does not join what is held */
    store_drop(file);
    file->store = false;
}

void file_close(struct session *session, struct file *file, bool truncated)
{
    struct file_work *work = file->private_state;
    if (file->state != FILE_OPEN || !work)
        return;
    const struct file_settings *settings = settings_of(session);
    bool whole = !truncated && !file->has_gaps;
    file->state = whole ? FILE_CLOSED : FILE_TRUNCATED;
    /* Of a part only the hash is told that it is stored by. */
    file->has_md5 = hash_end(&work->md5, file->md5) && whole;
    file->has_sha1 = hash_end(&work->sha1, file->sha1) && whole;
    file->has_sha256 = hash_end(&work->sha256, file->sha256);
    find_magic(session, file);
    if (file->store && settings && settings->store_dir && work->store < 0)
        (void)store_start(file);
    if (work->store >= 0)
        store_end(file, settings);
    show(file, true);
}

size_t file_memory(const struct file *file)
{
    enum { HASH_SIZE = 256 };
    const struct file_work *work = file->private_state;
    if (!work)
        return 0;
    size_t hashes = (work->md5 ? HASH_SIZE : 0U) + (work->sha1 ? HASH_SIZE : 0U) +
                    (work->sha256 ? HASH_SIZE : 0U);
    return sizeof *work + work->capacity + hashes;
}

void file_free(struct file *file)
{
    if (!file || !file->private_state)
        return;
    struct file_work *work = file->private_state;
    store_drop(file);
    EVP_MD_CTX_free(work->md5);
    EVP_MD_CTX_free(work->sha1);
    EVP_MD_CTX_free(work->sha256);
    free(work->held);
    free(work);
    file->private_state = NULL;
    file->window = (struct window){ 0 };
}

void file_forget_old(struct tx *tx, enum direction direction)
{
    uint32_t count = 0;
    for (const struct file *file = tx->files; file; file = file->next)
        count += file->direction == direction;
    for (struct file **link = &tx->files; *link && count > FILES_KEPT;) {
        struct file *file = *link;
        if (file->direction != direction) {
            link = &file->next;
            continue;
        }
        if (!file->logged || file->state == FILE_OPEN) /* in order: those behind it are counted from here */
            return;
        *link = file->next;
        file_free(file);
        tx->files_gone[direction]++;
        count--;
    }
}
