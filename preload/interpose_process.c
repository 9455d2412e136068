/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork, exec, the ways to end without exit(), and dlclose.
 *
 * However a fork was made, it is noticed at the child's first event; until then the child has no
 * trace, and one that only calls exec never gets one.  fork() is wrapped for the parent's record of
 * it, and for forks in a signal handler, whose child may go on with what the handler interrupted.
 */
#include "exec_target.h"
#include "exit_frame.h"
#include "interpose.h"
#include "lifecycle.h"
#include "sys.h"
#include "thread_state.h"
#include "trace_file.h"
#include "unfollowed.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static pid_t (*real_fork)(void);
static pid_t (*real__Fork)(void);
static int (*real_daemon)(int, int);
static int (*real_execve)(const char *, char *const[], char *const[]);
static int (*real_execvpe)(const char *, char *const[], char *const[]);
static int (*real_fexecve)(int, char *const[], char *const[]);
static int (*real_execveat)(int, const char *, char *const[], char *const[], int);
static void (*real__exit)(int) __attribute__((noreturn));
static int (*real_dlclose)(void *);
static void (*real_quick_exit)(int) __attribute__((noreturn));

void interpose_process_resolve(void)
{
    RESOLVE(fork);
    RESOLVE(_Fork);
    RESOLVE(daemon);
    RESOLVE(execve);
    RESOLVE(execvpe);
    RESOLVE(fexecve);
    RESOLVE(execveat);
    RESOLVE(_exit);
    RESOLVE(quick_exit);
    RESOLVE(dlclose);
    exit_frame_resolve((uint64_t)real_quick_exit);
}

/* The child's trace begins with its first event, unless a signal handler forked that had
 * interrupted a hook, which goes on in the child, too. */
static void in_child(void)
{
    thread_state_note_child();
    unfollowed_in_child();
    if (recording == RECORDING_OFF)
        trace_file_count_lost();
    if (thread_state.flags & THREAD_KEPT)
        lifecycle_check_fork();
    else
        thread_state_wipe();
    if (thread_state_forked()) /* else a fork handler of the program's was the first event */
        faultcount_begin_child();
}

static pid_t after_fork(pid_t child)
{
    int saved = errno;
    callstack_after_fork();
    if (child == 0)
        in_child();
    else
        thread_state_fork_done();
    if (child != 0)
        thread_state_forget_fork();
    if (child > 0)
        record_number(VMT_OP_FORK, (uint64_t)child);
    errno = saved;
    return child;
}

EXPORT pid_t fork(void)
{
    thread_state_note_fork(); /* first: it forgets a hook that the thread has jumped out of */
    thread_state_before_fork();
    callstack_before_fork();
    return after_fork(REAL(fork)());
}

/* glibc 2.34 */
EXPORT pid_t _Fork(void);
EXPORT pid_t _Fork(void)
{
    if (!REAL(_Fork)) {
        errno = ENOSYS;
        return -1;
    }
    thread_state_note_fork(); /* first: it forgets a hook that the thread has jumped out of */
    thread_state_before_fork();
    callstack_before_fork();
    return after_fork(real__Fork());
}

/* glibc's calls its own fork and, in the parent, its own _exit. */
EXPORT int daemon(int keep_directory, int keep_descriptors)
{
    lifecycle_end(VMT_EXIT_UNDERSCORE, 0);
    thread_state_note_fork();
    int result = REAL(daemon)(keep_directory, keep_descriptors);
    int saved = errno;
    lifecycle_check_fork();
    if (result) {
        thread_state_forget_fork();
        lifecycle_not_ended();
    }
    errno = saved;
    return result;
}

/* Every exec function passes here: notes the attempt, and the failure if it returns. */
#define EXEC(path, why, call)                                                                      \
    do {                                                                                           \
        const char *path_ = (path);                                                                \
        enum vmt_unfollowed why_ = (why);                                                          \
        if (why_)                                                                                  \
            unfollowed_expect(why_, path_);                                                        \
        lifecycle_exec(path_);                                                                     \
        (call);                                                                                    \
        int error_ = errno;                                                                        \
        lifecycle_exec_failed(error_);                                                             \
        if (why_)                                                                                  \
            unfollowed_take_back();                                                                \
        errno = error_;                                                                            \
    } while (0)

/* The kernel answers EFAULT to an address that is none; reading it would be a crash of ours. */
static const char *readable(const char *path)
{
    return sys_can_read_path(path) ? path : NULL;
}

static int traced_execve(const char *path, char *const arguments[], char *const environment[])
{
    enum vmt_unfollowed why = exec_target_judge(AT_FDCWD, path, environment);
    EXEC_TARGET_ENVIRONMENT(passed, why, environment);
    EXEC(readable(path), why, REAL(execve)(path, arguments, passed));
    return -1;
}

static int traced_execvpe(const char *file, char *const arguments[], char *const environment[])
{
    enum vmt_unfollowed why = exec_target_judge_name(file, environment);
    EXEC_TARGET_ENVIRONMENT(passed, why, environment);
    EXEC(file, why, REAL(execvpe)(file, arguments, passed));
    return -1;
}

EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
    return traced_execve(path, arguments, environment);
}

EXPORT int execv(const char *path, char *const arguments[])
{
    return traced_execve(path, arguments, environ);
}

EXPORT int execvp(const char *file, char *const arguments[])
{
    return traced_execvpe(file, arguments, environ);
}

EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[])
{
    return traced_execvpe(file, arguments, environment);
}

EXPORT int fexecve(int fd, char *const arguments[], char *const environment[])
{
    enum vmt_unfollowed why = exec_target_judge(fd, NULL, environment);
    EXEC_TARGET_ENVIRONMENT(passed, why, environment);
    EXEC("(descriptor)", why, REAL(fexecve)(fd, arguments, passed));
    return -1;
}

/* glibc 2.34 */
EXPORT int execveat(int fd, const char *path, char *const arguments[], char *const environment[],
                    int flags)
{
    if (!REAL(execveat)) {
        errno = ENOSYS;
        return -1;
    }
    const char *told = readable(path);
    bool itself = flags & AT_EMPTY_PATH && told && !*told;
    enum vmt_unfollowed why = exec_target_judge(fd, itself ? NULL : path, environment);
    EXEC_TARGET_ENVIRONMENT(passed, why, environment);
    EXEC(told, why, REAL(execveat)(fd, path, arguments, passed, flags));
    return -1;
}

/* The execl family: the arguments are counted, copied to the stack, and passed on as an array. */
static size_t count_arguments(va_list arguments)
{
    size_t count = 1; /* the first one is a named parameter, declared non-NULL */
    while (va_arg(arguments, char *))
        count++;
    return count;
}

#define COLLECT(first)                                                                             \
    va_list list_;                                                                                 \
    va_start(list_, first);                                                                        \
    size_t count_ = count_arguments(list_);                                                        \
    va_end(list_);                                                                                 \
    char **collected = __builtin_alloca((count_ + 1) * sizeof(char *));                            \
    va_start(list_, first);                                                                        \
    collected[0] = (char *)(first);                                                                \
    for (size_t i_ = 1; i_ <= count_; i_++)                                                        \
    collected[i_] = va_arg(list_, char *)

EXPORT int execl(const char *path, const char *first, ...)
{
    COLLECT(first);
    va_end(list_);
    return traced_execve(path, collected, environ);
}

EXPORT int execlp(const char *file, const char *first, ...)
{
    COLLECT(first);
    va_end(list_);
    return traced_execvpe(file, collected, environ);
}

EXPORT int execle(const char *path, const char *first, ...)
{
    COLLECT(first);
    char *const *environment = va_arg(list_, char *const *);
    va_end(list_);
    return traced_execve(path, collected, environment);
}

EXPORT void _exit(int status)
{
    lifecycle_end(VMT_EXIT_UNDERSCORE, status);
    REAL(_exit)(status);
    __builtin_unreachable();
}

EXPORT void _Exit(int status)
{
    lifecycle_end(VMT_EXIT_UNDERSCORE, status);
    REAL(_exit)(status);
    __builtin_unreachable();
}

EXPORT void quick_exit(int status)
{
    lifecycle_note_quick_exit(status);
    REAL(quick_exit)(status);
    __builtin_unreachable();
}

EXPORT int dlclose(void *handle)
{
    int result = REAL(dlclose)(handle);
    int saved = errno;
    lifecycle_module_closed();
    errno = saved;
    return result;
}
