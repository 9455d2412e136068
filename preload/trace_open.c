/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_open.h"

#include "name_store.h"
#include "settings.h"
#include "sys.h"
#include "trace_name.h"
#include "vmtrace/trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum {
    FIRST_PATH_SIZE = 512,         /* longer ones are not put on the tmpfs */
    MOST_ON_TMPFS = 512 * 1048576, /* bytes used there, by whomever: it is memory */
};

struct part {
    dev_t device;
    ino_t inode; /* 0: not made yet */
    int held;    /* descriptor, or -1 */
};

static char *trace_path; /* room for TRACE_NAME_SIZE bytes */
static struct part whole = {.held = -1}, first = {.held = -1};
static bool split; /* the first chunk is in `first`, and `whole` has the others */

const char *trace_open_path(void)
{
    return trace_path ? trace_path : "";
}

static struct part *part_of(uint64_t offset)
{
    return split && offset < VMT_CHUNK_SIZE ? &first : &whole;
}

/* Is `fd` open on the part?  0, or a negative errno. */
static int check_part(struct part *part, int fd)
{
    struct stat status;
    long result = sys_call(SYS_newfstatat, fd, (long)"", (long)&status, AT_EMPTY_PATH, 0, 0);
    if (result < 0)
        return (int)result;
    if (!part->inode) { /* any thread of several finds the same */
        part->device = status.st_dev;
        part->inode = status.st_ino;
    }
    return status.st_dev == part->device && status.st_ino == part->inode ? 0 : -ESTALE;
}

static bool is_too_full(int fd)
{
    struct statfs status;
    return sys_call(SYS_fstatfs, fd, (long)&status, 0, 0, 0, 0) != 0 ||
           (status.f_blocks - status.f_bfree) * (uint64_t)status.f_bsize > MOST_ON_TMPFS;
}

/* first_path might have no room for a trace of this pattern. */
static bool is_too_long(const char *pattern)
{
    size_t folder = (size_t)(strrchr(pattern, '/') + 1 - pattern);
    return folder + sizeof(VMT_CHECK_FIRST "/") + NAME_MAX > FIRST_PATH_SIZE;
}

int trace_open_create(bool on_tmpfs)
{
    if (!trace_path)
        trace_path = name_store_take(TRACE_NAME_SIZE);
    if (on_tmpfs && (!settings_is_of_check(settings.output) || is_too_long(settings.output)))
        return -ENOENT;
    split = on_tmpfs;
    whole.inode = first.inode = 0;
    int fd = trace_name_create(trace_path, on_tmpfs);
    if (fd < 0)
        return fd;
    int error = check_part(part_of(0), fd);
    if (!error && on_tmpfs && is_too_full(fd))
        error = -ENOSPC;
    if (error) {
        trace_open_remove();
        sys_close(fd);
        return error;
    }
    return fd;
}

/* Where the first chunk is. */
static const char *first_path(char path[FIRST_PATH_SIZE])
{
    strcpy(path, trace_path);
    trace_name_put_below(path, true);
    return path;
}

/* Not another process's, which has the same name in another pid namespace; nor another user's, who
 * would read what we write, or have a file of ours overwritten. */
static bool is_our_own(int fd)
{
    char start[VMT_MAGIC_SIZE];
    struct stat status;
    return sys_call(SYS_newfstatat, fd, (long)"", (long)&status, AT_EMPTY_PATH, 0, 0) == 0 &&
           S_ISREG(status.st_mode) && status.st_nlink == 1 &&
           (long)status.st_uid == sys_call(SYS_geteuid, 0, 0, 0, 0, 0, 0) &&
           !(sys_call(SYS_pread64, fd, (long)start, sizeof(start), 0, 0, 0) == sizeof(start) &&
             memcmp(start, VMT_MAGIC, sizeof(start)) == 0);
}

/* For the second chunk.  Where there is such a file already, another thread has just made it, or
 * somebody else. */
static int make_whole(void)
{
    int fd = sys_open(trace_path, O_RDWR | O_NOFOLLOW | O_CREAT | O_EXCL, 0600);
    if (fd != -EEXIST)
        return fd;
    fd = sys_open(trace_path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0 || is_our_own(fd))
        return fd;
    sys_close(fd);
    return -EEXIST;
}

int trace_open_at(uint64_t offset)
{
    char path[FIRST_PATH_SIZE];
    struct part *part = part_of(offset);
    int fd = split && part == &whole && !part->inode
                 ? make_whole()
                 : sys_open(part == &first ? first_path(path) : trace_path, O_RDWR | O_NOFOLLOW, 0);
    int error = fd < 0 ? fd : check_part(part, fd);
    if (error == 0)
        return fd;
    if (fd >= 0)
        sys_close(fd);
    int held = __atomic_load_n(&part->held, __ATOMIC_RELAXED);
    return held >= 0 && check_part(part, held) == 0 ? held : error;
}

void trace_open_done(int fd)
{
    if (fd != __atomic_load_n(&whole.held, __ATOMIC_RELAXED) &&
        fd != __atomic_load_n(&first.held, __ATOMIC_RELAXED))
        sys_close(fd);
}

bool trace_open_is_held(void)
{
    return __atomic_load_n(&whole.held, __ATOMIC_RELAXED) >= 0;
}

static void hold(struct part *part, uint64_t offset)
{
    static const int lowest[] = {1000, 200, 10};
    if (part->held >= 0)
        return;
    int fd = trace_open_at(offset);
    long kept = -1;
    for (size_t i = 0; fd >= 0 && kept < 0 && i < sizeof(lowest) / sizeof(lowest[0]); i++)
        kept = sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest[i], 0, 0, 0);
    if (fd >= 0)
        sys_close(fd);
    if (kept >= 0)
        __atomic_store_n(&part->held, (int)kept, __ATOMIC_RELAXED);
}

void trace_open_hold(void)
{
    if (split)
        hold(&first, 0);
    hold(&whole, VMT_CHUNK_SIZE);
}

static void let_go(struct part *part)
{
    if (part->held >= 0 && check_part(part, part->held) == 0)
        sys_close(part->held);
    *part = (struct part){.held = -1};
}

void trace_open_abandon(void)
{
    let_go(&first);
    let_go(&whole);
}

void trace_open_remove(void)
{
    char path[FIRST_PATH_SIZE];
    sys_call(SYS_unlinkat, AT_FDCWD, (long)(split ? first_path(path) : trace_path), 0, 0, 0, 0);
}
