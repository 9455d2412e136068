/* SPDX-License-Identifier: Apache-2.0 */
/* Findings made by hand, with hostile names, for the formats that other programs read. */
#ifndef VMTRACE_GOLDEN_SAMPLE_FINDINGS_H
#define VMTRACE_GOLDEN_SAMPLE_FINDINGS_H

#include "gate/finding.h"

/* Of one process, or of several of which some could not be judged.  False when out of memory. */
bool sample_findings(struct finding_set *set, bool many);

/* Of a process without any. */
bool sample_findings_none(struct finding_set *set);

#endif
