/* services/learning/database/circle.h -- items that would have to be known before themselves. Pure,
 * in time and memory that grow with the relations. */
#pragma once

/* A relation: `item` builds on `prerequisite`; numbers from 1. */
struct relation {
    int item, prerequisite;
};

/*
 * One of the items 1..`asked` that can be reached from itself, 0: there is none. Circles of others
 * are let be. `relations`: `n` of items 1..`items`.
 */
int circle_find(const struct relation *relations, int n, int items, int asked);
