/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plain leak: three blocks that nobody frees, beside three that are freed.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./leak; vmtrace-report vmtrace.leak.*.vmt
 * Look for: in the leaks section 3 blocks, 300 bytes, allocated by leak_record()
 *           at the line marked below, and nothing of use_record().
 */
#include <stdlib.h>
#include <string.h>

static __attribute__((noinline)) void leak_record(int i)
{
    char *record = malloc(100); /* leaked here */
    if (record)
        memset(record, i, 100);
}

static __attribute__((noinline)) void use_record(int i)
{
    char *record = malloc(200);
    if (record)
        memset(record, i, 200);
    free(record);
}

/* Volatile: an unrolled loop would be three call sites. */
static volatile int records = 3;

int main(void)
{
    for (int i = 0; i < records; i++) {
        leak_record(i);
        use_record(i);
    }
    return 0;
}
