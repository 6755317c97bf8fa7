"""The API server of a benchmark: started by test/integration/control-plane, spoken to with its administrator's
certificate, and its audit log, which says to the microsecond who wrote what and when."""
import concurrent.futures
import datetime
import http.client
import json
import os
import ssl
import subprocess
import threading
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
CONTROL_PLANE = os.path.join(ROOT, "test", "integration", "control-plane")
PLATFORMS = "/apis/learningplatform.io/v1alpha1/namespaces/bench/learningplatforms"
WRITES = {"create", "update", "patch", "delete"}
CLIENTS = 4  # connections that make objects at once


class Cluster:
    """One etcd and one kube-apiserver; no controllers, so that the operator under test is alone with them."""

    def __init__(self, folder):
        self.folder = folder
        self.kubeconfig = os.path.join(folder, "kubeconfig")
        self.local = threading.local()

    def __enter__(self):
        subprocess.run([CONTROL_PLANE, "start", self.folder, "--no-controllers"], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(self.folder, "apiserver.port"), encoding="ascii") as f:
            self.port = int(f.read())
        pki = os.path.join(self.folder, "pki")
        self.tls = ssl.create_default_context(cafile=os.path.join(pki, "ca.crt"))
        self.tls.load_cert_chain(os.path.join(pki, "admin.crt"), os.path.join(pki, "admin.key"))
        self.audit = Audit(os.path.join(self.folder, "audit.log"))
        return self

    def __exit__(self, *_):
        subprocess.run([CONTROL_PLANE, "stop", self.folder], check=True, stdout=subprocess.DEVNULL)

    def request(self, method, path, body=None, content_type="application/json"):
        """The answer's JSON; an exception unless it is a 2xx."""
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=60)
            self.local.connection = connection
        headers = {"Content-Type": content_type, "User-Agent": "bench"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status // 100 != 2:
            raise RuntimeError(f"{method} {path}: HTTP {answer.status}: {text[:300]!r}")
        return json.loads(text)

    def install(self):
        """The CustomResourceDefinition and the namespaces; the operators run as administrator."""
        crd = os.path.join(ROOT, "crds", "learningplatform.yaml")
        subprocess.run(["kubectl", "--kubeconfig", self.kubeconfig, "create", "-f", crd], check=True,
                       stdout=subprocess.DEVNULL)
        for name in ("bench", "foreign", "learning-platform-system"):
            self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        deadline = time.time() + 30
        while True:
            try:
                return self.request("GET", PLATFORMS)
            except RuntimeError:
                if time.time() > deadline:
                    raise
                time.sleep(0.1)

    def make(self, path, objects):
        """Creates objects over CLIENTS connections, as fast as they are taken."""
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda o: self.request("POST", path, o), objects))

    def make_platforms(self, first, n):
        self.make(PLATFORMS, [{"apiVersion": "learningplatform.io/v1alpha1", "kind": "LearningPlatform",
                               "metadata": {"name": platform_name(i)}, "spec": {}} for i in range(first, first + n)])

    def touch_platforms(self, n):
        """An annotation changes on each: every operator must look at every one again, and has nothing to write."""
        patch = {"metadata": {"annotations": {"bench/touched": str(time.time())}}}
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda i: self.request("PATCH", f"{PLATFORMS}/{platform_name(i)}", patch,
                                                 "application/merge-patch+json"), range(n)))

    def make_foreign(self, n):
        """ConfigMaps and Deployments without our labels."""
        labels = {"app": "foreign"}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "registry.example/c:1"}]}}
        self.make("/api/v1/namespaces/foreign/configmaps",
                  [{"metadata": {"name": f"c{i}", "labels": labels}, "data": {"key": "x" * 1000}} for i in range(n)])
        self.make("/apis/apps/v1/namespaces/foreign/deployments",
                  [{"metadata": {"name": f"d{i}", "labels": labels},
                    "spec": {"selector": {"matchLabels": labels}, "template": pod}} for i in range(n)])

    def delete_child(self, name):
        self.request("DELETE", f"/apis/apps/v1/namespaces/bench/deployments/{name}")


def platform_name(i):
    return f"p{i:04d}"


def seconds(timestamp):
    """Of an RFC 3339 time in UTC."""
    return datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


class Audit:
    """Reads audit.log as it grows; an entry is there before the request's answer is."""

    def __init__(self, path):
        self.file = open(path, "rb")  # lives as long as the cluster
        self.rest = b""

    def read(self, *agents):
        """The entries of `agents` since the last read, without those of leases and Events. What others wrote
        meanwhile is passed over: who waits for two reads for both at once."""
        data = self.rest + self.file.read()
        lines = data.split(b"\n")
        self.rest = lines.pop()
        entries = []
        for line in lines:
            if not any(agent in line for agent in agents):
                continue
            e = json.loads(line)
            resource = e.get("objectRef", {}).get("resource", "")
            if e["userAgent"].encode().startswith(agents) and resource not in ("leases", "events"):
                entries.append(Entry(e, resource))
        return entries


class Entry:
    """One request, when it was answered."""

    def __init__(self, e, resource):
        ref = e.get("objectRef", {})
        self.verb, self.resource, self.name = e["verb"], resource, ref.get("name", "")
        self.subresource = ref.get("subresource", "")
        self.code = e.get("responseStatus", {}).get("code", 0)
        self.received, self.done = seconds(e["requestReceivedTimestamp"]), seconds(e["stageTimestamp"])
        self.is_write = self.verb in WRITES
        self.is_child = self.is_write and resource != "learningplatforms"
