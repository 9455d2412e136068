/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal handler that allocates, thousands of times a second, wherever the
 * program happens to be, also within the allocator's wrappers:
 *     signal_storm count|jump
 * Needs an allocator that signals may interrupt (libbump_malloc.so, preloaded).
 * `count`: writes how often loop_block() and handler_block() were called.
 * `jump`: leaves the handler by siglongjmp; then, with the timer off, calls
 * final_block() 1000 times.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long in_loop, in_handler, jumps;
static sigjmp_buf back;
static volatile int jumping;

static __attribute__((noinline)) void *loop_block(size_t size)
{
    return malloc(size);
}

static __attribute__((noinline)) void *handler_block(size_t size)
{
    return malloc(size);
}

static __attribute__((noinline)) void *final_block(void)
{
    return malloc(64);
}

static void on_timer(int signal)
{
    (void)signal;
    for (int i = 0; i < 5; i++) {
        void *block = handler_block(40);
        in_handler++;
        if (i != 4)
            free(block);
    }
    if (jumping) {
        jumps++;
        siglongjmp(back, 1);
    }
}

static timer_t start_timer(void)
{
    struct sigaction action = {.sa_handler = on_timer};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    const struct itimerspec often = {.it_value.tv_nsec = 50000, .it_interval.tv_nsec = 50000};
    timer_t timer;

    sigaction(SIGUSR1, &action, NULL);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &often, NULL))
        exit(70);
    return timer;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    char line[200];

    jumping = argc > 1 && strcmp(argv[1], "jump") == 0;
    const double end = seconds() + 0.3;
    sigsetjmp(back, 1);
    static timer_t timer;
    static int started;
    if (!started) {
        started = 1;
        timer = start_timer();
    }
    while (seconds() < end) {
        for (int i = 0; i < 50; i++) {
            void *block = loop_block((size_t)(i + 1));
            in_loop++;
            free(block);
        }
    }
    timer_delete(timer);
    signal(SIGUSR1, SIG_IGN);
    for (int i = 0; i < 1000; i++)
        free(final_block());
    int length = snprintf(line, sizeof(line), "%lu %lu %lu\n", in_loop, in_handler, jumps);
    return write(1, line, (size_t)length) == length ? 0 : 71;
}
