/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     steps OPERATION ACTION EVERY MOST
 *
 * A signal handler does ACTION at every so many instructions of an OPERATION, until that has ended
 * or MOST of them were tried, each in a child of its own, which then goes on.  Only instructions of
 * the recorder count (or all, if there is none).  Prints how many children there were.
 * Status 0 if all of them ended as they should, 1 if not, 77 if ptrace is not allowed.
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AFTER = 5, PATIENCE_S = 120, OLD_US = 20000, DESCRIPTORS = 64 };

extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

struct verb {
    const char *name;
    void (*run)(void);
    int status; /* of an action: how the child ends, as waitpid tells it */
};

static sigjmp_buf home;
static const struct verb *operation, *action;
static volatile int failures, handled;
static void *volatile kept;
static void *module;

/* ---- operations ---- */

static __attribute__((noinline)) void *stepped_block(void)
{
    return malloc(10);
}

static void do_malloc(void)
{
    kept = stepped_block();
    free(kept);
}

static void do_realloc(void)
{
    kept = realloc(stepped_block(), 4000);
    free(kept);
}

/* It stays loaded: the loader does nothing. */
static void do_dlclose(void)
{
    dlclose(module);
}

static void do_check(void)
{
    if (&__lsan_do_recoverable_leak_check)
        __lsan_do_recoverable_leak_check();
}

static void do_exit(void)
{
    exit(0);
}

/* "first": in a forked child that has no trace yet.  "old": the recorder does what it does when a
 * process has lived for a while. */
static const struct verb operations[] = {{"first", do_malloc, 0},    {"old", do_malloc, 0},
                                         {"malloc", do_malloc, 0},   {"realloc", do_realloc, 0},
                                         {"dlclose", do_dlclose, 0}, {"check", do_check, 0},
                                         {"exit", do_exit, 0}};
enum { FIRST, OLD };

/* ---- actions ---- */

static void expect_success(pid_t child)
{
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        failures++;
}

static void do_fork(void)
{
    pid_t child = fork();
    if (child)
        expect_success(child);
    else
        alarm(PATIENCE_S);
}

static void do_jump(void)
{
    siglongjmp(home, 1);
}

static void do_allocate(void)
{
    void *volatile block = malloc(100);
    free(realloc(block, 3000));
}

static void do_execute(void)
{
    execl("/bin/true", "true", NULL);
}

static void do_leave(void)
{
    _exit(0);
}

static void do_kill(void)
{
    raise(SIGKILL);
}

static const struct verb actions[] = {{"fork", do_fork, 0},         {"jump", do_jump, 0},
                                      {"allocate", do_allocate, 0}, {"exit", do_exit, 0},
                                      {"_exit", do_leave, 0},       {"abort", abort, SIGABRT},
                                      {"execute", do_execute, 0},   {"kill", do_kill, SIGKILL}};

static void handler(int number)
{
    (void)number;
    handled = 1;
    action->run();
}

/* ---- the child ---- */

static __attribute__((noinline)) void *after_block(void)
{
    return malloc(20);
}

static int descriptors(void)
{
    int open = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

static int stop_at_first(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)info, (void)size, (void)context;
    return 1;
}

static void *use_loader(void *unused)
{
    dl_iterate_phdr(stop_at_first, NULL);
    return unused;
}

/* What was held or left behind is missed now. */
static void go_on(void)
{
    pthread_t thread;
    for (int i = 0; i < AFTER; i++) {
        kept = after_block();
        free(kept);
    }
    if (operation->run == do_dlclose && pthread_create(&thread, NULL, use_loader, NULL) == 0)
        pthread_join(thread, NULL);
    if (operation->run == do_check)
        do_check();
}

static void be_stepped(void)
{
    if (operation > &operations[FIRST])
        usleep(OLD_US);
    if (operation > &operations[OLD])
        do_malloc();
    int open = descriptors();
    if (sigsetjmp(home, 1) == 0) {
        raise(SIGSTOP);
        operation->run();
        if (!handled)
            raise(SIGSTOP);
    }
    if (descriptors() != open)
        failures++;
    go_on();
    exit(failures ? 1 : 0);
}

/* ---- the parent ---- */

static uint64_t recorder_start, recorder_end = UINT64_MAX;

static void find_recorder(pid_t child)
{
    char path[64], line[512], *end;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)child);
    FILE *maps = fopen(path, "r");
    while (maps && fgets(line, sizeof(line), maps)) {
        if (!strstr(line, " r-xp ") || !strstr(line, "libvmtrace.so"))
            continue;
        recorder_start = strtoul(line, &end, 16);
        recorder_end = strtoul(end + 1, NULL, 16);
    }
    if (maps)
        fclose(maps);
}

static uint64_t program_counter(pid_t child)
{
    struct user_regs_struct registers = {0};
    struct iovec all = {&registers, sizeof(registers)};
    ptrace(PTRACE_GETREGSET, child, (void *)(long)NT_PRSTATUS, &all);
#ifdef __x86_64__
    return registers.rip;
#else
    return registers.pc;
#endif
}

static void become_stepped(char **argv)
{
    alarm(PATIENCE_S);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(77);
    if (operation == &operations[FIRST])
        be_stepped();
    argv[3] = NULL;
    execv("/proc/self/exe", argv);
    _exit(1);
}

/* A child that is about to begin the operation. */
static pid_t start(char **argv, int *status)
{
    pid_t child = fork();
    if (child == 0)
        become_stepped(argv);
    while (child > 0 && waitpid(child, status, 0) == child && WIFSTOPPED(*status)) {
        if (WSTOPSIG(*status) == SIGSTOP) {
            ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(long)PTRACE_O_EXITKILL);
            find_recorder(child);
            return child;
        }
        ptrace(PTRACE_CONT, child, NULL, NULL); /* it was an exec */
    }
    exit(child > 0 && WIFEXITED(*status) ? WEXITSTATUS(*status) : 1);
}

/* Goes on until `most` instructions of the recorder's were met, or the operation has ended: how
 * many there were. */
static long step(pid_t child, long most, int *status)
{
    for (long met = 0;;) {
        uint64_t at = program_counter(child);
        if (at >= recorder_start && at < recorder_end && met++ == most)
            return most;
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 ||
            waitpid(child, status, 0) != child || !WIFSTOPPED(*status) ||
            WSTOPSIG(*status) != SIGTRAP)
            return met;
    }
}

enum outcome { WELL, BADLY, TOO_FAR };

static enum outcome interrupt(char **argv, long point)
{
    int status;
    pid_t child = start(argv, &status);
    bool met = step(child, point, &status) == point && WIFSTOPPED(status);
    if (WIFSTOPPED(status))
        ptrace(PTRACE_DETACH, child, NULL, (void *)(long)(met ? SIGUSR1 : SIGKILL));
    else if (!met)
        return TOO_FAR;
    if (waitpid(child, &status, 0) != child || (met && status != action->status)) {
        fprintf(stderr, "%s, %s at %ld: wait status %#x\n", operation->name, action->name, point,
                (unsigned)status);
        return BADLY;
    }
    return met ? WELL : TOO_FAR;
}

static const struct verb *find(const struct verb *verbs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    exit(2);
}

#define FIND(verbs, name) find(verbs, sizeof(verbs) / sizeof((verbs)[0]), name)

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5)
        return 2;
    operation = FIND(operations, argv[1]);
    action = FIND(actions, argv[2]);
    for (int i = 0; i < 2; i++)
        module = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
    signal(SIGUSR1, handler);
    do_malloc();
    if (argc == 3)
        be_stepped();
    long every = atol(argv[3]), most = atol(argv[4]), failed = 0, children = 0;
    for (enum outcome outcome = WELL; outcome != TOO_FAR && children < most; children++) {
        outcome = interrupt(argv, every / 2 + children * every);
        failed += outcome == BADLY;
    }
    printf("%ld\n", children);
    return failed ? 1 : 0;
}
