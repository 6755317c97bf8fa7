"""The two adapters that are compared: how each is built and started."""
import os
import subprocess

from operators import Process

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
HERE = os.path.dirname(os.path.realpath(__file__))
OUT = os.path.join(ROOT, "build", "release", "bin")
LOAD, PODS = f"{OUT}/adapter-load", f"{OUT}/adapter-pods"


def build(jobs, names):
    """What is to be measured as it would be shipped, and the tools that measure."""
    if "ours" in names:
        for command in (["cmake", "--preset", "release"],
                        ["cmake", "--build", "--preset", "release", f"-j{jobs}", "--target", "lp-operator"],
                        ["strip", "-o", f"{OUT}/lp-operator.stripped", f"{OUT}/lp-operator"]):
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    os.makedirs(OUT, exist_ok=True)
    if "peer" in names:
        subprocess.run(["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", f"{OUT}/adapter-peer", "."], check=True,
                       cwd=os.path.join(HERE, "peer"), env={**os.environ, "CGO_ENABLED": "0"})
    for source, program, libraries in (("load.c", LOAD, ["-lssl", "-lcrypto"]), ("pods.c", PODS, [])):
        subprocess.run(["cc", "-std=gnu17", "-O2", "-D_GNU_SOURCE", "-o", program, os.path.join(HERE, source), *libraries],
                       check=True)


def start(name, kubeconfig, port, log):
    """`name` is "ours" or "peer"; its HTTPS port is `port`."""
    if name == "ours":
        command = [f"{OUT}/lp-operator.stripped"]
        env = {"KUBECONFIG": kubeconfig, "ADAPTER_PORT": str(port), "METRICS_PORT": "0",
               "LP_IMAGE_REGISTRY": "registry.example/lp", "POD_NAME": "bench"}
    else:
        command = [f"{OUT}/adapter-peer", "--lister-kubeconfig", kubeconfig, "--authentication-kubeconfig", kubeconfig,
                   "--authorization-kubeconfig", kubeconfig, "--secure-port", str(port), "--cert-dir", f"{log}.certs"]
        env = {}
    return Process(command, env, log)
