/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of every owner, in known amounts, with a snapshot before ("first") and after ("second")
 * most of it.
 *
 * usage: grown FILE [kill]: FILE is made 4 MiB large and mapped.  With "kill" it is killed at
 * the end, after a line on its output, else it exits.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vmtrace/vmtrace.h>

#define MIB ((size_t)1 << 20)
#define PAGE ((size_t)4096)

enum { SMALL = 1000, SMALL_COUNT = 8000, HOLES = 20000, HOLE = 512, HOLE_EVERY = 32 };

static char bss[2 << 20]; /* touched */
static char *small[SMALL_COUNT], *holes[HOLES];
static pthread_barrier_t barrier;

static __attribute__((noinline)) void first_blocks(void)
{
    for (int i = 0; i < SMALL_COUNT; i++) {
        small[i] = malloc(SMALL); /* first blocks */
        memset(small[i], 1, SMALL);
    }
}

static __attribute__((noinline)) char *second_block(void)
{
    char *block = malloc(24 * MIB); /* second block */
    memset(block, 2, 24 * MIB);
    return block;
}

static __attribute__((noinline)) char *sparse_block(void)
{
    char *block = malloc(64 * MIB); /* sparse block */
    for (size_t i = 0; i < 4 * MIB; i += PAGE)
        block[16 * i] = 3;
    return block;
}

static __attribute__((noinline)) char *own_mapping(void)
{
    char *start = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(start, 16 * MIB, MADV_NOHUGEPAGE);
    memset(start, 4, 6 * MIB); /* own mapping */
    return start;
}

static __attribute__((noinline)) char file_mapping(const char *path)
{
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    char *block = calloc(1, 4 * MIB), sum = 0;
    if (write(fd, block, 4 * MIB) != (ssize_t)(4 * MIB))
        exit(1);
    free(block);
    char *start = mmap(NULL, 4 * MIB, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    for (size_t i = 0; i < 4 * MIB; i += PAGE)
        sum = (char)(sum + *(volatile char *)(start + i));
    return sum;
}

/* Freed, but for every 32nd: the pages stay. */
static __attribute__((noinline)) void make_holes(void)
{
    for (int i = 0; i < HOLES; i++) {
        holes[i] = malloc(HOLE); /* a survivor */
        memset(holes[i], 5, HOLE);
    }
    for (int i = 0; i < HOLES; i++)
        if (i % HOLE_EVERY != 0)
            free(holes[i]);
}

static void *stack_user(void *unused)
{
    volatile char pages[1 << 20];
    for (size_t i = 0; i < sizeof(pages); i += PAGE)
        pages[i] = 6;
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc < 2)
        return 2;
    pthread_barrier_init(&barrier, NULL, 2);
    first_blocks();
    vmtrace_snapshot("first");
    char *second = second_block(), *sparse = sparse_block(), *own = own_mapping();
    if (!second || !sparse || own == MAP_FAILED || file_mapping(argv[1]) != 0)
        return 1;
    memset(bss, 7, sizeof(bss));
    make_holes();
    if (pthread_create(&thread, NULL, stack_user, NULL) != 0)
        return 1;
    pthread_barrier_wait(&barrier);
    vmtrace_snapshot("second");
    if (argc > 2) {
        puts("ready");
        fflush(stdout);
        raise(SIGKILL);
    }
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    return 0;
}
