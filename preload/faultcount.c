/* SPDX-License-Identifier: Apache-2.0 */
#include "faultcount.h"

enum vmt_fault_source faultcount_source = VMT_FAULTS_OFF;
bool faultcount_exact = false;
bool faultcount_kernel = true;
const char *faultcount_reason = "";

static bool perf_wanted;
static bool begun; /* the first thread is attached: others have counts from their start on */

/* What faultcount_setup has attached to the calling thread; its first stream gets it. */
static struct faultcount probe;

static void use_own_heads(struct faultcount *count, enum vmt_fault_source source)
{
    count->own_minor = count->own_major = 0;
    count->minor_seen = count->major_seen = 0;
    count->minor_head = &count->own_minor;
    count->major_head = &count->own_major;
    count->unit = 1;
    count->early = 0;
    count->source = source;
}

/* True if the kernel grants it, if need be without the faults taken inside system calls. */
static bool try_perf(struct faultcount *count)
{
    if (faultcount_perf_attach(count))
        return true;
    if (!faultcount_kernel)
        return false;
    faultcount_kernel = false; /* what an unprivileged process may ask for */
    if (faultcount_perf_attach(count))
        return true;
    faultcount_kernel = true;
    return false;
}

bool faultcount_setup(enum settings_faults wanted)
{
    if (wanted == SETTINGS_FAULTS_OFF)
        return true;
    faultcount_source = VMT_FAULTS_RUSAGE;
    if (wanted == SETTINGS_FAULTS_RUSAGE)
        return true;
    perf_wanted = faultcount_exact = true;
    if (wanted == SETTINGS_FAULTS_AUTO)
        return true;
    if (!try_perf(&probe))
        return false;
    faultcount_source = VMT_FAULTS_PERF;
    return true;
}

void faultcount_cancel(void)
{
    faultcount_detach(&probe);
}

void faultcount_attach(struct faultcount *count)
{
    bool first = !begun;
    begun = true;
    if (probe.source == VMT_FAULTS_PERF) {
        *count = probe;
        use_own_heads(&probe, VMT_FAULTS_OFF);
        return;
    }
    if (faultcount_source == VMT_FAULTS_OFF) {
        use_own_heads(count, VMT_FAULTS_OFF);
        return;
    }
    use_own_heads(count, VMT_FAULTS_RUSAGE);
    faultcount_rusage_read(count);
    if (first) { /* what the program that called exec, the loader, and we did */
        count->minor_seen = count->own_minor;
        count->major_seen = count->own_major;
    }
    bool rare = settings.sample >= FAULTCOUNT_RARE;
    count->early = !perf_wanted ? 0 : rare ? UINT32_MAX : FAULTCOUNT_EARLY;
}

/* What was not reported yet is carried over. */
static void go_over_to_perf(struct faultcount *count)
{
    uint64_t minor, major;
    faultcount_take(count, &minor, &major);
    if (try_perf(count)) {
        faultcount_source = VMT_FAULTS_PERF;
        count->minor_seen -= minor * count->unit;
        count->major_seen -= major * count->unit;
        return;
    }
    count->minor_seen -= minor;
    count->major_seen -= major;
    if (faultcount_source == VMT_FAULTS_PERF)
        return; /* no more rings for this thread */
    faultcount_exact = perf_wanted = false;
    faultcount_reason = "the kernel refused perf_event_open";
}

bool faultcount_poll(struct faultcount *count)
{
    if (count->source != VMT_FAULTS_RUSAGE)
        return false;
    faultcount_rusage_read(count);
    if (!count->early || --count->early)
        return false;
    go_over_to_perf(count);
    return true;
}

void faultcount_detach(struct faultcount *count)
{
    if (count->source == VMT_FAULTS_PERF)
        faultcount_perf_detach(count);
    use_own_heads(count, VMT_FAULTS_OFF);
}
