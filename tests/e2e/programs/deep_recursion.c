/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 100,000 calls deep, with an allocation every 500 levels on the way down and a
 * release on the way up; in a thread with a stack of 64 MiB.
 */
#include <pthread.h>
#include <stdlib.h>

enum { DEPTH = 100000, STEP = 500 };

static __attribute__((noinline)) void *level_block(void)
{
    return malloc(12);
}

static __attribute__((noinline)) int descend(int depth)
{
    void *block = depth % STEP == 0 ? level_block() : NULL;
    int result = depth ? descend(depth - 1) + 1 : 0;
    free(block);
    return result;
}

static void *run(void *argument)
{
    *(int *)argument = descend(DEPTH);
    return NULL;
}

int main(void)
{
    int depth = 0;
    pthread_t thread;
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 20);
    if (pthread_create(&thread, &attributes, run, &depth))
        return 1;
    pthread_join(thread, NULL);
    return depth == DEPTH ? 0 : 2;
}
