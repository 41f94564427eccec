/* SPDX-License-Identifier: Apache-2.0 */
/* Decree 30/2020/NĐ-CP, Appendix I, on paper: Pango and Cairo with Liberation Serif (Times metrics). */
#include "report/document.h"

#include <cairo-pdf.h>
#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <pango/pangofc-fontmap.h>
#include <stdlib.h>

#define POINTS_PER_MM (72.0 / 25.4)
#define PAGE_WIDTH    (210 * POINTS_PER_MM)
#define PAGE_HEIGHT   (297 * POINTS_PER_MM)
#define MARGIN_TOP    (20 * POINTS_PER_MM)
#define MARGIN_BOTTOM (20 * POINTS_PER_MM)
#define MARGIN_LEFT   (30 * POINTS_PER_MM)
#define MARGIN_RIGHT  (20 * POINTS_PER_MM)
#define TEXT_WIDTH    (PAGE_WIDTH - MARGIN_LEFT - MARGIN_RIGHT)
#define TEXT_BOTTOM   (PAGE_HEIGHT - MARGIN_BOTTOM)
#define INDENT        (12.7 * POINTS_PER_MM)
#define PARAGRAPH_GAP 6.0
#define LINE_SPACING  1.15F
#define CELL_PADDING  3.0
#define FONT          "Liberation Serif"

/* Sizes move together (Appendix I, section II): 13 for the head, 14 for the body. */
enum { SIZE_HEAD = 13, SIZE_BODY = 14, SIZE_TABLE = 12, SIZE_RECEIVERS = 11, SIZE_RECEIVERS_TITLE = 12 };

struct page {
    cairo_surface_t *surface;
    cairo_t *cairo;
    PangoContext *context;
    PangoFontMap *fonts;
    FcConfig *font_config;
    double y;
    unsigned number; /* restarts in each appendix */
    bool bare;       /* the page shows no number: the first of the document or of an appendix */
    const char *watermark;
};

enum weight { PLAIN = 0, BOLD = 1, ITALIC = 2 };

#define FONT_FOLDER "/usr/share/fonts/truetype/liberation2"

static const char font_settings[] = "<fontconfig><dir>" FONT_FOLDER "</dir>"
                                    "<cachedir>/var/cache/fontconfig</cachedir>"
                                    "<cachedir prefix=\"xdg\">fontconfig</cachedir></fontconfig>";

/* Only the pinned fonts: the page must not depend on what else is installed. */
static bool open_fonts(struct page *page, struct error *error)
{
    page->font_config = FcConfigCreate();
    bool read = FcConfigParseAndLoadFromMemory(page->font_config, (const FcChar8 *)font_settings, FcTrue) &&
                FcConfigBuildFonts(page->font_config);
    FcFontSet *found = read ? FcConfigGetFonts(page->font_config, FcSetSystem) : NULL;
    if (!found || found->nfont == 0)
        return error_set(error, "report: no fonts in %s: install fonts-liberation2", FONT_FOLDER);
    page->fonts = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
    pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(page->fonts), page->font_config);
    pango_cairo_font_map_set_resolution(PANGO_CAIRO_FONT_MAP(page->fonts), 72);
    page->context = pango_font_map_create_context(page->fonts);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(page->context, options);
    cairo_font_options_destroy(options);
    return true;
}

static PangoLayout *layout_new(const struct page *page, const char *text, double size, unsigned weight,
                               double width)
{
    PangoLayout *layout = pango_layout_new(page->context);
    PangoFontDescription *font = pango_font_description_from_string(FONT);
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    if (weight & BOLD)
        pango_font_description_set_weight(font, PANGO_WEIGHT_BOLD);
    if (weight & ITALIC)
        pango_font_description_set_style(font, PANGO_STYLE_ITALIC);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_layout_set_text(layout, text ? text : "", -1);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    if (width > 0)
        pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    return layout;
}

static double layout_height(PangoLayout *layout)
{
    int height;
    pango_layout_get_size(layout, NULL, &height);
    return (double)height / PANGO_SCALE;
}

static double layout_width(PangoLayout *layout)
{
    PangoRectangle logical;
    pango_layout_get_extents(layout, NULL, &logical);
    return (double)logical.width / PANGO_SCALE;
}

static void draw_watermark(struct page *page)
{
    if (!page->watermark)
        return;
    PangoLayout *layout = layout_new(page, page->watermark, 90, BOLD, 0);
    cairo_save(page->cairo);
    cairo_set_source_rgba(page->cairo, 0, 0, 0, 0.07);
    cairo_translate(page->cairo, PAGE_WIDTH / 2, PAGE_HEIGHT / 2);
    cairo_rotate(page->cairo, -0.9);
    cairo_move_to(page->cairo, -layout_width(layout) / 2, -layout_height(layout) / 2);
    pango_cairo_show_layout(page->cairo, layout);
    cairo_restore(page->cairo);
    g_object_unref(layout);
}

/* Ends the page: its number goes in the middle of the top margin, but not on a first page. */
static void end_page(struct page *page)
{
    if (!page->bare) {
        char digits[16];
        struct text text = text_of(digits, sizeof digits);
        text_u64(&text, page->number);
        PangoLayout *layout = layout_new(page, digits, SIZE_HEAD, PLAIN, TEXT_WIDTH);
        pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
        cairo_move_to(page->cairo, MARGIN_LEFT, MARGIN_TOP / 2);
        pango_cairo_show_layout(page->cairo, layout);
        g_object_unref(layout);
    }
    cairo_show_page(page->cairo);
}

static void start_page(struct page *page, bool bare)
{
    page->number = bare ? 1 : page->number + 1;
    page->bare = bare;
    page->y = MARGIN_TOP;
    draw_watermark(page);
}

static void next_page(struct page *page, bool bare)
{
    end_page(page);
    start_page(page, bare);
}

/* Draws `text` line by line from page->y on, over page breaks. */
static void flow_text(struct page *page, PangoLayout *layout, double x)
{
    pango_layout_set_line_spacing(layout, LINE_SPACING);
    PangoLayoutIter *at = pango_layout_get_iter(layout);
    do {
        PangoRectangle logical;
        pango_layout_iter_get_line_extents(at, NULL, &logical);
        double height = (double)logical.height / PANGO_SCALE;
        if (page->y + height > TEXT_BOTTOM)
            next_page(page, false);
        double ascent = (double)(pango_layout_iter_get_baseline(at) - logical.y) / PANGO_SCALE;
        cairo_move_to(page->cairo, x + (double)logical.x / PANGO_SCALE, page->y + ascent);
        pango_cairo_show_layout_line(page->cairo, pango_layout_iter_get_line_readonly(at));
        page->y += height;
    } while (pango_layout_iter_next_line(at));
    pango_layout_iter_free(at);
}

/* Centred lines within a box; returns the height. */
static double boxed(struct page *page, const char *text, double size, unsigned weight, double x, double y,
                    double width, double *text_width)
{
    PangoLayout *layout = layout_new(page, text, size, weight, width);
    pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
    cairo_move_to(page->cairo, x, y);
    pango_cairo_show_layout(page->cairo, layout);
    double height = layout_height(layout);
    if (text_width)
        *text_width = layout_width(layout);
    g_object_unref(layout);
    return height;
}

static void rule(struct page *page, double centre, double y, double width)
{
    cairo_set_line_width(page->cairo, 0.75);
    cairo_move_to(page->cairo, centre - width / 2, y);
    cairo_line_to(page->cairo, centre + width / 2, y);
    cairo_stroke(page->cairo);
}

/* Boxes 1 to 4: agency and number on the left, the national motto and the date on the right. */
static void draw_head(struct page *page, const struct document *document)
{
    double left = TEXT_WIDTH * 0.44, right = TEXT_WIDTH - left, x = MARGIN_LEFT, wide;
    double y = page->y;
    y += boxed(page, document->parent_agency, SIZE_HEAD, PLAIN, x, y, left, NULL);
    y += boxed(page, document->agency, SIZE_HEAD, BOLD, x, y, left, &wide);
    rule(page, x + left / 2, y + 2, MIN(wide, left) * 0.4);
    double left_end = y;
    x += left;
    y = page->y;
    y += boxed(page, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", SIZE_HEAD - 1, BOLD, x, y, right, NULL);
    y += boxed(page, "Độc lập - Tự do - Hạnh phúc", SIZE_HEAD, BOLD, x, y, right, &wide);
    rule(page, x + right / 2, y + 2, wide);
    y = MAX(y, left_end) + 8;

    char buffer[256];
    struct text text = text_of(buffer, sizeof buffer);
    text_add(&text, "Số: %s", document->number && document->number[0] ? document->number : "        ");
    double height = boxed(page, buffer, SIZE_HEAD, PLAIN, MARGIN_LEFT, y, left, NULL);
    text_clear(&text);
    document_date(document, &text);
    double date_height = boxed(page, buffer, SIZE_HEAD, ITALIC, x, y, right, NULL);
    page->y = y + MAX(height, date_height) + 14;
}

/* Box 5a: kind and subject, with a line below. */
static void draw_title(struct page *page, const struct document *document)
{
    double wide;
    page->y += boxed(page, document->kind, SIZE_BODY, BOLD, MARGIN_LEFT, page->y, TEXT_WIDTH, NULL);
    page->y += boxed(page, document->subject, SIZE_BODY, BOLD, MARGIN_LEFT, page->y, TEXT_WIDTH, &wide);
    rule(page, MARGIN_LEFT + TEXT_WIDTH / 2, page->y + 2, MIN(wide, TEXT_WIDTH) * 0.4);
    page->y += 14;
}

static void draw_addressees(struct page *page, const struct document *document)
{
    struct text text = text_new(16384);
    if (document->addressee_count == 0)
        return;
    text_string(&text, "Kính gửi: ");
    for (size_t i = 0; i < document->addressee_count; i++) {
        bool last = i + 1 == document->addressee_count;
        if (document->addressee_count > 1)
            text_string(&text, "\n- ");
        text_string(&text, document->addressees[i]);
        text_string(&text, document->addressee_count == 1 ? "" : last ? "." : ";");
    }
    PangoLayout *layout = layout_new(page, text.data, SIZE_BODY, PLAIN, TEXT_WIDTH - 2 * INDENT);
    pango_layout_set_alignment(layout,
                               document->addressee_count == 1 ? PANGO_ALIGN_CENTER : PANGO_ALIGN_LEFT);
    flow_text(page, layout, MARGIN_LEFT + INDENT);
    g_object_unref(layout);
    text_done(&text);
    page->y += 8;
}

static void draw_paragraph(struct page *page, const struct block *block)
{
    unsigned weight = block->kind == BLOCK_HEADING || block->kind == BLOCK_SUBHEADING ? BOLD
                      : block->kind == BLOCK_BASIS                                    ? ITALIC
                                                                                      : PLAIN;
    PangoLayout *layout = layout_new(page, block->text, SIZE_BODY, weight, TEXT_WIDTH);
    pango_layout_set_justify(layout, true);
    pango_layout_set_indent(layout, (int)(INDENT * PANGO_SCALE));
    /* A heading does not stay alone at the foot of a page. */
    if (weight == BOLD && page->y + layout_height(layout) + 3 * SIZE_BODY > TEXT_BOTTOM)
        next_page(page, false);
    flow_text(page, layout, MARGIN_LEFT);
    g_object_unref(layout);
    page->y += PARAGRAPH_GAP;
}

/* The head of the table when `cells` is NULL, else the row's cell in `column`. */
static PangoLayout *cell_layout(const struct page *page, const struct table *table, const char *const *cells,
                                size_t column)
{
    static const PangoAlignment alignments[] = { PANGO_ALIGN_LEFT, PANGO_ALIGN_CENTER, PANGO_ALIGN_RIGHT };
    const struct column *kind = &table->columns[column];
    PangoLayout *layout = layout_new(page, cells ? cells[column] : kind->title, SIZE_TABLE,
                                     cells ? PLAIN : BOLD, kind->width * TEXT_WIDTH - 2 * CELL_PADDING);
    pango_layout_set_alignment(layout, cells ? alignments[kind->align] : PANGO_ALIGN_CENTER);
    return layout;
}

static double row_height(const struct page *page, const struct table *table, const char *const *cells)
{
    double most = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        PangoLayout *layout = cell_layout(page, table, cells, i);
        most = MAX(most, layout_height(layout));
        g_object_unref(layout);
    }
    return MIN(most + 2 * CELL_PADDING, TEXT_BOTTOM - MARGIN_TOP);
}

static void draw_row(struct page *page, const struct table *table, const char *const *cells, double height)
{
    double x = MARGIN_LEFT;
    cairo_set_line_width(page->cairo, 0.5);
    for (size_t i = 0; i < table->column_count; i++) {
        double width = table->columns[i].width * TEXT_WIDTH;
        PangoLayout *layout = cell_layout(page, table, cells, i);
        cairo_rectangle(page->cairo, x, page->y, width, height);
        cairo_stroke(page->cairo);
        cairo_save(page->cairo);
        cairo_rectangle(page->cairo, x, page->y, width, height);
        cairo_clip(page->cairo);
        cairo_move_to(page->cairo, x + CELL_PADDING, page->y + CELL_PADDING);
        pango_cairo_show_layout(page->cairo, layout);
        cairo_restore(page->cairo);
        g_object_unref(layout);
        x += width;
    }
    page->y += height;
}

/* The head of the table is repeated on each page. */
static void draw_table(struct page *page, const struct table *table)
{
    double head = row_height(page, table, NULL);
    bool started = false;
    for (size_t row = 0; row < table->row_count || !started; row++) {
        const char *const *cells = table->cells + row * table->column_count;
        double height = row < table->row_count ? row_height(page, table, cells) : 0;
        if (page->y + height + (started ? 0 : head) > TEXT_BOTTOM) {
            next_page(page, false);
            started = false;
        }
        if (!started)
            draw_row(page, table, NULL, head);
        started = true;
        if (row < table->row_count)
            draw_row(page, table, cells, height);
    }
    page->y += PARAGRAPH_GAP * 2;
}

static void draw_appendix(struct page *page, const struct block *block)
{
    next_page(page, true);
    page->y += boxed(page, block->text, SIZE_BODY, BOLD, MARGIN_LEFT, page->y, TEXT_WIDTH, NULL);
    page->y += boxed(page, block->title, SIZE_BODY, BOLD, MARGIN_LEFT, page->y, TEXT_WIDTH, NULL) + 10;
}

static void draw_block(struct page *page, const struct block *block)
{
    if (block->kind == BLOCK_TABLE)
        draw_table(page, block->table);
    else if (block->kind == BLOCK_APPENDIX)
        draw_appendix(page, block);
    else
        draw_paragraph(page, block);
}

/* Boxes 7 and 9b side by side; they stay on one page. */
static void draw_signature(struct page *page, const struct document *document)
{
    double half = TEXT_WIDTH / 2, right = MARGIN_LEFT + half;
    double needed = MAX(130.0, 20.0 + 13.0 * (double)(document->receiver_count + 1));
    page->y += 8;
    if (page->y + needed > TEXT_BOTTOM)
        next_page(page, false);
    struct text text = text_new(16384);
    for (size_t i = 0; i < document->receiver_count; i++)
        text_add(&text, "%s- %s%s", i ? "\n" : "", document->receivers[i],
                 i + 1 == document->receiver_count ? "." : ";");
    PangoLayout *title = layout_new(page, "Nơi nhận:", SIZE_RECEIVERS_TITLE, BOLD | ITALIC, half);
    cairo_move_to(page->cairo, MARGIN_LEFT, page->y);
    pango_cairo_show_layout(page->cairo, title);
    PangoLayout *list = layout_new(page, text.data, SIZE_RECEIVERS, PLAIN, half - 6);
    cairo_move_to(page->cairo, MARGIN_LEFT, page->y + layout_height(title));
    pango_cairo_show_layout(page->cairo, list);
    double y = page->y;
    if (document->authority)
        y += boxed(page, document->authority, SIZE_BODY, BOLD, right, y, half, NULL);
    y += boxed(page, document->signer_title, SIZE_BODY, BOLD, right, y, half, NULL);
    boxed(page, document->signer, SIZE_BODY, BOLD, right, y + 66, half, NULL);
    g_object_unref(list);
    g_object_unref(title);
    text_done(&text);
}

/* The body ends before the first appendix; the signature stands there. */
static void draw_document(struct page *page, const struct document *document)
{
    size_t body = 0;
    while (body < document->block_count && document->blocks[body].kind != BLOCK_APPENDIX)
        body++;
    start_page(page, true);
    draw_head(page, document);
    draw_title(page, document);
    draw_addressees(page, document);
    for (size_t i = 0; i < body; i++)
        draw_block(page, &document->blocks[i]);
    draw_signature(page, document);
    for (size_t i = body; i < document->block_count; i++)
        draw_block(page, &document->blocks[i]);
    end_page(page);
}

static cairo_status_t collect(void *context, const unsigned char *data, unsigned size)
{
    struct text *out = context;
    text_put(out, bytes_of(data, size));
    return out->full ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static void close_page(struct page *page)
{
    if (page->context)
        g_object_unref(page->context);
    if (page->fonts)
        g_object_unref(page->fonts);
    if (page->font_config)
        FcConfigDestroy(page->font_config);
    if (page->cairo)
        cairo_destroy(page->cairo);
    if (page->surface)
        cairo_surface_destroy(page->surface);
}

bool document_pdf(const struct document *document, struct text *out, struct error *error)
{
    struct page page = { .watermark = document->watermark };
    if (!open_fonts(&page, error)) {
        close_page(&page);
        return false;
    }
    page.surface = cairo_pdf_surface_create_for_stream(collect, out, PAGE_WIDTH, PAGE_HEIGHT);
    cairo_pdf_surface_restrict_to_version(page.surface, CAIRO_PDF_VERSION_1_5);
    cairo_pdf_surface_set_metadata(page.surface, CAIRO_PDF_METADATA_TITLE, document->subject);
    cairo_pdf_surface_set_metadata(page.surface, CAIRO_PDF_METADATA_AUTHOR, document->agency);
    page.cairo = cairo_create(page.surface);
    cairo_set_source_rgb(page.cairo, 0, 0, 0);
    draw_document(&page, document);
    cairo_surface_finish(page.surface);
    cairo_status_t status = cairo_surface_status(page.surface);
    close_page(&page);
    if (status != CAIRO_STATUS_SUCCESS)
        return error_set(error, "report: the PDF cannot be made: %s", cairo_status_to_string(status));
    return true;
}
