/* autoscaler/registration/availability.c -- see the header. Threads: upkeep notes, the probes ask.
 */
#include "autoscaler/registration/availability.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "http/client/client.h"

#define ASK_MS 5000
#define UNSERVED_MS 120000
#define UNAVAILABLE_MS 60000

struct availability {
    pthread_mutex_t lock;
    int64_t answered_ms;  /* by ourselves; 0: not asked yet */
    int64_t bad_since_ms; /* 0: available, or not known */
    char why[128];
};

struct availability *availability_new(void)
{
    struct availability *r = lp_alloc(sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void availability_free(struct availability *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* The question is whether the event loop answers, not who serves; so any status will do,
 * and any certificate. */
static bool is_answered(const char *address, uint16_t port, struct lp_stop *stop)
{
    lp_auto_http_client struct lp_http_client *client = NULL;
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    lp_auto_free char *url =
        lp_sprintf(strchr(address, ':') ? "https://[%s]:%u/" : "https://%s:%u/", address, port);
    struct lp_http_client_options options = { .total_timeout_ms = ASK_MS,
                                              .insecure_skip_verify = true,
                                              .stop = stop };
    struct lp_http_request request = { .method = "GET", .url = url };
    struct lp_error ignored;

    return lp_http_client_new(&options, &client, &ignored) == 0 &&
           lp_http_do(client, &request, &response, &ignored) == 0;
}

void availability_probe(struct availability *r, const char *address, uint16_t port,
                        struct lp_stop *stop)
{
    bool answered = is_answered(address ? address : "127.0.0.1", port, stop);

    pthread_mutex_lock(&r->lock);
    if (answered || r->answered_ms == 0)
        r->answered_ms = lp_clock_ms();
    pthread_mutex_unlock(&r->lock);
}

void availability_note(struct availability *r, const char *why, int64_t now_ms)
{
    pthread_mutex_lock(&r->lock);
    if (!why)
        r->bad_since_ms = 0;
    else if (r->bad_since_ms == 0)
        r->bad_since_ms = now_ms;
    snprintf(r->why, sizeof r->why, "%s", why ? why : "");
    lp_utf8_repair(r->why);
    pthread_mutex_unlock(&r->lock);
}

int availability_read(struct availability *r, struct lp_kube_client *c,
                      const struct registration *g, struct lp_error *err)
{
    lp_auto_free char *why = NULL;
    int result = registration_availability(c, g, &why, err);

    if (result == 0)
        availability_note(r, why, lp_clock_ms());
    return result;
}

bool availability_serves(struct availability *r, int64_t now_ms, char why[128])
{
    pthread_mutex_lock(&r->lock);
    int64_t silent_ms = r->answered_ms ? now_ms - r->answered_ms : 0;
    pthread_mutex_unlock(&r->lock);
    if (silent_ms <= UNSERVED_MS)
        return true;
    snprintf(why, 128, "the metrics API has not answered a request of our own for %lld s",
             (long long)silent_ms / 1000);
    return false;
}

bool availability_aggregated(struct availability *r, int64_t now_ms, char why[128])
{
    pthread_mutex_lock(&r->lock);
    bool good = r->bad_since_ms == 0 || now_ms - r->bad_since_ms < UNAVAILABLE_MS;
    if (!good)
        snprintf(why, 128, "%s", r->why);
    pthread_mutex_unlock(&r->lock);
    return good;
}
