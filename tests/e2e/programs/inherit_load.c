/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parent with blocks whose pages are known forks; the child copies, frees and reallocates them.
 *
 *     inherit_load HOW [COUNT [PAGES]]
 *
 * HOW: fork, thread (fork in a thread), raw (clone without libc), nested (the child has a child),
 * daemon, idle (no event in the child before it writes), exec (the child executes true).  COUNT
 * children, one after another; PAGES of the block that they write to.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define PAGE ((size_t)4096)

enum { TOUCHED = 200, UNTOUCHED = 300, MAPPED = 64, SMALL = 1000, WRITTEN = 50 };

static char *touched, *untouched, *mapped, *small[SMALL], *newer;
static size_t touched_pages = TOUCHED;
static volatile char *kept;

NOINLINE static void make_touched(void)
{
    touched = malloc(touched_pages * PAGE);
    memset(touched, 1, touched_pages * PAGE);
}

NOINLINE static void make_untouched(void)
{
    untouched = malloc(UNTOUCHED * PAGE);
}

NOINLINE static void make_small(void)
{
    for (int i = 0; i < SMALL; i++)
        memset(small[i] = malloc(64), 2, 64);
}

NOINLINE static void make_mapped(void)
{
    mapped = mmap(NULL, MAPPED * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(mapped, 3, MAPPED * PAGE);
}

/* After the fork, in the parent: no child has it. */
NOINLINE static void make_newer(void)
{
    memset(newer = malloc(300), 1, 300);
}

NOINLINE static void write_pages(char *block, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        ((volatile char *)block)[i * PAGE + PAGE / 2] = 4;
}

NOINLINE static void child_leak(void)
{
    kept = malloc(1000);
    kept[0] = 1;
    kept = NULL;
}

NOINLINE static void child_first(void)
{
    free(malloc(24));
}

static void work_in_child(void)
{
    write_pages(touched, WRITTEN);
    write_pages(untouched, WRITTEN / 5);
    write_pages(mapped, WRITTEN / 2);
    for (int i = 0; i < 10; i++)
        free(small[i]);
    small[10] = realloc(small[10], 5000);
    memset(small[10], 1, 5000);
    child_leak();
}

static pid_t raw_fork(void)
{
    return (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, 0UL);
}

static void child(const char *how)
{
    const struct timespec old_enough = {.tv_nsec = 20000000}; /* for a snapshot at exit */
    if (strcmp(how, "idle") != 0)
        child_first();
    work_in_child();
    if (touched_pages > TOUCHED)
        nanosleep(&old_enough, NULL);
    if (strcmp(how, "nested") == 0) {
        pid_t pid = fork();
        if (pid == 0) {
            child_first();
            write_pages(touched + WRITTEN * PAGE, WRITTEN);
            free(small[20]);
            free(small[10]);
            exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    exit(0);
}

static void fork_one(const char *how)
{
    pid_t pid = strcmp(how, "raw") == 0 ? raw_fork() : fork();
    if (pid == 0) {
        if (strcmp(how, "exec") == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        child(how);
    }
    make_newer();
    int status;
    waitpid(pid, &status, 0);
    if (status != 0)
        exit(1);
    free(newer);
}

static void *thread_main(void *how)
{
    fork_one(how);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "fork";
    int count = argc > 2 ? atoi(argv[2]) : 1;
    if (argc > 3)
        touched_pages = (size_t)atoi(argv[3]);
    make_touched();
    make_untouched();
    make_small();
    make_mapped();
    if (strcmp(how, "thread") == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, thread_main, (void *)how);
        pthread_join(thread, NULL);
    } else if (strcmp(how, "daemon") == 0) {
        if (daemon(1, 1) == 0)
            child(how);
        return 1;
    } else {
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (int i = 0; i < count; i++)
            fork_one(how);
        clock_gettime(CLOCK_MONOTONIC, &end);
        if (count > 1)
            printf("%.1f us a child\n", ((double)(end.tv_sec - begin.tv_sec) * 1e9 +
                                         (double)(end.tv_nsec - begin.tv_nsec)) /
                                            1e3 / count);
    }
    return 0;
}
