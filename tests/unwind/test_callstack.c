/* SPDX-License-Identifier: Apache-2.0 */
/* What the live test cannot show, because libunwind does not go there. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "callstack.h"
#include "lazy_library.h"
#include "module_list.h"
#include "vmtrace/trace_format.h"

#define DEPTH 128
#define DEEP 100000

static struct callstack stack;

static void start_with(uint32_t depth)
{
    free(stack.slot);
    callstack_init(&stack, calloc(1, callstack_memory_size(depth)), depth);
}

static void start(void)
{
    start_with(DEPTH);
}

static __attribute__((noinline)) void probe(void)
{
    struct callstack_start begin;
    CALLSTACK_START(&begin);
    callstack_capture(&stack, &begin);
    __asm__ volatile("");
}

static uint64_t innermost(uint32_t index)
{
    return stack.pc[stack.count - 1 - index];
}

static __attribute__((noinline)) void recurse(long levels)
{
    if (levels == 0)
        probe();
    else
        recurse(levels - 1);
    __asm__ volatile("");
}

START_TEST(callstack_capture_deep_recursion_keeps_the_innermost_frames)
{
    start();
    recurse(DEEP);
    ck_assert_uint_eq(stack.count, DEPTH);
    ck_assert(stack.cut);
    for (uint32_t i = 2; i < DEPTH; i++)
        ck_assert_uint_eq(innermost(i), innermost(1));
    recurse(10);
    ck_assert(!stack.cut);
    ck_assert_uint_gt(stack.count, 11);
    ck_assert_uint_lt(stack.count, DEPTH);
    ck_assert_uint_ne(stack.pc[0], innermost(1));
}
END_TEST

START_TEST(callstack_capture_cut_stack_does_not_depend_on_the_last_one)
{
    uint64_t expected[8];
    start_with(8);
    recurse(20);
    ck_assert_uint_eq(stack.count, 8);
    memcpy(expected, stack.pc, sizeof(expected));
    for (long other = 0; other < 40; other++) {
        recurse(other);
        recurse(20);
        ck_assert_uint_eq(stack.count, 8);
        ck_assert(stack.cut);
        ck_assert_int_eq(memcmp(expected, stack.pc, sizeof(expected)), 0);
    }
}
END_TEST

START_TEST(callstack_capture_twice_at_one_place_changes_nothing)
{
    start();
    for (volatile int i = 0; i < 2; i++) /* one call site: never unrolled */
        recurse(5);
    ck_assert_uint_gt(stack.same, stack.count - 3);
    uint32_t count = stack.count;
    for (volatile int i = 0; i < 2; i++) /* one call site: never unrolled */
        probe();
    ck_assert_uint_eq(stack.same, stack.count);
    ck_assert_uint_lt(stack.count, count);
}
END_TEST

START_TEST(callstack_capture_after_an_unload_takes_nothing_over)
{
    start();
    for (volatile int i = 0; i < 3; i++) {
        if (i == 2)
            modules_epoch++;
        probe();
        ck_assert_uint_eq(stack.same, i == 1 ? stack.count : 0);
    }
}
END_TEST

/* Code without unwind information, run from its first byte; calls its argument. */
static void run_code(const uint8_t *code, size_t size)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, code, size);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    void (*entry)(void (*)(void));
    *(void **)&entry = page;
    entry(probe);
    munmap(page, 4096);
}

START_TEST(callstack_capture_generated_code_with_frame_pointer_is_walked_through)
{
    /* push %rbp; mov %rsp,%rbp; sub $32,%rsp; call *%rdi; leave; ret */
    static const uint8_t code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83,
                                   0xec, 0x20, 0xff, 0xd7, 0xc9, 0xc3};
    start();
    probe();
    uint32_t count = stack.count;
    uint64_t outermost = stack.pc[0];
    run_code(code, sizeof(code));
    ck_assert(!stack.cut);
    ck_assert_uint_ge(stack.count, count + 1); /* run_code may be inlined */
    ck_assert_uint_eq(stack.pc[0], outermost);
}
END_TEST

START_TEST(callstack_capture_generated_code_without_frame_pointer_says_cut)
{
    /* push %rbp; lea 8(%rsp),%rbp or xor %ebp,%ebp or mov $-1,%rbp; call *%rdi; pop %rbp; ret */
    static const uint8_t into_stack[] = {0x55, 0x48, 0x8d, 0x6c, 0x24,
                                         0x08, 0xff, 0xd7, 0x5d, 0xc3};
    static const uint8_t zero[] = {0x55, 0x31, 0xed, 0xff, 0xd7, 0x5d, 0xc3};
    static const uint8_t wild[] = {0x55, 0x48, 0xc7, 0xc5, 0xf8, 0xff,
                                   0xff, 0xff, 0xff, 0xd7, 0x5d, 0xc3};
    start();
    run_code(zero, sizeof(zero));
    ck_assert(stack.cut);
    ck_assert_uint_eq(stack.count, 1);
    run_code(wild, sizeof(wild));
    ck_assert(stack.cut);
    ck_assert_uint_eq(stack.count, 1);
    run_code(into_stack, sizeof(into_stack));
    ck_assert(stack.cut);
    ck_assert_uint_eq(stack.count, 1);
    ck_assert_uint_eq(stack.reusable, 0);
}
END_TEST

static ucontext_t inside, outside;
static uint32_t inside_count;
static bool inside_cut;

static void inside_main(void)
{
    recurse(3);
    inside_count = stack.count;
    inside_cut = stack.cut;
}

/* Captures on `memory`, gives it back, and captures on the thread's own stack. */
static void run_on(char *memory, size_t size, bool unmap)
{
    getcontext(&inside);
    inside.uc_stack.ss_sp = memory;
    inside.uc_stack.ss_size = size;
    inside.uc_link = &outside;
    makecontext(&inside, inside_main, 0);
    swapcontext(&outside, &inside);
    if (unmap)
        munmap(memory, size);
    ck_assert(!inside_cut);
    ck_assert_uint_eq(stack.reusable, 0);
    probe();
    ck_assert(!stack.cut);
    ck_assert_uint_eq(stack.reusable, stack.count);
}

START_TEST(callstack_capture_on_vanishing_stacks_never_reads_them_again)
{
    size_t size = 65536;
    start();
    for (int i = 0; i < 50; i++) {
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        run_on(memory, size, true);
    }
    ck_assert_uint_ge(inside_count, 5);
}
END_TEST

START_TEST(callstack_capture_on_a_stack_in_the_heap_ends_at_its_first_function)
{
    size_t size = 65536;
    char *memory = malloc(3 * size);
    start();
    run_on(memory + size, size, false);
    ck_assert_uint_ge(inside_count, 5);
    ck_assert_uint_le(inside_count, 7);
    free(memory);
}
END_TEST

START_TEST(callstack_capture_call_through_a_bad_pointer_names_the_caller)
{
    void (*volatile pointer)(void) = probe;
    start();
    pointer();
    /* As a crash handler sees it: pc 0, and on the stack the address that it would return to. */
    uint64_t memory[8] = {innermost(0)};
    struct callstack_start begin = {.pc = 0, .sp = (uint64_t)memory, .fp = 0, .exact = true};
    callstack_capture(&stack, &begin);
    ck_assert_uint_ge(stack.count, 2);
    ck_assert_uint_eq(innermost(0), VMT_PC_EXACT);
    ck_assert_uint_eq(innermost(1), memory[0]);
}
END_TEST

static bool hook_called;

static void probe_in_resolver(void)
{
    probe();
    hook_called = true;
    __asm__ volatile("");
}

/* ld.so's _dl_runtime_resolve keeps its CFA in rbx. */
START_TEST(callstack_capture_under_lazy_binding_passes_through_the_linker)
{
    start();
    probe();
    uint32_t count = stack.count;
    uint64_t outermost = stack.pc[0];
    lazy_hook = probe_in_resolver;
    ck_assert_int_eq(lazy_function(1), 2);
    ck_assert(hook_called);
    ck_assert(!stack.cut);
    ck_assert_uint_ge(stack.count, count + 4);
    ck_assert_uint_eq(stack.pc[0], outermost);
}
END_TEST

static void *find_bounds(void *bounds)
{
    stack_bounds_find(bounds);
    return __builtin_frame_address(0);
}

START_TEST(stack_bounds_find_covers_the_stack_of_main_and_of_threads)
{
    struct stack_bounds bounds;
    pthread_t thread;
    void *here, *where = find_bounds(&bounds);
    ck_assert(stack_bounds_hold(&bounds, (uint64_t)where));
    for (size_t size = 65536; size <= 1u << 24; size *= 4) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, size);
        ck_assert_int_eq(pthread_create(&thread, &attributes, find_bounds, &bounds), 0);
        pthread_join(thread, &here);
        ck_assert(stack_bounds_hold(&bounds, (uint64_t)here));
        ck_assert_uint_le(bounds.high - bounds.low, size);
        ck_assert_uint_ge(bounds.high - bounds.low, size - 16384);
        pthread_attr_destroy(&attributes);
    }
}
END_TEST

static Suite *callstack_suite(void)
{
    Suite *suite = suite_create("callstack");
    TCase *all = tcase_create("rows");
    tcase_add_test(all, callstack_capture_deep_recursion_keeps_the_innermost_frames);
    tcase_add_test(all, callstack_capture_cut_stack_does_not_depend_on_the_last_one);
    tcase_add_test(all, callstack_capture_twice_at_one_place_changes_nothing);
    tcase_add_test(all, callstack_capture_after_an_unload_takes_nothing_over);
    tcase_add_test(all, callstack_capture_generated_code_with_frame_pointer_is_walked_through);
    tcase_add_test(all, callstack_capture_generated_code_without_frame_pointer_says_cut);
    tcase_add_test(all, callstack_capture_on_vanishing_stacks_never_reads_them_again);
    tcase_add_test(all, callstack_capture_on_a_stack_in_the_heap_ends_at_its_first_function);
    tcase_add_test(all, callstack_capture_call_through_a_bad_pointer_names_the_caller);
    tcase_add_test(all, callstack_capture_under_lazy_binding_passes_through_the_linker);
    tcase_add_test(all, stack_bounds_find_covers_the_stack_of_main_and_of_threads);
    suite_add_tcase(suite, all);
    return suite;
}

int main(void)
{
    module_list_refresh();
    callstack_setup();
    SRunner *runner = srunner_create(callstack_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
