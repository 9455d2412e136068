/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of `vmtrace run`: each is a VMTRACE_* variable of libvmtrace.so. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include <vmtrace/signal_names.h>
#include <vmtrace/trace_format.h>

#include "cli/cli_common.h"
#include "cli/driver_run.h"

const char *argp_program_version = "vmtrace " VMTRACE_VERSION;

enum { KEY_VARIABLE = 0x1000, KEY_LIBRARY = 0x1100 };

static bool is_output(const char *value)
{
    if (*value == '\0' || strlen(value) > 4095)
        return false;
    for (const char *at = value; *at; at++)
        if (*at == '%' && !(at[1] && strchr("peht%n", *++at)))
            return false;
    return true;
}

/* `words` are separated by blanks. */
static bool is_one_of(const char *value, const char *words)
{
    size_t length = strlen(value);
    for (const char *at = words; *at; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if (word == length && memcmp(at, value, length) == 0)
            return true;
        at += word;
    }
    return false;
}

/* The library checks again, by the same rules and with the same words: its settings.c.  There a
 * bad value means an untraced run; here it is an error before anything is run. */
static const struct {
    const char *flag, *variable;
    const char *words;    /* accepted values, or NULL: a number, or a rule of its own */
    uint64_t low, high;   /* of a number */
    bool suffix;          /* K, M, G */
    const char *accepted; /* for the message */
} variables[] = {
    {"output", "VMTRACE_OUTPUT", NULL, 0, 0, false,
     "a path of at most 4095 bytes, in which %p %e %h %t %n and %% are replaced"},
    {"faults", "VMTRACE_FAULTS", "auto perf rusage off", 0, 0, false, "auto, perf, rusage or off"},
    {"scan", "VMTRACE_SCAN", "exit off", 0, 0, false, "exit or off"},
    {"children", "VMTRACE_CHILDREN", "follow fork ignore", 0, 0, false, "follow, fork or ignore"},
    {"depth", "VMTRACE_DEPTH", NULL, 1, VMT_MAX_DEPTH, false, "a number of frames from 1 to 4096"},
    {"sample", "VMTRACE_SAMPLE", NULL, 0, VMT_MAX_SAMPLE_INTERVAL, true,
     "0, or a number of bytes up to 1024G, with K, M or G, of which about one is sampled"},
    {"interval", "VMTRACE_INTERVAL", NULL, 1, 3600000, false, "milliseconds from 1 to 3600000"},
    {"max-size", "VMTRACE_MAX_SIZE", NULL, UINT64_C(2) * VMT_CHUNK_SIZE, UINT64_MAX, true,
     "a size of at least 128K: a number with K, M or G"},
    {"start", "VMTRACE_START", "on paused", 0, 0, false, "on or paused"},
    {"log", "VMTRACE_LOG", "quiet errors summary", 0, 0, false, "quiet, errors or summary"},
    {"clock", "VMTRACE_CLOCK", "auto tsc counter", 0, 0, false, "auto, tsc or counter"},
    {"seed", "VMTRACE_SEED", NULL, 0, UINT64_MAX, false, "a number"},
    {"residency", "VMTRACE_RESIDENCY", "all exit off", 0, 0, false, "all, exit or off"},
    {"snapshot-signal", "VMTRACE_SNAPSHOT_SIGNAL", NULL, 0, 0, false, VMT_SNAPSHOT_SIGNALS},
    {"fault-stacks", "VMTRACE_FAULT_STACKS", "off on", 0, 0, false, "off or, on x86-64, on"},
    {"free-stacks", "VMTRACE_FREE_STACKS", "off on", 0, 0, false, "off or on"},
};
enum { OUTPUT = 0, SNAPSHOT_SIGNAL = 13 }; /* those with rules of their own */
enum { VARIABLES = sizeof(variables) / sizeof(variables[0]) };

#define VARIABLE_OPTION(name, index, argument, text)                                               \
    {                                                                                              \
        name, KEY_VARIABLE + (index), argument, 0, text, 0                                         \
    }

static const struct argp_option run_options[] = {
    {"output", 'o', "PATTERN", 0,
     "Name of the trace (default vmtrace.%e.%p.vmt): %p pid, %e program, %h host, %t start time, "
     "%n execs so far",
     0},
    {0},
};

static const struct argp_option options[] = {
    VARIABLE_OPTION("faults", 1, "SOURCE",
                    "Page faults from: auto (default; under check off), perf, rusage, off"),
    VARIABLE_OPTION("fault-stacks", 14, "WHETHER",
                    "The whole call stack of each page fault's code: off (default), on"),
    VARIABLE_OPTION("free-stacks", 15, "WHETHER",
                    "The call stack of each release, too: off (default), on"),
    VARIABLE_OPTION("scan", 2, "WHEN",
                    "Look for pointers to unreleased blocks: exit (default; and on demand), off"),
    VARIABLE_OPTION("children", 3, "WHAT",
                    "follow (default): forked and exec'd ones; fork: forked ones; or ignore"),
    VARIABLE_OPTION("depth", 4, "FRAMES", "Most frames kept of one stack (default 128)"),
    VARIABLE_OPTION("sample", 5, "BYTES",
                    "Record one allocation in about so many bytes (K, M, G; default 0: all)"),
    VARIABLE_OPTION("interval", 6, "MS",
                    "Milliseconds between two points of the RSS time line "
                    "(default 10)"),
    VARIABLE_OPTION("max-size", 7, "SIZE", "End recording when the trace is this large (K, M, G)"),
    VARIABLE_OPTION("start", 8, "HOW", "on (default), or paused until vmtrace_resume()"),
    VARIABLE_OPTION("log", 9, "LEVEL", "Messages on stderr: quiet, errors (default), summary"),
    VARIABLE_OPTION("clock", 10, "CLOCK", "Order of events: auto (default), tsc, counter"),
    VARIABLE_OPTION("seed", 11, "NUMBER", "Take the same samples each time (--sample)"),
    VARIABLE_OPTION("residency", 12, "WHEN",
                    "Snapshots of what is in memory: all (default), exit: none at peaks, off"),
    VARIABLE_OPTION("snapshot-signal", SNAPSHOT_SIGNAL, "SIGNAL",
                    "Take a snapshot when this signal comes: USR1, USR2, ... (default: none)"),
    {"library", KEY_LIBRARY, "PATH", 0, "Preload this libvmtrace.so", 0},
    {0},
};

static const char usage[] = "[--] PROGRAM [ARG...]";
static const char description[] =
    "Run PROGRAM and record a trace of its memory.\v"
    "Output, signals and exit status are PROGRAM's own; 125: vmtrace failed, 126: PROGRAM cannot "
    "be executed, 127: it was not found, 2: bad usage. Each option sets the variable of its name "
    "(VMTRACE_OUTPUT, ...), see libvmtrace(7). Read the trace with vmtrace-report.";

static void set_variable(int index, const char *value)
{
    uint64_t number;
    bool good = index == OUTPUT            ? is_output(value)
                : index == SNAPSHOT_SIGNAL ? vmt_snapshot_signal(value) != 0
                : variables[index].words
                    ? is_one_of(value, variables[index].words)
                    : cli_parse_number(value, variables[index].suffix, variables[index].low,
                                       variables[index].high, &number);
    if (!good)
        cli_usage_error("--%s=%s: not accepted; it may be %s", variables[index].flag, value,
                        variables[index].accepted);
    if (setenv(variables[index].variable, value, 1) != 0) {
        cli_error("out of memory");
        exit(CLI_NOT_DONE);
    }
}

static error_t parse_recording(int key, char *value, struct argp_state *state)
{
    struct driver_run *run = state->input;
    if (key >= KEY_VARIABLE && key < KEY_VARIABLE + VARIABLES) {
        set_variable(key - KEY_VARIABLE, value);
        return 0;
    }
    if (key != KEY_LIBRARY)
        return ARGP_ERR_UNKNOWN;
    run->library = value;
    return 0;
}

const struct argp driver_recording_argp = {options, parse_recording, NULL, NULL, NULL, NULL, NULL};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct driver_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = run;
        return 0;
    case 'o':
        set_variable(OUTPUT, value);
        return 0;
    case ARGP_KEY_ARG:
        run->command = state->argv + state->next - 1;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        cli_usage_error("no program was named; usage: vmtrace run [OPTION...] [--] PROGRAM "
                        "[ARG...] (vmtrace run --help says more)");
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void driver_options_parse(struct driver_run *run, int argc, char **argv)
{
    static const struct argp_child children[] = {{&driver_recording_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {run_options, parse_option, usage, description,
                                     children,    NULL,         NULL};
    static char name[] = "vmtrace run"; /* for argp's messages */
    *run = (struct driver_run){0};
    argv[0] = name;
    error_t error = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, run);
    if (error != 0) {
        cli_error("%s", strerror(error));
        exit(CLI_NOT_DONE);
    }
    const char *log = getenv("VMTRACE_LOG"), *pattern = getenv("VMTRACE_OUTPUT");
    run->quiet = log && strcmp(log, "quiet") == 0;
    run->pattern = pattern && *pattern ? pattern : "vmtrace.%e.%p.vmt";
}
