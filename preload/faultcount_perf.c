/* SPDX-License-Identifier: Apache-2.0 */
#include "faultcount.h"

#include "sys.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <unistd.h>

/* A sample that carries the instruction pointer alone: header and one word. */
enum { SAMPLE_BYTES = 16 };

static size_t ring_bytes(void)
{
    return 2 * (size_t)getpagesize(); /* the control page and one of data */
}

/* The ring of one event of the calling thread, or NULL. */
static void *open_ring(uint64_t config)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attributes),
        .config = config,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_IP,
        .exclude_kernel = !faultcount_kernel,
        .exclude_hv = 1,
    };
    long fd = sys_call(SYS_perf_event_open, (long)&attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    long ring = sys_call(SYS_mmap, 0, (long)ring_bytes(), PROT_READ, MAP_SHARED, fd, 0);
    sys_close((int)fd);
    return ring < 0 && ring > -4096 ? NULL : (void *)ring;
}

static const volatile uint64_t *head_of(void *ring)
{
    return (const volatile uint64_t *)&((struct perf_event_mmap_page *)ring)->data_head;
}

bool faultcount_perf_attach(struct faultcount *count)
{
    void *minor = open_ring(PERF_COUNT_SW_PAGE_FAULTS_MIN);
    void *major = minor ? open_ring(PERF_COUNT_SW_PAGE_FAULTS_MAJ) : NULL;
    if (!major) {
        sys_unmap(minor, ring_bytes());
        return false;
    }
    count->ring[0] = minor;
    count->ring[1] = major;
    count->minor_head = head_of(minor);
    count->major_head = head_of(major);
    count->minor_seen = *count->minor_head;
    count->major_seen = *count->major_head;
    count->unit = SAMPLE_BYTES;
    count->source = VMT_FAULTS_PERF;
    return true;
}

void faultcount_strand(struct faultcount *count)
{
    for (int i = 0; i < 2 && count->source == VMT_FAULTS_PERF; i++)
        sys_call(SYS_mmap, (long)count->ring[i], (long)ring_bytes(), PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void faultcount_perf_detach(struct faultcount *count)
{
    sys_unmap(count->ring[0], ring_bytes());
    sys_unmap(count->ring[1], ring_bytes());
    count->ring[0] = count->ring[1] = NULL;
}
