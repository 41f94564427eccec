/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of addresses by category, from files. Private to detect. */
#ifndef VONGLAU_DETECT_REPUTATION_H
#define VONGLAU_DETECT_REPUTATION_H

#include "detect/set.h"

struct reputation;

/* Loads the categories and lists that the settings name; none is no failure. */
MUST_CHECK bool reputation_load(struct ruleset *set, const struct ruleset_settings *settings,
                                struct error *error);
void reputation_free(struct reputation *reputation);

#endif
