/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that succeed leave errno alone, calls that fail set what they always set.
 * Exit status: 0, or the number of the step that was wrong.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int step;

static void expect(int wanted)
{
    step++;
    if (errno != wanted)
        _exit(step);
    errno = 77;
}

static void *allocate(void *argument)
{
    void *block = malloc(10); /* the thread's first event */
    if (errno != 0)
        _exit(50);
    free(block);
    return argument;
}

int main(void)
{
    volatile size_t huge = PTRDIFF_MAX;
    void *block;
    pthread_t thread;

    errno = 77;
    block = malloc(100);
    expect(77);
    block = realloc(block, 5000);
    expect(77);
    if (realloc(block, huge))
        return 60;
    expect(ENOMEM);
    free(block);
    expect(77);
    block = malloc(1 << 20); /* mapped by the allocator; its release is a munmap */
    expect(77);
    free(block);
    expect(77);
    if (malloc(huge))
        return 61;
    expect(ENOMEM);
    if (posix_memalign(&block, 64, 100))
        return 62;
    expect(77);
    free(block);
    expect(77);
    char *pages = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(77);
    munmap(pages, 8192);
    expect(77);
    if (munmap(pages + 1, 4096) == 0)
        return 63;
    expect(EINVAL);
    if (mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return 64;
    expect(EINVAL);
    if (pthread_create(&thread, NULL, allocate, NULL))
        return 65;
    pthread_join(thread, NULL);
    /* Many events: chunks are changed on the way. */
    errno = 77;
    for (int i = 0; i < 100000; i++) {
        free(malloc((size_t)(i % 300) * 16 + 1));
        if (errno != 77)
            return 66;
    }
    return 0;
}
