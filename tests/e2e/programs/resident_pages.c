/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of which exactly known pages are touched, and circumstances in which that is hard to find
 * out.  Each prints what a test compares:
 *     resident_pages pages FILE     mappings of several kinds; prints "NAME ADDRESS PAGES touched"
 *     resident_pages sparse         2 TiB reserved, 601 pages of it touched
 *     resident_pages swap           256 pages that the kernel is asked to swap out
 *     resident_pages grow [kill]    300 MiB in steps, then little again; kill: SIGKILL before that
 *     resident_pages fork           a child that touches pages of its own
 *     resident_pages closed|nofile  no descriptor but 0 to 2, and: no further one is allowed
 *     resident_pages chroot DIR     a root without /proc
 *     resident_pages leader         the first thread has ended
 *     resident_pages crash          abort() with 8 MiB touched
 *     resident_pages end HOW        ends by exit, _exit or quick_exit with 2000 pages touched
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmtrace/vmtrace.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21 /* Linux 5.4 */
#endif

enum { PAGE = 4096, MIB = 1 << 20, SPARSE_PAGES = 600 };

static void *map(size_t pages, int protection, int flags, int fd)
{
    void *memory = mmap(NULL, pages * PAGE, protection, flags, fd, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return memory;
}

/* Anonymous memory with a page before and one behind it that nothing is merged with. */
static char *map_apart(size_t pages)
{
    char *memory = map(pages + 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    mprotect(memory + PAGE, pages * PAGE, PROT_READ | PROT_WRITE);
    return memory + PAGE;
}

static void touch(char *memory, size_t first, size_t count, size_t step)
{
    for (size_t i = 0; i < count; i++)
        ((volatile char *)memory)[(first + i * step) * PAGE] = 1;
}

static void say(const char *name, const void *memory, size_t pages, const char *touched)
{
    printf("%s %lu %zu %s\n", name, (unsigned long)memory, pages, touched);
}

/* The kernel's sum, by the program itself, without allocating meanwhile. */
static void say_rollup(void)
{
    static char text[4096];
    int fd = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    close(fd);
    const char *rss = got > 0 ? strstr(text, "\nRss:") : NULL;
    printf("rollup %lu\n", rss ? strtoul(rss + 5, NULL, 10) * 1024 : 0);
}

static void file_mappings(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    static const char zeros[PAGE];
    for (int i = 0; i < 64; i++) {
        if (write(fd, zeros, PAGE) != PAGE)
            exit(2);
    }
    char *private = map(64, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    char *shared = map(64, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    madvise(private, 64 * PAGE, MADV_RANDOM); /* no neighbours are mapped at a fault */
    madvise(shared, 64 * PAGE, MADV_RANDOM);
    touch(private, 3, 4, 2);
    touch(shared, 40, 8, 1);
    close(fd);
    say("file_private", private, 64, "3:1:9 5:1:9 7:1:9 9:1:9");
    say("file_shared", shared, 64, "40:8:13");
}

static void pages(const char *path)
{
    char *ends = map_apart(100);
    touch(ends, 0, 3, 1);
    touch(ends, 99, 1, 1);
    char *odd = map_apart(1000);
    touch(odd, 1, 10, 2);
    char *whole = map_apart(512);
    touch(whole, 0, 512, 1);
    char *common = map(50, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
    touch(common, 20, 5, 1);
    char *reserve = map(1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    char *given_back = map_apart(64);
    touch(given_back, 0, 64, 1);
    madvise(given_back + 16 * PAGE, 32 * PAGE, MADV_DONTNEED);
    say("ends", ends, 100, "0:3:9 99:1:9");
    say("odd", odd, 1000, "1:1:9 3:1:9 5:1:9 7:1:9 9:1:9 11:1:9 13:1:9 15:1:9 17:1:9 19:1:9");
    say("whole", whole, 512, "0:512:9");
    say("common", common, 50, "20:5:13");
    say("reserve", reserve, 1 << 20, "");
    say("given_back", given_back, 64, "0:16:9 48:16:9");
    file_mappings(path);
    say_rollup();
    vmtrace_snapshot("known");
}

static void huge(void)
{
    char *memory = map(4 * 512, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    char *aligned = (char *)(((uintptr_t)memory + 2 * MIB - 1) & ~(uintptr_t)(2 * MIB - 1));
    if (madvise(aligned, 4 * MIB, MADV_HUGEPAGE) != 0)
        return;
    touch(aligned, 7, 1, 1);
    say("huge", aligned, 512, "0:512:9");
    vmtrace_snapshot("huge");
}

static void sparse(void)
{
    size_t all = (size_t)1 << 29;
    char *memory =
        map(all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    madvise(memory, all * PAGE, MADV_NOHUGEPAGE);
    static char touched[SPARSE_PAGES * 16];
    size_t used = 0;
    for (size_t i = 0; i < SPARSE_PAGES; i++) {
        size_t page = i * (all / SPARSE_PAGES) + 5;
        touch(memory, page, 1, 1);
        used += (size_t)sprintf(touched + used, "%zu:1:9 ", page);
    }
    touch(memory, all - 6, 1, 1);
    sprintf(touched + used, "%zu:1:9", all - 6);
    say("sparse", memory, all, touched);
    vmtrace_snapshot("sparse");
}

static void swap(void)
{
    char *memory = map_apart(256);
    touch(memory, 0, 256, 1);
    madvise(memory, 256 * PAGE, MADV_PAGEOUT);
    say("swap", memory, 256, "");
    vmtrace_snapshot("swap");
}

/* Allocations bring points of the time line. */
static void let_time_pass(int milliseconds)
{
    for (int i = 0; i < milliseconds; i++) {
        for (int j = 0; j < 40; j++)
            free(malloc(100 + (size_t)j));
        usleep(1000);
    }
}

static void grow(int kill_there)
{
    enum { STEPS = 30, STEP = 10 * MIB };
    char *memory[STEPS];
    for (int i = 0; i < STEPS; i++) {
        memory[i] = map_apart(STEP / PAGE);
        touch(memory[i], 0, STEP / PAGE, 1);
        let_time_pass(50);
    }
    let_time_pass(200);
    if (kill_there)
        kill(getpid(), SIGKILL);
    for (int i = 0; i < STEPS; i++)
        munmap(memory[i], STEP);
    let_time_pass(100);
}

static void fork_child(void)
{
    char *memory = map_apart(1000);
    touch(memory, 0, 100, 1);
    say("parent", memory, 1000, "0:100:9");
    vmtrace_snapshot("parent");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        touch(memory, 500, 50, 1);
        touch(memory, 0, 10, 1);
        say("child", memory, 1000, "0:10:9 10:90:1 500:50:9");
        vmtrace_snapshot("child");
        exit(0);
    }
    waitpid(child, NULL, 0);
}

static void no_descriptors(int none_allowed)
{
    say_rollup();
    fflush(stdout);
    closefrom(3);
    if (none_allowed)
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3});
    vmtrace_snapshot("bare");
    int next = dup(0), other = dup(0);
    printf("next descriptors %d %d\n", next, other);
}

static pthread_t first_thread;

static void *go_on_alone(void *memory)
{
    pthread_join(first_thread, NULL);
    touch(memory, 0, 30, 1);
    say("alone", memory, 100, "0:30:9");
    vmtrace_snapshot("alone");
    exit(0);
}

static void end(const char *how)
{
    touch(map_apart(2000), 0, 2000, 1);
    if (strcmp(how, "_exit") == 0)
        _exit(7);
    if (strcmp(how, "quick_exit") == 0)
        quick_exit(7);
    exit(7);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *more = argc > 2 ? argv[2] : "";
    if (strcmp(what, "pages") == 0) {
        pages(more);
        huge();
    } else if (strcmp(what, "sparse") == 0) {
        sparse();
    } else if (strcmp(what, "swap") == 0) {
        swap();
    } else if (strcmp(what, "grow") == 0) {
        grow(*more == 'k');
    } else if (strcmp(what, "fork") == 0) {
        fork_child();
    } else if (strcmp(what, "closed") == 0 || strcmp(what, "nofile") == 0) {
        no_descriptors(*what == 'n');
    } else if (strcmp(what, "chroot") == 0) {
        if (chroot(more) != 0)
            return 2;
        vmtrace_snapshot("jailed");
    } else if (strcmp(what, "leader") == 0) {
        pthread_t thread;
        first_thread = pthread_self();
        pthread_create(&thread, NULL, go_on_alone, map_apart(100));
        pthread_exit(NULL);
    } else if (strcmp(what, "crash") == 0) {
        touch(map_apart(2048), 0, 2048, 1);
        abort();
    } else if (strcmp(what, "end") == 0) {
        end(more);
    }
    return 0;
}
