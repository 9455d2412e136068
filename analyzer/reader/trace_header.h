/* SPDX-License-Identifier: Apache-2.0 */
/* The file header: the checks that make a file a trace. */
#ifndef VMTRACE_READER_TRACE_HEADER_H
#define VMTRACE_READER_TRACE_HEADER_H

#include <vmtrace/trace_format.h>

#include "base/error.h"
#include "reader/source.h"

/* Every field that others compute with is in its range afterwards: page_size a power of two
 * of 1 KiB to 1 GiB, header_size and chunk_size this version's, clock known. */
enum vmt_error trace_header_read(const struct source *source, struct vmt_file_header *header,
                                 struct error *error);

#endif
