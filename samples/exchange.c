/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks that one thread allocates and another frees: 64 threads in a ring, each
 * sends messages to the next one.  Addresses are reused at once, by other threads.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./exchange [MESSAGES]; vmtrace-report vmtrace.exchange.*.vmt
 * Look for: make_message() with 64 x 200 = 12,800 allocations, all of them freed, none
 *           reported as an error.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 64 };

struct message {
    struct message *next;
    char body[8];
};

/* What one thread has been sent and has not yet read. */
struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct message *newest;
};

static struct mailbox mailboxes[THREADS];
static int messages_each = 200;

static __attribute__((noinline)) struct message *make_message(unsigned seed)
{
    size_t extra = seed * 37 % 1000;
    struct message *message = malloc(sizeof(*message) + extra); /* freed by the neighbour */
    if (!message)
        abort();
    memset(message->body, (int)seed, sizeof(message->body));
    return message;
}

static __attribute__((noinline)) void drop_message(struct message *message)
{
    free(message);
}

static void send_message(struct mailbox *to, struct message *message)
{
    pthread_mutex_lock(&to->lock);
    message->next = to->newest;
    to->newest = message;
    pthread_cond_signal(&to->filled);
    pthread_mutex_unlock(&to->lock);
}

static struct message *take_message(struct mailbox *from)
{
    pthread_mutex_lock(&from->lock);
    while (!from->newest)
        pthread_cond_wait(&from->filled, &from->lock);
    struct message *message = from->newest;
    from->newest = message->next;
    pthread_mutex_unlock(&from->lock);
    return message;
}

static void *pass_messages(void *argument)
{
    struct mailbox *own = argument;
    const size_t self = (size_t)(own - mailboxes);
    struct mailbox *neighbour = &mailboxes[(self + 1) % THREADS];

    for (int i = 0; i < messages_each; i++) {
        send_message(neighbour, make_message((unsigned)self + (unsigned)i));
        if (i >= 4) /* some messages are always under way */
            drop_message(take_message(own));
    }
    for (int i = 0; i < 4 && i < messages_each; i++)
        drop_message(take_message(own));
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    if (argc > 1)
        messages_each = atoi(argv[1]);
    for (int i = 0; i < THREADS; i++) {
        pthread_mutex_init(&mailboxes[i].lock, NULL);
        pthread_cond_init(&mailboxes[i].filled, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, pass_messages, &mailboxes[i]))
            return 1;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    puts("every message arrived");
    return 0;
}
