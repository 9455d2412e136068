/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that does hardly anything, and has the only pointer to a block of 1,000 bytes in some
 * place when it ends.
 *
 *     scan_small PLACE
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SIZE = 1000, CHAIN = 20, MANY = 300, PAGE = 4096, LARGE = 4 << 20 };

static void *volatile in_variable;
static __thread void *in_thread_local;
static char aligned[3 * PAGE] __attribute__((aligned(PAGE)));
#ifdef WITH_LARGE
static void *volatile large[LARGE / sizeof(void *)];
#endif
static __thread char pages_of_thread[3 * PAGE];
static void *volatile table[MANY];
static volatile uintptr_t hidden;
extern char **environ;

static void variable(void)
{
    in_variable = malloc(SIZE);
}

static void thread_local(void)
{
    in_thread_local = malloc(SIZE);
}

static void specific(void)
{
    pthread_key_t key;
    pthread_key_create(&key, NULL);
    pthread_setspecific(key, malloc(SIZE));
}

/* Another value of a variable that is there takes its place on the stack. */
static void environment(void)
{
    char *entry = malloc(SIZE);
    memset(entry, 'x', SIZE);
    memcpy(entry, "SCAN_SMALL=", 11);
    entry[SIZE - 1] = '\0';
    for (char **at = environ; *at; at++) {
        if (strncmp(*at, "SCAN_SMALL=", 11) == 0)
            *at = entry;
    }
}

static void on_stack(void)
{
    void *volatile block = malloc(SIZE);
    (void)block;
    exit(0);
}

static void chain(void)
{
    for (int i = 0; i < CHAIN; i++) {
        void **link = malloc(SIZE);
        *link = in_variable;
        in_variable = link;
    }
}

static void interior(void)
{
    in_variable = (char *)malloc(SIZE) + 100;
}

static void lost(void)
{
    hidden = ~(uintptr_t)malloc(SIZE);
}

static void cycle(void)
{
    void **one = malloc(SIZE), **other = malloc(SIZE);
    *one = other;
    *other = one;
    hidden = ~(uintptr_t)one;
}

/* What was left where a block was freed counts for nothing. */
static void in_freed(void)
{
    void **freed = malloc(SIZE);
    freed[50] = malloc(SIZE);
    hidden = ~(uintptr_t)freed[50];
    free(freed);
}

static void mapping(void)
{
    void **memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *memory = malloc(SIZE);
}

static void unseen_mapping(void)
{
    void **memory = (void **)syscall(SYS_mmap, NULL, PAGE, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *memory = malloc(SIZE);
}

static void break_(void)
{
    void **memory = sbrk(PAGE);
    *memory = malloc(SIZE);
}

static void unreadable(void)
{
    in_variable = malloc(SIZE);
    aligned[PAGE] = 1;
    mprotect(aligned + PAGE, PAGE, PROT_NONE);
}

static void bar_page_of(char *memory)
{
    for (char *at = memory; at < memory + 3 * PAGE; at++)
        *at = 1;
    mprotect((char *)(((uintptr_t)memory + PAGE - 1) & -(uintptr_t)PAGE), PAGE, PROT_NONE);
}

/* As a guard between two stacks that lie on this one. */
static void stack_guard(void)
{
    char memory[3 * PAGE];
    in_variable = malloc(SIZE);
    bar_page_of(memory);
    exit(0);
}

static void thread_local_guard(void)
{
    in_variable = malloc(SIZE);
    bar_page_of(pages_of_thread);
}

static void *wait_for_end(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* Here is a pointer to the block that a thread costs, too: its vector of thread-local storage. */
static void other_thread(void)
{
    pthread_t other;
    in_variable = malloc(SIZE);
    if (pthread_create(&other, NULL, wait_for_end, NULL))
        abort();
    table[0] = ((char **)other)[1] - 2 * sizeof(void *);
}

static void at_end_of_large(void)
{
#ifdef WITH_LARGE
    large[LARGE / sizeof(void *) - 1] = malloc(SIZE);
#endif
}

static void many(void)
{
    for (int i = 0; i < MANY; i++)
        table[i] = malloc(SIZE);
}

static void deep_stack(void)
{
    volatile char room[LARGE / 2];
    for (size_t i = 0; i < sizeof(room); i += PAGE)
        room[i] = 1;
    in_variable = malloc(SIZE);
    exit(0);
}

static void forked(void)
{
    in_variable = malloc(SIZE);
    fork();
}

static void all_sorts(void)
{
    free(malloc(1));
    char *text = calloc(3, 5);
    text = realloc(text, 5000);
    in_variable = realloc(text, SIZE);
    if (posix_memalign(&in_thread_local, 256, SIZE))
        abort();
    free(aligned_alloc(64, 640));
    void *volatile none = malloc(SIZE_MAX / 2 - 1);
    free(none);
    table[0] = malloc(0);
}

static void all_freed(void)
{
    free(malloc(SIZE));
}

static const struct {
    const char *name;
    void (*act)(void);
} places[] = {
    {"variable", variable},
    {"thread_local", thread_local},
    {"specific", specific},
    {"environment", environment},
    {"stack", on_stack},
    {"chain", chain},
    {"interior", interior},
    {"lost", lost},
    {"cycle", cycle},
    {"freed", in_freed},
    {"all_freed", all_freed},
    {"all_sorts", all_sorts},
    {"mapping", mapping},
    {"unseen_mapping", unseen_mapping},
    {"break", break_},
    {"unreadable", unreadable},
    {"large", at_end_of_large},
    {"many", many},
    {"deep_stack", deep_stack},
    {"forked", forked},
    {"stack_guard", stack_guard},
    {"thread_local_guard", thread_local_guard},
    {"other_thread", other_thread},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(places) / sizeof(places[0]); i++) {
        if (strcmp(argv[1], places[i].name) == 0) {
            places[i].act();
            return 0;
        }
    }
    fprintf(stderr, "usage: scan_small PLACE\n");
    return 2;
}
