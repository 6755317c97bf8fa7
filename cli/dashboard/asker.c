/*
 * One question at a time, and one that waits: whoever has an answer may ask at once, before the
 * thread is back from it. A third is told so, and asks again.
 *
 * Threads: one, `asker_main`; `lock` guards the exchange that waits.
 */
#include "cli/dashboard/asker.h"

#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "json/json.h"

struct asker {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    asker_answer *answer;
    void *user;
    const char *what;
    struct lp_http_exchange *asked; /* waits; NULL: none does */
    bool ended;
};

static void *asker_main(void *user)
{
    struct asker *a = user;

    pthread_mutex_lock(&a->lock);
    while (!a->ended || a->asked) {
        struct lp_http_exchange *x = a->asked;
        if (!x) {
            pthread_cond_wait(&a->changed, &a->lock);
            continue;
        }
        a->asked = NULL;
        pthread_mutex_unlock(&a->lock);
        a->answer(x, a->user);
        pthread_mutex_lock(&a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

int asker_new(asker_answer *answer, void *user, const char *what, struct asker **ret,
              struct lp_error *err)
{
    struct asker *a = lp_alloc(sizeof *a);

    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->answer = answer;
    a->user = user;
    a->what = what;
    if (pthread_create(&a->thread, NULL, asker_main, a) != 0) {
        free(a);
        return lp_error_set(err, LP_E_INTERNAL, "no thread for the dashboard's questions");
    }
    *ret = a;
    return 0;
}

void asker_ask(struct asker *a, struct lp_http_exchange *x)
{
    char why[96];

    pthread_mutex_lock(&a->lock);
    bool free_now = !a->asked && !a->ended;
    if (free_now)
        a->asked = x;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (free_now)
        return;
    snprintf(why, sizeof why, "%s waits already", a->what);
    lp_http_reply_json(x, 503, lp_json_make("{s:s}", "error", why));
}

void asker_stop(struct asker *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->ended = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
}

void asker_free(struct asker *a)
{
    if (!a)
        return;
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
