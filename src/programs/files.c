/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

bool copy_file(const char *from, const char *to, struct error *error)
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

bool copy_folder(const char *from, const char *to, size_t *count, struct error *error)
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

bool file_has_hash(const char *path, const char *expected)
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
