# SPDX-License-Identifier: Apache-2.0
"""Imported first by every test that runs programs: they find the same surroundings everywhere.

What a user, a shell, a CI machine or nohup may have set and what changes what programs do or print
is undone for this process and all that it starts.  What says where things are stays as it is.
"""
import os
import resource
import signal

KEPT = {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH", "CC", "CXX"}
OWN = ("E2E_", "ARM_", "NATIVE_")  # how tests are told where the build is and how long to run

FIXED = {
    "LC_ALL": "C", "TERM": "dumb", "TZ": "UTC0",
    # No configuration of the user's; the checkout may belong to somebody else than who tests it.
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
}

STACK = 8 << 20  # what Linux gives; with "unlimited" mappings lie elsewhere and no stack overflows


def clean_environment():
    for name in set(os.environ) - KEPT:
        if not name.startswith(OWN):
            del os.environ[name]
    os.environ.update(FIXED)


def lower_limit(which, value):
    """The soft limit alone: a test may raise it again."""
    most = resource.getrlimit(which)[1]
    if most == resource.RLIM_INFINITY or value < most:
        resource.setrlimit(which, (value, most))


def usual_signals():
    """None ignored (nohup, a background job of a script) and none blocked."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGINT}:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def open_standard_streams():
    for _ in range(3):
        number = os.open(os.devnull, os.O_RDWR)
        if number > 2:
            os.close(number)
        else:
            os.set_inheritable(number, True)


clean_environment()
usual_signals()
open_standard_streams()
os.umask(0o022)
lower_limit(resource.RLIMIT_CORE, 0)
lower_limit(resource.RLIMIT_STACK, STACK)
