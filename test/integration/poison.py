#!/usr/bin/env python3
"""A platform that kills the operator: whoever applies its Deployment of auth gets SIGKILL.

The test is the kubelet that starts the process again, in the same folder. After the second death the
platform must be quarantined, also by another replica, and all others carried out.
    poison.py DIR [WORDS...]   a control plane of its own in DIR; only the cases that hold one of WORDS
"""
import os
import signal
import sys
import threading

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), p) for p in ("lib", "../fake")]
# pylint: disable=wrong-import-position
from fault_proxy import Fault, FaultProxy
from plane import GROUP, Operator, main, wait_for

NS = "learning"
OTHERS = ["english", "french", "german", "greek", "hindi"]
POISON = "poison"
METRIC = f'lp_platform_quarantined{{namespace="{NS}",platform="{POISON}"}}'
PATH = f"{GROUP}/namespaces/{NS}/learningplatforms/{POISON}"


class Kubelet(threading.Thread):
    """Starts the operator again as soon as it is dead."""

    def __init__(self, operator):
        super().__init__(daemon=True)
        self.operator, self.deaths, self.stopped = operator, 0, False
        operator.start()

    def run(self):
        while not self.stopped:
            if self.operator.process.wait() != 0 and not self.stopped:
                self.deaths += 1
                self.operator.start()


class Poison:
    def __init__(self, plane):
        self.plane = plane
        self.proxy = FaultProxy(plane.port, plane.pki)
        self.operator = Operator(plane, "operator-a", self.proxy.port, JOURNAL=f"{plane.dir}/operator-a/journal")
        self.kubelet = Kubelet(self.operator)
        self.kubelet.start()

    def deadly(self, request):
        if request.method != "PATCH" or f"/deployments/{POISON}-auth" not in request.target:
            return None
        self.operator.kill(signal.SIGKILL)
        return 503, {}, b"{}"  # for nobody: had the write come through, the next process would have nothing to do

    def conditions(self, name):
        """None of a platform whose first status is still to be written: that comes after its objects."""
        o = self.plane.get(f"{GROUP}/namespaces/{NS}/learningplatforms/{name}")
        return (o or {}).get("status", {}).get("conditions", [])

    def condition(self, kind):
        for c in self.conditions(POISON):
            if c["type"] == kind:
                return c
        return None

    def quarantined(self):
        c = self.condition("Quarantined")
        return c if c and c["status"] == "True" else None

    def everything_else_works(self, concurrency):
        for name in OTHERS:
            self.plane.edit(NS, name, concurrency)
        for name in OTHERS:
            wait_for(f"{name} is carried out", 60, lambda n=name: self.plane.carried_out(NS, n, concurrency))
            conditions = wait_for(f"the status of {name}", 60, lambda n=name: self.conditions(n))
            assert not [c for c in conditions if c["type"] == "Quarantined"], f"{name} is quarantined"

    def is_set_aside(self):
        self.proxy.fault = Fault(answer=self.deadly)
        for name in OTHERS:
            self.plane.platform(NS, name)
        self.plane.platform(NS, POISON)
        c = wait_for("the condition Quarantined", 90, self.quarantined)
        assert self.kubelet.deaths == 2, f"{self.kubelet.deaths} deaths"
        assert "lift-quarantine" in c["message"], c["message"]
        wait_for("the metric", 30, lambda: self.operator.metric(METRIC) == 1)
        assert self.condition("Ready")["status"] == "False"
        self.everything_else_works(21)
        assert self.kubelet.deaths == 2, f"{self.kubelet.deaths} deaths"
        return f"{self.kubelet.deaths} deaths"

    def is_honoured_by_another(self):
        """Which has a journal that knows nothing."""
        other = Operator(self.plane, "operator-b", self.plane.port, JOURNAL=f"{self.plane.dir}/operator-b-journal")
        before = self.plane.get(f"/apis/apps/v1/namespaces/{NS}/deployments/{POISON}-auth")
        self.kubelet.stopped = True
        assert self.operator.end() == 0
        other.start()
        try:
            self.everything_else_works(22)
            assert self.quarantined()
            after = self.plane.get(f"/apis/apps/v1/namespaces/{NS}/deployments/{POISON}-auth")
            assert before == after, "the other one wrote the Deployment"
        finally:
            assert other.end() == 0
        deaths = self.kubelet.deaths
        self.kubelet = Kubelet(self.operator)
        self.kubelet.deaths = deaths
        self.kubelet.start()

    def is_lifted_by_a_change(self):
        """But not for good: it is as deadly as before."""
        since = self.quarantined()["lastTransitionTime"]
        self.plane.edit(NS, POISON, 33)
        wait_for("quarantined anew", 90, lambda: (self.quarantined() or {}).get("lastTransitionTime", since) != since)
        assert self.kubelet.deaths == 4, f"{self.kubelet.deaths} deaths"
        self.everything_else_works(23)

    def is_lifted_by_the_annotation(self):
        self.proxy.fault = None
        since = self.quarantined()["lastTransitionTime"]
        self.plane.merge(PATH, {"metadata": {"annotations": {"learningplatform.io/lift-quarantine": "yes"}}})
        self.everything_else_works(24)
        assert self.quarantined(), "lifted by any value"
        self.plane.merge(PATH, {"metadata": {"annotations": {"learningplatform.io/lift-quarantine": since}}})
        wait_for("carried out", 60, lambda: self.plane.carried_out(NS, POISON, 33))
        wait_for("the condition is gone", 60, lambda: self.condition("Quarantined") is None)
        assert self.operator.metric(METRIC) == -1, "the metric stays"
        assert self.kubelet.deaths == 4, f"{self.kubelet.deaths} deaths"

    def ends_well(self):
        self.kubelet.stopped = True
        code = self.operator.end()
        assert code == 0, f"exit status {code}"
        assert not self.operator.complaints(), self.operator.complaints()[:3]


def run(plane, suite):
    plane.namespace(NS)
    p = Poison(plane)
    try:
        suite.case("a platform that kills the operator twice is set aside, the others go on", p.is_set_aside)
        suite.case("another replica honours it", p.is_honoured_by_another)
        suite.case("a change of the spec lifts it, two more deaths set it aside again", p.is_lifted_by_a_change)
        suite.case("the annotation that the message names lifts it", p.is_lifted_by_the_annotation)
        suite.case("the operator ends well and leaks nothing", p.ends_well)
    finally:
        p.kubelet.stopped = True
        if p.operator.alive:
            p.operator.end()
        p.proxy.close()


if __name__ == "__main__":
    main(run)
