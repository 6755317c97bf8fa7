#!/usr/bin/env python3
"""Two operators and one lease, on a real API server, while platforms are edited all the time.

The leader is ended, killed, frozen and cut off. Each time the audit log must show that once the
other had the lease no write of the first one succeeded, and how long it took the other to get it.
    leader.py DIR [WORDS...]   a control plane of its own in DIR; only the cases that hold one of WORDS
    LP_ROUNDS=1                how often each case is run
    LP_PATIENCE=1              by how much longer than it should a takeover may take; as the load says
"""
import itertools
import os
import signal
import sys
import threading
import time
from datetime import datetime, timezone

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), p) for p in ("lib", "../fake")]
# pylint: disable=wrong-import-position
from fault_proxy import Fault, FaultProxy
from plane import PATIENCE, SYSTEM, Operator, main, say, wait_for

NS = "learning"
PLATFORMS = ["english", "french", "german", "greek"]
# A lease lasts for 15 s. One that is given back is another's long before that: 2 s where nothing else runs.
TAKEOVER, RELEASED = 20 * PATIENCE, min(7.5, 2 * PATIENCE + 3)
WRITES = {"create", "update", "patch", "delete", "deletecollection"}


def seconds(stamp):
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()


class Writes:
    """The successful writes of both operators, of the lease and of all else, in the order of their end."""

    def __init__(self, plane):
        self.lease, self.rest = [], []
        for e in plane.audit():
            user = e["user"].get("username", "")
            code = e.get("responseStatus", {}).get("code", 500)
            if not user.startswith(f"system:serviceaccount:{SYSTEM}:lp-operator-") or e["verb"] not in WRITES \
                    or e["stage"] != "ResponseComplete" or code // 100 != 2:
                continue
            write = (seconds(e["stageTimestamp"]), seconds(e["requestReceivedTimestamp"]), user.rsplit(":", 1)[1],
                     e["verb"], e["requestURI"].split("?")[0])
            (self.lease if e["objectRef"]["resource"] == "leases" else self.rest).append(write)
        self.lease.sort()
        self.rest.sort()

    def acquisitions(self):
        """When the lease went from one to the other: (end, request received, who)."""
        return [(w[0], w[1], w[2]) for before, w in itertools.pairwise(self.lease) if before[2] != w[2]]

    def overlapping(self):
        """Writes that ended when the lease had been another's already."""
        bad, leases, holder = [], iter(self.lease + [(float("inf"), 0, "", "", "")]), None
        upcoming = next(leases)
        for w in self.rest:
            while upcoming[0] <= w[0]:
                holder, upcoming = upcoming[2], next(leases)
            if holder != w[2]:
                bad.append(w)
        return bad


class Editor(threading.Thread):
    """Changes all platforms in turn, without end."""

    def __init__(self, plane):
        super().__init__(daemon=True)
        self.plane, self.stopped, self.edits = plane, threading.Event(), 0

    def run(self):
        while not self.stopped.wait(0.1):
            self.edits += 1
            try:
                self.plane.edit(NS, PLATFORMS[self.edits % len(PLATFORMS)], 2 + self.edits % 900)
            except (OSError, AssertionError) as e:
                say(f"edit: {e}")

    def end(self):
        self.stopped.set()
        self.join()


class Pair:
    def __init__(self, plane):
        self.plane = plane
        self.proxies = [FaultProxy(plane.port, plane.pki) for _ in range(2)]
        self.operators = []
        for name, proxy in zip(("operator-a", "operator-b"), self.proxies):
            proxy.mode = "tcp"
            self.operators.append(Operator(plane, name, proxy.port))
        for o in self.operators:
            o.start()
        for o in self.operators:
            o.wait_ready()

    def leader(self):
        """(leader, the other, the leader's proxy), once both are well."""
        self.both_ready()
        i = wait_for("one of the two leads", 60, lambda: [n for n, o in enumerate(self.operators) if o.leads])[0]
        return self.operators[i], self.operators[1 - i], self.proxies[i]

    def both_ready(self):
        """As if nothing had happened to any of the two, and a process for the one that has none."""
        for o in self.operators:
            if o.alive:
                o.kill(signal.SIGCONT)
            else:
                o.start()
        for p in self.proxies:
            p.fault = None
        for o in self.operators:
            o.wait_ready(60)

    def taken_over(self, other, limit, what):
        """Does `what` to the leader; until the other writes. Tells what the audit log says of it."""
        begun = time.time()
        what()
        account = other.account

        def by_other():
            return [w for w in Writes(self.plane).rest if w[0] > begun and w[2] == account]
        wait_for(f"{other.name} writes", limit + 20, by_other)
        acquired = [a for a in Writes(self.plane).acquisitions() if a[0] > begun and a[2] == account][0][0] - begun
        first = by_other()[0][0] - begun
        assert acquired < limit, f"the lease was taken over after {acquired:.1f} s, wanted less than {limit}"
        return f"lease after {acquired:.2f} s, first write after {first:.2f} s"

    def check(self):
        bad = Writes(self.plane).overlapping()
        assert not bad, f"{len(bad)} writes while the other had the lease: {bad[:3]}"

    def ended(self):
        old, other, _ = self.leader()
        code = []
        note = self.taken_over(other, RELEASED, lambda: code.append(old.end()))
        assert code == [0], f"exit status {code}"
        self.check()
        return note

    def killed(self):
        old, other, _ = self.leader()

        def kill():
            old.kill(signal.SIGKILL)
            old.process.wait()
        note = self.taken_over(other, TAKEOVER, kill)
        self.check()
        return note

    def frozen(self):
        old, other, _ = self.leader()
        note = self.taken_over(other, TAKEOVER, lambda: old.kill(signal.SIGSTOP))
        time.sleep(1)
        old.kill(signal.SIGCONT)
        self.stands_by(old)
        return note

    def frozen_and_nobody_else(self):
        """The other one is frozen too: who wakes up first goes on, after a look at the lease."""
        old, other, _ = self.leader()
        other.kill(signal.SIGSTOP)
        old.kill(signal.SIGSTOP)
        time.sleep(12)
        begun = time.time()
        old.kill(signal.SIGCONT)
        wait_for(f"{old.name} writes again", 30, lambda: [w for w in Writes(self.plane).rest if w[0] > begun])
        first = [w for w in Writes(self.plane).rest if w[0] > begun][0]
        renewed = [w for w in Writes(self.plane).lease if w[0] > begun][0]
        assert first[2] == old.account
        assert renewed[0] <= first[1], "wrote before the lease was renewed"
        other.kill(signal.SIGCONT)
        self.stands_by(other)
        return f"first write {first[0] - begun:.2f} s after it woke up"

    def cut_off(self, resumes):
        old, other, proxy = self.leader()
        note = self.taken_over(other, TAKEOVER, lambda: setattr(proxy, "fault", Fault(hole=True, resumes=resumes)))
        time.sleep(1)
        proxy.fault = None
        self.stands_by(old)
        return note

    def stands_by(self, old):
        """The former leader is the same process, well, and no leader; and has written nothing."""
        time.sleep(3)
        old.wait_ready(60)
        assert not old.leads, f"{old.name} believes that it leads"
        self.check()

    def ends(self):
        for o in self.operators:
            code = o.end()
            assert code == 0, f"{o.name}: exit status {code}"
            assert not o.complaints(), o.complaints()[:3]
        writes = Writes(self.plane)
        assert len(writes.rest) > 50, f"only {len(writes.rest)} writes"
        self.check()
        return f"{len(writes.rest)} writes, {len(writes.acquisitions())} times the lease changed hands"


def run(plane, suite):
    plane.namespace(NS)
    for name in PLATFORMS:
        plane.platform(NS, name)
    pair = Pair(plane)
    editor = Editor(plane)
    try:
        editor.start()
        for _ in range(int(os.environ.get("LP_ROUNDS", "1"))):
            suite.case("a leader that is ended hands over", pair.ended)
            suite.case("a leader that is killed is replaced", pair.killed)
            suite.case("a leader that was frozen writes nothing when it wakes up", pair.frozen)
            suite.case("a frozen leader without another goes on", pair.frozen_and_nobody_else)
            suite.case("a leader that is cut off for good writes nothing more", pair.cut_off, False)
            suite.case("a leader whose packets come late writes nothing more", pair.cut_off, True)
        editor.end()
        suite.case("both end well and leak nothing", pair.ends)
    finally:
        editor.stopped.set()
        for o in pair.operators:
            if o.alive:
                o.end()
        for p in pair.proxies:
            p.close()


if __name__ == "__main__":
    main(run)
