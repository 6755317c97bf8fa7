#!/usr/bin/env python3
"""config/argocd/argocd-cm.yaml in a Lua interpreter, on platforms that a real operator carries out at a real API server.

No controllers run: the test writes what the Deployment and StatefulSet controllers would say of pods.
    argocd.py DIR [WORDS...]   a control plane of its own in DIR; only the cases that hold one of WORDS
"""
import os
import subprocess
import sys

import yaml

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib")]
# pylint: disable=wrong-import-position
from plane import GROUP, TOP, Operator, main, wait_for

NS = "learning"
KIND = "learningplatform.io_LearningPlatform"


def lua_of(value):
    """The same value as a Lua table constructor, as Argo CD hands objects over."""
    if isinstance(value, dict):
        return "{" + ",".join(f"[{lua_of(k)}]={lua_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ",".join(lua_of(v) for v in value) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nil"
    if isinstance(value, str):
        return '"' + "".join(c if c.isalnum() or c in " -_./:" else "".join(f"\\{b:03}" for b in c.encode()) for c in value) + '"'
    return str(value)


def run_lua(script, obj, wanted):
    """Runs `script` with `obj`, as a function that returns `r`; the lines that the expressions in `wanted` print."""
    show = "\n".join(f"print({w})" for w in wanted)
    text = f"obj = {lua_of(obj)}\nlocal r = (function()\n{script}\nend)()\n{show}\n"
    out = subprocess.run(["lua5.3", "-"], input=text, check=True, stdout=subprocess.PIPE, text=True).stdout
    return out.splitlines()


class ArgoCD:
    def __init__(self, plane):
        self.plane = plane
        with open(f"{TOP}/config/argocd/argocd-cm.yaml", encoding="utf-8") as f:
            data = yaml.safe_load(f)["data"]
        self.health_lua = data[f"resource.customizations.health.{KIND}"]
        actions = yaml.safe_load(data[f"resource.customizations.actions.{KIND}"])
        self.discovery = actions["discovery.lua"]
        self.actions = {a["name"]: a["action.lua"] for a in actions["definitions"]}
        self.operator = Operator(plane, "operator-a", plane.port)

    def path(self, name):
        return f"{GROUP}/namespaces/{NS}/learningplatforms/{name}"

    def health(self, name="english"):
        return run_lua(self.health_lua, self.plane.get(self.path(name)), ["r.status", "r.message"])

    def becomes(self, health, text, name="english"):
        def holds():
            status, message = self.health(name)
            return status == health and text in message
        try:
            wait_for(f"{name} is {health}: {text}", 60, holds)
        except AssertionError as e:
            raise AssertionError(f"{e}; it is {self.health(name)}") from None

    def offers(self, action):
        return run_lua(self.discovery, self.plane.get(self.path("english")), [f'r["{action}"].disabled']) == ["false"]

    def act(self, action):
        """Does what the action makes of the object, as Argo CD would."""
        obj = self.plane.get(self.path("english"))
        mode, approved = run_lua(self.actions[action], obj, [
            "r.spec.mode", '(r.metadata.annotations or {})["learningplatform.io/approve-upgrade"]'])
        patch = {"spec": {"mode": mode}}
        if approved != "nil":
            patch["metadata"] = {"annotations": {"learningplatform.io/approve-upgrade": approved}}
        self.plane.merge(self.path("english"), patch)
        return obj, approved

    def run_pods(self):
        """The status of every workload says that its pods run."""
        for kind in ("deployments", "statefulsets"):
            items = self.plane.get(f"/apis/apps/v1/namespaces/{NS}/{kind}")["items"]
            for o in items:
                n = o["spec"].get("replicas", 1)
                status = {"observedGeneration": o["metadata"]["generation"], "replicas": n, "readyReplicas": n,
                          "updatedReplicas": n, "availableReplicas": n}
                if kind == "statefulsets":
                    status.update(currentReplicas=n, currentRevision="1", updateRevision="1")
                if o.get("status", {}).get("readyReplicas") != n or o["status"].get("observedGeneration") != status["observedGeneration"]:
                    self.plane.merge(f"/apis/apps/v1/namespaces/{NS}/{kind}/{o['metadata']['name']}/status", {"status": status})

    def runs_pods_until(self, health, text):
        def holds():
            self.run_pods()
            status, message = self.health()
            return status == health and text in message
        try:
            wait_for(f"english is {health}: {text}", 60, holds)
        except AssertionError as e:
            raise AssertionError(f"{e}; it is {self.health()}") from None

    def not_seen(self):
        self.plane.platform(NS, "english")
        self.becomes("Progressing", "has not seen this spec")

    def rolls_out(self):
        self.operator.start()
        self.operator.wait_ready(60)
        self.becomes("Progressing", "Deployment english-gateway")

    def runs(self):
        self.runs_pods_until("Healthy", "run what the spec asks for")

    def name_of_others(self):
        self.plane.call("POST", f"/api/v1/namespaces/{NS}/configmaps",
                        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other-auth"}, "data": {"a": "b"}})
        self.plane.platform(NS, "other")
        self.becomes("Degraded", "other-auth", "other")
        self.plane.call("DELETE", self.path("other"))

    def paused_and_resumed(self):
        assert self.offers("pause") and not self.offers("resume")
        self.act("pause")
        self.becomes("Suspended", "spec.mode is Paused")
        assert self.offers("resume") and not self.offers("pause")
        self.act("resume")
        self.runs_pods_until("Healthy", "run what the spec asks for")

    def planned(self):
        self.act("plan")
        self.plane.edit(NS, "english", 33)
        self.becomes("Suspended", "")
        wait_for("it tells of the plan", 60, lambda: "plan" in self.health()[1].lower())
        self.act("resume")
        self.runs_pods_until("Healthy", "run what the spec asks for")

    def service_paused(self):
        self.plane.merge(self.path("english"), {"spec": {"services": {"auth": {"paused": True}}}})
        self.becomes("Suspended", "auth")
        self.plane.merge(self.path("english"), {"spec": {"services": {"auth": {"paused": False}}}})
        self.runs_pods_until("Healthy", "run what the spec asks for")

    def approves(self):
        assert not self.offers("approve-upgrade")
        obj, approved = self.act("approve-upgrade")
        assert approved == str(obj["metadata"]["generation"]), approved
        self.runs_pods_until("Healthy", "run what the spec asks for")


def run(plane, suite):
    plane.namespace(NS)
    a = ArgoCD(plane)
    try:
        suite.case("a platform that no operator has seen is Progressing", a.not_seen)
        suite.case("one whose pods are not ready is Progressing", a.rolls_out)
        suite.case("one that runs what the spec asks for is Healthy", a.runs)
        suite.case("one that meets an object of others is Degraded, and the message names it", a.name_of_others)
        suite.case("the actions pause and resume: Suspended, and Healthy again", a.paused_and_resumed)
        suite.case("the action plan and an edit: Suspended until it is resumed", a.planned)
        suite.case("one with a paused service is Suspended", a.service_paused)
        suite.case("the action approve-upgrade approves this generation", a.approves)
    finally:
        a.operator.end()


if __name__ == "__main__":
    main(run, "--no-controllers")
