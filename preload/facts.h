/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the trace says of the process and the machine, as FACT and ARGUMENT records; the keys are
 * listed in docs/trace-format.md.  No environment variables: they hold secrets.
 */
#ifndef VMTRACE_FACTS_H
#define VMTRACE_FACTS_H

#include "stream.h"

void facts_record(struct stream *stream);

#endif
