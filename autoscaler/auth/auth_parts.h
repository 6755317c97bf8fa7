/* autoscaler/auth/auth_parts.h -- the inside of auth.h, shared by auth*.c. */
#pragma once

#include <pthread.h>

#include "autoscaler/auth/auth.h"
#include "autoscaler/auth/review_cache.h"
#include "kube/watch.h"
#include "work/fifo.h"

#define AUTH_THREADS 2
#define AUTH_WAITING 256 /* checks that wait for a review; one more is answered 503 */

/* A check that needs the API server. `user` NULL: `token` names it. */
struct auth_job {
    struct lp_fifo_item item; /* first: the fifo gives it back as a job */
    struct user *user;
    char *token;
    const struct auth_attributes *attributes;
    auth_done *done;
    void *done_user;
};

/*
 * `peers`: chain to struct peer. `tokens`: token to struct user, NULL for one that is not good.
 * `rights`: user and attributes to AUTH_ALLOWED or AUTH_REFUSED. `trust_serial` is part of what
 * `peers` is asked, so that a new trust makes all of it anew.
 */
struct auth {
    pthread_mutex_t lock; /* of the next two */
    struct trust *trust;
    uint64_t trust_serial;
    struct lp_fifo *jobs;
    struct review_cache *peers, *tokens, *rights;
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    pthread_t threads[AUTH_THREADS];
    unsigned n_threads;
    struct lp_kube_watch *informer; /* of the ConfigMap; NULL: not started */
};

#define AUTH_ALLOWED ((void *)(uintptr_t)1)
#define AUTH_REFUSED ((void *)(uintptr_t)2)

void auth_token_digest(const char *token, unsigned char ret_digest[REVIEW_DIGEST]);
/* False where user and attributes have more than 64 kB: such a question is not kept, it is asked
 * each time, since a digest of a part of it would be that of others too. */
bool auth_right_digest(const struct user *u, const struct auth_attributes *at,
                       unsigned char ret_digest[REVIEW_DIGEST]);

/* Known without the API server: AUTH_ALLOWED, AUTH_REFUSED; NULL where it must be asked. */
void *auth_known_right(struct auth *a, const struct user *u, const struct auth_attributes *at);

/* Calls done with 200 or 403. */
void auth_tell_right(const void *right, const struct user *u, const struct auth_attributes *at,
                     auth_done *done, void *done_user);

/* Takes over `job` and its members. Any thread; calls done with 503 where too many wait. */
void auth_ask(struct auth *a, struct auth_job *job);
