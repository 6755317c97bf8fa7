#!/bin/bash
# The other ways to install give the same objects: kustomize and Helm, compared with install.yaml and install-namespaced.yaml;
# the chart is linted, installed, upgraded and uninstalled on a real API server.
#   packaging.sh DIR        starts a control plane of its own in DIR and stops it
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/e2e/lib/common.sh

command -v kubectl >/dev/null || need_parts kubectl
need_parts helm
dir=$1 chart=charts/learning-platform system=learning-platform-system
export HELM_CACHE_HOME=$dir/helm HELM_CONFIG_HOME=$dir/helm HELM_DATA_HOME=$dir/helm
trap 'test/integration/control-plane stop "$dir" 2>/dev/null' EXIT
KUBECONFIG=$(test/integration/control-plane start "$dir")
export KUBECONFIG
bad=0
fails() { echo "not ok: $*"; bad=1; }

# Prints what differs between two files of objects, but for the Namespaces and Helm's annotation.
differences() { # FILE FILE
    python3 - "$1" "$2" <<'PY'
import sys, yaml

def objects(path):
    found = {}
    for o in yaml.safe_load_all(open(path)):
        if o is None or o["kind"] == "Namespace" or "helm.sh/hook" in o["metadata"].get("annotations", {}):
            continue
        notes = o["metadata"].get("annotations", {})
        notes.pop("helm.sh/resource-policy", None)
        if not notes:
            o["metadata"].pop("annotations", None)
        found[o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]] = o
    return found

a, b = objects(sys.argv[1]), objects(sys.argv[2])
if not a:
    print(sys.argv[1], "holds no object")
for key in sorted(set(a) | set(b), key=str):
    if a.get(key) != b.get(key):
        print(key, "is not in both" if key not in a or key not in b else "differs")
PY
}

same() { # WHAT FILE FILE
    local found
    found=$(differences "$2" "$3")
    [ -z "$found" ] || fails "$1: $found"
}

kubectl kustomize config >"$dir/kustomize.yaml"
same "kubectl kustomize config" config/install.yaml "$dir/kustomize.yaml"
[ "$(grep -c '^kind:' "$dir/kustomize.yaml")" = "$(grep -c '^kind:' config/install.yaml)" ] || fails "kubectl kustomize config: another number of objects"

# config/kustomize: the names of Secrets are followed into a platform.
mkdir -p "$dir/overlay"
cat >"$dir/overlay/platform.yaml" <<'YAML'
apiVersion: learningplatform.io/v1alpha1
kind: LearningPlatform
metadata: {name: english, namespace: learning}
spec:
  databases: {postgres: {mode: External, secretRef: {name: auth-database}}}
  services: {auth: {env: [{name: SMTP_URL, valueFrom: {secretKeyRef: {name: mail, key: url}}}]}}
YAML
cat >"$dir/overlay/kustomization.yaml" <<YAML
resources: [platform.yaml]
components: [component]
secretGenerator:
- {name: auth-database, namespace: learning, literals: [uri=postgres://a]}
- {name: mail, namespace: learning, literals: [url=smtp://a]}
YAML
cp -r config/kustomize "$dir/overlay/component"
kubectl kustomize "$dir/overlay" >"$dir/overlay.yaml" || fails "kubectl kustomize: config/kustomize"
for name in auth-database mail; do
    [ "$(grep -cE "name: $name-[a-z0-9]{10}\$" "$dir/overlay.yaml")" = 2 ] || fails "config/kustomize: the Secret $name is not followed: $(grep "name: $name" "$dir/overlay.yaml")"
done

helm lint --strict $chart >"$dir/lint" 2>&1 || fails "helm lint: $(cat "$dir/lint")"
helm template lp $chart --namespace $system >"$dir/helm.yaml"
same "helm template" config/install.yaml "$dir/helm.yaml"
helm template lp $chart --namespace learning --set 'watchNamespaces={learning}' --set definition=false --set userRoles=false >"$dir/helm-namespaced.yaml"
same "helm template with watchNamespaces" config/install-namespaced.yaml "$dir/helm-namespaced.yaml"
config/generate --registry registry.example.org/english --tag v9 --pull-policy Always --postgres-image r/p:1 --mongo-image r/m:1 --mongodb-auth false \
    --namespace one --watch-namespaces one,two --output "$dir/other"
common=(--set image.registry=registry.example.org/english --set image.tag=v9 --set image.pullPolicy=Always --set postgresImage=r/p:1
    --set mongoImage=r/m:1 --set mongodbAuth=false)
helm template lp $chart --namespace $system "${common[@]}" >"$dir/helm-values.yaml"
same "helm template with images" "$dir/other/install.yaml" "$dir/helm-values.yaml"
helm template lp $chart --namespace one "${common[@]}" --set 'watchNamespaces={one,two}' --set definition=false --set userRoles=false >"$dir/helm-two.yaml"
same "helm template with two namespaces" "$dir/other/install-namespaced.yaml" "$dir/helm-two.yaml"

# values.schema.json: a wrong value is refused before anything is written, with its name.
refused() { # PART_OF_THE_MESSAGE ARGUMENT...
    local part=$1
    shift
    if helm template lp $chart "$@" >"$dir/refused" 2>&1; then
        fails "helm template takes $*"
    elif ! grep -q "$part" "$dir/refused"; then
        fails "helm template $*: wanted \"$part\", got: $(cat "$dir/refused")"
    fi
}
refused metricsAPI --set metricsAPI=Both
refused replicas --set replicas=0
refused logLevel --set logLevel=loud
refused pullPolicy --set image.pullPolicy=Sometimes
refused watchNamespace --set watchNamespace=learning
refused watchNamespaces --set 'watchNamespaces={Learning}'
helm template lp $chart --namespace $system --set global.a=b --set enabled=true >"$dir/helm-parent.yaml"
same "helm template as a part of another chart" config/install.yaml "$dir/helm-parent.yaml"

refused digest --set image.digest=sha256:1
refused resources --set resources.memory=1Gi

# Each option of the chart reaches the object that it is about.
options_reach_their_objects() {
    cat >"$dir/values.yaml" <<'YAML'
image: {digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
imagePullSecrets: [{name: registry}]
resources: {requests: {cpu: 50m}, limits: {memory: 256Mi}}
nodeSelector: {disk: ssd}
tolerations: [{key: infra, operator: Exists}]
affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
priorityClassName: system-cluster-critical
podLabels: {team: "a b"}
podAnnotations: {note: "yes"}
extraLabels: {cost: "1"}
YAML
    helm template lp $chart --namespace $system -f "$dir/values.yaml" >"$dir/helm-options.yaml" || fails "helm template with options"
    python3 - "$dir/helm-options.yaml" <<'PY' || fails "an option of the chart does not reach its object"
import sys, yaml
docs = [d for d in yaml.safe_load_all(open(sys.argv[1])) if d]
deployment, = [d for d in docs if d["kind"] == "Deployment"]
template = deployment["spec"]["template"]
spec, meta = template["spec"], template["metadata"]
container, = spec["containers"]
assert container["image"].endswith("/lp-operator@sha256:" + "0123456789abcdef" * 4), container["image"]
assert container["resources"] == {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}}, container["resources"]
assert spec["imagePullSecrets"] == [{"name": "registry"}] and spec["nodeSelector"] == {"disk": "ssd"}
assert spec["tolerations"] == [{"key": "infra", "operator": "Exists"}] and "podAntiAffinity" in spec["affinity"]
assert spec["priorityClassName"] == "system-cluster-critical"
assert meta["labels"]["team"] == "a b" and meta["annotations"]["note"] == "yes"
assert "team" not in deployment["spec"]["selector"]["matchLabels"]
without = [d["kind"] for d in docs if d["kind"] != "CustomResourceDefinition" and "helm.sh/hook" not in d["metadata"].get("annotations", {})
           and d["metadata"].get("labels", {}).get("cost") != "1"]
assert not without, without
PY
}

# Helm 4 waits by kstatus: for Ready of this generation, and no longer than until a person is needed.
helm_waits_for_a_platform() {
    local helm
    mkdir -p "$dir/waits/templates"
    printf 'apiVersion: v2\nname: waits\nversion: 0.1.0\n' >"$dir/waits/Chart.yaml"
    printf 'apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\nmetadata: {name: english}\n' >"$dir/waits/templates/platform.yaml"
    say_of_platform() { # READY STALLED
        kubectl -n default patch lp english --subresource=status --type merge -p '{"status": {"observedGeneration": 1, "conditions": ['"$(
            for c in "Ready $1" "Stalled $2"; do
                printf '{"type": "%s", "status": "%s", "reason": "Test", "message": "a test", "lastTransitionTime": "2026-01-01T00:00:00Z"},' "${c% *}" "${c#* }"
            done | sed 's/,$//')"']}}' >/dev/null
    }
    helm install waits "$dir/waits" --namespace default --wait --timeout 60s >"$dir/waits.log" 2>&1 &
    helm=$!
    wait_for "the platform of the chart" 30 kubectl -n default get lp english || fails "helm install makes no platform"
    kill -0 "$helm" 2>/dev/null || fails "helm install --wait does not wait for a platform that no operator has looked at: $(cat "$dir/waits.log")"
    say_of_platform True False
    wait "$helm" || fails "helm install --wait does not see that the platform is Ready: $(cat "$dir/waits.log")"
    say_of_platform False True
    if helm upgrade waits "$dir/waits" --namespace default --set a=b --wait --timeout 60s >"$dir/waits.log" 2>&1; then
        fails "helm upgrade --wait takes a platform that is Stalled for done"
    fi
    grep -qiE 'failed|stalled' "$dir/waits.log" || fails "helm upgrade --wait does not say that it failed: $(cat "$dir/waits.log")"
    helm uninstall waits --namespace default >/dev/null 2>&1 || fails "helm uninstall of a chart with a platform"
}

# The chart as it was when this test was written; its values are kept, and no pod restarts.
the_chart_of_before_is_upgraded() {
    local before
    helm install lp test/integration/data/learning-platform-0.1.0.tgz --namespace $system --create-namespace >"$dir/old" 2>&1 || fails "helm install of before: $(cat "$dir/old")"
    await_definition || fails "the chart of before brings no definition"
    before=$(kubectl -n $system get deployment lp-operator -o 'jsonpath={.metadata.generation}')
    helm upgrade lp $chart --namespace $system --reuse-values >"$dir/upgraded" 2>&1 || fails "helm upgrade --reuse-values from the chart of before: $(cat "$dir/upgraded")"
    [ "$(kubectl -n $system get deployment lp-operator -o 'jsonpath={.metadata.generation}')" = "$before" ] || fails "the upgrade from the chart of before restarts the operator"
    kubectl get crd learningplatforms.learningplatform.io -o json | jq -e '.spec.versions[0].schema.openAPIV3Schema.properties.status.properties.phase.description' >/dev/null ||
        fails "the upgrade does not bring the new definition"
    helm uninstall lp --namespace $system >/dev/null 2>&1 || fails "helm uninstall of the upgraded chart"
}

# What helm says when its pod has ended so; without a kubelet nobody else ends it.
helm_test_ends() { # PHASE STATUS
    local helm status=0
    kubectl -n $system delete pod lp-check --ignore-not-found >/dev/null
    helm test lp --namespace $system --timeout 120s >"$dir/helm-test" 2>&1 &
    helm=$!
    wait_for "the pod of helm test" 60 kubectl -n $system get pod lp-check || fails "helm test makes no pod"
    kubectl -n $system patch pod lp-check --subresource=status --type=merge -p "{\"status\": {\"phase\": \"$1\"}}" >/dev/null
    wait "$helm" || status=$?
    [ "$status" = "$2" ] || fails "helm test, its pod $1: status $status, wanted $2: $(cat "$dir/helm-test")"
}

# `helm test` makes a pod that runs the check; without a kubelet it stays Pending, so what it would run is run here.
helm_test_runs_the_check() {
    local token status=0
    helm template lp $chart --namespace $system --show-only templates/test.yaml >"$dir/test-pod.yaml"
    kubectl -n $system apply -f "$dir/test-pod.yaml" --dry-run=server >"$dir/test-pod" 2>&1 || fails "the pod of helm test: $(cat "$dir/test-pod")"
    if grep -q Warning "$dir/test-pod"; then fails "the pod of helm test is not restricted: $(cat "$dir/test-pod")"; fi
    [ -n "${LP_BIN:-}" ] || return 0
    token=$(kubectl -n $system create token lp-operator)
    kubectl config view --raw -o json | jq --arg token "$token" '.users[].user = {token: $token}' >"$dir/operator.kubeconfig"
    "$LP_BIN/kubectl-lp" check -o json -n $system --kubeconfig "$dir/operator.kubeconfig" >"$dir/check.json" 2>"$dir/check.err" || status=$?
    [ "$status" = 1 ] || fails "the check of helm test: status $status, wanted 1, as no pod runs here: $(cat "$dir/check.err")"
    jq -e '[.checks[] | select(.check == "api-server" and .result == "ok")] | length == 1' "$dir/check.json" >/dev/null ||
        fails "the operator's rights do not do for the check: $(cat "$dir/check.json")"
    helm_test_ends Succeeded 0
    helm_test_ends Failed 1
}

options_reach_their_objects

# On the API server.
the_chart_of_before_is_upgraded
kubectl delete crd learningplatforms.learningplatform.io >/dev/null
helm install lp $chart --namespace $system --create-namespace >"$dir/installed" 2>&1 || fails "helm install: $(cat "$dir/installed")"
grep -q "kind: LearningPlatform" "$dir/installed" || fails "helm install does not say what to apply next"
await_definition || fails "the chart brings no definition"
kubectl -n $system get deployment lp-operator >/dev/null || fails "the chart brings no operator"
before=$(kubectl -n $system get deployment lp-operator -o 'jsonpath={.metadata.generation}')
helm upgrade lp $chart --namespace $system >"$dir/upgraded" 2>&1 || fails "helm upgrade: $(cat "$dir/upgraded")"
[ "$(kubectl -n $system get deployment lp-operator -o 'jsonpath={.metadata.generation}')" = "$before" ] || fails "helm upgrade to the same changes the Deployment"
helm upgrade lp $chart --namespace $system --set logLevel=debug >"$dir/upgraded" 2>&1 || fails "helm upgrade: $(cat "$dir/upgraded")"
kubectl -n $system get deployment lp-operator -o json | jq -e '.spec.template.spec.containers[0].env | any(.name == "LOG_LEVEL" and .value == "debug")' >/dev/null ||
    fails "helm upgrade --set logLevel=debug does not arrive"
helm_test_runs_the_check
helm_waits_for_a_platform
helm uninstall lp --namespace $system >"$dir/uninstalled" 2>&1 || fails "helm uninstall: $(cat "$dir/uninstalled")"
kubectl get crd learningplatforms.learningplatform.io >/dev/null || fails "helm uninstall takes the definition, and all platforms with it"
kubectl apply -k config --dry-run=server >"$dir/kustomized" 2>&1 || fails "kubectl apply -k config: $(cat "$dir/kustomized")"
exit $bad
