#!/bin/bash
# Whose platforms an operator takes, with the rights that are shipped and no others, on a real API server:
# one of install-namespaced.yaml, one with a class beside it, and one of install.yaml with a selector. Any 401 or 403 of theirs is a failure.
#   scope.sh DIR        starts a control plane of its own in DIR and stops it; LP_BIN is where lp-operator lies
# shellcheck source-path=SCRIPTDIR disable=SC2317 # conditions are called by wait_for
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/integration/lib/shipped.sh

start_plane "$1" english german canary

platform() { # NAMESPACE NAME LABEL SPEC
    kubectl apply -f - >/dev/null <<YAML
apiVersion: learningplatform.io/v1alpha1
kind: LearningPlatform
metadata: {name: $2, namespace: $1, labels: {team: $3}}
spec: $4
YAML
}

has_children() { # NAMESPACE NAME
    [ "$(kubectl -n "$1" get deployments -l "app.kubernetes.io/part-of=$2" -o name | wc -l)" = 4 ] &&
        [ "$(kubectl -n "$1" get lp "$2" -o 'jsonpath={.status.observedGeneration}')" = "$(kubectl -n "$1" get lp "$2" -o 'jsonpath={.metadata.generation}')" ]
}

untouched() { # NAMESPACE NAME
    [ -z "$(kubectl -n "$1" get lp "$2" -o 'jsonpath={.status.phase}')" ] &&
        [ -z "$(kubectl -n "$1" get deployments,services,configmaps -l "app.kubernetes.io/part-of=$2" -o name)" ]
}

replicas_are() { # NAMESPACE DEPLOYMENT N
    [ "$(kubectl -n "$1" get deployment "$2" -o 'jsonpath={.spec.replicas}')" = "$3" ]
}

# No metrics API leads to the operator of a few namespaces: its HPAs ask for none, and minReplicas is its floor's.
has_floor() { # NAMESPACE HPA N
    kubectl -n "$1" get hpa "$2" -o json --show-managed-fields | jq -e --argjson n "$3" '
        .spec.minReplicas == $n and all(.spec.metrics[]; .type == "ContainerResource")
        and any(.metadata.managedFields[]; .manager == "lp-floor" and .fieldsV1."f:spec"."f:minReplicas" != null)' >/dev/null
}

# The Secrets of embedded databases stay with their volumes (spec.databases.*.onDelete).
no_child() { # NAMESPACE NAME
    [ -z "$(kubectl -n "$1" get deployments,services,hpa,pdb,networkpolicies,configmaps,statefulsets,serviceaccounts -l "app.kubernetes.io/part-of=$2" -o name)" ] &&
        [ -z "$(kubectl -n "$1" get secrets -l "app.kubernetes.io/part-of=$2,app.kubernetes.io/component!=database" -o name)" ]
}

# Requests of an account about a platform and its children that changed something.
writes_about() { # USER NAME
    jq -rc --arg user "$1" --arg name "$2" 'select(.user.username == $user and .responseStatus.code < 300 and ((.objectRef.name // "") | startswith($name))
        and (.verb == "create" or .verb == "update" or .verb == "patch" or .verb == "delete")) | .verb' "$dir/audit.log" | wc -l
}

# Lists that an account asked for, after the pods' of the adapter's start and the looks for a CRD.
lists_of() { # USER
    jq -r --arg user "$1" 'select(.user.username == $user and .verb == "list") | "\(.objectRef.resource) \(.requestURI)"' "$dir/audit.log" | sort | uniq -c
}

# What a platform's life asks of an operator's rights: made, edited, damaged, made smaller, deleted.
live() { # NAMESPACE NAME LABEL [CLASS]
    local class=${4:+className: $4, }
    platform "$1" "$2" "$3" "{$class}"
    wait_for "the children of $2" 60 has_children "$1" "$2" || fails "$2 is not carried out"
    platform "$1" "$2" "$3" "{${class}services: {auth: {autoscaling: {enabled: false}, replicas: 3}}, databases: {postgres: {mode: External, secretRef: {name: db, key: uri}}}}"
    wait_for "the replicas" 60 replicas_are "$1" "$2-auth" 3 || fails "$2: an edit is not carried out"
    kubectl -n "$1" delete deployment,service,hpa "$2-gateway" >/dev/null
    wait_for "the repair" 60 kubectl -n "$1" get deployment,service,hpa "$2-gateway" || fails "$2 is not repaired"
    wait_for "the autoscaler of auth to go" 60 no_hpa "$1" "$2-auth" || fails "$2: what is no longer wanted stays"
}

no_hpa() { # NAMESPACE NAME
    [ -z "$(kubectl -n "$1" get hpa "$2" --ignore-not-found -o name)" ]
}

is_serving() {
    kubectl get --raw /apis/custom.metrics.k8s.io/v1beta2
}

# The plugin knows whose the platform is: nothing differs from what that operator made.
differs_in_nothing() { # NAMESPACE NAME
    "$bin/kubectl-lp" diff "$2" -n "$1" >"$dir/diff" 2>&1 && grep -q 'no changes' "$dir/diff"
}

reports() { # NAMESPACE NAME OPERATOR'S_NAMESPACE SETTINGS
    local pod
    pod=$(kubectl -n "$3" get pods -l app.kubernetes.io/name=lp-operator -o 'jsonpath={.items[0].metadata.name}')
    "$bin/kubectl-lp" report "$2" -n "$1" >"$dir/report" && grep -qx "# operator $3/lp-operator$4" "$dir/report" &&
        grep -qE "the log of $3/$pod cannot be read|^log: $pod" "$dir/report" && # there is no kubelet to read it from
        [ "$(grep -cE '^log: |the log of' "$dir/report")" = "$(kubectl -n "$3" get pods -l app.kubernetes.io/name=lp-operator -o name | wc -l)" ]
}

# 1. What stands in install-namespaced.yaml is in its namespaces, and everything in it can be applied.
kubectl create -f config/install-namespaced.yaml --dry-run=client -o json >"$dir/namespaced.json"
outside=$(jq -rs '(map(.items // [.]) | add) | .[] | select(.metadata.namespace != "learning" or (.kind | startswith("Cluster"))) | "\(.kind)/\(.metadata.name)"' "$dir/namespaced.json")
[ -z "$outside" ] || fails "install-namespaced.yaml holds what is in no namespace of its own: $outside"
kubectl apply -f crds/ -f config/rbac/users.yaml >/dev/null
await_definition
for ns in learning german other canary; do kubectl create namespace "$ns" >/dev/null; done
kubectl apply -f config/install-namespaced.yaml >/dev/null 2>"$dir/warnings" || fails "install-namespaced.yaml is refused"
[ ! -s "$dir/warnings" ] || fails "install-namespaced.yaml: $(cat "$dir/warnings")"

# 2. install.yaml for the platforms of one team.
sed 's/{name: SELECTOR}/{name: SELECTOR, value: "team=german"}/' config/install.yaml | kubectl apply -f - >/dev/null
start_operator_pod "$dir" english "$bin" learning || fails "the namespaced operator does not become ready"
start_operator_pod "$dir" german "$bin" learning-platform-system || fails "the operator with a selector does not become ready"

# A third for a class, in the namespace of the first.
config/generate --namespace canary --watch-namespaces learning --class canary --output "$dir/canary"
kubectl apply -f "$dir/canary/install-namespaced.yaml" >/dev/null
start_operator_pod "$dir" canary "$bin" canary || fails "the operator with a class does not become ready"

# 3. Each takes its own, and nobody the third.
platform other third french '{}'
platform learning nobodys english '{className: nobody}'
live learning english english
platform learning english english '{services: {auth: {autoscaling: {minReplicas: 3}}}}'
wait_for "the floor" 60 has_floor learning english-auth 3 || fails "minReplicas does not follow without a metrics API: $(kubectl -n learning get hpa english-auth -o json)"
live german german german
live learning early english canary
platform learning early english '{className: canary, services: {auth: {autoscaling: {minReplicas: 2}}}}'
wait_for "the floor of early" 60 has_floor learning early-auth 2 || fails "early: minReplicas does not follow"
wait_for "the metrics API" 60 is_serving || fails "the metrics API is not served"
for at in learning/english german/german learning/early; do
    wait_for "no difference of $at" 30 differs_in_nothing "${at%/*}" "${at#*/}" || fails "kubectl lp diff of $at: $(cat "$dir/diff")"
done
reports learning english learning ': WATCH_NAMESPACES learning, METRICS_API None' || fails "kubectl lp report of english: $(grep -E '^# |log' "$dir/report")"
reports german german learning-platform-system ': SELECTOR team=german, METRICS_API Own' || fails "kubectl lp report of german: $(grep -E '^# |log' "$dir/report")"
reports learning early canary ': CLASS canary, WATCH_NAMESPACES learning, METRICS_API None' || fails "kubectl lp report of early: $(grep -E '^# |log' "$dir/report")"
untouched learning nobodys || fails "a platform of a class that nobody has was touched"
untouched other third || fails "a platform that is nobody's was touched"
for at in learning/english german/german; do
    kubectl -n "${at%/*}" delete lp "${at#*/}" --wait=true --timeout=60s >/dev/null
    wait_for "the children of $at to go" 60 no_child "${at%/*}" "${at#*/}" || fails "$at: children stay"
done

# 4. What leaves the scope keeps what it has.
platform german moving german '{}'
wait_for "the children of moving" 60 has_children german moving || fails "moving is not carried out"
platform german moving french '{}'
platform german last german '{}'
wait_for "the children of last" 60 has_children german last || fails "last is not carried out"
has_children german moving || fails "a platform that left the selector lost children"

# 5. A change of the class hands a platform over.
english=system:serviceaccount:learning:lp-operator german=system:serviceaccount:learning-platform-system:lp-operator canary=system:serviceaccount:canary:lp-operator
[ "$(writes_about $english early)" = 0 ] || fails "a platform with a class was touched by the operator without one"
[ "$(writes_about $canary english)" = 0 ] || fails "a platform without a class was touched by the operator with one"
live learning early english
[ "$(writes_about $english early)" -gt 0 ] || fails "nothing of the platform that lost its class was written by the operator without one"

# 6. The audit log: nothing was refused, and nobody wrote where it should not.
for user in $english $german $canary; do
    n=$(requests_of "$dir/audit.log" "$user")
    [ "$n" -gt 100 ] || fails "the audit log has $n requests of $user"
    refused=$(denied "$dir/audit.log" "$user" | sort | uniq -c | sort -rn | sed -n 1,20p)
    [ -z "$refused" ] || fails "$user was refused: $refused"
done
[ "$(written_namespaces "$dir/audit.log" $english)" = 'learning ' ] || fails "the namespaced operator wrote in: $(written_namespaces "$dir/audit.log" $english)"
[ "$(written_namespaces "$dir/audit.log" $canary)" = 'canary learning ' ] || fails "the operator with a class wrote in: $(written_namespaces "$dir/audit.log" $canary)"
[ "$(written_namespaces "$dir/audit.log" $german)" = '- german learning-platform-system ' ] || fails "the operator with a selector wrote in: $(written_namespaces "$dir/audit.log" $german)"

# What the floor works with comes by the watches: not even at the start was a list of HPAs asked for, as there is WatchList.
lists=$(lists_of $english)
minor=$(kubectl get --raw /version | sed -n 's/.*"minor": "\([0-9]*\).*/\1/p')
[ -z "$lists" ] || [ "$minor" -lt 34 ] || fails "the operator without a metrics API listed: $lists"

# 7. A selector that is none is said at once.
if timeout 30 env ADAPTER=false METRICS_PORT=0 "$bin/lp-operator" --kubeconfig "$KUBECONFIG" --selector 'a in b' 2>"$dir/why"; then
    fails "--selector 'a in b' is taken"
fi
grep -q -- '--selector \\"a in b\\"' "$dir/why" || fails "no sentence for a selector that is none: $(cat "$dir/why")"
exit $bad
