/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of an administrative document that both forms share. */
#include "report/document.h"

void document_date(const struct document *document, struct text *out)
{
    if (document->day == 0) {
        text_add(out, "%s, ngày      tháng %s%u năm %u", document->place, document->month < 3 ? "0" : "",
                 document->month, document->year);
        return;
    }
    text_add(out, "%s, ngày %02u tháng %s%u năm %u", document->place, document->day,
             document->month < 3 ? "0" : "", document->month, document->year);
}
