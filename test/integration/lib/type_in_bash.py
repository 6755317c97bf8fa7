#!/usr/bin/env python3
"""Types into an interactive bash on a terminal of its own and waits for what it shows.

type_in_bash.py SETUP KEYS WANTED: SETUP is run first; KEYS may hold \\t; fails after 30 s with what was shown instead.
"""
import os
import pty
import re
import select
import signal
import sys
import time

SETUP, KEYS, WANTED = sys.argv[1], sys.argv[2].replace("\\t", "\t"), sys.argv[3]
PROMPT = "ready> "

pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(PS1=PROMPT, TERM="dumb", INPUTRC="/dev/null")
    os.execvp("bash", ["bash", "--noprofile", "--norc", "-i"])


def wait_for(wanted, seen=""):
    end = time.monotonic() + 30
    while not re.search(wanted, seen):
        left = end - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            sys.exit(f"bash does not show {wanted!r} but {seen!r}")
        seen += os.read(terminal, 4096).decode(errors="replace")
    return seen


wait_for(re.escape(PROMPT))
os.write(terminal, (SETUP + "; PS1='set> '\n").encode())
wait_for(r"(?m)^set> |\nset> |\rset> ")
os.write(terminal, KEYS.encode())
wait_for(WANTED)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
