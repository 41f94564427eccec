/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of the province: which entities there are and what their rows must satisfy. */
#ifndef VONGLAU_CENTER_ENTITIES_H
#define VONGLAU_CENTER_ENTITIES_H

#include "store/register.h"

extern const struct registers province_registers;
extern const struct entity agency_entity, user_entity, sensor_entity;

/* Codes of agencies: Decision 20/2020/QD-TTg (root first) and QCVN 102:2016 (root last). */
bool agency_code_valid(struct bytes code);
bool agency_code102_valid(struct bytes code);
/* Fills empty tables of rules, holidays and playbooks with what is shipped. */
MUST_CHECK bool entities_seed(struct database *database, uint64_t now, struct error *error);

#endif
