/* test/integration/pods_fixture.c -- see the header. */
#include "integration/pods_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/server/server.h"
#include "platform/plan.h"

/* ---- a page of metrics, which every pod has ---- */

static struct {
    atomic_int rate; /* requests a second and pod */
    atomic_int asked;
    atomic_int awaiting; /* requests that wait for progress */
    atomic_int jobs;     /* 1: some wait for a worker */
    atomic_bool broken;
    pthread_mutex_t lock;
    double requests;
    int64_t at_ms;
} page = { .lock = PTHREAD_MUTEX_INITIALIZER };

static double requests_until_now(void)
{
    int64_t now = lp_clock_ms();
    pthread_mutex_lock(&page.lock);
    if (page.at_ms > 0)
        page.requests += (double)(now - page.at_ms) / 1000 * atomic_load(&page.rate);
    page.at_ms = now;
    double requests = page.requests;
    pthread_mutex_unlock(&page.lock);
    return requests;
}

void pods_rate(int rate)
{
    requests_until_now(); /* up to now by the old one */
    atomic_store(&page.rate, rate);
}

void pods_awaiting(int requests)
{
    atomic_store(&page.awaiting, requests);
}

void pods_jobs(int jobs)
{
    atomic_store(&page.jobs, jobs);
}

void pods_broken(bool broken)
{
    atomic_store(&page.broken, broken);
}

static void answer(struct lp_http_exchange *x, void *user)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(2048);
    double requests = requests_until_now();
    (void)user;
    atomic_fetch_add(&page.asked, 1);
    int awaiting = atomic_load(&page.awaiting);
    lp_buf_printf(&text,
                  "lp_requests_waiting 0\nlp_requests_in_flight 0\nlp_request_slots 4\n"
                  "lp_requests_total %.0f\nlp_request_seconds_count %.0f\n"
                  "lp_request_seconds_sum %.3f\n",
                  requests, requests, requests * SECONDS_EACH);
    if (awaiting > 0) /* who has this metric says by `in_flight` how long a request takes */
        lp_buf_printf(&text, "lp_requests_awaiting_upstream{upstream=\"progress\"} %d\n", awaiting);
    if (atomic_load(&page.jobs) > 0)
        lp_buf_printf(&text, "lp_calls_awaiting_upstream{upstream=\"ai-worker\"} 1\n");
    bool broken = atomic_load(&page.broken);
    lp_http_reply(x, broken ? 500 : 200, "text/plain; version=0.0.4", text.ptr, text.len);
}

static struct lp_http_server *pods;
static int n_ready; /* pods that were ever made ready, all of which are asked: at most */
int pods_port;

int pods_begin(void **state)
{
    struct lp_error err;
    pods_port = program_free_port();
    const struct lp_http_server_options options = {
        .address = "127.0.0.1", .port = (uint16_t)pods_port, .name = "pods", .handler = answer
    };
    if (lp_http_server_start(&options, &pods, &err) < 0) {
        print_error("%s\n", err.msg);
        return -1;
    }
    return fixture_begin(state);
}

int pods_end(void **state)
{
    int status = fixture_end(state);
    lp_http_server_stop(pods);
    return status;
}

/* ---- pods of a service ---- */

static int give_address(json_t *pod, void *user, struct lp_error *err)
{
    const char *name = lp_json_str(pod, "metadata", "name", NULL);
    char now[LP_CLOCK_TEXT];
    lp_clock_format(lp_clock_wall_ms() - 60000, 0, now);
    json_auto_t *patch =
        lp_json_make("{s:{s:s, s:s, s:[{s:s}], s:[{s:s, s:s, s:s}]}}", "status", "phase", "Running",
                     "podIP", "127.0.0.1", "podIPs", "ip", "127.0.0.1", "conditions", "type",
                     "Ready", "status", "True", "lastTransitionTime", now);
    int r = lp_kube_merge_patch(client, &lp_kube_pods, ns, name, "status", patch, NULL, err);
    if (r == 0)
        ++*(int *)user;
    return r == LP_E_NOT_FOUND ? 0 : r;
}

void pods_ready(const char *service, int at_least)
{
    lp_auto_free char *selector = lp_sprintf(LABEL_NAME "=%s", service);
    const struct lp_kube_list_options auth = { .label_selector = selector };
    int64_t until = lp_clock_ms() + WAIT_MS;
    char version[64];
    int n = 0;
    while (n < at_least) {
        n = 0;
        ok(lp_kube_list(client, &lp_kube_pods, ns, &auth, give_address, &n, version, &err));
        if (lp_clock_ms() > until)
            fail_msg("%d pods of %s, not %d", n, service, at_least);
        poll(NULL, 0, 50);
    }
    n_ready += n;
    int before = atomic_load(&page.asked);
    while (atomic_load(&page.asked) < before + 5 * n_ready) {
        if (lp_clock_ms() > until)
            fail_msg("the pods of %s are not asked for their metrics", service);
        poll(NULL, 0, 50);
    }
}

void pods_looked_at(void)
{
    int before = atomic_load(&page.asked);
    int64_t until = lp_clock_ms() + WAIT_MS;
    while (atomic_load(&page.asked) < before + 3 * n_ready && lp_clock_ms() < until)
        poll(NULL, 0, 50);
    assert_true(lp_clock_ms() < until);
}

int pods_restart(const char *log)
{
    lp_auto_free char *port = lp_sprintf("POD_METRICS_PORT=%d", pods_port);
    if (program_stop(&operator) != 0)
        return -1;
    fixture_start_more(&operator, log, port, "METRICS_API=None");
    return 0;
}

int pods_namespace(void **state)
{
    return pods_restart("operator-pods") == 0 ? fixture_namespace(state) : -1;
}

/* ---- what is waited for ---- */

bool min_is_at_least(const json_t *hpa, const void *want)
{
    return lp_json_int(0, hpa, "spec", "minReplicas", NULL) >= *(const int64_t *)want;
}

bool min_is_at_most(const json_t *hpa, const void *want)
{
    return lp_json_int(0, hpa, "spec", "minReplicas", NULL) <= *(const int64_t *)want;
}

bool has_source(const json_t *platform, const void *want)
{
    const json_t *auth =
        lp_json_find(lp_json_at(platform, "status", "services", NULL), "name", "auth");
    const char *source = lp_json_str(auth, "scaling", "floor", "source", NULL);
    return want ? source && strcmp(source, want) == 0 : !source;
}

json_t *autoscaling_spec(const char *service, const char *yaml)
{
    json_auto_t *o = parse_spec(yaml);
    return service_spec(service, lp_json_make("{s:O}", "autoscaling", o));
}
