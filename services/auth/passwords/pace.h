/* services/auth/passwords/pace.h -- a computing thread that leaves CPU to the others of its pod. */
#pragma once

/*
 * From now on what this thread computes between pace_begin and pace_end takes at most `share` CPUs
 * on average (over 0, below 1): after each 2 ms or so of CPU it sleeps. Anything else: no pacing.
 * Once per thread.
 */
void pace_thread(double share);
void pace_thread_end(void);

/*
 * Around code that takes no lock and allocates nothing but at its ends, within the first slice, as
 * the thread sleeps anywhere in it.
 * Nothing happens in threads that did not ask for it.
 */
void pace_begin(void);
void pace_end(void);
