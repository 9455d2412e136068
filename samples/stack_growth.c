/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stack grows by page faults, too: 500 calls deep, a page and more each.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./stack_growth; vmtrace-report vmtrace.stack_growth.*.vmt
 * Look for: at least 500 minor faults on at_the_bottom(), whose call stack is cut after 128
 *           frames (VMTRACE_DEPTH) and says so.
 */
#include <stdlib.h>

enum { DEPTH = 500, FRAME = 4096 };

static __attribute__((noinline)) int at_the_bottom(void)
{
    char *block = malloc(50); /* deep */
    int got = block != NULL;
    free(block);
    return got;
}

static __attribute__((noinline)) int descend(int depth)
{
    volatile char frame[FRAME];
    frame[0] = (char)depth;
    int result = depth == 0 ? at_the_bottom() : descend(depth - 1);
    return result + (frame[0] == (char)depth ? 0 : 1);
}

int main(void)
{
    return descend(DEPTH) == 1 ? 0 : 1;
}
