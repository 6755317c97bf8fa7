/*
 * operator/seed.c -- a watch puts ConfigMaps into a store and their keys into a queue; one thread
 * takes them. Threads: the watch's and "seed".
 */
#include "operator/seed.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/kinds.h"
#include "kube/store.h"
#include "kube/watch.h"
#include "work/queue.h"

#define WAIT_MS 1000    /* until we may write */
#define FAILED_MS 30000 /* the longest wait after a failure */

struct seed {
    struct seed_options options;
    struct lp_kube_store *store;
    struct lp_queue *queue;
    struct lp_kube_watch *watch;
    struct lp_kube_client *client;
    pthread_t thread;
    bool thread_started;
};

static bool is_platform(const json_t *o)
{
    const char *version = lp_json_str(o, "apiVersion", NULL);
    const char *kind = lp_json_str(o, "kind", NULL);

    return version && kind && strcmp(version, "learningplatform.io/v1alpha1") == 0 &&
           strcmp(kind, lp_kube_platforms.kind) == 0;
}

int seed_read(const json_t *config_map, json_t **ret_platform, struct lp_error *err)
{
    const char *text = lp_json_str(config_map, "data", "platform.yaml", NULL);
    json_auto_t *documents = NULL;

    if (!text)
        return lp_error_set(err, LP_E_INVALID, "data.\"platform.yaml\": is required");
    int r =
        lp_yaml_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "platform.yaml", &documents, err);
    if (r < 0)
        return r;
    json_t *o = json_array_get(documents, 0);
    if (json_array_size(documents) != 1 || !is_platform(o))
        return lp_error_set(err, LP_E_INVALID,
                            "data.\"platform.yaml\": must be exactly one LearningPlatform of "
                            "learningplatform.io/v1alpha1");
    if (!lp_json_str(o, "metadata", "name", NULL) || !lp_json_str(o, "metadata", "namespace", NULL))
        return lp_error_set(err, LP_E_INVALID,
                            "data.\"platform.yaml\": metadata.name and metadata.namespace are "
                            "required");
    *ret_platform = json_incref(o);
    return 0;
}

static int plant(struct seed *s, const json_t *config_map, struct lp_error *err)
{
    json_auto_t *platform = NULL;

    int r = seed_read(config_map, &platform, err);
    if (r < 0)
        return r;
    lp_auto_free char *key = lp_kube_key_of(platform);
    r = lp_kube_create(s->client, &lp_kube_platforms, platform, NULL, err);
    if (r < 0 && r != LP_E_EXISTS)
        return lp_error_wrap(err, "LearningPlatform %s", key);
    lp_log_info(r == 0 ? "seeded" : "seed is there already", "platform", key);
    json_auto_t *mark = lp_json_make("{s:{s:{s:s}}}", "metadata", "annotations", SEED_MARK, key);
    return lp_kube_merge_patch(s->client, &lp_kube_config_maps, s->options.ns,
                               lp_json_str(config_map, "metadata", "name", NULL), NULL, mark, NULL,
                               err);
}

static void take_one(struct seed *s, const char *key)
{
    const char *slash = strchr(key, '/');
    json_auto_t *config_map = lp_kube_store_get(s->store, s->options.ns, slash ? slash + 1 : key);
    struct lp_error err;

    if (!config_map || lp_json_str(config_map, "metadata", "annotations", SEED_MARK, NULL))
        return;
    if (!s->options.may_write(s->options.user)) {
        lp_queue_add_after(s->queue, key, LP_QUEUE_LOW, WAIT_MS);
        return;
    }
    int r = plant(s, config_map, &err);
    if (r < 0)
        lp_log_error("seed failed", "config_map", key, "error", err.msg);
    if (r < 0 && r != LP_E_INVALID && r != LP_E_CANCELED)
        lp_queue_add_failed(s->queue, key,
                            FAILED_MS); /* an invalid one is tried again when it changes */
}

static void *seed_main(void *user)
{
    struct seed *s = user;

    pthread_setname_np(pthread_self(), "seed");
    lp_heartbeat_begin("seed", LP_HEARTBEAT_MS);
    for (;;) {
        lp_auto_free char *key = lp_queue_take(s->queue);
        if (!key)
            break;
        if (!lp_stop_requested(s->options.stop))
            take_one(s, key);
        lp_queue_done(s->queue, key);
    }
    lp_heartbeat_end();
    return NULL;
}

static void config_map_event(enum lp_kube_event event, json_t *object, void *user)
{
    struct seed *s = user;
    lp_auto_free char *key = lp_kube_key_of(object);

    if (event == LP_KUBE_DELETED) {
        lp_kube_store_remove(s->store, object);
        return;
    }
    lp_kube_store_put(s->store, object);
    lp_queue_add(s->queue, key, LP_QUEUE_LOW);
}

static int start(struct seed *s, struct lp_error *err)
{
    struct lp_kube_client_options client = { .stop = s->options.stop,
                                             .writes_until_ms = s->options.writes_until_ms,
                                             .fence_user = s->options.user };
    struct lp_kube_watch_options watch = {
        .kind = &lp_kube_config_maps,
        .ns = s->options.ns,
        .label_selector = SEED_LABEL,
        .name = "w-seeds",
        .sink = { .event = config_map_event, .user = s },
    };

    int r = lp_kube_client_new(s->options.kube, &client, &s->client, err);
    if (r == 0)
        r = lp_kube_watch_start(s->options.kube, s->options.stop, &watch, &s->watch, err);
    if (r < 0)
        return r;
    s->thread_started = pthread_create(&s->thread, NULL, seed_main, s) == 0;
    if (!s->thread_started)
        return lp_error_set(err, LP_E_INTERNAL, "cannot start the thread of the seeds");
    return 0;
}

int seed_start(const struct seed_options *options, struct seed **ret_seed, struct lp_error *err)
{
    struct seed *s = lp_alloc(sizeof *s);

    s->options = *options;
    s->store = lp_kube_store_new(NULL);
    s->queue = lp_queue_new("seed", options->stop);
    int r = start(s, err);
    if (r < 0) {
        lp_stop_request(options->stop);
        seed_join(s);
        return r;
    }
    *ret_seed = s;
    return 0;
}

void seed_join(struct seed *s)
{
    if (!s)
        return;
    if (s->thread_started)
        pthread_join(s->thread, NULL);
    if (s->watch)
        lp_kube_watch_join(s->watch);
    lp_kube_client_free(s->client);
    lp_kube_store_free(s->store);
    lp_queue_free(s->queue);
    free(s);
}
