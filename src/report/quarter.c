/* SPDX-License-Identifier: Apache-2.0 */
/* From the snapshot of a quarter to the parts of a document. */
#include "report/quarter.h"

#include <stdio.h>

#include "report/document.h"

#define BLOCKS_MAX     64
#define RECEIVERS_MAX  16
#define TABLE_ROWS_MAX 1000
#define COLUMNS_MAX    6

/* Sections in the order of the report; the letter of a section is its place in this list. */
static const struct {
    const char *key, *title;
    const char *groups; /* of figures that stand in a table under it, separated by spaces */
} sections[] = {
    { "situation", "I. TÌNH HÌNH CHUNG", "events alerts incidents" },
    { "results", "II. KẾT QUẢ TRIỂN KHAI", "types" },
    { "levels", "III. CẤP ĐỘ VÀ PHƯƠNG ÁN BẢO ĐẢM AN NINH MẠNG", "registers levels" },
    { "obstacles", "IV. TỒN TẠI, VƯỚNG MẮC VÀ NGUYÊN NHÂN", NULL },
    { "next", "V. PHƯƠNG HƯỚNG, NHIỆM VỤ QUÝ TỚI", NULL },
    { "proposals", "VI. KIẾN NGHỊ, ĐỀ XUẤT", NULL },
};

/* Names of figures; one that is not listed stands under its key, so that nothing is left out. */
static const struct {
    const char *key, *title;
} figure_titles[] = {
    { "events_total", "Sự kiện mạng được ghi nhận" },
    { "alerts_total", "Nhóm cảnh báo" },
    { "alerts_high", "Nhóm cảnh báo mức cao" },
    { "alerts_escalated", "Nhóm cảnh báo chuyển thành sự cố" },
    { "alerts_archived", "Nhóm cảnh báo đã rà soát, lưu trữ" },
    { "incidents_total", "Sự cố tiếp nhận" },
    { "incidents_serious", "Sự cố nghiêm trọng" },
    { "incidents_closed", "Sự cố đã xử lý và đóng" },
    { "incidents_rejected", "Báo cáo sự cố không đúng" },
    { "incidents_late", "Sự cố có thông báo, báo cáo chậm" },
    { "incidents_malware", "Mã độc" },
    { "incidents_phishing", "Lừa đảo, giả mạo" },
    { "incidents_intrusion", "Xâm nhập trái phép" },
    { "incidents_ransomware", "Mã hóa dữ liệu tống tiền" },
    { "incidents_defacement", "Thay đổi giao diện" },
    { "incidents_dos", "Từ chối dịch vụ" },
    { "agencies_total", "Cơ quan, đơn vị" },
    { "contacts_total", "Cán bộ đầu mối" },
    { "agencies_no_contact", "Cơ quan chưa có đầu mối" },
    { "networks_total", "Dải địa chỉ mạng" },
    { "sensors_total", "Cảm biến giám sát" },
    { "systems_total", "Hệ thống thông tin" },
    { "systems_level_1", "Hệ thống cấp độ 1" },
    { "systems_level_2", "Hệ thống cấp độ 2" },
    { "systems_level_3", "Hệ thống cấp độ 3" },
    { "systems_level_4", "Hệ thống cấp độ 4" },
    { "systems_level_5", "Hệ thống cấp độ 5" },
    { "systems_no_decision", "Hệ thống chưa có quyết định phê duyệt cấp độ" },
    { "systems_plan_full", "Hệ thống triển khai đầy đủ phương án" },
    { "systems_plan_partial", "Hệ thống triển khai một số hạng mục" },
};

static const struct {
    const char *key, *title;
} table_titles[] = {
    { "by_agency", "TÌNH HÌNH THEO CƠ QUAN, ĐƠN VỊ" },
    { "by_signature", "CÁC CẢNH BÁO NHIỀU NHẤT" },
};

static const struct {
    const char *key;
    struct column column; /* width: weight, scaled to the table */
} column_kinds[] = {
    { "agency", { "Cơ quan, đơn vị", 5, ALIGN_LEFT } },
    { "signature", { "Nội dung cảnh báo", 6, ALIGN_LEFT } },
    { "alerts", { "Cảnh báo", 1.5, ALIGN_RIGHT } },
    { "incidents", { "Sự cố", 1.5, ALIGN_RIGHT } },
    { "overdue", { "Quá hạn", 1.5, ALIGN_RIGHT } },
    { "count", { "Số lượng", 1.7, ALIGN_RIGHT } },
    { "events", { "Số lần", 1.7, ALIGN_RIGHT } },
    { "agencies", { "Số cơ quan", 1.7, ALIGN_RIGHT } },
    { "sid", { "Mã luật", 1.8, ALIGN_RIGHT } },
    { "severity", { "Mức", 1, ALIGN_CENTRE } },
};

/* Names of the project's own rules and findings; other rules keep the name they came with. */
static const struct {
    const char *signature, *title;
} own_signatures[] = {
    { "VONGLAU SQL injection tool announces itself", "Công cụ chèn lệnh SQL (sqlmap) tự xưng tên" },
    { "VONGLAU SSH password guessing: many logins from one address",
      "Dò mật khẩu SSH: một địa chỉ đăng nhập liên tục" },
    { "VONGLAU SQL injection: UNION SELECT in the address",
      "Chèn lệnh SQL: có UNION SELECT trong địa chỉ trang" },
    { "VONGLAU SQL injection: condition that is always true",
      "Chèn lệnh SQL: điều kiện luôn đúng trong địa chỉ trang" },
    { "VONGLAU path traversal in the address", "Dò đường dẫn tệp qua địa chỉ trang" },
    { "VONGLAU password file of the server in an answer", "Máy chủ trả về tệp mật khẩu của hệ thống" },
    { "VONGLAU PHP code in a request body", "Có mã PHP trong nội dung gửi lên trang" },
    { "VONGLAU Log4Shell lookup in a request header", "Chuỗi khai thác Log4Shell trong yêu cầu" },
    { "VONGLAU Windows program from a host without a name",
      "Chương trình Windows tải từ máy chủ không có tên miền" },
    { "VONGLAU request to a host without a name", "Yêu cầu tới máy chủ không có tên miền" },
    { "VONGLAU Windows program attached to a mail from outside",
      "Chương trình Windows đính kèm thư từ bên ngoài" },
    { "VONGLAU beacon: the same short request again and again",
      "Tín hiệu định kỳ: cùng một yêu cầu ngắn lặp đi lặp lại" },
    { "VONGLAU DNS tunnel: long names of one domain again and again",
      "Đường hầm DNS: hỏi liên tục tên dài của một tên miền" },
    { "VONGLAU port scan: many ports of one host", "Dò quét cổng: nhiều cổng của một máy" },
    { "VONGLAU host sweep: one port of many hosts", "Dò quét máy: một cổng trên nhiều máy" },
};

struct build {
    struct context *context;
    struct arena *memory;
    struct quarter_report report;
    struct block blocks[BLOCKS_MAX];
    size_t block_count;
    const char *receivers[RECEIVERS_MAX];
    const char *addressees[1];
    struct document document;
};

static const char *keep(struct build *build, struct bytes text)
{
    const char *kept = arena_string(build->memory, text);
    return kept ? kept : "";
}

static const char *keep_json(struct build *build, struct json_value value)
{
    if (value.type != JSON_STRING)
        return value.type == JSON_NULL ? "" : keep(build, value.text);
    struct text text = text_new(1 << 18);
    const char *kept = json_unescape(value, &text) ? keep(build, text_bytes(&text)) : "";
    text_done(&text);
    return kept;
}

/* 1234567 as "1.234.567": thousands are grouped by dots in Vietnamese. */
static const char *grouped(struct build *build, const char *number)
{
    size_t size = strlen(number);
    struct text text = text_new(64);
    for (size_t i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0 && byte_is_digit((uint8_t)number[i - 1]))
            text_char(&text, '.');
        text_char(&text, number[i]);
    }
    const char *kept = keep(build, text_bytes(&text));
    text_done(&text);
    return kept;
}

static void add_block(struct build *build, struct block block)
{
    if (build->block_count < BLOCKS_MAX)
        build->blocks[build->block_count++] = block;
}

/* Each line of a section is a paragraph of its own. */
static void add_paragraphs(struct build *build, const char *text)
{
    struct bytes rest = bytes_of_string(text);
    while (rest.size) {
        struct bytes line = bytes_trim(bytes_cut(&rest, '\n'));
        if (line.size)
            add_block(build, (struct block){ .kind = BLOCK_PARAGRAPH, .text = keep(build, line) });
    }
}

static bool listed(const char *words, struct bytes word)
{
    struct bytes rest = bytes_of_string(words);
    while (rest.size)
        if (bytes_equal(bytes_cut(&rest, ' '), word))
            return true;
    return false;
}

static const char *figure_title(struct build *build, struct json_value key)
{
    for (size_t i = 0; i < COUNT_OF(figure_titles); i++)
        if (bytes_is(key.text, figure_titles[i].key))
            return figure_titles[i].title;
    return keep_json(build, key);
}

/* The figures of the named groups: name, this quarter, the quarter before. */
static void add_figures(struct build *build, const char *groups)
{
    static const struct column columns[] = {
        { "Chỉ tiêu", 0.6, ALIGN_LEFT },
        { "Quý này", 0.2, ALIGN_RIGHT },
        { "Quý trước", 0.2, ALIGN_RIGHT },
    };
    const char *cells[TABLE_ROWS_MAX * COUNT_OF(columns)];
    size_t rows = 0;
    struct json_cursor cursor = json_elements(build->report.figures);
    struct json_value figure;
    while (rows < TABLE_ROWS_MAX && json_next_element(&cursor, &figure)) {
        if (!listed(groups, json_find(figure, "group").text))
            continue;
        struct json_value previous = json_find(figure, "previous");
        const char **row = cells + rows++ * COUNT_OF(columns);
        row[0] = figure_title(build, json_find(figure, "key"));
        row[1] = grouped(build, keep_json(build, json_find(figure, "value")));
        row[2] = previous.type == JSON_NUMBER ? grouped(build, keep_json(build, previous)) : "–";
    }
    struct table *table = ARENA_NEW(build->memory, struct table);
    const char **kept = ARENA_ARRAY(build->memory, const char *, rows *COUNT_OF(columns) + 1);
    if (!rows || !table || !kept)
        return;
    memcpy(kept, cells, rows * COUNT_OF(columns) * sizeof *cells);
    *table = (struct table){ columns, COUNT_OF(columns), kept, rows };
    add_block(build, (struct block){ .kind = BLOCK_TABLE, .table = table });
}

static void add_sections(struct build *build)
{
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        add_block(build, (struct block){ .kind = BLOCK_HEADING, .text = sections[i].title });
        const char *text = keep_json(build, json_find(build->report.sections, sections[i].key));
        add_paragraphs(build, text[0] ? text : "Không có.");
        if (sections[i].groups)
            add_figures(build, sections[i].groups);
    }
}

static struct column column_of(struct build *build, struct json_value key)
{
    for (size_t i = 0; i < COUNT_OF(column_kinds); i++)
        if (bytes_is(key.text, column_kinds[i].key))
            return column_kinds[i].column;
    return (struct column){ keep_json(build, key), 2, ALIGN_LEFT };
}

static size_t read_columns(struct build *build, struct json_value list, struct column *columns)
{
    struct json_cursor cursor = json_elements(list);
    struct json_value key;
    size_t count = 0;
    double total = 0;
    while (count < COLUMNS_MAX && json_next_element(&cursor, &key)) {
        columns[count] = column_of(build, key);
        total += columns[count++].width;
    }
    for (size_t i = 0; i < count; i++)
        columns[i].width /= total;
    return count;
}

static const char *signature_title(const char *text)
{
    for (size_t i = 0; i < COUNT_OF(own_signatures); i++)
        if (strcmp(own_signatures[i].signature, text) == 0)
            return own_signatures[i].title;
    return text;
}

static size_t read_cells(struct build *build, struct json_value rows, size_t columns, const char **cells)
{
    struct json_cursor cursor = json_elements(rows);
    struct json_value row, cell;
    size_t count = 0;
    while (count < TABLE_ROWS_MAX && json_next_element(&cursor, &row)) {
        struct json_cursor inside = json_elements(row);
        for (size_t i = 0; i < columns; i++) {
            bool there = json_next_element(&inside, &cell);
            const char *text = there ? keep_json(build, cell) : "";
            cells[count * columns + i] = there && cell.type == JSON_NUMBER ? grouped(build, text)
                                                                           : signature_title(text);
        }
        count++;
    }
    return count;
}

static void add_appendix(struct build *build, struct json_value source, unsigned number)
{
    static const char *const roman[] = { "I", "II", "III", "IV", "V", "VI", "VII", "VIII" };
    struct json_value key = json_find(source, "key");
    struct column *columns = ARENA_ARRAY(build->memory, struct column, COLUMNS_MAX);
    const char **cells = ARENA_ARRAY(build->memory, const char *, (size_t)TABLE_ROWS_MAX *COLUMNS_MAX);
    struct table *table = ARENA_NEW(build->memory, struct table);
    if (!columns || !cells || !table || number >= COUNT_OF(roman))
        return;
    size_t count = read_columns(build, json_find(source, "columns"), columns);
    if (!count)
        return;
    size_t rows = read_cells(build, json_find(source, "rows"), count, cells);
    *table = (struct table){ columns, count, cells, rows };
    const char *title = keep_json(build, key);
    for (size_t i = 0; i < COUNT_OF(table_titles); i++)
        if (bytes_is(key.text, table_titles[i].key))
            title = table_titles[i].title;
    char label[32];
    snprintf(label, sizeof label, "Phụ lục %s", roman[number]);
    add_block(build, (struct block){ .kind = BLOCK_APPENDIX,
                                     .text = keep(build, bytes_of_string(label)),
                                     .title = title });
    add_block(build, (struct block){ .kind = BLOCK_TABLE, .table = table });
}

static void add_receivers(struct build *build)
{
    struct bytes rest = bytes_of_string(build->report.recipients);
    struct document *document = &build->document;
    while (rest.size && document->receiver_count < RECEIVERS_MAX) {
        struct bytes line = bytes_trim(bytes_cut(&rest, '\n'));
        while (line.size && (line.data[line.size - 1] == ';' || line.data[line.size - 1] == '.'))
            line.size--;
        if (bytes_starts(line, BYTES_OF("- ")))
            line = bytes_from(line, 2);
        if (line.size)
            build->receivers[document->receiver_count++] = keep(build, line);
    }
    document->receivers = build->receivers;
}

static void read_day(const char *day, struct document *document)
{
    struct bytes rest = bytes_of_string(day);
    uint64_t year, month, date;
    if (!bytes_to_u64(bytes_cut(&rest, '-'), &year) || !bytes_to_u64(bytes_cut(&rest, '-'), &month) ||
        !bytes_to_u64(rest, &date))
        return;
    document->year = (unsigned)year;
    document->month = (unsigned)month;
    document->day = (unsigned)date;
}

static bool build_document(struct build *build, struct context *context, int64_t id)
{
    static const char *const roman[] = { "", "I", "II", "III", "IV" };
    char line[512];
    *build = (struct build){ .context = context, .memory = context->memory };
    struct quarter_report *report = &build->report;
    if (!quarter_load(context, id, report))
        return false;
    struct document *document = &build->document;
    bool final = report->number > 0;
    document->parent_agency = report->parent_agency;
    document->agency = report->issuing_agency;
    snprintf(line, sizeof line, "%02lld/%s", (long long)report->number, report->symbol);
    document->number = final ? keep(build, bytes_of_string(line)) : "";
    document->place = report->place[0] ? report->place : "…………";
    /* The month after the quarter, until the day of issue is known. */
    document->month = report->quarter == 4 ? 1 : (unsigned)report->quarter * 3 + 1;
    document->year = (unsigned)(report->quarter == 4 ? report->year + 1 : report->year);
    read_day(report->day, document);
    document->kind = "BÁO CÁO";
    snprintf(line, sizeof line, "Kết quả bảo đảm an ninh mạng quý %s năm %lld",
             roman[report->quarter >= 1 && report->quarter <= 4 ? report->quarter : 0],
             (long long)report->year);
    document->subject = keep(build, bytes_of_string(line));
    build->addressees[0] = report->addressee;
    document->addressees = build->addressees;
    document->addressee_count = report->addressee[0] != '\0';
    document->authority = report->authority[0] ? report->authority : NULL;
    document->signer_title = report->signer_title;
    document->signer = report->signer;
    document->watermark = final ? NULL : "DỰ THẢO";
    add_receivers(build);
    add_sections(build);
    struct json_cursor cursor = json_elements(report->tables);
    struct json_value table;
    for (unsigned number = 0; json_next_element(&cursor, &table); number++)
        add_appendix(build, table, number);
    document->blocks = build->blocks;
    document->block_count = build->block_count;
    return true;
}

bool quarter_pdf(struct context *context, int64_t id, struct text *out, struct error *error)
{
    struct build build;
    return build_document(&build, context, id) && document_pdf(&build.document, out, error);
}

bool quarter_docx(struct context *context, int64_t id, struct text *out, struct error *error)
{
    struct build build;
    return build_document(&build, context, id) && document_docx(&build.document, out, error);
}
