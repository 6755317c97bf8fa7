/* services/progress/document.h -- activities as documents of MongoDB, and documents as JSON. */
#pragma once

#include <bson/bson.h>

#include "base/buf.h"
#include "services/progress/activity.h"

/*
 * The document as the platform has always written it, made at `now_ms` (wall clock). The caller
 * initialised `ret_document` with bson_init. Whole numbers become int32 where they fit, as its
 * JavaScript driver does.
 */
void document_of_activity(const struct activity *a, const bson_oid_t *id, int64_t now_ms,
                          bson_t *ret_document);

/*
 * Appends one document as JSON as JSON.stringify would: ids in hex, dates ISO 8601 with
 * milliseconds, numbers short; what JSON has no place for is null.
 */
void document_write_json(const bson_t *document, struct lp_buf *out);

/* A number, short: 85, not 85.0. The caller owns it. */
json_t *document_number(double v);

/* Always the same id for the same learner and key, so that the unique index on _id stores a
 * repeated delivery once. */
void document_id_of_key(const char *user_id, const char *key, bson_oid_t *ret_id);
