/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords about addresses beyond the header: iprep and its lists, geoip. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "detect/context.h"
#include "detect/geoip.h"
#include "detect/keyword.h"
#include "detect/reputation.h"

#define CATEGORIES_MAX 60
#define LIST_SIZE_MAX  (256U << 20)
#define HOSTS_MAX      (8U << 20)

struct scores {
    uint8_t given[CATEGORIES_MAX + 1]; /* 0: none; else the score plus 1 */
};

struct scored_network {
    u128 low, high;
    unsigned prefix;
    struct scores scores;
};

struct reputation {
    struct bytes names[CATEGORIES_MAX + 1];
    struct map hosts; /* 16 octets -> struct scores * */
    struct scored_network *networks;
    size_t network_count, network_capacity;
    struct arena memory;
};

static char *read_list(const char *path, size_t *size, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *content = NULL;
    *size = 0;
    if (fd < 0) {
        (void)error_system(error, "%s", path);
        return NULL;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > (off_t)LIST_SIZE_MAX)
        (void)error_set(error, "%s is no file, or too large", path);
    else if (!(content = malloc((size_t)status.st_size + 1)))
        (void)error_set(error, "%s: out of memory", path);
    while (content && *size < (size_t)status.st_size) {
        ssize_t got = read(fd, content + *size, (size_t)status.st_size - *size);
        if (got <= 0)
            break;
        *size += (size_t)got;
    }
    close(fd);
    return content;
}

/* "number,short name,description" */
static void load_categories(struct reputation *r, struct bytes text)
{
    while (text.size) {
        struct bytes line = bytes_trim(bytes_cut(&text, '\n'));
        uint64_t number;
        struct bytes first = bytes_trim(bytes_cut(&line, ',')), name = bytes_trim(bytes_cut(&line, ','));
        if (bytes_to_u64(first, &number) && number >= 1 && number <= CATEGORIES_MAX && name.size)
            r->names[number] = arena_copy(&r->memory, name);
    }
}

static struct scores *scores_of(struct reputation *r, const struct network *network)
{
    unsigned width = network->address.version == 4 ? 32 : 128;
    u128 low = address_number(&network->address);
    if (network->prefix == width) {
        uintptr_t *place = map_add(&r->hosts, bytes_of(&low, sizeof low), NULL);
        if (place && !*place)
            *place = (uintptr_t)ARENA_NEW(&r->memory, struct scores);
        return place ? (struct scores *)*place : NULL;
    }
    u128 host = width - network->prefix >= 128 ? ~(u128)0 : ((u128)1 << (width - network->prefix)) - 1;
    for (size_t i = 0; i < r->network_count; i++)
        if (r->networks[i].low == low && r->networks[i].high == (low | host))
            return &r->networks[i].scores;
    if (r->network_count == r->network_capacity) {
        size_t capacity = r->network_capacity ? r->network_capacity * 2 : 64;
        struct scored_network *networks = realloc(r->networks, capacity * sizeof *networks);
        if (!networks)
            return NULL;
        r->networks = networks;
        r->network_capacity = capacity;
    }
    struct scored_network *added = &r->networks[r->network_count++];
    *added =
        (struct scored_network){ .low = low, .high = low | host, .prefix = network->prefix + (128 - width) };
    return &added->scores;
}

/* "address or network,category,score" */
static bool load_scores(struct reputation *r, struct bytes text)
{
    while (text.size) {
        struct bytes line = bytes_trim(bytes_cut(&text, '\n'));
        struct bytes where = bytes_trim(bytes_cut(&line, ',')), category = bytes_trim(bytes_cut(&line, ','));
        struct network network;
        uint64_t number, score;
        if (!network_parse(where, &network) || !bytes_to_u64(category, &number) || number < 1 ||
            number > CATEGORIES_MAX || !bytes_to_u64(bytes_trim(line), &score) || score > 127)
            continue;
        struct scores *scores = scores_of(r, &network);
        if (!scores)
            return false;
        scores->given[number] = (uint8_t)(score + 1);
    }
    return true;
}

bool reputation_load(struct ruleset *set, const struct ruleset_settings *settings, struct error *error)
{
    size_t size;
    if (!settings->reputation_categories)
        return true;
    struct reputation *r = set->reputation = calloc(1, sizeof *r);
    if (!r)
        return error_set(error, "out of memory");
    r->hosts = map_of(11, HOSTS_MAX);
    r->memory = arena_of(1U << 30);
    char *content = read_list(settings->reputation_categories, &size, error);
    if (!content)
        return false;
    load_categories(r, bytes_of(content, size));
    free(content);
    for (size_t i = 0; i < settings->reputation_count; i++) {
        content = read_list(settings->reputation_files[i], &size, error);
        if (!content)
            return false;
        bool done = load_scores(r, bytes_of(content, size));
        free(content);
        if (!done)
            return error_set(error, "%s: out of memory", settings->reputation_files[i]);
    }
    return true;
}

void reputation_free(struct reputation *r)
{
    if (!r)
        return;
    map_done(&r->hosts);
    free(r->networks);
    arena_done(&r->memory);
    free(r);
}

/* The score of the host, else of the narrowest network that has one; false: none. */
static bool find_score(const struct reputation *r, const struct address *address, uint32_t category,
                       uint64_t *score)
{
    u128 number = address_number(address);
    uintptr_t *place = map_find(&r->hosts, bytes_of(&number, sizeof number));
    uint8_t given = place ? ((const struct scores *)*place)->given[category] : 0;
    unsigned best = 0;
    for (size_t i = 0; !given && i < r->network_count; i++)
        if (number >= r->networks[i].low && number <= r->networks[i].high &&
            r->networks[i].scores.given[category] && r->networks[i].prefix >= best)
            best = r->networks[i].prefix + 1;
    for (size_t i = 0; !given && best && i < r->network_count; i++)
        if (number >= r->networks[i].low && number <= r->networks[i].high &&
            r->networks[i].prefix + 1 == best)
            given = r->networks[i].scores.given[category];
    *score = given ? given - 1U : 0;
    return given != 0;
}

enum { SIDE_ANY, SIDE_SRC, SIDE_DST, SIDE_BOTH };
enum { SCORE_COMPARED, SCORE_IS_SET, SCORE_IS_NOT_SET };

static bool side_holds(const struct check *check, const struct context *context,
                       const struct address *address)
{
    uint64_t score;
    bool given = find_score(context->set->reputation, address, check->a, &score);
    if (check->b != SCORE_COMPARED)
        return given == (check->b == SCORE_IS_SET);
    return given && range_has(&check->range, score);
}

static bool reputation_holds(const struct check *check, struct context *context)
{
    const struct packet *p = context->packet;
    if (!p->ip || !context->set->reputation)
        return false;
    bool src = side_holds(check, context, &p->src), dst = side_holds(check, context, &p->dst);
    switch (check->mode) {
    case SIDE_SRC:
        return src;
    case SIDE_DST:
        return dst;
    case SIDE_BOTH:
        return src && dst;
    default:
        return src || dst;
    }
}

static bool read_side(struct bytes word, uint8_t *side)
{
    static const char *const sides[] = { "any", "src", "dst", "both" };
    for (size_t i = 0; i < COUNT_OF(sides); i++)
        if (bytes_is(word, sides[i])) {
            *side = (uint8_t)i;
            return true;
        }
    return false;
}

static bool parse_iprep(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct bytes side, name, op, score;
    struct check *check = compiler_check(c, reputation_holds);
    if (!check)
        return false;
    check->subject = CHECK_HOSTS;
    if (!list_next(&value, &side) || !list_next(&value, &name) || !list_next(&value, &op))
        return refuse(c, "a side, a category and a comparison are wanted");
    if (!read_side(side, &check->mode))
        return refuse(c, "the side must be any, src, dst or both");
    for (uint32_t k = 1; c->set->reputation && k <= CATEGORIES_MAX; k++)
        if (c->set->reputation->names[k].data && bytes_equal(name, c->set->reputation->names[k]))
            check->a = k;
    if (!check->a)
        return refuse(c, "the category \"%.*s\" is not known", (int)MIN(name.size, 40U),
                      (const char *)name.data);
    if (bytes_is(op, "isset") || bytes_is(op, "isnotset")) {
        check->b = bytes_is(op, "isset") ? SCORE_IS_SET : SCORE_IS_NOT_SET;
        return true;
    }
    char joined[64];
    struct text text = text_of(joined, sizeof joined);
    if (!list_next(&value, &score))
        return refuse(c, "a score is wanted");
    text_put(&text, op);
    text_put(&text, score);
    return parse_range(c, text_bytes(&text), 127, NULL, &check->range);
}

#define COUNTRIES_MAX 128U

/* Countries of a rule: the address is in one of them, or in none when they are negated. */
struct countries {
    uint8_t codes[COUNTRIES_MAX][2]; /* lower case */
    uint32_t count;
    bool negated;
};

/* An address of an unknown country is in none. */
static bool country_holds(const struct countries *wanted, const struct context *context,
                          const struct address *address)
{
    uint8_t code[2];
    bool found = false;
    if (!geoip_country(context->set->geoip, address, code))
        return wanted->negated;
    for (uint32_t i = 0; i < wanted->count && !found; i++)
        found = memcmp(wanted->codes[i], code, 2) == 0;
    return found != wanted->negated;
}

static bool geoip_holds(const struct check *check, struct context *context)
{
    const struct packet *p = context->packet;
    if (!p->ip)
        return false;
    bool src = check->mode != SIDE_DST && country_holds(check->data, context, &p->src);
    bool dst = check->mode != SIDE_SRC && country_holds(check->data, context, &p->dst);
    return check->mode == SIDE_BOTH ? src && dst : src || dst;
}

/* "[any|src|dst|both,]CC[,CC...]" or "...,!CC[,!CC...]" */
static bool parse_geoip(struct compiler *c, const struct keyword *keyword, struct bytes value)
{
    (void)keyword;
    struct check *check = compiler_check(c, geoip_holds);
    struct countries *countries = COMPILER_NEW(c, struct countries);
    struct bytes word;
    if (!check || !countries)
        return false;
    if (!c->set->geoip)
        return refuse(c, "geoip-database is not set in suricata.yaml, or cannot be read");
    check->subject = CHECK_HOSTS;
    check->data = countries;
    for (bool first = true; list_next(&value, &word); first = false) {
        if (first && read_side(word, &check->mode))
            continue;
        bool negated = word.size && word.data[0] == '!';
        word = bytes_trim(bytes_from(word, negated));
        if (word.size != 2)
            return refuse(c, "\"%.*s\" is no country code of two letters", (int)MIN(word.size, 40U),
                          (const char *)word.data);
        if (countries->count && negated != countries->negated)
            return refuse(c, "countries are either all negated or none is");
        if (countries->count == COUNTRIES_MAX)
            return refuse(c, "more than %u countries", COUNTRIES_MAX);
        countries->negated = negated;
        countries->codes[countries->count][0] = byte_lower(word.data[0]);
        countries->codes[countries->count++][1] = byte_lower(word.data[1]);
    }
    return countries->count || refuse(c, "a country is wanted");
}

const struct keyword address_keywords[] = {
    { "geoip", .parse = parse_geoip, .help = "Country of an address (geoip-database)",
      .source = "ISO 3166-1" },
    { "iprep", .parse = parse_iprep, .help = "Reputation of an address in a category" },
    { 0 },
};
