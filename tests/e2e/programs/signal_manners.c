/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program sees of signal dispositions, and how it dies:
 *     signal_manners shown          prints what sigset() and siginterrupt() with signal() leave behind
 *     signal_manners raise|kill     SIGABRT that is sent, not abort()
 *     signal_manners small-stack    abort() with a tiny alternate stack and a SIGSEGV handler on it
 *     signal_manners no-exec        execve() without a path fails
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void handler(int number)
{
    (void)number;
    _exit(9);
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void shown(void)
{
    struct sigaction action;
    siginterrupt(SIGUSR1, 1);
    signal(SIGUSR1, handler);
    sigaction(SIGUSR1, NULL, &action);
    printf("restart %d, ", !!(action.sa_flags & SA_RESTART));
    printf("sigset %d %d, ", sigset(SIGSEGV, SIG_DFL) == SIG_DFL, sigset(SIGBUS, handler) == SIG_DFL);
    printf("signal %d", signal(SIGFPE, handler) == SIG_DFL);
    printf(" %d\n", signal(SIGFPE, SIG_DFL) == handler);
}

static void small_stack(void)
{
    enum { PAGE = 4096, SIZE = 4096 };
    char *pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE);
    stack_t stack = {.ss_sp = pages + PAGE, .ss_size = SIZE};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    abort();
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    char *nothing[] = {NULL};
    const char *volatile no_path = NULL;
    free(malloc(1));
    if (strcmp(how, "shown") == 0)
        shown();
    else if (strcmp(how, "raise") == 0)
        raise(SIGABRT);
    else if (strcmp(how, "kill") == 0)
        kill(getpid(), SIGABRT);
    else if (strcmp(how, "small-stack") == 0)
        small_stack();
    else if (strcmp(how, "no-exec") == 0)
        return execve(no_path, nothing, nothing) == -1 && errno == EFAULT ? 0 : 1;
    return 0;
}
