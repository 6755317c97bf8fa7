#!/usr/bin/env python3
"""What lies between the operator and a real API server breaks, in every way; then it is well again.

After each fault the operator, the same process throughout, must carry out what was edited while it
lasted and what is edited after it within 30 s. It must not crash, leak (it is built with sanitizers
in ./check) or grow. It has the shipped rights and no others.
    faults.py DIR [WORDS...]   a control plane of its own in DIR; only the cases that hold one of WORDS
    LP_FAULT_SECONDS=4         how long each fault lasts
"""
import json
import os
import random
import sys
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), p) for p in ("lib", "../fake")]
# pylint: disable=wrong-import-position
from fault_proxy import Fault, FaultProxy, gone
from plane import PATIENCE, SYSTEM, Operator, main, say, wait_for

SECONDS = float(os.environ.get("LP_FAULT_SECONDS", "4"))
WITHIN = 30 * PATIENCE
NS, NAME = "learning", "english"
BIG = "x" * (10 << 20)
# HTTP/2 connections are told every now and then to take their requests elsewhere (GOAWAY), as behind
# a load balancer that spreads them.
os.environ["LP_APISERVER_FLAGS"] = "--goaway-chance=0.02"


def status(code, reason, **headers):
    body = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                       "reason": reason, "message": "made by the test"}).encode()
    return code, headers, body


class Faults:
    def __init__(self, plane, proxy, operator):
        self.plane, self.proxy, self.operator = plane, proxy, operator
        self.edits = 10
        self.worst = 0

    def edit(self):
        self.edits += 1
        self.plane.edit(NS, NAME, self.edits)
        return self.edits

    def carried_out(self):
        assert self.operator.alive, "the operator has crashed"
        return self.plane.carried_out(NS, NAME, self.edits)

    def converges(self, since):
        """Within the time, for what was edited meanwhile and then for what is edited now."""
        wait_for("what was edited during the fault is carried out", WITHIN, self.carried_out)
        self.edit()
        wait_for("what is edited after the fault is carried out",
                 max(0, since + WITHIN - time.monotonic()), self.carried_out)
        took = time.monotonic() - since
        self.worst = max(self.worst, took)
        return f"converged {took:.1f} s after it"

    def during(self, fault, seconds=SECONDS, works=False):
        """`works`: an edit must be carried out while the fault lasts."""
        before = self.proxy.requests
        self.proxy.fault = fault
        begun = time.monotonic()
        try:
            time.sleep(seconds / 3)
            self.edit()
            if works:
                wait_for("an edit is carried out during the fault", 60, self.carried_out)
            time.sleep(max(0, begun + seconds - time.monotonic()))
        finally:
            self.proxy.fault = None
        note = self.converges(time.monotonic())
        return f"{note}, {self.proxy.requests - before} requests"

    # ---- bodies ----

    def split_lines(self):
        return self.during(Fault(pieces=7), works=True)

    def cut_bodies(self):
        return self.during(Fault(cut_after=400))

    def slow_bodies(self):
        return self.during(Fault(pieces=1, pause=1), SECONDS + 6)

    def huge_objects(self):
        """An own child and another platform, as if they had grown to 10 MB on the way."""
        def grown(_, line):
            event = json.loads(line)
            meta = event["object"].get("metadata", {})
            if meta.get("name") in (f"{NAME}-auth", "foreign"):
                meta.setdefault("annotations", {})["big"] = BIG
            return json.dumps(event).encode()
        before = self.operator.resources()[0]
        self.proxy.fault = Fault(line=grown)
        self.proxy.reset()
        wait_for("a platform beside huge ones is carried out", 60, self.other_works)
        self.proxy.fault = None
        self.edit()
        note = self.converges(time.monotonic())
        grew = self.operator.resources()[0] - before
        assert grew < 65536, f"grew by {grew} KiB"
        return f"{note}, grew by {grew} KiB"

    def other_works(self):
        if not hasattr(self, "other"):
            self.other = random.randint(2, 60)
            self.plane.edit(NS, "other", self.other)
        return self.plane.carried_out(NS, "other", self.other)

    # ---- watches ----

    def lost_bookmarks(self):
        def without(_, line):
            return None if b'"BOOKMARK"' in line[:40] else line
        return self.during(Fault(line=without), SECONDS, works=True)

    def lost_initial_bookmarks(self):
        """With every watch made anew."""
        def without(_, line):
            return None if b'"BOOKMARK"' in line[:40] else line
        self.proxy.fault = Fault(line=without)
        self.proxy.reset()
        return self.during(self.proxy.fault, SECONDS, works=True)

    def http_410(self):
        self.proxy.reset()
        return self.during(Fault(answer=lambda r: (410, {}, gone()) if r.is_watch else None))

    def event_410(self):
        line = b'{"type":"ERROR","object":' + gone() + b"}\n"
        self.proxy.reset()
        return self.during(Fault(answer=lambda r: (200, {}, line) if r.is_watch else None))

    def garbage(self):
        def spoiled(_, line):
            return line if random.random() < 0.3 else line[:random.randint(0, len(line))]
        return self.during(Fault(line=spoiled))

    # ---- answers ----

    def http_429(self):
        return self.during(Fault(answer=lambda r: status(429, "TooManyRequests", **{"Retry-After": "1"})))

    def http_500(self):
        self.proxy.reset()
        return self.during(Fault(answer=lambda r: status(random.choice((500, 502, 503, 504)), "InternalError")))

    def some_500(self):
        return self.during(Fault(answer=lambda r: status(500, "InternalError") if random.random() < 0.5 else None),
                           works=True)

    def expired_token(self):
        """The old token is refused, the new one is in the file shortly after."""
        old = open(self.operator.token_file, encoding="ascii").read()
        fault = Fault(answer=lambda r: status(401, "Unauthorized") if old in r.headers.get("authorization", "")
                      else None)
        self.proxy.fault = fault
        self.proxy.reset()
        time.sleep(SECONDS / 2)
        self.operator.write_token(self.plane.token(self.operator.account))
        self.edit()
        note = self.converges(time.monotonic())
        self.proxy.fault = None
        return note

    # ---- connections ----

    def resets(self):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.proxy.reset()
            time.sleep(0.3)
        return self.converges(time.monotonic())

    def black_hole(self):
        """Longer than the lease lasts, and what it swallowed stays dead."""
        return self.during(Fault(hole=True), SECONDS + 10)

    def short_black_hole(self):
        return self.during(Fault(hole=True), SECONDS)

    def tcp_pieces(self):
        return self.during(Fault(pieces=20), works=True)

    def clock_jumps(self):
        """The wall clock, not the one that a program should wait by."""
        for seconds in (86400, -60, 0):
            jump(self.operator, seconds)
            time.sleep(SECONDS / 3)
            self.edit()
            wait_for("an edit is carried out with another time of day", WITHIN, self.carried_out)
        assert self.operator.leads, "the lease was lost"
        return self.converges(time.monotonic())


def jump(operator, seconds):
    """In place: the program has the file mapped."""
    fd = os.open(f"{operator.dir}/clock", os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fd, int(seconds).to_bytes(8, "little", signed=True), 0)
    os.close(fd)


def no_refusals(plane, operator):
    refused = {(e["verb"], e["requestURI"].split("?")[0], e["responseStatus"]["code"]) for e in plane.audit()
               if e["user"].get("username") == f"system:serviceaccount:{SYSTEM}:{operator.account}"
               and e.get("responseStatus", {}).get("code") == 403}
    assert not refused, f"the shipped rights do not allow {sorted(refused)[:5]}"


def no_growth(operator, before):
    """Once the watches are idle again: a watch, a worker and the lease have a connection each."""
    def small():
        _, fds, threads = operator.resources()
        return fds <= before[1] + 4 and threads <= before[2]
    wait_for("descriptors and threads are as many as before", WITHIN, small)
    rss = operator.resources()[0]
    assert rss < before[0] + 65536, f"RSS {before[0]} KiB grew to {rss} KiB"
    return f"RSS {before[0]} -> {rss} KiB, descriptors {before[1]} -> {operator.resources()[1]}"


def ends_well(operator):
    code = operator.end()
    assert code == 0, f"exit status {code}, see {operator.log}"
    assert not operator.complaints(), operator.complaints()[:3]


def ends_though_nothing_answers(plane, proxy, operator):
    """With a write under way, in less than a pod has after its preStop."""
    held = []

    def hold(request):
        if not request.is_watch:
            held.append(request.target)
        return not request.is_watch
    proxy.fault, proxy.mode = None, "http"
    operator.start()
    operator.wait_ready()
    wait_for("it leads", WITHIN, lambda: operator.leads)
    proxy.fault = Fault(hold=hold)
    plane.edit(NS, NAME, 61)
    wait_for("a write waits for its answer", WITHIN, lambda: any(f"/{NAME}" in t for t in held))
    begun = time.monotonic()
    code = operator.end(seconds=16)
    assert code == 0, f"exit status {code}, see {operator.log}"
    return f"took {time.monotonic() - begun:.1f} s"


def warm_up(plane):
    plane.namespace(NS)
    for name in (NAME, "other", "foreign"):
        plane.platform(NS, name)
    for name in (NAME, "other", "foreign"):
        wait_for(f"{name} is there", 60, lambda n=name: plane.get(f"/apis/apps/v1/namespaces/{NS}/deployments/{n}-auth"))
    time.sleep(2)


def run(plane, suite):
    proxy = FaultProxy(plane.port, plane.pki)
    operator = Operator(plane, "operator-a", proxy.port, LD_PRELOAD=os.environ["LP_CLOCK_JUMP"],
                        CLOCK_JUMP=f"{plane.dir}/operator-a/clock")
    jump(operator, 0)
    operator.start()
    try:
        operator.wait_ready()
        warm_up(plane)
        before = operator.resources()
        f = Faults(plane, proxy, operator)
        suite.case("lines of watches come in pieces of a few bytes", f.split_lines)
        suite.case("answers and streams end in the middle", f.cut_bodies)
        suite.case("bodies come at one byte a second", f.slow_bodies)
        suite.case("objects of 10 MB do not hold up the others", f.huge_objects)
        suite.case("bookmarks get lost", f.lost_bookmarks)
        suite.case("the bookmark that ends a list gets lost", f.lost_initial_bookmarks)
        suite.case("every watch is refused with HTTP 410", f.http_410)
        suite.case("every watch begins with the event of a 410", f.event_410)
        suite.case("lines of watches are spoiled", f.garbage)
        suite.case("every request is answered 429 with Retry-After", f.http_429)
        suite.case("every request is answered 500 to 504", f.http_500)
        suite.case("half of all requests are answered 500", f.some_500)
        suite.case("the token expires and its file changes", f.expired_token)
        suite.case("the clock of the day jumps", f.clock_jumps)
        suite.case("connections are reset again and again", f.resets)
        suite.case("connections to the proxy fall into a hole for good", f.black_hole)
        proxy.mode = "tcp"
        proxy.reset()
        suite.case("TLS comes in pieces", f.tcp_pieces)
        suite.case("the one connection of all watches is reset again and again", f.resets)
        suite.case("TLS connections through the proxy fall into a hole for good", f.black_hole)
        suite.case("TLS connections through the proxy fall into a hole for a moment", f.short_black_hole)
        suite.case("descriptors, threads and memory are as before", no_growth, operator, before)
        suite.case("nothing was refused for want of rights", no_refusals, plane, operator)
        suite.case("the operator ends well and leaks nothing", ends_well, operator)
        operator.end()
        suite.case("the operator ends though nothing answers", ends_though_nothing_answers, plane, proxy, operator)
        say(f"worst convergence after a fault: {f.worst:.1f} s")
    finally:
        proxy.fault = None
        if operator.alive:
            operator.end()
        proxy.close()


if __name__ == "__main__":
    main(run)
