/* autoscaler/registration/registration.h -- what we keep in the API server: the Secret with our
 * certificate, and the APIServices that lead to us. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/registration/certs.h"
#include "autoscaler/registration/registration_options.h"
#include "base/error.h"
#include "kube/client.h"

/*
 * Reads the Secret; makes it where it is not there or of no use, renews what is due. Replicas that
 * do so at a time agree by resourceVersion: the slower one takes what the faster one wrote.
 */
LP_MUST_USE int registration_certs(struct lp_kube_client *c, const struct registration *g,
                                   struct certs *ret_certs, struct lp_error *err);

/*
 * Makes or updates v1beta2 and v1beta1.custom.metrics.k8s.io, by server-side apply. One that names
 * another's Service is left alone, logged once, and shown by lp_adapter_apiservice_conflict;
 * ret_conflict then says which one and whose, in a sentence, else it is "". They go with our right
 * to write them; without the definition of LearningPlatforms they are given back. One thread.
 */
LP_MUST_USE int registration_apply(struct lp_kube_client *c, const struct registration *g,
                                   const char *ca_bundle, char ret_conflict[REGISTRATION_CONFLICT],
                                   struct lp_error *err);

/* Gives back the APIServices that name our Service: they become what they were before, where we
 * took another's place (record.h), and are deleted where they were not there. */
LP_MUST_USE int registration_remove(struct lp_kube_client *c, const struct registration *g,
                                    struct lp_error *err);

/*
 * Whether the aggregator says that our APIServices are Available. *ret_why, the caller's: NULL
 * where they are, where it has not looked yet, where they are not ours, and where it only misses
 * ready replicas; else one sentence.
 */
LP_MUST_USE int registration_availability(struct lp_kube_client *c, const struct registration *g,
                                          char **ret_why, struct lp_error *err);

/* Whether our Deployment is gone, terminating or scaled to 0, or our namespace terminating. */
LP_MUST_USE int registration_terminating(struct lp_kube_client *c, const struct registration *g,
                                         bool *ret_terminating, struct lp_error *err);

/*
 * Where that is so, gives back the APIServices that name our Service: one without a server behind
 * it would block the deletion of every namespace.
 */
LP_MUST_USE int registration_withdraw(struct lp_kube_client *c, const struct registration *g,
                                      struct lp_error *err);
