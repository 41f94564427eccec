/* SPDX-License-Identifier: Apache-2.0 */
/* FTP, a connection for data (RFC 959, section 3.2): one transaction, and the file it carries. Nothing in its
 * bytes tells what it is: the control connection announces it, and with it the command and the file's name.
 */
#include "proto/file.h"
#include "proto/ftp.h"

const char *const ftp_transfers[] = { "RETR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD", NULL };
static const char *const command_names[] = { "retr", "stor", "appe", "stou", "list", "nlst", "mlsd", NULL };

struct ftp_data {
    uint8_t command; /* enum ftp_transfer */
    struct bytes name;
};

struct ftp_data_state {
    struct tx *tx;
    struct file *file;
};

static const struct ftp_data *record_of(const struct tx *tx)
{
    return (const void *)tx->record;
}

static void ftp_data_open(struct session *session, void *state_)
{
    struct ftp_data_state *state = state_;
    struct reader note = reader_of_bytes(session->note);
    state->tx = session_tx(session);
    if (!state->tx)
        return;
    struct ftp_data *data = (void *)state->tx->record;
    uint8_t command = reader_u8(&note);
    data->command = command < FTP_TRANSFER_COUNT ? command : (uint8_t)FTP_RETR;
    data->name = arena_copy(&state->tx->memory, reader_peek(&note));
    state->tx->keep = true;
}

static void finish(struct session *session, struct ftp_data_state *state)
{
    if (state->file)
        file_close(session, state->file, false);
    tx_finish_both(state->tx);
    state->tx->keep = false;
    state->tx = NULL;
    state->file = NULL;
}

/* The first side that sends is the one with the file; listings are no files. */
static bool ftp_data_stream(struct session *session, void *state_, enum direction direction,
                            struct reader *in, unsigned flags)
{
    struct ftp_data_state *state = state_;
    struct bytes data = reader_rest(in);
    if (!state->tx)
        return true;
    struct bytes name = record_of(state->tx)->name;
    if (!state->file && data.size && name.size)
        state->file = file_open(session, state->tx, direction, name);
    bool carries = state->file && state->file->direction == direction;
    if (carries)
        file_data(session, state->file, data);
    if ((flags & FEED_END) && (carries || !state->file))
        finish(session, state);
    return true;
}

static bool ftp_data_gap(struct session *session, void *state_, enum direction direction, uint64_t size)
{
    struct ftp_data_state *state = state_;
    if (state->file && state->file->direction == direction)
        file_gap(session, state->file, size);
    return true;
}

static void ftp_data_write(const struct tx *tx, bool extended, struct text *out)
{
    const struct ftp_data *data = record_of(tx);
    (void)extended;
    if (data->name.size)
        json_string(out, "filename", data->name);
    json_cstring(out, "command", ftp_transfers[data->command]);
}

static bool command_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = record_of(tx)->command;
    return index == 0;
}

static const struct inspect inspects[] = {
    { .name = "ftpdata_command",
      .kind = INSPECT_NUMBER,
      .directions = 1 << TO_SERVER | 1 << TO_CLIENT,
      .number = command_number,
      .choices = command_names,
      .max = FTP_TRANSFER_COUNT - 1,
      .help = "Command that the connection serves",
      .source = "RFC 959, section 4.1.3" },
};

const struct protocol ftp_data_protocol = {
    .id = PROTOCOL_ftp_data,
    .name = "ftp-data",
    .title = "File Transfer Protocol, data",
    .eve_type = "ftp_data",
    .transports = TRANSPORT_TCP,
    .state_size = sizeof(struct ftp_data_state),
    .record_size = sizeof(struct ftp_data),
    .tx_memory_max = 64U * 1024U,
    .tx_max = 1,
    .open = ftp_data_open,
    .stream = ftp_data_stream,
    .gap = ftp_data_gap,
    .write = ftp_data_write,
    .inspects = inspects,
    .inspect_count = COUNT_OF(inspects),
    .file_directions = 1 << TO_SERVER | 1 << TO_CLIENT,
    .ends_with_flow = true,
};
