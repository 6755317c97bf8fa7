/*
 * The answers of the last moments. A controller of HPAs asks the same few questions again and
 * again, and the answers are good until a sample or an object of their namespace changes: a deleted
 * pod is gone from here with the event that tells of it, too. Nothing is put together beforehand,
 * as most of it nobody would ask for.
 *
 * An entry without an answer still knows what its target asks for.
 *
 * Threads: one lock, held for a few comparisons; bodies are freed outside of it.
 */
#include "autoscaler/api/rendered.h"

#include <pthread.h>
#include <string.h>

#include "autoscaler/samples/samples.h"
#include "base/alloc.h"

/* `used`: the count of uses when it was last asked for. `answer` may be NULL. */
struct entry {
    char *target;
    size_t len;
    uint64_t used;
    struct query query;
    struct lp_http_body *answer;
    struct samples_validity validity;
};

/* `bytes` of all answers. */
struct rendered {
    pthread_mutex_t lock;
    const struct samples *samples;
    uint64_t uses;
    size_t bytes;
    unsigned n;
    struct entry entries[RENDERED_ANSWERS];
};

struct rendered *rendered_new(const struct samples *s)
{
    struct rendered *r = lp_alloc(sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    r->samples = s;
    return r;
}

void rendered_free(struct rendered *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->n; i++) {
        lp_http_body_unref(r->entries[i].answer);
        free(r->entries[i].target);
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct entry *find_locked(struct rendered *r, const char *target)
{
    size_t len = strlen(target);
    for (unsigned i = 0; i < r->n; i++) {
        struct entry *e = &r->entries[i];
        if (e->len != len || memcmp(e->target, target, len) != 0)
            continue;
        e->used = ++r->uses;
        return e;
    }
    return NULL;
}

bool rendered_query(struct rendered *r, const char *target, struct query *ret_query)
{
    pthread_mutex_lock(&r->lock);
    const struct entry *e = find_locked(r, target);
    if (e)
        *ret_query = e->query;
    pthread_mutex_unlock(&r->lock);
    return e != NULL;
}

struct lp_http_body *rendered_get(struct rendered *r, const char *target, int64_t now_ms)
{
    struct lp_http_body *answer = NULL;
    pthread_mutex_lock(&r->lock);
    const struct entry *e = find_locked(r, target);
    if (e && e->answer && samples_still(r->samples, &e->validity, now_ms))
        answer = lp_http_body_ref(e->answer);
    pthread_mutex_unlock(&r->lock);
    return answer;
}

/* The answer of `e`, which has none then; the caller's. */
static struct lp_http_body *take_locked(struct rendered *r, struct entry *e)
{
    struct lp_http_body *answer = e->answer;
    if (answer)
        r->bytes -= lp_http_body_len(answer);
    e->answer = NULL;
    return answer;
}

static struct entry *oldest_locked(struct rendered *r, bool answered)
{
    struct entry *oldest = NULL;
    for (unsigned i = 0; i < r->n; i++) {
        struct entry *e = &r->entries[i];
        if ((!answered || e->answer) && (!oldest || e->used < oldest->used))
            oldest = e;
    }
    return oldest;
}

static struct entry *make_locked(struct rendered *r, const char *target, const struct query *query,
                                 struct lp_http_body **ret_dropped)
{
    struct entry *e = r->n < RENDERED_ANSWERS ? &r->entries[r->n++] : oldest_locked(r, false);
    *ret_dropped = take_locked(r, e);
    free(e->target);
    *e = (struct entry){
        .target = lp_strdup(target), .len = strlen(target), .used = ++r->uses, .query = *query
    };
    return e;
}

void rendered_put(struct rendered *r, const char *target, const struct query *query,
                  struct lp_http_body *answer, const struct samples_validity *validity)
{
    struct lp_http_body *dropped[RENDERED_ANSWERS + 1];
    unsigned n = 0;
    size_t bytes = lp_http_body_len(answer);
    if (strlen(target) > RENDERED_TARGET || bytes > RENDERED_BYTES)
        return;
    pthread_mutex_lock(&r->lock);
    struct entry *e = find_locked(r, target);
    if (e)
        dropped[n++] = take_locked(r, e);
    else
        e = make_locked(r, target, query, &dropped[n++]);
    while (r->bytes + bytes > RENDERED_BYTES)
        dropped[n++] = take_locked(r, oldest_locked(r, true));
    e->answer = lp_http_body_ref(answer);
    e->validity = *validity;
    r->bytes += bytes;
    pthread_mutex_unlock(&r->lock);
    while (n > 0)
        lp_http_body_unref(dropped[--n]);
}

void rendered_tidy(struct rendered *r, int64_t now_ms)
{
    struct lp_http_body *dropped[RENDERED_ANSWERS];
    unsigned n = 0;
    pthread_mutex_lock(&r->lock);
    for (unsigned i = 0; i < r->n; i++)
        if (r->entries[i].answer && !samples_still(r->samples, &r->entries[i].validity, now_ms))
            dropped[n++] = take_locked(r, &r->entries[i]);
    pthread_mutex_unlock(&r->lock);
    while (n > 0)
        lp_http_body_unref(dropped[--n]);
}
