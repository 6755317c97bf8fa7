/* services/progress/config.c -- variables of lp-progress beside the common ones. No state. */
#include "services/progress/config.h"

#include <mongoc/mongoc.h>
#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(struct config, member)

const struct lp_env config_table[] = {
    { "MONGODB_URI", LP_ENV_URI, AT(mongodb_uri), NULL, 10, 4096, NULL, true,
      "connection string, mongodb:// or mongodb+srv://" },
    { "DB_NAME", LP_ENV_STRING, AT(db_name), "progress", 1, 63, NULL, false,
      "database that holds the collection activitylogs" },
    { .name = "RETENTION_DAYS",
      .type = LP_ENV_INT,
      .offset = AT(retention_days),
      .fallback = "0",
      .max = 36500,
      .help = "activities older than so many days are deleted; 0: none" },
    { .name = "ACTIVITIES_PER_LEARNER",
      .type = LP_ENV_INT,
      .offset = AT(activities_per_learner),
      .fallback = "100000",
      .max = 1000000000,
      .help = "activities that are stored of one learner at most; 0: no bound" },
    { .name = "LEARNING_SERVICE_URL",
      .type = LP_ENV_URL,
      .offset = AT(learning_url),
      .fallback = "",
      .max = 2048,
      .help = "the learning service, which hears of activities with a score or feedback; empty: "
              "nobody does" },
    { .name = "SERVICE_TOKEN_KEY",
      .type = LP_ENV_STRING,
      .offset = AT(service_key),
      .fallback = "",
      .min = 43,
      .max = 43,
      .secret = true,
      .help = "key that calls of it are signed with, base64url of 32 bytes" },
    LP_IDENTITY_ENV(struct config, identity),
    { 0 },
};

int config_check(void *user, struct lp_error *err)
{
    const struct config *config = user;
    bson_error_t why;

    if (strpbrk(config->db_name, "/\\. \"$*<>:|?"))
        return lp_error_set(err, LP_E_INVALID,
                            "configuration: DB_NAME=\"%s\" is wrong: it must not hold any of "
                            "/\\. \"$*<>:|?",
                            config->db_name);
    mongoc_uri_t *uri = mongoc_uri_new_with_error(config->mongodb_uri, &why);
    if (!uri)
        return lp_error_set(err, LP_E_INVALID,
                            "configuration: MONGODB_URI is no MongoDB connection string: %s",
                            why.message);
    mongoc_uri_destroy(uri);
    return lp_identity_check(&config->identity, err);
}
