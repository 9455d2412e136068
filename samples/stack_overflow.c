/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stack that grows without an end.  The program has an alternate signal stack, as the kernel can
 * tell nobody of the overflow otherwise.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./stack_overflow; vmtrace-report vmtrace.stack_overflow.*.vmt
 * Look for: in the error section "segfault" in descend(), "stack overflow: the end of the stack of
 *           the main thread".
 */
#include <signal.h>
#include <sys/resource.h>

static char signal_stack[65536];

/* A page at each turn; nothing else touches the stack, so it is this line that meets its end. */
static __attribute__((noinline)) void descend(void)
{
    for (;;)
        *(volatile char *)__builtin_alloca(4096) = 1; /* crashes here */
}

int main(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    sigaltstack(&(stack_t){.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)}, NULL);
    descend();
    return 0;
}
