/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the trace model: the records that errors come from. */
#ifndef VMTRACE_MODEL_ERROR_APPLY_H
#define VMTRACE_MODEL_ERROR_APPLY_H

#include "model/error_place.h"

/* CRASH. */
void error_apply_crash(struct trace_model *model, struct stream_state *stream,
                       const struct event *event, uint32_t node);

/* UNMAP, before the mappings take note of it, and UNMAP_FAILED. */
void error_apply_unmap(struct trace_model *model, struct stream_state *stream,
                       const struct event *event, uint32_t node);
void error_apply_unmap_failed(struct trace_model *model, struct stream_state *stream);

/* What an UNMAP has removed.  False when out of memory. */
bool error_apply_unmapped(struct trace_model *model, const struct stream_state *stream,
                          const struct event *event, uint32_t node);

#endif
