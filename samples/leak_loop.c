/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leak that grows: a list that is only ever appended to, as in a server that
 * forgets to drop finished requests.  Everything is still reachable, so only
 * the growth over time gives it away.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./leak_loop; vmtrace-report vmtrace.leak_loop.*.vmt
 * Look for: in the growth section live bytes that rise from sample to sample, and
 *           remember_request() with 1000 blocks, 1,000,000 bytes at the end.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct request {
    struct request *next;
    char body[1000 - sizeof(struct request *)];
};

struct request *all_requests;

static __attribute__((noinline)) void remember_request(int i)
{
    struct request *request = malloc(sizeof(*request)); /* grows here */
    if (!request)
        return;
    memset(request->body, i, sizeof(request->body));
    request->next = all_requests;
    all_requests = request;
}

int main(void)
{
    const struct timespec between = {.tv_nsec = 20 * 1000 * 1000};
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 100; i++)
            remember_request(i);
        nanosleep(&between, NULL);
    }
    return 0;
}
