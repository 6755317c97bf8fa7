/* lib/kube/kinds.c -- the table of API types, as the API reference of Kubernetes names them. */
#include "kube/kinds.h"

#define NAMESPACED(id, g, v, k, p) \
    const struct lp_kube_kind id = { .group = (g), .version = (v), .kind = (k), .plural = (p) }
#define CLUSTER(id, g, v, k, p)                                                          \
    const struct lp_kube_kind id = {                                                     \
        .group = (g), .version = (v), .kind = (k), .plural = (p), .cluster_scoped = true \
    }

NAMESPACED(lp_kube_platforms, "learningplatform.io", "v1alpha1", "LearningPlatform",
           "learningplatforms");
NAMESPACED(lp_kube_deployments, "apps", "v1", "Deployment", "deployments");
NAMESPACED(lp_kube_stateful_sets, "apps", "v1", "StatefulSet", "statefulsets");
NAMESPACED(lp_kube_replica_sets, "apps", "v1", "ReplicaSet", "replicasets");
NAMESPACED(lp_kube_services, "", "v1", "Service", "services");
NAMESPACED(lp_kube_service_accounts, "", "v1", "ServiceAccount", "serviceaccounts");
NAMESPACED(lp_kube_config_maps, "", "v1", "ConfigMap", "configmaps");
NAMESPACED(lp_kube_secrets, "", "v1", "Secret", "secrets");
NAMESPACED(lp_kube_volume_claims, "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims");
NAMESPACED(lp_kube_pods, "", "v1", "Pod", "pods");
CLUSTER(lp_kube_namespaces, "", "v1", "Namespace", "namespaces");
NAMESPACED(lp_kube_hpas, "autoscaling", "v2", "HorizontalPodAutoscaler",
           "horizontalpodautoscalers");
NAMESPACED(lp_kube_pod_metrics, "metrics.k8s.io", "v1beta1", "PodMetrics", "pods");
NAMESPACED(lp_kube_pdbs, "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets");
NAMESPACED(lp_kube_network_policies, "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies");
NAMESPACED(lp_kube_ingresses, "networking.k8s.io", "v1", "Ingress", "ingresses");
NAMESPACED(lp_kube_http_routes, "gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes");
NAMESPACED(lp_kube_pod_monitors, "monitoring.coreos.com", "v1", "PodMonitor", "podmonitors");
NAMESPACED(lp_kube_prometheus_rules, "monitoring.coreos.com", "v1", "PrometheusRule",
           "prometheusrules");
NAMESPACED(lp_kube_leases, "coordination.k8s.io", "v1", "Lease", "leases");
NAMESPACED(lp_kube_events, "events.k8s.io", "v1", "Event", "events");
CLUSTER(lp_kube_crds, "apiextensions.k8s.io", "v1", "CustomResourceDefinition",
        "customresourcedefinitions");
CLUSTER(lp_kube_cluster_role_bindings, "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding",
        "clusterrolebindings");
CLUSTER(lp_kube_api_services, "apiregistration.k8s.io", "v1", "APIService", "apiservices");
CLUSTER(lp_kube_token_reviews, "authentication.k8s.io", "v1", "TokenReview", "tokenreviews");
CLUSTER(lp_kube_subject_access_reviews, "authorization.k8s.io", "v1", "SubjectAccessReview",
        "subjectaccessreviews");
