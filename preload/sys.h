/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls of the recorder, made directly (but for the clock's, which the vDSO answers): a
 * program may interpose or cancel libc's wrappers, and those write errno.  All return a negated
 * errno on failure, like the kernel; none touches errno.  sys_map and sys_unmap are the recorder's
 * only source of memory.
 */
#ifndef VMTRACE_SYS_H
#define VMTRACE_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

static inline long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "no system call sequence for this machine"
#endif
}

/* `flags` as for open(2); O_CLOEXEC is added. */
int sys_open(const char *path, int flags, unsigned mode);
void sys_close(int fd);
long sys_read(int fd, void *buffer, size_t size);
long sys_write(int fd, const void *buffer, size_t size);

/* Whole small file into `buffer`, NUL-terminated and without trailing newlines; the length, or
 * negative. */
long sys_read_file(const char *path, char *buffer, size_t size);
long sys_read_link(const char *path, char *buffer, size_t size);

/* Zeroed private memory, or NULL. */
void *sys_map(size_t size);
/* Makes the mapping larger, moving it if need be; a new one if `memory` is NULL.  On failure it is
 * as it was, and the result is NULL. */
void *sys_remap(void *memory, size_t old_size, size_t size);
/* A forked child shall not have (or: shall have after all) these mappings. */
void sys_leave_out_of_fork(void *memory, size_t size, bool out);
void sys_unmap(void *memory, size_t size);

/* Can the word at `address`, which must be aligned, be read, or would that be a crash?  A page that
 * was never touched, or is swapped out, is brought in. */
bool sys_can_read(uint64_t address);
/* Can the kernel read a path there? */
bool sys_can_read_path(const char *path);

/* Keeps signal handlers out of a few lines that none may see half done; `before` is the mask to put
 * back. */
void sys_block_signals(uint64_t *before);
void sys_restore_signals(const uint64_t *before);

/* For tables that most processes hardly touch: behind all other variables, which then share a few
 * pages (the first touch of each costs 1 to 2 microseconds).  The linker sorts the sections by
 * name. */
#define SYS_TABLE __attribute__((section(".bss.tables")))

uint32_t sys_pid(void);
uint32_t sys_tid(void);
/* False when no thread `tid` of this process exists any more. */
bool sys_thread_alive(uint32_t pid, uint32_t tid);

uint64_t sys_time_ns(clockid_t clock);
void sys_usage(int who, struct rusage *usage);
uint64_t sys_random(void);

#endif
