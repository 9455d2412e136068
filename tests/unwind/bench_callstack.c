/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a capture costs at several depths: when nothing changed since the last one, when the
 * innermost frame did, and when every frame did; next to unw_backtrace.  Prints nanoseconds (the
 * least of several rounds); asserts nothing.
 */
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "callstack.h"
#include "module_list.h"

#define DEPTH 128
#define ROUNDS 30
#define CAPTURES 4000

enum variant { UNCHANGED, INNERMOST, EVERYTHING, LIBUNWIND, VARIANTS };

static struct callstack stack;
static void *frames[DEPTH];
static double best[VARIANTS];
static uint32_t seen_depth;

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Stands for the wrapper of malloc. */
static __attribute__((noinline)) void capture(void)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    callstack_capture(&stack, &start);
    __asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void site_a(void)
{
    capture();
    __asm__ volatile("");
}

static __attribute__((noinline)) void site_b(void)
{
    capture();
    __asm__ volatile("" ::"r"(1));
}

static void run(enum variant variant)
{
    for (int i = 0; i < CAPTURES; i++) {
        if (variant == EVERYTHING)
            stack.reusable = 0; /* nothing may be taken as known */
        if (variant == LIBUNWIND)
            unw_backtrace(frames, DEPTH);
        else if (variant == INNERMOST && i % 2)
            site_b();
        else
            site_a();
    }
    seen_depth = stack.count;
}

static void measure(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int variant = 0; variant < VARIANTS; variant++) {
            double start = now_ns();
            run((enum variant)variant);
            double cost = (now_ns() - start) / CAPTURES;
            if (round == 0 || cost < best[variant])
                best[variant] = cost;
        }
    }
}

/* Frames of several sizes. */
static __attribute__((noinline)) void descend(int levels, volatile long *outer);

static __attribute__((noinline)) void descend_wide(int levels, volatile long *outer)
{
    volatile long local[20];
    local[levels % 20] = *outer;
    descend(levels - 1, &local[levels % 20]);
    *outer = local[0];
}

static __attribute__((noinline)) void descend(int levels, volatile long *outer)
{
    volatile long local = levels;
    if (levels <= 0)
        measure();
    else if (levels % 3 == 0)
        descend_wide(levels, &local);
    else
        descend(levels - 1, &local);
    *outer = local;
}

int main(void)
{
    static const int depths[] = {5, 20, 60, 100};
    volatile long word = 0;
    module_list_refresh();
    callstack_setup();
    callstack_init(&stack, calloc(1, callstack_memory_size(DEPTH)), DEPTH);
    printf("%8s %12s %12s %12s %14s\n", "frames", "unchanged", "innermost", "everything",
           "unw_backtrace");
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        descend(0, &word); /* how deep it is from here */
        descend((int)((depths[i] - (int)seen_depth) * 3 / 4), &word);
        printf("%8u %12.1f %12.1f %12.1f %14.1f\n", seen_depth, best[UNCHANGED], best[INNERMOST],
               best[EVERYTHING], best[LIBUNWIND]);
    }
    return 0;
}
