/* platform/workload.h -- what a Deployment or StatefulSet says about its rollout. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct workload {
    bool exists;
    int64_t ready, desired;
    bool rolled;    /* the controller has seen the last change and no pod of an older one is left */
    bool available; /* and enough pods answer */
    bool complete;  /* and as many as desired, no more and no fewer */
    char stuck[384]; /* why it does not go on by itself; "" where it does */
    enum workload_stuck {
        STUCK_ROLLOUT, /* its controller has given up, or may not make pods */
        STUCK_PAUSED,  /* spec.paused, of a Deployment */
        STUCK_QUOTA,   /* a ResourceQuota of the namespace has no room for a pod */
    } stuck_by;
    /* What keeps it from being complete; field NULL: nothing. `next`: what happens, or is to be
     * done, next. */
    const char *field, *next;
    int64_t seen, wanted;
};

/*
 * `at_least`: how many available pods are enough; -1: all that are desired. `generation`: the one
 * that the controller must have seen, that of our own last write, as an HPA's change of replicas
 * makes a new one too; 0: the object's own. NULL object: does not exist.
 */
void workload_read(const json_t *object, int64_t at_least, int64_t generation,
                   struct workload *ret_workload);

/* What helps a stuck one, with the command; `kind` and `name` of the object. The caller's. */
char *workload_advice(const struct workload *w, const char *kind, const char *name, const char *ns);

/* One sentence for a condition: object ("Deployment english-auth"), field, value seen, value
 * wanted, what comes next and when. */
void workload_text(const char *object, const struct workload *w, char ret_text[384]);
