/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vmtrace run`: start a program with libvmtrace.so preloaded, stand aside while
 * it runs, and end as it ended.
 *
 * One file each: driver_options.c the flags, driver_target.c what kind of
 * program it is, driver_child.c processes and signals, driver_traces.c which
 * files it left.
 */
#ifndef VMTRACE_DRIVER_RUN_H
#define VMTRACE_DRIVER_RUN_H

#include <argp.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <vmtrace/trace_format.h>

struct driver_run {
    char **command;      /* the program and its arguments, NULL-terminated */
    const char *library; /* --library, or NULL */
    bool quiet;          /* VMTRACE_LOG=quiet: not a word of our own */
    const char *pattern; /* of the traces' names: VMTRACE_OUTPUT */
};

/* The whole of `vmtrace run`; argv[0] is "run".  Returns the exit status unless the program
 * died of a signal: then so does this process. */
int driver_run(int argc, char **argv);

/* Reads the flags of `vmtrace run` and puts them into the environment under the library's
 * names.  Exits with CLI_USAGE when they are wrong. */
void driver_options_parse(struct driver_run *run, int argc, char **argv);

/* What `vmtrace run` and `vmtrace check` have in common: everything about recording but where the
 * trace goes.  A child parser whose input is a struct driver_run. */
extern const struct argp driver_recording_argp;

/* Puts the library into LD_PRELOAD; exits when that cannot work.  `why`: of the program; with a
 * sanitizer's malloc or another libc it would not start, and runs without the library. */
void driver_preload(const struct driver_run *run, enum vmt_unfollowed why);

/* "cannot run PROGRAM: reason"; the exit status that goes with it. */
int driver_start_failed(const char *program, int reason);

/* The path of this program.  False: it cannot be told, errno is set. */
bool driver_self(char path[PATH_MAX]);

/* Replaces this process by the vmtrace-report beside it, else the one of PATH.  Returns only when
 * there is none, with the exit status. */
int driver_exec_report(char **argv);

/* Why LD_PRELOAD cannot work on `program` as execvp would find it; also VMT_FOLLOWED where it
 * cannot be looked at.  `found` is set to its path, or to "" if there is none. */
enum vmt_unfollowed driver_target_judge(const char *program, char found[PATH_MAX]);

/* How a program ended, or why it never began. */
struct driver_outcome {
    pid_t pid;
    int exec_errno;     /* not 0: it was not started */
    int status;         /* of waitpid */
    sigset_t passed_on; /* signals that reached this process alone */
};

/* Runs the command to its end.  Signals that reach this process alone are passed on; those of
 * the terminal reach the program by themselves.  False: it could not even be tried, errno is
 * set. */
bool driver_child_run(char **command, struct driver_outcome *outcome);

/* From now on processes that the program leaves behind become our children when their parent ends.
 * False: they would be among others. */
bool driver_child_adopt(void);

/* Waits a moment for what the program left behind; `running` gets at most `room` of the processes
 * that are still there, 0 for one whose pid is not known.  The number of them.  `traced`: only of
 * those that the library is in. */
size_t driver_child_left(pid_t *running, size_t room, bool traced);

/* Ends this process by `number`, without a core file of its own. */
_Noreturn void driver_child_die(int number);

struct driver_traces {
    char main[PATH_MAX]; /* newest trace of the process itself; "" if there is none */
    uint64_t main_bytes;
    size_t others; /* of its descendants, and of what it was before an exec */
};

/* Finds the traces that `pid` and its descendants wrote since `since_ns` (CLOCK_REALTIME). */
void driver_traces_find(struct driver_traces *traces, const char *pattern, pid_t pid,
                        uint64_t since_ns);

#endif
