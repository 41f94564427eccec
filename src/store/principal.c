/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and row permissions. */
#include "store/principal.h"

static const struct {
    unsigned role;
    const char *name;
} roles[] = {
    { ROLE_ADMINISTRATOR, "administrator" },
    { ROLE_DUTY, "duty" },
    { ROLE_HANDLER, "handler" },
    { ROLE_LEADER, "leader" },
    { ROLE_CONTACT, "contact" },
    { ROLE_AUDITOR, "auditor" },
};

bool principal_has(const struct principal *p, int64_t agency)
{
    if (!p->limited)
        return true;
    for (size_t i = 0; i < p->agency_count; i++) {
        if (p->agencies[i] == agency)
            return true;
    }
    return false;
}

static void agency_list(const struct principal *p, struct text *out)
{
    text_char(out, '(');
    for (size_t i = 0; i < p->agency_count; i++)
        text_add(out, "%s%lld", i ? "," : "", (long long)p->agencies[i]);
    text_char(out, ')');
}

void principal_condition(const struct principal *p, const char *condition, struct text *out)
{
    if (!p->limited) {
        text_char(out, '1');
        return;
    }
    struct bytes rest = bytes_of_string(condition);
    text_char(out, '(');
    while (rest.size) {
        size_t at = MIN(bytes_find(rest, BYTES_OF("{}")), rest.size);
        text_put(out, bytes_first(rest, at));
        if (at < rest.size)
            agency_list(p, out);
        rest = bytes_from(rest, at + 2);
    }
    text_char(out, ')');
}

const char *role_name(unsigned role)
{
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if (roles[i].role == role)
            return roles[i].name;
    }
    return "";
}

unsigned role_of(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if (bytes_is(name, roles[i].name))
            return roles[i].role;
    }
    return 0;
}
