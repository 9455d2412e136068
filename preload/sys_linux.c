/* SPDX-License-Identifier: Apache-2.0 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

int sys_open(const char *path, int flags, unsigned mode)
{
    long fd;
    do {
        fd = sys_call(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, mode, 0, 0);
    } while (fd == -EINTR);
    return (int)fd;
}

void sys_close(int fd)
{
    sys_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

long sys_read(int fd, void *buffer, size_t size)
{
    long got;
    do {
        got = sys_call(SYS_read, fd, (long)buffer, (long)size, 0, 0, 0);
    } while (got == -EINTR);
    return got;
}

long sys_write(int fd, const void *buffer, size_t size)
{
    long done;
    do {
        done = sys_call(SYS_write, fd, (long)buffer, (long)size, 0, 0, 0);
    } while (done == -EINTR);
    return done;
}

long sys_read_file(const char *path, char *buffer, size_t size)
{
    int fd = sys_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    size_t used = 0;
    long got = 0;
    while (used + 1 < size && (got = sys_read(fd, buffer + used, size - 1 - used)) > 0)
        used += (size_t)got;
    sys_close(fd);
    if (got < 0)
        return got;
    while (used > 0 && buffer[used - 1] == '\n')
        used--;
    buffer[used] = '\0';
    return (long)used;
}

long sys_read_link(const char *path, char *buffer, size_t size)
{
    long length =
        sys_call(SYS_readlinkat, AT_FDCWD, (long)path, (long)buffer, (long)size - 1, 0, 0);
    buffer[length > 0 ? length : 0] = '\0';
    return length;
}

void *sys_map(size_t size)
{
    long result = sys_call(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return result < 0 && result > -4096 ? NULL : (void *)result;
}

void *sys_remap(void *memory, size_t old_size, size_t size)
{
    if (!memory)
        return sys_map(size);
    long result =
        sys_call(SYS_mremap, (long)memory, (long)old_size, (long)size, MREMAP_MAYMOVE, 0, 0);
    return result < 0 && result > -4096 ? NULL : (void *)result;
}

void sys_leave_out_of_fork(void *memory, size_t size, bool out)
{
    sys_call(SYS_madvise, (long)memory, (long)size, out ? MADV_DONTFORK : MADV_DOFORK, 0, 0, 0);
}

void sys_unmap(void *memory, size_t size)
{
    if (memory)
        sys_call(SYS_munmap, (long)memory, (long)size, 0, 0, 0, 0);
}

void sys_block_signals(uint64_t *before)
{
    static const uint64_t all = ~UINT64_C(0);
    sys_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)before, sizeof(all), 0, 0);
}

void sys_restore_signals(const uint64_t *before)
{
    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)before, 0, sizeof(*before), 0, 0);
}

uint32_t sys_pid(void)
{
    return (uint32_t)sys_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

uint32_t sys_tid(void)
{
    return (uint32_t)sys_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/* The call reads the set before it finds that there is no such way to use it. */
bool sys_can_read(uint64_t address)
{
    enum { NO_SUCH_WAY = 1000 };
    return sys_call(SYS_rt_sigprocmask, NO_SUCH_WAY, (long)address, 0, sizeof(uint64_t), 0, 0) ==
           -EINVAL;
}

bool sys_can_read_path(const char *path)
{
    return sys_call(SYS_faccessat, AT_FDCWD, (long)path, F_OK, 0, 0, 0) != -EFAULT;
}

bool sys_thread_alive(uint32_t pid, uint32_t tid)
{
    return sys_call(SYS_tgkill, pid, tid, 0, 0, 0, 0) != -ESRCH;
}

uint64_t sys_time_ns(clockid_t clock)
{
    struct timespec now = {0, 0};
    clock_gettime(clock, &now); /* libc's: it asks the vDSO and enters no kernel */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void sys_usage(int who, struct rusage *usage)
{
    *usage = (struct rusage){0};
    sys_call(SYS_getrusage, who, (long)usage, 0, 0, 0, 0);
}

uint64_t sys_random(void)
{
    uint64_t value = 0;
    if (sys_call(SYS_getrandom, (long)&value, sizeof(value), 1 /* GRND_NONBLOCK */, 0, 0, 0) !=
        (long)sizeof(value))
        value = sys_time_ns(CLOCK_REALTIME) * 0x9e3779b97f4a7c15u ^ sys_pid();
    return value;
}
