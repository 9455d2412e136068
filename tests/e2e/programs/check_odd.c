/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that make a check's life hard: check_odd WORD...
 *   hold      a block comes and goes        leak     one is lost
 *   print     to stdout, by stdio           reach    one stays reachable
 *   close     all descriptors               chdir    to /
 *   nobody    goes on as user 65534         pidns    children are in a new pid namespace
 *   chroot    to the working directory
 *   fork      goes on in a child            crowd N  N children at once, each loses one
 *   daemon    goes on as a daemon           sleep S  seconds
 *   abort     does                          exit S   status S
 *   mark F    adds a line to the file F     expire   has the timeout(1) above it run out now
 */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, CANNOT = 77 };

static void *volatile slot;
static void *volatile kept;

static __attribute__((noinline)) void lose_block(void)
{
    slot = malloc(777);
    slot = NULL;
}

static __attribute__((noinline)) void clear_stack(void)
{
    volatile char bytes[8192];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = 0;
}

static void wait_for_all(void)
{
    while (wait(NULL) > 0)
        ;
}

static void need(int result)
{
    if (result != 0)
        _exit(CANNOT);
}

static void become_nobody(void)
{
    need(setgroups(0, NULL));
    need(setgid(NOBODY));
    need(setuid(NOBODY));
}

static void mark(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    need(write(fd, "\n", 1) != 1);
    close(fd);
}

static bool is_asleep(pid_t pid)
{
    char path[64], state = '?';
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    need(!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1);
    fclose(file);
    return state == 'S';
}

/* timeout(1) leads its group, and has this signal from its timer.  Before it waits it would die of
 * it and end nobody. */
static void expire(void)
{
    while (!is_asleep(getpgrp()))
        usleep(1000);
    need(kill(getpgrp(), SIGALRM));
}

static void make_crowd(int count)
{
    for (int i = 0; i < count; i++) {
        if (fork() == 0) {
            lose_block();
            clear_stack();
            exit(0);
        }
    }
    wait_for_all();
}

static void go_on_in_child(void)
{
    if (fork() != 0) {
        wait_for_all();
        exit(0);
    }
}

/* Words that take no number. */
static void obey(const char *word)
{
    if (strcmp(word, "hold") == 0) {
        slot = malloc(100);
        free(slot);
        slot = NULL;
    } else if (strcmp(word, "leak") == 0) {
        lose_block();
        clear_stack();
    } else if (strcmp(word, "reach") == 0) {
        kept = malloc(555);
    } else if (strcmp(word, "print") == 0) {
        puts("said");
    } else if (strcmp(word, "close") == 0) {
        for (int fd = 0; fd < 256; fd++)
            close(fd);
    } else if (strcmp(word, "chdir") == 0) {
        need(chdir("/"));
    } else if (strcmp(word, "chroot") == 0) {
        need(chroot("."));
    } else if (strcmp(word, "nobody") == 0) {
        become_nobody();
    } else if (strcmp(word, "pidns") == 0) {
        need(unshare(CLONE_NEWPID));
    } else if (strcmp(word, "fork") == 0) {
        go_on_in_child();
    } else if (strcmp(word, "abort") == 0) {
        abort();
    } else if (strcmp(word, "daemon") == 0) {
        need(daemon(0, 0));
    } else if (strcmp(word, "expire") == 0) {
        expire();
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int number = i + 1 < argc ? atoi(argv[i + 1]) : 0;
        if (strcmp(argv[i], "crowd") == 0)
            make_crowd(number);
        else if (strcmp(argv[i], "sleep") == 0)
            sleep((unsigned)number);
        else if (strcmp(argv[i], "exit") == 0)
            return number;
        else if (strcmp(argv[i], "mark") == 0 && i + 1 < argc)
            mark(argv[++i]);
        else
            obey(argv[i]);
    }
    return 0;
}
