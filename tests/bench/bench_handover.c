/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_handover THREADS BLOCKS: threads in a circle.  Each allocates BLOCKS blocks for its right
 * neighbour and frees as many from its left one, so no thread ever frees what it allocated.  A
 * thread whose neighbour lags behind does the other half of its work meanwhile.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench_clock.h"

#define MAX_THREADS 64
#define RING_SLOTS 1024 /* a power of 2 */

/* One writer, one reader; each index has a cache line of its own. */
struct ring {
    _Alignas(64) atomic_ulong head; /* blocks put in so far */
    _Alignas(64) atomic_ulong tail; /* blocks taken out so far */
    _Alignas(64) void *slots[RING_SLOTS];
};

struct worker {
    pthread_t thread;
    int number;
    struct bench_span *span;
};

static struct ring rings[MAX_THREADS];
static pthread_barrier_t start_line;
static int threads;
static unsigned long blocks;

static int ring_put(struct ring *ring, void *block)
{
    unsigned long head = atomic_load_explicit(&ring->head, memory_order_relaxed);

    if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) == RING_SLOTS)
        return 0;
    ring->slots[head % RING_SLOTS] = block;
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return 1;
}

static void *ring_take(struct ring *ring)
{
    unsigned long tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    if (atomic_load_explicit(&ring->head, memory_order_acquire) == tail)
        return NULL;
    void *block = ring->slots[tail % RING_SLOTS];
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return block;
}

static void exchange(struct ring *left, struct ring *right)
{
    unsigned long made = 0, freed = 0;
    void *waiting = NULL; /* allocated, and the right ring had no room */

    while (made < blocks || freed < blocks || waiting != NULL) {
        int idle = 1;
        if (waiting == NULL && made < blocks)
            waiting = malloc(32 + (made++ & 63));
        if (waiting != NULL && ring_put(right, waiting)) {
            waiting = NULL;
            idle = 0;
        }
        void *block = ring_take(left);
        if (block != NULL) {
            free(block);
            freed++;
            idle = 0;
        }
        if (idle)
            sched_yield();
    }
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;

    pthread_barrier_wait(&start_line);
    bench_span_begin(worker->span);
    exchange(&rings[worker->number], &rings[(worker->number + 1) % threads]);
    bench_span_end(worker->span);
    return NULL;
}

int main(int argc, char **argv)
{
    struct bench_span spans[MAX_THREADS];
    struct worker workers[MAX_THREADS];

    threads = argc == 3 ? atoi(argv[1]) : 0;
    blocks = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (threads < 2 || threads > MAX_THREADS || blocks < 1) {
        fprintf(stderr, "usage: bench_handover THREADS BLOCKS; 2 to %d threads\n", MAX_THREADS);
        return 2;
    }
    pthread_barrier_init(&start_line, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker){.number = i, .span = &spans[i]};
        if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0)
            return 1;
    }
    for (int i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    bench_spans_print(spans, threads, (long)blocks);
    return 0;
}
