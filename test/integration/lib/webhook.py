"""Who Alertmanager tells, for tests that take the time."""
import http.server
import json
import sys
import threading
import time

LIMIT_S = 240  # of each wait


class Webhook:
    """Receives what Alertmanager sends."""

    def __init__(self, address="127.0.0.1", port=0):
        self.told, self.targets, self.changed = [], [], threading.Condition()
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with webhook.changed:
                    for a in body["alerts"]:
                        webhook.told.append((time.monotonic(), a["labels"].get("platform"), a["status"], a["labels"]["alertname"],
                                             a["labels"].get("app"), a["labels"]["severity"]))
                    webhook.changed.notify_all()
                self.send_response(200)
                self.end_headers()

            def do_GET(self):  # where pods are, as lp-operator says it
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(webhook.targets).encode())

            def log_message(self, format, *args):
                pass

        self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def await_one(self, since, platform, status, alert, app):
        """Seconds from `since` until it was told."""
        def found():
            return [t for t in self.told if t[0] >= since and t[1:5] == (platform, status, alert, app)]
        with self.changed:
            if not self.changed.wait_for(found, LIMIT_S):
                sys.exit(f"no {alert} of {app} of {platform} was told as {status} in {LIMIT_S} s; told: {[t[1:] for t in self.told]}")
            return found()[0][0] - since

    def told_of(self, platform):
        with self.changed:
            return [t[2:] for t in self.told if t[1] == platform]

    def told_since(self, moment):
        """(platform or None, status, alert, app, severity) of each"""
        with self.changed:
            return [t[1:] for t in self.told if t[0] >= moment]
