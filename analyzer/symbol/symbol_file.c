/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/symbol_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#define DELETED " (deleted)" /* what Linux adds to the name of a mapped file that is gone */

enum trial {
    TRIAL_GOOD,
    TRIAL_MISSING, /* errno says why */
    TRIAL_NO_ELF,
    TRIAL_OTHER,  /* not the build that ran */
    TRIAL_UNSURE, /* nothing tells whether it is the build that ran */
};

static enum trial compare_build_id(Elf *elf, const struct symbol_module *module)
{
    const void *bits = NULL;
    ssize_t size = dwelf_elf_gnu_build_id(elf, &bits);

    if (!module->build_id || module->build_id_size < 2)
        return TRIAL_UNSURE;
    if (size < 0 || (size_t)size != module->build_id_size)
        return TRIAL_OTHER;
    return memcmp(bits, module->build_id, (size_t)size) == 0 ? TRIAL_GOOD : TRIAL_OTHER;
}

/* *fd is set when the answer is TRIAL_GOOD or TRIAL_UNSURE. */
static enum trial try_file(const char *path, const struct symbol_module *module, int *fd)
{
    /* Names come from the trace and may mean a FIFO or a device. */
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum trial trial = TRIAL_NO_ELF;
    struct stat status;
    Elf *elf;

    if (opened < 0)
        return TRIAL_MISSING;
    if (fstat(opened, &status) == 0 && S_ISREG(status.st_mode)) {
        elf = elf_begin(opened, ELF_C_READ_MMAP, NULL);
        if (elf && elf_kind(elf) == ELF_K_ELF)
            trial = compare_build_id(elf, module);
        elf_end(elf);
    }
    if (trial == TRIAL_GOOD || trial == TRIAL_UNSURE)
        *fd = opened;
    else
        close(opened);
    return trial;
}

static void find_text(struct symbol_file *file)
{
    size_t count = 0;

    file->text_low = UINT64_MAX;
    file->text_high = 0;
    if (elf_getphdrnum(file->elf, &count) != 0)
        return;
    for (size_t i = 0; i < count && i < 65536; i++) {
        GElf_Phdr memory, *phdr = gelf_getphdr(file->elf, (int)i, &memory);
        uint64_t end;
        if (!phdr || phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_X))
            continue;
        if (__builtin_add_overflow(phdr->p_vaddr, phdr->p_memsz, &end))
            continue;
        if (phdr->p_vaddr < file->text_low)
            file->text_low = phdr->p_vaddr;
        if (end > file->text_high)
            file->text_high = end;
    }
    /* Code never starts where the ELF header is; what a linker dropped does, in DWARF. */
    if (file->text_low < sizeof(Elf64_Ehdr))
        file->text_low = sizeof(Elf64_Ehdr);
}

/* Takes over `fd`. */
static enum trial report_file(struct symbol_file *file, const char *path, int fd,
                              struct debug_search *search)
{
    GElf_Addr bias = 0;

    file->session = debug_search_begin(search);
    if (!file->session) {
        close(fd);
        return TRIAL_NO_ELF;
    }
    dwfl_report_begin(file->session);
    file->module = dwfl_report_elf(file->session, path, path, fd, 0, true);
    if (!file->module)
        close(fd);
    dwfl_report_end(file->session, NULL, NULL);
    if (file->module) {
        debug_search_attach(search, file->module);
        file->elf = dwfl_module_getelf(file->module, &bias);
    }
    if (!file->elf || bias != 0) {
        symbol_file_close(file);
        return TRIAL_NO_ELF;
    }
    find_text(file);
    return TRIAL_GOOD;
}

/* The vdso is no file; the running kernel's serves when it is the same. */
static enum trial open_vdso(struct symbol_file *file, const struct symbol_module *module)
{
    char *image = (char *)getauxval(AT_SYSINFO_EHDR); /* the kernel's: its fields are right */
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)image;
    enum trial trial;

    if (!image)
        return TRIAL_MISSING;
    file->elf = elf_memory(image, header->e_shoff + header->e_shnum * header->e_shentsize);
    if (!file->elf)
        return TRIAL_NO_ELF;
    trial = compare_build_id(file->elf, module);
    if (trial == TRIAL_GOOD || trial == TRIAL_UNSURE)
        find_text(file);
    else
        symbol_file_close(file);
    return trial;
}

static bool is_vdso(const char *path)
{
    return strcmp(path, "[vdso]") == 0 || strncmp(path, "linux-vdso.so", 13) == 0 ||
           strncmp(path, "linux-gate.so", 13) == 0;
}

/* Tries the debug directories: debug files have the program headers and symbols, too, and some
 * distributions link the binary itself there. */
static bool open_by_build_id(struct symbol_file *file, const struct symbol_module *module,
                             struct debug_search *search)
{
    static const char *const suffixes[] = {"", ".debug"};

    if (!module->build_id || module->build_id_size < 2)
        return false;
    for (const char **dir = search->dirs; *dir; dir++) {
        for (size_t i = 0; i < 2; i++) {
            int fd = -1;
            bool good = false;
            char *path = debug_search_build_id_path(*dir, module->build_id, module->build_id_size,
                                                    suffixes[i]);
            if (path && try_file(path, module, &fd) == TRIAL_GOOD)
                good = report_file(file, path, fd, search) == TRIAL_GOOD;
            free(path);
            if (good)
                return true;
        }
    }
    return false;
}

/* Opens the file at the module's path; *deleted tells whether it was gone when the trace was
 * made.  A file that cannot be identified is good enough on the machine of the trace, or in a
 * sysroot that the user chose, unless it took the place of a deleted one. */
static enum trial open_by_path(struct symbol_file *file, const struct symbol_module *module,
                               const struct symbolizer_options *options,
                               struct debug_search *search, struct name_pool *pool, bool *deleted)
{
    const char *root = options->sysroot ? options->sysroot : "";
    size_t length = strlen(module->path), cut = strlen(DELETED);
    enum trial trial;
    char *path;
    int fd = -1;

    *deleted = length > cut && strcmp(module->path + length - cut, DELETED) == 0;
    if (*deleted)
        length -= cut;
    path = arena_printf(pool->arena, "%s%.*s", root, (int)length, module->path);
    if (!path) {
        errno = ENOMEM;
        return TRIAL_MISSING;
    }
    trial = try_file(path, module, &fd);
    if (trial == TRIAL_UNSURE) {
        if (!*deleted && (options->same_machine || options->sysroot)) {
            trial = TRIAL_GOOD;
        } else {
            close(fd);
            return TRIAL_UNSURE;
        }
    }
    return trial == TRIAL_GOOD ? report_file(file, path, fd, search) : trial;
}

static const char *describe(enum trial trial, const struct symbol_module *module, bool deleted,
                            int error, struct name_pool *pool)
{
    const char *path = module->path;

    switch (trial) {
    case TRIAL_OTHER:
        return arena_printf(pool->arena,
                            "%s: build-id differs from the one that ran; names are missing", path);
    case TRIAL_UNSURE:
        return arena_printf(pool->arena,
                            "%s: cannot tell whether it is the file that ran (%s); "
                            "names are missing",
                            path, deleted ? "that one was deleted" : "it has no build-id");
    case TRIAL_NO_ELF:
        return arena_printf(pool->arena, "%s: not a readable ELF file; names are missing", path);
    default:
        return arena_printf(pool->arena, "%s: %s; names are missing", path, strerror(error));
    }
}

int symbol_file_open(struct symbol_file *file, const struct symbol_module *module,
                     const struct symbolizer_options *options, struct debug_search *search,
                     struct name_pool *pool, const char **problem)
{
    bool deleted = false;
    enum trial trial;
    int error;

    memset(file, 0, sizeof(*file));
    errno = ENOENT;
    if (is_vdso(module->path)) {
        trial = open_vdso(file, module);
        /* Another kernel's vdso is nothing that a user could do something about. */
        *problem = NULL;
        if (trial == TRIAL_UNSURE && options->same_machine)
            return 0;
        if (trial == TRIAL_UNSURE)
            symbol_file_close(file);
        return trial == TRIAL_GOOD ? 0 : 1;
    }
    trial = open_by_path(file, module, options, search, pool, &deleted);
    error = errno;
    if (trial == TRIAL_GOOD || open_by_build_id(file, module, search))
        return 0;
    *problem = describe(trial, module, deleted, error, pool);
    return *problem ? 1 : -1;
}

void symbol_file_close(struct symbol_file *file)
{
    if (file->session)
        dwfl_end(file->session);
    else if (file->elf)
        elf_end(file->elf);
    memset(file, 0, sizeof(*file));
}

enum symbol_segment symbol_file_segment(const struct symbol_file *file, uint64_t address)
{
    size_t count = 0;

    if (elf_getphdrnum(file->elf, &count) != 0)
        return SYMBOL_SEGMENT_UNKNOWN;
    for (size_t i = 0; i < count && i < 65536; i++) {
        GElf_Phdr memory, *phdr = gelf_getphdr(file->elf, (int)i, &memory);
        if (!phdr || phdr->p_type != PT_LOAD || address - phdr->p_vaddr >= phdr->p_memsz)
            continue;
        if (phdr->p_flags & PF_X)
            return SYMBOL_SEGMENT_CODE;
        if (!(phdr->p_flags & PF_W))
            return SYMBOL_SEGMENT_CONSTANT;
        return address - phdr->p_vaddr < phdr->p_filesz ? SYMBOL_SEGMENT_DATA : SYMBOL_SEGMENT_BSS;
    }
    return SYMBOL_SEGMENT_UNKNOWN;
}
