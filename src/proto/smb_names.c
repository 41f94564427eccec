/* SPDX-License-Identifier: Apache-2.0 */
/* Names of SMB's numbers: commands (MS-CIFS 2.2.2.1, MS-SMB2 2.2.1), dialects, create dispositions and status
 * codes (MS-ERREF 2.3). */
#include "proto/smb_names.h"

static const char *const commands1[256] = {
    [0x00] = "SMB1_COMMAND_CREATE_DIRECTORY",
    [0x01] = "SMB1_COMMAND_DELETE_DIRECTORY",
    [0x02] = "SMB1_COMMAND_OPEN",
    [0x03] = "SMB1_COMMAND_CREATE",
    [0x04] = "SMB1_COMMAND_CLOSE",
    [0x05] = "SMB1_COMMAND_FLUSH",
    [0x06] = "SMB1_COMMAND_DELETE",
    [0x07] = "SMB1_COMMAND_RENAME",
    [0x08] = "SMB1_COMMAND_QUERY_INFORMATION",
    [0x09] = "SMB1_COMMAND_SET_INFORMATION",
    [0x0a] = "SMB1_COMMAND_READ",
    [0x0b] = "SMB1_COMMAND_WRITE",
    [0x0c] = "SMB1_COMMAND_LOCK_BYTE_RANGE",
    [0x0d] = "SMB1_COMMAND_UNLOCK_BYTE_RANGE",
    [0x0e] = "SMB1_COMMAND_CREATE_TEMPORARY",
    [0x0f] = "SMB1_COMMAND_CREATE_NEW",
    [0x10] = "SMB1_COMMAND_CHECK_DIRECTORY",
    [0x11] = "SMB1_COMMAND_PROCESS_EXIT",
    [0x12] = "SMB1_COMMAND_SEEK",
    [0x13] = "SMB1_COMMAND_LOCK_AND_READ",
    [0x14] = "SMB1_COMMAND_WRITE_AND_UNLOCK",
    [0x24] = "SMB1_COMMAND_LOCKING_ANDX",
    [0x25] = "SMB1_COMMAND_TRANS",
    [0x2b] = "SMB1_COMMAND_ECHO",
    [0x2c] = "SMB1_COMMAND_WRITE_AND_CLOSE",
    [0x2d] = "SMB1_COMMAND_OPEN_ANDX",
    [0x2e] = "SMB1_COMMAND_READ_ANDX",
    [0x2f] = "SMB1_COMMAND_WRITE_ANDX",
    [0x32] = "SMB1_COMMAND_TRANS2",
    [0x33] = "SMB1_COMMAND_TRANS2_SECONDARY",
    [0x34] = "SMB1_COMMAND_FIND_CLOSE2",
    [0x71] = "SMB1_COMMAND_TREE_DISCONNECT",
    [0x72] = "SMB1_COMMAND_NEGOTIATE_PROTOCOL",
    [0x73] = "SMB1_COMMAND_SESSION_SETUP_ANDX",
    [0x74] = "SMB1_COMMAND_LOGOFF_ANDX",
    [0x75] = "SMB1_COMMAND_TREE_CONNECT_ANDX",
    [0x80] = "SMB1_COMMAND_QUERY_INFO_DISK",
    [0xa0] = "SMB1_COMMAND_NT_TRANS",
    [0xa1] = "SMB1_COMMAND_NT_TRANS_SECONDARY",
    [0xa2] = "SMB1_COMMAND_NT_CREATE_ANDX",
    [0xa4] = "SMB1_COMMAND_NT_CANCEL",
};

static const char *const commands2[] = {
    "SMB2_COMMAND_NEGOTIATE_PROTOCOL",
    "SMB2_COMMAND_SESSION_SETUP",
    "SMB2_COMMAND_SESSION_LOGOFF",
    "SMB2_COMMAND_TREE_CONNECT",
    "SMB2_COMMAND_TREE_DISCONNECT",
    "SMB2_COMMAND_CREATE",
    "SMB2_COMMAND_CLOSE",
    "SMB2_COMMAND_FLUSH",
    "SMB2_COMMAND_READ",
    "SMB2_COMMAND_WRITE",
    "SMB2_COMMAND_LOCK",
    "SMB2_COMMAND_IOCTL",
    "SMB2_COMMAND_CANCEL",
    "SMB2_COMMAND_KEEPALIVE",
    "SMB2_COMMAND_FIND",
    "SMB2_COMMAND_CHANGE_NOTIFY",
    "SMB2_COMMAND_GET_INFO",
    "SMB2_COMMAND_SET_INFO",
    "SMB2_COMMAND_OPLOCK_BREAK",
};

struct name {
    uint32_t value;
    const char *name;
};

static const struct name dialects[] = {
    { 0x0202, "2.02" }, { 0x0210, "2.10" }, { 0x0222, "2.22" }, { 0x0224, "2.24" }, { 0x02ff, "2.??" },
    { 0x0300, "3.00" }, { 0x0302, "3.02" }, { 0x0310, "3.10" }, { 0x0311, "3.11" },
};

static const char *const dispositions[] = {
    "FILE_SUPERSEDE", "FILE_OPEN", "FILE_CREATE", "FILE_OPEN_IF", "FILE_OVERWRITE", "FILE_OVERWRITE_IF",
};

static const struct name statuses[] = {
#define STATUS(value, name) { value, #name },
#include "proto/smb_status.def"
#undef STATUS
};

static const char *find(const struct name *names, size_t count, uint32_t value)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].value == value)
            return names[i].name;
    return NULL;
}

const char *smb1_command_name(uint16_t command)
{
    return command < COUNT_OF(commands1) ? commands1[command] : NULL;
}

const char *smb2_command_name(uint16_t command)
{
    return command < COUNT_OF(commands2) ? commands2[command] : NULL;
}

const char *smb2_dialect_name(uint16_t dialect)
{
    return find(dialects, COUNT_OF(dialects), dialect);
}

const char *smb_disposition_name(uint32_t disposition)
{
    return disposition < COUNT_OF(dispositions) ? dispositions[disposition] : NULL;
}

/* The list is in rising order. */
const char *smb_status_name(uint32_t status)
{
    size_t low = 0, high = COUNT_OF(statuses);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (statuses[middle].value == status)
            return statuses[middle].name;
        if (statuses[middle].value < status)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
