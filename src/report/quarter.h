/* SPDX-License-Identifier: Apache-2.0 */
/* The quarterly report to the People's Committee as a document (directive of the province; layout: Decree
 * 30/2020/NĐ-CP). Figures come from the snapshot that center/quarter.h keeps. */
#ifndef VONGLAU_REPORT_QUARTER_H
#define VONGLAU_REPORT_QUARTER_H

#include "base/error.h"
#include "center/quarter.h"

/* Appends the document to `out` (heap text); false with the context's refusal or the error set. */
MUST_CHECK bool quarter_pdf(struct context *context, int64_t id, struct text *out, struct error *error);
MUST_CHECK bool quarter_docx(struct context *context, int64_t id, struct text *out, struct error *error);

#endif
