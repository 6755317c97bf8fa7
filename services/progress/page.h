/* services/progress/page.h -- which part of a list is asked for, and how it is named. */
#pragma once

#include "base/buf.h"
#include "service/service.h"
#include "services/progress/store.h"

/* limit and before of the query; looks the place of an _id up. LP_E_INVALID and LP_E_NOT_FOUND with
 * a message for the client, else the store's errors. */
LP_MUST_USE int page_read(struct lp_service_request *r, struct store *store, const char *user_id,
                          struct page *page, struct lp_error *err);

/* The header Link where a full page of `n` ended with `last` (RFC 8288). */
void page_link_next(struct lp_service_request *r, const struct page *page, int64_t n,
                    const bson_oid_t *last);

/* Answers 200 with a weak ETag over `body`, whose content it takes, or 304 where the client has it.
 */
void page_reply(struct lp_service_request *r, struct lp_buf *body);
