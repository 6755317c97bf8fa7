/* autoscaler/samples/samples_parts.h -- the inside of samples.h, shared by samples*.c. */
#pragma once

#include <pthread.h>

#include "autoscaler/samples/measured.h"
#include "autoscaler/samples/samples.h"
#include "autoscaler/samples/samples_load.h"
#include "autoscaler/samples/table.h"

struct pod;

/* A namespace, while it has services. */
struct space {
    char *key;
    unsigned n_services;
    unsigned out;             /* its pods that are being asked */
    uint64_t look;            /* the last samples_due with pods of it that are due or out */
    unsigned active_services; /* in that look */
};

/* Is there while it has a Deployment, a ReplicaSet, an HPA or pods. */
struct service {
    char *key; /* namespace/name */
    const char *name;
    struct space *space;
    unsigned out;  /* its pods that are being asked */
    uint64_t look; /* as of its space */
    bool deployed; /* by a Deployment whose controller is a LearningPlatform */
    bool has_hpa;
    bool swept;               /* each of its Ready pods was asked once; never taken back */
    bool answered, lost;      /* as the last Event about it said */
    char uid[40];             /* of the Deployment */
    uint64_t uid_hash;        /* of that */
    int64_t replicas;         /* that the Deployment asks for */
    int64_t target;           /* of the HPA per pod, in thousandths; 0: not known */
    struct lp_labels *labels; /* of the Deployment, may be NULL */
    struct pod *pods;         /* by `sibling` */
    unsigned n_sets, n_backlogs;
    struct replica_set {
        uint64_t uid_hash, deployment_hash; /* of its uid, and of its controller's */
        uint32_t revision;                  /* from 1; the highest is the newest */
    } * sets;
    struct backlog {
        int64_t depth, at_ms;
        char name[PROMTEXT_QUEUE_NAME];
    } backlogs[PROMTEXT_QUEUES];
    struct latency latency;
    struct peak { /* of the demand, in thousandths of pods; -1: not known */
        int64_t minute, looked_ms;
        int64_t running, last; /* of that minute, and of the one before */
    } peak;
    struct starts {
        uint16_t seconds[MEASURED_STARTS];
        uint8_t n, next;
    } starts;
};

/*
 * `id` changes with readiness, address and identity of the pod, so that what was asked of an
 * earlier life is not taken for this one. `at_ms` and `result_ms` are 0 where there is no page and
 * no result. `revision` is that of its ReplicaSet, 0 where that is none of its service's
 * Deployment, or the Deployment none of a LearningPlatform's: such a pod is never asked.
 */
struct pod {
    char *key; /* namespace/name */
    const char *name;
    struct service *service;
    struct pod *sibling;
    struct lp_labels *labels;
    uint64_t id, uid_hash, owner_hash;
    int64_t due_ms, seen_ms, ready_since_ms; /* seen: when this life began for us */
    int64_t value, at_ms;
    int64_t result_ms;
    struct load load;
    unsigned n_awaited, n_circuits;
    struct of_upstream { /* by the last page, in thousandths */
        uint64_t upstream_hash;
        int64_t milli;
    } * awaited, *circuits; /* what waits for another service; workers that leave it alone */
    uint8_t *sketch;        /* NULL: its pages have none */
    uint32_t revision;
    uint16_t failures;
    uint8_t result; /* enum samples_result */
    bool ready, out;
    bool has_page;  /* a container of it has the port "metrics" */
    bool was_ready; /* once in the life of its uid */
    uint16_t start; /* 1 and more: seconds that it took to become Ready, not in `starts` yet */
    char ip[46];
};

/* `slots` leads from the low half of an id to its pod. */
struct samples {
    pthread_mutex_t lock;
    int64_t interval_ms, warm_up_ms;
    struct table pods, services, spaces;
    struct pod **slots, **due; /* `due`: of the call of samples_due that runs */
    unsigned n_slots;
    unsigned handles;
    uint64_t look;   /* how often samples_due was called */
    int64_t look_ms; /* when it was last called; 0: never */
    uint32_t generation;
    bool synced;
    int64_t synced_ms;
};

/* All of these under the lock. */

/* namespace/name of an object whose names may stand in an answer, NULL otherwise. The caller's. */
char *samples_key(const char *ns, const char *name);
struct service *samples_service_make(struct samples *s, const char *key);
/* Where nothing is left that it is for. */
void samples_service_drop(struct samples *s, struct service *v);
/* Sets its revision, by its ReplicaSet and the Deployment. True where it is due now, and was not
 * asked before. */
bool samples_pod_own(struct pod *p, int64_t now_ms);
/* It is not being asked any more. */
void samples_pod_in(struct pod *p);
/* Only until its first sweep is done, so that its cost does not matter later. */
void samples_note_sweep(struct samples *s, struct service *v);
/* It is to be asked: Ready, and owned by a service of a LearningPlatform. */
static inline bool samples_is_asked(const struct pod *p)
{
    return p->ready && p->revision > 0;
}
void samples_pod_free(struct pod *p);
/* A good page of one of its pods has come: demand and starts are looked at. */
void samples_measure(struct samples *s, struct service *v, int64_t now_ms);
/* Seconds that a pod took from its creation to `ready`, its condition; 0: that does not tell it. */
uint16_t samples_start_of(const json_t *pod, const json_t *ready);
/* It is one of ours now: how long it took is kept. */
void samples_keep_start(struct pod *p);
struct samples_sum {
    unsigned ready;
    struct load_sum load;
};
/* A metric of one service by the rules of samples_read; false where it is not known. */
bool samples_value(const struct samples *s, const struct service *v, enum samples_metric metric,
                   int64_t now_ms, struct samples_sum *ret_sum, int64_t *ret_milli);
/* NULL where there is no such service of a LearningPlatform. */
const struct service *samples_find(const struct samples *s, const char *ns, const char *name);
/* What waits for a service in the pods of others of its namespace, in thousandths. `oldest_ms` is
 * lowered to when the oldest of it was scraped. */
int64_t samples_awaited(const struct samples *s, const struct service *v, int64_t now_ms,
                        int64_t *oldest_ms);
/* How many workers in the pods of others of its namespace leave a service alone, in thousandths;
 * -1: none of these tells of it. `oldest_ms` as above. */
int64_t samples_circuits(const struct samples *s, const struct service *v, int64_t now_ms,
                         int64_t *oldest_ms);
