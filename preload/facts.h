/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the trace says of the process and the machine, as FACT and ARGUMENT records; the keys are
 * listed in docs/trace-format.md.  Of the environment only LSAN_OPTIONS (lsan.c): other variables
 * may hold secrets.
 */
#ifndef VMTRACE_FACTS_H
#define VMTRACE_FACTS_H

#include "stream.h"

/* While the process begins: finds out what forked children will tell, too. */
void facts_setup(void);

void facts_record(struct stream *stream);

/* One fact; nothing if the value is empty. */
void facts_record_text(struct stream *stream, const char *key, const char *value, size_t length);

/* Why the source of faults is not the best one, if so. */
void facts_record_faults_reason(struct stream *stream);

/* What a minor fault costs here, if that was measured (else 0), in nanoseconds. */
void facts_record_fault_cost(struct stream *stream, uint64_t cost);

/* Those that take a file of /proc or /sys each (14 microseconds) or a system call: not of
 * short-lived processes. */
void facts_record_costly(struct stream *stream);

#endif
