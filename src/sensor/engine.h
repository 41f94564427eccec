/* SPDX-License-Identifier: Apache-2.0 */
/* A sensor from start to end: settings, rules, outputs, captures, workers, signals. */
#ifndef VONGLAU_SENSOR_ENGINE_H
#define VONGLAU_SENSOR_ENGINE_H

#include "sensor/options.h"

/* Runs what the options say; returns the exit status: 0, 1 (it failed) or 2 (usage). */
int engine_main(struct options *options);

#endif
