/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callstack.h for machines without unwind rows: whole stacks by libunwind's unw_backtrace.
 *
 * Written for aarch64, the only such machine that sys.h knows.
 *
 * The shared libunwind is opened with RTLD_LOCAL and its functions are looked up, because in the
 * global scope its _Unwind_* symbols would catch other libraries' exceptions.  Names like
 * unw_backtrace are macros for the machine's own (_ULaarch64_...); the header makes them strings.
 *
 * Costs 10 to 500 ns a frame.  libunwind asks the loader (dl_iterate_phdr) for code it has not
 * met before, so a capture may wait for a dlopen in another thread; rows never do.
 * libunwind 1.6 takes 1 from return addresses, and not from the address that a signal
 * interrupted; other versions leave all as they are.  Instructions lie at multiples of 4, which
 * tells.
 *
 * libunwind takes its own memory with mmap, which is wrapped, while it holds its locks; and a
 * thread's first call may allocate thread-local storage and set a key.  The former is known by
 * its caller (callstack_is_own).  The latter is nobody's that could be told from the program's,
 * so first calls are made with signals blocked, and nothing is recorded meanwhile.
 */
#include <dlfcn.h>
#include <signal.h>
#include <string.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "callstack.h"
#include "modules.h"
#include "real.h"
#include "sys.h"
#include "thread_state.h"
#include "vmtrace/trace_format.h"

#define NAME_OF(symbol) STRING_OF(symbol)
#define STRING_OF(symbol) #symbol

/* Frames of the recorder between libunwind and the start, at most. */
#define OWN_FRAMES 16

/* Longest that a fork waits for other threads' walks, in turns of sched_yield. */
#define FORK_PATIENCE 10000

static int (*backtrace_of)(void **frames, int size);
static uint64_t library_start, library_end;

/* A forked child inherits the loader's lock (dl_iterate_phdr) held, for good, if a thread was in a
 * walk.  So the fork waits for the walks under way, and no other begins: captures meanwhile are
 * the caller alone, cut.  One word for all threads costs less than the walk by far. */
static uint32_t walks, forks;

static bool walk_begin(void)
{
    __atomic_add_fetch(&walks, 1, __ATOMIC_SEQ_CST);
    if (__builtin_expect(__atomic_load_n(&forks, __ATOMIC_SEQ_CST) == 0, 1))
        return true;
    __atomic_sub_fetch(&walks, 1, __ATOMIC_SEQ_CST);
    return false;
}

static void walk_end(void)
{
    __atomic_sub_fetch(&walks, 1, __ATOMIC_SEQ_CST);
}

/* Bounded: a signal handler may fork that has interrupted a walk of its own thread, or may have
 * left one by siglongjmp. */
void callstack_before_fork(void)
{
    __atomic_add_fetch(&forks, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < FORK_PATIENCE && __atomic_load_n(&walks, __ATOMIC_SEQ_CST); i++)
        sys_call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

void callstack_after_fork(void)
{
    if (sys_pid() == trace_pid) {
        __atomic_sub_fetch(&forks, 1, __ATOMIC_SEQ_CST);
    } else {
        walks = 0; /* there is no other thread */
        forks = 0;
    }
}

bool callstack_is_own(uint64_t pc)
{
    return pc >= library_start && pc < library_end;
}

bool callstack_setup(void)
{
    stack_bounds_setup();
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        library = dlopen("libunwind.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
    int (*set_policy)(unw_addr_space_t, unw_caching_policy_t);
    unw_addr_space_t *space = dlsym(library, NAME_OF(unw_local_addr_space));
    *(void **)&set_policy = dlsym(library, NAME_OF(unw_set_caching_policy));
    *(void **)&backtrace_of = dlsym(library, NAME_OF(unw_backtrace));
    /* The cache of unwind information is filled under a lock inside which the loader's is taken: a
     * thread that allocates in a dl_iterate_phdr callback takes them the other way round, and a
     * forked child may inherit the lock held.  unw_backtrace has a cache per thread besides. */
    if (space && set_policy)
        set_policy(*space, UNW_CACHE_NONE);
    return backtrace_of && real_module_extent((void *)backtrace_of, &library_start, &library_end);
}

const char *callstack_backend(void)
{
    return backtrace_of ? "libunwind" : "none";
}

size_t callstack_memory_size(uint32_t depth)
{
    return (size_t)(2 * depth + OWN_FRAMES) * sizeof(uint64_t);
}

void callstack_init(struct callstack *stack, void *memory, uint32_t depth)
{
    memset(stack, 0, sizeof(*stack));
    stack->depth = depth;
    stack->pc = memory;
    stack->spare_pc = stack->pc + depth;
}

void callstack_forget(struct callstack *stack)
{
    stack->count = stack->same = 0;
    stack->cut = false;
    stack->epoch = 0;
}

enum { INSTRUCTION = 4 }; /* size and alignment of an instruction (aarch64) */

/* Puts the return addresses right and marks the interrupted instructions, where they can be told.
 * Returns how many frames are good: libunwind 1.6 knows no signed return addresses (PAC), and ends
 * such a walk with the last address reduced once more. */
static int normalise(uint64_t *frames, int count)
{
    bool reduced = false;
    for (int i = 0; i < count && !reduced; i++)
        reduced = frames[i] % INSTRUCTION == INSTRUCTION - 1;
    for (int i = 0; i < count && reduced; i++) {
        if (frames[i] % INSTRUCTION == INSTRUCTION - 1)
            frames[i]++;
        else if (frames[i] % INSTRUCTION == 0)
            frames[i] |= VMT_PC_EXACT;
        else
            return i;
    }
    return count;
}

/* Where the start is among the frames that libunwind saw, innermost first; `count` if nowhere. */
static int find_start(const uint64_t *frames, int count, uint64_t pc)
{
    int i = 0;
    while (i < count && (frames[i] & ~VMT_PC_EXACT) != pc)
        i++;
    return i;
}

/* `from` is innermost first, and has `count` frames. */
static void keep(struct callstack *stack, const uint64_t *from, uint32_t count, bool exact)
{
    uint32_t same = 0;
    bool unchanged = true;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t pc = from[count - 1 - i];
        if (exact && i == count - 1)
            pc |= VMT_PC_EXACT;
        unchanged = unchanged && i < stack->count && stack->pc[i] == pc;
        same += unchanged;
        stack->pc[i] = pc;
    }
    stack->same = same;
    stack->count = count;
}

/* Modules that are not known yet must be asked for while they are there. */
static void look_up_new(const struct callstack *stack)
{
    struct module module;
    for (uint32_t i = stack->same; i < stack->count; i++)
        modules_find(stack->pc[i] & ~VMT_PC_EXACT, &module);
}

/* The calling thread's first call, perhaps; see above. */
static __attribute__((noinline, cold)) int first_backtrace(void **frames, int size)
{
    const uint64_t all = ~UINT64_C(0); /* the kernel's sigset */
    uint64_t before = 0;
    unsigned flags = thread_state.flags;
    long blocked =
        sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, sizeof(all), 0, 0);
    thread_state.flags |= THREAD_INTERNAL;
    int count = backtrace_of(frames, size);
    thread_state.flags = flags;
    if (blocked == 0)
        sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof(before), 0, 0);
    return count;
}

void callstack_capture(struct callstack *stack, const struct callstack_start *start)
{
    bool first_call = stack->epoch == 0; /* or the thread has forgotten */
    uint32_t epoch = __atomic_load_n(&modules_epoch, __ATOMIC_RELAXED) + 1;
    if (stack->epoch != epoch)
        callstack_forget(stack);
    stack->epoch = epoch;
    int size = (int)stack->depth + OWN_FRAMES, count = 0;
    if (backtrace_of && walk_begin()) {
        count = (first_call ? first_backtrace : backtrace_of)((void **)stack->spare_pc, size);
        walk_end();
    } else {
        stack->epoch = 0; /* the first call is still to come */
    }
    int good = normalise(stack->spare_pc, count);
    int first = find_start(stack->spare_pc, good, start->pc);
    bool was_cut = stack->cut;
    if (first >= good) {
        keep(stack, &start->pc, 1, start->exact);
        stack->cut = true;
    } else {
        uint32_t seen = (uint32_t)(good - first);
        stack->cut = good < count || count == size || seen > stack->depth;
        keep(stack, stack->spare_pc + first, seen < stack->depth ? seen : stack->depth,
             start->exact);
    }
    if (stack->cut != was_cut)
        stack->same = 0;
    look_up_new(stack);
}
