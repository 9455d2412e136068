/* SPDX-License-Identifier: Apache-2.0 */
/* Where a pointer may stand outside the heap. */
#include <alloca.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <ucontext.h>
#include <unistd.h>

#include "leak_case.h"

enum { mapping_size = 16384 };

static void *volatile kept;
static __thread void *volatile kept_by_thread;

static NOINLINE void *take_child(void)
{
    return malloc(24);
}

LEAK_CASE(tls_of_executable)
{
    kept_by_thread = malloc(40);
}

LEAK_CASE(tls_interior)
{
    kept_by_thread = (char *)malloc(40) + 4;
}

LEAK_CASE(pthread_key_of_main)
{
    pthread_key_t key;
    pthread_key_create(&key, NULL);
    pthread_setspecific(key, malloc(40));
}

/* Beyond the first 32 keys the values lie in a block of libc's. */
LEAK_CASE(pthread_key_of_second_level)
{
    pthread_key_t key = 0;
    for (int i = 0; i < 100; i++)
        pthread_key_create(&key, NULL);
    pthread_setspecific(key, malloc(40));
}

static NOINLINE void *open_plugin(void)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/leak_plugin.so", leak_folder());
    void *plugin = dlopen(path, RTLD_NOW);
    if (!plugin)
        _exit(3);
    return plugin;
}

static void call_plugin(void *plugin, const char *function)
{
    void (*call)(void) = (void (*)(void))dlsym(plugin, function);
    if (!call)
        _exit(4);
    call();
}

LEAK_CASE(plugin_global)
{
    call_plugin(open_plugin(), "plugin_keep");
}

LEAK_CASE(plugin_tls)
{
    call_plugin(open_plugin(), "plugin_keep_in_tls");
}

LEAK_CASE(plugin_lost)
{
    call_plugin(open_plugin(), "plugin_lose");
}

/* What only the plug-in's data pointed to is lost with it. */
LEAK_CASE(plugin_closed)
{
    void *plugin = open_plugin();
    call_plugin(plugin, "plugin_keep");
    call_plugin(plugin, "plugin_keep_in_tls");
    dlclose(plugin);
}

LEAK_CASE(plugin_closed_and_opened)
{
    void *plugin = open_plugin();
    call_plugin(plugin, "plugin_keep");
    dlclose(plugin);
    call_plugin(open_plugin(), "plugin_keep");
}

static void **map(int flags, int fd)
{
    void **memory = mmap(NULL, mapping_size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (memory == MAP_FAILED)
        _exit(5);
    return memory;
}

LEAK_CASE(mapping_private)
{
    map(MAP_PRIVATE | MAP_ANONYMOUS, -1)[1000] = malloc(40);
}

LEAK_CASE(mapping_shared)
{
    map(MAP_SHARED | MAP_ANONYMOUS, -1)[1000] = malloc(40);
}

LEAK_CASE(mapping_gone)
{
    void **memory = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memory[1000] = malloc(40);
    munmap(memory, mapping_size);
}

LEAK_CASE(mapping_half_gone)
{
    void **memory = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memory[10] = malloc(40);
    memory[1000] = take_child();
    munmap(memory, mapping_size / 2);
}

static NOINLINE int open_file(void)
{
    char path[] = "/tmp/leak_case.XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || unlink(path) || ftruncate(fd, mapping_size))
        _exit(6);
    return fd;
}

LEAK_CASE(mapping_of_file_private)
{
    map(MAP_PRIVATE, open_file())[1000] = malloc(40);
}

LEAK_CASE(mapping_of_file_shared)
{
    map(MAP_SHARED, open_file())[1000] = malloc(40);
}

LEAK_CASE(mapping_of_memfd)
{
    int fd = memfd_create("leak_case", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, mapping_size))
        _exit(6);
    map(MAP_SHARED, fd)[1000] = malloc(40);
}

/* Readable still; memcheck looks at writable memory only. */
LEAK_CASE(mapping_made_read_only)
{
    void **memory = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memory[1000] = malloc(40);
    mprotect(memory, mapping_size, PROT_READ);
}

LEAK_CASE(mapping_made_inaccessible)
{
    void **memory = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memory[1000] = malloc(40);
    mprotect(memory, mapping_size, PROT_NONE);
}

LEAK_CASE(shared_segment)
{
    int id = shmget(IPC_PRIVATE, mapping_size, IPC_CREAT | 0600);
    void **memory = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    memory[1000] = malloc(40);
}

/* The frame is alive when the process ends. */
LEAK_CASE(stack_of_main)
{
    void *volatile local = malloc(40);
    leak_clear_stack();
    exit(0);
    leak_use(local);
}

LEAK_CASE(stack_of_main_interior)
{
    char *volatile local = (char *)malloc(40) + 1;
    leak_clear_stack();
    exit(0);
    leak_use(local);
}

LEAK_CASE(stack_alloca)
{
    void *volatile *table = alloca(20000);
    table[1500] = malloc(40);
    leak_clear_stack();
    exit(0);
}

static void end_in_handler(int signal)
{
    (void)signal;
    void *volatile local = take_child();
    leak_clear_stack();
    exit(0);
    leak_use(local);
}

static NOINLINE void raise_into(int flags)
{
    struct sigaction action = {.sa_handler = end_in_handler, .sa_flags = flags};
    sigaction(SIGUSR1, &action, NULL);
    void *volatile local = malloc(40);
    raise(SIGUSR1);
    leak_use(local);
}

LEAK_CASE(signal_handler)
{
    raise_into(0);
}

/* Both the stack that was left and the alternate one hold a pointer. */
LEAK_CASE(signal_stack_in_mapping)
{
    stack_t stack = {
        .ss_sp = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        .ss_size = 1 << 18};
    sigaltstack(&stack, NULL);
    raise_into(SA_ONSTACK);
}

LEAK_CASE(signal_stack_in_block)
{
    kept = malloc(1 << 18);
    stack_t stack = {.ss_sp = kept, .ss_size = 1 << 18};
    sigaltstack(&stack, NULL);
    raise_into(SA_ONSTACK);
}

static ucontext_t main_context, coroutine_context;

static void coroutine(void)
{
    void *volatile local = take_child();
    swapcontext(&coroutine_context, &main_context);
    leak_use(local);
}

static NOINLINE void suspend_coroutine(void *stack, size_t size)
{
    getcontext(&coroutine_context);
    coroutine_context.uc_stack.ss_sp = stack;
    coroutine_context.uc_stack.ss_size = size;
    coroutine_context.uc_link = &main_context;
    makecontext(&coroutine_context, coroutine, 0);
    swapcontext(&main_context, &coroutine_context);
}

LEAK_CASE(coroutine_in_mapping)
{
    void *stack = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    suspend_coroutine(stack, 1 << 18);
}

LEAK_CASE(coroutine_in_block)
{
    kept = calloc(1, 1 << 18);
    suspend_coroutine(kept, 1 << 18);
}

/* Nobody points to the stack any more: the saved contexts, which are static, are wiped. */
LEAK_CASE(coroutine_in_lost_block)
{
    suspend_coroutine(calloc(1, 1 << 18), 1 << 18);
    memset(&coroutine_context, 0, sizeof coroutine_context);
    memset(&main_context, 0, sizeof main_context);
}
