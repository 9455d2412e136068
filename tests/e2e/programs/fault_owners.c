/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Touches memory of one sort, PAGES pages of it, in a function of its own; the argument says which.
 * The lines that count are marked.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 1000, PAGE = 4096, ROUNDS = 20 };

static char table[PAGES * PAGE]; /* .bss */

static __attribute__((noinline)) void touch(volatile char *pages)
{
    for (size_t i = 0; i < PAGES; i++)
        pages[i * PAGE] = (char)i; /* touched */
}

static __attribute__((noinline)) unsigned look(const volatile char *pages)
{
    unsigned sum = 0;
    for (size_t i = 0; i < PAGES; i++)
        sum += (unsigned)pages[i * PAGE]; /* read */
    return sum;
}

static __attribute__((noinline)) char *map_pages(void)
{
    char *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, /* mapped */
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        exit(1);
    madvise(pages, PAGES * PAGE, MADV_NOHUGEPAGE);
    return pages;
}

/* Blocks that malloc maps by itself and unmaps when they are freed. */
static __attribute__((noinline)) char *scratch(void)
{
    return malloc((PAGES + 1) * PAGE); /* scratch */
}

static __attribute__((noinline)) char *moved(char *pages)
{
    return realloc(pages, 2 * PAGES * PAGE); /* moved */
}

static void *run_thread(void *pages)
{
    free(malloc(30)); /* only threads that allocate are watched */
    touch(pages);
    return NULL;
}

static void in_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_thread, scratch()) != 0)
        exit(1);
    pthread_join(thread, NULL);
}

/* The child looks on while its parent writes. */
static void write_after_fork(void)
{
    int ends[2];
    char *pages = map_pages();
    touch(pages);
    if (pipe(ends) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    memset(pages, 2, PAGES * PAGE); /* copies */
    close(ends[0]);
    close(ends[1]);
    waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    free(malloc(10));
    if (strcmp(what, "thrash") == 0) {
        for (int i = 0; i < ROUNDS; i++) {
            char *pages = scratch();
            touch(pages + PAGE);
            free(pages);
        }
    } else if (strcmp(what, "realloc") == 0) {
        mallopt(M_MMAP_THRESHOLD, 4 * PAGES * PAGE); /* in the heap, where it is copied */
        char *pages = scratch();
        touch(pages);
        char *behind = malloc(100);
        free(moved(pages));
        free(behind);
    } else if (strcmp(what, "bss") == 0) {
        touch(table);
    } else if (strcmp(what, "read") == 0) {
        char *pages = map_pages();
        look(pages);
        touch(pages);
    } else if (strcmp(what, "thread") == 0) {
        in_thread();
    } else if (strcmp(what, "fork") == 0) {
        write_after_fork();
    } else if (strcmp(what, "sparse") == 0) {
        scratch()[0] = 1;
    } else {
        return 2;
    }
    free(malloc(20));
    return 0;
}
