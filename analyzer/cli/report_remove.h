/* SPDX-License-Identifier: Apache-2.0 */
/* Which traces a check leaves behind. */
#ifndef VMTRACE_CLI_REPORT_REMOVE_H
#define VMTRACE_CLI_REPORT_REMOVE_H

#include "gate/finding.h"

/* Removes the traces of processes without findings, or `all`.  What forked processes with findings
 * have from their parents is told by the parents' traces, so these stay, too. */
void report_remove_traces(const struct finding_set *set, bool all);

#endif
