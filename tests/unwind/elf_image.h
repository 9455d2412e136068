/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ELF file laid out in memory as the loader would, but not relocated and never run:
 * .eh_frame is position-independent, so its rows can be looked at for any binary.
 */
#ifndef VMTRACE_TESTS_ELF_IMAGE_H
#define VMTRACE_TESTS_ELF_IMAGE_H

#include <stdbool.h>

#include "modules.h"

#define ELF_CODE_MAX 8

struct elf_image {
    struct module module;
    struct {
        uint64_t start, end;
    } code[ELF_CODE_MAX]; /* executable segments */
    unsigned code_count;
};

/* False when `path` cannot be read or is no 64-bit x86-64 ELF file with an .eh_frame_hdr.  Stays
 * mapped for good. */
bool elf_image_map(const char *path, struct elf_image *image);

/* The first address after `pc`, up to `end`, to which a call could return: the bytes before it
 * are those of a near call.  0 when there is none.  Every call of the code is met, and now and
 * then bytes that only look like one. */
uint64_t elf_next_return(uint64_t pc, uint64_t end);

#endif
