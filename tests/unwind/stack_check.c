/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a real program: captures stacks by rows and by libunwind, and compares them.
 *
 *     STACK_CHECK_OUTPUT=FILE     counts go to FILE.PID, the first differences to FILE.PID.text
 *     STACK_CHECK_EVERY=N         every N-th call of malloc, calloc, realloc and free
 *     STACK_CHECK_TICK=N          and about every N microseconds, at whatever instruction
 *     STACK_CHECK_TRAP=1          and at each SIGTRAP, which a program in single steps gets
 *     STACK_CHECK_MOST=N          captures of one process, after which it just runs
 */
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "callstack.h"
#include "module_list.h"
#include "row_table.h"
#include "stack_check.h"
#include "vmtrace/trace_format.h"

#define OURS_MAX 500
#define THEIRS_MAX 2000
/* Frames of this file that libunwind finds first. */
#define OWN_MAX 8
#define REPORTED_MAX 20

/* glibc's names of its own functions, which need no dlsym. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

/* libunwind's, looked up in a local scope: its _Unwind_* must not become the program's. */
static int (*their_backtrace)(void **frames, int size);
static int (*their_getcontext)(unw_context_t *context);
static int (*their_init)(unw_cursor_t *cursor, unw_context_t *context);
static int (*their_step)(unw_cursor_t *cursor);
static int (*their_get)(unw_cursor_t *cursor, unw_regnum_t number, unw_word_t *value);

struct thread {
    struct callstack stack;
    void *theirs[THEIRS_MAX];
};

static __thread struct thread *thread __attribute__((tls_model("initial-exec")));
static __thread bool busy __attribute__((tls_model("initial-exec")));
static struct stack_check_counts *counts;
static uint64_t every, most, calls, reported;
static long tick;
static uint32_t refreshing;
static int text_fd = -1;

static struct thread *new_thread(void)
{
    size_t size = sizeof(struct thread) + callstack_memory_size(OURS_MAX);
    struct thread *self =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (self == MAP_FAILED)
        abort();
    callstack_init(&self->stack, self + 1, OURS_MAX);
    return self;
}

/* As record_stack does: a stack that ends in unknown code is captured again, with what was loaded
 * meanwhile. */
static void capture(struct callstack *stack, const struct callstack_start *start)
{
    callstack_capture(stack, start);
    if (!stack->cut || !modules_stale() || __atomic_exchange_n(&refreshing, 1, __ATOMIC_ACQUIRE))
        return;
    module_list_refresh();
    __atomic_store_n(&refreshing, 0, __ATOMIC_RELEASE);
    callstack_capture(stack, start);
}

/* The frames from the one at `pc` on, in *frames. */
static int skip_own(void ***frames, int count, uint64_t pc)
{
    for (int i = 0; i < OWN_MAX && i < count; i++) {
        if ((uint64_t)(*frames)[i] == pc) {
            *frames += i;
            return count - i;
        }
    }
    return 0;
}

static int slow_backtrace(void **frames)
{
    unw_context_t context;
    unw_cursor_t cursor;
    unw_word_t pc;
    int count = 0;
    if (their_getcontext(&context) < 0 || their_init(&cursor, &context) < 0)
        return 0;
    do {
        if (their_get(&cursor, UNW_REG_IP, &pc) < 0 || pc == 0)
            break;
        frames[count++] = (void *)pc;
    } while (count < THEIRS_MAX && their_step(&cursor) > 0);
    return count;
}

/* Innermost first, as libunwind's. */
static uint64_t our_frame(const struct callstack *stack, int index)
{
    return stack->pc[(int)stack->count - 1 - index] & ~VMT_PC_EXACT;
}

/* Where the stacks part, or the length of the shorter one. */
static int common_part(const struct callstack *stack, void **theirs, int count)
{
    int i = 0;
    while (i < (int)stack->count && i < count && our_frame(stack, i) == (uint64_t)theirs[i])
        i++;
    return i;
}

static enum unwind_kind kind_of_row(uint64_t pc)
{
    struct unwind_row row;
    row_table_expand(row_table_find((pc & ~VMT_PC_EXACT) | (pc & VMT_PC_EXACT ? ROW_EXACT : 0)),
                     &row);
    return row.kind;
}

/* libunwind gives up, or ends with a frame in no code: when an exception's landing pad is
 * interrupted right behind a `ret`, and outside of a coroutine's first function. */
static bool is_lost(const struct callstack *stack, void **theirs, int count, int common)
{
    if (common == count)
        return kind_of_row(stack->pc[(int)stack->count - common]) != UNWIND_END;
    return common + 1 == count && kind_of_row((uint64_t)theirs[common]) == UNWIND_NONE;
}

static uint64_t *judge(const struct callstack *stack, void **theirs, int count)
{
    int ours = (int)stack->count, common = common_part(stack, theirs, count);
    if (common == ours && common == count && !stack->cut)
        return &counts->equal;
    if (common == OURS_MAX && common < count && stack->cut)
        return &counts->deeper;
    for (int i = 0; i < common; i++) {
        if (kind_of_row(stack->pc[ours - 1 - i]) == UNWIND_NONE)
            return &counts->guessed;
    }
    enum unwind_kind outermost = kind_of_row(stack->pc[0]);
    if (common > 0 && common == ours && stack->cut && outermost == UNWIND_COMPLEX)
        return &counts->complex;
    if (common > 0 && !stack->cut && outermost == UNWIND_END &&
        is_lost(stack, theirs, count, common))
        return &counts->further;
    return &counts->different;
}

static void report(const struct callstack *stack, void **theirs, int count, bool at_tick)
{
    if (__atomic_fetch_add(&reported, 1, __ATOMIC_RELAXED) >= REPORTED_MAX)
        return;
    dprintf(text_fd, "%s: rows %u frames%s, libunwind %d\n", at_tick ? "tick" : "call",
            stack->count, stack->cut ? " (cut)" : "", count);
    int common = common_part(stack, theirs, count);
    for (int i = common < 3 ? 0 : common - 3; i < count || i < (int)stack->count; i++) {
        uint64_t pc[2] = {i < (int)stack->count ? our_frame(stack, i) : 0,
                          i < count ? (uint64_t)theirs[i] : 0};
        Dl_info info[2] = {{0}, {0}};
        for (int side = 0; side < 2; side++)
            dladdr((void *)(pc[side] - 1), &info[side]);
        dprintf(text_fd, "  %3d %c", i, pc[0] == pc[1] ? ' ' : '*');
        for (int side = 0; side < 2; side++)
            dprintf(text_fd, "  %#14lx %s+%#lx %s", pc[side],
                    info[side].dli_fname ? info[side].dli_fname : "?",
                    pc[side] - (uint64_t)info[side].dli_fbase,
                    info[side].dli_sname ? info[side].dli_sname : "");
        dprintf(text_fd, "\n");
    }
}

static __attribute__((noinline)) void compare(const struct callstack_start *start, bool at_tick)
{
    void **theirs = thread->theirs;
    capture(&thread->stack, start);
    int count = skip_own(&theirs, their_backtrace(theirs, THEIRS_MAX), start->pc);
    uint64_t *result = judge(&thread->stack, theirs, count);
    if (result != &counts->equal && result != &counts->deeper) {
        theirs = thread->theirs;
        count = skip_own(&theirs, slow_backtrace(theirs), start->pc);
        uint64_t *slow = judge(&thread->stack, theirs, count);
        result = slow == &counts->equal ? &counts->slow_equal : slow;
    }
    if (result == &counts->different)
        report(&thread->stack, theirs, count, at_tick);
    __atomic_fetch_add(result, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counts->captures, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counts->at_ticks, at_tick, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counts->frames, thread->stack.count, __ATOMIC_RELAXED);
}

static bool is_enough(void)
{
    return __atomic_load_n(&counts->captures, __ATOMIC_RELAXED) >= most;
}

/* libunwind allocates thread-local storage at its first call in a thread, which a signal handler
 * must not. */
static __attribute__((noinline)) void prepare_thread(void)
{
    int before = errno;
    busy = true;
    struct thread *self = new_thread();
    their_backtrace(self->theirs, THEIRS_MAX);
    thread = self;
    busy = false;
    errno = before;
}

static __attribute__((noinline)) void check(const struct callstack_start *start, bool at_tick)
{
    int before = errno;
    busy = true;
    compare(start, at_tick);
    busy = false;
    errno = before;
}

static inline bool is_wanted(void)
{
    if (!counts || busy || is_enough())
        return false;
    if (!thread)
        prepare_thread();
    return __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % every == 0;
}

#define EXPORT __attribute__((visibility("default")))

#define CHECK_CALL()                                                                               \
    do {                                                                                           \
        if (is_wanted()) {                                                                         \
            struct callstack_start start;                                                          \
            CALLSTACK_START(&start);                                                               \
            check(&start, false);                                                                  \
        }                                                                                          \
    } while (0)

EXPORT void *malloc(size_t size)
{
    CHECK_CALL();
    return __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    CHECK_CALL();
    return __libc_calloc(count, size);
}

EXPORT void *realloc(void *block, size_t size)
{
    CHECK_CALL();
    return __libc_realloc(block, size);
}

EXPORT void free(void *block)
{
    CHECK_CALL();
    __libc_free(block);
}

static void set_timer(void)
{
    static timer_t timer;
    static bool made;
    static unsigned random = 1;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
    if (!made && timer_create(CLOCK_MONOTONIC, &event, &timer))
        abort();
    made = true;
    random = random * 1103515245 + 12345;
    const struct itimerspec once = {.it_value.tv_nsec = tick * (500 + (random >> 16) % 1000)};
    timer_settime(timer, 0, &once, NULL);
}

static void on_tick(int number)
{
    int before = errno;
    if (thread && !busy && !is_enough()) {
        struct callstack_start start;
        CALLSTACK_START(&start);
        check(&start, true);
    }
    if (number == SIGPROF && !is_enough())
        set_timer();
    errno = before;
}

static void handle(int number)
{
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    sigaction(number, &action, NULL);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static bool find_libunwind(void)
{
    void *library = dlopen("libunwind.so.8", RTLD_LAZY | RTLD_LOCAL);
    if (!library)
        return false;
    *(void **)&their_backtrace = dlsym(library, "unw_backtrace");
    *(void **)&their_getcontext = dlsym(library, "_Ux86_64_getcontext");
    *(void **)&their_init = dlsym(library, "_ULx86_64_init_local");
    *(void **)&their_step = dlsym(library, "_ULx86_64_step");
    *(void **)&their_get = dlsym(library, "_ULx86_64_get_reg");
    return their_backtrace && their_getcontext && their_init && their_step && their_get;
}

static struct stack_check_counts *open_counts(const char *output)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s.%d", output, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct stack_check_counts)))
        abort();
    struct stack_check_counts *file =
        mmap(NULL, sizeof(*file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    strcat(path, ".text");
    int text = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    text_fd = fcntl(text, F_DUPFD_CLOEXEC, 200); /* out of the program's way */
    close(text);
    return file == MAP_FAILED ? NULL : file;
}

static __attribute__((constructor)) void set_up(void)
{
    const char *output = getenv("STACK_CHECK_OUTPUT");
    every = setting("STACK_CHECK_EVERY", 1);
    most = setting("STACK_CHECK_MOST", UINT64_MAX);
    tick = (long)setting("STACK_CHECK_TICK", 0);
    if (!output || !every || !find_libunwind())
        return;
    module_list_refresh();
    callstack_setup();
    struct stack_check_counts *file = open_counts(output);
    if (!file)
        return;
    file->magic = STACK_CHECK_MAGIC;
    counts = file;
    prepare_thread();
    if (setting("STACK_CHECK_TRAP", 0))
        handle(SIGTRAP);
    if (tick) {
        handle(SIGPROF);
        set_timer();
    }
}
