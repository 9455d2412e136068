/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a trace model, for the files of model/ and for query/.
 */
#ifndef VMTRACE_MODEL_TRACE_STATE_H
#define VMTRACE_MODEL_TRACE_STATE_H

#include "base/arena.h"
#include "model/clock_model.h"
#include "model/error_model.h"
#include "model/fault_model.h"
#include "model/heap_model.h"
#include "model/inherit.h"
#include "model/lsan_model.h"
#include "model/mapping_model.h"
#include "model/module_table.h"
#include "model/pool_model.h"
#include "model/process_facts.h"
#include "model/reach_model.h"
#include "model/residency_model.h"
#include "model/site_table.h"
#include "model/stack_tree.h"
#include "model/thread_table.h"
#include "model/timeline.h"
#include "model/trace_model.h"
#include "model/unmap_history.h"
#include "model/untraced_list.h"
#include "reader/trace_reader.h"

struct trace_model {
    const char *path; /* as it was given, "-" for memory */
    struct vmt_file_header header;
    struct trace_damage damage;
    uint64_t bytes;  /* size of the trace */
    uint64_t events; /* records, but those that only define stack nodes */
    uint64_t last_ticks;

    struct arena *arena; /* strings */
    struct module_table modules;
    struct stack_tree stacks;
    struct site_table sites;
    struct error_model errors;
    struct unmap_history unmapped;
    struct thread_table threads;
    struct heap_model heap;
    struct mapping_model maps;
    struct pool_model pools;
    struct timeline timeline;
    struct fault_model faults;
    struct residency_model residency;
    struct reach_model reach;
    struct lsan_model lsan;
    struct clock_model clock;
    struct process_facts facts;
    struct untraced_list untraced;
    struct inheritance inheritance;
    unsigned depth;             /* 0, or for whose sake it is read: 1 is a forked child's parent */
    bool every_parent;          /* read, however large it is */
    bool without_faults;        /* trace_model_skip_faults */
    uint64_t expected_trace;    /* trace_id, if depth > 0 */
    struct parent_shelf *shelf; /* borrowed, or NULL */

    struct stream_state *streams;
    size_t stream_count;
};

/* After the last event.  False when out of memory. */
bool trace_model_finish(struct trace_model *model);

/* Takes in one event of a stream.  False when out of memory. */
bool trace_model_apply(struct trace_model *model, struct stream_state *stream, struct event *event);

#endif
