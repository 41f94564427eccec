/* SPDX-License-Identifier: Apache-2.0 */
/* The quarterly report: figures computed from registers and store, kept as a snapshot; draft, review,
 * approval, number (docs/api.md, Reports). */
#ifndef VONGLAU_CENTER_QUARTER_H
#define VONGLAU_CENTER_QUARTER_H

#include "center/center.h"

/* What a document needs of a report; texts live in the request's memory, empty ones are "". */
struct quarter_report {
    int64_t id, year, quarter, number; /* number 0: none yet */
    const char *state;                 /* draft, review, approved, numbered */
    const char *symbol;                /* "BC-SKHCN" */
    const char *addressee, *place, *signer, *signer_title, *authority;
    const char *recipients;    /* one a line */
    const char *parent_agency; /* "UBND TỈNH ..." */
    const char *issuing_agency;
    const char *day;            /* "2026-12-28"; empty while not numbered */
    struct json_value sections; /* {"situation":"...", ...}; see quarter_sections */
    struct json_value figures;  /* [{"key","group","value","text","unit","previous","rows"}] */
    struct json_value tables;   /* [{"key","columns":[...],"rows":[[...]]}] */
};

/* Keys of the sections in the order of the report (domain.md 8.1), NULL at the end. */
extern const char *const quarter_sections[];

bool quarter_list(struct context *context, struct text *out);
bool quarter_create(struct context *context, struct json_value body, struct text *out);
bool quarter_show(struct context *context, int64_t id, struct text *out);
bool quarter_update(struct context *context, int64_t id, struct json_value body, struct text *out);
bool quarter_recompute(struct context *context, int64_t id, struct text *out);
bool quarter_move(struct context *context, int64_t id, struct json_value body, struct text *out);
bool quarter_load(struct context *context, int64_t id, struct quarter_report *report);

/* Appends the figures and the tables of [from, to) as JSON arrays; `end_day` names agencies. */
bool quarter_figures(struct context *context, int64_t year, int64_t quarter, struct text *figures,
                     struct text *tables);
/* The value of a figure by its key; 0 when absent. */
int64_t quarter_figure(struct json_value figures, const char *key);

#endif
