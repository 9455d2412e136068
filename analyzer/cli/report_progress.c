/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "render/utf8.h"

enum { PATIENCE_NS = 500000000, REDRAW_NS = 100000000 };

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static bool is_to_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

void report_progress_begin(struct report_progress *progress, const char *file)
{
    static int to_terminal = -1; /* asked once: there may be thousands of files */
    if (to_terminal < 0)
        to_terminal = is_to_terminal();
    *progress =
        (struct report_progress){.file = file, .began_ns = now_ns(), .enabled = to_terminal};
}

void report_progress_step(void *context, const char *what, unsigned per_mille)
{
    struct report_progress *progress = context;
    if (!progress->enabled)
        return;
    uint64_t now = now_ns();
    if (now - progress->began_ns < PATIENCE_NS || now - progress->drawn_ns < REDRAW_NS)
        return;
    progress->drawn_ns = now;
    progress->visible = true;
    fprintf(stderr, "\r\033[K%s: ", what);
    utf8_write_escaped(stderr, progress->file, 50, false);
    fprintf(stderr, " %u %%", per_mille / 10);
    fflush(stderr);
}

void report_progress_erase(struct report_progress *progress)
{
    if (!progress->visible)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->visible = false;
}
