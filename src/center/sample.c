/* SPDX-License-Identifier: Apache-2.0 */
/* The sample province. Every name, number and mailbox in it is invented. */
#include "center/sample.h"

#include <stdio.h>

#include "center/audit.h"
#include "center/entities.h"
#include "center/resolver.h"
#include "store/register.h"

/* In order of id; networks are 10.20.<row>.0/24. The province itself stands last, so that the first is the
 * lead unit. */
static const struct {
    const char *name, *short_name, *type, *code;
} agencies[] = {
    { "Sở Khoa học và Công nghệ", "Sở KHCN", "department", "K01.1" },
    { "Sở Nội vụ", "Sở NV", "department", "K01.2" },
    { "Sở Y tế", "Sở YT", "department", "K01.3" },
    { "Sở Giáo dục và Đào tạo", "Sở GDĐT", "department", "K01.4" },
    { "Sở Tài chính", "Sở TC", "department", "K01.5" },
    { "Sở Tư pháp", "Sở TP", "department", "K01.6" },
    { "Sở Nông nghiệp và Môi trường", "Sở NNMT", "department", "K01.7" },
    { "Sở Xây dựng", "Sở XD", "department", "K01.8" },
    { "Sở Công Thương", "Sở CT", "department", "K01.9" },
    { "Sở Văn hóa, Thể thao và Du lịch", "Sở VHTTDL", "department", "K01.10" },
    { "Thanh tra tỉnh", "Thanh tra", "board", "K01.11" },
    { "Ban Quản lý Khu kinh tế", "BQL KKT", "board", "K01.12" },
    { "UBND phường An Hòa Mẫu", "P. An Hòa", "commune", "K01.13" },
    { "UBND phường Bình Minh Mẫu", "P. Bình Minh", "commune", "K01.14" },
    { "UBND xã Cẩm Sơn Mẫu", "X. Cẩm Sơn", "commune", "K01.15" },
    { "UBND xã Đông Phú Mẫu", "X. Đông Phú", "commune", "K01.16" },
    { "UBND xã Hòa Lạc Mẫu", "X. Hòa Lạc", "commune", "K01.17" },
    { "Bệnh viện Đa khoa tỉnh", "BVĐK", "unit", "K01.18" },
    { "Trường Cao đẳng Kỹ thuật", "CĐKT", "unit", "K01.19" },
    { "Ủy ban nhân dân tỉnh", "UBND tỉnh", "province", "K01" },
};

static const struct {
    const char *name, *code, *type, *addresses, *plan;
    int owner, operator, level;
} systems[] = {
    { "Cổng thông tin điện tử tỉnh", "CTTDT", "public", "10.20.200.10", "full", 20, 1, 3 },
    { "Hệ thống thư điện tử công vụ", "MAIL", "internal", "10.20.200.25", "partial", 20, 1, 3 },
    { "Trung tâm dữ liệu tỉnh", "TTDL", "infrastructure", "10.20.200.0/24", "partial", 20, 1, 3 },
    { "Hệ thống quản lý văn bản và điều hành", "QLVB", "internal", "10.20.200.30", "full", 20, 1, 3 },
    { "Hệ thống thông tin giải quyết thủ tục hành chính", "TTHC", "public", "10.20.200.40", "partial", 20, 1,
      3 },
    { "Mạng nội bộ Sở Y tế", "LAN-SYT", "infrastructure", "", "none", 3, 3, 2 },
    { "Hệ thống quản lý bệnh viện", "HIS", "internal", "10.20.18.10", "partial", 18, 18, 3 },
    { "Cơ sở dữ liệu ngành Giáo dục", "CSDL-GD", "internal", "10.20.4.10", "none", 4, 4, 2 },
    { "Hệ thống quản lý ngân sách", "NS", "internal", "10.20.5.10", "full", 5, 5, 3 },
    { "Cơ sở dữ liệu đất đai", "DATDAI", "public", "10.20.7.10", "partial", 7, 7, 3 },
    { "Trang thông tin du lịch", "DULICH", "public", "10.20.10.10", "none", 10, 10, 1 },
};

static const char *const given_names[] = {
    "Nguyễn Thị An", "Trần Văn Bình", "Lê Thị Chi",      "Phạm Văn Dũng", "Hoàng Thị Giang",
    "Vũ Văn Hải",    "Đặng Thị Hoa",  "Bùi Văn Khoa",    "Đỗ Thị Lan",    "Ngô Văn Minh",
    "Dương Thị Nga", "Lý Văn Phúc",   "Trịnh Thị Quyên", "Đinh Văn Sơn",  "Mai Thị Thu",
    "Hồ Văn Tuấn",   "Cao Thị Uyên",  "Tạ Văn Vinh",     "Phan Thị Xuân", "Lâm Văn Yên"
};

static const struct {
    const char *name, *role, *display_name;
    int agency;
} people[] = {
    { "truc", "duty", "Trực ban Nguyễn Minh", 0 },       { "ungcuu", "handler", "Ứng cứu Trần Quang", 0 },
    { "lanhdao", "leader", "Lãnh đạo Lê Hồng", 0 },      { "daumoi", "contact", "Đầu mối Sở Y tế", 3 },
    { "daumoi5", "contact", "Đầu mối Sở Tài chính", 5 }, { "kiemtra", "auditor", "Kiểm tra Phạm Hà", 0 },
};

static bool create(struct context *c, const char *entity, const struct text *body, int64_t *id)
{
    struct problems *problems = context_problems(c);
    if (!problems)
        return false;
    struct register_write write = { .database = c->database,
                                    .registers = &province_registers,
                                    .entity = register_find(&province_registers, bytes_of_string(entity)),
                                    .principal = &c->principal,
                                    .memory = c->memory,
                                    .problems = problems,
                                    .now = c->now };
    enum register_result result = register_create(&write, json_parse(text_bytes(body)), id);
    if (result == REGISTER_OK)
        return true;
    return refuse(c, "internal", entity, BYTES_NONE, "sample row of %s: %s", entity,
                  problems->count ? problems->items[0].text : "not written");
}

static bool create_agency(struct context *c, size_t i, int64_t ids[])
{
    char buffer[1024], text[160];
    struct text body = text_of(buffer, sizeof buffer);
    json_open(&body, NULL, '{');
    json_cstring(&body, "name", agencies[i].name);
    json_cstring(&body, "short_name", agencies[i].short_name);
    json_cstring(&body, "type", agencies[i].type);
    json_cstring(&body, "code", agencies[i].code);
    snprintf(text, sizeof text, "coquan%02zu@mau.example.vn", i + 1);
    json_cstring(&body, "email", text);
    snprintf(text, sizeof text, "0200 000 %03zu", i + 1);
    json_cstring(&body, "phone", text);
    json_cstring(&body, "document", "Dữ liệu mẫu");
    json_bool(&body, "sample", true);
    json_close(&body, '}');
    json_end(&body);
    return create(c, "agency", &body, &ids[i]);
}

static bool create_network(struct context *c, const char *cidr, int64_t agency, int64_t system,
                           const char *kind)
{
    char buffer[512];
    int64_t id;
    struct text body = text_of(buffer, sizeof buffer);
    json_open(&body, NULL, '{');
    json_cstring(&body, "cidr", cidr);
    json_int(&body, "agency", agency);
    if (system)
        json_int(&body, "system", system);
    json_cstring(&body, "kind", kind);
    json_cstring(&body, "note", "Dữ liệu mẫu");
    json_close(&body, '}');
    json_end(&body);
    return create(c, "network", &body, &id);
}

static bool create_system(struct context *c, size_t i, const int64_t ids[], int64_t *id)
{
    char buffer[1024];
    struct text body = text_of(buffer, sizeof buffer);
    json_open(&body, NULL, '{');
    json_cstring(&body, "name", systems[i].name);
    json_cstring(&body, "code", systems[i].code);
    json_int(&body, "owner", ids[systems[i].owner - 1]);
    json_int(&body, "operator", ids[systems[i].operator - 1]);
    json_int(&body, "level", systems[i].level);
    json_cstring(&body, "type", systems[i].type);
    json_cstring(&body, "status", "running");
    json_cstring(&body, "plan", systems[i].plan);
    /* Those without a plan have not got their level approved yet either. */
    if (strcmp(systems[i].plan, "none") != 0) {
        char number[32];
        snprintf(number, sizeof number, "%zu/QĐ-UBND", 1204 + i);
        json_cstring(&body, "regulation", "87/QĐ-UBND");
        json_cstring(&body, "regulation_date", "2025-08-11");
        json_cstring(&body, "decision", number);
        json_cstring(&body, "decision_date", "2025-10-20");
    }
    json_cstring(&body, "addresses", systems[i].addresses);
    json_cstring(&body, "note", "Dữ liệu mẫu");
    json_close(&body, '}');
    json_end(&body);
    return create(c, "system", &body, id);
}

static bool create_contact(struct context *c, size_t i, int64_t agency)
{
    char buffer[1024], text[64], day[11];
    int64_t id;
    struct text body = text_of(buffer, sizeof buffer);
    /* Every fourth was confirmed long ago and asks to be looked at. */
    register_day(c->now - (i % 4 == 2 ? 120ULL : 20ULL) * 86400000000000ULL, day);
    json_open(&body, NULL, '{');
    json_cstring(&body, "person", given_names[i % COUNT_OF(given_names)]);
    json_int(&body, "agency", agency);
    json_cstring(&body, "position", "Chuyên viên Văn phòng");
    json_cstring(&body, "role", i % 2 ? "security" : "response");
    snprintf(text, sizeof text, "0900 000 %03zu", i + 1);
    json_cstring(&body, "mobile", text);
    snprintf(text, sizeof text, "daumoi%02zu@mau.example.vn", i + 1);
    json_cstring(&body, "email", text);
    json_cstring(&body, "document", "Dữ liệu mẫu");
    json_cstring(&body, "verified", day);
    json_close(&body, '}');
    json_end(&body);
    return create(c, "contact", &body, &id);
}

static bool load_registers(struct context *c, int64_t ids[])
{
    int64_t system_ids[COUNT_OF(systems)], centre = 0;
    for (size_t i = 0; i < COUNT_OF(agencies); i++) {
        if (!create_agency(c, i, ids) || !create_contact(c, i, ids[i]))
            return false;
    }
    for (size_t i = 0; i < COUNT_OF(systems); i++) {
        if (!create_system(c, i, ids, &system_ids[i]))
            return false;
        if (strcmp(systems[i].code, "TTDL") == 0)
            centre = system_ids[i];
    }
    for (size_t i = 0; i < COUNT_OF(agencies); i++) {
        char cidr[32];
        snprintf(cidr, sizeof cidr, "10.20.%zu.0/24", i + 1);
        if (!create_network(c, cidr, ids[i], i == 2 ? system_ids[5] : 0, "lan"))
            return false;
    }
    return create_network(c, "10.20.200.0/24", ids[0], centre, "tslcd");
}

static bool load_users(struct context *c, const int64_t ids[], struct sample *sample)
{
    for (size_t i = 0; i < COUNT_OF(people); i++) {
        struct sample_user *user = &sample->users[sample->user_count];
        *user = (struct sample_user){ people[i].name, people[i].role, people[i].display_name, "" };
        if (database_number(c->database, "SELECT 1 FROM user WHERE name=? AND ended IS NULL", "s",
                            people[i].name))
            continue;
        int64_t agency = people[i].agency ? ids[people[i].agency - 1] : 0;
        if (!user_make(c, people[i].name, people[i].display_name, people[i].role, &agency, agency != 0,
                       user->password, NULL))
            return false;
        sample->user_count++;
    }
    return true;
}

bool sample_load(struct context *c, struct sample *sample)
{
    int64_t ids[COUNT_OF(agencies)];
    struct error error;
    *sample = (struct sample){ 0 };
    if (database_number(c->database, "SELECT 1 FROM agency WHERE sample=1 LIMIT 1", ""))
        return true;
    if (database_number(c->database, "SELECT 1 FROM agency LIMIT 1", ""))
        return refuse(
            c, "in_use", "agency", BYTES_NONE,
            "this centre has agencies of its own; the sample province needs an empty state directory");
    database_begin(c->database);
    if (!load_registers(c, ids) || !load_users(c, ids, sample) ||
        !audit_add(c, "sample.load", "agency", 0, BYTES_NONE))
        return context_rollback(c);
    if (!context_commit(c))
        return false;
    sample->loaded = true;
    return resolver_load(center_resolver(c->center), c->database, &error) ||
           refuse_error(c, "internal", "network", &error);
}
