/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shuts itself up in an empty folder and becomes another user, as daemons do, then allocates far
 * more than the space that the trace has by then.  Exit status 2 when it may not.
 */
#include <stdlib.h>
#include <unistd.h>

static void *volatile kept;

static __attribute__((noinline)) void work(int rounds)
{
    for (int i = 0; i < rounds; i++) {
        kept = malloc((size_t)(i % 1000) + 1);
        free(kept);
    }
}

int main(int argc, char **argv)
{
    work(100);
    if (argc < 2 || chdir(argv[1]) || chroot(".") || setgid(65534) || setuid(65534))
        return 2;
    work(300000);
    return 0;
}
