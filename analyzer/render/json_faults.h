/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the JSON format: page faults. */
#ifndef VMTRACE_JSON_FAULTS_H
#define VMTRACE_JSON_FAULTS_H

#include "render/json_stream.h"
#include "render/json_values.h"
#include "render/renderer.h"

void json_faults(struct json_stream *stream, const struct report *report,
                 const struct json_sites *sites, const struct render_options *options);

#endif
