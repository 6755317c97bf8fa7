# What the tests of removal share: an operator with the rights that are shipped and a platform, and how all of it goes.
# Sourced after shipped.sh, never run. Its user sets order, the name of what is tried.
# shellcheck shell=bash disable=SC2317,SC2154,SC2034 # conditions are called by wait_for; dir, bin and bad are of shipped.sh
system=learning-platform-system crd=learningplatforms.learningplatform.io
fails() { echo "not ok: $order: $*"; bad=1; }

is_serving() {
    kubectl get --raw /apis/custom.metrics.k8s.io/v1beta2 && kubectl get --raw /apis/custom.metrics.k8s.io/v1beta1
}

has_children() {
    [ "$(kubectl -n learning get deployments,statefulsets -o name | wc -l)" = 6 ]
}

# The Secrets of embedded databases stay with their volumes (spec.databases.*.onDelete).
no_children() {
    [ -z "$(kubectl -n learning get deployments,statefulsets,services,hpa,configmaps -l app.kubernetes.io/part-of=smallest -o name)" ] &&
        [ -z "$(kubectl -n learning get secrets -l 'app.kubernetes.io/part-of=smallest,app.kubernetes.io/component!=database' -o name)" ]
}

install_operator() { # FILE: of an installation
    say "$order"
    kubectl apply -f "$1" >/dev/null
    await_definition
    start_operator_pod "$dir" operator "$bin" $system || fails "the operator does not become ready"
}

install_platform() {
    kubectl create namespace learning >/dev/null
    kubectl apply -f config/samples/smallest.yaml >/dev/null
    wait_for "the children" 60 has_children || fails "the platform is not carried out"
}

install_all() { # FILE
    install_operator "$1"
    install_platform
    wait_for "the metrics API" 60 is_serving || fails "the metrics API is not served"
}

namespace_goes() { # NAME...: waits for its end, at most 60 s
    kubectl delete namespace "$@" --ignore-not-found --wait=true --timeout=60s >/dev/null ||
        fails "namespace $* is still there after 60 s: $(kubectl get namespace "$1" -o 'jsonpath={.status.conditions[?(@.status=="True")].message}')"
}

kill_operator() {
    local pid
    read -r pid <"$dir/operator.pid"
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
}

# In its order of kinds; the definition and the namespace stay.
helm_uninstalls() {
    kubectl -n "$system" delete service,deployment,poddisruptionbudget --all --wait=false >/dev/null
    kubectl -n "$system" delete rolebindings,roles --all --wait=false >/dev/null
    kubectl delete clusterrolebindings,clusterroles -l app.kubernetes.io/name=lp-operator --wait=false >/dev/null
    kubectl -n "$system" delete serviceaccounts -l app.kubernetes.io/name=lp-operator --wait=false >/dev/null
}

# Everything that may still be there goes too.
all_goes() { # FILE
    namespace_goes learning $system
    kubectl delete -f "$1" --ignore-not-found --wait=true --timeout=60s >/dev/null || fails "$1 is not deleted after 60 s"
}

# A namespace of others with an object in it can be deleted.
stranger_goes() {
    kubectl create namespace stranger >/dev/null
    kubectl -n stranger create configmap thing >/dev/null
    namespace_goes stranger
}
