/* SPDX-License-Identifier: Apache-2.0 */
/* Resumes recording, then frees what it allocated before: those releases are no errors. */
#include <stdlib.h>
#include <vmtrace/vmtrace.h>

static void *volatile kept;

int main(void)
{
    void *freed = malloc(100), *moved = malloc(50);
    kept = moved = realloc(moved, 5000);
    vmtrace_resume();
    kept = malloc(7);
    free(freed);
    free(moved);
    return 0;
}
