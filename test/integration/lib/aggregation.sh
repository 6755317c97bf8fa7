# An aggregated API on a control plane without nodes. Sourced, never run.
#
# Such a control plane has no kube-proxy and no pods, and an endpoint may not be a loopback address.
# So the program listens on this machine's own address, and an EndpointSlice (for an older
# kube-apiserver, as 1.30, Endpoints) leads there: with
# --enable-aggregator-routing kube-apiserver goes to endpoints itself. (With it, a Service of type
# ExternalName is refused: "unsupported service type".) Uses kubectl and KUBECONFIG.
# shellcheck shell=bash

# The first address of this machine that is no loopback address.
host_address() {
    local address
    for address in $(hostname -I); do
        case $address in *:*) ;; *) echo "$address" && return 0 ;; esac
    done
    echo "this machine has no address but loopback" >&2
    return 1
}

# What leads from a Service to a program on this machine, as YAML.
endpoints_on_host() { # NAMESPACE SERVICE PORT
    local address
    address=$(host_address) || return
    cat <<YAML
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: $2-host
  namespace: $1
  labels: {kubernetes.io/service-name: $2}
addressType: IPv4
endpoints: [{addresses: ["$address"], conditions: {ready: true}}]
ports: [{name: https, port: $3, protocol: TCP}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: $2, namespace: $1}
subsets: [{addresses: [{ip: "$address"}], ports: [{name: https, port: $3, protocol: TCP}]}]
YAML
}

# The program listens on host_address (or 0.0.0.0), port PORT. The Service has port 443, as in a
# cluster, so an APIService from config/ works unchanged.
service_to_host() { # NAMESPACE NAME PORT
    kubectl apply --server-side --force-conflicts -f - <<YAML || return
apiVersion: v1
kind: Service
metadata: {name: $2, namespace: $1}
spec: {ports: [{name: https, port: 443, targetPort: $3}]}
YAML
    endpoints_on_host "$1" "$2" "$3" | kubectl apply --server-side --force-conflicts -f -
}
