#!/bin/bash
# The page of metrics by those who read it: promtool takes the text, a real Prometheus the OpenMetrics, whose exemplars lead to a trace.
# openmetrics.sh WORKDIR. LP_BIN names the folder of the programs.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=test/integration/lib/processes.sh
. test/integration/lib/processes.sh
# shellcheck source=test/integration/lib/prometheus.sh
. test/integration/lib/prometheus.sh
work=$1 bin=${LP_BIN:-build/dev/bin} pids=() used=()
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
    [ "$1" -eq 0 ] || tail -n 5 "$work"/*.log >&2
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

start() {
    for _ in 1 2 3 4 5; do used+=("$(port)"); done
    front=${used[0]} front_metrics=${used[1]} back=${used[2]} back_metrics=${used[3]} store=${used[4]}
    PORT=$back METRICS_PORT=$back_metrics DRAIN_DELAY=0 AUTH_JWT_SECRET=openmetrics "$bin/lp-ai-feedback" 2>"$work/ai-feedback.log" &
    pids+=($!)
    PORT=$front METRICS_PORT=$front_metrics DRAIN_DELAY=0 AUTH_JWT_SECRET=openmetrics AUTH_SERVICE_URL="http://127.0.0.1:$back" \
        PROGRESS_SERVICE_URL="http://127.0.0.1:$back" AI_SERVICE_URL="http://127.0.0.1:$back" "$bin/lp-gateway" 2>"$work/gateway.log" &
    pids+=($!)
    cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: 1s}
scrape_configs:
- {job_name: lp, static_configs: [{targets: ['127.0.0.1:$front_metrics', '127.0.0.1:$back_metrics']}]}
YAML
    await 60 answers "http://127.0.0.1:$front_metrics/readyz"
    await 60 answers "http://127.0.0.1:$back_metrics/readyz"
}

the_text_is_the_default_and_promtool_takes_it() {
    for p in "$front_metrics" "$back_metrics"; do
        curl -fs -D "$work/head" "http://127.0.0.1:$p/metrics" >"$work/page"
        grep -qi '^content-type: text/plain; version=0.0.4' "$work/head" || die "the default is not text: $(cat "$work/head")"
        "$promtool" check metrics <"$work/page" || die "promtool finds fault with the text"
        curl -fs -D "$work/head" -H 'Accept: application/openmetrics-text;version=1.0.0' "http://127.0.0.1:$p/metrics" >"$work/page"
        grep -qi '^content-type: application/openmetrics-text; version=1.0.0' "$work/head" || die "no OpenMetrics: $(cat "$work/head")"
        [ "$(tail -n 1 "$work/page")" = '# EOF' ] || die "the page has no end"
    done
}

up() { ask query --data-urlencode 'query=sum(up)' | grep -q '"2"\]'; }
has_exemplar() { ask query_exemplars --data-urlencode "query=lp_request_seconds_bucket{service=\"$1\"}" -d start=0 -d end=4102444800 | grep -q "$trace"; }

prometheus_takes_open_metrics_and_its_exemplars() {
    for p in "$front" "$back"; do
        curl -fs -o "$work/answer" -H "traceparent: 00-$trace-b7ad6b7169203331-01" "http://127.0.0.1:$p/health"
    done
    "$prometheus" --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/store" --web.listen-address="127.0.0.1:$store" \
        --enable-feature=exemplar-storage --log.level=warn 2>"$work/prometheus.log" &
    pids+=($!)
    await 60 up
    # An exemplar is in OpenMetrics only: that it is there tells which of the two was read.
    for service in gateway ai-feedback; do await 30 has_exemplar $service; done
    # Counters are series of the same names as in the text.
    ask query --data-urlencode 'query=count(lp_requests_total)' | grep -q '"value"' || die "no lp_requests_total"
}

find_prometheus
start
the_text_is_the_default_and_promtool_takes_it
prometheus_takes_open_metrics_and_its_exemplars
echo "promtool and Prometheus read what the programs tell, and exemplars lead to the trace"
