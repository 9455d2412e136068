/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grows for 1.2 seconds: "steady", by 24 MiB altogether, or "warm-up", in its first third only.  By
 * the clock, so that a machine with other work to do does not bend the line.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK = 16 << 10, BLOCKS = 1536, RUN_MS = 1200 };

static char *blocks[BLOCKS];

static long elapsed_ms(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

int main(int argc, char **argv)
{
    struct timespec start;
    long span = argc > 1 && strcmp(argv[1], "warm-up") == 0 ? RUN_MS / 3 : RUN_MS, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long have = 0; (now = elapsed_ms(&start)) < RUN_MS;) {
        const struct timespec pause = {0, 2000000};
        while (have < BLOCKS && have * span < now * BLOCKS) {
            blocks[have] = malloc(BLOCK); /* grows */
            memset(blocks[have++], 1, BLOCK);
        }
        for (int i = 0; i < 200; i++) /* points of the time line come with events */
            free(malloc(100));
        nanosleep(&pause, NULL);
    }
    return 0;
}
