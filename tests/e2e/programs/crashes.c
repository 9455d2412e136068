/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that end programs, and handlers of all sorts for them: crashes HOW prints what a handler
 * can see, so that two runs can be compared.  The table at the end lists what there is.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void action_handler(int, siginfo_t *, void *);

static char *volatile nowhere; /* a page that is not there */
static sigjmp_buf way_out;
static __thread sigjmp_buf own_way_out;
static volatile int depth;
static char signal_stack[65536];

static __attribute__((noinline)) void crash(void)
{
    nowhere[8] = 1; /* crashes here */
}

static void install(int number, int flags, action_handler *handler)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaction(number, &action, NULL);
}

static void use_signal_stack(size_t size)
{
    stack_t stack = {.ss_sp = signal_stack, .ss_size = size};
    sigaltstack(&stack, NULL);
}

static __attribute__((noinline)) void tell(int number, const siginfo_t *info)
{
    sigset_t blocked;
    stack_t stack;
    struct sigaction now;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    sigaltstack(NULL, &stack);
    sigaction(number, NULL, &now);
    printf("signal %d code %d at +%d, errno %d, blocked %d %d, on stack %d, flags %x, default %d\n",
           number, info->si_code, (char *)info->si_addr - nowhere == 8 ? 8 : -1, errno,
           sigismember(&blocked, number), sigismember(&blocked, SIGUSR2),
           !!(stack.ss_flags & SS_ONSTACK), (unsigned)now.sa_flags & ~0x04000000u,
           now.sa_handler == SIG_DFL);
    fflush(stdout);
}

static void telling(int number, siginfo_t *info, void *context)
{
    (void)context;
    tell(number, info);
}

static void leaving(int number, siginfo_t *info, void *context)
{
    (void)context;
    tell(number, info);
    siglongjmp(way_out, 1);
}

static void quiet_leaving(int number)
{
    (void)number;
    siglongjmp(own_way_out, 1);
}

/* Deferred binding takes more stack than all else. */
static long (*volatile system_call)(long, ...) = syscall;

static void leaving_at_once(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    system_call(SYS_exit_group, 6);
}

static void exiting(int number, siginfo_t *info, void *context)
{
    (void)context;
    tell(number, info);
    _exit(6);
}

static void crashing(int number, siginfo_t *info, void *context)
{
    (void)context;
    tell(number, info);
    if (++depth == 4)
        _exit(5);
    crash();
}

static void raising(int number)
{
    printf("raising\n");
    fflush(stdout);
    signal(number, SIG_DFL);
    raise(number);
}

static void default_again(int number, siginfo_t *info, void *context)
{
    (void)context;
    tell(number, info);
    signal(number, SIG_DFL);
}

static __attribute__((noinline)) int overflow(volatile char *before)
{
    volatile char frame[4096];
    frame[0] = before ? before[0] : 0;
    return frame[0] ? 0 : overflow(frame) + frame[0];
}

static void jump(int flags)
{
    for (volatile int i = 0; i < 3; i++) {
        install(SIGSEGV, flags, leaving);
        errno = 77;
        if (sigsetjmp(way_out, 1) == 0)
            crash();
        free(malloc(10));
    }
}

static void how_info(void)
{
    jump(SA_SIGINFO);
}

static void how_once(void)
{
    jump(SA_SIGINFO | (int)SA_RESETHAND);
}

static void how_signal(void)
{
    signal(SIGSEGV, quiet_leaving);
    for (volatile int i = 0; i < 300; i++) {
        if (sigsetjmp(own_way_out, 1) == 0)
            crash();
    }
    printf("%d\n", signal(SIGSEGV, SIG_DFL) == quiet_leaving);
}

static void how_default(void)
{
    crash();
}

static void how_reset(void)
{
    install(SIGSEGV, SA_SIGINFO | (int)SA_RESETHAND, telling);
    crash();
}

static void how_returns(void)
{
    install(SIGSEGV, SA_SIGINFO, default_again);
    crash();
}

static void how_raises(void)
{
    signal(SIGSEGV, raising);
    crash();
}

static void how_nodefer(void)
{
    install(SIGSEGV, SA_SIGINFO | SA_NODEFER, crashing);
    crash();
}

static void how_nested(void)
{
    install(SIGSEGV, SA_SIGINFO, crashing);
    crash();
}

static void how_overflow(void)
{
    use_signal_stack(sizeof(signal_stack));
    install(SIGSEGV, SA_SIGINFO | SA_ONSTACK, exiting);
    overflow(NULL);
}

static void how_narrow_overflow(void)
{
    use_signal_stack((size_t)sysconf(_SC_MINSIGSTKSZ) + 256);
    install(SIGSEGV, SA_SIGINFO | SA_ONSTACK, leaving_at_once);
    overflow(NULL);
}

static void how_default_overflow(void)
{
    use_signal_stack(sizeof(signal_stack));
    overflow(NULL);
}

static void how_abort(void)
{
    install(SIGABRT, SA_SIGINFO, telling);
    abort();
}

/* Not by abort(), so the program goes on. */
static void how_raised_abort(void)
{
    install(SIGABRT, SA_SIGINFO, telling);
    raise(SIGABRT);
    raise(SIGKILL);
}

static void how_abort_in_malloc(void)
{
    char *volatile block = malloc(40);
    install(SIGABRT, SA_SIGINFO, leaving);
    free(block);
    if (sigsetjmp(way_out, 1) == 0)
        free(block); /* again */
    free(malloc(100));
}

static __attribute__((noinline)) void free_odd(char *block)
{
    free(block + 5);
}

static void how_odd_free(void)
{
    char *volatile block = malloc(40);
    free_odd(block);
}

static void how_raise(void)
{
    raise(SIGFPE);
}

static void how_kill(void)
{
    kill(getpid(), SIGFPE);
}

static void how_ignored(void)
{
    signal(SIGFPE, SIG_IGN);
    raise(SIGFPE);
    printf("%d\n", signal(SIGFPE, SIG_DFL) == SIG_IGN);
}

static void how_illegal(void)
{
    install(SIGILL, SA_SIGINFO, exiting);
    __builtin_trap();
}

static void *crash_in_thread(void *barrier)
{
    pthread_barrier_wait(barrier);
    crash();
    return NULL;
}

static void *survive_in_thread(void *barrier)
{
    pthread_barrier_wait(barrier);
    for (volatile int i = 0; i < 5; i++) {
        if (sigsetjmp(own_way_out, 1) == 0)
            crash();
        free(malloc(10));
    }
    return NULL;
}

static void run_threads(void *(*routine)(void *))
{
    enum { COUNT = 6 };
    static pthread_barrier_t barrier;
    pthread_t threads[COUNT];
    pthread_barrier_init(&barrier, NULL, COUNT);
    for (int i = 0; i < COUNT; i++)
        pthread_create(&threads[i], NULL, routine, &barrier);
    for (int i = 0; i < COUNT; i++)
        pthread_join(threads[i], NULL);
}

static void how_threads(void)
{
    run_threads(crash_in_thread);
}

static void how_surviving_threads(void)
{
    signal(SIGSEGV, quiet_leaving);
    run_threads(survive_in_thread);
    printf("done\n");
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void how_vfork(void)
{
    install(SIGSEGV, SA_SIGINFO, exiting);
    pid_t child = vfork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    crash();
}

static void how_fork(void)
{
    int status;
    install(SIGSEGV, SA_SIGINFO, exiting);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        crash();
    }
    waitpid(child, &status, 0);
    printf("child %d %d\n", WIFSIGNALED(status), WTERMSIG(status));
    fflush(stdout);
    crash();
}

static const struct {
    const char *name;
    void (*run)(void);
} ways[] = {
    {"default", how_default},
    {"info", how_info},
    {"once", how_once},
    {"signal", how_signal},
    {"reset", how_reset},
    {"returns", how_returns},
    {"raises", how_raises},
    {"nodefer", how_nodefer},
    {"nested", how_nested},
    {"overflow", how_overflow},
    {"narrow-overflow", how_narrow_overflow},
    {"default-overflow", how_default_overflow},
    {"abort", how_abort},
    {"raised-abort", how_raised_abort},
    {"abort-in-malloc", how_abort_in_malloc},
    {"odd-free", how_odd_free},
    {"raise", how_raise},
    {"kill", how_kill},
    {"ignored", how_ignored},
    {"illegal", how_illegal},
    {"threads", how_threads},
    {"surviving-threads", how_surviving_threads},
    {"vfork", how_vfork},
    {"fork", how_fork},
};

int main(int argc, char **argv)
{
    nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (argc > 1 && strcmp(argv[1], ways[i].name) == 0) {
            ways[i].run();
            return 0;
        }
    }
    return 99;
}
