"""A proxy between a program and a real kube-apiserver that breaks what passes through it.

Two ways of passing: "tcp" hands on TLS as it comes, so that the program has its TLS session with the API
server; "http" ends TLS with the API server's own certificate and speaks HTTP/1.1 on both sides, so
that requests and the lines of watches can be changed. A thread per connection and direction. A
`Fault` says what is broken; `proxy.fault = None` heals. Connections that a black hole swallowed stay
dead when it is gone, as behind a router that has forgotten them.
"""
import json
import random
import re
import select
import socket
import ssl
import struct
import threading
import time

TICK = 0.1


def gone(code=410):
    """The Status of an expired resourceVersion."""
    return json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                       "reason": "Expired", "message": "too old resource version"}).encode()


class Fault:
    """What is wrong. Every member that is not set is well."""

    def __init__(self, **what):
        self.answer = None     # f(request) -> (status, headers, body) in place of the API server's, or None
        self.line = None       # f(request, line) -> line of a watch or None to drop it
        self.pieces = None     # bodies in pieces of 1 to so many bytes
        self.pause = 0         # seconds between the pieces
        self.cut_after = None  # bytes of a body after which the connection is reset
        self.hole = False      # accepts, and then nothing comes and nothing goes
        self.resumes = False   # what is in the hole at its end goes on as if nothing had been
        self.hold = None       # f(request) -> True: not passed on while the fault lasts
        self.__dict__.update(what)


class Request:
    def __init__(self, head, body):
        self.head, self.body = head, body
        line, *rest = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = line.split(" ", 2)
        self.headers = {}
        for h in rest:
            if ":" in h:
                name, value = h.split(":", 1)
                self.headers[name.strip().lower()] = value.strip()

    @property
    def is_watch(self):
        return bool(re.search(r"[?&]watch=1", self.target))


class Gone(Exception):
    """A side has closed."""


class FaultProxy:
    def __init__(self, upstream_port, pki):
        self.upstream = ("127.0.0.1", upstream_port)
        self.fault, self.mode = None, "http"
        self.server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_tls.load_cert_chain(f"{pki}/apiserver.crt", f"{pki}/apiserver.key")
        self.server_tls.set_alpn_protocols(["http/1.1"])
        self.client_tls = ssl.create_default_context(cafile=f"{pki}/ca.crt")
        self.client_tls.set_alpn_protocols(["http/1.1"])
        self.lock = threading.Lock()
        self.sockets = set()
        self.swallowed = set()
        self.requests = 0
        self.closed = False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.closed = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.reset()

    def reset(self):
        """Ends every connection with a RST. Only the thread that serves a connection closes its socket:
        a descriptor that is closed under a thread in recv() may be another connection's the next moment."""
        with self.lock:
            self.swallowed = set()
            for s in self.sockets:
                self._end(s)

    @staticmethod
    def _end(s):
        """The plain socket's shutdown: an SSLSocket's own would go on in plain text."""
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.socket.shutdown(s, socket.SHUT_RDWR)
        except OSError:
            pass

    def _close(self, s):
        """By the thread that serves it."""
        with self.lock:
            self.sockets.discard(s)
            self.swallowed.discard(s)
            self._end(s)
            s.close()

    def _accept(self):
        while not self.closed:
            try:
                s, _ = self.listener.accept()
            except OSError:
                self.listener.close()
                return
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.sockets.add(s)
            serve = self._serve_tcp if self.mode == "tcp" else self._serve_http
            threading.Thread(target=self._serve, args=(serve, s), daemon=True).start()

    def _serve(self, serve, s):
        try:
            serve(s)
        except (OSError, ssl.SSLError, Gone, ValueError):
            pass
        finally:
            self._close(s)

    def _is_swallowed(self, s):
        """Whoever is here while there is a hole stays in it."""
        f = self.fault
        with self.lock:
            if f and f.hole and not f.resumes and s in self.sockets:
                self.swallowed.add(s)
            return s in self.swallowed or bool(f and f.hole)

    def _stay_in_hole(self, s):
        was = False
        while not self.closed and (self._is_swallowed(s) or was):
            # A reset by the program is seen, but not one byte is read. The last look is after the hole.
            poll = select.poll()
            poll.register(s, select.POLLHUP | select.POLLERR)
            if poll.poll(TICK * 1000):
                raise Gone()
            if was and not self._is_swallowed(s):
                return
            was = True

    # ---- TLS as it comes ----

    def _serve_tcp(self, s):
        self._stay_in_hole(s)
        up = socket.create_connection(self.upstream)
        up.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                self._stay_in_hole(s)
                for a in select.select([s, up], [], [], TICK)[0]:
                    if self._is_swallowed(s):
                        break
                    data = a.recv(65536)
                    if not data:
                        return
                    self._send_pieces(up if a is s else s, data, a is up)
        finally:
            up.close()

    def _send_pieces(self, to, data, is_answer):
        f = self.fault
        if not f or not f.pieces or not is_answer:
            to.sendall(data)
            return
        while data:
            n = len(data) if self.fault is not f else random.randint(1, f.pieces)
            to.sendall(data[:n])
            data = data[n:]
            if f.pause and self.fault is f:
                time.sleep(f.pause)

    # ---- HTTP/1.1 ----

    def _serve_http(self, raw):
        self._stay_in_hole(raw)
        with self.lock:
            self.sockets.discard(raw)
            s = self.server_tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
            self.sockets.add(s)
        up, buffered = None, b""
        try:
            s.do_handshake()
            while True:
                request, buffered = self._read_request(s, buffered)
                self.requests += 1
                up = self._exchange(s, up, request)
        finally:
            if up:
                up[0].close()
            self._close(s)

    def _recv(self, s, other=None):
        """Some bytes of s; b"" at its end. Gone where the other side ends meanwhile, a hole holds it up."""
        s.settimeout(TICK)
        while True:
            self._stay_in_hole(other or s)
            try:
                return s.recv(65536)
            except (socket.timeout, ssl.SSLWantReadError):
                if other is not None and select.select([other], [], [], 0)[0]:
                    raise Gone() from None

    def _read_request(self, s, data):
        while b"\r\n\r\n" not in data:
            more = self._recv(s)
            if not more:
                raise Gone()
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        length = int(Request(head, b"").headers.get("content-length", 0))
        while len(body) < length:
            more = self._recv(s)
            if not more:
                raise Gone()
            body += more
        return Request(head, body[:length]), body[length:]

    def _exchange(self, s, up, request):
        f = self.fault
        if f and f.answer:
            canned = f.answer(request)
            if canned:
                status, headers, body = canned
                self._send_head(s, status, {"Content-Type": "application/json", "Content-Length": len(body),
                                            **headers})
                self._body(s, body, f)
                return up
        while f and f.hold and self.fault is f and f.hold(request):
            if select.select([s], [], [], TICK)[0]:
                raise Gone()
        return self._pass_on(s, up, request)

    @staticmethod
    def _send_head(s, status, headers):
        text = f"HTTP/1.1 {status} Answer\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        s.settimeout(30)
        s.sendall(text.encode() + b"\r\n")

    def _pass_on(self, s, up, request):
        if up is None:
            raw = socket.create_connection(self.upstream)
            up = [self.client_tls.wrap_socket(raw, server_hostname="127.0.0.1"), b""]
        try:
            up[0].sendall(request.head + b"\r\n\r\n" + request.body)
            data = up[1]
            while b"\r\n\r\n" not in data:
                more = self._recv(up[0], s)
                if not more:
                    raise Gone()
                data += more
        except Exception:
            up[0].close()
            raise
        head, rest = data.split(b"\r\n\r\n", 1)
        answer = head.decode("latin-1")
        status = int(answer.split(" ", 2)[1])
        headers = {}
        for h in answer.split("\r\n")[1:]:
            k, v = h.split(":", 1)
            headers[k.strip().lower()] = v.strip()
        chunked = headers.get("transfer-encoding") == "chunked"
        out = {k.title(): v for k, v in headers.items() if k not in ("transfer-encoding", "connection")}
        if chunked:
            out["Transfer-Encoding"] = "chunked"
        self._send_head(s, status, out)
        try:
            if chunked:
                up[1] = self._pass_chunks(s, up[0], rest, request)
            else:
                up[1] = self._pass_length(s, up[0], rest, int(headers.get("content-length", 0)), request)
        except Exception:
            up[0].close()
            raise
        return up

    def _pass_length(self, s, up, data, length, request):
        body = data
        while len(body) < length:
            more = self._recv(up, s)
            if not more:
                raise Gone()
            body += more
        self._body(s, body[:length], self.fault)
        return body[length:]

    def _pass_chunks(self, s, up, data, request):
        line = b""
        while True:
            while b"\r\n" not in data:
                more = self._recv(up, s)
                if not more:
                    raise Gone()
                data += more
            size, data = data.split(b"\r\n", 1)
            n = int(size, 16)
            while len(data) < n + 2:
                more = self._recv(up, s)
                if not more:
                    raise Gone()
                data += more
            chunk, data = data[:n], data[n + 2:]
            if n == 0:
                if line:
                    self._chunk(s, line)
                s.sendall(b"0\r\n\r\n")
                return data
            if not request.is_watch:
                self._chunk(s, chunk)
                continue
            line += chunk
            while b"\n" in line:
                one, line = line.split(b"\n", 1)
                f = self.fault
                if f and f.line:
                    one = f.line(request, one)
                if one is not None:
                    self._chunk(s, one + b"\n")

    def _chunk(self, s, data):
        f = self.fault
        if not f or not (f.pieces or f.cut_after):
            s.settimeout(30)
            s.sendall(b"%x\r\n%s\r\n" % (len(data), data))
            return
        if f.cut_after is not None and random.random() < 0.5:
            part = data[:random.randint(0, min(len(data), f.cut_after))]
            s.sendall(b"%x\r\n%s" % (len(data), part))
            raise Gone()
        while data:
            n = len(data) if self.fault is not f or not f.pieces else random.randint(1, f.pieces)
            s.settimeout(30)
            s.sendall(b"%x\r\n%s\r\n" % (min(n, len(data)), data[:n]))
            data = data[n:]
            self._pause(s, f)

    def _pause(self, s, f):
        end = time.monotonic() + f.pause
        while f.pause and self.fault is f and time.monotonic() < end:
            if select.select([s], [], [], min(TICK, f.pause))[0]:
                raise Gone()

    def _body(self, s, body, f):
        s.settimeout(30)
        if f and f.cut_after is not None and random.random() < 0.5:
            s.sendall(body[:random.randint(0, min(len(body), f.cut_after))])
            raise Gone()
        if not f or not f.pieces:
            s.sendall(body)
            return
        while body:
            n = len(body) if self.fault is not f else random.randint(1, f.pieces)
            s.sendall(body[:n])
            body = body[n:]
            self._pause(s, f)
