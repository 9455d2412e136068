/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many allocations with many call stacks:
 *     burst COUNT [THREADS [SETUP]]
 * COUNT blocks a thread, 0: until it is killed; one in 16 is kept for a while.  SETUP is a
 * string of letters, done first: c closes all descriptors from 3 up, C those from 0 up,
 * d changes to / , n allows no new descriptors, a limits the address space to 256 MiB more.
 * Writes "ready" and "done".
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { KEPT = 256 };

static unsigned long count;

static __attribute__((noinline)) void *burst_block(size_t size)
{
    return malloc(size);
}

/* `path` has a bit for each level: thousands of different call stacks. */
static __attribute__((noinline)) void *descend(unsigned depth, unsigned path, size_t size)
{
    void *block;
    if (depth == 0)
        return burst_block(size);
    if (path & 1)
        block = descend(depth - 1, path >> 1, size);
    else
        block = descend(depth - 1, path >> 1, size + 1);
    return block;
}

static void *run(void *argument)
{
    void *kept[KEPT] = {NULL};
    unsigned random = (unsigned)(size_t)argument * 7919 + 1;

    for (unsigned long i = 0; count == 0 || i < count; i++) {
        random = random * 1103515245 + 12345;
        void *block = descend(10, random >> 16, 1 + (random >> 8) % 500);
        if (i % 16 == 0) {
            free(kept[i / 16 % KEPT]);
            kept[i / 16 % KEPT] = block;
        } else {
            free(block);
        }
    }
    for (int i = 0; i < KEPT; i++)
        free(kept[i]);
    return NULL;
}

static void set_up(const char *letters)
{
    struct rlimit limit;
    for (; *letters; letters++) {
        if (*letters == 'c' || *letters == 'C') {
            for (int fd = *letters == 'c' ? 3 : 0; fd < 1024; fd++)
                close(fd);
        } else if (*letters == 'd') {
            if (chdir("/"))
                _exit(80);
        } else if (*letters == 'n') {
            setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3});
        } else if (*letters == 'a') {
            getrlimit(RLIMIT_AS, &limit);
            limit.rlim_cur = (rlim_t)256 << 20;
            setrlimit(RLIMIT_AS, &limit);
        }
    }
}

static void say(const char *word)
{
    ssize_t written = write(1, word, strlen(word));
    (void)written;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    int others = argc > 2 ? atoi(argv[2]) - 1 : 0;

    count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    if (argc > 3)
        set_up(argv[3]);
    say("ready\n");
    for (int i = 0; i < others; i++) {
        if (pthread_create(&threads[i], NULL, run, (void *)(size_t)(i + 1)))
            return 81;
    }
    run(NULL);
    for (int i = 0; i < others; i++)
        pthread_join(threads[i], NULL);
    say("done\n");
    return 5;
}
