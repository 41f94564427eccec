/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 certificates (RFC 5280): names, serial number, validity, alternative names. */
#include "proto/certificate.h"

#include <openssl/sha.h>

#include "base/address.h"
#include "proto/der.h"

#define NAME_TEXT_MAX   8192U
#define SERIAL_SIZE_MAX 256U

enum {
    TAG_BOOLEAN = 0x01,
    TAG_INTEGER = 0x02,
    TAG_OCTETS = 0x04,
    TAG_OID = 0x06,
    TAG_UTC_TIME = 0x17,
    TAG_GENERAL_TIME = 0x18,
    TAG_BMP_STRING = 0x1e,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_VERSION = 0xa0,
    TAG_EXTENSIONS = 0xa3
};

static struct bytes colons(struct arena *memory, struct bytes value, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    if (!value.size)
        return BYTES_NONE;
    uint8_t *text = arena_array(memory, 3, value.size, 1);
    if (!text)
        return BYTES_NONE;
    for (size_t i = 0; i < value.size; i++) {
        text[i * 3] = (uint8_t)digits[value.data[i] >> 4];
        text[i * 3 + 1] = (uint8_t)digits[value.data[i] & 15];
        text[i * 3 + 2] = ':';
    }
    return bytes_of(text, value.size * 3 - 1);
}

/* Attribute types by their encoded object identifier (RFC 4519, RFC 2985, CA/Browser Forum). */
static const struct {
    const char *oid;
    size_t size;
    const char *name;
} attributes[] = {
#define ATTRIBUTE(oid, name)       \
    {                              \
        oid, sizeof(oid) - 1, name \
    }
    ATTRIBUTE("\x55\x04\x03", "CN"),
    ATTRIBUTE("\x55\x04\x06", "C"),
    ATTRIBUTE("\x55\x04\x07", "L"),
    ATTRIBUTE("\x55\x04\x08", "ST"),
    ATTRIBUTE("\x55\x04\x0a", "O"),
    ATTRIBUTE("\x55\x04\x0b", "OU"),
    ATTRIBUTE("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "Email"),
    ATTRIBUTE("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"),
    ATTRIBUTE("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"),
    ATTRIBUTE("\x55\x04\x04", "SN"),
    ATTRIBUTE("\x55\x04\x05", "serialNumber"),
    ATTRIBUTE("\x55\x04\x09", "streetAddress"),
    ATTRIBUTE("\x55\x04\x0c", "title"),
    ATTRIBUTE("\x55\x04\x0d", "description"),
    ATTRIBUTE("\x55\x04\x0f", "businessCategory"),
    ATTRIBUTE("\x55\x04\x10", "postalAddress"),
    ATTRIBUTE("\x55\x04\x11", "postalCode"),
    ATTRIBUTE("\x55\x04\x29", "name"),
    ATTRIBUTE("\x55\x04\x2a", "GN"),
    ATTRIBUTE("\x55\x04\x2b", "initials"),
    ATTRIBUTE("\x55\x04\x2c", "generationQualifier"),
    ATTRIBUTE("\x55\x04\x2e", "dnQualifier"),
    ATTRIBUTE("\x55\x04\x61", "organizationIdentifier"),
    ATTRIBUTE("\x55\x1d\x11", "subjectAltName"),
    ATTRIBUTE("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", "unstructuredName"),
    ATTRIBUTE("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x08", "unstructuredAddress"),
    ATTRIBUTE("\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x01", "msJurisdictionLocality"),
    ATTRIBUTE("\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x02", "msJurisdictionStateOrProvince"),
    ATTRIBUTE("\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03", "msJurisdictionCountry"),
#undef ATTRIBUTE
};

static void write_attribute(struct text *out, struct bytes oid)
{
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (bytes_equal(oid, bytes_of(attributes[i].oid, attributes[i].size))) {
            text_string(out, attributes[i].name);
            return;
        }
    der_dotted(out, oid);
}

static void write_utf8(struct text *out, unsigned c)
{
    if (c < 0x80) {
        text_char(out, (char)c);
    } else if (c < 0x800) {
        text_char(out, (char)(0xc0 | c >> 6));
        text_char(out, (char)(0x80 | (c & 0x3f)));
    } else {
        text_char(out, (char)(0xe0 | c >> 12));
        text_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        text_char(out, (char)(0x80 | (c & 0x3f)));
    }
}

static void write_value(struct text *out, uint8_t tag, struct reader *value)
{
    if (tag != TAG_BMP_STRING) {
        text_put(out, reader_rest(value));
        return;
    }
    while (reader_left(value) >= 2)
        write_utf8(out, reader_be16(value));
}

/* A Name (RFC 5280 section 4.1.2.4) as one line; false when it is not one. */
static bool read_name(struct reader *in, struct arena *memory, struct bytes *name)
{
    char buffer[NAME_TEXT_MAX];
    struct text out = text_of(buffer, sizeof buffer);
    struct reader names = der_expect(in, TAG_SEQUENCE);
    bool first = true;
    while (reader_ok(&names) && !reader_empty(&names)) {
        struct reader set = der_expect(&names, TAG_SET);
        const char *joint = first ? "" : ", ";
        while (reader_ok(&set) && !reader_empty(&set)) {
            struct reader pair = der_expect(&set, TAG_SEQUENCE);
            struct reader type = der_expect(&pair, TAG_OID);
            uint8_t tag;
            struct reader value = der_element(&pair, &tag);
            if (!reader_ok(&pair) || !reader_ok(&value) || !reader_ok(&type))
                return false;
            text_string(&out, joint);
            write_attribute(&out, reader_peek(&type));
            text_char(&out, '=');
            write_value(&out, tag, &value);
            joint = " + ";
        }
        if (!reader_ok(&set))
            return false;
        first = false;
    }
    *name = arena_copy(memory, bytes_of(buffer, out.size));
    return reader_ok(&names) && name->data;
}

static unsigned two_digits(struct reader *in)
{
    uint8_t tens = reader_u8(in), ones = reader_u8(in);
    if (!byte_is_digit(tens) || !byte_is_digit(ones))
        reader_fail(in);
    return (unsigned)(tens - '0') * 10 + (unsigned)(ones - '0');
}

/* Days from 1970-01-01 to a day of the proleptic Gregorian calendar. */
static int64_t days_to(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + (int64_t)(of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

static unsigned days_in(int64_t year, unsigned month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 ? (leap ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static bool read_time(struct reader *in, int64_t *seconds)
{
    uint8_t tag;
    struct reader text = der_element(in, &tag);
    if (tag != TAG_UTC_TIME && tag != TAG_GENERAL_TIME)
        return false;
    int64_t year = tag == TAG_GENERAL_TIME ? two_digits(&text) * 100 : 0;
    year += two_digits(&text);
    if (tag == TAG_UTC_TIME)
        year += year < 50 ? 2000 : 1900;
    unsigned month = two_digits(&text), day = two_digits(&text);
    unsigned hour = two_digits(&text), minute = two_digits(&text);
    unsigned second = reader_left(&text) >= 2 ? two_digits(&text) : 0;
    if (!reader_ok(&text) || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    *seconds = ((days_to(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    return true;
}

static bool add_alternative(struct certificate *certificate, struct arena *memory, struct bytes name)
{
    if (certificate->alternative_name_count == CERTIFICATE_NAMES_MAX) {
        certificate->too_many_names = true;
        return false;
    }
    certificate->alternative_names[certificate->alternative_name_count] = arena_copy(memory, name);
    certificate->alternative_name_count++;
    return true;
}

/* An address is written as the list of its octets: "[10, 0, 0, 1]". */
static void add_address(struct certificate *certificate, struct arena *memory, struct bytes octets)
{
    char buffer[96];
    struct text out = text_of(buffer, sizeof buffer);
    for (size_t i = 0; i < octets.size; i++)
        text_add(&out, "%s%u", i ? ", " : "[", octets.data[i]);
    text_char(&out, ']');
    (void)add_alternative(certificate, memory, text_bytes(&out));
}

static void add_directory(struct certificate *certificate, struct arena *memory, struct reader *in)
{
    char buffer[NAME_TEXT_MAX + 16];
    struct text out = text_of(buffer, sizeof buffer);
    struct bytes name;
    if (!read_name(in, memory, &name))
        return;
    text_string(&out, "DirectoryName(");
    text_put(&out, name);
    text_char(&out, ')');
    (void)add_alternative(certificate, memory, text_bytes(&out));
}

/* GeneralNames (RFC 5280 section 4.2.1.6): mail, DNS, URI, address, directory name. */
static void read_alternatives(struct reader *in, struct arena *memory, struct certificate *certificate)
{
    struct reader names = der_expect(in, TAG_SEQUENCE);
    if (certificate->alternative_names)
        return;
    size_t most = MIN(reader_left(&names) / 2, (size_t)CERTIFICATE_NAMES_MAX);
    certificate->alternative_names = ARENA_ARRAY(memory, struct bytes, most + 1);
    while (certificate->alternative_names && reader_ok(&names) && !reader_empty(&names)) {
        uint8_t tag;
        struct reader name = der_element(&names, &tag);
        size_t size = reader_left(&name);
        if (!reader_ok(&name))
            return;
        if (tag == 0x81 || tag == 0x82 || tag == 0x86) {
            if (!add_alternative(certificate, memory, reader_rest(&name)))
                return;
        } else if (tag == 0x87 && (size == 4 || size == 16)) {
            add_address(certificate, memory, reader_rest(&name));
        } else if (tag == 0xa4) {
            add_directory(certificate, memory, &name);
        }
    }
}

/* The content of the element that is due next; what is wrong when it is another, or none. */
static enum certificate_problem due(struct reader *in, uint8_t wanted, struct reader *content)
{
    *content = reader_of(NULL, 0);
    struct bytes left = reader_peek(in);
    if (left.size == 0)
        return CERTIFICATE_BAD_LENGTH;
    uint8_t tag, size = left.size > 1 ? left.data[1] : 0;
    *content = der_element(in, &tag);
    if (size == 0x80 || size > 0x84) /* indefinite, or longer than anything is */
        return CERTIFICATE_BAD_DER;
    if (!reader_ok(content) || !reader_ok(in))
        return CERTIFICATE_BROKEN;
    return tag == wanted ? CERTIFICATE_GOOD : CERTIFICATE_BAD_DER;
}

static enum certificate_problem read_extensions(struct reader *in, struct arena *memory,
                                                struct certificate *certificate)
{
    struct reader all;
    enum certificate_problem problem = due(in, TAG_SEQUENCE, &all);
    while (problem == CERTIFICATE_GOOD && !reader_empty(&all)) {
        struct reader extension = der_expect(&all, TAG_SEQUENCE);
        struct reader oid = der_expect(&extension, TAG_OID);
        uint8_t tag;
        struct reader value = der_element(&extension, &tag);
        if (tag == TAG_BOOLEAN) /* critical */
            value = der_element(&extension, &tag);
        if (!reader_ok(&extension) || tag != TAG_OCTETS || !reader_ok(&all))
            return CERTIFICATE_BROKEN;
        if (bytes_equal(reader_peek(&oid), BYTES_OF("\x55\x1d\x11")))
            read_alternatives(&value, memory, certificate);
    }
    return problem;
}

/* A name is a sequence; attributes that cannot be read are left out. */
static enum certificate_problem read_names(struct reader *in, struct arena *memory, struct bytes *name)
{
    struct reader at = *in, whole;
    enum certificate_problem problem = due(in, TAG_SEQUENCE, &whole);
    if (problem == CERTIFICATE_GOOD && !read_name(&at, memory, name))
        *name = BYTES_NONE;
    return problem;
}

static enum certificate_problem read_validity(struct reader *in, struct certificate *certificate)
{
    struct reader validity;
    enum certificate_problem problem = due(in, TAG_SEQUENCE, &validity);
    if (problem != CERTIFICATE_GOOD)
        return problem;
    certificate->has_validity = read_time(&validity, &certificate->not_before) &&
                                read_time(&validity, &certificate->not_after);
    return certificate->has_validity ? CERTIFICATE_GOOD : CERTIFICATE_BAD_DATE;
}

/* An algorithm, or a key behind one: a sequence that is not empty. */
static enum certificate_problem pass_over(struct reader *in)
{
    struct reader content;
    enum certificate_problem problem = due(in, TAG_SEQUENCE, &content);
    return problem == CERTIFICATE_GOOD && reader_empty(&content) ? CERTIFICATE_BAD_LENGTH : problem;
}

static bool read_version(struct reader *in)
{
    struct reader version = der_expect(in, TAG_VERSION);
    struct reader number = der_expect(&version, TAG_INTEGER);
    size_t size = reader_left(&number);
    return reader_ok(&number) && size > 0 && size <= 4 && reader_peek(&number).data[0] < 0x80;
}

static void fingerprint(struct bytes der, struct arena *memory, struct certificate *certificate)
{
    uint8_t digest[SHA_DIGEST_LENGTH];
    SHA1(der.data, der.size, digest);
    certificate->fingerprint = colons(memory, bytes_of(digest, sizeof digest), false);
}

#define TRY(step)                                   \
    do {                                            \
        enum certificate_problem problem_ = (step); \
        if (problem_ != CERTIFICATE_GOOD)           \
            return problem_;                        \
    } while (0)

enum certificate_problem certificate_read(struct bytes der, struct arena *memory,
                                          struct certificate *certificate)
{
    struct reader in = reader_of_bytes(der), outer, body;
    fingerprint(der, memory, certificate);
    TRY(due(&in, TAG_SEQUENCE, &outer));
    TRY(due(&outer, TAG_SEQUENCE, &body));
    struct bytes left = reader_peek(&body);
    if (left.size && left.data[0] == TAG_VERSION && !read_version(&body))
        return CERTIFICATE_BAD_VERSION;
    struct reader serial = der_expect(&body, TAG_INTEGER);
    if (!reader_ok(&serial) || reader_left(&serial) > SERIAL_SIZE_MAX)
        return CERTIFICATE_BAD_SERIAL;
    certificate->serial = colons(memory, reader_peek(&serial), true);
    TRY(pass_over(&body)); /* the signature's algorithm */
    TRY(read_names(&body, memory, &certificate->issuer));
    TRY(read_validity(&body, certificate));
    TRY(read_names(&body, memory, &certificate->subject));
    TRY(pass_over(&body)); /* the public key */
    while (reader_ok(&body) && !reader_empty(&body)) {
        uint8_t tag;
        struct reader part = der_element(&body, &tag);
        if (tag == TAG_EXTENSIONS && reader_ok(&part))
            TRY(read_extensions(&part, memory, certificate));
    }
    return reader_ok(&body) ? CERTIFICATE_GOOD : CERTIFICATE_BROKEN;
}
