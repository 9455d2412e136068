/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phases: the program names the parts of its run; "parse" lies inside "load".
 * Shows vmtrace_phase_begin() and vmtrace_phase_end().
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./phases_nested; vmtrace-report vmtrace.phases_nested.*.vmt
 * Look for: in the phases section "load" with 30 allocations, 3000 bytes, of which 10 blocks
 *           survive it; "parse" within it with 20; "serve" with 5 that all survive.
 */
#include <stdlib.h>
#include <vmtrace/vmtrace.h>

static void *kept[15];

static __attribute__((noinline)) void *make_block(void)
{
    return malloc(100); /* in every phase */
}

static void parse(void)
{
    vmtrace_phase_begin("parse");
    for (int i = 0; i < 20; i++)
        free(make_block());
    vmtrace_phase_end("parse");
}

int main(void)
{
    vmtrace_phase_begin("load");
    for (int i = 0; i < 10; i++)
        kept[i] = make_block();
    parse();
    vmtrace_phase_end("load");

    vmtrace_phase_begin("serve");
    for (int i = 10; i < 15; i++)
        kept[i] = make_block();
    vmtrace_phase_end("serve");
    return kept[14] ? 0 : 1;
}
