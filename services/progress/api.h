/* services/progress/api.h -- the HTTP routes of lp-progress. */
#pragma once

#include "service/identity.h"
#include "service/service.h"
#include "service/streams.h"
#include "services/progress/feed.h"
#include "services/progress/quota.h"
#include "services/progress/recount.h"
#include "services/progress/store.h"
#include "services/progress/tally.h"

/* The `user` of the service. */
struct api {
    struct store *store;
    struct lp_identities *identities;
    struct lp_streams *streams;
    struct quota *quota;
    struct tally *tally;
    struct recount *recount;
    struct feed *feed;           /* NULL: learning hears of nothing */
    struct lp_metric *documents; /* read for one answer of analytics */
};

extern const struct lp_route api_routes[];
extern const struct lp_identity_grant api_grants[]; /* what other services may call */

#define API_MAX_BODY ((size_t)100 * 1024)
