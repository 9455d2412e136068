/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that start a program by libc's own vfork and exec, which nobody can wrap.  Children
 * that will leave no trace are told by their parent; all others need nothing.
 */
#include "exec_target.h"
#include "interpose.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *,
                           const posix_spawnattr_t *, char *const[], char *const[]);

static spawn_function *real_posix_spawn;
static spawn_function *real_posix_spawnp;
static int (*real_system)(const char *);
static FILE *(*real_popen)(const char *, const char *);

void interpose_spawn_resolve(void)
{
    RESOLVE(posix_spawn);
    RESOLVE(posix_spawnp);
    RESOLVE(system);
    RESOLVE(popen);
}

/* After the child was made: it may have a trace already, if the guess is wrong. */
static void tell(pid_t pid, const char *path, enum vmt_unfollowed why)
{
    int saved = errno;
    if (why)
        record_unfollowed((uint32_t)pid, why, path);
    errno = saved;
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const arguments[],
                       char *const environment[])
{
    pid_t child = 0, *place = pid ? pid : &child; /* a handler of SIGCHLD may look at it at once */
    int error = REAL(posix_spawn)(place, path, actions, attributes, arguments, environment);
    if (!error)
        tell(*place, path, exec_target_judge(AT_FDCWD, path, environment));
    return error;
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[],
                        char *const environment[])
{
    pid_t child = 0, *place = pid ? pid : &child; /* a handler of SIGCHLD may look at it at once */
    int error = REAL(posix_spawnp)(place, file, actions, attributes, arguments, environment);
    if (!error)
        tell(*place, file, exec_target_judge_name(file, environment));
    return error;
}

/* The shell is told before it is made: system() does not return before it ends, and the process may
 * be killed meanwhile. */
static bool expect_shell(void)
{
    int saved = errno;
    enum vmt_unfollowed why = exec_target_judge(AT_FDCWD, _PATH_BSHELL, environ);
    if (why)
        record_unfollowed(0, why, _PATH_BSHELL);
    errno = saved;
    return why != VMT_FOLLOWED;
}

static void take_back(void)
{
    int saved = errno;
    record_unfollowed(0, VMT_FOLLOWED, "");
    errno = saved;
}

EXPORT int system(const char *command)
{
    bool expected = command && expect_shell();
    int status = REAL(system)(command);
    if (expected && status == -1)
        take_back();
    return status;
}

EXPORT FILE *popen(const char *command, const char *mode)
{
    bool expected = expect_shell();
    FILE *stream = REAL(popen)(command, mode);
    if (expected && !stream)
        take_back();
    return stream;
}
