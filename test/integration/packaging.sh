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
        if o is None or o["kind"] == "Namespace":
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

# On the API server.
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
helm uninstall lp --namespace $system >"$dir/uninstalled" 2>&1 || fails "helm uninstall: $(cat "$dir/uninstalled")"
kubectl get crd learningplatforms.learningplatform.io >/dev/null || fails "helm uninstall takes the definition, and all platforms with it"
kubectl apply -k config --dry-run=server >"$dir/kustomized" 2>&1 || fails "kubectl apply -k config: $(cat "$dir/kustomized")"
exit $bad
