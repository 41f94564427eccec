/* SPDX-License-Identifier: Apache-2.0 */
/* The project's classification.config and reference.config, for sensors that are given none. */
#include "detect/set.h"

const char classification_stock[] =
#include "detect/classification_stock.inc"
    ;

const char reference_stock[] =
#include "detect/reference_stock.inc"
    ;
