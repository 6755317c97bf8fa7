#!/usr/bin/env python3
"""Mutating admission policies of the API server itself, and an operator whose objects they touch.

One adds labels, annotations and a sidecar: these stay, and nothing is written for them. One changes a field that
the operator applies: told as FieldConflict, with a bounded number of writes, and undone once the policy is gone.
    policy.py DIR [WORDS...]   a control plane of its own in DIR; only the cases that hold one of WORDS
"""
import os
import sys
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib")]
# pylint: disable=wrong-import-position
from plane import GROUP, SYSTEM, Operator, main, wait_for

# A beta of Kubernetes 1.34, off by default: https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
os.environ["LP_APISERVER_FLAGS"] = ("--feature-gates=MutatingAdmissionPolicy=true "
                                    "--runtime-config=admissionregistration.k8s.io/v1beta1=true")
NS = "learning"
POLICIES = "/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolicybindings"
QUIET_SECONDS = 4  # the platform is looked at every second meanwhile
ADD = """Object{
  metadata: Object.metadata{labels: {"policy.example.org/team": "english"}, annotations: {"policy.example.org/seen": "yes"}},
  spec: Object.spec{template: Object.spec.template{
    metadata: Object.spec.template.metadata{annotations: {"policy.example.org/inject": "yes"}},
    spec: Object.spec.template.spec{containers: [
      Object.spec.template.spec.containers{name: "sidecar", image: "registry.example.org/sidecar:1"}]}}}}"""
REWRITE = """Object{
  spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
    containers: object.spec.template.spec.containers.map(c,
      Object.spec.template.spec.containers{name: c.name, imagePullPolicy: "Always"})}}}}"""


class Policies:
    def __init__(self, plane):
        self.plane = plane
        # WORKERS 1: two platforms are looked at one after the other, and the count of writes says more.
        self.operator = Operator(plane, "operator-a", plane.port, RESYNC_SECONDS="1", WORKERS="1")

    def policy(self, name, expression):
        """In force for Deployments of NS."""
        self.plane.call("POST", POLICIES, {
            "apiVersion": "admissionregistration.k8s.io/v1beta1", "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {"failurePolicy": "Fail", "reinvocationPolicy": "Never",
                     "matchConstraints": {"resourceRules": [{
                         "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"],
                         "operations": ["CREATE", "UPDATE"]}]},
                     "mutations": [{"patchType": "ApplyConfiguration",
                                    "applyConfiguration": {"expression": expression}}]}})
        self.plane.call("POST", BINDINGS, {
            "apiVersion": "admissionregistration.k8s.io/v1beta1", "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name,
                     "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NS}}}}})

    def in_force(self, holds):
        """The API server takes a policy over a moment after it was written."""
        def tried():
            o = self.plane.call("POST", f"/apis/apps/v1/namespaces/{NS}/deployments?dryRun=All", {
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "probe"},
                "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {"containers": [{"name": "main", "image": "i", "imagePullPolicy": "IfNotPresent"}]}}}})
            return holds(o)
        wait_for("the policy is in force", 60, tried)

    def remove(self, name):
        self.plane.call("DELETE", f"{BINDINGS}/{name}")
        self.plane.call("DELETE", f"{POLICIES}/{name}")

    def deployment(self, name="english-auth"):
        return self.plane.get(f"/apis/apps/v1/namespaces/{NS}/deployments/{name}")

    def conflict(self):
        o = self.plane.get(f"{GROUP}/namespaces/{NS}/learningplatforms/english")
        for c in o.get("status", {}).get("conditions", []):
            if c["type"] == "FieldConflict":
                return c
        return None

    def writes(self):
        """What the operator has written so far, the lease aside. (A Secret that is there already is refused.)"""
        user = f"system:serviceaccount:{SYSTEM}:{self.operator.account}"
        return [f"{e['verb']} {e['requestURI']}" for e in self.plane.audit()
                if e["user"].get("username") == user and e["verb"] in ("create", "update", "patch", "delete")
                and e["objectRef"]["resource"] != "leases" and e["responseStatus"]["code"] < 300]

    def passes(self):
        return sum(max(0, self.operator.metric(f'controller_runtime_reconcile_total{{controller="learningplatform",result="{r}"}}'))
                   for r in ("success", "requeue", "requeue_after", "error"))

    def quiet(self, concurrency):
        """Everything is written; then the platform is looked at again and again and nothing is."""
        wait_for("carried out", 60, lambda: self.plane.carried_out(NS, "english", concurrency))
        known = []

        def settled():
            known.append(len(self.writes()))
            time.sleep(0.5)  # between two readings of a log
            return len(known) > 4 and known[-1] == known[-5]
        wait_for("the writes end", 60, settled)
        before, passes = self.writes(), self.passes()
        end = time.monotonic() + QUIET_SECONDS
        wait_for("several looks at the platform", 60,
                 lambda: self.passes() >= passes + 3 and time.monotonic() > end)
        more = self.writes()[len(before):]
        assert not more, f"written while nothing changed: {more[:3]} of {len(more)}"

    def additions(self):
        self.policy("add", ADD)
        self.in_force(lambda o: o["metadata"].get("annotations", {}).get("policy.example.org/seen") == "yes")
        self.operator.start().wait_ready(60)
        self.plane.platform(NS, "english", {"services": {"auth": {"concurrency": 21}}})
        self.quiet(21)
        self.there()
        self.plane.edit(NS, "english", 22)
        self.quiet(22)
        self.there()
        assert self.conflict() is None, self.conflict()

    def there(self):
        o = self.deployment()
        template = o["spec"]["template"]
        assert o["metadata"]["labels"]["policy.example.org/team"] == "english"
        assert o["metadata"]["annotations"]["policy.example.org/seen"] == "yes"
        assert template["metadata"]["annotations"]["policy.example.org/inject"] == "yes"
        assert [c["name"] for c in template["spec"]["containers"]].count("sidecar") == 1

    def rewriting(self):
        self.policy("rewrite", REWRITE)
        self.in_force(lambda o: o["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "Always")
        before = len(self.writes())
        self.plane.edit(NS, "english", 23)
        self.quiet(23)
        wrote = len(self.writes()) - before
        assert wrote <= 12, f"{wrote} writes for one edit: {self.writes()[before:]}"
        assert self.deployment()["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "Always"
        self.there()
        c = self.conflict()
        assert c and c["status"] == "True" and c["reason"] == "RewrittenOnAdmission", c
        for part in ("Deployment english-auth", "imagePullPolicy", '"Always"', '"IfNotPresent"'):
            assert part in c["message"], f"{part} is not in: {c['message']}"
        return f"{wrote} writes"

    def another_leader(self):
        """Which knows nothing of it, applies each rewritten object once."""
        assert self.operator.end() == 0
        before = len(self.writes())
        self.operator.start().wait_ready(60)
        wait_for("it leads", 60, lambda: self.operator.leads)
        self.quiet(23)
        wrote = len(self.writes()) - before
        assert wrote <= 12, f"{wrote} writes after a restart: {self.writes()[before:]}"
        assert self.conflict()["status"] == "True"
        return f"{wrote} writes"

    def policy_goes(self):
        self.remove("rewrite")
        self.in_force(lambda o: o["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] != "Always")
        self.plane.edit(NS, "english", 24)
        self.quiet(24)
        assert self.deployment()["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
        wait_for("the conflict is over", 60, lambda: self.conflict()["status"] == "False")

    def ends_well(self):
        assert self.operator.end() == 0
        assert not self.operator.complaints(), self.operator.complaints()[:3]


def run(plane, suite):
    plane.namespace(NS)
    p = Policies(plane)
    try:
        suite.case("what a policy adds to our objects stays, and nothing is written for it", p.additions)
        suite.case("a policy that changes a field of ours is told of and not fought", p.rewriting)
        suite.case("another leader writes each such object once", p.another_leader)
        suite.case("without the policy the field is ours again", p.policy_goes)
        suite.case("the operator ends well and leaks nothing", p.ends_well)
    finally:
        if p.operator.process and p.operator.alive:
            p.operator.end()


if __name__ == "__main__":
    main(run)
