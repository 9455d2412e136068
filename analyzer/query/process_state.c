/* SPDX-License-Identifier: Apache-2.0 */
#include "query/process_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Field 22 of /proc/PID/stat (proc(5)): start time in clock ticks since boot.  The name in field 2
 * may hold anything, so fields are counted from its last parenthesis. */
static uint64_t process_start_time(uint32_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    if (!process_read_line(path, line, sizeof(line)))
        return 0;
    const char *at = strrchr(line, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

bool process_state_running(const struct vmt_file_header *header)
{
    return header->boot_id != 0 && header->pid_start_time != 0 &&
           header->boot_id == process_boot_id() &&
           header->pid_start_time == process_start_time(header->pid);
}
