#!/usr/bin/env python3
"""kubectl lp load as a program: its exit status, its two outputs, and how it ends, against a server of this process.

    load.py   LP_BIN names the folder of kubectl-lp
"""
import http.server
import json
import os
import re
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading

TOP = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
ANSWERS = {
    "/auth/api/auth/login": {"token": "t0ken", "user": {"id": "u-1"}},
    "/auth/api/auth/register": ({"message": "User registered successfully!"}, 201),
    "/ai/speech2text": {"sentence_pairs": [{}]},
    "/progress/api/progress/recommendation/u-1": {"averageScore": 60},
    "/progress/api/progress/activityLog/u-1": {"activities": []},
    "/health": {"status": "ok"},
}
asked, emails, first = {}, set(), threading.Event()


class Gateway(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if b'"email"' in body:
            emails.add(json.loads(body)["email"])
        asked[self.path] = asked.get(self.path, 0) + 1
        answer = ANSWERS.get(self.path, ({}, 404))
        body, status = answer if isinstance(answer, tuple) else (answer, 200)
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        if self.path == "/health":
            first.set()

    do_POST = do_GET


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


def start(*words):
    environment = dict(os.environ, LP_LOAD_EMAIL="ann@example.org", LP_LOAD_PASSWORD="secret")
    command = [f"{os.environ['LP_BIN']}/kubectl-lp", "load", "--url", URL, *words]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def load(*words, stdin=""):
    process = start(*words)
    out, err = process.communicate(stdin, timeout=60)
    return process.returncode, out, err


def check(what, condition, *shown):
    print(("ok     " if condition else "FAILED ") + what, flush=True)
    if not condition:
        sys.exit(f"{what}: {shown}")


def quickstart():
    status, out, err = load("--duration", "2", "--learners", "5", "--pause", "0.2", "--progress", "1", "-o", "json")
    metrics = json.loads(out)["metrics"]
    check("a class ends with status 0 and a JSON summary that the quickstart reads",
          status == 0 and metrics["http_req_duration{name:login}"]["values"]["p(95)"] > 0
          and metrics["http_req_failed"]["values"]["rate"] == 0 and metrics["iterations"]["values"]["count"] >= 5,
          status, out, err)
    check("progress goes to standard error", re.search(r"^\d+ s: \d+ requests/s, p50 ", err, re.M), err)


def report():
    """The table at the end of ./quickstart, of a summary with failures."""
    ANSWERS["/health"] = ANSWERS["/health"], 503
    _, out, _ = load("--duration", "1", "--learners", "2", "-o", "json")
    ANSWERS["/health"] = ANSWERS["/health"][0]
    auth = {"name": "auth", "ready": 1, "desired": 1, "queue": 0.5, "why": ""}
    more = dict(auth, ready=3, desired=3, queue=12.5, why="1 to 3: queue_depth")
    samples = "".join(json.dumps({"timeMs": at, "platforms": [{"services": [service]}]}) + "\n"
                      for at, service in ((1, auth), (3000, more), (5000, more)))
    with open(f"{TOP}/test/e2e/report.jq", encoding="utf-8") as f:
        program = ". as $in | $load[0] as $load | $in | " + f.read()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as summary:
        summary.write(out)
        summary.flush()
        done = subprocess.run(["jq", "-rs", "--slurpfile", "load", summary.name, "--argjson", "started", "2000",
                               "--argjson", "ended", "4500", program], input=samples, capture_output=True, text=True,
                              check=False, timeout=30)
    count = json.loads(out)["metrics"]["iterations"]["values"]["count"]
    check("the quickstart's table tells scaling, failures and their causes", done.returncode == 0
          and re.search(r"^  auth +1 +3 +3 +12.5 +1 to 3: queue_depth$", done.stdout, re.M)
          and re.search(rf"^  {count} of health failed: status 503$", done.stdout, re.M)
          and f"  {count} rounds (login to health) were completed, {4 * count} requests in 2.5 s; 25 % of them failed\n"
          in done.stdout, done.stdout, done.stderr)


def limits():
    status, out, err = load("--duration", "1", "--learners", "2", "--fail-if", "errors>0%", "--fail-if", "count<1")
    check("limits that are kept are status 0", status == 0 and "  recommendation  " in out, status, out, err)
    status, out, err = load("--duration", "1", "--learners", "2", "--fail-if", "max<1h", "--fail-if", "max<10s")
    check("a wrong limit is status 2 and named", status == 2 and '--fail-if: "max<1h"' in err and out == "", status, err)
    status, out, err = load("--duration", "1", "--learners", "2", "--fail-if", "login:max<10s")
    check("a limit that is missed is status 1, with its value, and the table is there",
          status == 1 and 'kubectl lp: --fail-if "login:max<10s": it is ' in err and "  login  " in out, status, err)


def open_model():
    status, out, err = load("--duration", "2", "--arrival-rate", "50", "--shape", "exam", "-o", "json", "--seed", "3")
    rounds = json.loads(out)["metrics"]["iterations"]["values"]["count"]
    status2, out2, _ = load("--duration", "2", "--arrival-rate", "50", "--shape", "exam", "-o", "json", "--seed", "3")
    check("the same seed makes the same number of rounds arrive",
          status == status2 == 0 and rounds > 10 and rounds == json.loads(out2)["metrics"]["iterations"]["values"]["count"],
          rounds, out2, err)


def scenario():
    with open(f"{TOP}/docs/load.md", encoding="utf-8") as f:
        text = re.search(r"```yaml\n(.*?)```", f.read(), re.S).group(1)
    emails.clear()
    status, out, err = load("--duration", "2", "--learners", "3", "--pause", "0.1", "--scenario", "-",
                            "--fail-if", "errors>0%", stdin=text)
    check("the scenario of docs/load.md runs, with an account each", status == 0 and "  activities  " in out
          and emails == {f"ann+{i}@example.org" for i in range(3)}, status, out, err, emails)
    status, out, err = load("--scenario", "-", stdin="steps:\n- {name: x, path: /, colour: red}\n")
    check("an unknown field is told with its line",
          status == 2 and "the scenario: line 2: scenario.steps[0].colour: unknown field" in err, status, err)
    status, out, err = load("--scenario", "/nowhere.yaml")
    check("a scenario that is not there is named", status == 2 and "--scenario: /nowhere.yaml: No such file" in err, err)


def interrupted():
    first.clear()
    process = start("--duration", "3600", "--learners", "2", "--fail-if", "errors>1%", "-o", "json")
    check("the load begins", first.wait(30))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    check("an interrupt ends it at once with the figures so far", process.returncode == 0
          and json.loads(out)["metrics"]["http_reqs"]["values"]["count"] > 0, process.returncode, out, err)


if __name__ == "__main__":
    SERVER = Server(("127.0.0.1", 0), Gateway)
    URL = f"http://127.0.0.1:{SERVER.server_port}"
    threading.Thread(target=SERVER.serve_forever, daemon=True).start()
    for case in (quickstart, report, limits, open_model, scenario, interrupted):
        case()
