/* SPDX-License-Identifier: Apache-2.0 */
/* Puts pointers where a scan is to find them, or not.  Prints "NAME ADDRESS VALUE" for each, then
 * does what its argument says: "exit", "underscore", "quick", or "snapshot" (and _exit). */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vmtrace/vmtrace.h>

static void *own_static;
void *global = &global; /* initialised: in .data */
static __thread void *thread_local_one;

static void put(const char *name, void **place)
{
    *place = malloc(40);
    printf("%s %p %p\n", name, (void *)place, *place);
}

static void **map(int flags, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    return memory;
}

/* What it leaves on the stack belongs to nobody. */
static __attribute__((noinline)) void leave_below(void)
{
    void *volatile far_down[4096];
    for (int i = 0; i < 4096; i++)
        far_down[i] = NULL;
    void *one = malloc(40);
    far_down[0] = one;
    printf("below %p %p\n", (void *)(uintptr_t)&far_down[0], one);
}

static void in_memory(void)
{
    void **private = map(MAP_PRIVATE, 8192), **shared = map(MAP_SHARED, 8192);
    void **constant = map(MAP_PRIVATE, 4096), **hidden = map(MAP_PRIVATE, 4096);
    void **sparse = map(MAP_PRIVATE | MAP_NORESERVE, (size_t)4 << 30);
    put("private", private + 7);
    put("shared", shared + 9);
    put("constant", constant + 11);
    put("hidden", hidden + 13);
    put("sparse", sparse + ((size_t)3 << 30) / sizeof(*sparse));
    if (mprotect(constant, 4096, PROT_READ) || mprotect(hidden, 4096, PROT_NONE))
        abort();
    /* An interior pointer behind a count, as new[] has it. */
    uint64_t *array = malloc(88);
    array[0] = 10;
    shared[20] = array + 1;
    printf("array %p %p\n", (void *)(shared + 20), (void *)(array + 1));
    /* A mapping that is longer than its file. */
    char name[] = "/tmp/vmtrace-scan-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    if (fd < 0 || ftruncate(fd, 4096) ||
        mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
        abort();
    close(fd);
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "exit";
    void *volatile on_stack;
    put("static", &own_static);
    put("global", &global);
    put("tls", &thread_local_one);
    put("stack", (void **)(uintptr_t)&on_stack);
    void **block = malloc(800);
    put("heap", block + 50);
    global = block;
    printf("root %p %p\n", (void *)&global, (void *)block);
    in_memory();
    leave_below();
    fflush(stdout);
    if (strcmp(how, "snapshot") == 0) {
        errno = EDOM;
        vmtrace_snapshot("here");
        if (errno != EDOM)
            return 3;
        on_stack = NULL; /* the copy has it */
        _exit(0);
    }
    if (strcmp(how, "underscore") == 0)
        _exit(5);
    if (strcmp(how, "quick") == 0)
        quick_exit(6);
    return on_stack ? 0 : 2;
}
