/* cli/load/load.c -- see load.h. */
#include "cli/load/load.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/load/learners.h"
#include "cli/load/scenario.h"
#include "cli/load/threshold.h"
#include "json/json.h"

/* What the options say, read and checked before the first request. */
struct load {
    const struct cli_options *o;
    struct scenario *scenario;
    struct shape shape;
    struct threshold limits[CLI_MAX_LIMITS];
    size_t n_limits;
    struct stats stats;
};

static int read_scenario(struct load *l, const struct lp_buf *text, struct lp_error *err)
{
    const char *what =
        l->o->scenario && strcmp(l->o->scenario, "-") != 0 ? l->o->scenario : "the scenario";

    if (!text)
        return scenario_parse(scenario_of_a_class, strlen(scenario_of_a_class), what, &l->scenario,
                              err);
    return scenario_parse(text->ptr, text->len, what, &l->scenario, err);
}

/* That of --shape, else the scenario's, else flat. */
static int choose_shape(struct load *l, struct lp_error *err)
{
    const char *name = l->o->shape ? l->o->shape : "flat";

    if (!l->o->shape && l->scenario->has_shape) {
        l->shape = l->scenario->shape;
        return 0;
    }
    if (!shape_named(name, (double)l->o->duration_ms / 1000, &l->shape))
        return lp_error_set(err, LP_E_INVALID,
                            "--shape: must be flat, ramp, steps or exam, is \"%.64s\"", name);
    return 0;
}

static int read_limits(struct load *l, struct lp_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && l->o->fail_if[i]; i++) {
        r = threshold_parse(l->o->fail_if[i], &l->limits[i], err);
        if (r == 0)
            r = threshold_check_route(&l->limits[i], &l->stats, err);
        l->n_limits = i + 1;
    }
    return r;
}

static int check_account(const struct load *l, struct lp_error *err)
{
    const struct cli_options *o = l->o;

    if (!scenario_uses(l->scenario, SCENARIO_EMAIL) &&
        !scenario_uses(l->scenario, SCENARIO_PASSWORD))
        return 0;
    if (o->load_email && *o->load_email && o->load_password && *o->load_password)
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "load needs an account: set LP_LOAD_EMAIL and LP_LOAD_PASSWORD in the "
                        "environment");
}

static int run_learners(struct load *l, struct lp_stop *stop, struct lp_error *err)
{
    const struct cli_options *o = l->o;
    const struct learners_options options = {
        .url = o->url,
        .email = o->load_email ? o->load_email : "",
        .password = o->load_password ? o->load_password : "",
        .scenario = l->scenario,
        .shape = &l->shape,
        .learners = o->learners / 1000,
        .duration_ms = o->duration_ms,
        .grace_ms = LEARNERS_GRACE_MS,
        .pause_ms = o->pause_ms,
        .arrival_rate = o->arrival_rate > 0 ? (double)o->arrival_rate / 1000 : 0,
        .seed = (uint64_t)o->seed / 1000,
        .progress_ms = o->progress_ms,
        .any_target = o->yes_this_is_mine,
        .stop = stop,
    };

    curl_global_init(CURL_GLOBAL_DEFAULT);
    return learners_run(&options, &l->stats, err);
}

/* One limit with its value, for the summary; where it is not kept, a sentence for `failures`. */
static json_t *judge_one(const struct load *l, const struct threshold *t, json_t *failures)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(512);
    double value = 0;
    bool failed = threshold_fails(t, &l->stats, &value);

    if (failed && threshold_measured(t, &l->stats))
        lp_buf_printf(&text, "--fail-if \"%s\": it is %.4g %s", t->text, value, threshold_unit(t));
    else if (failed)
        lp_buf_printf(&text,
                      "--fail-if \"%s\": no request was made, so nothing shows that it is "
                      "kept",
                      t->text);
    if (failed)
        json_array_append_new(failures, lp_json_text(text.ptr));
    return lp_json_make("{s:s, s:f, s:s, s:b}", "limit", t->text, "value", value, "unit",
                        threshold_unit(t), "failed", (int)failed);
}

/* The limits with their values. Rounds that never began are in no figure, so then none is kept. */
static json_t *judge(const struct load *l, json_t *failures)
{
    json_t *limits = json_array();

    for (size_t i = 0; i < l->n_limits; i++)
        json_array_append_new(limits, judge_one(l, &l->limits[i], failures));
    if (l->n_limits > 0 && l->stats.not_started > 0) {
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(256);
        lp_buf_printf(&text,
                      "%" PRIu64 " rounds never began, so their time is in no figure: %" PRId64
                      " learners (--learners) were too few",
                      l->stats.not_started, l->o->learners / 1000);
        json_array_append_new(failures, lp_json_text(text.ptr));
    }
    return limits;
}

static void write_summary(const struct load *l, json_t *limits, struct lp_buf *out)
{
    if (l->o->format == CLI_JSON) {
        json_auto_t *summary = stats_summary(&l->stats);
        json_object_set(summary, "limits", limits);
        lp_json_write(summary, out);
        lp_buf_char(out, '\n');
        return;
    }
    stats_table(&l->stats, out);
}

int load_command(const struct cli_options *o, const struct lp_buf *scenario, struct lp_stop *stop,
                 struct lp_buf *out, json_t **ret_failures, struct lp_error *err)
{
    lp_auto_free struct load *l = lp_alloc(sizeof *l);

    l->o = o;
    int r = read_scenario(l, scenario, err);
    if (r < 0)
        return r;
    learners_routes(l->scenario, &l->stats);
    r = choose_shape(l, err);
    if (r == 0)
        r = read_limits(l, err);
    if (r == 0)
        r = check_account(l, err);
    if (r == 0)
        r = run_learners(l, stop, err);
    if (r == 0) {
        json_t *failures = json_array();
        json_auto_t *limits = judge(l, failures);
        write_summary(l, limits, out);
        *ret_failures = failures;
    }
    scenario_free(l->scenario);
    return r;
}
