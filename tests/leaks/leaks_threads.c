/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: their stacks, registers and storage, alive and dead when the process ends. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "leak_case.h"

static void *volatile kept;
static __thread void *volatile kept_by_thread;
static pthread_key_t key;
static sem_t ready;
static atomic_int spinning;

static NOINLINE void *take_child(void)
{
    return malloc(24);
}

static NOINLINE pthread_t begin(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 18);
    if (pthread_create(&thread, &attributes, run, argument))
        _exit(3);
    pthread_attr_destroy(&attributes);
    return thread;
}

static NOINLINE void begin_and_wait(void *(*run)(void *))
{
    sem_init(&ready, 0, 0);
    begin(run, NULL);
    sem_wait(&ready);
}

static void *wait_forever(void)
{
    leak_clear_stack();
    sem_post(&ready);
    for (;;)
        pause();
    return NULL;
}

static void *keep_on_stack(void *unused)
{
    void *volatile local = malloc(40);
    wait_forever();
    leak_use(local);
    return unused;
}

LEAK_CASE(thread_stack)
{
    begin_and_wait(keep_on_stack);
}

static void *keep_interior_on_stack(void *unused)
{
    char *volatile local = (char *)malloc(40) + 8;
    wait_forever();
    leak_use(local);
    return unused;
}

LEAK_CASE(thread_stack_interior)
{
    begin_and_wait(keep_interior_on_stack);
}

static void *keep_in_tls(void *unused)
{
    kept_by_thread = malloc(40);
    wait_forever();
    return unused;
}

LEAK_CASE(thread_tls)
{
    begin_and_wait(keep_in_tls);
}

static void *keep_by_key(void *unused)
{
    pthread_setspecific(key, malloc(40));
    wait_forever();
    return unused;
}

LEAK_CASE(thread_key)
{
    pthread_key_create(&key, free);
    begin_and_wait(keep_by_key);
}

static NOINLINE void *lose_one(void *unused)
{
    leak_use(malloc(40));
    return unused;
}

static void *lose_and_wait(void *unused)
{
    lose_one(NULL);
    wait_forever();
    return unused;
}

LEAK_CASE(thread_lost)
{
    begin_and_wait(lose_and_wait);
}

static void *keep_argument(void *argument)
{
    void *volatile local = argument;
    wait_forever();
    leak_use(local);
    return NULL;
}

LEAK_CASE(thread_argument)
{
    sem_init(&ready, 0, 0);
    begin(keep_argument, malloc(40));
    sem_wait(&ready);
}

static void *end_with_stack(void *unused)
{
    void *volatile local = malloc(40);
    leak_use(local);
    return unused;
}

static NOINLINE void run_to_end(void *(*run)(void *))
{
    pthread_join(begin(run, NULL), NULL);
}

LEAK_CASE(dead_thread_stack)
{
    run_to_end(end_with_stack);
}

static void *end_with_tls(void *unused)
{
    kept_by_thread = malloc(40);
    return unused;
}

LEAK_CASE(dead_thread_tls)
{
    run_to_end(end_with_tls);
}

static void *end_with_key(void *unused)
{
    pthread_setspecific(key, malloc(40));
    return unused;
}

LEAK_CASE(dead_thread_key)
{
    pthread_key_create(&key, NULL);
    run_to_end(end_with_key);
}

LEAK_CASE(dead_thread_key_destroyed)
{
    pthread_key_create(&key, free);
    run_to_end(end_with_key);
}

static void *give_result(void *unused)
{
    (void)unused;
    return malloc(40);
}

LEAK_CASE(dead_thread_result_dropped)
{
    run_to_end(give_result);
}

LEAK_CASE(dead_thread_never_joined)
{
    pthread_t thread = begin(end_with_stack, NULL);
    while (pthread_tryjoin_np(thread, NULL))
        usleep(1000);
}

LEAK_CASE(detached_alive)
{
    sem_init(&ready, 0, 0);
    pthread_detach(begin(keep_on_stack, NULL));
    sem_wait(&ready);
}

static NOINLINE void begin_and_spin(void *(*run)(void *))
{
    begin(run, NULL);
    while (!spinning)
        usleep(1000);
}

/* Only the register holds it: all that a call may have left a copy in are cleared before `move`.
 * The pointer comes inverted, so that it does not lie on the stack at -O0. */
#if defined(__x86_64__)
#define SPIN_WITH(inverted, move)                                                                  \
    __asm__ volatile(                                                                              \
        "mov %0, %%rax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\txor %%esi, %%esi\n\t"            \
        "xor %%edi, %%edi\n\txor %%r8d, %%r8d\n\txor %%r9d, %%r9d\n\t"                             \
        "xor %%r10d, %%r10d\n\txor %%r11d, %%r11d\n\tnot %%rax\n\t" move                           \
        "\n\txor %%eax, %%eax\n\tmovl $1, %1\n1:\tpause\n\tjmp 1b"                                 \
        :                                                                                          \
        : "r"(inverted), "m"(spinning)                                                             \
        : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm7", "memory")

static NOINLINE void spin_in_rbx(uintptr_t inverted)
{
    SPIN_WITH(inverted, "mov %%rax, %%rbx");
}

static NOINLINE void spin_in_r11(uintptr_t inverted)
{
    SPIN_WITH(inverted, "mov %%rax, %%r11");
}

static NOINLINE void spin_in_xmm7(uintptr_t inverted)
{
    SPIN_WITH(inverted, "movq %%rax, %%xmm7");
}

static NOINLINE uintptr_t take_inverted(void)
{
    return ~(uintptr_t)malloc(40);
}

static NOINLINE void spin_with(void (*spin)(uintptr_t))
{
    uintptr_t inverted = take_inverted();
    leak_clear_stack();
    spin(inverted);
}

static void *run_spin_in_rbx(void *unused)
{
    spin_with(spin_in_rbx);
    return unused;
}

static void *run_spin_in_r11(void *unused)
{
    spin_with(spin_in_r11);
    return unused;
}

static void *run_spin_in_xmm7(void *unused)
{
    spin_with(spin_in_xmm7);
    return unused;
}

LEAK_CASE(register_kept_by_calls)
{
    begin_and_spin(run_spin_in_rbx);
}

LEAK_CASE(register_of_caller)
{
    begin_and_spin(run_spin_in_r11);
}

/* memcheck does not look at vector registers. */
LEAK_CASE(register_of_vectors)
{
    begin_and_spin(run_spin_in_xmm7);
}
#endif

static void *exit_from_thread(void *unused)
{
    void *volatile local = take_child();
    leak_clear_stack();
    exit(0);
    leak_use(local);
    return unused;
}

/* main waits, with a pointer of its own. */
LEAK_CASE(exit_in_thread)
{
    void *volatile local = malloc(40);
    pthread_t thread = begin(exit_from_thread, NULL);
    leak_clear_stack();
    pthread_join(thread, NULL);
    leak_use(local);
}

static void *exit_later(void *unused)
{
    usleep(50000);
    leak_clear_stack();
    exit(0);
    return unused;
}

LEAK_CASE(main_thread_ended)
{
    kept = malloc(40);
    lose_one(NULL);
    begin(exit_later, NULL);
    leak_clear_stack();
    pthread_exit(NULL);
}

enum { crowd = 240 };

LEAK_CASE(threads_240)
{
    sem_init(&ready, 0, 0);
    for (int i = 0; i < crowd; i++)
        begin(keep_on_stack, NULL);
    for (int i = 0; i < crowd; i++)
        sem_wait(&ready);
}

LEAK_CASE(threads_240_dead)
{
    for (int i = 0; i < crowd; i++)
        run_to_end(end_with_stack);
}

enum { children = 500 };

/* The table moves all the time, also while the process ends: what it points to is never lost. */
static void *move_table(void *unused)
{
    void **table = NULL;
    for (size_t size = 0;; size = (size + 977) % 65536) {
        table = realloc(table, (children + size) * sizeof *table);
        if (!table)
            _exit(4);
        if (spinning)
            continue;
        for (int i = 0; i < children; i++)
            table[i] = take_child();
        leak_clear_stack();
        spinning = 1;
    }
    return unused;
}

LEAK_CASE(realloc_in_motion)
{
    begin_and_spin(move_table);
}
