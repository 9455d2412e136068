/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recursion without an end.  The program has an alternate signal stack, as the kernel can tell
 * nobody of the overflow otherwise.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./stack_overflow; vmtrace-report vmtrace.stack_overflow.*.vmt
 * Look for: in the error section "segfault" in descend(), "stack overflow: the end of the stack of
 *           the main thread".
 */
#include <signal.h>
#include <sys/resource.h>

static char signal_stack[65536];

static __attribute__((noinline)) int descend(const volatile char *above)
{
    volatile char frame[4096];
    frame[0] = above[0]; /* crashes here */
    return frame[0] ? 0 : descend(frame) + frame[0];
}

int main(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    sigaltstack(&(stack_t){.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)}, NULL);
    return descend("");
}
