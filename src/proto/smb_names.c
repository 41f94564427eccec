/* SPDX-License-Identifier: Apache-2.0 */
/* Names of SMB's numbers: commands (MS-CIFS 2.2.2.1, MS-SMB2 2.2.1), dialects, functions of IOCTL (MS-FSCC
 * 2.3, MS-SMB2 2.2.31), create dispositions and status codes (MS-ERREF 2.3, MS-CIFS 2.2.2.4). */
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

static const struct name functions[] = {
    { 0x00060194, "FSCTL_DFS_GET_REFERRALS" },
    { 0x000601b0, "FSCTL_DFS_GET_REFERRALS_EX" },
    { 0x00090000, "FSCTL_REQUEST_OPLOCK_LEVEL_1" },
    { 0x00090004, "FSCTL_REQUEST_OPLOCK_LEVEL_2" },
    { 0x00090008, "FSCTL_REQUEST_BATCH_OPLOCK" },
    { 0x0009000c, "FSCTL_OPLOCK_BREAK_ACKNOWLEDGE" },
    { 0x00090010, "FSCTL_OPBATCH_ACK_CLOSE_PENDING" },
    { 0x00090014, "FSCTL_OPLOCK_BREAK_NOTIFY" },
    { 0x00090018, "FSCTL_LOCK_VOLUME" },
    { 0x0009001c, "FSCTL_UNLOCK_VOLUME" },
    { 0x00090020, "FSCTL_DISMOUNT_VOLUME" },
    { 0x00090028, "FSCTL_IS_VOLUME_MOUNTED" },
    { 0x0009002c, "FSCTL_IS_PATHNAME_VALID" },
    { 0x00090030, "FSCTL_MARK_VOLUME_DIRTY" },
    { 0x0009003b, "FSCTL_QUERY_RETRIEVAL_POINTERS" },
    { 0x0009003c, "FSCTL_GET_COMPRESSION" },
    { 0x0009004f, "FSCTL_MARK_AS_SYSTEM_HIVE" },
    { 0x00090050, "FSCTL_OPLOCK_BREAK_ACK_NO_2" },
    { 0x00090054, "FSCTL_INVALIDATE_VOLUMES" },
    { 0x00090058, "FSCTL_QUERY_FAT_BPB" },
    { 0x0009005c, "FSCTL_REQUEST_FILTER_OPLOCK" },
    { 0x00090060, "FSCTL_FILESYSTEM_GET_STATISTICS" },
    { 0x00090064, "FSCTL_GET_NTFS_VOLUME_DATA" },
    { 0x00090068, "FSCTL_GET_NTFS_FILE_RECORD" },
    { 0x0009006f, "FSCTL_GET_VOLUME_BITMAP" },
    { 0x00090073, "FSCTL_GET_RETRIEVAL_POINTERS" },
    { 0x00090074, "FSCTL_MOVE_FILE" },
    { 0x00090078, "FSCTL_IS_VOLUME_DIRTY" },
    { 0x0009007c, "FSCTL_GET_HFS_INFORMATION" },
    { 0x00090083, "FSCTL_ALLOW_EXTENDED_DASD_IO" },
    { 0x00090087, "FSCTL_READ_PROPERTY_DATA" },
    { 0x0009008b, "FSCTL_WRITE_PROPERTY_DATA" },
    { 0x0009008f, "FSCTL_FIND_FILES_BY_SID" },
    { 0x00090097, "FSCTL_DUMP_PROPERTY_DATA" },
    { 0x0009009c, "FSCTL_GET_OBJECT_ID" },
    { 0x000900a4, "FSCTL_SET_REPARSE_POINT" },
    { 0x000900a8, "FSCTL_GET_REPARSE_POINT" },
    { 0x000900c0, "FSCTL_CREATE_OR_GET_OBJECT_ID" },
    { 0x000900d7, "FSCTL_SET_ENCRYPTION" },
    { 0x000900db, "FSCTL_ENCRYPTION_FSCTL_IO" },
    { 0x000900df, "FSCTL_WRITE_RAW_ENCRYPTED" },
    { 0x000900e3, "FSCTL_READ_RAW_ENCRYPTED" },
    { 0x000900f0, "FSCTL_EXTEND_VOLUME" },
    { 0x00090244, "FSCTL_CSV_TUNNEL_REQUEST" },
    { 0x0009027c, "FSCTL_GET_INTEGRITY_INFORMATION" },
    { 0x00090284, "FSCTL_QUERY_FILE_REGIONS" },
    { 0x000902c8, "FSCTL_CSV_SYNC_TUNNEL_REQUEST" },
    { 0x00090300, "FSCTL_QUERY_SHARED_VIRTUAL_DISK_SUPPORT" },
    { 0x00090304, "FSCTL_SVHDX_SYNC_TUNNEL_REQUEST" },
    { 0x00090308, "FSCTL_SVHDX_SET_INITIATOR_INFORMATION" },
    { 0x0009030c, "FSCTL_SET_EXTERNAL_BACKING" },
    { 0x00090310, "FSCTL_GET_EXTERNAL_BACKING" },
    { 0x00090314, "FSCTL_DELETE_EXTERNAL_BACKING" },
    { 0x00090318, "FSCTL_ENUM_EXTERNAL_BACKING" },
    { 0x0009031f, "FSCTL_ENUM_OVERLAY" },
    { 0x00090350, "FSCTL_STORAGE_QOS_CONTROL" },
    { 0x000900b3, "FSCTL_ENUM_USN_DATA" },
    { 0x000900b7, "FSCTL_SECURITY_ID_CHECK" },
    { 0x000900bb, "FSCTL_READ_USN_JOURNAL" },
    { 0x000940cf, "FSCTL_QUERY_ALLOCATED_RANGES" },
    { 0x000900e7, "FSCTL_CREATE_USN_JOURNAL" },
    { 0x000900eb, "FSCTL_READ_FILE_USN_DATA" },
    { 0x000900ef, "FSCTL_WRITE_USN_CLOSE_RECORD" },
    { 0x00094264, "FSCTL_OFFLOAD_READ" },
    { 0x00098098, "FSCTL_SET_OBJECT_ID" },
    { 0x000980a0, "FSCTL_DELETE_OBJECT_ID" },
    { 0x000980a4, "FSCTL_SET_REPARSE_POINT" },
    { 0x000980ac, "FSCTL_DELETE_REPARSE_POINT" },
    { 0x000980bc, "FSCTL_SET_OBJECT_ID_EXTENDED" },
    { 0x000980c8, "FSCTL_SET_ZERO_DATA" },
    { 0x000980d0, "FSCTL_ENABLE_UPGRADE" },
    { 0x00098208, "FSCTL_FILE_LEVEL_TRIM" },
    { 0x00098268, "FSCTL_OFFLOAD_WRITE" },
    { 0x0009c040, "FSCTL_SET_COMPRESSION" },
    { 0x0009c280, "FSCTL_SET_INTEGRITY_INFORMATION" },
    { 0x00110018, "FSCTL_PIPE_WAIT" },
    { 0x0011400c, "FSCTL_PIPE_PEEK" },
    { 0x0011c017, "FSCTL_PIPE_TRANSCEIVE" },
    { 0x00140078, "FSCTL_SRV_REQUEST_RESUME_KEY" },
    { 0x001401d4, "FSCTL_LMR_REQUEST_RESILIENCY" },
    { 0x001401fc, "FSCTL_QUERY_NETWORK_INTERFACE_INFO" },
    { 0x00140200, "FSCTL_VALIDATE_NEGOTIATE_INFO_224" },
    { 0x00140204, "FSCTL_VALIDATE_NEGOTIATE_INFO" },
    { 0x00144064, "FSCTL_SRV_ENUMERATE_SNAPSHOTS" },
    { 0x001440f2, "FSCTL_SRV_COPYCHUNK" },
    { 0x001441bb, "FSCTL_SRV_READ_HASH" },
    { 0x001480f2, "FSCTL_SRV_COPYCHUNK_WRITE" },
};

static const char *const dispositions[] = {
    "FILE_SUPERSEDE", "FILE_OPEN", "FILE_CREATE", "FILE_OPEN_IF", "FILE_OVERWRITE", "FILE_OVERWRITE_IF",
};

static const struct name statuses[] = {
#define STATUS(value, name) { value, #name },
#include "proto/smb_status.def"
#undef STATUS
};

static const struct name dos_statuses[] = {
    { 0x020001, "SRV_ERROR" },
    { 0x020002, "SRV_BAD_PASSWORD" },
    { 0x020004, "SRV_ACCESS" },
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

const char *smb_function_name(uint32_t function)
{
    return find(functions, COUNT_OF(functions), function);
}

const char *smb_dos_status_name(uint32_t status)
{
    return find(dos_statuses, COUNT_OF(dos_statuses), status);
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
