/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page faults of known number and place.  fault_pages SHAPE PAGES [FILE] prints lines "KEY
 * NUMBER..." that say where they were: touch            writes one byte into each page of a block
 *     sparse           the same with each 16th page of a block that is large
 *     file             reads FILE through a mapping, twice; what getrusage counted of it
 *     threads          four threads, each with a block of its own
 *     fork             a child writes into the block that it shares with its parent
 *     read             read() writes into the pages
 *     workers          four threads that allocate nothing: two end, two do not
 *     last             two threads fault after their last allocation: one ends, one does not
 *     no_descriptors   a thread with a block of its own, when no descriptor can be had
 *     descriptors      like touch, and then the number of open descriptors
 *     deep             like touch, by a function that calls itself ten times
 *     high             the same with frames of 4 KiB
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, SPARSE_STEP = 16, DEPTH = 10 };

static size_t page, pages;
static const char *file_name;

static __attribute__((noinline)) void touch(volatile char *block, size_t count, size_t step)
{
    for (size_t i = 0; i < count; i += step)
        block[i * page] = 1;
}

static __attribute__((noinline)) char look(const volatile char *block, size_t count)
{
    char sum = 0;
    for (size_t i = 0; i < count; i++)
        sum = (char)(sum + block[i * page]);
    return sum;
}

static char *new_block(size_t count)
{
    char *block = aligned_alloc(page, count * page);
    if (!block)
        abort();
    return block;
}

static void say(const char *key, const volatile void *first, uint64_t second)
{
    char line[128];
    int length = snprintf(line, sizeof(line), "%s %llu %llu\n", key,
                          (unsigned long long)(uintptr_t)first, (unsigned long long)second);
    if (write(1, line, (size_t)length) != length)
        abort();
}

static void touch_block(size_t count, size_t step)
{
    char *block = new_block(count);
    touch(block, count, step);
    say("block", block, count);
    free(block);
}

static void shape_touch(void)
{
    touch_block(pages, 1);
}

static void shape_sparse(void)
{
    touch_block(pages * SPARSE_STEP, SPARSE_STEP);
}

/* Not through the functions that the compiler would put into `touch`. */
static __attribute__((noinline)) void touch_deeply(volatile char *block, unsigned depth)
{
    if (depth)
        touch_deeply(block, depth - 1);
    else
        touch(block, pages, 1);
    __asm__ volatile("" ::: "memory");
}

static void shape_deep(void)
{
    char *block = new_block(pages);
    say("deep", (void *)(uintptr_t)touch_deeply, DEPTH);
    touch_deeply(block, DEPTH - 1);
    say("block", block, pages);
    free(block);
}

static __attribute__((noinline)) void touch_highly(volatile char *block, unsigned depth)
{
    char frame[4096];
    __asm__ volatile("" ::"r"(frame) : "memory");
    if (depth)
        touch_highly(block, depth - 1);
    else
        touch(block, pages, 1);
    __asm__ volatile("" ::"r"(frame) : "memory");
}

static void shape_high(void)
{
    char *block = new_block(pages);
    touch_highly(block, DEPTH - 1);
    say("block", block, pages);
    free(block);
}

static void map_file(int fd, const char *key)
{
    struct rusage before, after;
    char *map = mmap(NULL, pages * page, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        abort();
    madvise(map, pages * page, MADV_RANDOM);
    getrusage(RUSAGE_THREAD, &before);
    look(map, pages);
    getrusage(RUSAGE_THREAD, &after);
    char line[32];
    snprintf(line, sizeof(line), "%s_minor", key);
    say(line, map, (uint64_t)(after.ru_minflt - before.ru_minflt));
    snprintf(line, sizeof(line), "%s_major", key);
    say(line, map, (uint64_t)(after.ru_majflt - before.ru_majflt));
    munmap(map, pages * page);
}

static void shape_file(void)
{
    int fd = open(file_name, O_RDONLY);
    if (fd < 0)
        abort();
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    map_file(fd, "cold");
    map_file(fd, "warm");
    close(fd);
}

/* Nobody gets the memory that another one has touched. */
static pthread_barrier_t all_touched;

static void *thread_body(void *argument)
{
    char *block = new_block(pages);
    touch(block, pages, 1);
    pthread_barrier_wait(&all_touched);
    say("thread", block, (uint64_t)syscall(SYS_gettid));
    say("stack", (void *)&block, (uint64_t)syscall(SYS_gettid));
    free(block);
    return argument;
}

static void shape_threads(void)
{
    pthread_t thread[THREADS];
    pthread_barrier_init(&all_touched, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, thread_body, NULL))
            abort();
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
}

struct work {
    char *block;
    uint64_t tid;
    bool ends;
};

static void *work_body(void *argument)
{
    struct work *work = argument;
    work->tid = (uint64_t)syscall(SYS_gettid);
    touch(work->block, pages, 1);
    pthread_barrier_wait(&all_touched);
    while (!work->ends)
        pause();
    return NULL;
}

static void shape_workers(void)
{
    struct work work[THREADS];
    pthread_t thread[THREADS];
    char *map = mmap(NULL, THREADS * pages * page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        abort();
    pthread_barrier_init(&all_touched, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        work[i] = (struct work){.block = map + (size_t)i * pages * page, .ends = i % 2};
        if (pthread_create(&thread[i], NULL, work_body, &work[i]))
            abort();
    }
    pthread_barrier_wait(&all_touched);
    for (int i = 0; i < THREADS; i++) {
        if (work[i].ends)
            pthread_join(thread[i], NULL);
        say("worker", work[i].block, work[i].tid);
    }
}

static void shape_fork(void)
{
    char *block = new_block(pages);
    touch(block, pages, 1);
    say("block", block, pages);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        free(malloc(1)); /* it has a trace of its own from here on */
        touch(block, pages, 1);
        say("child", block, (uint64_t)getpid());
        free(block);
        exit(0);
    }
    waitpid(child, NULL, 0);
    free(block);
}

static void shape_read(void)
{
    char *block = new_block(pages);
    int fd = open("/dev/zero", O_RDONLY);
    if (fd < 0 || read(fd, block, pages * page) != (ssize_t)(pages * page))
        abort();
    close(fd);
    say("block", block, pages);
    free(block);
}

static pthread_barrier_t touched;

static void *last_body(void *stays)
{
    char *block = new_block(pages);
    touch(block, pages, 1);
    say("thread", block, (uint64_t)syscall(SYS_gettid));
    pthread_barrier_wait(&touched);
    while (stays)
        pause();
    return NULL;
}

static void shape_last(void)
{
    pthread_t ends, stays;
    pthread_barrier_init(&touched, NULL, 3);
    if (pthread_create(&ends, NULL, last_body, NULL) ||
        pthread_create(&stays, NULL, last_body, &touched))
        abort();
    pthread_barrier_wait(&touched);
    pthread_join(ends, NULL);
}

static void *allocate_body(void *argument)
{
    for (int i = 0; i < 2000; i++)
        free(malloc(16));
    return argument;
}

static void run_thread(void *(*body)(void *))
{
    pthread_t thread;
    pthread_barrier_init(&all_touched, NULL, 1);
    if (pthread_create(&thread, NULL, body, NULL))
        abort();
    pthread_join(thread, NULL);
}

/* The second thread finds space for its trace where the first one wrote. */
static void shape_no_descriptors(void)
{
    struct rlimit none = {0, 0};
    run_thread(allocate_body);
    setrlimit(RLIMIT_NOFILE, &none);
    run_thread(thread_body);
}

static void shape_descriptors(void)
{
    shape_touch();
    DIR *folder = opendir("/proc/self/fd");
    uint64_t count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    say("descriptors", NULL, count - 3); /* "." and "..", and the folder's own */
}

static const struct {
    const char *name;
    void (*run)(void);
} shapes[] = {
    {"touch", shape_touch},
    {"sparse", shape_sparse},
    {"file", shape_file},
    {"threads", shape_threads},
    {"fork", shape_fork},
    {"read", shape_read},
    {"workers", shape_workers},
    {"last", shape_last},
    {"deep", shape_deep},
    {"no_descriptors", shape_no_descriptors},
    {"descriptors", shape_descriptors},
    {"high", shape_high},
};

int main(int count, char **arguments)
{
    if (count < 3)
        return 2;
    page = (size_t)sysconf(_SC_PAGESIZE);
    pages = (size_t)atol(arguments[2]);
    file_name = count > 3 ? arguments[3] : "";
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* one fault a page */
    say("code", (void *)(uintptr_t)touch, (uint64_t)(uintptr_t)look);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (strcmp(shapes[i].name, arguments[1]) == 0) {
            shapes[i].run();
            return 0;
        }
    }
    return 2;
}
