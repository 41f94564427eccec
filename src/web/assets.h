/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the page, embedded in the binary: a table generated from ui/dist, sorted by path. */
#ifndef VONGLAU_WEB_ASSETS_H
#define VONGLAU_WEB_ASSETS_H

#include "base/bytes.h"

struct asset {
    const char *path; /* "/index.html", "/a/main-4F2A77C1.js" */
    const char *type; /* Content-Type */
    const char *hash; /* first 16 hexadecimal digits of the SHA-256 of `data`: the ETag, without quotes */
    struct bytes data, gzip, brotli; /* gzip and brotli are empty when they would save nothing */
    bool immutable;                  /* its name carries its hash: may be cached for ever */
};

/* The table and its length, in order of strcmp of paths. */
extern const struct asset web_assets[];
extern const size_t web_asset_count;

/* The asset at `path` exactly, or NULL. */
const struct asset *web_asset_find(struct bytes path);
/* The page itself, "/index.html": what every address that is not an asset answers. */
const struct asset *web_asset_index(void);

#endif
