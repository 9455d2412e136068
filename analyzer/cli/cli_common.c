/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_common.h"

#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "vmtrace";

/* Output that is lost in a full disk or a closed pipe must not look like success.  A standard
 * output that was closed from the start only matters if something was written to it. */
static void check_stdout(void)
{
    bool failed = ferror(stdout);
    errno = 0;
    if (fflush(stdout) != 0 || failed) {
        cli_error("cannot write to standard output: %s",
                  errno ? strerror(errno) : "an earlier write failed");
        _exit(CLI_UNREADABLE);
    }
}

void cli_init(const char *program)
{
    program_name = program;
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* figures look the same everywhere */
    argp_err_exit_status = CLI_USAGE;
    atexit(check_stdout);
}

static void vmessage(const char *format, va_list arguments)
{
    fflush(stdout);
    flockfile(stderr);
    fprintf(stderr, "%s: ", program_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    funlockfile(stderr);
}

void cli_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vmessage(format, arguments);
    va_end(arguments);
}

void cli_usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vmessage(format, arguments);
    va_end(arguments);
    exit(CLI_USAGE);
}

bool cli_parse_number(const char *text, bool suffix, uint64_t low, uint64_t high, uint64_t *number)
{
    static const char letters[] = "KMGkmg";
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    const char *letter = suffix && *end ? strchr(letters, *end) : NULL;
    if (letter) {
        unsigned shift = 10u * ((unsigned)(letter - letters) % 3 + 1);
        if (value > UINT64_MAX >> shift)
            return false;
        value <<= shift;
        end++;
    }
    if (*end || value < low || value > high)
        return false;
    *number = value;
    return true;
}
