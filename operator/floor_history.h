/* operator/floor_history.h -- what each HPA needed lately, by its uid. One thread. */
#pragma once

#include <stdint.h>

#define FLOOR_SLOTS \
    5 /* a floor goes down a slot at a time, to the greatest need of the last five */

/* What a service needed, per slot of time, and what was written last. All zero: nothing is known.
 */
struct floor_history {
    int64_t slot; /* number of the newest */
    int64_t needs[FLOOR_SLOTS];
    int64_t written;
    char version[64]; /* of the HPA after that; "": nothing was written */
};

/* Sorted by uid, at most `limit`. Used in rounds: _begin, _of for each HPA there is, _end. */
struct floor_histories;
struct floor_histories *floor_histories_new(unsigned limit);
void floor_histories_free(struct floor_histories *m); /* NULL is fine */

void floor_histories_begin(struct floor_histories *m);
/* Made where it is new; valid until the next call; NULL where there is no room. */
struct floor_history *floor_histories_of(struct floor_histories *m, const char *uid);
/* Forgets those that nobody asked for in this round. How many there was no room for in it. */
unsigned floor_histories_end(struct floor_histories *m);
