/* services/progress/day_document.c -- days to BSON and back. No state. */
#include "services/progress/day_document.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "services/progress/rollup_document.h"

/* ---- to BSON ---- */

static void append_sums(bson_t *b, const struct day_sums *s)
{
    bson_append_int64(b, "n", -1, s->count);
    bson_append_int64(b, "k", -1, s->scored);
    bson_append_double(b, "s", -1, s->sum);
    bson_append_double(b, "x", -1, s->x);
    bson_append_double(b, "xx", -1, s->xx);
    bson_append_double(b, "xy", -1, s->xy);
}

static void set_quarters(const struct day *d, bson_t *set)
{
    bson_t quarters;
    char key[4];

    bson_append_document_begin(set, "q", -1, &quarters);
    for (size_t q = 0; q < DAY_QUARTERS; q++) {
        if (d->quarters[q] == 0)
            continue;
        snprintf(key, sizeof key, "%zu", q);
        bson_append_int64(&quarters, key, -1, d->quarters[q]);
    }
    bson_append_document_end(set, &quarters);
}

static void set_names(const struct day *d, bson_t *set)
{
    bson_t names, one;
    char key[8];

    bson_append_array_begin(set, "a", -1, &names);
    for (size_t i = 0; i < d->n_names; i++) {
        snprintf(key, sizeof key, "%u", (unsigned)i % DAY_TABLE);
        bson_append_document_begin(&names, key, -1, &one);
        bson_append_utf8(&one, "name", -1, d->names[i].name, -1);
        append_sums(&one, &d->names[i].figures);
        bson_append_document_end(&names, &one);
    }
    bson_append_array_end(set, &names);
}

void day_document_set(const struct day *d, bson_t *ret_update)
{
    bson_t set, part;

    bson_append_document_begin(ret_update, "$set", -1, &set);
    bson_append_int64(&set, "h", -1, d->hours);
    set_quarters(d, &set);
    bson_append_binary(&set, "r", -1, BSON_SUBTYPE_BINARY, d->learners, SKETCH_REGISTERS);
    set_names(d, &set);
    bson_append_document_begin(&set, "o", -1, &part);
    append_sums(&part, &d->others);
    bson_append_document_end(&set, &part);
    feedback_append(&d->feedback, "f", &set);
    bson_append_int64(&set, "fo", -1, d->feedback.others);
    bson_append_document_end(ret_update, &set);
    bson_append_document_begin(ret_update, "$unset", -1, &part);
    bson_append_int32(&part, "open", -1, 1);
    bson_append_document_end(ret_update, &part);
}

/* ---- back ---- */

static double *sum_of(struct day_sums *s, const char *key)
{
    const struct {
        const char *key;
        double *at;
    } sums[] = { { "s", &s->sum }, { "x", &s->x }, { "xx", &s->xx }, { "xy", &s->xy } };

    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++)
        if (strcmp(key, sums[i].key) == 0)
            return sums[i].at;
    return NULL;
}

/* *ret_name: borrowed, "" where there is none. */
static struct day_sums read_sums(bson_iter_t *i, const char **ret_name)
{
    struct day_sums s = { 0 };

    *ret_name = "";
    while (bson_iter_next(i)) {
        const char *key = bson_iter_key(i);
        double *sum = sum_of(&s, key);
        if (sum)
            *sum = BSON_ITER_HOLDS_NUMBER(i) ? bson_iter_as_double(i) : NAN;
        else if (strcmp(key, "n") == 0)
            s.count = rollup_document_count(i);
        else if (strcmp(key, "k") == 0)
            s.scored = rollup_document_count(i);
        else if (strcmp(key, "name") == 0 && BSON_ITER_HOLDS_UTF8(i))
            *ret_name = bson_iter_utf8(i, NULL);
    }
    if (s.scored == 0 || !isfinite(s.sum + s.x + s.xx + s.xy))
        s = (struct day_sums){ .count = s.count };
    return s;
}

static void read_names(bson_iter_t *i, struct day *d)
{
    bson_iter_t one;
    const char *name;

    while (bson_iter_next(i)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(i) || !bson_iter_recurse(i, &one))
            continue;
        struct day_sums s = read_sums(&one, &name);
        if (d->n_names == d->room || strlen(name) > ROLLUP_NAME) {
            day_sums_merge(&d->others, &s, 0);
            continue;
        }
        struct day_name *added = &d->names[d->n_names++];
        memcpy(added->name, name, strlen(name) + 1);
        added->figures = s;
    }
}

static void read_quarters(bson_iter_t *i, struct day *d)
{
    while (bson_iter_next(i)) {
        int at = rollup_document_place(bson_iter_key(i), DAY_QUARTERS);
        if (at >= 0)
            d->quarters[at] = rollup_document_count(i);
    }
}

static void read_inside(const char *key, bson_iter_t *in, struct day *d)
{
    const char *none;

    if (strcmp(key, "q") == 0) {
        read_quarters(in, d);
    } else if (strcmp(key, "a") == 0) {
        read_names(in, d);
    } else if (strcmp(key, "f") == 0) {
        feedback_take(in, ROLLUP_DOCUMENT_MOST, &d->feedback);
    } else if (strcmp(key, "o") == 0) {
        struct day_sums s = read_sums(in, &none);
        day_sums_merge(&d->others, &s, 0);
    }
}

static void read_member(bson_iter_t *i, struct day *d)
{
    const char *key = bson_iter_key(i);
    bson_iter_t in;

    if (strcmp(key, "r") == 0)
        rollup_document_learners(i, d->learners);
    else if (strcmp(key, "fo") == 0)
        d->feedback.others += rollup_document_count(i);
    else if (strcmp(key, "h") == 0)
        d->hours = rollup_document_count(i);
    else if ((BSON_ITER_HOLDS_DOCUMENT(i) || BSON_ITER_HOLDS_ARRAY(i)) && bson_iter_recurse(i, &in))
        read_inside(key, &in, d);
}

bool day_document_read(const bson_t *document, struct day *ret_day, bool *ret_open)
{
    size_t room = ret_day->room;
    bson_iter_t i;

    if (!bson_iter_init_find(&i, document, "_id") || !BSON_ITER_HOLDS_DATE_TIME(&i))
        return false;
    memset(ret_day, 0, sizeof *ret_day);
    ret_day->room = room;
    ret_day->day_ms = bson_iter_date_time(&i);
    *ret_open = bson_iter_init_find(&i, document, "open");
    if (bson_iter_init(&i, document))
        while (bson_iter_next(&i))
            read_member(&i, ret_day);
    return true;
}
