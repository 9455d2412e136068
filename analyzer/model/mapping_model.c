/* SPDX-License-Identifier: Apache-2.0 */
#include "model/mapping_model.h"

#include <string.h>

/* <sys/mman.h>; the same on every Linux machine, and the trace may come from another one. */
#define ADVICE_DONTNEED 4
#define ADVICE_FREE 8
#define MAP_SHARED_FLAG 1 /* MAP_SHARED, and part of MAP_SHARED_VALIDATE */

void mapping_model_init(struct mapping_model *model, struct site_table *sites,
                        struct stack_tree *stacks, struct arena *arena, uint64_t page_size)
{
    *model = (struct mapping_model){
        .sites = sites, .stacks = stacks, .arena = arena, .page_size = page_size};
}

void mapping_model_release(struct mapping_model *model)
{
    mapping_list_release(&model->list);
}

static void mapping_count(struct mapping_model *model, const struct mapping *mapping,
                          uint64_t ticks)
{
    uint64_t bytes = mapping->end - mapping->start;
    struct sample_weight weight = sample_weigh(0, bytes);
    site_table_count(model->sites, mapping->site, bytes, &weight, ticks);
}

/* `bytes` of a mapping come to be (blocks 1) or go; a split leaves one mapping more. */
static void mapping_account(struct mapping_model *model, const struct mapping *mapping,
                            uint64_t bytes, int64_t blocks, bool live)
{
    if (mapping->flags & MAPPING_ALLOCATOR)
        return;
    struct sample_weight weight = {.bytes = bytes, .blocks = (uint64_t)(live ? blocks : -blocks)};
    if (live)
        site_table_add(model->sites, mapping->site, &weight);
    else
        site_table_remove(model->sites, mapping->site, &weight);
    if ((mapping->flags & MAPPING_BREAK) || model->sites->sites[mapping->site].inherited)
        return;
    model->live_bytes += live ? bytes : -bytes;
    if (live)
        model->mapped_bytes += bytes;
    else
        model->unmapped_bytes += bytes;
}

/* Removes start..end; what was there is added to *removed unless that is NULL. */
static bool mapping_cut(struct mapping_model *model, uint64_t start, uint64_t end,
                        struct mapping_list *removed)
{
    size_t first, left = 0;
    struct mapping rest[2];
    size_t last = mapping_list_overlapping(&model->list, start, end, &first);
    for (size_t i = first; i < last; i++) {
        struct mapping piece = model->list.mappings[i];
        int64_t pieces_left = 0;
        if (piece.end > end) {
            rest[left++] = (struct mapping){end, piece.end, piece.site, piece.flags, piece.bias};
            piece.end = end;
            piece.flags |= MAPPING_ABOVE;
            pieces_left++;
        }
        if (piece.start < start) {
            rest[left++] = (struct mapping){piece.start, start, piece.site,
                                            model->list.mappings[i].flags, piece.bias};
            piece.start = start;
            piece.flags |= MAPPING_BELOW;
            pieces_left++;
        }
        mapping_account(model, &piece, piece.end - piece.start, pieces_left - 1, false);
        if (removed && !mapping_list_add(removed, &piece))
            return false;
    }
    return first == last || mapping_list_replace(&model->list, first, last, rest, left);
}

static bool mapping_place(struct mapping_model *model, const struct mapping *mapping)
{
    if (!mapping_cut(model, mapping->start, mapping->end, NULL) ||
        !mapping_list_add(&model->list, mapping))
        return false;
    mapping_account(model, mapping, mapping->end - mapping->start, 1, true);
    return true;
}

/* End of a range of `length` bytes, to whole pages; false for a range that is none. */
static bool mapping_end(struct mapping_model *model, uint64_t start, uint64_t length, uint64_t *end)
{
    uint64_t mask = model->page_size - 1;
    if (length == 0 || __builtin_add_overflow(start, length, end) ||
        __builtin_add_overflow(*end, mask, end)) {
        model->impossible++;
        return false;
    }
    *end &= ~mask;
    return start < *end;
}

/* A site belongs to the file that all its mappings are of. */
static bool mapping_name_site(struct mapping_model *model, uint32_t index,
                              const struct event_string *name)
{
    struct site *site = &model->sites->sites[index];
    bool first = site->allocations == 0;
    if (first && name->length) {
        site->name = arena_string(model->arena, name->bytes, name->length);
        return site->name != NULL;
    }
    size_t length = site->name ? strlen(site->name) : 0;
    if (!first && (length != name->length ||
                   memcmp(site->name ? site->name : "", name->bytes, length) != 0)) {
        site->name = NULL;
        site->several_names = true;
    }
    return true;
}

static bool mapping_map(struct mapping_model *model, const struct event *event, uint32_t node)
{
    const uint64_t *values = event->cold.values;
    struct mapping mapping = {.start = values[1], .site = SITE_NONE, .bias = values[5] - values[1]};
    if (!mapping_end(model, mapping.start, values[2], &mapping.end))
        return true;
    bool shm = (values[0] & ~(uint64_t)VMT_MAP_ALLOCATOR) == VMT_MAP_SHM;
    if (shm)
        mapping.flags |= MAPPING_SHM | MAPPING_SHARED;
    else if (values[4] & MAP_SHARED_FLAG)
        mapping.flags |= MAPPING_SHARED;
    if (event->cold.strings[0].length)
        mapping.flags |= MAPPING_FILE;
    if (values[0] & VMT_MAP_ALLOCATOR) {
        mapping.flags |= MAPPING_ALLOCATOR;
        return mapping_place(model, &mapping);
    }
    mapping.site = site_table_get(model->sites, model->stacks, node, shm ? SITE_SHM : SITE_MMAP);
    if (mapping.site == SITE_NONE ||
        !mapping_name_site(model, mapping.site, &event->cold.strings[0]))
        return false;
    model->map_calls++;
    mapping_count(model, &mapping, event->ticks);
    return mapping_place(model, &mapping);
}

/* shmdt names only the start of the segment. */
static uint64_t mapping_segment_end(const struct mapping_model *model, uint64_t start)
{
    size_t first;
    size_t last = mapping_list_overlapping(&model->list, start, start + 1, &first);
    if (first == last || model->list.mappings[first].start != start ||
        !(model->list.mappings[first].flags & MAPPING_SHM))
        return start;
    return model->list.mappings[first].end;
}

static bool mapping_unmap(struct mapping_model *model, struct stream_state *stream,
                          const uint64_t *values)
{
    uint64_t start = values[1], end;
    stream->removed.count = 0;
    stream->remapping = false;
    stream->removal_allocator = values[0] & VMT_MAP_ALLOCATOR;
    if (!stream->removal_allocator)
        model->unmap_calls++;
    /* The kernel refuses it; what lies there may be another thread's, who unmaps it meanwhile. */
    if (values[2] != 0 && (start & (model->page_size - 1)))
        return true;
    if (values[2] == 0)
        end = start == UINT64_MAX ? start : mapping_segment_end(model, start);
    else if (!mapping_end(model, start, values[2], &end))
        return true;
    return start == end || mapping_cut(model, start, end, &stream->removed);
}

static bool mapping_remap_begin(struct mapping_model *model, struct stream_state *stream,
                                const uint64_t *values)
{
    uint64_t end;
    stream->removed.count = 0;
    stream->remapping = true;
    /* An old length of 0 duplicates a shared mapping and removes nothing. */
    if (values[1] == 0 || !mapping_end(model, values[0], values[1], &end))
        return true;
    return mapping_cut(model, values[0], end, &stream->removed);
}

/* Puts one piece back, joined with what is left of the mappings that it was cut from. */
static bool mapping_restore_piece(struct mapping_model *model, struct mapping piece)
{
    if (!mapping_cut(model, piece.start, piece.end, NULL))
        return false;
    struct mapping joined = piece;
    joined.flags &= ~(MAPPING_ABOVE | MAPPING_BELOW);
    size_t first;
    size_t last = mapping_list_overlapping(&model->list, piece.start, piece.end, &first);
    const struct mapping *list = model->list.mappings;
    if ((piece.flags & MAPPING_ABOVE) && first > 0 && list[first - 1].start == piece.end &&
        list[first - 1].site == piece.site)
        joined.end = list[--first].end;
    if ((piece.flags & MAPPING_BELOW) && last < model->list.count &&
        list[last].end == piece.start && list[last].site == piece.site)
        joined.start = list[last++].start;
    mapping_account(model, &piece, piece.end - piece.start, 1 - (int64_t)(last - first), true);
    return mapping_list_replace(&model->list, first, last, &joined, 1);
}

static bool mapping_restore(struct mapping_model *model, struct stream_state *stream)
{
    uint64_t unmapped = model->unmapped_bytes, mapped = model->mapped_bytes;
    for (size_t i = 0; i < stream->removed.count; i++) {
        if (!mapping_restore_piece(model, stream->removed.mappings[i]))
            return false;
    }
    /* It never happened: undo its part of both sums. */
    uint64_t restored = model->mapped_bytes - mapped;
    model->mapped_bytes = mapped;
    model->unmapped_bytes = unmapped - restored + (model->unmapped_bytes - unmapped);
    if (!stream->remapping && !stream->removal_allocator && model->unmap_calls)
        model->unmap_calls--;
    stream->removed.count = 0;
    return true;
}

/* The new place belongs to the caller of mremap; file and kind are those of the old one. */
static bool mapping_remap_end(struct mapping_model *model, struct stream_state *stream,
                              const struct event *event, uint32_t node)
{
    const uint64_t *values = event->cold.values;
    struct mapping mapping = {.start = values[0], .site = SITE_NONE};
    if (!mapping_end(model, mapping.start, values[1], &mapping.end))
        return true;
    const struct mapping *old =
        stream->remapping && stream->removed.count ? &stream->removed.mappings[0] : NULL;
    if (old)
        mapping.flags =
            old->flags & (MAPPING_ALLOCATOR | MAPPING_SHM | MAPPING_SHARED | MAPPING_FILE);
    if (old)
        mapping.bias = old->bias + old->start - mapping.start;
    stream->removed.count = 0;
    if (mapping.flags & MAPPING_ALLOCATOR)
        return mapping_place(model, &mapping);
    const char *name = old && old->site != SITE_NONE ? model->sites->sites[old->site].name : NULL;
    struct event_string text = {name ? name : "", name ? strlen(name) : 0};
    mapping.site = site_table_get(model->sites, model->stacks, node,
                                  mapping.flags & MAPPING_SHM ? SITE_SHM : SITE_MMAP);
    if (mapping.site == SITE_NONE || !mapping_name_site(model, mapping.site, &text))
        return false;
    model->sites->sites[mapping.site].moved = true;
    mapping_count(model, &mapping, event->ticks);
    return mapping_place(model, &mapping);
}

static bool mapping_break(struct mapping_model *model, const struct event *event, uint32_t node)
{
    uint64_t old_break = event->cold.values[0], new_break = event->cold.values[1];
    if (new_break < old_break)
        return mapping_cut(model, new_break, old_break, NULL);
    if (new_break == old_break)
        return true;
    struct mapping mapping = {
        .start = old_break, .end = new_break, .site = SITE_NONE, .flags = MAPPING_BREAK};
    mapping.site = site_table_get(model->sites, model->stacks, node, SITE_BREAK);
    if (mapping.site == SITE_NONE)
        return false;
    mapping_count(model, &mapping, event->ticks);
    return mapping_place(model, &mapping);
}

static void mapping_advise(struct mapping_model *model, const uint64_t *values)
{
    if (values[2] != ADVICE_DONTNEED && values[2] != ADVICE_FREE)
        return;
    model->advise_calls++;
    model->advised_bytes += values[1];
}

bool mapping_model_inherit(struct mapping_model *model, const struct mapping *mapping)
{
    return mapping_place(model, mapping);
}

bool mapping_model_apply(struct mapping_model *model, struct stream_state *stream,
                         const struct event *event, uint32_t node)
{
    const uint64_t *values = event->cold.values;
    switch (event->op) {
    case VMT_OP_MAP:
        return mapping_map(model, event, node);
    case VMT_OP_UNMAP:
        return mapping_unmap(model, stream, values);
    case VMT_OP_UNMAP_FAILED:
        return mapping_restore(model, stream);
    case VMT_OP_REMAP_BEGIN:
        return mapping_remap_begin(model, stream, values);
    case VMT_OP_REMAP_END:
        return mapping_remap_end(model, stream, event, node);
    case VMT_OP_BREAK:
        return mapping_break(model, event, node);
    case VMT_OP_ADVISE:
        mapping_advise(model, values);
        return true;
    default:
        return true;
    }
}
