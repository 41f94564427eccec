/* SPDX-License-Identifier: Apache-2.0 */
/* What an SMB connection remembers of earlier messages: trees, open handles, reads without an answer. Tables
 * are bounded; what was used longest ago goes first. */
#include <stdlib.h>

#include "proto/smb.h"

#define TREES_MAX   32U
#define HANDLES_MAX 128U
#define READS_MAX   256U

static size_t find(const struct smb_table *table, const uint8_t key[SMB_HANDLE_SIZE])
{
    for (size_t i = table->count; i-- > 0;)
        if (memcmp(table->entries[i]->key, key, SMB_HANDLE_SIZE) == 0)
            return i;
    return SIZE_MAX;
}

/* Finds, and makes it the latest. */
static struct smb_entry *use(struct smb_table *table, const uint8_t key[SMB_HANDLE_SIZE])
{
    size_t i = find(table, key);
    if (i == SIZE_MAX)
        return NULL;
    struct smb_entry *entry = table->entries[i];
    memmove(&table->entries[i], &table->entries[i + 1], (table->count - i - 1) * sizeof *table->entries);
    table->entries[table->count - 1] = entry;
    return entry;
}

static void drop_name(struct session *session, struct smb_entry *entry)
{
    session->heap -= entry->name.size;
    free((void *)(uintptr_t)entry->name.data);
    entry->name = BYTES_NONE;
}

static void drop(struct session *session, struct smb_entry *entry)
{
    for (size_t way = 0; way < DIRECTIONS; way++)
        smb_transfer_end(session, &entry->transfers[way], true);
    smb_pipe_free(session, entry->pipe);
    drop_name(session, entry);
    session->heap -= sizeof *entry;
    free(entry);
}

void smb_forget(struct session *session, struct smb_table *table, struct smb_entry *entry)
{
    size_t i = find(table, entry->key);
    if (i == SIZE_MAX)
        return;
    memmove(&table->entries[i], &table->entries[i + 1], (table->count - i - 1) * sizeof *table->entries);
    table->count--;
    drop(session, entry);
}

static bool has_room(struct smb_table *table)
{
    if (table->count < table->capacity)
        return true;
    uint32_t capacity = table->capacity ? table->capacity * 2 : 4;
    struct smb_entry **grown = realloc(table->entries, capacity * sizeof *grown);
    if (!grown)
        return false;
    table->entries = grown;
    table->capacity = capacity;
    return true;
}

static struct smb_entry *add(struct session *session, struct smb_table *table, uint32_t most,
                             const uint8_t key[SMB_HANDLE_SIZE])
{
    struct smb_entry *entry = use(table, key);
    if (entry)
        return entry;
    if (table->count >= most)
        smb_forget(session, table, table->entries[0]);
    entry = has_room(table) ? calloc(1, sizeof *entry) : NULL;
    if (!entry)
        return NULL;
    session->heap += sizeof *entry;
    memcpy(entry->key, key, SMB_HANDLE_SIZE);
    table->entries[table->count++] = entry;
    return entry;
}

void smb_entry_name(struct session *session, struct smb_entry *entry, struct bytes name)
{
    drop_name(session, entry);
    size_t size = MIN(name.size, (size_t)SMB_NAME_MAX);
    uint8_t *copy = size ? malloc(size) : NULL;
    if (!copy)
        return;
    memcpy(copy, name.data, size);
    entry->name = bytes_of(copy, size);
    session->heap += size;
}

/* Trees of SMB 1 are the connection's, those of SMB 2 the session's. */
static void tree_key(const struct smb_message *message, uint8_t key[SMB_HANDLE_SIZE])
{
    uint64_t session = message->version == 1 ? 0 : message->session_id;
    memset(key, 0, SMB_HANDLE_SIZE);
    memcpy(key, &session, sizeof session);
    memcpy(key + 8, &message->tree, sizeof message->tree);
}

struct smb_entry *smb_tree_of(const struct smb_message *message)
{
    uint8_t key[SMB_HANDLE_SIZE];
    tree_key(message, key);
    return use(&message->state->trees, key);
}

struct smb_entry *smb_add_tree(const struct smb_message *message, uint8_t type, struct bytes name)
{
    uint8_t key[SMB_HANDLE_SIZE];
    tree_key(message, key);
    struct smb_entry *entry = add(message->session, &message->state->trees, TREES_MAX, key);
    if (!entry)
        return NULL;
    entry->share_type = type;
    smb_entry_name(message->session, entry, name);
    return entry;
}

struct smb_entry *smb_handle_of(const struct smb_message *message, const uint8_t handle[SMB_HANDLE_SIZE])
{
    return use(&message->state->handles, handle);
}

struct smb_entry *smb_add_handle(const struct smb_message *message, const uint8_t handle[SMB_HANDLE_SIZE])
{
    struct smb_entry *entry = add(message->session, &message->state->handles, HANDLES_MAX, handle);
    const struct smb_entry *tree = smb_tree_of(message);
    if (entry && tree)
        entry->share_type = tree->share_type;
    return entry;
}

/* Content of which neither the handle nor the tree was seen before is DCE/RPC, or is not followed: it may
 * be what programs say to each other by a pipe. */
struct smb_entry *smb_entry_for(const struct smb_message *message, const uint8_t handle[SMB_HANDLE_SIZE],
                                struct bytes data)
{
    struct smb_entry *entry = smb_handle_of(message, handle);
    if (entry || (!smb_tree_of(message) && !smb_is_call(data)))
        return entry;
    entry = smb_add_handle(message, handle);
    if (entry)
        smb_entry_name(message->session, entry, BYTES_OF("<unknown>"));
    return entry;
}

/* ---- reads ---- */

static void remove_read(struct smb_reads *reads, size_t i)
{
    memmove(&reads->entries[i], &reads->entries[i + 1], (reads->count - i - 1) * sizeof *reads->entries);
    reads->count--;
}

static size_t find_read(const struct smb_reads *reads, uint64_t message)
{
    size_t i = 0;
    while (i < reads->count && reads->entries[i].message != message)
        i++;
    return i < reads->count ? i : SIZE_MAX;
}

void smb_add_read(const struct smb_message *message, const struct smb_read *read)
{
    struct smb_reads *reads = &message->state->reads;
    size_t known = find_read(reads, read->message);
    if (known != SIZE_MAX)
        remove_read(reads, known);
    if (reads->count == READS_MAX)
        remove_read(reads, 0);
    if (reads->count == reads->capacity) {
        uint32_t capacity = reads->capacity ? reads->capacity * 2 : 4;
        struct smb_read *grown = realloc(reads->entries, capacity * sizeof *grown);
        if (!grown)
            return;
        message->session->heap += (capacity - reads->capacity) * sizeof *grown;
        reads->entries = grown;
        reads->capacity = capacity;
    }
    reads->entries[reads->count++] = *read;
}

bool smb_take_read(const struct smb_message *message, struct smb_read *read)
{
    struct smb_reads *reads = &message->state->reads;
    size_t i = find_read(reads, message->id);
    if (i == SIZE_MAX)
        return false;
    *read = reads->entries[i];
    remove_read(reads, i);
    return true;
}

static void table_done(struct session *session, struct smb_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        drop(session, table->entries[i]);
    free(table->entries);
    *table = (struct smb_table){ 0 };
}

void smb_tables_done(struct session *session, struct smb_state *state)
{
    table_done(session, &state->handles);
    table_done(session, &state->trees);
    session->heap -= state->reads.capacity * sizeof *state->reads.entries;
    free(state->reads.entries);
    state->reads = (struct smb_reads){ 0 };
}
