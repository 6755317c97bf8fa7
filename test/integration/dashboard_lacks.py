#!/usr/bin/python3
"""kubectl lp dashboard where something is missing or goes wrong, in a real Chromium on a real API server: no platform, no operator, no
metrics API, no rights, a platform that vanishes, a clock that is set, two hundred platforms, files that are too large, tabs that sleep,
streams that break, and a dashboard that is started anew.

dashboard_lacks.py DIR [WORDS...]: a control plane of its own in DIR, screenshots in DIR/shots; only the cases that hold one of WORDS.
LP_BIN: the folder of the programs; LP_CLOCK_JUMP: test/fake/preload/clock_jump.c. What it needs beside: lib/dashboard_page.py.
"""
import http.client
import json
import os
import pathlib
import re
import sys
import time
import urllib.parse

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib")]
# pylint: disable=wrong-import-position
from plane import GROUP, free_port, main, say, wait_for
from dashboard_page import Dashboard, Page
from dashboard_world import NS, Gateway, World, spec
from selenium.webdriver.common.by import By

MANY = 200
HOUR = 3600
PLATFORMS = f"{GROUP}/namespaces/{NS}/learningplatforms"


class Browserless:
    """Who asks a dashboard without a browser: a script with the URL's token."""
    cookie, place = None, ""

    def __init__(self, dashboard):
        self.at = urllib.parse.urlsplit(dashboard.url)
        answer, _ = self.open(f"/?{self.at.query}")
        self.cookie, self.place = answer.getheader("Set-Cookie").split(";")[0], answer.getheader("Location").rstrip("/")

    def open(self, path):
        connection = http.client.HTTPConnection(self.at.hostname, self.at.port, timeout=30)
        connection.request("GET", self.place + path, headers={"Cookie": self.cookie} if self.cookie else {})
        return connection.getresponse(), connection

    def json(self, path):
        answer, connection = self.open(path)
        try:
            return json.load(answer)
        finally:
            connection.close()


class Cases:
    def __init__(self, plane):
        self.plane, self.world, self.page = plane, World(plane, metrics=False), Page(plane.dir)
        self.tools = pathlib.Path(plane.dir) / "tools"
        self.gateway = Gateway(self.tools)
        self.dashboard = Dashboard(plane, "-A", path=self.tools)

    def end(self):
        self.page.b.quit()
        self.dashboard.end()
        self.world.operator.end()

    # ---- nothing is there yet ----

    def no_platform_is_told_with_where_it_was_looked_for(self):
        p = self.page
        p.open(self.dashboard.url)
        wait_for("there is none", 10, lambda: "There is no LearningPlatform in this cluster." in p.seen("#nothing"))
        assert "-A" not in p.seen("#nothing") and not p.seen("#totals"), p.text("main")
        p.looks("no-platform")
        place = p.b.current_url.split("#")[0]
        p.b.get("about:blank")
        p.open(place + "#main")  # a fragment that is no place of ours, as the skip link has it: that of all is shown
        wait_for("there is none still", 10, lambda: "There is no LearningPlatform in this cluster." in p.seen("#nothing"))
        one = Dashboard(self.plane, "nobody", "-n", NS)
        try:
            p.open(one.url)
            wait_for("that one is not there", 10, lambda: f"no LearningPlatform “nobody” in namespace {NS}" in p.seen("#nothing"))
            assert not p.seen("#banner"), p.seen("#banner")
        finally:
            one.end()

    def a_platform_that_no_operator_looked_at_is_told_as_such(self):
        p = self.page
        p.open(self.dashboard.url)
        self.plane.platform(NS, "english", spec())
        wait_for("it is there", 10, lambda: "no operator has looked at it yet" in p.text(".platform"))
        p.looks("no-operator")
        p.go(f"#/{NS}/english")
        wait_for("its page says so", 10, lambda: "no operator has looked at it yet" in p.seen("#platform-message"))
        assert not p.seen(".chart") and not p.seen("#whatif") and not p.seen("#teaching"), p.text("main")
        p.looks("no-operator-platform")
        self.plane.platform(NS, "french")
        self.plane.merge(f"{PLATFORMS}/french/status", {"status": {"phase": "Degraded", "conditions": [{
            "type": "Ready", "status": "False", "reason": "InvalidSpec", "message": "spec.planted: must be sown",
            "lastTransitionTime": "2026-05-01T08:00:00Z"}]}})
        p.go(f"#/{NS}/french")
        wait_for("a condition is told in its words", 10, lambda: p.seen("#platform-message") == "spec.planted: must be sown")
        wait_for("and listed", 20, lambda: "InvalidSpec" in p.seen("#conditions"))
        self.plane.call("DELETE", f"{PLATFORMS}/french")

    def two_hundred_platforms_are_shown_and_a_filter_finds_one(self):
        """No operator runs yet, so that the cluster has time for the page."""
        p = self.page
        p.go("#/")
        for i in range(MANY - 1):
            self.plane.platform(NS, f"school-{i:03}")
        wait_for("all", 30, lambda: p.script("return document.querySelectorAll('.platform').length") == MANY)
        assert p.seen("#totals").startswith(f"0 of {MANY}"), p.seen("#totals")
        p.shot("two-hundred")
        field = p.b.find_element(By.ID, "filter")
        field.send_keys("school-150")
        wait_for("one is left", 10, lambda: p.text(".platform .head b") == "school-150")
        field.clear()
        field.send_keys("nowhere")
        wait_for("nothing is found", 10, lambda: "No platform has “nowhere”" in p.seen("#nothing"))
        field.clear()
        field.send_keys(" ")
        for i in range(MANY - 1):
            self.plane.call("DELETE", f"{PLATFORMS}/school-{i:03}")
        wait_for("one is left", 30, lambda: p.script("return document.querySelectorAll('.platform').length") == 1)

    # ---- an operator, but no metrics API ----

    def without_a_metrics_api_the_rest_is_shown(self):
        p = self.page
        self.world.operator.start()
        p.open(self.dashboard.url)
        wait_for("pods", 60, lambda: self.world.make_ready() >= 4)
        wait_for("the rest", 60, lambda: self.world.make_ready() and re.search(r"gateway\s+[1-9]/\d\s+–\s+–\s+–", p.text(".platform")))
        wait_for("what is missing", 20, lambda: p.text("#missing summary") == "Not known: metrics")
        p.script("document.getElementById('missing').open = true")
        assert "no custom metrics API that answers" in p.text("#missing li"), p.text("#missing")
        p.looks("no-metrics")
        p.go(f"#/{NS}/english/gateway")
        wait_for("its pods", 20, lambda: p.script("return document.querySelectorAll('.plot canvas').length") == 4 and "ready" in p.seen(".chart"))
        wait_for("the others are told as not known", 10, lambda: p.seen(".chart > p.quiet").split() == ["Not", "known."] * 3)
        shown = p.script("return [...document.querySelectorAll('.chart .plot')].filter((e) => e.offsetParent).length")
        assert shown == 1, f"{shown} charts have axes"
        p.looks("no-metrics-platform")

    def who_may_read_no_platform_is_told_so(self):
        p = self.page
        none = Dashboard(self.plane, "-A", "--as", "nobody")
        try:
            p.open(none.url)
            wait_for("it is told", 10, lambda: "cannot list resource" in p.seen("#banner"))
            assert p.text("#live-text") == "the cluster cannot be read", p.text("#live-text")
            assert not p.seen("#nothing") and not p.seen("#totals"), p.text("main")
            p.looks("no-rights", sizes=((390, 844),))
        finally:
            none.end()

    def what_learners_do_has_words_where_they_did_nothing(self):
        p = self.page
        p.open(self.dashboard.url)
        p.go(f"#/{NS}/english/auth")
        wait_for("the form", 10, lambda: "Sums that name nobody" in p.text("#teaching-note"))
        p.script("document.querySelector('#teaching-form button').click()")
        wait_for("a token is asked for", 5, lambda: "A token is needed" in p.text("#teaching-note"))
        self.gateway.answer = {"activities": 0, "activeLearners": 0, "activeLearnersError": 0.13, "heatMap": [[0] * 24] * 7, "others": None,
                               "feedback": [], "feedbackOthers": 0, "byActivity": []}
        self.look("teacher.token")
        wait_for("nothing was logged", 20, lambda: "No learner has logged an activity in the last 28 days." in p.text("#teaching-note"))
        assert not p.seen("#teaching-result"), p.seen("#teaching-result")
        self.show_teaching("no-learners")
        # One activity, of no score, an hour ago: no mean, no trend, no category.
        self.gateway.answer = {**self.gateway.answer, "activities": 1, "activeLearners": 1, "heatMap": [[0] * 24] * 6 + [[0] * 23 + [1]],
                               "byActivity": [{"activityName": "a" * 300, "count": 1, "scored": 0, "mean": None, "trend": None}]}
        self.look("teacher.token")
        wait_for("one activity", 20, lambda: re.search(r"a+\s+1\s+–\s+–", p.text("#teaching-activities")))
        assert not p.seen("#teaching-feedback")
        self.show_teaching("one-activity")
        self.gateway.answer = self.gateway.sums()
        self.look("teacher.token")
        wait_for("sums", 20, lambda: "Irregular verbs" in p.text("#teaching-activities"))
        self.show_teaching("learners")

    def show_teaching(self, name):
        """What stands above it is in other pictures."""
        parts = "for (const e of document.querySelectorAll('#services, #platform > .columns, #whatif')) e.style.display = arguments[0]"
        self.page.script(parts, "none")
        self.page.looks(name)
        self.page.script(parts, "")

    def look(self, token):
        field = self.page.b.find_element(By.ID, "teaching-token")
        field.send_keys(token)
        field.submit()

    # ---- what changes while the page is open ----

    def a_platform_that_vanishes_is_told_as_gone_and_shown_when_it_is_back(self):
        p = self.page
        one = Dashboard(self.plane, "spanish", "-n", NS)
        try:
            self.plane.platform(NS, "spanish")
            p.open(one.url)
            p.go(f"#/{NS}/spanish")
            wait_for("its services", 60, lambda: "gateway" in p.text("#services"))
            self.plane.call("DELETE", f"{PLATFORMS}/spanish")
            wait_for("it is gone", 20, lambda: "is not there" in p.seen("#platform-message"))
            assert p.text("#phase") == "gone" and not p.seen("#banner"), p.text("main")
            shown = p.script("return [...document.querySelectorAll('#platform > *')].filter((e) => e.offsetParent).map((e) => e.id || e.className)")
            assert shown == ["bar", "platform-message"], shown
            p.looks("vanished", sizes=((390, 844),))
            p.go("#/")
            wait_for("of all it is none, too", 10, lambda: "no LearningPlatform “spanish”" in p.seen("#nothing"))
            p.go(f"#/{NS}/spanish")
            self.plane.platform(NS, "spanish")
            wait_for("it is back", 60, lambda: "gateway" in p.text("#services"))
            wait_for("with its conditions", 30, lambda: "Ready" in p.text("#conditions"))
        finally:
            one.end()
            self.plane.call("DELETE", f"{PLATFORMS}/spanish")

    def what_was_seen_moves_with_a_clock_that_is_set(self):
        """Of the day, for the dashboard and the browser alike, as they are on one machine."""
        p, clock = self.page, pathlib.Path(self.plane.dir) / "clock"
        clock.write_bytes(bytes(8))
        one = Dashboard(self.plane, "-A", preload={"LD_PRELOAD": os.environ["LP_CLOCK_JUMP"], "CLOCK_JUMP": str(clock), "ASAN_OPTIONS": "verify_asan_link_order=0"})
        try:
            p.open(one.url)
            p.go(f"#/{NS}/english/gateway")
            p.told()
            p.script("window.lpNow = Date.now; window.lpJump = 0; Date.now = () => window.lpNow() + window.lpJump")
            wait_for("a past", 30, lambda: len(self.seen_times()) >= 5)
            for jump in (HOUR, -2 * HOUR, 0):
                p.script("window.lpJump = 1000 * arguments[0]", jump)
                with open(clock, "r+b", buffering=0) as f:  # in place: the program has it mapped
                    f.write(jump.to_bytes(8, "little", signed=True))
                before = len(self.seen_times())
                wait_for(f"all of it is at the new time of day, {jump} s off", 20, lambda j=jump: self.are_near(j, before))
        finally:
            one.end()

    def seen_times(self):
        """When pods were seen; decisions, of the operator's clock, do not move."""
        return self.page.script("return window.lpTold.time.filter((t, i) => typeof window.lpTold.demand[i] !== 'undefined')")

    def are_near(self, jump, least):
        times = self.seen_times()
        now = time.time() + jump
        return len(times) > least and times == sorted(times) and now - 300 < times[0] and times[-1] < now + 10

    def a_file_that_is_too_large_is_refused_and_one_beside_the_panel_does_not_leave_the_page(self):
        p = self.page
        p.open(self.dashboard.url)
        p.go(f"#/{NS}/english/auth")
        wait_for("the form", 10, lambda: p.script("return document.querySelectorAll('#whatif-fields input').length") == 8)
        large = pathlib.Path(self.plane.dir).resolve() / "large.csv"
        with open(large, "wb") as f:
            f.truncate(100 << 20)
        field = p.b.find_element(By.ID, "whatif-file")
        field.send_keys(str(large))
        wait_for("it is refused", 10, lambda: p.text("#whatif-note") == "large.csv: must have at most 16 MB, has 100 MB.")
        assert p.script("return document.getElementById('whatif-note').className") == "bad-text"
        p.script(DROP, "#whatif", 100 << 20)
        wait_for("dropped it is, too", 10, lambda: p.text("#whatif-note") == "dropped.csv: must have at most 16 MB, has 100 MB.")
        p.script(DROP, "#whatif", 30)
        wait_for("a small one is taken", 10, lambda: p.text("#whatif-note") == "dropped.csv is the load of the next simulation.")
        p.script(DROP, "#charts", 30)
        assert p.script("return window.lpKept"), "the browser would open a file that is dropped beside the panel"
        # The most that may come, in rows as short as they get: a word of the simulator's limit, and no loss of the page.
        large.unlink()
        large = large.with_name("rows.csv")  # the browser tells of no change where the name stays
        with open(large, "w", encoding="ascii") as f:
            f.write("time,queue_depth\n")
            f.writelines(f"{i},1\n" for i in range((16 << 20) // 10))
        field.send_keys(str(large))
        wait_for("it is taken", 10, lambda: "rows.csv is the load" in p.text("#whatif-note"))
        p.b.find_element(By.CSS_SELECTOR, "#whatif-form button").click()
        wait_for("its limit is named", 60, lambda: "1000000" in p.text("#whatif-note"))
        large.unlink()

    # ---- the way between browser and dashboard ----

    def a_tab_that_slept_has_what_was_seen_meanwhile(self):
        """The browser freezes the page, its stream breaks, and the page goes on later."""
        p, other = self.page, Browserless(self.dashboard)
        p.open(self.dashboard.url)
        p.go(f"#/{NS}/english/gateway")
        p.told()
        tab = p.script("return performance.getEntriesByType('resource').map((e) => /events\\?tab=([0-9a-f]+)/.exec(e.name)?.[1]).filter(Boolean).pop()")
        past = f"/api/past?platform={NS}/english"
        begin = time.time()
        p.b.execute_cdp_cmd("Page.setWebLifecycleState", {"state": "frozen"})
        _, stream = other.open(f"/api/events?tab={tab}&platform={NS}/english")  # the page's own ends by it
        wait_for("five more looks", 60, lambda: sum(t > begin for t in other.json(past)["gateway"]["time"]) >= 5)
        end = time.time()
        p.b.execute_cdp_cmd("Page.setWebLifecycleState", {"state": "active"})
        stream.close()
        wait_for("all is there", 30, lambda: sum(begin < t < end for t in self.seen_times()) >= 5)
        wait_for("it is live", 10, lambda: p.text("#live-text").startswith("live, "))
        wait_for("and stays it", 30, lambda: max(self.seen_times()) > end + 2)

    def one_tab_too_many_is_told_what_to_do_in_the_same_browser_too(self):
        """A browser keeps six connections to one server, of all its tabs: one is left to say so by."""
        p = self.page
        p.b.get("about:blank")
        first = p.b.current_window_handle
        p.b.set_page_load_timeout(60)
        try:
            for _ in range(5):  # the stream of the page before may still be there
                p.b.switch_to.new_window("tab")
                p.open(self.dashboard.url)
                wait_for("it is live", 30, lambda: p.text("#live-text").startswith("live, ") and not p.seen("#banner"))
            fifth = p.b.current_window_handle
            p.b.switch_to.window(first)
            p.b.get(self.dashboard.url)
            wait_for("it is told", 20, lambda: "5 tabs at most" in p.seen("#banner") and p.text("#live-text") == "not let in; trying again")
            p.looks("one-tab-too-many", sizes=((390, 844),))
            p.b.switch_to.window(fifth)
            p.b.close()
            p.b.switch_to.window(first)
            wait_for("there is room", 30, lambda: p.text("#live-text").startswith("live, ") and not p.seen("#banner"))
        finally:
            for handle in p.b.window_handles:
                if handle != first:
                    p.b.switch_to.window(handle)
                    p.b.close()
            p.b.switch_to.window(first)

    def a_dashboard_that_was_started_anew_is_not_the_one_of_before(self):
        p, port = self.page, free_port()
        first = Dashboard(self.plane, "-A", "--port", str(port))
        p.open(first.url)
        first.end()
        wait_for("nobody is there", 20, lambda: "no connection to kubectl lp dashboard" in p.text("#live-text"))
        second = Dashboard(self.plane, "-A", "--port", str(port))
        try:
            wait_for("another is there", 20, lambda: "open the URL that kubectl lp dashboard printed" in p.seen("#banner"))
            p.looks("started-anew", sizes=((390, 844),))
            p.open(second.url)
            wait_for("it is live", 10, lambda: p.text("#live-text").startswith("live, ") and not p.seen("#banner"))
        finally:
            second.end()

    def an_api_server_that_does_not_answer_is_told_and_the_last_look_stays(self):
        p = self.page
        p.open(self.dashboard.url)
        wait_for("english", 10, lambda: "english" in p.text("#platforms"))
        with open(f"{self.plane.dir}/kube-apiserver.pid", encoding="ascii") as f:
            os.kill(int(f.read()), 19)  # SIGSTOP: connections stay, as with a machine that sleeps or a VPN that is gone
        try:
            wait_for("it is told", 90, lambda: re.search("nothing new for|cannot be read", p.text("#live-text")))
            assert "english" in p.text("#platforms")
        finally:
            with open(f"{self.plane.dir}/kube-apiserver.pid", encoding="ascii") as f:
                os.kill(int(f.read()), 18)
        wait_for("it is live again", 90, lambda: p.text("#live-text").startswith("live, ") and not p.seen("#banner"))


# Drops a file of so many bytes on what the selector finds; window.lpKept: the page keeps the browser from opening it.
DROP = """(() => {
    const data = new DataTransfer(), bytes = new TextEncoder().encode("time,queue_depth\\n0,1\\n60,9\\n90,1\\n");
    data.items.add(new File([arguments[1] > 1000 ? new Uint8Array(arguments[1]) : bytes], "dropped.csv", { type: "text/csv" }));
    const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data });
    document.querySelector(arguments[0]).dispatchEvent(drop);
    window.lpKept = drop.defaultPrevented;
})()"""


def run(plane, suite):
    cases = Cases(plane)
    try:
        suite.case("no platform is told, with where it was looked for", cases.no_platform_is_told_with_where_it_was_looked_for)
        suite.case("a platform that no operator looked at is told as such", cases.a_platform_that_no_operator_looked_at_is_told_as_such)
        suite.case("two hundred platforms are shown, and a filter finds one", cases.two_hundred_platforms_are_shown_and_a_filter_finds_one)
        suite.case("without a metrics API the rest is shown", cases.without_a_metrics_api_the_rest_is_shown)
        suite.case("who may read no platform is told so", cases.who_may_read_no_platform_is_told_so)
        suite.case("what learners do has words where they did nothing", cases.what_learners_do_has_words_where_they_did_nothing)
        suite.case("a platform that vanishes is told as gone, and shown when it is back", cases.a_platform_that_vanishes_is_told_as_gone_and_shown_when_it_is_back)
        suite.case("what was seen moves with a clock that is set", cases.what_was_seen_moves_with_a_clock_that_is_set)
        suite.case("a file that is too large is refused, and one beside the panel does not leave the page",
                   cases.a_file_that_is_too_large_is_refused_and_one_beside_the_panel_does_not_leave_the_page)
        suite.case("a tab that slept has what was seen meanwhile", cases.a_tab_that_slept_has_what_was_seen_meanwhile)
        suite.case("one tab too many is told what to do, in the same browser, too", cases.one_tab_too_many_is_told_what_to_do_in_the_same_browser_too)
        suite.case("a dashboard that was started anew is not the one of before", cases.a_dashboard_that_was_started_anew_is_not_the_one_of_before)
        suite.case("an API server that does not answer is told, and the last look stays", cases.an_api_server_that_does_not_answer_is_told_and_the_last_look_stays)
    finally:
        cases.end()


if __name__ == "__main__":
    say("kubectl lp dashboard where something is missing")
    main(run)
