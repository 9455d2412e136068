/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that outlive the program: daemons, and what a test suite forgot to end. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/driver_run.h"

/* A second for what has just been told to end, or ends by itself: under load it takes a while. */
enum { PATIENCE_MS = 1000 };

bool driver_child_adopt(void)
{
    siginfo_t info;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        return false; /* whoever exec'd this program had children */
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

/* Takes note of all that have ended.  False: there are no others. */
static bool some_remain(void)
{
    pid_t got;
    do {
        got = waitpid(-1, NULL, WNOHANG);
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* What it executed is not to be checked where only what is forked is: that has no part of ours in
 * its memory.  What may not be looked at counts. */
static bool is_traced(pid_t pid)
{
    char path[64], line[PATH_MAX + 128];
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    FILE *file = fopen(path, "re");
    bool found = file == NULL;
    while (!found && fgets(line, sizeof(line), file))
        found = strstr(line, "libvmtrace.so") != NULL;
    if (file)
        fclose(file);
    return found;
}

/* At most `room` of the children, 0 for one whose pid is not known: /proc has them where the kernel
 * was built with CONFIG_PROC_CHILDREN. */
static size_t list_children(pid_t *running, size_t room, bool traced)
{
    char path[64];
    size_t count = 0;
    int pid;
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
    FILE *file = fopen(path, "re");
    while (file && count < room && fscanf(file, "%d", &pid) == 1)
        if (!traced || is_traced(pid))
            running[count++] = pid;
    bool known = file && (count || traced);
    if (file)
        fclose(file);
    if (!known)
        running[count++] = 0;
    return count;
}

/* Signals are blocked, see driver_child_run.  One that wants an end gets it. */
static void wait_for_ends(bool traced)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    int number = SIGCHLD;
    sigset_t set;
    pid_t one;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    while (number == SIGCHLD && some_remain() && (!traced || list_children(&one, 1, true))) {
        int64_t left = until - now_ms();
        if (left <= 0)
            return;
        struct timespec wait = {left / 1000, left % 1000 * 1000000};
        number = sigtimedwait(&set, NULL, &wait);
        if (number < 0 && errno == EINTR)
            number = SIGCHLD;
    }
}

size_t driver_child_left(pid_t *running, size_t room, bool traced)
{
    wait_for_ends(traced);
    return room && some_remain() ? list_children(running, room, traced) : 0;
}
