#!/usr/bin/env python3
"""A real Prometheus and a real Alertmanager with the files of config/monitoring, and a webhook: how long it takes from a failure until its
owner is told, what is told, and that it is told once, and once more when it is over.

    alerts_told.py FOLDER        LP_BIN: the folder of the programs

Three platforms, each of lp-gateway with learners, lp-auth on PostgreSQL and lp-ai-feedback, fail at the same time: PostgreSQL of one is
stopped, lp-ai-feedback of another hangs (SIGSTOP), lp-auth of the third is gone. Nothing of that is told of another platform. No control
plane: what the operator sees is in test/integration/alerts/causes.yaml, and in ./quickstart --monitoring."""
import concurrent.futures
import contextlib
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
from webhook import Webhook  # noqa: E402


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


def await_answer(url):
    def answers():
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return True
    wait_for(url, 60, answers)


class Programs:
    """Those that were started, each with a log in the folder; they are ended together."""

    def __init__(self, folder):
        self.folder, self.started = folder, []

    def start(self, name, args, **env):
        log = open(self.folder / f"{name}.log", "ab")
        process = subprocess.Popen(args, env={"PATH": os.environ["PATH"], **env}, stdout=log, stderr=log)
        self.started.append(process)
        return process

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


class Database:
    """A PostgreSQL server of its own."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, verb):
        subprocess.run([ROOT / "test/integration/postgres", verb, self.folder], check=True, stdout=subprocess.DEVNULL)

    def url(self, name):
        server = (self.folder / "url").read_text().strip()
        subprocess.run(["psql", "-qAt", server, "-c", f"CREATE DATABASE {name}"], check=True)
        return server.replace("/postgres?", f"/{name}?")


class Platform:
    """Three services and their learners."""

    def __init__(self, name, programs, database, ports):
        self.name, self.programs = name, programs
        self.ports = dict(zip(("gateway", "gateway_m", "auth", "auth_m", "ai", "ai_m"), ports))
        self.database = database.url(name)
        self.auth = self.start_auth()
        self.ai = self.service("ai", "lp-ai-feedback", AUTH_JWT_SECRET=SECRET)
        self.service("gateway", "lp-gateway", AUTH_JWT_SECRET=SECRET, AUTH_SERVICE_URL=self.url("auth"), AI_SERVICE_URL=self.url("ai"),
                     PROGRESS_SERVICE_URL=self.url("ai"), RATE_LIMIT_MAX="0")

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    def service(self, name, program, **env):
        process = self.programs.start(f"{self.name}-{name}", [BIN / program], PORT=str(self.ports[name]),
                                      METRICS_PORT=str(self.ports[name + "_m"]), DRAIN_DELAY="0s", ACCESS_LOG="off", **env)
        await_answer(self.url(name + "_m") + "/readyz")
        return process

    def start_auth(self):
        return self.service("auth", "lp-auth", DATABASE_URL=self.database, PASSWORD_HASH="argon2id-7m", JWT_SECRET=SECRET,
                            JWT_REFRESH_SECRET="a refresh key for tests, long enough")

    def targets(self):
        """As lp-operator tells them."""
        return [{"targets": [f"127.0.0.1:{self.ports[n + '_m']}"],
                 "labels": {"namespace": "school", "platform": self.name, "app": app, "pod": f"{self.name}-{app}-1"}}
                for n, app in (("gateway", "gateway"), ("auth", "auth"), ("ai", "ai-feedback"))]

    def send(self, path, body, token=None):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = "Bearer " + token
        request = urllib.request.Request(self.url("gateway") + path, method="POST", data=json.dumps(body).encode(), headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def learners(self, stop):
        """A few a second ask each service, whatever becomes of it."""
        def one(ask):
            while not stop.wait(0.3):
                with contextlib.suppress(OSError, ValueError):  # an answer that is an error is one, too
                    self.send(*ask)
        self.send("/auth/api/auth/register", LEARNER)
        learner = self.send("/auth/api/auth/login", LEARNER)
        for path, body in (("/auth/api/auth/login", LEARNER), ("/ai/speech2text", {"text": "I has a cat.", "userId": learner["user"]["id"]})):
            ask = (path, body, learner["token"])
            self.send(*ask)
            for _ in range(2):
                threading.Thread(target=one, args=(ask,), daemon=True).start()


class Monitoring:
    """Prometheus and Alertmanager as they are in their images, and who is told."""

    def __init__(self, programs, platforms, ports):
        self.programs, self.folder, self.platforms = programs, programs.folder, platforms
        self.ports = dict(zip(("prometheus", "alertmanager"), ports))
        self.webhook = Webhook()
        self.roots()
        self.configuration()
        for config in (ROOT / "config/monitoring/alertmanager.yml", self.folder / "alertmanager/etc/alertmanager/alertmanager.yml"):
            subprocess.run([self.folder / "alertmanager/usr/bin/amtool", "check-config", config], check=True, stdout=subprocess.DEVNULL)
        for name, program in (("alertmanager", "prometheus-alertmanager"), ("prometheus", "prometheus")):
            self.start_in_root(name, f"/usr/bin/{program}", *arguments(name))
        for name in ("prometheus", "alertmanager"):
            await_answer(self.url(name) + "/-/ready")

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    def roots(self):
        """The root file systems of the images, in which the programs run."""
        for image, folder in (("lp-prometheus", "prometheus"), ("lp-alertmanager", "alertmanager")):
            subprocess.run([ROOT / "docker/monitoring/build", image, self.folder / folder], check=True)
            (self.folder / folder / "etc" / folder).mkdir()

    def start_in_root(self, name, *args):
        enter = ["chroot"] if os.geteuid() == 0 else ["unshare", "-r", "chroot"]
        self.programs.start(name, [*enter, self.folder / name, *args, f"--web.listen-address=127.0.0.1:{self.ports[name]}"])

    def configuration(self):
        """That of config/monitoring, but for where pods and Alertmanager are, and who is told."""
        prometheus = yaml.safe_load((ROOT / "config/monitoring/prometheus.yml").read_text())
        prometheus["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{self.ports['alertmanager']}"]}]
        jobs = {job["job_name"]: job for job in prometheus["scrape_configs"]}
        prometheus["scrape_configs"].remove(jobs["lp-operator"])  # none runs here
        jobs["learning-platform"]["http_sd_configs"][0]["url"] = f"http://127.0.0.1:{self.webhook.port}/targets"
        self.webhook.targets = [t for p in self.platforms for t in p.targets()]
        manager = yaml.safe_load((ROOT / "config/monitoring/alertmanager.yml").read_text())
        manager["receivers"][0]["webhook_configs"] = [{"url": f"http://127.0.0.1:{self.webhook.port}/hook", "send_resolved": True}]
        # No operator runs here.
        rules = yaml.safe_load((ROOT / "config/monitoring/alerts.yaml").read_text())
        rules["groups"] = [g for g in rules["groups"] if g["name"] != "learning-platform-operator"]
        for name, content in (("prometheus/etc/prometheus/prometheus.yml", prometheus), ("prometheus/etc/prometheus/alerts.yaml", rules),
                              ("alertmanager/etc/alertmanager/alertmanager.yml", manager)):
            (self.folder / name).write_text(yaml.safe_dump(content))

    def query(self, expression):
        url = self.url("prometheus") + "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def await_query(self, expression):
        wait_for(expression, LIMIT_S, lambda: self.query(expression))


never = threading.Event()  # for how long nothing more must come


def failure(monitoring, what, platform, alert, app, begin, end):
    """It is told once, and told again when it is over."""
    webhook = monitoring.webhook
    began = time.monotonic()
    begin()
    told = webhook.await_one(began, platform, "firing", alert, app)
    time_left = max(0, began + 75 - time.monotonic())  # whatever follows from it has time to be told, too
    never.wait(time_left)
    over = time.monotonic()
    end()
    ended = webhook.await_one(over, platform, "resolved", alert, app)
    monitoring.await_query(f'count(up{{platform="{platform}"}} == 1) == 3')
    never.wait(20)
    all_told = webhook.told_of(platform)
    print(f"{what}: {alert} of {app} told after {told:.0f} s, over told {ended:.0f} s after it was; all that was told: "
          f"{[f'{t[1]} {t[0]}' for t in all_told]}", flush=True)
    assert [t[:3] for t in all_told] == [("firing", alert, app), ("resolved", alert, app)], f"told more than once, or more: {all_told}"


def each_fails(monitoring, platforms, database):
    english, french, german = platforms

    def end_auth():
        german.auth.kill()
        german.auth.wait()

    cases = (
        ("database down", english, "DatabaseDown", "auth", lambda: database("stop"), lambda: database("start")),
        ("upstream hanging", french, "ServiceDown", "ai-feedback", lambda: french.ai.send_signal(signal.SIGSTOP),
         lambda: french.ai.send_signal(signal.SIGCONT)),
        ("auth gone", german, "ServiceDown", "auth", end_auth, german.start_auth),
    )
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        failures = [pool.submit(failure, monitoring, what, platform.name, *case) for what, platform, *case in cases]
    for f in failures:
        f.result()
    strangers = [t[1:] for t in monitoring.webhook.told if t[1] not in [p.name for p in platforms]]
    assert not strangers, f"told of no platform that failed: {strangers}"


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    failing, other = databases = [Database(folder / name) for name in ("failing", "other")]
    for database in databases:
        if database.folder.exists():  # of a run that was killed
            database("remove")
    subprocess.run(["rm", "-rf", folder], check=True)
    folder.mkdir(parents=True)
    programs, stop = Programs(folder), threading.Event()
    ports = list(set_of_ports(20))
    try:
        for database in databases:
            database("start")
        platforms = [Platform(name, programs, database, ports[6 * i:6 * i + 6])
                     for i, (name, database) in enumerate((("english", failing), ("french", other), ("german", other)))]
        monitoring = Monitoring(programs, platforms, ports[18:])
        for platform in platforms:
            platform.learners(stop)
        monitoring.await_query('count(sum by (platform) (rate(lp_requests_total{app="gateway"}[30s])) > 1) == 3 and on () count(up == 1) == 9')
        never.wait(30)
        assert not monitoring.webhook.told, f"nothing fails, and told was {monitoring.webhook.told}"
        each_fails(monitoring, platforms, failing)
    finally:
        stop.set()
        programs.end()
        for database in databases:
            database("remove")


main()
