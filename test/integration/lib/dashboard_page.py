"""A `kubectl lp dashboard` and a Chromium that looks at it. Debian's python3 with python3-selenium, chromium and chromium-driver; axe-core
by npm."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

from plane import wait_for
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

AXE = ("axe-core", "4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745")


def axe_core():
    """Its text, fetched once and held to its checksum."""
    name, version, checksum = AXE
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "learning-platform"
    cache.mkdir(parents=True, exist_ok=True)
    archive = cache / f"{name}-{version}.tgz"
    if not archive.exists():
        subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=cache, check=True, stdout=sys.stderr)
    if hashlib.sha256(archive.read_bytes()).hexdigest() != checksum:
        raise AssertionError(f"{archive}: must have the SHA-256 {checksum}")
    with tarfile.open(archive) as t:
        return t.extractfile("package/axe.min.js").read().decode()


class Dashboard:
    """One kubectl-lp dashboard, a process of ours."""

    def __init__(self, plane, *args, kubeconfig=None, env=None, path=None, preload=None):
        self.err = open(f"{plane.dir}/dashboard.err", "a", encoding="utf-8")
        self.process = subprocess.Popen([f"{os.environ['LP_BIN']}/kubectl-lp", "dashboard", *([] if env else ["--no-open"]), "--interval", "1",
                                         "--kubeconfig", kubeconfig or plane.kubeconfig, *args],
                                        stdout=subprocess.PIPE, stderr=self.err, text=True, env={**os.environ, **({"PATH": f"{path}:{os.environ['PATH']}"} if path else {}), **(env or {}), **(preload or {})})
        self.url = self.process.stdout.readline().strip()
        if not re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[0-9a-f]{64}", self.url):
            raise AssertionError(f"no URL but {self.url!r}")

    def end(self):
        self.process.terminate()
        status = self.process.wait(60)
        self.err.close()
        if status != 0:
            raise AssertionError(f"kubectl lp dashboard ended with {status}")


class Page:
    def __init__(self, directory):
        self.shots = pathlib.Path(directory) / "shots"
        shutil.rmtree(self.shots, ignore_errors=True)
        self.shots.mkdir(parents=True)
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
                     "--disable-background-networking", f"--user-data-dir={directory}/chromium", "--window-size=1440,1300"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.b = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.axe = axe_core()

    def script(self, text, *args):
        return self.b.execute_script(text, *args)

    def open(self, url):
        self.b.get(url)
        self.drawn()

    def drawn(self):
        wait_for("the page has data", 20, lambda: self.script("return document.documentElement.dataset.drawn === 'true'"))

    def go(self, route):
        self.script("location.hash = arguments[0]", route)

    def text(self, selector):
        return self.script("return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText).join('\\n')", selector)

    def seen(self, selector):
        """The same of what is to be seen alone; innerText of what is hidden is all of its text."""
        return self.script("return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility()).map((e) => e.innerText).join('\\n')", selector)

    def theme(self, name):
        if self.script("return matchMedia('(prefers-color-scheme: dark)').matches") != (name == "dark"):
            self.b.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]})
        wait_for(f"the theme is {name}", 5, lambda: self.script("return matchMedia('(prefers-color-scheme: dark)').matches") == (name == "dark"))

    def size(self, width, height):
        self.b.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})

    def shot(self, name):
        self.b.save_screenshot(str(self.shots / f"{name}.png"))

    def violations(self, where):
        """What axe-core has against the page as it is; its script comes by the driver, which the page's own rules do not hold."""
        self.script(self.axe)
        self.b.set_script_timeout(90)
        found = self.b.execute_async_script("const done = arguments[0]; axe.run({resultTypes: ['violations'], elementRef: false}).then((r) => done(r.violations), (e) => done([{id: String(e), nodes: []}]))")
        if found:
            raise AssertionError(f"{where}: " + "; ".join(f"{v['id']} {[n['html'][:120] + str(n.get('any', [{}])[0:1])[:200] for n in v['nodes'][:3]]}" for v in found))

    def complaints(self):
        return [e["message"] for e in self.b.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]

    def told(self):
        """The time line's data, as the page's own module is given it from now on."""
        self.b.set_script_timeout(20)
        self.b.execute_async_script("""const done = arguments[0];
            import(new URL("charts.js", location).href).then(({ TimeLine }) => {
                const show = TimeLine.prototype.show;
                TimeLine.prototype.show = function (data, ...rest) { window.lpTold = data; return show.call(this, data, ...rest); };
                done();
            }, (e) => done(String(e)))""")
        wait_for("the time line is told of data", 20, lambda: self.script("return window.lpTold?.time.length > 0"))

    def looks(self, name, sizes=((1440, 1300), (390, 844))):
        """Screenshots as a desktop and a phone have it, light and dark. What no state may show: words of a program in place of values,
        a page wider than the screen, and what axe-core finds."""
        for width, height in sizes:
            self.size(width, height)
            for theme in ("light", "dark"):
                self.theme(theme)
                where = f"{name}-{'phone-' if width < 600 else ''}{theme}"
                self.size(width, max(height, min(4000, self.script("return document.documentElement.scrollHeight"))))
                self.shot(where)
                self.size(width, height)
                self.violations(where)
                shown = self.script("return document.body.innerText")
                nonsense = re.search(r".*(?:\bNaN\b|\bundefined\b|Infinity|\[object|\bnull\b).*", shown)
                if nonsense:
                    raise AssertionError(f"{where} shows {nonsense[0]!r}")
                wide = self.script("return document.documentElement.scrollWidth")
                if wide > width:
                    raise AssertionError(f"{where} is {wide} wide")
        self.theme("light")
        self.size(1440, 1300)
