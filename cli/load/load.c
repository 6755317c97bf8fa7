/* cli/load/load.c -- see load.h. */
#include "cli/load/load.h"

#include <curl/curl.h>

#include "base/alloc.h"
#include "cli/load/learners.h"
#include "json/json.h"

static void write_summary(const struct cli_options *o, const struct learners_result *result,
                          struct lp_buf *out)
{
    if (o->format == CLI_JSON) {
        json_auto_t *summary = stats_summary(result->routes, LEARNERS_ROUTES, result->iterations);
        lp_json_write(summary, out);
        lp_buf_char(out, '\n');
        return;
    }
    stats_table(result->routes, LEARNERS_ROUTES, result->iterations, result->seconds, out);
}

int load_command(const struct cli_options *o, struct lp_stop *stop, struct lp_buf *out,
                 struct lp_error *err)
{
    struct learners_options options = { .url = o->url,
                                        .email = o->load_email,
                                        .password = o->load_password,
                                        .learners = o->learners / 1000,
                                        .duration_ms = o->duration_ms,
                                        .pause_ms = o->pause_ms,
                                        .any_target = o->yes_this_is_mine,
                                        .stop = stop };
    lp_auto_free struct learners_result *result = lp_alloc(sizeof *result);

    if (!options.email || !*options.email || !options.password || !*options.password)
        return lp_error_set(err, LP_E_INVALID,
                            "load needs an account: set LP_LOAD_EMAIL and LP_LOAD_PASSWORD in the "
                            "environment");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int r = learners_run(&options, result, err);
    if (r == 0)
        write_summary(o, result, out);
    return r;
}
