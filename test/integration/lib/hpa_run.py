"""A service whose pods work on requests that come by chance, for a real HPA controller to scale; and what it was like as CSV for
`kubectl lp simulate`. Each look of the controller is a row."""
import heapq
import json
import os
import random
import signal
import subprocess
import threading
import time

from hpa_world import NS, SETTLED, WINDOW, rfc3339

SLOTS, SERVICE_SECONDS, CPU_MS, REQUEST_MILLI, LIMIT_MILLI = 8, 0.2, 5, 200, 1000  # so a pod serves 40 requests a second
READY_AFTER = 3  # seconds, and until the next look of the controller has passed
CPU_DELAY = 10
PODS = 12
PERIOD = 1.3  # seconds between two syncs: no multiple of the windows, whose edges would be hit again and again
RECORDED = 0.35  # seconds after a sync until a recorder has seen it
PHASES = ((0, 20), (6, 90), (14, 250), (26, 60), (40, 300), (55, 30), (70, 150), (85, 10))  # seconds, requests a second


def platform(name):
    return {"apiVersion": "learningplatform.io/v1alpha1", "kind": "LearningPlatform", "metadata": {"name": name, "namespace": NS},
            "spec": {"services": {"auth": {
                "concurrency": SLOTS, "queueLimit": 100000,
                "resources": {"requests": {"cpu": f"{REQUEST_MILLI}m", "memory": "128Mi"}, "limits": {"cpu": f"{LIMIT_MILLI}m", "memory": "256Mi"}},
                "autoscaling": {"minReplicas": 1, "maxReplicas": PODS, "metrics": ["cpu", "queueDepth"], "queueDepth": {"target": 8},
                                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 8}}}}}}}


class Queue:
    """First come, first served, in so many slots."""

    def __init__(self, seed, began):
        self.r, self.began, self.now = random.Random(seed), began, began
        self.slots, self.waiting, self.busy, self.arrivals, self.spent = SLOTS, 0, [], [], []  # spent: (when, seconds of CPU)
        self.next = began + self.r.expovariate(self.rate(began))

    def rate(self, at):
        return [n for after, n in PHASES if after <= at - self.began][-1] if at >= self.began else PHASES[0][1]

    def start_some(self):
        while self.waiting and len(self.busy) < self.slots:
            self.waiting -= 1
            heapq.heappush(self.busy, self.now + SERVICE_SECONDS)

    def go_on(self, until):
        while True:
            done = self.busy[0] if self.busy else float("inf")
            if min(done, self.next) > until:
                break
            self.now = min(done, self.next)
            if done <= self.next:
                heapq.heappop(self.busy)
                self.spent.append((done, CPU_MS / 1000))
            else:
                self.arrivals.append(self.next)
                self.waiting += 1
                self.next += self.r.expovariate(self.rate(self.next))
            self.start_some()
        self.now = until


class Run:
    """The same for drive() of hpa.py as hpa_world.World."""

    def __init__(self, seed, number, program):
        self.platform, self.name, self.program = f"r{number}", f"r{number}-auth", program
        self.seed, self.lock, self.rows, self.left_out = f"{seed}/run{number}", threading.Lock(), [], 0
        self.done = 0.0  # when what came of the last look had been carried out
        self.replicas = self.status = 1
        self.ready_since = [0.0] + [None] * (PODS - 1)  # of each pod; None: it is not ready
        self.active_since = [0.0] + [None] * (PODS - 1)
        self.waits, self.served, self.queue = [], {}, None
        self.shown = []  # samples, to the controller last
        self.recorder = None  # a process of kubectl lp record --looks
        self.more_settled = 0.0  # seconds until what came of a look is carried out: the recorder has seen it then

    def create(self, api):
        out = subprocess.run([self.program, "render", "-f", "-", "-o", "json"], input=json.dumps(platform(self.platform)),
                             stdout=subprocess.PIPE, text=True, check=True, env={"PATH": os.environ["PATH"]}).stdout
        objects = json.loads(out)
        objects = objects["items"] if isinstance(objects, dict) else objects
        self.hpa = next(o for o in objects if o["kind"] == "HorizontalPodAutoscaler" and o["metadata"]["name"] == self.name)
        labels = {"matchLabels": {"app": self.name}}
        template = {"metadata": {"labels": {"app": self.name}}, "spec": {"containers": [{"name": "auth", "image": "none"}]}}
        api.call("POST", f"/apis/apps/v1/namespaces/{NS}/deployments", {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": self.name},
            "spec": {"replicas": 1, "selector": labels, "template": template}})
        for i in range(PODS):
            api.call("POST", f"/api/v1/namespaces/{NS}/pods", {
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{self.name}-{i}", "labels": {"app": self.name if i == 0 else "none"}},
                "spec": {"automountServiceAccountToken": False, "containers": [
                    {"name": "auth", "image": "none", "resources": {"requests": {"cpu": f"{REQUEST_MILLI}m", "memory": "128Mi"}}}]}})
        self.make_ready(api, 0, time.time() - 1000)
        api.merge(f"/apis/apps/v1/namespaces/{NS}/deployments/{self.name}/status", {"status": {"replicas": 1}})

    def create_hpa(self, api):
        with self.lock:
            self.queue = Queue(self.seed, time.time())
        api.call("POST", f"/apis/autoscaling/v2/namespaces/{NS}/horizontalpodautoscalers", {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": self.name}, "spec": self.hpa["spec"]})

    def make_ready(self, api, i, since):
        self.ready_since[i], self.active_since[i] = since, self.active_since[i] or since
        api.merge(f"/api/v1/namespaces/{NS}/pods/{self.name}-{i}/status", {"status": {
            "phase": "Running", "startTime": rfc3339(int(self.active_since[i])),
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": rfc3339(int(since))}]}})

    def ready(self):
        return [i for i in range(self.status) if self.ready_since[i] is not None]

    def cpu(self, now):
        """Milli cores of a ready pod, of the last window that metrics-server would have; its end."""
        end = self.queue.began + (now - CPU_DELAY - self.queue.began) // WINDOW * WINDOW
        used = sum(s for at, s in self.queue.spent if end - WINDOW < at <= end)
        if end <= self.queue.began:  # as if the load of the beginning had been there for long
            end, used = now - CPU_DELAY, PHASES[0][1] * CPU_MS / 1000 * WINDOW
        return min(LIMIT_MILLI, int(used / WINDOW * 1000) // max(1, len(self.ready()))), end

    def queue_depth(self):
        """Milli; kept as what the controller has seen."""
        with self.lock:
            now = time.time()
            self.queue.go_on(now)
            self.served["queue"] = (now, (self.queue.waiting + len(self.queue.busy)) * 1000)
            return self.served["queue"][1]

    def samples(self, by_controller):
        """To others the same as to the controller: as it is until the next window of metrics-server."""
        if not by_controller:
            return self.shown
        with self.lock:
            now = time.time()
            self.queue.go_on(now)
            each, end = self.cpu(now)
            counted = [i for i in self.ready() if int(end) >= int(self.ready_since[i]) + WINDOW]
            self.served["cpu"] = (now, each * len(self.ready()), len(self.ready()), len(counted))
            self.shown = [{"metadata": {"name": f"{self.name}-{i}", "namespace": NS, "labels": {"app": self.name}}, "timestamp": rfc3339(int(end)),
                     "window": f"{WINDOW}s", "containers": [{"name": "auth", "usage": {"cpu": f"{each}m", "memory": "64Mi"}}]}
                    for i in self.ready()]
            return self.shown

    def record(self, plane):
        """From now on a row of each look, by the command itself."""
        plane.call("POST", f"/apis/learningplatform.io/v1alpha1/namespaces/{NS}/learningplatforms", platform(self.platform))
        self.more_settled = RECORDED
        with open(f"{plane.dir}/{self.platform}-recorded.csv", "w", encoding="utf-8") as out:
            self.recorder = subprocess.Popen(  # pylint: disable=consider-using-with
                [self.program, "record", self.platform, "auth", "--looks", "-n", NS, "--sync-period", str(PERIOD),
                 "--kubeconfig", plane.kubeconfig], stdout=out, env={"PATH": os.environ["PATH"]})

    def stop_recording(self):
        if self.recorder and self.recorder.returncode is None:
            self.recorder.send_signal(signal.SIGINT)
            assert self.recorder.wait(30) == 0, "kubectl lp record --looks failed"

    def recorded(self, folder, syncs):
        """What the command has written, decided again at the times of the controller's own log (a status that this machine delivers late
        would be at the other side of a window): (looks, those that are decided otherwise, left out). They are left out from the row on
        before the first that is not of its sync: a status that comes over half a period late was taken for none."""
        with open(f"{folder}/{self.platform}-recorded.csv", encoding="utf-8") as f:
            lines = [line for line in f.read().splitlines() if not line.startswith("#")]
        header, rows = lines[0], [line.split(",") for line in lines[1:]]
        first = min(range(len(syncs)), key=lambda i: abs(syncs[i][1] - float(rows[0][0])))
        kept = []
        for row, (at, ended, _) in zip(rows[:-1], syncs[first:]):
            if abs(float(row[0]) - ended) > RECORDED:
                kept = kept[:-1]
                break
            kept.append([f"{at:.3f}", *row[1:]])
        kept.append([f"{float(kept[-1][0]) + 1:.3f}", *rows[-1][1:]])
        text = "\n".join([header] + [",".join(row) for row in kept]) + "\n"
        told = self.simulate(folder, "decided-again", text, "--as-recorded")["summary"]["recorded"]
        for d in told["differences"]:
            print(f"{self.platform}: at {d['time']} {d['recorded']} pods were decided, and are {d['simulated']} simulated", flush=True)
        return told["looks"], told["differ"], len(rows) - 1 - told["looks"]

    def note(self, decided, at, ended):
        """A row; none any more once this machine was too slow: the next look came before this one was written down, or this one
        before what came of the last had been carried out. What follows hangs on what that one saw."""
        asked = [self.served[k][0] for k in ("queue", "cpu")]
        if self.left_out or max(asked) > ended or min(asked) < self.done + SETTLED:
            self.left_out += 1
            return
        self.rows.append((at, self.served["cpu"], self.served["queue"][1], self.status, self.replicas, decided))

    def changed(self, api, decided, at, ended):
        """After a look of the controller: its row, and then what the Deployment controller and the kubelet would do."""
        now = time.time()
        self.note(decided, at, ended)
        self.replicas = decided
        path = f"/api/v1/namespaces/{NS}/pods/{self.name}"
        for i in range(PODS):
            if (i < decided) != (i < self.status):
                self.active_since[i], self.ready_since[i] = (now if i < decided else None), None
                if i < decided:
                    api.merge(f"{path}-{i}/status", {"status": {"phase": "Pending", "startTime": rfc3339(int(now)), "conditions": [
                        {"type": "Ready", "status": "False", "lastTransitionTime": rfc3339(int(now))}]}})
                api.merge(f"{path}-{i}", {"metadata": {"labels": {"app": self.name if i < decided else "none"}}})
        if decided != self.status:
            api.merge(f"/apis/apps/v1/namespaces/{NS}/deployments/{self.name}/status", {"status": {"replicas": decided}})
        with self.lock:
            self.queue.go_on(time.time())
            self.status = decided
            for i in range(decided):
                if self.ready_since[i] is None and now - self.active_since[i] >= READY_AFTER:
                    self.waits.append(time.time() - self.active_since[i])
                    self.make_ready(api, i, time.time())
            self.queue.slots = max(1, len(self.ready())) * SLOTS
        self.done = time.time()

    def simulate(self, folder, kind, csv, *more):
        for name, text in (("platform.json", json.dumps(platform(self.platform))), (f"{kind}.csv", csv)):
            with open(f"{folder}/{self.platform}-{name}", "w", encoding="utf-8") as f:
                f.write(text)
        out = subprocess.run([self.program, "simulate", "-f", f"{folder}/{self.platform}-platform.json", "--trace",
                              f"{folder}/{self.platform}-{kind}.csv", "--service", "auth", "-o", "json", *more],
                             stdout=subprocess.PIPE, text=True, check=True, env={"PATH": os.environ["PATH"]}).stdout
        return json.loads(out)

    def replay(self, folder):
        """By what the controller saw and when: how many of its decisions the simulation makes otherwise."""
        first = self.rows[0][0]
        lines = ["time,cpu,queue_depth,seen_replicas,seen_ready,seen_counted"]
        for at, (_, cpu, ready, counted), queue, status, _, _ in self.rows:
            lines.append(f"{at - first + 1:.3f},{cpu}m,{queue}m,{status},{ready},{counted}")
        lines.append(f"{self.rows[-1][0] - first + 2:.3f},0,0,0,0,0")  # until then the last row holds
        changes = self.simulate(folder, "looks", "\n".join(lines) + "\n", "--as-recorded")["changes"]
        return sum(replicas_at(changes, at - first + 1.0005) != decided for at, _, _, _, _, decided in self.rows)

    def foretold(self, folder):
        """By its arrivals alone: the share of the controller's looks after which it is within one pod."""
        first, end = self.rows[0][0], self.rows[-1][0]
        count = [0] * (int(end - first) + 1)
        for at in self.queue.arrivals:
            if 0 <= at - first < len(count):
                count[int(at - first)] += 1
        rows = [f"{i + 1},{n},{SERVICE_SECONDS},{CPU_MS}" for i, n in enumerate(count)]
        period = (end - first) / (len(self.rows) - 1)
        wait = sum(self.waits) / len(self.waits) if self.waits else READY_AFTER
        changes = self.simulate(folder, "arrivals", "time,arrival_rate,service_time,request_cpu_ms\n" + "\n".join(rows) + "\n",
                                "--sync-period", f"{period:.3f}", "--ready-after", f"{wait:.3f}", "--cpu-delay", str(CPU_DELAY))["changes"]
        near = sum(abs(replicas_at(changes, at - first + 1 + period / 2) - decided) <= 1 for at, _, _, _, _, decided in self.rows)
        return near / len(self.rows)


def replicas_at(changes, at):
    before = [c["to"] for c in changes if c["time"] <= at]
    return before[-1] if before else 1
