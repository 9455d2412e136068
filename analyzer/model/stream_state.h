/* SPDX-License-Identifier: Apache-2.0 */
/* What the model remembers of one stream between two of its events. */
#ifndef VMTRACE_MODEL_STREAM_STATE_H
#define VMTRACE_MODEL_STREAM_STATE_H

#include "model/block_table.h"
#include "model/error_model.h"
#include "model/fault_wait.h"
#include "model/mapping_list.h"
#include "model/node_map.h"

/* A realloc between its BEGIN and its outcome. */
struct pending_realloc {
    struct live_block block; /* only the address is good unless known */
    bool active;
    bool known;    /* the block was live; it is in no table now */
    bool reported; /* not known, and that is an error that was reported */
};

struct stream_state {
    struct node_map nodes;
    uint32_t node_epoch;
    uint32_t index;      /* in the trace */
    uint32_t thread;     /* in the thread table; UINT32_MAX before the first chunk */
    uint64_t last_alloc; /* the address this thread allocated last; 0: none or released */
    uint64_t temporary;  /* in a sampled trace: what the recorder said so about; 0: nothing */
    struct pending_realloc realloc;
    struct mapping_list removed; /* by the last UNMAP or REMAP_BEGIN */
    bool remapping;              /* the last of these was a REMAP_BEGIN */
    bool removal_allocator;      /* the last UNMAP came from inside the allocator */
    uint32_t error;              /* error that a crash would belong to, or ERROR_NONE */
    uint32_t handled;            /* crash that a handler of the program's took, or ERROR_NONE */
    uint32_t unmap_error;        /* of the last UNMAP, or ERROR_NONE */
    uint32_t untraced;           /* what its last UNFOLLOWED was about: untraced_list.c */
    bool lost;                   /* it stopped recording */
    bool ignoring;               /* what it allocates is no leak: __lsan_disable */
    bool touched;                /* something waits in what follows */
    struct fault_wait waiting;
    struct fault_gap gap;
    uint64_t uncounted_minor, uncounted_major; /* of FAULTS, without details: for the next event */
    uint64_t last_ticks;                       /* of the record before the present one */
    uint64_t last_touched;                     /* address of the last fault that was described */
    uint64_t remap_start, remap_length;        /* of the last REMAP_BEGIN; 0: it has ended */
};

#endif
