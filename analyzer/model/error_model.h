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
#define ERROR_REGISTERS 4

enum memory_error_kind {
    ERROR_DOUBLE_FREE,
    ERROR_INVALID_FREE,
    ERROR_MISMATCHED_FREE,
    ERROR_REALLOC_FREED, /* realloc of a block that was released */
    ERROR_UNMAPPED_HEAP, /* munmap of memory that a live block lies in */
    ERROR_CRASH,         /* .signal tells which */
};

/* What the address of an error was found to be. */
enum memory_error_place {
    ERROR_PLACE_UNKNOWN,
    ERROR_PLACE_NULL,         /* `offset` bytes from address 0 */
    ERROR_PLACE_BLOCK,        /* start of a block of `block_size` */
    ERROR_PLACE_INSIDE_LIVE,  /* `offset` bytes into a live block */
    ERROR_PLACE_INSIDE_FREED, /* the same, of a block that was released */
    ERROR_PLACE_AFTER_LIVE,   /* `offset` bytes past the end of one */
    ERROR_PLACE_AFTER_FREED,
    ERROR_PLACE_BEFORE_LIVE, /* `offset` bytes before the start of one */
    ERROR_PLACE_BEFORE_FREED,
    ERROR_PLACE_STACK,       /* of thread `place_id` */
    ERROR_PLACE_BELOW_STACK, /* `offset` bytes below the lowest address that it may have, or at its
                                end as it is now */
    ERROR_PLACE_MAPPING,     /* `offset` bytes into one of `block_size`, of site `place_id` */
    ERROR_PLACE_UNMAPPED,    /* the same; it was unmapped */
    ERROR_PLACE_MODULE,      /* in module `place_id` */
    ERROR_PLACE_MODULE_GONE, /* the same; it was unloaded */
};

/* A register that held the address of a released block, or of what is no memory at all. */
struct error_register {
    uint32_t number; /* by DWARF */
    bool wild;       /* no address of a process's; else: */
    uint64_t value;
    uint64_t offset, block_size;
    uint32_t allocated, freed;
};

struct memory_error {
    enum memory_error_kind kind;
    int signal;
    int code;       /* si_code */
    unsigned flags; /* VMT_CRASH_* */
    bool follows;   /* the thread's last act was a wrong release, which was told of */
    enum memory_error_place place;
    uint64_t address, ticks, count;
    uint64_t offset, block_size; /* bytes */
    uint32_t place_id;
    uint32_t tid;
    uint32_t node; /* stacks, STACK_NONE where not known */
    uint32_t allocated, freed;
    uint32_t allocated_kind; /* SITE_KIND of the allocation, for mismatches */
    uint32_t released_kind;  /* SITE_KIND of the release */
    uint32_t register_count;
    struct error_register registers[ERROR_REGISTERS];
};

/* All zero is an empty model. */
struct error_model {
    struct memory_error *errors;
    size_t count, capacity;
    uint64_t dropped; /* beyond ERROR_MAX */
    uint64_t walked;  /* blocks that were looked at, for the sake of an address */
    /* Finds out what the address of an error is; NULL: nobody does. */
    void (*place)(void *context, struct memory_error *error);
    void *context;
};

void error_model_release(struct error_model *model);

/* The entry with the same kind and stacks, or NULL. */
struct memory_error *error_model_find(struct error_model *model, const struct memory_error *error);

/* Adds an entry (with a count of 1) or counts the one that is there.  Its index, or
 * ERROR_NONE when it was dropped.  Running out of memory drops it, too. */
uint32_t error_model_add(struct error_model *model, const struct memory_error *error);

/* The stack of entry `index`, which had none, is known now: it may be one that was there already.
 */
void error_model_set_stack(struct error_model *model, uint32_t index, uint32_t node);

/* Entry `index` did not happen that last time. */
void error_model_take_back(struct error_model *model, uint32_t index);

#endif
