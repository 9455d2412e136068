/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate of a pipeline: which findings trip it.
 */
#ifndef VMTRACE_GATE_GATE_H
#define VMTRACE_GATE_GATE_H

#include "gate/baseline.h"
#include "gate/finding.h"

struct gate {
    unsigned classes; /* of leaks that trip it: 1 << enum report_leak_class */
    bool errors;
    bool growth;
    bool strict;        /* every process must have been checked */
    bool lenient;       /* one without a trace that can be read is like any other unchecked one */
    uint64_t threshold; /* bytes: leaks that together stay below do not trip it */
    const char *const *only; /* only findings that go through these, see gate_only.h; none: all */
    size_t only_count;
};

enum gate_verdict {
    GATE_PASSED,
    GATE_TRIPPED,
    GATE_UNJUDGED, /* it did not trip, but that means nothing */
};

/* Sets `fatal` and `whose` of each finding, and `unjudged`.  What a baseline knows (state
 * FINDING_KNOWN) trips nothing.  The verdict is GATE_UNJUDGED where a trace could not be read
 * (unless `lenient`), or no process's leaks could be judged (`strict`: some process's) and leaks
 * are what the gate is about. */
enum gate_verdict gate_judge(const struct gate *gate, struct finding_set *set);

#endif
