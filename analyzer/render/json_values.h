/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results as JSON values.  Each returns a new reference, NULL when out of
 * memory.  docs/report.schema.json describes them.
 */
#ifndef VMTRACE_JSON_VALUES_H
#define VMTRACE_JSON_VALUES_H

#include <jansson.h>

#include "query/report.h"

/* Numbers of sites: their positions in "sites", found by address. */
struct json_sites {
    const struct json_site_number *numbers; /* sorted by address */
    size_t count;
};

struct json_site_number {
    const struct report_site *site;
    size_t number;
};

/* false: out of memory */
bool json_sites_init(struct json_sites *sites, const struct report *report, size_t listed);
void json_sites_release(struct json_sites *sites);
/* null for a site that is not among the `listed` first of "sites" */
json_t *json_site_number(const struct json_sites *sites, const struct report_site *site);

/* null for NULL; `whole` with what there is no room for in each stack */
json_t *json_frame(const struct report_frame *frame, bool whole);
json_t *json_stack(const struct report_stack *stack); /* null for NULL */
json_t *json_own_frame(const struct report_stack *stack);

json_t *json_process(const struct report *report);
json_t *json_summary(const struct report *report);
json_t *json_site(const struct report_site *site);
json_t *json_leak(const struct report_leak *leak, const struct json_sites *sites);
json_t *json_growth_site(const struct report_site *site, const struct json_sites *sites);
json_t *json_peak_site(const struct report_site *site, const struct json_sites *sites);
json_t *json_error(const struct report_error *error);
json_t *json_suppression(const struct report_suppression *suppression);
json_t *json_sample(const struct report_sample *sample);
json_t *json_phase(const struct report_phase *phase);
json_t *json_scan(const struct report_scan *scan, bool judge);
json_t *json_snapshot(const struct report_snapshot *snapshot);
json_t *json_thread(const struct report_thread *thread);
json_t *json_pool(const struct report_pool *pool);
json_t *json_mapping(const struct report_mapping *mapping, const struct json_sites *sites);
json_t *json_untraced(const struct report_untraced *child);
json_t *json_module(const struct report_module *module);

/* json_memory.c: members of "growth", and "map"; `top`: entries of lists, 0 for all. */
struct json_stream;
void json_write_memory(struct json_stream *stream, const struct report *report,
                       const struct json_sites *sites, size_t top);
void json_write_map(struct json_stream *stream, const struct report *report,
                    const struct json_sites *sites);
json_t *json_rss_at_end(const struct report *report);

#endif
