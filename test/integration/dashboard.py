#!/usr/bin/python3
"""kubectl lp dashboard in a real Chromium, on a real API server with an operator, its metrics API, platforms, pods with load, and
decisions: every panel has data, axe-core finds nothing in light and dark, and what is missing is named.

dashboard.py DIR [WORDS...]: a control plane of its own in DIR, screenshots in DIR/shots; only the cases that hold one of WORDS. LP_BIN:
the folder of the programs. Debian's python3 with python3-selenium, chromium and chromium-driver; axe-core by npm.
"""
import http.client
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import urllib.parse

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib")]
# pylint: disable=wrong-import-position
from plane import GROUP, main, say, wait_for
from dashboard_page import Dashboard, Page
from dashboard_world import NS, SERVICES, Gateway, World
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

class Cases:
    def __init__(self, plane):
        self.plane, self.world, self.page = plane, World(plane), Page(plane.dir)
        self.world.begin()
        self.world.settle()
        self.world.pods.load(120, 9, 0.2)
        self.service = wait_for("a decision is kept", 60, lambda: self.world.make_ready() and self.decided())
        tools = pathlib.Path(plane.dir) / "tools"
        self.gateway = Gateway(tools)
        self.dashboard = Dashboard(plane, "-A", path=tools)

    def decided(self):
        """A service about which a decision is kept: they are written at most once a minute."""
        out = subprocess.run([f"{os.environ['LP_BIN']}/kubectl-lp", "why", "english", "-n", NS, "--since", "1h", "-o", "json",
                              "--kubeconfig", self.plane.kubeconfig], check=True, stdout=subprocess.PIPE, text=True).stdout
        services = [d["service"] for p in json.loads(out)["platforms"] for d in p["decisions"]]
        return services[-1] if services else None

    def end(self):
        self.page.b.quit()
        self.dashboard.end()
        self.world.operator.end()

    def all_platforms_are_in_the_overview(self):
        p = self.page
        p.open(self.dashboard.url)
        assert "token" not in p.b.current_url, p.b.current_url
        wait_for("both platforms", 10, lambda: {"english", "spanish"} <= set(p.text(".platform .head b").split("\n")))
        wait_for("metrics", 15, lambda: re.search(r"gateway\s+\d+/\d+\s+\d", p.text(".platform")))
        took = p.script("return performance.getEntriesByType('paint').find((e) => e.name === 'first-contentful-paint')?.startTime")
        size = p.script("return performance.getEntriesByType('resource').reduce((n, e) => n + e.encodedBodySize, 0)")
        assert size <= 300000, f"{size} bytes"
        return f"first paint after {took:.0f} ms, {size} bytes beside the page"

    def every_panel_of_a_platform_has_data(self):
        p = self.page
        p.go(f"#/{NS}/english/{self.service}")
        wait_for("services", 10, lambda: all(s in p.text("#services") for s in SERVICES))
        for title, value in (("Pods", r"ready \d"), ("Pods", r"demand \d"), ("Queue", r"queue \d"), ("Requests", r"arrivals \d"), ("Requests", r"errors \d"),
                             ("Latency", r"p50 \d"), ("Latency", r"p95 \d"), ("Latency", r"p99 \d")):
            wait_for(f"{title}: {value}", 15, lambda t=title, v=value: re.search(v, p.text(f"[aria-label^='{t}']") or
                     p.script("return [...document.querySelectorAll('[aria-label]')].map((e) => e.getAttribute('aria-label')).filter((t) => t.startsWith(arguments[0])).join()", t)))
        wait_for("decisions", 15, lambda: p.script("return document.querySelectorAll('#decisions tbody tr').length") > 0)
        wait_for("Events", 15, lambda: p.script("return document.querySelectorAll('#events tbody tr').length") > 0)
        wait_for("why", 15, lambda: len(p.text("#why")) > 10)
        assert "Ready" in p.text("#conditions"), p.text("#conditions")
        shown = dict(p.script("return [...document.querySelectorAll('#conditions .pill')].map((e) => [e.textContent, e.className])"))
        assert shown["Degraded"] == "pill good" and shown["Progressing"] == "pill off", shown
        assert "exam" in p.text("#schedules"), p.text("#schedules")
        drawn = p.script("return [...document.querySelectorAll('.plot canvas')].map((c) => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size)")
        assert len(drawn) == 4 and min(drawn) > 8, f"colours of the charts: {drawn}"

    def a_breaker_that_opens_is_told_in_words(self):
        p, pods = self.page, self.world.pods
        p.go(f"#/{NS}/english/auth")
        wait_for("every breaker", 15, lambda: p.text("#breakers").count("closed") == 3)
        pods.open["auth"] = 2
        wait_for("auth's is open", 15, lambda: re.search(r"open auth · \d+ workers of gateways leave it alone", p.text("#breakers")))
        wait_for("its card says so", 5, lambda: "breaker open" in p.text("[data-service=auth]"))
        p.shot("breaker")
        pods.open["auth"] = 0
        wait_for("it is closed again", 15, lambda: p.text("#breakers").count("closed") == 3)

    def a_change_is_simulated_on_a_load_with_its_yaml(self):
        p = self.page
        p.go(f"#/{NS}/english/auth")
        wait_for("auth", 10, lambda: p.script("return document.querySelector('[aria-pressed=true].service')?.dataset.service") == "auth")
        wait_for("the form", 10, lambda: p.script("return document.querySelectorAll('#whatif-fields input').length") == 8)
        wait_for("what is there", 10, lambda: p.script("return document.querySelector('[name=maxReplicas]').value") == "10")
        most = p.b.find_element(By.NAME, "maxReplicas")
        most.clear()
        most.send_keys("2")
        p.b.find_element(By.ID, "whatif-file").send_keys(self.trace())
        wait_for("the trace is taken", 5, lambda: "load of the next" in p.text("#whatif-note"))
        p.b.find_element(By.CSS_SELECTOR, "#whatif-form button").click()
        wait_for("an answer", 20, lambda: "By the dropped trace" in p.text("#whatif-note"))
        assert "maxReplicas: 2" in p.text("#whatif-yaml"), p.text("#whatif-yaml")
        most = p.script("return [...document.querySelectorAll('#whatif-table tr')].map((r) => r.innerText).find((t) => t.startsWith('most'))")
        assert most.split() == ["most", "pods", "10", "2"], most
        assert "nothing is known of waits" in p.text("#whatif-note"), p.text("#whatif-note")
        assert p.text("#whatif-plot .legend span").split("\n") == ["simulated as it is", "with the change"], p.text("#whatif-plot .legend span")
        p.shot("what-if")
        p.go("#/")
        p.size(1300, 1300)  # what is drawn anew has its own data
        p.size(1440, 1300)
        p.go(f"#/{NS}/english/progress")
        wait_for("of another service nothing stays", 10, lambda: p.script("return document.getElementById('whatif-result').hidden"))

    def what_learners_do_is_shown_to_a_teacher_and_the_token_is_kept_nowhere(self):
        p = self.page
        p.go(f"#/{NS}/english/auth")
        wait_for("the form", 10, lambda: "Sums that name nobody" in p.text("#teaching-note"))
        self.look("learner.token")
        wait_for("a learner's token is not enough", 20, lambda: "for teachers and admins" in p.text("#teaching-note"))
        self.look("teacher.token")
        wait_for("sums", 20, lambda: "The last 28 days" in p.text("#teaching-note"))
        path, token = self.gateway.asked[-1]
        assert path.startswith("/progress/api/progress/analytics?from=") and token == "teacher.token", self.gateway.asked
        assert p.script("return document.querySelectorAll('#teaching-heat tbody td').length") == 7 * 24
        assert re.search(r"57\s+active learners, give or take 13 %", p.text("#teaching-totals")), p.text("#teaching-totals")
        rows = p.text("#teaching-activities")
        assert re.search(r"Irregular verbs\s+411\s+71.5\s+up 0.80 a day", rows) and "<b>Dictation</b>" in rows, rows
        rows = p.text("#teaching-feedback")
        assert re.search(r"spelling\s+321\s+grammar\s+78\s+all others\s+3", rows), rows
        everywhere = p.script("return [document.documentElement.outerHTML, location.href, JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}), document.cookie, document.getElementById('teaching-token').value].join()")
        assert "teacher.token" not in everywhere
        assert "teacher.token" not in pathlib.Path(f"{self.plane.dir}/dashboard.err").read_text(encoding="utf-8")
        p.script("document.getElementById('teaching').scrollIntoView()")
        p.shot("teaching")
        p.theme("dark")
        p.shot("teaching-dark")
        p.theme("light")

    def look(self, token):
        field = self.page.b.find_element(By.ID, "teaching-token")
        field.send_keys(token)
        field.submit()

    def trace(self):
        path = f"{self.plane.dir}/load.csv"
        with open(path, "w", encoding="ascii") as f:
            f.write("time,queue_depth\n0,1\n60,60\n900,60\n1800,1\n")
        return os.path.realpath(path)

    def nobody_who_cannot_see_or_point_is_left_out(self):
        p = self.page
        for theme in ("light", "dark"):
            p.theme(theme)
            for name, route in (("platform", f"#/{NS}/english/{self.service}"), ("overview", "#/")):
                p.go(route)
                wait_for(name, 10, lambda n=name: p.script("return !document.getElementById(arguments[0]).hidden", n))
                wait_for("rows", 10, lambda n=name: n == "overview" or p.script("return document.querySelectorAll('#decisions tbody tr').length") > 0)
                p.shot(f"{name}-{theme}")
                p.violations(f"{name}, {theme}")

    def it_fits_a_phone(self):
        p = self.page
        p.theme("light")
        p.size(390, 844)
        for name, route in (("overview", "#/"), ("platform", f"#/{NS}/english/{self.service}")):
            p.go(route)
            wait_for(name, 10, lambda n=name: p.script("return !document.getElementById(arguments[0]).hidden", n))
            wide = p.script("return document.documentElement.scrollWidth")
            p.shot(f"{name}-phone")
            narrow = p.script("return [...document.querySelectorAll('#events td, #decisions td')].filter((e) => e.offsetParent && e.textContent.length > 12 && e.clientWidth < 90).length")
            assert narrow == 0, f"{narrow} cells are too narrow to read"
            assert wide <= 390, f"{name} is {wide} wide"
        p.size(1440, 1300)

    def keys_do_what_the_help_says(self):
        p = self.page
        p.go(f"#/{NS}/english/{self.service}")
        wait_for("services", 10, lambda: "auth" in p.text("#services"))
        body = p.b.find_element(By.TAG_NAME, "body")
        names = p.script("return [...document.querySelectorAll('.service')].map((e) => e.dataset.service)")
        after = names[(names.index(self.service) + 1) % len(names)]
        body.send_keys("j")
        wait_for("the next service", 5, lambda: p.script("return document.querySelector('[aria-pressed=true].service').dataset.service") == after)
        body.send_keys("1")
        wait_for("15 minutes", 5, lambda: p.script("return document.querySelector('#ranges [aria-pressed=true]').textContent") == "15 min")
        body.send_keys("?")
        wait_for("help", 5, lambda: p.script("return document.getElementById('help').open"))
        p.b.switch_to.active_element.send_keys(Keys.ESCAPE)
        before = p.script("return getComputedStyle(document.body).backgroundColor")
        p.b.find_element(By.TAG_NAME, "body").send_keys("t")
        wait_for("the other theme", 5, lambda: p.script("return getComputedStyle(document.body).backgroundColor") != before)
        p.b.find_element(By.TAG_NAME, "body").send_keys("t")
        where = p.b.current_url
        p.script("document.querySelector('.skip').click()")
        assert p.b.current_url == where and p.script("return document.activeElement.id") == "main", p.b.current_url

    def a_change_is_seen_without_a_reload(self):
        p = self.page
        p.go(f"#/{NS}/english")
        wait_for("its services", 10, lambda: "gateway" in p.text("#services"))
        p.go("#/")
        self.plane.platform(NS, "italian", {"mode": "Plan"})
        wait_for("the new platform", 10, lambda: "italian" in p.text("#platforms"))
        self.plane.call("DELETE", f"{GROUP}/namespaces/{NS}/learningplatforms/italian")
        wait_for("it is gone", 10, lambda: "italian" not in p.text("#platforms"))
        p.go(f"#/{NS}/italian")
        wait_for("it is said so", 10, lambda: "is not there" in p.text("#platform-message"))
        shown = p.script("return [...document.querySelectorAll('#platform > *')].filter((e) => e.offsetParent).map((e) => e.id || e.className)")
        assert shown == ["bar", "platform-message"], f"of a platform that is not there: {shown}"

    def a_service_that_lost_its_pods_says_so(self):
        p, plane = self.page, self.plane
        p.go("#/")
        plane.kubectl("-n", NS, "scale", "deployment/spanish-auth", "--replicas=0")
        wait_for("it is told", 30, lambda: "auth: no pod is ready" in p.text(".platform"))
        p.go(f"#/{NS}/spanish/auth")
        wait_for("its card says so", 10, lambda: "no pod is ready" in p.text("[data-service=auth] .pill.bad"))
        p.shot("no-pod")
        plane.kubectl("-n", NS, "scale", "deployment/spanish-auth", "--replicas=1")
        wait_for("it has one again", 60, lambda: self.world.make_ready() and "no pod is ready" not in p.text("[data-service=auth]"))

    def what_is_seen_of_a_service_has_words(self):
        """What no pod of this cluster shows, by the page's own module."""
        p = self.page
        p.b.set_script_timeout(20)
        words = p.b.execute_async_script("""const done = arguments[0];
            const s = { name: "auth", ready: 2, desired: 2, min: 1, max: 4, rate: 50, errors: 0, paused: false };
            import(new URL("base.js", location).href).then((m) => done([
                {}, { paused: true, ready: 0 }, { ready: 0, desired: 0, idle: "ScaledToZero" }, { ready: 0, desired: 0, idle: "Replicas" }, { ready: 0, desired: 0 },
                { errors: 2.5 }, { errors: 0.4 }, { rate: 2, errors: 0.2 }, { rate: 0, errors: 0.2 }, { desired: 4 }, { ready: 4, desired: 4 }, { ready: 2, desired: 2, min: 2, max: 2 },
            ].map((x) => m.told({ ...s, ...x }))), (e) => done(String(e)))""")
        assert words == [["good", ""], ["off", "paused"], ["off", "asleep until asked"], ["off", "none wanted"], ["bad", "no pod is ready"],
                         ["bad", "5 % errors"], ["good", ""], ["bad", "10 % errors"], ["bad", "100 % errors"], ["busy", "2 not ready yet"], ["busy", "at its limit"], ["good", ""]], words
        axes = p.b.execute_async_script("""const done = arguments[0], day = new Date(2026, 4, 1).getTime() / 1000;
            import(new URL("base.js", location).href).then((m) => done([m.axisElapsed([0, 300], 300), m.axisElapsed([0, 7200], 3600), m.axisElapsed([5], 5),
                m.axisTimes([day + 61], 1), m.axisTimes([day - 3600, day, day + 60], 60)]), (e) => done(String(e)))""")
        assert axes[:3] == [["0 min", "5 min"], ["0 h", "2 h"], ["5 s"]] and axes[3] == ["00:01:01"], axes
        assert axes[4][0] == "23:00" and "May" in axes[4][1] and axes[4][2] == "00:01", axes

    def what_may_not_be_read_is_named_and_the_rest_is_shown(self):
        p, plane = self.page, self.plane
        plane.kubectl("create", "clusterrole", "platforms-alone", "--verb=get,list", "--resource=learningplatforms.learningplatform.io")
        plane.kubectl("create", "clusterrolebinding", "platforms-alone", "--clusterrole=platforms-alone", "--user=ann")
        rate = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "rate-alone"},
                "rules": [{"apiGroups": ["custom.metrics.k8s.io"], "resources": ["services/arrival_rate"], "verbs": ["get"]}]}
        plane.kubectl("create", "-f", "-", input=json.dumps(rate))
        plane.kubectl("create", "clusterrolebinding", "rate-alone", "--clusterrole=rate-alone", "--user=ann")
        few = Dashboard(plane, "-n", NS, "--as", "ann")
        try:
            p.open(few.url)
            wait_for("english", 10, lambda: "english" in p.text("#platforms"))
            wait_for("what is missing", 10, lambda: "limits of pods" in p.text("#missing summary") and "metrics of namespace" in p.text("#missing summary"))
            wait_for("the one metric that may be read", 20, lambda: re.search(r"gateway\s+\d+/\d+\s+–\s+\d", p.text(".platform")))
            p.go(f"#/{NS}/english")
            wait_for("decisions and Events are missing too", 15, lambda: "decisions" in p.text("#missing summary") and "Events" in p.text("#missing summary"))
            assert "gateway" in p.text("#services")
            p.shot("few-rights")
        finally:
            few.end()

    def the_browser_is_opened_and_left_alone(self):
        """xdg-open of a desktop is a script of ours here: what it is given, which signals it blocks, in which process group it is.
        No program reads the signals, as a shell blocks all of them while it starts one."""
        folder = pathlib.Path(self.plane.dir) / "desktop"
        folder.mkdir(exist_ok=True)
        told = folder / "told"
        told.unlink(missing_ok=True)
        opener = folder / "xdg-open"
        opener.write_text(f'#!/bin/sh\n{{ echo "$1"; while read -r a b; do [ "$a" != SigBlk: ] || echo "$b"; done </proc/$$/status; ps -o pgid= -p $$; }} >{told}.new\nmv {told}.new {told}\n')
        opener.chmod(0o755)
        one = Dashboard(self.plane, "-A", env={"DISPLAY": ":0", "PATH": f"{folder}:{os.environ['PATH']}"})
        try:
            wait_for("xdg-open is started", 10, told.exists)
            url, blocked, group = told.read_text().splitlines()
            code = re.fullmatch(re.escape(one.url.split("token=")[0]) + "code=([0-9a-f]{64})", url)
            assert code and code[1] not in one.url, url
            answers = [self.ask(url) for _ in range(2)]
            assert answers == [303, 403], answers
            assert int(blocked, 16) == 0, blocked
            assert int(group) != os.getpgid(one.process.pid), group
            children = pathlib.Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children")
            wait_for("nothing of it is left", 10, lambda: not children.read_text().split())
        finally:
            one.end()

    def the_cookie_goes_to_no_other_server_of_this_machine(self):
        """Cookies know no ports: the browser sends those of 127.0.0.1 to whoever serves there, but for those of another path."""
        p, sent = self.page, []

        class Other(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                sent.append(self.headers.get("Cookie", ""))
                self.send_response(200)
                self.send_header("Set-Cookie", "other=1; SameSite=Strict")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format, *args):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            p.open(self.dashboard.url)
            p.b.get(f"http://127.0.0.1:{server.server_port}/")
            p.b.refresh()
            server.shutdown()
        assert sent[-1] == "other=1", sent
        p.open(self.dashboard.url)

    @staticmethod
    def ask(url):
        """The status alone; a redirect is not followed."""
        at = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=10)
        connection.request("GET", f"{at.path}?{at.query}")
        status = connection.getresponse().status
        connection.close()
        return status

    def the_browser_complains_of_nothing(self):
        p = self.page
        p.open(self.dashboard.url)
        wait_for("english", 10, lambda: "english" in p.text("#platforms"))
        found = [c for c in p.complaints() if "favicon" not in c and "ERR_CONNECTION_REFUSED" not in c and "ERR_INCOMPLETE_CHUNKED" not in c]
        assert not found, found


def run(plane, suite):
    cases = Cases(plane)
    try:
        suite.case("all platforms are in the overview, and the page is small", cases.all_platforms_are_in_the_overview)
        suite.case("every panel of a platform has data", cases.every_panel_of_a_platform_has_data)
        suite.case("a breaker that opens is told in words", cases.a_breaker_that_opens_is_told_in_words)
        suite.case("a change is simulated on a load, and its YAML is there", cases.a_change_is_simulated_on_a_load_with_its_yaml)
        suite.case("what learners do is shown to a teacher, and the token is kept nowhere", cases.what_learners_do_is_shown_to_a_teacher_and_the_token_is_kept_nowhere)
        suite.case("axe-core finds nothing in light and dark", cases.nobody_who_cannot_see_or_point_is_left_out)
        suite.case("it fits a phone", cases.it_fits_a_phone)
        suite.case("keys do what the help says", cases.keys_do_what_the_help_says)
        suite.case("a change is seen without a reload", cases.a_change_is_seen_without_a_reload)
        suite.case("a service that lost its pods says so", cases.a_service_that_lost_its_pods_says_so)
        suite.case("what is seen of a service has words", cases.what_is_seen_of_a_service_has_words)
        suite.case("what may not be read is named, and the rest is shown", cases.what_may_not_be_read_is_named_and_the_rest_is_shown)
        suite.case("the cookie goes to no other server of this machine", cases.the_cookie_goes_to_no_other_server_of_this_machine)
        suite.case("the browser is opened, and left alone", cases.the_browser_is_opened_and_left_alone)
        suite.case("the browser complains of nothing", cases.the_browser_complains_of_nothing)
    finally:
        cases.end()


if __name__ == "__main__":
    say("kubectl lp dashboard in Chromium")
    main(run)
