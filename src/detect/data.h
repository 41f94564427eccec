/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of values that rules look up and add to, and small decoders of payload. Private to detect. */
#ifndef VONGLAU_DETECT_DATA_H
#define VONGLAU_DETECT_DATA_H

#include "detect/keyword.h"

enum dataset_command { DATASET_IS_SET, DATASET_IS_NOT_SET, DATASET_SET, DATASET_UNSET };
enum dataset_type { DATASET_STRING, DATASET_MD5, DATASET_SHA1, DATASET_SHA256, DATASET_IPV4, DATASET_IP };

/* Looks `value` up (or adds it) as `command` says. */
bool dataset_match(struct dataset *set, unsigned command, struct bytes value, struct context *context);
/* A list of hashes in hexadecimal, one a line, as file keywords name them. NULL and a refusal when
 * unreadable. */
struct dataset *hash_list_open(struct compiler *c, struct bytes path, enum dataset_type type);
bool dataset_has(const struct dataset *set, struct bytes value);
/* Writes the sets that rules asked to save, and frees all. */
void datasets_free(struct dataset *first);

/* Decodes base64 as far as it goes, skipping white space; absent when nothing decodes. */
struct bytes base64_lenient(struct bytes text, struct arena *memory);
/* A PORT command that names another host than the client (ftpbounce). */
bool ftp_bounce(struct bytes data, const struct context *context);

#endif
