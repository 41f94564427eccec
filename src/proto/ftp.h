/* SPDX-License-Identifier: Apache-2.0 */
/* What FTP's control connection says about the one for data: a note of the command's number and the name. */
#ifndef VONGLAU_PROTO_FTP_H
#define VONGLAU_PROTO_FTP_H

#include "proto/session.h"

enum ftp_transfer {
    FTP_RETR,
    FTP_STOR,
    FTP_APPE,
    FTP_STOU,
    FTP_LIST,
    FTP_NLST,
    FTP_MLSD,
    FTP_TRANSFER_COUNT
};
extern const char *const ftp_transfers[]; /* the commands, NULL-terminated */
extern const struct protocol ftp_data_protocol;

#endif
