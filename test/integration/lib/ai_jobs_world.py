"""A PostgreSQL, lp-ai-feedback, lp-ai-worker and what they ask, for ai_jobs.py.

LP_BIN: the folder of the programs.
"""

import http.server
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.parse

from plane import free_port, send, wait_for
from tokens import signed

HERE = pathlib.Path(__file__).resolve().parent.parent
SECRET = "a key of access tokens that is long enough"
BIN = pathlib.Path(os.environ["LP_BIN"]).resolve()
JOBS, OWNERS = 200, 8
MAIL, PASSWORD, LEARNER = "planted.mail.7f3a@example.org", "Planted-Pa55phrase-7f3a", "plantedlearner7f3a"
FORGED = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJwbGFudGVkIn0.cGxhbnRlZC1zaWduYXR1cmU"
SENTENCE = "Yesterday i goed to the libary becuase i want borrow two book, um, and my freind have came too."


def token(user):
    return signed({"userId": user, "role": "user", "exp": int(time.time()) + 3600}, SECRET.encode())


class Postgres:
    """A server of the test's own, whose postmaster may be killed."""

    def __init__(self, work):
        self.dir = work / "postgres"
        self.start()
        self.admin("postgres", "CREATE ROLE jobs LOGIN", "CREATE DATABASE jobs OWNER jobs", "CREATE DATABASE auth")

    def script(self, command):
        return subprocess.run([HERE / "postgres", command, self.dir], capture_output=True, text=True, check=False)

    def start(self):
        wait_for("PostgreSQL", 60, lambda: self.script("start").returncode == 0)  # a child of the killed one may still be there

    def url(self, name, role="jobs"):
        return (self.dir / "url").read_text(encoding="utf-8").strip().replace("/postgres?", f"/{name}?").replace("user=test", f"user={role}")

    def admin(self, database, *statements):
        for statement in statements:
            subprocess.run(["psql", "-qAtX", self.url(database, "test"), "-c", statement], check=True)

    def kill(self):
        cluster = (self.dir / "cluster").read_text(encoding="utf-8").strip()
        pid = int((pathlib.Path(cluster) / "data/postmaster.pid").read_text(encoding="utf-8").split()[0])
        os.kill(pid, signal.SIGKILL)
        wait_for("it is gone", 60, lambda: not pathlib.Path(f"/proc/{pid}").exists())  # until then pg_ctl takes it for a server that runs

    def sql(self, statement):
        return subprocess.run(["psql", "-qAtX", self.url("jobs"), "-c", statement], check=True, capture_output=True, text=True).stdout.strip()


class Program:
    """One of ours, on ports that stay."""

    def __init__(self, work, name, log, **variables):
        self.name, self.log = name, open(work / f"{log}.log", "w", encoding="utf-8")
        self.port, self.metrics = free_port(), free_port()
        while self.metrics == self.port:
            self.metrics = free_port()
        self.env = {**os.environ, "PORT": str(self.port), "METRICS_PORT": str(self.metrics), "DRAIN_DELAY": "0s",
                    "AUTH_JWT_SECRET": SECRET, "LOG_LEVEL": "debug", **variables}
        self.start()

    def start(self):
        self.process = subprocess.Popen([BIN / self.name], stderr=self.log, env=self.env)
        wait_for(f"{self.name} is ready", 60, lambda: self.send("GET", "/readyz", port=self.metrics)[0] == 200)

    def end(self, how):
        self.process.send_signal(how)
        return self.process.wait(30)

    def send(self, method, path, body=None, headers=None, port=None):
        """Status, headers and text. Status 0: no answer."""
        return send(port or self.port, method, path, body, headers)

    def ask(self, method, path, user, body=None, **headers):
        """Status, headers, and the answer's JSON."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token(user)}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        status, heads, text = self.send(method, path, None if body is None else json.dumps(body), headers)
        return status, heads, json.loads(text) if text.startswith("{") else text

    def tell(self, method, path, user, body, content_type, **headers):
        """As ask(), with a body that is no JSON."""
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {token(user)}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        status, heads, text = self.send(method, path, body, headers)
        return status, heads, json.loads(text) if text.startswith("{") else text

    def log_text(self):
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def metric(self, series):
        _, _, text = self.send("GET", "/metrics", port=self.metrics)
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(series + " ")), None)


class Progress(http.server.ThreadingHTTPServer):
    """The progress service as it takes activities: one key is one activity. `status` is what it answers once it has noted one."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", free_port()), Progress.Handler)
        self.logged, self.asked, self.status, self.lock = {}, 0, 200, threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with self.server.lock:
                self.server.asked += 1
                self.server.logged.setdefault(self.headers["Idempotency-Key"], []).append(body)
                status = self.server.status
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass


class LanguageTool(http.server.ThreadingHTTPServer):
    """Answers as LanguageTool 6.6 did about one text, and notes what it is asked."""

    daemon_threads = True
    recorded = HERE.parent / "unit/languagetool"
    text = (recorded / "check-6.6.txt").read_text(encoding="utf-8")

    def __init__(self):
        super().__init__(("127.0.0.1", free_port()), LanguageTool.Handler)
        self.asked, self.held, self.released = [], [], threading.Event()  # held: parts of texts that wait for their answer
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.server.asked.append((self.path, form["language"], form["text"]))
            if any(part in form["text"][0] for part in self.server.held):
                self.server.released.wait(60)
            answer = (LanguageTool.recorded / "check-6.6.json").read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass


class World:
    def __init__(self, work):
        self.work, self.postgres, self.workers, self.progress = work, Postgres(work), [], Progress()
        self.service = Program(work, "lp-ai-feedback", "service", DATABASE_URL=self.postgres.url("jobs"),
                               PROGRESS_SERVICE_URL=f"http://127.0.0.1:{self.progress.server_port}")

    def worker(self, **variables):
        self.workers.append(Program(self.work, "lp-ai-worker", f"worker-{len(self.workers)}", DATABASE_URL=self.postgres.url("jobs"), **variables))
        return self.workers[-1]

    def put(self, user, text, **headers):
        return self.service.ask("POST", "/speech2text", user, {"text": text}, Prefer="respond-async", **headers)

    def speak(self, user, fields, **headers):
        """POST /pronunciation with a form; status, headers and JSON."""
        body = b"".join(b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
                        % (name.encode(), b'; filename="said.wav"' if name == "audio" else b"", value if isinstance(value, bytes) else value.encode())
                        for name, value in fields) + b"--b--\r\n"
        return self.service.tell("POST", "/pronunciation", user, body, "multipart/form-data; boundary=b", **headers)

    def over(self, user, job, state="done"):
        """What there is of a job, once it is in this state."""
        return wait_for(f"it is {state}", 30, lambda: [j for j in [self.service.ask("GET", f"/jobs/{job}", user)[2]] if j["state"] == state])[0]

    def done(self):
        return int(self.postgres.sql("SELECT count(*) FROM jobs WHERE state = 'done'"))

    def end(self):
        for program in [self.service, *self.workers]:
            if program.process.poll() is None:
                program.process.kill()
                program.process.wait()
        self.postgres.script("remove")
