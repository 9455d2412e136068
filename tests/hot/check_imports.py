#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what the recorder's objects import from outside the recorder.

HOT objects run on every event: only the names in HOT_ALLOWED may come from libc.
The other objects run inside the traced process as well, on cold paths: they may use more, but
never anything that allocates, takes stdio's locks or is a cancellation point.
"""
import argparse
import pathlib
import subprocess
import sys

HOT = {
    "interpose_heap", "interpose_new", "record", "record_stack", "stack_nodes", "stream",
    "callstack_rows", "frame_step", "frame_guess", "row_table", "unwind_row", "eh_frame", "cfa_program",
    "cfa_expression", "thread_state", "faultcount", "fault_report", "fault_codes", "sample", "sample_table",
}
HOT_ALLOWED = {
    "memcpy", "memmove", "memset", "memcmp", "strlen",
    "__errno_location", "getpagesize",
    "__libc_single_threaded",
    # exceptions pass through operator new; reached only while one is thrown
    "_Unwind_Resume", "__gcc_personality_v0",
    "_GLOBAL_OFFSET_TABLE_", "_Unwind_GetLanguageSpecificData",
}
FORBIDDEN = {
    "malloc", "calloc", "realloc", "free", "posix_memalign", "aligned_alloc", "memalign", "strdup",
    "strndup", "asprintf", "vasprintf", "printf", "fprintf", "vfprintf", "snprintf", "vsnprintf",
    "puts", "fputs", "fopen", "fclose", "fread", "fwrite", "getline", "opendir", "readdir",
    "open", "openat", "read", "write", "close", "poll", "select", "system", "popen", "abort",
    "exit", "pthread_mutex_lock", "pthread_create", "pthread_setspecific", "pthread_key_create",
    "pthread_getattr_np", "setlocale", "strerror", "getenv", "getpwnam", "backtrace", "qsort",
    "__assert_fail", "__stack_chk_fail", "__tls_get_addr",
}


def symbols(nm, path, option):
    output = subprocess.run([nm, option, path], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in output.splitlines() if line.strip()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nm", default="nm")
    parser.add_argument("objects", nargs="+")
    options = parser.parse_args()
    objects = [path for argument in options.objects for path in argument.split(";")]
    own = set()
    for path in objects:
        own |= symbols(options.nm, path, "--defined-only")
    failures, seen = [], set()
    for path in objects:
        name = pathlib.Path(path).name.split(".")[0]
        seen.add(name)
        undefined = symbols(options.nm, path, "--undefined-only")
        # A wrapper's own name is "defined" here, but a call of it would record the recorder.
        for symbol in sorted(undefined & FORBIDDEN):
            failures.append(f"{name}.o imports {symbol}")
        if name in HOT:
            for symbol in sorted(undefined - own - HOT_ALLOWED - FORBIDDEN):
                failures.append(f"{name}.o is on the hot path and imports {symbol}")
    missing = {"interpose_heap", "record", "stream"} - seen
    if missing:
        failures.append(f"objects not found: {', '.join(sorted(missing))}")
    for failure in failures:
        print(failure)
    print(f"{len(objects)} objects looked at, {len(failures)} forbidden imports")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
