/* SPDX-License-Identifier: Apache-2.0 */
/* Small decoders of payload. Private to detect. */
#ifndef VONGLAU_DETECT_DATA_H
#define VONGLAU_DETECT_DATA_H

#include "detect/keyword.h"

/* Decodes base64 as far as it goes, skipping white space; absent when nothing decodes. */
struct bytes base64_lenient(struct bytes text, struct arena *memory);
/* What follows a PORT command names another host than the client (ftpbounce). */
bool ftp_bounce(struct bytes data, const struct context *context);

#endif
