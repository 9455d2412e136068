/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Valgrind's command line, for build systems that have one: vmtrace -q --leak-check=yes
 * --log-file=F.%p ./prog.  What each option means here stands in vmtrace(1).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_common.h"
#include "cli/driver_check.h"
#include "cli/driver_session.h"
#include "cli/report_pattern.h"

enum {
    KEY_TOOL = 0x4000,
    KEY_LEAK_CHECK,
    KEY_SHOW_REACHABLE,
    KEY_SHOW_KINDS,
    KEY_ERRORS_FOR,
    KEY_CALLERS,
    KEY_LOG_FILE,
    KEY_LOG_FD,
    KEY_SUPPRESSIONS,
    KEY_GEN_SUPPRESSIONS,
    KEY_EXITCODE,
    KEY_XML,
    KEY_XML_FILE,
    KEY_CHILDREN,
    KEY_SILENT,
    KEY_NO_EFFECT,
};

static const struct argp_option options[] = {
    {"quiet", 'q', NULL, 0, "Only what was found", 0},
    {"verbose", 'v', NULL, 0, "No effect", 0},
    {"tool", KEY_TOOL, "NAME", 0, "memcheck: there is no other", 0},
    {"leak-check", KEY_LEAK_CHECK, "HOW", 0,
     "no; summary (default): totals only; yes or full: each leak with its call stack", 0},
    {"show-reachable", KEY_SHOW_REACHABLE, "YESNO", 0, "yes: --show-leak-kinds=all", 0},
    {"show-leak-kinds", KEY_SHOW_KINDS, "CLASSES", 0, "Default: definite,possible", 0},
    {"errors-for-leak-kinds", KEY_ERRORS_FOR, "CLASSES", 0, "Default: definite,possible", 0},
    {"num-callers", KEY_CALLERS, "N", 0, "Frames of a call stack, 1 to 500 (default 12)", 0},
    {"log-file", KEY_LOG_FILE, "FILE", 0, "%p is the pid, %q{NAME} a variable", 0},
    {"log-fd", KEY_LOG_FD, "N", 0, "Default 2", 0},
    {"suppressions", KEY_SUPPRESSIONS, "FILE", 0, "Repeatable", 0},
    {"gen-suppressions", KEY_GEN_SUPPRESSIONS, "YESNO", 0, "yes or all: print suppressions", 0},
    {"error-exitcode", KEY_EXITCODE, "N", 0, "Default 0: the program's own status", 0},
    {"xml", KEY_XML, "YESNO", 0, "Valgrind's XML", 0},
    {"xml-file", KEY_XML_FILE, "FILE", 0, "As --log-file", 0},
    {"trace-children", KEY_CHILDREN, "YESNO", 0, "yes: what it executes, too; default no", 0},
    {"child-silent-after-fork", KEY_SILENT, "YESNO", 0, "yes: not what it forks; default no", 0},
    {"track-origins", KEY_NO_EFFECT, "YESNO", 0, "No effect: accesses are not checked", 0},
    {"undef-value-errors", KEY_NO_EFFECT, "YESNO", 0, "No effect", 0},
    {"leak-resolution", KEY_NO_EFFECT, "HOW", 0, "No effect: always high", 0},
    {"demangle", KEY_NO_EFFECT, "YESNO", 0, "No effect: always yes", 0},
    {0},
};

struct valgrind {
    struct driver_session session;
    char *output; /* a pattern of vmtrace-report's, malloc'd, or NULL */
    bool leaks, full, xml, generate, quiet, follow, silent;
    const char *kinds, *errors_for;
};

static bool yes(const char *option, const char *value)
{
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
        cli_usage_error("--%s=%s: it may be yes or no", option, value);
    return strcmp(value, "yes") == 0;
}

/* %q{NAME} becomes the variable, as valgrind has it; %p and %% are vmtrace-report's. */
static char *expand(const char *option, const char *pattern)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        cli_usage_error("out of memory");
    for (const char *at = pattern; *at; at++) {
        if (at[0] != '%' || at[1] == 'p' || at[1] == '%') {
            fputc(*at, out);
            if (at[0] == '%')
                fputc(*++at, out);
            continue;
        }
        const char *end = strncmp(at, "%q{", 3) == 0 ? strchr(at, '}') : NULL;
        char *name = end ? strndup(at + 3, (size_t)(end - at - 3)) : NULL;
        const char *value = name ? getenv(name) : NULL;
        if (!value)
            cli_usage_error("--%s=%s: it may have %%p, %%%% and %%q{NAME} of a variable that is "
                            "set",
                            option, pattern);
        report_pattern_quote(value, out);
        free(name);
        at = end;
    }
    fclose(out);
    return text;
}

static void set_callers(const char *value)
{
    uint64_t frames;
    if (!cli_parse_number(value, false, 1, 500, &frames))
        cli_usage_error("--num-callers=%s: it wants a number from 1 to 500", value);
    setenv("VMTRACE_DEPTH", value, 1);
}

static void set_output(struct valgrind *valgrind, const char *option, const char *value)
{
    free(valgrind->output);
    valgrind->output = expand(option, value);
}

static void set_log_fd(struct valgrind *valgrind, const char *value)
{
    uint64_t fd;
    if (!cli_parse_number(value, false, 1, 2, &fd))
        cli_usage_error("--log-fd=%s: it may be 1 or 2", value);
    valgrind->session.to_stderr = fd == 2;
}

static void set_leak_check(struct valgrind *valgrind, const char *value)
{
    static const char *const words[] = {"no", "summary", "yes", "full"};
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(words[i], value) != 0)
            continue;
        valgrind->leaks = i > 0;
        valgrind->full = i > 1;
        return;
    }
    cli_usage_error("--leak-check=%s: it may be no, summary, yes or full", value);
}

static void set_exitcode(struct valgrind *valgrind, const char *value)
{
    uint64_t status;
    if (!cli_parse_number(value, false, 0, 255, &status))
        cli_usage_error("--error-exitcode=%s: it wants a status from 0 to 255", value);
    valgrind->session.error_exitcode = (int)status;
}

static error_t parse_value(struct valgrind *valgrind, int key, const char *value)
{
    switch (key) {
    case KEY_LEAK_CHECK:
        set_leak_check(valgrind, value);
        return 0;
    case KEY_SHOW_REACHABLE:
        valgrind->kinds = yes("show-reachable", value) ? "all" : valgrind->kinds;
        return 0;
    case KEY_SHOW_KINDS:
        valgrind->kinds = value;
        return 0;
    case KEY_ERRORS_FOR:
        valgrind->errors_for = value;
        return 0;
    case KEY_CALLERS:
        set_callers(value);
        return 0;
    case KEY_LOG_FILE:
        set_output(valgrind, "log-file", value);
        return 0;
    case KEY_XML_FILE:
        set_output(valgrind, "xml-file", value);
        return 0;
    case KEY_LOG_FD:
        set_log_fd(valgrind, value);
        return 0;
    case KEY_SUPPRESSIONS:
        driver_session_argument(&valgrind->session, "--suppressions=%s", value);
        return 0;
    case KEY_GEN_SUPPRESSIONS:
        valgrind->generate = strcmp(value, "all") == 0 || yes("gen-suppressions", value);
        return 0;
    case KEY_EXITCODE:
        set_exitcode(valgrind, value);
        return 0;
    case KEY_XML:
        valgrind->xml = yes("xml", value);
        return 0;
    case KEY_CHILDREN:
        valgrind->follow = yes("trace-children", value);
        return 0;
    case KEY_SILENT:
        valgrind->silent = yes("child-silent-after-fork", value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct valgrind *valgrind = state->input;
    switch (key) {
    case 'q':
        valgrind->quiet = true;
        return 0;
    case 'v':
    case KEY_NO_EFFECT:
        return 0;
    case KEY_TOOL:
        if (strcmp(value, "memcheck") != 0)
            cli_usage_error("--tool=%s: vmtrace stands in for memcheck only", value);
        return 0;
    case ARGP_KEY_ARG:
        valgrind->session.run.command = state->argv + state->next - 1;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        cli_usage_error("no program was named; usage: vmtrace [VALGRIND'S OPTION...] PROGRAM "
                        "[ARG...]");
    default:
        return parse_value(valgrind, key, value);
    }
}

/* Valgrind cannot do otherwise than to go on with what was forked: it is in the same memory.  Of
 * XML one file holds one process. */
static void set_children(const struct valgrind *valgrind)
{
    bool each = valgrind->output && report_pattern_has_pid(valgrind->output);
    bool forks = !valgrind->silent && (!valgrind->xml || each);
    setenv("VMTRACE_CHILDREN", valgrind->follow ? "follow" : forks ? "fork" : "ignore", 1);
}

static void add_arguments(struct valgrind *valgrind)
{
    struct driver_session *session = &valgrind->session;
    driver_session_argument(session, "--format=%s", valgrind->xml ? "valgrind-xml" : "valgrind");
    driver_session_argument(session, "--show-leak-kinds=%s",
                            valgrind->full ? valgrind->kinds : "none");
    if (valgrind->generate)
        driver_session_argument(session, "--gen-suppressions=all");
    if (valgrind->quiet)
        driver_session_argument(session, "--quiet");
    if (valgrind->output)
        driver_session_argument(session, "--output=%s", valgrind->output);
    driver_session_argument(session, "--remove-all");
    if (session->error_exitcode == 0)
        return;
    driver_session_argument(session, "--error-exitcode=%d", session->error_exitcode);
    driver_session_argument(session, "--errors-for-leak-kinds=%s",
                            valgrind->leaks ? valgrind->errors_for : "none");
}

int driver_valgrind(int argc, char **argv)
{
    static const char usage[] = "PROGRAM [ARG...]";
    static const char description[] = "Stand in for valgrind's memcheck as a leak checker.";
    static const struct argp argp = {options, parse_option, usage, description, NULL, NULL, NULL};
    static char name[] = "vmtrace";
    struct valgrind valgrind = {
        .session = {.to_stderr = true, .quiet = true, .verdict_first = true},
        .leaks = true,
        .kinds = "definite,possible",
        .errors_for = "definite,possible",
    };
    argv[0] = name;
    driver_session_begin(&valgrind.session);
    setenv("VMTRACE_DEPTH", "12", 1);
    error_t error = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &valgrind);
    if (error != 0) {
        cli_error("%s", strerror(error));
        return CLI_NOT_DONE;
    }
    set_children(&valgrind);
    add_arguments(&valgrind);
    int status = driver_session_run(&valgrind.session);
    free(valgrind.output);
    return status;
}
