/* cli/load/class.c -- see class.h. */
#include "cli/load/class.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"

#define SETUP_AT_ONCE 16
#define SETUP_NS (600 * NS)

/* "a+7@b" of "a@b" for learner 7; the caller's. */
static char *email_of(const struct learners_options *o, uint32_t number)
{
    const char *at = strrchr(o->email, '@');

    if (!o->scenario->account_each || !at)
        return lp_strdup(o->email);
    return lp_sprintf("%.*s+%u%s", (int)(at - o->email), o->email, number, at);
}

static void on_set_up(CURL *easy, CURLcode code, void *user);

int class_new(const struct learners_options *o, struct stats *stats, struct class **ret,
              struct lp_error *err)
{
    struct class *c = lp_alloc(sizeof *c);
    size_t n = strlen(o->url);

    while (n > 0 && o->url[n - 1] == '/')
        n--;
    *c = (struct class){ .o = o,
                         .stats = stats,
                         .shared = { .url = o->url,
                                     .url_len = n,
                                     .scenario = o->scenario,
                                     .any_target = o->any_target,
                                     .random = o->seed } };
    for (int i = 0; i < o->scenario->n_steps; i++)
        c->routes[i] = stats_route(stats, o->scenario->steps[i].name);
    int r = loop_new(o->learners, o->stop, on_set_up, c, &c->loop, err);
    if (r < 0) {
        class_free(c);
        return r;
    }
    c->learners = lp_calloc((size_t)o->learners, sizeof *c->learners);
    c->free = lp_calloc((size_t)o->learners, sizeof *c->free);
    due_init(&c->due, (size_t)o->learners);
    for (uint32_t i = 0; i < o->learners; i++) {
        lp_auto_free char *email = email_of(o, i);
        learner_init(&c->learners[i], &c->shared, i, email, o->password);
    }
    *ret = c;
    return 0;
}

void class_free(struct class *c)
{
    if (!c)
        return;
    for (int64_t i = 0; c->learners && i < c->o->learners; i++) {
        if (c->learners[i].busy)
            class_cut(c, &c->learners[i]);
        learner_done(&c->learners[i]);
    }
    free(c->learners);
    free(c->free);
    due_done(&c->due);
    loop_free(c->loop);
    free(c);
}

uint32_t class_number(const struct class *c, const struct learner *l)
{
    return (uint32_t)(l - c->learners);
}

bool class_send(struct class *c, struct learner *l, const struct scenario_step *step)
{
    if (!learner_prepare(l, step))
        return false;
    loop_add(c->loop, l->easy);
    l->busy = true;
    c->busy++;
    return true;
}

struct learner *class_ended(struct class *c, CURL *easy)
{
    struct learner *l = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &l);
    l->busy = false;
    c->busy--;
    return l;
}

void class_cut(struct class *c, struct learner *l)
{
    loop_remove(c->loop, l->easy);
    l->busy = false;
    c->busy--;
}

double class_cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / NS;
}

static void fail(struct class *c, const struct learner *l, int code, const char *why)
{
    if (c->failure.code == 0)
        lp_error_set(&c->failure, code, "the setup's step \"%s\" at %.200s: %.250s", l->step->name,
                     c->o->url, why);
}

static void begin_set_up_step(struct class *c, struct learner *l, int step)
{
    l->at = step;
    if (!class_send(c, l, &c->o->scenario->setup[step]))
        fail(c, l, LP_E_INVALID, "the URL or the body is too long with its values");
}

/* The next learner that has no setup yet, of those that get one. */
static void set_up_another(struct class *c)
{
    int64_t all = c->o->scenario->account_each ? c->o->learners : 1;

    if (c->n_set_up < all && c->failure.code == 0)
        begin_set_up_step(c, &c->learners[c->n_set_up++], 0);
}

int class_check_target(const struct class *c, struct lp_error *err)
{
    if (!c->shared.refused)
        return 0;
    return lp_error_set(err, LP_E_DENIED,
                        "--url: \"%.200s\" leads to an address that is neither loopback nor "
                        "private; it is loaded only where --yes-this-is-mine is given",
                        c->o->url);
}

static void set_up_failed(struct class *c, const struct learner *l, const struct learner_outcome *o)
{
    lp_auto_buf struct lp_buf why = LP_BUF_INIT(250);

    if (c->shared.refused) {
        (void)!class_check_target(c, &c->failure);
        return;
    }
    if (o->code != CURLE_OK)
        lp_buf_str(&why, curl_easy_strerror(o->code));
    else if (!o->expected)
        lp_buf_printf(&why, "status %d: %.200s", o->status, l->answer.ptr);
    else
        lp_buf_printf(&why, "status %d, and the answer has not what the step expects or keeps",
                      o->status);
    fail(c, l, LP_E_UNAVAILABLE, why.ptr);
}

static void on_set_up(CURL *easy, CURLcode code, void *user)
{
    struct class *c = user;
    struct learner *l = class_ended(c, easy);
    struct learner_outcome o = learner_look(l, code);

    if (!o.good)
        set_up_failed(c, l, &o);
    else if (l->at + 1 < c->o->scenario->n_setup)
        begin_set_up_step(c, l, l->at + 1);
    else
        set_up_another(c);
}

int class_set_up(struct class *c, struct lp_error *err)
{
    int64_t end_ns = lp_clock_ns() + SETUP_NS;

    if (c->o->scenario->n_setup == 0)
        return 0;
    for (int i = 0; i < SETUP_AT_ONCE; i++)
        set_up_another(c);
    while (c->busy > 0 && c->failure.code == 0) {
        if (lp_stop_requested(c->o->stop))
            return lp_error_set(err, LP_E_CANCELED, "stopped during the setup");
        if (lp_clock_ns() >= end_ns)
            return lp_error_set(err, LP_E_TIMEOUT, "the setup did not end within %d s",
                                (int)(SETUP_NS / NS));
        loop_wait(c->loop, end_ns);
    }
    if (c->failure.code != 0) {
        *err = c->failure;
        return err->code;
    }
    for (int64_t i = 1; !c->o->scenario->account_each && i < c->o->learners; i++)
        learner_share(&c->learners[0], &c->learners[i]);
    return 0;
}
