/*
 * cli/load/learners.c -- see learners.h.
 *
 * Three parts: whoever is due begins (`begin_due`, `begin_arrivals`), the loop works until a
 * request ends or the next one is due, and what ended is counted (`on_ended`). A learner without a
 * request stands either in the heap `due` (it thinks, or pauses) or, in the open model, among the
 * free ones.
 */
#include "cli/load/learners.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/load/class.h"

static void end_round(struct class *c, struct learner *l, int64_t now)
{
    l->at = -1;
    l->free_ns = now;
    if (c->o->arrival_rate > 0)
        c->free[c->n_free++] = class_number(c, l);
    else if (now + c->o->pause_ms * MS < c->end_ns)
        due_add(&c->due, now + c->o->pause_ms * MS, class_number(c, l));
}

/* Sends the next step's request, which was meant to begin at `intended_ns`. */
static void begin_step(struct class *c, struct learner *l, int next, int64_t intended_ns)
{
    l->at = next;
    l->intended_ns = intended_ns;
    if (!class_send(c, l, &c->shared.scenario->steps[next]))
        stats_add(c->stats, c->routes[next], 0, CURLE_URL_MALFORMAT, 0, false, false);
}

static int next_step(struct class *c, const struct learner *l)
{
    return scenario_next(c->shared.scenario, l->at, random_unit(&c->shared.random));
}

static void begin_round(struct class *c, struct learner *l, int64_t intended_ns)
{
    learner_begin_round(l);
    begin_step(c, l, next_step(c, l), intended_ns);
}

static int64_t think_ns(struct class *c, const struct scenario_step *step)
{
    double most = step->think_max - step->think_min;
    return (int64_t)((step->think_min + most * random_unit(&c->shared.random)) * NS);
}

/* After the step that `l` has just ended: the next one, now or after a while, or none. */
static void go_on(struct class *c, struct learner *l, int64_t now)
{
    const struct scenario_step *ended = &c->shared.scenario->steps[l->at];

    while (!l->busy) { /* a request that is over a limit ends before it began */
        int next = next_step(c, l);
        if (next < 0) {
            c->stats->iterations++;
            end_round(c, l, now);
            return;
        }
        if (ended->think_max > 0) {
            l->at = next; /* waits before it */
            l->thinks = true;
            due_add(&c->due, now + think_ns(c, ended), class_number(c, l));
            return;
        }
        begin_step(c, l, next, now);
        ended = &c->shared.scenario->steps[next];
    }
}

static void count(struct class *c, const struct learner *l, const struct learner_outcome *o,
                  int64_t now)
{
    int64_t us = (now - l->intended_ns) / 1000;

    stats_add(c->stats, c->routes[l->at], us > 0 ? (uint64_t)us : 0, (int)o->code, o->status,
              o->expected, o->good);
}

static void on_ended(CURL *easy, CURLcode code, void *user)
{
    struct class *c = user;
    struct learner *l = class_ended(c, easy);
    struct learner_outcome o = learner_look(l, code);
    int64_t now = lp_clock_ns();

    count(c, l, &o, now);
    go_on(c, l, now);
}

/* When the learner takes part, by the shape: `now` or later; -1: no more. */
static int64_t takes_part(const struct class *c, const struct learner *l, int64_t now)
{
    double whole = (double)(c->end_ns - c->begin_ns);
    double load = ((double)class_number(c, l) + 0.5) / (double)c->o->learners;
    double at = shape_reaches(c->o->shape, (double)(now - c->begin_ns) / whole, load);

    if (at < 0)
        return -1;
    int64_t when = c->begin_ns + (int64_t)(at * whole);
    return when > now + MS ? when : now;
}

/* One whose time has come: to think, to pause, or not to take part. */
static void wake(struct class *c, const struct due_entry *e, int64_t now)
{
    struct learner *l = &c->learners[e->who];

    if (!l->thinks) {
        int64_t when = now < c->end_ns ? takes_part(c, l, now) : -1;
        if (when > now)
            due_add(&c->due, when, e->who);
        if (when != now)
            return;
    }
    histogram_add(&c->stats->clock, (uint64_t)(now - e->at_ns) / 1000);
    if (l->thinks)
        begin_step(c, l, l->at, e->at_ns);
    else
        begin_round(c, l, e->at_ns);
    l->thinks = false;
    if (!l->busy)
        go_on(c, l, now);
}

static void begin_due(struct class *c)
{
    struct due_entry e;
    int64_t now = lp_clock_ns();

    while (due_first(&c->due) <= now && due_take(&c->due, &e))
        wake(c, &e, now);
}

static void next_arrival(struct class *c)
{
    double at = arrivals_next(&c->arrivals);
    c->arrival_ns = at < 0 ? INT64_MAX : c->begin_ns + (int64_t)(at * NS);
}

/* Rounds that have arrived, as far as there are learners; the others stay, and their time runs. */
static void begin_arrivals(struct class *c)
{
    int64_t now = lp_clock_ns();

    while (c->arrival_ns <= now && c->n_free > 0) {
        struct learner *l = &c->learners[c->free[--c->n_free]];
        int64_t could = c->arrival_ns > l->free_ns ? c->arrival_ns : l->free_ns;
        histogram_add(&c->stats->clock, (uint64_t)(now - could) / 1000);
        begin_round(c, l, c->arrival_ns);
        if (!l->busy)
            go_on(c, l, now);
        next_arrival(c);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void show_progress(struct class *c, int64_t now)
{
    lp_auto_buf struct lp_buf line = LP_BUF_INIT(512);

    if (now < c->progress_ns)
        return;
    stats_progress(c->stats, (double)(now - c->begin_ns) / NS, (double)(now - c->shown_ns) / NS,
                   c->busy, &line);
    fwrite(line.ptr, 1, line.len, stderr);
    c->shown_ns = now;
    c->progress_ns = now + c->o->progress_ms * MS;
}

/* What is under way when the time is over has taken that long and failed; what is not counted would
 * make a platform that hangs look fast. */
static void cut(struct class *c, int64_t now)
{
    const struct learner_outcome late = { .code = CURLE_OPERATION_TIMEDOUT };

    for (int64_t i = 0; c->busy > 0 && i < c->o->learners; i++) {
        struct learner *l = &c->learners[i];
        if (!l->busy)
            continue;
        class_cut(c, l);
        count(c, l, &late, now);
    }
    for (; c->arrival_ns != INT64_MAX; next_arrival(c))
        c->stats->not_started++;
}

static void begin(struct class *c)
{
    c->begin_ns = c->shown_ns = lp_clock_ns();
    c->end_ns = c->begin_ns + c->o->duration_ms * MS;
    c->cut_ns = c->end_ns + c->o->grace_ms * MS;
    c->progress_ns = c->o->progress_ms > 0 ? c->begin_ns + c->o->progress_ms * MS : INT64_MAX;
    c->arrival_ns = INT64_MAX;
    for (int64_t i = c->o->learners; i-- > 0;) {
        c->learners[i].free_ns = c->begin_ns;
        if (c->o->arrival_rate > 0)
            c->free[c->n_free++] = (uint32_t)i;
        else
            due_add(&c->due, c->begin_ns, (uint32_t)i);
    }
    if (c->o->arrival_rate > 0) {
        arrivals_init(&c->arrivals, c->o->shape, c->o->arrival_rate,
                      (double)c->o->duration_ms / 1000, c->o->seed);
        next_arrival(c);
    }
}

static void drive(struct class *c)
{
    int64_t now;

    loop_on_ended(c->loop, on_ended);
    begin(c);
    double cpu = class_cpu_seconds();
    for (;;) {
        begin_due(c);
        begin_arrivals(c);
        now = lp_clock_ns();
        show_progress(c, now);
        int64_t next = earlier(due_first(&c->due), c->n_free > 0 ? c->arrival_ns : INT64_MAX);
        bool idle = c->busy == 0 && next == INT64_MAX;
        if (idle || c->shared.refused || lp_stop_requested(c->o->stop) || now >= c->cut_ns)
            break;
        loop_wait(c->loop, earlier(earlier(next, c->progress_ns), c->cut_ns));
    }
    if (!lp_stop_requested(c->o->stop) && !c->shared.refused)
        cut(c, now);
    c->stats->seconds = (double)(now - c->begin_ns) / NS;
    c->stats->cpu_seconds = class_cpu_seconds() - cpu;
}

void learners_routes(const struct scenario *scenario, struct stats *stats)
{
    for (int i = 0; i < scenario->n_steps; i++)
        stats_route(stats, scenario->steps[i].name);
}

static int check_url(const char *url, struct lp_error *err)
{
    const char *host = strncasecmp(url, "http://", 7) == 0    ? url + 7
                       : strncasecmp(url, "https://", 8) == 0 ? url + 8
                                                              : NULL;

    if (!host || !*host || strchr("/?#:", *host) || strlen(url) > 2048 || strpbrk(host, " ?#@"))
        return lp_error_set(err, LP_E_INVALID,
                            "--url: must be http:// or https:// with a host, is \"%.100s\"", url);
    return 0;
}

static int check_options(const struct learners_options *o, struct lp_error *err)
{
    double rounds = o->arrival_rate * (double)o->duration_ms / 1000;
    int r = check_url(o->url, err);

    if (r < 0)
        return r;
    if (rounds > LEARNERS_MAX_ARRIVALS)
        return lp_error_set(err, LP_E_INVALID,
                            "--arrival-rate: times --duration must be at most %d rounds, is %.0f",
                            LEARNERS_MAX_ARRIVALS, rounds);
    if (o->scenario->account_each && *o->email && !strchr(o->email, '@'))
        return lp_error_set(err, LP_E_INVALID,
                            "LP_LOAD_EMAIL: must have an @, for an account each, is \"%.100s\"",
                            o->email);
    return 0;
}

int learners_run(const struct learners_options *options, struct stats *stats, struct lp_error *err)
{
    struct class *c = NULL;

    int r = check_options(options, err);
    if (r < 0)
        return r;
    learners_routes(options->scenario, stats);
    r = class_new(options, stats, &c, err);
    if (r == 0)
        r = class_set_up(c, err);
    if (r == 0) {
        drive(c);
        r = class_check_target(c, err);
    }
    class_free(c);
    return r;
}
