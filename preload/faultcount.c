/* SPDX-License-Identifier: Apache-2.0 */
#include "faultcount.h"

enum vmt_fault_source faultcount_source = VMT_FAULTS_OFF;
bool faultcount_kernel = true;
const char *faultcount_reason = "";

/* What faultcount_setup has attached to the calling thread; its first stream gets it. */
static struct faultcount probe;

static void use_own_heads(struct faultcount *count, enum vmt_fault_source source)
{
    count->own_minor = count->own_major = 0;
    count->minor_seen = count->major_seen = 0;
    count->minor_head = &count->own_minor;
    count->major_head = &count->own_major;
    count->unit = 1;
    count->source = source;
}

bool faultcount_setup(enum settings_faults wanted)
{
    if (wanted == SETTINGS_FAULTS_OFF || wanted == SETTINGS_FAULTS_RUSAGE) {
        faultcount_source = wanted == SETTINGS_FAULTS_OFF ? VMT_FAULTS_OFF : VMT_FAULTS_RUSAGE;
        faultcount_kernel = wanted == SETTINGS_FAULTS_RUSAGE;
        return true;
    }
    bool granted = faultcount_perf_attach(&probe);
    if (!granted) {
        faultcount_kernel = false; /* what an unprivileged process may ask for */
        granted = faultcount_perf_attach(&probe);
    }
    if (granted) {
        faultcount_source = VMT_FAULTS_PERF;
        return true;
    }
    faultcount_source = VMT_FAULTS_RUSAGE;
    faultcount_kernel = true;
    faultcount_reason = "the kernel refused perf_event_open";
    return wanted != SETTINGS_FAULTS_PERF;
}

void faultcount_cancel(void)
{
    faultcount_detach(&probe);
}

void faultcount_attach(struct faultcount *count)
{
    if (probe.source == VMT_FAULTS_PERF) {
        *count = probe;
        use_own_heads(&probe, VMT_FAULTS_OFF);
        return;
    }
    if (faultcount_source == VMT_FAULTS_PERF && faultcount_perf_attach(count))
        return;
    if (faultcount_source == VMT_FAULTS_OFF) {
        use_own_heads(count, VMT_FAULTS_OFF);
        return;
    }
    use_own_heads(count, VMT_FAULTS_RUSAGE);
    faultcount_rusage_attach(count);
}

void faultcount_detach(struct faultcount *count)
{
    if (count->source == VMT_FAULTS_PERF)
        faultcount_perf_detach(count);
    use_own_heads(count, VMT_FAULTS_OFF);
}
