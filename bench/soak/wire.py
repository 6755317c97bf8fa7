"""HTTP/1.1 as bytes: what a client of Python's own would not send, and what it would not show of an answer."""
import json, socket

TIMEOUT_S = 45  # over the 35 s after which the gateway answers for a service that does not
MAX_ANSWER = 32 << 20


def request(method, path, body=None, token=None, headers=()):
    """One request as bytes; `body`: JSON, or bytes as they are."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: soak.example", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def read_answer(f):
    """(status, headers, body); ConnectionError where the connection ends before the answer does, or what comes is none."""
    try:
        return read_parts(f)
    except (ValueError, IndexError) as e:
        raise ConnectionError("no HTTP answer") from e


def read_parts(f):
    line = f.readline(65536)
    if not line.endswith(b"\n"):
        raise ConnectionError("cut before an answer")
    status, headers = int(line.split()[1]), {}
    while (line := f.readline(65536)) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        headers[name.decode().lower()] = value.strip().decode("latin-1")
    if 100 <= status < 200:
        return read_parts(f)
    if status in (204, 304):
        return status, headers, b""
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while (size := int(f.readline(64) or b"-1", 16)) > 0:
            body += f.read(size)
            f.readline(16)
            if len(body) > MAX_ANSWER:
                raise ConnectionError("an answer without end")
        if size < 0:
            raise ConnectionError("cut in the middle of an answer")
        f.readline(16)
        return status, headers, body
    want = int(headers.get("content-length", 0))
    body = f.read(min(want, MAX_ANSWER))
    if len(body) < want:
        raise ConnectionError("cut in the middle of an answer")
    return status, headers, body


class Connection:
    """Kept; made anew where the last answer closed it or the server did between two requests."""

    def __init__(self, at):
        self.at, self.socket, self.file = at, None, None

    def open(self):
        self.close()
        self.socket = socket.create_connection(self.at, TIMEOUT_S)
        self.file = self.socket.makefile("rb")

    def close(self):
        if self.socket:
            self.file.close()
            self.socket.close()
        self.socket = None

    def ask(self, data):
        kept = self.socket is not None
        if not kept:
            self.open()
        try:
            self.socket.sendall(data)
            answer = read_answer(self.file)
        except ConnectionError:
            self.close()
            if not kept:
                raise
            return self.ask(data)
        except OSError:
            self.close()
            raise
        if answer[1].get("connection", "").lower() == "close":
            self.close()
        return answer
