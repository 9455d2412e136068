/* SPDX-License-Identifier: Apache-2.0 */
/* process_vm_readv on oneself takes the pages as get_user_pages does, so what is not there, may not
 * be read, or is behind a file's end is a short count.  /proc/self/mem does the same, but copies
 * twice. */
#include "scan_reader.h"

#include "cpu_features.h"
#include "process_files.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

enum { PAGE = 4096, KNOWN_SHIFT = 56 };

/* Executables that are not relocated lie below it. */
#define LEAST_RELOCATED (UINT64_C(1) << 32)

_Static_assert(SCAN_KNOWN_PAGES == 1 << (64 - KNOWN_SHIFT), "a hash's upper bits");

/* "Seccomp:\t2": filters are in force, and one may kill for a call that it does not expect. */
static bool is_filtered(void)
{
    static char status[4096] SYS_TABLE;
    int fd = process_file_open("status");
    if (fd < 0)
        return true;
    size_t used = 0;
    bool filtered = false;
    long got;
    while ((got = sys_read(fd, status + used, sizeof(status) - 1 - used)) > 0) {
        used += (size_t)got;
        status[used] = '\0';
        const char *line = strstr(status, "\nSeccomp:\t");
        if (line && line[10]) {
            filtered = line[10] != '0';
            break;
        }
        size_t keep = used < 16 ? used : 16; /* the word may be cut in two */
        memmove(status, status + used - keep, keep);
        used = keep;
    }
    sys_close(fd);
    return filtered;
}

bool scan_reader_is_filtered(void)
{
    static int known; /* 1: no, 2: yes, for good */
    if (known != 2)
        known = is_filtered() ? 2 : 1;
    return known == 2;
}

#if defined(__x86_64__)

static uint32_t read_rights(void)
{
    uint32_t rights, zero;
    __asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(rights), "=d"(zero) : "c"(0)); /* rdpkru */
    return rights;
}

static void write_rights(uint32_t rights)
{
    __asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(rights), "c"(0), "d"(0) : "memory");
}

/* Memory under a protection key (pkeys(7)) that this thread may not use now is readable all the
 * same by what maps says: to the touch, and to the kernel for it, too. */
static void take_rights(struct scan_reader *reader)
{
    reader->keyed = cpu_has_protection_keys();
    if (!reader->keyed)
        return;
    reader->rights = read_rights();
    write_rights(0);
}

static void give_rights_back(const struct scan_reader *reader)
{
    if (reader->keyed)
        write_rights(reader->rights);
}

#else

static void take_rights(struct scan_reader *reader)
{
    reader->keyed = false;
}

static void give_rights_back(const struct scan_reader *reader)
{
    (void)reader;
}

#endif

void scan_reader_begin(struct scan_reader *reader, bool frozen)
{
    take_rights(reader);
    reader->pages = NULL;
    reader->pid = sys_pid();
    reader->frozen = frozen;
    reader->asked = reader->no_vm_readv = false;
    reader->memory = -1;
}

/* aarch64: memory may be tagged. */
bool scan_reader_in_place(const struct scan_reader *reader)
{
#if defined(__x86_64__)
    return reader->frozen;
#else
    (void)reader;
    return false;
#endif
}

void scan_reader_end(struct scan_reader *reader)
{
    give_rights_back(reader);
    if (reader->memory >= 0)
        sys_close(reader->memory);
    reader->memory = -1;
}

static size_t copy_by_file(struct scan_reader *reader, void *to, uint64_t address, size_t size)
{
    if (reader->memory == -1)
        reader->memory = process_file_open("mem");
    if (reader->memory < 0)
        return 0;
    long got = sys_call(SYS_pread64, reader->memory, (long)to, (long)size, (long)address, 0, 0);
    return got > 0 ? (size_t)got : 0;
}

size_t scan_reader_copy(struct scan_reader *reader, void *to, uint64_t address, size_t size)
{
    if (!reader->asked) {
        reader->asked = true;
        reader->no_vm_readv = scan_reader_is_filtered();
    }
    if (reader->no_vm_readv)
        return copy_by_file(reader, to, address, size);
    struct iovec here = {to, size}, there = {(void *)address, size};
    long got = sys_call(SYS_process_vm_readv, reader->pid, (long)&here, 1, (long)&there, 1, 0);
    if (got == -ENOSYS || got == -EPERM) {
        reader->no_vm_readv = true;
        return copy_by_file(reader, to, address, size);
    }
    return got > 0 ? (size_t)got : 0;
}

/* Asking the kernel for a page that a userfaultfd has to provide may take forever: what is not
 * there is not asked for. */
static enum scan_page look_up(struct scan_reader *reader, uint64_t page)
{
    uint64_t *known = &reader->known[(page / PAGE * UINT64_C(0x9e3779b97f4a7c15)) >> KNOWN_SHIFT];
    if (!reader->pages)
        return SCAN_PAGE_UNKNOWN;
    if ((*known & -(uint64_t)PAGE) != page || !*known)
        *known = page | scan_pages_ask(reader->pages, page);
    return (enum scan_page)(*known % PAGE);
}

bool scan_reader_peek(struct scan_reader *reader, void *to, uint64_t address, size_t size)
{
    uint64_t first = address & -(uint64_t)PAGE, last = (address + size - 1) & -(uint64_t)PAGE;
    enum scan_page one = look_up(reader, first);
    enum scan_page two = last == first ? one : look_up(reader, last);
    if ((one == SCAN_PAGE_ABSENT || two == SCAN_PAGE_ABSENT) && address >= LEAST_RELOCATED)
        return false;
    if (one == SCAN_PAGE_PRESENT && two == SCAN_PAGE_PRESENT && scan_reader_in_place(reader)) {
        memcpy(to, (const void *)address, size);
        return true;
    }
    return scan_reader_copy(reader, to, address, size) == size;
}
