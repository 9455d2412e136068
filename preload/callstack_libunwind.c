/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callstack.h for machines without unwind rows: whole stacks by libunwind's unw_backtrace.
 *
 * The shared libunwind is opened with RTLD_LOCAL and its functions are looked up, because in the
 * global scope its _Unwind_* symbols would catch other libraries' exceptions.  Names like
 * unw_backtrace are macros for the machine's own (_ULaarch64_...); the header makes them strings.
 *
 * Costs 10 to 500 ns a frame.  libunwind asks the loader (dl_iterate_phdr) for code it has not
 * met before, so a capture may wait for a dlopen in another thread; rows never do.
 * unw_backtrace does not say which frame a signal interrupted: only the start can be exact.
 */
#include <dlfcn.h>
#include <string.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "callstack.h"
#include "modules.h"
#include "vmtrace/trace_format.h"

#define NAME_OF(symbol) STRING_OF(symbol)
#define STRING_OF(symbol) #symbol

/* Frames of the recorder between libunwind and the start, at most. */
#define OWN_FRAMES 16

static int (*backtrace_of)(void **frames, int size);

bool callstack_setup(void)
{
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        library = dlopen("libunwind.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
    int (*set_policy)(unw_addr_space_t, unw_caching_policy_t);
    unw_addr_space_t *space = dlsym(library, NAME_OF(unw_local_addr_space));
    *(void **)&set_policy = dlsym(library, NAME_OF(unw_set_caching_policy));
    *(void **)&backtrace_of = dlsym(library, NAME_OF(unw_backtrace));
    if (space && set_policy) /* the default cache has one lock for all threads */
        set_policy(*space, UNW_CACHE_PER_THREAD);
    return backtrace_of != NULL;
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

/* Where the start is among the frames that libunwind saw, innermost first; `count` if nowhere. */
static int find_start(void *const *frames, int count, uint64_t pc)
{
    int i = 0;
    while (i < count && (uint64_t)frames[i] != pc)
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

void callstack_capture(struct callstack *stack, const struct callstack_start *start)
{
    uint32_t epoch = __atomic_load_n(&modules_epoch, __ATOMIC_RELAXED) + 1;
    if (stack->epoch != epoch)
        callstack_forget(stack);
    stack->epoch = epoch;
    void **frames = (void **)stack->spare_pc;
    int size = (int)stack->depth + OWN_FRAMES;
    int count = backtrace_of ? backtrace_of(frames, size) : 0;
    int first = find_start(frames, count, start->pc);
    bool was_cut = stack->cut;
    if (first >= count) {
        keep(stack, &start->pc, 1, start->exact);
        stack->cut = true;
    } else {
        uint32_t seen = (uint32_t)(count - first);
        stack->cut = count == size || seen > stack->depth;
        keep(stack, (uint64_t *)frames + first, seen < stack->depth ? seen : stack->depth,
             start->exact);
    }
    if (stack->cut != was_cut)
        stack->same = 0;
}
