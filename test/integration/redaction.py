#!/usr/bin/env python3
"""Plants tokens, passwords, addresses and learners' words in every route of a service, and looks for them in all that it wrote.

redaction.py SERVICE URL WORKDIR BEARER [COMMAND...]. WORKDIR/*.log is what the service wrote, at level debug; every request must have its line
there, so that a log that is not written fails the test. The routes, and what each takes, are those of /openapi.json. For auth the planted
account is registered, made an admin (LP_AUTH) and logged in, so that its real tokens and those of its mails (WORKDIR/mails) are looked for too.
COMMAND takes the service's database away; then all is asked again, so that what it says of failures is looked at too.
"""

import concurrent.futures
import email
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

SERVICE, URL, WORK, BREAK = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[5:]
METHODS = ("get", "put", "post", "patch", "delete")
MAIL, PASSWORD, LEARNER = "planted.mail.7f3a@example.org", "Planted-Pa55phrase-7f3a", "plantedlearner7f3a"
TEXT = "Plantedword 7f3a goed to school yesterday."
FORGED = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJwbGFudGVkIn0.cGxhbnRlZC1zaWduYXR1cmU"
secrets = {MAIL, PASSWORD, LEARNER, "plantedword", FORGED.rsplit(".", 1)[1]}
numbers = itertools.count(1)
asked, bearer = {}, sys.argv[4]


def say(text):
    print(f"redaction {SERVICE}: {text}", flush=True)


def send(method, path, body=None, kind="application/json", token=None):
    """The status; the answer's body is remembered for auth's tokens."""
    n = next(numbers)
    name = f"redaction-{os.getpid()}-{n}"
    headers = {"X-Request-Id": name, "X-Forwarded-For": f"10.9.{n >> 8 & 255}.{n & 255}", "Authorization": f"Bearer {token or bearer}",
               "Cookie": f"session={FORGED}; mail={MAIL}", "Referer": f"http://example.org/?token={FORGED}&email={MAIL}",
               "User-Agent": f"planted/1 ({MAIL})"}
    if body is not None:
        headers["Content-Type"] = kind
    request = urllib.request.Request(URL + path, body, headers, method=method.upper())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as e:
        status, text = e.code, e.read()
    asked[name] = (method, path, status)
    return status, text


def resolve(document, schema):
    while "$ref" in schema:
        node = document
        for part in schema["$ref"][2:].split("/"):
            node = node[part]
        schema = node
    return schema


def planted(document, name, schema, depth=0):
    """A value that the schema allows, with as much planted in it as it takes."""
    schema = resolve(document, schema)
    for choice in ("oneOf", "anyOf", "allOf"):
        if choice in schema:
            return planted(document, name, schema[choice][0], depth + 1)
    kind = schema.get("type", "string")
    kind = next((k for k in kind if k != "null"), "string") if isinstance(kind, list) else kind
    lower = name.lower()
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        return {k: planted(document, k, v, depth + 1) for k, v in schema.get("properties", {}).items()} if depth < 6 else {}
    if kind == "array":
        return [planted(document, name, schema.get("items", {}), depth + 1)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    if "mail" in lower:
        return MAIL
    if "password" in lower:
        return PASSWORD
    if "token" in lower:
        return next(iter(mailed()), FORGED)
    if schema.get("format") == "date-time":
        return "2026-01-02T03:04:05Z"
    if lower.endswith("id"):
        return LEARNER
    return TEXT[:schema.get("maxLength", len(TEXT))]


def mailed():
    """Tokens in mails so far; each of them is a secret."""
    found = set()
    for mail in WORK.glob("mails/*"):
        text = email.message_from_bytes(mail.read_bytes()).get_payload(decode=True).decode()
        found |= set(re.findall(r"token=([A-Za-z0-9_.-]{16,})", text))
    secrets.update(found)
    return found


def bodies(document, operation):
    """(content type, body) of each that the route takes, one that fits no schema, and none."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        value = planted(document, "", content.get("schema", {}))
        if kind == "application/json":
            yield kind, json.dumps(value).encode()
            yield kind, json.dumps({"email": MAIL, "password": PASSWORD, "text": TEXT, "userId": LEARNER}).encode()
            yield kind, b'{"password": "' + PASSWORD.encode() + b'", "text": "' + TEXT.encode()  # cut
        elif kind == "application/x-www-form-urlencoded" and isinstance(value, dict):
            yield kind, urllib.parse.urlencode(value).encode()
        else:
            yield "multipart/form-data; boundary=b", f'--b\r\nContent-Disposition: form-data; name="profilePicture"; filename="{MAIL}"\r\n\r\n{TEXT}\r\n--b--\r\n'.encode()
    if "requestBody" not in operation:
        yield None, None


def calls(document):
    """Deletes last: they end what the others are about."""
    query = urllib.parse.urlencode({"token": FORGED, "email": MAIL, "search": MAIL, "q": TEXT, "user": LEARNER, "code": PASSWORD})
    for last in (False, True):
        for path, item in document["paths"].items():
            # The gateway's document shows one method of each prefix; it passes all on.
            methods = METHODS if "{path}" in path else [m for m in METHODS if m in item]
            for method in methods:
                if (method == "delete") != last:
                    continue
                filled = re.sub(r"\{[^}]*\}", LEARNER, path)
                for kind, body in bodies(document, item.get(method, {"requestBody": {"content": {"application/json": {}}}})):
                    yield method, filled, body, kind
                    yield method, f"{filled}?{query}", body, kind


def log_in():
    """Of auth: the planted account, as an admin; the token that the others ask with."""
    account = json.dumps({"email": MAIL, "password": PASSWORD, "name": TEXT[:20]}).encode()
    send("post", "/api/auth/register", account)
    subprocess.run([os.environ["LP_AUTH"], "--make-admin", MAIL], check=True, stdout=subprocess.DEVNULL)
    status, text = send("post", "/api/auth/login", account)
    assert status == 200, f"the planted account cannot log in: {status} {text[:200]}"
    tokens = re.findall(r'"(?:token|refreshToken)":"([^"]+)"', text.decode())
    secrets.update(tokens)
    send("post", "/api/auth/password-reset/request", json.dumps({"email": MAIL}).encode())
    return tokens[0]


def lines():
    return [line for log in sorted(WORK.glob("*.log")) if log.name != "mongo.log" for line in log.read_text(errors="replace").splitlines()]


def leaks(all_lines):
    """Lines with a secret as it is, as it stands in a URL, or with anything that looks like a token of ours."""
    mailed()
    parts = {s.lower() for s in secrets} | {urllib.parse.quote(s, safe="").lower() for s in secrets}
    parts |= {part for s in secrets for part in s.lower().split(".") if len(part) > 30}
    return [line for line in all_lines if re.search(r"eyJ[A-Za-z0-9_-]{8,}", line) or any(p in line.lower() for p in parts)]


def ask_all(work):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for last in (False, True):
            part = [call for call in work if (call[0] == "delete") == last]
            list(pool.map(lambda call: send(*call), part))
            list(pool.map(lambda call: send(*call, token=FORGED), part))


def look():
    written = lines()
    text = "\n".join(written)
    missing = [name for name in asked if f'"{name}"' not in text]
    assert not missing, f"{len(missing)} of {len(asked)} requests have no line, such as {asked[missing[0]]}"
    found = leaks(written)
    assert not found, f"{len(found)} lines tell a secret, such as {found[0]}"
    worked = sum(200 <= status < 400 for _, _, status in asked.values())
    assert worked > 0, "no request was answered well: nothing but refusals was looked at"
    say(f"{len(asked)} requests ({worked} answered well), {len(written)} lines, none tells one of {len(secrets)} secrets")


def no_line_tells_a_secret():
    global bearer
    assert leaks([f'{{"msg":"request","path":"/x?email={urllib.parse.quote(MAIL)}"}}']), "a planted address would not be found"
    with urllib.request.urlopen(URL + "/openapi.json", timeout=20) as answer:
        document = json.load(answer)
    if SERVICE == "auth":
        bearer = log_in()
    work = list(calls(document))
    ask_all(work)
    look()
    if BREAK:
        subprocess.run(BREAK, check=True, stderr=subprocess.DEVNULL)
        say("its database is away")
        ask_all(work)
        look()


no_line_tells_a_secret()
