/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that pass blocks to each other as fast as they can:
 *     exchange_soak MILLISECONDS THREADS SEED [LETTERS]
 * LETTERS: s signal handlers that allocate, too; f forks now and then; t threads end and others
 * begin all the time.  Writes for each of its sites a line "NAME ALLOCATIONS BYTES LIVE-BLOCKS
 * LIVE-BYTES FAILED" as it knows them itself.  Status 0, or 90 and up when a block was damaged.
 */
#include "exchange_soak.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PLACES = 512, QUEUE = 256, LIFE = 20000, MOST_THREADS = 64 };

static _Atomic(struct block *) places[PLACES];
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *queue[QUEUE];

static atomic_int running, started;
static atomic_bool stop;
static unsigned long seed;
static bool signals, forks, turnover;

/* A handler may not wait for what it has interrupted. */
static __thread bool in_handler __attribute__((tls_model("initial-exec")));
static __thread uint64_t main_random __attribute__((tls_model("initial-exec")));
static __thread uint64_t handler_random __attribute__((tls_model("initial-exec")));

static unsigned dice(unsigned limit)
{
    uint64_t *state = in_handler ? &handler_random : &main_random;
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*state >> 33) % limit;
}

/* Small ones mostly; now and then too large for a thread's cache, or mapped by themselves. */
static size_t some_size(void)
{
    unsigned kind = dice(100);
    if (kind < 80)
        return 16 + dice(200);
    return kind < 99 || dice(4) ? 1100 + dice(6000) : 140000 + dice(100000);
}

static struct block *make(void)
{
    unsigned site = dice(SITE_REALLOC);
    return soak_allocate(in_handler ? SITE_HANDLER : site, some_size());
}

static struct block *queue_swap(struct block *block)
{
    if (in_handler || pthread_mutex_trylock(&queue_lock))
        return block;
    unsigned place = dice(QUEUE);
    struct block *other = queue[place];
    queue[place] = block;
    pthread_mutex_unlock(&queue_lock);
    return other;
}

/* Gives it to whoever passes there next, for what lies there. */
static struct block *swap(struct block *block)
{
    /* A few places are busy, so that blocks change hands at once. */
    unsigned place = dice(4) ? dice(8) : dice(PLACES);
    return atomic_exchange(&places[place], block);
}

static void deal_with(struct block *block)
{
    if (!block)
        return;
    soak_check(block);
    switch (in_handler ? 0 : dice(6)) {
    case 0:
    case 1:
    case 2:
        soak_free(block);
        break;
    case 3:
        deal_with(swap(soak_reallocate(block, some_size())));
        break;
    case 4: /* it stays what it was; another thread frees it */
        soak_reallocate_in_vain(block);
        deal_with(swap(block));
        break;
    default:
        deal_with(queue_swap(block));
    }
}

/* For a while a thread mostly keeps to itself, then it shares all that it has. */
static bool is_sociable(unsigned turn)
{
    static const unsigned parts[] = {1, 5, 30, 100};
    static __thread unsigned part __attribute__((tls_model("initial-exec")));
    if (turn % 512 == 0)
        part = parts[dice(4)];
    return dice(100) < part;
}

static void one_turn(unsigned turn)
{
    if (is_sociable(turn))
        deal_with(swap(make()));
    else
        soak_free(make()); /* and perhaps somebody else gets the address */
}

static void on_signal(int number)
{
    (void)number;
    if (in_handler || !main_random)
        return;
    in_handler = true;
    deal_with(swap(make()));
    soak_free(make());
    in_handler = false;
}

/* The child has other threads' blocks, frees some, and makes some of its own. */
static void fork_once(void)
{
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 300; i++)
            deal_with(swap(make()));
        _exit(0);
    }
    int status = 0;
    if (child > 0 && (waitpid(child, &status, 0) != child || status != 0))
        _exit(90);
}

static void *work(void *number)
{
    main_random = seed * 7919 + (uint64_t)number * 104729 + 1;
    handler_random = main_random + 1;
    for (unsigned turn = 0; !atomic_load_explicit(&stop, memory_order_relaxed); turn++) {
        if (turnover && turn == LIFE / 2 + dice(LIFE))
            break;
        one_turn(turn);
        if (forks && dice(200000) == 0)
            fork_once();
    }
    main_random = 0; /* no handler goes on from here */
    __asm__ volatile("" ::: "memory");
    soak_thread_ends();
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static bool start_thread(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    atomic_fetch_add(&running, 1);
    unsigned long number = (unsigned long)atomic_fetch_add(&started, 1);
    bool good = pthread_create(&thread, &attributes, work, (void *)number) == 0;
    pthread_attr_destroy(&attributes);
    if (!good)
        atomic_fetch_sub(&running, 1);
    return good;
}

static timer_t start_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    const struct itimerspec often = {.it_value.tv_nsec = 60000, .it_interval.tv_nsec = 60000};
    timer_t timer;
    sigaction(SIGUSR1, &action, NULL);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &often, NULL))
        _exit(91);
    return timer;
}

static void block_signal(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(how, &set, NULL);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void run(double end, int threads)
{
    timer_t timer = NULL;
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; i < threads; i++)
        start_thread();
    block_signal(SIG_BLOCK); /* they go to the workers */
    if (signals)
        timer = start_signals();
    while (seconds() < end) {
        nanosleep(&moment, NULL);
        while (atomic_load(&running) < threads && start_thread())
            ;
    }
    atomic_store(&stop, true);
    while (atomic_load(&running))
        nanosleep(&moment, NULL);
    if (signals)
        timer_delete(timer);
}

/* Half of what is left stays. */
static void clear(void)
{
    for (unsigned i = 0; i < PLACES; i++) {
        if (i % 2)
            soak_free_any(atomic_exchange(&places[i], NULL));
        else
            soak_count_live(atomic_load(&places[i]));
    }
    for (unsigned i = 0; i < QUEUE; i++) {
        if (i % 2)
            soak_free_any(queue[i]);
        else
            soak_count_live(queue[i]);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4 || atoi(argv[2]) > MOST_THREADS)
        return 2;
    const char *letters = argc > 4 ? argv[4] : "";
    seed = strtoul(argv[3], NULL, 10);
    signals = strchr(letters, 's') != NULL;
    forks = strchr(letters, 'f') != NULL;
    turnover = strchr(letters, 't') != NULL;
    run(seconds() + atoi(argv[1]) / 1000.0, atoi(argv[2]));
    clear();
    soak_write_counts();
    return 0;
}
