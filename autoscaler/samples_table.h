/* autoscaler/samples_table.h -- the inside of samples.h, shared by samples*.c. */
#pragma once

#include <pthread.h>

#include "autoscaler/samples.h"

struct pod;

/* Is there while it has a Deployment, an HPA or pods. */
struct service {
    char *key; /* namespace/name */
    const char *name;
    bool deployed, has_hpa;
    int64_t replicas;      /* that the Deployment asks for */
    int64_t target;        /* of the HPA per pod, in thousandths; 0: not known */
    struct labels *labels; /* of the Deployment, may be NULL */
    struct pod *pods;      /* by `sibling` */
    unsigned n_backlogs;
    struct backlog {
        int64_t depth, at_ms;
        char name[PROMTEXT_QUEUE_NAME];
    } backlogs[PROMTEXT_QUEUES];
};

/*
 * `id` changes with readiness, address and identity of the pod, so that what was asked of an
 * earlier life is not taken for this one. `at_ms` and `result_ms` are 0 where there is no value and
 * no result.
 */
struct pod {
    char *key; /* namespace/name */
    const char *name;
    struct service *service;
    struct pod *sibling;
    struct labels *labels;
    uint64_t id, uid_hash;
    int64_t due_ms, ready_since_ms;
    int64_t value, at_ms;
    int64_t result_ms;
    enum samples_result result;
    unsigned failures;
    bool ready, out;
    char ip[46];
};

/* Pointers to what begins with a key, in the order of the keys. */
struct keyed {
    char *key;
};
struct table {
    struct keyed **items;
    unsigned n, cap;
};

/* `first_sweep` is never taken back. `slots` leads from the low half of an id to its pod. */
struct samples {
    pthread_mutex_t lock;
    int64_t interval_ms;
    struct table pods, services;
    struct pod **slots;
    unsigned n_slots;
    unsigned cursor; /* the slot that is looked at first, so that all get their turn */
    uint32_t generation;
    bool synced, first_sweep;
};

/* Index of the first item whose key is not before `key`. */
unsigned table_find(const struct table *t, const char *key);
void *table_get(const struct table *t, const char *key); /* NULL where absent */
void table_add(struct table *t, void *item);
void table_remove(struct table *t, const char *key);
