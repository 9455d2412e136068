/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_spawn COUNT PROGRAM: starts PROGRAM that often, one after the other, with the environment
 * as it is, and waits for each.
 */
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_clock.h"

/* Processor time in ns of this process, or of all children that it waited for. */
static double cpu_ns(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

int main(int argc, char **argv)
{
    long count = argc == 3 ? atol(argv[1]) : 0;

    if (count < 1) {
        fprintf(stderr, "usage: bench_spawn COUNT PROGRAM\n");
        return 2;
    }
    struct bench_span span = {.wall = -bench_clock_ns(CLOCK_MONOTONIC),
                              .cpu = -cpu_ns(RUSAGE_SELF) - cpu_ns(RUSAGE_CHILDREN)};
    for (long i = 0; i < count; i++) {
        pid_t child;
        int status;
        if (posix_spawn(&child, argv[2], NULL, NULL, argv + 2, environ) != 0 ||
            waitpid(child, &status, 0) != child || status != 0) {
            fprintf(stderr, "bench_spawn: %s did not run or failed\n", argv[2]);
            return 1;
        }
    }
    span.cpu += cpu_ns(RUSAGE_SELF) + cpu_ns(RUSAGE_CHILDREN);
    span.wall += bench_clock_ns(CLOCK_MONOTONIC);
    bench_spans_print(&span, 1, count);
    return 0;
}
