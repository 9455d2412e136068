/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that start a program by libc's own vfork and exec, which nobody can wrap.  Children
 * that will leave no trace are told by their parent; all others need nothing.
 */
#include "exec_target.h"
#include "interpose.h"
#include "spawn_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wordexp.h>

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *,
                           const posix_spawnattr_t *, char *const[], char *const[]);

/* The type of pidfd_spawn, too: its first argument gets a descriptor. */
static spawn_function *real_posix_spawn;
static spawn_function *real_posix_spawnp;
static spawn_function *real_pidfd_spawn;
static spawn_function *real_pidfd_spawnp;
static int (*real_system)(const char *);
static FILE *(*real_popen)(const char *, const char *);
static int (*real_wordexp)(const char *, wordexp_t *, int);

void interpose_spawn_resolve(void)
{
    RESOLVE(posix_spawn);
    RESOLVE(posix_spawnp);
    RESOLVE(pidfd_spawn);
    RESOLVE(pidfd_spawnp);
    RESOLVE(system);
    RESOLVE(popen);
    RESOLVE(wordexp);
}

static enum vmt_unfollowed judge(const char *path, const posix_spawn_file_actions_t *actions,
                                 char *const environment[])
{
    struct spawn_folder folder;
    path = spawn_folder_find(&folder, actions, path);
    return path ? exec_target_judge(folder.base, path, environment) : VMT_FOLLOWED;
}

/* Of a name in PATH nothing depends on the folder, unless PATH has a relative one. */
static enum vmt_unfollowed judge_name(const char *file, const posix_spawn_file_actions_t *actions,
                                      char *const environment[])
{
    return file && strchr(file, '/') ? judge(file, actions, environment)
                                     : exec_target_judge_name(file, environment);
}

/* After the child was made: it may have a trace already, if the guess is wrong. */
static int tell(int error, pid_t pid, const char *path, enum vmt_unfollowed why)
{
    int saved = errno;
    if (why && !error)
        record_unfollowed((uint32_t)pid, why, path);
    errno = saved;
    return error;
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const arguments[],
                       char *const environment[])
{
    pid_t child = 0, *place = pid ? pid : &child; /* a handler of SIGCHLD may look at it at once */
    enum vmt_unfollowed why = judge(path, actions, environment);
    EXEC_TARGET_ENVIRONMENT(passed, why, environment);
    int error = REAL(posix_spawn)(place, path, actions, attributes, arguments, passed);
    return tell(error, *place, path, why);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[],
                        char *const environment[])
{
    pid_t child = 0, *place = pid ? pid : &child; /* a handler of SIGCHLD may look at it at once */
    enum vmt_unfollowed why = judge_name(file, actions, environment);
    EXEC_TARGET_ENVIRONMENT(passed, why, environment);
    int error = REAL(posix_spawnp)(place, file, actions, attributes, arguments, passed);
    return tell(error, *place, file, why);
}

/* glibc 2.39.  The pid is not asked for: a child without it is told by its path. */
EXPORT int pidfd_spawn(int *fd, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const arguments[],
                       char *const environment[]);
EXPORT int pidfd_spawn(int *fd, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const arguments[],
                       char *const environment[])
{
    if (!REAL(pidfd_spawn))
        return ENOSYS;
    enum vmt_unfollowed why = judge(path, actions, environment);
    EXEC_TARGET_ENVIRONMENT(passed, why, environment);
    return tell(real_pidfd_spawn(fd, path, actions, attributes, arguments, passed), 0, path, why);
}

EXPORT int pidfd_spawnp(int *fd, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[],
                        char *const environment[]);
EXPORT int pidfd_spawnp(int *fd, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[],
                        char *const environment[])
{
    if (!REAL(pidfd_spawnp))
        return ENOSYS;
    enum vmt_unfollowed why = judge_name(file, actions, environment);
    EXEC_TARGET_ENVIRONMENT(passed, why, environment);
    return tell(real_pidfd_spawnp(fd, file, actions, attributes, arguments, passed), 0, file, why);
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

/* Arithmetic, $((1 + 2)), is done without a shell. */
static bool has_command(const char *words)
{
    for (const char *at = words + strcspn(words, "`$"); *at; at += 1 + strcspn(at + 1, "`$")) {
        if (*at == '`' || (at[1] == '(' && at[2] != '('))
            return true;
    }
    return false;
}

/* Whether it is an error or not, commands before that may have been run. */
EXPORT int wordexp(const char *words, wordexp_t *result, int flags)
{
    if (!(flags & WRDE_NOCMD) && has_command(words))
        expect_shell();
    return REAL(wordexp)(words, result, flags);
}
