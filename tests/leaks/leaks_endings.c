/* SPDX-License-Identifier: Apache-2.0 */
/* How a process ends, and the processes that it forked. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leak_case.h"

static void *volatile kept;

static NOINLINE void keep_one(void)
{
    kept = malloc(40);
}

static NOINLINE void lose_one(void)
{
    leak_use(malloc(24));
}

static NOINLINE void keep_and_lose(void)
{
    keep_one();
    lose_one();
    leak_clear_stack();
}

LEAK_CASE(ends_by_return)
{
    keep_and_lose();
}

LEAK_CASE(ends_by_exit)
{
    keep_and_lose();
    exit(0);
}

LEAK_CASE(ends_by__exit)
{
    keep_and_lose();
    _exit(0);
}

LEAK_CASE(ends_by__Exit)
{
    keep_and_lose();
    _Exit(0);
}

LEAK_CASE(ends_by_quick_exit)
{
    keep_and_lose();
    quick_exit(0);
}

static void free_kept(void)
{
    free(kept);
    kept = NULL;
}

LEAK_CASE(freed_by_atexit)
{
    keep_and_lose();
    atexit(free_kept);
}

LEAK_CASE(freed_by_at_quick_exit)
{
    keep_and_lose();
    at_quick_exit(free_kept);
    quick_exit(0);
}

/* More than the first block of libc's own list holds. */
LEAK_CASE(many_atexit_handlers)
{
    keep_and_lose();
    for (int i = 0; i < 100; i++)
        atexit(free_kept);
}

static void exit_again(void)
{
    _exit(0);
}

LEAK_CASE(exit_in_atexit)
{
    atexit(exit_again);
    keep_and_lose();
}

static void lose_at_exit(void)
{
    lose_one();
    leak_clear_stack();
}

LEAK_CASE(lost_by_atexit)
{
    atexit(lose_at_exit);
    keep_and_lose();
}

static void freed_by_destructor_(void) __attribute__((destructor));

static int wants_destructor;

static void freed_by_destructor_(void)
{
    if (wants_destructor)
        free_kept();
}

LEAK_CASE(freed_by_destructor)
{
    wants_destructor = 1;
    keep_and_lose();
}

static void exit_in_handler(int signal)
{
    (void)signal;
    keep_and_lose();
    _exit(0);
}

LEAK_CASE(ends_in_signal_handler)
{
    signal(SIGTERM, exit_in_handler);
    raise(SIGTERM);
}

static jmp_buf back;

static NOINLINE void jump(void)
{
    void *volatile local = malloc(40);
    leak_use(local);
    longjmp(back, 1);
}

LEAK_CASE(frame_left_by_longjmp)
{
    if (!setjmp(back))
        jump();
}

static void in_child(void)
{
    keep_and_lose();
}

static NOINLINE void reap(pid_t child)
{
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status)
        _exit(3);
}

LEAK_CASE(fork_child_exits)
{
    pid_t child = fork();
    if (child == 0) {
        in_child();
        exit(0);
    }
    reap(child);
}

LEAK_CASE(fork_child__exits)
{
    pid_t child = fork();
    if (child == 0) {
        in_child();
        _exit(0);
    }
    reap(child);
}

/* The child frees, keeps and loses what its parent allocated. */
static void *volatile inherited[4];

static NOINLINE void allocate_for_child(void)
{
    for (int i = 0; i < 4; i++)
        inherited[i] = malloc(100);
}

LEAK_CASE(fork_child_inherits)
{
    allocate_for_child();
    pid_t child = fork();
    if (child == 0) {
        free(inherited[0]);
        inherited[1] = NULL;
        in_child();
        exit(0);
    }
    reap(child);
}

LEAK_CASE(fork_parent_loses)
{
    allocate_for_child();
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    reap(child);
    inherited[0] = inherited[1] = NULL;
    lose_one();
}

LEAK_CASE(vfork_child)
{
    keep_and_lose();
    pid_t child = vfork();
    if (child == 0)
        _exit(0);
    reap(child);
}

/* Both parents end at once; the grandchild keeps stdout open until it ends. */
LEAK_CASE(daemon_by_hand)
{
    if (fork())
        _exit(0);
    setsid();
    if (fork())
        _exit(0);
    in_child();
    exit(0);
}

LEAK_CASE(daemon_by_libc)
{
    if (daemon(0, 1))
        _exit(3);
    in_child();
}

static void *fork_in_thread(void *unused)
{
    pid_t child = fork();
    if (child == 0) {
        in_child();
        exit(0);
    }
    reap(child);
    return unused;
}

LEAK_CASE(fork_in_thread_of_main)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, fork_in_thread, NULL))
        _exit(3);
    pthread_join(thread, NULL);
}
