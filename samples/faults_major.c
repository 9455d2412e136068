/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Major and minor faults of a mapped file: read once cold (the kernel was told
 * to forget its pages, so they come from the disk) and once warm.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./faults_major; vmtrace-report vmtrace.faults_major.*.vmt
 * Look for: faults of read_file() in the file that it maps, at one of the two calls from the disk
 *           (major), at the other from the page cache.
 *           On a file system that lives in memory there are no major faults.
 */
#include "sample_file.h"

#include <stdlib.h>
#include <sys/mman.h>

#define SIZE (4u << 20) /* bytes */

/* The next event of the thread after it read: the faults count here. */
static __attribute__((noinline)) void after_cold_read(void)
{
    free(malloc(10)); /* cold */
}

static __attribute__((noinline)) void after_warm_read(void)
{
    free(malloc(20)); /* warm */
}

static __attribute__((noinline)) unsigned read_file(int fd)
{
    const volatile char *bytes = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return 0;
    unsigned sum = 0;
    for (size_t i = 0; i < SIZE; i += 4096)
        sum += (unsigned)bytes[i]; /* read here */
    munmap((void *)bytes, SIZE);
    return sum;
}

int main(void)
{
    static const char name[] = "faults_major.data";
    int fd = sample_file_make(name, SIZE);
    if (fd < 0)
        return 1;
    unlink(name);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);

    unsigned cold = read_file(fd);
    after_cold_read();
    unsigned warm = read_file(fd);
    after_warm_read();
    close(fd);
    return cold == warm ? 0 : 1;
}
