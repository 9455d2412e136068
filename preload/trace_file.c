/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_file.h"

#include "clock.h"
#include "faultcount.h"
#include "settings.h"
#include "sys.h"
#include "text.h"
#include "trace_name.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

struct vmt_file_header *trace_header;
uint32_t trace_pid;

static char trace_path[TRACE_NAME_SIZE];
static dev_t trace_device;
static ino_t trace_inode;
static uint64_t next_offset; /* end of the space given out */
static struct trace_region
    first_region; /* mapped together with the header; base NULL once it is taken */

enum { SMALL_TRACE = 8192 }; /* bytes: what the smallest traces are long */

const char *trace_file_path(void)
{
    return trace_path;
}

uint64_t trace_file_bytes(void)
{
    return __atomic_load_n(&next_offset, __ATOMIC_RELAXED);
}

/* A write beyond RLIMIT_FSIZE would raise SIGXFSZ in the program. */
static bool within_limit(uint64_t end)
{
    struct rlimit limit;
    return sys_call(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit, 0, 0) != 0 ||
           end <= limit.rlim_cur;
}

/* fallocate, or writing zeros where the file system has none. */
static int reserve(int fd, uint64_t offset, size_t size)
{
    if (!within_limit(offset + size))
        return EFBIG;
    long result;
    do { /* tmpfs gives up when a signal comes in between */
        result = sys_call(SYS_fallocate, fd, 0, (long)offset, (long)size, 0, 0);
    } while (result == -EINTR);
    if (result != -EOPNOTSUPP)
        return result < 0 ? (int)-result : 0;
    static const char zeros[4096];
    for (size_t done = 0; done < size;) {
        size_t part = size - done < sizeof(zeros) ? size - done : sizeof(zeros);
        long written =
            sys_call(SYS_pwrite64, fd, (long)zeros, (long)part, (long)(offset + done), 0, 0);
        if (written == -EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? (int)-written : ENOSPC;
        done += (size_t)written;
    }
    return 0;
}

/* The first `at_once` bytes are mapped in one call instead of a fault a page (2 microseconds each).
 */
static void *map_file(int fd, uint64_t offset, size_t size, size_t at_once)
{
    long result =
        sys_call(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (long)offset);
    if (result < 0 && result > -4096)
        return NULL;
    sys_call(SYS_madvise, result, (long)at_once, MADV_POPULATE_WRITE, 0, 0, 0);
    return (void *)result;
}

/* Field 22 of /proc/self/stat, counted from behind the last ')'. */
static uint64_t process_start_time(void)
{
    char line[1024];
    if (sys_read_file("/proc/self/stat", line, sizeof(line)) <= 0)
        return 0;
    const char *at = strrchr(line, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? text_number(at + 1) : 0;
}

/* The first 8 bytes of the boot id, as its hex digits stand. */
static uint64_t boot_id(void)
{
    char line[64];
    uint64_t value = 0;
    if (sys_read_file("/proc/sys/kernel/random/boot_id", line, sizeof(line)) <= 0)
        return 0;
    int digits = 0;
    for (const char *at = line; *at && digits < 16; at++) {
        int digit = *at >= '0' && *at <= '9'   ? *at - '0'
                    : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10
                                               : -1;
        if (digit < 0)
            continue;
        value = value << 4 | (uint64_t)digit;
        digits++;
    }
    return value;
}

static void fill_header(struct vmt_file_header *header, uint64_t parent_trace_id)
{
    memcpy(header->magic, VMT_MAGIC, VMT_MAGIC_SIZE);
    header->version = VMT_VERSION;
    header->header_size = VMT_HEADER_SIZE;
    header->chunk_size = VMT_CHUNK_SIZE;
    header->page_size = (uint32_t)getpagesize();
#if defined(__x86_64__)
    header->machine = EM_X86_64;
#else
    header->machine = EM_AARCH64;
#endif
    header->clock = clock_kind;
    header->pid = trace_pid;
    header->ppid = (uint32_t)sys_call(SYS_getppid, 0, 0, 0, 0, 0, 0);
    header->trace_id = sys_random();
    header->parent_trace_id = parent_trace_id;
    header->start_realtime_ns = sys_time_ns(CLOCK_REALTIME);
    header->start_monotonic_ns = sys_time_ns(CLOCK_MONOTONIC);
    header->start_ticks = clock_now();
    header->pid_start_time = process_start_time();
    header->boot_id = boot_id();
    header->flags =
        (parent_trace_id ? VMT_FLAG_FORKED : 0) | (faultcount_kernel ? VMT_FLAG_KERNEL_FAULTS : 0);
    header->fault_source = faultcount_source;
}

/* One write, so that a process killed at this moment leaves an empty file or a whole header. */
static int write_header(int fd, uint64_t parent_trace_id)
{
    static union {
        struct vmt_file_header header;
        char bytes[VMT_HEADER_SIZE];
    } page; /* not on the stack: a child may notice the fork on a small one */
    memset(&page, 0, sizeof(page));
    fill_header(&page.header, parent_trace_id);
    if (!within_limit(sizeof(page)))
        return EFBIG;
    long done = sys_write(fd, &page, sizeof(page));
    return done == (long)sizeof(page) ? 0 : done < 0 ? (int)-done : ENOSPC;
}

/* Maps the header, and the first chunk if there is space for it. */
static bool map_start(int fd)
{
    bool whole = !reserve(fd, VMT_HEADER_SIZE, VMT_CHUNK_SIZE);
    size_t size = VMT_HEADER_SIZE + (whole ? VMT_CHUNK_SIZE : 0);
    uint8_t *memory = map_file(fd, 0, size, size < SMALL_TRACE ? size : SMALL_TRACE);
    if (!memory)
        return false;
    trace_header = (struct vmt_file_header *)memory;
    next_offset = VMT_HEADER_SIZE;
    first_region = (struct trace_region){0};
    if (whole) {
        first_region =
            (struct trace_region){memory + VMT_HEADER_SIZE, VMT_HEADER_SIZE, VMT_CHUNK_SIZE, 0};
        sys_leave_out_of_fork(first_region.base, VMT_CHUNK_SIZE, true);
        next_offset += VMT_CHUNK_SIZE;
    }
    return true;
}

bool trace_file_create(uint64_t parent_trace_id)
{
    trace_pid = sys_pid();
    int fd = trace_name_create(trace_path);
    if (fd < 0) {
        settings_complain("cannot create the trace %s: %s; the program runs untraced", trace_path,
                          text_errno(-fd));
        return false;
    }
    struct stat status;
    int error = write_header(fd, parent_trace_id);
    long result = sys_call(SYS_newfstatat, fd, (long)"", (long)&status, AT_EMPTY_PATH, 0, 0);
    bool mapped = !error && result == 0 && map_start(fd);
    sys_close(fd);
    if (!mapped) {
        settings_complain("cannot reserve space for the trace %s: %s; the program runs untraced",
                          trace_path, text_errno(error ? error : ENOMEM));
        sys_call(SYS_unlinkat, AT_FDCWD, (long)trace_path, 0, 0, 0, 0);
        return false;
    }
    trace_device = status.st_dev;
    trace_inode = status.st_ino;
    return true;
}

static int held_fd = -1;

/* Is `fd` open on our file?  0, or a negative errno. */
static int check_file(int fd)
{
    struct stat status;
    long result = sys_call(SYS_newfstatat, fd, (long)"", (long)&status, AT_EMPTY_PATH, 0, 0);
    if (result < 0)
        return (int)result;
    return status.st_dev == trace_device && status.st_ino == trace_inode ? 0 : -ESTALE;
}

/* The file again, if the path still leads to it or a descriptor was kept; negative errno otherwise.
 */
static int reopen(void)
{
    int fd = sys_open(trace_path, O_RDWR | O_NOFOLLOW, 0);
    int error = fd < 0 ? fd : check_file(fd);
    if (error == 0)
        return fd;
    if (fd >= 0)
        sys_close(fd);
    int held = __atomic_load_n(&held_fd, __ATOMIC_RELAXED);
    return held >= 0 && check_file(held) == 0 ? held : error;
}

static void close_again(int fd)
{
    if (fd != __atomic_load_n(&held_fd, __ATOMIC_RELAXED))
        sys_close(fd);
}

void trace_file_hold(void)
{
    static const int lowest[] = {1000, 200, 10};
    if (!trace_header || sys_pid() != trace_pid || held_fd >= 0)
        return;
    int fd = reopen();
    long kept = -1;
    for (size_t i = 0; fd >= 0 && kept < 0 && i < sizeof(lowest) / sizeof(lowest[0]); i++)
        kept = sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest[i], 0, 0, 0);
    if (fd >= 0)
        sys_close(fd);
    if (kept >= 0)
        __atomic_store_n(&held_fd, (int)kept, __ATOMIC_RELAXED);
}

/* Advances next_offset by `size` unless that would pass the cap.  UINT64_MAX: it would. */
static uint64_t take_offset(size_t size)
{
    uint64_t offset = __atomic_load_n(&next_offset, __ATOMIC_RELAXED);
    do {
        if (offset + size > settings.max_size)
            return UINT64_MAX;
    } while (!__atomic_compare_exchange_n(&next_offset, &offset, offset + size, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return offset;
}

/* Returns space that nobody used, if nobody took more behind it. */
static void untake_offset(uint64_t offset, size_t size)
{
    uint64_t end = offset + size;
    __atomic_compare_exchange_n(&next_offset, &end, offset, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
}

enum vmt_lost trace_file_region(struct trace_region *region, size_t chunks, int *error)
{
    *error = 0;
    if (first_region.base) { /* during set-up, in one thread */
        *region = first_region;
        first_region.base = NULL;
        return 0;
    }
    size_t size = chunks * VMT_CHUNK_SIZE;
    uint64_t offset = take_offset(size);
    if (offset == UINT64_MAX && chunks > 1) {
        size = VMT_CHUNK_SIZE;
        offset = take_offset(size);
    }
    if (offset == UINT64_MAX)
        return VMT_LOST_MAX_SIZE;
    int fd = reopen();
    if (fd < 0) {
        untake_offset(offset, size);
        *error = -fd;
        return VMT_LOST_FILE;
    }
    *error = reserve(fd, offset, size);
    void *memory = *error ? NULL : map_file(fd, offset, size, size);
    close_again(fd);
    if (!memory) {
        untake_offset(offset, size);
        if (*error)
            return VMT_LOST_SPACE;
        *error = ENOMEM;
        return VMT_LOST_MEMORY;
    }
    sys_leave_out_of_fork(memory, size, true);
    *region = (struct trace_region){memory, offset, size, 0};
    return 0;
}

void trace_file_trim(struct trace_region *region, size_t keep, bool alone)
{
    keep = (keep + VMT_HEADER_SIZE - 1) & ~(size_t)(VMT_HEADER_SIZE - 1);
    if (!region->base || keep >= region->size)
        return;
    int fd = reopen();
    if (fd < 0)
        return;
    uint64_t end = region->offset + region->size;
    /* Chunks start at multiples of the chunk size: the next region begins where this one would
     * have ended, so the offset stays as it is. */
    if (alone && __atomic_load_n(&next_offset, __ATOMIC_RELAXED) == end)
        sys_call(SYS_ftruncate, fd, (long)(region->offset + keep), 0, 0, 0, 0);
    else
        sys_call(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                 (long)(region->offset + keep), (long)(region->size - keep), 0, 0);
    close_again(fd);
}

void trace_file_abandon(void)
{
    if (held_fd >= 0 && check_file(held_fd) == 0)
        sys_close(held_fd);
    held_fd = -1;
    sys_unmap(trace_header, VMT_HEADER_SIZE);
    trace_header = NULL;
}
