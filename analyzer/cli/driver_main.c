/* SPDX-License-Identifier: Apache-2.0 */
/* vmtrace: the driver's commands. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_common.h"
#include "cli/driver_compact.h"
#include "cli/driver_run.h"

static const char help[] =
    "Usage: vmtrace run [OPTION...] [--] PROGRAM [ARG...]\n"
    "  or:  vmtrace report [OPTION...] TRACE...\n"
    "  or:  vmtrace compact [OPTION...] TRACE...\n"
    "Trace the memory of a program: leaks, growth, page faults.\n"
    "\n"
    "  run      run PROGRAM and record a trace of it (vmtrace run --help)\n"
    "  report   read traces: the same as vmtrace-report (vmtrace report --help)\n"
    "  compact  rewrite traces in a much smaller form, which report reads as well\n"
    "  expand   turn compact traces back\n"
    "\n"
    "  --help     print this help\n"
    "  --version  print the version\n"
    "\n"
    "Not in this version (" VMTRACE_VERSION "): vmtrace check, and valgrind's options in front of\n"
    "a program. See vmtrace(1), vmtrace-report(1) and libvmtrace(7).\n";

/* Options that people and build systems give to valgrind. */
static bool is_valgrind_option(const char *argument)
{
    static const char *const names[] = {
        "-q",
        "-v",
        "--quiet",
        "--verbose",
        "--tool",
        "--leak-check",
        "--show-reachable",
        "--show-leak-kinds",
        "--num-callers",
        "--log-file",
        "--log-fd",
        "--suppressions",
        "--error-exitcode",
        "--xml",
        "--xml-file",
        "--track-origins",
        "--trace-children",
        "--gen-suppressions",
        "--errors-for-leak-kinds",
        "--child-silent-after-fork",
    };
    size_t length = strcspn(argument, "=");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == length && memcmp(names[i], argument, length) == 0)
            return true;
    return false;
}

/* The analyzer beside this program, else the one of PATH. */
static int exec_report(char **argv)
{
    char path[PATH_MAX];
    static char name[] = "vmtrace-report";
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    argv[0] = name;
    if (length > 0) {
        path[length] = '\0';
        char *slash = strrchr(path, '/');
        if (slash && (size_t)(slash + 1 - path) + sizeof(name) <= sizeof(path)) {
            strcpy(slash + 1, name);
            execv(path, argv);
        }
    }
    execvp(name, argv);
    cli_error("cannot run vmtrace-report: %s", strerror(errno));
    return errno == ENOENT ? CLI_NOT_FOUND : CLI_NOT_EXECUTABLE;
}

static int refuse(const char *command)
{
    if (strcmp(command, "check") == 0) {
        cli_error("check is not in this version (" VMTRACE_VERSION
                  "): use vmtrace run, then vmtrace-report");
        return CLI_NOT_DONE;
    }
    if (is_valgrind_option(command)) {
        cli_error("valgrind's option %s is not understood by this version (" VMTRACE_VERSION
                  "): use vmtrace run, then vmtrace-report",
                  command);
        return CLI_NOT_DONE;
    }
    if (command[0] == '-')
        cli_error("no such option: %s (vmtrace --help)", command);
    else
        cli_error("no such command: %s; to trace a program: vmtrace run %s", command, command);
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    cli_init("vmtrace");
    if (argc < 2) {
        cli_error("no command was given; usage: vmtrace run [OPTION...] [--] PROGRAM [ARG...] or "
                  "vmtrace report TRACE... (vmtrace --help says more)");
        return CLI_USAGE;
    }
    const char *command = argv[1];
    if (strcmp(command, "run") == 0)
        return driver_run(argc - 1, argv + 1);
    if (strcmp(command, "report") == 0)
        return exec_report(argv + 1);
    if (strcmp(command, "compact") == 0)
        return driver_compact(argc - 1, argv + 1);
    if (strcmp(command, "expand") == 0)
        return driver_expand(argc - 1, argv + 1);
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
        strcmp(command, "help") == 0) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (strcmp(command, "--version") == 0 || strcmp(command, "-V") == 0) {
        puts("vmtrace " VMTRACE_VERSION);
        return CLI_OK;
    }
    return refuse(command);
}
