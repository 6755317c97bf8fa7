#!/usr/bin/env python3
"""A real Prometheus and a real Alertmanager with the files of config/monitoring, and a webhook: how long it takes from a failure until its
owner is told, what is told, and that it is told once, and once more when it is over.

    alerts_told.py FOLDER        LP_BIN: the folder of the programs; LP_POSTGRES, LP_POSTGRES_DIR: a PostgreSQL server, which is stopped

lp-gateway with learners, lp-auth on PostgreSQL and lp-ai-feedback. In turn: PostgreSQL is stopped, lp-ai-feedback hangs (SIGSTOP),
lp-auth is gone. No control plane: what the operator sees is in test/integration/alerts/causes.yaml, and in ./quickstart --monitoring."""
import contextlib
import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LP_BIN", ROOT / "build/dev/bin")).resolve()
LIMIT_S = 240  # of each wait; what it took is printed
SECRET = "an access key for tests, long enough"
LEARNER = {"email": "ann@example.org", "password": "Pa55phrase", "name": "Ann"}
sys.path.insert(0, str(ROOT / "test/integration/lib"))
from plane import free_port, wait_for  # noqa: E402


class Webhook:
    """Receives what Alertmanager sends."""

    def __init__(self):
        self.told, self.targets, self.changed = [], [], threading.Condition()
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with webhook.changed:
                    for a in body["alerts"]:
                        webhook.told.append((time.monotonic(), a["status"], a["labels"]["alertname"], a["labels"].get("app"), a["labels"]["severity"]))
                    webhook.changed.notify_all()
                self.send_response(200)
                self.end_headers()

            def do_GET(self):  # where pods are, as lp-operator says it
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(webhook.targets).encode())

            def log_message(self, format, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def await_one(self, since, status, alert, app):
        """Seconds from `since` until it was told."""
        def found():
            return [t for t in self.told if t[0] >= since and t[1:4] == (status, alert, app)]
        with self.changed:
            if not self.changed.wait_for(found, LIMIT_S):
                sys.exit(f"no {alert} of {app} was told as {status} in {LIMIT_S} s; told: {[t[1:] for t in self.told]}")
            return found()[0][0] - since

    def since(self, moment):
        with self.changed:
            return [t[1:] for t in self.told if t[0] >= moment]


def set_of_ports(n):
    ports = set()
    while len(ports) < n:
        ports.add(free_port())
    return ports


def arguments(name):
    """Those of the StatefulSet, but for the address."""
    for o in yaml.safe_load_all((ROOT / f"config/monitoring/{name}.yaml").read_text()):
        if o["kind"] == "StatefulSet":
            return [a for a in o["spec"]["template"]["spec"]["containers"][0]["args"] if "listen-address=:" not in a]


class World:
    def __init__(self, folder):
        self.folder, self.started = folder, []
        self.ports = dict(zip(("gateway", "gateway_m", "auth", "auth_m", "ai", "ai_m", "prometheus", "alertmanager"), set_of_ports(8)))
        self.webhook = Webhook()

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    def start(self, name, args, **env):
        log = open(self.folder / f"{name}.log", "ab")
        process = subprocess.Popen(args, env={"PATH": os.environ["PATH"], **env}, stdout=log, stderr=log)
        self.started.append(process)
        return process

    def service(self, name, program, **env):
        process = self.start(name, [BIN / program], PORT=str(self.ports[name]), METRICS_PORT=str(self.ports[name + "_m"]), DRAIN_DELAY="0s",
                             ACCESS_LOG="off", **env)
        self.await_answer(self.url(name + "_m") + "/readyz")
        return process

    def await_answer(self, url):
        def answers():
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url, timeout=2).close()
                return True
        wait_for(url, 60, answers)

    def auth(self):
        server = pathlib.Path(os.environ["LP_POSTGRES_DIR"], "url").read_text().strip()
        return self.service("auth", "lp-auth", DATABASE_URL=server.replace("/postgres?", "/alerts_told?"), PASSWORD_HASH="argon2id-7m",
                            JWT_SECRET=SECRET, JWT_REFRESH_SECRET="a refresh key for tests, long enough")

    def ai(self):
        return self.service("ai", "lp-ai-feedback", AUTH_JWT_SECRET=SECRET)

    def services(self):
        server = pathlib.Path(os.environ["LP_POSTGRES_DIR"], "url").read_text().strip()
        subprocess.run(["psql", "-qAt", server, "-c", "DROP DATABASE IF EXISTS alerts_told WITH (FORCE)", "-c", "CREATE DATABASE alerts_told"],
                       check=True, stderr=subprocess.DEVNULL)
        self.running = {"auth": self.auth(), "ai": self.ai()}
        self.service("gateway", "lp-gateway", AUTH_JWT_SECRET=SECRET, AUTH_SERVICE_URL=self.url("auth"),
                     AI_SERVICE_URL=self.url("ai"), PROGRESS_SERVICE_URL=self.url("ai"), RATE_LIMIT_MAX="0")

    def roots(self):
        """The root file systems of the images, in which the programs run."""
        for image, folder in (("lp-prometheus", "prometheus"), ("lp-alertmanager", "alertmanager")):
            subprocess.run([ROOT / "docker/monitoring/build", image, self.folder / folder], check=True)
            (self.folder / folder / "etc" / folder).mkdir()

    def start_in_root(self, name, *args):
        enter = ["chroot"] if os.geteuid() == 0 else ["unshare", "-r", "chroot"]
        self.start(name, [*enter, self.folder / name, *args, f"--web.listen-address=127.0.0.1:{self.ports[name]}"])

    def configuration(self):
        """That of config/monitoring, but for where pods and Alertmanager are, and who is told."""
        prometheus = yaml.safe_load((ROOT / "config/monitoring/prometheus.yml").read_text())
        prometheus["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{self.ports['alertmanager']}"]}]
        jobs = {job["job_name"]: job for job in prometheus["scrape_configs"]}
        prometheus["scrape_configs"].remove(jobs["lp-operator"])  # none runs here
        jobs["learning-platform"]["http_sd_configs"][0]["url"] = f"http://127.0.0.1:{self.webhook.port}/targets"
        self.webhook.targets = [{"targets": [f"127.0.0.1:{self.ports[n + '_m']}"],
                                 "labels": {"namespace": "school", "platform": "english", "app": app, "pod": f"{app}-1"}}
                                for n, app in (("gateway", "gateway"), ("auth", "auth"), ("ai", "ai-feedback"))]
        manager = yaml.safe_load((ROOT / "config/monitoring/alertmanager.yml").read_text())
        manager["receivers"][0]["webhook_configs"] = [{"url": f"http://127.0.0.1:{self.webhook.port}/hook", "send_resolved": True}]
        # No operator runs here.
        rules = yaml.safe_load((ROOT / "config/monitoring/alerts.yaml").read_text())
        rules["groups"] = [g for g in rules["groups"] if g["name"] != "learning-platform-operator"]
        for name, content in (("prometheus/etc/prometheus/prometheus.yml", prometheus), ("prometheus/etc/prometheus/alerts.yaml", rules),
                              ("alertmanager/etc/alertmanager/alertmanager.yml", manager)):
            (self.folder / name).write_text(yaml.safe_dump(content))

    def monitoring(self):
        self.roots()
        self.configuration()
        for config in (ROOT / "config/monitoring/alertmanager.yml", self.folder / "alertmanager/etc/alertmanager/alertmanager.yml"):
            subprocess.run([self.folder / "alertmanager/usr/bin/amtool", "check-config", config], check=True, stdout=subprocess.DEVNULL)
        for name, program in (("alertmanager", "prometheus-alertmanager"), ("prometheus", "prometheus")):
            self.start_in_root(name, f"/usr/bin/{program}", *arguments(name))
        for name in ("prometheus", "alertmanager"):
            self.await_answer(self.url(name) + "/-/ready")

    def query(self, expression):
        url = self.url("prometheus") + "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def await_query(self, expression):
        wait_for(expression, LIMIT_S, lambda: self.query(expression))

    def send(self, path, body):
        headers = {"Content-Type": "application/json", **self.bearer}
        request = urllib.request.Request(self.url("gateway") + path, method="POST", data=json.dumps(body).encode(), headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def learners(self, stop):
        """A few a second ask each service, whatever becomes of it."""
        def one(path, body):
            while not stop.wait(0.3):
                with contextlib.suppress(OSError, ValueError):  # an answer that is an error is one, too
                    self.send(path, body)
        self.bearer = {}
        self.send("/auth/api/auth/register", LEARNER)
        learner = self.send("/auth/api/auth/login", LEARNER)
        self.bearer = {"Authorization": "Bearer " + learner["token"]}
        for ask in (("/auth/api/auth/login", LEARNER), ("/ai/speech2text", {"text": "I has a cat.", "userId": learner["user"]["id"]})):
            self.send(*ask)
            for _ in range(2):
                threading.Thread(target=one, args=ask, daemon=True).start()

    def end(self):
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


never = threading.Event()  # for how long nothing more must come


def failure(world, what, alert, app, begin, end):
    """It is told once, and told again when it is over."""
    began = time.monotonic()
    begin()
    told = world.webhook.await_one(began, "firing", alert, app)
    time_left = max(0, began + 75 - time.monotonic())  # whatever follows from it has time to be told, too
    never.wait(time_left)
    over = time.monotonic()
    end()
    ended = world.webhook.await_one(over, "resolved", alert, app)
    world.await_query('count(up == 1) == 3')
    never.wait(20)
    all_told = world.webhook.since(began)
    print(f"{what}: {alert} of {app} told after {told:.0f} s, over told {ended:.0f} s after it was; all that was told: "
          f"{[f'{t[1]} {t[0]}' for t in all_told]}", flush=True)
    assert [t[:3] for t in all_told] == [("firing", alert, app), ("resolved", alert, app)], f"told more than once, or more: {all_told}"


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    subprocess.run(["rm", "-rf", folder], check=True)
    folder.mkdir(parents=True)
    world = World(folder)
    stop = threading.Event()
    postgres = [os.environ["LP_POSTGRES"], None, os.environ["LP_POSTGRES_DIR"]]

    def database(verb):
        subprocess.run([postgres[0], verb, postgres[2]], check=True, stdout=subprocess.DEVNULL)

    def end_auth():
        world.running["auth"].kill()
        world.running["auth"].wait()

    def start_auth():
        world.running["auth"] = world.auth()

    try:
        world.services()
        world.monitoring()
        world.learners(stop)
        world.await_query('sum(rate(lp_requests_total{app="gateway"}[30s])) > 1 and on () count(up == 1) == 3')
        never.wait(30)
        assert not world.webhook.told, f"nothing fails, and told was {world.webhook.told}"
        failure(world, "database down", "DatabaseDown", "auth", lambda: database("stop"), lambda: database("start"))
        failure(world, "upstream hanging", "ServiceDown", "ai-feedback", lambda: world.running["ai"].send_signal(signal.SIGSTOP),
                lambda: world.running["ai"].send_signal(signal.SIGCONT))
        failure(world, "auth gone", "ServiceDown", "auth", end_auth, start_auth)
    finally:
        stop.set()
        world.end()
        with contextlib.suppress(subprocess.CalledProcessError):
            database("start")


main()
