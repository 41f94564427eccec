/* SPDX-License-Identifier: Apache-2.0 */
/* The quarterly report's life. */
#include "center/quarter.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "center/audit.h"
#include "store/register.h"

const char *const quarter_sections[] = { "situation", "results",   "levels", "obstacles",
                                         "next",      "proposals", NULL };

static const struct step {
    const char *from, *to;
    unsigned roles;
} steps[] = {
    { "draft", "review", ROLE_ACTING },   { "review", "approved", ROLE_LEADER },
    { "review", "draft", ROLE_STAFF },    { "approved", "numbered", ROLE_LEADER | ROLE_DUTY },
    { "approved", "draft", ROLE_LEADER },
};

#define ROW_COLUMNS                                                                               \
    "id, version, year, quarter, state, number, symbol, created AS \"created@time\", updated AS " \
    "\"updated@time\", "                                                                          \
    "signer"

bool quarter_list(struct context *c, struct text *out)
{
    json_open(out, NULL, '{');
    rows_json(database_query(c->database,
                             "SELECT " ROW_COLUMNS
                             " FROM quarter_report ORDER BY year DESC, quarter DESC LIMIT 400",
                             ""),
              "rows", out);
    json_null(out, "next");
    json_close(out, '}');
    return true;
}

/* ---- the draft's words ---- */

static void PRINTF_LIKE(3, 4) section(struct text *out, const char *key, const char *format, ...)
{
    char buffer[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    json_cstring(out, key, buffer);
}

/* A first draft from the figures; people rewrite it. */
static void draft_sections(struct json_value f, int64_t year, int64_t quarter, struct text *out)
{
#define FIGURE(key) (long long)quarter_figure(f, key)
    static const char *const roman[] = { "", "I", "II", "III", "IV" };
    json_open(out, NULL, '{');
    section(out, "situation",
            "Trong quý %s năm %lld, hệ thống giám sát an ninh mạng của tỉnh ghi nhận %lld sự kiện mạng và "
            "%lld nhóm cảnh báo, "
            "trong đó %lld nhóm ở mức cao. Có %lld sự cố được tiếp nhận, trong đó %lld sự cố nghiêm trọng; "
            "%lld sự cố đã được "
            "xử lý và đóng.",
            roman[quarter], (long long)year, FIGURE("events_total"), FIGURE("alerts_total"),
            FIGURE("alerts_high"), FIGURE("incidents_total"), FIGURE("incidents_serious"),
            FIGURE("incidents_closed"));
    section(out, "results",
            "Đã rà soát %lld nhóm cảnh báo, chuyển thành sự cố %lld nhóm. Phân loại sự cố: mã độc %lld, lừa "
            "đảo %lld, xâm nhập "
            "trái phép %lld, mã hóa dữ liệu %lld, thay đổi giao diện %lld, từ chối dịch vụ %lld. Số sự cố có "
            "thông báo, báo cáo "
            "chậm so với quy định: %lld.",
            FIGURE("alerts_archived") + FIGURE("alerts_escalated"), FIGURE("alerts_escalated"),
            FIGURE("incidents_malware"), FIGURE("incidents_phishing"), FIGURE("incidents_intrusion"),
            FIGURE("incidents_ransomware"), FIGURE("incidents_defacement"), FIGURE("incidents_dos"),
            FIGURE("incidents_late"));
    section(out, "levels",
            "Toàn tỉnh quản lý %lld hệ thống thông tin của %lld cơ quan: cấp độ 1: %lld, cấp độ 2: %lld, cấp "
            "độ 3: %lld, cấp độ "
            "4: %lld, cấp độ 5: %lld. Số hệ thống đã triển khai đầy đủ phương án bảo đảm an ninh mạng: %lld; "
            "triển khai một "
            "số hạng mục: %lld.",
            FIGURE("systems_total"), FIGURE("agencies_total"), FIGURE("systems_level_1"),
            FIGURE("systems_level_2"), FIGURE("systems_level_3"), FIGURE("systems_level_4"),
            FIGURE("systems_level_5"), FIGURE("systems_plan_full"), FIGURE("systems_plan_partial"));
    if (FIGURE("agencies_no_contact") + FIGURE("systems_no_decision") > 0)
        section(
            out, "obstacles",
            "Còn %lld cơ quan chưa cử cán bộ đầu mối; %lld hệ thống thông tin chưa có quyết định phê duyệt "
            "cấp độ.",
            FIGURE("agencies_no_contact"), FIGURE("systems_no_decision"));
    else
        json_cstring(out, "obstacles", "");
    json_cstring(out, "next",
                 "Tiếp tục giám sát, ứng cứu sự cố; đôn đốc các cơ quan hoàn thành hồ sơ cấp độ và phương án "
                 "bảo đảm an ninh mạng.");
    json_cstring(out, "proposals", "");
    json_close(out, '}');
    json_end(out);
#undef FIGURE
}

static bool visible_state(struct context *c, int64_t id, struct bytes *state)
{
    *state = database_text(c->database, c->memory, "SELECT state FROM quarter_report WHERE id=?", "i", id);
    return state->data || refuse(c, "not_found", "report", BYTES_NONE, "there is no such report");
}

bool quarter_create(struct context *c, struct json_value body, struct text *out)
{
    int64_t year = 0, quarter = 0;
    if (!body_number(c, body, "year", &year, NULL) || !body_number(c, body, "quarter", &quarter, NULL))
        return false;
    if (year < 2000 || year > 2200 || quarter < 1 || quarter > 4)
        return refuse(c, "bad_request", "quarter", BYTES_NONE, "year and quarter (1 to 4) are required");
    if (database_number(c->database, "SELECT 1 FROM quarter_report WHERE year=? AND quarter=?", "ii", year,
                        quarter))
        return refuse(c, "in_use", "quarter", BYTES_NONE, "the report of this quarter is there already");
    struct text figures = text_new(1 << 20), tables = text_new(1 << 22), sections = text_new(1 << 16);
    bool ok = quarter_figures(c, year, quarter, &figures, &tables);
    int64_t id = 0;
    if (ok) {
        draft_sections(json_parse(text_bytes(&figures)), year, quarter, &sections);
        database_begin(c->database);
        database_run(
            c->database,
            "INSERT INTO quarter_report (year, quarter, state, symbol, created, updated, created_by, "
            "figures, "
            "tables, sections, addressee, place, signer, signer_title, authority, recipients, parent_agency, "
            "issuing_agency, day) VALUES (?,?,'draft','BC-SKHCN',?,?,?,?,?,?,'Ủy ban nhân dân "
            "tỉnh','','','GIÁM "
            "ĐỐC','','Như trên;\nCông an tỉnh (PA05);\nLưu: VT, ANM.','ỦY BAN NHÂN DÂN TỈNH','SỞ KHOA HỌC VÀ "
            "CÔNG "
            "NGHỆ','')",
            "iiuuobbb", year, quarter, c->now, c->now, c->principal.user, text_bytes(&figures),
            text_bytes(&tables), text_bytes(&sections));
        id = database_last_id(c->database);
        ok = audit_add(c, "report.create", "report", id, BYTES_NONE) ? context_commit(c)
                                                                     : context_rollback(c);
    }
    text_done(&figures);
    text_done(&tables);
    text_done(&sections);
    return ok && quarter_show(c, id, out);
}

static void put_next(struct context *c, struct bytes state, int64_t drafter, struct text *out)
{
    json_open(out, "next", '[');
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        if (!bytes_is(state, steps[i].from))
            continue;
        bool own = strcmp(steps[i].to, "approved") == 0 && drafter == c->principal.user;
        json_open(out, NULL, '{');
        json_cstring(out, "state", steps[i].to);
        json_bool(out, "allowed", (steps[i].roles & c->principal.role) && !own);
        json_close(out, '}');
    }
    json_close(out, ']');
}

bool quarter_show(struct context *c, int64_t id, struct text *out)
{
    struct bytes state;
    if (!visible_state(c, id, &state))
        return false;
    int64_t drafter = database_number(c->database, "SELECT created_by FROM quarter_report WHERE id=?", "i",
                                      id);
    struct statement *s = database_query(
        c->database,
        "SELECT " ROW_COLUMNS
        ", sections AS \"sections@raw\", addressee, place, signer_title, authority, recipients, "
        "parent_agency, issuing_agency, day AS date, figures AS \"figures@raw\", tables AS \"tables@raw\", "
        "(SELECT "
        "display_name FROM user WHERE id=created_by) AS created_by_title, (SELECT display_name FROM user "
        "WHERE "
        "id=approved_by) AS approved_by_title FROM quarter_report WHERE id=?",
        "i", id);
    json_open(out, NULL, '{');
    if (statement_next(s))
        statement_json(s, out);
    statement_done(s);
    put_next(c, state, drafter, out);
    json_close(out, '}');
    return true;
}

/* ---- changes ---- */

static bool editable(struct context *c, int64_t id)
{
    struct bytes state;
    if (!visible_state(c, id, &state))
        return false;
    return bytes_is(state, "draft") ||
           refuse(c, "wrong_state", "state", state, "only a draft can be changed");
}

static bool merge_sections(struct context *c, int64_t id, struct json_value body)
{
    struct json_value given = json_find(body, "sections");
    if (given.type != JSON_OBJECT)
        return true;
    struct bytes kept = database_text(c->database, c->memory,
                                      "SELECT sections FROM quarter_report WHERE id=?", "i", id);
    struct text merged = text_new(1 << 18);
    bool ok = true;
    json_open(&merged, NULL, '{');
    for (const char *const *key = quarter_sections; *key && ok; key++) {
        struct bytes text = BYTES_OF("");
        ok = body_text(c, json_parse(kept), *key, 20000, &text, NULL) &&
             body_text(c, given, *key, 20000, &text, NULL);
        json_string(&merged, *key, text);
    }
    json_close(&merged, '}');
    json_end(&merged);
    if (ok)
        database_run(c->database, "UPDATE quarter_report SET sections=? WHERE id=?", "bi",
                     text_bytes(&merged), id);
    text_done(&merged);
    return ok;
}

static bool update(struct context *c, int64_t id, struct json_value body)
{
    static const char *const columns[] = { "symbol",     "addressee",     "place",
                                           "signer",     "signer_title",  "authority",
                                           "recipients", "parent_agency", "issuing_agency" };
    int64_t version = 0;
    char sql[96], shown[24];
    if (!editable(c, id) || !body_number(c, body, "version", &version, NULL))
        return false;
    int64_t current = database_number(c->database, "SELECT version FROM quarter_report WHERE id=?", "i", id);
    snprintf(shown, sizeof shown, "%lld", (long long)current);
    if (version && version != current)
        return refuse(c, "conflict", "version", bytes_of_string(shown), "the report was changed meanwhile");
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        struct bytes text = BYTES_NONE;
        bool given = false;
        if (!body_text(c, body, columns[i], 2000, &text, &given))
            return false;
        snprintf(sql, sizeof sql, "UPDATE quarter_report SET %s=? WHERE id=?", columns[i]);
        if (given)
            database_run(c->database, sql, "bi", text, id);
    }
    database_run(c->database, "UPDATE quarter_report SET version=version+1, updated=? WHERE id=?", "ui",
                 c->now, id);
    return merge_sections(c, id, body) && audit_add(c, "report.update", "report", id, BYTES_NONE);
}

bool quarter_update(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    database_begin(c->database);
    if (!update(c, id, body))
        return context_rollback(c);
    return context_commit(c) && quarter_show(c, id, out);
}

bool quarter_recompute(struct context *c, int64_t id, struct text *out)
{
    if (!editable(c, id))
        return false;
    int64_t year = database_number(c->database, "SELECT year FROM quarter_report WHERE id=?", "i", id);
    int64_t quarter = database_number(c->database, "SELECT quarter FROM quarter_report WHERE id=?", "i", id);
    struct text figures = text_new(1 << 20), tables = text_new(1 << 22);
    bool ok = quarter_figures(c, year, quarter, &figures, &tables);
    if (ok) {
        database_begin(c->database);
        database_run(
            c->database,
            "UPDATE quarter_report SET figures=?, tables=?, updated=?, version=version+1 WHERE id=? AND "
            "state='draft'",
            "bbui", text_bytes(&figures), text_bytes(&tables), c->now, id);
        ok = audit_add(c, "report.recompute", "report", id, BYTES_NONE) ? context_commit(c)
                                                                        : context_rollback(c);
    }
    text_done(&figures);
    text_done(&tables);
    return ok && quarter_show(c, id, out);
}

static const struct step *find_step(struct bytes from, struct bytes to)
{
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        if (bytes_is(from, steps[i].from) && bytes_is(to, steps[i].to))
            return &steps[i];
    }
    return NULL;
}

static bool enter_state(struct context *c, int64_t id, const char *to)
{
    if (strcmp(to, "review") == 0)
        database_run(c->database, "UPDATE quarter_report SET reviewed_by=? WHERE id=?", "oi",
                     c->principal.user, id);
    if (strcmp(to, "approved") == 0)
        database_run(c->database, "UPDATE quarter_report SET approved_by=? WHERE id=?", "oi",
                     c->principal.user, id);
    if (strcmp(to, "numbered") == 0) {
        char day[11];
        register_day(c->now, day);
        /* Numbers run by year of issue, from 1 (Decree 30/2020 article 15). */
        database_run(
            c->database,
            "UPDATE quarter_report SET day=?1, numbered=?2, number=1+coalesce((SELECT max(number) FROM "
            "quarter_report WHERE substr(day,1,4)=substr(?1,1,4)),0) WHERE id=?3",
            "sui", day, c->now, id);
    }
    return database_run(c->database,
                        "UPDATE quarter_report SET state=?, version=version+1, updated=? WHERE id=?", "sui",
                        to, c->now, id);
}

static bool move(struct context *c, int64_t id, struct bytes to)
{
    struct bytes state;
    if (!visible_state(c, id, &state))
        return false;
    const struct step *step = find_step(state, to);
    if (!step)
        return refuse(c, "wrong_state", "state", state, "there is no step from this state to that one");
    if (!(step->roles & c->principal.role))
        return refuse(c, "forbidden", "state", to, "not for the role %s", role_name(c->principal.role));
    if (strcmp(step->to, "approved") == 0 &&
        database_number(c->database, "SELECT created_by=? FROM quarter_report WHERE id=?", "ii",
                        c->principal.user, id))
        return refuse(c, "second_person", "state", to,
                      "a report is approved by someone else than its drafter");
    char data[64];
    snprintf(data, sizeof data, "{\"from\":\"%s\",\"to\":\"%s\"}", step->from, step->to);
    return enter_state(c, id, step->to) && audit_add(c, "report.state", "report", id, bytes_of_string(data));
}

bool quarter_move(struct context *c, int64_t id, struct json_value body, struct text *out)
{
    struct bytes to = BYTES_NONE;
    if (!body_text(c, body, "state", 20, &to, NULL))
        return false;
    database_begin(c->database);
    if (!move(c, id, to))
        return context_rollback(c);
    return context_commit(c) && quarter_show(c, id, out);
}

/* ---- for documents ---- */

static const char *column_text(struct context *c, struct statement *s, int column)
{
    const char *text = arena_string(c->memory, statement_bytes(s, column));
    return text ? text : "";
}

static struct json_value column_json(struct context *c, struct statement *s, int column)
{
    return json_parse(arena_copy(c->memory, statement_bytes(s, column)));
}

bool quarter_load(struct context *c, int64_t id, struct quarter_report *r)
{
    struct statement *s = database_query(
        c->database,
        "SELECT year, quarter, number, state, symbol, addressee, place, signer, signer_title, authority, "
        "recipients, "
        "parent_agency, issuing_agency, day, sections, figures, tables FROM quarter_report WHERE id=?",
        "i", id);
    if (!statement_next(s))
        return refuse(c, "not_found", "report", BYTES_NONE, "there is no such report");
    *r = (struct quarter_report){ .id = id,
                                  .year = statement_int(s, 0),
                                  .quarter = statement_int(s, 1),
                                  .number = statement_int(s, 2),
                                  .state = column_text(c, s, 3),
                                  .symbol = column_text(c, s, 4),
                                  .addressee = column_text(c, s, 5),
                                  .place = column_text(c, s, 6),
                                  .signer = column_text(c, s, 7),
                                  .signer_title = column_text(c, s, 8),
                                  .authority = column_text(c, s, 9),
                                  .recipients = column_text(c, s, 10),
                                  .parent_agency = column_text(c, s, 11),
                                  .issuing_agency = column_text(c, s, 12),
                                  .day = column_text(c, s, 13),
                                  .sections = column_json(c, s, 14),
                                  .figures = column_json(c, s, 15),
                                  .tables = column_json(c, s, 16) };
    statement_done(s);
    return true;
}
