"""lp-auth, its issuer and browsers, for oidc.py: the programs, a database, the pages of a login.

LP_BIN: the folder of the programs, LP_POSTGRES_DIR: that of the server's URL. Needs node 20 and npm.
"""

import hashlib
import http.client
import http.cookies
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.parse

from plane import free_port

HERE = pathlib.Path(__file__).resolve().parent.parent
PASSWORD = "Pa55phrase"
CLIENT = {"OIDC_CLIENT_ID": "learning platform", "OIDC_CLIENT_SECRET": "a secret: of the + client"}
FAKE_CLIENT = {"OIDC_CLIENT_ID": "lp", "OIDC_CLIENT_SECRET": "s"}
MAP = {"OIDC_ROLE_CLAIM": "groups", "OIDC_ROLES": json.dumps({"CN=teachers,OU=school": "teacher", "lp-admins": "admin"})}
LOGIN, CALLBACK = "/api/users/oidc/login", "/api/users/oidc/callback"


def ports(n):
    found = []
    while len(found) < n:
        port = free_port()
        if port not in found:
            found.append(port)
    return found


def packages():
    """The folder with node_modules, made once for each lock file."""
    lock = (HERE / "oidc" / "package-lock.json").read_bytes()
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = cache / "learning-platform" / f"oidc-provider-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "oidc" / name, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True, stdout=sys.stderr)
        (folder / "complete").touch()
    return folder


class Browser:
    """One browser: cookies of each port, no redirect followed by itself."""

    def __init__(self):
        self.cookies = {}

    def go(self, method, url, form=None):
        """Status, headers, text."""
        parts = urllib.parse.urlsplit(url)
        jar = self.cookies.setdefault(parts.port, {})
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in jar.items())} if jar else {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), form and urllib.parse.urlencode(form), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for field in answer.headers.get_all("Set-Cookie") or []:
            for name, cookie in http.cookies.SimpleCookie(field).items():
                if cookie["max-age"] == "0" or not cookie.value:
                    jar.pop(name, None)
                else:
                    jar[name] = cookie.value
        connection.close()
        return answer.status, answer.headers, text


class Auth:
    """lp-auth on the test's database."""

    def __init__(self, work, database, port=None, **environment):
        self.port, self.metrics = ports(2)
        self.port = port or self.port
        self.base = f"http://127.0.0.1:{self.port}"
        with open(work / "auth.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([pathlib.Path(os.environ["LP_BIN"]).resolve() / "lp-auth"], stderr=log, env={
                **os.environ, "PORT": str(self.port), "METRICS_PORT": str(self.metrics), "DATABASE_URL": database,
                "JWT_SECRET": "an access key for tests, long enough", "JWT_REFRESH_SECRET": "a refresh key for tests, long enough",
                "PASSWORD_HASH": "argon2id-7m", "DRAIN_DELAY": "0s", "LINK_BASE": self.base, **environment})
        end = time.monotonic() + 60
        while not self.is_ready():
            assert time.monotonic() < end and self.process.poll() is None, "lp-auth is not ready"
            time.sleep(0.05)

    def is_ready(self):
        try:
            return Browser().go("GET", f"http://127.0.0.1:{self.metrics}/readyz")[0] == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        assert self.process.wait(30) == 0, "lp-auth did not end well"

    def ask(self, method, path, body=None, bearer=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text)

    def register(self, email):
        status, answer = self.ask("POST", "/api/auth/register", {"email": email, "password": PASSWORD, "name": "Local Person"})
        assert status == 201, answer
        return answer["userId"]

    def login(self, email):
        return self.ask("POST", "/api/auth/login", {"email": email, "password": PASSWORD})


class Test:
    def __init__(self, work):
        self.work, self.programs = work, []
        self.folder = packages()
        self.use("oidc")
        self.accounts = work / "accounts.json"

    def use(self, database):
        """A new database from here on."""
        server = (pathlib.Path(os.environ["LP_POSTGRES_DIR"]) / "url").read_text(encoding="utf-8").strip()
        for sql in (f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", f"CREATE DATABASE {database}"):
            subprocess.run(["psql", "-qAtX", server, "-c", sql], check=True, capture_output=True)
        self.database = server.replace("/postgres?", f"/{database}?")

    def node(self, script, *arguments):
        """Runs a script of oidc/ where its packages are; until it says that it is ready."""
        shutil.copy(HERE / "oidc" / script, self.work)
        modules = self.work / "node_modules"
        if not modules.exists():
            modules.symlink_to(self.folder / "node_modules")
        process = subprocess.Popen(["node", self.work / script, *arguments], stdout=subprocess.PIPE, stderr=open(self.work / f"{script}.log", "w"), text=True)
        self.programs.append(process)
        line = process.stdout.readline()
        while line and line.strip() != "ready":
            line = process.stdout.readline()
        assert line, f"{script} did not start: {(self.work / f'{script}.log').read_text()}"
        return process

    def start(self, **environment):
        auth = Auth(self.work, self.database, **environment)
        self.programs.append(auth.process)
        return auth

    def people(self, **claims):
        self.accounts.write_text(json.dumps(claims), encoding="utf-8")

    def sql(self, text):
        return subprocess.run(["psql", "-qAtX", self.database, "-c", text], check=True, capture_output=True, text=True).stdout.strip()

    def end(self):
        for process in self.programs:
            process.kill()
            process.wait()


def begin(browser, auth):
    """The issuer's page that the login leads to, and what it was asked with."""
    status, headers, text = browser.go("GET", auth.base + LOGIN)
    assert status == 302, (status, text)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers["Location"]).query))
    assert query["code_challenge_method"] == "S256" and query["response_type"] == "code" and len(query["code_challenge"]) == 43
    return headers["Location"], query


def walk(browser, auth, name):
    """Through the pages of the real issuer; the URL that leads back."""
    url, _ = begin(browser, auth)
    for _ in range(12):
        if url.startswith(auth.base):
            return url
        status, headers, text = browser.go("GET", url)
        if status in (302, 303):
            url = urllib.parse.urljoin(url, headers["Location"])
            continue
        assert status == 200, (status, text)
        action, prompt = re.search(r'action="([^"]+)"', text)[1], re.search(r'name="prompt" value="(\w+)"', text)[1]
        status, headers, text = browser.go("POST", urllib.parse.urljoin(url, action), {"prompt": prompt, "login": name, "password": "any"})
        assert status in (302, 303), (status, text)
        url = urllib.parse.urljoin(url, headers["Location"])
    raise AssertionError("the login has no end")


def enter(auth, name, browser=None):
    """Status and answer of a whole login at the real issuer."""
    browser = browser or Browser()
    status, headers, text = browser.go("GET", walk(browser, auth, name))
    assert headers["Cache-Control"] == "no-store"
    return status, json.loads(text)


def role_of(test, email):
    return test.sql(f"SELECT role FROM users WHERE email = '{email}'")


def me(auth, answer):
    status, said = auth.ask("GET", "/api/auth/me", bearer=answer["token"])
    assert status == 200, said
    return said["user"]
