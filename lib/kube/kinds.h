/* lib/kube/kinds.h -- the API types that we speak. */
#pragma once

#include "kube/client.h"

extern const struct lp_kube_kind lp_kube_platforms; /* learningplatform.io/v1alpha1 */
extern const struct lp_kube_kind lp_kube_deployments, lp_kube_stateful_sets, lp_kube_replica_sets;
extern const struct lp_kube_kind lp_kube_services, lp_kube_service_accounts, lp_kube_config_maps,
    lp_kube_secrets, lp_kube_volume_claims, lp_kube_pods, lp_kube_namespaces;
extern const struct lp_kube_kind lp_kube_hpas;        /* autoscaling/v2 */
extern const struct lp_kube_kind lp_kube_pod_metrics; /* metrics.k8s.io/v1beta1 */
extern const struct lp_kube_kind lp_kube_pdbs;        /* policy/v1 */
extern const struct lp_kube_kind lp_kube_network_policies,
    lp_kube_ingresses;                                /* networking.k8s.io/v1 */
extern const struct lp_kube_kind lp_kube_http_routes; /* gateway.networking.k8s.io/v1 */
extern const struct lp_kube_kind lp_kube_pod_monitors,
    lp_kube_prometheus_rules;                                   /* monitoring.coreos.com/v1 */
extern const struct lp_kube_kind lp_kube_leases;                /* coordination.k8s.io/v1 */
extern const struct lp_kube_kind lp_kube_events;                /* events.k8s.io/v1 */
extern const struct lp_kube_kind lp_kube_crds;                  /* apiextensions.k8s.io/v1 */
extern const struct lp_kube_kind lp_kube_cluster_role_bindings; /* rbac.authorization.k8s.io/v1 */
extern const struct lp_kube_kind lp_kube_api_services;          /* apiregistration.k8s.io/v1 */
extern const struct lp_kube_kind lp_kube_token_reviews, lp_kube_subject_access_reviews;
