/* SPDX-License-Identifier: Apache-2.0 */
/* QUIC Initial packets: key derivation, header protection, AES-128-GCM. */
#include "proto/quic_crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define TAG_SIZE    16U
#define SAMPLE_SIZE 16U

struct salt {
    uint32_t first, last; /* versions */
    bool v2;
    uint8_t bytes[20];
};

static const struct salt salts[] = {
    { 1, 1, false, { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                     0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a } },
    { 0x6b3343cf, 0x6b3343cf, true, { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                      0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 } },
    { 0xff00001d, 0xff000020, false, { 0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                                       0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99 } },
    { 0xfaceb002,
      0xfaceb002,
      false,
      { 0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
        0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02 } }, /* mvfst's draft 27 */
    { 0xfaceb001,
      0xfaceb001,
      false,
      { 0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a,
        0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a } }, /* mvfst's draft 22 */
    { 0xff000015, 0xff000016, false, { 0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a,
                                       0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a } },
    { 0xff000017, 0xff00001c, false, { 0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
                                       0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02 } },
};

static const struct salt *salt_of(uint32_t version)
{
    for (size_t i = 0; i < COUNT_OF(salts); i++)
        if (version >= salts[i].first && version <= salts[i].last)
            return &salts[i];
    return NULL;
}

bool quic_version_known(uint32_t version)
{
    return salt_of(version) != NULL;
}

static bool mac(const uint8_t *key, size_t key_size, const uint8_t *data, size_t size, uint8_t out[32])
{
    unsigned out_size = 0;
    return HMAC(EVP_sha256(), key, (int)key_size, data, size, out, &out_size) && out_size == 32;
}

/* HKDF-Expand-Label (RFC 8446 section 7.1) for at most 32 bytes. */
static bool expand(const uint8_t secret[32], const char *label, uint8_t *out, size_t size)
{
    uint8_t info[64], block[32];
    size_t label_size = strlen(label), at = 0;
    info[at++] = 0;
    info[at++] = (uint8_t)size;
    info[at++] = (uint8_t)(6 + label_size);
    memcpy(info + at, "tls13 ", 6);
    memcpy(info + at + 6, label, label_size);
    at += 6 + label_size;
    info[at++] = 0; /* no context */
    info[at++] = 1; /* first block */
    if (!mac(secret, 32, info, at, block))
        return false;
    memcpy(out, block, size);
    return true;
}

bool quic_initial_keys(uint32_t version, struct bytes connection_id, bool server, struct quic_keys *keys)
{
    const struct salt *salt = salt_of(version);
    uint8_t initial[32], secret[32];
    if (!salt || !mac(salt->bytes, sizeof salt->bytes, connection_id.data, connection_id.size, initial) ||
        !expand(initial, server ? "server in" : "client in", secret, sizeof secret))
        return false;
    return expand(secret, salt->v2 ? "quicv2 key" : "quic key", keys->key, sizeof keys->key) &&
           expand(secret, salt->v2 ? "quicv2 iv" : "quic iv", keys->iv, sizeof keys->iv) &&
           expand(secret, salt->v2 ? "quicv2 hp" : "quic hp", keys->header, sizeof keys->header);
}

static bool header_mask(const struct quic_keys *keys, const uint8_t *sample, uint8_t mask[16])
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size = 0;
    bool good = context && EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, keys->header, NULL) &&
                EVP_CIPHER_CTX_set_padding(context, 0) &&
                EVP_EncryptUpdate(context, mask, &size, sample, (int)SAMPLE_SIZE);
    EVP_CIPHER_CTX_free(context);
    return good && size == (int)SAMPLE_SIZE;
}

static bool decrypt(const struct quic_keys *keys, const uint8_t nonce[12], struct bytes header,
                    struct bytes sealed, uint8_t *plain, size_t *plain_size)
{
    if (sealed.size < TAG_SIZE)
        return false;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size = 0, last = 0;
    size_t content = sealed.size - TAG_SIZE;
    uint8_t tag[TAG_SIZE];
    memcpy(tag, sealed.data + content, TAG_SIZE);
    bool good = context && EVP_DecryptInit_ex(context, EVP_aes_128_gcm(), NULL, keys->key, nonce) &&
                EVP_DecryptUpdate(context, NULL, &size, header.data, (int)header.size) &&
                EVP_DecryptUpdate(context, plain, &size, sealed.data, (int)content) &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, (int)TAG_SIZE, tag) &&
                EVP_DecryptFinal_ex(context, plain + size, &last) > 0;
    EVP_CIPHER_CTX_free(context);
    *plain_size = good ? (size_t)(size + last) : 0;
    return good;
}

bool quic_open_initial(const struct quic_keys *keys, struct bytes packet, size_t number_offset,
                       uint8_t *plain, size_t *plain_size)
{
    uint8_t mask[16], header[QUIC_PACKET_MAX], nonce[12];
    if (packet.size > QUIC_PACKET_MAX || packet.size < number_offset + 4 + SAMPLE_SIZE ||
        !header_mask(keys, packet.data + number_offset + 4, mask))
        return false;
    uint8_t first = (uint8_t)(packet.data[0] ^ (mask[0] & 0x0f));
    size_t number_size = (first & 3U) + 1;
    size_t header_size = number_offset + number_size;
    memcpy(header, packet.data, header_size);
    header[0] = first;
    memcpy(nonce, keys->iv, sizeof nonce);
    for (size_t i = 0; i < number_size; i++)
        header[number_offset + i] ^= mask[1 + i];
    for (size_t i = 0; i < number_size; i++) /* from the end of both */
        nonce[sizeof nonce - 1 - i] ^= header[header_size - 1 - i];
    return decrypt(keys, nonce, bytes_of(header, header_size), bytes_from(packet, header_size), plain,
                   plain_size);
}
