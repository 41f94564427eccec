/* SPDX-License-Identifier: Apache-2.0 */
/* The file: "vonglau audit anchor 1\n", "ROWS HASH\n", then HMAC-SHA-256 of all before it, hashes in
 * hexadecimal. Its key is derived from secret.key (BLAKE2b, libsodium's crypto_kdf). */
#include "center/anchor.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define MAGIC    "vonglau audit anchor 1\n"
#define TEXT_MAX 512
#define MAC_HEX  (2 * crypto_auth_hmacsha256_BYTES)

static int open_key(const char *directory)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/secret.key", directory);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool derive_key(const char *directory, uint8_t key[crypto_auth_hmacsha256_KEYBYTES])
{
    uint8_t master[crypto_kdf_KEYBYTES];
    int fd = open_key(directory);
    if (fd < 0)
        return false;
    bool ok = read(fd, master, sizeof master) == (ssize_t)sizeof master &&
              crypto_kdf_derive_from_key(key, crypto_auth_hmacsha256_KEYBYTES, 1, "vl-audit", master) == 0;
    close(fd);
    sodium_memzero(master, sizeof master);
    return ok;
}

/* HMAC of `text` in hexadecimal. */
static bool seal(const char *directory, struct bytes text, char hex[MAC_HEX + 1])
{
    uint8_t key[crypto_auth_hmacsha256_KEYBYTES], mac[crypto_auth_hmacsha256_BYTES];
    if (!derive_key(directory, key))
        return false;
    crypto_auth_hmacsha256(mac, text.data, text.size, key);
    sodium_memzero(key, sizeof key);
    sodium_bin2hex(hex, MAC_HEX + 1, mac, sizeof mac);
    return true;
}

/* The text that is authenticated. */
static size_t put_text(const struct anchor *anchor, char *out, size_t size)
{
    char hash[2 * ANCHOR_HASH_SIZE + 1];
    sodium_bin2hex(hash, sizeof hash, anchor->hash, sizeof anchor->hash);
    return (size_t)snprintf(out, size, MAGIC "%" PRId64 " %s\n", anchor->rows, hash);
}

enum anchor_state anchor_load(const char *directory, struct anchor *anchor)
{
    char path[4096], data[TEXT_MAX], expected[TEXT_MAX], mac[MAC_HEX + 1];
    struct anchor found = { 0 };
    uint64_t rows;
    size_t hash_size;
    snprintf(path, sizeof path, "%s/" ANCHOR_FILE, directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return access(path, F_OK) == 0 ? ANCHOR_DAMAGED : ANCHOR_NONE;
    ssize_t got = read(fd, data, sizeof data);
    close(fd);
    struct bytes rest = bytes_of(data, got > 0 ? (size_t)got : 0);
    if (!bytes_starts(rest, BYTES_OF(MAGIC)))
        return ANCHOR_DAMAGED;
    rest = bytes_from(rest, sizeof MAGIC - 1);
    struct bytes number = bytes_cut(&rest, ' '), hash = bytes_cut(&rest, '\n');
    if (!bytes_to_u64(number, &rows) || rows > INT64_MAX ||
        sodium_hex2bin(found.hash, sizeof found.hash, (const char *)hash.data, hash.size, NULL, &hash_size,
                       NULL) != 0 ||
        hash_size != sizeof found.hash)
        return ANCHOR_DAMAGED;
    found.rows = (int64_t)rows;
    size_t size = put_text(&found, expected, sizeof expected);
    if (!seal(directory, bytes_of(expected, size), mac) || rest.size != MAC_HEX + 1 ||
        sodium_memcmp(rest.data, mac, MAC_HEX) != 0)
        return ANCHOR_DAMAGED;
    *anchor = found;
    return ANCHOR_GOOD;
}

bool anchor_save(const char *directory, const struct anchor *anchor, struct error *error)
{
    char path[4096], part[4104], text[TEXT_MAX], mac[MAC_HEX + 1];
    size_t size = put_text(anchor, text, sizeof text);
    if (!seal(directory, bytes_of(text, size), mac))
        return error_system(error, "%s/secret.key", directory);
    size += (size_t)snprintf(text + size, sizeof text - size, "%s\n", mac);
    snprintf(path, sizeof path, "%s/" ANCHOR_FILE, directory);
    snprintf(part, sizeof part, "%s.new", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(error, "%s", part);
    bool ok = write(fd, text, size) == (ssize_t)size && fdatasync(fd) == 0;
    ok = ok || error_system(error, "%s", part);
    close(fd);
    if (ok)
        ok = rename(part, path) == 0 || error_system(error, "%s", path);
    if (!ok)
        unlink(part);
    return ok;
}

int anchor_lock(const char *directory)
{
    int fd = open_key(directory);
    if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void anchor_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}
