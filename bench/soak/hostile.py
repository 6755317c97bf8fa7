"""Requests that ended a process, filled it, or went through in this or another product; each with the outcomes that are right."""
import gzip, socket, time
from collections import namedtuple

from wire import TIMEOUT_S, read_answer, request

Case = namedtuple("Case", "name bytes right slow", defaults=(0,))
JSON = ("Content-Type: application/json",)
AI, LOG, LOGIN = "/ai/speech2text", "/progress/api/progress/activityLog", "/auth/api/auth/login"
OTHER = "00000000-0000-4000-8000-000000000001"


def text(t):
    return lambda token: request("POST", AI, {"text": t}, token)


def raw(head, body=b""):
    return lambda token: head.replace("TOKEN", token).encode("latin-1") + body


def bomb(token):
    data = gzip.compress(b'{"text":"' + b" " * (64 << 20) + b'"}')
    return request("POST", AI, data, token, ("Content-Encoding: gzip",))


# `slow`: the body comes in so many pieces, 100 ms apart.
CASES = [
    Case("a long word of two bytes a letter, twice", text("é" * 40 + " " + "é" * 40), {200}),
    Case("sixteen emoji, twice", text("😀" * 16 + " " + "😀" * 16), {200}),
    Case("an before a long foreign word", text("an " + "ü" * 70), {200}),
    Case("900 kB of short lines", text("a\n" * 450000), {200, 413}),
    Case("900 kB of one word", text("a" * 900000), {200, 413, 400, 429}),
    Case("half a surrogate, NUL, control characters", lambda t: request("POST", AI, b'{"text":"\\ud800 \\u0000 \\u0007 a a"}', t), {200, 400}),
    Case("bytes that are no UTF-8", lambda t: request("POST", AI, b'{"text":"\xff\xfe a a"}', t), {200, 400}),
    Case("JSON 10,000 deep", lambda t: request("POST", AI, b'{"text":' + b"[" * 10000 + b"]" * 10000 + b"}", t), {400}),
    Case("64 MB in a gzip of 64 kB", bomb, {400, 413, 415}),
    Case("anonymous upload of 1.3 MB to auth", lambda t: request("POST", LOGIN, b"x" * 1300000), {400, 413}),
    Case("anonymous upload of 1.3 MB, slowly", lambda t: request("POST", LOGIN, b"x" * 1300000), {400, 401, 408, 413}, 20),
    Case("12 MB to the log", lambda t: request("POST", LOG, b"x" * (12 << 20), t), {413}),
    Case("somebody else's log, read", lambda t: request("GET", f"{LOG}/{OTHER}", None, t), {403}),
    Case("somebody else's log, written", lambda t: request("POST", LOG, {"userId": OTHER, "activityName": "x"}, t), {403}),
    Case("an operator as user", lambda t: request("POST", LOG, {"userId": {"$ne": None}, "activityName": "x"}, t), {400, 403}),
    Case("no token", lambda t: request("GET", f"{LOG}/{OTHER}"), {401}),
    Case("a token cut short", lambda t: request("GET", f"{LOG}/{OTHER}", None, t[:-8]), {401}),
    Case("two Authorization", lambda t: request("GET", f"{LOG}/{OTHER}", None, t, ("Authorization: Bearer x",)), {400, 401}),
    Case("a wrong password", lambda t: request("POST", LOGIN, {"email": "nobody@example.com", "password": "guess it"}), {400, 429}),
    Case("Content-Length and Transfer-Encoding", raw("POST /ai/speech2text HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"), {400}),
    Case("Transfer-Encoding with a tab", raw("POST /ai/speech2text HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n", b"0\r\n\r\n"), {400}),
    Case("Content-Length with a space", raw("POST /ai/speech2text HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n", b"abcde"), {400}),
    Case("Connection names our own header", raw("GET /health HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-Proto, close\r\n\r\n"), {200, 400}),
    Case("absolute form of another authority", raw("GET http://b.example/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), {200}),
    Case("a header of 40 kB", raw("GET /health HTTP/1.1\r\nHost: a\r\nX-Long: " + "x" * 40000 + "\r\n\r\n"), {431}),
    Case("a target of 40 kB", raw("GET /" + "x" * 40000 + " HTTP/1.1\r\nHost: a\r\n\r\n"), {414, 431}),
    Case("no HTTP at all", raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), {400, "cut"}),
    Case("half a request, then nothing", raw("POST /ai/speech2text HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer TOKEN\r\nContent-Length: 100\r\n\r\n", b"{"), {"we left", 408, 400, "cut"}),
]


def run(case, at, token):
    """The status of the answer, "cut" where there is none, "we left" where it did not come in time."""
    try:
        with socket.create_connection(at, TIMEOUT_S) as s:
            s.settimeout(5 if "we left" in case.right else TIMEOUT_S)
            data = case.bytes(token)
            try:
                send(s, data, case.slow)
            except (ConnectionError, TimeoutError):
                pass  # an early answer may be there all the same
            with s.makefile("rb") as f:
                return read_answer(f)[0]
    except TimeoutError:
        return "we left" if "we left" in case.right else "time-out"
    except ConnectionError:
        return "cut"


def send(s, data, pieces):
    if not pieces:
        s.sendall(data)
        return
    size = len(data) // pieces + 1
    for i in range(0, len(data), size):
        s.sendall(data[i:i + size])
        time.sleep(0.1)
