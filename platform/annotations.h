/* platform/annotations.h -- annotations that are ours, on children and on objects of others. */
#pragma once

/* Annotations that we put on children. */
#define ANNOTATION_REPLICAS "learningplatform.io/replicas" /* "operator" or "released" */
/* On an HPA whose minReplicas FLOOR_MANAGER writes, from second to second: what it is made of.
 * {"minReplicas":1}, with "queueDepth":"4" where no_metrics_api,
 * "burst":{"factor":"2","waitMs":250, "holdS":120} and "fallback":{"replicas":4,"afterS":120} where
 * the spec has them; "paused":true: scaling up is, "pausedDown":true: scaling down is; "idleS":300:
 * without a request for so long, and no schedule, it goes to 0 pods. */
#define ANNOTATION_FLOOR "learningplatform.io/floor"
/* And by what it is lifted now, where that is a burst or the fallback: {"source":"Burst",
 * "replicas":7,"why":"burst: .."}. */
#define ANNOTATION_LIFTED "learningplatform.io/lifted"
#define FLOOR_MANAGER "lp-floor"
/* On a Deployment that has no pods as nobody asks anything of its service: since when. */
#define ANNOTATION_ZERO "learningplatform.io/scaled-to-zero"
#define ANNOTATION_CONFIG "learningplatform.io/config" /* on pods: hash of their ConfigMap */

/* On claims, what is fixed about their database, and the uid of the platform that has it. */
#define ANNOTATION_IMAGE "learningplatform.io/image"
#define ANNOTATION_USERS "learningplatform.io/users"
#define ANNOTATION_USED_BY "learningplatform.io/used-by"
/* On pods: which making of a Secret they have; another one rolls them. */
#define ANNOTATION_SECRET_DATABASE "learningplatform.io/secret-database"
#define ANNOTATION_SECRET_KEYS "learningplatform.io/secret-keys"
/* On an object of somebody else: "<platform>" hands it over to that platform. */
#define ANNOTATION_ADOPT "learningplatform.io/adopt"
