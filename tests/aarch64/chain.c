/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of five functions, none inlined, above one allocation of 100 bytes; then the ending
 * that the argument names: fork, exec PROGRAM ARGUMENT..., segv, handler, kill, deep
 * (a thousand frames outside of the chain).
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *ending = "";
static char **successor; /* for exec: program and arguments, NULL at the end */
static volatile int zero;

static void in_handler(int number)
{
    if (!malloc(300 + (size_t)(number - SIGUSR1))) /* in the handler */
        abort();
}

static void finish_child(pid_t child)
{
    int status = 0;
    if (child == 0) {
        if (!malloc(200)) /* in the child */
            abort();
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        abort();
}

static __attribute__((noinline)) void five(void)
{
    if (!malloc(100)) /* of the chain */
        abort();
    if (strcmp(ending, "fork") == 0)
        finish_child(fork());
    if (strcmp(ending, "exec") == 0) {
        unsetenv("LD_PRELOAD");
        execv(successor[0], successor);
    }
    if (strcmp(ending, "segv") == 0)
        *(volatile int *)(intptr_t)zero = 1; /* crashes */
    if (strcmp(ending, "handler") == 0)
        raise(SIGUSR1);
    if (strcmp(ending, "kill") == 0)
        kill(getpid(), SIGKILL);
}

static __attribute__((noinline)) void four(void)
{
    five();
    zero = 0;
}

static __attribute__((noinline)) void three(void)
{
    four();
    zero = 0;
}

static __attribute__((noinline)) void two(void)
{
    three();
    zero = 0;
}

static __attribute__((noinline)) void one(void)
{
    two();
    zero = 0;
}

static __attribute__((noinline)) void descend(int levels)
{
    if (levels > 0)
        descend(levels - 1);
    else
        one();
    zero = 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        ending = argv[1];
    if (argc > 2)
        successor = argv + 2;
    signal(SIGUSR1, in_handler);
    if (strcmp(ending, "deep") == 0)
        descend(1000);
    else
        one();
    return 0;
}
