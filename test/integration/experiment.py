#!/usr/bin/env python3
"""bench/experiment/run without a cluster: what it sends to a gateway of this process, and what it prints.
    experiment.py   LP_BIN names the folder of kubectl-lp"""
import http.server
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import redirect_stdout

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
RUN = f"{TOP}/bench/experiment/run"
asked, texts, emails, lock = {}, set(), set(), threading.Lock()
ANSWERS = {"register": (201, {}), "login": (200, {"token": "t", "user": {"id": "u-1"}}), "activityLog": (201, {}),
           "speech2text": (200, {"sentence_pairs": [{}]}), "u-1": (200, {"averageScore": 60}), "health": (200, {"status": "ok"})}


class Gateway(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1

    def log_message(self, *_):
        pass

    def do_GET(self):  # pylint: disable=invalid-name
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        with lock:
            asked[self.path] = asked.get(self.path, 0) + 1
            texts.update([body["text"]] if "text" in body else [])
            emails.update([body["email"]] if "email" in body else [])
        status, answer = ANSWERS.get(self.path.rsplit("/", 1)[1], (404, {}))
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET


def check(what, condition, *shown):
    print(("ok     " if condition else "FAILED ") + what, flush=True)
    if not condition:
        sys.exit(f"{what}: {shown}")


def module():
    loader = importlib.machinery.SourceFileLoader("experiment_run", RUN)
    found = importlib.util.module_from_spec(importlib.util.spec_from_loader("experiment_run", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(found)
    return found


def both_runs_send_the_four_calls(port):
    done = subprocess.run([RUN, "--no-cluster", "--url", f"http://127.0.0.1:{port}", "--seconds", "3",
                           "--program", f"{os.environ['LP_BIN']}/kubectl-lp"], capture_output=True, text=True, timeout=60, check=False)
    check("both runs end well", done.returncode == 0, done.stdout, done.stderr)
    rounds = [int(n) for n in re.findall(r"rounds: (\d+) of the 20 ", done.stdout)]
    routes = re.findall(r"^  (\w+) +(\d+) +[\d.]+ +[\d.]+ +0$", done.stdout, re.M)
    check("each tells its rounds and its four routes without a failure", len(rounds) == 2 and min(rounds) >= 20 and len(routes) == 8, done.stdout)
    check("every round has each of the four calls", asked["/health"] == asked["/ai/speech2text"] == sum(rounds), asked, rounds)
    check("one account in the first run, 20 more in the second", len(emails) == 21, emails)
    check("sentences differ in the second run", len(texts) > 10, texts)


def sentences_differ_and_a_third_is_misspelt(run):
    found = run.sentences()
    wrong = [s for s in found if any(w in s.split() for w in run.MISSPELT.values())]
    check("200 sentences, all different", len(found) == len(set(found)) == 200)
    check("a third of them is misspelt", 0.3 < len(wrong) / 200 < 0.36, len(wrong))
    check("20 learners with pauses of 2 s could do 280 rounds in 30 s", run.possible(30) == 280)


def pods_are_told_before_at_the_peak_and_after(run):
    def line(at, auth, gateway):
        return json.dumps({"timeMs": at, "platforms": [{"services": [
            {"name": "auth", "desired": auth, "ready": 2}, {"name": "gateway", "desired": gateway, "ready": 1}]}]}) + "\n"
    lines = [line(0, 2, 1), line(9000, 2, 1), line(40000, 5, 1), line(41000, 5, 2), line(90000, 2, 1), line(91000, 2, 1)[:20]]
    answer = {"metrics": {"iterations": {"values": {"count": 51}}}}
    out = io.StringIO()
    with redirect_stdout(out):
        run.tell("a run", answer, 30, run.pods_over_time(lines), 10000)
    check("pods are told", "pods wanted: 3 before, 7 at the peak, 3 after" in out.getvalue(), out.getvalue())
    check("and when they changed", "-10 s: 3, +30 s: 6, +31 s: 7, +80 s: 3" in out.getvalue(), out.getvalue())
    check("rounds too", "rounds: 51 of the 280 " in out.getvalue(), out.getvalue())


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    run = module()
    sentences_differ_and_a_third_is_misspelt(run)
    pods_are_told_before_at_the_peak_and_after(run)
    both_runs_send_the_four_calls(server.server_address[1])


if __name__ == "__main__":
    main()
