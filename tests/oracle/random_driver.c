/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random use of the whole allocation API, with a ledger.
 *
 *     random_driver SEED LEDGER [OPERATIONS]
 *
 * 0 to 16 threads beside the main one, in two waves, allocate, reallocate and free
 * each other's blocks and change their mappings.  LEDGER is written at the end: what
 * was allocated, what failed and what is live, by the function that asked for it.
 * run_oracle.py traces it and compares.
 */
#include "oracle_heap.h"
#include "oracle_map.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker {
    unsigned number;
    struct oracle_random random;
    pthread_t thread;
};

static unsigned operations = 4000;
static struct worker workers[ORACLE_THREADS];

static void *work(void *argument)
{
    struct worker *worker = argument;
    for (unsigned i = 0; i < operations; i++) {
        if (random_below(&worker->random, 20) == 0)
            map_do_something(worker->number, &worker->random);
        else
            heap_do_something(&worker->random);
    }
    return NULL;
}

static int run_wave(unsigned threads)
{
    for (unsigned i = 1; i <= threads; i++) {
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            return -1;
    }
    work(&workers[0]);
    for (unsigned i = 1; i <= threads; i++)
        pthread_join(workers[i].thread, NULL);
    return 0;
}

/* A child that uses the heap it inherited: none of it is in the parent's trace. */
static int fork_between(void)
{
    pid_t child = fork();
    if (child < 0)
        return -1;
    if (child == 0) {
        work(&workers[0]);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    const unsigned long seed = strtoul(argv[1], NULL, 10);
    if (argc > 3)
        operations = (unsigned)strtoul(argv[3], NULL, 10);
    const unsigned threads = (unsigned)(seed % ORACLE_THREADS);

    for (unsigned i = 0; i <= threads; i++) {
        workers[i].number = i;
        workers[i].random.state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + i;
        random_next(&workers[i].random);
    }
    if (run_wave(threads) || (seed % 5 == 0 && fork_between()) || run_wave(threads))
        return 3;
    if (ledger_write(argv[2]))
        return 4;
    switch (seed / 17 % 4) {
    case 0:
        return 0;
    case 1:
        exit(0);
    case 2:
        _exit(0);
    default:
        quick_exit(0);
    }
}
