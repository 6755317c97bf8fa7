#!/bin/bash
# The alerts of dashboards/: promtool reads the rules, each fires where it should and not in a quiet hour
# (alerts/rules.yaml, alerts/causes.yaml), each has a runbook. alerts.sh WORKDIR
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=test/integration/lib/prometheus.sh
. test/integration/lib/prometheus.sh
work=$1
rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)

die() {
    echo "alerts: $*" >&2
    exit 1
}

each_alert_has_a_case_and_a_runbook() {
    local alert page
    for alert in "${alerts[@]}"; do
        grep -q "alertname: $alert\$" test/integration/alerts/{rules,causes}.yaml ||
            die "no case of alerts/rules.yaml or causes.yaml has $alert firing"
    done
    [ "$(grep -c 'runbook: ' dashboards/alerts.yaml)" = ${#alerts[@]} ] || die "an alert has no runbook"
    while read -r _ page; do
        [ -s "$page" ] || die "$page is not there"
    done < <(grep -o 'runbook: .*' dashboards/alerts.yaml)
}

alerts_fire_where_they_should_and_not_in_a_quiet_hour() {
    cp dashboards/alerts.yaml test/integration/alerts/rules.yaml "$work"
    "$promtool" check rules "$work/alerts.yaml"
    "$promtool" test rules "$work/rules.yaml"
}

prometheus_takes_what_config_monitoring_gives_it() {
    mkdir "$work/monitoring"
    cp config/monitoring/prometheus.yml config/monitoring/alerts.yaml "$work/monitoring"
    "$promtool" check config "$work/monitoring/prometheus.yml"
}

a_failure_is_told_once_by_its_cause_and_what_follows_is_not() {
    cp test/integration/alerts/causes.yaml "$work"
    "$promtool" test rules "$work/causes.yaml"
}

the_rules_of_a_platform_are_about_it_alone_and_have_its_owners() {
    cp test/unit/golden/platform_alerts.yaml test/integration/alerts/platform.yaml "$work"
    "$promtool" check rules "$work/platform_alerts.yaml"
    "$promtool" test rules "$work/platform.yaml"
}

find_prometheus
mapfile -t alerts < <(sed -n 's/^  - alert: //p' dashboards/alerts.yaml)
[ ${#alerts[@]} -gt 0 ] || die "dashboards/alerts.yaml has no alert"
each_alert_has_a_case_and_a_runbook
prometheus_takes_what_config_monitoring_gives_it
alerts_fire_where_they_should_and_not_in_a_quiet_hour
a_failure_is_told_once_by_its_cause_and_what_follows_is_not
the_rules_of_a_platform_are_about_it_alone_and_have_its_owners
echo "${#alerts[@]} alerts fire where they should, each has a runbook"
