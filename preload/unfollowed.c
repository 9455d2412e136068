/* SPDX-License-Identifier: Apache-2.0 */
#include "unfollowed.h"

#include "record.h"
#include "sys.h"
#include "text.h"
#include "thread_state.h"

enum { PATH_KEPT = 256 }; /* bytes; of longer ones the end is missing */

/* Of the first such child; more of them before one trace has begun are not worth the memory. */
static struct {
    uint32_t pid; /* 0: none */
    enum vmt_unfollowed why;
    char path[PATH_KEPT];
} waiting;

void unfollowed_in_child(void)
{
    if (waiting.pid)
        waiting.pid = 0;
}

/* A child of vfork, in the memory of a forked child that has no trace yet? */
static bool must_wait(uint32_t pid)
{
    uint32_t child = thread_state_child();
    return child && child != pid;
}

void unfollowed_expect(enum vmt_unfollowed why, const char *path)
{
    uint32_t pid = sys_pid();
    struct text text;
    if (!must_wait(pid)) {
        record_unfollowed(pid, why, path);
        return;
    }
    if (waiting.pid && waiting.pid != pid)
        return;
    text_init(&text, waiting.path, sizeof(waiting.path));
    text_add(&text, path);
    waiting.why = why;
    waiting.pid = pid;
}

void unfollowed_take_back(void)
{
    uint32_t pid = sys_pid();
    if (!must_wait(pid))
        record_unfollowed(pid, VMT_FOLLOWED, "");
    else if (waiting.pid == pid)
        waiting.pid = 0;
}

bool unfollowed_waits(void)
{
    return waiting.pid && sys_pid() == thread_state_child();
}

void unfollowed_write(void)
{
    if (!waiting.pid)
        return;
    record_unfollowed(waiting.pid, waiting.why, waiting.path);
    waiting.pid = 0;
}
