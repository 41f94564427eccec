/* SPDX-License-Identifier: Apache-2.0 */
#include "../support/support.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <zip.h>

#include "report/document.h"

static const struct column columns[] = {
    { "STT", 0.1, ALIGN_CENTRE },
    { "Cơ quan, đơn vị", 0.6, ALIGN_LEFT },
    { "Số sự cố", 0.3, ALIGN_RIGHT },
};

static const char *const addressees[] = { "Ủy ban nhân dân tỉnh" };
static const char *const receivers[] = { "Như trên", "Lưu: VT, ANM" };

#define ROWS 120

struct sample {
    const char *cells[ROWS * 3];
    struct table table;
    struct block blocks[8];
    struct document document;
};

static void make_sample(struct sample *sample)
{
    for (size_t i = 0; i < ROWS; i++) {
        sample->cells[i * 3] = "1";
        sample->cells[i * 3 + 1] = "Sở Khoa học và Công nghệ <&> \"mẫu\"";
        sample->cells[i * 3 + 2] = "12";
    }
    sample->table = (struct table){ columns, COUNT_OF(columns), sample->cells, ROWS };
    struct block blocks[] = {
        { .kind = BLOCK_BASIS, .text = "Căn cứ Luật An ninh mạng ngày 10 tháng 12 năm 2025;" },
        { .kind = BLOCK_HEADING, .text = "I. TÌNH HÌNH CHUNG" },
        { .kind = BLOCK_PARAGRAPH,
          .text = "Trong quý, hệ thống giám sát ghi nhận 1.234 cảnh báo, trong đó 12 cảnh báo được xác minh "
                  "là sự cố; "
                  "các đơn vị đã phản hồi đúng hạn và không để lộ, lọt thông tin thuộc phạm vi bí mật nhà "
                  "nước." },
        { .kind = BLOCK_SUBHEADING, .text = "1. Kết nối Internet" },
        { .kind = BLOCK_TABLE, .table = &sample->table },
        { .kind = BLOCK_APPENDIX, .text = "Phụ lục I", .title = "DANH SÁCH HỆ THỐNG THÔNG TIN" },
        { .kind = BLOCK_TABLE, .table = &sample->table },
    };
    memcpy(sample->blocks, blocks, sizeof blocks);
    sample->document = (struct document){
        .parent_agency = "UBND TỈNH MẪU",
        .agency = "SỞ KHOA HỌC VÀ CÔNG NGHỆ",
        .number = "05/BC-SKHCN",
        .place = "Lào Cai",
        .day = 5,
        .month = 1,
        .year = 2027,
        .kind = "BÁO CÁO",
        .subject = "Kết quả bảo đảm an ninh mạng quý IV năm 2026",
        .addressees = addressees,
        .addressee_count = COUNT_OF(addressees),
        .blocks = sample->blocks,
        .block_count = COUNT_OF(blocks),
        .authority = "KT. GIÁM ĐỐC",
        .signer_title = "PHÓ GIÁM ĐỐC",
        .signer = "Nguyễn Văn Mẫu",
        .receivers = receivers,
        .receiver_count = COUNT_OF(receivers),
    };
}

/* Writes `data` to a new file and returns what `command` (with %s for its name) prints. */
static char *printed(const char *command, const struct text *data)
{
    static char output[1 << 20];
    char name[] = "/tmp/vonglau-test-XXXXXX", line[256];
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data->data, data->size), (ssize_t)data->size);
    close(fd);
    snprintf(line, sizeof line, command, name);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    size_t size = fread(output, 1, sizeof output - 1, pipe);
    output[size] = '\0';
    assert_int_equal(pclose(pipe), 0);
    unlink(name);
    return output;
}

static void months_and_days_have_the_decrees_zeros(void **state)
{
    (void)state;
    static const struct {
        unsigned day, month;
        const char *text;
    } cases[] = { { 5, 1, "Huế, ngày 05 tháng 01 năm 2026" },
                  { 15, 2, "Huế, ngày 15 tháng 02 năm 2026" },
                  { 9, 6, "Huế, ngày 09 tháng 6 năm 2026" },
                  { 30, 12, "Huế, ngày 30 tháng 12 năm 2026" } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct document document = {
            .place = "Huế", .day = cases[i].day, .month = cases[i].month, .year = 2026
        };
        char buffer[128];
        struct text out = text_of(buffer, sizeof buffer);
        document_date(&document, &out);
        assert_string_equal(buffer, cases[i].text);
    }
}

static void the_pdf_has_the_decrees_parts_and_page(void **state)
{
    (void)state;
    static struct sample sample;
    make_sample(&sample);
    struct text out = text_new(8 << 20);
    struct error error;
    if (!document_pdf(&sample.document, &out, &error))
        fail_msg("%s", error.text);
    assert_true(bytes_starts(text_bytes(&out), BYTES_OF("%PDF-1.5")));
    const char *kept = getenv("VONGLAU_KEEP_PDF");
    if (kept) {
        FILE *file = fopen(kept, "wb");
        assert_non_null(file);
        fwrite(out.data, 1, out.size, file);
        fclose(file);
    }
    const char *info = printed("pdfinfo %s", &out);
    assert_non_null(strstr(info, "(A4)"));
    const char *fonts = printed("pdffonts %s", &out);
    assert_non_null(strstr(fonts, "LiberationSerif"));
    assert_null(strstr(fonts, " no  yes"));
    const char *text = printed("pdftotext -layout %s -", &out);
    static const char *const parts[] = { "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
                                         "Độc lập - Tự do - Hạnh phúc",
                                         "Số: 05/BC-SKHCN",
                                         "Lào Cai, ngày 05 tháng 01 năm 2027",
                                         "BÁO CÁO",
                                         "Kính gửi: Ủy ban nhân dân tỉnh",
                                         "Nơi nhận:",
                                         "- Lưu: VT, ANM.",
                                         "KT. GIÁM ĐỐC",
                                         "Nguyễn Văn Mẫu",
                                         "Phụ lục I" };
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (!strstr(text, parts[i]))
            fail_msg("the page lacks \"%s\"", parts[i]);
    text_done(&out);
}

static void the_first_page_has_no_number_and_the_second_has(void **state)
{
    (void)state;
    static struct sample sample;
    make_sample(&sample);
    struct text out = text_new(8 << 20);
    struct error error;
    assert_true(document_pdf(&sample.document, &out, &error));
    /* The top margin of 20 mm, at 72 points an inch: 56 points. */
    char *first = printed("pdftotext -f 1 -l 1 -x 0 -y 0 -W 595 -H 54 %s -", &out);
    assert_null(strpbrk(first, "0123456789"));
    char *second = printed("pdftotext -f 2 -l 2 -x 0 -y 0 -W 595 -H 54 %s -", &out);
    assert_int_equal(strtol(second, NULL, 10), 2);
    text_done(&out);
}

static void the_docx_is_a_package_of_well_formed_xml(void **state)
{
    (void)state;
    static struct sample sample;
    make_sample(&sample);
    struct text out = text_new(8 << 20);
    struct error error;
    if (!document_docx(&sample.document, &out, &error))
        fail_msg("%s", error.text);
    zip_error_t reason;
    zip_error_init(&reason);
    zip_source_t *source = zip_source_buffer_create(out.data, out.size, 0, &reason);
    zip_t *zip = zip_open_from_source(source, ZIP_RDONLY, &reason);
    assert_non_null(zip);
    assert_int_equal(zip_get_num_entries(zip, 0), 5);
    for (zip_uint64_t i = 0; i < 5; i++) {
        static char content[1 << 20];
        zip_file_t *file = zip_fopen_index(zip, i, 0);
        zip_int64_t size = zip_fread(file, content, sizeof content);
        assert_true(size > 0);
        xmlDocPtr parsed = xmlReadMemory(content, (int)size, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);
        assert_non_null(parsed);
        xmlFreeDoc(parsed);
        zip_fclose(file);
    }
    zip_close(zip);
    xmlCleanupParser();
    text_done(&out);
}

static void a_document_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static struct sample sample;
    make_sample(&sample);
    struct text out = text_new(1000);
    struct error error;
    assert_false(document_pdf(&sample.document, &out, &error));
    text_clear(&out);
    assert_false(document_docx(&sample.document, &out, &error));
    text_done(&out);
}

/* What fontconfig keeps for the life of the process. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(months_and_days_have_the_decrees_zeros),
        cmocka_unit_test(the_pdf_has_the_decrees_parts_and_page),
        cmocka_unit_test(the_first_page_has_no_number_and_the_second_has),
        cmocka_unit_test(the_docx_is_a_package_of_well_formed_xml),
        cmocka_unit_test(a_document_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
