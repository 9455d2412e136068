/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a SARIF log.  Each returns a new reference, NULL when out of memory. */
#ifndef VMTRACE_SARIF_H
#define VMTRACE_SARIF_H

#include <jansson.h>

#include "render/findings_render.h"

/* {"text": TEXT} */
json_t *sarif_message(const char *text);

/* An array of one item, which is taken over. */
json_t *sarif_list_of(json_t *item);

/* Takes `item` over; *list is NULL from the first failure on. */
void sarif_append(json_t **list, json_t *item);

/* What there is to find, for "rules"; and the position there of a finding's rule. */
json_t *sarif_rules(void);
json_t *sarif_rule_index(const char *id);

/* Where the tool's paths begin, for "originalUriBaseIds". */
json_t *sarif_bases(struct arena *arena);

json_t *sarif_artifact(struct arena *arena, const char *path); /* as source_path has it */
json_t *sarif_location(struct arena *arena, const struct report_frame *frame);

#endif
