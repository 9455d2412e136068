/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_pairs DEPTH THREADS PAIRS: each thread makes PAIRS pairs of malloc and free, DEPTH calls
 * below its start function, all at the same time; the wall-clock time of one pair, of the slowest
 * thread, is printed.  Thread start and program start are not in it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MAX_THREADS 64

static pthread_barrier_t start_line;
static int depth;
static long pairs;

__attribute__((noinline)) static void make_pairs(void)
{
    for (long i = 0; i < pairs; i++) {
        char *volatile block = malloc(32 + (size_t)(i & 63));
        free(block);
    }
}

/* The empty asm keeps the call from becoming a jump, which would leave no frame. */
__attribute__((noinline)) static void descend(int left)
{
    if (left > 0)
        descend(left - 1);
    else
        make_pairs();
    __asm__ volatile("" ::: "memory");
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* `result` is where the thread leaves its time in ns. */
static void *thread_main(void *result)
{
    pthread_barrier_wait(&start_line);
    double begin = now_ns();
    descend(depth);
    *(double *)result = now_ns() - begin;
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[MAX_THREADS];
    double times[MAX_THREADS], slowest = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: bench_pairs DEPTH THREADS PAIRS\n");
        return 2;
    }
    depth = atoi(argv[1]);
    int count = atoi(argv[2]);
    pairs = atol(argv[3]);
    if (depth < 0 || count < 1 || count > MAX_THREADS || pairs < 1) {
        fprintf(stderr, "bench_pairs: 1 to %d threads, at least 1 pair\n", MAX_THREADS);
        return 2;
    }
    pthread_barrier_init(&start_line, NULL, (unsigned)count);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, thread_main, &times[i]) != 0)
            return 1;
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        if (times[i] > slowest)
            slowest = times[i];
    }
    printf("ns_per_pair %.2f\n", slowest / (double)pairs);
    return 0;
}
