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

static void note_code(const Elf64_Phdr *segment, struct elf_image *image)
{
    uint64_t start = image->module.bias + segment->p_vaddr;
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) ||
        image->code_count == ELF_CODE_MAX)
        return;
    image->code[image->code_count].start = start;
    image->code[image->code_count++].end = start + segment->p_filesz;
}

static bool map_segments(int fd, const Elf64_Phdr *segments, int count, struct elf_image *image)
{
    struct module *module = &image->module;
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
        note_code(&segments[i], image);
        if (segments[i].p_type == PT_GNU_EH_FRAME) {
            module->eh_frame_hdr = module->bias + segments[i].p_vaddr;
            module->eh_frame_hdr_size = segments[i].p_memsz;
        }
    }
    return module->eh_frame_hdr != 0;
}

bool elf_image_map(const char *path, struct elf_image *image)
{
    Elf64_Ehdr header;
    Elf64_Phdr segments[SEGMENTS_MAX];
    memset(image, 0, sizeof(*image));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good =
        read_header(fd, &header, segments) && map_segments(fd, segments, header.e_phnum, image);
    close(fd);
    return good;
}

/* Bytes from the opcode 0xff to the end of `call r/m64`, by its ModRM and SIB bytes (Intel's
 * manual, volume 2, tables 2-2 and 2-3); 0 if it is no call. */
static unsigned indirect_call_size(const uint8_t *code)
{
    uint8_t mode = code[1] >> 6, place = code[1] & 7;
    if (code[0] != 0xff || (code[1] >> 3 & 7) != 2)
        return 0;
    unsigned size = 2 + (mode != 3 && place == 4);
    if (mode == 1)
        return size + 1;
    bool wide = mode == 2 || (mode == 0 && (place == 5 || (place == 4 && (code[2] & 7) == 5)));
    return wide ? size + 4 : size;
}

uint64_t elf_next_return(uint64_t pc, uint64_t end)
{
    for (pc++; pc <= end; pc++) {
        const uint8_t *code = (const uint8_t *)pc;
        if (code[-5] == 0xe8)
            return pc;
        for (int size = 2; size <= 7; size++) {
            if (indirect_call_size(code - size) == (unsigned)size)
                return pc;
        }
    }
    return 0;
}
