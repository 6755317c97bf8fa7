/* autoscaler/policy/figures.c -- see the header. No state; any thread. */
#include "autoscaler/policy/figures.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "platform/quantity_text.h"

#define START_STEP_S 5
#define START_MOST_S 1805 /* the CRD's maximum */
#define MOST_PER_THOUSAND (FIGURES_PODS * 1000 * 1000 / FIGURES_LEARNERS)

static struct figure read_one(const json_t *measured)
{
    const json_t *pods = json_object_get(measured, "podsPerThousandLearners");
    const char *at = lp_json_str(measured, "at", NULL);
    int64_t start_s = lp_json_int(0, measured, "startSeconds", NULL), per_thousand;
    struct figure f = { .start_s = start_s > 0 && start_s <= START_MOST_S ? start_s : 0 };
    int64_t at_ms = at ? lp_clock_parse(at) : 0;
    struct lp_error ignored;

    if (pods && at_ms > 0 && quantity_milli(pods, &per_thousand, &ignored) == 0 &&
        per_thousand >= 0 && per_thousand <= MOST_PER_THOUSAND) {
        f.per_thousand = per_thousand;
        f.at_ms = at_ms;
        f.learners = lp_json_int(0, measured, "learners", NULL);
    }
    return f;
}

void figures_read(const json_t *status, struct figures *ret_figures)
{
    const json_t *services = json_object_get(status, "services");

    for (unsigned i = 0; i < N_SERVICES; i++)
        ret_figures->of[i] = read_one(
            lp_json_at(lp_json_find(services, "name", service_kinds[i].name), "measured", NULL));
}

static void take_demand(struct figure *f, int64_t peak_milli, int64_t learners, int64_t now_ms)
{
    int64_t peak = peak_milli < FIGURES_PODS * 1000 ? peak_milli : FIGURES_PODS * 1000;
    int64_t now = (peak * 1000 + learners - 1) / learners;
    bool is_old = f->at_ms == 0 || now_ms - f->at_ms > FIGURES_OLD_MS;

    if (is_old || now > f->per_thousand + f->per_thousand / 20)
        *f = (struct figure){ now, learners, now_ms, f->start_s };
}

void figure_take(struct figure *f, const struct measured *m, int64_t learners, int64_t now_ms)
{
    if (m->peak_milli >= 0 && learners >= FIGURES_LEARNERS)
        take_demand(f, m->peak_milli, learners, now_ms);
    if (m->starts > 0)
        f->start_s = (m->start_s + START_STEP_S - 1) / START_STEP_S * START_STEP_S;
}

/* "12.5", without zeros at the end. */
static void number(int64_t milli, char ret[32])
{
    snprintf(ret, 32, "%lld.%03lld", (long long)(milli / 1000), (long long)(milli % 1000));
    size_t n = strlen(ret);
    while (ret[n - 1] == '0')
        ret[--n] = '\0';
    if (ret[n - 1] == '.')
        ret[n - 1] = '\0';
}

json_t *figure_status(const struct figure *f)
{
    char pods[32], at[LP_CLOCK_TEXT];
    json_t *o = json_object();

    if (f->at_ms > 0) {
        number(f->per_thousand, pods);
        lp_clock_format(f->at_ms, 0, at);
        lp_json_set_str(o, "podsPerThousandLearners", pods);
        json_object_set_new(o, "learners", json_integer(f->learners));
        lp_json_set_str(o, "at", at);
    }
    if (f->start_s > 0)
        json_object_set_new(o, "startSeconds", json_integer(f->start_s));
    if (json_object_size(o) > 0)
        return o;
    json_decref(o);
    return NULL;
}

int64_t figure_pods(const struct figure *f, int64_t learners)
{
    int64_t micro;

    if (f->at_ms == 0)
        return -1;
    if (__builtin_mul_overflow(f->per_thousand, learners, &micro))
        return INT64_MAX / 1000000;
    return micro / 1000000 + (micro % 1000000 > 0);
}

int64_t figure_lead_s(const struct figure *f)
{
    return f->start_s > 0 ? f->start_s + FIGURES_MARGIN_S : FIGURES_LEAD_S;
}

void figure_text(const struct figure *f, struct lp_buf *out)
{
    char pods[32], at[LP_CLOCK_TEXT];

    number(f->per_thousand, pods);
    lp_clock_format(f->at_ms, 0, at);
    lp_buf_printf(out, "%s pods for 1,000 learners, measured with %lld at %s", pods,
                  (long long)f->learners, at);
}
