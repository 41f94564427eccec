/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords about files: name, type, size, hashes, content, storing. */
#include <stdlib.h>

#include "detect/buffer.h"
#include "detect/context.h"
#include "detect/dataset.h"
#include "detect/keyword.h"
#include "proto/file.h"

static bool parse_file_buffer(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)value;
    c->set->wants.magic |= strcmp(keyword->name, "file.magic") == 0;
    return compiler_sticky(c, bytes_of_string(keyword->name));
}

/* All file conditions of a rule are about the same file: one use holds them. */
static struct file_check *add_file_check(struct compiler *c, file_check_fn test)
{
    struct buffer *buffer = set_buffer_kind(c->set, "files", BUFFER_FILES, NULL);
    struct buffer_use *use = NULL;
    for (struct buffer_use *other = c->signature->uses; other; other = other->next)
        if (other->buffer == buffer)
            use = other;
    if (!buffer || (!use && !(use = compiler_add_use(c, buffer)))) {
        (void)refuse(c, "out of memory");
        return NULL;
    }
    struct file_check *check = COMPILER_NEW(c, struct file_check);
    if (!check)
        return NULL;
    check->test = test;
    if (c->part)
        c->part->file_check = check;
    struct file_check **tail = &use->file_checks;
    while (*tail)
        tail = &(*tail)->next;
    return *tail = check;
}

static bool size_holds(const struct file_check *check, const struct file *file, struct context *context)
{
    (void)context;
    if (file->state != FILE_OPEN)
        return range_has(&check->range, file->size);
    /* A file that grows already is larger than any lower bound it passed. */
    return (check->range.comparison == IS_MORE || check->range.comparison == IS_AT_LEAST) &&
           range_has(&check->range, file->size);
}

static bool store_holds(const struct file_check *check, const struct file *file, struct context *context)
{
    (void)check;
    (void)file;
    (void)context;
    return true;
}

enum { FILE_TEXT_NAME, FILE_TEXT_EXTENSION, FILE_TEXT_MAGIC };

/* What is said of names is said of one file's. */
static struct buffer_use *file_use(struct compiler *c, const char *name)
{
    struct buffer_use *found = NULL;
    for (struct buffer_use *use = c->signature->uses; use; use = use->next)
        if (strcmp(use->buffer->name, name) == 0 && !use->buffer->transforms)
            found = use;
    if (found && c->part)
        c->part->use = found;
    return found ? found : compiler_named_use(c, name);
}

/* A text in the name or type of some file, in any case; of an extension behind the last dot. */
static bool parse_file_text(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    bool negated = value.size && value.data[0] == '!', extension = keyword->mode == FILE_TEXT_EXTENSION;
    char text[CONTENT_MAX + 1];
    struct text wanted = text_of(text, sizeof text);
    if (negated)
        value = bytes_trim(bytes_from(value, 1));
    if (!unquote(&value) || value.size == 0)
        return refuse(c, "a text in quotes is wanted");
    if (extension)
        text_char(&wanted, '.');
    for (size_t i = 0; i < value.size; i++)
        text_char(&wanted, (char)byte_lower(value.data[i]));
    if (wanted.full)
        return refuse(c, "the text is longer than %u bytes", CONTENT_MAX - 1U);
    struct buffer_use *use = file_use(c, keyword->mode == FILE_TEXT_MAGIC ? "file.magic" : "file.name");
    struct item *item = use ? compiler_content(c, use, text_bytes(&wanted), negated) : NULL;
    if (!item)
        return false;
    item->content.nocase = true;
    item->content.ends = extension;
    c->set->wants.magic |= keyword->mode == FILE_TEXT_MAGIC;
    return true;
}

static bool parse_filesize(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes rest = value, first = bytes_trim(bytes_cut(&rest, ','));
    uint8_t side = 0;
    if (is_direction(first, &side))
        value = rest;
    struct file_check *check = add_file_check(c, size_holds);
    for (struct buffer_use *use = c->signature->uses; use && side; use = use->next)
        if (use->buffer->kind == BUFFER_FILES)
            use->side = side;
    return check && parse_range(c, value, UINT64_MAX, NULL, &check->range);
}

static bool hash_holds(const struct file_check *check, const struct file *file, struct context *context)
{
    (void)context;
    struct bytes hash = check->range.a == DATASET_MD5
                            ? bytes_of(file->has_md5 ? file->md5 : NULL, sizeof file->md5)
                        : check->range.a == DATASET_SHA1
                            ? bytes_of(file->has_sha1 ? file->sha1 : NULL, sizeof file->sha1)
                            : bytes_of(file->has_sha256 ? file->sha256 : NULL, sizeof file->sha256);
    return hash.data && dataset_has(check->set, hash) != check->negated;
}

static bool parse_file_hash(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    bool negated = value.size && value.data[0] == '!';
    if (negated)
        value = bytes_trim(bytes_from(value, 1));
    struct file_check *check = unquote(&value) ? add_file_check(c, hash_holds) : NULL;
    if (!check)
        return refuse(c, "a file of hashes is wanted");
    check->negated = negated;
    check->at_end = true;
    check->range.a = keyword->mode;
    c->set->wants.md5 |= keyword->mode == DATASET_MD5;
    c->set->wants.sha1 |= keyword->mode == DATASET_SHA1;
    c->set->wants.sha256 |= keyword->mode == DATASET_SHA256;
    struct error error;
    check->set = dataset_open_hashes(c->set, value, c->signature->rule.file, keyword->mode, &error);
    return check->set || refuse(c, "%.150s", error.text);
}

/* The matching file is stored. "request|response|both|to_server|to_client, file|tx|ssn|flow" may say which
 * others are, too; like all other words here that changes nothing. */
static bool parse_filestore(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    (void)value;
    c->signature->files_store = true;
    c->set->wants.stored_files = true;
    return add_file_check(c, store_holds) != NULL;
}

const struct keyword file_keywords[] = {
    { "file.data", "file_data", .parse = parse_file_buffer, .flags = KEYWORD_NO_VALUE,
      .help = "Content of a file or body", .shown = "file_data" },
    { "file.name", .parse = parse_file_buffer, .flags = KEYWORD_NO_VALUE, .help = "Name of a file" },
    { "file.magic", .parse = parse_file_buffer, .flags = KEYWORD_NO_VALUE,
      .help = "Type of a file as libmagic says it" },
    { "filename", .parse = parse_file_text, .flags = KEYWORD_OF_APP, .mode = FILE_TEXT_NAME,
      .help = "Part of the file's name" },
    { "fileext", .parse = parse_file_text, .flags = KEYWORD_OF_APP, .mode = FILE_TEXT_EXTENSION,
      .help = "Extension of the file's name" },
    { "filemagic", .parse = parse_file_text, .flags = KEYWORD_OF_APP | KEYWORD_QUOTES,
      .mode = FILE_TEXT_MAGIC, .help = "Part of the file's type" },
    { "filesize", .parse = parse_filesize, .help = "Size of the file in bytes" },
    { "filemd5", .parse = parse_file_hash, .mode = DATASET_MD5, .help = "The file's MD5 is in a list",
      .source = "RFC 1321" },
    { "filesha1", .parse = parse_file_hash, .mode = DATASET_SHA1, .help = "The file's SHA-1 is in a list",
      .source = "FIPS 180-4" },
    { "filesha256", .parse = parse_file_hash, .mode = DATASET_SHA256,
      .help = "The file's SHA-256 is in a list", .source = "FIPS 180-4" },
    { "filestore", .parse = parse_filestore, .flags = KEYWORD_OPTIONAL | KEYWORD_BARE,
      .help = "Stores the file", .postmatch = "__filestore__postmatch__" },
    { 0 },
};
