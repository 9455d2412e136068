/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of smaps, with texts as several kernels write them, in pieces of every size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "smaps_parser.h"
#include "unit_main.h"
#include "vmtrace/trace_format.h"

/* Linux 3.2: no VmFlags, none of the newer lines. */
static const char old_kernel[] =
    "00400000-0040b000 r-xp 00000000 08:01 1835033                            /bin/cat\n"
    "Size:                 44 kB\n"
    "Rss:                  40 kB\n"
    "Pss:                  20 kB\n"
    "Shared_Clean:         36 kB\n"
    "Shared_Dirty:          0 kB\n"
    "Private_Clean:         4 kB\n"
    "Private_Dirty:         0 kB\n"
    "Referenced:           40 kB\n"
    "Anonymous:             0 kB\n"
    "AnonHugePages:         0 kB\n"
    "Swap:                  0 kB\n"
    "KernelPageSize:        4 kB\n"
    "MMUPageSize:           4 kB\n"
    "Locked:                0 kB\n"
    "7f1000000000-7f1000400000 rw-p 00000000 00:00 0 \n"
    "Size:               4096 kB\n"
    "Rss:                2100 kB\n"
    "Pss:                2100 kB\n"
    "Shared_Clean:          0 kB\n"
    "Shared_Dirty:          0 kB\n"
    "Private_Clean:         0 kB\n"
    "Private_Dirty:      2100 kB\n"
    "Referenced:         2100 kB\n"
    "Anonymous:          2100 kB\n"
    "AnonHugePages:      2048 kB\n"
    "Swap:                 12 kB\n"
    "KernelPageSize:        4 kB\n"
    "MMUPageSize:           4 kB\n"
    "Locked:               16 kB\n";

/* Linux 6: a deleted file of shared memory, and the stack. */
static const char new_kernel[] =
    "7fdc5bc00000-7fdc5be00000 rw-s 00003000 fe:101 9223372036854775809         /dev/shm/a b "
    "(deleted)\n"
    "Size:               2048 kB\n"
    "KernelPageSize:        4 kB\n"
    "MMUPageSize:           4 kB\n"
    "Rss:                2048 kB\n"
    "Pss:                1024 kB\n"
    "Pss_Dirty:          1024 kB\n"
    "Shared_Clean:          0 kB\n"
    "Shared_Dirty:       2048 kB\n"
    "Private_Clean:         0 kB\n"
    "Private_Dirty:         0 kB\n"
    "Referenced:         2048 kB\n"
    "Anonymous:             0 kB\n"
    "KSM:                   0 kB\n"
    "LazyFree:              0 kB\n"
    "AnonHugePages:         0 kB\n"
    "ShmemPmdMapped:     2048 kB\n"
    "FilePmdMapped:         0 kB\n"
    "Shared_Hugetlb:        0 kB\n"
    "Private_Hugetlb:       0 kB\n"
    "Swap:                  0 kB\n"
    "SwapPss:               0 kB\n"
    "Locked:                0 kB\n"
    "THPeligible:           1\n"
    "VmFlags: rd wr sh mr mw me ms sd \n"
    "7ffc23725000-7ffc23746000 rw-p 00000000 00:00 0                          [stack]\n"
    "Size:                132 kB\n"
    "Rss:                  12 kB\n"
    "Pss:                  12 kB\n"
    "VmFlags: rd wr mr mw me gd ac \n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n"
    "Size:                  4 kB\n"
    "Rss:                   0 kB\n";

enum { MOST = 8 };
static struct smaps_region found[MOST];
static struct smaps_parser parser;

static size_t parse(const char *text, size_t length, size_t piece)
{
    size_t count = 0;
    memset(&parser, 0xee, sizeof(parser));
    smaps_begin(&parser);
    for (size_t used = 0; used < length; used += piece) {
        size_t size = length - used < piece ? length - used : piece;
        char *copy = malloc(size); /* so that a reader past its end is noticed */
        memcpy(copy, text + used, size);
        const char *at = copy;
        while (smaps_next(&parser, &at, copy + size)) {
            ck_assert_uint_lt(count, MOST);
            found[count++] = parser.region;
        }
        ck_assert_ptr_eq(at, copy + size);
        free(copy);
    }
    if (smaps_end(&parser))
        found[count++] = parser.region;
    return count;
}

static void assert_name(const struct smaps_region *region, const char *name)
{
    ck_assert_uint_eq(region->name_length, strlen(name));
    ck_assert_mem_eq(region->name, name, strlen(name));
}

static void assert_sizes(const struct smaps_region *region, const uint64_t kib[SMAPS_SIZES])
{
    for (int i = 0; i < SMAPS_SIZES; i++)
        ck_assert_uint_eq(region->sizes[i], kib[i] * 1024);
}

START_TEST(smaps_parser_old_kernel_any_piece)
{
    for (size_t piece = 1; piece < sizeof(old_kernel); piece++) {
        ck_assert_uint_eq(parse(old_kernel, sizeof(old_kernel) - 1, piece), 2);
        ck_assert_uint_eq(found[0].start, 0x400000);
        ck_assert_uint_eq(found[0].length, 0xb000);
        ck_assert_uint_eq(found[0].flags, VMT_REGION_READ | VMT_REGION_EXECUTE);
        ck_assert_uint_eq(found[0].device, makedev(8, 1));
        ck_assert_uint_eq(found[0].inode, 1835033);
        assert_name(&found[0], "/bin/cat");
        assert_sizes(&found[0], (uint64_t[]){40, 20, 36, 0, 4, 0, 0, 0, 0, 0});
        ck_assert_uint_eq(found[1].start, 0x7f1000000000);
        ck_assert_uint_eq(found[1].length, 0x400000);
        ck_assert_uint_eq(found[1].flags, VMT_REGION_READ | VMT_REGION_WRITE);
        assert_name(&found[1], "");
        assert_sizes(&found[1], (uint64_t[]){2100, 2100, 0, 0, 0, 2100, 2100, 2048, 12, 16});
    }
}
END_TEST

START_TEST(smaps_parser_new_kernel_any_piece)
{
    for (size_t piece = 1; piece < sizeof(new_kernel); piece++) {
        ck_assert_uint_eq(parse(new_kernel, sizeof(new_kernel) - 1, piece), 3);
        ck_assert_uint_eq(found[0].flags, VMT_REGION_READ | VMT_REGION_WRITE | VMT_REGION_SHARED);
        ck_assert_uint_eq(found[0].offset, 0x3000);
        ck_assert_uint_eq(found[0].device, makedev(0xfe, 0x101));
        ck_assert_uint_eq(found[0].inode, UINT64_C(9223372036854775809));
        assert_name(&found[0], "/dev/shm/a b (deleted)");
        assert_sizes(&found[0], (uint64_t[]){2048, 1024, 0, 2048, 0, 0, 0, 2048, 0, 0});
        assert_name(&found[1], "[stack]");
        ck_assert_uint_eq(found[1].sizes[SMAPS_RSS], 12 * 1024);
        ck_assert_uint_eq(found[2].start, UINT64_C(0xffffffffff600000));
        ck_assert_uint_eq(found[2].flags, VMT_REGION_EXECUTE);
        assert_name(&found[2], "[vsyscall]");
    }
}
END_TEST

START_TEST(smaps_parser_maps_alone_has_no_sizes)
{
    static const char maps[] = "1000-2000 ---p 00000000 00:00 0 \n"
                               "2000-5000 rwxp 00000000 00:00 0 \n";
    ck_assert_uint_eq(parse(maps, sizeof(maps) - 1, 7), 2);
    ck_assert_uint_eq(found[0].flags, VMT_REGION_NO_SIZES);
    ck_assert_uint_eq(found[1].length, 0x3000);
    ck_assert_uint_eq(found[1].flags, VMT_REGION_NO_SIZES | VMT_REGION_READ | VMT_REGION_WRITE |
                                          VMT_REGION_EXECUTE);
    assert_sizes(&found[1], (uint64_t[SMAPS_SIZES]){0});
}
END_TEST

START_TEST(smaps_parser_escapes_newline_only)
{
    static const char text[] = "1000-2000 r--p 00000000 00:00 1 /a\\012b  c\\134d\\01\nRss: 4 kB\n";
    for (size_t piece = 1; piece < sizeof(text); piece++) {
        ck_assert_uint_eq(parse(text, sizeof(text) - 1, piece), 1);
        assert_name(&found[0], "/a\nb  c\\134d\\01");
        ck_assert_uint_eq(found[0].sizes[SMAPS_RSS], 4096);
    }
}
END_TEST

/* Longer than any buffer: cut, and what follows is as it should be. */
START_TEST(smaps_parser_endless_name_is_cut)
{
    enum { LONG = 3 * SMAPS_LINE_MAX };
    char *text = malloc(LONG + 256);
    size_t length = (size_t)sprintf(text, "1000-2000 r--p 00000000 00:00 1 /");
    memset(text + length, 'x', LONG);
    length += LONG;
    length += (size_t)sprintf(text + length, "\nRss: 4 kB\n2000-3000 rw-p 0 00:00 0\nRss: 8 kB\n");
    ck_assert_uint_eq(parse(text, length, 4096), 2);
    ck_assert_uint_eq(found[0].name_length, SMAPS_NAME_MAX);
    ck_assert_uint_eq(found[0].sizes[SMAPS_RSS], 4096);
    ck_assert_uint_eq(found[1].start, 0x2000);
    ck_assert_uint_eq(found[1].sizes[SMAPS_RSS], 8192);
    free(text);
}
END_TEST

START_TEST(smaps_parser_no_sense_no_regions)
{
    static const char text[] = "\n\nRss: 12 kB\n:\nNothing here\n";
    ck_assert_uint_eq(parse(text, sizeof(text) - 1, 3), 0);
    ck_assert_uint_eq(parse("", 0, 1), 0);
    ck_assert_uint_eq(parse("1000-2000 r--p", 14, 1), 0); /* no whole line */
}
END_TEST

START_TEST(smaps_parser_field_whole_names_only)
{
    static const char text[] =
        "Name:\tVmRSS: 9 kB\nVmRSSes:\t 1 kB\nVmRSS:\t   123 kB\nVmPTE: 8 kB";
    ck_assert_uint_eq(smaps_field(text, "VmRSS"), 123 * 1024);
    ck_assert_uint_eq(smaps_field(text, "VmPTE"), 8 * 1024);
    ck_assert_uint_eq(smaps_field(text, "VmSwap"), 0);
    ck_assert_uint_eq(smaps_field("", "VmRSS"), 0);
}
END_TEST

UNIT_MAIN("smaps_parser", smaps_parser_old_kernel_any_piece, smaps_parser_new_kernel_any_piece,
          smaps_parser_maps_alone_has_no_sizes, smaps_parser_escapes_newline_only,
          smaps_parser_endless_name_is_cut, smaps_parser_no_sense_no_regions,
          smaps_parser_field_whole_names_only)
