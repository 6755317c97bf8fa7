#!/bin/bash
# The way to v1beta1 (docs/versions.md) as a dry run: a definition with both versions, made of crds/ here and shipped nowhere. Every sample
# goes there and back without loss, objects move to v1beta1 in the storage, and a step too early is refused. No controllers, no operator.
#   versions.sh DIR      starts a control plane of its own in DIR and stops it
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/e2e/lib/common.sh

command -v kubectl >/dev/null || need_parts kubectl
dir=$(realpath -m "$1")
trap 'test/integration/control-plane stop "$dir" 2>/dev/null' EXIT
KUBECONFIG=$(test/integration/control-plane start "$dir" --no-controllers)
export KUBECONFIG
bad=0
fails() { echo "not ok: $*"; bad=1; }
CRD=learningplatforms.learningplatform.io
OLD=learningplatforms.v1alpha1.learningplatform.io NEW=learningplatforms.v1beta1.learningplatform.io

# The shipped definition with v1beta1 beside v1alpha1, whose fields it has.
definition() { # STORED [SERVED...]: the versions
    python3 - "$@" <<'PY'
import copy, json, sys, yaml
stored, *served = sys.argv[1:]
o = yaml.safe_load(open("crds/learningplatform.yaml", encoding="utf-8"))
old, = o["spec"]["versions"]
new = copy.deepcopy(old)
new["name"] = "v1beta1"
old["deprecated"] = True
old["deprecationWarning"] = "learningplatform.io/v1alpha1 is deprecated: use learningplatform.io/v1beta1"
o["spec"]["versions"] = [new, old]
o["spec"]["conversion"] = {"strategy": "None"}
for v in (new, old):
    v["storage"], v["served"] = v["name"] == stored, v["name"] in (served or ("v1alpha1", "v1beta1"))
json.dump(o, sys.stdout)
PY
}

apply_definition() { # STORED [SERVED...]
    definition "$@" >"$dir/definition.json"
    kubectl apply --server-side --force-conflicts -f "$dir/definition.json" >/dev/null
}

serves() { # VERSION...: these and no other
    [ "$(kubectl get --raw /apis/learningplatform.io 2>/dev/null | jq -r '[.versions[].version] | sort | join(" ")')" = "$*" ]
}

# All objects in one version, without what names it.
as() { # RESOURCE
    kubectl get "$1" -A -o json 2>/dev/null | jq -S '[.items[] | del(.apiVersion, .metadata.managedFields, .metadata.resourceVersion, .metadata.generation)]'
}

# apiVersion of every object, as etcd has it.
stored() {
    local from=/registry/learningplatform.io/learningplatforms/ to=/registry/learningplatform.io/learningplatforms0
    curl -fsS --max-time 20 "http://127.0.0.1:$(<"$dir/etcd.port")/v3/kv/range" -d "$(jq -cn --arg a "$from" --arg b "$to" '{key: ($a | @base64), range_end: ($b | @base64)}')" |
        jq -r '.kvs[].value | @base64d | fromjson | .apiVersion' | sort | uniq -c | sed 's/^ *//'
}

count=0
samples_are_there() {
    local sample
    kubectl apply --server-side --force-conflicts -f crds/learningplatform.yaml >/dev/null
    wait_for "v1alpha1" 30 serves v1alpha1
    for sample in config/samples/*.yaml; do
        python3 - "$sample" <<'PY' | kubectl apply --server-side -f - >/dev/null || fails "$sample is refused"
import json, pathlib, sys, yaml
o, = (o for o in yaml.safe_load_all(open(sys.argv[1], encoding="utf-8")) if o and o["kind"] == "LearningPlatform")
o["metadata"] |= {"namespace": "default", "name": pathlib.Path(sys.argv[1]).stem}
print(json.dumps(o))
PY
        count=$((count + 1))
    done
    kubectl get lp -o name | xargs -I{} kubectl patch {} --subresource=status --type=merge -p '{"status": {"phase": "Ready", "observedGeneration": 1}}' >/dev/null
    [ "$count" -ge 4 ] && [ "$(kubectl get lp -o name | wc -l)" = "$count" ] || fails "$count samples, and $(kubectl get lp -o name | wc -l) objects"
    as "$OLD" >"$dir/before"
}

both_versions_show_the_same() {
    apply_definition v1alpha1 || fails "the definition with both versions is refused"
    wait_for "both versions" 30 serves v1alpha1 v1beta1
    as "$NEW" | diff "$dir/before" - >"$dir/diff" || fails "v1beta1 shows something else: $(head -20 "$dir/diff")"
    [ "$(stored)" = "$count learningplatform.io/v1alpha1" ] || fails "stored before: $(stored)"
}

# What is written in one is read in the other, there and back.
what_is_written_in_one_is_read_in_the_other() {
    kubectl get "$NEW" -n default smallest -o json | jq '.spec.services.auth.concurrency = 7' | kubectl replace -f - >/dev/null || fails "an edit in v1beta1"
    [ "$(kubectl get "$OLD" -n default smallest -o 'jsonpath={.spec.services.auth.concurrency}' 2>/dev/null)" = 7 ] || fails "an edit in v1beta1 is not there in v1alpha1"
    kubectl get "$OLD" -n default smallest -o json 2>/dev/null | jq 'del(.spec.services.auth.concurrency)' | kubectl replace -f - >/dev/null 2>&1
    as "$NEW" | diff "$dir/before" - >"$dir/diff" || fails "after an edit and its end: $(head -20 "$dir/diff")"
    if kubectl patch "$NEW" -n default smallest --type=merge -p '{"spec": {"services": {"auth": {"autoscaling": {"minReplicas": 5, "maxReplicas": 2}}}}}' >"$dir/refused" 2>&1; then
        fails "v1beta1 has not the rules of v1alpha1"
    fi
    grep -q maxReplicas "$dir/refused" || fails "the refusal names no field: $(cat "$dir/refused")"
}

# Every client is told by the API server; of v1beta1 nobody is.
the_old_version_warns() {
    kubectl get "$OLD" -A 2>&1 >/dev/null | grep -q 'Warning: learningplatform.io/v1alpha1 is deprecated: use learningplatform.io/v1beta1' || fails "v1alpha1 warns nobody"
    ! kubectl get "$NEW" -A 2>&1 >/dev/null | grep -i warning || fails "v1beta1 warns"
}

# Before the migration an older release's definition takes the place of this one, and everything is there.
a_rollback_before_the_migration_loses_nothing() {
    kubectl apply --server-side --force-conflicts -f crds/learningplatform.yaml >/dev/null || fails "the definition of before is refused"
    wait_for "v1alpha1 alone" 30 serves v1alpha1
    as "$OLD" | diff "$dir/before" - >"$dir/diff" || fails "after the rollback: $(head -20 "$dir/diff")"
    apply_definition v1alpha1
    wait_for "both versions" 30 serves v1alpha1 v1beta1
}

# The storage says so once everything was written once; before, the old version cannot go.
objects_move_to_the_new_version() {
    local versions
    apply_definition v1beta1 || fails "v1beta1 as the stored version is refused"
    versions=$(kubectl get crd "$CRD" -o 'jsonpath={.status.storedVersions}')
    [ "$versions" = '["v1alpha1","v1beta1"]' ] || fails "storedVersions: $versions"
    jq 'del(.spec.versions[] | select(.name == "v1alpha1"))' "$dir/definition.json" >"$dir/early.json"
    if kubectl apply --server-side --force-conflicts -f "$dir/early.json" >"$dir/refused" 2>&1; then fails "v1alpha1 goes while objects may be stored so"; fi
    grep -q storedVersions "$dir/refused" || fails "the refusal: $(cat "$dir/refused")"
    kubectl get "$NEW" -A -o json | kubectl replace -f - >/dev/null || fails "the objects cannot be written once"
    [ "$(stored)" = "$count learningplatform.io/v1beta1" ] || fails "stored after: $(stored)"
    kubectl patch crd "$CRD" --subresource=status --type=merge -p '{"status": {"storedVersions": ["v1beta1"]}}' >/dev/null || fails "storedVersions cannot be set"
    as "$NEW" | diff "$dir/before" - >"$dir/diff" || fails "after the migration: $(head -20 "$dir/diff")"
}

the_old_version_goes() {
    apply_definition v1beta1 v1beta1
    wait_for "v1beta1 alone" 30 serves v1beta1
    kubectl apply --server-side --force-conflicts -f "$dir/early.json" >/dev/null || fails "v1alpha1 cannot be taken out"
    as "$NEW" | diff "$dir/before" - >"$dir/diff" || fails "at the end: $(head -20 "$dir/diff")"
    if kubectl apply --server-side --force-conflicts -f crds/learningplatform.yaml >"$dir/refused" 2>&1; then fails "a definition without the stored version is taken"; fi
}

samples_are_there
both_versions_show_the_same
what_is_written_in_one_is_read_in_the_other
the_old_version_warns
a_rollback_before_the_migration_loses_nothing
objects_move_to_the_new_version
the_old_version_goes
echo "the definition: $(wc -c <crds/learningplatform.yaml) bytes as shipped, $(definition v1alpha1 | wc -c) of JSON with both versions"
exit $bad
