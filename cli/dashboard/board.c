/*
 * What the reader found last, as text that tabs send on: each wait is for a number higher than the
 * one that was seen last, so a slow tab leaves out what is old and costs no memory.
 *
 * Threads: the reader, and one for each tab; `lock` guards all, and one condition wakes all.
 */
#include "cli/dashboard/board.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

struct place {
    char key[BOARD_KEY];
    unsigned tabs;    /* 0: nobody looks, the place is free */
    uint64_t version; /* 0: no text yet */
    struct lp_buf text;
};

struct board {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t version; /* of the last text */
    unsigned tabs;
    bool ended, asked; /* asked: somebody began to watch */
    struct place all, places[BOARD_WATCHED];
};

struct board *board_new(void)
{
    struct board *b = lp_alloc(sizeof *b);

    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->all.text = (struct lp_buf)LP_BUF_INIT(BOARD_TEXT);
    for (size_t i = 0; i < BOARD_WATCHED; i++)
        b->places[i].text = (struct lp_buf)LP_BUF_INIT(BOARD_TEXT);
    return b;
}

void board_free(struct board *b)
{
    if (!b)
        return;
    lp_buf_done(&b->all.text);
    for (size_t i = 0; i < BOARD_WATCHED; i++)
        lp_buf_done(&b->places[i].text);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

static struct place *find_locked(struct board *b, const char *key)
{
    for (size_t i = 0; i < BOARD_WATCHED; i++)
        if (b->places[i].tabs > 0 && strcmp(b->places[i].key, key) == 0)
            return &b->places[i];
    return NULL;
}

void board_put(struct board *b, const char *key, const struct lp_buf *text)
{
    pthread_mutex_lock(&b->lock);
    struct place *p = key ? find_locked(b, key) : &b->all;
    bool same = p && p->version > 0 && p->text.len == text->len &&
                memcmp(p->text.ptr, text->ptr, text->len) == 0;
    if (p && !same && !text->overflowed) {
        lp_buf_reset(&p->text);
        lp_buf_add(&p->text, text->ptr, text->len);
        p->version = ++b->version;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
}

unsigned board_watched(struct board *b, char ret_keys[BOARD_WATCHED][BOARD_KEY],
                       bool ret_new[BOARD_WATCHED])
{
    unsigned n = 0;

    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < BOARD_WATCHED; i++) {
        if (b->places[i].tabs == 0)
            continue;
        memcpy(ret_keys[n], b->places[i].key, BOARD_KEY);
        ret_new[n++] = b->places[i].version == 0;
    }
    pthread_mutex_unlock(&b->lock);
    return n;
}

void board_rest(struct board *b, int64_t ms)
{
    struct timespec until = lp_clock_deadline(ms);
    int late = 0;

    pthread_mutex_lock(&b->lock);
    while (!b->asked && !b->ended && late == 0)
        late = pthread_cond_clockwait(&b->changed, &b->lock, CLOCK_MONOTONIC, &until);
    b->asked = false;
    pthread_mutex_unlock(&b->lock);
}

void board_end(struct board *b)
{
    pthread_mutex_lock(&b->lock);
    b->ended = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

/* The place of the key, or a free one; NULL: there is none. */
static struct place *take_locked(struct board *b, const char *key)
{
    struct place *known = find_locked(b, key);

    for (size_t i = 0; !known && i < BOARD_WATCHED; i++) {
        struct place *free_one = &b->places[i];
        if (free_one->tabs > 0)
            continue;
        snprintf(free_one->key, sizeof free_one->key, "%s", key);
        free_one->version = 0;
        lp_buf_reset(&free_one->text);
        return free_one;
    }
    return known;
}

bool board_watch(struct board *b, struct board_watch *w)
{
    bool good = true;

    w->seen_all = w->seen_key = 0;
    pthread_mutex_lock(&b->lock);
    if (w->key[0] != '\0') {
        struct place *p = take_locked(b, w->key);
        good = p != NULL;
        if (p)
            p->tabs++;
    }
    b->tabs += good;
    b->asked = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    return good;
}

void board_unwatch(struct board *b, const struct board_watch *w)
{
    pthread_mutex_lock(&b->lock);
    struct place *p = w->key[0] != '\0' ? find_locked(b, w->key) : NULL;
    if (p)
        p->tabs--;
    b->tabs--;
    pthread_mutex_unlock(&b->lock);
}

static bool copy_new(const struct place *p, uint64_t *seen, struct lp_buf *ret)
{
    lp_buf_reset(ret);
    if (!p || p->version <= *seen)
        return false;
    *seen = p->version;
    lp_buf_add(ret, p->text.ptr, p->text.len);
    return true;
}

bool board_wait(struct board *b, struct board_watch *w, const bool *ended, int64_t ms,
                struct lp_buf *ret_all, struct lp_buf *ret_key)
{
    struct timespec until = lp_clock_deadline(ms);
    bool any = false;
    int late = 0;

    pthread_mutex_lock(&b->lock);
    while (!b->ended && !(ended && *ended) && late == 0) {
        any = copy_new(&b->all, &w->seen_all, ret_all);
        any |= copy_new(find_locked(b, w->key), &w->seen_key, ret_key);
        if (any)
            break;
        late = pthread_cond_clockwait(&b->changed, &b->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&b->lock);
    return any;
}

void board_wake(struct board *b, bool *ended)
{
    pthread_mutex_lock(&b->lock);
    *ended = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

bool board_ended(struct board *b, const bool *ended)
{
    pthread_mutex_lock(&b->lock);
    bool is = b->ended || (ended && *ended);
    pthread_mutex_unlock(&b->lock);
    return is;
}

bool board_has_tabs(struct board *b)
{
    pthread_mutex_lock(&b->lock);
    bool any = b->tabs > 0;
    pthread_mutex_unlock(&b->lock);
    return any;
}
