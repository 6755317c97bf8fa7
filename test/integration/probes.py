#!/usr/bin/env python3
"""What the probes of two operators say while the API server is frozen, and killed and started again.

/readyz turns 503 with a reason that names who is silent, /livez stays 200, and both processes go on by
themselves once it answers.
    probes.py DIR [WORDS...]   a control plane of its own in DIR; only the cases that hold one of WORDS
"""
import json
import os
import signal
import subprocess
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib")]
# pylint: disable=wrong-import-position
from plane import Operator, main, wait_for

NS = "learning"
SILENT_SECONDS = 5


class ApiServer:
    """The kube-apiserver of a control plane, known by its pid file."""

    def __init__(self, plane):
        self.plane, self.pid_file = plane, f"{plane.dir}/kube-apiserver.pid"
        with open(self.pid_file, encoding="ascii") as f:
            self.pid = int(f.read())

    def signal(self, number):
        os.kill(self.pid, number)

    def killed(self):
        with open(f"/proc/{self.pid}/cmdline", "rb") as f:
            self.command = f.read().split(b"\0")[:-1]
        self.signal(signal.SIGKILL)

    def started_again(self):
        with open(f"{self.plane.dir}/kube-apiserver.log", "ab") as log:
            process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                       start_new_session=True)
        self.pid = process.pid
        with open(self.pid_file, "w", encoding="ascii") as f:
            f.write(f"{self.pid}\n")  # or the shell that stops it does not read it
        wait_for("the API server is ready again", 60, self.plane.ready)  # it answers 503 to writes before


class Probes:
    def __init__(self, plane):
        self.plane, self.server, self.concurrency = plane, ApiServer(plane), 20
        self.operators = [Operator(plane, f"operator-{i}", plane.port, API_SILENT_SECONDS=str(SILENT_SECONDS)).start()
                          for i in "ab"]
        for o in self.operators:
            o.wait_ready(60)
        self.pids = [o.process.pid for o in self.operators]
        plane.platform(NS, "english")
        self.works()

    def works(self):
        self.concurrency += 1
        self.plane.edit(NS, "english", self.concurrency)
        wait_for("an edit is carried out", 60, lambda: self.plane.carried_out(NS, "english", self.concurrency))

    def live(self):
        for o in self.operators:
            assert o.alive, f"{o.name} has ended with {o.process.returncode}"
            code, text = o.ask("/livez")
            assert code == 200, f"{o.name}: /livez says {code} {text}"

    def unready(self, operator):
        """Its reason, once there is one."""
        self.live()
        code, text = operator.ask("/readyz")
        if code == 200:
            return None
        answer = json.loads(text)
        assert code == 503 and answer["status"] == "failed", f"{code} {text}"
        return answer["checks"]["api-server"]

    def silence(self, begin, end):
        """`begin` silences the API server, `end` lets it speak."""
        begin()
        reasons = []
        try:
            for o in self.operators:
                reason = wait_for(f"{o.name} says that it is not ready", 60, lambda o=o: self.unready(o))
                assert "the API server has not answered" in reason, reason
                reasons.append(reason)
        finally:
            end()
        for o in self.operators:
            o.wait_ready(60)
        self.works()
        self.live()
        assert self.pids == [o.process.pid for o in self.operators]
        return reasons[0]

    def frozen(self):
        return self.silence(lambda: self.server.signal(signal.SIGSTOP), lambda: self.server.signal(signal.SIGCONT))

    def killed(self):
        return self.silence(self.server.killed, self.server.started_again)

    def ends_well(self):
        for o in self.operators:
            assert o.end() == 0, f"{o.name} ended with {o.process.returncode}"
            assert not o.complaints(), o.complaints()[:3]


def run(plane, suite):
    plane.namespace(NS)
    p = Probes(plane)
    try:
        suite.case("a frozen API server: not ready and alive, until it goes on", p.frozen)
        suite.case("a killed API server: not ready and alive, until it is back", p.killed)
        suite.case("the operators end well and leak nothing", p.ends_well)
    finally:
        for o in p.operators:
            if o.alive:
                o.end()


if __name__ == "__main__":
    main(run)
