/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/driver_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <vmtrace/trace_format.h>

#include "cli/cli_common.h"
#include "reader/first_chunk.h"

#define TMPFS "/dev/shm"

static bool is_in_memory(const char *path)
{
    struct statfs status;
    return statfs(path, &status) == 0 &&
           (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

/* A test suite that begins as root may go on as somebody else. */
static bool open_to_others(const char *path)
{
    return geteuid() != 0 || chmod(path, 01733) == 0;
}

/* Without one, all is in the folder itself. */
static void make_first(struct driver_folder *folder, const char *above)
{
    char link[PATH_MAX + sizeof(VMT_CHECK_FIRST)];
    if (is_in_memory(above) || !is_in_memory(TMPFS))
        return;
    strcpy(folder->first, TMPFS "/" VMT_CHECK_FOLDER "XXXXXX");
    snprintf(link, sizeof(link), "%s/" VMT_CHECK_FIRST, folder->path);
    if (mkdtemp(folder->first)) {
        if (open_to_others(folder->first) && symlink(folder->first, link) == 0)
            return;
        rmdir(folder->first);
    }
    folder->first[0] = '\0';
}

void driver_folder_make(struct driver_folder *folder, const char *above, bool on_tmpfs)
{
    char *whole = realpath(above, NULL); /* the program may change its directory */
    folder->first[0] = '\0';
    if (!whole || strchr(whole, '%') ||
        snprintf(folder->path, PATH_MAX, "%s/" VMT_CHECK_FOLDER "XXXXXX", whole) >=
            PATH_MAX - NAME_MAX) {
        cli_error("%s cannot hold traces: %s", above,
                  whole ? "its path has a % in it or is too long" : strerror(errno));
        exit(CLI_NOT_DONE);
    }
    free(whole);
    if (!mkdtemp(folder->path)) {
        cli_error("cannot make a folder %s: %s", folder->path, strerror(errno));
        exit(CLI_NOT_DONE);
    }
    if (!open_to_others(folder->path))
        cli_error("only root can write traces to %s: %s", folder->path, strerror(errno));
    if (on_tmpfs)
        make_first(folder, above);
}

void driver_folder_close(const struct driver_folder *folder)
{
    chmod(folder->path, 0700);
    if (folder->first[0])
        chmod(folder->first, 0700);
}

/* Other users may have left other things there. */
static bool is_trace(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN);
}

static bool has_traces(const char *path)
{
    DIR *directory = *path ? opendir(path) : NULL;
    const struct dirent *entry;
    bool found = false;
    while (directory && !found && (entry = readdir(directory)))
        found = is_trace(entry);
    if (directory)
        closedir(directory);
    return found;
}

/* The program may have removed it. */
static bool exists(const struct driver_folder *folder)
{
    return access(folder->path, F_OK) == 0;
}

bool driver_folder_is_empty(const struct driver_folder *folder)
{
    return !exists(folder) || (!has_traces(folder->path) && !has_traces(folder->first));
}

/* The file that a first chunk goes to: the one that lacks it, or a new one of that name or a like
 * one.  A descriptor, or -1. */
static int open_target(const char *path)
{
    char start[VMT_MAGIC_SIZE], other[PATH_MAX];
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    struct stat status;
    ssize_t got = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1
                      ? pread(fd, start, sizeof(start), 0)
                      : -1; /* another user's doing */
    if (got >= 0 && first_chunk_is_missing(start, (size_t)got))
        return fd;
    close(fd);
    for (int i = 1; i < 100; i++) { /* another process's of the same name */
        if (snprintf(other, sizeof(other), "%.*s.%d.vmt", (int)(strlen(path) - 4), path, i) >=
            (int)sizeof(other))
            return -1;
        fd = open(other, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static bool move_first(const char *from, const char *to)
{
    static char bytes[VMT_CHUNK_SIZE];
    int source = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t size = source < 0 ? -1 : pread(source, bytes, sizeof(bytes), 0);
    int target = size < 0 ? -1 : open_target(to);
    bool moved = target >= 0 && pwrite(target, bytes, (size_t)size, 0) == size;
    int reason = errno;
    if (source >= 0)
        close(source);
    if (target >= 0 && close(target) != 0)
        moved = false;
    if (moved && unlink(from) == 0)
        return true;
    cli_error("%s cannot be moved to %s: %s", from, to, strerror(reason));
    return false;
}

/* Each trace that has its first chunk on the tmpfs, where nobody would look for it. */
static void settle_first(const struct driver_folder *folder)
{
    const bool keep = exists(folder);
    char from[sizeof(folder->first) + NAME_MAX + 1], to[2 * PATH_MAX];
    DIR *directory = opendir(folder->first);
    const struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        if (!is_trace(entry))
            continue;
        snprintf(from, sizeof(from), "%s/%s", folder->first, entry->d_name);
        snprintf(to, sizeof(to), "%s/%s", folder->path, entry->d_name);
        if (!keep)
            unlink(from);
        else if (!move_first(from, to))
            break; /* a full disk, say: the others stay, too */
    }
    if (directory)
        closedir(directory);
    snprintf(to, sizeof(to), "%s/" VMT_CHECK_FIRST, folder->path);
    if (rmdir(folder->first) == 0)
        unlink(to);
}

bool driver_folder_settle(const struct driver_folder *folder)
{
    if (folder->first[0])
        settle_first(folder);
    return rmdir(folder->path) != 0 && errno != ENOENT;
}
