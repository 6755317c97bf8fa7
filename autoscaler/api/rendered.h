/* autoscaler/api/rendered.h -- the answers of the last moments, so that the same question costs
 * little.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/api/query.h"
#include "http/server/server.h"

#define RENDERED_ANSWERS 64              /* questions that are remembered */
#define RENDERED_BYTES ((size_t)4 << 20) /* of their answers together */
#define RENDERED_TARGET 1024             /* a longer question is not remembered */

struct samples;
struct samples_validity;

/* By the target of the request, path and query as they were sent. Any thread. */
struct rendered;
struct rendered *rendered_new(const struct samples *s);
void rendered_free(struct rendered *r); /* NULL is fine */

/* What query_parse made of this target; false where it is not remembered. */
bool rendered_query(struct rendered *r, const char *target, struct query *ret_query);

/* The answer, where it is still the one that samples_answer would give; else NULL. The caller owns
 * one reference. */
struct lp_http_body *rendered_get(struct rendered *r, const char *target, int64_t now_ms);

/* Takes a reference of its own. The question that was not asked for longest makes room. */
void rendered_put(struct rendered *r, const char *target, const struct query *query,
                  struct lp_http_body *answer, const struct samples_validity *validity);

/* Frees the answers that are no longer good. */
void rendered_tidy(struct rendered *r, int64_t now_ms);
