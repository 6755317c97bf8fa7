#!/usr/bin/env python3
"""What lp-gateway does when its upstreams, its clients or its keys misbehave, each as a command:

    gateway_faults.py [--short] [--gateway BINARY] hang|refuse|reset|cut|stalled|drip|uploads|connections|sigterm|rotate|all

Each prints what was sent, what was answered, the highest RSS, and whether others, who ask another route all the while, were
served. The exit status is 0 where all was right. --short: fewer and shorter, for the checks."""
import argparse
import asyncio
import base64
import collections
import contextlib
import hashlib
import hmac
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BIG = 10 << 20
SECRET = "faults-secret"
RSS_MIB = 64  # of a build without sanitizers
SLOW_S = 5.0  # for one of the others, whatever else the machine does


def sign(secret, user="u1"):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps({"userId": user, "exp": 4000000000}).encode())
    return (head + b"." + part(hmac.new(secret.encode(), head, hashlib.sha256).digest())).decode()


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

def free_port():
    """Below the ports that the kernel gives out."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as s:
            with contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                return port


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


# ---- commands ----

async def many(world, name, path, n, allowed, **env):
    g = Gateway(world, **env)
    async with Others(g.port) as others:
        answered = collections.Counter(await asyncio.gather(*(once(g.port, path) for _ in range(n))))
        await asyncio.sleep(0.2)
    return tell(name, f"{n} requests", answered, g, others, set(answered) <= allowed)


async def hang(world):
    return await many(world, "hang", "/bad/hang", 200, {503}, DEFAULT_TIMEOUT="500" if world.short else "2000")


async def refuse(world):
    return await many(world, "refuse", "/refused/x", 200, {503})


async def reset(world):
    return await many(world, "reset", "/bad/reset", 200, {503})


async def cut(world):
    """The client sees the cut, at once; once the breaker is open, 503."""
    return await many(world, "cut", "/bad/cut", 50, {"cut", 503})


async def stalled(world):
    """20 ask for 10 MB and read nothing; the gateway holds little of it, and each has all of it in the end."""
    g = Gateway(world, CONCURRENCY="64")
    n, answered = 20, collections.Counter()
    async with Others(g.port) as others:
        clients = []
        for _ in range(n):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            s.setblocking(False)
            await asyncio.get_running_loop().sock_connect(s, ("127.0.0.1", g.port))
            c = Client(g.port)
            c.reader, c.writer = await asyncio.open_connection(sock=s, limit=16384)
            await c.send("/bad/big")
            clients.append(c)
        await asyncio.sleep(1 if world.short else 5)
        rss = g.rss_mib()
        for status, body in await asyncio.gather(*(c.receive() for c in clients)):
            answered[status if len(body) == BIG else f"{status} with {len(body)} bytes"] += 1
        for c in clients:
            c.close()
    held = rss is None or rss < 40
    return tell("stalled", f"{n} requests for 10 MB whose answers wait", answered, g, others, held and answered == {200: n})


async def drip_one(port, limit_s):
    c = Client(port)
    await c.open()
    ended = asyncio.create_task(c.reader.read(4096))
    c.writer.write(b"GET /ai/x HTTP/1.1\r\nX-Drip: ")
    began = time.monotonic()
    while not ended.done() and time.monotonic() < began + limit_s:
        with contextlib.suppress(ConnectionError):
            c.writer.write(b"x")
        await asyncio.wait([ended], timeout=0.1)
    answer = b"still open" if not ended.done() else b"closed" if ended.exception() else ended.result()
    ended.cancel()
    c.close()
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else answer.decode() or "closed"


async def drip(world):
    """A byte of the head every 100 ms: HEADER_TIMEOUT (1 s) ends each, however long it goes on."""
    n = 200 if world.short else 500
    g = Gateway(world, HEADER_TIMEOUT="1s")
    async with Others(g.port) as others:
        answered = collections.Counter(await asyncio.gather(*(drip_one(g.port, 10) for _ in range(n))))
    return tell("drip", f"{n} heads, a byte each 100 ms", answered, g, others, set(answered) == {408})


async def uploads(world):
    n = 10 if world.short else 50
    g = Gateway(world, CONCURRENCY="64")
    body = random.randbytes(BIG)
    want = hashlib.sha256(body).hexdigest().encode()

    async def one():
        c = Client(g.port)
        status, said = await c.ask("/bad/upload", body=body, method="POST")
        c.close()
        return status if said == want else f"{status} with other bytes"
    async with Others(g.port) as others:
        answered = collections.Counter(await asyncio.gather(*(one() for _ in range(n))))
    return tell("uploads", f"{n} bodies of 10 MB", answered, g, others, answered == {200: n})


async def connections(world):
    n = 2000
    g = Gateway(world)
    clients = [Client(g.port) for _ in range(n)]
    answered = collections.Counter()
    async with Others(g.port) as others:
        for at in range(0, n, 100):
            await asyncio.gather(*(c.open() for c in clients[at:at + 100]))
        for at in range(0, n, 50):
            answered.update([s for s, _ in await asyncio.gather(*(c.ask("/bad/x") for c in clients[at:at + 50]))])
        for at in range(0, n, 50):
            answered.update([s for s, _ in await asyncio.gather(*(c.ask("/bad/x") for c in clients[at:at + 50]))])
    for c in clients:
        c.close()
    return tell("connections", f"2 requests on each of {n} kept connections", answered, g, others, answered == {200: 2 * n})


async def sigterm(world):
    """Two gateways behind one who balances as kube-proxy does: new connections go only to those that are ready. One is ended."""
    a, b = Gateway(world, DRAIN_DELAY="2s"), Gateway(world)
    ready, over, answered = [a, b], [], collections.Counter()

    async def one(k):
        c = Client(0)
        while not over:
            if not c.writer:
                c.port = random.choice(ready).port
            try:
                answered[(await asyncio.wait_for(c.ask("/bad/slow" if k % 2 else "/ai/x"), 30))[0]] += 1
            except (OSError, asyncio.TimeoutError) as e:
                answered[type(e).__name__] += 1
                c.close()
        c.close()

    async def watch():
        while not over:
            is_ready = await asyncio.to_thread(a.ready)
            ready[:] = [a, b] if is_ready else [b]
            await asyncio.sleep(0.1)
    tasks = [asyncio.create_task(one(k)) for k in range(16 if world.short else 64)] + [asyncio.create_task(watch())]
    await asyncio.sleep(1)
    a.process.send_signal(signal.SIGTERM)
    status = await asyncio.to_thread(a.process.wait, 60)
    await asyncio.sleep(1)
    over.append(True)
    await asyncio.gather(*tasks)
    return tell("sigterm", f"{sum(answered.values())} requests to two gateways, one of which is ended (exit status {status})",
                answered, b, None, status == 0 and set(answered) == {200})


async def rotate(world):
    """The key file is exchanged under load, and tokens by the new key come at once; those by the one before are still good."""
    path = os.path.join(world.inside, "hmac")
    keys = ["key-0"]

    def put():
        with open(path + ".next", "w", encoding="ascii") as f:
            f.write(",".join(reversed(keys[-2:])))
        os.rename(path + ".next", path)
    put()
    g = Gateway(world, AUTH_JWT_KEYS_DIR=world.inside)
    answered, over, gone = collections.Counter(), [], 0

    async def one(k):
        nonlocal gone
        c = Client(g.port)
        while not over:
            which = len(keys) - 1 - (k % 2 if len(keys) > 1 else 0)
            status = (await c.ask("/ai/x", token=sign(keys[which], f"u{k}-{random.randrange(1000)}")))[0]
            if status == 401 and which < len(keys) - 2:
                gone += 1  # rotated out while it was under way
            else:
                answered[status] += 1
        c.close()
    tasks = [asyncio.create_task(one(k)) for k in range(16)]
    for i in range(1, 10 if world.short else 60):
        await asyncio.sleep(0.2)
        keys.append(f"key-{i}")
        put()
    old = sign(keys[0])
    await asyncio.sleep(0.2)
    over.append(True)
    await asyncio.gather(*tasks)
    last = await once(g.port, "/ai/x", token=old)
    return tell("rotate", f"{sum(answered.values())} requests over {len(keys) - 1} rotations ({gone} by keys rotated out meanwhile; the "
                f"first key at the end: {last})", answered, g, None, set(answered) == {200} and last == 401)


COMMANDS = {f.__name__: f for f in (hang, refuse, reset, cut, stalled, drip, uploads, connections, sigterm, rotate)}


def run(name, options):
    world = World(options)
    try:
        return asyncio.run(COMMANDS[name](world))
    finally:
        world.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.realpath(__file__))
    built = os.environ.get("LP_BIN", os.path.join(here, "../../build/release/bin"))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--gateway", default=os.path.join(built, "lp-gateway"))
    parser.add_argument("command", choices=[*COMMANDS, "all"])
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    names = list(COMMANDS) if options.command == "all" else [options.command]
    results = [run(name, options) for name in names]  # all of them, whatever the first ones say
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
