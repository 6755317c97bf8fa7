#!/usr/bin/python3
"""Plants tokens, passwords, addresses and learners' words wherever lp-operator reads: Secrets, the environment and URLs of platforms, fields
that others take, requests to its metrics API and its probes. Then looks for them in all that it wrote: its log at level debug, Events, status,
the ConfigMaps of a plan and of decisions, its metrics, and what `kubectl lp` says.

operator_redaction.py DIR [WORDS...]: a control plane of its own in DIR; only the cases that hold one of WORDS. LP_BIN: the folder of the programs.
"""
import base64
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import urllib.parse

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib")]
# pylint: disable=wrong-import-position
from dashboard_world import NS, World
from plane import GROUP, main, say, wait_for

MAIL, PASSWORD, LEARNER = "planted.mail.7f3a@example.org", "Planted-Pa55phrase-7f3a", "plantedlearner7f3a"
TEXT = "Plantedword 7f3a goed to school yesterday."
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJwbGFudGVkIn0.cGxhbnRlZC1zaWduYXR1cmU"
KEY = base64.b64encode(b"planted key, 7f3a: not 32 bytes").decode()
PARTS = [s.lower() for s in (MAIL, PASSWORD, LEARNER, "plantedword", TOKEN, TOKEN.rsplit(".", 1)[1], KEY)]
PARTS += [urllib.parse.quote(s, safe="") for s in PARTS] + [base64.b64encode(s.encode()).decode().lower() for s in (MAIL, PASSWORD, LEARNER, TOKEN)]
URL = f"https://{MAIL.split('@')[0]}:{PASSWORD}@idp.example.org/{LEARNER}?token={TOKEN}"


def leaks(text):
    """Lines with a secret, or with anything that looks like a token of ours."""
    return [line for line in text.splitlines() if re.search(r"eyJ[A-Za-z0-9_-]{8,}", line) or any(p in line.lower() for p in PARTS)]


def env(suffix=""):
    values = {"SMTP_PASSWORD": PASSWORD, "DATABASE_URL": f"postgres://lp:{PASSWORD}@db/{LEARNER}", "ADMIN_MAIL": MAIL, "GREETING": TEXT, "API_TOKEN": TOKEN}
    return [{"name": k, "value": v + suffix} for k, v in values.items()]


def spec(**more):
    services = {s: {"env": env()} for s in ("gateway", "auth", "aiFeedback", "progress")}
    return {"services": services, "privacy": {"masterKeyRef": {"name": "planted"}},
            "identity": {"oidc": {"issuer": "https://idp.example.org/realm", "clientId": "english", "redirectUrl": f"https://english.example.org/back?code={TOKEN}",
                                  "clientSecretRef": {"name": "planted", "key": "password"}}},
            "extraServices": [{"name": "planted", "path": "/planted", "port": 8000, "image": "planted:1", "healthPath": f"/health?token={TOKEN}&email={MAIL}", "env": env()}],
            "monitoring": {"owners": {"gateway": {"team": "web", "severity": "page", "runbook": URL}}}, **more}


class Cases:
    def __init__(self, plane):
        self.plane, self.world = plane, World(plane)
        self.world.operator.env["LOG_LEVEL"] = "debug"
        self.world.begin()
        self.world.settle()

    def log(self):
        with open(self.world.operator.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def secret(self, name, **data):
        self.plane.call("POST", f"/api/v1/namespaces/{NS}/secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})

    def status(self, name):
        return (self.plane.get(f"{GROUP}/namespaces/{NS}/learningplatforms/{name}") or {}).get("status") or {}

    def observed(self, name):
        o = self.plane.get(f"{GROUP}/namespaces/{NS}/learningplatforms/{name}")
        return o["status"].get("observedGeneration") == o["metadata"]["generation"] if o.get("status") else False

    def look(self, seen):
        """All that it wrote; `seen` names what must be in its log, so that one that is not written fails the test."""
        log = self.log()
        for word in seen:
            assert word in log, f"the log does not have {word}: was it written?"
        lists = {kind: self.plane.get(f"/api/v1/namespaces/{NS}/{kind}")["items"] for kind in ("events", "configmaps")}
        told = [m for m in lists["configmaps"] if m["metadata"]["name"].endswith(("-plan", "-decisions"))]
        platforms = self.plane.get(f"{GROUP}/namespaces/{NS}/learningplatforms")["items"]
        texts = {"log": log, "metrics": self.world.operator.ask("/metrics")[1], "status": json.dumps([p.get("status") for p in platforms], indent=1),
                 "Events": json.dumps(lists["events"], indent=1), "ConfigMaps": "\n".join(v for m in told for v in m.get("data", {}).values())}
        for words in (("status",), ("why", "planted"), ("check",)):
            done = subprocess.run([f"{os.environ['LP_BIN']}/kubectl-lp", *words, "-n", NS, "--kubeconfig", self.plane.kubeconfig], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert done.stdout, words
            texts[" ".join(words)] = done.stdout
        for where, text in texts.items():
            found = leaks(text)
            assert not found, f"{where}: {len(found)} lines tell a secret, such as {found[0][:400]}"
        assert texts["Events"].count("reason") and told, "nothing was told"
        return f"{len(log.splitlines())} lines, {len(lists['events'])} Events, {len(told)} ConfigMaps"

    def what_is_planted_would_be_found(self):
        for text in (f"x {MAIL}", f"?email={urllib.parse.quote(MAIL)}", f"p={base64.b64encode(PASSWORD.encode()).decode()}", f"Bearer {TOKEN}", TEXT.upper()):
            assert leaks(text), text

    def platforms_and_secrets_tell_nothing(self):
        self.secret("planted", password=PASSWORD, current=KEY, mail=MAIL, token=TOKEN, text=TEXT)
        self.plane.platform(NS, "planted", spec())
        self.plane.platform(NS, "planned", spec(mode="Plan"))
        wait_for("the plan", 60, lambda: self.plane.get(f"/api/v1/namespaces/{NS}/configmaps/planned-plan"))
        wait_for("the platform is carried out", 60, lambda: self.observed("planted") and self.plane.get(f"/apis/apps/v1/namespaces/{NS}/deployments/planted-auth"))
        return self.look(["planted", "planned"])

    def changes_tell_no_values(self):
        for name in ("planted", "planned"):
            self.plane.merge(f"{GROUP}/namespaces/{NS}/learningplatforms/{name}", {"spec": {"services": {"auth": {"env": env("-2")}}}})
        self.plane.merge(f"{GROUP}/namespaces/{NS}/learningplatforms/planted", {"spec": {"mode": "Plan"}})
        wait_for("a plan of the change", 60, lambda: self.observed("planted") and self.plane.get(f"/api/v1/namespaces/{NS}/configmaps/planted-plan"))
        self.plane.merge(f"{GROUP}/namespaces/{NS}/learningplatforms/planted", {"spec": {"mode": "Active"}})
        wait_for("it is carried out", 60, lambda: self.observed("planted"))
        return self.look(["planted"])

    def fields_that_others_take_are_named_without_their_values(self):
        path = f"/apis/apps/v1/namespaces/{NS}/deployments/planted-auth"

        def taken():
            names = [{"name": "auth", "env": [{"name": "SMTP_PASSWORD", "value": f"{PASSWORD} of another"}]}]
            self.plane.call("PATCH", path, {"spec": {"template": {"spec": {"containers": names}}}}, "application/strategic-merge-patch+json")
            return any(c["type"] == "FieldConflict" and c["status"] == "True" for c in self.status("planted").get("conditions", []))

        wait_for("the conflict is told", 90, taken)
        return self.look(["planted"])

    def send(self, port, tls, method, path):
        headers = {"Authorization": f"Bearer {TOKEN}", "Cookie": f"session={TOKEN}; mail={MAIL}", "Referer": URL, "User-Agent": f"planted ({MAIL})",
                   "X-Remote-User": MAIL, "X-Remote-Group": LEARNER, "X-Forwarded-For": "10.9.8.7", "X-Request-Id": TOKEN}
        c = http.client.HTTPSConnection("127.0.0.1", port, context=ssl._create_unverified_context(), timeout=20) if tls else \
            http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            c.request(method, path, TEXT if method in ("POST", "PUT") else None, headers)
            r = c.getresponse()
            r.read()
            return r.status
        finally:
            c.close()

    def requests_tell_nothing(self):
        query = urllib.parse.urlencode({"token": TOKEN, "email": MAIL, "labelSelector": f"user={LEARNER}", "q": TEXT})
        api = "/apis/custom.metrics.k8s.io"
        paths = ["/", "/metrics", "/livez", "/readyz", "/healthz", "/openapi/v2", "/openapi/v3", api, f"{api}/v1beta1", f"{api}/v1beta2",
                 f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{NS}/{LEARNER}"]
        paths += [f"{api}/v1beta2/namespaces/{NS}/{what}" for what in ("services/english-gateway/demand", f"services/{LEARNER}/demand", "pods/*/queue_depth")]
        paths += [f"/{PASSWORD}", f"{api}/v1beta2/namespaces/{urllib.parse.quote(MAIL)}/services/{TOKEN}/demand", f"/users/{MAIL}/data"]
        statuses = [self.send(port, tls, method, f"{path}{more}") for port, tls in ((self.world.served, True), (self.world.operator.metrics_port, False))
                    for path in paths for more in ("", f"?{query}") for method in ("GET", "POST", "PUT", "DELETE")]
        assert 200 in statuses and len(set(statuses)) > 2, sorted(set(statuses))
        return f"{len(statuses)} requests, {self.look([])}"


def run(plane, suite):
    cases = Cases(plane)
    try:
        suite.case("what is planted would be found", cases.what_is_planted_would_be_found)
        suite.case("platforms and Secrets tell nothing", cases.platforms_and_secrets_tell_nothing)
        suite.case("changes tell no values", cases.changes_tell_no_values)
        suite.case("fields that others take are named without their values", cases.fields_that_others_take_are_named_without_their_values)
        suite.case("requests tell nothing", cases.requests_tell_nothing)
    finally:
        cases.world.operator.end()


if __name__ == "__main__":
    say("what lp-operator writes")
    main(run)
