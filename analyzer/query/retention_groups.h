/* SPDX-License-Identifier: Apache-2.0 */
/* Inside query/: pointers into the heap by what they stand in, and sites by line of source. */
#ifndef VMTRACE_QUERY_RETENTION_GROUPS_H
#define VMTRACE_QUERY_RETENTION_GROUPS_H

#include "base/hash_map.h"
#include "query/report_build.h"
#include "query/report_retention.h"

struct root_groups {
    uint32_t *groups; /* of each root */
    uint32_t *first;  /* of each group: one of its roots */
    uint64_t *pointers;
    size_t count, capacity, pointer_capacity;
    struct hash_map by_key;
};

struct site_places {
    uint32_t *places;  /* of each site */
    uint32_t *largest; /* of each place: the site with the most live bytes */
    uint32_t *sites;   /* of each place: how many */
    size_t count;
};

/* False when out of memory; release in any case. */
bool root_groups_init(struct root_groups *groups, struct report_build *build);
void root_groups_release(struct root_groups *groups);

bool site_places_init(struct site_places *places, const struct report_build *build);
void site_places_release(struct site_places *places);

/* What is known of where a root stands; false when out of memory. */
bool root_describe(struct report_build *build, size_t root, struct report_root *out);

#endif
