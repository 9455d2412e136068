/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's own mappings: mmap and relatives, shared memory segments, the program break,
 * advice.  What libc maps for itself (malloc's arenas, thread stacks) does not come by here.
 */
#include "api.h"
#include "interpose.h"
#include "scan.h"
#include "sys.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

/* An allocator that comes before us in the look-up order maps memory while it sets itself up, with
 * its locks held: until our own set-up has run, these four go straight to the kernel, and
 * sbrk to glibc. */
static long checked(long result)
{
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

static void *raw_mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    return (void *)checked(
        sys_call(SYS_mmap, (long)address, (long)length, protection, flags, fd, offset));
}

static int raw_munmap(void *address, size_t length)
{
    return (int)checked(sys_call(SYS_munmap, (long)address, (long)length, 0, 0, 0, 0));
}

static void *raw_mremap(void *address, size_t old_length, size_t new_length, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    void *wanted = va_arg(arguments, void *);
    va_end(arguments);
    return (void *)checked(sys_call(SYS_mremap, (long)address, (long)old_length, (long)new_length,
                                    flags, (long)wanted, 0));
}

static int raw_madvise(void *address, size_t length, int advice)
{
    return (int)checked(sys_call(SYS_madvise, (long)address, (long)length, advice, 0, 0, 0));
}

static void *(*real_mmap)(void *, size_t, int, int, int, off_t) = raw_mmap;
static int (*real_munmap)(void *, size_t) = raw_munmap;
static void *(*real_mremap)(void *, size_t, size_t, int, ...) = raw_mremap;
static int (*real_madvise)(void *, size_t, int) = raw_madvise;
static int (*real_brk)(void *);
extern void *__sbrk(intptr_t increment); /* glibc's other name of sbrk, which nobody wraps */
static void *(*real_sbrk)(intptr_t) = __sbrk;
static void *(*real_shmat)(int, const void *, int);
static int (*real_shmdt)(const void *);

void interpose_map_resolve(void)
{
    RESOLVE(mmap);
    RESOLVE(munmap);
    RESOLVE(mremap);
    RESOLVE(madvise);
    RESOLVE(brk);
    RESOLVE(sbrk);
    RESOLVE(shmat);
    RESOLVE(shmdt);
}

/* What is mapped: the path of the file, or nothing. */
static const char *file_name(int fd, int flags, char *buffer, size_t size)
{
    if ((flags & MAP_ANONYMOUS) || fd < 0)
        return "";
    char link[64];
    struct text text;
    text_init(&text, link, sizeof(link));
    text_add(&text, "/proc/self/fd/");
    text_add_number(&text, (uint64_t)fd);
    return sys_read_link(link, buffer, size) > 0 ? buffer : "";
}

static unsigned source_of(enum vmt_map_source source, uint64_t caller)
{
    return source | (real_is_allocator(caller) ? VMT_MAP_ALLOCATOR : 0);
}

static void *traced_mmap(void *address, size_t length, int protection, int flags, int fd,
                         off_t offset, const struct callstack_start *start)
{
    void *result = real_mmap(address, length, protection, flags, fd, offset);
    if (result != MAP_FAILED) {
        char path[1024];
        record_map(source_of(VMT_MAP_MMAP, start->pc), result, length, protection, flags,
                   (uint64_t)offset, file_name(fd, flags, path, sizeof(path)), start);
    }
    return result;
}

EXPORT void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    return traced_mmap(address, length, protection, flags, fd, offset, &start);
}

EXPORT void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    return traced_mmap(address, length, protection, flags, fd, offset, &start);
}

EXPORT int munmap(void *address, size_t length)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    record_unmap(source_of(VMT_MAP_MMAP, start.pc), address, length, &start);
    int result = real_munmap(address, length);
    if (result)
        record_unmap_failed(start.pc);
    return result;
}

EXPORT void *mremap(void *address, size_t old_length, size_t new_length, int flags, ...)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *wanted = NULL;
    if (flags & MREMAP_FIXED) {
        va_list arguments;
        va_start(arguments, flags);
        wanted = va_arg(arguments, void *);
        va_end(arguments);
    }
    record_remap_begin(address, old_length, start.pc);
    void *result = real_mremap(address, old_length, new_length, flags, wanted);
    if (result == MAP_FAILED)
        record_unmap_failed(start.pc);
    else
        record_remap_end(result, new_length, &start);
    return result;
}

EXPORT int madvise(void *address, size_t length, int advice)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    if (advice == VMTRACE_API_ADVICE && api_answer(address, length))
        return 0;
    int result = real_madvise(address, length, advice);
    if (result == 0 && (advice == MADV_DONTNEED || advice == MADV_FREE))
        record_advise(address, length, advice, &start);
    if (result == 0 && (advice == MADV_DONTFORK || advice == MADV_DOFORK))
        scan_note_left_out(length, advice == MADV_DONTFORK);
    return result;
}

EXPORT int brk(void *end)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *before = real_sbrk(0);
    int result = REAL(brk)(end);
    if (result == 0)
        record_break(before, end, &start);
    return result;
}

EXPORT void *sbrk(intptr_t increment)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *before = real_sbrk(increment);
    if (before != (void *)-1 && increment && !real_is_allocator(start.pc))
        record_break(before, (char *)before + increment, &start);
    return before;
}

EXPORT void *shmat(int id, const void *address, int flags)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    void *result = REAL(shmat)(id, address, flags);
    if (result != (void *)-1) {
        int saved = errno;
        struct shmid_ds segment = {0};
        shmctl(id, IPC_STAT, &segment);
        errno = saved;
        record_map(VMT_MAP_SHM, result, segment.shm_segsz, PROT_READ | PROT_WRITE, MAP_SHARED, 0,
                   "", &start);
    }
    return result;
}

EXPORT int shmdt(const void *address)
{
    struct callstack_start start;
    CALLSTACK_START(&start);
    record_unmap(VMT_MAP_SHM, address, 0, &start);
    int result = REAL(shmdt)(address);
    if (result)
        record_unmap_failed(start.pc);
    return result;
}
