/* operator/cache/pending.c -- an array: there are no more writes under way than there are writers.
 */
#include "operator/cache/pending.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "kube/version.h"

#define MAX_LINE (64 << 10)
#define EXPECT_MS 5000

static struct pending *find(const struct pending_writes *w, const char *key)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->all[i].key, key) == 0)
            return &w->all[i];
    return NULL;
}

static void drop_line(struct pending *p)
{
    free(p->line);
    p->line = NULL;
    p->line_len = 0;
}

void pending_told_done(struct pending *told)
{
    drop_line(told);
    free(told->key);
    told->key = NULL;
}

void pending_done(struct pending_writes *w)
{
    for (size_t i = 0; i < w->n; i++)
        pending_told_done(&w->all[i]);
    free(w->all);
    w->all = NULL;
    w->n = w->cap = 0;
}

void pending_begin(struct pending_writes *w, const char *key)
{
    if (w->n == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 8;
        w->all = lp_realloc(w->all, w->cap * sizeof *w->all);
    }
    w->all[w->n++] = (struct pending){ .key = lp_strdup(key) };
}

void pending_end(struct pending_writes *w, const char *key, struct pending *ret_told)
{
    struct pending *p = find(w, key);

    *ret_told = p ? *p : (struct pending){ .key = NULL };
    if (p)
        *p = w->all[--w->n];
}

bool pending_hold(struct pending_writes *w, const char *key, const char *version, const char *line,
                  size_t len)
{
    struct pending *p = len <= MAX_LINE && strlen(version) < PENDING_VERSION ? find(w, key) : NULL;

    if (!p)
        return false;
    drop_line(p);
    p->line = lp_alloc(len);
    memcpy(p->line, line, len);
    p->line_len = len;
    snprintf(p->version, sizeof p->version, "%s", version);
    return true;
}

bool pending_taken(struct pending_writes *w, const char *key, const char *version)
{
    struct pending *p = find(w, key);

    if (!p)
        return false;
    drop_line(p);
    snprintf(p->version, sizeof p->version, "%s", version ? version : "");
    return true;
}

void pending_forget_lines(struct pending_writes *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->all[i].line)
            w->all[i].version[0] = '\0';
        drop_line(&w->all[i]);
    }
}

/* ---- what is still to be told of ---- */

struct expected {
    char *key, *version;
    int64_t until_ms;
};

static void drop(struct expected_versions *e, size_t i)
{
    free(e->all[i].key);
    free(e->all[i].version);
    e->all[i] = e->all[--e->n];
}

void expected_done(struct expected_versions *e)
{
    while (e->n > 0)
        drop(e, e->n - 1);
    free(e->all);
    e->all = NULL;
}

void expected_add(struct expected_versions *e, const char *key, const char *version, int64_t now_ms)
{
    if (e->n == e->cap) {
        e->cap = e->cap ? 2 * e->cap : 16;
        e->all = lp_realloc(e->all, e->cap * sizeof *e->all);
    }
    e->all[e->n++] = (struct expected){ lp_strdup(key), lp_strdup(version), now_ms + EXPECT_MS };
}

void expected_seen(struct expected_versions *e, const char *key, const char *version)
{
    for (size_t i = e->n; i-- > 0;)
        if (strcmp(e->all[i].key, key) == 0 &&
            (!version || lp_kube_version_reached(version, e->all[i].version)))
            drop(e, i);
}

bool expected_has(struct expected_versions *e, const char *key, int64_t now_ms)
{
    bool there = false;

    for (size_t i = e->n; i-- > 0;) {
        if (e->all[i].until_ms <= now_ms)
            drop(e, i);
        else if (strcmp(e->all[i].key, key) == 0)
            there = true;
    }
    return there;
}
