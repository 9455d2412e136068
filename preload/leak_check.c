/* SPDX-License-Identifier: Apache-2.0 */
#include "leak_check.h"

#include "scan_reader.h"
#include "settings.h"
#include "smaps_parser.h"
#include "sys.h"
#include "sys_task.h"
#include "text.h"
#include "trace_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LEAKS_STATUS = 23,
    NOT_STARTED = 127,
    MOST_ARGUMENTS = 10,
    KEEPER_STACK = 64 << 10,
};

/* The folder of the file that the library is mapped from, as the kernel knows it. */
static bool own_folder(char *folder, size_t size)
{
    static struct smaps_parser parser SYS_TABLE;
    uint64_t here = (uint64_t)(uintptr_t)&own_folder;
    char buffer[1024];
    long got = 0;
    bool found = false;
    int fd = sys_open("/proc/thread-self/maps", O_RDONLY, 0);
    smaps_begin(&parser);
    while (fd >= 0 && !found && (got = sys_read(fd, buffer, sizeof(buffer))) > 0) {
        const char *at = buffer;
        while (!found && smaps_next(&parser, &at, buffer + got))
            found = here - parser.region.start < parser.region.length;
    }
    found = found || (smaps_end(&parser) && here - parser.region.start < parser.region.length);
    if (fd >= 0)
        sys_close(fd);
    const struct smaps_region *own = &parser.region;
    const char *slash = found ? memrchr(own->name, '/', own->name_length) : NULL;
    if (!slash || own->name[0] != '/' || (size_t)(slash - own->name) >= size)
        return false;
    memcpy(folder, own->name, (size_t)(slash - own->name));
    folder[slash - own->name] = '\0';
    return true;
}

/* Beside the library as it is installed, or as it was built. */
static bool find_report(char *path, size_t size)
{
    static const char *const places[] = {"/../bin/vmtrace-report", "/../../bin/vmtrace-report",
                                         "/../analyzer/vmtrace-report", "/vmtrace-report"};
    static char folder[PATH_MAX] SYS_TABLE;
    if (!own_folder(folder, sizeof(folder)))
        return false;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct text text;
        text_init(&text, path, size);
        text_add(&text, folder);
        text_add(&text, places[i]);
        if (sys_call(SYS_faccessat, AT_FDCWD, (long)path, X_OK, 0, 0, 0) == 0)
            return true;
    }
    return false;
}

struct command {
    const char *path;
    char *const *arguments, *const *environment;
    int output;              /* becomes its standard output */
    const uint64_t *signals; /* mask that it begins with */
};

/* No handler of the program's may run in a process that shares its memory. */
static void drop_handlers(void)
{
    for (int signal = 1; signal <= 64; signal++) {
        /* The kernel's struct sigaction: handler, flags, restorer, mask, in an order that is not
         * the same everywhere; all of it zero is the default. */
        uint64_t known[4] = {0}, none[4] = {0};
        if (sys_call(SYS_rt_sigaction, signal, 0, (long)known, 8, 0, 0) == 0 &&
            known[0] != (uint64_t)(uintptr_t)SIG_IGN)
            sys_call(SYS_rt_sigaction, signal, (long)none, 0, 8, 0, 0);
    }
}

/* In the new process, on its parent's stack: that stands still until exec. */
__attribute__((noinline, noreturn)) static void become(const struct command *command)
{
    drop_handlers();
    long null = sys_call(SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDWR, 0, 0, 0);
    sys_call(SYS_dup3, command->output, STDOUT_FILENO, 0, 0, 0, 0);
    if (null != STDIN_FILENO)
        sys_call(SYS_dup3, null, STDIN_FILENO, 0, 0, 0, 0);
    sys_call(SYS_close_range, STDERR_FILENO + 1, (long)~0u, 0, 0, 0, 0);
    sys_restore_signals(command->signals);
    sys_call(SYS_execve, (long)command->path, (long)command->arguments, (long)command->environment,
             0, 0, 0);
    for (;;)
        sys_call(SYS_exit, NOT_STARTED, 0, 0, 0, 0, 0);
}

/* The task between the program and vmtrace-report: exec gives a process back the SIGCHLD at its
 * end that the program must not get, so it is a child of this one.  Its exit status is the
 * report's.
 */
static int keep(void *context)
{
    const struct command *command = context;
    int status = 0;
    long pid = sys_call(SYS_clone, CLONE_VM | CLONE_VFORK, 0, 0, 0, 0, 0);
    if (pid == 0)
        become(command);
    /* Our copies of what the program may want to close. */
    sys_call(SYS_close_range, STDERR_FILENO + 1, (long)~0u, 0, 0, 0, 0);
    if (pid < 0 || sys_task_wait((uint32_t)pid, &status) != 0 || !WIFEXITED(status))
        return NOT_STARTED;
    return WEXITSTATUS(status);
}

/* Its exit status, or a negated errno.  Not fork: that would run the program's handlers of it, and
 * copy its page tables. */
static int run(struct command *command)
{
    int status = 0;
    void *stack = sys_map(KEEPER_STACK);
    if (!stack)
        return -ENOMEM;
    long task = sys_task_start(0, stack, KEEPER_STACK, keep, command, NULL);
    int error = task < 0 ? (int)task : sys_task_wait((uint32_t)task, &status);
    sys_unmap(stack, KEEPER_STACK);
    if (error)
        return error;
    return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_STARTED;
}

/* The program's environment without what would have the report traced.  The caller unmaps it. */
static char **clean_environment(size_t *size)
{
    static const char *const names[] = {"LD_PRELOAD=", "VMTRACE_", "LSAN_OPTIONS="};
    size_t count = 0, kept = 0;
    while (environ && environ[count])
        count++;
    *size = (count + 1) * sizeof(char *);
    char **list = sys_map(*size);
    for (size_t i = 0; list && i < count && environ[i]; i++) {
        bool drop = false;
        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++)
            drop = drop || strncmp(environ[i], names[j], strlen(names[j])) == 0;
        if (!drop)
            list[kept++] = environ[i];
    }
    return list;
}

static int run_report(const char *path, int output, unsigned most, const uint64_t *signals)
{
    char top[40] = "--top=";
    struct text text = {top, sizeof(top), strlen(top)};
    text_add_number(&text, most);
    char *arguments[MOST_ARGUMENTS] = {(char *)"vmtrace-report", (char *)"--leaks",
                                       (char *)"--fail-on=definite,indirect",
                                       (char *)"--error-exitcode=23"};
    size_t count = 4, size;
    if (most)
        arguments[count++] = top;
    arguments[count++] = (char *)"--";
    arguments[count] = (char *)trace_open_path();
    char **environment = clean_environment(&size);
    struct command command = {path, arguments, environment, output, signals};
    int status = environment ? run(&command) : -ENOMEM;
    sys_unmap(environment, size);
    return status;
}

/* LeakSanitizer's rule: PATH.PID, or one of two words. */
static int open_log(const char *log_path)
{
    static char path[PATH_MAX] SYS_TABLE;
    struct text text;
    if (!log_path || strcmp(log_path, "stderr") == 0)
        return STDERR_FILENO;
    if (strcmp(log_path, "stdout") == 0)
        return STDOUT_FILENO;
    text_init(&text, path, sizeof(path));
    text_add(&text, log_path);
    text_add(&text, ".");
    text_add_number(&text, sys_pid());
    return sys_open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
}

/* The report is told only if there are leaks in it. */
static void tell(int report, const char *log_path)
{
    char buffer[4096];
    long got;
    int out = open_log(log_path);
    if (out < 0) {
        settings_complain("leak check: %s.%u: %s", log_path, sys_pid(), text_errno(-out));
        out = STDERR_FILENO;
    }
    sys_call(SYS_lseek, report, 0, 0 /* SEEK_SET */, 0, 0, 0);
    while ((got = sys_read(report, buffer, sizeof(buffer))) > 0) {
        for (long done = 0, part; done < got; done += part)
            if ((part = sys_write(out, buffer + done, (size_t)(got - done))) <= 0)
                break;
    }
    if (out > STDERR_FILENO)
        sys_close(out);
}

enum leak_check leak_check_report(const char *log_path, unsigned most, const uint64_t *signals)
{
    static char path[PATH_MAX] SYS_TABLE;
    if (scan_reader_is_filtered()) {
        settings_complain("leak check: the program's system calls are filtered (seccomp)");
        return LEAK_CHECK_FAILED;
    }
    if (!find_report(path, sizeof(path))) {
        settings_complain("leak check: vmtrace-report is not beside libvmtrace.so");
        return LEAK_CHECK_FAILED;
    }
    int report = (int)sys_call(SYS_memfd_create, (long)"vmtrace-report", MFD_CLOEXEC, 0, 0, 0, 0);
    if (report < 0) {
        settings_complain("leak check: %s", text_errno(-report));
        return LEAK_CHECK_FAILED;
    }
    int status = run_report(path, report, most, signals);
    if (status == LEAKS_STATUS)
        tell(report, log_path);
    else if (status != 0)
        settings_complain("leak check: %s could not tell (%s %d)", path,
                          status < 0 ? "errno" : "status", status < 0 ? -status : status);
    sys_close(report);
    return status == LEAKS_STATUS ? LEAK_CHECK_LEAKS
           : status == 0          ? LEAK_CHECK_NONE
                                  : LEAK_CHECK_FAILED;
}
