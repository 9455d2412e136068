// SPDX-License-Identifier: Apache-2.0
// Threads that allocate nothing, made in every way and ended in every way.  thread_ends SHAPE PAGES
// prints, for each of them, "NAME ADDRESS TID": where the pages are that it touched.  Exit status 0
// when each ended as it should.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <pthread.h>
#include <sched.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

struct worker {
    volatile char *block;
    long tid;
    volatile bool unwound;
    sigset_t mask;
};

static std::size_t page, pages;

static void check(bool right, const char *what)
{
    if (right)
        return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::exit(1);
}

static worker *new_worker()
{
    void *memory = mmap(nullptr, page + pages * page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "mmap");
    worker *self = static_cast<worker *>(memory);
    self->block = static_cast<char *>(memory) + page;
    return self;
}

static void touch(worker *self)
{
    self->tid = syscall(SYS_gettid);
    for (std::size_t i = 0; i < pages; i++)
        self->block[i * page] = 1;
}

static void say(const char *name, const worker *self)
{
    std::printf("%s %llu %ld\n", name,
                static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(self->block)),
                self->tid);
}

/* Its destructor runs when the stack is unwound. */
struct guard {
    worker *self;
    ~guard()
    {
        self->unwound = true;
    }
};

static void *returns(void *argument)
{
    touch(static_cast<worker *>(argument));
    return argument;
}

static int returns_number(void *argument)
{
    touch(static_cast<worker *>(argument));
    return -7;
}

static void *exits(void *argument)
{
    worker *self = static_cast<worker *>(argument);
    guard on_stack{self};
    touch(self);
    pthread_exit(argument);
}

static void *waits(void *argument)
{
    worker *self = static_cast<worker *>(argument);
    guard on_stack{self};
    touch(self);
    for (;;)
        pause();
}

static void *catches(void *argument)
{
    worker *self = static_cast<worker *>(argument);
    touch(self);
    try {
        guard on_stack{self};
        throw std::runtime_error("inside");
    } catch (const std::exception &) {
        return self;
    }
}

static void *throws(void *)
{
    throw std::runtime_error("out of the thread");
}

static void *looks_at_mask(void *argument)
{
    worker *self = static_cast<worker *>(argument);
    touch(self);
    pthread_sigmask(SIG_SETMASK, nullptr, &self->mask);
    return argument;
}

static void run(const char *name, void *(*body)(void *), bool unwinds,
                const pthread_attr_t *attributes = nullptr)
{
    worker *self = new_worker();
    pthread_t thread;
    void *result;
    check(pthread_create(&thread, attributes, body, self) == 0, "created");
    check(pthread_join(thread, &result) == 0 && result == self, "ended with its argument");
    check(self->unwound == unwinds, "destructors ran");
    say(name, self);
}

static void cancel()
{
    worker *self = new_worker();
    pthread_t thread;
    void *result;
    check(pthread_create(&thread, nullptr, waits, self) == 0, "created");
    check(pthread_cancel(thread) == 0, "pthread_cancel");
    check(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED, "cancelled");
    check(self->unwound, "destructors ran when cancelled");
    say("cancelled", self);
}

static void c11()
{
    worker *self = new_worker();
    thrd_t thread;
    int result;
    check(thrd_create(&thread, returns_number, self) == thrd_success, "thrd_create");
    check(thrd_join(thread, &result) == thrd_success && result == -7, "ended with its number");
    say("c11", self);
}

static void detached()
{
    worker *self = new_worker();
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    check(pthread_create(&thread, &attributes, returns, self) == 0, "created");
    while (!__atomic_load_n(&self->tid, __ATOMIC_RELAXED) ||
           syscall(SYS_tgkill, getpid(), self->tid, 0) == 0)
        sched_yield();
    say("detached", self);
}

static void small_stack()
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    check(pthread_attr_setstacksize(&attributes,
                                    static_cast<std::size_t>(sysconf(_SC_THREAD_STACK_MIN))) == 0,
          "pthread_attr_setstacksize");
    run("small_stack", returns, false, &attributes);
}

static void mask()
{
    worker *self = new_worker();
    sigset_t some, before;
    pthread_t thread;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &some, &before);
    check(pthread_create(&thread, nullptr, looks_at_mask, self) == 0, "created");
    pthread_join(thread, nullptr);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    check(sigismember(&self->mask, SIGUSR2) && !sigismember(&self->mask, SIGUSR1), "same mask");
    say("mask", self);
}

/* More often than the recorder can have threads waiting for their start. */
static void failures()
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    check(pthread_attr_setstacksize(&attributes, std::size_t{1} << 50) == 0, "large stack");
    errno = 4711;
    for (int i = 0; i < 3000; i++)
        check(pthread_create(&thread, &attributes, returns, nullptr) == EAGAIN, "EAGAIN");
    check(errno == 4711 || errno == ENOMEM, "errno"); // glibc's mmap sets it
    run("after_failures", returns, false);
}

static void uncaught()
{
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        std::set_terminate([] { _exit(3); });
        pthread_t thread;
        pthread_create(&thread, nullptr, throws, nullptr);
        pthread_join(thread, nullptr);
        _exit(4);
    }
    int status;
    waitpid(child, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 3, "std::terminate");
}

/* The child's first thread, which never allocated after the fork, and one that it makes. */
static void forked()
{
    std::fflush(nullptr);
    pid_t child = fork();
    if (child == 0) {
        run("forked", returns, false);
        std::exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child's end");
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    pages = static_cast<std::size_t>(std::atol(arguments[2]));
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* one fault a page */
    if (std::strcmp(arguments[1], "forked") == 0) {
        forked();
        return 0;
    }
    run("returned", returns, false);
    run("exited", exits, true);
    run("caught", catches, true);
    cancel();
    c11();
    detached();
    small_stack();
    mask();
    failures();
    uncaught();
    return 0;
}
