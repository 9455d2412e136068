/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an executable's tables say, read from its file with the caller's system calls, a window at a
 * time: nothing is allocated or kept.  Whatever the file holds, loops are bounded, and what cannot
 * be read is not there.
 */
#ifndef VMTRACE_EXEC_IMAGE_H
#define VMTRACE_EXEC_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

/* As the kernel returns: a negated errno on failure.  What more it looks at (prctl's) must be 0. */
typedef long exec_file_call(long number, long a, long b, long c, long d);

enum {
    EXEC_FILE_WINDOW = 1024,
    EXEC_FILE_TABLE = 65536, /* bytes of program headers, at most: the kernel takes no more */
    EXEC_FILE_SEGMENTS = 8,  /* loaded ones that addresses are looked up in */
    EXEC_FILE_CHAIN = 64,    /* symbols of one bucket that are looked at */
};

/* A part of an open file. */
struct exec_file {
    exec_file_call *call;
    int fd;
    uint64_t offset; /* of the bytes */
    uint64_t size;
    unsigned char bytes[EXEC_FILE_WINDOW];
};

/* `size` bytes (at most a window) at `offset`, or NULL.  What was there before is gone. */
static inline const unsigned char *exec_file_at(struct exec_file *file, uint64_t offset,
                                                uint64_t size)
{
    if (offset < file->offset || offset - file->offset > file->size ||
        size > file->size - (offset - file->offset)) {
        long got =
            file->call(SYS_pread64, file->fd, (long)file->bytes, EXEC_FILE_WINDOW, (long)offset);
        file->offset = offset;
        file->size = got > 0 ? (uint64_t)got : 0;
        if (size > file->size)
            return NULL;
    }
    return file->bytes + (offset - file->offset);
}

static inline bool exec_file_read(struct exec_file *file, uint64_t offset, void *to, uint64_t size)
{
    const unsigned char *bytes = exec_file_at(file, offset, size);
    if (bytes)
        memcpy(to, bytes, size);
    return bytes != NULL;
}

/* What the program headers say. */
struct exec_file_image {
    struct {
        uint64_t address, offset, size;
    } loads[EXEC_FILE_SEGMENTS];
    unsigned loaded;
    bool interpreted;
    uint64_t interpreter_offset, interpreter_size;
    uint64_t dynamic_offset, dynamic_size;
};

/* Where in the file the byte at an address is; UINT64_MAX: nowhere. */
static inline uint64_t exec_file_offset(const struct exec_file_image *image, uint64_t address)
{
    for (unsigned i = 0; i < image->loaded; i++) {
        if (address - image->loads[i].address < image->loads[i].size)
            return image->loads[i].offset + (address - image->loads[i].address);
    }
    return UINT64_MAX;
}

/* Is a string of the file this one? */
static inline bool exec_file_begins(struct exec_file *file, uint64_t offset, const char *text,
                                    uint64_t size)
{
    const unsigned char *bytes = exec_file_at(file, offset, size);
    return bytes && memcmp(bytes, text, size) == 0;
}

/* gcc and clang link the runtime before all other libraries, or it would refuse to start. */
static inline bool exec_file_is_runtime(struct exec_file *file, uint64_t name)
{
    static const char *const runtimes[] = {"asan", "lsan", "tsan", "msan", "hwasan"};
    const uint64_t clang = sizeof("libclang_rt.") - 1, gcc = sizeof("lib") - 1;
    uint64_t kind = name + (exec_file_begins(file, name, "libclang_rt.", clang) ? clang : gcc);
    if (!exec_file_begins(file, name, "lib", gcc))
        return false;
    for (unsigned i = 0; i < sizeof(runtimes) / sizeof(*runtimes); i++) {
        uint64_t length = strlen(runtimes[i]);
        if (exec_file_begins(file, kind, runtimes[i], length) &&
            (exec_file_begins(file, kind + length, ".", 1) ||
             exec_file_begins(file, kind + length, "-", 1)))
            return true;
    }
    return false;
}

/* Offsets of the tables that a symbol is looked up by; UINT64_MAX: there is none. */
struct exec_file_symbols {
    uint64_t hash, symbols, strings;
};

/* The symbol of that number, if it is the name's. */
static inline bool exec_file_defines(struct exec_file *file, const struct exec_file_symbols *tables,
                                     uint32_t index, const char *name)
{
    Elf64_Sym symbol;
    return exec_file_read(file, tables->symbols + index * sizeof(symbol), &symbol,
                          sizeof(symbol)) &&
           symbol.st_shndx != SHN_UNDEF &&
           exec_file_begins(file, tables->strings + symbol.st_name, name, strlen(name) + 1);
}

/* Does the program itself export the name?  (DT_GNU_HASH: glibc's elf/dl-lookup.c) */
static inline bool exec_file_exports(struct exec_file *file, const struct exec_file_symbols *tables,
                                     const char *name)
{
    struct {
        uint32_t buckets, first, words, shift;
    } head;
    uint32_t index, other, hash = 5381;
    uint64_t word, bucket, chain, bloom = tables->hash + sizeof(head);
    for (const char *at = name; *at; at++)
        hash = hash * 33 + (unsigned char)*at;
    if (!exec_file_read(file, tables->hash, &head, sizeof(head)) || !head.buckets || !head.words ||
        head.shift > 31 ||
        !exec_file_read(file, bloom + hash / 64 % head.words * sizeof(word), &word, sizeof(word)) ||
        !(word >> hash % 64 & word >> (hash >> head.shift) % 64 & 1))
        return false;
    bucket = bloom + sizeof(word) * head.words;
    chain = bucket + sizeof(index) * (uint64_t)head.buckets;
    if (!exec_file_read(file, bucket + hash % head.buckets * sizeof(index), &index, sizeof(index)))
        return false;
    for (unsigned i = 0; i < EXEC_FILE_CHAIN && index >= head.first; i++, index++) {
        if (!exec_file_read(file, chain + sizeof(other) * (uint64_t)(index - head.first), &other,
                            sizeof(other)))
            return false;
        if ((other | 1) == (hash | 1) && exec_file_defines(file, tables, index, name))
            return true;
        if (other & 1) /* the last of its bucket */
            return false;
    }
    return false;
}

/* A sanitizer's runtime has to be the first to have malloc, and reports leaks by itself.  Linked
 * statically it exports its functions, for the libraries of the program. */
static inline bool exec_file_is_sanitized(struct exec_file *file,
                                          const struct exec_file_image *image)
{
    uint64_t needed = UINT64_MAX;
    struct exec_file_symbols tables = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    for (uint64_t at = 0; at < image->dynamic_size && at < EXEC_FILE_TABLE;
         at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;
        if (!exec_file_read(file, image->dynamic_offset + at, &entry, sizeof(entry)))
            return false;
        if (entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_NEEDED && needed == UINT64_MAX)
            needed = entry.d_un.d_val;
        else if (entry.d_tag == DT_STRTAB)
            tables.strings = exec_file_offset(image, entry.d_un.d_ptr);
        else if (entry.d_tag == DT_SYMTAB)
            tables.symbols = exec_file_offset(image, entry.d_un.d_ptr);
        else if (entry.d_tag == DT_GNU_HASH)
            tables.hash = exec_file_offset(image, entry.d_un.d_ptr);
    }
    if (tables.strings == UINT64_MAX)
        return false;
    if (needed != UINT64_MAX && exec_file_is_runtime(file, tables.strings + needed))
        return true;
    return tables.symbols != UINT64_MAX && tables.hash != UINT64_MAX &&
           exec_file_exports(file, &tables, "__interceptor_malloc");
}

/* musl's ld.so cannot load what was linked against glibc. */
static inline bool exec_file_is_musl(struct exec_file *file, const struct exec_file_image *image)
{
    static const char name[] = "/ld-musl-";
    uint64_t length = sizeof(name) - 1, size = image->interpreter_size;
    if (size > EXEC_FILE_WINDOW)
        return false;
    for (uint64_t at = 0; at + length <= size; at++) {
        if (exec_file_begins(file, image->interpreter_offset + at, name, length))
            return true;
    }
    return false;
}

/* False: the table cannot be read. */
static inline bool exec_file_segments(struct exec_file *file, const Elf64_Ehdr *header,
                                      struct exec_file_image *image)
{
    Elf64_Phdr segment;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (!exec_file_read(file, header->e_phoff + i * sizeof(segment), &segment, sizeof(segment)))
            return false;
        if (segment.p_type == PT_INTERP) {
            image->interpreted = true;
            image->interpreter_offset = segment.p_offset;
            image->interpreter_size = segment.p_filesz;
        } else if (segment.p_type == PT_DYNAMIC) {
            image->dynamic_offset = segment.p_offset;
            image->dynamic_size = segment.p_filesz;
        } else if (segment.p_type == PT_LOAD && image->loaded < EXEC_FILE_SEGMENTS) {
            image->loads[image->loaded].address = segment.p_vaddr;
            image->loads[image->loaded].offset = segment.p_offset;
            image->loads[image->loaded++].size = segment.p_filesz;
        }
    }
    return true;
}

#endif
