/* services/ai-feedback/engines/engine.h -- another server that is asked for its opinion: bounded in
 * time, bytes and number, left alone while it fails. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"
#include "http/client/client.h"

/* How an ask ended; engine_outcome_name() is the metric's label and what an answer says. */
enum engine_outcome {
    ENGINE_ANSWERED,
    ENGINE_TIMEOUT,     /* no answer within the time */
    ENGINE_UNREACHABLE, /* refused, reset, name not found, TLS */
    ENGINE_FAILED,      /* 5xx, 429 */
    ENGINE_REFUSED,     /* another status but 2xx: it does not want what we ask */
    ENGINE_TOO_LARGE,   /* an answer over max_answer */
    ENGINE_UNREADABLE,  /* an answer that is not what its API says */
    ENGINE_BUSY,        /* `concurrency` requests were under way for the whole time */
    ENGINE_OPEN,        /* not asked: it failed before, and its circuit is open */
    ENGINE_OUTCOMES
};
const char *engine_outcome_name(enum engine_outcome outcome);

struct engine_options {
    const char *name;    /* label "engine": a literal */
    const char *url;     /* copied */
    int64_t timeout_ms;  /* of one ask, waiting for a free place included */
    int64_t concurrency; /* asks at once, 1..64 */
    size_t max_answer;   /* bytes */
};

/* Opaque: hides a lock. Any thread. */
struct engine;

LP_MUST_USE int engine_new(const struct engine_options *options, struct engine **ret_engine,
                           struct lp_error *err);
/* No ask may be under way. NULL is fine. */
void engine_free(struct engine *e);

/* Its metrics are there from now on, also of an engine that is not configured. */
void engine_announce(const char *name);

/* Announces the engine, and where options->url is not "" makes the one at `path` there
 * (engine_endpoint). Otherwise *ret_engine stays as it is. */
LP_MUST_USE int engine_open(const struct engine_options *options, const char *path,
                            struct engine **ret_engine, struct lp_error *err);

struct engine_ask {
    const char *const *headers; /* as in lp_http_request */
    const void *body;
    size_t body_len;
    int64_t deadline_ms; /* lp_clock_ms() value; the engine's time-out may end it before */
    /* Reads a 2xx answer's body; negative where it is not what the API says. */
    int (*read)(const char *body, size_t len, void *user, struct lp_error *err);
    void *user;
};

/* POSTs to the engine's URL and has the answer read. Never waits longer than timeout_ms. All but
 * ENGINE_ANSWERED are logged at debug level and counted; `read` may have been called only for
 * ENGINE_ANSWERED and ENGINE_UNREADABLE. */
enum engine_outcome engine_ask(struct engine *e, const struct engine_ask *ask);

/* `url` with `path` behind it, but for what of `path` it ends with already ("…/v2" and
 * "/v2/check"). Owned by the caller. */
char *engine_endpoint(const char *url, const char *path);
