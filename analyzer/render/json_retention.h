/* SPDX-License-Identifier: Apache-2.0 */
/* "retention" of the JSON report: why what is not lost is alive. */
#ifndef VMTRACE_JSON_RETENTION_H
#define VMTRACE_JSON_RETENTION_H

#include "render/json_values.h"

struct json_stream;

/* `top`: entries of each list, 0 for all.  null where nothing is known. */
void json_write_retention(struct json_stream *stream, const struct report *report,
                          const struct json_sites *sites, size_t top);

#endif
