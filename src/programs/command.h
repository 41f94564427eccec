/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of vonglau share: the command line, and how they end. */
#ifndef VONGLAU_PROGRAMS_COMMAND_H
#define VONGLAU_PROGRAMS_COMMAND_H

#include "programs/serve.h"

#define STATUS_RUNTIME 1
#define STATUS_USAGE   2
#define PORT_DEFAULT   8443

struct arguments {
    const char *state, *interface, *rules, *captures, *host;
    char address[64];
    uint16_t port;
    const char *words[8];
    size_t word_count;
    char state_buffer[2048];
};

/* Says what is wrong with the command line, and how it is used; STATUS_USAGE. */
int usage_error(const char *what, const char *value);
/* STATUS_RUNTIME. */
int failed(const struct error *error);
struct service_settings settings_of(const struct arguments *arguments);

/* One verb each; they give the exit status. */
int verb_serve(struct arguments *arguments, bool demo, bool sensor);
int verb_open(struct arguments *arguments);
int verb_admin(struct arguments *arguments);

#endif
