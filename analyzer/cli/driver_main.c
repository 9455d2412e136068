/* SPDX-License-Identifier: Apache-2.0 */
/* vmtrace: the driver's commands. */
#include <stdio.h>
#include <string.h>

#include "cli/cli_common.h"
#include "cli/driver_check.h"
#include "cli/driver_compact.h"
#include "cli/driver_run.h"

static const char help[] =
    "Usage: vmtrace run [OPTION...] [--] PROGRAM [ARG...]\n"
    "  or:  vmtrace check [OPTION...] [--] PROGRAM [ARG...]\n"
    "  or:  vmtrace report [OPTION...] TRACE...\n"
    "  or:  vmtrace compact [OPTION...] TRACE...\n"
    "Trace the memory of a program: leaks, growth, page faults.\n"
    "\n"
    "  run      run PROGRAM and record a trace of it (vmtrace run --help)\n"
    "  check    run PROGRAM and its children, and fail when they leak (vmtrace check --help)\n"
    "  report   read traces: the same as vmtrace-report (vmtrace report --help)\n"
    "  compact  rewrite traces in a much smaller form, which report reads as well\n"
    "  expand   turn compact traces back\n"
    "\n"
    "  --help     print this help\n"
    "  --version  print the version\n"
    "\n"
    "With valgrind's options in front of a program (vmtrace -q --leak-check=full ./prog) it "
    "stands\n"
    "in for valgrind as a leak checker. See vmtrace(1), vmtrace-report(1) and libvmtrace(7).\n";

static int refuse(const char *command)
{
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
        return driver_exec_report(argv + 1);
    if (strcmp(command, "check") == 0)
        return driver_check(argc - 1, argv + 1);
    if (strcmp(command, DRIVER_SELFTEST) == 0 && argc == 3)
        return driver_selftest_program(argv[2]);
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
    if (command[0] == '-' && command[1])
        return driver_valgrind(argc, argv);
    return refuse(command);
}
