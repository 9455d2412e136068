/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/driver_session.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli_common.h"

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

/* Makes the traces' folder and tells the library of it. */
static void make_folder(const struct driver_session *session, char folder[PATH_MAX])
{
    char pattern[PATH_MAX];
    const char *above = session->folder ? session->folder : getenv("TMPDIR");
    above = above && *above ? above : "/tmp";
    if (session->folder && mkdir(above, 0777) != 0 && errno != EEXIST) {
        cli_error("cannot make the folder %s: %s", above, strerror(errno));
        exit(CLI_NOT_DONE);
    }
    char *whole = realpath(above, NULL); /* the program may change its directory */
    if (!whole || strchr(whole, '%') ||
        snprintf(folder, PATH_MAX, "%s/vmtrace-check-XXXXXX", whole) >= PATH_MAX - NAME_MAX) {
        cli_error("%s cannot hold traces: %s", above,
                  whole ? "its path has a % in it or is too long" : strerror(errno));
        exit(CLI_NOT_DONE);
    }
    free(whole);
    if (!mkdtemp(folder)) {
        cli_error("cannot make a folder %s: %s", folder, strerror(errno));
        exit(CLI_NOT_DONE);
    }
    snprintf(pattern, sizeof(pattern), "%.*s/%%e.%%p.%%n.vmt", PATH_MAX - NAME_MAX, folder);
    if (setenv("VMTRACE_OUTPUT", pattern, 1) != 0)
        no_memory();
}

/* The status of vmtrace-report, or CLI_NOT_DONE when it could not be run or died. */
static int run_report(const struct driver_session *session, char **argv)
{
    sigset_t none;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
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

static int report(const struct driver_session *session, const glob_t *traces)
{
    size_t count = session->argument_count;
    char **argv = calloc(count + traces->gl_pathc + 3, sizeof(*argv));
    if (!argv)
        no_memory();
    if (count)
        memcpy(argv + 1, session->arguments, count * sizeof(*argv));
    static char end[] = "--";
    argv[count + 1] = end;
    memcpy(argv + count + 2, traces->gl_pathv, traces->gl_pathc * sizeof(*argv));
    int status = run_report(session, argv);
    free(argv);
    return status;
}

/* What vmtrace-report left of the traces stays, and is told. */
static void leave_folder(const struct driver_session *session, const char *folder)
{
    if (rmdir(folder) != 0 && errno != ENOENT && !session->quiet)
        cli_error("traces are in %s; read one with: vmtrace-report %s/NAME", folder, folder);
}

/* All that is not the program's own failure. */
static int judge(const struct driver_session *session, const char *folder, const char *problem)
{
    char pattern[PATH_MAX];
    glob_t traces;
    snprintf(pattern, sizeof(pattern), "%.*s/*", PATH_MAX - NAME_MAX, folder);
    int result = glob(pattern, GLOB_NOSORT, NULL, &traces);
    if (result != 0) {
        cli_error("nothing was checked: %s wrote no trace%s%s", session->run.command[0],
                  problem ? "; it is " : "", problem ? problem : "");
        return CLI_NOT_DONE;
    }
    int status = report(session, &traces);
    globfree(&traces);
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

int driver_session_run(struct driver_session *session)
{
    struct driver_outcome outcome;
    char folder[PATH_MAX], found[PATH_MAX];
    const char *program = session->run.command[0];
    const char *problem = driver_target_problem(program, found);
    make_folder(session, folder);
    driver_preload(&session->run);
    if (!driver_child_run(session->run.command, &outcome)) {
        cli_error("cannot start a process: %s", strerror(errno));
        rmdir(folder);
        return CLI_NOT_DONE;
    }
    if (outcome.exec_errno) {
        rmdir(folder);
        return driver_start_failed(program, outcome.exec_errno);
    }
    int verdict = judge(session, folder, problem);
    leave_folder(session, folder);
    int status = end_status(session, outcome.status, verdict);
    session_release(session);
    if (WIFSIGNALED(outcome.status))
        driver_child_die(WTERMSIG(outcome.status));
    return status;
}
