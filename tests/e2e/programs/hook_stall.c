/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stops a thread at every instruction of a call of the allocator, and lets something else happen
 * meanwhile (x86-64, by the trap flag):
 *     hook_stall other [N]    other threads allocate and free on the same page of memory
 *     hook_stall nested [N]   the signal handler does that itself, several times in a call
 *     hook_stall fork [N]     the signal handler forks, several times; the child allocates
 * N: only some of the instructions, one in N.
 * Needs an allocator that signals may interrupt and that reuses addresses at once
 * (libreuse_malloc.so, preloaded).  Writes how often it stopped, and the allocations of
 * victim_block(), victim_moved(), and other_block().
 */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <vmtrace/vmtrace.h>

enum {
    OTHERS = 2,
    SIZE = 48,
    PAGE_BLOCKS = 4096 / 64,
    PAGE_USED = 4,
    LARGER = 60, /* the same block */
    MOVED = 100, /* another one */
    TRAP_FLAG = 0x100,
    BURST = 300, /* events on one page, so that whatever counts them comes round */
};

enum operation { ALLOCATE, RELEASE, GROW, MOVE, OPERATIONS };
/* Who used the page before; LATE: the recorder has something to look after at the next event. */
enum history { MINE, THEIRS, BOTH, LATE, HISTORIES };

static void *volatile victim; /* in the victim's or the other thread's hands */
static void *volatile spare, *volatile kept;
/* Of each other thread: numbers of the burst asked for, and done. */
static atomic_int request[OTHERS], answer[OTHERS];
static int burst_size;
static volatile int steps, stop_at;
static int again; /* instructions from one stop to the next in one call, 0: it is the only one */
static void (*meanwhile)(void);
static unsigned long stops, victim_blocks, victim_moves;
static atomic_ulong other_blocks;

static __attribute__((noinline)) void *victim_block(void)
{
    return malloc(SIZE);
}

static __attribute__((noinline)) void *victim_moved(void *block, size_t size)
{
    return realloc(block, size);
}

static __attribute__((noinline)) void *other_block(void)
{
    return malloc(SIZE);
}

static void burst(int count)
{
    for (int i = 0; i < count; i++) {
        void *block = other_block();
        free(block);
    }
    atomic_fetch_add(&other_blocks, (unsigned long)count);
}

/* ---- the other thread ---- */

/* Until it is `wanted`, or negative; which it is. */
static int await(atomic_int *number, int wanted)
{
    for (;;) {
        int now = atomic_load(number);
        if (now == wanted || now < 0)
            return now;
        syscall(SYS_futex, number, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
    }
}

static void set(atomic_int *number, int value)
{
    atomic_store(number, value);
    syscall(SYS_futex, number, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *other_main(void *number)
{
    long self = (long)number;
    for (int done = 0;; done++) {
        if (await(&request[self], done + 1) < 0)
            return NULL;
        burst(burst_size);
        set(&answer[self], done + 1);
    }
}

static void ask_other(int other, int count)
{
    int wanted = atomic_load(&answer[other]) + 1;
    burst_size = count;
    set(&request[other], wanted);
    await(&answer[other], wanted);
}

/* ---- what happens at a stop ---- */

static void other_burst(void)
{
    ask_other((int)(stops % OTHERS), BURST);
}

static void nested_burst(void)
{
    burst(3);
}

static void fork_child(void)
{
    pid_t child = fork();
    if (child == 0) {
        burst(3);
        _exit(0);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        _exit(80);
}

/* With SIGTRAP blocked, the next trap would end the process. */
static bool will_block_signals(const greg_t *registers)
{
    const unsigned char *code = (const unsigned char *)registers[REG_RIP];
    return code[0] == 0x0f && code[1] == 0x05 && registers[REG_RAX] == SYS_rt_sigprocmask;
}

static void on_step(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)number, (void)info;
    int late = steps++ - stop_at;
    bool here = late == 0 || (again && late > 0 && late % again == 0 && late / again < 5);
    bool blocks = will_block_signals(registers);
    if (blocks || (here && !again))
        registers[REG_EFL] &= ~TRAP_FLAG; /* the rest runs on */
    if (blocks)
        steps = INT_MAX / 2; /* not the end of the call */
    if (!here || blocks)
        return;
    stops++;
    meanwhile();
}

static void set_trap_flag(void)
{
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
}

static void clear_trap_flag(void)
{
    __asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
}

/* ---- the thread that is stopped ---- */

static void operate(enum operation operation)
{
    set_trap_flag();
    if (operation == ALLOCATE)
        spare = victim_block();
    else if (operation == RELEASE)
        free(victim);
    else
        victim = victim_moved(victim, operation == GROW ? LARGER : MOVED);
    clear_trap_flag();
}

static void *victim_makes(void)
{
    victim_blocks++;
    return victim_block();
}

/* Takes whatever of the page is free, and gives it back. */
static void victim_uses_page(void)
{
    void *blocks[PAGE_USED];
    for (int i = 0; i < PAGE_USED; i++)
        blocks[i] = victim_makes();
    for (int i = 0; i < PAGE_USED; i++)
        free(blocks[i]);
}

/* On a page of memory that nobody has used before. */
static void prepare(enum history history)
{
    for (int i = 0; i < PAGE_BLOCKS; i++)
        kept = victim_makes();
    victim = victim_makes();
    victim_uses_page();
    for (int i = 0; i < (history == BOTH ? 12 : 1); i++) {
        if (history == THEIRS || history == BOTH)
            ask_other(0, 1);
        if (history != THEIRS)
            victim_uses_page();
    }
    if (history == LATE) {
        vmtrace_pause();
        vmtrace_resume();
    }
}

/* By the allocator's hands this thread's last block goes to another thread, which had used the page
 * meanwhile, or the other way round. */
static void clean_up(enum operation operation, bool take)
{
    victim_blocks += operation == ALLOCATE;
    victim_moves += operation == GROW || operation == MOVE;
    for (int i = 0; take && i < PAGE_USED; i++)
        kept = victim_makes();
    if (operation == ALLOCATE)
        free(spare);
    if (operation != RELEASE)
        free(victim);
    ask_other((int)(stops % OTHERS), 2);
}

static void stop_everywhere(enum operation operation, enum history history, int stride)
{
    bool before_its_end = true;
    int kinds = OPERATIONS * HISTORIES;
    stop_at = (int)(operation * HISTORIES + history) * stride / kinds;
    for (; before_its_end; stop_at += stride) {
        unsigned long before = stops;
        prepare(history);
        steps = 0;
        operate(operation);
        clean_up(operation, stops / OTHERS % 2);
        before_its_end = stops != before || steps > stop_at;
    }
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    int stride = argc > 2 ? atoi(argv[2]) : 1;
    struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    char line[100];
    pthread_t others[OTHERS];

    meanwhile = strcmp(how, "nested") == 0 ? nested_burst
                : strcmp(how, "fork") == 0 ? fork_child
                                           : other_burst;
    again = meanwhile == other_burst ? 0 : 43;
    sigaction(SIGTRAP, &action, NULL);
    for (long i = 0; i < OTHERS; i++) {
        if (pthread_create(&others[i], NULL, other_main, (void *)i))
            return 82;
    }
    for (int operation = 0; operation < OPERATIONS; operation++) {
        for (int history = 0; history < HISTORIES; history++)
            stop_everywhere((enum operation)operation, (enum history)history, stride);
    }
    for (int i = 0; i < OTHERS; i++) {
        set(&request[i], -1);
        pthread_join(others[i], NULL);
    }
    int length = snprintf(line, sizeof(line), "%lu %lu %lu %lu\n", stops, victim_blocks,
                          victim_moves, atomic_load(&other_blocks));
    return write(1, line, (size_t)length) == length ? 0 : 83;
}
