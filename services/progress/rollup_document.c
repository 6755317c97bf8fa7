/* services/progress/rollup_document.c -- hours to BSON and back. No state. */
#include "services/progress/rollup_document.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "services/progress/document.h"

#define KEY 48

/* The name as a key: no dots, no dollars, short. */
static void key_of(const char *name, char ret_key[25])
{
    bson_oid_t id;

    document_id_of_key("", name, &id);
    bson_oid_to_string(&id, ret_key);
}

/* ---- what is added ---- */

static void add_count(bson_t *inc, const char *path, const char *member, int64_t n)
{
    char key[KEY];

    if (n == 0)
        return;
    snprintf(key, sizeof key, "%s.%s", path, member);
    bson_append_int64(inc, key, -1, n);
}

static void add_figures(bson_t *inc, const char *path, const struct rollup_figures *f)
{
    char key[KEY];

    add_count(inc, path, "n", f->count);
    add_count(inc, path, "k", f->scored);
    if (f->scored == 0)
        return;
    snprintf(key, sizeof key, "%s.s", path);
    bson_append_double(inc, key, -1, f->sum);
}

static void add_names(const struct rollup *r, bson_t *inc, bson_t *set)
{
    char id[25], path[KEY], key[KEY + 8];

    for (size_t i = 0; i < r->n_names; i++) {
        if (r->names[i].figures.count == 0)
            continue;
        key_of(r->names[i].name, id);
        snprintf(path, sizeof path, "a.%s", id);
        snprintf(key, sizeof key, "%s.name", path);
        add_figures(inc, path, &r->names[i].figures);
        bson_append_utf8(set, key, -1, r->names[i].name, -1);
    }
}

static void add_learners(const struct rollup *r, bson_t *max)
{
    char key[KEY];

    for (unsigned i = 0; i < SKETCH_REGISTERS; i++) {
        if (r->learners[i] == 0)
            continue;
        snprintf(key, sizeof key, "r.%u", i);
        bson_append_int32(max, key, -1, r->learners[i]);
    }
}

static void add_feedback(const struct feedback *f, bson_t *inc)
{
    for (size_t i = 0; i < f->n; i++)
        add_count(inc, "f", f->categories[i].name, f->categories[i].count);
    if (f->others > 0)
        bson_append_int64(inc, "fo", -1, f->others);
}

/* MongoDB refuses an operator without members. */
static void append_operator(bson_t *update, const char *name, const bson_t *members)
{
    if (!bson_empty(members))
        bson_append_document(update, name, -1, members);
}

void rollup_document_add(const struct rollup *r, bson_t *ret_update)
{
    bson_t inc = BSON_INITIALIZER, max = BSON_INITIALIZER, set = BSON_INITIALIZER;
    char quarter[2] = "0";

    for (size_t q = 0; q < ROLLUP_QUARTERS; q++) {
        quarter[0] = (char)('0' + q);
        add_count(&inc, "q", quarter, r->quarters[q]);
    }
    add_figures(&inc, "o", &r->others);
    add_names(r, &inc, &set);
    add_feedback(&r->feedback, &inc);
    add_learners(r, &max);
    append_operator(ret_update, "$inc", &inc);
    append_operator(ret_update, "$max", &max);
    append_operator(ret_update, "$set", &set);
    if (!bson_empty(ret_update)) { /* the day that has this hour lacks what comes now */
        bson_t unset;
        bson_append_document_begin(ret_update, "$unset", -1, &unset);
        bson_append_int32(&unset, "o.d", -1, 1);
        bson_append_document_end(ret_update, &unset);
    }
    bson_destroy(&inc);
    bson_destroy(&max);
    bson_destroy(&set);
}

/* ---- what is put in its place ---- */

static void append_figures(bson_t *b, const struct rollup_figures *f)
{
    bson_append_int64(b, "n", -1, f->count);
    bson_append_int64(b, "k", -1, f->scored);
    bson_append_double(b, "s", -1, f->sum);
}

static void set_quarters(const struct rollup *r, bson_t *set)
{
    bson_t quarters;
    char key[2] = "0";

    bson_append_document_begin(set, "q", -1, &quarters);
    for (size_t q = 0; q < ROLLUP_QUARTERS; q++) {
        key[0] = (char)('0' + q);
        bson_append_int64(&quarters, key, -1, r->quarters[q]);
    }
    bson_append_document_end(set, &quarters);
}

static void set_names(const struct rollup *r, bson_t *set)
{
    bson_t names, one;
    char id[25];

    bson_append_document_begin(set, "a", -1, &names);
    for (size_t i = 0; i < r->n_names; i++) {
        key_of(r->names[i].name, id);
        bson_append_document_begin(&names, id, -1, &one);
        bson_append_utf8(&one, "name", -1, r->names[i].name, -1);
        append_figures(&one, &r->names[i].figures);
        bson_append_document_end(&names, &one);
    }
    bson_append_document_end(set, &names);
}

void rollup_document_set(const struct rollup *r, bson_t *ret_update)
{
    bson_t set, others;

    bson_append_document_begin(ret_update, "$set", -1, &set);
    bson_append_bool(&set, "final", -1, true);
    set_quarters(r, &set);
    bson_append_binary(&set, "r", -1, BSON_SUBTYPE_BINARY, r->learners, SKETCH_REGISTERS);
    set_names(r, &set);
    bson_append_document_begin(&set, "o", -1, &others);
    append_figures(&others, &r->others);
    bson_append_document_end(&set, &others);
    feedback_append(&r->feedback, "f", &set);
    bson_append_int64(&set, "fo", -1, r->feedback.others);
    bson_append_document_end(ret_update, &set);
}

/* ---- back ---- */

int64_t rollup_document_count(const bson_iter_t *i)
{
    int64_t n = BSON_ITER_HOLDS_NUMBER(i) ? bson_iter_as_int64(i) : 0;
    return n < 0 ? 0 : n < ROLLUP_DOCUMENT_MOST ? n : ROLLUP_DOCUMENT_MOST;
}

int rollup_document_place(const char *key, int end)
{
    int place = key[0] >= '0' && key[0] <= '9' ? key[0] - '0' : -1;

    if (place >= 0 && key[1] != '\0')
        place = key[1] >= '0' && key[1] <= '9' && key[2] == '\0' ? place * 10 + key[1] - '0' : -1;
    return place < end ? place : -1;
}

static void read_quarters(bson_iter_t *i, struct rollup *r)
{
    while (bson_iter_next(i)) {
        int at = rollup_document_place(bson_iter_key(i), ROLLUP_QUARTERS);
        if (at >= 0)
            r->quarters[at] = rollup_document_count(i);
    }
}

static uint8_t least_of(int64_t least)
{
    return (uint8_t)(least < SKETCH_MOST ? least : SKETCH_MOST);
}

void rollup_document_learners(const bson_iter_t *i, uint8_t ret_learners[SKETCH_REGISTERS])
{
    const uint8_t *bytes;
    bson_subtype_t type;
    uint32_t n = 0;

    if (BSON_ITER_HOLDS_BINARY(i))
        bson_iter_binary(i, &type, &n, &bytes);
    for (size_t at = 0; n == SKETCH_REGISTERS && at < n; at++)
        ret_learners[at] = least_of(bytes[at]);
}

/* One place each while they grow; all in one binary once they are counted for good. */
static void read_learners(bson_iter_t *i, struct rollup *r)
{
    while (bson_iter_next(i)) {
        int at = rollup_document_place(bson_iter_key(i), SKETCH_REGISTERS);
        if (at >= 0)
            r->learners[at] = least_of(rollup_document_count(i));
    }
}

/* *ret_name: borrowed, "" where there is none. */
static struct rollup_figures read_figures(bson_iter_t *i, const char **ret_name)
{
    struct rollup_figures f = { 0 };

    *ret_name = "";
    while (bson_iter_next(i)) {
        const char *key = bson_iter_key(i);
        if (strcmp(key, "n") == 0)
            f.count = rollup_document_count(i);
        else if (strcmp(key, "k") == 0)
            f.scored = rollup_document_count(i);
        else if (strcmp(key, "s") == 0 && BSON_ITER_HOLDS_NUMBER(i))
            f.sum = bson_iter_as_double(i);
        else if (strcmp(key, "name") == 0 && BSON_ITER_HOLDS_UTF8(i))
            *ret_name = bson_iter_utf8(i, NULL);
    }
    if (!isfinite(f.sum) || f.scored == 0)
        f.sum = (double)(f.scored = 0);
    return f;
}

static void add_to(struct rollup_figures *f, const struct rollup_figures *more)
{
    f->count += more->count;
    f->scored += more->scored;
    f->sum += more->sum;
}

static void read_name(bson_iter_t *i, struct rollup *r)
{
    const char *name;
    struct rollup_figures f = read_figures(i, &name);

    if (r->n_names == ROLLUP_NAMES || strlen(name) > ROLLUP_NAME) {
        add_to(&r->others, &f);
        return;
    }
    struct rollup_name *added = &r->names[r->n_names++];
    memcpy(added->name, name, strlen(name) + 1);
    added->figures = f;
}

static void read_names(bson_iter_t *i, struct rollup *r)
{
    bson_iter_t one;

    while (bson_iter_next(i))
        if (BSON_ITER_HOLDS_DOCUMENT(i) && bson_iter_recurse(i, &one))
            read_name(&one, r);
}

static void read_member(bson_iter_t *i, struct rollup *r)
{
    const char *key = bson_iter_key(i), *none;
    bson_iter_t in;

    if (strcmp(key, "r") == 0)
        rollup_document_learners(i, r->learners);
    else if (strcmp(key, "fo") == 0)
        r->feedback.others += rollup_document_count(i);
    if (!BSON_ITER_HOLDS_DOCUMENT(i) || !bson_iter_recurse(i, &in))
        return;
    if (strcmp(key, "q") == 0) {
        read_quarters(&in, r);
    } else if (strcmp(key, "r") == 0) {
        read_learners(&in, r);
    } else if (strcmp(key, "a") == 0) {
        read_names(&in, r);
    } else if (strcmp(key, "f") == 0) {
        feedback_take(&in, ROLLUP_DOCUMENT_MOST, &r->feedback);
    } else if (strcmp(key, "o") == 0) {
        struct rollup_figures f = read_figures(&in, &none);
        add_to(&r->others, &f);
    }
}

bool rollup_document_read(const bson_t *document, struct rollup *ret_rollup)
{
    bson_iter_t i;

    if (!bson_iter_init_find(&i, document, "_id") || !BSON_ITER_HOLDS_DATE_TIME(&i))
        return false;
    *ret_rollup = (struct rollup){ .hour_ms = bson_iter_date_time(&i) };
    if (bson_iter_init(&i, document))
        while (bson_iter_next(&i))
            read_member(&i, ret_rollup);
    return true;
}
