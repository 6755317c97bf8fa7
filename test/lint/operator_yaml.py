#!/usr/bin/env python3
"""What config/install.yaml and install-namespaced.yaml promise of the operator: one function for each promise."""
import json
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = []  # of the file that is looked at


def of_kind(kind):
    return [d for d in DOCS if d["kind"] == kind]


def pod():
    return of_kind("Deployment")[0]["spec"]["template"]["spec"]


def version():
    return of_kind("CustomResourceDefinition")[0]["spec"]["versions"][0]


def no_admission_webhook_is_registered():
    return not [d["kind"] for d in DOCS if "Webhook" in d["kind"] or "AdmissionPolicy" in d["kind"]]


def one_version_is_served_and_nothing_is_converted():
    crd = of_kind("CustomResourceDefinition")[0]["spec"]
    return len(crd["versions"]) == 1 and version()["served"] and version()["storage"] and "conversion" not in crd


def a_platform_has_no_scale_subresource():
    return version()["subresources"] == {"status": {}}


def the_printer_columns_are_the_ones_that_the_docs_name():
    columns = [(c["name"], c.get("priority", 0)) for c in version()["additionalPrinterColumns"]]
    usual = [n for n, priority in columns if priority == 0]
    wide = [n for n, priority in columns if priority > 0]
    # More may stand between them; the order of these holds.
    wanted = ["READY", "PHASE", "REPLICAS", "SCALING", "AGE"]
    return [n for n in usual if n in wanted] == wanted and "REASON" in wide


def no_part_of_the_schema_is_an_empty_object():
    # What an API server drops or fills in looks to GitOps tools as if somebody had changed it.
    def has_empty(o):
        if isinstance(o, dict):
            return not o or any(has_empty(v) for v in o.values())
        return isinstance(o, list) and any(has_empty(v) for v in o)
    return not has_empty(version()["schema"])


def the_operators_pod_keeps_to_the_restricted_profile():
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    spec = pod()
    containers = spec["containers"] + spec.get("initContainers", [])
    for c in containers:
        s = c["securityContext"]
        if s.get("allowPrivilegeEscalation") is not False or s.get("capabilities") != {"drop": ["ALL"]}:
            return False
        if s.get("readOnlyRootFilesystem") is not True or s.get("privileged"):
            return False
    s = spec["securityContext"]
    host = [k for k in ("hostNetwork", "hostPID", "hostIPC") if spec.get(k)]
    kinds = {k for v in spec.get("volumes", []) for k in v if k != "name"}
    return (s["runAsNonRoot"] is True and s["runAsUser"] > 0 and s["seccompProfile"] == {"type": "RuntimeDefault"}
            and not host and kinds <= {"projected", "emptyDir", "configMap", "downwardAPI"})


def its_namespace_lets_only_restricted_pods_in():
    labels = of_kind("Namespace")[0]["metadata"]["labels"]
    return labels["pod-security.kubernetes.io/enforce"] == "restricted"


def its_token_is_mounted_for_an_hour_and_only_there():
    account = of_kind("ServiceAccount")[0]
    tokens = [s["serviceAccountToken"] for v in pod()["volumes"] for s in v.get("projected", {}).get("sources", [])
              if "serviceAccountToken" in s]
    return (account["automountServiceAccountToken"] is False and pod()["automountServiceAccountToken"] is False
            and tokens == [{"path": "token", "expirationSeconds": 3600}])


def two_replicas_are_spread_and_not_evicted_together():
    budget = of_kind("PodDisruptionBudget")[0]["spec"]
    labels = of_kind("Deployment")[0]["spec"]["template"]["metadata"]["labels"]
    spread = {c["topologyKey"] for c in pod()["topologySpreadConstraints"]}
    return (of_kind("Deployment")[0]["spec"]["replicas"] == 2 and budget["maxUnavailable"] == 1
            and budget["selector"]["matchLabels"].items() <= labels.items()
            and spread == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"})


def a_network_policy_lets_in_what_its_ports_are_for():
    policy = of_kind("NetworkPolicy")[0]["spec"]
    ports = {p["port"] for rule in policy["ingress"] for p in rule["ports"]}
    names = {p["name"] for c in pod()["containers"] for p in c["ports"]}
    labels = of_kind("Deployment")[0]["spec"]["template"]["metadata"]["labels"]
    return ports == {"https", "metrics"} <= names and policy["podSelector"]["matchLabels"].items() <= labels.items()


def no_role_reads_a_secret_of_others():
    for role in of_kind("Role") + of_kind("ClusterRole"):
        for rule in role["rules"]:
            if "secrets" in rule["resources"] and rule["verbs"] != ["create"] and rule.get("resourceNames") != ["lp-metrics-tls"]:
                return False
    return True


def every_object_is_small_enough_for_kubectl_apply():
    # which keeps it as compact JSON in an annotation, with < > & as Go writes them; annotations have 256 KiB in all
    kept = (json.dumps(d, separators=(",", ":")) for d in DOCS)
    return all(len(text) + 5 * sum(map(text.count, "<>&")) < 262144 for text in kept)


PROMISES = [f for name, f in list(globals().items())
            if callable(f) and getattr(f, "__module__", "") == "__main__" and name not in ("of_kind", "pod", "version")]
# The definition and the namespace are the cluster admin's there.
NOT_NAMESPACED = {one_version_is_served_and_nothing_is_converted, a_platform_has_no_scale_subresource,
                  the_printer_columns_are_the_ones_that_the_docs_name, no_part_of_the_schema_is_an_empty_object,
                  its_namespace_lets_only_restricted_pods_in}
broken = 0
for path, promises in (("config/install.yaml", PROMISES),
                       ("config/install-namespaced.yaml", [f for f in PROMISES if f not in NOT_NAMESPACED])):
    DOCS[:] = [d for d in yaml.safe_load_all((ROOT / path).read_text()) if d]
    for f in promises:
        if f() is not True:
            print(f"{path} does not hold: {f.__name__.replace('_', ' ')}")
            broken += 1
if len(PROMISES) < 12:
    print(f"only {len(PROMISES)} promises were found")
sys.exit(bool(broken) or len(PROMISES) < 12)
