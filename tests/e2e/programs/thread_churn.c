/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that come and go, and free what they own in the destructors of their
 * thread-specific data, twice over: thread_churn [AT_ONCE [WAVES]]
 * Each thread: 10 blocks of thread_block(), freed by the destructor, which allocates
 * one of last_block() for another round of destructors to free.
 */
#include <pthread.h>
#include <stdlib.h>

enum { BLOCKS = 10 };

static pthread_key_t first_key, second_key;
static pthread_barrier_t all_alive;

static __attribute__((noinline)) void *thread_block(void)
{
    return malloc(33);
}

static __attribute__((noinline)) void *last_block(void)
{
    return malloc(44);
}

static void drop_last(void *block)
{
    free(block);
}

static void drop_all(void *argument)
{
    void **blocks = argument;
    for (int i = 1; i < BLOCKS; i++)
        free(blocks[i]);
    free(blocks);
    pthread_setspecific(second_key, last_block());
}

static void *live(void *argument)
{
    void **blocks = calloc(BLOCKS, sizeof(*blocks));
    for (int i = 1; i < BLOCKS; i++)
        blocks[i] = thread_block();
    pthread_setspecific(first_key, blocks);
    pthread_barrier_wait(&all_alive);
    return argument;
}

int main(int argc, char **argv)
{
    const int at_once = argc > 1 ? atoi(argv[1]) : 100;
    const int waves = argc > 2 ? atoi(argv[2]) : 3;
    static pthread_t threads[2000];
    pthread_attr_t attributes;

    if (at_once > 2000)
        return 2;
    pthread_key_create(&first_key, drop_all);
    pthread_key_create(&second_key, drop_last);
    pthread_barrier_init(&all_alive, NULL, (unsigned)at_once);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    for (int wave = 0; wave < waves; wave++) {
        for (int i = 0; i < at_once; i++) {
            if (pthread_create(&threads[i], &attributes, live, NULL))
                return 3;
        }
        for (int i = 0; i < at_once; i++)
            pthread_join(threads[i], NULL);
    }
    return 0;
}
