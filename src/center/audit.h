/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: every change and every look at one host's traffic, each row's hash covering the one before.
 *
 * hash = SHA-256(previous hash || canonical JSON array of id, time, user, address, action, object, object id,
 * data); before the first row the previous hash is 32 zero bytes. Rows can be neither updated nor deleted. */
#ifndef VONGLAU_CENTER_AUDIT_H
#define VONGLAU_CENTER_AUDIT_H

#include "center/center.h"

/* Adds a row within the caller's transaction, or one of its own. `data` is a JSON object, or absent. */
bool audit_add(struct context *context, const char *action, const char *object, int64_t object_id,
               struct bytes data);
/* Moves the anchor (center/anchor.h) to the newest row; context_commit() calls it after rows were added. It
 * stays where it is, and the log says so, when the rows it vouches for are not the ones that are there. */
void audit_anchor(struct context *context);

/* Tells the program's log how many rows there are and the hash of the last, when there are more than `noted`:
 * kept there, it shows later whether rows were taken away together with the anchor. Returns how many. */
int64_t audit_note(struct context *context, int64_t noted);

enum audit_fault {
    AUDIT_WHOLE,
    AUDIT_BROKEN,         /* first_bad does not fit the chain */
    AUDIT_CUT,            /* rows first_bad to `anchored` are missing */
    AUDIT_REPLACED,       /* the chain is whole, but row `anchored` is not the one that was anchored */
    AUDIT_ANCHOR_MISSING, /* there was one */
    AUDIT_ANCHOR_DAMAGED,
};

struct audit_verdict {
    bool ok;
    enum audit_fault fault;
    int64_t rows, first_bad; /* id; 0: none */
    int64_t anchored;        /* rows the anchor vouches for; 0: there is none yet */
    int64_t renewed;         /* newest row that says that the anchor was made anew; 0: never */
    uint8_t last[32];        /* hash of the last row that fits */
};
/* Recomputes the whole chain of the registry in `directory` and compares it with the anchor there. */
MUST_CHECK bool audit_verify(struct database *database, const char *directory, struct audit_verdict *verdict,
                             struct error *error);
/* What is wrong, as a sentence; "" when nothing is. */
void audit_fault_text(const struct audit_verdict *verdict, char *out, size_t size);

#define AUDIT_RENEWED "audit.renew"

/* What is known when the anchor was made anew. */
struct audit_renewal {
    struct audit_verdict before; /* the fault, and how far the chain went */
    int64_t row;                 /* the row that says so */
    char kept[64];               /* name of the old anchor, kept beside; "" when there was none */
};
/* Makes the anchor anew where it was lost, damaged or does not fit; the log says so for ever, with `reason`.
 * Refuses while the anchor fits, and when the chain itself is broken: that no anchor mends. */
bool audit_renew(struct context *context, struct bytes reason, struct audit_renewal *renewal);
/* True when row `rows` has the hash that starts with `hash` (hexadecimal, at least 16 digits): a line that
 * was noted elsewhere. */
bool audit_row_is(struct database *database, int64_t rows, struct bytes hash);
bool audit_list(struct context *context, const struct parameters *parameters, struct text *out);
bool audit_verify_json(struct context *context, struct text *out);

#endif
