/* services/learning/config.c -- variables of lp-learning beside the common ones. No state. */
#include "services/learning/config.h"

#include <stddef.h>

#include "postgres/db_url.h"
#include "services/learning/recommend/exams.h"
#include "services/learning/recommend/experiment.h"

#define AT(member) offsetof(struct config, member)

const struct lp_env config_table[] = {
    { .name = "DATABASE_URL",
      .type = LP_ENV_URI,
      .offset = AT(database_url),
      .min = 1,
      .max = 2048,
      .secret = true,
      .help = "PostgreSQL: postgresql://user:password@host:5432/name" },
    { .name = "DATABASE_CONNECTIONS",
      .type = LP_ENV_INT,
      .offset = AT(database_connections),
      .fallback = "8",
      .min = 1,
      .max = 64,
      .help = "most connections to the database" },
    { .name = "STARTER_SET",
      .type = LP_ENV_BOOL,
      .offset = AT(starter_set),
      .fallback = "true",
      .help = "a database without classes gets English items of A1 to B1" },
    { .name = "REVIEWS_PER_MINUTE",
      .type = LP_ENV_INT,
      .offset = AT(reviews_per_minute),
      .fallback = "120",
      .min = 1,
      .max = 10000,
      .help = "reviews that one learner may log in a minute, and recommendations that they may ask "
              "for, in each pod" },
    { .name = "EXPERIMENT",
      .type = LP_ENV_STRING,
      .offset = AT(experiment),
      .fallback = "",
      .max = 200,
      .help = "NAME:POLICY=PERCENT,...: which share of learners gets which of bandit, fsrs, "
              "lowest-average and random; empty: all get bandit" },
    { .name = "EXAM_DATES",
      .type = LP_ENV_STRING,
      .offset = AT(exam_dates),
      .fallback = "",
      .max = 32768,
      .help = "when exams are, RFC 3339 times separated by commas: the next one counts for "
              "recommendations that name none; empty: none" },
    LP_IDENTITY_ENV(struct config, identity),
    { 0 },
};

int config_check(void *user, struct lp_error *err)
{
    const struct config *config = user;
    struct experiment experiment;
    struct exams exams;

    if (lp_db_url_check(config->database_url, err) < 0)
        return lp_error_wrap(err, "configuration");
    if (experiment_read(config->experiment, &experiment, err) < 0)
        return lp_error_wrap(err, "configuration: EXPERIMENT=\"%s\"", config->experiment);
    if (exams_read(config->exam_dates, &exams, err) < 0)
        return lp_error_wrap(err, "configuration: EXAM_DATES");
    return lp_identity_check(&config->identity, err);
}
