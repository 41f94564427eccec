/* SPDX-License-Identifier: Apache-2.0 */
/* Names of SMB's numbers, as EVE writes them; NULL for those without one. */
#ifndef VONGLAU_PROTO_SMB_NAMES_H
#define VONGLAU_PROTO_SMB_NAMES_H

#include "base/bytes.h"

const char *smb1_command_name(uint16_t command);
const char *smb2_command_name(uint16_t command);
const char *smb2_dialect_name(uint16_t dialect);
const char *smb_disposition_name(uint32_t disposition);
const char *smb_function_name(uint32_t function);
const char *smb_status_name(uint32_t status);
/* Class << 16 | code. */
const char *smb_dos_status_name(uint32_t status);

#endif
