#!/usr/bin/env python3
"""Runs a command on a terminal of its own: terminal.py SECONDS COMMAND... presses Enter once after SECONDS ("never": not).

Prints what the command printed and ends with its exit status."""
import os
import pty
import select
import sys
import time

child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
press = float("inf") if sys.argv[1] == "never" else time.monotonic() + float(sys.argv[1])
while True:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            octets = os.read(terminal, 4096)
        except OSError:  # EIO: the command has ended
            break
        if not octets:
            break
        os.write(1, octets)
    if time.monotonic() >= press:
        press = float("inf")
        os.write(terminal, b"\n")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
