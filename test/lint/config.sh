#!/usr/bin/env bash
# What users apply is what its parts give, is small enough for kubectl, and asks for no more rights than it should.
set -euo pipefail
cd "$(dirname "$0")/../.."
python3 -c 'import yaml' 2>/dev/null || { echo "python3-yaml is missing: apt-get install python3-yaml"; exit 1; }
bad=0
config/generate --check || bad=1
docs/reference --check || bad=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
config/generate --offline --registry registry.example.org:5000/english --tag v9.9.9-rc.1 --pull-policy Never --output "$work" || bad=1
grep -qF 'image: registry.example.org:5000/english/lp-operator:v9.9.9-rc.1' "$work/install.yaml" || { echo "--registry and --tag did not reach the operator"; bad=1; }
config/generate --cluster-namespace another --output "$work/another" || bad=1
for wrong in '--cluster-namespace A' '--tag a/b' '--registry x/' '--registry a|b' '--mongodb-auth yes' '--pull-policy Sometimes' '--postgres-image' '--nosuch 1'; do
    # shellcheck disable=SC2086 # two words on purpose
    if config/generate $wrong --output "$work/wrong" 2>"$work/why"; then
        echo "config/generate takes $wrong"; bad=1
    elif ! grep -q '^config/generate: error: ' "$work/why"; then
        echo "config/generate $wrong: no sentence: $(cat "$work/why")"; bad=1
    fi
done

python3 - "$work" <<'PY' || bad=1
import glob, sys, yaml

problems = []

class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping."""
    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(k, deep=True) for k, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)

def documents(path):
    with open(path) as f:
        return list(yaml.load_all(f, Strict))

def outside(path):
    """What an installation has outside of its namespace."""
    return {(d["kind"], d["metadata"]["name"]) for d in documents(path) if d["metadata"].get("namespace") in (None, "kube-system")}

# An installation in another namespace takes no rights of the first: the definition and the roles for users are all that they share.
shared = outside("config/install.yaml") & outside(f"{sys.argv[1]}/another/install.yaml")
wanted = {("CustomResourceDefinition", "learningplatforms.learningplatform.io"), ("ClusterRole", "learning-platform-viewer"),
          ("ClusterRole", "learning-platform-editor")}
if shared != wanted:
    problems.append(f"two installations share {sorted(shared)}, wanted {sorted(wanted)}")
if "learning-platform-system" in open(f"{sys.argv[1]}/another/install.yaml").read():
    problems.append("--cluster-namespace: learning-platform-system is still named in install.yaml")

for path in glob.glob("config/samples/*.yaml") + ["config/manager/platform.yaml"]:
    docs = documents(path)
    kinds = [(d.get("apiVersion"), d.get("kind"), d["metadata"].get("namespace")) for d in docs]
    if kinds != [("learningplatform.io/v1alpha1", "LearningPlatform", "learning")]:
        problems.append(f"{path}: wanted one LearningPlatform in namespace learning, is {kinds}")

limit = 262144  # bytes of the annotation that kubectl apply writes
for path in ["config/install.yaml", "config/all-in-one.yaml", f"{sys.argv[1]}/install.yaml", f"{sys.argv[1]}/all-in-one.yaml"]:
    size = len(open(path).read().encode())
    if size >= limit:
        problems.append(f"{path}: {size} bytes, less than {limit} allowed")
    docs = documents(path)
    ids = [(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in docs]
    for i in ids:
        if ids.count(i) > 1:
            problems.append(f"{path}: {i} stands twice")

crd = len(open("crds/learningplatform.yaml").read().encode())
if crd >= 200000:
    problems.append(f"crds/learningplatform.yaml: {crd} bytes, less than 200000 allowed")

docs = documents("config/all-in-one.yaml")
seeds = [d for d in docs if d["kind"] == "ConfigMap" and d["metadata"]["labels"].get("learningplatform.io/seed") == "true"]
if len(seeds) != 1 or yaml.safe_load(seeds[0]["data"]["platform.yaml"]) != documents("config/manager/platform.yaml")[0]:
    problems.append("config/all-in-one.yaml: its seed is not config/manager/platform.yaml")

for d in docs:
    if d["kind"] not in ("Role", "ClusterRole"):
        continue
    name = f"{d['kind']} {d['metadata']['name']}"
    for rule in d["rules"]:
        if "*" in rule["verbs"] or ("*" in rule["resources"] and rule["apiGroups"] != ["custom.metrics.k8s.io"]):
            problems.append(f"{name}: a wildcard: {rule}")
        named = rule.get("resourceNames") == ["lp-metrics-tls"]
        if "secrets" in rule["resources"] and rule["verbs"] != ["create"] and not named:
            problems.append(f"{name}: more than create on secrets: {rule}")

pod = next(d for d in docs if d["kind"] == "Deployment")["spec"]["template"]["spec"]
for c in pod["containers"]:
    s = c["securityContext"]
    if s != {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}:
        problems.append(f"container {c['name']}: securityContext is {s}")
if pod["securityContext"].get("runAsNonRoot") is not True:
    problems.append("the operator's pod does not say runAsNonRoot")

# What ships log lines has no rights at the API server, changes nothing of its own image, and is a whole kustomization.
folder = "config/logging"
objects = [d for name in documents(f"{folder}/kustomization.yaml")[0]["resources"] for d in documents(f"{folder}/{name}")]
kinds = sorted(d["kind"] for d in objects)
if kinds != ["DaemonSet", "Namespace", "NetworkPolicy", "ServiceAccount"]:
    problems.append(f"{folder}: wanted no rights and no Secret, has {kinds}")
if any(d["metadata"].get("namespace", "learning-platform-logs") != "learning-platform-logs" for d in objects):
    problems.append(f"{folder}: an object of another namespace")
pod = next(d for d in objects if d["kind"] == "DaemonSet")["spec"]["template"]["spec"]
written = [v["hostPath"]["path"] for v in pod["volumes"] if "hostPath" in v
           for m in pod["containers"][0]["volumeMounts"] if m["name"] == v["name"] and not m.get("readOnly")]
if written != ["/var/lib/lp-logs"] or pod["automountServiceAccountToken"] or any(pod.get(k) for k in ("hostNetwork", "hostPID", "hostIPC")):
    problems.append(f"{folder}: the pod has a token, a namespace of the node or writes to {written}")
for c in pod["containers"]:
    if c["securityContext"] != {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}:
        problems.append(f"{folder}: securityContext is {c['securityContext']}")
    if not {"cpu", "memory"} <= set(c["resources"]["limits"]):
        problems.append(f"{folder}: {c['name']} has no limits")

# Prometheus and Alertmanager: no rights, and nothing that grows without end.
folder = "config/monitoring"
kustomization = documents(f"{folder}/kustomization.yaml")[0]
objects = [d for name in kustomization["resources"] for d in documents(f"{folder}/{name}")]
if any("ole" in d["kind"] for d in objects):
    problems.append(f"{folder}: wanted no rights, has {[d['kind'] for d in objects]}")
namespace = "learning-platform-monitoring"
elsewhere = [d["metadata"]["name"] for d in objects if d["metadata"].get("namespace", namespace) != namespace]
if elsewhere != ["lp-operator-pods"]:
    problems.append(f"{folder}: of other namespaces wanted lp-operator-pods alone, has {elsewhere}")
sets = {d["metadata"]["name"]: d["spec"]["template"]["spec"] for d in objects if d["kind"] == "StatefulSet"}
policies = {d["metadata"]["name"]: d["spec"]["policyTypes"] for d in objects if d["kind"] == "NetworkPolicy"}
if policies != {name: ["Ingress", "Egress"] for name in sets} or sorted(sets) != ["lp-alertmanager", "lp-prometheus"]:
    problems.append(f"{folder}: wanted a StatefulSet and a NetworkPolicy of lp-prometheus and of lp-alertmanager, has {sorted(sets)}, {policies}")
for name, pod in sets.items():
    c = pod["containers"][0]
    if c["securityContext"] != {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}:
        problems.append(f"{folder}: {name}: securityContext is {c['securityContext']}")
    if pod["securityContext"].get("runAsNonRoot") is not True or pod["automountServiceAccountToken"]:
        problems.append(f"{folder}: {name}: may be root, or has a token")
    if not {"cpu", "memory"} <= set(c["resources"]["limits"]) or not any("retention" in a for a in c["args"]):
        problems.append(f"{folder}: {name} has no limits or no retention")
    if c["image"] != f"learning-platform/{name}:v0.1.0":
        problems.append(f"{folder}: {name}: image is {c['image']}")
ours = documents(f"{folder}/prometheus.yml")[0]
if not all(job.get(bound) for job in ours["scrape_configs"] for bound in ("sample_limit", "body_size_limit")):
    problems.append(f"{folder}/prometheus.yml: a job has no bounds")
names = [d["metadata"]["name"] for d in objects if d["kind"] == "Service"]
if ours["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"][0].split(":")[0] not in names:
    problems.append(f"{folder}/prometheus.yml: its Alertmanager is no Service")

print("\n".join(problems), end="\n" if problems else "")
sys.exit(bool(problems))
PY
exit $bad
