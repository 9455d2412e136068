/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGUSR2 asks for snapshots (VMTRACE_SNAPSHOT_SIGNAL=USR2):
 *     residency_signal storm COUNT [handler]  sent to 8 threads in the middle of malloc and free;
 *                                             handler: the program has one of its own, is waited
 *                                             for, and the threads pause now and then
 *     residency_signal seen                   what the program sees of the signal's disposition
 *     residency_signal jump COUNT             the program's handler leaves by siglongjmp
 *     residency_signal small-stack [handler]  on an alternate stack of 8 KiB, also while the
 *                                             program's own is a tiny one; handler: the program's
 *                                             does not ask for the alternate stack
 *     residency_signal interrupted COUNT      vmtrace_snapshot() while a timer's handler leaves by
 *                                             siglongjmp, until it has done so COUNT times
 *     residency_signal forks COUNT            children take one each while a thread takes others
 *
 * Prints what a test compares.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <vmtrace/vmtrace.h>

enum { THREADS = 8, BLOCKS = 64 };

static volatile int stop, gently;
static unsigned long handled, damaged;

static void *storm(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    unsigned char *blocks[BLOCKS] = {NULL};
    size_t sizes[BLOCKS] = {0};
    while (!stop) {
        unsigned i = (unsigned)rand_r(&seed) % BLOCKS;
        errno = 1234;
        for (size_t j = 0; blocks[i] && j < sizes[i]; j++) {
            if (blocks[i][j] != (unsigned char)i)
                __atomic_add_fetch(&damaged, 1, __ATOMIC_RELAXED);
        }
        free(blocks[i]);
        sizes[i] = (size_t)rand_r(&seed) % 10000;
        blocks[i] = malloc(sizes[i]);
        if (blocks[i])
            memset(blocks[i], (int)i, sizes[i]);
        if (errno != 1234)
            __atomic_add_fetch(&damaged, 1, __ATOMIC_RELAXED);
        if (gently)
            usleep(100);
    }
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return NULL;
}

static void count(int number)
{
    (void)number;
    __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

static void run_storm(int signals, int with_handler)
{
    pthread_t threads[THREADS];
    if (with_handler)
        signal(SIGUSR2, count);
    gently = with_handler;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, storm, (void *)(uintptr_t)(i + 1));
    for (int i = 0; i < signals; i++) {
        unsigned long before = __atomic_load_n(&handled, __ATOMIC_RELAXED);
        pthread_kill(threads[i % THREADS], SIGUSR2);
        if (i % 4 == 1)
            usleep(200);
        while (with_handler && i % 2 && __atomic_load_n(&handled, __ATOMIC_RELAXED) == before)
            usleep(100);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("damaged %lu handled %d\n", damaged, handled > 0);
}

static void with_info(int number, siginfo_t *info, void *context)
{
    (void)context;
    handled += number == SIGUSR2 && info->si_pid == getpid();
}

static void show(const char *when)
{
    struct sigaction action;
    sigaction(SIGUSR2, NULL, &action);
    const char *is = action.sa_handler == SIG_DFL       ? "default"
                     : action.sa_handler == SIG_IGN     ? "ignored"
                     : action.sa_handler == count       ? "count"
                     : action.sa_sigaction == with_info ? "with_info"
                                                        : "unknown";
    printf("%s: %s%s%s%s%s, handled %lu\n", when, is, action.sa_flags & SA_SIGINFO ? " info" : "",
           action.sa_flags & SA_RESTART ? " restart" : "",
           (unsigned)action.sa_flags & SA_RESETHAND ? " reset" : "",
           sigismember(&action.sa_mask, SIGALRM) == 1 ? " mask" : "", handled);
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void seen(void)
{
    show("start");
    raise(SIGUSR2);
    struct sigaction action = {.sa_sigaction = with_info, .sa_flags = SA_SIGINFO}, old;
    sigaddset(&action.sa_mask, SIGALRM);
    sigaction(SIGUSR2, &action, &old);
    printf("old %d\n", old.sa_handler == SIG_DFL && old.sa_flags == 0);
    show("sigaction");
    kill(getpid(), SIGUSR2);
    show("sent");
    printf("signal %d\n", (void *)signal(SIGUSR2, count) == (void *)with_info);
    raise(SIGUSR2);
    show("signal");
    printf("ignore %d\n", signal(SIGUSR2, SIG_IGN) == count);
    raise(SIGUSR2);
    show("ignored");
    printf("sysv %d\n", sysv_signal(SIGUSR2, count) == SIG_IGN);
    show("once");
    raise(SIGUSR2);
    show("reset");
    raise(SIGUSR2);
    printf("sigset %d", sigset(SIGUSR2, SIG_HOLD) == SIG_DFL);
    printf(" %d", sigset(SIGUSR2, count) == SIG_HOLD);
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    printf(" %d\n", sigismember(&mask, SIGUSR2));
    raise(SIGUSR2);
    show("end");
}

static sigjmp_buf back;

static void jump(int number)
{
    (void)number;
    handled++;
    siglongjmp(back, 1);
}

static void run_jumps(unsigned long jumps)
{
    signal(SIGUSR2, jump);
    sigsetjmp(back, 1);
    if (handled < jumps) {
        free(malloc(50));
        raise(SIGUSR2);
    }
    printf("jumps %lu\n", handled);
}

static void run_interrupted(unsigned long jumps)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    const struct itimerspec often = {.it_value.tv_nsec = 300000, .it_interval.tv_nsec = 300000};
    timer_t timer;
    signal(SIGALRM, jump);
    if (sigsetjmp(back, 1) == 0 && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        timer_settime(timer, 0, &often, NULL);
    while (handled < jumps)
        vmtrace_snapshot("interrupted");
    signal(SIGALRM, SIG_IGN);
    vmtrace_snapshot("last");
    printf("jumps %lu\n", handled < jumps ? handled : jumps); /* one may have come after the loop */
}

static void *take_many(void *argument)
{
    while (!stop)
        vmtrace_snapshot("parent");
    return argument;
}

static void run_forks(int children)
{
    pthread_t thread;
    pthread_create(&thread, NULL, take_many, NULL);
    for (int i = 0; i < children; i++) {
        pid_t child = fork();
        if (child == 0) {
            vmtrace_snapshot("child");
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    stop = 1;
    pthread_join(thread, NULL);
}

/* Too small for the kernel to put a signal's frame on it. */
static void on_tiny_stack(void)
{
    raise(SIGUSR2);
}

static void small_stack(int with_handler)
{
    enum { PAGE = 4096, SIZE = 2 * PAGE };
    char *pages = mmap(NULL, SIZE + 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + PAGE, SIZE, PROT_READ | PROT_WRITE);
    mprotect(pages + SIZE + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE);
    stack_t stack = {.ss_sp = pages + PAGE, .ss_size = SIZE};
    if (sigaltstack(&stack, NULL) != 0)
        return;
    if (with_handler)
        signal(SIGUSR2, count);
    raise(SIGUSR2);
    static ucontext_t here, there;
    getcontext(&there);
    there.uc_stack.ss_sp = pages + SIZE + 2 * PAGE; /* behind a page without access */
    there.uc_stack.ss_size = 1536;
    there.uc_link = &here;
    makecontext(&there, on_tiny_stack, 0);
    swapcontext(&here, &there);
    puts("stood it");
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int number = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(what, "storm") == 0)
        run_storm(number, argc > 3);
    else if (strcmp(what, "seen") == 0)
        seen();
    else if (strcmp(what, "jump") == 0)
        run_jumps((unsigned long)number);
    else if (strcmp(what, "interrupted") == 0)
        run_interrupted((unsigned long)number);
    else if (strcmp(what, "forks") == 0)
        run_forks(number);
    else if (strcmp(what, "small-stack") == 0)
        small_stack(argc > 2);
    return 0;
}
