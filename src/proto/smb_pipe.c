/* SPDX-License-Identifier: Apache-2.0 */
/* DCE/RPC over named pipes of SMB (MS-RPCE 2.1.1.2): what is written to a pipe and read from it, in whichever
 * messages, are the calls of one association. */
#include <stdlib.h>

#include "proto/smb.h"

#define RESPONSE_HEAD 8U /* C706 12.6.4.10 */

/* The association of an open pipe. */
struct smb_pipe {
    struct dcerpc_bound bound;
    struct {
        uint32_t left, call_id; /* bytes to come of a fragment that was begun, and its call */
        bool last;              /* nothing of the call follows that fragment */
    } sides[DIRECTIONS];
};

void smb_pipe_free(struct session *session, struct smb_pipe *pipe)
{
    session->heap -= pipe ? sizeof *pipe : 0;
    free(pipe);
}

static struct smb_pipe *pipe_of(struct session *session, struct smb_entry *entry)
{
    if (!entry->pipe && (entry->pipe = calloc(1, sizeof *entry->pipe)) != NULL)
        session->heap += sizeof *entry->pipe;
    return entry->pipe;
}

bool smb_is_call(struct bytes data)
{
    struct dcerpc_header header;
    struct reader in = reader_of_bytes(data);
    return dcerpc_read_header(&in, &header);
}

/* Asynchronous answers do not name their tree, and trees may have been connected before the capture began:
 * then the content shows whether it is DCE/RPC. */
bool smb_is_pipe(const struct smb_message *message, const struct smb_entry *entry, struct bytes data)
{
    if (entry->pipe)
        return true;
    if (entry->share_type != SMB_SHARE_UNKNOWN && !message->asynchronous)
        return entry->share_type == SMB_SHARE_PIPE;
    if (entry->transfers[TO_SERVER].tx || entry->transfers[TO_CLIENT].tx)
        return false;
    return smb_is_call(data);
}

static struct tx *find_call(const struct smb_message *message, const struct smb_entry *entry,
                            uint32_t call_id)
{
    for (struct tx *tx = message->session->txs; tx; tx = tx->next) {
        const struct smb *smb = smb_of(tx);
        if (tx->protocol == &smb_protocol && smb->call && !tx->progress[message->direction] &&
            smb->call->call_id == call_id && memcmp(smb->handle, entry->key, SMB_HANDLE_SIZE) == 0)
            return tx;
    }
    return NULL;
}

static struct tx *new_call(const struct smb_message *message, const struct smb_entry *entry,
                           const struct dcerpc_header *header)
{
    struct tx *tx = smb_tx(message, SMB_CALL);
    if (!tx)
        return NULL;
    struct smb *smb = smb_of(tx);
    smb->call = ARENA_NEW(&tx->memory, struct dcerpc);
    if (!smb->call) {
        smb->kind = SMB_PLAIN;
        tx_finish_both(tx);
        return NULL;
    }
    smb->call->call_id = header->call_id;
    smb->call->version = header->version;
    smb->call->minor = header->minor;
    memcpy(smb->handle, entry->key, SMB_HANDLE_SIZE);
    bool lone = header->type == DCERPC_AUTH3 || header->type == DCERPC_CO_CANCEL ||
                header->type == DCERPC_ORPHANED;
    if (message->direction == TO_CLIENT || lone)
        tx_finish(tx, (enum direction) !message->direction);
    if (message->direction == TO_CLIENT)
        smb_answer(message, tx);
    return tx;
}

/* The rest of a fragment whose beginning came before. */
static void go_on(const struct smb_message *message, struct smb_entry *entry, struct reader *in)
{
    enum direction way = message->direction;
    struct smb_pipe *pipe = entry->pipe;
    struct bytes data = reader_bytes(in, MIN((size_t)pipe->sides[way].left, reader_left(in)));
    pipe->sides[way].left -= (uint32_t)data.size;
    struct tx *tx = find_call(message, entry, pipe->sides[way].call_id);
    if (!tx)
        return;
    dcerpc_add_stub(smb_of(tx)->call, &tx->memory, way, data, 0);
    if (!pipe->sides[way].left && pipe->sides[way].last)
        tx_finish(tx, way);
}

/* One fragment; false when these bytes are none. */
static bool take_fragment(const struct smb_message *message, struct smb_entry *entry, struct reader *in)
{
    enum direction way = message->direction;
    struct dcerpc_header header;
    if (!dcerpc_read_header(in, &header) || !pipe_of(message->session, entry))
        return false;
    size_t size = header.size - DCERPC_HEADER_SIZE, here = MIN(size, reader_left(in));
    struct reader body = reader_sub(in, here);
    if (header.type == DCERPC_RESPONSE) /* on pipes Suricata shows what follows its head */
        reader_skip(&body, RESPONSE_HEAD);
    bool follows = way == TO_CLIENT || (header.type == DCERPC_REQUEST && !(header.flags & DCERPC_FIRST));
    struct tx *tx = follows ? find_call(message, entry, header.call_id) : NULL;
    if (!tx)
        tx = new_call(message, entry, &header);
    if (!tx)
        return false;
    dcerpc_take(&entry->pipe->bound, smb_of(tx)->call, &tx->memory, way, &header, body);
    bool ends = dcerpc_ends(&header);
    entry->pipe->sides[way].left = (uint32_t)(size - here);
    entry->pipe->sides[way].call_id = header.call_id;
    entry->pipe->sides[way].last = ends;
    if (ends && here == size)
        tx_finish(tx, way);
    return true;
}

/* What was written to a pipe and is of no known type: as in Suricata, a call that nothing answers. */
static void take_unknown(const struct smb_message *message, const struct smb_entry *entry, struct bytes data)
{
    struct dcerpc_header header;
    struct reader in = reader_of_bytes(data);
    (void)dcerpc_read_header(&in, &header);
    struct tx *tx = dcerpc_type_name(header.type) ? NULL : new_call(message, entry, &header);
    if (!tx)
        return;
    struct dcerpc_side *side = &smb_of(tx)->call->sides[TO_SERVER];
    side->type = header.type;
    side->seen = true;
    smb_event(message, tx, SMB_MALFORMED_DATA);
}

bool smb_pipe(const struct smb_message *message, struct smb_entry *entry, struct bytes data)
{
    struct reader in = reader_of_bytes(data);
    bool taken = false;
    if (entry->pipe && entry->pipe->sides[message->direction].left) {
        go_on(message, entry, &in);
        taken = true;
    }
    while (reader_left(&in) >= DCERPC_HEADER_SIZE && take_fragment(message, entry, &in))
        taken = true;
    if (!taken && message->direction == TO_SERVER && entry->share_type == SMB_SHARE_PIPE &&
        data.size >= DCERPC_HEADER_SIZE) {
        take_unknown(message, entry, data);
        return true;
    }
    return taken;
}

/* The answer to what a call was written with; what the call itself is answered may come later, by a read. */
void smb_call_answered(const struct smb_message *message, struct tx *tx)
{
    smb_of(tx)->answered = true;
    if (message->status != 0 && message->status != SMB_STATUS_BUFFER_OVERFLOW)
        tx_finish_both(tx);
}

void smb_pipe_close(const struct smb_message *message, const struct smb_entry *entry)
{
    for (struct tx *tx = message->session->txs; entry->pipe && tx; tx = tx->next)
        if (tx->protocol == &smb_protocol && smb_of(tx)->call &&
            memcmp(smb_of(tx)->handle, entry->key, SMB_HANDLE_SIZE) == 0)
            tx_finish_both(tx);
}
