/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_common.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "vmtrace";

/* Output that is lost in a full disk or a closed pipe must not look like success.  A standard
 * output that was closed from the start only matters if something was written to it. */
static void check_stdout(int status, void *unused)
{
    (void)unused;
    bool failed = ferror(stdout);
    errno = 0;
    if (fflush(stdout) != 0 || failed) {
        cli_error("cannot write to standard output: %s",
                  errno ? strerror(errno) : "an earlier write failed");
        _exit(status == CLI_OK ? CLI_UNREADABLE : status);
    }
}

/* What is opened later must not become standard error, lest messages go into it.  Not inherited: a
 * program that is run has what it would have without us. */
static void fill_closed_streams(void)
{
    static const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY}; /* output that is lost is an error */
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd] | O_CLOEXEC) != fd)
            return;
}

void cli_init(const char *program)
{
    program_name = program;
    fill_closed_streams();
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* figures look the same everywhere */
    argp_err_exit_status = CLI_USAGE;
    on_exit(check_stdout, NULL);
}

/* Names of files and programs may hold what steers terminals: C0, DEL, and C1 as UTF-8 has it. */
static void disarm(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at; at++) {
        bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        if ((*at < 0x20 && *at != '\n') || *at == 0x7f || c1)
            *at = '?';
        if (c1)
            at[1] = '?';
    }
}

static void vmessage(const char *format, va_list arguments)
{
    char *text;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    else
        disarm(text);
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", program_name, text ? text : "out of memory");
    free(text);
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
