/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of the quarterly report as a document. */
#include "report/quarter.h"
#include "web/api.h"

static bool document(struct call *x, const char *type, const char *ending,
                     bool (*make)(struct context *, int64_t, struct text *, struct error *))
{
    struct error error = { "" };
    struct quarter_report report;
    if (!quarter_load(x->context, x->numbers[0], &report))
        return false;
    if (!make(x->context, x->numbers[0], x->out, &error))
        return refuse_error(x->context, "internal", "report", &error);
    x->response->type = type;
    http_add_header(x->response, "Content-Disposition", "attachment; filename=\"bao-cao-quy-%lld-%lld.%s\"",
                    (long long)report.quarter, (long long)report.year, ending);
    return true;
}

static bool pdf(struct call *x)
{
    return document(x, "application/pdf", "pdf", quarter_pdf);
}

static bool docx(struct call *x)
{
    return document(x, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx",
                    quarter_docx);
}

#define READERS (ROLE_STAFF | ROLE_AUDITOR)

static const struct route routes[] = {
    { "GET", "/api/reports/{id}/report.pdf", READERS, pdf, "The document", 0, 0 },
    { "GET", "/api/reports/{id}/report.docx", READERS, docx, "The document to edit", 0, 0 },
};

const struct route_table document_routes = { routes, COUNT_OF(routes) };
