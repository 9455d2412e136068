/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fault_model.h"

#include <stdlib.h>

#include "base/vector.h"
#include "model/fault_count.h"
#include "model/fault_owner.h"

/* <sys/mman.h>: advice after which the pages are gone. */
#define ADVICE_DONTNEED 4
#define ADVICE_FREE 8
#define ADVICE_REMOVE 9
#define ADVICE_DONTNEED_LOCKED 24

/* glibc's least block with a mapping of its own, which realloc moves without copying. */
#define MOVED_LEAST (UINT64_C(128) << 10)

void fault_model_init(struct fault_model *faults, struct heap_model *heap,
                      const struct mapping_model *maps, const struct residency_model *residency,
                      const struct module_table *modules, struct stack_tree *stacks)
{
    *faults = (struct fault_model){
        .heap = heap, .maps = maps, .residency = residency, .modules = modules, .stacks = stacks};
}

void fault_model_start(struct fault_model *faults, const struct vmt_file_header *header)
{
    faults->page_shift = (unsigned)__builtin_ctz(header->page_size);
    faults->forked = header->flags & VMT_FLAG_FORKED;
}

void fault_model_release(struct fault_model *faults)
{
    fault_table_release(&faults->table);
    page_history_release(&faults->pages);
    free(faults->regions);
    hash_map_release(&faults->region_by_number);
}

/* The node of what touched the page: with its callers where the recorder took its stack. */
static uint32_t fault_code(struct fault_model *faults, const struct stream_state *stream,
                           const struct fault_detail *detail, uint64_t ticks)
{
    uint64_t pc = detail->code | VMT_PC_EXACT;
    uint32_t parent = STACK_EMPTY;
    if (detail->bits & VMT_FAULT_STACK) {
        parent = node_map_get(&stream->nodes, detail->node);
        if ((faults->stacks->nodes[parent].pc | VMT_PC_EXACT) == pc)
            return parent;
    }
    if (detail->code == 0)
        return parent == STACK_EMPTY ? STACK_NONE : parent;
    return stack_tree_child(faults->stacks, faults->modules, parent, pc, ticks);
}

static bool fault_wait_add(struct fault_wait *waiting, const struct fault_seen *seen,
                           uint64_t since)
{
    if (waiting->count == waiting->capacity &&
        !vector_grow(&waiting->faults, &waiting->capacity, sizeof(*waiting->faults)))
        return false;
    if (waiting->count == 0)
        waiting->since = since;
    waiting->faults[waiting->count++] = *seen;
    return true;
}

/* Whether what lies there may be part of a block that is about to be returned. */
static bool fault_may_wait(const struct fault_place *place)
{
    return place->target.owner == FAULT_OWNER_NONE || place->target.owner == FAULT_OWNER_ALLOCATOR;
}

/* What was left out before `gap.first` finds its owner, now that the next touch, at `second`, is
 * known; NULL: it is not. */
static bool fault_close_gap(struct fault_model *faults, struct stream_state *stream,
                            const struct fault_detail *second)
{
    struct fault_gap *gap = &stream->gap;
    uint64_t inferred = 0, lost = gap->lost;
    gap->lost = 0;
    if (lost && second &&
        !fault_count_gap(faults, gap->before, &gap->first, second->address, lost, &inferred))
        return false;
    faults->minor += lost;
    faults->inferred += inferred;
    faults->lost_minor += lost - inferred;
    stream->uncounted_minor += lost - inferred;
    return true;
}

static bool fault_settle_one(struct fault_model *faults, struct stream_state *stream,
                             const struct fault_seen *seen, const struct event *event)
{
    struct fault_place place;
    if (!event || event->type != EVENT_ALLOC ||
        !fault_owner_allocated(faults, seen->address, event->address, &place)) {
        fault_owner_find(faults, seen->address, &place);
        if (place.target.owner == FAULT_OWNER_NONE)
            fault_owner_released(faults, seen->address, stream->waiting.since, &place);
    }
    return fault_count(faults, seen, &place, false);
}

bool fault_model_carry(struct fault_model *faults, struct stream_state *stream, struct event *event)
{
    if (!fault_close_gap(faults, stream, NULL))
        return false;
    event->minor += stream->uncounted_minor;
    event->major += stream->uncounted_major;
    stream->uncounted_minor = stream->uncounted_major = 0;
    return true;
}

bool fault_model_settle(struct fault_model *faults, struct stream_state *stream,
                        const struct event *event)
{
    struct fault_wait *waiting = &stream->waiting;
    for (size_t i = 0; i < waiting->count; i++) {
        if (!fault_settle_one(faults, stream, &waiting->faults[i], event))
            return false;
    }
    waiting->count = 0;
    return fault_close_gap(faults, stream, NULL);
}

/* The faults of a record that its details, of which `first` is the first, leave out. */
static bool fault_open_gap(struct fault_model *faults, struct stream_state *stream,
                           const struct event_cold *cold, const struct fault_seen *first)
{
    uint64_t majors = 0;
    for (size_t i = 0; i < cold->detail_count; i++)
        majors += cold->details[i].bits & VMT_FAULT_MAJOR;
    uint64_t minors = cold->detail_count - majors;
    uint64_t lost_major = cold->values[1] > majors ? cold->values[1] - majors : 0;
    faults->minor += minors;
    faults->major += majors + lost_major;
    faults->lost_major += lost_major;
    stream->uncounted_major += lost_major;
    stream->gap = (struct fault_gap){
        .first = *first,
        .before = stream->last_touched,
        .lost = cold->values[0] > minors ? cold->values[0] - minors : 0,
    };
    return cold->detail_count < 2 || fault_close_gap(faults, stream, &cold->details[1]);
}

static bool fault_details(struct fault_model *faults, struct stream_state *stream,
                          const struct event *event)
{
    const struct event_cold *cold = &event->cold;
    struct fault_place place = {0};
    struct fault_seen seen = {.code = STACK_NONE};
    stream->touched = true;
    if (cold->detail_count == 0) { /* getrusage told them: they hang on the next event */
        stream->uncounted_minor += cold->values[0];
        stream->uncounted_major += cold->values[1];
        return true;
    }
    faults->heap->owners.moment++;
    for (size_t i = 0; i < cold->detail_count; i++) {
        const struct fault_detail *detail = &cold->details[i];
        bool same = i > 0 && detail->code == detail[-1].code &&
                    !((detail->bits | detail[-1].bits) & VMT_FAULT_STACK);
        if (!same)
            seen.code = fault_code(faults, stream, detail, event->ticks);
        seen.address = detail->address;
        seen.bits = detail->bits;
        /* One walk through a large block looks its owner up once. */
        if (place.target.owner != FAULT_OWNER_BLOCK ||
            seen.address - place.start >= place.end - place.start)
            fault_owner_find(faults, seen.address, &place);
        if (i == 0 && (!fault_close_gap(faults, stream, detail) ||
                       !fault_open_gap(faults, stream, cold, &seen)))
            return false;
        bool wait = fault_may_wait(&place) && stream->waiting.count < FAULT_WAIT_MAX;
        if (!(wait ? fault_wait_add(&stream->waiting, &seen, stream->last_ticks)
                   : fault_count(faults, &seen, &place, false)))
            return false;
        stream->last_touched = seen.address;
    }
    return true;
}

/* Pages that lie wholly within start..start+length.  False when out of memory, as below. */
static bool fault_given_back(struct fault_model *faults, uint64_t start, uint64_t length,
                             uint32_t node)
{
    uint64_t mask = (UINT64_C(1) << faults->page_shift) - 1, end;
    if (faults->pages.count == 0 || __builtin_add_overflow(start, length, &end) ||
        end > UINT64_MAX - mask)
        return true;
    uint64_t first = (start + mask) >> faults->page_shift;
    uint64_t last = (end + mask) >> faults->page_shift; /* the kernel rounds lengths up */
    return first >= last || page_history_give_back(&faults->pages, first, last,
                                                   node == PAGE_KEPT ? STACK_EMPTY : node,
                                                   faults->heap->owners.moment++);
}

/* What is mapped over an older mapping replaces its pages. */
static bool fault_mapped_over(struct fault_model *faults, uint64_t start, uint64_t length,
                              uint32_t node)
{
    uint64_t end;
    size_t first, last;
    if (faults->pages.count == 0 || __builtin_add_overflow(start, length, &end))
        return true;
    last = mapping_list_overlapping(&faults->maps->list, start, end, &first);
    for (; first < last; first++) {
        const struct mapping *old = &faults->maps->list.mappings[first];
        uint64_t low = old->start > start ? old->start : start;
        uint64_t high = old->end < end ? old->end : end;
        if (!fault_given_back(faults, low, high - low, node))
            return false;
    }
    return true;
}

/* The pages went along to the new place, where they do not fault again. */
static bool fault_remapped(struct fault_model *faults, struct stream_state *stream, uint64_t start)
{
    uint64_t old = stream->remap_start, length = stream->remap_length;
    stream->remap_length = 0;
    return length == 0 || start == old || fault_given_back(faults, old, length, PAGE_FORGOTTEN);
}

bool fault_model_realloc(struct fault_model *faults, const struct stream_state *stream,
                         const struct event *event)
{
    const struct pending_realloc *pending = &stream->realloc;
    if (!pending->active || !pending->known || pending->block.size < MOVED_LEAST ||
        pending->block.address == event->address)
        return true;
    return fault_given_back(faults, pending->block.address, pending->block.size, PAGE_FORGOTTEN);
}

bool fault_model_apply(struct fault_model *faults, struct stream_state *stream,
                       const struct event *event, uint32_t node)
{
    const uint64_t *values = event->cold.values;
    switch (event->op) {
    case VMT_OP_FAULTS:
        return fault_details(faults, stream, event);
    case VMT_OP_FORK:
        faults->fork_moment = ++faults->heap->owners.moment;
        faults->copies++;
        return true;
    case VMT_OP_ADVISE:
        if (values[2] == ADVICE_DONTNEED || values[2] == ADVICE_FREE ||
            values[2] == ADVICE_REMOVE || values[2] == ADVICE_DONTNEED_LOCKED)
            return fault_given_back(faults, values[0], values[1], node);
        return true;
    case VMT_OP_MAP:
        return fault_mapped_over(faults, values[1], values[2], node);
    case VMT_OP_UNMAP:
        return fault_given_back(faults, values[1], values[2], node);
    case VMT_OP_REMAP_BEGIN:
        stream->remap_start = values[0];
        stream->remap_length = values[1];
        return true;
    case VMT_OP_REMAP_END:
        return fault_remapped(faults, stream, values[0]);
    case VMT_OP_BREAK:
        return values[1] >= values[0] ||
               fault_given_back(faults, values[1], values[0] - values[1], node);
    default:
        return true;
    }
}
