#!/usr/bin/env python3
"""Log lines on their way to the store: written as kubelet keeps them (CRI, rotation by renaming), shipped by docker/rsyslog, put into
VictoriaLogs; shipper and store are killed, ended and started again on the way, and refuse. Counted by pod, run and seq.

logs.py WORKDIR LINES [BYTES of a file before it is rotated, 10 MiB]. The store is reached through a proxy of the test: VictoriaLogs keeps what
it took in memory for seconds and has no journal, as Elasticsearch has; so before it is killed the proxy has it write all that it acknowledged.
"""

import collections
import datetime
import gzip
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(HERE / "lib"))
from plane import free_port, say, wait_for  # noqa: E402

PATIENCE = 600  # seconds for anything
RUN = 5000  # lines of a process, before it starts again
OTHERS = "!seq:* !program:lp-logs"  # lp-logs itself says that it put lines aside
POISON = "a line that no store takes"
LONG = "x" * 16384  # what a part of a long line has


class Store:
    """VictoriaLogs, and in front of it a proxy that counts, refuses, and knows what was acknowledged."""

    def __init__(self, work):
        self.work, self.port, self.front = work, free_port(), free_port()
        self.lock, self.acknowledged, self.answers, self.kill_next, self.kills, self.poison = threading.Condition(), 0, [], False, 0, False
        self.program = subprocess.run([TOP / "test/e2e/parts", "victoria-logs"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]
        self.process = None
        self.start()
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                store.bulk(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.front), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def start(self):
        with open(self.work / "store.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([self.program, f"-storageDataPath={self.work}/store", f"-httpListenAddr=127.0.0.1:{self.port}"],
                                            stdout=log, stderr=log)
        wait_for("VictoriaLogs is ready", 60, self.ready)

    def ready(self):
        try:
            return self.ask("GET", "/health")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def bulk(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        with self.lock:
            status, text = self.answers.pop(0) if self.answers else self.put(body)
            if status == 200 and b'"errors":false' in text:
                self.acknowledged += body.count(b"\n") // 2
            self.lock.notify_all()
        if status:
            request.send_response(status)
            request.send_header("Content-Length", str(len(text)))
            request.end_headers()
            request.wfile.write(text)
        else:  # the store has gone before it answered
            request.close_connection = True

    def put(self, body):
        try:
            if self.kill_next:
                for path in ("/internal/force_flush", "/internal/partition/snapshot/create"):
                    assert self.ask("GET", path)[0] == 200, path
                self.kill_next = False
                self.ask("POST", "/insert/elasticsearch/_bulk", body)  # it has the lines, perhaps, and nobody is told
                self.kill()
                return 0, b""
            if self.poison and POISON.encode() in body:
                return 400, b'{"error":{"type":"illegal_argument_exception","reason":"one of them"},"status":400}'
            return self.ask("POST", "/insert/elasticsearch/_bulk?_time_field=@timestamp&_msg_field=msg", body)
        except (OSError, http.client.HTTPException):
            return 0, b""

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def stop_when_idle(self):
        """In order, and while no request is under way."""
        with self.lock:
            self.stop()

    def query(self, text):
        assert self.ask("GET", "/internal/force_flush")[0] == 200
        body = urllib.parse.urlencode({"query": text, "limit": "100000"})
        status, answer = self.ask("POST", "/select/logsql/query", body, {"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 200, answer[:300]
        return [json.loads(line) for line in answer.splitlines()]

    def refused(self, *answers):
        """These are its next answers; returns when they were given."""
        with self.lock:
            self.answers += answers
            assert self.lock.wait_for(lambda: not self.answers, PATIENCE), "no request came"

    def has_acknowledged(self, lines):
        with self.lock:
            assert self.lock.wait_for(lambda: self.acknowledged >= lines, PATIENCE), f"{self.acknowledged} of {lines} lines in {PATIENCE} s"

    def is_killed(self):
        """In the middle of the next request."""
        with self.lock:
            before, self.kill_next = self.kills, True
            assert self.lock.wait_for(lambda: self.kills > before, PATIENCE), "no request came"


class Shipper:
    """The image's entry point with its own files; rsyslog is Debian's, unpacked."""

    def __init__(self, work, store):
        self.work, self.dir = work, work / "shipper"
        tree = pathlib.Path(subprocess.run([TOP / "docker/rsyslog/build", "--tree"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
        libraries = work / "lib"
        libraries.mkdir()
        for pattern in ("libestr.so*", "libfastjson.so*", "liblognorm.so*"):
            for library in tree.glob(f"**/{pattern}"):
                (libraries / library.name).symlink_to(library)
        (work / "curlrc").write_text(f'url = "http://127.0.0.1:{store.front}/_bulk"\n', encoding="utf-8")
        modules = next(tree.glob("usr/lib/*/rsyslog"))
        self.env = {**os.environ, "PATH": f"{tree}/usr/sbin:{os.environ['PATH']}", "LD_LIBRARY_PATH": str(libraries), "RSYSLOG_MODDIR": str(modules),
                    "LP_LOGS_DIR": str(self.dir), "LP_LOGS_ROOT": str(work / "pods"), "LP_LOGS_LIB": str(TOP / "docker/rsyslog"),
                    "LP_LOGS_STORE": str(work / "curlrc"), "LP_LOGS_PAUSE": "1", "LP_LOGS_FILES": f"{work}/pods/*/*/*.log{{,.*[0-9]}}"}
        self.start()

    def start(self):
        (self.dir / "pid").unlink(missing_ok=True)
        with open(self.work / "shipper.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([TOP / "docker/rsyslog/lp-logs"], env=self.env, stdout=log, stderr=log)
        wait_for("rsyslog runs", 60, self.pid)

    def pid(self):
        try:
            return int((self.dir / "pid").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def kill(self):
        """As a container ends: all its processes at once."""
        senders = [int(p) for f in pathlib.Path(f"/proc/{self.pid()}/task").glob("*/children") for p in f.read_text(encoding="utf-8").split()]
        for pid in (self.pid(), *senders):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(60)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def refused(self):
        """What is put aside."""
        aside = self.dir / "refused"
        return aside.read_text(encoding="utf-8").splitlines() if aside.exists() else []

    def position(self, inode):
        """How much of a file is in the queue."""
        found = [f.read_text(encoding="utf-8") for f in self.dir.glob(f"state/imfile-state:{inode}*") if f.suffix != ".tmp"]
        return max((json.loads(text)["curr_offs"] for text in found if text.endswith("}")), default=0)  # one may be in the making


class Pod:
    """A container's output as containerd writes it and kubelet rotates it: one rotated file stays as it is, older ones are compressed."""

    def __init__(self, work, name, limit, shipper):
        self.name, self.uid, self.limit, self.shipper = name, str(uuid.uuid4()), limit, shipper
        self.dir = work / "pods" / f"learning_{name}_{self.uid}" / "gateway"
        self.dir.mkdir(parents=True)
        self.file, self.rotated, self.rotations = open(self.dir / "0.log", "ab"), None, 0
        self.runs, self.texts, self.n, self.size = collections.Counter(), collections.Counter(), 0, 0

    def await_rotated(self):
        if self.rotated:
            size, inode = self.rotated.stat().st_size, self.rotated.stat().st_ino
            wait_for(f"{self.rotated.name} of {self.name} is read", PATIENCE, lambda: self.shipper.position(inode) >= size)

    def rotate(self):
        # Of what is rotated twice the compressed file alone is left, which nobody reads: here it waits, in a cluster it would be lost.
        self.await_rotated()
        if self.rotated:
            with gzip.open(f"{self.rotated}.gz", "wb", 1) as out:
                out.write(self.rotated.read_bytes()[:1000])
            self.rotated.unlink()
            for old in sorted(self.dir.glob("*.gz"))[:-3]:
                old.unlink()
        self.rotations += 1
        self.rotated = self.dir / f"0.log.{datetime.datetime.now():%Y%m%d}-{self.rotations:06d}"
        (self.dir / "0.log").rename(self.rotated)
        self.put("written between the renaming and the opening anew")
        self.file.close()
        self.file, self.size = open(self.dir / "0.log", "ab"), 0

    def raw(self, text, tag="F"):
        now = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%dT%H:%M:%S.%f}{self.n % 1000:03d}Z"
        line = f"{now} stderr {tag} {text}\n".encode()
        self.size += len(line)
        self.file.write(line)

    def put(self, text, wanted=True):
        """A line that is not of our programs."""
        self.raw(text)
        if wanted:
            self.texts[text] += 1
        self.file.flush()

    def write(self, lines):
        """So many lines of our programs, with some of others among them."""
        for _ in range(lines):
            run = f"{uuid.uuid5(uuid.NAMESPACE_OID, f'{self.uid}{self.n // RUN}').hex[:16]}"
            self.n += 1
            self.runs[run] += 1
            clash = {"kubernetes": "v1.34.4"} if self.n % 1000 == 1 else {}  # a member that the shipper's own has the name of
            self.raw(json.dumps({**clash, "ts": "2026-01-02T03:04:05.678Z", "level": "info", "msg": "request", "id": f"{self.name}-{self.n}",
                                 "path": "/ai/speech2text?\"quoted\"#lp-part#", "status": "200", "seconds": "0.012", "program": "lp-gateway",
                                 "version": "v0.1.0", "pod": self.name, "run": run, "seq": self.runs[run]}, separators=(",", ":")))
            if self.n % 4999 == 0:
                self.put('{"a line of another program": [1, {"msg": "with \\"JSON\\""}]}')
                self.put("text with\x1ea character that separates parts, and another\x1e2026-01-02")
                self.put("plain text, and a byte that is no UTF-8 is not here: \u00fc")
                for tag, text in (("P", LONG), ("P", LONG), ("F", f"end {self.n}")):
                    self.raw(text, tag)
                self.texts[f"{LONG}{LONG}end {self.n}"] += 1
            if self.size >= self.limit:
                self.rotate()
        self.file.flush()


def the_shipper_is_killed(w):
    w.shipper.kill()
    w.write()
    w.shipper.start()


def the_shipper_is_restarted(w):
    w.shipper.stop()
    w.write()
    w.shipper.start()


def the_store_is_killed(w):
    w.write()
    w.store.is_killed()
    w.write()
    w.store.start()


def the_store_is_restarted(w):
    w.store.stop_when_idle()
    w.write()
    w.store.start()


def the_store_refuses(w):
    w.write()
    one = b'{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":429,"error":{"type":"es_rejected_execution_exception"}}}]}'
    denied = b'{"errors":true,"items":[{"create":{"status":403,"error":{"type":"security_exception"}}}]}'
    w.store.refused((401, b'{"error":"missing authentication","status":401}'), (200, denied), (503, b"<html>no upstream</html>"),
                    (429, b'{"error":{"type":"circuit_breaking_exception"},"status":429}'), (200, one), (200, b"<html>log in</html>"))


def the_store_refuses_lines_for_good(w):
    """The request as a whole, for one of its documents; then every request for a while, which is no document's fault."""
    w.store.poison = True
    for pod in w.pods:
        pod.put(POISON, wanted=False)
    w.write()
    wait_for("three lines are put aside", PATIENCE, lambda: len(set(w.shipper.refused())) == len(w.pods))
    w.write()
    w.store.refused(*[(400, b'{"error":{"type":"parse_exception"},"status":400}')] * 12)


def the_shipper_is_killed_without_a_store(w):
    w.store.stop_when_idle()
    w.write()
    for _ in range(3):
        w.shipper.kill()
        w.shipper.start()
        w.write()
    w.store.start()


def the_shipper_is_stopped_without_a_store(w):
    w.store.stop_when_idle()
    w.write()
    w.shipper.stop()
    w.write()
    w.shipper.start()
    w.store.start()


def files_are_rotated_while_the_shipper_is_away(w):
    for pod in w.pods:
        pod.await_rotated()
    w.shipper.kill()
    for pod in w.pods:
        pod.write(10)
        pod.rotate()
        pod.write(10)
    w.shipper.start()


def the_shipper_is_killed_again_and_again(w):
    for _ in range(5):
        w.write(5)
        w.store.has_acknowledged(w.store.acknowledged + 1)
        w.shipper.kill()
        w.shipper.start()


FAULTS = (the_shipper_is_killed, the_shipper_is_restarted, the_store_is_killed, the_store_is_restarted, the_store_refuses,
          the_store_refuses_lines_for_good,
          the_shipper_is_killed_without_a_store, the_shipper_is_stopped_without_a_store, files_are_rotated_while_the_shipper_is_away,
          the_shipper_is_killed_again_and_again)


class World:
    def __init__(self, work, lines, limit):
        self.store = Store(work)
        self.shipper = Shipper(work, self.store)
        self.pods = [Pod(work, f"english-gateway-{n}", limit, self.shipper) for n in range(3)]
        self.lines = lines

    def written(self):
        return sum(pod.n for pod in self.pods)

    def write(self, parts=1):
        """A hundredth of all lines, or a part of that: what is written while something is broken."""
        for pod in self.pods:
            pod.write(max(1, self.lines // 300 // parts))

    def end(self):
        for process in (self.shipper.process, self.store.process):
            if process.poll() is None:
                process.terminate()
                process.wait(60)
        self.store.server.shutdown()


def no_line_is_lost(w):
    """Every run has each seq from 1 on; every text of others is there as often as it was written, or oftener."""
    began, before = time.monotonic(), 0
    for n, fault in enumerate(FAULTS, 1):
        while w.written() < w.lines * n // (len(FAULTS) + 1):
            w.write()
        w.store.has_acknowledged(before)  # so that faults meet the shipper all along the way
        before = w.written()
        fault(w)
        say(f"{fault.__name__}: {w.written()} lines written, {w.store.acknowledged} acknowledged, {time.monotonic() - began:.0f} s")
    while w.written() < w.lines:
        w.write()
    runs, texts = collections.Counter(), collections.Counter()
    for pod in w.pods:
        runs += pod.runs
        texts += pod.texts

    def found():
        return {(r["run"]): (int(r["different"]), int(r["n"]), r["last"]) for r in
                w.store.query("seq:* | stats by (run) count_uniq(seq) different, count() n, max(seq) last")}

    # Duplicates are among the acknowledged, so the end is told by what is there, as long as more arrives.
    w.store.has_acknowledged(w.written() + sum(texts.values()))
    arrived, still = 0, time.monotonic()
    while time.monotonic() - still < 60:
        there = sum(d for d, _, _ in found().values())
        others = sum(int(r["n"]) for r in w.store.query(f"{OTHERS} | stats count() n"))
        if there >= w.written() and others >= sum(texts.values()):
            break
        if w.store.acknowledged > arrived:
            arrived, still = w.store.acknowledged, time.monotonic()
        with w.store.lock:
            w.store.lock.wait(1)
    got = found()
    lost = sum(runs[run] - got.get(run, (0,))[0] for run in runs)
    twice = sum(n - different for different, n, _ in got.values())
    names = {r["pod"] for r in w.store.query("seq:* | stats by (pod) count() n")}
    there = collections.Counter({r["_msg"]: int(r["n"]) for r in w.store.query(f"{OTHERS} | stats by (_msg) count() n")})
    missing, strange = texts - there, set(there) - set(texts)
    seconds = time.monotonic() - began
    say(f"{w.written()} lines of {len(runs)} runs, {sum(texts.values())} of others, {sum(p.rotations for p in w.pods)} rotations, "
        f"{w.store.kills} kills of the store: {lost} lost, {twice} twice ({100 * twice / w.written():.2f} %), {seconds:.0f} s")
    assert lost == 0, {run: (runs[run], got.get(run)) for run in runs if runs[run] != got.get(run, (0,))[0]}
    assert set(got) == set(runs) and names == {pod.name for pod in w.pods}
    assert not missing and not strange, ([(t[-60:], n) for t, n in missing.items()][:5], [t[:200] for t in strange][:5])
    aside = w.shipper.refused()
    assert aside and all(POISON in line for line in aside), aside[:3]
    uids = {r["kubernetes.uid"] for r in w.store.query("!program:lp-logs | stats by (kubernetes.uid) count() n")}
    assert uids == {pod.uid for pod in w.pods}, uids


def main():
    work = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "pods").mkdir()
    w = World(work, int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 10 << 20)
    try:
        no_line_is_lost(w)
    finally:
        w.end()
    shutil.rmtree(work / "store")


main()
