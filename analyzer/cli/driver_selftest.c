/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vmtrace check --self-test`: the positive control.  Programs that leak in a known way, or do not,
 * are checked like any other; what a pipeline relies on is seen to work on this machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli_common.h"
#include "cli/driver_check.h"
#include "cli/driver_session.h"

enum { LOST_BYTES = 4321, THREADS = 8, STACK_BYTES = 256 * 1024, FOUND = 23 };

/* So that no optimizer, no register and no dead stack slot keeps the pointer. */
static void *volatile kept;

static __attribute__((noinline)) void lose_block(void)
{
    kept = malloc(LOST_BYTES);
    kept = NULL;
}

static __attribute__((noinline)) void overwrite_stack(void)
{
    volatile char bytes[4096];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = 0;
}

static sem_t holding;

/* Its block is on its stack only, so it is lost for whoever does not look there. */
static void *hold_block(void *argument)
{
    void *volatile block = malloc(LOST_BYTES);
    (void)argument;
    sem_post(&holding);
    pause();
    free(block);
    return NULL;
}

static int start_threads(void)
{
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK_BYTES);
    sem_init(&holding, 0, 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &small, hold_block, NULL) != 0)
            return 1;
        sem_wait(&holding);
    }
    return 0;
}

/* The same in a child, as a program of its own or not. */
static int run_child(bool as_program)
{
    char self[PATH_MAX];
    int status = 1;
    if (as_program && !driver_self(self))
        return 1;
    pid_t pid = fork();
    if (pid == 0 && as_program) {
        execl(self, "vmtrace", DRIVER_SELFTEST, "leak", NULL);
        _exit(1);
    }
    if (pid == 0)
        exit(driver_selftest_program("leak"));
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status != 0;
}

int driver_selftest_program(const char *name)
{
    int failed = 0;
    kept = malloc(LOST_BYTES);
    free(kept);
    if (strncmp(name, "threads", 7) == 0)
        failed = start_threads();
    if (strncmp(name, "child", 5) == 0)
        failed = run_child(strcmp(name, "child-program") == 0);
    if (strstr(name, "leak"))
        lose_block();
    overwrite_stack();
    return failed;
}

static const struct promise {
    const char *program, *text;
    int status;
} promises[] = {
    {"clean", "a program without leaks passes", CLI_OK},
    {"leak", "a lost block is found", FOUND},
    {"threads", "blocks that only other threads hold are not lost", CLI_OK},
    {"threads-leak", "a lost block is found among threads", FOUND},
    {"child", "a lost block of a forked child is found", FOUND},
    {"child-program", "a lost block of a program that a child runs is found", FOUND},
};

_Noreturn static void become_check(const struct driver_session *session, const char *self,
                                   const char *program, int output)
{
    char traces[PATH_MAX + 16], library[PATH_MAX + 16];
    snprintf(traces, sizeof(traces), "--traces=%s", session->folder ? session->folder : "");
    snprintf(library, sizeof(library), "--library=%s",
             session->run.library ? session->run.library : "");
    const char *const optional[] = {session->folder ? traces : NULL,
                                    session->run.library ? library : NULL};
    const char *argv[12] = {"vmtrace", "check", "--discard"};
    size_t count = 3;
    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
        if (optional[i])
            argv[count++] = optional[i];
    argv[count++] = "--";
    argv[count++] = self;
    argv[count++] = DRIVER_SELFTEST;
    argv[count] = program;
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execv(self, (char **)argv);
    _exit(CLI_NOT_DONE);
}

/* What the check says; bytes beyond `size` are lost. */
static void read_words(int fd, char *words, size_t size)
{
    size_t length = 0;
    char rest[512];
    for (;;) {
        bool full = length + 1 == size;
        ssize_t got =
            full ? read(fd, rest, sizeof(rest)) : read(fd, words + length, size - 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += full ? 0 : (size_t)got;
    }
    words[length] = '\0';
}

/* The status that the check of the program ends with; -1: it died, or could not be started. */
static int check_program(const struct driver_session *session, const char *self,
                         const char *program, char *words, size_t size)
{
    int ends[2], status;
    words[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        become_check(session, self, program, ends[1]);
    close(ends[1]);
    if (pid > 0)
        read_words(ends[0], words, size);
    close(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Each line behind a margin. */
static void quote(const char *words)
{
    while (*words) {
        int length = (int)strcspn(words, "\n");
        if (length)
            printf("        %.*s\n", length, words);
        words += length + (words[length] == '\n');
    }
}

int driver_selftest(const struct driver_session *session)
{
    char self[PATH_MAX], words[4096];
    size_t failed = 0;
    if (!driver_self(self)) {
        cli_error("cannot find itself: %s", strerror(errno));
        return CLI_NOT_DONE;
    }
    for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
        const struct promise *promise = &promises[i];
        int status = check_program(session, self, promise->program, words, sizeof(words));
        bool good = status == promise->status;
        printf("%s  %s\n", good ? "ok    " : "FAILED", promise->text);
        if (!good)
            quote(words);
        fflush(stdout);
        failed += !good;
    }
    if (failed)
        cli_error("self-test: vmtrace check cannot be relied on here");
    return failed ? CLI_NOT_DONE : CLI_OK;
}
