#!/usr/bin/env python3
"""What an analysis of each C file depends on, as one sum: the file with all that it includes, its flags, the tools and their settings.

  fingerprints.py COMPILE_COMMANDS SETTING... <FILES       prints "SUM FILE"; a file that cannot be preprocessed has a new sum each time
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import secrets
import shlex
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 60


def run(command, folder):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=SECONDS).stdout


def tools():
    return b"".join(run([tool, "--version"], TOP) for tool in ("clang-tidy", "cppcheck"))


def flags_of(entry):
    """From the compiler on, without what it is to write."""
    words = shlex.split(entry["command"])
    if os.path.basename(words[0]) == "ccache":
        words = words[1:]
    at = words.index("-o")
    return [w for w in words[:at] + words[at + 2:] if w != "-c"]


def sum_of(file, entry, settings):
    """Comments count: some of them speak to the tools. So do lines that this configuration leaves out."""
    total = hashlib.sha256(settings)
    analyser = TOP / "test/lint/analyser.h"
    try:
        flags = flags_of(entry)
        total.update("\0".join(flags).replace(str(TOP), ".").encode())
        text = run([*flags, "-E", "-C", "-include", str(analyser)], entry["directory"])
        own = {os.path.normpath(os.path.join(entry["directory"], m)) for m in
               re.findall(r'^# \d+ "([^"<]+)"', text.decode("utf-8", "replace"), re.M)}
        total.update(text.replace(os.fsencode(TOP), b"."))
        for path in sorted(p for p in own if p.startswith(f"{TOP}/")):
            total.update(pathlib.Path(path).read_bytes())
    except (subprocess.SubprocessError, OSError, ValueError, TypeError) as e:
        print(f"{file}: not preprocessed: {e}", file=sys.stderr)
        return secrets.token_hex(32)
    return total.hexdigest()


def main():
    entries = {os.path.relpath(os.path.realpath(e["file"]), TOP): e for e in json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))}
    settings = tools() + b"".join(pathlib.Path(p).read_bytes() for p in sys.argv[2:])
    files = sys.stdin.read().split()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        sums = pool.map(lambda f: sum_of(f, entries.get(f), settings) if f in entries else secrets.token_hex(32), files)
        for file, total in zip(files, sums):
            print(total, file)


main()
