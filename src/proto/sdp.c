/* SPDX-License-Identifier: Apache-2.0 */
/* Session Description Protocol (RFC 8866 section 5). */
#include "proto/sdp.h"

#include "base/json.h"

struct sdp *sdp_parse(struct bytes text, struct arena *memory)
{
    struct sdp *sdp = ARENA_NEW(memory, struct sdp);
    struct sdp_line lines[SDP_LINES_MAX];
    size_t count = 0;
    uint16_t media = 0;
    while (text.size && count < SDP_LINES_MAX) {
        struct bytes line = bytes_cut(&text, '\n');
        if (line.size && line.data[line.size - 1] == '\r')
            line.size--;
        if (line.size == 0)
            break;
        if (line.size < 2 || line.data[1] != '=')
            return NULL;
        media = (uint16_t)(media + (line.data[0] == 'm'));
        lines[count++] = (struct sdp_line){ line.data[0], media, bytes_from(line, 2) };
    }
    if (!sdp || count == 0 || lines[0].kind != 'v')
        return NULL;
    sdp->lines = ARENA_ARRAY(memory, struct sdp_line, count);
    if (!sdp->lines)
        return NULL;
    memcpy(sdp->lines, lines, count * sizeof *lines);
    sdp->count = count;
    return sdp;
}

/* Kinds of one value, in the order in which EVE writes them. */
static const struct {
    uint8_t kind;
    const char *name;
} session_texts[] = { { 'o', "origin" },          { 's', "session_name" },
                      { 'i', "session_info" },    { 'u', "uri" },
                      { 'e', "email" },           { 'p', "phone_number" },
                      { 'c', "connection_data" }, { 'z', "timezone" },
                      { 'k', "encryption_key" } },
  media_texts[] = {
      { 'm', "media" }, { 'i', "media_info" }, { 'c', "connection_data" }, { 'k', "encryption_key" }
  };

static void write_one(const struct sdp *sdp, uint16_t media, uint8_t kind, const char *name, struct text *out)
{
    for (size_t i = 0; i < sdp->count; i++)
        if (sdp->lines[i].media == media && sdp->lines[i].kind == kind) {
            json_string(out, name, sdp->lines[i].value);
            return;
        }
}

static void write_all(const struct sdp *sdp, uint16_t media, uint8_t kind, const char *name, struct text *out)
{
    bool opened = false;
    for (size_t i = 0; i < sdp->count; i++) {
        if (sdp->lines[i].media != media || sdp->lines[i].kind != kind)
            continue;
        if (!opened)
            json_open(out, name, '[');
        opened = true;
        json_string(out, NULL, sdp->lines[i].value);
    }
    if (opened)
        json_close(out, ']');
}

/* Each t= line with the first of the r= lines that follow it. */
static void write_times(const struct sdp *sdp, struct text *out)
{
    bool opened = false, inside = false, repeated = false;
    for (size_t i = 0; i < sdp->count; i++) {
        const struct sdp_line *line = &sdp->lines[i];
        if (line->kind == 't') {
            if (inside)
                json_close(out, '}');
            if (!opened)
                json_open(out, "time_descriptions", '[');
            opened = inside = true;
            repeated = false;
            json_open(out, NULL, '{');
            json_string(out, "time", line->value);
        } else if (line->kind == 'r' && inside && !repeated) {
            json_string(out, "repeat_time", line->value);
            repeated = true;
        }
    }
    if (inside)
        json_close(out, '}');
    if (opened)
        json_close(out, ']');
}

void sdp_write(const struct sdp *sdp, struct text *out)
{
    uint16_t last = sdp->lines[sdp->count - 1].media;
    json_open(out, "sdp", '{');
    for (size_t i = 0; i < COUNT_OF(session_texts); i++)
        write_one(sdp, 0, session_texts[i].kind, session_texts[i].name, out);
    write_all(sdp, 0, 'b', "bandwidths", out);
    write_times(sdp, out);
    write_all(sdp, 0, 'a', "attributes", out);
    if (last)
        json_open(out, "media_descriptions", '[');
    for (uint16_t media = 1; media <= last; media++) {
        json_open(out, NULL, '{');
        for (size_t i = 0; i < COUNT_OF(media_texts); i++)
            write_one(sdp, media, media_texts[i].kind, media_texts[i].name, out);
        write_all(sdp, media, 'b', "bandwidths", out);
        write_all(sdp, media, 'a', "attributes", out);
        json_close(out, '}');
    }
    if (last)
        json_close(out, ']');
    json_close(out, '}');
}

bool sdp_value(const struct sdp *sdp, uint8_t kind, bool in_media, uint32_t index, struct bytes *value)
{
    for (size_t i = 0; sdp && i < sdp->count; i++)
        if (sdp->lines[i].kind == kind && (sdp->lines[i].media > 0) == in_media && index-- == 0) {
            *value = sdp->lines[i].value;
            return true;
        }
    return false;
}
