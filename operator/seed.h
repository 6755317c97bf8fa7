/*
 * operator/seed.h -- the first platform of an install: ConfigMaps in our namespace with the label
 * learningplatform.io/seed=true hold a LearningPlatform under data."platform.yaml"; it is created
 * once, as soon as its CRD is there. What a user deletes or changes later stays deleted or changed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/stop.h"
#include "kube/config.h"

struct seed_options {
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    const char *ns;
    bool (*may_write)(void *user); /* we lead, and LearningPlatforms are known to the API server */
    int64_t (*writes_until_ms)(void *user); /* as in kube/client.h */
    void *user;                             /* of both */
};

/* One watch and one thread. */
struct seed;
LP_MUST_USE int seed_start(const struct seed_options *options, struct seed **ret_seed,
                           struct lp_error *err);
void seed_join(struct seed *s); /* after the stop was requested; NULL is fine */

/*
 * The LearningPlatform in a ConfigMap, the caller's. LP_E_INVALID says what is wrong with it: no
 * data, no YAML, not exactly one document, another kind, no name or namespace.
 */
LP_MUST_USE int seed_read(const json_t *config_map, json_t **ret_platform, struct lp_error *err);
#define SEED_LABEL "learningplatform.io/seed=true"
#define SEED_MARK "learningplatform.io/seeded" /* annotation: done, "namespace/name" */
