"""A control plane of a test's own, the operator beside it, and the API server's audit log."""
import http.client
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
SYSTEM = "learning-platform-system"
GROUP = "/apis/learningplatform.io/v1alpha1"
# By how much longer than they should things may take here: more than 1 only where others use the machine.
PATIENCE = float(os.environ.get("LP_PATIENCE", max(1, os.getloadavg()[0] / os.cpu_count() / 2)))


def say(text):
    print(text, flush=True)


def wait_for(what, seconds, holds):
    """The first result of `holds` that is true; an AssertionError after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        got = holds()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"not after {seconds} s: {what}")
        time.sleep(0.05)


class NotFound(Exception):
    pass


class Plane:
    """etcd, kube-apiserver and kube-controller-manager in `dir`, with what install.yaml brings; `flags` of control-plane."""

    def __init__(self, directory, *flags):
        self.dir = os.path.realpath(directory)
        out = subprocess.run([f"{TOP}/test/integration/control-plane", "start", self.dir, *flags], check=True,
                             stdout=subprocess.PIPE, text=True)
        self.kubeconfig = out.stdout.splitlines()[-1]
        with open(f"{self.dir}/apiserver.port", encoding="ascii") as f:
            self.port = int(f.read())
        self.pki = f"{self.dir}/pki"
        self.tls = ssl.create_default_context(cafile=f"{self.pki}/ca.crt")
        self.tls.load_cert_chain(f"{self.pki}/admin.crt", f"{self.pki}/admin.key")
        self.install()

    def stop(self):
        subprocess.run([f"{TOP}/test/integration/control-plane", "stop", self.dir], check=False)

    def call(self, method, path, body=None, content_type="application/json", timeout=20):
        c = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=timeout)
        try:
            c.request(method, path, json.dumps(body) if body is not None else None,
                      {"Content-Type": content_type, "User-Agent": "test"})
            r = c.getresponse()
            text = r.read()
        finally:
            c.close()
        if r.status == 404:
            raise NotFound(path)
        if r.status // 100 != 2:
            raise AssertionError(f"{method} {path}: {r.status} {text[:400]!r}")
        return json.loads(text)

    def ready(self):
        """Whether the API server says so; False too while nothing listens."""
        c = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=5)
        try:
            c.request("GET", "/readyz")
            return c.getresponse().status == 200
        except OSError:
            return False
        finally:
            c.close()

    def get(self, path):
        try:
            return self.call("GET", path)
        except NotFound:
            return None

    def merge(self, path, patch):
        return self.call("PATCH", path, patch, "application/merge-patch+json")

    def kubectl(self, *args, **more):
        cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
        path = f"{os.environ['PATH']}:{cache}/learning-platform/bin"
        return subprocess.run(["kubectl", *args], check=True, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "KUBECONFIG": self.kubeconfig, "PATH": path}, **more).stdout

    def install(self):
        """The shipped CRD and rights; the operators are processes of ours, not pods."""
        self.kubectl("apply", "-f", f"{TOP}/config/install.yaml")
        wait_for("the definition is established", 30, self.serves_platforms)
        for name in ("lp-operator-a", "lp-operator-b"):
            self.kubectl("-n", SYSTEM, "create", "serviceaccount", name)
            self.kubectl("create", "clusterrolebinding", name, "--clusterrole=lp-operator-learning-platform-system",
                         f"--serviceaccount={SYSTEM}:{name}")
            self.kubectl("-n", SYSTEM, "create", "rolebinding", name, "--role=lp-operator",
                         f"--serviceaccount={SYSTEM}:{name}")

    def serves_platforms(self):
        crd = self.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/learningplatforms.learningplatform.io")
        return any(c["type"] == "Established" and c["status"] == "True" for c in crd["status"].get("conditions") or [])

    def token(self, account):
        o = self.call("POST", f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/{account}/token",
                      {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                       "spec": {"expirationSeconds": 3600}})
        return o["status"]["token"]

    def namespace(self, name):
        self.call("POST", "/api/v1/namespaces",
                  {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def platform(self, ns, name, spec=None):
        self.call("POST", f"{GROUP}/namespaces/{ns}/learningplatforms",
                  {"apiVersion": "learningplatform.io/v1alpha1", "kind": "LearningPlatform",
                   "metadata": {"name": name, "namespace": ns}, "spec": spec or {}})

    def edit(self, ns, name, concurrency):
        """A change that ends in the Deployment of auth."""
        self.merge(f"{GROUP}/namespaces/{ns}/learningplatforms/{name}",
                   {"spec": {"services": {"auth": {"concurrency": concurrency}}}})

    def carried_out(self, ns, name, concurrency):
        o = self.get(f"/api/v1/namespaces/{ns}/configmaps/{name}-auth")
        return o is not None and o["data"]["CONCURRENCY"] == str(concurrency)

    def audit(self):
        """Every request so far, as the API server noted it when it was done."""
        with open(f"{self.dir}/audit.log", encoding="utf-8") as f:
            line = ""
            for part in f:  # a line that is being written comes in parts
                line += part
                if line.endswith("\n"):
                    yield json.loads(line)
                    line = ""


RESERVED = []


def reserve(port):
    """Until this process ends no other test gets this port (program.c): it is the name of an abstract socket."""
    s = socket.socket(socket.AF_UNIX)
    try:
        s.bind(f"\0lp-test-port-{port}")
    except OSError:
        s.close()
        return False
    RESERVED.append(s)
    return True


def send(port, method, path, body=None, headers=None, seconds=60):
    """Status, headers and text of a server on loopback. Status 0: no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, {}, ""
    finally:
        connection.close()


def free_port():
    """A port below 32768, from where the kernel gives out ports to connections, that nothing listens on."""
    for port in random.sample(range(10000, 20000), 200):
        if not reserve(port):
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port between 10000 and 19999 in 200 tries: close some programs")


def host_address():
    """This machine's own address: an endpoint may not be a loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 9))  # sends nothing: tells the address of the way out
        return s.getsockname()[0]


class Operator:
    """One lp-operator, a process of ours that speaks with the API server at `port`."""

    def __init__(self, plane, name, port, **env):
        self.plane, self.name = plane, name
        self.account = f"lp-{name}"
        self.dir = f"{plane.dir}/{name}"
        os.makedirs(self.dir, exist_ok=True)
        self.token_file = f"{self.dir}/token"
        self.write_token(plane.token(self.account))
        self.kubeconfig = f"{self.dir}/kubeconfig"
        with open(self.kubeconfig, "w", encoding="utf-8") as f:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c",
                       "clusters": [{"name": "c", "cluster": {
                           "server": f"https://127.0.0.1:{port}",
                           "certificate-authority": f"{plane.pki}/ca.crt"}}],
                       "users": [{"name": "u", "user": {"tokenFile": self.token_file}}],
                       "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}, f)
        self.metrics_port = free_port()
        self.env = {"PATH": os.environ["PATH"], "KUBECONFIG": self.kubeconfig, "POD_NAME": name,
                    "POD_NAMESPACE": SYSTEM, "ADAPTER": "false", "METRICS_PORT": str(self.metrics_port),
                    # Freed memory that ASan keeps would look like a leak.
                    "ASAN_OPTIONS": "quarantine_size_mb=1:thread_local_quarantine_size_kb=16:"
                                    "verify_asan_link_order=0",
                    **env}
        self.log = f"{self.dir}/log"
        self.process = None

    def write_token(self, token):
        with open(self.token_file + ".new", "w", encoding="ascii") as f:
            f.write(token)
        os.rename(self.token_file + ".new", self.token_file)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([f"{os.environ['LP_BIN']}/lp-operator"], env=self.env, stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        return self

    def kill(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM, seconds=30):
        """Ends it; the exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end within {seconds} s") from None

    @property
    def alive(self):
        return self.process.poll() is None

    def ask(self, path):
        status, _, text = send(self.metrics_port, "GET", path, seconds=5)
        return status, text

    def metric(self, series):
        for line in self.ask("/metrics")[1].splitlines():
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        return -1

    @property
    def leads(self):
        return self.metric('leader_election_master_status{name="lp-operator"}') == 1

    def wait_ready(self, seconds=30):
        def ready():
            assert self.alive, f"{self.name} has ended with {self.process.returncode}, see {self.log}"
            return self.ask("/readyz")[0] == 200
        wait_for(f"{self.name} is ready", seconds, ready)

    def resources(self):
        """Resident KiB, descriptors, threads."""
        proc = f"/proc/{self.process.pid}"
        with open(f"{proc}/status", encoding="ascii") as f:
            rss = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
        return rss, len(os.listdir(f"{proc}/fd")), len(os.listdir(f"{proc}/task"))

    def complaints(self):
        """What the sanitizers said."""
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return re.findall(r"^.*(?:ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*$",
                              f.read(), re.M)


class Suite:
    """Runs cases by name; says which failed."""

    def __init__(self, wanted):
        self.wanted, self.failed, self.passed = wanted, [], 0

    def case(self, sentence, function, *args):
        if self.wanted and not any(w in sentence for w in self.wanted):
            return
        start = time.monotonic()
        try:
            note = function(*args) or ""
            self.passed += 1
            say(f"ok      {sentence} ({time.monotonic() - start:.1f} s{', ' + note if note else ''})")
        except Exception as e:  # every case is told of, whatever it failed by
            self.failed.append(sentence)
            say(f"not ok  {sentence}: {type(e).__name__}: {e}")

    def end(self):
        say(f"{self.passed} passed, {len(self.failed)} failed")
        sys.exit(1 if self.failed or not self.passed else 0)


def main(run, *flags):
    """A script's work: `run` with a plane in the folder that is its first argument; the others choose cases. `flags` of
    control-plane."""
    threading.excepthook = lambda args: say(f"thread: {args.exc_type.__name__}: {args.exc_value}")
    suite = Suite(sys.argv[2:])
    plane = Plane(sys.argv[1], *flags)
    try:
        run(plane, suite)
    finally:
        plane.stop()
    suite.end()
