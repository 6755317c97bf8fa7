/* autoscaler/samples/samples.h -- the pods that we scrape, what they said, and how old that is. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "kube/labels.h"
#include "autoscaler/samples/metric.h"
#include "autoscaler/samples/promtext.h"
#include "base/buf.h"
#include "base/error.h"

#define SAMPLES_MAX_AGE_MS 30000  /* an older value is no value */
#define SAMPLES_SWEEP_AGE_MS 5000 /* ready means: the scraper looked for pods so recently */

/*
 * One table for informers (which put pods in), scraper (which brings values) and queries (which
 * read them). Missing and zero are different here throughout. Opaque: hides a lock; any thread. All
 * times are lp_clock_ms() values, given by the caller.
 */
struct samples;

/*
 * A Ready pod is due for a scrape every `interval_ms`, spread over it, and counts once it has been
 * Ready for `warm_up_ms`.
 */
struct samples *samples_new(int64_t interval_ms, int64_t warm_up_ms);
void samples_free(struct samples *s);

/* True for what may stand in an answer as it is: [A-Za-z0-9._-], 1 to 253 bytes. */
bool samples_name_ok(const char *name);

/*
 * From the informers; `gone`: the object was deleted. A pod is of the service <part-of>-<name>, by
 * its labels app.kubernetes.io/part-of and /name, and counts where its controller is a ReplicaSet
 * whose controller is the Deployment of that name, whose controller is a LearningPlatform: a label
 * alone, which anybody may write, makes no pod one of ours. A ReplicaSet gives the revision of its
 * pods, an HPA its target of queue_depth per pod. `wall_ms`: the same moment as now_ms, since 1970.
 * True where a scrape is due sooner than before.
 */
bool samples_pod(struct samples *s, const json_t *pod, bool gone, int64_t now_ms, int64_t wall_ms);
bool samples_deployment(struct samples *s, const json_t *deployment, bool gone, int64_t now_ms);
bool samples_replica_set(struct samples *s, const json_t *replica_set, bool gone, int64_t now_ms);
void samples_hpa(struct samples *s, const json_t *hpa, bool gone);

/* Pods, ReplicaSets and Deployments are all known from now on. */
void samples_synced(struct samples *s, int64_t now_ms);

/* ---- the scraper's side ---- */
struct samples_target {
    uint64_t id; /* of this life of the pod: a report for another life is dropped */
    char ip[46];
};

/*
 * Up to `max` pods whose time has come; each is out until its report. Of the `handles` that the
 * scraper has, one namespace gets at most half, and where several services have pods that are due
 * or out, each its equal share: what answers late makes itself late, nobody else. *ret_next_ms:
 * when the next one is due that may go out by then (INT64_MAX: none).
 */
void samples_set_handles(struct samples *s, unsigned handles);
unsigned samples_due(struct samples *s, int64_t now_ms, struct samples_target *ret_targets,
                     unsigned max, int64_t *ret_next_ms);

enum samples_result {
    SAMPLES_OK,
    SAMPLES_TIMEOUT, /* counts as saturated: at least the HPA's target, and all of its slots */
    SAMPLES_REFUSED, /* nobody listens, and yet it is Ready: its last value grows old */
    SAMPLES_FAILED,  /* bad answer: the same */
};
/* `page` only with SAMPLES_OK. */
void samples_report(struct samples *s, uint64_t id, enum samples_result result,
                    const struct promtext_page *page, int64_t now_ms);

/* ---- the readers' side ---- */

/* The scraper looked for pods in the last SAMPLES_SWEEP_AGE_MS, and each service had its first
 * sweep or was waited for so long; else why not. */
bool samples_swept(struct samples *s, int64_t now_ms, char why[128]);

/* Milliseconds since the oldest last answer of a Ready pod that is asked; 0 where there is none.
 * `ret_pods`: how many are Ready. */
int64_t samples_oldest_age(struct samples *s, int64_t now_ms, unsigned *ret_pods);

/* How many Ready pods had a good scrape, and none in the last SAMPLES_MAX_AGE_MS. */
unsigned samples_silent(struct samples *s, int64_t now_ms);

/* Appends where a Prometheus finds the metrics of pods on `port`, as its http_sd_configs read it:
 * [{"targets": ["10.0.0.1:9090"], "labels": {namespace, platform, app, pod}}]. Of those that run,
 * have a port "metrics" and are of a LearningPlatform, Ready or not. False before samples_synced:
 * who asks shall keep what it knows. */
bool samples_targets(struct samples *s, uint16_t port, struct lp_buf *out);

/* A service whose queue_depth was answered and is refused now, or the other way. */
struct samples_loss {
    char ns[64], name[254], uid[64];
    bool lost;
    char note[512]; /* for people */
};

/*
 * Up to `max` transitions since the last call; each is returned once. A service that was never
 * answered is not lost, and one whose Deployment is gone or scaled to 0 is not either.
 */
unsigned samples_losses(struct samples *s, int64_t now_ms, struct samples_loss *ret_losses,
                        unsigned max);

/* All borrowed. */
struct samples_question {
    bool pods; /* of single pods, which have a queue depth alone; false: of services */
    const char *ns;
    const char *name; /* NULL: of all that `selector` matches */
    enum samples_metric metric;
    const struct lp_selector *selector; /* of the labels of pods, or of Deployments */
    int64_t now_ms, wall_ms;
};

/* Start from SAMPLES_VALUES_INIT; in the order of names. */
struct samples_values {
    unsigned n, cap;
    struct samples_value {
        size_t name;            /* where it begins in `names`, with a NUL at its end */
        int64_t wall_ms, milli; /* when it was read; thousandths */
    } * items;
    struct lp_buf names;
};
#define SAMPLES_VALUES_INIT                        \
    {                                              \
        .names = LP_BUF_INIT(SAMPLES_VALUES_NAMES) \
    }
#define SAMPLES_VALUES_NAMES ((size_t)16 << 20) /* bytes: of 65,000 pods at least */
void samples_values_done(struct samples_values *values);
#define auto_samples_values __attribute__((cleanup(samples_values_done)))

/*
 * Appends what is known. LP_E_NOT_FOUND: no such pod, service, or nothing Ready that matches.
 * LP_E_UNAVAILABLE: its first sweep is not done, no pod of it counts (of its circuits: none tells
 * of them), or under half of those that do were scraped in the last SAMPLES_MAX_AGE_MS. The message
 * is for people: "1 of 4 english-auth pods scraped; english-auth-x timed out 1.2 s ago".
 * LP_E_TOO_LARGE.
 */
LP_MUST_USE int samples_read(struct samples *s, const struct samples_question *question,
                             struct samples_values *ret_values, struct lp_error *err);

/* The queue depth of one service, in thousandths; false where it is not known. */
bool samples_queue_depth(struct samples *s, const char *ns, const char *service, int64_t now_ms,
                         int64_t *ret_milli);
