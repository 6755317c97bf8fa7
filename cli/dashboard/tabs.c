/*
 * Tabs: a thread each, as a browser that reads slowly must not keep the others from what is new.
 *
 * Threads: `lock` guards the list; a tab's `ended` belongs to the board's lock.
 */
#include "cli/dashboard/tabs.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define QUIET_MS 5000
#define STACK ((size_t)256 * 1024)

struct tab {
    struct tabs *tabs;
    char id[TABS_ID];
    struct board_watch watch;
    struct lp_http_stream *stream;
    bool ended;
    pthread_t thread;
    struct tab *next;
};

struct tabs {
    pthread_mutex_t lock;
    pthread_cond_t gone;
    struct board *board;
    struct tab *first; /* `n` of them */
    struct tab *over;  /* whose threads are to be joined */
    unsigned n;
};

struct tabs *tabs_new(struct board *board)
{
    struct tabs *t = lp_alloc(sizeof *t);

    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->gone, NULL);
    t->board = board;
    return t;
}

/* At each new tab and at the end, so that no more threads are left than tabs were there since. */
static void join_over(struct tabs *t)
{
    pthread_mutex_lock(&t->lock);
    struct tab *tab = t->over;
    t->over = NULL;
    pthread_mutex_unlock(&t->lock);
    while (tab) {
        struct tab *next = tab->next;
        pthread_join(tab->thread, NULL);
        free(tab);
        tab = next;
    }
}

void tabs_wait(struct tabs *t)
{
    pthread_mutex_lock(&t->lock);
    while (t->n > 0)
        pthread_cond_wait(&t->gone, &t->lock);
    pthread_mutex_unlock(&t->lock);
    join_over(t);
}

void tabs_free(struct tabs *t)
{
    if (!t)
        return;
    pthread_cond_destroy(&t->gone);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static int send_event(struct tab *tab, const char *name, const struct lp_buf *text,
                      struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(BOARD_TEXT + 64);

    if (text->len == 0)
        return 0;
    lp_buf_printf(&out, "event: %s\ndata: ", name);
    lp_buf_add(&out, text->ptr, text->len);
    lp_buf_str(&out, "\n\n");
    return lp_http_stream_write(tab->stream, out.ptr, out.len, err);
}

/* Until the client has gone, or it is no tab any more. */
static void serve(struct tab *tab)
{
    static const char hello[] = "retry: 1000\n\n", quiet[] = ":\n\n";
    lp_auto_buf struct lp_buf all = LP_BUF_INIT(BOARD_TEXT), key = LP_BUF_INIT(BOARD_TEXT);
    struct board *board = tab->tabs->board;
    struct lp_error err;

    int r = lp_http_stream_write(tab->stream, hello, sizeof hello - 1, &err);
    while (r == 0) {
        bool any = board_wait(board, &tab->watch, &tab->ended, QUIET_MS, &all, &key);
        if (board_ended(board, &tab->ended))
            break;
        if (!any)
            r = lp_http_stream_write(tab->stream, quiet, sizeof quiet - 1, &err);
        if (r == 0 && any)
            r = send_event(tab, "overview", &all, &err);
        if (r == 0 && any)
            r = send_event(tab, "platform", &key, &err);
    }
}

static void unlink_locked(struct tabs *t, struct tab *tab)
{
    struct tab **at = &t->first;

    while (*at != tab)
        at = &(*at)->next;
    *at = tab->next;
    t->n--;
    pthread_cond_broadcast(&t->gone);
}

static void *tab_main(void *user)
{
    struct tab *tab = user;
    struct tabs *t = tab->tabs;

    serve(tab);
    lp_http_stream_end(tab->stream, true);
    board_unwatch(t->board, &tab->watch);
    pthread_mutex_lock(&t->lock);
    unlink_locked(t, tab);
    tab->next = t->over;
    t->over = tab;
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* Under the lock, so that who joins it knows it. */
static int start_thread(struct tabs *t, struct tab *tab)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_mutex_lock(&t->lock);
    int failed = pthread_create(&tab->thread, &attributes, tab_main, tab);
    pthread_mutex_unlock(&t->lock);
    pthread_attr_destroy(&attributes);
    return failed;
}

static void end_same_locked(struct tabs *t, const char *id)
{
    for (struct tab *tab = t->first; tab; tab = tab->next)
        if (id[0] != '\0' && strcmp(tab->id, id) == 0)
            board_wake(t->board, &tab->ended);
}

/* Whether there is room for one more: those that were told to end have not left yet, and one of
 * them may be the same tab, which goes to another platform. */
static bool has_room_locked(struct tabs *t)
{
    unsigned n = 0;

    for (struct tab *tab = t->first; tab; tab = tab->next)
        n += !board_ended(t->board, &tab->ended);
    return n < TABS_MOST && t->n < 2 * TABS_MOST;
}

static bool link_tab(struct tabs *t, struct tab *tab)
{
    pthread_mutex_lock(&t->lock);
    end_same_locked(t, tab->id);
    bool room =
        has_room_locked(t) && !board_ended(t->board, NULL) && board_watch(t->board, &tab->watch);
    if (room) {
        tab->next = t->first;
        t->first = tab;
        t->n++;
    }
    pthread_mutex_unlock(&t->lock);
    return room;
}

static void refuse(struct lp_http_exchange *x, const char *why)
{
    lp_http_reply_header(x, "Retry-After", "2");
    lp_http_reply_json(x, 503, json_pack("{s:s}", "error", why));
}

void tabs_answer(struct tabs *t, struct lp_http_exchange *x, const char *id, const char *key)
{
    struct tab *tab = lp_alloc(sizeof *tab);

    join_over(t);
    tab->tabs = t;
    snprintf(tab->id, sizeof tab->id, "%s", id ? id : "");
    snprintf(tab->watch.key, sizeof tab->watch.key, "%s", key ? key : "");
    if (!link_tab(t, tab)) {
        free(tab);
        refuse(x, "5 tabs at most look at this dashboard: close one");
        return;
    }
    tab->stream = lp_http_reply_stream(x, 200, "text/event-stream");
    if (start_thread(t, tab) == 0)
        return;
    lp_http_stream_end(tab->stream, false);
    board_unwatch(t->board, &tab->watch);
    pthread_mutex_lock(&t->lock);
    unlink_locked(t, tab);
    pthread_mutex_unlock(&t->lock);
    free(tab);
}
