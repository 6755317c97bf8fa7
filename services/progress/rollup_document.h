/* services/progress/rollup_document.h -- an hour's sums as a document of MongoDB:
 * {_id: hour, final, redo, q: {quarter: n}, r: {register: n} or, counted for good, all 64 in one
 * binary, a: {id of the name: {name, n, k, s}}, o: {n, k, s}} with n activities, k of them with a
 * score, s the sum of the scores, and o.d where the hour is in its day's document as it stands
 * here: what counts it for good writes all of o, in versions before days were there too. Pure.
 */
#pragma once

#include <bson/bson.h>

#include "services/progress/rollup.h"

/* The update that adds `r` to what is there. The caller initialised `ret_update`. */
void rollup_document_add(const struct rollup *r, bson_t *ret_update);

/* The update that puts `r` in the place of what is there, counted for good. */
void rollup_document_set(const struct rollup *r, bson_t *ret_update);

/* False where it is no hour's. Figures that are no numbers count as 0; names beyond ROLLUP_NAMES,
 * which an hour has while several pods write it, count in `others`. */
bool rollup_document_read(const bson_t *document, struct rollup *ret_rollup);

/* ---- for day_document.c ---- */

#define ROLLUP_DOCUMENT_MOST 1000000000000LL /* of any count: sums of them cannot overflow */

/* A count, 0 to ROLLUP_DOCUMENT_MOST whatever is there. */
int64_t rollup_document_count(const bson_iter_t *i);
/* A number of one or two digits under `end`, else -1. */
int rollup_document_place(const char *key, int end);
/* The registers in one binary; what is none, or of another length, changes nothing. */
void rollup_document_learners(const bson_iter_t *i, uint8_t ret_learners[SKETCH_REGISTERS]);
