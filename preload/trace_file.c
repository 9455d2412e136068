/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_file.h"

#include "clock.h"
#include "faultcount.h"
#include "settings.h"
#include "sys.h"
#include "text.h"
#include "trace_name.h"
#include "trace_open.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

struct vmt_file_header *trace_header;
uint32_t trace_pid;

static char parent_path[TRACE_NAME_SIZE] SYS_TABLE;
static struct vmt_file_header *parent_header; /* in a forked child, until it has its own */
static size_t parent_mapped;                  /* bytes at parent_header */
static struct trace_region
    first_region;            /* mapped together with the header; base NULL once it is taken */
static size_t header_mapped; /* bytes at trace_header */

enum {
    /* The parts of the first chunk that have space when the process begins and when that is used
     * up. Most short-lived processes need no more, and nothing must be given back at the end. */
    FIRST_PIECE = 4096,
    SECOND_PIECE = 16384,
    WRITE_PARTS = 16, /* of FIRST_PIECE bytes, in one system call */
};

static const char zeros[FIRST_PIECE];

const char *trace_file_parent_path(void)
{
    return parent_path;
}

/* End of the space given out: behind the file's header, so that a forked copy of the process which
 * writes into this file, too (scan.h), takes no space that is taken. */
static uint64_t *next_offset(void)
{
    return &trace_header->space_end;
}

uint64_t trace_file_bytes(void)
{
    return __atomic_load_n(next_offset(), __ATOMIC_RELAXED);
}

/* A write beyond RLIMIT_FSIZE would raise SIGXFSZ in the program. */
static bool within_limit(uint64_t end)
{
    struct rlimit limit;
    return sys_call(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit, 0, 0) != 0 ||
           end <= limit.rlim_cur;
}

/* Gives the bytes from `offset` on space by writing zeros: 0, or an errno.  On ext4 a page that was
 * written and then stored to costs 1.3 to 2 microseconds, one that fallocate reserved 3.5 to 9; on
 * tmpfs there is no difference. */
static int reserve(int fd, uint64_t offset, size_t size)
{
    if (!within_limit(offset + size))
        return EFBIG;
    for (size_t done = 0; done < size;) {
        struct iovec parts[WRITE_PARTS];
        int count = 0;
        for (size_t at = done; at < size && count < WRITE_PARTS; at += parts[count++].iov_len) {
            size_t left = size - at;
            parts[count] =
                (struct iovec){(void *)zeros, left < sizeof(zeros) ? left : sizeof(zeros)};
        }
        long written = sys_call(SYS_pwritev, fd, (long)parts, count, (long)(offset + done), 0, 0);
        if (written == -EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? (int)-written : ENOSPC;
        done += (size_t)written;
    }
    return 0;
}

static void *map_file(int fd, uint64_t offset, size_t size)
{
    long result =
        sys_call(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (long)offset);
    return result < 0 && result > -4096 ? NULL : (void *)result;
}

static uint32_t flags_now(uint64_t parent_trace_id)
{
    return (parent_trace_id ? VMT_FLAG_FORKED : 0) |
           (faultcount_kernel ? VMT_FLAG_KERNEL_FAULTS : 0) |
           (faultcount_exact ? VMT_FLAG_EXACT_FAULTS : 0);
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
    header->start_boottime_ns = sys_time_ns(CLOCK_BOOTTIME);
    header->flags = flags_now(parent_trace_id);
    header->fault_source = faultcount_source;
    header->sample_interval = settings.sample;
}

/* Writes the header and zeros for the rest of the first piece; a process that is killed meanwhile
 * leaves an empty file or a whole header.  *first_piece: there was space for all of it. */
static int write_start(int fd, uint64_t parent_trace_id, bool *first_piece)
{
    struct vmt_file_header header;
    memset(&header, 0, sizeof(header));
    fill_header(&header, parent_trace_id);
    size_t size = FIRST_PIECE;
    if (!within_limit(size) && !within_limit(size = VMT_HEADER_SIZE))
        return EFBIG;
    struct iovec parts[] = {{&header, sizeof(header)}, {(void *)zeros, size - sizeof(header)}};
    long done = sys_call(SYS_writev, fd, (long)parts, 2, 0, 0, 0);
    *first_piece = done == FIRST_PIECE;
    return done >= VMT_HEADER_SIZE ? 0 : done < 0 ? (int)-done : ENOSPC;
}

/* Maps the first chunk.  Without space for its first piece only the header may be touched. */
static bool map_start(int fd, bool first_piece)
{
    uint8_t *memory = map_file(fd, 0, VMT_CHUNK_SIZE);
    if (!memory)
        return false;
    trace_header = (struct vmt_file_header *)memory;
    header_mapped = VMT_CHUNK_SIZE;
    *next_offset() = VMT_CHUNK_SIZE;
    first_region = (struct trace_region){0};
    if (first_piece)
        first_region = (struct trace_region){memory, 0, VMT_CHUNK_SIZE, FIRST_PIECE, 0};
    return true;
}

void trace_file_count_lost(void)
{
    if (parent_header)
        __atomic_fetch_add(&parent_header->lost_children, 1, __ATOMIC_RELAXED);
}

/* Of an empty file `vmtrace check` tells that there was a process. */
static void discard(void)
{
    if (settings_is_of_check(settings.output))
        return;
    trace_open_remove();
    trace_file_count_lost();
}

/* 0, or an errno. */
static int begin(int fd, uint64_t parent_trace_id)
{
    bool first_piece = false;
    int error = write_start(fd, parent_trace_id, &first_piece);
    if (!error && !map_start(fd, first_piece))
        error = ENOMEM;
    sys_close(fd);
    return error;
}

/* On the tmpfs, if there is one to be used and it has space. */
static bool create_there(uint64_t parent_trace_id)
{
    int fd = trace_open_create(true);
    if (fd < 0)
        return false;
    if (begin(fd, parent_trace_id) == 0)
        return true;
    trace_open_remove();
    return false;
}

static bool create(uint64_t parent_trace_id)
{
    trace_pid = sys_pid();
    if (create_there(parent_trace_id))
        return true;
    int fd = trace_open_create(false);
    if (fd < 0) {
        settings_complain("cannot create the trace %s: %s; the program runs untraced",
                          trace_open_path(), text_errno(-fd));
        trace_file_count_lost();
        return false;
    }
    int error = begin(fd, parent_trace_id);
    if (error) {
        settings_complain("cannot reserve space for the trace %s: %s; the program runs untraced",
                          trace_open_path(), text_errno(error));
        discard();
    }
    return error == 0;
}

bool trace_file_create(uint64_t parent_trace_id)
{
    bool created = create(parent_trace_id);
    if (created)
        trace_file_forget_parent();
    return created;
}

void trace_file_refresh(void)
{
    struct vmt_file_header *header = trace_header;
    __atomic_store_n(&header->clock, clock_kind, __ATOMIC_RELAXED);
    __atomic_store_n(&header->flags, flags_now(header->parent_trace_id), __ATOMIC_RELAXED);
    __atomic_store_n(&header->fault_source, faultcount_source, __ATOMIC_RELAXED);
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

void trace_file_name_boot(void)
{
    __atomic_store_n(&trace_header->boot_id, boot_id(), __ATOMIC_RELAXED);
}

void trace_file_hold(void)
{
    if (trace_header && sys_pid() == trace_pid)
        trace_open_hold();
}

/* Advances next_offset by `size` unless that would pass the cap.  UINT64_MAX: it would. */
static uint64_t take_offset(size_t size)
{
    uint64_t offset = __atomic_load_n(next_offset(), __ATOMIC_RELAXED);
    do {
        if (offset + size > settings.max_size)
            return UINT64_MAX;
    } while (!__atomic_compare_exchange_n(next_offset(), &offset, offset + size, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return offset;
}

/* Returns space that nobody used, if nobody took more behind it. */
static void untake_offset(uint64_t offset, size_t size)
{
    uint64_t end = offset + size;
    __atomic_compare_exchange_n(next_offset(), &end, offset, false, __ATOMIC_RELAXED,
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
    int fd = trace_open_at(offset);
    if (fd < 0) {
        untake_offset(offset, size);
        *error = -fd;
        return VMT_LOST_FILE;
    }
    *error = reserve(fd, offset, VMT_CHUNK_SIZE);
    void *memory = *error ? NULL : map_file(fd, offset, size);
    trace_open_done(fd);
    if (!memory) {
        untake_offset(offset, size);
        if (*error)
            return VMT_LOST_SPACE;
        *error = ENOMEM;
        return VMT_LOST_MEMORY;
    }
    *region = (struct trace_region){memory, offset, size, VMT_CHUNK_SIZE, 0};
    trace_file_leave_out_of_fork(region, true);
    return 0;
}

/* The page of the file header stays. */
static size_t header_page(const struct trace_region *region)
{
    return region->base && region->offset == 0 ? (size_t)getpagesize() : 0;
}

void trace_file_leave_out_of_fork(const struct trace_region *region, bool out)
{
    size_t kept = header_page(region);
    sys_leave_out_of_fork(region->base + kept, region->size - kept, out);
}

void trace_file_strand(const struct trace_region *region)
{
    if (header_page(region) && (void *)parent_header == (void *)region->base) {
        parent_mapped = header_page(region);
        parent_header = sys_remap(parent_header, 0, parent_mapped); /* once more, elsewhere */
    }
    sys_call(SYS_mmap, (long)region->base, (long)region->size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void trace_file_release(struct trace_region *region)
{
    size_t kept = header_page(region);
    if (kept)
        header_mapped = kept;
    if (region->base && region->size > kept)
        sys_unmap(region->base + kept, region->size - kept);
    *region = (struct trace_region){0};
}

bool trace_file_extend(struct trace_region *region)
{
    size_t from = region->backed;
    size_t to = from < SECOND_PIECE ? SECOND_PIECE : (from / VMT_CHUNK_SIZE + 1) * VMT_CHUNK_SIZE;
    int fd = trace_open_at(region->offset);
    bool reserved = fd >= 0 && reserve(fd, region->offset + from, to - from) == 0;
    if (fd >= 0)
        trace_open_done(fd);
    if (reserved)
        region->backed = to;
    return reserved;
}

void trace_file_trim(struct trace_region *region, size_t keep, bool alone)
{
    int fd = trace_open_at(region->offset);
    if (fd < 0)
        return;
    uint64_t end = region->offset + region->size;
    /* Chunks start at multiples of the chunk size: the next region begins where this one would
     * have ended, so the offset stays as it is. */
    if (alone && __atomic_load_n(next_offset(), __ATOMIC_RELAXED) == end)
        sys_call(SYS_ftruncate, fd, (long)(region->offset + keep), 0, 0, 0, 0);
    else
        sys_call(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                 (long)(region->offset + keep), (long)(region->backed - keep), 0, 0);
    trace_open_done(fd);
}

void trace_file_abandon(void)
{
    trace_open_abandon();
    if (trace_header)
        strcpy(parent_path, trace_open_path());
    trace_file_forget_parent();
    parent_header = trace_header;
    parent_mapped = header_mapped;
    trace_header = NULL;
}

void trace_file_forget_parent(void)
{
    sys_unmap(parent_header, parent_mapped);
    parent_header = NULL;
}
