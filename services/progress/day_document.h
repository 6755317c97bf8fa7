/* services/progress/day_document.h -- a day's sums as a document of MongoDB:
 * {_id: day, open, h: hours, q: {quarter: n}, r: all 64 registers in one binary, a: [{name, n, k,
 * s, x, xx, xy}], o: {n, k, s, x, xx, xy}, f, fo} with n activities, k of them with a score, and
 * the sums of struct day_sums. `open` stands there while it is put together. Pure.
 */
#pragma once

#include <bson/bson.h>

#include "services/progress/day.h"

/* The update that puts `d` in the place of what is there, which is not open then. The caller
 * initialised `ret_update`. */
void day_document_set(const struct day *d, bson_t *ret_update);

/*
 * False where it is no day's. Else *ret_day, which has `room` for names already, is all new;
 * figures that are no numbers count as 0, names without room in `others`. *ret_open: it is being
 * put together, and may lack what its hours have.
 */
bool day_document_read(const bson_t *document, struct day *ret_day, bool *ret_open);
