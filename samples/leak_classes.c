/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One block of each class of leaks: a list that nobody points to (its head is definite, the rest
 * is lost with it), a ring, a block of which only the middle is known, and one that is kept.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./leak_classes
 *           vmtrace-report --leaks --show-leak-kinds=all vmtrace.leak_classes.*.vmt
 * Look for: lose_list() 16 bytes definite and 64 more with it; lose_ring() 24 and 48;
 *           keep_middle() possibly lost, 100 bytes; keep_start() reachable, 200 bytes.
 */
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    long value;
};

struct link {
    struct link *next, *previous;
    long value;
};

static char *start, *middle;

/* Volatile: each list below is to be on the heap. */
static struct node *volatile list;
static struct link *volatile ring;

static __attribute__((noinline)) void lose_list(void)
{
    for (int i = 0; i < 5; i++) {
        struct node *one = malloc(sizeof *one); /* a list */
        *one = (struct node){list, i};
        list = one;
    }
    list = NULL;
}

static __attribute__((noinline)) void lose_ring(void)
{
    struct link *links[3];
    for (int i = 0; i < 3; i++)
        links[i] = calloc(1, sizeof(struct link)); /* a ring */
    for (int i = 0; i < 3; i++) {
        links[i]->next = links[(i + 1) % 3];
        links[i]->previous = links[(i + 2) % 3];
    }
    ring = links[0];
    ring = NULL;
}

static __attribute__((noinline)) void keep_middle(void)
{
    middle = (char *)malloc(100) + 50; /* only its middle */
}

static __attribute__((noinline)) void keep_start(void)
{
    start = malloc(200); /* kept */
}

/* Old pointers in the stack would keep blocks alive. */
static __attribute__((noinline)) void clear_stack(void)
{
    volatile char dead[4096];
    memset((char *)dead, 0, sizeof dead);
}

int main(void)
{
    lose_list();
    lose_ring();
    keep_middle();
    keep_start();
    clear_stack();
    return start == middle;
}
