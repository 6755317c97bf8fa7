/*
 * lib/http/client/mux.c -- callers leave their transfers in `incoming`, wake the thread and wait
 * for the end. A connection that is shared is given up as a whole: libcurl keeps one in use as long
 * as a single request is on it, and puts the next ones on it too, though nothing may come back any
 * more (a router that has forgotten it, a server that wants no more requests on it). Threads:
 * `lock` guards what callers and thread share; the rest is the thread's.
 */
#include "http/client/mux.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"

#define STACK_BYTES (1 << 20)
#define BEAT_MS 1000

struct lp_http_mux {
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t lock;
    bool started, ending;              /* `lock` */
    struct lp_http_transfer *incoming; /* `lock` */

    struct lp_http_transfer *transfers; /* the thread's, as all below */
    struct lp_http_transfer *opening;   /* waits for its connection; NULL: none does */
    bool http1;                /* so the last connection spoke: nobody waits for another's */
    bool is_open;              /* a connection that others may use */
    uint64_t n_begun;          /* ever */
    unsigned n, room;          /* transfers, and `stops` */
    struct curl_waitfd *stops; /* one a transfer */
    bool resets;
};

static void *mux_main(void *user);

struct lp_http_mux *lp_http_mux_new(void)
{
    struct lp_http_mux *m = lp_alloc(sizeof *m);

    pthread_mutex_init(&m->lock, NULL);
    m->multi = curl_multi_init();
    if (!m->multi)
        abort(); /* no memory, as in lp_alloc */
    return m;
}

void lp_http_mux_free(struct lp_http_mux *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->ending = true;
    pthread_mutex_unlock(&m->lock);
    curl_multi_wakeup(m->multi);
    if (m->started)
        pthread_join(m->thread, NULL);
    curl_multi_cleanup(m->multi);
    pthread_mutex_destroy(&m->lock);
    free(m->stops);
    free(m);
}

const bool *lp_http_mux_resets(const struct lp_http_mux *m)
{
    return &m->resets;
}

/* ---- the callers' side ---- */

static void append(struct lp_http_transfer **list, struct lp_http_transfer *e)
{
    while (*list)
        list = &(*list)->next;
    *list = e;
}

static bool start_locked(struct lp_http_mux *m)
{
    pthread_attr_t attributes;

    if (m->started)
        return true;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    m->started = pthread_create(&m->thread, &attributes, mux_main, m) == 0;
    pthread_attr_destroy(&attributes);
    return m->started;
}

void lp_http_mux_run(struct lp_http_mux *m, struct lp_http_transfer *e)
{
    e->next = NULL;
    e->is_begun = e->is_over = false;
    e->end = LP_HTTP_MUX_DONE;
    e->result = CURLE_FAILED_INIT;
    pthread_cond_init(&e->ended, NULL);
    pthread_mutex_lock(&m->lock);
    if (start_locked(m)) {
        append(&m->incoming, e);
        curl_multi_wakeup(m->multi);
        while (!e->is_over) {
            struct timespec beat = lp_clock_deadline(BEAT_MS);
            pthread_cond_clockwait(&e->ended, &m->lock, CLOCK_MONOTONIC, &beat);
            lp_heartbeat();
        }
    }
    pthread_mutex_unlock(&m->lock);
    pthread_cond_destroy(&e->ended);
}

/* ---- the thread's side ---- */

/* From here on the transfer is its caller's again. */
static void hand_back(struct lp_http_mux *m, struct lp_http_transfer *e)
{
    pthread_mutex_lock(&m->lock);
    e->is_over = true;
    pthread_cond_signal(&e->ended);
    pthread_mutex_unlock(&m->lock);
}

/* `give_up`: no other request is to use its connection. */
static void end(struct lp_http_mux *m, struct lp_http_transfer *e, bool give_up)
{
    struct lp_http_transfer **at = &m->transfers;

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    m->n--;
    if (m->opening == e)
        m->opening = NULL;
    if (give_up || m->n == 0)
        m->is_open = false;
    if (e->is_begun) {
        m->resets = give_up;
        curl_easy_setopt(e->easy, CURLOPT_FORBID_REUSE, give_up ? 1L : 0L);
        curl_multi_remove_handle(m->multi, e->easy);
        curl_easy_setopt(e->easy, CURLOPT_FORBID_REUSE, 0L);
        m->resets = false;
    }
    hand_back(m, e);
}

/* The same for all whose requests are on one connection. Its port of ours names it. */
static long port_of(const struct lp_http_transfer *e)
{
    long port = 0;
    if (e->is_begun)
        curl_easy_getinfo(e->easy, CURLINFO_LOCAL_PORT, &port);
    return port;
}

static void end_with_connection(struct lp_http_mux *m, struct lp_http_transfer *e)
{
    long port = port_of(e);

    end(m, e, true);
    for (struct lp_http_transfer *other = m->transfers, *next; port > 0 && other; other = next) {
        next = other->next;
        if (port_of(other) != port)
            continue;
        other->end = LP_HTTP_MUX_GIVEN_UP;
        end(m, other, true);
    }
}

static void end_somehow(struct lp_http_mux *m, struct lp_http_transfer *e)
{
    if (e->blames_connection(e))
        end_with_connection(m, e);
    else
        end(m, e, false);
}

/* False: it is the end, and nobody is left. */
static bool take_incoming(struct lp_http_mux *m)
{
    pthread_mutex_lock(&m->lock);
    struct lp_http_transfer *e = m->incoming;
    m->incoming = NULL;
    bool goes_on = e || m->transfers || !m->ending;
    pthread_mutex_unlock(&m->lock);
    append(&m->transfers, e);
    for (; e; e = e->next)
        m->n++;
    return goes_on;
}

/* How long the thread may sleep. Whoever is ended takes others along, so each end begins anew. */
static int check_all(struct lp_http_mux *m)
{
    int64_t sleep_ms = BEAT_MS, left = 0;

    for (struct lp_http_transfer *e = m->transfers; e;) {
        if (e->check(e->user, &left)) {
            sleep_ms = left < sleep_ms ? left : sleep_ms;
            e = e->next;
            continue;
        }
        e->end = LP_HTTP_MUX_CHECKED;
        end_somehow(m, e);
        e = m->transfers;
        sleep_ms = BEAT_MS;
    }
    return (int)sleep_ms;
}

static struct lp_http_transfer *transfer_of(const struct lp_http_mux *m, const CURL *easy)
{
    struct lp_http_transfer *e = m->transfers;

    while (e && e->easy != easy)
        e = e->next;
    return e;
}

static void end_the_done(struct lp_http_mux *m)
{
    int left;

    for (const CURLMsg *msg; (msg = curl_multi_info_read(m->multi, &left));) {
        struct lp_http_transfer *e = transfer_of(m, msg->easy_handle);
        e->result = msg->data.result;
        end_somehow(m, e);
    }
}

/* Its request is about to be sent, or was. */
static bool has_connection(const struct lp_http_transfer *e)
{
    curl_off_t us = 0;
    curl_easy_getinfo(e->easy, CURLINFO_PRETRANSFER_TIME_T, &us);
    return us > 0;
}

/* What was agreed on by ALPN (RFC 7301). */
static bool is_http1(const struct lp_http_transfer *e)
{
    const struct curl_tlssessioninfo *tls = NULL;
    const unsigned char *protocol = NULL;
    unsigned n = 0;

    curl_easy_getinfo(e->easy, CURLINFO_TLS_SSL_PTR, &tls);
    if (tls && tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals)
        SSL_get0_alpn_selected(tls->internals, &protocol, &n);
    return n != 2 || memcmp(protocol, "h2", 2) != 0;
}

/* The first of those that wait gets its connection before the others are begun, so that they may
 * use it too. (libcurl's CURLOPT_PIPEWAIT would have them wait for the first one's end where that
 * speaks HTTP/1.1.) */
static void begin_waiting(struct lp_http_mux *m)
{
    if (m->opening && has_connection(m->opening)) {
        m->http1 = is_http1(m->opening);
        m->opening = NULL;
        m->is_open = !m->http1;
    }
    for (struct lp_http_transfer *e = m->transfers, *next; e; e = next) {
        next = e->next;
        if (m->opening && !m->http1)
            break;
        if (e->is_begun)
            continue;
        if (curl_multi_add_handle(m->multi, e->easy) != CURLM_OK) {
            end(m, e, false); /* its result is CURLE_FAILED_INIT */
            continue;
        }
        e->is_begun = true;
        m->n_begun++;
        m->opening = m->is_open ? NULL : e;
    }
}

static void perform(struct lp_http_mux *m)
{
    uint64_t before;
    int running;

    do {
        before = m->n_begun;
        curl_multi_perform(m->multi, &running);
        end_the_done(m);
        begin_waiting(m);
    } while (m->n_begun != before);
}

static void wait(struct lp_http_mux *m, int ms)
{
    unsigned n = 0;

    if (m->room < m->n) {
        m->room = 2 * m->n;
        m->stops = lp_realloc(m->stops, m->room * sizeof *m->stops);
    }
    for (const struct lp_http_transfer *e = m->transfers; e; e = e->next)
        if (e->stop)
            m->stops[n++] =
                (struct curl_waitfd){ .fd = lp_stop_fd(e->stop), .events = CURL_WAIT_POLLIN };
    curl_multi_poll(m->multi, m->stops, n, ms, NULL);
}

static void *mux_main(void *user)
{
    struct lp_http_mux *m = user;

    pthread_setname_np(pthread_self(), "http-mux");
    lp_heartbeat_begin("http-mux", LP_HEARTBEAT_MS);
    while (take_incoming(m)) {
        int ms = check_all(m);
        perform(m);
        wait(m, ms);
        lp_heartbeat();
    }
    lp_heartbeat_end();
    return NULL;
}
