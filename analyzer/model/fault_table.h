/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page faults by who touched what: targets, and pairs of touching code and target.
 *
 * Invariant: minor + major of a pair = the sum of its kinds.
 */
#ifndef VMTRACE_MODEL_FAULT_TABLE_H
#define VMTRACE_MODEL_FAULT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"

enum fault_owner {
    FAULT_OWNER_BLOCK,     /* id: site */
    FAULT_OWNER_MAPPING,   /* id: site */
    FAULT_OWNER_FILE,      /* id: site of the mapping */
    FAULT_OWNER_STACK,     /* id: thread */
    FAULT_OWNER_MODULE,    /* id: module, page: within it */
    FAULT_OWNER_ALLOCATOR, /* what it mapped, outside of any block */
    FAULT_OWNER_NONE,      /* nothing that was announced; page: a unit of 64 KiB */
};

/* Why a page had to be brought in. */
enum fault_kind {
    FAULT_KIND_FIRST,  /* anonymous memory, touched for the first time */
    FAULT_KIND_HUGE,   /* the same, and a huge page came */
    FAULT_KIND_CACHED, /* a file's page, from the page cache */
    FAULT_KIND_DISK,   /* a file's page, from the disk */
    FAULT_KIND_COPY,   /* shared since a fork, now copied */
    FAULT_KIND_WRITE,  /* had only been read, now written */
    FAULT_KIND_RETURN, /* had been given back to the kernel */
    FAULT_KIND_SWAP,   /* had been swapped out */
    FAULT_KIND_STACK,  /* a stack grew */
    FAULT_KINDS,
};

struct fault_target {
    enum fault_owner owner;
    uint32_t id;
    uint64_t page;
    uint64_t address;                   /* the first that was touched */
    uint64_t first_offset, last_offset; /* files: of the touched bytes */
    uint32_t giver;                     /* stack of who gave pages of it back last, or PAGE_KEPT */
};

struct fault_pair {
    uint32_t code;   /* node in the stack tree; STACK_NONE: not known */
    uint32_t target; /* index */
    uint64_t minor, major;
    uint64_t kinds[FAULT_KINDS];
    uint64_t kernel;   /* of all, those taken inside system calls */
    uint64_t inferred; /* of all, those that the kernel's ring had no room for */
};

/* All zero is an empty table. */
struct fault_table {
    struct fault_target *targets;
    size_t target_count, target_capacity;
    struct fault_pair *pairs;
    size_t pair_count, pair_capacity;
    struct hash_map target_by_key, pair_by_key;
};

void fault_table_release(struct fault_table *table);

/* Index of the target, made when it is new; UINT32_MAX when out of memory. */
uint32_t fault_table_target(struct fault_table *table, const struct fault_target *target);

/* Index of the pair, made when it is new; UINT32_MAX when out of memory. */
uint32_t fault_table_pair(struct fault_table *table, uint32_t code, uint32_t target);

#endif
