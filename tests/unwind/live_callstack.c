/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole stacks of a live program, captured at random moments with rows and with libunwind, must be
 * equal frame by frame.
 *
 *     live_callstack [CAPTURES [SEED]]      on the main thread; a quarter each on four others
 */
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "callstack.h"
#include "live_probe.h"
#include "module_list.h"
#include "vmtrace/trace_format.h"

#define DEPTH 256
#define THREADS 4
#define COROUTINE_STACK (64 * 1024)
#define SIGNAL_STACK (256 * 1024)

struct coroutine {
    ucontext_t inside, outside;
    void *memory;
    int budget;
    bool finished;
};

static __thread struct callstack stack;
static __thread uint64_t random_state;
static __thread uint64_t captures, frames_seen, frames_same;
static __thread struct coroutine *coroutine_now;
static __thread struct coroutine *sleeping;
static __thread int nested_signals, nested_coroutines;
static uint64_t wanted = 100000;

unsigned live_random(unsigned limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % limit;
}

static void report(void *const *frames, int count)
{
    printf("capture %lu: rows %u frames%s, libunwind %d\n", captures, stack.count,
           stack.cut ? " (cut)" : "", count - 1);
    for (int i = 0; i < count - 1 || i < (int)stack.count; i++) {
        uint64_t ours = i < (int)stack.count ? stack.pc[stack.count - 1 - (unsigned)i] : 0;
        uint64_t theirs = i < count - 1 ? (uint64_t)frames[i + 1] : 0;
        printf("%c %3d %18lx %18lx\n", (ours & ~VMT_PC_EXACT) == theirs ? ' ' : '*', i, ours,
               theirs);
    }
    fflush(stdout);
    abort();
}

static void compare(void *const *frames, int count)
{
    if (stack.cut || (int)stack.count != count - 1)
        report(frames, count);
    for (uint32_t i = 0; i < stack.count; i++) {
        if ((stack.pc[stack.count - 1 - i] & ~VMT_PC_EXACT) != (uint64_t)frames[i + 1])
            report(frames, count);
    }
}

static __thread uint64_t previous[DEPTH];
static __thread uint32_t previous_count;

/* `same` must not promise too much. */
static void check_same(void)
{
    if (stack.same > stack.count || stack.same > previous_count ||
        memcmp(previous, stack.pc, stack.same * sizeof(*previous)) != 0)
        abort();
    memcpy(previous, stack.pc, stack.count * sizeof(*previous));
    previous_count = stack.count;
    frames_seen += stack.count;
    frames_same += stack.same;
}

__attribute__((noinline)) void probe(void)
{
    void *frames[DEPTH];
    struct callstack_start start;
    CALLSTACK_START(&start);
    callstack_capture(&stack, &start);
    int count = unw_backtrace(frames, DEPTH);
    captures++;
    compare(frames, count);
    check_same();
}

static __attribute__((noinline)) void shape_plain(int budget)
{
    visit(budget);
    probe();
}

static __attribute__((noinline)) void shape_twice(int budget)
{
    probe();
    visit(budget);
    visit(budget - 1);
    probe();
}

static __attribute__((noinline)) void shape_alloca(int budget)
{
    volatile char *space = alloca(live_random(3000) + 1);
    space[0] = 1;
    visit(budget);
    probe();
}

static __attribute__((noinline)) void shape_wide(int budget)
{
    volatile char space[20000];
    space[live_random(sizeof(space))] = 1;
    visit(budget);
    probe();
}

static __attribute__((noinline)) void shape_realigned(int budget)
{
    _Alignas(64) volatile char space[128];
    space[live_random(sizeof(space))] = (char)((uint64_t)space % 64);
    visit(budget);
    probe();
}

static __attribute__((noinline)) void shape_realigned_alloca(int budget)
{
    _Alignas(128) volatile char space[128];
    volatile char *more = alloca(live_random(700) + 1);
    space[live_random(sizeof(space))] = more[0] = 1;
    probe();
    visit(budget);
    probe();
}

/* rbp holds anything at all. */
static __attribute__((noinline)) void shape_scratch_rbp(int budget)
{
    uint64_t value = live_random(2) ? (uint64_t)&value : random_state;
    __asm__ volatile("mov %0, %%rbp" ::"r"(value) : "rbp");
    visit(budget);
    __asm__ volatile("mov %0, %%rbp" ::"r"(value + 8) : "rbp");
    probe();
    __asm__ volatile("" ::: "rbp");
}

/* What the outer function takes from the stack the inner one leaves, so that frames
 * further in stay where they were while those in between move, and old return addresses
 * are still found where they are no longer in force. */
#define SHIFT_UNIT 16
#define SHIFT_MAX 64

static __attribute__((noinline)) void shifted_leaf(void)
{
    if (live_random(2)) {
        probe();
        __asm__ volatile("");
    } else {
        shape_scratch_rbp(0);
        __asm__ volatile("");
    }
}

static __attribute__((noinline)) void shifted_middle(unsigned units)
{
    volatile char *space = alloca(units * SHIFT_UNIT);
    __asm__ volatile("" ::"r"(space));
    if (live_random(2))
        shifted_leaf();
    shifted_leaf();
    __asm__ volatile("");
}

static __attribute__((noinline)) void aligned_middle(void)
{
    _Alignas(1024) volatile char space[1024];
    volatile char *more = alloca(live_random(2) + 1); /* or gcc would not need the saved CFA */
    __asm__ volatile("" ::"r"(space), "r"(more));
    shifted_leaf();
    __asm__ volatile("");
}

static __attribute__((noinline)) void shifted_outer(unsigned units, bool aligned)
{
    volatile char *space = alloca(units * SHIFT_UNIT);
    __asm__ volatile("" ::"r"(space));
    if (aligned)
        aligned_middle();
    else
        shifted_middle(SHIFT_MAX - units);
    __asm__ volatile("");
}

static __attribute__((noinline)) void shifted_other(unsigned units, bool aligned)
{
    volatile char *space = alloca(units * SHIFT_UNIT);
    __asm__ volatile("nop" ::"r"(space));
    if (aligned)
        aligned_middle();
    else
        shifted_middle(SHIFT_MAX - units);
    __asm__ volatile("");
}

static __attribute__((noinline)) void shape_shifted(int budget)
{
    static void (*const outer[])(unsigned, bool) = {shifted_outer, shifted_other};
    bool aligned = live_random(2);
    for (int i = 0; i < 10; i++)
        outer[live_random(2)](live_random(SHIFT_MAX), aligned);
    visit(budget);
}

static int budget_of_sort(const void *element)
{
    return *(const int *)element;
}

static int compare_elements(const void *a, const void *b)
{
    if (live_random(8) == 0)
        visit(budget_of_sort(a) % 4);
    if (live_random(4) == 0)
        probe();
    return budget_of_sort(a) - budget_of_sort(b);
}

static __attribute__((noinline)) void shape_sort(int budget)
{
    int elements[6];
    for (int i = 0; i < 6; i++)
        elements[i] = (int)live_random((unsigned)budget + 1);
    qsort(elements, 6, sizeof(elements[0]), compare_elements);
}

static __attribute__((noinline)) void jump_out(jmp_buf target, int levels, int budget)
{
    if (levels > 0) {
        visit(budget);
        jump_out(target, levels - 1, budget - 1);
    }
    probe();
    if (levels == 0)
        longjmp(target, 1);
}

static __attribute__((noinline)) void shape_longjmp(int budget)
{
    jmp_buf target;
    if (setjmp(target) == 0)
        jump_out(target, (int)live_random(5), budget / 2);
    probe();
}

static void on_signal(int number)
{
    (void)number;
    nested_signals++;
    visit(4);
    probe();
    nested_signals--;
}

static __attribute__((noinline)) void shape_signal(int budget)
{
    if (nested_signals == 0)
        raise(live_random(2) ? SIGUSR1 : SIGUSR2);
    visit(budget);
    probe();
}

static void coroutine_main(unsigned low, unsigned high)
{
    struct coroutine *self = (struct coroutine *)((uint64_t)low | (uint64_t)high << 32);
    visit(self->budget);
    probe();
    self->finished = true;
    setcontext(&self->outside);
}

static void coroutine_resume(struct coroutine *self)
{
    struct coroutine *outer = coroutine_now;
    coroutine_now = self;
    nested_coroutines++;
    swapcontext(&self->outside, &self->inside);
    nested_coroutines--;
    coroutine_now = outer;
    if (!self->finished)
        return;
    munmap(self->memory, COROUTINE_STACK);
    free(self);
}

static struct coroutine *coroutine_new(int budget)
{
    struct coroutine *self = calloc(1, sizeof(*self));
    self->budget = budget;
    self->memory =
        mmap(NULL, COROUTINE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    getcontext(&self->inside);
    self->inside.uc_stack.ss_sp = self->memory;
    self->inside.uc_stack.ss_size = COROUTINE_STACK;
    makecontext(&self->inside, (void (*)(void))coroutine_main, 2, (unsigned)(uint64_t)self,
                (unsigned)((uint64_t)self >> 32));
    return self;
}

/* Starts one, goes on with one that sleeps, or, inside of one, lets it sleep. */
static __attribute__((noinline)) void shape_coroutine(int budget)
{
    if (nested_signals)
        return;
    if (coroutine_now && !sleeping) {
        struct coroutine *self = sleeping = coroutine_now;
        swapcontext(&self->inside, &self->outside);
    } else if (sleeping && !coroutine_now) {
        struct coroutine *self = sleeping;
        sleeping = NULL;
        coroutine_resume(self);
    } else if (nested_coroutines < 2) {
        coroutine_resume(coroutine_new(budget < 6 ? budget : 6));
    }
    probe();
}

void visit(int budget)
{
    static void (*const shapes[])(int) = {
        shape_plain,       shape_twice,     shape_alloca,
        shape_wide,        shape_realigned, shape_realigned_alloca,
        shape_scratch_rbp, shape_sort,      shape_longjmp,
        shape_signal,      shape_coroutine, shape_exception,
        shape_plain,       shape_shifted,   shape_scratch_rbp,
    };
    if (budget <= 0 || captures >= wanted)
        return;
    /* A coroutine's stack is too small for much of it. */
    unsigned index = live_random(sizeof(shapes) / sizeof(shapes[0]));
    if (coroutine_now && (shapes[index] == shape_wide || shapes[index] == shape_exception))
        index = 0;
    shapes[index](budget - 1);
}

static void run(uint64_t seed)
{
    random_state = seed * 977 + 1;
    stack_t alternate = {.ss_sp = malloc(SIGNAL_STACK), .ss_size = SIGNAL_STACK};
    sigaltstack(&alternate, NULL);
    callstack_init(&stack, calloc(1, callstack_memory_size(DEPTH)), DEPTH);
    while (captures < wanted)
        visit(12);
    printf("%lu captures, %lu frames, %lu%% of them told unchanged: no difference\n", captures,
           frames_seen, frames_same * 100 / frames_seen);
}

static void *thread_main(void *seed)
{
    run((uint64_t)seed);
    return NULL;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    uint64_t total = argc > 1 ? strtoull(argv[1], NULL, 0) : wanted;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
    pthread_t threads[THREADS];
    wanted = total / 2;
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags |= SA_ONSTACK;
    sigaction(SIGUSR2, &action, NULL);
    module_list_refresh();
    callstack_setup();
    run(seed);
    wanted = total / 2 / THREADS;
    for (uint64_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, thread_main, (void *)(seed + 1 + i));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
