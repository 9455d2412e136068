/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_pairs DEPTH THREADS PAIRS: each thread makes PAIRS pairs of malloc and free, DEPTH calls
 * below its start function, all at the same time.  0 threads is the main thread of a process that
 * never starts another one.
 */
#include <pthread.h>
#include <stdlib.h>

#include "bench_clock.h"

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

static void *thread_main(void *span)
{
    pthread_barrier_wait(&start_line);
    bench_span_begin(span);
    descend(depth);
    bench_span_end(span);
    return NULL;
}

static int run_threads(struct bench_span *spans, int count)
{
    pthread_t threads[MAX_THREADS];

    pthread_barrier_init(&start_line, NULL, (unsigned)count);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, thread_main, &spans[i]) != 0)
            return 1;
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

int main(int argc, char **argv)
{
    struct bench_span spans[MAX_THREADS];

    if (argc != 4) {
        fprintf(stderr, "usage: bench_pairs DEPTH THREADS PAIRS\n");
        return 2;
    }
    depth = atoi(argv[1]);
    int count = atoi(argv[2]);
    pairs = atol(argv[3]);
    if (depth < 0 || count < 0 || count > MAX_THREADS || pairs < 1) {
        fprintf(stderr, "bench_pairs: 0 to %d threads, at least 1 pair\n", MAX_THREADS);
        return 2;
    }
    if (count == 0) {
        bench_span_begin(&spans[0]);
        descend(depth);
        bench_span_end(&spans[0]);
        count = 1;
    } else if (run_threads(spans, count) != 0) {
        return 1;
    }
    bench_spans_print(spans, count, pairs);
    return 0;
}
