/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     leak_random SEED LEDGER
 *
 * Does random things with a heap, takes a snapshot, does more, and ends in a random way.  LEDGER
 * tells all blocks and pointers at both moments; run_random.py says what they make of each block.
 */
#include "leak_random.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vmtrace/vmtrace.h>

#include "leak_case.h"

enum { WORDS = 16, THREADS = 3, MAPPED = 12288 };

static volatile uintptr_t static_words[WORDS];
static __thread volatile uintptr_t thread_words[WORDS];
static sem_t ready, go_on, never;
static int ledger = -1;
static bool clean; /* nothing is left where memcheck, but not we, would look for it */

static NOINLINE void allocate(size_t count)
{
    while (count--)
        heap_allocate();
}

static NOINLINE void work(size_t steps)
{
    while (steps--) {
        switch (random_below(8)) {
        case 0:
            heap_allocate();
            break;
        case 1:
            heap_free();
            break;
        default:
            heap_change();
        }
    }
}

#if defined(__x86_64__)
/* What allocators leave in vector registers would be a root for as long as the thread waits. */
static NOINLINE __attribute__((target("xsave"))) void clear_vectors(void)
{
    enum { VECTORS = 0xe6, MXCSR = 6, MXCSR_DEFAULT = 0x1f80 };
    static uint32_t initial[1024] __attribute__((aligned(64)));
    initial[MXCSR] = MXCSR_DEFAULT;
    __builtin_ia32_xrstor64(initial, VECTORS);
}
#else
static void clear_vectors(void)
{
}
#endif

/* One thread runs at a time.  Those that live on hold roots; what the others leave is nobody's. */
static void *live(void *stays)
{
    volatile uintptr_t local[WORDS] = {0};
    roots_add(local, WORDS);
    roots_add(thread_words, WORDS);
    allocate(random_below(30));
    sem_post(&ready);
    clear_vectors();
    leak_clear_stack();
    sem_wait(stays ? &never : &go_on);
    roots_remove(local);
    roots_remove(thread_words);
    for (size_t i = 0; clean && i < WORDS; i++)
        thread_words[i] = 0;
    return NULL;
}

static void begin_thread(pthread_t *thread, bool stays)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (stays)
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(thread, &attributes, live, stays ? &never : NULL))
        abort();
    pthread_attr_destroy(&attributes);
    sem_wait(&ready);
}

static NOINLINE void map_roots(void)
{
    const int flags[] = {MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS};
    for (int i = 0; i < 2; i++) {
        char *memory = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, flags[i], -1, 0);
        if (memory == MAP_FAILED)
            abort();
        roots_add((volatile uintptr_t *)(memory + 4096 - 64), WORDS);
    }
}

static NOINLINE void run(unsigned long seed)
{
    size_t staying = random_below(THREADS + 1);
    pthread_t leaving, thread;
    roots_add(static_words, WORDS);
    roots_add(thread_words, WORDS);
    map_roots();
    allocate(random_below(300) + 20);
    for (size_t i = 0; i < staying; i++)
        begin_thread(&thread, true);
    begin_thread(&leaving, false);
    work(random_below(2000));
    if (seed % 3 == 0) {
        ledger_write(ledger, "snapshot");
        leak_clear_stack();
        vmtrace_snapshot("snapshot");
    }
    work(random_below(2000));
    sem_post(&go_on);
    pthread_join(leaving, NULL);
    work(random_below(500));
    if (seed % 5)
        heap_drop_roots();
}

/* The words of its frame are roots up to the very end, but for the case of main's return. */
static NOINLINE void end(unsigned long seed)
{
    volatile uintptr_t local[WORDS] = {0};
    roots_add(local, WORDS);
    run(seed);
    if (seed % 4 == 3)
        roots_remove(local);
    ledger_write(ledger, "end");
    close(ledger);
    leak_clear_stack();
    switch (seed % 4) {
    case 0:
        exit(0);
    case 1:
        _exit(0);
    case 2:
        quick_exit(0);
    default:
        return;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    unsigned long seed = strtoul(argv[1], NULL, 10);
    ledger = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (ledger < 0 || sem_init(&ready, 0, 0) || sem_init(&go_on, 0, 0) || sem_init(&never, 0, 0))
        return 2;
    random_begin(seed);
    clean = seed % 2 == 0;
    heap_begin(clean);
    end(seed);
    leak_clear_stack();
    return 0;
}
