/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads memory of the process without ever faulting.
 */
#ifndef VMTRACE_SCAN_READER_H
#define VMTRACE_SCAN_READER_H

#include "scan_pages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCAN_PIECE = 65536, SCAN_KNOWN_PAGES = 256 };

struct scan_reader {
    uint8_t buffer[SCAN_PIECE] __attribute__((aligned(64)));
    /* Pages that may be read in place; zero before the first scan. */
    uint64_t known[SCAN_KNOWN_PAGES];
    uint32_t pid;
    bool frozen;      /* nothing changes meanwhile: present private pages may be read in place */
    bool asked;       /* whether system calls are filtered */
    bool no_vm_readv; /* the kernel, or a filter of system calls, has none: /proc/self/mem */
    int memory;       /* /proc/self/mem, or negative: not opened yet */
    bool keyed;       /* `rights` are to be put back */
    uint32_t rights;  /* of the thread, to memory under protection keys */
    struct scan_pages *pages; /* the caller's, of private memory; NULL: not known yet */
};

/* Before the first read, and after the last, by the same task.  `frozen`: no other task runs in
 * this memory. */
void scan_reader_begin(struct scan_reader *reader, bool frozen);
void scan_reader_end(struct scan_reader *reader);

/* Does a filter of system calls (seccomp) see what this process calls? */
bool scan_reader_is_filtered(void);

/* May private pages that are present be read where they are? */
bool scan_reader_in_place(const struct scan_reader *reader);

/* Copies up to `size` bytes; how many could be read. */
size_t scan_reader_copy(struct scan_reader *reader, void *to, uint64_t address, size_t size);

/* A few bytes, which may lie in two pages, of memory that the process may read.  False also where
 * nothing was ever written: of files that are mapped where they are relocated to, no use is made.
 */
bool scan_reader_peek(struct scan_reader *reader, void *to, uint64_t address, size_t size);

#endif
