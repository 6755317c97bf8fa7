/* services/learning/pace.h -- how fast one learner may write. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Opaque: hides a lock. Any thread. */
struct pace;

struct pace *pace_new(int64_t per_minute);
void pace_free(struct pace *p);

/*
 * True where the learner may write now; else *ret_wait_ms says when again. A learner may write as
 * many at once as in a minute. 16,384 learners are known, those who wrote last; who is forgotten
 * begins anew.
 */
bool pace_take(struct pace *p, const char *learner, int64_t now_ms, int64_t *ret_wait_ms);
