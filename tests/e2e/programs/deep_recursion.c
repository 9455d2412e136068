/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 20,000 calls deep, with an allocation every 100 levels on the way down and a
 * release on the way up; in a thread with a stack of 16 MiB.
 */
#include <pthread.h>
#include <stdlib.h>

enum { DEPTH = 20000 };

static __attribute__((noinline)) void *level_block(void)
{
    return malloc(12);
}

static __attribute__((noinline)) int descend(int depth)
{
    void *block = depth % 100 == 0 ? level_block() : NULL;
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
    pthread_attr_setstacksize(&attributes, 16 << 20);
    if (pthread_create(&thread, &attributes, run, &depth))
        return 1;
    pthread_join(thread, NULL);
    return depth == DEPTH ? 0 : 2;
}
