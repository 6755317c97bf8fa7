"""What a real HPA controller is shown of one HPA: a Deployment that nobody carries out, pods, and what the metrics APIs answer.
Every change is kept with its times, so that afterwards it is known what each sync has seen."""
import random
import time

NS = "hpa"
MI = 1 << 20
PODS = 7
OBJECTS = ("queue_depth", "demand")
WINDOW = 15  # seconds that a sample of CPU is over
SETTLED = 0.15  # seconds after a sync's last line until its status is written, and until caches have a change


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def one_of(r, *these):
    return these[r.randrange(len(these))]


def usage_metric(r, resource):
    target = {"type": "Utilization", "averageUtilization": one_of(r, 50, 70, 75, 120, 150)}
    if r.random() < 0.7:
        return {"type": "ContainerResource", "containerResource": {"name": resource, "container": "main", "target": target}}
    return {"type": "Resource", "resource": {"name": resource, "target": target}}


def object_metric(r, name, service):
    value = "1" if name == "demand" else one_of(r, "4", "1", "2500m", "16", "333m")
    return {"type": "Object", "object": {
        "describedObject": {"apiVersion": "v1", "kind": "Service", "name": service}, "metric": {"name": name},
        "target": {"type": "AverageValue", "averageValue": value}}}


def metrics_of(r, name):
    """Each of what our plans have, alone and with others, in the order of the plans."""
    wanted = one_of(r, ["cpu"], ["memory"], ["queue_depth"], ["demand"], ["cpu", "memory"], ["cpu", "queue_depth"],
                    ["cpu", "memory", "queue_depth"], ["cpu", "memory", "queue_depth", "demand"])
    return [object_metric(r, m, name) if m in OBJECTS else usage_metric(r, m) for m in wanted]


def scaling_rules(r):
    """Windows and periods are short, so that some seconds are many of them."""
    rules = {}
    if r.random() < 0.9:
        rules["stabilizationWindowSeconds"] = one_of(r, 0, 0, 0, 0, 2, 3, 5, 8, 300)
    if r.random() < 0.6:
        rules["selectPolicy"] = one_of(r, "Max", "Max", "Max", "Min", "Min", "Min", "Disabled")
    policies = []
    for _ in range(r.randrange(4)):
        policies.append({"type": "Pods", "value": r.randint(1, 6), "periodSeconds": one_of(r, 1, 2, 3, 5, 9, 60)})
        if r.random() < 0.5:
            policies[-1].update(type="Percent", value=one_of(r, 5, 10, 33, 50, 100, 300, 900))
    if policies:
        rules["policies"] = policies
    return rules


def spec_of(r, name):
    low = r.randint(1, 3)
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "minReplicas": low,
            "maxReplicas": low + one_of(r, 2, 5, 9, 30), "metrics": metrics_of(r, name)}
    if r.random() < 0.85:
        spec["behavior"] = {way: scaling_rules(r) for way in ("scaleUp", "scaleDown") if r.random() < 0.9}
    return spec


class Pod:
    def __init__(self, r, name):
        self.name = name
        self.request = {c: (r.randint(2, 20) * 50, r.randint(1, 8) * 32 * MI) for c in ("main", "sidecar")}
        self.phase, self.ready, self.deleting, self.there = "Running", True, False, True
        self.started = self.changed = 0  # seconds
        self.usage, self.sampled = None, 0  # by container: (milli cores, bytes), either may be None

    def manifest(self, app):
        containers = [{"name": c, "image": "none", "resources": {"requests": {"cpu": f"{cpu}m", "memory": str(memory)}}}
                      for c, (cpu, memory) in self.request.items()]
        return {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers, "automountServiceAccountToken": False},
                "metadata": {"name": self.name, "labels": {"app": app}, "finalizers": ["learningplatform.io/test"]}}

    def status(self):
        return {"status": {"phase": self.phase, "startTime": rfc3339(self.started), "conditions": [
            {"type": "Ready", "status": "True" if self.ready else "False", "lastTransitionTime": rfc3339(self.changed)}]}}

    def sample(self, labels):
        containers = [{"name": c, "usage": {k: v for k, v in (("cpu", cpu and f"{cpu}m"), ("memory", memory and str(memory))) if v}}
                      for c, (cpu, memory) in self.usage.items()]
        return {"metadata": {"name": self.name, "namespace": NS, "labels": labels}, "timestamp": rfc3339(self.sampled),
                "window": f"{WINDOW}s", "containers": containers}

    def value(self, resource, container):
        """Milli: of one container, or of all, where none is missing; -1: none."""
        if self.usage is None or (container and container not in self.usage):
            return -1
        values = [v[resource] for c, v in self.usage.items() if container in (None, c)]
        return -1 if None in values or not values else sum(values) * (1000 if resource else 1)

    def requested(self, resource, container):
        return sum(v[resource] * (1000 if resource else 1) for c, v in self.request.items() if container in (None, c))


class World:
    """Of the HPA `name`. What `change` has done is what the next sync sees."""

    def __init__(self, seed, number):
        self.r = random.Random(f"{seed}/{number}")
        self.name = f"h{number}"
        self.spec = spec_of(self.r, self.name)
        self.pods = [Pod(self.r, f"{self.name}-{i}") for i in range(PODS)]
        self.replicas = self.status = self.r.randint(1, 6)
        self.load, self.usage_known, self.values = 1.0, True, dict.fromkeys(OBJECTS, 0)
        self.changes = []  # (begun, done, what there is)

    def containers(self):
        """Which container CPU and memory are of, as the HPA says; None: all of them."""
        found = [None, None]
        for m in self.spec["metrics"]:
            part = m.get("containerResource") or {}
            if part:
                found[("cpu", "memory").index(part["name"])] = part["container"]
        return found

    def seen(self):
        """In the words of test/unit/hpa/vectors.jsonl."""
        of = self.containers()
        groups = [[1, ("Pending", "Running", "Failed").index(p.phase), int(p.deleting), int(p.ready), p.started * 1000,
                   p.changed * 1000, p.value(0, of[0]), p.value(1, of[1]), p.sampled * 1000, WINDOW * 1000,
                   p.requested(0, of[0]), p.requested(1, of[1])] for p in self.pods if p.there]
        return {"spec": self.replicas, "status": self.status, "usage": self.usage_known, "pods": groups,
                "queue": self.values["queue_depth"], "demand": self.values["demand"]}

    def create(self, api):
        labels = {"matchLabels": {"app": self.name}}
        template = {"metadata": {"labels": {"app": self.name}}, "spec": {"containers": [{"name": "main", "image": "none"}]}}
        api.call("POST", f"/apis/apps/v1/namespaces/{NS}/deployments", {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": self.name},
            "spec": {"replicas": self.replicas, "selector": labels, "template": template}})
        for p in self.pods:
            api.call("POST", f"/api/v1/namespaces/{NS}/pods", p.manifest(self.name))
        self.change(api, None)

    def create_hpa(self, api):
        api.call("POST", f"/apis/autoscaling/v2/namespaces/{NS}/horizontalpodautoscalers", {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": self.name}, "spec": self.spec})

    def change(self, api, decided):
        """After a sync that made it `decided` replicas; None: before the first."""
        begun, r, first = time.time(), self.r, decided is None
        if not first:
            self.replicas = decided
            if r.random() < 0.08 or decided == 0:  # somebody else scales, sometimes to nothing
                self.replicas = 0 if r.random() < 0.2 and decided else r.randint(1, 12)
                api.merge(f"/apis/apps/v1/namespaces/{NS}/deployments/{self.name}/scale", {"spec": {"replicas": self.replicas}})
        status = max(0, self.replicas - (r.random() < 0.15))  # the Deployment lags behind
        if first or status != self.status:
            self.status = status
            api.merge(f"/apis/apps/v1/namespaces/{NS}/deployments/{self.name}/status", {"status": {"replicas": status}})
        for p in self.pods:
            self.change_pod(api, p, first)
        self.change_load()
        self.changes.append((begun, time.time(), self.seen()))

    def change_pod(self, api, p, first):
        r, now, path = self.r, int(time.time()), f"/api/v1/namespaces/{NS}/pods/{p.name}"
        if first or (r.random() < 0.2 and not p.deleting):
            p.started, p.ready, p.phase = now - 1000 - r.randrange(1000), True, "Running"
            p.changed = p.started + 10
            kind = r.randrange(10)
            if kind == 0:
                p.phase, p.ready, p.started = "Pending", False, now - 5
            elif kind == 1:
                p.phase, p.ready = "Failed", False
            elif kind in (2, 3, 4):  # young: whether its sample counts hangs on when it became ready
                p.started = now - r.randrange(100)  # and it stays young: the edge of 300 s would fall into a sync
                p.changed, p.ready = p.started + r.randrange(60), r.random() < 0.6
            elif kind == 5:  # old, and not ready: whether it ever was
                p.ready, p.changed = False, p.started + one_of(r, 5, 29, 30, 31, 60)
            api.merge(f"{path}/status", p.status())
        if not first and r.random() < 0.04 and not p.deleting:
            p.deleting = True
            api.call("DELETE", path)
        if not p.deleting and p.there != (wanted := r.random() < 0.93 or p.name.endswith("-0")):
            p.there = wanted
            api.merge(path, {"metadata": {"labels": {"app": self.name if wanted else "none"}}})

    def change_load(self):
        """What the metrics APIs answer from now on: mostly something, often at an edge of the tolerance."""
        r, now = self.r, int(time.time())
        self.load = self.load * (0.5 + r.random() * 1.1)
        self.load = self.load if 0.02 < self.load < 8 else 1
        self.usage_known = r.random() < 0.94
        for p in self.pods:
            share = self.load * one_of(r, 0.9, 1, 1, 1.1)
            p.sampled = now - r.randrange(20)
            p.usage = {c: (int(cpu * share * 0.7) or 1, int(memory * share * 0.7) or 1) for c, (cpu, memory) in p.request.items()}
            if r.random() < 0.1:
                p.usage = one_of(r, None, {"main": p.usage["main"]}, {**p.usage, "main": (None, p.usage["main"][1])},
                                 {"sidecar": p.usage["sidecar"]})
        for m in self.spec["metrics"]:
            if m["type"] == "Object":
                self.values[m["object"]["metric"]["name"]] = self.object_value(m["object"]["target"]["averageValue"])

    def object_value(self, target):
        r = self.r
        if r.random() < 0.05:
            return -1
        milli = int(target[:-1]) if target.endswith("m") else int(target) * 1000
        if r.random() < 0.25:
            return max(0, int(milli * max(1, self.status) * one_of(r, 0.9, 1.1)) + r.randint(-1, 1))
        return int(milli * max(1, self.status) * self.load * (0.7 + r.random() * 0.6))
