#!/usr/bin/env python3
"""What lp-gateway does when its upstreams, its clients or its keys misbehave, each as a command:

    gateway_faults.py [--short] [--gateway BINARY] hang|refuse|reset|cut|stalled|drip|uploads|connections|sigterm|rotate|all

Each prints what was sent, what was answered, the highest RSS, and whether others, who ask another route all the while, were
served. The exit status is 0 where all was right. --short: fewer and shorter, for the checks."""
import argparse
import asyncio
import collections
import contextlib
import hashlib
import os
import pathlib
import random
import resource
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from gateway_world import BIG, Client, Gateway, Others, World, answer, once, sign, tell  # noqa: E402

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
