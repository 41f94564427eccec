/* SPDX-License-Identifier: Apache-2.0 */
/* An administrative document as Decree 30/2020/NĐ-CP lays it out: its parts, and its two forms.
 *
 * Texts are UTF-8 in NFC and borrowed. Sizes and positions are those of the decree's Appendix I. */
#ifndef VONGLAU_REPORT_DOCUMENT_H
#define VONGLAU_REPORT_DOCUMENT_H

#include "base/error.h"
#include "base/text.h"

enum block_kind {
    BLOCK_BASIS,      /* legal basis: italic, each ends with ";" and the last one with "." */
    BLOCK_HEADING,    /* "I. ...": bold */
    BLOCK_SUBHEADING, /* "1. ...": bold, indented */
    BLOCK_PARAGRAPH,  /* justified, first line indented */
    BLOCK_TABLE,
    BLOCK_APPENDIX, /* a new page: "Phụ lục I" and its name, centred */
};

enum column_align { ALIGN_LEFT, ALIGN_CENTRE, ALIGN_RIGHT };

struct column {
    const char *title;
    double width; /* share of the text width; the shares of a table add up to 1 */
    enum column_align align;
};

struct table {
    const struct column *columns;
    size_t column_count;
    const char *const *cells; /* row by row, column_count each */
    size_t row_count;
};

struct block {
    enum block_kind kind;
    const char *text;  /* appendix: "Phụ lục I" */
    const char *title; /* appendix: its name */
    const struct table *table;
};

struct document {
    const char *parent_agency;     /* box 2, upper line; capitals are the caller's */
    const char *agency;            /* box 2, lower line */
    const char *number;            /* "05/BC-SKHCN"; empty: room for it is left */
    const char *place;             /* "Lào Cai" */
    unsigned day, month, year;     /* day 0: a draft, room for the day is left */
    const char *kind;              /* "BÁO CÁO" */
    const char *subject;           /* box 5a, below the kind */
    const char *const *addressees; /* "Kính gửi" */
    size_t addressee_count;
    const struct block *blocks;
    size_t block_count;
    const char *authority;        /* "KT. GIÁM ĐỐC" or NULL */
    const char *signer_title;     /* "PHÓ GIÁM ĐỐC" */
    const char *signer;           /* name without academic titles; empty while a draft */
    const char *const *receivers; /* "Nơi nhận", each without "- " and ";" */
    size_t receiver_count;
    const char *watermark; /* "DỰ THẢO" or NULL */
};

/* "Lào Cai, ngày 05 tháng 01 năm 2026": leading zero for days under 10 and for months 1 and 2 only. */
void document_date(const struct document *document, struct text *out);
/* PDF 1.5, fonts embedded; appended to `out` (heap text). */
MUST_CHECK bool document_pdf(const struct document *document, struct text *out, struct error *error);
/* Office Open XML that Word and LibreOffice open and edit. */
MUST_CHECK bool document_docx(const struct document *document, struct text *out, struct error *error);

#endif
