/* SPDX-License-Identifier: Apache-2.0 */
/* What vmtrace and vmtrace-report share: messages, exit statuses, numbers. */
#ifndef VMTRACE_CLI_COMMON_H
#define VMTRACE_CLI_COMMON_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CLI_OK = 0,
    CLI_USAGE = 2,      /* the command line is wrong */
    CLI_UNREADABLE = 3, /* a trace cannot be read, or the report cannot be written */
    CLI_NOT_DONE = 125, /* vmtrace itself failed, as env and timeout have it */
    CLI_NOT_EXECUTABLE = 126,
    CLI_NOT_FOUND = 127,
};

/* First thing in main: names the program in messages, sets the locale, makes argp exit with
 * CLI_USAGE, and has a failed write to standard output end with CLI_UNREADABLE. */
void cli_init(const char *program);

/* One line on stderr: "PROGRAM: " and the message. */
__attribute__((format(printf, 1, 2))) void cli_error(const char *format, ...);

/* The same, then exit(CLI_USAGE). */
__attribute__((format(printf, 1, 2), noreturn)) void cli_usage_error(const char *format, ...);

/* A decimal number in [low, high] and nothing else; with `suffix` K, M or G (powers of 1024) may
 * follow. */
bool cli_parse_number(const char *text, bool suffix, uint64_t low, uint64_t high, uint64_t *number);

#endif
