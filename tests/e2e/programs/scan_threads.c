/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that a scan has to stop, and that are not to notice it.
 * scan_threads sleep N: N threads in poll, nanosleep and pause while snapshots are taken; prints
 * how many calls were cut short. scan_threads registers: a thread with a pointer in registers only;
 * prints it. scan_threads storm N: 8 threads allocate while SIGUSR1 comes N times; prints what is
 * left over: children, descriptors, threads. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vmtrace/vmtrace.h>

static volatile int stop;
static int cut_short, ready, handled;

static void nap(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&time, &time) && errno == EINTR)
        ;
}

static void *sleep_on(void *context)
{
    void *volatile block = malloc(100);
    __atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
    while (!stop) {
        struct timespec time = {0, 30000000};
        int result = (uintptr_t)context % 2 ? poll(NULL, 0, 30) : nanosleep(&time, NULL);
        if (result < 0)
            __atomic_add_fetch(&cut_short, 1, __ATOMIC_RELAXED);
    }
    return block;
}

static void start(int count, void *(*routine)(void *))
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, routine, (void *)(uintptr_t)i))
            abort();
    }
}

static void await_ready(int count)
{
    while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < count)
        nap(1);
}

static void sleeping(int count)
{
    start(count, sleep_on);
    await_ready(count);
    for (int i = 0; i < 3; i++) {
        vmtrace_snapshot("sleeping");
        nap(5);
    }
    printf("cut_short %d\n", cut_short);
}

static void *in_registers(void *unused)
{
    (void)unused;
#if defined(__x86_64__)
    /* The addresses are hidden from memory but as their complements. */
    uint64_t hidden[2] = {~(uint64_t)malloc(64), ~(uint64_t)malloc(64)};
    printf("general %p\nvector %p\n", (void *)~hidden[0], (void *)~hidden[1]);
    fflush(stdout);
    __asm__ volatile("notq %%rbx\n\t"
                     "notq %%rcx\n\t"
                     "movq %%rcx, %%xmm7\n\t"
                     "xorl %%ecx, %%ecx\n\t"
                     "lock incl %[ready]\n"
                     "1:\tpause\n\t"
                     "cmpl $0, %[stop]\n\t"
                     "je 1b"
                     :
                     : "b"(hidden[0]), "c"(hidden[1]), [ready] "m"(ready), [stop] "m"(stop)
                     : "xmm7", "memory");
#endif
    return NULL;
}

static void registers(void)
{
    start(1, in_registers);
    await_ready(1);
    vmtrace_snapshot("registers");
    stop = 1;
}

static void *allocate(void *unused)
{
    (void)unused;
    void *blocks[64] = {NULL};
    for (unsigned i = 0; !stop; i++) {
        if (i % 128 == 0)
            nap(1); /* the trace is read by a slow decoder */
        blocks[i % 64] = realloc(blocks[i % 64], i * 7 % 400 + 1);
        if (i % 5 == 0) {
            free(blocks[i % 64]);
            blocks[i % 64] = NULL;
        }
    }
    return NULL;
}

static void count_signal(int number)
{
    (void)number;
    handled++;
}

static int entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = -2; /* . and .. */
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

static void storm(int times)
{
    int before = entries("/proc/self/fd");
    signal(SIGUSR1, count_signal);
    start(8, allocate);
    nap(20);
    for (int i = 0; i < times; i++) {
        kill(getpid(), SIGUSR1);
        nap(1);
    }
    stop = 1; /* they open the trace now and then */
    for (int i = 0; i < 1000 && entries("/proc/self/task") > 1; i++)
        nap(10);
    errno = 0;
    int child = waitpid(-1, NULL, WNOHANG | __WALL);
    printf("handled %d\nchildren %d\ndescriptors %d\nthreads %d\n", handled > 0,
           child != -1 || errno != ECHILD, entries("/proc/self/fd") - before,
           entries("/proc/self/task") - 1);
}

int main(int argc, char **argv)
{
    int count = argc > 2 ? atoi(argv[2]) : 0;
    if (argc > 1 && strcmp(argv[1], "sleep") == 0)
        sleeping(count);
    else if (argc > 1 && strcmp(argv[1], "registers") == 0)
        registers();
    else
        storm(count);
    fflush(stdout);
    return 0;
}
