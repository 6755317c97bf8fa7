"""The two programs that are compared: how each is started, and what the kernel says of it."""
import os
import signal
import subprocess
import time

from cluster import ROOT

TICK = os.sysconf("SC_CLK_TCK")


class Contender:
    """How to start one of the two. `agent` is what its User-Agent begins with."""

    def __init__(self, name, agent, command, environment):
        self.name, self.agent, self.command, self.environment = name, agent, command, environment


def contenders(ours, peer):
    base = {"ADAPTER": "false", "METRICS_PORT": "0", "LP_IMAGE_REGISTRY": "registry.example/lp",
            "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}  # as in config/manager/deployment.yaml
    return [
        Contender("ours", b"lp-operator/", [ours], base),
        Contender("peer", b"peer/", [peer], {}),
    ]


def build(jobs, names):
    """What is to be measured, as it would be shipped; returns both paths."""
    out = os.path.join(ROOT, "build", "release", "bin")
    if "ours" in names:
        for command in (["cmake", "--preset", "release"],
                        ["cmake", "--build", "--preset", "release", f"-j{jobs}", "--target", "lp-operator"],
                        ["strip", "-o", f"{out}/lp-operator.stripped", f"{out}/lp-operator"]):
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    if "peer" in names:
        subprocess.run(["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", f"{out}/peer", "."], check=True,
                       cwd=os.path.join(ROOT, "bench", "operator", "peer"), env={**os.environ, "CGO_ENABLED": "0"})
    return f"{out}/lp-operator.stripped", f"{out}/peer"


class Process:
    """One run of a contender. `started` and `started_monotonic` are the clocks just before exec."""

    def __init__(self, command, env, log):
        with open(log, "ab") as out:
            self.started, self.started_monotonic = time.time(), time.monotonic()
            self.child = subprocess.Popen(command, env={**os.environ, **env}, stdout=out, stderr=out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def cpu_seconds(self):
        """User and system, of all threads that are and were."""
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self):
        """MiB: resident, of it anonymous, and the highest resident so far."""
        found = {}
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as f:
            for line in f:
                name, _, value = line.partition(":")
                if name in ("VmRSS", "RssAnon", "VmHWM"):
                    found[name] = int(value.split()[0]) / 1024
        return {"rss": found["VmRSS"], "anon": found["RssAnon"], "peak": found["VmHWM"]}
