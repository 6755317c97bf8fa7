/*
 * What must be asked of the API server: TokenReview (authentication.k8s.io/v1) and
 * SubjectAccessReview (authorization.k8s.io/v1). The answers go into the caches, so a caller waits
 * once in ten seconds.
 *
 * Threads: AUTH_THREADS of their own, each with a connection; they take jobs from one bounded
 * queue.
 */
#include <string.h>

#include "autoscaler/auth/auth_parts.h"
#include "autoscaler/base/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"

#define REVIEW_TIMEOUT_MS 10000

static void job_free(struct auth_job *job)
{
    user_unref(job->user);
    free(job->token);
    free(job);
}

static void refuse(struct auth_job *job, const char *why)
{
    job->done(503, why, job->done_user);
    job_free(job);
}

void auth_ask(struct auth *a, struct auth_job *job)
{
    if (!lp_fifo_put(a->jobs, &job->item))
        refuse(job, "too many requests wait for an access review, or this replica is stopping");
}

static void count(const char *kind, const char *result)
{
    lp_metric_add(lp_metric_with(telemetry.reviews, kind, result), 1);
}

/* ---- TokenReview ---- */

static struct user *reviewed_user(const json_t *review)
{
    const json_t *info = lp_json_at(review, "status", "user", NULL);
    const char *name = lp_json_str(info, "username", NULL);
    if (!name || !lp_json_bool(false, review, "status", "authenticated", NULL))
        return NULL;
    struct user *u = user_new(name);
    u->uid = lp_strdup(lp_json_str(info, "uid", NULL));
    size_t i;
    json_t *value;
    json_array_foreach(lp_json_at(info, "groups", NULL), i, value)
    {
        if (json_is_string(value))
            user_add_group(u, json_string_value(value));
    }
    const char *key;
    json_t *values;
    json_object_foreach(lp_json_at(info, "extra", NULL), key, values)
    {
        json_array_foreach(values, i, value)
        {
            if (json_is_string(value))
                user_add_extra(u, key, json_string_value(value));
        }
    }
    user_authenticated(u);
    return u;
}

/* *ret_user NULL: the token is not good. */
static int review_token(struct auth *a, struct lp_kube_client *client, const char *token,
                        struct user **ret_user, struct lp_error *err)
{
    unsigned char digest[REVIEW_DIGEST];
    void *known = NULL;
    auth_token_digest(token, digest);
    if (review_cache_get(a->tokens, digest, lp_clock_ms(), &known)) {
        *ret_user = known;
        return 0;
    }
    json_auto_t *question = NULL, *review = NULL;
    int r = lp_json_pack(&question, err, "{s:s,s:s,s:{s:s}}", "apiVersion",
                         "authentication.k8s.io/v1", "kind", "TokenReview", "spec", "token", token);
    if (r == 0)
        r = lp_kube_create(client, &lp_kube_token_reviews, question, &review, err);
    if (r < 0) {
        count("token", "error");
        return r;
    }
    *ret_user = reviewed_user(review);
    count("token", *ret_user ? "allowed" : "refused");
    review_cache_put(a->tokens, digest, *ret_user, lp_clock_ms());
    return 0;
}

/* ---- SubjectAccessReview ---- */

static int access_question(const struct user *u, const struct auth_attributes *at, json_t **ret,
                           struct lp_error *err)
{
    json_t *what = NULL, *question = NULL;
    int r = at->path ? lp_json_pack(&what, err, "{s:s,s:s}", "path", at->path, "verb", "get")
                     : lp_json_pack(&what, err, "{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "namespace",
                                    at->ns, "verb", "get", "group", at->group, "version",
                                    at->version, "resource", at->resource, "subresource",
                                    at->subresource, "name", at->name);
    if (r < 0)
        return r;
    r = lp_json_pack(&question, err, "{s:s,s:s,s:{s:s,s:O,s:O,s:o}}", "apiVersion",
                     "authorization.k8s.io/v1", "kind", "SubjectAccessReview", "spec", "user",
                     u->name, "groups", u->groups, "extra", u->extra,
                     at->path ? "nonResourceAttributes" : "resourceAttributes", what);
    if (r < 0)
        return r;
    if (u->uid)
        lp_json_set_str(json_object_get(question, "spec"), "uid", u->uid);
    *ret = question;
    return 0;
}

static int review_access(struct auth *a, struct lp_kube_client *client, const struct user *u,
                         const struct auth_attributes *at, void **ret_right, struct lp_error *err)
{
    *ret_right = auth_known_right(a, u, at);
    if (*ret_right)
        return 0;
    json_auto_t *question = NULL, *review = NULL;
    int r = access_question(u, at, &question, err);
    if (r == 0)
        r = lp_kube_create(client, &lp_kube_subject_access_reviews, question, &review, err);
    if (r < 0) {
        count("access", "error");
        return r;
    }
    bool allowed = lp_json_bool(false, review, "status", "allowed", NULL) &&
                   !lp_json_bool(false, review, "status", "denied", NULL);
    *ret_right = allowed ? AUTH_ALLOWED : AUTH_REFUSED;
    count("access", allowed ? "allowed" : "refused");
    unsigned char digest[REVIEW_DIGEST];
    if (auth_right_digest(u, at, digest))
        review_cache_put(a->rights, digest, *ret_right, lp_clock_ms());
    return 0;
}

/* ---- the threads ---- */

static void work_on(struct auth *a, struct lp_kube_client *client, struct auth_job *job)
{
    struct lp_error err = { 0 };
    void *right = NULL;
    int r = job->user ? 0 : review_token(a, client, job->token, &job->user, &err);
    if (r == 0 && !job->user) {
        job->done(401, "Unauthorized", job->done_user);
        job_free(job);
        return;
    }
    if (r == 0)
        r = review_access(a, client, job->user, job->attributes, &right, &err);
    if (r < 0) {
        lp_log_warn("an access review failed", "why", err.msg);
        refuse(job, "the API server did not answer an access review");
        return;
    }
    auth_tell_right(right, job->user, job->attributes, job->done, job->done_user);
    job_free(job);
}

static int new_client(struct auth *a, struct lp_kube_client **ret_client, struct lp_error *err)
{
    const struct lp_kube_client_options options = { .user_agent = "lp-adapter/" LP_VERSION,
                                                    .total_timeout_ms = REVIEW_TIMEOUT_MS,
                                                    .stop = a->stop };
    return lp_kube_client_new(a->kube, &options, ret_client, err);
}

/* The client is made for the first job: until the API server is asked, nothing can fail. */
static void *run_reviews(void *user)
{
    struct auth *a = user;
    lp_auto_kube_client struct lp_kube_client *client = NULL;
    lp_heartbeat_begin("reviews", LP_HEARTBEAT_MS);
    for (struct auth_job *job; (job = (struct auth_job *)lp_fifo_take(a->jobs)) != NULL;) {
        struct lp_error err = { 0 };
        if (!client && new_client(a, &client, &err) < 0) {
            lp_log_error("no client for access reviews", "why", err.msg);
            refuse(job, "this replica cannot ask the API server for an access review");
            continue;
        }
        work_on(a, client, job);
    }
    lp_heartbeat_end();
    return NULL;
}

int auth_start(struct auth *a, struct lp_error *err)
{
    for (; a->n_threads < AUTH_THREADS; a->n_threads++) {
        if (pthread_create(&a->threads[a->n_threads], NULL, run_reviews, a) != 0)
            return lp_error_set(err, LP_E_INTERNAL, "cannot start a thread for access reviews");
        pthread_setname_np(a->threads[a->n_threads], "reviews");
    }
    return 0;
}

void auth_close(struct auth *a)
{
    lp_fifo_close(a->jobs);
    while (a->n_threads > 0)
        pthread_join(a->threads[--a->n_threads], NULL);
    if (a->informer)
        lp_kube_watch_join(a->informer);
    a->informer = NULL;
}
