/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forks at bad moments:
 *     fork_hazards library       a library's constructor forked before the recorder was ready
 *     fork_hazards fresh-thread  a thread that never allocated forks; an atfork handler allocates
 *     fork_hazards raw           the same with the bare system call
 *     fork_hazards handler       a signal handler forks, and its child goes on where it was
 *     fork_hazards loader        another thread holds the loader's lock meanwhile
 *     fork_hazards daemon
 * Status 0 if all children ended well.
 */
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern int forking_library_children;
static volatile int forks, failures, in_child;
static void *volatile kept;

static __attribute__((noinline)) void *child_block(void)
{
    return malloc(20);
}

static __attribute__((noinline)) void *parent_block(void)
{
    return malloc(10);
}

static void allocate_in_child(void)
{
    for (int i = 0; i < 20000; i++)
        kept = child_block();
}

static void wait_for(pid_t child)
{
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        failures++;
}

static void *fork_in_thread(void *how)
{
    pid_t child = strcmp(how, "raw") == 0 ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
    if (child == 0) {
        if (strcmp(how, "raw") == 0)
            allocate_in_child();
        _exit(0);
    }
    wait_for(child);
    return NULL;
}

static void fresh_thread(char *how)
{
    pthread_t thread;
    if (strcmp(how, "raw") != 0)
        pthread_atfork(NULL, NULL, allocate_in_child);
    pthread_create(&thread, NULL, fork_in_thread, how);
    pthread_join(thread, NULL);
    for (int i = 0; i < 30000; i++)
        kept = parent_block();
}

static void fork_in_handler(int number)
{
    (void)number;
    if (in_child)
        return;
    pid_t child = fork();
    if (child == 0) {
        in_child = 1;
        return;
    }
    wait_for(child);
    forks++;
}

static void handler(void)
{
    struct itimerval often = {{0, 5000}, {0, 5000}};
    signal(SIGALRM, fork_in_handler);
    setitimer(ITIMER_REAL, &often, NULL);
    while (forks < 100) {
        for (int i = 0; i < 3000; i++)
            free(malloc(10));
        if (in_child)
            _exit(0);
    }
    signal(SIGALRM, SIG_IGN);
}

static int look_slowly(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)info, (void)size, (void)context;
    for (volatile int i = 0; i < 2000; i++)
        ;
    return 0;
}

static void *hold_loader_lock(void *unused)
{
    free(malloc(1));
    for (;;)
        dl_iterate_phdr(look_slowly, NULL);
    return unused;
}

static void loader(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, hold_loader_lock, NULL);
    usleep(1000);
    for (int i = 0; i < 40; i++) {
        pid_t child = fork();
        if (child == 0) {
            free(malloc(9));
            _exit(0);
        }
        wait_for(child);
    }
}

int main(int argc, char **argv)
{
    char none[] = "", *how = argc > 1 ? argv[1] : none;
    if (strcmp(how, "library") == 0)
        return forking_library_children == 1 ? 0 : 1;
    if (strcmp(how, "fresh-thread") == 0 || strcmp(how, "raw") == 0)
        fresh_thread(how);
    else if (strcmp(how, "handler") == 0)
        handler();
    else if (strcmp(how, "loader") == 0)
        loader();
    else if (strcmp(how, "daemon") == 0)
        return daemon(1, 1) ? 1 : 3;
    else
        return 2;
    return failures ? 1 : 0;
}
