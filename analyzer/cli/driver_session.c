/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/driver_session.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmtrace/exec_file.h>

#include "cli/cli_common.h"
#include "cli/driver_folder.h"

static _Noreturn void no_memory(void)
{
    cli_error("out of memory");
    exit(CLI_NOT_DONE);
}

void driver_session_begin(struct driver_session *session)
{
    size_t count = 0;
    while (environ[count])
        count++;
    session->environment = calloc(count + 1, sizeof(*session->environment));
    if (!session->environment)
        no_memory();
    memcpy(session->environment, environ, count * sizeof(*environ));
}

static void session_release(struct driver_session *session)
{
    for (size_t i = 0; i < session->argument_count; i++)
        free(session->arguments[i]);
    free(session->arguments);
    free(session->environment);
}

void driver_session_argument(struct driver_session *session, const char *format, ...)
{
    va_list list;
    char *text = NULL;
    va_start(list, format);
    int made = vasprintf(&text, format, list);
    va_end(list);
    char **more =
        reallocarray(session->arguments, session->argument_count + 1, sizeof(*session->arguments));
    if (made < 0 || !more)
        no_memory();
    session->arguments = more;
    more[session->argument_count++] = text;
}

int driver_exec_report(char **argv)
{
    char path[PATH_MAX];
    static char name[] = "vmtrace-report";
    argv[0] = name;
    if (driver_self(path)) {
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

/* Makes the traces' folder and tells the library of it. */
static void make_folder(const struct driver_session *session, struct driver_folder *folder)
{
    char pattern[PATH_MAX];
    const char *above = session->folder ? session->folder : getenv("TMPDIR");
    above = above && *above ? above : "/tmp";
    char *here = *above == '/' ? NULL : realpath(".", NULL);
    if (strchr(above, '%') || (here && strchr(here, '%'))) { /* the name would be a pattern */
        cli_error("%s cannot hold traces: its path has a %% in it", above);
        exit(CLI_NOT_DONE);
    }
    free(here);
    if (session->folder && mkdir(above, 0777) != 0 && errno != EEXIST) {
        cli_error("cannot make the folder %s: %s", above, strerror(errno));
        exit(CLI_NOT_DONE);
    }
    driver_folder_make(folder, above, !session->folder && !session->whole);
    snprintf(pattern, sizeof(pattern), "%.*s/%%e.%%p.%%n.vmt", PATH_MAX - NAME_MAX, folder->path);
    /* A verdict needs no page faults; who wants them in the traces that are kept says so. */
    if (setenv("VMTRACE_OUTPUT", pattern, 1) != 0 || setenv("VMTRACE_FAULTS", "off", 0) != 0)
        no_memory();
}

/* timeout(1) sends its signal to its child first and then to the whole group: what has ended the
 * program must not end the report of it. */
static void ignore_signals(const sigset_t *set)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        if (sigismember(set, number) == 1)
            signal(number, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The status of vmtrace-report, or CLI_NOT_DONE when it could not be run or died. */
static int run_report(const struct driver_session *session, char **argv)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        ignore_signals(&session->outcome.passed_on);
        if (session->to_stderr)
            dup2(STDERR_FILENO, STDOUT_FILENO);
        environ = session->environment; /* it is not to be traced */
        _exit(driver_exec_report(argv));
    }
    if (pid < 0) {
        cli_error("cannot start vmtrace-report: %s", strerror(errno));
        return CLI_NOT_DONE;
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return CLI_NOT_DONE;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    cli_error("vmtrace-report died of signal %d (%s)", WTERMSIG(status),
              strsignal(WTERMSIG(status)));
    return CLI_NOT_DONE;
}

static int report(const struct driver_session *session, const char *last)
{
    size_t count = session->argument_count;
    char **argv = calloc(count + 3, sizeof(*argv));
    if (!argv)
        no_memory();
    if (count)
        memcpy(argv + 1, session->arguments, count * sizeof(*argv));
    argv[count + 1] = (char *)last;
    int status = run_report(session, argv);
    free(argv);
    return status;
}

/* What the program left behind has not been checked, whether it has a trace or not. */
static void tell_running(struct driver_session *session, bool traced)
{
    pid_t running[64];
    size_t count = driver_child_left(running, sizeof(running) / sizeof(running[0]), traced);
    for (size_t i = 0; i < count; i++) {
        char path[64], command[256] = "a process that it left behind";
        snprintf(path, sizeof(path), "/proc/%d/cmdline", running[i]);
        FILE *file = running[i] ? fopen(path, "re") : NULL;
        if (file && fgets(command, sizeof(command), file) == NULL)
            command[0] = '\0';
        if (file)
            fclose(file);
        driver_session_argument(session, "--untraced=%d:0:%s", running[i], command);
    }
}

/* What vmtrace-report left of the traces stays, and is told. */
static void leave_folder(const struct driver_session *session, const struct driver_folder *folder)
{
    if (driver_folder_settle(folder) && !session->quiet)
        cli_error("traces are in %s; read one with: vmtrace-report %s/NAME", folder->path,
                  folder->path);
}

/* All that is not the program's own failure. */
static int judge(struct driver_session *session, const struct driver_folder *folder,
                 const char *problem)
{
    if (driver_folder_is_empty(folder)) {
        cli_error("nothing was checked: %s wrote no trace%s%s", session->run.command[0],
                  problem ? "; it is " : "", problem ? problem : "");
        return CLI_NOT_DONE;
    }
    int status = report(session, folder->path);
    if (status == CLI_OK || status == session->error_exitcode)
        return status;
    return CLI_NOT_DONE;
}

/* The program's failure is its own, whatever was found. */
static int end_status(const struct driver_session *session, int status, int verdict)
{
    if (session->verdict_first && verdict == session->error_exitcode && verdict != CLI_OK)
        return verdict;
    return WEXITSTATUS(status) ? WEXITSTATUS(status) : verdict;
}

/* So that nobody takes the program's own status for the check's. */
static void tell_end(const struct driver_session *session)
{
    int status = session->outcome.status;
    if (session->quiet)
        return;
    if (WIFSIGNALED(status))
        cli_error("%s died of signal %d (%s)", session->run.command[0], WTERMSIG(status),
                  strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status))
        cli_error("%s itself ended with status %d", session->run.command[0], WEXITSTATUS(status));
}

/* Before anything is run: mistakes in options cost no more than this. */
static void try_options(const struct driver_session *session)
{
    if (session->uncertain && report(session, "--dry-run") != CLI_OK)
        exit(CLI_NOT_DONE);
}

static int run_and_judge(struct driver_session *session)
{
    struct driver_outcome *outcome = &session->outcome;
    struct driver_folder folder;
    char found[PATH_MAX];
    const char *program = session->run.command[0];
    enum vmt_unfollowed why = driver_target_judge(program, found);
    try_options(session);
    make_folder(session, &folder);
    driver_preload(&session->run, why);
    const char *children = getenv("VMTRACE_CHILDREN");
    bool forks_only = children && strcmp(children, "fork") == 0;
    bool adopts = !(children && strcmp(children, "ignore") == 0) && driver_child_adopt();
    if (!driver_child_run(session->run.command, outcome)) {
        cli_error("cannot start a process: %s", strerror(errno));
        driver_folder_settle(&folder);
        return CLI_NOT_DONE;
    }
    if (outcome->exec_errno) {
        driver_folder_settle(&folder);
        return driver_start_failed(program, outcome->exec_errno);
    }
    if (why)
        driver_session_argument(session, "--untraced=%d:%d:%s", outcome->pid, (int)why, found);
    if (adopts)
        tell_running(session, forks_only);
    driver_folder_close(&folder);
    int verdict = judge(session, &folder, exec_file_words(why));
    leave_folder(session, &folder);
    tell_end(session);
    return end_status(session, outcome->status, verdict);
}

int driver_session_run(struct driver_session *session)
{
    int status = run_and_judge(session);
    session_release(session);
    if (WIFSIGNALED(session->outcome.status))
        driver_child_die(WTERMSIG(session->outcome.status));
    return status;
}
