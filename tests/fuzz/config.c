/* SPDX-License-Identifier: Apache-2.0 */
/* A suricata.yaml of arbitrary bytes: the tree, its typed values, and all settings that are read from it. */
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "sensor/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Asks every node for every type, as the readers of settings do. */
static void ask(struct config_node *node, unsigned depth)
{
    struct error error;
    bool flag = false;
    uint64_t number = 0;
    char path[512];
    struct text text = text_of(path, sizeof path);
    assert(depth < 64);
    config_path(node, &text);
    for (struct config_node *child = node->first; child; child = child->next) {
        (void)!config_bool(node, child->name, &flag, &error);
        (void)!config_uint(node, child->name, 1000, &number, &error);
        (void)!config_size(node, child->name, &number, &error);
        ask(child, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings *settings = malloc(sizeof *settings);
    struct text out = text_new(1U << 20);
    struct error error;
    if (!settings)
        return 0;
    log_setup(LOG_LEVEL_ERROR, STDERR_FILENO);
    settings_init(settings);
    if (config_load_text(&settings->config, bytes_of_string(settings_stock), "stock", &error) &&
        config_load_text(&settings->config, bytes_of(data, size), "/nonexistent/fuzz.yaml", &error)) {
        if (settings_read(settings, &error))
            settings_share_memory(settings, 2);
        config_list_unused(&settings->config.root, &out);
        ask(&settings->config.root, 0);
        text_clear(&out);
        config_dump(&settings->config.root, &out);
    }
    settings_done(settings);
    free(settings);
    text_done(&out);
    return 0;
}
