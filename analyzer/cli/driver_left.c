/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that outlive the program: daemons, and what a test suite forgot to end. */
#include <errno.h>
#include <stdlib.h>
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

/* Signals are blocked, see driver_child_run.  One that wants an end gets it. */
static void wait_for_ends(void)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    int number = SIGCHLD;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    while (number == SIGCHLD && some_remain()) {
        int64_t left = until - now_ms();
        if (left <= 0)
            return;
        struct timespec wait = {left / 1000, left % 1000 * 1000000};
        number = sigtimedwait(&set, NULL, &wait);
        if (number < 0 && errno == EINTR)
            number = SIGCHLD;
    }
}

size_t driver_child_left(pid_t *running, size_t room)
{
    char path[64];
    size_t count = 0;
    int pid;
    wait_for_ends();
    if (room == 0 || !some_remain())
        return 0;
    /* CONFIG_PROC_CHILDREN; without it there is one of unknown pid. */
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
    FILE *file = fopen(path, "re");
    while (file && count < room && fscanf(file, "%d", &pid) == 1)
        running[count++] = pid;
    if (file)
        fclose(file);
    if (count == 0)
        running[count++] = 0;
    return count;
}
