/* SPDX-License-Identifier: Apache-2.0 */
/* Finds an embedded file of the page by its path. */
#include "web/assets.h"

const struct asset *web_asset_find(struct bytes path)
{
    size_t low = 0, high = web_asset_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct asset *asset = &web_assets[middle];
        const struct bytes name = bytes_of_string(asset->path);
        const size_t common = name.size < path.size ? name.size : path.size;
        int order = common > 0 ? memcmp(path.data, name.data, common) : 0;

        if (order == 0)
            order = path.size < name.size ? -1 : path.size > name.size;
        if (order == 0)
            return asset;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct asset *web_asset_index(void)
{
    return web_asset_find(BYTES_OF("/index.html"));
}
