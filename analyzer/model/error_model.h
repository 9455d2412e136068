/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory errors and crashes.  The same kind with the same stacks is one entry with a count;
 * at most ERROR_MAX entries are kept.
 */
#ifndef VMTRACE_MODEL_ERROR_MODEL_H
#define VMTRACE_MODEL_ERROR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/stack_tree.h"

#define ERROR_MAX ((size_t)1000)
#define ERROR_NONE UINT32_MAX

enum memory_error_kind {
    ERROR_DOUBLE_FREE,
    ERROR_INVALID_FREE,
    ERROR_MISMATCHED_FREE,
    ERROR_CRASH, /* .signal tells which */
};

/* What the address of an error was found to be. */
enum memory_error_place {
    ERROR_PLACE_UNKNOWN,
    ERROR_PLACE_BLOCK,        /* start of a block of `block_size` */
    ERROR_PLACE_INSIDE_LIVE,  /* `offset` bytes into a live block */
    ERROR_PLACE_INSIDE_FREED, /* the same, of a block that was released */
};

struct memory_error {
    enum memory_error_kind kind;
    int signal;
    enum memory_error_place place;
    uint64_t address, ticks, count;
    uint64_t offset, block_size; /* bytes */
    uint32_t tid;
    uint32_t node; /* stacks, STACK_NONE where not known */
    uint32_t allocated, freed;
    uint32_t allocated_kind; /* SITE_KIND of the allocation, for mismatches */
    uint32_t released_kind;  /* SITE_KIND of the release */
};

/* All zero is an empty model. */
struct error_model {
    struct memory_error *errors;
    size_t count, capacity;
    uint64_t dropped; /* beyond ERROR_MAX */
};

void error_model_release(struct error_model *model);

/* The entry with the same kind and stacks, or NULL. */
struct memory_error *error_model_find(struct error_model *model, const struct memory_error *error);

/* Adds an entry (with a count of 1) or counts the one that is there.  Its index, or
 * ERROR_NONE when it was dropped.  Running out of memory drops it, too. */
uint32_t error_model_add(struct error_model *model, const struct memory_error *error);

#endif
