/* SPDX-License-Identifier: Apache-2.0 */
/* Loses chains of blocks, some of which LeakSanitizer's functions except.  The first argument says
 * what is done; that a function is not there (not traced) is no error. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sanitizer/lsan_interface.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma weak __lsan_disable
#pragma weak __lsan_enable
#pragma weak __lsan_ignore_object
#pragma weak __lsan_register_root_region
#pragma weak __lsan_unregister_root_region
#pragma weak __lsan_do_leak_check
#pragma weak __lsan_do_recoverable_leak_check

struct link {
    struct link *next;
    char filling[24];
};

static volatile uintptr_t mask = UINTPTR_MAX; /* hides pointers from a scan */

__attribute__((noinline)) static struct link *chain(int count)
{
    struct link *head = NULL;
    while (count-- > 0) {
        struct link *link = calloc(1, sizeof(*link));
        link->next = head;
        head = link;
    }
    return head;
}

/* What functions left on the stack and in registers. */
__attribute__((noinline)) static void forget(void)
{
    char stack[16384];
    memset(stack, 0, sizeof(stack));
    __asm__ volatile("" : : "r"(stack) : "memory");
}

__attribute__((noinline)) static void lose(int count)
{
    chain(count);
    forget();
}

__attribute__((noinline)) static void lose_disabled(void)
{
    __lsan_enable(); /* one too many */
    __lsan_disable();
    __lsan_disable();
    chain(2);
    __lsan_enable();
    chain(1);
    __lsan_enable();
    forget();
}

__attribute__((noinline)) static void lose_ignored(void)
{
    __lsan_ignore_object((char *)chain(4) + 9);
    forget();
}

/* What hangs on an ignored block is not lost either. */
__attribute__((noinline)) static struct link *hang(struct link *parent)
{
    parent->next = chain(2);
    return parent;
}

__attribute__((noinline)) static void lose_hanging(void)
{
    __lsan_disable();
    struct link *parent = chain(1);
    __lsan_enable();
    hang(parent);
    parent = NULL;
    forget();
}

static void *disabled_thread(void *argument)
{
    pthread_barrier_t *both = argument;
    __lsan_disable();
    pthread_barrier_wait(both);
    pthread_barrier_wait(both);
    return NULL;
}

__attribute__((noinline)) static void lose_beside_disabled_thread(void)
{
    pthread_barrier_t both;
    pthread_t thread;
    pthread_barrier_init(&both, NULL, 2);
    pthread_create(&thread, NULL, disabled_thread, &both);
    pthread_barrier_wait(&both);
    lose(1);
    pthread_barrier_wait(&both);
    pthread_join(thread, NULL);
}

static void *next_thread(void *argument)
{
    (void)argument;
    lose(1);
    return NULL;
}

/* Its stream is the one of the thread before. */
__attribute__((noinline)) static void lose_in_next_thread(void)
{
    pthread_t thread;
    lose_beside_disabled_thread();
    pthread_create(&thread, NULL, next_thread, NULL);
    pthread_join(thread, NULL);
}

/* A lost block, of which a part is a root for a while: "region", and to the end: "region-kept". */
__attribute__((noinline)) static void lose_region(int keep)
{
    struct link **table = calloc(8, sizeof(*table));
    table[5] = chain(2);
    __lsan_register_root_region(&table[4], 2 * sizeof(*table));
    if (!keep)
        __lsan_unregister_root_region(&table[4], 2 * sizeof(*table));
    mask ^= 1;
    table = NULL;
    forget();
}

static volatile sig_atomic_t children;

static void on_child(int signal)
{
    (void)signal;
    children++;
}

static int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void check(const char *what)
{
    errno = EDOM;
    int leaks = __lsan_do_recoverable_leak_check();
    printf("%s %d errno %d\n", what, leaks, errno == EDOM);
}

static void check_twice(void)
{
    struct sigaction action = {.sa_handler = on_child};
    sigaction(SIGCHLD, &action, NULL);
    int before = count_descriptors();
    check("none");
    lose(3);
    forget();
    check("lost");
    printf("descriptors %d\n", count_descriptors() - before);
    printf("children %d %d\n", (int)children, waitpid(-1, NULL, WNOHANG));
    fflush(stdout);
}

static void *idle_thread(void *argument)
{
    pthread_barrier_wait(argument);
    pthread_barrier_wait(argument);
    return NULL;
}

static void check_beside_threads(void)
{
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    pthread_barrier_t all;
    pthread_barrier_init(&all, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, idle_thread, &all);
    pthread_barrier_wait(&all);
    check_twice();
    pthread_barrier_wait(&all);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void in_child(void)
{
    __lsan_disable();
    pid_t pid = fork();
    if (pid == 0) {
        chain(2);
        forget();
        __lsan_enable();
        lose(3);
        exit(0);
    }
    waitpid(pid, NULL, 0);
}

static struct link *volatile global;
static _Thread_local struct link *volatile local;

__attribute__((noinline)) static void keep_on_stack(void)
{
    struct link *volatile kept = chain(2);
    forget();
    exit(kept == NULL);
}

__attribute__((noinline)) static void keep(const char *where)
{
    if (strcmp(where, "global") == 0)
        global = chain(2);
    else if (strcmp(where, "tls") == 0)
        local = chain(2);
    else
        keep_on_stack();
    forget();
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (!__lsan_disable) {
        puts("untraced");
        return 0;
    }
    if (strcmp(what, "disable") == 0)
        lose_disabled();
    else if (strcmp(what, "object") == 0)
        lose_ignored();
    else if (strcmp(what, "hang") == 0)
        lose_hanging();
    else if (strcmp(what, "thread") == 0)
        lose_in_next_thread();
    else if (strcmp(what, "region") == 0 || strcmp(what, "region-kept") == 0)
        lose_region(what[6] != '\0');
    else if (argc > 2 && strcmp(what, "keep") == 0)
        keep(argv[2]);
    else if (strcmp(what, "check") == 0)
        check_twice();
    else if (strcmp(what, "check-threads") == 0)
        check_beside_threads();
    else if (strcmp(what, "fork") == 0)
        in_child();
    else
        lose(3);
    forget();
    if (strcmp(what, "fatal") == 0) {
        __lsan_do_leak_check();
        puts("went on");
    }
    return 0;
}
