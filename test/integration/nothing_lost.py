#!/usr/bin/env python3
"""Nothing that was acknowledged is lost, and nothing is stored twice: lp-auth, lp-progress, PostgreSQL and lp-mongo are killed in turn
(SIGKILL) under writes, and what was written is counted afterwards.

nothing_lost.py WORKDIR; LP_BIN: the folder of the programs. Writers repeat a write until it is acknowledged, as clients do: an address that
is taken (409) was registered by the try whose answer was lost, an activity has its Idempotency-Key.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lib"))
from plane import free_port, send  # noqa: E402

WRITERS = 3  # of each service
BETWEEN = 12  # acknowledged writes of each service before the next one is killed
PATIENCE = 120  # seconds for anything


class Program:
    """A process of ours, started again on the same ports after it was killed."""

    def __init__(self, name, argv, log, **env):
        self.name, self.argv, self.env = name, argv, {**os.environ, **env}
        self.log = open(log, "a", encoding="utf-8")
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.argv, env=self.env, stdout=self.log, stderr=self.log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL, f"{self.name} had ended by itself: {self.log.name}"

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Postgres:
    """The whole server: the postmaster is killed, its children end as they notice."""

    name = "PostgreSQL"

    def __init__(self, work):
        self.dir = work / "postgres"
        self.start()

    def run(self, what):
        return subprocess.run([HERE / "postgres", what, self.dir], env={**os.environ, "LP_POSTGRES_FSYNC": "on"}, capture_output=True, text=True)

    def start(self):
        end = time.monotonic() + PATIENCE
        while (done := self.run("start")).returncode != 0:  # a child of the killed one may still be there
            assert time.monotonic() < end, done.stderr
        self.url = done.stdout.strip()

    def kill(self):
        data = pathlib.Path((self.dir / "cluster").read_text(encoding="utf-8").strip()) / "data"
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + PATIENCE
        while pathlib.Path(f"/proc/{pid}").exists():  # until then pg_ctl takes it for a server that runs
            assert time.monotonic() < end, f"process {pid} is still there"
            time.sleep(0.05)

    def sql(self, text):
        return subprocess.run(["psql", "-qAtX", self.url, "-c", text], check=True, capture_output=True, text=True).stdout.strip()

    def stop(self):
        self.run("remove")


class Writes:
    """Writers of one service: `request(n)` is the n-th write, `stored` the statuses that say that it is there."""

    def __init__(self, port, request, stored):
        self.port, self.request, self.stored = port, request, stored
        self.lock, self.over = threading.Condition(), False
        self.next, self.done, self.repeated = 0, 0, 0
        self.threads = [threading.Thread(target=self.write) for _ in range(WRITERS)]
        for thread in self.threads:
            thread.start()

    def status(self, n):
        path, headers, body = self.request(n)
        return send(self.port, "POST", path, json.dumps(body), {"Content-Type": "application/json", **headers}, 20)[0]

    def write(self):
        while True:
            with self.lock:
                if self.over:
                    return
                n, self.next = self.next, self.next + 1
            end = time.monotonic() + PATIENCE
            while (status := self.status(n)) not in self.stored:
                assert status in (0, 503), f"write {n}: {status}"
                assert time.monotonic() < end, f"write {n} was not acknowledged in {PATIENCE} s"
                with self.lock:
                    self.repeated += 1
                    self.lock.wait(0.05)
            with self.lock:
                self.done += 1
                self.lock.notify_all()

    def wait_for(self, more):
        with self.lock:
            wanted = self.done + more
            assert self.lock.wait_for(lambda: self.done >= wanted, PATIENCE), f"port {self.port}: {self.done} writes, not {wanted}"

    def finish(self):
        with self.lock:
            self.over = True
            self.lock.notify_all()
        for thread in self.threads:
            thread.join()


def register(n):
    # Another address each time: nobody is slowed for what it did not do.
    return "/api/auth/register", {"X-Forwarded-For": f"10.0.{n // 250}.{n % 250 + 1}"}, {
        "email": f"learner{n}@example.org", "password": "Pa55phrase", "name": f"Learner {n}"}


def log_activity(n):
    return "/api/progress/activityLog", {"Idempotency-Key": f"key-{n}"}, {"userId": "counted", "activityName": f"activity {n}", "score": n % 100}


def await_ready(port):
    """As a Service has it: no request before the pod is ready for the first time."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
                return
        except OSError:
            assert time.monotonic() < end, f"port {port}: not ready in {PATIENCE} s"
            time.sleep(0.1)


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.load(answer)


def main():
    work, binaries = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(os.environ["LP_BIN"]).resolve()
    shutil.rmtree(work, ignore_errors=True)
    (work / "mongo").mkdir(parents=True)
    ports, programs, writes = {}, [], []
    for name in ("auth", "auth_metrics", "progress", "progress_metrics", "mongo"):
        while (port := free_port()) in ports.values():
            pass
        ports[name] = port
    postgres = Postgres(work)
    try:
        mongo = Program("lp-mongo", [HERE.parent.parent / "docker/mongo/run", str(ports["mongo"]), work / "mongo"], work / "mongo.log")
        programs.append(mongo)
        auth = Program("lp-auth", [binaries / "lp-auth"], work / "auth.log", PORT=str(ports["auth"]), METRICS_PORT=str(ports["auth_metrics"]),
                       DATABASE_URL=postgres.url, JWT_SECRET="an access key for tests, long enough",
                       JWT_REFRESH_SECRET="a refresh key for tests, long enough", PASSWORD_HASH="argon2id-7m", DRAIN_DELAY="0s")
        programs.append(auth)
        progress = Program("lp-progress", [binaries / "lp-progress"], work / "progress.log", PORT=str(ports["progress"]),
                           METRICS_PORT=str(ports["progress_metrics"]), MONGODB_URI=f"mongodb://127.0.0.1:{ports['mongo']}/?retryWrites=false",
                           ACCESS="Any", DRAIN_DELAY="0s")
        programs.append(progress)
        await_ready(ports["auth_metrics"])
        await_ready(ports["progress_metrics"])
        accounts, activities = Writes(ports["auth"], register, (201, 409)), Writes(ports["progress"], log_activity, (201,))
        writes = [accounts, activities]
        for victim in (auth, postgres, progress, mongo):
            for w in writes:
                w.wait_for(BETWEEN)
            victim.kill()
            victim.start()
        for w in writes:
            w.wait_for(BETWEEN)
            w.finish()
        users = int(postgres.sql("SELECT count(*) FROM users"))
        logged = get(ports["progress"], "/api/progress/activityLog/counted")
        names = {entry["activityName"] for entry in logged}
        assert users == accounts.done, f"{accounts.done} registrations were acknowledged, {users} accounts are there"
        assert len(logged) == len(names) == activities.done, f"{activities.done} activities were acknowledged, {len(logged)} are there"
        print(f"nothing_lost: {users} of {accounts.done} accounts and {len(logged)} of {activities.done} activities are there, "
              f"none twice; {accounts.repeated} and {activities.repeated} tries failed meanwhile")
    finally:
        for w in writes:
            w.finish()
        for program in reversed(programs):
            program.stop()
        postgres.stop()


main()
