"""The kind cluster of ./quickstart, for programs that look at it from outside."""
import json
import os
import pathlib
import subprocess
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[3]
CLUSTER = os.environ.get("LP_CLUSTER", "learning-platform")
NODE, CONTEXT, NS, PLATFORM, SYSTEM = f"{CLUSTER}-control-plane", f"kind-{CLUSTER}", "learning", "english", "learning-platform-system"
PLUGIN = os.environ.get("KUBECTL_LP", str(ROOT / "build/release/bin/kubectl-lp"))
GATEWAY = f"http://127.0.0.1:{os.environ.get('LP_GATEWAY_PORT', '30080')}"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "learning-platform"
os.environ["PATH"] += f":{CACHE}/bin"  # kubectl, where it is not installed


def run(*args, **options):
    return subprocess.run([str(a) for a in args], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def kubectl(*args, **options):
    return run("kubectl", "--context", CONTEXT, *args, **options)


def bash(script, **env):
    """With the functions of the other scripts."""
    before = f"set -euo pipefail; . test/e2e/lib/common.sh; CLUSTER={CLUSTER}; . test/e2e/lib/platform.sh"
    return run("bash", "-c", f"{before}; {script}", cwd=ROOT, env={**os.environ, **env})


def proxied(what, path, **query):
    """What a pod or Service of the cluster answers, by the API server's proxy."""
    namespace, kind, name = what
    return kubectl("get", "--raw", f"/api/v1/namespaces/{namespace}/{kind}/{name}/proxy{path}" + (f"?{urllib.parse.urlencode(query)}" if query else ""))


def pods(namespace, selector=""):
    return json.loads(kubectl("-n", namespace, "get", "pods", "-l", selector, "-o", "json"))["items"]


def platform_is_ready():
    return bash("platform_is_ready && echo yes || true").strip() == "yes"


def address_of_this_machine():
    """That of docker's network, which the cluster's pods reach."""
    addresses = run("docker", "network", "inspect", "kind", "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}").split()
    return next(a for a in addresses if ":" not in a)


class Learners:
    """They ask until they are ended, whatever becomes of it; `args` of kubectl lp load."""

    def __init__(self, *args, out=subprocess.DEVNULL):
        email, password, _ = run(ROOT / "test/e2e/learner", GATEWAY).splitlines()[-1].split()
        self.process = subprocess.Popen([PLUGIN, "load", "--url", GATEWAY, "--progress", "0", *args],
                                        env={**os.environ, "LP_LOAD_EMAIL": email, "LP_LOAD_PASSWORD": password}, stdout=out, stderr=subprocess.DEVNULL)

    def end(self):
        self.process.terminate()
        self.process.wait(60)
