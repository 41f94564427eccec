/* SPDX-License-Identifier: Apache-2.0 */
/* EVE's `smb` object, and the rule keywords over it. */
#include "base/json.h"
#include "proto/smb.h"

/* A GUID whose first three parts are little-endian; the last one is a 16-bit and a 32-bit number here, as
 * Suricata has it. */
static void put_guid(struct text *out, const char *key, const uint8_t g[16])
{
    json_key(out, key);
    text_add(out, "\"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\",", g[3], g[2],
             g[1], g[0], g[5], g[4], g[7], g[6], g[9], g[8], g[11], g[10], g[15], g[14], g[13], g[12]);
}

static void put_handle(const struct smb *smb, struct text *out)
{
    if (!smb->has_handle)
        json_cstring(out, "fuid", "");
    else if (smb->version == 1)
        json_hex(out, "fuid", bytes_of(smb->handle, 2));
    else
        put_guid(out, "fuid", smb->handle);
}

static void put_dialect(const struct smb *smb, struct text *out)
{
    const char *name = smb->dialect ? smb2_dialect_name(smb->dialect) : NULL;
    if (smb->dialect_name.size)
        json_string(out, "dialect", smb->dialect_name);
    else
        json_cstring(out, "dialect", name ? name : "unknown");
}

static void put_command(const struct smb *smb, struct text *out)
{
    const char *name = smb->version == 1 ? smb1_command_name(smb->command) : smb2_command_name(smb->command);
    char number[8];
    struct text text = text_of(number, sizeof number);
    text_u64(&text, smb->command);
    json_string(out, "command", name ? bytes_of_string(name) : text_bytes(&text));
}

/* Class and code of DOS; those of its own classes have a number for a name at least. */
static void put_dos_status(const struct smb *smb, struct text *out)
{
    enum { CLASS_DOS = 1, CLASS_SERVER = 2 };
    unsigned class = smb->status >> 16, code = smb->status & 0xffff;
    const char *name = smb_dos_status_name(smb->status);
    json_key(out, "status");
    if (name)
        text_add(out, "\"%s\",", name);
    else if (class == CLASS_DOS || class == CLASS_SERVER)
        text_add(out, "\"%u\",", code);
    else
        text_add(out, "\"UNKNOWN_%02x_%04x\",", class, code);
    json_key(out, "status_code");
    text_add(out, "\"0x%04x\",", code);
}

static void put_status(const struct smb *smb, struct text *out)
{
    if (!smb->has_status)
        return;
    if (smb->dos_status) {
        put_dos_status(smb, out);
        return;
    }
    const char *name = smb_status_name(smb->status);
    json_key(out, "status");
    if (name)
        text_add(out, "\"%s\",", name);
    else
        text_add(out, "\"UNKNOWN_%08x\",", smb->status);
    json_key(out, "status_code");
    text_add(out, "\"0x%x\",", smb->status);
}

static void put_negotiation(const struct smb *smb, struct text *out)
{
    if (smb->dialect_count) {
        json_open(out, "client_dialects", '[');
        for (uint32_t i = 0; i < smb->dialect_count; i++)
            json_string(out, NULL, smb->dialects[i]);
        json_close(out, ']');
    }
    if (smb->has_client_guid)
        put_guid(out, "client_guid", smb->client_guid);
    if (smb->has_server_guid)
        put_guid(out, "server_guid", smb->server_guid);
    else
        json_cstring(out, "server_guid", "");
    if (smb->has_max) {
        json_uint(out, "max_read_size", smb->max_read);
        json_uint(out, "max_write_size", smb->max_write);
    }
}

static void put_ntlmssp(const struct ntlmssp *ntlmssp, struct text *out)
{
    if (!ntlmssp->seen)
        return;
    json_open(out, "ntlmssp", '{');
    json_string(out, "domain", ntlmssp->domain);
    json_string(out, "user", ntlmssp->user);
    json_string(out, "host", ntlmssp->host);
    if (ntlmssp->has_version) {
        json_key(out, "version");
        text_add(out, "\"%u.%u build %u rev %u\",", ntlmssp->major, ntlmssp->minor, ntlmssp->build,
                 ntlmssp->revision);
    }
    json_close(out, '}');
}

static void put_natives(const struct smb *smb, const char *key, enum direction way, struct text *out)
{
    if (!smb->native_os[way].data)
        return;
    json_open(out, key, '{');
    json_string(out, "native_os", smb->native_os[way]);
    json_string(out, "native_lm", smb->native_lm[way]);
    json_close(out, '}');
}

static void put_login(const struct smb *smb, struct text *out)
{
    put_ntlmssp(&smb->ntlmssp, out);
    if (smb->kerberos.seen) {
        json_open(out, "kerberos", '{');
        json_string(out, "realm", smb->kerberos.realm);
        json_open(out, "snames", '[');
        for (uint32_t i = 0; i < smb->kerberos.name_count; i++)
            json_string(out, NULL, smb->kerberos.names[i]);
        json_close(out, ']');
        json_close(out, '}');
    }
    put_natives(smb, "request", TO_SERVER, out);
    put_natives(smb, "response", TO_CLIENT, out);
}

static void put_share(const struct smb *smb, struct text *out)
{
    static const char *const types[] = { "UNKNOWN", "FILE", "PIPE", "PRINT" };
    json_string(out, smb->share_type == SMB_SHARE_PIPE ? "named_pipe" : "share", smb->share);
    if (smb->version == 1 && smb->service[TO_SERVER].data) {
        json_open(out, "service", '{');
        json_string(out, "request", smb->service[TO_SERVER]);
        if (smb->service[TO_CLIENT].data)
            json_string(out, "response", smb->service[TO_CLIENT]);
        json_close(out, '}');
    } else if (smb->version == 2) {
        json_cstring(out, "share_type", types[smb->share_type]);
    }
}

static void put_access(const struct smb *smb, struct text *out)
{
    json_cstring(out, "access", smb->delete_on_close ? "delete on close" : "normal");
}

static void put_create(const struct smb *smb, struct text *out)
{
    const char *disposition = smb_disposition_name(smb->disposition);
    bool root = !smb->name.size;
    json_string(out, smb->directory && !root ? "directory" : "filename",
                root ? BYTES_OF("<share_root>") : smb->name);
    json_cstring(out, "disposition", disposition ? disposition : "UNKNOWN");
    put_access(smb, out);
    json_uint(out, "created", smb->created);
    json_uint(out, "accessed", smb->accessed);
    json_uint(out, "modified", smb->modified);
    json_uint(out, "changed", smb->changed);
    json_uint(out, "size", smb->size);
    put_handle(smb, out);
}

static void put_file(const struct smb *smb, struct text *out)
{
    json_string(out, "filename", smb->name);
    json_string(out, "share", smb->share);
    put_handle(smb, out);
}

static void put_function(const struct smb *smb, struct text *out)
{
    const char *name = smb_function_name(smb->function);
    json_key(out, "function");
    if (name)
        text_add(out, "\"%s\",", name);
    else
        text_add(out, "\"UNKNOWN (0x%08x)\",", smb->function);
}

/* What was set: SMB 2 has an object for it. */
static void put_info(const struct smb *smb, struct text *out)
{
    if (!smb->info_class)
        return;
    if (smb->version == 2)
        json_open(out, "set_info", '{');
    json_cstring(out, smb->version == 1 ? "subcmd" : "class", smb->info_class);
    json_cstring(out, smb->version == 1 ? "level_of_interest" : "info_level", smb->info_level);
    if (smb->version == 2)
        json_close(out, '}');
}

static void put_rename(const struct smb *smb, struct text *out)
{
    put_info(smb, out);
    json_open(out, "rename", '{');
    json_string(out, "from", smb->name);
    json_string(out, "to", smb->to);
    json_close(out, '}');
    put_handle(smb, out);
}

static void put_disposition(const struct smb *smb, struct text *out)
{
    json_string(out, "filename", smb->name);
    put_access(smb, out);
    put_info(smb, out);
    put_handle(smb, out);
}

/* `none`: what stands for the message when there is none. */
static void put_call_type(const struct dcerpc_side *side, const char *key, const char *none, struct text *out)
{
    char number[8];
    struct text text = text_of(number, sizeof number);
    text_add(&text, "%u", side->type);
    const char *name = dcerpc_type_name(side->type);
    json_cstring(out, key, !side->seen ? none : name ? name : number);
}

static void put_call(const struct smb *smb, struct text *out)
{
    const struct dcerpc *call = smb->call;
    const struct dcerpc_side *request = &call->sides[TO_SERVER], *answer = &call->sides[TO_CLIENT];
    bool called = request->seen && request->type == DCERPC_REQUEST;
    json_open(out, "dcerpc", '{');
    put_call_type(request, "request", "REQUEST_LOST", out);
    put_call_type(answer, "response", "UNREPLIED", out);
    if (called) {
        json_uint(out, "opnum", call->opnum);
        dcerpc_write_stub(out, "req", request);
    }
    dcerpc_write_interfaces(out, call, called ? DCERPC_NO_RESULTS : DCERPC_RESULTS_OF_ANSWERS);
    if (answer->seen && answer->type == DCERPC_RESPONSE)
        dcerpc_write_stub(out, "res", answer);
    json_uint(out, "call_id", call->call_id);
    json_close(out, '}');
}

static void put_nothing(const struct smb *smb, struct text *out)
{
    (void)smb;
    (void)out;
}

void smb_write(const struct tx *tx, bool extended, struct text *out)
{
    static void (*const kinds[])(const struct smb *, struct text *) = {
        [SMB_PLAIN] = put_nothing,       [SMB_NEGOTIATE] = put_negotiation,
        [SMB_SESSION_SETUP] = put_login, [SMB_TREE_CONNECT] = put_share,
        [SMB_CREATE] = put_create,       [SMB_FILE] = put_file,
        [SMB_IOCTL] = put_function,      [SMB_CALL] = put_call,
        [SMB_RENAME] = put_rename,       [SMB_DISPOSITION] = put_disposition,
    };
    const struct smb *smb = smb_in(tx);
    (void)extended;
    json_uint(out, "id", tx->number + 1);
    put_dialect(smb, out);
    put_command(smb, out);
    put_status(smb, out);
    json_uint(out, "session_id", smb->session_id);
    json_uint(out, "tree_id", smb->tree);
    kinds[smb->kind](smb, out);
}

/* ---- types of the EVE output ---- */

static const char *const type_names[] = {
    [SMB_PLAIN] = "generic",
    [SMB_NEGOTIATE] = "negotiate",
    [SMB_SESSION_SETUP] = "session_setup",
    [SMB_TREE_CONNECT] = "tree_connect",
    [SMB_CREATE] = "create",
    [SMB_FILE] = "file",
    [SMB_IOCTL] = "ioctl",
    [SMB_CALL] = "dcerpc",
    [SMB_RENAME] = "rename",
    [SMB_DISPOSITION] = "set_file_path_info",
};

uint32_t smb_log_type(struct bytes name)
{
    for (uint32_t i = 0; i < COUNT_OF(type_names); i++)
        if (bytes_is(name, type_names[i]))
            return 1U << i;
    return 0;
}

bool smb_log_wanted(const struct tx *tx, uint32_t types)
{
    return !types || types & 1U << smb_in(tx)->kind;
}

/* ---- keywords ---- */

static bool get_share(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                      struct bytes *value)
{
    const struct smb *smb = smb_in(tx);
    (void)direction;
    (void)scratch;
    *value = smb->share;
    return index == 0 && smb->kind == SMB_TREE_CONNECT && smb->share_type != SMB_SHARE_PIPE;
}

static bool get_pipe(const struct tx *tx, enum direction direction, uint32_t index, struct arena *scratch,
                     struct bytes *value)
{
    const struct smb *smb = smb_in(tx);
    (void)direction;
    (void)scratch;
    *value = smb->share;
    return index == 0 && smb->kind == SMB_TREE_CONNECT && smb->share_type == SMB_SHARE_PIPE;
}

static bool version_number(const struct tx *tx, enum direction direction, uint32_t index, uint64_t *value)
{
    (void)direction;
    *value = smb_in(tx)->version;
    return index == 0;
}

enum { SERVER = 1 << TO_SERVER, BOTH = 1 << TO_SERVER | 1 << TO_CLIENT };

const struct inspect smb_inspects[SMB_INSPECTS] = {
    { .name = "smb.share",
      .shown = "smb_share",
      .alias = "smb_share",
      .kind = INSPECT_GET,
      .directions = SERVER,
      .progress = { 1, 1 },
      .get = get_share,
      .help = "Path of the share in a tree connect",
      .source = "MS-SMB2 2.2.9" },
    { .name = "smb.named_pipe",
      .shown = "smb_named_pipe",
      .alias = "smb_named_pipe",
      .kind = INSPECT_GET,
      .directions = SERVER,
      .progress = { 1, 1 },
      .get = get_pipe,
      .help = "Path of the share of pipes in a tree connect",
      .source = "MS-SMB2 2.2.9" },
    { .name = "smb.ntlmssp_user",
      .shown = "smb_ntlmssp_user",
      .kind = INSPECT_BYTES,
      .directions = SERVER,
      .progress = { 1, 1 },
      .offset = offsetof(struct smb, ntlmssp.user),
      .help = "User in an NTLMSSP login",
      .source = "MS-NLMP 2.2.1.3" },
    { .name = "smb.ntlmssp_domain",
      .shown = "smb_ntlmssp_domain",
      .kind = INSPECT_BYTES,
      .directions = SERVER,
      .progress = { 1, 1 },
      .offset = offsetof(struct smb, ntlmssp.domain),
      .help = "Domain in an NTLMSSP login",
      .source = "MS-NLMP 2.2.1.3" },
    { .name = "smb.version",
      .shown = "smb_version",
      .kind = INSPECT_NUMBER,
      .directions = BOTH,
      .progress = { 1, 1 },
      .number = version_number,
      .max = 2,
      .lone = true,
      .help = "Major version of the messages: 1 or 2",
      .source = "MS-SMB2 2.2.1" },
    DCERPC_INSPECTS,
};
