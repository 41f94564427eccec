/* SPDX-License-Identifier: Apache-2.0 */
/* Other programs, and the files that stand beside this one. */
#ifndef VONGLAU_PROGRAMS_CHILDREN_H
#define VONGLAU_PROGRAMS_CHILDREN_H

#include <sys/types.h>

#include "base/error.h"

/* The sensor's program: beside this one, else on the path. */
void sensor_program(char *out, size_t size);
/* A file of the project: in the folder $VONGLAU_SHARE names (a build outside the project's tree), beside the
 * binaries (build tree), else where it is installed. */
bool shared_path(const char *name, char *out, size_t size);

/* exec takes words that it does not change but declares them changeable. */
char *word(const char *text);
/* Starts a program; what it says goes to the end of `log_path` unless NULL. -1 with errno when it cannot. */
pid_t spawn(char *const argv[], const char *log_path);
/* The same, and waits; false unless it ends with 0. */
bool spawn_and_wait(char *const argv[], const char *log_path, struct error *error);

/* What every sensor started from here is told: our settings and the tables that stand beside them. */
struct sensor_words {
    char settings[2600], classes[2700], references[2700], rules[2600];
    char *argv[24];
    size_t count;
};

void say_word(struct sensor_words *words, const char *text);
/* `rules` NULL: those shipped. */
void say_settings(struct sensor_words *words, const char *rules);

#endif
