/* lib/kube/watch.c -- the thread behind lp_kube_watch. It holds `version`, up to which it has seen
 * everything; empty means that it must list, by one WatchList stream where the server has that
 * (KEP-3157), else in pages. `known` has what was delivered: it tells ADDED from MODIFIED, and what
 * a re-list no longer has. */
#include "kube/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "http/url.h"
#include "json/json.h"
#include "kube/request.h"
#include "kube/store.h"
#include "kube/watch_framer.h"
#include "metrics/metrics.h"
#include "work/backoff.h"

#define STACK_BYTES (1 << 20)
#define WATCH_SECONDS 290    /* a tenth more or less */
#define WATCH_GRACE_MS 30000 /* how much later than asked the server may end a watch */
#define IDLE_MS 120000 /* then anew, from the same version; bookmarks come about every minute */
#define DOUBT_MS 2000  /* silence that counts once another request was left without an answer */
#define LINE_MS 10000  /* for one event, from its first byte to its last */
#define INITIAL_EVENTS_MS 10000
#define LIST_MS 60000
#define SHORT_WATCH_MS 1000 /* one that ends sooner counts as a failure */

struct lp_kube_watch {
    pthread_t thread;
    struct lp_kube_client *client;
    struct lp_stop *stop;
    const struct lp_kube_kind *kind;
    char *ns, *label_selector, *field_selector, name[16];
    struct lp_kube_watch_sink sink;
    int64_t initial_events_ms;
    atomic_bool synced;
    atomic_int_least64_t heard_ms; /* 0: never */
    struct lp_metric *events, *lists, *streams;
    struct lp_metric_family *failures;

    /* The rest is the thread's alone. */
    char version[64];
    bool no_watch_list, answered;      /* the last watch got a 2xx answer */
    struct lp_kube_store *known, *own; /* `own` is `known` where the sink keeps no objects */
    struct lp_kube_store *listed;      /* keys of the list under way; NULL outside of one */
    bool delivered;                    /* something, ever */
    bool cached_first, first;  /* nothing was delivered before that list, so nothing is missing */
    bool incomplete;           /* an object of that list was too large to be looked at */
    int64_t begun_ms, line_ms; /* of the request, and of the unfinished line; 0: no such line */
    int64_t events_ms;         /* when the initial events must go on; 0: they are over */
    struct lp_watch_framer framer;
};

/* ---- what came ---- */

static void heard(struct lp_kube_watch *w)
{
    atomic_store(&w->heard_ms, lp_clock_ms());
}

static int check_object(const json_t *object, struct lp_error *err)
{
    return lp_json_str(object, "metadata", "name", NULL)
               ? 0
               : lp_error_set(err, LP_E_INVALID, "watch: object without metadata.name");
}

static void emit(struct lp_kube_watch *w, enum lp_kube_event event, json_t *object)
{
    lp_metric_add(w->events, 1);
    w->delivered = true;
    w->sink.event(event, object, w->sink.user);
}

static int take_present(json_t *object, void *user, struct lp_error *err)
{
    struct lp_kube_watch *w = user;

    int r = check_object(object, err);
    if (r < 0)
        return r;
    heard(w);
    lp_auto_free char *key = lp_kube_key_of(object);
    const char *version = lp_json_str(object, "metadata", "resourceVersion", NULL);
    if (w->listed && !w->first)
        lp_kube_store_put_key(w->listed, object);
    if (lp_kube_store_holds(w->known, key, version))
        return 0; /* a re-list brings what has not changed again */
    bool known = lp_kube_store_has(w->known, key);
    if (w->own)
        lp_kube_store_put_outline(w->own, object);
    emit(w, known ? LP_KUBE_MODIFIED : LP_KUBE_ADDED, object);
    return 0;
}

static int take_deleted(struct lp_kube_watch *w, json_t *object, struct lp_error *err)
{
    int r = check_object(object, err);
    if (r < 0)
        return r;
    if (w->listed)
        lp_kube_store_remove(w->listed, object);
    if (w->own)
        lp_kube_store_remove(w->own, object);
    emit(w, LP_KUBE_DELETED, object);
    return 0;
}

/* ---- the end of a list ---- */

struct vanished {
    const struct lp_kube_watch *w;
    char **keys;
    size_t n, cap;
};

/* Watches of several namespaces may share one `known`. */
static bool is_ours(const struct lp_kube_watch *w, const char *key)
{
    size_t n = w->ns ? strlen(w->ns) : 0;
    return n == 0 || (strncmp(key, w->ns, n) == 0 && key[n] == '/');
}

static void note_vanished(const char *key, void *user)
{
    struct vanished *v = user;

    if (lp_kube_store_has(v->w->listed, key) || !is_ours(v->w, key))
        return;
    if (v->n == v->cap) {
        v->cap = v->cap ? v->cap * 2 : 16;
        v->keys = lp_realloc(v->keys, v->cap * sizeof(char *));
    }
    v->keys[v->n++] = lp_strdup(key);
}

static void begin_list(struct lp_kube_watch *w)
{
    lp_metric_add(w->lists, 1);
    lp_kube_store_free(w->listed);
    w->listed = lp_kube_store_new(NULL);
    w->first = !w->delivered;
    w->incomplete = false;
}

static void drop_list(struct lp_kube_watch *w)
{
    lp_kube_store_free(w->listed);
    w->listed = NULL;
}

/* The list is whole: what it lacks is deleted, but where that may be an object too large for us. */
static void end_list(struct lp_kube_watch *w)
{
    struct vanished v = { .w = w };

    if (!w->incomplete && !w->first)
        lp_kube_store_keys(w->known, note_vanished, &v);
    for (size_t i = 0; i < v.n; i++) {
        char *slash = strchr(v.keys[i], '/');
        if (slash)
            *slash = '\0';
        json_auto_t *last =
            lp_kube_store_get(w->known, slash ? v.keys[i] : NULL, slash ? slash + 1 : v.keys[i]);
        if (w->own)
            lp_kube_store_remove(w->own, last);
        emit(w, LP_KUBE_DELETED, last);
        free(v.keys[i]);
    }
    free(v.keys);
    drop_list(w);
    if (!atomic_exchange(&w->synced, true) && w->sink.synced)
        w->sink.synced(w->sink.user);
}

/* ---- requests ---- */

static int take_event(const char *type, json_t *object, void *user, struct lp_error *err)
{
    struct lp_kube_watch *w = user;
    int r = 0;

    if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0)
        r = take_present(object, w, err);
    else if (strcmp(type, "DELETED") == 0)
        r = take_deleted(w, object, err);
    else if (strcmp(type, "BOOKMARK") != 0)
        r = lp_error_set(err, LP_E_INVALID, "watch: unknown event type %.20s", type);
    if (r < 0)
        return r;
    const char *end =
        lp_json_str(object, "metadata", "annotations", "k8s.io/initial-events-end", NULL);
    bool is_end = w->listed && end && strcmp(end, "true") == 0 && strcmp(type, "BOOKMARK") == 0;
    const char *version = lp_json_str(object, "metadata", "resourceVersion", NULL);
    /* The events of a list come in no order of versions: only its end gives one to go on from. */
    if (version && (!w->listed || is_end))
        snprintf(w->version, sizeof w->version, "%s", version);
    if (is_end) {
        end_list(w);
        w->events_ms = 0;
    }
    return 0;
}

/* The cache keeps what it knew of that object, and goes on with the others. */
static void tell_of_skipped(struct lp_kube_watch *w)
{
    struct lp_error why;
    int r = lp_error_set(&why, LP_E_TOO_LARGE, "watch: an object over %d bytes is passed over",
                         LP_LIMIT_KUBE_OBJECT);

    w->incomplete = w->listed != NULL;
    lp_metric_add(lp_metric_with(w->failures, w->kind->kind, lp_error_name(r)), 1);
    if (w->sink.failed)
        w->sink.failed(&why, 0, w->sink.user);
}

static int take_bytes(const char *bytes, size_t n, void *user, struct lp_error *err)
{
    struct lp_kube_watch *w = user;
    uint64_t before = w->framer.lines, skipped = w->framer.skipped;

    heard(w);
    int r = lp_watch_framer_feed(&w->framer, bytes, n, err);
    if (w->framer.skipped != skipped)
        tell_of_skipped(w);
    if (w->framer.tail.len == 0)
        w->line_ms = 0;
    else if (w->line_ms == 0 || w->framer.lines != before)
        w->line_ms = lp_clock_ms();
    if (w->listed && w->framer.lines != before)
        w->events_ms = lp_clock_ms() + w->initial_events_ms;
    return r;
}

/* Until when the stream may go on as it does. */
static int64_t stream_until(void *user)
{
    const struct lp_kube_watch *w = user;
    int64_t heard_ms = atomic_load(&w->heard_ms);
    int64_t sign = heard_ms > w->begun_ms ? heard_ms : w->begun_ms;
    int64_t until = lp_kube_unanswered_ms(w->client) > sign ? sign + DOUBT_MS : INT64_MAX;

    if (w->line_ms != 0 && w->line_ms + LINE_MS < until)
        until = w->line_ms + LINE_MS;
    if (w->events_ms != 0 && w->events_ms < until)
        until = w->events_ms;
    return until;
}

/* A watch from `version`, or a WatchList where that is empty. 0: the server ended it, as it was
 * asked to. */
static int watch(struct lp_kube_watch *w, struct lp_error *err)
{
    LP_AUTO_PATH(path);
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    int64_t seconds = lp_jitter(WATCH_SECONDS, 10);
    struct lp_kube_call call = { .method = "GET",
                                 .path = &path,
                                 .until_ms = stream_until,
                                 .sink = take_bytes,
                                 .user = w,
                                 .total_timeout_ms = seconds * 1000 + WATCH_GRACE_MS };
    lp_auto_free char *text = lp_sprintf("%d", (int)seconds);
    const char *oldest = w->cached_first && w->first ? "0" : NULL;

    lp_kube_path(w->kind, w->ns, NULL, NULL, &path);
    lp_url_query(&path, "watch", "1");
    lp_url_query(&path, "allowWatchBookmarks", "true");
    lp_url_query(&path, "timeoutSeconds", text);
    lp_url_query(&path, "labelSelector", w->label_selector);
    lp_url_query(&path, "fieldSelector", w->field_selector);
    lp_url_query(&path, "resourceVersion", *w->version ? w->version : oldest);
    if (w->listed) {
        lp_url_query(&path, "sendInitialEvents", "true");
        lp_url_query(&path, "resourceVersionMatch", "NotOlderThan");
    }
    w->begun_ms = lp_clock_ms();
    w->line_ms = 0;
    w->events_ms = w->listed ? w->begun_ms + w->initial_events_ms : 0;
    w->framer = (struct lp_watch_framer){ .tail = LP_BUF_INIT(LP_LIMIT_KUBE_OBJECT),
                                          .sink = take_event,
                                          .user = w };
    lp_metric_add(w->streams, 1);
    int r = lp_kube_call(w->client, &call, &response, err);
    lp_watch_framer_done(&w->framer);
    w->answered = response.status / 100 == 2;
    if (response.status)
        heard(w);
    return r;
}

static int list_in_pages(struct lp_kube_watch *w, struct lp_error *err)
{
    struct lp_kube_list_options options = { .label_selector = w->label_selector,
                                            .field_selector = w->field_selector };
    char version[64];

    begin_list(w);
    int r = lp_kube_list(w->client, w->kind, w->ns, &options, take_present, w, version, err);
    if (r < 0)
        return r;
    heard(w);
    end_list(w);
    memcpy(w->version, version, sizeof version);
    return 0;
}

/* List and watch in one stream. Where that does not work out, the next try is a list in pages. */
static int watch_list(struct lp_kube_watch *w, struct lp_error *err)
{
    begin_list(w);
    int r = watch(w, err);
    if (!w->listed)
        return r; /* the list was whole */
    if (r == LP_E_INVALID || r == 0 || (r == LP_E_TIMEOUT && w->answered)) {
        lp_log_debug("no WatchList, listing in pages", "watch", w->name, "error",
                     r < 0 ? err->msg : "ended before the initial events did");
        w->no_watch_list = true;
        return 0;
    }
    return r;
}

/* One list, one watch, or both. */
static int step(struct lp_kube_watch *w, struct lp_error *err)
{
    int64_t start = lp_clock_ms();
    int r = 0;

    if (!*w->version && !w->no_watch_list)
        r = watch_list(w, err);
    else if (!*w->version)
        r = list_in_pages(w, err);
    else if ((r = watch(w, err)) == 0 && lp_clock_ms() - start < SHORT_WATCH_MS)
        r = lp_error_set(err, LP_E_UNAVAILABLE, "watch: ended by the server at once");
    if (r == LP_E_TIMEOUT && w->answered && *w->version)
        r = 0; /* silent, not broken */
    drop_list(w);
    return r;
}

static void *watch_main(void *user)
{
    struct lp_kube_watch *w = user;
    struct lp_backoff backoff = { .base_ms = 800, .max_ms = 5000, .reset_after_ms = 60000 };
    struct lp_error err;

    pthread_setname_np(pthread_self(), w->name);
    lp_heartbeat_begin(w->name, LP_HEARTBEAT_MS);
    while (!lp_stop_requested(w->stop)) {
        int r = step(w, &err);
        if (r == 0 || r == LP_E_CANCELED)
            continue;
        if (r == LP_E_GONE)
            w->version[0] = '\0';
        int64_t ms = lp_backoff_next(&backoff);
        if (ms < err.retry_after_ms)
            ms = err.retry_after_ms;
        lp_metric_add(lp_metric_with(w->failures, w->kind->kind, lp_error_name(r)), 1);
        lp_log_debug("watch failed", "watch", w->name, "error", err.msg);
        if (w->sink.failed)
            w->sink.failed(&err, ms, w->sink.user);
        lp_stop_wait(w->stop, ms);
    }
    lp_heartbeat_end();
    return NULL;
}

/* ---- life ---- */

static void watch_free(struct lp_kube_watch *w)
{
    lp_kube_client_free(w->client);
    lp_kube_store_free(w->own);
    lp_kube_store_free(w->listed);
    free(w->ns);
    free(w->label_selector);
    free(w->field_selector);
    free(w);
}

static struct lp_metric *counter(const struct lp_kube_watch *w, const char *name, const char *help)
{
    return lp_metric_with(lp_metric_family(LP_METRIC_COUNTER, name, help, "kind", NULL, 0),
                          w->kind->kind);
}

static void make_metrics(struct lp_kube_watch *w)
{
    w->events = counter(w, "lp_kube_watch_events_total", "Objects added, modified or deleted.");
    w->lists = counter(w, "lp_kube_watch_lists_total", "Lists begun, by WatchList or in pages.");
    w->streams = counter(w, "lp_kube_watch_streams_total", "Watches begun, those that list too.");
    w->failures = lp_metric_family(LP_METRIC_COUNTER, "lp_kube_watch_failures_total",
                                   "Lists and watches that failed.", "kind,reason", NULL, 0);
}

static int start_thread(struct lp_kube_watch *w, struct lp_error *err)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int failed = pthread_create(&w->thread, &attributes, watch_main, w);
    pthread_attr_destroy(&attributes);
    return failed ? lp_error_set(err, LP_E_INTERNAL, "watch %s: no thread: %s", w->name,
                                 strerror(failed))
                  : 0;
}

int lp_kube_watch_start(struct lp_kube_config *config, struct lp_stop *stop,
                        const struct lp_kube_watch_options *options,
                        struct lp_kube_watch **ret_watch, struct lp_error *err)
{
    struct lp_kube_client_options client = { .stop = stop };
    struct lp_kube_limits limits = { .total_timeout_ms = LIST_MS,
                                     .idle_timeout_ms = IDLE_MS,
                                     .multiplex = true };
    struct lp_kube_watch *w = lp_alloc(sizeof *w);

    w->stop = stop;
    w->kind = options->kind;
    w->ns = lp_strdup(options->ns);
    w->label_selector = lp_strdup(options->label_selector);
    w->field_selector = lp_strdup(options->field_selector);
    snprintf(w->name, sizeof w->name, "%s", options->name ? options->name : "watch");
    w->cached_first = options->cached_first;
    w->sink = options->sink;
    w->initial_events_ms =
        options->initial_events_ms ? options->initial_events_ms : INITIAL_EVENTS_MS;
    w->own = options->known ? NULL : lp_kube_store_new(NULL);
    w->known = options->known ? options->known : w->own;
    make_metrics(w);
    int r = lp_kube_client_new_with(config, &client, &limits, &w->client, err);
    if (r == 0)
        r = start_thread(w, err);
    if (r < 0)
        watch_free(w);
    else
        *ret_watch = w;
    return r;
}

void lp_kube_watch_join(struct lp_kube_watch *w)
{
    if (!w)
        return;
    pthread_join(w->thread, NULL);
    watch_free(w);
}

bool lp_kube_watch_synced(const struct lp_kube_watch *w)
{
    return atomic_load(&w->synced);
}

int64_t lp_kube_watch_silence_ms(const struct lp_kube_watch *w)
{
    int64_t when = atomic_load(&w->heard_ms);
    return when ? lp_clock_ms() - when : INT64_MAX;
}
