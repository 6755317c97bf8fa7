# Our programs on the cluster: images, operator, a platform, its load. Sourced after common.sh and build.sh, never run.
# shellcheck shell=bash

REGISTRY=learning-platform
PLATFORM=english
PLATFORM_NAMESPACE=learning
OPERATOR_NAMESPACE=learning-platform-system
BASE_URL=http://127.0.0.1:${LP_GATEWAY_PORT:-30080}
PROGRAMS='lp-operator lp-gateway lp-auth lp-ai-feedback lp-ai-worker lp-progress lp-learning'

k() {
    kubectl --context "kind-$CLUSTER" "$@"
}

kn() {
    k -n "$PLATFORM_NAMESPACE" "$@"
}

# A tag that changes with the programs, so that a cluster never runs old ones under a known name.
image_tag() {
    local program sum
    sum=$(for program in $PROGRAMS; do cat "build/release/bin/$program"; done | sha256sum)
    echo "v0.1.0-${sum:0:10}"
}

# The databases' images change with their own recipe only.
database_tag() {
    local sum
    sum=$(find docker/postgres docker/mongo docker/lib docker/build-offline -type f -print0 | sort -z | xargs -0 cat | sha256sum)
    echo "v0.1.0-${sum:0:10}"
}

# The node of a cluster without a registry has an image of ours.
cluster_has_registry() {
    case $(docker container inspect --format '{{.Config.Image}}' "$CLUSTER-control-plane" 2>/dev/null) in
    kindest/*) return 0 ;;
    *) return 1 ;;
    esac
}

node_has_image() {
    docker exec "$CLUSTER-control-plane" ctr -n k8s.io images ls -q 2>/dev/null | grep -F "$1" >/dev/null
}

# Makes the images of the programs, and those of the databases where no registry gives the official ones, and loads what the node lacks.
need_images() { # TAG
    make_missing "$1" "$PROGRAMS"
    cluster_has_registry || make_missing "$(database_tag)" "lp-postgres lp-mongo"
}

make_missing() { # TAG NAMES
    local name missing=()
    for name in $2; do
        node_has_image "$REGISTRY/$name:$1" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || { say "on the node already: $2" && return 0; }
    case " ${missing[*]} " in *" lp-mongo "*) need_packages default-jdk-headless maven ;; esac
    run_step "making the images ${missing[*]}" 1500 docker/build-offline --build-dir build/release --registry "$REGISTRY" \
        --tag "$1" --only "$(IFS=, && echo "${missing[*]}")" ||
        die "the images could not be made: look at the log above."
    missing=("${missing[@]/#/$REGISTRY/}")
    test/e2e/cluster load "${missing[@]/%/:$1}"
}

# Writes install.yaml for this cluster into DIR.
generate_install() { # TAG DIR
    local options=(--registry "$REGISTRY" --tag "$1" --output "$2")
    cluster_has_registry || options+=(--postgres-image "$REGISTRY/lp-postgres:$(database_tag)"
        --mongo-image "$REGISTRY/lp-mongo:$(database_tag)" --mongodb-auth false)
    config/generate "${options[@]}"
}

operator_is_up() {
    k -n "$OPERATOR_NAMESPACE" rollout status deployment/lp-operator --timeout=1s
}

metrics_api_is_up() {
    [ "$(k get apiservice v1beta2.custom.metrics.k8s.io -o 'jsonpath={.status.conditions[?(@.type=="Available")].status}')" = True ]
}

install_operator() { # TAG
    local dir=build/install
    mkdir -p "$dir"
    generate_install "$1" "$dir" >/dev/null || die "config/generate failed."
    k apply --server-side --force-conflicts -f "$dir/install.yaml" >/dev/null || die "install.yaml was not accepted: see above."
    wait_for "the operator" 240 operator_is_up ||
        die "the operator does not start: see 'kubectl --context kind-$CLUSTER -n $OPERATOR_NAMESPACE describe pods'."
    wait_for "the custom metrics API" 120 metrics_api_is_up ||
        die "the custom metrics API is not available: see 'kubectl --context kind-$CLUSTER get apiservice v1beta2.custom.metrics.k8s.io -o yaml'."
}

apply_platform() { # FILE
    k create namespace "$PLATFORM_NAMESPACE" --dry-run=client -o yaml | k apply -f - >/dev/null
    k apply -f "$1" >/dev/null || die "$1 was not accepted: see above."
}

# Empty where there is no platform, no status or no such condition yet: what waits for one asks before it is there.
platform_condition() { # TYPE FIELD
    kn get learningplatform "$PLATFORM" -o "jsonpath={.status.conditions[?(@.type==\"$1\")].$2}" 2>/dev/null || true
}

# Ready for the generation that was asked for, not for one before.
platform_is_ready() {
    [ "$(platform_condition Ready status)" = True ] &&
        [ "$(platform_condition Ready observedGeneration)" = "$(kn get learningplatform "$PLATFORM" -o 'jsonpath={.metadata.generation}')" ]
}

# Waits for Ready and tells the operator's own reason whenever it changes.
wait_ready() { # LIMIT
    local start=$SECONDS reason last=''
    until platform_is_ready; do
        reason=$(platform_condition Ready message)
        if [ -n "$reason" ] && [ "$reason" != "$last" ]; then
            say "  $reason"
            last=$reason
        fi
        if [ $((SECONDS - start)) -ge "$1" ]; then
            kn get pods >&2
            return 1
        fi
        sleep 1
    done
}

# The load of a class of 20 learners for SECONDS, as the learner of EMAIL and PASSWORD; the summary goes to FILE.
load_class() { # EMAIL PASSWORD SECONDS FILE
    LP_LOAD_EMAIL=$1 LP_LOAD_PASSWORD=$2 build/release/bin/kubectl-lp load --url "$BASE_URL" --duration "$3" -o json >"$4"
}

gateway_answers() {
    curl -fsS --max-time 2 "$BASE_URL/health"
}

# ---- config/monitoring ----

monitoring_tag() {
    local sum
    sum=$(find docker/monitoring docker/lib docker/build-offline -type f -print0 | sort -z | xargs -0 cat | sha256sum)
    echo "v0.1.0-${sum:0:10}"
}

# kubectl's kustomize reads below one folder alone: the overlay lies beside a copy of config/monitoring.
write_monitoring() { # DIR TAG WEBHOOK
    local image
    rm -rf "$1"
    mkdir -p "$1/overlay"
    cp -r config/monitoring "$1/base"
    cp config/monitoring/alertmanager.yml "$1/overlay/"
    [ -z "$3" ] || jq -nr --arg url "$3" '"  webhook_configs: [{url: \($url | tojson), send_resolved: true, max_alerts: 50}]"' >>"$1/overlay/alertmanager.yml"
    {
        printf '%s\n' 'apiVersion: kustomize.config.k8s.io/v1beta1' 'kind: Kustomization' 'resources: [../base]' 'images:'
        for image in lp-prometheus lp-alertmanager; do printf -- '- {name: learning-platform/%s, newName: %s/%s, newTag: %s}\n' "$image" "$REGISTRY" "$image" "$2"; done
        printf '%s\n' 'secretGenerator:' \
            '- {name: lp-alertmanager, namespace: learning-platform-monitoring, behavior: replace, files: [alertmanager.yml]}'
    } >"$1/overlay/kustomization.yaml"
}

monitoring_is_up() {
    k -n learning-platform-monitoring rollout status statefulset/lp-prometheus --timeout=1s &&
        k -n learning-platform-monitoring rollout status statefulset/lp-alertmanager --timeout=1s
}

install_monitoring() { # DIR WEBHOOK
    local tag
    tag=$(monitoring_tag)
    make_missing "$tag" "lp-prometheus lp-alertmanager"
    write_monitoring "$1" "$tag" "$2"
    k apply -k "$1/overlay" >/dev/null || die "config/monitoring was not accepted: see above."
    wait_for "Prometheus and Alertmanager" 240 monitoring_is_up ||
        die "they do not start: see 'kubectl --context kind-$CLUSTER -n learning-platform-monitoring describe pods'."
}

# ---- config/logging ----

logging_tag() {
    local sum
    sum=$(find docker/rsyslog docker/lib docker/build-offline -type f -print0 | sort -z | xargs -0 cat | sha256sum)
    echo "v0.1.0-${sum:0:10}"
}

logging_is_up() {
    k -n learning-platform-logs rollout status daemonset/lp-logs --timeout=1s
}

# The lines of all pods to URL, the bulk API of a store.
install_logging() { # DIR URL
    local tag
    tag=$(logging_tag)
    make_missing "$tag" lp-logs
    rm -rf "$1"
    mkdir -p "$1/overlay"
    cp -r config/logging "$1/base"
    printf 'url = "%s"\n' "$2" >"$1/curlrc"
    printf '%s\n' 'apiVersion: kustomize.config.k8s.io/v1beta1' 'kind: Kustomization' 'resources: [../base]' 'images:' \
        "- {name: learning-platform/lp-logs, newName: $REGISTRY/lp-logs, newTag: $tag}" >"$1/overlay/kustomization.yaml"
    k apply -f config/logging/namespace.yaml >/dev/null
    k -n learning-platform-logs create secret generic lp-logs-store --from-file="$1/curlrc" --dry-run=client -o yaml | k apply -f - >/dev/null
    k apply -k "$1/overlay" >/dev/null || die "config/logging was not accepted: see above."
    wait_for "the shipper on each node" 120 logging_is_up ||
        die "it does not start: see 'kubectl --context kind-$CLUSTER -n learning-platform-logs describe pods'."
}
