/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that succeed leave errno alone, calls that fail set what they always set: every function
 * that the recorder wraps and that returns.
 *     errno_kept [LETTERS]    n: with no descriptor left, d: once the trace is deleted (its path is
 *                             in ERRNO_KEPT_TRACE)
 * Writes the line of a check that was wrong, and ends with status 1.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UNTOUCHED = 77, PAGE = 4096 };

static volatile size_t huge = PTRDIFF_MAX;
static void *volatile kept;

static void wrong(int line)
{
    char text[40];
    int length = snprintf(text, sizeof(text), "line %d: errno %d\n", line, errno);
    ssize_t written = write(1, text, (size_t)length);
    (void)written;
    _exit(1);
}

/* The call did what it should (`good`), and left errno at `wanted`. */
static void expect(int line, int good, int wanted)
{
    if (!good || errno != wanted)
        wrong(line);
    errno = UNTOUCHED;
}

#define FAILS(call, error)                                                                         \
    do {                                                                                           \
        errno = UNTOUCHED;                                                                         \
        int good_ = (call);                                                                        \
        expect(__LINE__, good_, error);                                                            \
    } while (0)
#define OK(call) FAILS(call, UNTOUCHED)

static void heap(void)
{
    void *block;
    OK((block = malloc(100)) != NULL);
    OK((block = realloc(block, 5000)) != NULL);
    FAILS(realloc(block, huge) == NULL, ENOMEM);
    OK((block = reallocarray(block, 100, 100)) != NULL);
    FAILS(reallocarray(block, huge, 100) == NULL, ENOMEM);
    OK((free(block), 1));
    OK((free(NULL), 1));
    OK((block = malloc(1 << 20)) != NULL); /* mapped by the allocator; its release is a munmap */
    OK((free(block), 1));
    FAILS(malloc(huge) == NULL, ENOMEM);
    OK((block = calloc(10, 10)) != NULL);
    OK((free(block), 1));
    FAILS(calloc(huge, 100) == NULL, ENOMEM);
    OK((block = memalign(256, 100)) != NULL);
    OK((free(block), 1));
    FAILS(memalign(256, huge) == NULL, ENOMEM);
    OK((block = aligned_alloc(64, 128)) != NULL);
    OK((free(block), 1));
    FAILS(aligned_alloc(64, huge) == NULL, ENOMEM);
    OK((block = valloc(10)) != NULL);
    OK((free(block), 1));
    FAILS(valloc(huge) == NULL, ENOMEM);
    OK((block = pvalloc(10)) != NULL);
    OK((free(block), 1));
    OK(posix_memalign(&block, 64, 100) == 0);
    OK((free(block), 1));
    errno = UNTOUCHED;
    if (posix_memalign(&block, 64, huge) != ENOMEM) /* POSIX leaves errno open */
        wrong(__LINE__);
    OK(posix_memalign(&block, 3, 100) == EINVAL);
}

/* operator new and delete, by their names. */
static void cxx(void)
{
    static const char *const pairs[][2] = {
        {"_Znwm", "_ZdlPv"},
        {"_Znam", "_ZdaPv"},
        {"_ZnwmRKSt9nothrow_t", "_ZdlPvm"},
        {"_ZnamRKSt9nothrow_t", "_ZdaPvm"},
    };
    static const char *const aligned[][2] = {
        {"_ZnwmSt11align_val_t", "_ZdlPvSt11align_val_t"},
        {"_ZnamSt11align_val_t", "_ZdaPvSt11align_val_t"},
    };
    if (!dlopen("libstdc++.so.6", RTLD_NOW | RTLD_GLOBAL))
        return;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        void *(*new)(size_t, const void *) = dlsym(RTLD_DEFAULT, pairs[i][0]);
        void (*delete)(void *, size_t) = dlsym(RTLD_DEFAULT, pairs[i][1]);
        void *block;
        OK((block = new (50, "nothrow")) != NULL);
        OK((delete (block, 50), 1));
    }
    for (size_t i = 0; i < sizeof(aligned) / sizeof(aligned[0]); i++) {
        void *(*new)(size_t, size_t) = dlsym(RTLD_DEFAULT, aligned[i][0]);
        void (*delete)(void *, size_t) = dlsym(RTLD_DEFAULT, aligned[i][1]);
        void *block;
        OK((block = new (50, 128)) != NULL);
        OK((delete (block, 128), 1));
    }
}

static void mappings(void)
{
    char *pages, *moved;
    OK((pages = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
    OK(madvise(pages, PAGE, MADV_DONTNEED) == 0);
    FAILS(madvise(pages + 1, PAGE, MADV_DONTNEED) == -1, EINVAL);
    OK((moved = mremap(pages, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE)) != MAP_FAILED);
    FAILS(mremap(moved + 1, PAGE, PAGE, 0) == MAP_FAILED, EINVAL);
    OK(munmap(moved, 64 * PAGE) == 0);
    FAILS(munmap(moved + 1, PAGE) == -1, EINVAL);
    FAILS(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, EINVAL);
    FAILS(mmap64(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, EINVAL);
    OK(sbrk(0) != (void *)-1);
    OK(brk(sbrk(0)) == 0);
    FAILS(brk((void *)huge) == -1, ENOMEM);
    int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
    if (id >= 0) {
        OK((pages = shmat(id, NULL, 0)) != (void *)-1);
        OK(shmdt(pages) == 0);
        shmctl(id, IPC_RMID, NULL);
    }
    FAILS(shmat(-1, NULL, 0) == (void *)-1, EINVAL);
    FAILS(shmdt(&id) == -1, EINVAL);
}

static void child_of(pid_t child, int line)
{
    if (child == 0) {
        free(malloc(10));
        _exit(errno != UNTOUCHED);
    }
    int status = -1;
    expect(line, child > 0, UNTOUCHED);
    if (waitpid(child, &status, 0) != child || status != 0)
        wrong(line);
}

static void processes(void)
{
    char *const volatile nowhere = (char *)8;
    char *none[] = {NULL}, name[] = "/nowhere/nothing", *names[] = {nowhere, NULL};
    struct sigaction action = {.sa_handler = SIG_IGN};
    errno = UNTOUCHED;
    child_of(fork(), __LINE__);
    child_of(_Fork(), __LINE__);
    FAILS(execve(name, none, none) == -1, ENOENT);
    FAILS(execve((const char *)8, none, none) == -1, EFAULT);
    FAILS(execve("/proc/self/exe", none, (char **)nowhere) == -1, EFAULT);
    FAILS(execve("/proc/self/exe", none, names) == -1, EFAULT);
    FAILS(execv(name, none) == -1, ENOENT);
    FAILS(execvp(name, none) == -1, ENOENT);
    FAILS(execvpe(name, none, none) == -1, ENOENT);
    FAILS(execl(name, name, NULL) == -1, ENOENT);
    FAILS(execlp(name, name, NULL) == -1, ENOENT);
    FAILS(execle(name, name, NULL, none) == -1, ENOENT);
    FAILS(fexecve(-1, none, none) == -1, EINVAL);
    OK(sigaction(SIGUSR1, &action, NULL) == 0);
    FAILS(sigaction(SIGKILL, &action, NULL) == -1, EINVAL);
    OK(sigaction(SIGSEGV, NULL, &action) == 0);
    OK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
    FAILS(signal(-1, SIG_DFL) == SIG_ERR, EINVAL);
    OK(setuid(getuid()) == 0);
    OK(setgid(getgid()) == 0);
    FAILS(chroot("/nowhere") == -1, ENOENT);
    void *library = dlopen("libm.so.6", RTLD_NOW);
    OK(dlclose(library) == 0);
}

static void *in_thread(void *argument)
{
    errno = UNTOUCHED;
    void *block = malloc(10); /* the thread's first event */
    free(block);
    if (errno != UNTOUCHED)
        wrong(__LINE__);
    return argument;
}

static void many(void)
{
    errno = UNTOUCHED;
    for (int i = 0; i < 100000; i++) { /* chunks are changed on the way */
        kept = malloc((size_t)(i % 300) * 16 + 1);
        free(kept);
        if (errno != UNTOUCHED)
            wrong(__LINE__);
    }
}

int main(int argc, char **argv)
{
    const char *letters = argc > 1 ? argv[1] : "";
    pthread_t thread;
    if (strchr(letters, 'd') && unlink(getenv("ERRNO_KEPT_TRACE")))
        return 3;
    if (strchr(letters, 'n') && setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3}))
        return 4;
    heap();
    mappings();
    if (!strchr(letters, 'n')) {
        cxx();
        processes();
    }
    if (pthread_create(&thread, NULL, in_thread, NULL))
        return 5;
    pthread_join(thread, NULL);
    many();
    heap();
    return 0;
}
