/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library whose constructor waits for a thread that uses operator new[] and delete[] for the first time
 * in the process, while dlopen() holds the loader's lock.
 */
#include <pthread.h>

static int *volatile kept;

static void *plugin_thread(void *)
{
    kept = new int[5];
    delete[] kept;
    return nullptr;
}

struct starter {
    starter()
    {
        int *first = new int(1);
        pthread_t thread;
        if (pthread_create(&thread, nullptr, plugin_thread, first) == 0)
            pthread_join(thread, nullptr);
        delete first;
    }
};

static starter start;

extern "C" int plugin_run()
{
    return 0;
}
