/* SPDX-License-Identifier: Apache-2.0 */
#include "query/process_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROCESS_CLOCK_SET_NS INT64_C(60000000000) /* a minute */

static bool process_read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t length = fread(line, 1, size - 1, file);
    fclose(file);
    line[length] = '\0';
    return length > 0;
}

/* The first 16 hex digits of the boot id, as a number. */
static uint64_t process_boot_id(void)
{
    char line[64];
    uint64_t value = 0;
    unsigned digits = 0;
    if (!process_read_line("/proc/sys/kernel/random/boot_id", line, sizeof(line)))
        return 0;
    for (const char *at = line; *at && digits < 16; at++) {
        const char *hex = "0123456789abcdef";
        const char *digit = strchr(hex, *at);
        if (!digit)
            continue;
        value = value << 4 | (uint64_t)(digit - hex);
        digits++;
    }
    return value;
}

/* Field 22 of /proc/PID/stat (proc(5)): when the process began, in clock ticks since boot; here in
 * ns. UINT64_MAX: there is none.  The name in field 2 may hold anything, so fields are counted from
 * its last parenthesis. */
static uint64_t process_start_ns(uint32_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    if (!process_read_line(path, line, sizeof(line)))
        return UINT64_MAX;
    const char *at = strrchr(line, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    uint64_t ticks = at ? strtoull(at + 1, NULL, 10) : UINT64_MAX, second = 1000000000u;
    uint64_t tick_ns = second / (uint64_t)sysconf(_SC_CLK_TCK);
    return ticks < UINT64_MAX / tick_ns ? ticks * tick_ns : UINT64_MAX;
}

static int64_t process_clock_ns(clockid_t clock)
{
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Where the trace does not name its boot (the process was a few milliseconds old): did the machine
 * boot at the same time of day, within what a clock may have been set since? */
static bool process_same_boot_time(const struct vmt_file_header *header)
{
    int64_t then = (int64_t)(header->start_realtime_ns - header->start_boottime_ns);
    int64_t now = process_clock_ns(CLOCK_REALTIME) - process_clock_ns(CLOCK_BOOTTIME);
    int64_t apart = (int64_t)((uint64_t)now - (uint64_t)then);
    return apart < PROCESS_CLOCK_SET_NS && apart > -PROCESS_CLOCK_SET_NS;
}

/* While a process lives no other one has its pid: the one that has it now is the traced one if it
 * began before the trace did. */
bool process_state_running(const struct vmt_file_header *header)
{
    bool same_boot =
        header->boot_id ? header->boot_id == process_boot_id() : process_same_boot_time(header);
    return same_boot && process_start_ns(header->pid) <= header->start_boottime_ns;
}
