/* services/learning/api.h -- the HTTP routes of lp-learning. */
#pragma once

#include "postgres/db.h"
#include "postgres/dbwatch.h"
#include "service/identity.h"
#include "service/service.h"
#include "services/learning/model/fsrs.h"
#include "services/learning/pace.h"
#include "services/learning/recommend/exams.h"
#include "services/learning/recommend/experiment.h"

/* The `user` of the service. */
struct api {
    struct lp_db *db;
    struct lp_dbwatch *watch;
    struct lp_identities *identities;
    struct fsrs model;
    struct pace *pace, *asks; /* of reviews, of recommendations */
    struct experiment experiment;
    struct exams exams; /* of the platform */
};

extern const struct lp_route api_routes[];
extern const struct lp_identity_grant api_grants[]; /* what other services may call */

#define API_MAX_BODY ((size_t)100 * 1024)
#define API_IMPORT "import" /* the route with EXCHANGE_BYTES of body */
