/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether ld.so's LD_PRELOAD reaches a program, told by its file before it is executed.
 *
 * For a process that may share its memory with another (vfork): nothing is allocated or kept, and
 * all system calls are the caller's, so the recorder and the driver can have their own ways.  What
 * cannot be found out counts as reached: such a program may leave a trace, or may not start at all.
 */
#ifndef VMTRACE_EXEC_FILE_H
#define VMTRACE_EXEC_FILE_H

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <vmtrace/exec_image.h>
#include <vmtrace/trace_format.h>

enum {
    EXEC_FILE_LINE = 256, /* how much of a "#!" line the kernel reads: BINPRM_BUF_SIZE */
    EXEC_FILE_SCRIPTS = 4 /* how many it follows */
};

#if defined(__x86_64__)
#define EXEC_FILE_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define EXEC_FILE_MACHINE EM_AARCH64
#endif

/* ld.so itself, started as a program, has no interpreter, but preloads. */
static inline bool exec_file_is_loader(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return strncmp(name, "ld", 2) == 0 && strstr(name, ".so") != NULL;
}

static inline enum vmt_unfollowed exec_file_elf(struct exec_file *file, const char *path)
{
    Elf64_Ehdr header;
    struct exec_file_image image = {.dynamic_offset = 0};
    const unsigned char *bytes = exec_file_at(file, 0, sizeof(header));
    if (!bytes)
        return VMT_FOLLOWED;
    memcpy(&header, bytes, sizeof(header));
    if (header.e_ident[EI_CLASS] != ELFCLASS64)
        return VMT_UNFOLLOWED_WORD_SIZE;
    if (header.e_machine != EXEC_FILE_MACHINE)
        return VMT_UNFOLLOWED_PROCESSOR;
    if (exec_file_is_loader(path) || header.e_phentsize != sizeof(Elf64_Phdr) ||
        header.e_phnum * sizeof(Elf64_Phdr) > EXEC_FILE_TABLE ||
        !exec_file_segments(file, &header, &image))
        return VMT_FOLLOWED;
    if (!image.interpreted)
        return VMT_UNFOLLOWED_STATIC;
    if (exec_file_is_musl(file, &image))
        return VMT_UNFOLLOWED_LIBC;
    return exec_file_is_sanitized(file, &image) ? VMT_UNFOLLOWED_SANITIZER : VMT_FOLLOWED;
}

/* Whether the kernel will set AT_SECURE (security/commoncap.c), with which ld.so ignores preloads
 * that have a slash. */
static inline bool exec_file_gains(exec_file_call *call, int fd, const struct stat *status)
{
    uint32_t user[3] = {0}, group[3] = {0}; /* real, effective, saved */
    struct statfs place = {0};
    call(SYS_getresuid, (long)&user[0], (long)&user[1], (long)&user[2], 0);
    call(SYS_getresgid, (long)&group[0], (long)&group[1], (long)&group[2], 0);
    bool sets = status->st_mode & (S_ISUID | S_ISGID);
    bool capable = user[0] != 0 && call(SYS_fgetxattr, fd, (long)"security.capability", 0, 0) > 0;
    if ((sets || capable) && call(SYS_fstatfs, fd, (long)&place, 0, 0) == 0 &&
        place.f_flags & ST_NOSUID)
        sets = capable = false;
    if (sets && call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0) == 1)
        sets = false;
    if (sets && status->st_mode & S_ISUID)
        user[1] = status->st_uid;
    if (sets && (status->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        group[1] = status->st_gid;
    return capable || user[1] != user[0] || group[1] != group[0];
}

/* The interpreter of a "#!" line, or "" if there is none. */
static inline void exec_file_script(const unsigned char *line, uint64_t size,
                                    char interpreter[EXEC_FILE_LINE])
{
    uint64_t begin = 2, end;
    interpreter[0] = '\0';
    if (size > EXEC_FILE_LINE)
        size = EXEC_FILE_LINE;
    if (size < 2 || line[0] != '#' || line[1] != '!')
        return;
    while (begin < size && (line[begin] == ' ' || line[begin] == '\t'))
        begin++;
    for (end = begin; end < size && !memchr(" \t\r\n", line[end], sizeof(" \t\r\n")); end++)
        ;
    memcpy(interpreter, line + begin, end - begin);
    interpreter[end - begin] = '\0';
}

/* Of an open file; fills in `interpreter`. */
static inline enum vmt_unfollowed exec_file_open(exec_file_call *call, int fd, const char *path,
                                                 const struct stat *status,
                                                 char interpreter[EXEC_FILE_LINE])
{
    struct exec_file file = {.call = call, .fd = fd};
    const unsigned char *bytes = exec_file_at(&file, 0, SELFMAG);
    interpreter[0] = '\0';
    if (!bytes)
        return VMT_FOLLOWED;
    if (memcmp(bytes, ELFMAG, SELFMAG) != 0) {
        exec_file_script(bytes, file.size, interpreter);
        return VMT_FOLLOWED;
    }
    return exec_file_gains(call, fd, status) ? VMT_UNFOLLOWED_PRIVILEGED
                                             : exec_file_elf(&file, path);
}

/* `path` as for openat(2), or NULL for the file that `folder` is.  False: there is no such file,
 * and executing it will fail (a path that cannot be read is none). */
static inline bool exec_file_judge(exec_file_call *call, int folder, const char *path,
                                   enum vmt_unfollowed *why)
{
    char interpreter[EXEC_FILE_LINE];
    *why = VMT_FOLLOWED;
    for (int depth = 0; depth <= EXEC_FILE_SCRIPTS; depth++) {
        struct stat status;
        long fd = folder;
        if (call(SYS_newfstatat, folder, (long)(path ? path : ""), (long)&status,
                 path ? 0 : AT_EMPTY_PATH) != 0 ||
            !S_ISREG(status.st_mode))
            return depth > 0;
        if (path)
            fd = call(SYS_openat, folder, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                      0);
        if (fd < 0) { /* perhaps it may only be executed, as a sudo of mode 4111 */
            *why = exec_file_gains(call, -1, &status) ? VMT_UNFOLLOWED_PRIVILEGED : VMT_FOLLOWED;
            break;
        }
        *why = exec_file_open(call, (int)fd, path ? path : "", &status, interpreter);
        if (path)
            call(SYS_close, fd, 0, 0, 0);
        if (!interpreter[0])
            break;
        path = interpreter;
        folder = AT_FDCWD;
    }
    return true;
}

/* Would it not start, or not be the same, with the library? */
static inline bool exec_file_is_spared(enum vmt_unfollowed why)
{
    return why == VMT_UNFOLLOWED_SANITIZER || why == VMT_UNFOLLOWED_LIBC;
}

/* What follows "it is " or "it was ", or NULL. */
static inline const char *exec_file_words(uint64_t why)
{
    switch (why) {
    case VMT_UNFOLLOWED_STATIC:
        return "statically linked";
    case VMT_UNFOLLOWED_PRIVILEGED:
        return "setuid, setgid or with capabilities";
    case VMT_UNFOLLOWED_WORD_SIZE:
        return "of another word size (32 or 64 bit) than libvmtrace.so";
    case VMT_UNFOLLOWED_PROCESSOR:
        return "for another processor than libvmtrace.so";
    case VMT_UNFOLLOWED_PRELOAD:
        return "started without libvmtrace.so in LD_PRELOAD";
    case VMT_UNFOLLOWED_OUTPUT:
        return "started with another VMTRACE_OUTPUT";
    case VMT_UNFOLLOWED_SANITIZER:
        return "built with a sanitizer (address, thread, memory or leak)";
    case VMT_UNFOLLOWED_LIBC:
        return "linked against another libc (musl) than libvmtrace.so";
    default:
        return why ? "started in a way that is not known here" : NULL;
    }
}

#endif
