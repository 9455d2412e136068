/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way to end a process:
 *     endings return|exit|_exit|_Exit|quick_exit|abort|kill|thread|main-thread|syscall
 * 50 blocks of 10 bytes before, and 3 of 20 bytes in an exit handler and 2 of 30 bytes in a
 * destructor where the way to end runs them.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static __attribute__((noinline)) void *early_block(void)
{
    return malloc(10);
}

static __attribute__((noinline)) void *handler_block(void)
{
    return malloc(20);
}

static __attribute__((noinline)) void *destructor_block(void)
{
    return malloc(30);
}

static void *volatile kept;

static void at_exit(void)
{
    for (int i = 0; i < 3; i++)
        kept = handler_block();
}

static __attribute__((destructor)) void at_unload(void)
{
    for (int i = 0; i < 2; i++)
        kept = destructor_block();
}

static void *end_from_thread(void *argument)
{
    (void)argument;
    exit(7);
}

static void *end_after_main(void *main_thread)
{
    pthread_join(*(pthread_t *)main_thread, NULL);
    exit(7);
}

static int end_in_thread(void *(*end)(void *))
{
    static pthread_t main_thread;
    pthread_t thread;
    main_thread = pthread_self();
    if (pthread_create(&thread, NULL, end, &main_thread))
        return 99;
    if (end == end_after_main)
        pthread_exit(NULL);
    pause();
    return 98;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "return";

    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    atexit(at_exit);
    at_quick_exit(at_exit);
    for (int i = 0; i < 50; i++)
        kept = early_block();

    if (strcmp(how, "exit") == 0)
        exit(7);
    if (strcmp(how, "_exit") == 0)
        _exit(7);
    if (strcmp(how, "_Exit") == 0)
        _Exit(7);
    if (strcmp(how, "quick_exit") == 0)
        quick_exit(7);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(how, "terminate") == 0)
        kill(getpid(), SIGTERM);
    if (strcmp(how, "thread") == 0)
        return end_in_thread(end_from_thread);
    if (strcmp(how, "main-thread") == 0)
        return end_in_thread(end_after_main);
    if (strcmp(how, "syscall") == 0)
        syscall(SYS_exit_group, 7);
    return 7;
}
