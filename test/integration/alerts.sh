#!/bin/bash
# The alerts of dashboards/: promtool reads the rules, each fires where it should and not in a quiet hour
# (alerts/rules.yaml), each has a runbook. alerts.sh WORKDIR
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$1
rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)

die() {
    echo "alerts: $*" >&2
    exit 1
}

# Debian's promtool, without its package's service, which would start on port 9090.
find_promtool() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/learning-platform/prometheus
    if command -v promtool >/dev/null; then
        promtool=promtool
        return
    fi
    promtool=$cache/usr/bin/promtool
    [ ! -x "$promtool" ] || return 0
    (cd "$work" && apt-get download -qq prometheus) >"$work/download.log" 2>&1 ||
        die "cannot download the package prometheus: $(tail -1 "$work/download.log"); install promtool yourself, or run apt-get update"
    dpkg-deb -x "$work"/prometheus_*.deb "$work/package"
    rm -rf "$cache"
    mkdir -p "$(dirname "$cache")"
    mv "$work/package" "$cache"
}

find_promtool
"$promtool" check rules dashboards/alerts.yaml
mapfile -t alerts < <(sed -n 's/^  - alert: //p' dashboards/alerts.yaml)
[ ${#alerts[@]} -gt 0 ] || die "dashboards/alerts.yaml has no alert"
for alert in "${alerts[@]}"; do
    grep -q "alertname: $alert\$" test/integration/alerts/rules.yaml || die "no case of alerts/rules.yaml has $alert firing"
done
grep -o 'runbook: .*' dashboards/alerts.yaml | while read -r _ page; do
    [ -s "$page" ] || die "$page is not there"
done
[ "$(grep -c 'runbook: ' dashboards/alerts.yaml)" = ${#alerts[@]} ] || die "an alert has no runbook"
cp dashboards/alerts.yaml test/integration/alerts/rules.yaml "$work"
"$promtool" test rules "$work/rules.yaml"
echo "${#alerts[@]} alerts fire where they should, each has a runbook"
