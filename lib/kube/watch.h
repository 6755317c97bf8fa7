/* lib/kube/watch.h -- a list that stays true: WatchList or list + watch, for ever, until stopped.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "kube/client.h"
#include "kube/store.h"

enum lp_kube_event { LP_KUBE_ADDED, LP_KUBE_MODIFIED, LP_KUBE_DELETED };

/*
 * Called in the watch's thread, or in the one that all watches of a configuration have for their
 * connection: they must not wait for a request. `object` is borrowed; incref to keep it (it is
 * frozen from then on). _SYNCED comes once the first whole list was delivered; after a re-list,
 * objects that vanished meanwhile come as DELETED with the last known metadata.
 */
struct lp_kube_watch_sink {
    void (*event)(enum lp_kube_event event, json_t *object, void *user);
    void (*synced)(void *user);
    /* May be NULL: a list or watch failed, the next try comes after `retry_ms`; 0: it goes on
     * without an object that is too large. For the log. */
    void (*failed)(const struct lp_error *err, int64_t retry_ms, void *user);
    void *user;
};

struct lp_kube_watch_options {
    const struct lp_kube_kind *kind;
    const char *ns; /* NULL: all */
    const char *label_selector, *field_selector;
    const char *name;          /* of the thread, at most 15 bytes: "watch-pods" */
    int64_t initial_events_ms; /* a WatchList that is silent for so long before its end becomes a
                                  list in pages; 0: 10,000 */
    /* Borrowed; where the sink puts every object, by its key, in event() and takes it out again
     * when it is DELETED; the watch reads there what was delivered. What is put must have name,
     * namespace and resourceVersion; a DELETED that nobody sent has what lies there. NULL: the
     * watch keeps the metadata itself. */
    struct lp_kube_store *known;
    /* The first list may be as old as the API server's cache (resourceVersion=0, as informers ask):
     * otherwise the server waits up to 100 ms for etcd's word that its cache is not behind. Later
     * lists are the most recent ones, so that nothing goes back in time. */
    bool cached_first;
    struct lp_kube_watch_sink sink;
};

struct lp_kube_watch; /* a thread; the connection is that of all watches of the configuration */
LP_MUST_USE int lp_kube_watch_start(struct lp_kube_config *config, struct lp_stop *stop,
                                    const struct lp_kube_watch_options *options,
                                    struct lp_kube_watch **ret_watch, struct lp_error *err);
/* After the stop was requested: waits for the thread and frees. */
void lp_kube_watch_join(struct lp_kube_watch *w);

bool lp_kube_watch_synced(const struct lp_kube_watch *w);
/* Milliseconds since the last byte or answer from the API server; INT64_MAX before the first. */
int64_t lp_kube_watch_silence_ms(const struct lp_kube_watch *w);
