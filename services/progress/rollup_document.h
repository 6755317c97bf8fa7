/* services/progress/rollup_document.h -- an hour's sums as a document of MongoDB:
 * {_id: hour, final, redo, q: {quarter: n}, r: {register: n} or, counted for good, all 64 in one
 * binary, a: {id of the name: {name, n, k, s}}, o: {n, k, s}} with n activities, k of them with a
 * score, s the sum of the scores. Pure.
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
