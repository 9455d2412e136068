/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mapped file, given back in part: 64 pages are mapped, the middle 16 unmapped.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./file_mapping; vmtrace-report vmtrace.file_mapping.*.vmt
 * Look for: among the mappings map_file() with file_mapping.data, 256 KiB mapped in one
 *           call, 192 KiB in two pieces still there at the end.
 */
#include "sample_file.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096u
#define SIZE (64u * PAGE)

static __attribute__((noinline)) char *map_file(int fd)
{
    return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0); /* mapped here */
}

int main(void)
{
    static const char name[] = "file_mapping.data";
    int fd = sample_file_make(name, SIZE);
    if (fd < 0)
        return 1;
    char *bytes = map_file(fd);
    close(fd);
    unlink(name);
    if (bytes == MAP_FAILED)
        return 1;
    bytes[0] = 'y';
    return munmap(bytes + 24 * PAGE, 16 * PAGE);
}
