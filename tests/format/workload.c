/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload THREADS ROUNDS: each thread allocates in four ways.  One block of each round goes through a
 * mailbox that two threads share, so that a part of the frees is of another thread's blocks.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_THREADS 64

struct mailbox {
    pthread_mutex_t lock;
    void *block; /* the newest one that waits for another thread, or NULL */
};

static struct mailbox mailboxes[MAX_THREADS];
static int thread_count;
static long rounds;

/* Leaves `block` (may be NULL) in the box and takes what was there. */
static void *mailbox_exchange(struct mailbox *box, void *block)
{
    pthread_mutex_lock(&box->lock);
    void *old = box->block;
    box->block = block;
    pthread_mutex_unlock(&box->lock);
    return old;
}

static void work(struct mailbox *box, long round)
{
    void *first = malloc(16 + (size_t)(round % 500));
    void *second = calloc(3, 8 + (size_t)(round % 70));
    void *aligned = NULL;

    if (posix_memalign(&aligned, 64, 100) != 0)
        abort();
    void *moved = realloc(first, 1000 + (size_t)(round % 3000));
    free(mailbox_exchange(box, moved ? moved : first));
    free(aligned);
    free(second);
}

static void *thread_main(void *argument)
{
    struct mailbox *box = argument;

    for (long round = 0; round < rounds; round++)
        work(box, round);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[MAX_THREADS];

    thread_count = argc > 1 ? atoi(argv[1]) : 1;
    rounds = argc > 2 ? atol(argv[2]) : 1000;
    if (thread_count < 1 || thread_count > MAX_THREADS) {
        fprintf(stderr, "workload: 1 to %d threads\n", MAX_THREADS);
        return 2;
    }
    for (int i = 0; i < thread_count; i++)
        pthread_mutex_init(&mailboxes[i].lock, NULL);
    if (thread_count == 1) {
        thread_main(&mailboxes[0]);
    } else {
        for (int i = 0; i < thread_count; i++)
            if (pthread_create(&threads[i], NULL, thread_main, &mailboxes[i / 2]) != 0)
                return 1;
        for (int i = 0; i < thread_count; i++)
            pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < thread_count; i++)
        free(mailbox_exchange(&mailboxes[i], NULL));
    return 0;
}
