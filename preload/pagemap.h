/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages of a region are in memory, from /proc/PID/pagemap
 * (Documentation/admin-guide/mm/pagemap.rst of the kernel).
 */
#ifndef VMTRACE_PAGEMAP_H
#define VMTRACE_PAGEMAP_H

#include "page_runs.h"
#include "smaps_parser.h"

/* To be called by one thread at a time, with a descriptor of the pagemap.  0, or a negative
 * errno: what is known of the region was added all the same.  A page of zeros that was only read
 * and never written is present, but no part of rss. */
int pagemap_read(int fd, const struct smaps_region *region, struct page_runs *runs);

#endif
