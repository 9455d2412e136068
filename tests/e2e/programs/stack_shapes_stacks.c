/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of stack_shapes that have to do with signals and with several stacks. */
#include "stack_shapes.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { STACK_SIZE = 128 * 1024, ROUNDS = 20 };

/* ---- signals ---- */

static void on_signal(int number)
{
    (void)number;
    shape_block();
    SHAPE_END();
}

static void handle(int number, int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(number, &action, NULL);
}

static SHAPE void interrupted(int number)
{
    raise(number);
    SHAPE_END();
}

void shape_signal_frame(void)
{
    handle(SIGUSR1, 0);
    interrupted(SIGUSR1);
}

void shape_signal_stack(void)
{
    stack_t stack = {.ss_sp = malloc(STACK_SIZE), .ss_size = STACK_SIZE};
    sigaltstack(&stack, NULL);
    handle(SIGUSR2, SA_ONSTACK);
    interrupted(SIGUSR2);
}

void shape_red_zone(void)
{
    handle(SIGTRAP, 0);
    if (!asm_red_zone())
        _exit(11);
}

/* ---- other stacks ---- */

static char *map_stack(void)
{
    return mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static SHAPE void outside_block(void)
{
    shape_block();
    SHAPE_END();
}

static SHAPE void inside_block(void)
{
    shape_block();
    __asm__ volatile("nop"); /* or compilers make it one with outside_block */
}

static void coroutine_main(void)
{
    inside_block();
    SHAPE_END();
}

static SHAPE void run_coroutine(char *memory)
{
    static ucontext_t inside, outside;
    getcontext(&inside);
    inside.uc_stack.ss_sp = memory;
    inside.uc_stack.ss_size = STACK_SIZE;
    inside.uc_link = &outside;
    makecontext(&inside, coroutine_main, 0);
    swapcontext(&outside, &inside);
}

/* Between two allocations the stack of the first is gone. */
void shape_coroutine(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        char *memory = map_stack();
        run_coroutine(memory);
        munmap(memory, STACK_SIZE);
        if (i % 2)
            outside_block();
    }
}

static void *thread_main(void *unused)
{
    inside_block();
    return unused;
}

void shape_thread_stack(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        pthread_attr_t attributes;
        char *memory = map_stack();
        pthread_attr_init(&attributes);
        pthread_attr_setstack(&attributes, memory, STACK_SIZE);
        pthread_create(&thread, &attributes, thread_main, NULL);
        pthread_join(thread, NULL);
        pthread_attr_destroy(&attributes);
        munmap(memory, STACK_SIZE);
        outside_block();
    }
}

/* In the middle of the heap, in a block where something else was before. */
static char *heap_stack(void)
{
    char *block = malloc(3 * STACK_SIZE);
    block += STACK_SIZE - (unsigned long)block % 64;
    memset(block + STACK_SIZE - 1024, 0x5a, 2048);
    return block;
}

void shape_heap_coroutine(void)
{
    run_coroutine(heap_stack());
    outside_block();
}

void shape_heap_switch(void)
{
    asm_other_stack(heap_stack() + STACK_SIZE, inside_block);
    outside_block();
}

void shape_heap_switch_blind(void)
{
    asm_other_stack_without_cfi(heap_stack() + STACK_SIZE, inside_block);
    outside_block();
}
