/* lib/http/client/share.c -- TLS sessions, and a mux, shared by clients of one peer that show the
 * same certificate. */
#include "http/client/share_parts.h"

#include <stdlib.h>

#include "base/alloc.h"

static void global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void lp_http_global_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
}

static void on_lock(CURL *easy, curl_lock_data data, curl_lock_access access, void *user)
{
    struct lp_http_share *s = user;
    (void)easy;
    (void)data;
    (void)access;
    pthread_mutex_lock(&s->lock);
}

static void on_unlock(CURL *easy, curl_lock_data data, void *user)
{
    struct lp_http_share *s = user;
    (void)easy;
    (void)data;
    pthread_mutex_unlock(&s->lock);
}

struct lp_http_share *lp_http_share_new(void)
{
    struct lp_http_share *s = lp_alloc(sizeof *s);

    lp_http_global_init();
    pthread_mutex_init(&s->lock, NULL);
    atomic_init(&s->users, 1);
    s->curl = curl_share_init();
    if (!s->curl)
        abort(); /* no memory, as in lp_alloc */
    curl_share_setopt(s->curl, CURLSHOPT_LOCKFUNC, on_lock);
    curl_share_setopt(s->curl, CURLSHOPT_UNLOCKFUNC, on_unlock);
    curl_share_setopt(s->curl, CURLSHOPT_USERDATA, s);
    curl_share_setopt(s->curl, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    return s;
}

void lp_http_share_free(struct lp_http_share *s)
{
    if (!s || atomic_fetch_sub(&s->users, 1) > 1)
        return;
    lp_http_mux_free(s->mux);
    curl_share_cleanup(s->curl);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct lp_http_mux *lp_http_share_mux(struct lp_http_share *s)
{
    pthread_mutex_lock(&s->lock);
    if (!s->mux)
        s->mux = lp_http_mux_new();
    struct lp_http_mux *mux = s->mux;
    pthread_mutex_unlock(&s->lock);
    return mux;
}
