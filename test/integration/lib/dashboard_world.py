"""A cluster as the dashboard shows it: an operator with its metrics API behind the aggregator, platforms, and pods that are one page of
metrics of this process, whose load the test sets."""
import http.server
import json
import threading
import time

from plane import GROUP, SYSTEM, Operator, free_port, host_address, wait_for

NS = "learning"
SERVICES = ("gateway", "auth", "ai-feedback", "progress")
BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


def address_of(service):
    return f"127.0.0.{2 + SERVICES.index(service)}" if service in SERVICES else "127.0.0.1"


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def spec():
    """With a schedule that begins in four minutes."""
    window = {"start": rfc3339(time.time() + 240), "end": rfc3339(time.time() + 1440)}
    return {
        "services": {"gateway": {"autoscaling": {"minReplicas": 1, "maxReplicas": 8, "queueDepth": {"target": 4}, "burst": {"factor": "2"}}}},
        "schedules": [{"name": "exam", "dated": [window], "leadMinutes": 1, "replicas": {"gateway": 4}}],
    }


class Pods:
    """What every pod answers at /metrics; the counters of all go on with the load's rate. Each service has an address of loopback, by
    which a request tells whose page it wants."""

    def __init__(self):
        self.rate, self.waiting, self.slow = 20.0, 1, 0.04
        self.open = {"auth": 0, "ai": 0, "progress": 0}  # workers of a gateway's pod that leave it alone
        self.requests, self.at, self.lock = 0.0, time.monotonic(), threading.Lock()
        pods = self

        class Page(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self):
                try:
                    super().handle()
                except ConnectionError:
                    pass  # the scraper gave this one up

            def do_GET(self):
                body = pods.page(self.connection.getsockname()[0] == address_of("gateway")).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format, *args):
                pass

        self.port = free_port()
        self.server = http.server.ThreadingHTTPServer(("0.0.0.0", self.port), Page)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self, of_gateway=False):
        with self.lock:
            now = time.monotonic()
            self.requests += (now - self.at) * self.rate
            self.at = now
            n, waiting, slow = self.requests, self.waiting, self.slow
        lines = [f"lp_requests_waiting {waiting}", "lp_requests_in_flight 2", "lp_request_slots 4", f'lp_requests_total{{code="200"}} {n - n // 20:.0f}',
                 f'lp_requests_total{{code="503"}} {n // 20:.0f}',
                 f"lp_request_seconds_count {n:.0f}", f"lp_request_seconds_sum {n * slow:.3f}"]
        lines += [f'lp_request_seconds_bucket{{le="{b}"}} {n * min(1, b / slow / 2):.0f}' for b in BOUNDS]
        if of_gateway:
            lines += [f'lp_circuits_open{{upstream="{name}"}} {workers}' for name, workers in self.open.items()]
        return "\n".join(lines) + "\n"

    def load(self, rate, waiting, slow):
        self.page()  # up to now by the load before
        self.rate, self.waiting, self.slow = rate, waiting, slow


class World:
    """`metrics`: the operator serves the metrics API; else there is none."""

    def __init__(self, plane, metrics=True):
        self.plane, self.pods = plane, Pods()
        self.served = free_port()
        api = {"ADAPTER": "true", "METRICS_API": "Own", "ADAPTER_PORT": str(self.served), "POD_METRICS_PORT": str(self.pods.port)}
        self.operator = Operator(plane, "operator-a", plane.port, RESYNC_SECONDS="1", **(api if metrics else {}))
        if metrics:
            self.lead_here()
            self.grant()
        plane.namespace(NS)

    def begin(self):
        """With the platforms that most tests look at."""
        plane = self.plane
        plane.platform(NS, "english", spec())
        plane.platform(NS, "spanish", {"services": {s: {"autoscaling": {"maxReplicas": 3}} for s in ("auth", "progress")}})
        self.operator.start()

    def grant(self):
        """Every right that is shipped to the process's account too: those of the metrics API are bindings of their own."""
        account = {"kind": "ServiceAccount", "namespace": SYSTEM, "name": "lp-operator-a"}
        for kind in ("clusterrolebindings", "rolebindings"):
            for o in self.plane.get(f"/apis/rbac.authorization.k8s.io/v1/{kind}")["items"]:
                if any(s["name"] == "lp-operator" for s in o.get("subjects") or []):
                    where = f"/namespaces/{o['metadata']['namespace']}" if kind == "rolebindings" else ""
                    self.plane.merge(f"/apis/rbac.authorization.k8s.io/v1{where}/{kind}/{o['metadata']['name']}",
                                     {"subjects": [*o["subjects"], account]})

    def lead_here(self):
        """The Service of the metrics API to the operator's process: an endpoint may not be a loopback address."""
        name = "lp-metrics"
        self.plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {SYSTEM}}}
spec: {{ports: [{{name: https, port: 443, targetPort: {self.served}}}], selector: null}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-host, namespace: {SYSTEM}, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
endpoints: [{{addresses: ["{host_address()}"], conditions: {{ready: true}}}}]
ports: [{{name: https, port: {self.served}, protocol: TCP}}]
---
apiVersion: v1
kind: Endpoints
metadata: {{name: {name}, namespace: {SYSTEM}}}
subsets: [{{addresses: [{{ip: "{host_address()}"}}], ports: [{{name: https, port: {self.served}, protocol: TCP}}]}}]
""")

    def make_ready(self):
        """Every pod that there is, once; how many are ready now."""
        ready = 0
        for pod in self.plane.get(f"/api/v1/namespaces/{NS}/pods")["items"]:
            name, status = pod["metadata"]["name"], pod.get("status", {})
            if not status.get("podIP"):
                ip = address_of(pod["metadata"]["labels"].get("app.kubernetes.io/name"))
                at = rfc3339(time.time() - 60)
                self.plane.merge(f"/api/v1/namespaces/{NS}/pods/{name}/status", {"status": {
                    "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at}]}})
            ready += 1
        return ready

    def services(self, platform):
        o = self.plane.get(f"{GROUP}/namespaces/{NS}/learningplatforms/{platform}")
        return (o.get("status") or {}).get("services") or []

    def metric(self, name):
        try:
            return self.plane.get(f"/apis/custom.metrics.k8s.io/v1beta2/namespaces/{NS}/services/english-gateway/{name}")
        except AssertionError:
            return None

    def settle(self):
        """Until pods are ready, the metrics API has values, and a decision is kept."""
        wait_for("pods", 30, lambda: self.make_ready() >= 5)
        wait_for("a metric", 40, lambda: self.make_ready() and self.metric("demand"))


class Gateway:
    """Where a port-forward leads: `kubectl` in the folder is a script that says so, and the sums are those of the last lessons. The real
    way needs a kubelet, which this cluster has none of; the real sums are integration/test_progress_analytics's."""

    def __init__(self, folder):
        gateway, self.asked, self.status = self, [], {"teacher.token": 200, "learner.token": 403}
        self.answer = self.sums()

        class Sums(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                gateway.asked.append((self.path, token))
                body = json.dumps(gateway.answer).encode()
                self.send_response(gateway.status.get(token, 401))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format, *args):
                pass

        port = free_port()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Sums)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        folder.mkdir(exist_ok=True)
        script = folder / "kubectl"
        script.write_text(f"#!/bin/sh\necho 'Forwarding from 127.0.0.1:{port} -> 8080'\nwhile :; do sleep 60; done\n")
        script.chmod(0o755)

    @staticmethod
    def sums():
        heat = [[max(0, 40 - abs(hour - 10) * 8 - day * 3) for hour in range(24)] for day in range(7)]
        return {"activities": sum(map(sum, heat)), "activeLearners": 57, "activeLearnersError": 0.13, "heatMap": heat, "others": None,
                "feedback": [{"category": "spelling", "count": 321}, {"category": "grammar", "count": 78}], "feedbackOthers": 3,
                "byActivity": [{"activityName": "Irregular verbs", "count": 411, "scored": 400, "mean": 71.5, "trend": 0.8},
                               {"activityName": "<b>Dictation</b>", "count": 96, "scored": 90, "mean": 64.25, "trend": -0.4}]}
