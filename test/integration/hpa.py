#!/usr/bin/env python3
"""platform/hpa beside a real kube-controller-manager: random HPAs, pods and metrics, and every decision compared, with the metric
that won, the conditions and the values in the status.
Beside them services under a load, whose records `kubectl lp simulate` must turn into the replicas that they had.
    hpa.py DIR [--decisions N] [--seed S]   a control plane of its own in DIR; some N decisions are compared (1000)"""
import argparse
import collections
import concurrent.futures
import datetime
import http.client
import http.server
import json
import os
import random
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib")]
# pylint: disable=wrong-import-position
from hpa_run import PERIOD, Run
from hpa_world import NS, SETTLED, World
from plane import TOP, Plane, free_port, host_address, say, wait_for

SYNCS_EACH = 8  # at least, of each HPA
MOST_HPAS = 25
RUNS = 3  # services whose load is recorded
MOST_SLACK = 0.5  # seconds: a decision whose time is known less well could be met by a wrong one
LEAST_LOOKS = SYNCS_EACH * RUNS // 2  # of all recorded services together
EDGES_IN = 10  # one decision of so many at most may be met only some ms earlier or later


def controller_flags():
    os.environ["LP_HPA_SYNC_PERIOD"] = f"{int(PERIOD * 1000)}ms"
    os.environ["LP_CONTROLLER_MANAGER_FLAGS"] = ("--vmodule=horizontal=4 --controllers=*,-deployment-controller,"
                                                 "-replicaset-controller,-garbage-collector-controller")


class Bare(Plane):
    """With the definition alone of what install.yaml brings."""

    def install(self):
        self.kubectl("apply", "--server-side", "-f", f"{TOP}/crds/learningplatform.yaml")
        wait_for("the definition is established", 30, self.serves_platforms)


class Api:
    """Requests of many threads, each on a connection of its own that stays."""

    def __init__(self, plane):
        self.plane, self.local = plane, threading.local()

    def call(self, method, path, body=None, kind="application/json"):
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPSConnection("127.0.0.1", self.plane.port, context=self.plane.tls, timeout=20)
        c = self.local.connection
        c.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": kind})
        r = c.getresponse()
        text = r.read()
        if r.status // 100 != 2:
            raise AssertionError(f"{method} {path}: {r.status} {text[:400]!r}")
        return json.loads(text)

    def merge(self, path, patch):
        return self.call("PATCH", path, patch, "application/merge-patch+json")


def failure(code, message):
    return code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": code}


def resources(group, kind, names):
    return 200, {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": [
        {"name": n, "singularName": "", "namespaced": True, "kind": kind, "verbs": ["get", "list"]} for n in names]}


def answer(worlds, target, user):
    """What metrics.k8s.io and custom.metrics.k8s.io have."""
    path, _, query = target.partition("?")
    if path == "/apis/metrics.k8s.io/v1beta1":
        return resources("metrics.k8s.io/v1beta1", "PodMetrics", ["pods"])
    if path == "/apis/custom.metrics.k8s.io/v1beta2":
        return resources("custom.metrics.k8s.io/v1beta2", "MetricValueList", ["services/queue_depth", "services/demand"])
    if path == f"/apis/metrics.k8s.io/v1beta1/namespaces/{NS}/pods":
        app = urllib.parse.parse_qs(query)["labelSelector"][0].removeprefix("app=")
        w = worlds[app]
        if isinstance(w, Run):
            return 200, {"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, 
                         "items": w.samples(user.endswith(":horizontal-pod-autoscaler"))}
        if not w.usage_known:
            return failure(503, "no samples yet")
        return 200, {"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": [
            p.sample({"app": app}) for p in w.pods if p.there and p.usage is not None]}
    found = re.fullmatch(rf"/apis/custom\.metrics\.k8s\.io/v1beta2/namespaces/{NS}/services/([\w-]+)/(\w+)", path)
    w = worlds[found[1]] if found else None
    value = w.queue_depth() if isinstance(w, Run) else w.values[found[2]] if w else -1
    if value < 0:
        return failure(404, f"no {path}")
    return 200, {"kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {}, "items": [
        {"describedObject": {"kind": "Service", "namespace": NS, "name": found[1], "apiVersion": "v1"},
         "metric": {"name": found[2], "selector": None}, "timestamp": "2026-01-01T00:00:00Z", "value": f"{value}m"}]}


class MetricsApi(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 64

    def __init__(self, plane, worlds, port):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # pylint: disable=invalid-name
                status, document = answer(worlds, self.path, self.headers.get("X-Remote-User", ""))
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass  # the controller has ended in the middle of a request
        super().__init__(("0.0.0.0", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{plane.pki}/apiserver.crt", f"{plane.pki}/apiserver.key")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def register(plane, port):
    """Both groups lead to `port` of this machine."""
    plane.call("POST", f"/api/v1/namespaces/{NS}/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics"},
        "spec": {"ports": [{"name": "https", "port": 443, "targetPort": port}]}})
    plane.call("POST", f"/apis/discovery.k8s.io/v1/namespaces/{NS}/endpointslices", {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "metrics", "labels": {"kubernetes.io/service-name": "metrics"}},
        "endpoints": [{"addresses": [host_address()], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}]})
    for group, version in (("metrics.k8s.io", "v1beta1"), ("custom.metrics.k8s.io", "v1beta2")):
        path = "/apis/apiregistration.k8s.io/v1/apiservices"
        plane.call("POST", path, {
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": f"{version}.{group}"},
            "spec": {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100,
                     "insecureSkipTLSVerify": True, "service": {"name": "metrics", "namespace": NS}}})
        wait_for(f"{group} is there", 60, lambda p=f"{path}/{version}.{group}": any(
            c["type"] == "Available" and c["status"] == "True" for c in plane.get(p).get("status", {}).get("conditions", [])))


class Syncs:
    """What the controller logs of each sync (-v=4): when it compared the metrics' proposals, and what became of them."""
    LINE = re.compile(r'[IE](\d\d)(\d\d) (\d\d):(\d\d):(\d\d\.\d+) +\d+ \S+\] (.*)')
    NAME = re.compile(rf'scaleTarget="Deployment/{NS}/([\w-]+)"|HPA="{NS}/([\w-]+)"|listed metrics for Deployment/{NS}/([\w-]+):')

    def __init__(self, log):
        self.log, self.done, self.proposed = log, {}, {}
        self.file = open(log, encoding="utf-8", errors="replace")  # pylint: disable=consider-using-with
        self.rest = ""

    def seconds(self, m):
        year = datetime.datetime.now().year
        whole = datetime.datetime(year, int(m[1]), int(m[2]), int(m[3]), int(m[4]))
        return whole.timestamp() + float(m[5])

    def read(self):
        """The syncs that ended since it was last asked: (name, when, ended, replicas or None)."""
        self.rest += self.file.read()
        *lines, self.rest = self.rest.split("\n")
        found = []
        for line in lines:
            m, name = self.LINE.match(line), self.NAME.search(line)
            if not m or not name:
                continue
            name, at, text = name[1] or name[2] or name[3], self.seconds(m), m[6]
            if text.startswith('"Proposing desired replicas"'):
                self.proposed[name] = at
            elif text.startswith('"Successfully rescaled"'):
                found.append((name, self.proposed.pop(name, at), at, int(re.search(r"desiredReplicas=(\d+)", text)[1])))
            elif text.startswith('"Decided not to scale"') or "failed to compute desired number" in text:
                found.append((name, self.proposed.pop(name, at), at, None))
        for sync in found:
            self.done.setdefault(sync[0], []).append(sync[1:])
        return found


class Statuses(threading.Thread):
    """Every status of every HPA, in the order in which they were written: the first is that of before any sync."""

    def __init__(self, plane):
        super().__init__(daemon=True)
        self.seen = {}
        self.connection = http.client.HTTPSConnection("127.0.0.1", plane.port, context=plane.tls, timeout=600)
        self.connection.request("GET", f"/apis/autoscaling/v2/namespaces/{NS}/horizontalpodautoscalers?watch=true&timeoutSeconds=600")
        self.answer = self.connection.getresponse()
        self.start()

    def run(self):
        for line in self.answer:
            o = json.loads(line)["object"]
            self.seen.setdefault(o["metadata"]["name"], []).append(o.get("status", {}))

    def complete(self, written):
        return all(len(self.seen[name]) > len(times) for name, times in written.items())

    def before(self, name, written, moment):
        """The one that had been written last before `moment`."""
        return self.seen[name][sum(at < moment for at in written)]


def requests(plane):
    """By the API server's clock: when each sync of each HPA began, which is the controller's GET of the scale, and when it had written
    a status."""
    began, written = {}, {}
    for e in plane.audit():
        ref, verb = e.get("objectRef", {}), e["verb"]
        if not e["user"].get("username", "").endswith(":horizontal-pod-autoscaler"):
            continue
        if ref.get("subresource") == "scale" and verb == "get":
            began.setdefault(ref["name"], []).append(moment_of(e["requestReceivedTimestamp"]))
        elif ref.get("subresource") == "status" and verb == "update" and e["responseStatus"]["code"] == 200:
            written.setdefault(ref["name"], []).append(moment_of(e["stageTimestamp"]))
    return began, written


def moment_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def in_words(status, replicas):
    """As test/unit/hpa/vectors_test.go writes what the controller decided."""
    conditions = {c["type"]: c for c in status.get("conditions", [])}
    of = [conditions.get(t, {}) for t in ("AbleToScale", "ScalingActive", "ScalingLimited")]
    winner, values = "", []
    for m in status.get("currentMetrics") or []:
        part = m.get("resource") or m.get("containerResource") or m.get("object")
        current = part["current"] if part else {}
        if m["type"] == "Object":
            text = current["averageValue"]
            scale = {"m": 1, "k": 10**6, "M": 10**9}.get(text[-1], 1000)
            values.append(int(text.rstrip("mkM")) * scale)
        else:
            values.append(current.get("averageUtilization", -1))
    if of[1].get("reason") == "ValidMetricFound" and values:
        winner = next(m for m in ("cpu", "memory", "queue_depth", "demand") if f" {m}" in of[1]["message"])
    return {"replicas": replicas, "winner": winner, "values": values,
            "conditions": [f"{c['status']} {c['reason']}" if c else "" for c in of]}


def steps_of(world, syncs, began, status_before):
    """What each sync saw and decided, until one that a change of ours ran into or that took too long; how many are left out."""
    steps, longest = [], 0
    for i, (at, ended, replicas) in enumerate(syncs):
        start = max((b for b in began if b <= at), default=None)
        before = [c for c in world.changes if c[1] + SETTLED < (start or 0)]
        if i + 1 == len(syncs):
            return steps, 0  # its status may still be on its way
        after = max(b for b in began if b <= syncs[i + 1][0])
        if not before or len(before) != i + 1 or any(c[0] < ended and c[1] + SETTLED > start for c in world.changes):
            return steps, len(syncs) - 1 - i
        seen = before[-1][2]
        want = in_words(status_before(after), seen["spec"] if replicas is None else replicas)
        longest = max(longest, ended - at)  # of what is kept from an earlier sync, and of this one, the time is known to so much
        if 2 * longest > MOST_SLACK:
            return steps, len(syncs) - 1 - i
        steps.append({"at": round(at * 1000), "slack": round(2 * longest * 1000) + 10, **seen, "want": want})
    return steps, 0


def drive(plane, worlds, needed, recorded):
    """Changes every world after each of its syncs, until there are enough of them; `recorded` is one of them."""
    api, syncs, statuses = Api(plane), Syncs(f"{plane.dir}/kube-controller-manager.log"), Statuses(plane)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda w: w.create(api), worlds.values()))
        time.sleep(SETTLED)  # until the controller's caches have the pods
        for w in worlds.values():
            time.sleep(PERIOD / len(worlds))  # so that they do not all come at once
            w.create_hpa(api)
            if w is recorded:
                w.record(plane)
        end, waiting, tasks = time.monotonic() + 60 + 3 * PERIOD * needed / len(worlds), [], []
        while (there := sum(len(s) - 1 for n, s in syncs.done.items() if isinstance(worlds[n], World))) < needed:
            assert time.monotonic() < end, f"only {there} syncs of {needed}"
            waiting += [(ended + SETTLED + getattr(worlds[name], "more_settled", 0), name, at, ended, replicas)
                        for name, at, ended, replicas in syncs.read()]
            due = [d for d in waiting if d[0] <= time.time()]
            waiting = [d for d in waiting if d not in due]
            for _, name, at, ended, replicas in due:
                w = worlds[name]
                decided = w.replicas if replicas is None else replicas
                if isinstance(w, Run):
                    tasks.append(pool.submit(w.changed, api, decided, at, ended))
                else:
                    tasks.append(pool.submit(w.change, api, decided))
            time.sleep(0.01)  # between two looks at a log
        for t in tasks:
            t.result()
    time.sleep(SETTLED)
    return syncs, statuses


def kinds_of(scenarios):
    """How many decisions were of which kind: a test of nothing but "stay" would say little."""
    found = collections.Counter()
    for step in (step for s in scenarios for step in s["syncs"]):
        want = step["want"]
        found["up" if want["replicas"] > step["spec"] else "down" if want["replicas"] < step["spec"] else "stay"] += 1
        found.update(c.removeprefix("True ") for c in want["conditions"] if not c.startswith(("False Des", "True Succ", "True Valid")))
        found[f"by {want['winner'] or 'no metric'}"] += 1
    assert found["up"] + found["down"] > 0, f"nothing was scaled: {found}"
    return sorted((what, count) for what, count in found.items() if what)


def every_decision_is_met(folder, scenarios, program):
    """All of them were compared, and few only at the edge of a window."""
    path = f"{folder}/decisions.jsonl"
    with open(path, "w", encoding="utf-8") as f:
        for s in scenarios:
            f.write(json.dumps(s) + "\n")
    done = subprocess.run([program], env={**os.environ, "LP_HPA_VECTORS": path, "CMOCKA_TEST_FILTER": "every_vector*"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    say("\n".join(line for line in done.stdout.splitlines() if not line.startswith("[")))
    told = re.search(r"decisions (\d+), at an edge of a window (\d+), differences (\d+)", done.stdout)
    assert told, f"{program} has compared nothing: {done.stdout}"
    n, edges, differences = (int(count) for count in told.groups())
    assert n == sum(len(s["syncs"]) for s in scenarios), f"{n} decisions were compared"
    assert edges * EDGES_IN <= n, f"{edges} of {n} decisions are met only at an edge"
    return done.returncode == 0 and differences == 0


def a_recorded_run_is_simulated_as_it_was(folder, runs):
    """Exactly by what the controller saw and when. How near it is by the arrivals alone is told, and no more."""
    total = other = 0
    for w in runs:
        if len(w.rows) < 2:
            say(f"{w.platform}: {len(w.rows)} looks, nothing to simulate")
            continue
        differ = w.replay(folder)
        near = w.foretold(folder)
        most = max(decided for *_, decided in w.rows)
        apart = [b[0] - a[0] for a, b in zip(w.rows, w.rows[1:])]
        say(f"{w.platform}: {len(w.rows)} looks, {min(apart):.1f} to {max(apart):.1f} s apart, 1 to {most} pods; "
            f"simulated by what was seen: {differ} differ; by arrivals alone: within one pod {100 * near:.1f} % of them")
        total, other = total + len(w.rows), other + differ
    say(f"recorded looks {total}, differences {other}, left out {sum(w.left_out for w in runs)}")
    assert total >= LEAST_LOOKS, f"only {total} recorded looks to compare: this machine is too slow"
    return other == 0


def what_record_writes_is_simulated_as_it_was(folder, run, syncs):
    """`kubectl lp record --looks` saw the same as the controller."""
    looks, differ, left = run.recorded(folder, syncs)
    say(f"{run.platform}: kubectl lp record --looks wrote {looks} looks, {differ} are decided otherwise; {left} left out, as they came late")
    assert looks >= 3, f"only {looks} looks were recorded: this machine is too slow"
    return differ == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir")
    parser.add_argument("--decisions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    args = parser.parse_args()
    say(f"--seed {args.seed}")
    controller_flags()
    plane = Bare(args.dir)
    try:
        plane.namespace(NS)
        n_hpas = min(MOST_HPAS, max(1, args.decisions // SYNCS_EACH))
        worlds = {w.name: w for w in (World(args.seed, i) for i in range(n_hpas))}
        runs = [Run(args.seed, i, f"{os.environ['LP_BIN']}/kubectl-lp") for i in range(RUNS)]
        worlds.update((w.name, w) for w in runs)
        port = free_port()
        MetricsApi(plane, worlds, port)
        register(plane, port)
        try:
            syncs, statuses = drive(plane, worlds, args.decisions * 6 // 5, runs[0])
        finally:
            runs[0].stop_recording()
        began, written = requests(plane)
        wait_for("every status has come", 60, lambda: statuses.complete(written))
    finally:
        plane.stop()
    scenarios, left = [], 0
    for name, w in ((n, w) for n, w in worlds.items() if isinstance(w, World)):
        steps, more = steps_of(w, syncs.done[name], began[name],
                               lambda moment, name=name: statuses.before(name, written[name], moment))
        left += more
        scenarios.append({"spec": w.spec, "syncs": steps})
    n = sum(len(s["syncs"]) for s in scenarios)
    say(f"{n} decisions of {len(scenarios)} HPAs, {left} left out as a change ran into them or they took too long")
    assert n >= max(1, args.decisions / 2), f"only {n} decisions to compare: this machine is too slow"
    say(", ".join(f"{what} {count}" for what, count in kinds_of(scenarios)))
    good = every_decision_is_met(plane.dir, scenarios, os.environ["LP_HPA_TEST"])
    good = what_record_writes_is_simulated_as_it_was(plane.dir, runs[0], syncs.done[runs[0].name]) and good
    good = a_recorded_run_is_simulated_as_it_was(plane.dir, runs) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
