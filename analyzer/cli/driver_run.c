/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/driver_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vmtrace/exec_file.h>

#include "cli/cli_common.h"
#include "render/human.h"

/* Beside this program in a build tree, then where it is installed.  VMTRACE_LIBDIR is the
 * library directory relative to the prefix. */
static bool find_library(char path[PATH_MAX])
{
    static const char *const places[] = {"../preload/libvmtrace.so",
                                         "../" VMTRACE_LIBDIR "/libvmtrace.so"};
    char self[PATH_MAX], candidate[PATH_MAX];
    if (!driver_self(self))
        return false;
    char *slash = strrchr(self, '/');
    slash[1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (snprintf(candidate, sizeof(candidate), "%s%s", self, places[i]) < PATH_MAX &&
            access(candidate, R_OK) == 0 && realpath(candidate, path))
            return true;
    return false;
}

/* What goes into LD_PRELOAD; exits when that cannot work. */
static void choose_library(const struct driver_run *run, char path[PATH_MAX])
{
    if (run->library) {
        if (access(run->library, R_OK) != 0 || realpath(run->library, path) == NULL)
            cli_usage_error("--library=%s: %s", run->library, strerror(errno));
    } else if (!find_library(path)) {
        strcpy(path, "libvmtrace.so"); /* ld.so knows more places than we do */
    }
    if (strpbrk(path, " :")) {
        cli_error("%s: LD_PRELOAD cannot name a path with blanks or colons; copy the library to "
                  "another place and name it with --library",
                  path);
        exit(CLI_NOT_DONE);
    }
}

/* In front of what is preloaded already: another allocator is called by us, not the other way. */
void driver_preload(const struct driver_run *run, enum vmt_unfollowed why)
{
    const char *old = getenv("LD_PRELOAD");
    char *list = NULL, library[PATH_MAX];
    if (exec_file_is_spared(why))
        return;
    choose_library(run, library);
    if (asprintf(&list, "%s%s%s", library, old && *old ? ":" : "", old ? old : "") < 0 ||
        setenv("LD_PRELOAD", list, 1) != 0) {
        cli_error("out of memory");
        exit(CLI_NOT_DONE);
    }
    free(list);
}

/* Own time stamps and the recorder's come from the same clock, but the recorder may read a
 * coarse one: up to a timer tick (10 ms at 100 Hz) older. */
static uint64_t now_realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec - UINT64_C(20000000);
}

/* `expected`: nothing is known that would have kept the program from being traced. */
static void tell_traces(const struct driver_run *run, pid_t pid, uint64_t since_ns, bool expected)
{
    struct driver_traces traces;
    char others[80] = "";
    driver_traces_find(&traces, run->pattern, pid, since_ns);
    if (traces.others)
        snprintf(others, sizeof(others), " and %zu more, of its children or of before an exec",
                 traces.others);
    if (traces.main[0])
        cli_error("trace written to %s (%s)%s; read it with: vmtrace-report %s", traces.main,
                  human_bytes(traces.main_bytes).text, others, traces.main);
    else if (traces.others)
        cli_error("no trace of %s itself, but %zu of its children (%s)", run->command[0],
                  traces.others, run->pattern);
    else if (expected)
        cli_error("%s wrote no trace (looked for %s)", run->command[0], run->pattern);
}

int driver_start_failed(const char *program, int reason)
{
    cli_error("cannot run %s: %s", program, strerror(reason));
    return reason == ENOENT ? CLI_NOT_FOUND : CLI_NOT_EXECUTABLE;
}

int driver_run(int argc, char **argv)
{
    struct driver_run run;
    struct driver_outcome outcome;
    char found[PATH_MAX];
    driver_options_parse(&run, argc, argv);
    enum vmt_unfollowed why = driver_target_judge(run.command[0], found);
    driver_preload(&run, why);
    if (why && !run.quiet)
        cli_error("%s is %s: it runs, but cannot be traced", found, exec_file_words(why));
    uint64_t since_ns = now_realtime_ns();
    if (!driver_child_run(run.command, &outcome)) {
        cli_error("cannot start a process: %s", strerror(errno));
        return CLI_NOT_DONE;
    }
    if (outcome.exec_errno)
        return driver_start_failed(run.command[0], outcome.exec_errno);
    /* An untraceable program may still have children that are traced. */
    if (!run.quiet)
        tell_traces(&run, outcome.pid, since_ns, why == VMT_FOLLOWED);
    if (WIFSIGNALED(outcome.status))
        driver_child_die(WTERMSIG(outcome.status));
    return WEXITSTATUS(outcome.status);
}
