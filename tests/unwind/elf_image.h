/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ELF file laid out in memory as the loader would, but not relocated and never run:
 * .eh_frame is position-independent, so its rows can be looked at for any binary.
 */
#ifndef VMTRACE_TESTS_ELF_IMAGE_H
#define VMTRACE_TESTS_ELF_IMAGE_H

#include <stdbool.h>

#include "modules.h"

/* False when `path` cannot be read or is no 64-bit x86-64 ELF file with an .eh_frame_hdr.  Stays
 * mapped for good. */
bool elf_image_map(const char *path, struct module *module);

#endif
