# Plays the kubelet of one node for a pod of the operator: the process runs on this machine with the environment of the
# pod's container and a token that is bound to the pod; when the pod is deleted the process gets SIGTERM, and the pod is
# gone once the process is. Sourced after processes.sh and aggregation.sh, never run. Uses kubectl and KUBECONFIG.
# shellcheck shell=bash

make_node() { # NAME
    kubectl create -f - <<YAML >/dev/null
apiVersion: v1
kind: Node
metadata: {name: $1}
YAML
    kubectl patch node "$1" --subresource=status -p '{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}' >/dev/null
}

unbound_pod() { # NAMESPACE
    kubectl -n "$1" get pods -l app.kubernetes.io/name=lp-operator --field-selector spec.nodeName= \
        -o 'jsonpath={.items[0].metadata.name}' 2>/dev/null | grep .
}

operator_kubeconfig() { # FILE TOKEN: the cluster of $KUBECONFIG with the rights of the token
    (umask 077 && kubectl config view --raw -o json |
        jq --arg token "$2" '.users = [{name: .users[0].name, user: {token: $token}}]' >"$1")
}

# The container's environment, a NAME=value a line; ports that are free, as pods of one node share this machine.
pod_environment() { # NAMESPACE POD METRICS_PORT ADAPTER_PORT
    kubectl -n "$1" get pod "$2" -o json | jq -r '.metadata as $m | .spec.containers[0].env[]
        | .name + "=" + (if .valueFrom then {"metadata.name": $m.name, "metadata.namespace": $m.namespace}[.valueFrom.fieldRef.fieldPath]
            else .value // "" end)'
    echo "METRICS_PORT=$3"
    echo "ADAPTER_PORT=$4"
}

# What the endpoints controller would do, had the pod an address of its own. Without a selector that controller leaves the
# Service's Endpoints alone, by which a kube-apiserver before 1.31 goes.
operator_endpoint() { # NAMESPACE PORT
    kubectl -n "$1" patch service lp-metrics --type merge -p '{"spec": {"selector": null}}' >/dev/null || return
    endpoints_on_host "$1" lp-metrics "$2" | kubectl apply --server-side --force-conflicts -f - >/dev/null 2>&1
}

pod_is_going() { # NAMESPACE POD
    local time
    time=$(kubectl -n "$1" get pod "$2" --ignore-not-found -o 'jsonpath={.metadata.name} {.metadata.deletionTimestamp}') || return 1
    [ -z "$time" ] || [ -n "${time#* }" ]
}

# One pod's life, from its start to its end.
watch_pod() { # DIR NAME NAMESPACE POD
    until pod_is_going "$3" "$4"; do
        [ -d "$1" ] || return 0
        sleep 0.2
    done
    stop_process "$1" "$2"
    kubectl -n "$3" delete pod "$4" --grace-period=0 --force --ignore-not-found >/dev/null 2>&1
}

# start_operator_pod DIR NAME BIN NAMESPACE: runs BIN/lp-operator for a pod of the Deployment in NAMESPACE; its process is
# NAME in DIR, its port of probes in DIR/NAME.port. Its watcher's pid is added to WATCHERS.
start_operator_pod() {
    local dir=$1 name=$2 bin=$3 ns=$4 pod port adapter
    local -a env
    wait_for "a pod of the operator in $ns" 30 unbound_pod "$ns" || return
    pod=$(unbound_pod "$ns")
    kubectl create --raw "/api/v1/namespaces/$ns/pods/$pod/binding" -f - >/dev/null <<JSON || return
{"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "$pod"}, "target": {"apiVersion": "v1", "kind": "Node", "name": "here"}}
JSON
    operator_kubeconfig "$dir/$name.kubeconfig" \
        "$(kubectl -n "$ns" create token lp-operator --bound-object-kind Pod --bound-object-name "$pod")" || return
    port=$(free_port) && adapter=$(USED_PORTS=$port free_port)
    echo "$port" >"$dir/$name.port"
    mapfile -t env < <(pod_environment "$ns" "$pod" "$port" "$adapter")
    env+=("JOURNAL=$dir/$name.journal") # the pod's is in a volume of its own
    [ "${#env[@]}" -gt 4 ] || { echo "the operator's pod has no environment" && return 1; }
    start_process "$dir" "$name" env "${env[@]}" "$bin/lp-operator" --kubeconfig "$dir/$name.kubeconfig"
    if printf '%s\n' "${env[@]}" | grep -qx 'ADAPTER=true'; then operator_endpoint "$ns" "$adapter"; fi
    kubectl -n "$ns" patch pod "$pod" --subresource=status \
        -p '{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}' >/dev/null
    watch_pod "$dir" "$name" "$ns" "$pod" >/dev/null 2>&1 &
    WATCHERS+=" $!"
    wait_process "$dir" "$name" 60 curl -fsS --max-time 2 "http://127.0.0.1:$port/readyz"
}
WATCHERS=''

# What the API server answered with 401 or 403 to an account; and how many requests of it there were.
denied() { # AUDIT_LOG USER
    jq -rc --arg user "$2" 'select(.user.username == $user and (.responseStatus.code == 403 or .responseStatus.code == 401))
        | "\(.responseStatus.code) \(.verb) \(.requestURI)"' "$1"
}

requests_of() { # AUDIT_LOG USER
    jq -rc --arg user "$2" 'select(.user.username == $user) | .verb' "$1" | wc -l
}

# The namespaces in which an account wrote.
written_namespaces() { # AUDIT_LOG USER
    jq -r --arg user "$2" 'select(.user.username == $user and .responseStatus.code < 300
        and (.verb == "create" or .verb == "update" or .verb == "patch" or .verb == "delete")) | .objectRef.namespace // "-"' "$1" | sort -u | tr '\n' ' '
}
