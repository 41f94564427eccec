/* SPDX-License-Identifier: Apache-2.0 */
/* The field lists of all registers, and their rules across fields and rows. */
#include "center/entities.h"

#include <stdio.h>

#include "base/address.h"
#include "center/words.h"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct field agency_fields[] = {
    { "name", FIELD_TEXT, .required = true, .max = 200, .help = "Full name" },
    { "short_name", FIELD_TEXT, .max = 40, .help = "Short name shown on tiles" },
    { "code", FIELD_TEXT, .unique = true, .max = 35,
      .help = "Code by Decision 20/2020/QD-TTg, such as H38.12" },
    { "code102", FIELD_TEXT, .unique = true, .max = 13,
      .help = "Code by QCVN 102:2016, such as 000.00.12.H38" },
    { "type", FIELD_CHOICE, .required = true, .help = "Kind of agency",
      .choices = NAMES("province", "department", "board", "commune", "district", "unit", "police", "military",
                       "telecom", "other") },
    { "parent", FIELD_REF, .target = "agency", .help = "Agency above this one" },
    { "document", FIELD_TEXT, .max = 200, .help = "Decision that named or placed the agency" },
    { "address", FIELD_TEXT, .max = 300, .help = "Postal address" },
    { "phone", FIELD_TEXT, .max = 40, .help = "Office telephone" },
    { "email", FIELD_TEXT, .max = 120, .help = "Office mailbox" },
    { "head", FIELD_TEXT, .max = 120, .help = "Head of the agency" },
    { "sample", FIELD_BOOL, .help = "Invented, part of the sample province" },
};

static const struct field network_fields[] = {
    { "cidr", FIELD_TEXT, .required = true, .max = 64, .help = "Address and prefix, such as 10.1.0.0/24" },
    { "agency", FIELD_REF, .target = "agency", .required = true, .help = "Agency that uses the network" },
    { "system", FIELD_REF, .target = "system", .help = "Information system on the network" },
    { "kind", FIELD_CHOICE, .required = true, .choices = NAMES("lan", "wan", "tslcd", "internet"),
      .help = "Local, wide, government data network, or Internet" },
    { "provider", FIELD_TEXT, .max = 120, .help = "Provider of the link" },
    { "capacity_mbps", FIELD_UINT, .max = 1000000, .help = "Capacity of the link, megabits per second" },
    { "note", FIELD_TEXT, .max = 500, .help = "Remark" },
    { "valid_from", FIELD_DATE, .help = "First day; empty: always" },
    { "valid_to", FIELD_DATE, .help = "First day on which it is no longer so; empty: open" },
    /* Version and first address in hexadecimal, then the prefix: sorts containing networks before contained
       ones. */
    { "span", FIELD_TEXT, .secret = true, .inspect = true },
};

static const struct field system_fields[] = {
    { "name", FIELD_TEXT, .required = true, .max = 200, .help = "Name of the information system" },
    { "code", FIELD_TEXT, .unique = true, .max = 40, .help = "Short code" },
    { "owner", FIELD_REF, .target = "agency", .required = true, .help = "Owner (chu quan)" },
    { "operator", FIELD_REF, .target = "agency", .help = "Operating agency" },
    { "level", FIELD_UINT, .required = true, .min = 1, .max = 5, .help = "Security level 1 to 5" },
    { "type", FIELD_CHOICE, .required = true,
      .choices = NAMES("internal", "public", "infrastructure", "industrial", "other"),
      .help = "Type by Decree 331/2026 article 9" },
    { "status", FIELD_CHOICE, .required = true, .choices = NAMES("building", "running", "stopped"),
      .help = "Stage of life" },
    { "decision", FIELD_TEXT, .max = 100, .help = "Number of the decision approving the level" },
    { "decision_date", FIELD_DATE, .help = "Its date" },
    { "regulation", FIELD_TEXT, .max = 100, .help = "Number of the security regulation" },
    { "regulation_date", FIELD_DATE, .help = "Its date; before the approval of the level" },
    { "plan", FIELD_CHOICE, .choices = NAMES("none", "partial", "full"),
      .help = "Protection plan carried out" },
    { "addresses", FIELD_TEXT, .max = 2000, .help = "Addresses and networks, comma separated" },
    { "note", FIELD_TEXT, .max = 500, .help = "Remark" },
};

static const struct field contact_fields[] = {
    { "person", FIELD_TEXT, .required = true, .max = 120, .help = "Name" },
    { "agency", FIELD_REF, .target = "agency", .required = true, .help = "Agency" },
    { "position", FIELD_TEXT, .max = 120, .help = "Position" },
    { "role", FIELD_CHOICE, .required = true,
      .choices = NAMES("security", "response", "monitoring", "duty24", "isp"),
      .help = "What the person is contact for" },
    { "phone", FIELD_TEXT, .max = 40, .help = "Office telephone" },
    { "mobile", FIELD_TEXT, .max = 40, .help = "Mobile telephone" },
    { "email", FIELD_TEXT, .max = 120, .help = "Official mailbox" },
    { "document", FIELD_TEXT, .max = 200, .help = "Document of appointment" },
    { "valid_from", FIELD_DATE, .help = "First day" },
    { "valid_to", FIELD_DATE, .help = "First day after; empty: open" },
    { "verified", FIELD_DATE, .help = "Day of the last confirmation" },
};

static const struct field sensor_fields[] = {
    { "name", FIELD_TEXT, .required = true, .unique = true, .max = 63,
      .help = "Common name in the sensor's certificate" },
    { "agency", FIELD_REF, .target = "agency", .help = "Agency where it stands" },
    { "state", FIELD_CHOICE, .choices = NAMES("new", "trusted", "revoked"),
      .help = "Only trusted sensors may send" },
    { "place", FIELD_TEXT, .max = 200, .help = "Room, rack, link" },
    { "note", FIELD_TEXT, .max = 500, .help = "Remark" },
    { "last_seen", FIELD_TIME, .help = "Last delivery or heartbeat" },
    { "software", FIELD_TEXT, .max = 60, .help = "Version of its program" },
    { "address", FIELD_TEXT, .max = 64, .help = "Address it last came from" },
};

static const struct field user_fields[] = {
    { "name", FIELD_TEXT, .required = true, .unique = true, .min = 2, .max = 40,
      .help = "Name to sign in with" },
    { "display_name", FIELD_TEXT, .required = true, .max = 120, .help = "Name shown" },
    { "role", FIELD_CHOICE, .required = true,
      .choices = NAMES("administrator", "duty", "handler", "leader", "contact", "auditor"), .help = "Role" },
    { "email", FIELD_TEXT, .max = 120, .help = "Official mailbox" },
    { "phone", FIELD_TEXT, .max = 40, .help = "Telephone" },
    { "state", FIELD_CHOICE, .choices = NAMES("active", "disabled"),
      .help = "Disabled users cannot sign in" },
};

static const struct field rule_fields[] = {
    { "regime", FIELD_CHOICE, .required = true, .choices = NAMES("2016", "2026", "local"),
      .help = "Body of law the rule belongs to" },
    { "kind", FIELD_CHOICE, .required = true,
      .choices = NAMES("acknowledge", "immediate_notice", "initial_notice", "full_report", "closing_report",
                       "contact_update", "personal_data_notice"),
      .help = "What is due" },
    { "severity", FIELD_CHOICE, .required = true, .choices = NAMES("any", "ordinary", "serious"),
      .help = "Incidents it applies to" },
    { "level_min", FIELD_UINT, .required = true, .max = 5,
      .help = "Lowest system level; 0: also without system" },
    { "level_max", FIELD_UINT, .required = true, .min = 1, .max = 5, .help = "Highest system level" },
    { "amount", FIELD_UINT, .max = 10000, .help = "Time allowed; 0: at once" },
    { "unit", FIELD_CHOICE, .required = true, .choices = NAMES("minutes", "hours", "days", "working_days"),
      .help = "Unit of the time" },
    { "grace_minutes", FIELD_UINT, .max = 1440, .help = "Minutes for which 'at once' is not yet late" },
    { "starts", FIELD_CHOICE, .required = true, .choices = NAMES("detected", "ended"),
      .help = "What starts the time" },
    { "recipient", FIELD_TEXT, .max = 300, .help = "Who must receive it" },
    { "form", FIELD_TEXT, .max = 200, .help = "Form to use" },
    { "source", FIELD_TEXT, .max = 200, .help = "Document and article" },
    { "valid_from", FIELD_DATE, .required = true, .help = "First day in force" },
    { "valid_to", FIELD_DATE, .help = "First day no longer in force; empty: open" },
};

static const struct field holiday_fields[] = {
    { "day", FIELD_DATE, .required = true, .unique = true, .help = "Day" },
    { "name", FIELD_TEXT, .required = true, .max = 120, .help = "Holiday, or reason of the swap" },
    { "working", FIELD_BOOL, .help = "A weekend day that is worked in exchange" },
};

#define INCIDENT_TYPES                                                                                 \
    "dos", "phishing", "malware", "intrusion", "defacement", "ransomware", "destruction", "espionage", \
        "combined", "other_attack", "system_fault", "operator_error", "disaster"
#define INCIDENT_STATES                                                                               \
    "detected", "acknowledged", "verified", "first_response", "contained", "eradicated", "recovered", \
        "tested", "reporting", "closed"

static const struct field playbook_fields[] = {
    { "incident_type", FIELD_CHOICE, .required = true, .choices = NAMES("any", INCIDENT_TYPES),
      .help = "Incidents that get this task" },
    { "position", FIELD_UINT, .required = true, .max = 1000, .help = "Order" },
    { "title_vi", FIELD_TEXT, .required = true, .max = 300, .help = "What to do, in Vietnamese" },
    { "title_en", FIELD_TEXT, .required = true, .max = 300, .help = "What to do, in English" },
    { "for_contact", FIELD_BOOL, .help = "Done by the agency's contact officer" },
    { "required", FIELD_BOOL, .help = "The incident cannot close before" },
    { "state", FIELD_CHOICE, .required = true, .choices = NAMES(INCIDENT_STATES),
      .help = "Stage it belongs to" },
};

static const struct field filter_fields[] = {
    { "sid", FIELD_UINT, .max = UINT32_MAX, .help = "Signature; empty: all" },
    { "src", FIELD_TEXT, .max = 64, .help = "Source address or network; empty: all" },
    { "dest", FIELD_TEXT, .max = 64, .help = "Destination address or network; empty: all" },
    { "agency", FIELD_REF, .target = "agency", .help = "Agency; empty: all" },
    { "reason", FIELD_CHOICE, .required = true,
      .choices = NAMES("false_positive", "expected", "handled", "noise", "other"), .help = "Why" },
    { "note", FIELD_TEXT, .max = 500, .help = "Remark" },
    { "expires", FIELD_DATE, .help = "First day without effect; empty: none" },
};

/* ---- rules across fields and rows ---- */

static bool code_group(struct bytes group, size_t size, bool letter_first)
{
    if (size ? group.size != size : group.size == 0)
        return false;
    for (size_t i = 0; i < group.size; i++) {
        uint8_t c = group.data[i];
        bool upper = c >= 'A' && c <= 'Z';
        if (letter_first ? (i == 0 ? !(c >= 'A' && c <= 'Y') : !byte_is_digit(c))
                         : !upper && !byte_is_digit(c))
            return false;
    }
    return true;
}

bool agency_code_valid(struct bytes code)
{
    if (code.size > 35 || (code.size && code.data[code.size - 1] == '.'))
        return false;
    if (!code_group(bytes_cut(&code, '.'), 3, true))
        return false;
    while (code.size) {
        if (!code_group(bytes_cut(&code, '.'), 0, false))
            return false;
    }
    return true;
}

bool agency_code102_valid(struct bytes code)
{
    if (code.size != 13)
        return false;
    return code_group(bytes_cut(&code, '.'), 3, false) && code_group(bytes_cut(&code, '.'), 2, false) &&
           code_group(bytes_cut(&code, '.'), 2, false) && code_group(code, 3, true);
}

static bool has_text(const struct value *value)
{
    return value->kind == VALUE_TEXT;
}

static void check_agency(struct change *c)
{
    struct value *code = change_value(c, "code"), *code102 = change_value(c, "code102");
    if (has_text(code) && !agency_code_valid(code->text))
        problem_add(c->problems, "format", "code", code->text, "agency.code must be like H38.12.3");
    if (has_text(code102) && !agency_code102_valid(code102->text))
        problem_add(c->problems, "format", "code102", code102->text,
                    "agency.code102 must be like 000.00.12.H38");
    struct value *parent = change_value(c, "parent");
    /* An agency must not stand above itself. */
    int64_t above = parent->kind == VALUE_NUMBER ? parent->number : 0;
    for (int depth = 0; above && c->id && depth < 32; depth++) {
        if (above == c->id) {
            problem_add(c->problems, "reference", "parent", BYTES_NONE,
                        "agency.parent leads back to the agency itself");
            return;
        }
        above = database_number(c->database, "SELECT parent FROM agency WHERE id=?", "i", above);
    }
}

/* "4:0a010000/16": sorts by version, address, prefix. */
static void span_text(const struct network *network, struct text *out)
{
    text_add(out, "%u:", network->address.version);
    text_hex(out, bytes_of(network->address.octets, address_size(&network->address)));
    text_add(out, "/%03u", network->prefix);
}

static struct network network_shortened(struct network network, uint8_t prefix)
{
    for (size_t bit = prefix; bit < 128; bit++)
        network.address.octets[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    network.prefix = prefix;
    return network;
}

static bool spans_meet(struct statement *s, struct bytes from, struct bytes to)
{
    struct bytes other_from = statement_bytes(s, 2), other_to = statement_bytes(s, 3);
    bool before = to.size && other_from.size && bytes_compare(to, other_from) <= 0;
    bool after = from.size && other_to.size && bytes_compare(other_to, from) <= 0;
    return !before && !after;
}

/* Adds a problem when the statement's rows (id, cidr, valid_from, valid_to, agency name) are in force
 * together with the change. Returns true when it did. */
static bool report_overlap(struct change *c, struct statement *s)
{
    struct value *from = change_value(c, "valid_from"), *to = change_value(c, "valid_to");
    while (statement_next(s)) {
        if (!spans_meet(s, from->text, to->text))
            continue;
        char other[200];
        struct text text = text_of(other, sizeof other);
        text_put(&text, statement_bytes(s, 1));
        text_put(&text, BYTES_OF(" "));
        text_put(&text, statement_bytes(s, 4));
        problem_add(c->problems, "overlap", "cidr", change_value(c, "cidr")->text,
                    "network.cidr overlaps %s (number %lld of the register)", other,
                    (long long)statement_int(s, 0));
        statement_done(s);
        return true;
    }
    return false;
}

#define OVERLAP_SELECT                                                                            \
    "SELECT n.id, n.cidr, n.valid_from, n.valid_to, a.name FROM network n LEFT JOIN agency a ON " \
    "a.id=n.agency "                                                                              \
    "WHERE n.ended IS NULL AND n.id<>?"

static void check_network(struct change *c)
{
    struct value *cidr = change_value(c, "cidr"), *span = change_value(c, "span");
    struct network network;
    if (!network_parse(cidr->text, &network) || (network.address.version == 4 && network.prefix < 8) ||
        (network.address.version == 6 && network.prefix < 16)) {
        problem_add(c->problems, "format", "cidr", cidr->text,
                    "network.cidr must be a network such as 10.1.0.0/24, at least /8 (IPv6: /16)");
        return;
    }
    char shown[80], low[48], high[48];
    struct text text = text_of(shown, sizeof shown);
    address_text_short(&network.address, &text);
    text_add(&text, "/%u", network.prefix);
    cidr->text = arena_copy(c->memory, text_bytes(&text));
    text = text_of(low, sizeof low);
    span_text(&network, &text);
    *span = (struct value){ .kind = VALUE_TEXT, .text = arena_copy(c->memory, text_bytes(&text)) };
    /* Networks inside: between the first and the last address. */
    struct network last = network;
    size_t bits = address_size(&network.address) * 8;
    for (size_t bit = network.prefix; bit < bits; bit++)
        last.address.octets[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    last.prefix = 255;
    text = text_of(high, sizeof high);
    span_text(&last, &text);
    if (report_overlap(c, database_query(c->database, OVERLAP_SELECT " AND n.span>=? AND n.span<=?", "iss",
                                         c->id, low, high)))
        return;
    /* Networks around: every shorter prefix. */
    for (uint8_t prefix = network.prefix; prefix-- > 0;) {
        struct network around = network_shortened(network, prefix);
        text = text_of(low, sizeof low);
        span_text(&around, &text);
        if (report_overlap(c, database_query(c->database, OVERLAP_SELECT " AND n.span=?", "is", c->id, low)))
            return;
    }
}

static void check_system(struct change *c)
{
    struct value *addresses = change_value(c, "addresses");
    struct bytes rest = addresses->text;
    while (has_text(addresses) && rest.size) {
        struct network network;
        struct bytes part = bytes_trim(bytes_cut(&rest, ','));
        if (part.size && !network_parse(part, &network))
            problem_add(c->problems, "format", "addresses", part,
                        "system.addresses has a part that is no address");
    }
    struct value *decided = change_value(c, "decision_date"), *regulated = change_value(c, "regulation_date");
    /* Decree 331/2026 article 30.7: the regulation comes before the approval. */
    if (has_text(decided) && has_text(regulated) && bytes_compare(regulated->text, decided->text) > 0)
        problem_add(c->problems, "order", "regulation_date", regulated->text,
                    "system.regulation_date must not be after decision_date");
}

static void check_email(struct change *c)
{
    struct value *email = change_value(c, "email");
    size_t at = bytes_find_byte(email->text, '@');
    if (has_text(email) && (at == SIZE_MAX || at == 0 || at + 1 == email->text.size))
        problem_add(c->problems, "format", "email", email->text, "email must be like ten@tinh.gov.vn");
}

static void check_sensor(struct change *c)
{
    struct value *name = change_value(c, "name"), *state = change_value(c, "state");
    for (size_t i = 0; i < name->text.size; i++) {
        uint8_t b = byte_lower(name->text.data[i]);
        if (!(b >= 'a' && b <= 'z') && !byte_is_digit(b) && b != '-' && b != '.') {
            problem_add(c->problems, "format", "name", name->text,
                        "sensor.name has letters, digits, '-' and '.' only");
            break;
        }
    }
    if (state->kind == VALUE_NULL)
        *state = (struct value){ .kind = VALUE_TEXT, .text = BYTES_OF("new") };
}

static void check_user(struct change *c)
{
    struct value *name = change_value(c, "name"), *state = change_value(c, "state");
    for (size_t i = 0; i < name->text.size; i++) {
        uint8_t b = name->text.data[i];
        if (!(b >= 'a' && b <= 'z') && !byte_is_digit(b) && !strchr("-._", b)) {
            problem_add(c->problems, "format", "name", name->text,
                        "user.name has small letters, digits, '-', '.' and '_' only");
            break;
        }
    }
    check_email(c);
    if (state->kind == VALUE_NULL)
        *state = (struct value){ .kind = VALUE_TEXT, .text = BYTES_OF("active") };
}

static void check_filter(struct change *c)
{
    struct network network;
    const char *const sides[] = { "src", "dest" };
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        struct value *side = change_value(c, sides[i]);
        if (has_text(side) && !network_parse(side->text, &network))
            problem_add(c->problems, "format", sides[i], side->text, "must be an address or network");
    }
    if (change_value(c, "sid")->kind == VALUE_NULL && !has_text(change_value(c, "src")) &&
        !has_text(change_value(c, "dest")))
        problem_add(c->problems, "required", "sid", BYTES_NONE,
                    "a filter needs a signature, a source or a destination");
}

static void check_rule(struct change *c)
{
    if (change_value(c, "amount")->kind == VALUE_NULL)
        *change_value(c, "amount") = (struct value){ .kind = VALUE_NUMBER };
    if (change_value(c, "level_min")->number > change_value(c, "level_max")->number)
        problem_add(c->problems, "order", "level_max", BYTES_NONE,
                    "rule_of_law.level_max is below level_min");
}

#define STAFF_AND_AUDIT (ROLE_STAFF | ROLE_AUDITOR | ROLE_ADMINISTRATOR)
#define REGISTRARS      (ROLE_ADMINISTRATOR | ROLE_DUTY)

/* What the lead unit looks for: agencies without a contact officer or a sensor, systems without an approved
   level, a regulation in force before it, or a plan carried out, contacts that nobody confirmed for a
   quarter. */
static const struct register_gap agency_gaps[] = {
    { "contact", "NOT EXISTS (SELECT 1 FROM contact k WHERE k.agency=t.id AND k.ended IS NULL)" },
    { "sensor", "NOT EXISTS (SELECT 1 FROM sensor s WHERE s.agency=t.id AND s.ended IS NULL AND "
                "s.state<>'revoked')" },
    { NULL, NULL },
};

static const struct register_gap system_gaps[] = {
    { "decision", "coalesce(t.decision,'')=''" },
    { "regulation", "coalesce(t.regulation,'')=''" },
    { "plan", "coalesce(t.plan,'none')<>'full'" },
    { NULL, NULL },
};

static const struct register_gap contact_gaps[] = {
    { "verified", "coalesce(t.verified,'')<date('now','+7 hours','-90 days')" },
    { NULL, NULL },
};

const struct entity agency_entity = {
    .name = "agency",
    FIELDS(agency_fields),
    .title = "name",
    .keys = "code,code102,name,short_name",
    .dated = NAMES("name", "short_name", "parent", "document"),
    .listed = NAMES("name", "short_name", "code", "type", "parent"),
    .scope = "t.id IN {}",
    .readers = ROLE_ANY,
    .writers = REGISTRARS,
    .check = check_agency,
    .referrers = NAMES("network.agency", "system.owner", "system.operator", "agency.parent", "sensor.agency"),
    .gaps = agency_gaps,
};

static const struct entity network_entity = {
    .name = "network",
    FIELDS(network_fields),
    .title = "cidr",
    .keys = "cidr",
    .listed = NAMES("cidr", "agency", "system", "kind", "valid_from", "valid_to"),
    .scope = "t.agency IN {}",
    .readers = ROLE_ANY,
    .writers = REGISTRARS,
    .check = check_network,
};

static const struct entity system_entity = {
    .name = "system",
    FIELDS(system_fields),
    .title = "name",
    .keys = "code,name",
    .listed = NAMES("name", "owner", "operator", "level", "type", "status"),
    .scope = "t.owner IN {} OR t.operator IN {}",
    .readers = ROLE_ANY,
    .writers = REGISTRARS,
    .check = check_system,
    .referrers = NAMES("network.system"),
    .gaps = system_gaps,
};

static const struct entity contact_entity = {
    .name = "contact",
    FIELDS(contact_fields),
    .title = "person",
    .keys = "email,person",
    .listed = NAMES("person", "agency", "role", "mobile", "email", "verified"),
    .scope = "t.agency IN {}",
    .readers = ROLE_ANY,
    .writers = REGISTRARS | ROLE_CONTACT,
    .check = check_email,
    .gaps = contact_gaps,
};

const struct entity sensor_entity = {
    .name = "sensor",
    FIELDS(sensor_fields),
    .title = "name",
    .keys = "name",
    .listed = NAMES("name", "agency", "state", "last_seen", "software"),
    .read_only = NAMES("state", "last_seen", "software", "address"),
    .scope = "t.agency IN {}",
    .readers = STAFF_AND_AUDIT,
    .writers = ROLE_ADMINISTRATOR,
    .check = check_sensor,
    /* The code is kept as its hash; serial is of the certificate in force and,
     * after a space, of one that was issued and never shown yet; the rest comes with heartbeats. */
    .columns =
        ", code_hash TEXT, code_expires INTEGER, serial TEXT, certificate_until INTEGER, boot INTEGER, "
        "counters TEXT, clock_offset_ms INTEGER, backlog_bytes INTEGER, lost INTEGER, events INTEGER, "
        "events_per_s REAL, health TEXT",
};

const struct entity user_entity = {
    .name = "user",
    FIELDS(user_fields),
    .title = "display_name",
    .keys = "name",
    .listed = NAMES("name", "display_name", "role", "state"),
    .readers = ROLE_ADMINISTRATOR | ROLE_AUDITOR,
    .writers = 0,
    .check = check_user,
    .columns =
        ", password TEXT, password_changed INTEGER, must_change INTEGER NOT NULL DEFAULT 1, totp BLOB, "
        "totp_pending BLOB, totp_step INTEGER, failures INTEGER NOT NULL DEFAULT 0, locked_until INTEGER, "
        "last_sign_in INTEGER, language TEXT",
};

static const struct entity rule_entity = {
    .name = "rule_of_law",
    FIELDS(rule_fields),
    .title = "source",
    .keys = "source",
    .listed = NAMES("regime", "kind", "severity", "amount", "unit", "valid_from", "valid_to"),
    .readers = STAFF_AND_AUDIT,
    .writers = ROLE_ADMINISTRATOR | ROLE_LEADER,
    .check = check_rule,
};

static const struct entity holiday_entity = {
    .name = "holiday",
    FIELDS(holiday_fields),
    .title = "name",
    .keys = "day",
    .listed = NAMES("day", "name", "working"),
    .readers = STAFF_AND_AUDIT,
    .writers = REGISTRARS,
};

static const struct entity playbook_entity = {
    .name = "playbook_task",
    FIELDS(playbook_fields),
    .title = "title_vi",
    .keys = "title_vi",
    .listed = NAMES("incident_type", "position", "title_vi", "state", "for_contact", "required"),
    .readers = STAFF_AND_AUDIT,
    .writers = REGISTRARS | ROLE_HANDLER,
};

static const struct entity filter_entity = {
    .name = "archive_filter",
    FIELDS(filter_fields),
    .title = "sid",
    .keys = "sid",
    .listed = NAMES("sid", "src", "dest", "agency", "reason", "expires"),
    .readers = ROLE_STAFF | ROLE_AUDITOR,
    .writers = ROLE_ACTING,
    .check = check_filter,
};

static const struct entity *const entities[] = {
    &agency_entity, &network_entity, &system_entity,  &contact_entity,  &sensor_entity,
    &user_entity,   &rule_entity,    &holiday_entity, &playbook_entity, &filter_entity,
};

const struct registers province_registers = { entities, COUNT_OF(entities), word_of };

/* ---- what is shipped ---- */

static const char *const seed_sql[][2] = {
    { "rule_of_law",
      "INSERT INTO rule_of_law (regime, kind, severity, level_min, level_max, amount, unit, grace_minutes, "
      "starts, "
      "recipient, form, source, valid_from, valid_to) VALUES "
      "('local','acknowledge','any',0,5,15,'minutes',0,'detected','Đơn vị chuyên trách của tỉnh','',"
      "'Quy định nội bộ của đơn vị chuyên trách','2016-07-01',NULL),"
      "('2016','initial_notice','any',0,5,5,'days',0,'detected',"
      "'Chủ quản hệ thống; đơn vị chuyên trách ứng cứu sự cố cùng cấp; VNCERT/CC','Thông báo sự cố',"
      "'TT 20/2017/TT-BTTTT Đ9.2','2017-09-13','2026-07-01'),"
      "('2016','immediate_notice','serious',0,5,0,'minutes',30,'detected',"
      "'Chủ quản hệ thống; đơn vị chuyên trách ứng cứu sự cố cùng cấp; VNCERT/CC','Biểu mẫu 03 - Báo cáo ban "
      "đầu',"
      "'QĐ 05/2017/QĐ-TTg Đ11.2','2017-03-16','2026-07-01'),"
      "('2016','closing_report','any',0,5,5,'days',0,'ended',"
      "'Chủ quản hệ thống; đơn vị chuyên trách; VNCERT/CC','Biểu mẫu 04 - Báo cáo kết thúc ứng phó',"
      "'TT 20/2017/TT-BTTTT Đ9.2','2017-09-13','2026-07-01'),"
      "('2016','contact_update','any',0,5,24,'hours',0,'detected','VNCERT/CC','Biểu mẫu 01',"
      "'TT 20/2017/TT-BTTTT Đ6.1','2017-09-13','2026-07-01'),"
      "('2026','immediate_notice','serious',0,5,0,'minutes',30,'detected',"
      "'Lực lượng chuyên trách bảo vệ an ninh mạng - Bộ Công an (A05); Công an tỉnh','Thông báo ngay',"
      "'NĐ 331/2026/NĐ-CP Đ31.2.d','2026-07-01',NULL),"
      "('2026','initial_notice','serious',0,5,24,'hours',0,'detected',"
      "'Lực lượng chuyên trách bảo vệ an ninh mạng - Bộ Công an (A05); Công an tỉnh','Thông báo ban đầu',"
      "'NĐ 331/2026/NĐ-CP Đ31.2.d','2026-07-01',NULL),"
      "('2026','full_report','any',0,5,72,'hours',0,'detected',"
      "'Lực lượng chuyên trách bảo vệ an ninh mạng - Bộ Công an (A05); Công an tỉnh',"
      "'Báo cáo nguyên nhân, phạm vi, biện pháp khắc phục','NĐ 331/2026/NĐ-CP Đ31.2.d','2026-07-01',NULL),"
      "('2026','personal_data_notice','any',0,5,72,'hours',0,'detected','Cơ quan chuyên trách bảo vệ dữ liệu "
      "cá nhân',"
      "'Mẫu số 08 NĐ 356/2025/NĐ-CP','Luật 91/2025/QH15 Đ23','2026-01-01',NULL),"
      "('local','initial_notice','ordinary',0,5,24,'hours',0,'detected','Đơn vị chuyên trách của tỉnh; Tổ "
      "ứng cứu sự cố',"
      "'Thông báo sự cố','Chỉ thị của UBND tỉnh','2026-07-01',NULL),"
      "('local','closing_report','any',0,5,5,'working_days',0,'ended','UBND tỉnh; Công an tỉnh',"
      "'Báo cáo kết thúc','Quy định nội bộ của đơn vị chuyên trách','2026-07-01',NULL)" },
    /* The days off of 2026 and 2027 as announced; an administrator keeps the table. */
    { "holiday", "INSERT INTO holiday (day, name, working) VALUES "
                 "('2026-01-01','Tết Dương lịch',0),('2026-01-02','Nghỉ hoán đổi Tết Dương lịch',0),"
                 "('2026-01-10','Làm bù ngày 02/01/2026',1),('2026-02-16','Tết Nguyên đán Bính Ngọ',0),"
                 "('2026-02-17','Tết Nguyên đán Bính Ngọ',0),('2026-02-18','Tết Nguyên đán Bính Ngọ',0),"
                 "('2026-02-19','Tết Nguyên đán Bính Ngọ',0),('2026-02-20','Tết Nguyên đán Bính Ngọ',0),"
                 "('2026-04-27','Giỗ Tổ Hùng Vương (nghỉ bù)',0),('2026-04-30','Ngày Chiến thắng',0),"
                 "('2026-05-01','Ngày Quốc tế Lao động',0),('2026-08-22','Làm bù ngày 31/8/2026',1),"
                 "('2026-08-31','Nghỉ hoán đổi Quốc khánh',0),('2026-09-01','Quốc "
                 "khánh',0),('2026-09-02','Quốc khánh',0),"
                 "('2027-01-01','Tết Dương lịch',0),('2027-02-05','Tết Nguyên đán Đinh Mùi',0),"
                 "('2027-02-08','Tết Nguyên đán Đinh Mùi',0),('2027-02-09','Tết Nguyên đán Đinh Mùi',0),"
                 "('2027-02-10','Tết Nguyên đán Đinh Mùi',0),('2027-04-16','Giỗ Tổ Hùng Vương',0),"
                 "('2027-04-30','Ngày Chiến thắng',0),('2027-05-03','Ngày Quốc tế Lao động (nghỉ bù)',0),"
                 "('2027-09-02','Quốc khánh',0),('2027-09-03','Quốc khánh',0)" },
    { "playbook_task",
      "INSERT INTO playbook_task (incident_type, position, title_vi, title_en, for_contact, required, state) "
      "VALUES "
      "('any',10,'Xác nhận máy, người dùng và hệ thống liên quan','Confirm the machine, user and system "
      "concerned',1,1,"
      "'verified'),"
      "('any',90,'Kiểm tra lại sau khôi phục và theo dõi 24 giờ','Check again after recovery and watch for "
      "24 hours',1,"
      "0,'tested'),"
      "('any',95,'Rút kinh nghiệm, cập nhật quy chế','Write down lessons, update the "
      "regulation',0,0,'reporting'),"
      "('malware',20,'Rút dây mạng của máy bị nhiễm, không tắt máy','Unplug the network cable, leave the "
      "machine on',1,"
      "1,'first_response'),"
      "('malware',30,'Sao lưu bộ nhớ và nhật ký làm chứng cứ','Save memory and logs as "
      "evidence',0,0,'contained'),"
      "('malware',40,'Quét và gỡ mã độc bằng phần mềm đã cập nhật','Scan and remove the malware with updated "
      "software',"
      "1,1,'eradicated'),"
      "('malware',50,'Đổi mật khẩu các tài khoản đã dùng trên máy','Change passwords of accounts used on the "
      "machine',1,"
      "1,'recovered'),"
      "('ransomware',20,'Ngắt mạng ngay toàn bộ máy có dấu hiệu mã hóa','Disconnect every machine showing "
      "encryption',1,"
      "1,'first_response'),"
      "('ransomware',30,'Bảo vệ bản sao lưu: ngắt kết nối, kiểm tra','Protect backups: disconnect and check "
      "them',1,1,"
      "'contained'),"
      "('ransomware',50,'Khôi phục từ bản sao lưu sạch','Restore from a clean backup',1,1,'recovered'),"
      "('phishing',20,'Thu hồi thư lừa đảo khỏi các hộp thư','Withdraw the phishing mail from mailboxes',1,1,"
      "'first_response'),"
      "('phishing',30,'Đổi mật khẩu, bật xác thực hai lớp cho người đã nhập','Change passwords and enable "
      "two factors "
      "for those who entered them',1,1,'contained'),"
      "('phishing',40,'Chặn tên miền lừa đảo','Block the phishing domain',0,1,'contained'),"
      "('intrusion',20,'Cô lập máy chủ bị xâm nhập','Isolate the server that was broken "
      "into',1,1,'first_response'),"
      "('intrusion',30,'Thu thập nhật ký, ảnh đĩa làm chứng cứ','Collect logs and disk images as "
      "evidence',0,1,"
      "'contained'),"
      "('intrusion',40,'Vá lỗ hổng, xóa cửa hậu và tài khoản lạ','Patch the hole, remove back doors and "
      "unknown "
      "accounts',1,1,'eradicated'),"
      "('defacement',20,'Đưa trang vào chế độ bảo trì','Put the site into maintenance "
      "mode',1,1,'first_response'),"
      "('defacement',50,'Khôi phục nội dung từ bản sạch','Restore the content from a clean "
      "copy',1,1,'recovered'),"
      "('dos',20,'Liên hệ nhà cung cấp Internet để lọc lưu lượng','Ask the Internet provider to filter "
      "traffic',1,1,"
      "'first_response'),"
      "('dos',30,'Ghi lại nguồn và dạng tấn công','Record sources and kind of attack',0,0,'contained')" },
};

bool entities_seed(struct database *database, uint64_t now, struct error *error)
{
    database_begin(database);
    for (size_t i = 0; i < COUNT_OF(seed_sql); i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", seed_sql[i][0]);
        if (database_number(database, sql, ""))
            continue;
        database_run(database, seed_sql[i][1], "");
        snprintf(sql, sizeof sql, "UPDATE %s SET created=?1, updated=?1", seed_sql[i][0]);
        database_run(database, sql, "u", now);
    }
    return database_commit(database, error);
}
