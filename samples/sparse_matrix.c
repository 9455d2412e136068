/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A matrix of 2 GiB of which one page in a hundred is ever touched: what was promised, and
 * what became memory.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./sparse_matrix; vmtrace-report vmtrace.sparse_matrix.*.vmt
 * Look for: new_matrix() with 2 GiB live and 5243 pages, 20.5 MiB, of it resident, and 5242 page
 *           faults by fill_diagonal() (the first page has the allocator's own header, too).
 */
#include <stdlib.h>
#include <sys/prctl.h>
#include <vmtrace/vmtrace.h>

enum { PAGE = 4096, EVERY = 100 };
#define BYTES ((size_t)2 << 30)

static __attribute__((noinline)) char *new_matrix(void)
{
    return calloc(BYTES, 1); /* zeros cost nothing until they are read or written */
}

static __attribute__((noinline)) void fill_diagonal(char *matrix)
{
    for (size_t page = 0; page < BYTES / PAGE; page += EVERY)
        matrix[page * PAGE + 2048] = 1; /* touches a page */
}

int main(void)
{
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* else each touch may bring 2 MiB */
    char *matrix = new_matrix();
    if (!matrix)
        return 1;
    fill_diagonal(matrix);
    vmtrace_snapshot("filled");
    free(matrix);
    return 0;
}
