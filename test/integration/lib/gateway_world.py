"""lp-gateway between upstreams that misbehave and clients, for gateway_faults.py; others ask another route all the while."""

import asyncio
import collections
import contextlib
import hashlib
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from plane import free_port
from tokens import signed

BIG = 10 << 20
SECRET = "faults-secret"
RSS_MIB = 64  # of a build without sanitizers
SLOW_S = 5.0  # for one of the others, whatever else the machine does


def sign(secret, user="u1"):
    return signed({"userId": user, "exp": 4000000000}, secret.encode())


# ---- the upstream: a process of its own ----

async def answer(reader, writer):
    """One connection. What is to be done stands in the path."""
    try:
        await answer_each(reader, writer)
    finally:
        writer.transport.abort()


async def answer_each(reader, writer):
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ", 2)[1]
            length = next((int(x.split(":")[1]) for x in head.split("\r\n") if x.lower().startswith("content-length:")), 0)
            digest = hashlib.sha256()
            while length > 0:
                block = await reader.read(min(length, 65536))
                if not block:
                    return
                digest.update(block)
                length -= len(block)
            if path.startswith("/hang"):
                await asyncio.sleep(3600)
            if path.startswith("/reset"):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return
            if path.startswith("/cut"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50000)
                await writer.drain()
                writer.close()  # when that is sent
                await writer.wait_closed()
                return
            body = b"x" * BIG if path.startswith("/big") else digest.hexdigest().encode()
            if path.startswith("/slow"):
                await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()


def upstream_main(listener):
    async def serve():
        server = await asyncio.start_server(answer, sock=listener, backlog=4096)
        await server.serve_forever()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    asyncio.run(serve())


# ---- the gateway ----

class Gateway:
    def __init__(self, world, **env):
        self.port, self.metrics = free_port(), free_port()
        url, good = (f"http://127.0.0.1:{port}" for port in (world.upstream_port, world.good_port))
        base = {"PORT": str(self.port), "METRICS_PORT": str(self.metrics), "AUTH_SERVICE_URL": url, "AI_SERVICE_URL": good,
                "PROGRESS_SERVICE_URL": url, "EXTRA_SERVICES": f"/bad={url},/refused=http://127.0.0.1:1", "AUTH_JWT_SECRET": SECRET,
                "LOG_LEVEL": "error", "ACCESS_LOG": "off", "RATE_LIMIT_MAX": "0", "DRAIN_DELAY": "0", **env}
        self.process = subprocess.Popen([world.binary], env=base, stdout=subprocess.DEVNULL)
        world.started.append(self)
        end = time.monotonic() + 20
        while not self.ready():
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit("lp-gateway does not start")
            time.sleep(0.05)

    def ready(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.metrics), 1) as s:
            s.sendall(b"GET /readyz HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")
            return s.recv(64).startswith(b"HTTP/1.1 200")
        return False

    def rss_mib(self):
        """The highest; None of a build with sanitizers, whose address space is huge."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            fields = dict(line.split(":", 1) for line in f)
        peak, space = (int(fields[k].split()[0]) for k in ("VmHWM", "VmPeak"))
        return None if space > 1 << 32 else peak / 1024

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return -9


class World:
    """What a command has: an upstream, another one for the others, where the gateway is, what is counted."""

    def __init__(self, options):
        self.binary, self.short, self.started = options.gateway, options.short, []
        self.inside = tempfile.mkdtemp(prefix="lp-gateway-faults.")
        self.upstreams = []
        self.upstream_port, self.good_port = self.start_upstream(), self.start_upstream()

    def start_upstream(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        upstream = multiprocessing.get_context("fork").Process(target=upstream_main, args=(listener,), daemon=True)
        upstream.start()
        self.upstreams.append(upstream)
        port = listener.getsockname()[1]
        listener.close()
        return port

    def end(self):
        for g in self.started:
            g.stop()
        for u in self.upstreams:
            u.terminate()
            u.join(10)
        shutil.rmtree(self.inside)


# ---- clients ----

class Client:
    """A connection that is kept."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    def close(self):
        if self.writer:
            self.writer.transport.abort()
        self.reader = self.writer = None

    async def send(self, path, token=None, body=b"", method="GET", more=""):
        if not self.writer:
            await self.open()
        token = token or sign(SECRET)
        head = f"{method} {path} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {token}\r\n{more}"
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        self.writer.write(head.encode() + b"\r\n" + body)
        await self.writer.drain()

    async def receive(self):
        """(status, body, whether the connection stays); "cut" where it ended in the body, "gone" before a head."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            return "gone", b""
        lower = head.lower()
        length = next((int(x.split(":")[1]) for x in lower.split("\r\n") if x.startswith("content-length:")), 0)
        try:
            body = await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            return "cut", b""
        if "connection: close" in lower:
            self.close()
        return int(head.split(" ", 2)[1]), body

    async def ask(self, path, **more):
        await self.send(path, **more)
        return await self.receive()


async def once(port, path, **more):
    c = Client(port)
    try:
        return (await asyncio.wait_for(c.ask(path, **more), 60))[0]
    except (OSError, asyncio.TimeoutError) as e:
        return type(e).__name__
    finally:
        c.close()


def ask_plainly(s, port):
    """(status, the connection): a request without asyncio. The connection is kept where it may be."""
    s = s or socket.create_connection(("127.0.0.1", port), 30)
    s.sendall(f"GET /ai/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {sign(SECRET)}\r\n\r\n".encode())
    said = b""
    while b"\r\n\r\n" not in said:
        block = s.recv(65536)
        if not block:
            s.close()
            return "gone", None
        said += block
    head, body = said.split(b"\r\n\r\n", 1)
    length = next(int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:"))
    while len(body) < length:
        block = s.recv(65536)
        if not block:
            s.close()
            return "cut", None
        body += block
    return int(head[9:12]), s


def others_main(port, pipe):
    served, failed, slowest, s = 0, collections.Counter(), 0.0, None
    while not pipe.poll(0.01):
        began = time.monotonic()
        try:
            status, s = ask_plainly(s, port)
        except OSError as e:
            status, s = type(e).__name__, None
        slowest = max(slowest, time.monotonic() - began)
        if status == 200:
            served += 1
        else:
            failed[status] += 1
    pipe.send((served, failed, slowest))


class Others:
    """A process that asks a good upstream all the while, whatever the load does to this one."""

    def __init__(self, port):
        self.served, self.failed, self.slowest = 0, collections.Counter(), 0.0
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=others_main, args=(port, theirs), daemon=True)

    async def __aenter__(self):
        self.process.start()
        return self

    async def __aexit__(self, *_):
        self.pipe.send("over")
        self.served, self.failed, self.slowest = await asyncio.to_thread(self.pipe.recv)
        self.process.join(10)

    def right(self):
        return self.served > 0 and not self.failed and self.slowest < SLOW_S


def tell(name, sent, answered, gateway, others, right):
    rss = gateway.rss_mib() if gateway.process.poll() is None else None
    small = rss is None or rss <= RSS_MIB
    right = right and small and (others is None or others.right())
    counts = ", ".join(f"{k} x{v}" for k, v in sorted(answered.items(), key=lambda x: str(x[0])))
    beside = "" if others is None else (f"; others {others.served} served, {sum(others.failed.values())} failed "
                                        f"{dict(others.failed) or ''}, slowest {others.slowest * 1000:.0f} ms")
    print(f"{name}: sent {sent}; answered {counts}; RSS peak {'not measured (sanitizers)' if rss is None else f'{rss:.1f} MiB'}"
          f"{beside}: {'right' if right else 'WRONG'}", flush=True)
    return right
