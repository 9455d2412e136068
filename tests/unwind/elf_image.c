/* SPDX-License-Identifier: Apache-2.0 */
#include "elf_image.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE UINT64_C(4096)
#define SEGMENTS_MAX 64

static bool read_header(int fd, Elf64_Ehdr *header, Elf64_Phdr *segments)
{
    if (pread(fd, header, sizeof(*header), 0) != sizeof(*header) ||
        memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_machine != EM_X86_64 ||
        header->e_phnum > SEGMENTS_MAX)
        return false;
    ssize_t size = (ssize_t)(header->e_phnum * sizeof(*segments));
    return pread(fd, segments, (size_t)size, (off_t)header->e_phoff) == size;
}

static bool map_segment(int fd, const Elf64_Phdr *segment, uint64_t bias)
{
    uint64_t start = (bias + segment->p_vaddr) & ~(PAGE - 1);
    uint64_t shift = segment->p_vaddr & (PAGE - 1);
    size_t size = segment->p_filesz + shift;
    return size == shift || mmap((void *)start, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd,
                                 (off_t)(segment->p_offset - shift)) != MAP_FAILED;
}

static bool map_segments(int fd, const Elf64_Phdr *segments, int count, struct module *module)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (int i = 0; i < count; i++) {
        if (segments[i].p_type != PT_LOAD)
            continue;
        if (segments[i].p_vaddr < low)
            low = segments[i].p_vaddr & ~(PAGE - 1);
        if (segments[i].p_vaddr + segments[i].p_memsz > high)
            high = segments[i].p_vaddr + segments[i].p_memsz;
    }
    if (low >= high)
        return false;
    void *place =
        mmap(NULL, high - low, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED)
        return false;
    module->bias = (uint64_t)place - low;
    module->start = (uint64_t)place;
    module->end = module->bias + high;
    for (int i = 0; i < count; i++) {
        if (segments[i].p_type == PT_LOAD && !map_segment(fd, &segments[i], module->bias))
            return false;
        if (segments[i].p_type == PT_GNU_EH_FRAME) {
            module->eh_frame_hdr = module->bias + segments[i].p_vaddr;
            module->eh_frame_hdr_size = segments[i].p_memsz;
        }
    }
    return module->eh_frame_hdr != 0;
}

bool elf_image_map(const char *path, struct module *module)
{
    Elf64_Ehdr header;
    Elf64_Phdr segments[SEGMENTS_MAX];
    memset(module, 0, sizeof(*module));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good =
        read_header(fd, &header, segments) && map_segments(fd, segments, header.e_phnum, module);
    close(fd);
    return good;
}
