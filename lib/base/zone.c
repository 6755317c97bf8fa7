/*
 * lib/base/zone.c -- reads TZif: a block of 32-bit times, which is skipped, one of 64-bit times,
 * and the rule for all later ones. Counts are held against the bytes that are there before anything
 * is read. Threads: any; a lock guards the list of the zones that were asked for.
 */
#include "base/zone.h"

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/zone_rule.h"

#define HEADER_BYTES 44
#define TYPE_BYTES 6
#define MAX_RULE_BYTES 256
/* RFC 9636, 3.2: an offset is more than -25 h and less than 26 h. */
#define LEAST_OFFSET (-89999)
#define GREATEST_OFFSET 93599

struct change {
    int64_t at, offset;
};

struct zone {
    int64_t first; /* before any change */
    size_t n;
    struct change *changes; /* in their order */
    bool has_rule;          /* from the last of them on; else its offset stays */
    struct zone_rule rule;
};

/* ---- a file ---- */

struct header {
    uint64_t is_utc, is_std, leaps, times, types, chars;
    const unsigned char *data, *next; /* what follows the header, and what follows that */
};

static uint32_t u32_at(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t i64_at(const unsigned char *p)
{
    return (int64_t)((uint64_t)u32_at(p) << 32 | u32_at(p + 4));
}

/* The header at `p`, and where its data end, in which a time has `width` bytes. */
static bool read_header(const unsigned char *p, size_t left, unsigned width, struct header *ret)
{
    if (left < HEADER_BYTES || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    struct header h = { u32_at(p + 20), u32_at(p + 24), u32_at(p + 28),   u32_at(p + 32),
                        u32_at(p + 36), u32_at(p + 40), p + HEADER_BYTES, NULL };
    uint64_t bytes = h.times * (width + 1) + h.types * TYPE_BYTES + h.chars +
                     h.leaps * (width + 4) + h.is_std + h.is_utc;
    if (bytes > left - HEADER_BYTES)
        return false;
    h.next = h.data + bytes;
    *ret = h;
    return true;
}

static bool offset_of(const struct header *h, unsigned type, int64_t *ret)
{
    const unsigned char *types = h->data + h->times * 9;
    if (type >= h->types)
        return false;
    *ret = (int32_t)u32_at(types + type * (size_t)TYPE_BYTES);
    return *ret >= LEAST_OFFSET && *ret <= GREATEST_OFFSET;
}

static bool read_changes(const struct header *h, struct zone *z)
{
    const unsigned char *types = h->data + h->times * 8;

    if (!offset_of(h, 0, &z->first))
        return false;
    z->changes = lp_calloc(h->times, sizeof *z->changes);
    for (; z->n < h->times; z->n++) {
        struct change *c = &z->changes[z->n];
        c->at = i64_at(h->data + z->n * 8);
        if (!offset_of(h, types[z->n], &c->offset) || (z->n > 0 && c->at <= c[-1].at))
            return false;
    }
    return true;
}

/* "\nRULE\n"; an empty rule is none. */
static int read_rule(const unsigned char *p, size_t left, struct zone *z, struct lp_error *err)
{
    const unsigned char *end = left > 1 && p[0] == '\n' ? memchr(p + 1, '\n', left - 1) : NULL;
    char text[MAX_RULE_BYTES + 1] = "";

    if (!end || end - (p + 1) > MAX_RULE_BYTES)
        return lp_error_set(err, LP_E_INVALID, "ends without a rule for later times");
    memcpy(text, p + 1, (size_t)(end - (p + 1)));
    z->has_rule = *text != '\0';
    return z->has_rule ? zone_rule_parse(text, &z->rule, err) : 0;
}

int zone_parse(const void *bytes, size_t n, struct zone **ret_zone, struct lp_error *err)
{
    const unsigned char *p = bytes, *end = p + n;
    struct header old, h;

    if (n > ZONE_FILE_MAX)
        return lp_error_set(err, LP_E_INVALID, "has more than %d bytes", ZONE_FILE_MAX);
    if (!read_header(p, n, 4, &old) || !read_header(old.next, (size_t)(end - old.next), 8, &h))
        return lp_error_set(err, LP_E_INVALID, "is no file of a time zone (TZif, version 2)");
    if (h.leaps > 0)
        return lp_error_set(err, LP_E_INVALID, "counts leap seconds, which this clock does not");
    struct zone *z = lp_alloc(sizeof *z);
    int r = read_changes(&h, z) ? 0 : lp_error_set(err, LP_E_INVALID, "has damaged times");
    if (r == 0)
        r = read_rule(h.next, (size_t)(end - h.next), z, err);
    if (r < 0) {
        zone_free(z);
        return r;
    }
    *ret_zone = z;
    return 0;
}

void zone_free(struct zone *z)
{
    if (!z)
        return;
    free(z->changes);
    free(z);
}

/* ---- times ---- */

int64_t zone_offset(const struct zone *z, int64_t unix_s, int64_t *ret_until)
{
    size_t low = 0, high = z->n; /* how many changes are over: low to high */

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->changes[middle].at <= unix_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == z->n && z->has_rule)
        return zone_rule_offset(&z->rule, unix_s, ret_until);
    *ret_until = low < z->n ? z->changes[low].at : INT64_MAX;
    return low > 0 ? z->changes[low - 1].offset : z->first;
}

int64_t zone_first(const struct zone *z, int64_t local_s)
{
    int64_t at = local_s - GREATEST_OFFSET, until;

    for (;;) {
        int64_t offset = zone_offset(z, at, &until);
        if (at + offset >= local_s)
            return at;
        if (local_s - offset < until)
            return local_s - offset;
        at = until;
    }
}

/* ---- the database ---- */

struct known {
    char name[ZONE_NAME_MAX + 1];
    struct zone *zone;
    struct known *next;
};

/* No longer than the database; never freed. */
static struct {
    pthread_mutex_t lock;
    struct known *first;
} known = { PTHREAD_MUTEX_INITIALIZER, NULL };

/* "Europe/Berlin": no other file has such a name. */
static bool is_name(const char *name)
{
    size_t n = 0;

    for (; name[n]; n++)
        if (!isalnum((unsigned char)name[n]) && !strchr("_+-", name[n]) &&
            (name[n] != '/' || n == 0 || name[n - 1] == '/'))
            return false;
    return n > 0 && n <= ZONE_NAME_MAX && name[n - 1] != '/';
}

/* -1 where there is no such file, else how much of it has been read; `room` means: there is more.
 */
static ssize_t read_file(const char *path, unsigned char *ret_bytes, size_t room)
{
    lp_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    ssize_t got = fd < 0 ? -1 : 1;

    while (got > 0 && n < room) {
        got = read(fd, ret_bytes + n, room - n);
        n += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? -1 : (ssize_t)n;
}

static int load(const char *name, struct zone **ret_zone, struct lp_error *err)
{
    lp_auto_free unsigned char *bytes = lp_alloc(ZONE_FILE_MAX + 1);
    lp_auto_free char *path = lp_sprintf("%s/%s", ZONE_FOLDER, name);
    ssize_t n = is_name(name) ? read_file(path, bytes, ZONE_FILE_MAX + 1) : -1;

    if (n < 0 && access(ZONE_FOLDER, F_OK) < 0)
        return lp_error_set(err, LP_E_INVALID,
                            "cannot be looked up, is \"%.64s\": there is no time zone database in "
                            "%s (package tzdata)",
                            name, ZONE_FOLDER);
    if (n < 0)
        return lp_error_set(err, LP_E_INVALID,
                            "must be a zone of the IANA time zone database such as Europe/Berlin, "
                            "is \"%.64s\"",
                            name);
    int r = zone_parse(bytes, (size_t)n, ret_zone, err);
    return r < 0 ? lp_error_wrap(err,
                                 "must be a zone of the IANA time zone database, is "
                                 "\"%.64s\", whose file",
                                 name)
                 : 0;
}

static int find_locked(const char *name, const struct zone **ret_zone, struct lp_error *err)
{
    for (const struct known *k = known.first; k; k = k->next) {
        if (strcmp(k->name, name) == 0) {
            *ret_zone = k->zone;
            return 0;
        }
    }
    struct zone *zone = NULL;
    int r = load(name, &zone, err);
    if (r < 0)
        return r;
    struct known *k = lp_alloc(sizeof *k);
    *k = (struct known){ .zone = zone, .next = known.first };
    memcpy(k->name, name, strlen(name) + 1);
    known.first = k;
    *ret_zone = zone;
    return 0;
}

int zone_find(const char *name, const struct zone **ret_zone, struct lp_error *err)
{
    pthread_mutex_lock(&known.lock);
    int r = find_locked(name, ret_zone, err);
    pthread_mutex_unlock(&known.lock);
    return r;
}
