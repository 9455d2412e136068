/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads: eight named workers, each allocates 100 blocks and frees 90 of them.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./worker_threads; vmtrace-report vmtrace.worker_threads.*.vmt
 * Look for: in the threads section worker-0 to worker-7 with 100 allocations each, and in
 *           the leaks 80 blocks, 5120 bytes of worker_block(), one call stack for all.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKERS = 8, BLOCKS = 100, FREED = 90, SIZE = 64 };

static __attribute__((noinline)) void *worker_block(void)
{
    return malloc(SIZE); /* of each worker */
}

static void *work(void *argument)
{
    char name[16];
    void *blocks[BLOCKS];

    snprintf(name, sizeof(name), "worker-%d", *(int *)argument);
    pthread_setname_np(pthread_self(), name);
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = worker_block();
    for (int i = 0; i < FREED; i++)
        free(blocks[i]);
    return NULL;
}

int main(void)
{
    pthread_t threads[WORKERS];
    int numbers[WORKERS];

    for (int i = 0; i < WORKERS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, work, &numbers[i]))
            return 1;
    }
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
