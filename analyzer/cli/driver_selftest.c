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

enum { LOST_BYTES = 4321, THREADS = 8 };

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
    sem_init(&holding, 0, 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, hold_block, NULL) != 0)
            return 1;
        sem_wait(&holding);
    }
    return 0;
}

static const char *const programs[] = {"clean", "leak", "threads", "threads-leak"};

int driver_selftest_program(const char *name)
{
    int failed = 0;
    kept = malloc(LOST_BYTES);
    free(kept);
    if (strncmp(name, "threads", 7) == 0)
        failed = start_threads();
    if (strstr(name, "leak"))
        lose_block();
    overwrite_stack();
    return failed;
}

/* Whether the check of the program ends with the status. */
static bool is_checked(const char *self, const char *program, int expected)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execl(self, "vmtrace", "check", "--discard", "--quiet", "--", self, DRIVER_SELFTEST,
              program, NULL);
        _exit(CLI_NOT_DONE);
    }
    if (pid < 0)
        return false;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == expected;
}

int driver_selftest(void)
{
    static const char *const promises[] = {
        "a program without leaks passes",
        "a lost block is found",
        "blocks that only other threads hold are not lost",
        "a lost block is found among threads",
    };
    static const int expected[] = {CLI_OK, 23, CLI_OK, 23};
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    int failed = 0;
    if (length <= 0) {
        cli_error("cannot find itself: %s", strerror(errno));
        return CLI_NOT_DONE;
    }
    self[length] = '\0';
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        bool good = is_checked(self, programs[i], expected[i]);
        printf("%s  %s\n", good ? "ok    " : "FAILED", promises[i]);
        failed += !good;
    }
    if (failed)
        cli_error("self-test: vmtrace check cannot be relied on here; try: vmtrace check -- %s "
                  "%s leak",
                  self, DRIVER_SELFTEST);
    return failed ? CLI_NOT_DONE : CLI_OK;
}
