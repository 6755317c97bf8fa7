#!/usr/bin/env python3
"""The table of attacks of docs/security.md, carried out against lp-auth beside a PostgreSQL.

attacks.py WORKDIR; LP_BIN: the folder of the programs, LP_POSTGRES_DIR: that of the server's URL. LP_TRIES: requests of each kind of
comparison of times (logins 200, others a fifth of it; with 1,000 or more, which give figures worth telling, as many of all).
"""

import base64
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lib"))
from plane import free_port, send  # noqa: E402
from tokens import b64, signed  # noqa: E402

ACCESS, REFRESH = "an access key for tests, long enough", "a refresh key for tests, long enough"
PASSWORD = "Pa55phrase"
TRIES = int(os.environ.get("LP_TRIES", "200"))
FEWER = TRIES if TRIES >= 1000 else TRIES // 5
numbers = itertools.count(1)


def token(head, claims, key=b""):
    return signed(claims, key, head)


class Auth:
    """lp-auth with a signing key and HS256 both, and mails in a folder."""

    def __init__(self, work):
        self.mails, self.port, self.metrics = work / "mails", free_port(), free_port()
        while self.metrics == self.port:
            self.metrics = free_port()
        self.mails.mkdir()
        self.pem = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True, capture_output=True, text=True).stdout
        server = (pathlib.Path(os.environ["LP_POSTGRES_DIR"]) / "url").read_text(encoding="utf-8").strip()
        for sql in ("DROP DATABASE IF EXISTS attacks WITH (FORCE)", "CREATE DATABASE attacks"):
            subprocess.run(["psql", "-qAtX", server, "-c", sql], check=True, capture_output=True)
        self.database = server.replace("/postgres?", "/attacks?")
        with open(work / "auth.log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [pathlib.Path(os.environ["LP_BIN"]).resolve() / "lp-auth"], stderr=log,
                env={**os.environ, "PORT": str(self.port), "METRICS_PORT": str(self.metrics), "DATABASE_URL": self.database, "JWT_SECRET": ACCESS,
                     "JWT_REFRESH_SECRET": REFRESH, "JWT_SIGNING_KEY": self.pem, "PASSWORD_HASH": "argon2id-7m", "MAIL_DIR": str(self.mails),
                     "DRAIN_DELAY": "0s", "VERIFIED_PASSWORD_TTL": "0"})
        end = time.monotonic() + 60
        while self.send("GET", "/readyz", port=self.metrics)[0] != 200:
            assert time.monotonic() < end and self.process.poll() is None, "lp-auth is not ready"
            time.sleep(0.05)

    def send(self, method, path, body=None, headers=None, port=None):
        """Status, headers and text; from another address each time. Status 0: no answer."""
        n = next(numbers)
        headers = {"X-Forwarded-For": f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", **(headers or {})}
        return send(port or self.port, method, path, body, headers)

    def ask(self, method, path, body=None, bearer=None):
        headers = {"Content-Type": "application/json"}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        status, _, text = self.send(method, path, None if body is None else json.dumps(body), headers)
        return status, json.loads(text) if text.startswith(("{", "[")) else text

    def account(self):
        email = f"victim{next(numbers)}@example.org"
        status, answer = self.ask("POST", "/api/auth/register", {"email": email, "password": PASSWORD, "name": "Victim"})
        assert status == 201, answer
        return email, answer["userId"]

    def login(self, email, password=PASSWORD):
        return self.ask("POST", "/api/auth/login", {"email": email, "password": password})

    def session(self, email):
        status, answer = self.login(email)
        assert status == 200, answer
        return answer["token"], answer["refreshToken"]

    def code(self, email, path):
        """The code of the mail to `email` whose link leads to `path`."""
        end = time.monotonic() + 30
        while True:
            for mail in self.mails.iterdir():
                head, _, body = mail.read_text(encoding="utf-8").replace("\r\n", "\n").partition("\n\n")
                found = f"To: <{email}>" in head and re.search(path + r"\?token=([\w-]+)", base64.b64decode(body).decode())
                if found:
                    return found[1]
            assert time.monotonic() < end, f"no mail with {path} to {email}"
            time.sleep(0.05)

    def sql(self, text):
        return subprocess.run(["psql", "-qAtX", self.database, "-c", text], check=True, capture_output=True, text=True).stdout.strip()


def sql_in_every_field_stays_text(auth):
    email, user = auth.account()
    bearer, _ = auth.session(email)
    before = auth.sql("SELECT count(*) FROM users")
    for text in ("' OR '1'='1", "'; DROP TABLE users; --", "\\'; SELECT pg_sleep(9); --", "$1", "%' UNION SELECT password FROM users --"):
        quoted = urllib.parse.quote(text, safe="")
        for status, answer in (auth.login(text), auth.login(email, text), auth.ask("GET", f"/api/users/profile/{quoted}", bearer=bearer),
                               auth.ask("GET", f"/api/users/erasures/{quoted}"), auth.ask("POST", "/api/auth/refresh-token", {"refreshToken": text})):
            assert status in (400, 401, 404), (text, status, answer)
        assert auth.ask("PUT", "/api/users/profile", {"bio": text}, bearer)[0] == 200
        assert auth.ask("GET", "/api/users/profile", bearer=bearer)[1]["profile"]["bio"] == text
    assert auth.sql("SELECT count(*) FROM users") == before and auth.sql(f"SELECT role FROM users WHERE id = '{user}'") == "user"


def an_operator_in_place_of_a_text_is_refused(auth):
    email, _ = auth.account()
    for value in ({"$ne": None}, {"$gt": ""}, [email], True, 1e308):
        assert auth.login(value)[0] == 400 and auth.login(email, value)[0] == 400, value
        assert auth.ask("POST", "/api/auth/password-reset", {"token": value, "newPassword": "Other55"})[0] == 400, value
    form = auth.send("POST", "/api/auth/login", f"email={email}&password[$ne]=x", {"Content-Type": "application/x-www-form-urlencoded"})
    assert form[0] == 400, form


def a_forged_token_opens_nothing(auth):
    email, user = auth.account()
    bearer, refresh = auth.session(email)
    now = int(time.time())
    claims = {"userId": user, "email": email, "role": "admin", "typ": "access", "aud": "learning-platform", "iat": now, "exp": now + 600}
    head, body, signature = bearer.split(".")
    public = json.loads(auth.send("GET", "/.well-known/jwks.json")[2])["keys"][0]
    raised = b64(json.dumps({**json.loads(base64.urlsafe_b64decode(body + "==")), "role": "admin"}).encode())
    forged = [token({"alg": alg, "typ": "JWT"}, claims) for alg in ("none", "None", "NONE", "nOnE")]
    forged += [token({"alg": "HS256", "kid": kid}, claims, key) for kid in (public["kid"], "../../dev/null", "' OR 1=1 --")
               for key in (b"guessed", public["x"].encode(), base64.urlsafe_b64decode(public["x"] + "="), json.dumps(public).encode())]
    forged += [token({"alg": "HS256"}, {**claims, "exp": now - 1}, ACCESS.encode()), token({"alg": "HS256"}, {**claims, "exp": str(now + 600)}, ACCESS.encode()),
               token({"alg": "HS256"}, {**claims, "typ": "refresh"}, ACCESS.encode()), token({"alg": "HS256", "crit": ["exp"]}, claims, ACCESS.encode()),
               token({"alg": "HS256"}, {**claims, "nbf": now + 600}, ACCESS.encode()), f"{head}.{raised}.{signature}", f"{head}.{body}.", refresh]
    for made in forged:
        status, answer = auth.ask("GET", "/api/auth/me", bearer=made)
        assert (status, answer) == (403, {"error": "Invalid or expired token"}), (made, status, answer)
    assert auth.ask("GET", "/api/auth/me", bearer=bearer)[0] == 200


def a_replayed_refresh_token_ends_the_session(auth):
    email, _ = auth.account()
    _, first = auth.session(email)
    _, second = auth.ask("POST", "/api/auth/refresh-token", {"refreshToken": first})
    _, third = auth.ask("POST", "/api/auth/refresh-token", {"refreshToken": second["refreshToken"]})
    assert auth.ask("POST", "/api/auth/refresh-token", {"refreshToken": first})[0] == 401
    assert auth.ask("POST", "/api/auth/refresh-token", {"refreshToken": third["refreshToken"]})[0] == 401, "the thief's successor still works"


def no_body_makes_anybody_an_admin(auth):
    email = f"climber{next(numbers)}@example.org"
    made = {"email": email, "password": PASSWORD, "name": "Climber", "role": "admin", "isAdmin": True, "email_verified_at": "2020-01-01"}
    _, answer = auth.ask("POST", "/api/auth/register", made)
    bearer, _ = auth.session(email)
    assert auth.ask("PUT", "/api/users/profile", {"role": "admin"}, bearer)[0] == 403
    assert auth.ask("PUT", f"/api/admin/users/{answer['userId']}/role", {"role": "admin"}, bearer)[0] == 403
    assert auth.ask("PUT", "/api/users/profile", {"name": "Climber", "id": "00000000-0000-0000-0000-000000000000"}, bearer)[0] == 200
    assert auth.sql(f"SELECT role, email_verified_at FROM users WHERE id = '{answer['userId']}'") == "user|"


def only_the_mailed_code_resets_that_accounts_password(auth):
    (email, _), (other, _) = auth.account(), auth.account()
    auth.session(email)  # the account that logged in last: what the platform being replaced would change
    verify = auth.code(email, "verify-email/callback")
    assert auth.ask("POST", "/api/auth/password-reset/request", {"email": other})[0] == 200
    reset = auth.code(other, "password-reset/callback")
    for body in ({"newPassword": "Taken55"}, {"token": "", "newPassword": "Taken55"}, {"token": verify, "newPassword": "Taken55"},
                 {"token": reset[:-1], "newPassword": "Taken55"}, {"token": "A" * len(reset), "newPassword": "Taken55"}):
        assert auth.ask("POST", "/api/auth/password-reset", body)[0] == 400, body
    assert auth.ask("POST", "/api/auth/password-reset", {"token": reset, "newPassword": "Taken55", "email": email})[0] == 200
    assert auth.ask("POST", "/api/auth/password-reset", {"token": reset, "newPassword": "Again55"})[0] == 400
    assert auth.login(email)[0] == 200 and auth.login(other, "Taken55")[0] == 200 and auth.login(other)[0] == 400


def guessed_codes_are_all_the_same_to_us(auth):
    answers = {auth.ask("POST", "/api/auth/verify-email", {"token": b64(random.randbytes(33)), "type": "signup"})[0] for _ in range(100)}
    assert answers == {400}, answers
    lengths = {int(n) for n in auth.sql("SELECT DISTINCT length(code_hash) FROM codes").split()}
    assert lengths == {32}, lengths  # SHA-256, nothing to be guessed from


def what_is_too_large_or_no_text_is_refused_at_once(auth):
    json_type = {"Content-Type": "application/json"}
    assert auth.send("POST", "/api/auth/login", b"{" + b" " * (11 << 20), json_type)[0] in (0, 413)  # it may end before all was sent
    with socket.create_connection(("127.0.0.1", auth.port), 30) as s:  # the length alone is enough
        s.sendall(b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 11534336\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 413 ")
    assert auth.send("GET", "/api/auth/me", headers={"X-Big": "x" * 20000})[0] == 431
    assert auth.send("GET", "/api/auth/me?" + "x" * 9000)[0] == 414
    for raw in (b'{"email":"\xff\xfe@example.org","password":"x"}', b'{"email":"\xc0\xaf@example.org","password":"x"}', b'{"email":"a\x00b"}',
                b'{"email":"\\ud800@example.org","password":"x"}', b"[" * 5000, b'{"a":' * 5000):
        status, _, text = auth.send("POST", "/api/auth/login", raw, json_type)
        assert status == 400 and "error" in json.loads(text), (raw[:40], status, text)


def long_bodies_that_are_held_open_take_no_more_than_16_mib(auth):
    """Nobody needs a token to send a body. Thirty of 2 MB, all but their last byte; a login meanwhile; then the last bytes."""
    head = b"POST /api/users/profile/upload-picture HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    email, _ = auth.account()
    held = [socket.create_connection(("127.0.0.1", auth.port), 60) for _ in range(30)]
    for s in held:
        s.sendall(head + b"Content-Length: 2000000\r\n\r\n" + b"x" * 1999999)
    assert auth.login(email)[0] == 200
    answers = []
    for s in held:
        try:
            s.sendall(b"x")
        except OSError:
            pass  # it was answered, and closed, before
        answers.append(s.recv(12)[9:].decode())
        s.close()
    assert set(answers) == {"401", "503"}, answers  # who was turned away stays so, though there is room again


def a_picture_that_is_a_bomb_or_none_is_refused(auth):
    email, _ = auth.account()
    bearer, _ = auth.session(email)
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 6, 0, 0, 0) + b"\0\0\0\0"
    gif = b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0"
    for name, content in (("b.png", png), ("b.gif", gif), ("x.png", b"<script>alert(1)</script>"), ("x.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
                          ("x.html", b"\x89PNG<script>"), ("big.png", b"\x89PNG" + b"\0" * (3 << 20))):
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + name.encode() + b'"\r\n\r\n' + content + b"\r\n--b--\r\n"
        status = auth.send("POST", "/api/users/profile/upload-picture", body,
                           {"Content-Type": "multipart/form-data; boundary=b", "Authorization": f"Bearer {bearer}"})[0]
        assert status in (400, 413) or (status == 0 and len(body) > 1 << 20), (name, status)
    assert auth.sql("SELECT count(*) FROM pictures") == "0"


def an_avatar_url_is_never_fetched(auth):
    email, user = auth.account()
    bearer, _ = auth.session(email)
    with socket.create_server(("127.0.0.1", 0)) as bait:
        bait.settimeout(0)
        url = f"http://127.0.0.1:{bait.getsockname()[1]}/latest/meta-data/"
        assert auth.ask("PUT", "/api/users/profile", {"avatar_url": url}, bearer)[0] == 200
        for path in ("/api/users/profile", f"/api/users/profile/{user}", f"/api/users/{user}/data"):
            assert auth.ask("GET", path, bearer=bearer)[0] == 200
        try:
            bait.accept()
        except BlockingIOError:
            pass
        else:
            raise AssertionError(f"{url} was fetched")
    for bad in ("file:///etc/passwd", "javascript:alert(1)", "gopher://a/", "http://user:pass@host/", "//host/x", "http://", "http://a b/", 'http://a/"><script>'):
        assert auth.ask("PUT", "/api/users/profile", {"avatar_url": bad}, bearer)[0] == 400, bad


def a_callback_leads_nowhere_else(auth):
    email, _ = auth.account()
    code = auth.code(email, "verify-email/callback")
    for path in ("verify-email/callback", "password-reset/callback"):
        for evil in ("https://evil.example", "//evil.example", "javascript:alert(1)", "%0d%0aLocation:%20https://evil.example"):
            query = "&".join(f"{name}={evil}" for name in ("redirect", "redirect_uri", "redirectTo", "next", "callbackUrl", "returnUrl"))
            for given in (code, "x", f"{code}%22%3E%3Cscript%3E"):
                status, headers, text = auth.send("GET", f"/api/auth/{path}?token={given}&{query}")
                assert status in (200, 400, 410), status
                assert "Location" not in headers and "evil.example" not in text and "<script>" not in text, (path, text)
    assert auth.sql(f"SELECT email_verified_at IS NULL FROM users WHERE email = '{email}'") == "t"  # opening a link changes nothing


def a_form_of_another_site_logs_nobody_in(auth):
    email, _ = auth.account()
    form = urllib.parse.urlencode({"email": email, "password": PASSWORD})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Mode": "navigate"}
    for site, want in (("cross-site", 403), ("same-site", 200), ("same-origin", 200), ("none", 200)):
        status, _, text = auth.send("POST", "/api/auth/login", form, {**headers, "Sec-Fetch-Site": site})
        assert status == want and ("refreshToken" in text) == (want == 200), (site, status, text)
    status, _, text = auth.send("POST", "/api/auth/login", json.dumps({"email": email, "password": PASSWORD}),
                                {"Content-Type": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site"})
    assert status == 200, text  # a page on another host that calls this API


def compare(what, times):
    """Prints the distributions of `times`, by kind; how often the first kind took longer than each other: a half, where time tells
    nothing (Mann and Whitney's U; in brackets where chance alone leaves it 95 times of 100)."""
    kinds = {kind: sorted(t) for kind, t in times.items()}
    print(f"attacks: time of {what}: " + "; ".join(
        f"{kind}: " + ", ".join(f"p{p} {t[len(t) * p // 100] * 1000:.1f} ms" for p in (5, 50, 95)) for kind, t in kinds.items()))
    (name, first), *others = kinds.items()
    shares = []
    for kind, other in others:
        n, m = len(first), len(other)
        shares.append(sum((a > b) + (a == b) / 2 for a in first for b in other) / (n * m))
        print(f"attacks: {name} took longer than {kind} in {shares[-1]:.1%} of {n} x {m} pairs (50 ± {196 * ((n + m + 1) / 12 / n / m) ** .5:.1f} %)")
    return shares


def timed(kinds, tries, ask):
    """The times of `tries` calls of ask(kind, i), the kinds in a random order; status and answer are the same for all kinds."""
    times, answers = {kind: [] for kind in kinds}, []
    plan = [kind for kind in kinds for _ in range(tries // len(kinds))]
    random.shuffle(plan)
    for i, kind in enumerate(plan):
        begin = time.perf_counter()
        answer = ask(kind, i)
        times[kind].append(time.perf_counter() - begin)
        if answer not in answers:
            answers.append(answer)
    assert len(answers) == 1, answers
    return times


def without_limit(auth, table, measure):
    """measure() while each count in `table` begins anew: back-off and limits are another matter, and the writes stay."""
    auth.sql("CREATE OR REPLACE FUNCTION anew() RETURNS trigger LANGUAGE plpgsql AS"
             " $$ BEGIN EXECUTE format('DELETE FROM %I WHERE key = $1', TG_TABLE_NAME) USING NEW.key; RETURN NEW; END $$;"
             f"CREATE TRIGGER anew BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION anew()")
    times = measure()
    auth.sql(f"DROP TRIGGER anew ON {table}")
    return times


def refused_logins(auth, kinds):
    """The times of logins with a wrong password; kinds: a list of addresses each, or a prefix of such that nobody has."""

    def guess(kind, i):
        email = f"{kinds[kind]}{i}@example.org" if isinstance(kinds[kind], str) else kinds[kind][i % len(kinds[kind])]
        answer = auth.login(email, "not the password")
        assert answer == (400, {"error": "Invalid login credentials"}), (kind, answer)
        return answer

    return without_limit(auth, "login_failures", lambda: timed(kinds, TRIES, guess))


def time_does_not_tell_whether_an_account_is_there(auth):
    there, issuers = ([auth.account()[0] for _ in range(10)] for _ in range(2))
    auth.sql(f"UPDATE users SET password = '' WHERE id IN (SELECT id FROM users ORDER BY created_at DESC LIMIT {len(issuers)})")
    times = refused_logins(auth, {"wrong password": there, "no such account": "nobody", "account of an issuer": issuers})
    for share in compare("a refused login", times):
        assert 0.25 < share < 0.75, f"time tells: {share:.2f}"


def time_does_not_tell_who_gets_a_mail(auth):
    """Only an account's mail is written into the queue; the answer leaves at a fixed time, which no write is waited for in."""
    there = [auth.account()[0] for _ in range(10)]
    for path in ("password-reset/request", "resend-verification"):

        def ask(kind, i):
            answer = auth.ask("POST", f"/api/auth/{path}", {"email": there[i % 10] if kind == "account" else f"nobody{i}@example.org"})
            assert answer[0] == 200, answer
            return answer

        times = without_limit(auth, "mailed_addresses", lambda ask=ask: timed(("account", "no such account"), FEWER, ask))
        assert min(map(min, times.values())) > 0.098, times
        compare(f"POST {path}", times)


def time_does_not_tell_what_a_code_or_an_address_was(auth):
    """A code that was used, and so was somebody's, and one that never was; a refused registration of a taken and of a free address."""
    email, _ = auth.account()
    used = {"verify-email": auth.code(email, "verify-email/callback")}
    assert auth.ask("POST", "/api/auth/password-reset/request", {"email": email})[0] == 200
    used["password-reset"] = auth.code(email, "password-reset/callback")
    assert auth.ask("POST", "/api/auth/verify-email", {"token": used["verify-email"], "type": "signup"})[0] == 200
    assert auth.ask("POST", "/api/auth/password-reset", {"token": used["password-reset"], "newPassword": "Another55"})[0] == 200
    never = [b64(random.randbytes(33))[:43] for _ in range(FEWER)]  # made beforehand: what that takes is no time of auth's
    for name, code in used.items():
        for method, path in (("POST", name), ("GET", f"{name}/callback")):

            def ask(kind, i):
                token = code if kind == "used code" else never[i]
                body = {"token": token, "type": "signup", "newPassword": "Another55"} if method == "POST" else None
                return auth.ask(method, f"/api/auth/{path}" + ("" if body else f"?token={token}"), body)

            compare(f"{method} {path}", timed(("used code", "no such code"), FEWER, ask))
    compare("a refused POST register", timed(("taken address", "free address"), FEWER, lambda kind, i: auth.ask("POST", "/api/auth/register", {
        "email": email if kind == "taken address" else f"nobody{i}@example.org", "password": "short", "name": "Nobody"})))


BCRYPT = "$2b$10$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"


def time_does_not_tell_whose_account_was_imported(auth):
    """After an import all accounts have bcrypt hashes, which take longer than those that are made here."""
    auth.sql(f"UPDATE users SET password = '{BCRYPT}' WHERE password <> '';"
             f"INSERT INTO users (email, name, password) SELECT 'imported' || i || '@example.org', 'Imported', '{BCRYPT}' FROM generate_series(1, 500) i")
    imported = [f"imported{i}@example.org" for i in range(1, 501)]
    issuers = auth.sql("SELECT email FROM users WHERE password = ''").split()
    times = refused_logins(auth, {"imported account": imported, "no such account": "nobody", "account of an issuer": issuers})
    for share in compare("a refused login after an import", times):
        assert 0.25 < share < 0.75, f"time tells: {share:.2f}"


ATTACKS = (
    sql_in_every_field_stays_text, an_operator_in_place_of_a_text_is_refused, a_forged_token_opens_nothing, a_replayed_refresh_token_ends_the_session,
    no_body_makes_anybody_an_admin, only_the_mailed_code_resets_that_accounts_password, guessed_codes_are_all_the_same_to_us,
    what_is_too_large_or_no_text_is_refused_at_once, long_bodies_that_are_held_open_take_no_more_than_16_mib, a_picture_that_is_a_bomb_or_none_is_refused, an_avatar_url_is_never_fetched,
    a_callback_leads_nowhere_else, a_form_of_another_site_logs_nobody_in,
    time_does_not_tell_whether_an_account_is_there, time_does_not_tell_who_gets_a_mail, time_does_not_tell_what_a_code_or_an_address_was,
    time_does_not_tell_whose_account_was_imported,  # the last: nobody's password is right afterwards
)


def main():
    work = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    auth, failed = Auth(work), 0
    try:
        for attack in ATTACKS:
            try:
                attack(auth)
                print(f"attacks: {attack.__name__}")
            except AssertionError as e:
                failed += 1
                print(f"attacks: FAILED {attack.__name__}: {e!s:.500}")
        assert auth.process.poll() is None, "lp-auth has ended"
    finally:
        auth.process.terminate()
        status = auth.process.wait()
    assert status == 0, f"lp-auth ended with {status}"
    sys.exit(1 if failed else 0)


main()
