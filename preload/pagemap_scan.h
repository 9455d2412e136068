/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ioctl PAGEMAP_SCAN of /proc/PID/pagemap (Linux 6.7, include/uapi/linux/fs.h), which older
 * headers lack.  An older kernel answers ENOTTY.
 */
#ifndef VMTRACE_PAGEMAP_SCAN_H
#define VMTRACE_PAGEMAP_SCAN_H

#include <stdint.h>
#include <sys/ioctl.h>

struct pagemap_range {
    uint64_t start, end, categories;
};

struct pagemap_scan {
    uint64_t size, flags, start, end, walk_end, ranges, most_ranges, most_pages, inverted, all_of,
        any_of, told;
};

#define PAGEMAP_SCAN_CALL _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, sizeof(struct pagemap_scan))
#define PAGEMAP_SCAN_FILE (UINT64_C(1) << 2)
#define PAGEMAP_SCAN_PRESENT (UINT64_C(1) << 3)
#define PAGEMAP_SCAN_SWAPPED (UINT64_C(1) << 4)

#endif
