/* SPDX-License-Identifier: Apache-2.0 */
/* One member of a record, described once: name, type, place, limits, label and help.
 *
 * Transactions, settings and registers are lists of fields; JSON, rule buffers, tables, validation,
 * forms and documentation are walks over the list. */
#ifndef VONGLAU_BASE_FIELD_H
#define VONGLAU_BASE_FIELD_H

#include "base/address.h"
#include "base/json.h"

enum field_type {
    FIELD_UINT,    /* uint8_t to uint64_t, by size */
    FIELD_INT,     /* int8_t to int64_t, by size */
    FIELD_BOOL,    /* bool */
    FIELD_REAL,    /* double */
    FIELD_CHOICE,  /* unsigned index into `choices`; NULL entries have no name */
    FIELD_BYTES,   /* struct bytes from the wire: escaped text */
    FIELD_HEX,     /* struct bytes, shown as hexadecimal digits */
    FIELD_TEXT,    /* UTF-8: struct bytes */
    FIELD_ADDRESS, /* struct address; version 0 is absent */
    FIELD_TIME,    /* uint64_t nanoseconds since 1970, UTC; 0 is absent */
    FIELD_DATE,    /* a calendar day, "YYYY-MM-DD" text in registers */
    FIELD_RECORD,  /* a nested record described by `fields` */
    FIELD_LIST,    /* struct field_list of records described by `fields` */
    FIELD_STRINGS, /* struct field_list of struct bytes */
    FIELD_REF,     /* registers: id of a row of the entity named in `target` */
    FIELD_CUSTOM,  /* written by `write` */
};

/* `count` elements of the type the field says. */
struct field_list {
    const void *items;
    size_t count;
};

struct field {
    const char *name; /* JSON key and column name */
    enum field_type type;
    uint32_t offset, size;      /* of the member; AT() */
    const char *const *choices; /* FIELD_CHOICE */
    size_t choice_count;        /* 0: the list ends with NULL */
    const struct field *fields; /* FIELD_RECORD, FIELD_LIST */
    size_t field_count;
    size_t item_size;   /* FIELD_LIST: size of one record */
    const char *target; /* FIELD_REF: entity name */
    /* FIELD_CUSTOM: appends "key":value, or nothing. */
    void (*write)(const struct field *field, const void *record, struct text *out);
    bool (*present)(const void *record); /* when set and false, the member is left out of JSON */
    bool keep_zero;                      /* numbers, choices, booleans: write zero and false too */
    bool inspect;                        /* a sticky buffer of the rule language */
    bool required, unique, secret;       /* registers and settings */
    uint64_t min, max;                   /* numbers: limits; texts: most bytes; 0, 0 is none */
    const char *label, *help;            /* message catalogue key; one English sentence */
};

#define AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define FIELDS(list)     .fields = (list), .field_count = COUNT_OF(list)

/* Appends the members of `record` as "name":value, pairs (see base/json.h for the trailing comma). */
void json_fields(struct text *out, const struct field *fields, size_t count, const void *record);

/* The unsigned number at `field` in `record`. */
uint64_t field_uint(const struct field *field, const void *record);

#endif
