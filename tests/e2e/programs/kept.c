/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is kept alive by each kind of thing that can, in known amounts; one function
 * allocates for each.  All of it is written through a volatile pointer, and no other one stays.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
    BUCKETS = 512,
    ROUNDS = 40,
    ENTRIES_A_ROUND = 50,
    NODES = 3000,
    VALUE = 200,
    CLEARED = 64 << 10,
};

struct entry {
    struct entry *next;
    char *value;
};

struct table {
    struct entry *buckets[BUCKETS];
};

struct node {
    struct node *next;
    long payload[7];
};

struct table *config_cache;
static struct {
    int length;
    struct node *first;
} list;
char *left, *right;
char *inner;
char *last;
__thread char *of_thread;
void **mapped;

/* What earlier calls left on the stack is no pointer any more. */
__attribute__((noinline)) static void clear_stack(void)
{
    volatile char room[CLEARED];
    for (size_t i = 0; i < sizeof(room); i++)
        room[i] = 0;
}

__attribute__((noinline)) static char *value_new(void)
{
    return malloc(VALUE);
}

__attribute__((noinline)) static struct entry *entry_new(struct entry *next)
{
    struct entry *entry = malloc(sizeof(*entry));
    entry->next = next;
    entry->value = value_new();
    return entry;
}

__attribute__((noinline)) static struct table *table_new(void)
{
    return calloc(1, sizeof(struct table));
}

__attribute__((noinline)) static void table_grow(void)
{
    static unsigned number;
    for (int i = 0; i < ENTRIES_A_ROUND; i++) {
        struct entry **bucket = &config_cache->buckets[number++ * 7 % BUCKETS];
        *bucket = entry_new(*bucket);
    }
}

__attribute__((noinline)) static void node_new(void)
{
    struct node *node = malloc(sizeof(*node));
    node->next = list.first;
    list.first = node;
    list.length++;
}

__attribute__((noinline)) static void shared_new(void)
{
    left = right = malloc(5000);
}

__attribute__((noinline)) static void inner_new(void)
{
    inner = (char *)malloc(6000) + 3000;
}

__attribute__((noinline)) static void mapping_new(void)
{
    mapped = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mapped[100] = malloc(7000);
    mapped = NULL;
}

__attribute__((noinline)) static void lost_new(void)
{
    *(void *volatile *)&inner = malloc(9000);
    inner = NULL;
}

/* The latest pointer may be left over somewhere. */
__attribute__((noinline)) static void last_new(void)
{
    last = malloc(100);
}

__attribute__((noinline)) static void of_thread_new(void)
{
    of_thread = malloc(8000);
}

__attribute__((noinline)) static char *of_stack_new(void)
{
    return malloc(4000);
}

static pthread_barrier_t ready;

static void *worker(void *unused)
{
    (void)unused;
    prctl(PR_SET_NAME, "keeper");
    of_thread_new();
    char *volatile held = of_stack_new();
    clear_stack();
    pthread_barrier_wait(&ready);
    for (;;)
        pause();
    return held;
}

static void pass_time(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

int main(void)
{
    pthread_t thread;
    pthread_barrier_init(&ready, NULL, 2);
    pthread_create(&thread, NULL, worker, NULL);
    pthread_barrier_wait(&ready);
    config_cache = table_new();
    for (int i = 0; i < NODES; i++)
        node_new();
    shared_new();
    lost_new();
    inner_new();
    mapping_new();
    for (int i = 0; i < ROUNDS; i++) {
        table_grow();
        pass_time();
    }
    last_new();
    clear_stack();
    return 0;
}
