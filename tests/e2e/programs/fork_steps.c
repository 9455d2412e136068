/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     fork_steps BEFORE plain|nested
 *
 * A signal handler forks at every few instructions of a malloc and a free that come after BEFORE
 * others, and each child goes on from there.  "nested": it interrupts the malloc and the free of a
 * handler, which has interrupted those of the program.  Another process picks the instructions
 * with ptrace.  Status 0 if all children ended well, 1 if not, 77 if ptrace is not allowed.
 */
#include <elf.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STEPS_PLAIN = 5,
    STEPS_OUTER = 131,
    STEPS_INNER = 17,
    MOST_PLAIN = 200,
    MOST_OUTER = 5,
    MOST_INNER = 60,
    PAIRS_OF_CHILD = 5,
};

enum stop { STOP_END, STOP_STEP, STOP_MARK };

static int last_status; /* of the process that is stepped, from waitpid */
static volatile int forks, failures, in_child;
static void *volatile kept;

static __attribute__((noinline)) void *parent_block(void)
{
    return malloc(10);
}

static void pair(void)
{
    kept = parent_block();
    free(kept);
}

static void mark(void)
{
    raise(SIGSTOP);
}

static void fork_here(int number)
{
    (void)number;
    pid_t child = fork();
    if (child == 0) {
        in_child = 1;
        return;
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        failures++;
    forks++;
    mark();
}

static void pair_between_marks(int number)
{
    (void)number;
    mark();
    pair();
    if (!in_child)
        mark();
}

static int be_stepped(int before)
{
    signal(SIGUSR1, fork_here);
    signal(SIGUSR2, pair_between_marks);
    for (int i = 0; i < before; i++)
        pair();
    pair_between_marks(0);
    for (int i = 0; i < PAIRS_OF_CHILD && in_child; i++)
        pair();
    return in_child || (forks && !failures) ? 0 : 1;
}

/* Until the next step or mark; `number` is a signal to send, or 0. */
static enum stop go_on(pid_t child, enum __ptrace_request how, long number)
{
    for (;;) {
        if (ptrace(how, child, NULL, (void *)number) != 0 ||
            waitpid(child, &last_status, 0) != child || !WIFSTOPPED(last_status))
            return STOP_END;
        number = WSTOPSIG(last_status);
        if (number == SIGSTOP)
            return STOP_MARK;
        if (number == SIGTRAP)
            return STOP_STEP;
    }
}

static uint64_t stack_pointer(pid_t child)
{
    struct user_regs_struct registers = {0};
    struct iovec all = {&registers, sizeof(registers)};
    ptrace(PTRACE_GETREGSET, child, (void *)(long)NT_PRSTATUS, &all);
#ifdef __x86_64__
    return registers.rsp;
#else
    return registers.sp;
#endif
}

/* From a mark to the next one.  `number` is sent after each `steps` instructions, `most` times;
 * its handler ends with a mark, too. */
static void step(pid_t child, int steps, int most, int number)
{
    for (int i = 1; most > 0; i++) {
        if (go_on(child, PTRACE_SINGLESTEP, 0) != STOP_STEP)
            return;
        if (i % steps)
            continue;
        uint64_t before = stack_pointer(child);
        if (go_on(child, PTRACE_CONT, number) != STOP_MARK)
            return;
        if (number == SIGUSR2)
            step(child, STEPS_INNER, MOST_INNER, SIGUSR1);
        while (stack_pointer(child) < before) { /* back from the handler */
            if (go_on(child, PTRACE_SINGLESTEP, 0) != STOP_STEP)
                return;
        }
        most--;
    }
    go_on(child, PTRACE_CONT, 0);
}

static int start_stepped(char **argv)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        return 77;
    execl(argv[0], argv[0], argv[1], NULL);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return be_stepped(atoi(argv[1]));
    if (argc != 3)
        return 2;
    pid_t child = fork();
    if (child == 0)
        _exit(start_stepped(argv));
    if (waitpid(child, &last_status, 0) != child)
        return 1;
    if (WIFSTOPPED(last_status)) {
        ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(long)PTRACE_O_EXITKILL);
        if (go_on(child, PTRACE_CONT, 0) == STOP_MARK && strcmp(argv[2], "nested") == 0)
            step(child, STEPS_OUTER, MOST_OUTER, SIGUSR2);
        else
            step(child, STEPS_PLAIN, MOST_PLAIN, SIGUSR1);
        while (WIFSTOPPED(last_status))
            go_on(child, PTRACE_CONT, 0);
    }
    return WIFEXITED(last_status) ? WEXITSTATUS(last_status) : 1;
}
