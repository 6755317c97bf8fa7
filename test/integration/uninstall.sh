#!/bin/bash
# Removal in any order never hangs: platform first, operator first, namespace first, definition first, and all at once.
# After each the namespaces are gone within 60 s, no APIService of ours is left, and a stranger's namespace can be deleted.
# With the real garbage collector and namespace controller, and the operator with the rights that are shipped.
#   uninstall.sh DIR        starts a control plane of its own in DIR and stops it; LP_BIN is where lp-operator lies
# shellcheck source-path=SCRIPTDIR disable=SC2317 # conditions are called by wait_for
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/integration/lib/shipped.sh

start_plane "$1" operator
system=learning-platform-system crd=learningplatforms.learningplatform.io
fails() { echo "not ok: $order: $*"; bad=1; }

is_serving() {
    kubectl get --raw /apis/custom.metrics.k8s.io/v1beta2 && kubectl get --raw /apis/custom.metrics.k8s.io/v1beta1
}

has_children() {
    [ "$(kubectl -n learning get deployments,statefulsets -o name | wc -l)" = 6 ]
}

no_children() {
    [ -z "$(kubectl -n learning get deployments,statefulsets,services,hpa,secrets,configmaps -l app.kubernetes.io/part-of=smallest -o name)" ]
}

no_api_service() {
    [ -z "$(kubectl get apiservices -l app.kubernetes.io/managed-by=lp-operator -o name)" ]
}

install_all() {
    say "$order"
    kubectl apply -f config/install.yaml >/dev/null
    kubectl wait --for=condition=Established "crd/$crd" --timeout=30s >/dev/null
    kubectl create namespace learning >/dev/null
    start_operator_pod "$dir" operator "$bin" $system || fails "the operator does not become ready"
    kubectl apply -f config/samples/smallest.yaml >/dev/null
    wait_for "the children" 60 has_children || fails "the platform is not carried out"
    wait_for "the metrics API" 60 is_serving || fails "the metrics API is not served"
}

namespace_goes() { # NAME...: waits for its end, at most 60 s
    kubectl delete namespace "$@" --ignore-not-found --wait=true --timeout=60s >/dev/null ||
        fails "namespace $* is still there after 60 s: $(kubectl get namespace "$1" -o 'jsonpath={.status.conditions[?(@.status=="True")].message}')"
}

# Everything that may still be there goes too, and a namespace of others with an object in it.
nothing_is_left() {
    namespace_goes learning $system
    kubectl delete -f config/install.yaml --ignore-not-found --wait=true --timeout=60s >/dev/null || fails "install.yaml is not deleted after 60 s"
    wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
    kubectl create namespace stranger >/dev/null
    kubectl -n stranger create configmap thing >/dev/null
    namespace_goes stranger
    stop_process "$dir" operator
}

order='platform first'
install_all
kubectl -n learning delete lp smallest --wait=true --timeout=60s >/dev/null || fails "the platform is not deleted after 60 s"
wait_for "the children to go" 60 no_children || fails "children are left"
is_serving >/dev/null || fails "the metrics API went with a platform"
namespace_goes learning
nothing_is_left

order='operator first'
install_all
kubectl -n $system delete deployment lp-operator --wait=true --timeout=60s >/dev/null
wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
namespace_goes learning
nothing_is_left

order='operator scaled to 0'
install_all
kubectl -n $system scale deployment lp-operator --replicas=0 >/dev/null
wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
namespace_goes learning
nothing_is_left

order='namespace of the operator first'
install_all
namespace_goes $system
wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
namespace_goes learning
nothing_is_left

order='definition first'
install_all
kubectl delete crd $crd --wait=true --timeout=60s >/dev/null || fails "the definition is not deleted after 60 s"
wait_for "the APIServices to go" 60 no_api_service || fails "an APIService is left"
namespace_goes learning
nothing_is_left

order='all of install.yaml at once, the platform still there'
install_all
kubectl delete -f config/install.yaml --wait=true --timeout=60s >/dev/null || fails "install.yaml is not deleted after 60 s"
nothing_is_left
exit $bad
