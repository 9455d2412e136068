/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The traced program as our child, in our process group.
 *
 * What the terminal sends (^C, ^\, ^Z, hang-up) goes to the whole group, so the
 * program gets it without us; what kill(1), timeout(1) or a service manager
 * send to our pid is passed on.  siginfo tells which it was: SI_KERNEL or not.
 * All of it is waited for synchronously: no handlers, no races.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli_common.h"
#include "cli/driver_run.h"

static const int watched[] = {SIGCHLD, SIGINT,  SIGQUIT, SIGTERM, SIGHUP,  SIGUSR1,
                              SIGUSR2, SIGCONT, SIGTSTP, SIGALRM, SIGWINCH};

static void watched_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
        sigaddset(set, watched[i]);
}

/* In the child; does not return.  A failed exec is told through the pipe. */
_Noreturn static void become(char **command, const sigset_t *mask, const struct sigaction *on_child,
                             int pipe_end)
{
    sigaction(SIGCHLD, on_child, NULL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(command[0], command);
    int reason = errno;
    ssize_t written = write(pipe_end, &reason, sizeof(reason));
    _exit(written == (ssize_t)sizeof(reason) && reason == ENOENT ? CLI_NOT_FOUND
                                                                 : CLI_NOT_EXECUTABLE);
}

/* True when the child has ended.  If it was stopped, so are we, that the shell may see it.  Others
 * were adopted: whoever waits for their end looks whether they are still there. */
static bool child_ended(struct driver_outcome *outcome)
{
    for (;;) {
        int status;
        pid_t got = waitpid(-1, &status, WNOHANG | WUNTRACED);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        if (got != outcome->pid)
            continue;
        outcome->status = status;
        if (!WIFSTOPPED(status))
            return true;
        raise(SIGSTOP);
    }
}

static void wait_and_forward(struct driver_outcome *outcome, const sigset_t *set)
{
    while (!child_ended(outcome)) {
        siginfo_t info;
        int number = sigwaitinfo(set, &info);
        if (number <= 0 || number == SIGCHLD || info.si_code == SI_KERNEL)
            continue;
        sigaddset(&outcome->passed_on, number);
        kill(outcome->pid, number);
    }
}

static int read_exec_error(int pipe_end)
{
    int reason = 0;
    ssize_t size;
    do {
        size = read(pipe_end, &reason, sizeof(reason));
    } while (size < 0 && errno == EINTR);
    close(pipe_end);
    return size == (ssize_t)sizeof(reason) ? reason : 0;
}

bool driver_child_run(char **command, struct driver_outcome *outcome)
{
    sigset_t set, mask;
    int ends[2];
    /* Ignored (some service managers do that), SIGCHLD would have children vanish unwaited. */
    struct sigaction by_default = {.sa_handler = SIG_DFL}, on_child;
    *outcome = (struct driver_outcome){0};
    sigemptyset(&outcome->passed_on);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    watched_set(&set);
    sigaction(SIGCHLD, &by_default, &on_child);
    sigprocmask(SIG_BLOCK, &set, &mask);
    outcome->pid = fork();
    if (outcome->pid == 0)
        become(command, &mask, &on_child, ends[1]);
    int reason = errno;
    close(ends[1]);
    if (outcome->pid < 0) {
        close(ends[0]);
        sigprocmask(SIG_SETMASK, &mask, NULL);
        errno = reason;
        return false;
    }
    outcome->exec_errno = read_exec_error(ends[0]);
    wait_and_forward(outcome, &set);
    signal(SIGPIPE, SIG_IGN);
    return true; /* signals stay blocked: nothing shall cut off what is left to be said */
}

_Noreturn void driver_child_die(int number)
{
    const struct rlimit none = {0, 0};
    sigset_t set;
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0); /* core_pattern pipes ignore the limit */
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    _exit(128 + number); /* not a signal that ends a process */
}
