/* SPDX-License-Identifier: Apache-2.0 */
/* Files read and written over SMB: pieces at offsets in any order, put in order within limits. */
#include <stdlib.h>

#include "proto/smb.h"

/* What came before its turn. */
struct smb_chunk {
    struct smb_chunk *next;
    uint64_t offset;
    size_t size, capacity;
    uint8_t *data;
};

#define QUEUE_BYTES_MAX (4U * 1024U * 1024U) /* of one connection */
#define QUEUE_COUNT_MAX 64U                  /* chunks of one file */

/* Gives the file what follows what it has; bytes it has already are left out. */
static void append(struct session *session, struct smb_transfer *transfer, uint64_t offset, struct bytes data)
{
    uint64_t known = transfer->next > offset ? transfer->next - offset : 0;
    if (known >= data.size)
        return;
    data = bytes_from(data, (size_t)known);
    if (offset > transfer->next) {
        file_gap(session, transfer->file, offset - transfer->next);
        transfer->next = offset;
    }
    (void)file_data(session, transfer->file, data);
    transfer->next += data.size;
}

static void take_first(struct session *session, struct smb_transfer *transfer)
{
    struct smb_state *state = session->state;
    struct smb_chunk *chunk = transfer->queue;
    transfer->queue = chunk->next;
    transfer->queue_count--;
    transfer->queued -= chunk->size;
    state->queued -= chunk->size;
    session->heap -= sizeof *chunk + chunk->capacity;
    append(session, transfer, chunk->offset, bytes_of(chunk->data, chunk->size));
    free(chunk->data);
    free(chunk);
}

static void take_until(struct session *session, struct smb_transfer *transfer, uint64_t offset)
{
    while (transfer->queue && transfer->queue->offset <= offset)
        take_first(session, transfer);
}

static bool grow(struct session *session, struct smb_chunk *chunk, size_t more)
{
    size_t wanted = MAX(chunk->size + more, chunk->capacity * 2);
    uint8_t *grown = realloc(chunk->data, wanted);
    if (!grown)
        return false;
    session->heap += wanted - chunk->capacity;
    chunk->data = grown;
    chunk->capacity = wanted;
    return true;
}

/* Behind the chunk that ends where these bytes begin, or as a chunk of its own. */
static bool enqueue(struct session *session, struct smb_transfer *transfer, uint64_t offset,
                    struct bytes data)
{
    struct smb_state *state = session->state;
    struct smb_chunk **place = &transfer->queue, *before = NULL;
    while (*place && (*place)->offset <= offset) {
        before = *place;
        place = &before->next;
    }
    if (!before || before->offset + before->size != offset) {
        if (transfer->queue_count >= QUEUE_COUNT_MAX)
            return false;
        struct smb_chunk *chunk = calloc(1, sizeof *chunk);
        if (!chunk)
            return false;
        session->heap += sizeof *chunk;
        *chunk = (struct smb_chunk){ .next = *place, .offset = offset };
        *place = before = chunk;
        transfer->queue_count++;
    }
    if (before->capacity - before->size < data.size && !grow(session, before, data.size))
        return false;
    memcpy(before->data + before->size, data.data, data.size);
    before->size += data.size;
    transfer->queued += data.size;
    state->queued += data.size;
    return true;
}

/* Besides the limits of the settings the queue has its own. */
static bool queue_has_room(struct session *session, const struct smb_transfer *transfer, uint64_t size)
{
    const struct smb_settings *settings = smb_settings(session);
    const struct smb_state *state = session->state;
    bool write = transfer->file->direction == TO_SERVER;
    uint64_t bytes = write ? settings->max_write_queue_size : settings->max_read_queue_size;
    uint64_t count = write ? settings->max_write_queue_count : settings->max_read_queue_count;
    if (bytes && transfer->queued + size > bytes) {
        tx_event(transfer->tx, write ? SMB_WRITE_QUEUE_SIZE_EXCEEDED : SMB_READ_QUEUE_SIZE_EXCEEDED);
        return false;
    }
    if (count && transfer->queue_count >= count) {
        tx_event(transfer->tx, write ? SMB_WRITE_QUEUE_CNT_EXCEEDED : SMB_READ_QUEUE_CNT_EXCEEDED);
        return false;
    }
    return state->queued + size <= QUEUE_BYTES_MAX;
}

static void put(struct session *session, struct smb_transfer *transfer, uint64_t offset, struct bytes data)
{
    if (!data.size || !transfer->file)
        return;
    if (offset > transfer->next) {
        if (queue_has_room(session, transfer, data.size) && enqueue(session, transfer, offset, data))
            return;
        take_until(session, transfer, offset);
    }
    append(session, transfer, offset, data);
    take_until(session, transfer, transfer->next);
}

void smb_transfer_end(struct session *session, struct smb_transfer *transfer, bool truncated)
{
    while (transfer->queue)
        take_first(session, transfer);
    if (transfer->file)
        file_close(session, transfer->file, truncated);
    if (transfer->tx) {
        tx_finish_both(transfer->tx);
        transfer->tx->keep = false;
    }
    *transfer = (struct smb_transfer){ 0 };
}

static bool begin(const struct smb_message *message, const struct smb_entry *entry,
                  struct smb_transfer *transfer, uint64_t offset)
{
    struct tx *tx = smb_tx(message, SMB_FILE);
    if (!tx)
        return false;
    struct smb *smb = smb_of(tx);
    const struct smb_entry *tree = smb_tree_of(message);
    tx->keep = true; /* until the handle is closed or forgotten */
    smb->answered = true;
    if (message->version == 1) /* as Suricata has it: of SMB 1 the file is told only */
        smb->session_id = smb->tree = 0;
    smb->name = arena_copy(&tx->memory, entry->name);
    smb->share = tree ? arena_copy(&tx->memory, tree->name) : BYTES_NONE;
    memcpy(smb->handle, entry->key, SMB_HANDLE_SIZE);
    smb->has_handle = true;
    *transfer = (struct smb_transfer){ .tx = tx, .next = offset };
    transfer->file = file_open(message->session, tx, message->direction, entry->name);
    if (transfer->file)
        transfer->file->start = offset;
    return true;
}

void smb_content(const struct smb_message *message, const uint8_t handle[SMB_HANDLE_SIZE], uint64_t offset,
                 size_t place, uint64_t size)
{
    struct smb_side *side = &message->state->sides[message->direction];
    size = place < message->size ? MIN(size, message->size - place) : 0;
    struct bytes data = smb_part(message, place, (size_t)size);
    struct smb_entry *entry = size ? smb_entry_for(message, handle, data) : NULL;
    if (!entry)
        return;
    if (smb_is_pipe(message, entry, data)) {
        (void)smb_pipe(message, entry, data);
        return;
    }
    struct smb_transfer *transfer = &entry->transfers[message->direction];
    if (!transfer->tx && !begin(message, entry, transfer, offset))
        return;
    if (offset < transfer->next)
        smb_event(message, transfer->tx, SMB_FILE_OVERLAP);
    put(message->session, transfer, offset, data);
    side->content = size - data.size;
    side->offset = offset + data.size;
    memcpy(side->handle, handle, SMB_HANDLE_SIZE);
}

static struct smb_transfer *content_of(const struct session *session, enum direction direction)
{
    struct smb_state *state = session->state;
    const struct smb_message message = { .state = state };
    struct smb_entry *entry = smb_handle_of(&message, state->sides[direction].handle);
    return entry ? &entry->transfers[direction] : NULL;
}

void smb_content_more(struct session *session, enum direction direction, struct bytes data)
{
    struct smb_state *state = session->state;
    struct smb_side *side = &state->sides[direction];
    struct smb_transfer *transfer = content_of(session, direction);
    if (transfer)
        put(session, transfer, side->offset, data);
    side->offset += data.size;
}

/* Lost bytes are not waited for. */
void smb_content_gap(struct session *session, enum direction direction, uint64_t size)
{
    struct smb_state *state = session->state;
    struct smb_side *side = &state->sides[direction];
    struct smb_transfer *transfer = content_of(session, direction);
    uint64_t end = side->offset + size;
    if (transfer && transfer->file && end > transfer->next) {
        take_until(session, transfer, side->offset);
        if (end > transfer->next)
            file_gap(session, transfer->file, end - transfer->next);
        transfer->next = MAX(end, transfer->next);
    }
    side->offset = end;
}

void smb_close(const struct smb_message *message, const uint8_t handle[SMB_HANDLE_SIZE])
{
    struct smb_entry *entry = smb_handle_of(message, handle);
    if (!entry)
        return;
    for (size_t way = 0; way < DIRECTIONS; way++) {
        struct smb_transfer *transfer = &entry->transfers[way];
        if (transfer->tx)
            smb_of(transfer->tx)->has_status |= message->version == 2;
        smb_transfer_end(message->session, transfer, false);
    }
    smb_pipe_close(message, entry);
    smb_forget(message->session, &message->state->handles, entry);
}
