/* SPDX-License-Identifier: Apache-2.0 */
#include "faultcount.h"

#include "executable.h"
#include "sys.h"
#include "trace_file.h"

#include <errno.h>
#include <unistd.h>

/* Bytes of the minor faults' ring, of which others are an eighth of it: of the process's first
 * thread, of each other one, and at least.  One of 256 KiB knows the last 32 MiB that were touched
 * (43 without faults inside system calls). A user's processes may pin 516 KiB a processor
 * (perf_event_mlock_kb), and each 8 MiB more (RLIMIT_MEMLOCK). */
enum { FIRST_RING = 256 << 10, OTHER_RING = 32 << 10, LEAST_RING = 4096, MAJOR_SHARE = 8 };
/* In place of `few`: perf was tried, or is not wanted. */
#define NO_PERF UINT64_MAX

/* Samples with stacks are larger. */
enum { STACK_FACTOR = 8 };

enum vmt_fault_source faultcount_source = VMT_FAULTS_OFF;
bool faultcount_exact = false;
bool faultcount_kernel = true;
const char *faultcount_reason = "";
uint64_t faultcount_before[FAULT_KINDS];

static bool perf_wanted;
static bool begun; /* the first thread is attached: others have counts from their start on */
static bool first_ring_taken;

/* What faultcount_setup has attached to the calling thread; its first stream gets it. */
static struct faultcount probe;
static uint32_t probe_pid; /* the process whose it is, of a forked child's */
static bool large_fork;

static void use_own_heads(struct faultcount *count, enum vmt_fault_source source)
{
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        count->own[kind] = count->seen[kind] = 0;
        count->head[kind] = &count->own[kind];
    }
    count->unit = 1;
    count->early = count->quiet = 0;
    count->source = source;
}

void faultcount_init(struct faultcount *count)
{
    use_own_heads(count, VMT_FAULTS_OFF);
}

static int open_both(struct fault_ring ring[FAULT_KINDS], unsigned form, size_t size)
{
    size_t page = (size_t)getpagesize();
    size_t bytes[FAULT_KINDS] = {size, size / MAJOR_SHARE};
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        int error = fault_ring_open(&ring[kind], (enum fault_kind)kind, form,
                                    bytes[kind] < page ? page : bytes[kind]);
        if (!error)
            continue;
        if (kind)
            fault_ring_close(&ring[0]);
        return error;
    }
    return 0;
}

/* The largest rings that the kernel grants, up to `most` bytes. */
static int open_rings(struct fault_ring ring[FAULT_KINDS], unsigned form, size_t most)
{
    size_t factor = form & FAULT_FORM_STACK ? STACK_FACTOR : 1;
    int error = -ENOMEM;
    for (size_t size = most; error == -ENOMEM && size >= LEAST_RING; size /= 2)
        error = open_both(ring, form, size * factor);
    return error;
}

static const char *reason_of(int error)
{
    switch (error) {
    case -EMFILE:
    case -ENFILE:
        return "no descriptor was left for perf_event_open";
    case -ENOMEM:
        return "the kernel granted no memory for perf events (perf_event_mlock_kb, RLIMIT_MEMLOCK)";
    default:
        return "the kernel refused perf_event_open";
    }
}

/* If need be without the faults taken inside system calls, as an unprivileged process may ask for.
 * 0, or a negated errno. */
static int try_rings(struct fault_ring ring[FAULT_KINDS])
{
    unsigned stack = settings.fault_stacks ? FAULT_FORM_STACK : 0;
    bool first = !__atomic_exchange_n(&first_ring_taken, true, __ATOMIC_RELAXED);
    size_t most = first ? FIRST_RING : OTHER_RING;
    if (!faultcount_kernel)
        return open_rings(ring, stack, most);
    int error = open_rings(ring, stack | FAULT_FORM_KERNEL, most);
    if (error != -EACCES && error != -EPERM)
        return error;
    error = open_rings(ring, stack, most);
    if (!error)
        faultcount_kernel = false;
    return error;
}

/* From the rusage source to perf.  What was not reported yet is carried over. */
static int go_over_to_perf(struct faultcount *count)
{
    const volatile uint64_t *head[FAULT_KINDS];
    int error = try_rings(count->ring);
    if (error)
        return error;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        head[kind] = count->ring[kind].head;
        (void)*head[kind]; /* its page's own fault comes before the counts are compared */
    }
    faultcount_rusage_read(count);
    count->unit = count->ring[0].sample_bytes;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        count->seen[kind] = *head[kind] - (count->own[kind] - count->seen[kind]) * count->unit;
        count->head[kind] = head[kind];
    }
    __atomic_store_n(&count->source, VMT_FAULTS_PERF, __ATOMIC_RELEASE);
    return 0;
}

/* What the program that called exec, the loader, and we did. */
static void start_from_here(struct faultcount *count)
{
    use_own_heads(count, VMT_FAULTS_RUSAGE);
    faultcount_rusage_read(count);
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        faultcount_before[kind] = count->seen[kind] = count->own[kind];
}

bool faultcount_setup(enum settings_faults wanted)
{
    faultcount_init(&probe);
    if (wanted == SETTINGS_FAULTS_OFF)
        return true;
    faultcount_source = VMT_FAULTS_RUSAGE;
    if (wanted == SETTINGS_FAULTS_RUSAGE)
        return true;
    perf_wanted = faultcount_exact = true;
    if (wanted == SETTINGS_FAULTS_AUTO)
        return true;
    start_from_here(&probe);
    if (go_over_to_perf(&probe))
        return false;
    faultcount_source = VMT_FAULTS_PERF;
    return true;
}

void faultcount_before_fork(void)
{
    struct rusage usage;
    large_fork = false;
    if (faultcount_source != VMT_FAULTS_PERF || !settings.follow_forks)
        return;
    sys_usage(RUSAGE_SELF, &usage);
    large_fork = usage.ru_maxrss >= FAULTCOUNT_LARGE_FORK / 1024;
}

void faultcount_begin_child(void)
{
    if (!large_fork)
        return;
    uint64_t before;
    large_fork = false;
    first_ring_taken = false;
    sys_block_signals(&before);
    start_from_here(&probe);
    if (go_over_to_perf(&probe))
        faultcount_init(&probe);
    probe_pid = sys_pid();
    sys_restore_signals(&before);
}

void faultcount_cancel(void)
{
    faultcount_detach(&probe);
}

/* A count that another thread is reading stays as it is: the process ends. */
void faultcount_attach(struct faultcount *count)
{
    if (__atomic_load_n(&count->holder, __ATOMIC_RELAXED) != FAULTCOUNT_FREE)
        return;
    bool first = !begun;
    begun = true;
    if (probe.source == VMT_FAULTS_PERF) {
        *count = probe;
        faultcount_init(&probe);
        return;
    }
    faultcount_init(count);
    if (faultcount_source == VMT_FAULTS_OFF)
        return;
    if (first)
        start_from_here(count);
    else
        use_own_heads(count, VMT_FAULTS_RUSAGE);
    bool rare = perf_wanted && faultcount_events_are_rare();
    count->early = rare ? UINT32_MAX : FAULTCOUNT_EARLY;
    count->few = rare || !perf_wanted ? NO_PERF : count->seen[FAULT_MINOR] + FAULTCOUNT_FEW;
    if (first ? executable_data_bytes() >= FAULTCOUNT_LARGE : faultcount_source == VMT_FAULTS_PERF)
        faultcount_expect_many(count);
}

void faultcount_expect_many(struct faultcount *count)
{
    if (count->few != NO_PERF)
        count->few = 0;
}

bool faultcount_poll(struct faultcount *count)
{
    if (count->source != VMT_FAULTS_RUSAGE)
        return false;
    faultcount_rusage_read(count);
    if (faultcount_changed(count))
        count->quiet = 0;
    else if (count->quiet < FAULTCOUNT_QUIET)
        count->quiet++;
    if (!count->early)
        return false;
    count->early--;
    if (count->few == NO_PERF || (count->early && count->own[FAULT_MINOR] < count->few))
        return false;
    if (sys_pid() != trace_pid) /* a child of vfork would get the events */
        return false;
    count->few = NO_PERF;
    /* A child that a signal handler forks must know of each ring that it does not inherit. */
    uint64_t before;
    sys_block_signals(&before);
    int error = go_over_to_perf(count);
    sys_restore_signals(&before);
    if (!error) {
        count->early = 0;
        faultcount_source = VMT_FAULTS_PERF;
        return true;
    }
    if (faultcount_source != VMT_FAULTS_PERF) /* else there are no more rings for this thread */
        faultcount_exact = perf_wanted = false;
    faultcount_reason = reason_of(error);
    return true;
}

void faultcount_detach(struct faultcount *count)
{
    if (!faultcount_hold(count, FAULTCOUNT_OWN_THREAD))
        return;
    struct fault_ring ring[FAULT_KINDS];
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        ring[kind] = count->ring[kind];
        count->ring[kind] = (struct fault_ring){.memory = NULL};
    }
    faultcount_init(count);
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        fault_ring_close(&ring[kind]);
    faultcount_let_go(count);
}

void faultcount_forked(void)
{
    if (probe.source == VMT_FAULTS_PERF && probe_pid == sys_pid())
        return; /* since the fork */
    faultcount_init(&probe);
    first_ring_taken = false;
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        faultcount_before[kind] = 0;
}

void faultcount_strand(struct faultcount *count)
{
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        fault_ring_strand(&count->ring[kind]);
}

size_t faultcount_bytes(const struct faultcount *count)
{
    size_t bytes = 0;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        if (count->ring[kind].memory)
            bytes += (size_t)getpagesize() + count->ring[kind].size;
    }
    return bytes;
}
