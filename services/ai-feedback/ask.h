/* services/ai-feedback/ask.h -- what a request of /speech2text asks: about which text, for whom, at
 * which level. */
#pragma once

#include <jansson.h>

#include "service/identity.h"
#include "service/request.h"
#include "services/ai-feedback/engines/transcribe.h"
#include "services/ai-feedback/level.h"

/* Zeroed is empty. */
struct ask {
    json_t *body;     /* owned; NULL for audio */
    char *transcript; /* owned; NULL for a text */
    const char *text; /* of `body` or the transcript; set by ask_read() or ask_transcribe() */
    json_t *user;     /* a string of 1 to 128 bytes or a number; owned; NULL: nobody's */
    enum level level; /* LEVEL_NONE: not said */
};
void ask_done(struct ask *a);
#define auto_ask __attribute__((cleanup(ask_done)))

/*
 * A JSON object {text, userId, level}, or audio with userId and level in the query. Of audio the
 * text is not there yet. LP_E_INVALID names field, value and limit; err->http_status is 415 for a
 * body of another type, and for audio where there is no `transcriber`.
 */
LP_MUST_USE int ask_read(const struct lp_service_request *r, const struct transcriber *transcriber,
                         struct ask *ret_ask, struct lp_error *err);

/* The text of audio, which may hold no word; nothing to do for a text. err->http_status is 503
 * where no engine answered. */
LP_MUST_USE int ask_transcribe(const struct lp_service_request *r,
                               const struct transcriber *transcriber, struct ask *a,
                               struct lp_error *err);

/* Whether who asks may log a result for `user`: a string, a number or NULL (nobody). LP_E_DENIED,
 * with err->http_status 403. */
LP_MUST_USE int ask_check_owner(const struct lp_identity *identity, const json_t *user,
                                struct lp_error *err);
