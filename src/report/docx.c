/* SPDX-License-Identifier: Apache-2.0 */
/* The same document as Office Open XML (ECMA-376), to be edited in Word or LibreOffice. */
#include "report/document.h"

#include <libxml/xmlwriter.h>
#include <stdlib.h>
#include <zip.h>

/* Lengths of WordprocessingML: twentieths of a point; font sizes: half points. */
#define TWENTIETHS_PER_MM (1440 / 25.4)
#define TEXT_WIDTH        ((int)(160 * TWENTIETHS_PER_MM))
#define INDENT            720
#define WORD_NAMESPACE    "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
#define FONT              "Times New Roman"

enum { BOLD = 1, ITALIC = 2 };

struct style {
    const char *align; /* w:jc */
    int size;          /* points */
    unsigned weight;
    int indent, before, after; /* twentieths of a point */
    bool keep_next, page_break, rule;
};

struct word {
    xmlTextWriterPtr xml;
    bool failed;
};

static void start(struct word *word, const char *name)
{
    word->failed |= xmlTextWriterStartElement(word->xml, (const xmlChar *)name) < 0;
}

static void end(struct word *word)
{
    word->failed |= xmlTextWriterEndElement(word->xml) < 0;
}

static void attribute(struct word *word, const char *name, const char *value)
{
    word->failed |= xmlTextWriterWriteAttribute(word->xml, (const xmlChar *)name, (const xmlChar *)value) < 0;
}

static void attribute_number(struct word *word, const char *name, int value)
{
    word->failed |= xmlTextWriterWriteFormatAttribute(word->xml, (const xmlChar *)name, "%d", value) < 0;
}

static void value(struct word *word, const char *element, const char *text)
{
    start(word, element);
    attribute(word, "w:val", text);
    end(word);
}

static void value_number(struct word *word, const char *element, int number)
{
    start(word, element);
    attribute_number(word, "w:val", number);
    end(word);
}

static void run_properties(struct word *word, int size, unsigned weight)
{
    start(word, "w:rPr");
    start(word, "w:rFonts");
    attribute(word, "w:ascii", FONT);
    attribute(word, "w:hAnsi", FONT);
    attribute(word, "w:cs", FONT);
    end(word);
    if (weight & BOLD) {
        start(word, "w:b");
        end(word);
    }
    if (weight & ITALIC) {
        start(word, "w:i");
        end(word);
    }
    value_number(word, "w:sz", size * 2);
    value_number(word, "w:szCs", size * 2);
    end(word);
}

static void run(struct word *word, const char *text, int size, unsigned weight)
{
    start(word, "w:r");
    run_properties(word, size, weight);
    start(word, "w:t");
    attribute(word, "xml:space", "preserve");
    word->failed |= xmlTextWriterWriteString(word->xml, (const xmlChar *)(text ? text : "")) < 0;
    end(word);
    end(word);
}

static void paragraph_properties(struct word *word, const struct style *style)
{
    start(word, "w:pPr");
    if (style->keep_next) {
        start(word, "w:keepNext");
        end(word);
    }
    if (style->page_break) {
        start(word, "w:pageBreakBefore");
        end(word);
    }
    if (style->rule) {
        start(word, "w:pBdr");
        start(word, "w:bottom");
        attribute(word, "w:val", "single");
        attribute_number(word, "w:sz", 6);
        attribute_number(word, "w:space", 1);
        end(word);
        end(word);
    }
    start(word, "w:spacing");
    attribute_number(word, "w:before", style->before);
    attribute_number(word, "w:after", style->after);
    end(word);
    if (style->indent || style->rule) {
        start(word, "w:ind");
        if (style->rule) {
            attribute_number(word, "w:left", style->indent);
            attribute_number(word, "w:right", style->indent);
        } else {
            attribute_number(word, "w:firstLine", style->indent);
        }
        end(word);
    }
    value(word, "w:jc", style->align);
    end(word);
}

static void paragraph(struct word *word, const char *text, const struct style *style)
{
    start(word, "w:p");
    paragraph_properties(word, style);
    if (text)
        run(word, text, style->size, style->weight);
    end(word);
}

/* An empty paragraph whose lower border is the line below a title. */
static void rule(struct word *word, int indent)
{
    paragraph(word, "", &(struct style){ "center", 2, 0, indent, 0, 60, false, false, true });
}

static void no_cell_margins(struct word *word)
{
    static const char *const sides[] = { "w:left", "w:right" };
    start(word, "w:tblCellMar");
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        start(word, sides[i]);
        attribute_number(word, "w:w", 0);
        attribute(word, "w:type", "dxa");
        end(word);
    }
    end(word);
}

static void start_table(struct word *word, const int *widths, size_t count, bool borders)
{
    static const char *const edges[] = { "w:top", "w:left", "w:bottom", "w:right", "w:insideH", "w:insideV" };
    start(word, "w:tbl");
    start(word, "w:tblPr");
    start(word, "w:tblW");
    attribute_number(word, "w:w", TEXT_WIDTH);
    attribute(word, "w:type", "dxa");
    end(word);
    if (borders) {
        start(word, "w:tblBorders");
        for (size_t i = 0; i < COUNT_OF(edges); i++) {
            start(word, edges[i]);
            attribute(word, "w:val", "single");
            attribute_number(word, "w:sz", 4);
            end(word);
        }
        end(word);
    }
    value(word, "w:tblLayout", "fixed");
    if (!borders) /* boxes of a letterhead: the national name takes the whole width of its own */
        no_cell_margins(word);
    end(word);
    start(word, "w:tblGrid");
    for (size_t i = 0; i < count; i++) {
        start(word, "w:gridCol");
        attribute_number(word, "w:w", widths[i]);
        end(word);
    }
    end(word);
}

static void start_cell(struct word *word, int width)
{
    start(word, "w:tc");
    start(word, "w:tcPr");
    start(word, "w:tcW");
    attribute_number(word, "w:w", width);
    attribute(word, "w:type", "dxa");
    end(word);
    end(word);
}

static void head(struct word *word, const struct document *document)
{
    static const struct style plain = { "center", 13, 0, 0, 0, 0, false, false, false };
    static const struct style bold = { "center", 13, BOLD, 0, 0, 0, false, false, false };
    static const struct style motto = { "center", 12, BOLD, 0, 0, 0, false, false, false };
    static const struct style italic = { "center", 13, ITALIC, 0, 0, 0, false, false, false };
    const int widths[2] = { TEXT_WIDTH * 44 / 100, TEXT_WIDTH - TEXT_WIDTH * 44 / 100 };
    char buffer[256];
    struct text text = text_of(buffer, sizeof buffer);
    start_table(word, widths, 2, false);
    start(word, "w:tr");
    start_cell(word, widths[0]);
    paragraph(word, document->parent_agency, &plain);
    paragraph(word, document->agency, &bold);
    rule(word, widths[0] / 3);
    text_add(&text, "Số: %s", document->number && document->number[0] ? document->number : "        ");
    paragraph(word, buffer, &plain);
    end(word);
    start_cell(word, widths[1]);
    paragraph(word, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", &motto);
    paragraph(word, "Độc lập - Tự do - Hạnh phúc", &bold);
    rule(word, widths[1] / 5);
    text_clear(&text);
    document_date(document, &text);
    paragraph(word, buffer, &italic);
    end(word);
    end(word);
    end(word);
}

static void title(struct word *word, const struct document *document)
{
    static const struct style kind = { "center", 14, BOLD, 0, 240, 0, false, false, false };
    static const struct style subject = { "center", 14, BOLD, 0, 0, 0, false, false, false };
    paragraph(word, document->kind, &kind);
    paragraph(word, document->subject, &subject);
    rule(word, TEXT_WIDTH / 3);
}

static void addressees(struct word *word, const struct document *document)
{
    static const struct style single = { "center", 14, 0, 0, 120, 120, false, false, false };
    static const struct style each = { "left", 14, 0, INDENT * 2, 0, 0, false, false, false };
    struct text text = text_new(16384);
    if (document->addressee_count == 1) {
        text_add(&text, "Kính gửi: %s", document->addressees[0]);
        paragraph(word, text.data, &single);
    } else if (document->addressee_count) {
        paragraph(word, "Kính gửi:", &each);
        for (size_t i = 0; i < document->addressee_count; i++) {
            text_clear(&text);
            text_add(&text, "- %s%s", document->addressees[i],
                     i + 1 == document->addressee_count ? "." : ";");
            paragraph(word, text.data, &each);
        }
    }
    text_done(&text);
}

static void table_row(struct word *word, const struct table *table, const int *widths,
                      const char *const *cells)
{
    static const char *const aligns[] = { "left", "center", "right" };
    start(word, "w:tr");
    if (!cells) {
        start(word, "w:trPr");
        start(word, "w:tblHeader");
        end(word);
        end(word);
    }
    for (size_t i = 0; i < table->column_count; i++) {
        struct style style = { cells ? aligns[table->columns[i].align] : "center", 12, cells ? 0 : BOLD };
        start_cell(word, widths[i]);
        paragraph(word, cells ? cells[i] : table->columns[i].title, &style);
        end(word);
    }
    end(word);
}

#define COLUMNS_MAX 32

static void data_table(struct word *word, const struct table *table)
{
    static const struct style after = { "left", 6, 0, 0, 0, 60, false, false, false };
    int widths[COLUMNS_MAX];
    if (table->column_count > COLUMNS_MAX) {
        word->failed = true;
        return;
    }
    for (size_t i = 0; i < table->column_count; i++)
        widths[i] = (int)(table->columns[i].width * TEXT_WIDTH);
    start_table(word, widths, table->column_count, true);
    table_row(word, table, widths, NULL);
    for (size_t i = 0; i < table->row_count; i++)
        table_row(word, table, widths, table->cells + i * table->column_count);
    end(word);
    paragraph(word, "", &after);
}

static void block(struct word *word, const struct block *block)
{
    static const struct style styles[] = {
        [BLOCK_BASIS] = { "both", 14, ITALIC, INDENT, 0, 120, false, false, false },
        [BLOCK_HEADING] = { "both", 14, BOLD, INDENT, 120, 120, true, false, false },
        [BLOCK_SUBHEADING] = { "both", 14, BOLD, INDENT, 60, 120, true, false, false },
        [BLOCK_PARAGRAPH] = { "both", 14, 0, INDENT, 0, 120, false, false, false },
        [BLOCK_APPENDIX] = { "center", 14, BOLD, 0, 0, 0, true, true, false },
    };
    static const struct style name = { "center", 14, BOLD, 0, 0, 200, true, false, false };
    if (block->kind == BLOCK_TABLE) {
        data_table(word, block->table);
        return;
    }
    paragraph(word, block->text, &styles[block->kind]);
    if (block->kind == BLOCK_APPENDIX)
        paragraph(word, block->title, &name);
}

static void signature(struct word *word, const struct document *document)
{
    static const struct style receivers = { "left", 12, BOLD | ITALIC, 0, 0, 0, true, false, false };
    static const struct style receiver = { "left", 11, 0, 0, 0, 0, true, false, false };
    static const struct style signer = { "center", 14, BOLD, 0, 0, 0, true, false, false };
    static const struct style name = { "center", 14, BOLD, 0, 1300, 0, false, false, false };
    const int widths[2] = { TEXT_WIDTH / 2, TEXT_WIDTH / 2 };
    struct text text = text_new(16384);
    start_table(word, widths, 2, false);
    start(word, "w:tr");
    start_cell(word, widths[0]);
    paragraph(word, "Nơi nhận:", &receivers);
    for (size_t i = 0; i < document->receiver_count; i++) {
        text_clear(&text);
        text_add(&text, "- %s%s", document->receivers[i], i + 1 == document->receiver_count ? "." : ";");
        paragraph(word, text.data, &receiver);
    }
    end(word);
    start_cell(word, widths[1]);
    if (document->authority)
        paragraph(word, document->authority, &signer);
    paragraph(word, document->signer_title, &signer);
    paragraph(word, document->signer, &name);
    end(word);
    end(word);
    end(word);
    text_done(&text);
}

/* A4; margins and a page number in the header, hidden on the first page (Appendix I, section I). */
static void section(struct word *word)
{
    start(word, "w:sectPr");
    start(word, "w:headerReference");
    attribute(word, "w:type", "default");
    attribute(word, "r:id", "rId2");
    end(word);
    start(word, "w:pgSz");
    attribute_number(word, "w:w", (int)(210 * TWENTIETHS_PER_MM));
    attribute_number(word, "w:h", (int)(297 * TWENTIETHS_PER_MM));
    end(word);
    start(word, "w:pgMar");
    attribute_number(word, "w:top", (int)(20 * TWENTIETHS_PER_MM));
    attribute_number(word, "w:bottom", (int)(20 * TWENTIETHS_PER_MM));
    attribute_number(word, "w:left", (int)(30 * TWENTIETHS_PER_MM));
    attribute_number(word, "w:right", (int)(20 * TWENTIETHS_PER_MM));
    attribute_number(word, "w:header", (int)(10 * TWENTIETHS_PER_MM));
    attribute_number(word, "w:footer", (int)(10 * TWENTIETHS_PER_MM));
    end(word);
    start(word, "w:titlePg");
    end(word);
    end(word);
}

static void start_part(struct word *word, const char *root)
{
    word->failed |= xmlTextWriterStartDocument(word->xml, "1.0", "UTF-8", "yes") < 0;
    start(word, root);
    attribute(word, "xmlns:w", WORD_NAMESPACE);
    attribute(word, "xmlns:r", "http://schemas.openxmlformats.org/officeDocument/2006/relationships");
}

static void write_body(struct word *word, const struct document *document)
{
    size_t body = 0;
    while (body < document->block_count && document->blocks[body].kind != BLOCK_APPENDIX)
        body++;
    start_part(word, "w:document");
    start(word, "w:body");
    head(word, document);
    title(word, document);
    addressees(word, document);
    for (size_t i = 0; i < body; i++)
        block(word, &document->blocks[i]);
    signature(word, document);
    for (size_t i = body; i < document->block_count; i++)
        block(word, &document->blocks[i]);
    section(word);
    word->failed |= xmlTextWriterEndDocument(word->xml) < 0;
}

static const char content_types[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>"
    "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">"
    "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
    "<Default Extension=\"xml\" ContentType=\"application/xml\"/>"
    "<Override PartName=\"/word/document.xml\" "
    "ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/>"
    "<Override PartName=\"/word/header1.xml\" "
    "ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.header+xml\"/>"
    "</Types>";

static const char package_relations[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>"
    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
    "<Relationship Id=\"rId1\" "
    "Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" "
    "Target=\"word/document.xml\"/></Relationships>";

static const char document_relations[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>"
    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
    "<Relationship Id=\"rId2\" "
    "Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/header\" "
    "Target=\"header1.xml\"/></Relationships>";

static const char page_header[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>"
    "<w:hdr xmlns:w=\"" WORD_NAMESPACE "\"><w:p><w:pPr><w:jc w:val=\"center\"/></w:pPr>"
    "<w:r><w:rPr><w:rFonts w:ascii=\"" FONT "\" w:hAnsi=\"" FONT "\"/><w:sz w:val=\"26\"/></w:rPr>"
    "<w:fldChar w:fldCharType=\"begin\"/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>"
    "<w:r><w:fldChar w:fldCharType=\"end\"/></w:r></w:p></w:hdr>";

static bool add_part(zip_t *zip, const char *name, struct bytes content)
{
    zip_source_t *source = zip_source_buffer(zip, content.data, content.size, 0);
    if (!source)
        return false;
    if (zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) < 0) {
        zip_source_free(source);
        return false;
    }
    return true;
}

/* Copies the finished archive out of the memory that libzip wrote it to. */
static bool copy_archive(zip_source_t *archive, struct text *out)
{
    zip_stat_t stat;
    if (zip_source_stat(archive, &stat) < 0 || zip_source_open(archive) < 0)
        return false;
    bool good = text_reserve(out, (size_t)stat.size);
    if (good) {
        zip_int64_t size = zip_source_read(archive, out->data + out->size, stat.size);
        good = size == (zip_int64_t)stat.size;
        out->size += good ? (size_t)size : 0;
    }
    zip_source_close(archive);
    return good;
}

static bool pack(struct bytes body, struct text *out, struct error *error)
{
    zip_error_t reason;
    zip_error_init(&reason);
    zip_source_t *archive = zip_source_buffer_create(NULL, 0, 0, &reason);
    if (!archive)
        return error_set(error, "report: the DOCX cannot be made: %s", zip_error_strerror(&reason));
    zip_source_keep(archive);
    zip_t *zip = zip_open_from_source(archive, ZIP_CREATE | ZIP_TRUNCATE, &reason);
    bool good = zip && add_part(zip, "[Content_Types].xml", BYTES_OF(content_types)) &&
                add_part(zip, "_rels/.rels", BYTES_OF(package_relations)) &&
                add_part(zip, "word/document.xml", body) &&
                add_part(zip, "word/_rels/document.xml.rels", BYTES_OF(document_relations)) &&
                add_part(zip, "word/header1.xml", BYTES_OF(page_header));
    if (zip && (!good || zip_close(zip) < 0)) {
        zip_discard(zip);
        good = false;
    }
    good = good && copy_archive(archive, out);
    zip_source_free(archive);
    return good || error_set(error, "report: the DOCX archive cannot be written");
}

bool document_docx(const struct document *document, struct text *out, struct error *error)
{
    xmlBufferPtr buffer = xmlBufferCreate();
    struct word word = { .xml = buffer ? xmlNewTextWriterMemory(buffer, 0) : NULL };
    bool good = word.xml != NULL;
    if (good) {
        write_body(&word, document);
        xmlFreeTextWriter(word.xml);
        good = !word.failed;
    }
    if (good)
        good = pack(bytes_of(xmlBufferContent(buffer), (size_t)xmlBufferLength(buffer)), out, error);
    else
        error_set(error, "report: the text cannot be written as XML");
    xmlBufferFree(buffer);
    return good;
}
