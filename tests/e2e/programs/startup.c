/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the recorder puts off, and what may have changed until then:
 *     startup faults N   N times a new page is touched, and a block allocated
 *     startup title      the command line is overwritten, then a forked child allocates
 *     startup late       an allocation, a rest of 30 ms, another one
 *     startup thread     a second thread, which allocates, too
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile kept;

static __attribute__((noinline)) void *after_fault(void)
{
    return malloc(24);
}

static int fault(size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages =
        mmap(NULL, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return 1;
    madvise(pages, count * page, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < count; i++) {
        pages[i * page] = 1;
        kept = after_fault();
        free(kept);
    }
    return 0;
}

/* As programs that show their state in ps: all strings become one. */
static int set_title(int argc, char **argv)
{
    int status = -1;
    char *end = argv[argc - 1] + strlen(argv[argc - 1]);
    memset(argv[0], 'T', (size_t)(end - argv[0]) + 1);
    pid_t child = fork();
    if (child == 0) {
        kept = malloc(10);
        _exit(0);
    }
    return waitpid(child, &status, 0) == child ? status : 1;
}

static void *allocate(void *unused)
{
    (void)unused;
    return malloc(10);
}

static int start_thread(void)
{
    pthread_t thread;
    kept = malloc(10);
    if (pthread_create(&thread, NULL, allocate, NULL) || pthread_join(thread, (void **)&kept))
        return 1;
    free(kept);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "faults") == 0)
        return fault((size_t)atol(argv[2]));
    if (argc == 2 && strcmp(argv[1], "title") == 0)
        return set_title(argc, argv);
    if (argc == 2 && strcmp(argv[1], "thread") == 0)
        return start_thread();
    if (argc == 2 && strcmp(argv[1], "late") == 0) {
        kept = malloc(10);
        usleep(30000);
        kept = malloc(10);
        return 0;
    }
    return 95;
}
