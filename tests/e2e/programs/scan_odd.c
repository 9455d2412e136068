/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a scan hard.  scan_odd MODE: see `modes`.  A thread waits meanwhile, but in those that
 * need none.  Prints "NAME ADDRESS VALUE" for planted pointers, as scan_places does, and "count
 * NAME NUMBER".  Status 77: not possible here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <vmtrace/vmtrace.h>

enum { NOT_HERE = 77, PAGE = 4096, STORM_THREADS = 8 };

static int ready, over, handled;
static void **root;

static void nap(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&time, &time) && errno == EINTR)
        ;
}

static void tell(const char *name, void **place)
{
    printf("%s %p %p\n", name, (void *)place, *place);
}

static void put(const char *name, void **place)
{
    *place = malloc(40);
    tell(name, place);
}

static void need(int failed)
{
    if (failed)
        _exit(NOT_HERE);
}

static void *wait_until_over(void *unused)
{
    (void)unused;
    __atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
        nap(5);
    return NULL;
}

static void start(int count, void *(*routine)(void *))
{
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, routine, NULL))
            abort();
    }
    while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < count)
        nap(1);
}

static void snapshot_with_thread(void)
{
    start(1, wait_until_over);
    vmtrace_snapshot("odd");
}

/* ---- what the kernel refuses ---- */

#define DENY(call)                                                                                 \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1),                                         \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static void seccomp(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        DENY(ptrace),
        DENY(process_vm_readv),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};
    need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
    snapshot_with_thread();
}

static void undumpable(void)
{
    need(setuid(65534) || prctl(PR_SET_DUMPABLE, 0));
    snapshot_with_thread();
}

static void no_proc(void)
{
    need(unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
         mount("none", "/proc", "tmpfs", 0, NULL));
    snapshot_with_thread();
}

/* What the Yama module shows where it lets only descendants be traced. */
static void yama(void)
{
    need(unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
         mount("none", "/proc/sys/kernel", "tmpfs", 0, NULL) ||
         mkdir("/proc/sys/kernel/yama", 0755));
    FILE *scope = fopen("/proc/sys/kernel/yama/ptrace_scope", "w");
    need(!scope || fputs("1\n", scope) < 0 || fclose(scope));
    snapshot_with_thread();
}

static void no_processes(void)
{
    struct rlimit none = {0, 0};
    start(1, wait_until_over);
    need(setuid(65534) || setrlimit(RLIMIT_NPROC, &none));
    vmtrace_snapshot("odd");
}

static void no_files(int count)
{
    struct rlimit few = {(rlim_t)count, (rlim_t)count};
    start(1, wait_until_over);
    need(setrlimit(RLIMIT_NOFILE, &few));
    vmtrace_snapshot("odd");
}

static void no_files_0(void)
{
    no_files(0);
}

static void no_files_3(void)
{
    no_files(3);
}

/* ---- memory ---- */

/* Nobody answers faults there. */
static void fault_nobody(void)
{
    char *memory =
        mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {
        .range = {(uintptr_t)memory, 16 * PAGE},
        .mode = UFFDIO_REGISTER_MODE_MISSING,
    };
    memory[PAGE] = 1;
    need(fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range));
    root = malloc(4 * sizeof(*root));
    for (int i = 0; i < 4; i++)
        root[i] = memory + 2 * PAGE * i + 8; /* what stands before them is asked for */
    tell("missing", root + 1);
    snapshot_with_thread();
}

/* The only pointer stands where no copy of the process has memory. */
static void left_out(void)
{
    void **memory =
        mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    put("left_out", memory + 5);
    need(madvise(memory, 4 * PAGE, MADV_DONTFORK));
    vmtrace_snapshot("odd");
}

/* ---- stacks ---- */

static ucontext_t main_context, routine_context;

static void routine(void)
{
    void *here[4] = {NULL};
    put("coroutine", &here[1]);
    vmtrace_snapshot("odd");
    fflush(stdout);
    swapcontext(&routine_context, &main_context);
    abort();
}

static void coroutine(void)
{
    void *outside[4] = {NULL};
    put("outside", &outside[1]);
    getcontext(&routine_context);
    routine_context.uc_stack.ss_size = 65536;
    routine_context.uc_stack.ss_sp = malloc(65536);
    makecontext(&routine_context, routine, 0);
    swapcontext(&main_context, &routine_context);
    __asm__ volatile("" : : "r"(outside) : "memory");
}

static void stay(int number)
{
    void *here[4] = {NULL};
    (void)number;
    put("handler", &here[1]);
    __atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
        nap(5);
    __asm__ volatile("" : : "r"(here) : "memory");
}

static void *on_signal_stack(void *unused)
{
    void *here[4] = {NULL};
    stack_t other = {.ss_sp = malloc(65536), .ss_size = 65536};
    (void)unused;
    put("interrupted", &here[1]);
    if (sigaltstack(&other, NULL))
        abort();
    raise(SIGUSR1);
    __asm__ volatile("" : : "r"(here) : "memory");
    return NULL;
}

static void signal_stack(void)
{
    struct sigaction action = {.sa_handler = stay, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    start(1, on_signal_stack);
    vmtrace_snapshot("odd");
}

static void (*volatile end_now)(int) = _exit; /* found already: ld.so needs more stack than we */

static void leave(int number)
{
    (void)number;
    end_now(0);
}

/* Room for a handler that does little; a touch of what lies below is the end. */
static void small_stack(void)
{
    size_t size = ((size_t)sysconf(_SC_MINSIGSTKSZ) + 512) & -(size_t)16;
    char *memory =
        mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t other = {.ss_sp = memory + 8 * PAGE, .ss_size = size};
    struct sigaction action = {.sa_handler = leave, .sa_flags = SA_ONSTACK};
    root = malloc(64);
    need(mprotect(memory, 8 * PAGE, PROT_NONE) || sigaltstack(&other, NULL) ||
         sigaction(SIGUSR1, &action, NULL));
    fflush(stdout);
    raise(SIGUSR1);
}

/* What a function that has returned left just below, where exit() has its frames. */
static __attribute__((noinline)) void leave_below(void)
{
    void *volatile dead[512];
    void *block = malloc(40);
    for (int i = 0; i < 512; i++)
        dead[i] = block;
    printf("below %p %p\n", (void *)(uintptr_t)&dead[500], block);
    fflush(stdout);
    for (int i = 0; i < 512; i++)
        dead[i] = block;
}

/* ---- signals ---- */

static void count_signal(int number)
{
    (void)number;
    __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

/* Real-time signals are queued: each is to arrive, and once, at one of the threads that are stopped
 * now and then. */
static void signals(void)
{
    enum { SENT = 20000 };
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGRTMIN + 5);
    signal(SIGRTMIN + 5, count_signal);
    start(4, wait_until_over);
    pthread_sigmask(SIG_BLOCK, &ours, NULL); /* this one takes none */
    pid_t parent = getpid(), sender = fork();
    for (int i = 0; sender == 0 && i < SENT; i++) {
        while (kill(parent, SIGRTMIN + 5))
            nap(1);
    }
    if (sender == 0)
        _exit(0);
    while (waitpid(sender, NULL, WNOHANG) == 0)
        vmtrace_snapshot("odd");
    for (int i = 0; i < 1000 && handled < SENT; i++)
        nap(1);
    printf("count lost %d\n", SENT - handled);
}

/* A filter of system calls bars ptrace: the threads are stopped by a signal. */
static void dispositions(void)
{
    seccomp();
    struct sigaction action;
    int taken = 0;
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        taken += sigaction(number, NULL, &action) || action.sa_handler != SIG_DFL;
    printf("count taken %d\n", taken);
}

/* ---- many ---- */

static void *allocate(void *unused)
{
    void *blocks[64] = {NULL};
    (void)unused;
    __atomic_add_fetch(&ready, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; !__atomic_load_n(&over, __ATOMIC_RELAXED); i++) {
        if (i % 128 == 0)
            nap(1);
        free(blocks[i % 64]);
        blocks[i % 64] = malloc(i * 7 % 400 + 1);
    }
    return NULL;
}

static long megabytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld", &pages) != 1)
        abort();
    fclose(file);
    return pages * PAGE >> 20;
}

static void many(void)
{
    start(STORM_THREADS, allocate);
    long before = 0;
    for (int i = 0; i < 200; i++) {
        if (i == 20)
            before = megabytes();
        vmtrace_snapshot("odd");
    }
    nap(100); /* the last one may not have ended */
    printf("count grown %ld\n", megabytes() - before);
}

static const struct {
    const char *name;
    void (*run)(void);
} modes[] = {
    {"seccomp", seccomp},
    {"undumpable", undumpable},
    {"no_proc", no_proc},
    {"no_processes", no_processes},
    {"no_files_0", no_files_0},

    {"no_files_3", no_files_3},
    {"fault_nobody", fault_nobody},
    {"yama", yama},
    {"left_out", left_out},
    {"coroutine", coroutine},
    {"signal_stack", signal_stack},
    {"small_stack", small_stack},
    {"leave_below", leave_below},
    {"signals", signals},
    {"dispositions", dispositions},
    {"many", many},
};

int main(int argc, char **argv)
{
    static void *kept;
    put("kept", &kept);
    fflush(stdout);
    for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(argv[1], modes[i].name) == 0)
            modes[i].run();
    }
    fflush(stdout);
    return 0;
}
