/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/driver_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_common.h"
#include "cli/driver_session.h"

enum {
    KEY_PASSED_ON = 0x3000,
    KEY_KEEP = 0x3100,
    KEY_DISCARD,
    KEY_TRACES,
    KEY_FORMAT,
    KEY_EXITCODE,
    KEY_SELFTEST,
    KEY_GENERATE,
};

/* Handed on to vmtrace-report as they are, which checks them. */
#define PASS_ON(name, index, argument, text)                                                       \
    {                                                                                              \
        name, KEY_PASSED_ON + (index), argument, 0, text, 2                                        \
    }

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "What fails the check:", 1},
    PASS_ON("fail-on", 0, "CLASSES",
            "definite, indirect, possible, reachable, errors, growth; default "
            "definite,indirect,errors"),
    {"error-exitcode", KEY_EXITCODE, "N", 0, "The status when it fails (default 23)", 2},
    PASS_ON("leak-threshold", 1, "BYTES", "Leaks of less than this together do not fail it"),
    PASS_ON("only", 2, "MODULE-OR-PATH", "Only findings with a frame there count; repeatable"),
    PASS_ON("strict", 3, NULL, "Each process must have been checked"),
    PASS_ON("suppressions", 4, "FILE", "LeakSanitizer's or valgrind's; repeatable"),
    PASS_ON("baseline", 5, "FILE", "Findings that are known do not fail it; repeatable"),
    PASS_ON("save-baseline", 6, "FILE", "Write what is found to FILE"),
    {"gen-suppressions", KEY_GENERATE, "FORMAT", OPTION_ARG_OPTIONAL,
     "Print suppressions for what is listed: valgrind (default), lsan", 4},
    {NULL, 0, NULL, 0, "What is written, and where:", 3},
    {"format", KEY_FORMAT, "FORMAT", 0,
     "Beside the verdict on standard error: junit, sarif, gitlab, github, markdown, json, "
     "valgrind, valgrind-xml",
     4},
    {"output", 'o', "FILE", 0, "Write that to FILE instead of standard output", 4},
    {"show-leak-kinds", KEY_PASSED_ON + 7, "CLASSES", 0,
     "Leaks to list (default definite,indirect,possible)", 4},
    {"top", KEY_PASSED_ON + 8, "N", 0, "Most findings in the verdict (default 10; 0: all)", 4},
    {"full-stacks", KEY_PASSED_ON + 9, NULL, 0, "Show every frame", 4},
    {"sysroot", KEY_PASSED_ON + 10, "DIR", 0, "Binaries are below DIR", 4},
    {"debug-dir", KEY_PASSED_ON + 11, "DIR", 0, "Look for debug files in DIR, too", 4},
    {"color", KEY_PASSED_ON + 12, "WHEN", 0, "auto, always, never", 4},
    {"quiet", 'q', NULL, 0, "Not a word unless it fails", 4},
    {"keep", KEY_KEEP, NULL, 0, "Keep the traces of processes that passed, too", 4},
    {"discard", KEY_DISCARD, NULL, 0, "Keep none", 4},
    {"traces", KEY_TRACES, "DIR", 0, "Put traces below DIR (default TMPDIR, else /tmp)", 4},
    {"self-test", KEY_SELFTEST, NULL, 0,
     "Check programs of our own: would a leak be seen on this machine?", 4},
    {NULL, 0, NULL, 0, "How it is recorded, as in vmtrace run:", 5},
    {0},
};

static const char *const passed_on[] = {
    "fail-on",       "leak-threshold",  "only", "strict",      "suppressions", "baseline",
    "save-baseline", "show-leak-kinds", "top",  "full-stacks", "sysroot",      "debug-dir",
    "color",
};

struct check {
    struct driver_session session;
    const char *format, *output;
    bool keep, discard, selftest;
};

static void set_exitcode(struct driver_session *session, const char *value)
{
    uint64_t status;
    if (!cli_parse_number(value, false, 1, 124, &status))
        cli_usage_error("--error-exitcode=%s: it wants a status from 1 to 124", value);
    session->error_exitcode = (int)status;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct check *check = state->input;
    struct driver_session *session = &check->session;
    if (key >= KEY_PASSED_ON && key < KEY_KEEP) {
        const char *name = passed_on[key - KEY_PASSED_ON];
        driver_session_argument(session, value ? "--%s=%s" : "--%s", name, value);
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &session->run;
        return 0;
    case KEY_FORMAT:
        check->format = value;
        return 0;
    case 'o':
        check->output = value;
        return 0;
    case 'q':
        session->quiet = true;
        return 0;
    case KEY_KEEP:
        check->keep = true;
        return 0;
    case KEY_DISCARD:
        check->discard = true;
        return 0;
    case KEY_TRACES:
        session->folder = value;
        return 0;
    case KEY_SELFTEST:
        check->selftest = true;
        return 0;
    case KEY_GENERATE:
        driver_session_argument(session, "--gen-suppressions=%s", value ? value : "valgrind");
        return 0;
    case KEY_EXITCODE:
        set_exitcode(session, value);
        return 0;
    case ARGP_KEY_ARG:
        session->run.command = state->argv + state->next - 1;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        if (check->selftest)
            return 0;
        cli_usage_error("no program was named; usage: vmtrace check [OPTION...] [--] PROGRAM "
                        "[ARG...] (vmtrace check --help says more)");
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char usage[] = "[--] PROGRAM [ARG...]";
static const char description[] =
    "Run PROGRAM and all its children, and fail when they leak.\v"
    "Output, signals and exit status are PROGRAM's own when it fails; else 0, 23 "
    "(--error-exitcode) when the check fails, 125 when nothing could be checked. Findings of all "
    "processes are merged by call stack; a process that could not be checked is listed. 126: "
    "PROGRAM cannot be executed, 127: it was not found, 2: bad usage. See vmtrace(1).";

/* The verdict goes to standard error, what other programs read where the user wants it. */
static void add_outputs(struct check *check)
{
    struct driver_session *session = &check->session;
    driver_session_argument(session, "--error-exitcode=%d", session->error_exitcode);
    if (check->discard)
        driver_session_argument(session, "--remove-all");
    else if (!check->keep)
        driver_session_argument(session, "--remove-clean");
    if (session->quiet)
        driver_session_argument(session, "--quiet");
    driver_session_argument(session, "--skip-unreadable");
    if (check->format) {
        driver_session_argument(session, "--format=%s", check->format);
        driver_session_argument(session, "--verdict");
    } else {
        driver_session_argument(session, "--format=check");
    }
    if (check->output)
        driver_session_argument(session, "--output=%s", check->output);
    session->to_stderr = !check->format;
    session->whole = check->keep; /* memory is for those that are soon removed */
}

/* Only what says where and how to record means anything to programs that are known. */
static int run_selftest(const struct check *check)
{
    const struct driver_session *session = &check->session;
    if (session->run.command || session->argument_count || session->error_exitcode ||
        check->format || check->output || check->keep || check->discard || session->quiet)
        cli_usage_error("--self-test checks programs of its own: it goes with --traces and with "
                        "options of recording only");
    return driver_selftest(session);
}

int driver_check(int argc, char **argv)
{
    static const struct argp_child children[] = {{&driver_recording_argp, 0, NULL, 6}, {0}};
    static const struct argp argp = {options,  parse_option, usage, description,
                                     children, NULL,         NULL};
    static char name[] = "vmtrace check";
    struct check check = {0};
    argv[0] = name;
    driver_session_begin(&check.session);
    error_t error = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &check);
    if (error != 0) {
        cli_error("%s", strerror(error));
        return CLI_NOT_DONE;
    }
    if (check.selftest)
        return run_selftest(&check);
    if (check.session.error_exitcode == 0)
        check.session.error_exitcode = 23;
    if (check.output && !check.format)
        cli_usage_error("--output=%s: of which format? --format=junit, sarif, gitlab, github, "
                        "markdown, json, valgrind or valgrind-xml",
                        check.output);
    check.session.uncertain = check.session.argument_count || check.format;
    add_outputs(&check);
    return driver_session_run(&check.session);
}
