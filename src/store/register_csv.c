/* SPDX-License-Identifier: Apache-2.0 */
/* Registers in and out as CSV (RFC 4180; separators comma or semicolon, UTF-8 with or without mark). */
#include <stdio.h>

#include "base/clock.h"
#include "base/fold.h"
#include "base/reader.h"
#include "store/register_private.h"

#define ROWS_MAX 20000

struct csv {
    struct reader in;
    uint8_t separator;
    uint32_t line; /* number of the record read last */
    bool broken;   /* a quote that does not end */
};

/* The next cell, unquoted into `memory`; `last` when the record ends with it. */
static struct bytes cell_next(struct csv *csv, struct arena *memory, bool *last)
{
    struct bytes cell;
    if (!reader_empty(&csv->in) && *csv->in.at == '"') {
        struct text text = text_new(1 << 16);
        reader_skip(&csv->in, 1);
        for (;;) {
            struct bytes part = reader_until(&csv->in, '"');
            if (!reader_ok(&csv->in)) {
                csv->broken = true;
                break;
            }
            text_put(&text, part);
            if (reader_empty(&csv->in) || *csv->in.at != '"')
                break;
            text_char(&text, '"');
            reader_skip(&csv->in, 1);
        }
        cell = arena_copy(memory, text_bytes(&text));
        csv->broken |= text.full;
        text_done(&text);
    } else {
        const uint8_t *start = csv->in.at;
        while (!reader_empty(&csv->in) && *csv->in.at != csv->separator && *csv->in.at != '\n')
            reader_skip(&csv->in, 1);
        cell = bytes_trim(bytes_of(start, (size_t)(csv->in.at - start)));
    }
    while (!reader_empty(&csv->in) && (*csv->in.at == '\r' || *csv->in.at == ' '))
        reader_skip(&csv->in, 1);
    uint8_t stop = reader_empty(&csv->in) ? '\n' : reader_u8(&csv->in);
    *last = stop == '\n';
    csv->broken |= stop != '\n' && stop != csv->separator;
    return cell;
}

/* Reads one record into `cells`; false at the end. Further cells than FIELDS_MAX break the file. */
static bool record_next(struct csv *csv, struct arena *memory, struct bytes *cells, size_t *count)
{
    bool last = false;
    *count = 0;
    if (csv->broken || reader_empty(&csv->in))
        return false;
    csv->line++;
    while (!last && !csv->broken) {
        struct bytes cell = cell_next(csv, memory, &last);
        if (*count == FIELDS_MAX)
            csv->broken = true;
        else
            cells[(*count)++] = cell;
    }
    return true;
}

/* ---- words ---- */

/* The word for `key` with up to two parts after dots; NULL when there is none. */
static const char *word_for(const struct registers *registers, enum register_language language,
                            const char *first, const char *second, const char *third)
{
    char key[128];
    if (!registers->word || language == REGISTER_CODES)
        return NULL;
    snprintf(key, sizeof key, "%s%s%s%s%s", first, second ? "." : "", second ? second : "", third ? "." : "",
             third ? third : "");
    return registers->word(key, language);
}

static const char *heading(const struct registers *registers, enum register_language language,
                           const struct entity *entity, const char *field)
{
    const char *word = word_for(registers, language, entity->name, field, NULL);
    word = word ? word : word_for(registers, language, "field", field, NULL);
    return word ? word : field;
}

/* Whether the cell says `word`, whatever its case and tone marks. */
static bool cell_says(struct bytes cell, const char *word)
{
    char a[256], b[256];
    struct text left = text_of(a, sizeof a), right = text_of(b, sizeof b);
    if (!word)
        return false;
    text_fold(cell, &left);
    text_fold(bytes_of_string(word), &right);
    return !left.full && !right.full && bytes_equal(text_bytes(&left), text_bytes(&right));
}

static const struct field *field_headed(const struct register_write *w, struct bytes cell)
{
    const struct field *found = entity_field(w->entity, cell);
    for (int language = REGISTER_VIETNAMESE; !found && language < REGISTER_LANGUAGES; language++) {
        for (size_t i = 0; !found && i < w->entity->field_count; i++) {
            const struct field *f = &w->entity->fields[i];
            if (!f->secret &&
                cell_says(cell, heading(w->registers, (enum register_language)language, w->entity, f->name)))
                found = f;
        }
    }
    return found;
}

/* "31/12/2026" as "2026-12-31"; anything else as it is. */
static struct bytes day_of_cell(struct bytes cell, struct arena *memory)
{
    uint64_t day, month, year;
    struct bytes rest = cell;
    char buffer[16];
    if (!bytes_to_u64(bytes_cut(&rest, '/'), &day) || !bytes_to_u64(bytes_cut(&rest, '/'), &month) ||
        !bytes_to_u64(rest, &year) || day > 31 || month > 12 || year > 9999)
        return cell;
    int size = snprintf(buffer, sizeof buffer, "%04u-%02u-%02u", (unsigned)year, (unsigned)month,
                        (unsigned)day);
    return arena_copy(memory, bytes_of(buffer, (size_t)size));
}

/* A cell's words as the codes that stand for them. */
static struct bytes code_of_cell(const struct register_write *w, const struct field *f, struct bytes cell)
{
    if (f->type == FIELD_DATE)
        return day_of_cell(cell, w->memory);
    for (int i = REGISTER_VIETNAMESE; i < REGISTER_LANGUAGES; i++) {
        enum register_language language = (enum register_language)i;
        if (f->type == FIELD_BOOL && cell_says(cell, word_for(w->registers, language, "yes", NULL, NULL)))
            return BYTES_OF("true");
        if (f->type == FIELD_BOOL && cell_says(cell, word_for(w->registers, language, "no", NULL, NULL)))
            return BYTES_OF("false");
        for (size_t k = 0; f->type == FIELD_CHOICE && f->choices[k]; k++) {
            if (cell_says(cell, word_for(w->registers, language, w->entity->name, f->name, f->choices[k])))
                return bytes_of_string(f->choices[k]);
        }
    }
    return cell;
}

struct columns {
    const struct field *fields[FIELDS_MAX]; /* NULL: skipped */
    int id;                                 /* column of the row's id, or -1 */
    size_t count;
};

/* Columns that an export has and an import does not take. */
static bool exported_only(const struct entity *entity, struct bytes name)
{
    static const char *const names[] = { "version", "created", "updated", "ended", NULL };
    for (const char *const *n = names; *n; n++) {
        if (bytes_is(name, *n))
            return true;
    }
    return bytes_ends(name, BYTES_OF("_title")) && !entity_field(entity, name);
}

static bool read_header(struct register_write *w, struct csv *csv, struct columns *columns)
{
    struct bytes cells[FIELDS_MAX];
    size_t problems = w->problems->count;
    w->problems->row = 1;
    if (!record_next(csv, w->memory, cells, &columns->count) || csv->broken)
        return problem_add(w->problems, "format", "header", BYTES_NONE, "the file has no readable header");
    for (size_t i = 0; i < columns->count; i++) {
        /* Forms mark what is required. */
        struct bytes cell = bytes_ends(cells[i], BYTES_OF("*")) ? bytes_first(cells[i], cells[i].size - 1)
                                                                : cells[i];
        const struct field *f = field_headed(w, cell);
        columns->fields[i] = NULL;
        if (bytes_is(cells[i], "id"))
            columns->id = (int)i;
        else if (exported_only(w->entity, cells[i]) || (f && name_listed(w->entity->read_only, f->name)))
            continue;
        else if (!f || f->secret)
            problem_add(w->problems, "unknown_field", "header", cells[i], "%s has no such field",
                        w->entity->name);
        else
            columns->fields[i] = f;
    }
    return w->problems->count == problems;
}

static void import_row(struct register_write *w, const struct columns *columns, const struct bytes *cells,
                       struct register_import *result)
{
    struct value before[FIELDS_MAX] = { 0 }, values[FIELDS_MAX] = { 0 };
    size_t problems = w->problems->count;
    int64_t version = 0;
    uint64_t id = 0;
    if (columns->id >= 0 && cells[columns->id].size) {
        if (!bytes_to_u64(cells[columns->id], &id) || id == 0 || id > INT64_MAX ||
            !row_load(w, (int64_t)id, before, &version)) {
            problem_add(w->problems, "reference", "id", cells[columns->id], "%s has no such row",
                        w->entity->name);
            return;
        }
        memcpy(values, before, sizeof values[0] * w->entity->field_count);
    }
    for (size_t i = 0; i < columns->count; i++) {
        const struct field *f = columns->fields[i];
        struct value value = { 0 };
        struct bytes cell = cells[i];
        /* The apostrophe that put_cell() sets before a sign. */
        if (cell.size > 1 && cell.data[0] == '\'' && strchr("=+-@", cell.data[1]))
            cell = bytes_from(cell, 1);
        if (f && value_from_text(w, f, code_of_cell(w, f, cell), &value))
            values[f - w->entity->fields] = value;
    }
    struct change change = { .database = w->database,
                             .registers = w->registers,
                             .entity = w->entity,
                             .id = (int64_t)id,
                             .values = values,
                             .memory = w->memory,
                             .problems = w->problems };
    if (w->problems->count == problems)
        change_verify(&change);
    if (w->problems->count != problems)
        return;
    int64_t row = row_store(w, (int64_t)id, id ? before : NULL, values, NULL);
    if (row && !entity_visible(w->database, w->entity, w->principal, row))
        problem_add(w->problems, "reference", w->entity->name, BYTES_NONE,
                    "the row belongs to another agency");
    result->created += id == 0;
    result->updated += id != 0;
}

enum register_result register_import(struct register_write *w, struct bytes csv, bool dry_run,
                                     struct register_import *result)
{
    if (!(w->entity->writers & w->principal->role))
        return REGISTER_FORBIDDEN;
    if (bytes_starts(csv, BYTES_OF("\xEF\xBB\xBF")))
        csv = bytes_from(csv, 3);
    struct bytes first = bytes_first(csv, MIN(bytes_find_byte(csv, '\n'), csv.size));
    bool semicolon = bytes_find_byte(first, ';') != SIZE_MAX && bytes_find_byte(first, ',') == SIZE_MAX;
    struct csv file = { reader_of_bytes(csv), semicolon ? ';' : ',', 0, false };
    struct columns columns = { .id = -1 };
    *result = (struct register_import){ 0 };
    if (!read_header(w, &file, &columns))
        return REGISTER_INVALID;
    w->action = "import";
    database_begin(w->database);
    struct bytes cells[FIELDS_MAX];
    size_t count;
    while (w->problems->count < PROBLEMS_MAX && record_next(&file, w->memory, cells, &count)) {
        w->problems->row = file.line;
        if (!file.broken && count == 1 && cells[0].size == 0)
            continue; /* an empty line */
        if (file.broken) {
            problem_add(w->problems, "format", "row", count ? bytes_first(cells[count - 1], 60) : BYTES_NONE,
                        "a quoted cell does not end, something follows its end, or it is too long");
            break;
        }
        if (count != columns.count) {
            problem_add(w->problems, "format", "row", BYTES_NONE, "the row has %zu cells, the header %zu",
                        count, columns.count);
            continue;
        }
        if (++result->rows > ROWS_MAX) {
            problem_add(w->problems, "range", "rows", BYTES_NONE, "a file has at most %d rows", ROWS_MAX);
            break;
        }
        import_row(w, &columns, cells, result);
    }
    w->problems->row = 0;
    if (w->problems->count || dry_run) {
        database_rollback(w->database);
        return w->problems->count ? REGISTER_INVALID : REGISTER_OK;
    }
    return database_commit(w->database, NULL) ? REGISTER_OK : REGISTER_FAILED;
}

/* Quotes where needed; a leading sign that a spreadsheet would run as a formula gets an apostrophe. */
static void put_cell(struct bytes cell, struct text *out)
{
    bool formula = cell.size && strchr("=+-@\t", cell.data[0]);
    bool quote = formula;
    for (size_t i = 0; i < cell.size && !quote; i++)
        quote = strchr("\",;\r\n", cell.data[i]) != NULL && cell.data[i];
    if (!quote) {
        text_put(out, cell);
        return;
    }
    text_string(out, formula ? "\"'" : "\"");
    for (size_t i = 0; i < cell.size; i++) {
        if (cell.data[i] == '"')
            text_char(out, '"');
        text_char(out, (char)cell.data[i]);
    }
    text_char(out, '"');
}

struct column {
    const struct registers *registers;
    const struct entity *entity;
    const struct field *field; /* NULL: no field, such as id */
    struct bytes name, form;
    int at;
    enum register_language language;
};

typedef void (*put_column_fn)(struct statement *s, const struct column *column, struct text *out);

static void put_heading(struct statement *s, const struct column *c, struct text *out)
{
    (void)s;
    if (c->field && c->language != REGISTER_CODES)
        put_cell(bytes_of_string(heading(c->registers, c->language, c->entity, c->field->name)), out);
    else
        text_put(out, c->name);
}

static void put_value(struct statement *s, const struct column *c, struct text *out)
{
    const char *word = NULL;
    if (statement_null(s, c->at))
        return;
    if (c->language != REGISTER_CODES && c->field && c->field->type == FIELD_REF) {
        put_cell(statement_bytes(s, c->at + 1), out); /* its title follows */
    } else if (bytes_is(c->form, "time")) {
        clock_text_rfc3339((uint64_t)statement_int(s, c->at), out);
    } else if (bytes_is(c->form, "bool")) {
        bool yes = statement_int(s, c->at) != 0;
        word = word_for(c->registers, c->language, yes ? "yes" : "no", NULL, NULL);
        text_string(out, word ? word : yes ? "true" : "false");
    } else {
        struct bytes cell = statement_bytes(s, c->at);
        for (size_t i = 0; c->field && c->field->type == FIELD_CHOICE && c->field->choices[i]; i++) {
            if (bytes_is(cell, c->field->choices[i]))
                word = word_for(c->registers, c->language, c->entity->name, c->field->name,
                                c->field->choices[i]);
        }
        put_cell(word ? bytes_of_string(word) : cell, out);
    }
}

/* One record by `put`: with codes every column, with words the row's number and its fields. */
static void put_record(struct statement *s, const struct registers *registers, const struct entity *entity,
                       enum register_language language, put_column_fn put, struct text *out)
{
    const char *comma = "";
    for (int i = 0; i < statement_columns(s); i++) {
        struct bytes form = bytes_of_string(statement_column(s, i)), name = bytes_cut(&form, '@');
        const struct column column = {
            registers, entity, entity_field(entity, name), name, form, i, language
        };
        if (language != REGISTER_CODES && !column.field && !bytes_is(name, "id"))
            continue;
        text_string(out, comma);
        comma = ",";
        put(s, &column, out);
    }
    text_put(out, BYTES_OF("\r\n"));
}

enum register_result register_export(struct database *database, const struct registers *registers,
                                     const struct entity *entity, const struct principal *principal,
                                     const struct register_query *query, struct problems *problems,
                                     struct text *out)
{
    if (!(entity->readers & principal->role))
        return REGISTER_FORBIDDEN;
    struct arena memory = arena_of(1 << 20);
    struct text sql = text_new(1 << 16);
    text_put(&sql, BYTES_OF("SELECT "));
    entity_columns(registers, entity, &sql);
    text_add(&sql, " FROM %s t", entity->name);
    enum register_result result = REGISTER_INVALID;
    if (entity_where(entity, principal, query, problems, &sql) &&
        entity_order(entity, query, problems, &sql)) {
        struct statement *s = entity_start(database, entity, &sql, query, &memory);
        text_put(out, BYTES_OF("\xEF\xBB\xBF"));
        put_record(s, registers, entity, query->language, put_heading, out);
        while (statement_next(s))
            put_record(s, registers, entity, query->language, put_value, out);
        result = out->full ? REGISTER_FAILED : REGISTER_OK;
    }
    text_done(&sql);
    arena_done(&memory);
    return result;
}
