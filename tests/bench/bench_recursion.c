/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_recursion MODE LEVELS [unwind]: one malloc and free at each of many call stacks, no two of
 * which are the same.
 *
 *   tree   walks a binary tree of calls LEVELS deep and allocates at every node: each stack
 *          differs from the one before in its inner frames
 *   paths  allocates at the end of 2^LEVELS paths of 2 * LEVELS calls, so ordered that each
 *          differs from the one before in its outermost calls: nothing can be reused
 *
 * "unwind" calls libunwind's unw_backtrace once an allocation, as recorders did before.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "bench_clock.h"

#define MAX_FRAMES 128

static int (*unwind)(void **frames, int count);
static long units;

__attribute__((noinline)) static void touch_heap(void)
{
    void *frames[MAX_FRAMES];
    char *volatile block = malloc(32);

    if (unwind != NULL)
        unwind(frames, MAX_FRAMES);
    free(block);
    units++;
}

/* The empty asm keeps calls from becoming jumps. */
__attribute__((noinline)) static void walk_tree(int left)
{
    touch_heap();
    if (left > 1) {
        walk_tree(left - 1);
        __asm__ volatile("" ::: "memory");
        walk_tree(left - 1);
    }
    __asm__ volatile("" ::: "memory");
}

/* Bit 0 of `path` says by which of two calls the next level is reached. */
__attribute__((noinline)) static void follow_path(unsigned long path, int left)
{
    if (left == 0) {
        touch_heap();
    } else if (path & 1) {
        follow_path(path >> 1, left - 1);
        __asm__ volatile("" ::: "memory");
    } else {
        follow_path(path >> 1, left - 1);
        __asm__ volatile("nop" ::: "memory");
    }
}

static int find_unwind(void)
{
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);

    unwind = library ? (int (*)(void **, int))dlsym(library, "unw_backtrace") : NULL;
    if (unwind == NULL)
        fprintf(stderr, "bench_recursion: %s\n", dlerror());
    return unwind != NULL;
}

int main(int argc, char **argv)
{
    struct bench_span span;
    int levels = argc >= 3 ? atoi(argv[2]) : 0;

    if (levels < 1 || levels > 24) {
        fprintf(stderr, "usage: bench_recursion tree|paths LEVELS [unwind]; 1 to 24 levels\n");
        return 2;
    }
    if (argc > 3 && !find_unwind())
        return 1;
    bench_span_begin(&span);
    if (strcmp(argv[1], "tree") == 0)
        walk_tree(levels);
    else
        for (unsigned long path = 0; path < 1UL << levels; path++)
            follow_path(path, 2 * levels);
    bench_span_end(&span);
    bench_spans_print(&span, 1, units);
    return 0;
}
