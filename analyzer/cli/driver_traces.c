/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which traces a run left behind.  The name pattern says where to look; whose a
 * file is, and since when, its header says: names alone may be of an earlier
 * process with the same pid, or of another directory's program.
 */
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmtrace/trace_format.h>

#include "cli/driver_run.h"

struct candidate {
    char *path;
    uint64_t bytes, start_ns;
    uint32_t pid, ppid;
    bool ours;
};

struct candidates {
    struct candidate *list;
    size_t count, room;
};

/* A pattern of the recorder as one of fnmatch: its % fields become '*'. */
static bool to_glob(const char *pattern, char *glob, size_t size)
{
    size_t used = 0;
    for (const char *at = pattern; *at; at++) {
        if (used + 3 >= size)
            return false;
        if (*at == '%' && at[1] && *++at != '%') {
            glob[used++] = '*';
        } else {
            if (strchr("*?[\\", *at))
                glob[used++] = '\\';
            glob[used++] = *at;
        }
    }
    glob[used] = '\0';
    return true;
}

/* The recorder adds ".1", ".2", ... when a name is taken. */
static bool name_matches(const char *glob, const char *name)
{
    char stem[NAME_MAX + 1];
    if (fnmatch(glob, name, FNM_PERIOD) == 0)
        return true;
    const char *dot = strrchr(name, '.');
    if (dot == NULL || dot[1] == '\0' || strspn(dot + 1, "0123456789") != strlen(dot + 1))
        return false;
    memcpy(stem, name, (size_t)(dot - name));
    stem[dot - name] = '\0';
    return fnmatch(glob, stem, FNM_PERIOD) == 0;
}

static void consider(struct candidates *found, const char *path, uint64_t since_ns)
{
    struct vmt_file_header header;
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    bool good = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
                memcmp(header.magic, VMT_MAGIC, VMT_MAGIC_SIZE) == 0 &&
                header.start_realtime_ns >= since_ns;
    close(fd);
    if (!good)
        return;
    if (found->count == found->room) {
        size_t room = found->room ? found->room * 2 : 16;
        struct candidate *list = realloc(found->list, room * sizeof(*list));
        if (list == NULL)
            return;
        found->list = list;
        found->room = room;
    }
    found->list[found->count] = (struct candidate){
        strdup(path), (uint64_t)status.st_size, header.start_realtime_ns, header.pid, header.ppid,
        false};
    if (found->list[found->count].path)
        found->count++;
}

static void search(struct candidates *found, const char *pattern, uint64_t since_ns)
{
    char directory[PATH_MAX], glob[3 * NAME_MAX], path[PATH_MAX];
    const char *slash = strrchr(pattern, '/');
    size_t length = slash ? (size_t)(slash - pattern) + 1 : 0;
    if (length >= sizeof(directory) || !to_glob(pattern + length, glob, sizeof(glob)))
        return;
    memcpy(directory, pattern, length);
    directory[length] = '\0';
    DIR *listing = opendir(length ? directory : ".");
    if (listing == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        if (name_matches(glob, entry->d_name) &&
            snprintf(path, sizeof(path), "%s%s", directory, entry->d_name) < (int)sizeof(path))
            consider(found, path, since_ns);
    closedir(listing);
}

static int by_start(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    return (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

/* The process and its descendants.  Parents start before their children, so one pass in the
 * order of start times finds all; `known` is a bit for each pid. */
static void mark_family(struct candidates *found, uint32_t pid)
{
    const uint32_t pids = 1u << 22; /* PID_MAX_LIMIT of 64-bit kernels */
    unsigned char *known = calloc(1, pids / 8);
    if (known == NULL || pid >= pids) {
        free(known);
        return;
    }
    known[pid / 8] = (unsigned char)(1u << pid % 8);
    if (found->count > 0)
        qsort(found->list, found->count, sizeof(*found->list), by_start);
    for (size_t i = 0; i < found->count; i++) {
        struct candidate *one = &found->list[i];
        if (one->pid >= pids || one->ppid >= pids)
            continue;
        one->ours = one->pid == pid || (known[one->ppid / 8] >> one->ppid % 8 & 1);
        if (one->ours)
            known[one->pid / 8] |= (unsigned char)(1u << one->pid % 8);
    }
    free(known);
}

void driver_traces_find(struct driver_traces *traces, const char *pattern, pid_t pid,
                        uint64_t since_ns)
{
    struct candidates found = {0};
    const struct candidate *newest = NULL;
    *traces = (struct driver_traces){0};
    search(&found, pattern, since_ns);
    mark_family(&found, (uint32_t)pid);
    for (size_t i = 0; i < found.count; i++) {
        const struct candidate *one = &found.list[i];
        traces->others += one->ours;
        if (one->pid == (uint32_t)pid && (newest == NULL || one->start_ns > newest->start_ns))
            newest = one;
    }
    if (newest) {
        snprintf(traces->main, sizeof(traces->main), "%s", newest->path);
        traces->main_bytes = newest->bytes;
        traces->others--;
    }
    for (size_t i = 0; i < found.count; i++)
        free(found.list[i].path);
    free(found.list);
}
