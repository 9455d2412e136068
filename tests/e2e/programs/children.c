/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way to start a process:
 *     children fork|nested|vfork|vfork-exec|spawn|exec|exec-fails|system|threads|leaf
 *     children fork-exit|fork-exec|fork-crash|busy-fork-exec
 * The parent allocates 5 blocks of 10 bytes before and 5 after, each child 7 of 20 bytes, but for
 * the children of fork-*, which do nothing of their own.
 */
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char *self;
static void *volatile kept;

static __attribute__((noinline)) void *parent_block(void)
{
    return malloc(10);
}

static __attribute__((noinline)) void *child_block(void)
{
    return malloc(20);
}

static void allocate_as_parent(void)
{
    for (int i = 0; i < 5; i++)
        kept = parent_block();
}

static void allocate_as_child(void)
{
    for (int i = 0; i < 7; i++)
        kept = child_block();
}

static int wait_for(pid_t child)
{
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 90;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 91;
}

static int use_fork(int levels)
{
    pid_t child = fork();
    if (child == 0) {
        allocate_as_child();
        exit(levels > 1 ? use_fork(levels - 1) : 3);
    }
    return wait_for(child);
}

static int use_idle_fork(const char *what)
{
    char *const arguments[] = {(char *)"children", (char *)"leaf", NULL};
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        if (strcmp(what, "exec") == 0)
            execv(self, arguments);
        if (strcmp(what, "crash") == 0)
            *(volatile int *)NULL = 1;
        _exit(3);
    }
    if (strcmp(what, "crash") != 0)
        return wait_for(child);
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? 3 : 96;
}

static int use_busy_fork_exec(void)
{
    char *const arguments[] = {(char *)"children", (char *)"leaf", NULL};
    pid_t child = fork();
    if (child == 0) {
        allocate_as_child();
        execv(self, arguments);
        _exit(97);
    }
    return wait_for(child);
}

static int use_vfork(int exec)
{
    char *const arguments[] = {(char *)"children", (char *)"leaf", NULL};
    pid_t child = vfork();
    if (child == 0) {
        if (exec)
            execv(self, arguments);
        _exit(3);
    }
    return wait_for(child);
}

static int use_spawn(void)
{
    char *const arguments[] = {(char *)"children", (char *)"leaf", NULL};
    pid_t child;
    if (posix_spawn(&child, self, NULL, NULL, arguments, environ))
        return 92;
    return wait_for(child);
}

static int stop;

static void *churn(void *argument)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        free(malloc(30));
    return argument;
}

/* Forks while other threads are half-way through an allocation. */
static int use_fork_among_threads(void)
{
    pthread_t threads[8];
    int result = 3;

    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, churn, NULL);
    for (int i = 0; i < 40 && result == 3; i++)
        result = use_fork(1);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    return result;
}

static int act(const char *how)
{
    char *const arguments[] = {(char *)"children", (char *)"leaf", NULL};
    if (strcmp(how, "fork") == 0)
        return use_fork(1);
    if (strcmp(how, "nested") == 0)
        return use_fork(3);
    if (strncmp(how, "fork-", 5) == 0)
        return use_idle_fork(how + 5);
    if (strcmp(how, "busy-fork-exec") == 0)
        return use_busy_fork_exec();
    if (strcmp(how, "vfork") == 0)
        return use_vfork(0);
    if (strcmp(how, "vfork-exec") == 0)
        return use_vfork(1);
    if (strcmp(how, "spawn") == 0)
        return use_spawn();
    if (strcmp(how, "exec") == 0)
        return execv(self, arguments);
    if (strcmp(how, "exec-fails") == 0)
        return execv("/nowhere/at/all", arguments) == -1 ? 3 : 93;
    if (strcmp(how, "system") == 0)
        return WEXITSTATUS(system("exit 3"));
    if (strcmp(how, "threads") == 0)
        return use_fork_among_threads();
    return 94;
}

int main(int argc, char **argv)
{
    static char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (argc < 2 || length < 0)
        return 95;
    self = path;
    if (strcmp(argv[1], "leaf") == 0) {
        allocate_as_child();
        return 3;
    }
    allocate_as_parent();
    int status = act(argv[1]);
    allocate_as_parent();
    return status;
}
