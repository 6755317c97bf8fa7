/* test/unit/progress_stub.h -- lp-ai-feedback and a progress service that refuses as often as a
 * test says: what is known of both. */
#pragma once

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "services/ai-feedback/api.h"
#include "unit/check.h"

/* One service and one progress service for all tests; `lock` guards what both threads touch. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ai ai;
    struct lp_stop *stop;
    struct lp_http_server *progress;
    pthread_t thread;
    uint16_t port;
    int result, refusals, deliveries;
    char key[2][64]; /* Idempotency-Key of the last refused and of the delivered request */
    char body[512];  /* of the delivered request */
    char request_id[64], authorization[1024];
    struct lp_identities *owner, *any; /* ai.identities is one of them */
    struct lp_caller *caller;
} t = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void take_activity(struct lp_http_exchange *x, void *user)
{
    size_t len;
    const char *body = lp_http_body(x, &len);
    const char *key = lp_http_header(x, "Idempotency-Key");
    const char *id = lp_http_header(x, "X-Request-Id");
    const char *auth = lp_http_header(x, "Authorization");
    (void)user;
    pthread_mutex_lock(&t.lock);
    bool refuse = t.refusals > 0;
    if (refuse)
        t.refusals--;
    snprintf(t.key[!refuse], sizeof t.key[0], "%s", key ? key : "");
    if (!refuse) {
        snprintf(t.body, sizeof t.body, "%.*s", (int)len, body);
        snprintf(t.request_id, sizeof t.request_id, "%s", id ? id : "");
        snprintf(t.authorization, sizeof t.authorization, "%s", auth ? auth : "");
        t.deliveries++;
    }
    pthread_cond_broadcast(&t.changed);
    pthread_mutex_unlock(&t.lock);
    lp_http_reply_text(x, refuse ? 503 : 201, "");
}

/* Waits for a delivery; fails where none comes in a time that no working sender needs. */
static inline void wait_for_delivery(int n)
{
    struct timespec deadline = lp_clock_deadline(30000);
    while (t.deliveries < n)
        assert_int_equal(pthread_cond_clockwait(&t.changed, &t.lock, CLOCK_MONOTONIC, &deadline),
                         0);
}
