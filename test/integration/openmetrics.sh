#!/bin/bash
# The page of metrics of every program by those who read it: promtool takes the text, a real Prometheus the OpenMetrics, whose exemplars
# lead to a trace. openmetrics.sh WORKDIR. LP_BIN names the folder of the programs. PostgreSQL, lp-mongo and a control plane of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=test/integration/lib/processes.sh
. test/integration/lib/processes.sh
# shellcheck source=test/integration/lib/prometheus.sh
. test/integration/lib/prometheus.sh
work=$1 bin=${LP_BIN:-build/dev/bin} pids=() used=() store=
declare -A page front # the port of each program's metrics, and of its traffic where it has some
trace=0af7651916cd43dd8448eb211c80319c
rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)

die() {
    echo "openmetrics: $*" >&2
    exit 1
}

finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    test/integration/control-plane stop "$work/plane" >/dev/null 2>&1 || true
    test/integration/postgres remove "$work/postgres" || true
    [ "$1" -eq 0 ] || tail -n 2 "$work"/*.log >&2
}
trap 'finish $?' EXIT

await() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@"; do [ $SECONDS -lt $end ] || die "no $*"; read -rt 0.2 <> <(:) || true; done
}
answers() { curl -fs -o "$work/answer" "$1"; }
port() { USED_PORTS="${used[*]}" free_port; }
ask() { curl -fsG "http://127.0.0.1:$store/api/v1/$1" "${@:2}"; }

take_port() { # VARIABLE
    printf -v "$1" %s "$(port)"
    used+=("${!1}")
}

program() { # PROGRAM [NAME=VALUE...]
    take_port "page[$1]"
    take_port "front[$1]"
    env PORT="${front[$1]}" METRICS_PORT="${page[$1]}" DRAIN_DELAY=0 AUTH_JWT_SECRET=openmetrics "${@:2}" "$bin/$1" 2>"$work/$1.log" &
    pids+=($!)
}

database() { # NAME
    psql -qAt "$postgres" -c "CREATE DATABASE $1"
    echo "${postgres/\/postgres?//$1?}"
}

operator() {
    local kubeconfig ports=() path="$PATH:${XDG_CACHE_HOME:-$HOME/.cache}/learning-platform/bin"
    kubeconfig=$(test/integration/control-plane start "$work/plane" --no-controllers | tail -n 1)
    env PATH="$path" KUBECONFIG="$kubeconfig" kubectl apply -f config/install.yaml >/dev/null
    take_port "ports[0]"
    program lp-operator KUBECONFIG="$kubeconfig" POD_NAME=one POD_NAMESPACE=learning-platform-system ADAPTER=true ADAPTER_PORT="${ports[0]}"
    env PATH="$path" KUBECONFIG="$kubeconfig" kubectl wait --for=condition=Established --timeout=60s \
        crd/learningplatforms.learningplatform.io >/dev/null
    env PATH="$path" KUBECONFIG="$kubeconfig" kubectl create -f - >/dev/null <<'YAML'
apiVersion: learningplatform.io/v1alpha1
kind: LearningPlatform
metadata: {name: english, namespace: default}
YAML
    unset "front[lp-operator]"
}

start() {
    local mongo
    postgres=$(test/integration/postgres start "$work/postgres")
    take_port mongo
    mkdir "$work/mongo"
    docker/mongo/run "$mongo" "$work/mongo" >"$work/mongo.log" 2>&1 &
    pids+=($!)
    program lp-auth DATABASE_URL="$(database auth)" JWT_SECRET="a key for tests, long enough" JWT_REFRESH_SECRET="another key for tests, long enough"
    program lp-learning DATABASE_URL="$(database learning)"
    database jobs >"$work/jobs"
    program lp-ai-feedback DATABASE_URL="$(cat "$work/jobs")"
    program lp-ai-worker DATABASE_URL="$(cat "$work/jobs")"
    unset "front[lp-ai-worker]"
    program lp-progress MONGODB_URI="mongodb://127.0.0.1:$mongo/?retryWrites=false"
    local back=http://127.0.0.1:${front[lp-ai-feedback]}
    program lp-gateway AUTH_SERVICE_URL="$back" PROGRESS_SERVICE_URL="$back" AI_SERVICE_URL="$back"
    operator
    take_port store
    {
        echo "global: {scrape_interval: 1s}"
        echo "scrape_configs:"
        for p in "${!page[@]}"; do echo "- {job_name: $p, static_configs: [{targets: ['127.0.0.1:${page[$p]}']}]}"; done
    } >"$work/prometheus.yml"
    for p in "${!page[@]}"; do await 120 answers "http://127.0.0.1:${page[$p]}/readyz"; done
}

# That none was forgotten: what has a page is a program of ours.
every_program_is_asked() {
    local p missing=()
    for p in "$bin"/lp-*; do
        case ${p##*/} in lp-learning-simulate | lp-ai-train*) continue ;; esac # benches, which serve nothing
        [ -n "${page[${p##*/}]:-}" ] || missing+=("${p##*/}")
    done
    [ ${#missing[@]} -eq 0 ] || die "nobody asks for the page of ${missing[*]}"
}

the_text_is_the_default_and_promtool_takes_it() {
    local p url faults=()
    for p in "${!page[@]}"; do
        url=http://127.0.0.1:${page[$p]}/metrics
        curl -fs -D "$work/head" "$url" >"$work/page"
        grep -qi '^content-type: text/plain; version=0.0.4' "$work/head" || die "the default of $p is not text: $(cat "$work/head")"
        "$promtool" check metrics <"$work/page" || faults+=("$p")
        curl -fs -D "$work/head" -H 'Accept: application/openmetrics-text;version=1.0.0' "$url" >"$work/page"
        grep -qi '^content-type: application/openmetrics-text; version=1.0.0' "$work/head" || die "no OpenMetrics of $p: $(cat "$work/head")"
        [ "$(tail -n 1 "$work/page")" = '# EOF' ] || die "the page of $p has no end"
    done
    [ ${#faults[@]} -eq 0 ] || die "promtool finds fault with the text of ${faults[*]}"
}

up() { ask query --data-urlencode 'query=sum(up)' | grep -q "\"${#page[@]}\"\]"; }
has_exemplar() { ask query_exemplars --data-urlencode "query=lp_request_seconds_bucket{service=\"$1\"}" -d start=0 -d end=4102444800 | grep -q "$trace"; }

prometheus_takes_open_metrics_and_its_exemplars() {
    local p
    for p in "${front[@]}"; do
        curl -fs -o "$work/answer" -H "traceparent: 00-$trace-b7ad6b7169203331-01" "http://127.0.0.1:$p/health"
    done
    "$prometheus" --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/store" --web.listen-address="127.0.0.1:$store" \
        --enable-feature=exemplar-storage --log.level=warn 2>"$work/prometheus.log" &
    pids+=($!)
    await 60 up
    # An exemplar is in OpenMetrics only: that it is there tells which of the two was read.
    for p in "${!front[@]}"; do await 30 has_exemplar "${p#lp-}"; done
    # Counters are series of the same names as in the text.
    ask query --data-urlencode 'query=count(lp_requests_total)' | grep -q '"value"' || die "no lp_requests_total"
}

find_prometheus
start
every_program_is_asked
the_text_is_the_default_and_promtool_takes_it
prometheus_takes_open_metrics_and_its_exemplars
echo "promtool and Prometheus read what ${#page[@]} programs tell, and exemplars lead to the trace"
