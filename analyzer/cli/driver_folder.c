/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/driver_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <vmtrace/trace_format.h>

#include "cli/cli_common.h"
#include "reader/first_chunk.h"

#define TMPFS "/dev/shm"

enum {
    LINK_SIZE = PATH_MAX + sizeof(VMT_CHECK_FIRST),
    LEFT_AFTER_S = 3600, /* an unlocked one that is younger may be in the making */
};

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

static void name_link(const struct driver_folder *folder, char link[LINK_SIZE])
{
    snprintf(link, LINK_SIZE, "%s/" VMT_CHECK_FIRST, folder->path);
}

/* Open and locked, or -1. */
static int lock_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    close(fd);
    return -1;
}

static void remove_files(int fd)
{
    DIR *directory = fdopendir(dup(fd));
    const struct dirent *entry;
    while (directory && (entry = readdir(directory)))
        unlinkat(fd, entry->d_name, 0);
    if (directory)
        closedir(directory);
}

/* What a check of the same user left behind that was killed: it is memory. */
static void sweep(void)
{
    DIR *directory = opendir(TMPFS);
    const struct dirent *entry;
    struct stat status;
    while (directory && (entry = readdir(directory))) {
        char path[sizeof(TMPFS) + NAME_MAX + 1];
        snprintf(path, sizeof(path), TMPFS "/%s", entry->d_name);
        if (strncmp(entry->d_name, VMT_CHECK_FOLDER, strlen(VMT_CHECK_FOLDER)) != 0 ||
            lstat(path, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() ||
            time(NULL) - status.st_mtime < LEFT_AFTER_S)
            continue;
        int fd = lock_folder(path);
        if (fd < 0)
            continue; /* in use */
        remove_files(fd);
        rmdir(path);
        close(fd);
    }
    if (directory)
        closedir(directory);
}

/* Without one, all is in the folder itself. */
static void make_first(struct driver_folder *folder, const char *above)
{
    char link[LINK_SIZE];
    if (is_in_memory(above) || !is_in_memory(TMPFS))
        return;
    sweep();
    strcpy(folder->first, TMPFS "/" VMT_CHECK_FOLDER "XXXXXX");
    name_link(folder, link);
    if (mkdtemp(folder->first)) {
        folder->lock = lock_folder(folder->first);
        if (folder->lock >= 0 && open_to_others(folder->first) && symlink(folder->first, link) == 0)
            return;
        rmdir(folder->first);
        if (folder->lock >= 0)
            close(folder->lock);
    }
    folder->first[0] = '\0';
}

/* Whom root lets write there could make the link, to where root's traces are to go. */
static void occupy_link(const struct driver_folder *folder)
{
    char link[LINK_SIZE];
    name_link(folder, link);
    if (geteuid() == 0)
        mknod(link, S_IFREG, 0);
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
    if (on_tmpfs)
        make_first(folder, above);
    if (!folder->first[0])
        occupy_link(folder);
    if (!open_to_others(folder->path))
        cli_error("only root can write traces to %s: %s", folder->path, strerror(errno));
}

void driver_folder_close(const struct driver_folder *folder)
{
    chmod(folder->path, 0700);
    if (folder->first[0])
        chmod(folder->first, 0700);
}

/* A trace's name may begin with a point, too. */
static bool is_our_own(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, VMT_CHECK_FIRST) == 0;
}

/* Other users may have left other things there. */
static bool is_trace(const struct dirent *entry)
{
    return !is_our_own(entry->d_name) && (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN);
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

/* Not what another user put there to be written to.  Its owner is that of the first chunk, or of
 * the folder where the file system gives root's files to somebody else (NFS). */
static bool is_its_own(const struct stat *status, const struct stat *first, const char *folder)
{
    struct stat above;
    return S_ISREG(status->st_mode) && status->st_nlink == 1 &&
           (status->st_uid == first->st_uid ||
            (stat(folder, &above) == 0 && status->st_uid == above.st_uid));
}

/* The file that a first chunk goes to: the one that lacks it, or a new one of that name or a like
 * one.  A descriptor, or -1. */
static int open_target(const char *path, const struct stat *first, const char *folder)
{
    char start[VMT_MAGIC_SIZE], other[PATH_MAX];
    struct stat status;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd >= 0 && fstat(fd, &status) == 0 && is_its_own(&status, first, folder)) {
        ssize_t got = pread(fd, start, sizeof(start), 0);
        if (got >= 0 && first_chunk_is_missing(start, (size_t)got))
            return fd;
    }
    if (fd >= 0)
        close(fd);
    for (int i = 1; i < 100; i++) { /* that was another process's, or user's */
        if (snprintf(other, sizeof(other), "%.*s.%d.vmt", (int)(strlen(path) - 4), path, i) >=
            (int)sizeof(other))
            return -1;
        fd = open(other, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static bool move_first(const char *from, const char *to, const char *folder)
{
    static char bytes[VMT_CHUNK_SIZE];
    struct stat first;
    int source = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t size =
        source < 0 || fstat(source, &first) < 0 ? -1 : pread(source, bytes, sizeof(bytes), 0);
    int target = size < 0 ? -1 : open_target(to, &first, folder);
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
        snprintf(from, sizeof(from), "%s/%s", folder->first, entry->d_name);
        snprintf(to, sizeof(to), "%s/%s", folder->path, entry->d_name);
        if (!keep || !is_trace(entry))
            remove(from); /* "." and ".." withstand that */
        else if (!move_first(from, to, folder->path))
            break; /* a full disk, say: the others stay, too */
    }
    if (directory)
        closedir(directory);
}

bool driver_folder_settle(const struct driver_folder *folder)
{
    char link[LINK_SIZE];
    if (folder->first[0])
        settle_first(folder);
    name_link(folder, link);
    if (!folder->first[0] || rmdir(folder->first) == 0)
        unlink(link);
    if (folder->first[0])
        close(folder->lock);
    return rmdir(folder->path) != 0 && errno != ENOENT;
}
