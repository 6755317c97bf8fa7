"""lp-learning on a database of its own, for the tests that ask it: learning*.py.

LP_BIN: the folder of the programs, LP_POSTGRES_DIR: that of the server's URL.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse

from plane import free_port, send
from tokens import b64, signed

SECRET = "a key of access tokens that is long enough"
KEY_PROGRESS = bytes(range(32))
START = time.time()  # what "days ago" counts from, so that days between two reviews are whole
numbers = itertools.count(1)


def token(user, role="user"):
    return signed({"userId": user, "role": role, "exp": int(time.time()) + 3600}, SECRET.encode())


TEACHER = token("teacher-1", "teacher")


class Learning:
    """The program on a database of its own, which may be killed and started again."""

    def __init__(self, work):
        self.log = open(work / "learning.log", "w", encoding="utf-8")
        server = (pathlib.Path(os.environ["LP_POSTGRES_DIR"]) / "url").read_text(encoding="utf-8").strip()
        self.server, self.database = server, server.replace("/postgres?", "/learning?")
        self.empty()
        self.start()

    def empty(self):
        for sql in ("DROP DATABASE IF EXISTS learning WITH (FORCE)", "CREATE DATABASE learning"):
            subprocess.run(["psql", "-qAtX", self.server, "-c", sql], check=True, capture_output=True)

    def start(self, **variables):
        self.launch(**variables)
        end = time.monotonic() + 60
        while self.send("GET", "/readyz", port=self.metrics)[0] != 200:
            assert time.monotonic() < end and self.process.poll() is None, "lp-learning is not ready"
            time.sleep(0.05)

    def launch(self, **variables):
        self.port, self.metrics = free_port(), free_port()
        while self.metrics == self.port:
            self.metrics = free_port()
        self.process = subprocess.Popen(
            [pathlib.Path(os.environ["LP_BIN"]).resolve() / "lp-learning"], stderr=self.log,
            env={**os.environ, "PORT": str(self.port), "METRICS_PORT": str(self.metrics), "DATABASE_URL": self.database,
                 "AUTH_JWT_SECRET": SECRET, "CALLER_KEY_PROGRESS": b64(KEY_PROGRESS), "DRAIN_DELAY": "0s", **variables})

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(30)

    def send(self, method, path, body=None, headers=None, port=None):
        """Status, headers and text. Status 0: no answer."""
        return send(port or self.port, method, path, body, headers)

    def ask(self, method, path, body=None, bearer=None, **headers):
        headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        status, _, text = self.send(method, path, None if body is None else json.dumps(body), headers)
        return status, json.loads(text) if text.startswith(("{", "[")) else text

    def sql(self, statement):
        run = subprocess.run(["psql", "-qAtX", self.database, "-c", statement], check=True, capture_output=True, text=True)
        return run.stdout.strip()

    def metric(self, series):
        _, _, text = self.send("GET", "/metrics", port=self.metrics)
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(series + " ")), None)

    def review(self, user, item, rating="good", **more):
        return self.ask("POST", "/api/reasoning/reviews", {"userId": user, "itemId": item, "rating": rating, **more}, token(user))


def recommend(s, user, query="", bearer=None, **wish):
    return s.ask("POST", "/api/reasoning/recommend" + query, {"userId": user, **wish}, bearer or token(user))


def expect(answer, status):
    assert answer[0] == status, f"{answer}, wanted {status}"
    return answer[1]


def at(days_ago):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START - days_ago * 86400))


def call(caller="progress", key=KEY_PROGRESS):
    """The token of a call by a service."""
    now = int(time.time())
    return signed({"iss": caller, "aud": "learning", "iat": now, "exp": now + 30}, key)


def in_turn_behind_a_lock(s, row, *calls):
    """Carries the calls out at the same moment: each has read what there is and waits for that row (what follows FROM), in this order."""
    holder = subprocess.Popen(["psql", "-qAtX", s.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    print(f"BEGIN; SELECT 'held' FROM {row} FOR UPDATE;", file=holder.stdin, flush=True)
    assert holder.stdout.readline() == "held\n"
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        answers = []
        for n, call in enumerate(calls, 1):
            answers.append(pool.submit(call))
            end = time.monotonic() + 4
            while s.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lp-learning' AND wait_event_type = 'Lock'") != str(n):
                assert time.monotonic() < end, f"call {n} does not wait"
                time.sleep(0.01)
        holder.communicate("COMMIT;\n")
        return [a.result() for a in answers]


def transfer(s, method, path, text=None, bearer=TEACHER):
    status, headers, answer = s.send(method, "/api/ontology/" + path, None if text is None else text.encode(), {"Authorization": f"Bearer {bearer}"})
    return status, answer, headers


def next_page(path, headers):
    """Behind "/api/ontology/", where the gateway's prefix is kept; None: it was the last."""
    link = headers.get("Link")
    if not link:
        return None
    assert link.endswith('>; rel="next"'), link
    prefix = "https://gateway/learning/api/ontology/"
    target = urllib.parse.urljoin(prefix + path, link[1:link.index(">")])
    assert target.startswith(prefix), target
    return target.removeprefix(prefix)


def imported(s, path, text):
    status, answer, _ = transfer(s, "POST", "import?format=" + path, text)
    assert status == 200, (status, answer)
    return json.loads(answer)


def exported(s, path):
    """All pages, and how many there were."""
    texts = []
    while path:
        status, text, headers = transfer(s, "GET", path)
        assert status == 200, (status, text[:500])
        texts.append(text)
        path = next_page(path, headers)
    return texts


def recomputed_states_are_the_stored_ones(s):
    """Every state beside what test_integration_memory_model makes of its reviews."""
    rows = s.sql("SELECT s.learner, s.item_id, s.difficulty, s.stability, s.due_ms, s.stage, string_agg(r.rating || ' ' || r.at_ms, ' ' ORDER BY r.at_ms, r.id)"
                 " FROM states s JOIN reviews r USING (learner, item_id) GROUP BY 1, 2, 3, 4, 5, 6").splitlines()
    defaults = "0.212 1.2931 2.3065 8.2956 6.4133 0.8334 3.0194 0.001 1.8722 0.1666 0.796 1.4835 0.0614 0.2629 1.6483 0.6014 1.8729 0.5425 0.0912 0.0658 0.1542 0.9"
    rows = [row.split("|") for row in rows]
    run = subprocess.run([pathlib.Path(os.environ["LP_BIN"]) / "test_integration_memory_model"], text=True, capture_output=True, check=True,
                         input="".join(f"{defaults} 0 {row[-1]}\n" for row in rows))
    lines = iter(run.stdout.splitlines())
    for row in rows:
        *_, difficulty, stability, due, stage, history = row
        d, k, _, u, g = [next(lines) for _ in range(len(history.split()) // 2)][-1].split()
        assert (float(d), float(k), u, g) == (float(difficulty), float(stability), due, stage), row
    print(f"{len(rows)} states are what their reviews make")


def run(tests):
    """What a test's main() does: the tests in turn, beside one program. argv: WORKDIR."""
    work = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    service = Learning(work)
    try:
        for test in tests:
            began = time.monotonic()
            test(service)
            print(f"{test.__name__}: {time.monotonic() - began:.1f} s")
        assert service.stop() == 0, "lp-learning ends with 0 at SIGTERM"
    finally:
        service.process.kill()
