"""Starts one program that ends when the process which asked for it ends, however that ends.

Run as a file: `python launch.py PARENT_PID PROGRAM [ARGUMENT ...]`. The kernel sends SIGTERM to the program when its parent is gone; the
parent must have started it from its main thread. Replaces itself with the program, so that the process id stays.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        # It ended before the kernel was asked.
        sys.exit(1)
    os.execv(program[0], program)
