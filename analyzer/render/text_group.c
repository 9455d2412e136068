/* SPDX-License-Identifier: Apache-2.0 */
#include "render/text_group.h"

#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "query/own_frame.h"
#include "render/text_report.h"

struct keyed_item {
    uint64_t key, value;
    size_t index;
};

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return text ? fnv_add(hash, text, strlen(text) + 1) : fnv_add(hash, "\xff", 1);
}

static uint64_t hash_frame(uint64_t hash, const struct report_frame *frame)
{
    hash = hash_text(hash, frame->function);
    if (frame->function && frame->file && frame->line > 0) {
        hash = hash_text(hash, frame->file);
        return fnv_add(hash, &frame->line, sizeof(frame->line));
    }
    hash = hash_text(hash, frame->module);
    return fnv_add(hash, &frame->offset, sizeof(frame->offset));
}

static uint64_t item_key(const struct text_group_item *item)
{
    uint64_t hash = fnv_add(FNV_BASIS, &item->rank, sizeof(item->rank));
    hash = hash_text(hash_text(hash, item->kind), item->pool);
    const struct report_frame *own = own_frame(item->stack);
    if (own == NULL)
        return hash_text(hash, item->stack && item->stack->lost ? "lost" : "none");
    hash = hash_frame(hash, own);
    return item->kind && own > item->stack->frames ? hash_text(hash, own[-1].function) : hash;
}

static int by_key(const void *left, const void *right)
{
    const struct keyed_item *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int by_total(const void *left, const void *right)
{
    const struct text_group *a = left, *b = right;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->total != b->total)
        return a->total > b->total ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

static void collect(struct text_groups *groups, const struct text_group_item *items,
                    const struct keyed_item *keyed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || keyed[i].key != keyed[i - 1].key)
            groups->groups[groups->count++] =
                (struct text_group){.first = i, .rank = items[keyed[i].index].rank};
        struct text_group *group = &groups->groups[groups->count - 1];
        groups->order[i] = keyed[i].index;
        group->count++;
        group->total += keyed[i].value;
    }
    qsort(groups->groups, groups->count, sizeof(*groups->groups), by_total);
}

bool text_groups_init(struct text_groups *groups, const struct text_group_item *items, size_t count,
                      bool apart)
{
    struct keyed_item *keyed = calloc(count + 1, sizeof(*keyed));
    *groups = (struct text_groups){.order = calloc(count + 1, sizeof(*groups->order)),
                                   .groups = calloc(count + 1, sizeof(*groups->groups))};
    bool good = keyed && groups->order && groups->groups;
    for (size_t i = 0; good && i < count; i++)
        keyed[i] = (struct keyed_item){apart ? i : item_key(&items[i]), items[i].value, i};
    if (good) {
        qsort(keyed, count, sizeof(*keyed), by_key);
        collect(groups, items, keyed, count);
    } else {
        text_groups_release(groups);
    }
    free(keyed);
    return good;
}

void text_groups_release(struct text_groups *groups)
{
    free(groups->order);
    free(groups->groups);
    *groups = (struct text_groups){0};
}

enum {
    WAYS_SHOWN = 2,
    WAYS_LEAST = 10, /* a way is shown from one in so many bytes of its group */
};

static bool has_names(const struct report_stack *stack, size_t from)
{
    for (size_t i = from; i < stack->count; i++)
        if (stack->frames[i].application && stack->frames[i].function)
            return true;
    return false;
}

/* The first frame outward from the program's own where two stacks are not the same. */
static size_t parting(const struct report_stack *a, const struct report_stack *b)
{
    size_t i = (size_t)(own_frame(a) - a->frames);
    size_t j = (size_t)(own_frame(b) - b->frames);
    while (i < a->count && j < b->count &&
           hash_frame(0, &a->frames[i]) == hash_frame(0, &b->frames[j])) {
        i++;
        j++;
    }
    return j;
}

static size_t write_way(struct text *text, const struct text_group_item *first,
                        const struct text_group_item *other)
{
    size_t from = parting(first->stack, other->stack);
    if (from >= other->stack->count || text_is_outside(other->stack, from) ||
        !has_names(other->stack, from))
        return 0; /* they part inside a library only, or there is nothing to tell them apart by */
    fprintf(
        text->out, "      %10s of it by another way:",
        text_about(text->report->sample_interval && !other->pool, human_bytes(other->value)).text);
    text_callers(text, other->stack, from, text->columns - 40);
    fputc('\n', text->out);
    return 1;
}

void text_other_ways(struct text *text, const struct text_group_item *items, const size_t *members,
                     const struct text_group *group)
{
    const struct text_group_item *first = &items[members[0]];
    size_t shown = 0;
    if (own_frame(first->stack) == NULL)
        return;
    for (size_t i = 1; i < group->count && shown < WAYS_SHOWN; i++) {
        const struct text_group_item *other = &items[members[i]];
        if (other->value < group->total / WAYS_LEAST)
            return; /* members come by falling value */
        shown += write_way(text, first, other);
    }
}
