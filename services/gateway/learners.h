/* services/gateway/learners.h -- how many learners were active in the last one to two minutes: the
 * subjects of good tokens, counted by a sketch that the operator puts together over all pods. It
 * holds no name and leads back to none. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Opaque: what workers share; atomics. */
struct learners;

/* Its series lp_learners_sketch{register} are those of the process. */
struct learners *learners_new(void);
void learners_free(struct learners *l); /* NULL is fine */

/* A good token had this subject. Any thread. */
void learners_note(struct learners *l, const char *subject, size_t n, int64_t now_ms);

/* Who was active before the last two minutes is forgotten; call it every few seconds. Any thread.
 */
void learners_turn(struct learners *l, int64_t now_ms);
