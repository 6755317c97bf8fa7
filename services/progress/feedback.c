/* services/progress/feedback.c -- counts by category. No state. */
#include "services/progress/feedback.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_- ");

    return n > 0 && n <= FEEDBACK_NAME && s[n] == '\0' && s[0] != ' ' && s[n - 1] != ' ';
}

/* 2 and 2.0 alike, as JavaScript has no other. */
static bool is_count(const json_t *count)
{
    double v = json_number_value(count);

    return json_is_number(count) && v >= 0 && v <= FEEDBACK_COUNT && v == trunc(v);
}

static int check(const char *name, const json_t *count, struct lp_error *err)
{
    if (!is_name(name))
        return lp_error_set(
            err, LP_E_INVALID,
            "activityLog validation failed: feedback: a category is 1 to %d of a-z, "
            "0-9, _, - and spaces within, not \"%.40s\"",
            FEEDBACK_NAME, name);
    if (!is_count(count))
        return lp_error_set(err, LP_E_INVALID,
                            "activityLog validation failed: feedback.%s: a whole number from 0 to "
                            "%d is allowed",
                            name, FEEDBACK_COUNT);
    return 0;
}

int feedback_read(const json_t *object, struct feedback *ret_feedback, struct lp_error *err)
{
    struct feedback f = { 0 };
    const char *name;
    json_t *count;

    if (json_object_size(object) > FEEDBACK_CATEGORIES)
        return lp_error_set(err, LP_E_INVALID,
                            "activityLog validation failed: feedback: %zu categories, at most %d "
                            "allowed",
                            json_object_size(object), FEEDBACK_CATEGORIES);
    json_object_foreach((json_t *)(uintptr_t)object, name, count)
    {
        int r = check(name, count, err);
        if (r < 0)
            return r;
        if (json_number_value(count) > 0)
            feedback_add(&f, name, (int64_t)json_number_value(count));
    }
    *ret_feedback = f;
    return 0;
}

/* The place of the rarest, whose count goes to the others; f->n where `count` is no more. */
static size_t make_room(struct feedback *f, int64_t count)
{
    size_t least = 0;

    for (size_t i = 1; i < f->n; i++)
        if (f->categories[i].count < f->categories[least].count)
            least = i;
    if (f->categories[least].count >= count)
        return f->n;
    f->others += f->categories[least].count;
    return least;
}

void feedback_add(struct feedback *f, const char *name, int64_t count)
{
    size_t i = 0;

    while (i < f->n && strcmp(f->categories[i].name, name) != 0)
        i++;
    bool is_new = i == f->n, named = !is_new || is_name(name);
    if (named && i == FEEDBACK_CATEGORIES)
        i = make_room(f, count);
    if (!named || i == FEEDBACK_CATEGORIES) {
        f->others += count;
        return;
    }
    if (is_new) {
        f->n += i == f->n;
        f->categories[i] = (struct feedback_category){ 0 };
        memcpy(f->categories[i].name, name, strlen(name) + 1);
    }
    f->categories[i].count += count;
}

void feedback_merge(struct feedback *into, const struct feedback *more)
{
    for (size_t i = 0; i < more->n; i++)
        if (more->categories[i].count > 0)
            feedback_add(into, more->categories[i].name, more->categories[i].count);
    into->others += more->others;
}

void feedback_reset(struct feedback *f)
{
    for (size_t i = 0; i < f->n; i++)
        f->categories[i].count = 0;
    f->others = 0;
}

static int by_count(const void *left, const void *right)
{
    const struct feedback_category *l = left, *r = right;

    if (l->count != r->count)
        return l->count > r->count ? -1 : 1;
    return strcmp(l->name, r->name);
}

void feedback_sort(struct feedback *f)
{
    qsort(f->categories, f->n, sizeof *f->categories, by_count);
    while (f->n > 0 && f->categories[f->n - 1].count == 0)
        f->n--;
}

void feedback_append(const struct feedback *f, const char *key, bson_t *document)
{
    bson_t counts;

    bson_append_document_begin(document, key, -1, &counts);
    for (size_t i = 0; i < f->n; i++)
        bson_append_int64(&counts, f->categories[i].name, -1, f->categories[i].count);
    bson_append_document_end(document, &counts);
}

void feedback_take(bson_iter_t *i, int64_t most, struct feedback *f)
{
    while (bson_iter_next(i)) {
        int64_t n = BSON_ITER_HOLDS_NUMBER(i) ? bson_iter_as_int64(i) : 0;
        if (n > 0)
            feedback_add(f, bson_iter_key(i), n < most ? n : most);
    }
}
