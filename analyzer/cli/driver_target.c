/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that ld.so's LD_PRELOAD does not reach, told by their files. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/driver_run.h"

enum { MAX_SCRIPTS = 4, MAX_SEGMENTS = 512 }; /* the kernel follows 4 "#!", and 64 KiB of headers */

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#elif defined(__i386__)
#define OWN_MACHINE EM_386
#elif defined(__riscv)
#define OWN_MACHINE EM_RISCV
#else
#define OWN_MACHINE EM_NONE /* not compared */
#endif

/* As execvp: PATH unless there is a slash. */
static void find_program(const char *program, char found[PATH_MAX])
{
    const char *path = getenv("PATH");
    found[0] = '\0';
    if (strchr(program, '/')) {
        if (access(program, F_OK) == 0 && strlen(program) < PATH_MAX)
            strcpy(found, program);
        return;
    }
    if (path == NULL)
        path = "/bin:/usr/bin";
    for (const char *at = path;; at++) {
        int length = (int)strcspn(at, ":");
        struct stat status;
        int wanted =
            snprintf(found, PATH_MAX, "%.*s%s%s", length, at, length ? "/" : "./", program);
        if (wanted < PATH_MAX && stat(found, &status) == 0 && S_ISREG(status.st_mode) &&
            access(found, X_OK) == 0)
            return;
        at += length;
        if (*at == '\0')
            break;
    }
    found[0] = '\0';
}

/* The kernel gives such programs AT_SECURE, and ld.so then ignores preloads with a slash. */
static bool gains_privileges(int fd)
{
    struct stat status;
    char capability[64];
    if (fstat(fd, &status) != 0)
        return false;
    if ((status.st_mode & S_ISUID) && status.st_uid != getuid())
        return true;
    if ((status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) && status.st_gid != getgid())
        return true;
    return getuid() != 0 &&
           fgetxattr(fd, "security.capability", capability, sizeof(capability)) > 0;
}

/* Whether a 64-bit ELF file has a PT_INTERP; true when that cannot be told. */
static bool has_interpreter(int fd, const Elf64_Ehdr *header)
{
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > MAX_SEGMENTS)
        return true;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        off_t offset = (off_t)(header->e_phoff + i * sizeof(segment));
        if (pread(fd, &segment, sizeof(segment), offset) != (ssize_t)sizeof(segment))
            return true;
        if (segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

static const char *elf_problem(int fd, const char *path, const unsigned char *bytes, size_t size)
{
    Elf64_Ehdr header;
    const char *slash = strrchr(path, '/');
    if (size < sizeof(header))
        return NULL;
    memcpy(&header, bytes, sizeof(header));
    if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
        return "a program of another word size (32 or 64 bit) than libvmtrace.so";
    if (OWN_MACHINE != EM_NONE && header.e_machine != OWN_MACHINE)
        return "a program for another processor than libvmtrace.so";
    /* ld.so itself, started as a program, has no interpreter but preloads. */
    if (strncmp(slash ? slash + 1 : path, "ld", 2) == 0 && strstr(path, ".so"))
        return NULL;
    if (header.e_ident[EI_CLASS] == ELFCLASS64 && !has_interpreter(fd, &header))
        return "a statically linked program";
    return NULL;
}

/* Replaces `path` by the interpreter of a "#!" line. */
static bool follow_script(char path[PATH_MAX], const unsigned char *bytes, size_t size)
{
    size_t begin = 2, end;
    while (begin < size && (bytes[begin] == ' ' || bytes[begin] == '\t'))
        begin++;
    for (end = begin; end < size && !strchr(" \t\r\n", bytes[end]); end++)
        ;
    if (end == begin || end - begin >= PATH_MAX)
        return false;
    memcpy(path, bytes + begin, end - begin);
    path[end - begin] = '\0';
    return true;
}

const char *driver_target_problem(const char *program, char found[PATH_MAX])
{
    char path[PATH_MAX];
    find_program(program, found);
    strcpy(path, found);
    for (int depth = 0; path[0] && depth <= MAX_SCRIPTS; depth++) {
        unsigned char bytes[512];
        const char *problem = NULL;
        bool script = false;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
            return errno == EACCES && access(path, X_OK) == 0 ? "a program that may not be read"
                                                              : NULL;
        ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
        if (size >= 4 && memcmp(bytes, ELFMAG, SELFMAG) == 0)
            problem = gains_privileges(fd) ? "a setuid, setgid or capability-bearing program"
                                           : elf_problem(fd, path, bytes, (size_t)size);
        else
            script = size > 2 && bytes[0] == '#' && bytes[1] == '!' &&
                     follow_script(path, bytes, (size_t)size);
        close(fd);
        if (!script)
            return problem;
    }
    return NULL;
}
