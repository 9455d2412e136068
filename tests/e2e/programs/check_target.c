/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a check is to judge: check_target WORD...
 *   leak N        N blocks of 32 bytes are lost        other N    48 bytes, by another function
 *   hold          a block that remains reachable       tidy       one that is freed
 *   double        a block is freed twice
 *   children N C  N children, each exec'ing check_target C N
 *   fork          a child goes on, its parent waits for it and ends
 *   start         a child execs check_target with the rest, its parent ends
 *   stderr        standard error is closed             crash      a segmentation fault
 *   sleep         until killed                         exit S     status S
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef CHECK_MOVED
/* The same program after an edit: everything below has moved down.
 *
 *
 *
 */
static int unrelated(int value)
{
    return value * 3;
}
#endif

static void *volatile slot;
static void *volatile held;

static __attribute__((noinline)) void lose_row(void)
{
    slot = malloc(32);
    slot = NULL;
}

static __attribute__((noinline)) void lose_other(void)
{
    slot = malloc(48);
    slot = NULL;
}

static __attribute__((noinline)) void clear_stack(void)
{
    volatile char bytes[8192];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = 0;
}

static void free_twice(void)
{
    char *volatile block = malloc(2000), *volatile again = block; /* too large for a tcache */
    void *volatile guard = malloc(2000);
    free(block);
    free(again);
    free(guard);
}

static void run_children(const char *self, int count, char *word)
{
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            execl(self, self, word, "1", (char *)NULL);
            _exit(127);
        }
    }
    while (wait(NULL) > 0)
        ;
}

/* In the child it returns. */
static void go_on_in_child(void)
{
    pid_t pid = fork();
    if (pid == 0)
        return;
    int failed = waitpid(pid, NULL, 0) != pid;
    clear_stack();
    exit(failed);
}

static void start_child(const char *self, char **arguments)
{
    pid_t pid = fork();
    if (pid == 0) {
        execv(self, arguments);
        _exit(127);
    }
    clear_stack();
    exit(pid < 0);
}

int main(int argc, char **argv)
{
    int status = 0;
#ifdef CHECK_MOVED
    status = unrelated(0);
#endif
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        int number = i + 1 < argc ? atoi(argv[i + 1]) : 0;
        if (strcmp(word, "leak") == 0)
            for (; number > 0; number--)
                lose_row();
        else if (strcmp(word, "other") == 0)
            for (; number > 0; number--)
                lose_other();
        else if (strcmp(word, "hold") == 0)
            held = malloc(77);
        else if (strcmp(word, "tidy") == 0)
            free(slot = malloc(99));
        else if (strcmp(word, "double") == 0)
            free_twice();
        else if (strcmp(word, "children") == 0)
            run_children(argv[0], number, argv[i + 2]);
        else if (strcmp(word, "fork") == 0)
            go_on_in_child();
        else if (strcmp(word, "start") == 0)
            start_child(argv[0], argv + i);
        else if (strcmp(word, "stderr") == 0)
            fclose(stderr);
        else if (strcmp(word, "crash") == 0)
            raise(SIGSEGV);
        else if (strcmp(word, "sleep") == 0)
            pause();
        else if (strcmp(word, "exit") == 0)
            status = number;
    }
    clear_stack();
    return status;
}
