/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's numbers of stacks, modules and sites become the child's, each when it is needed. */
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "model/inherit.h"
#include "model/trace_state.h"

#define INHERIT_UNSEEN (UINT32_MAX - 1)

struct inherit_work {
    struct trace_model *child;
    const struct trace_model *parent;
    uint32_t *nodes, *sites, *modules; /* the child's numbers by the parent's */
    uint32_t *chain;                   /* nodes on the way to a root */
    size_t chain_capacity;
};

static uint32_t *inherit_numbers(size_t count)
{
    uint32_t *numbers = malloc((count + 1) * sizeof(*numbers));
    for (size_t i = 0; numbers && i < count; i++)
        numbers[i] = INHERIT_UNSEEN;
    return numbers;
}

static bool inherit_module(struct inherit_work *work, uint32_t module, uint32_t *taken)
{
    *taken = MODULE_NONE;
    if (module == MODULE_NONE)
        return true;
    const struct module *known = &work->parent->modules.modules[module];
    if (work->modules[module] == INHERIT_UNSEEN &&
        !module_table_inherit(&work->child->modules, work->child->arena, known,
                              &work->modules[module]))
        return false;
    *taken = work->modules[module];
    return true;
}

/* Those that are there at the fork are the child's, too, whether a stack is in them or not. */
static bool inherit_modules(struct inherit_work *work)
{
    const struct module_table *table = &work->parent->modules;
    uint32_t taken;
    for (size_t i = 0; i < table->loaded_count; i++) {
        if (!inherit_module(work, table->loaded[i], &taken))
            return false;
    }
    return true;
}

/* STACK_NONE when out of memory, and for STACK_NONE. */
static uint32_t inherit_node(struct inherit_work *work, uint32_t node)
{
    const struct stack_tree *tree = &work->parent->stacks;
    size_t count = 0;
    if (node == STACK_NONE)
        return node;
    for (; node >= STACK_FIRST && work->nodes[node] == INHERIT_UNSEEN;
         node = tree->nodes[node].parent) {
        if (count == work->chain_capacity &&
            !vector_grow(&work->chain, &work->chain_capacity, sizeof(*work->chain)))
            return STACK_NONE;
        work->chain[count++] = node;
    }
    uint32_t taken = node < STACK_FIRST ? node : work->nodes[node], module;
    while (count > 0) {
        node = work->chain[--count];
        if (!inherit_module(work, stack_tree_module(tree, &work->parent->modules, node), &module))
            return STACK_NONE;
        taken = stack_tree_inherit(&work->child->stacks, taken, tree->nodes[node].pc, module,
                                   tree->nodes[node].ticks);
        if (taken == STACK_NONE)
            return STACK_NONE;
        work->nodes[node] = taken;
    }
    return taken;
}

/* A file of several mappings of one site must be the same. */
static bool inherit_name(struct inherit_work *work, struct site *to, const struct site *from,
                         bool first)
{
    struct arena *arena = work->child->arena;
    to->moved = to->moved || from->moved;
    to->several_names = to->several_names || from->several_names;
    if (first && from->name)
        return (to->name = arena_string(arena, from->name, strlen(from->name))) != NULL;
    if (!first && (!to->name != !from->name || (to->name && strcmp(to->name, from->name) != 0))) {
        to->several_names = true;
        to->name = NULL;
    }
    return true;
}

/* The child's site, not of pools; SITE_NONE when out of memory. */
static uint32_t inherit_site(struct inherit_work *work, uint32_t index)
{
    struct site_table *table = &work->child->sites;
    const struct site *from = &work->parent->sites.sites[index];
    if (work->sites[index] != INHERIT_UNSEEN)
        return work->sites[index];
    uint32_t node = inherit_node(work, from->node);
    size_t before = table->count;
    if (node == STACK_NONE)
        return SITE_NONE;
    uint32_t site = site_table_inherit(table, &work->child->stacks, node, from->kind);
    if (site == SITE_NONE || !inherit_name(work, &table->sites[site], from, table->count > before))
        return SITE_NONE;
    return work->sites[index] = site;
}

static bool inherit_blocks(struct inherit_work *work)
{
    size_t position = 0;
    const struct block_table *table = &work->parent->heap.blocks;
    if (!block_table_reserve(&work->child->heap.blocks, table->count))
        return false;
    for (const struct live_block *block; (block = block_table_next(table, &position));) {
        struct live_block taken = *block;
        taken.era = 0;
        taken.site = inherit_site(work, block->site);
        if (taken.site == SITE_NONE || !heap_model_inherit(&work->child->heap, &taken))
            return false;
        struct site *site = &work->child->sites.sites[taken.site];
        if (block->size > site->largest)
            site->largest = block->size;
    }
    work->child->inheritance.blocks = work->child->heap.inherited_blocks;
    work->child->inheritance.bytes = work->child->heap.inherited_bytes;
    return true;
}

static bool inherit_mappings(struct inherit_work *work)
{
    const struct mapping_list *list = &work->parent->maps.list;
    for (size_t i = 0; i < list->count; i++) {
        struct mapping mapping = list->mappings[i];
        if (mapping.site != SITE_NONE &&
            (mapping.site = inherit_site(work, mapping.site)) == SITE_NONE)
            return false;
        if (!mapping_model_inherit(&work->child->maps, &mapping))
            return false;
    }
    work->child->inheritance.mappings = list->count;
    return true;
}

static bool inherit_pools(struct inherit_work *work)
{
    const struct pool_model *pools = &work->parent->pools;
    struct pool_model *taken = &work->child->pools;
    for (size_t i = 0; i < pools->count; i++) {
        const struct pool *pool = &pools->pools[i];
        size_t position = 0;
        if (!pool_model_inherit(taken, pool->number, pools->names[pool->name].name,
                                pool->blocks.count))
            return false;
        for (const struct live_block *block;
             (block = block_table_next(&pool->blocks, &position));) {
            uint32_t node = inherit_node(work, work->parent->sites.sites[block->site].node);
            if (node == STACK_NONE || !pool_model_inherit_block(taken, pool->number, node, block))
                return false;
        }
    }
    return true;
}

/* Whether the child has the page in its own page table: of what is in a file only what was
 * written, of what is shared nothing (kernel: vma_needs_copy in mm/memory.c). */
static bool inherit_is_copied(const struct inherit_work *work, const struct page_entry *page)
{
    const struct trace_model *parent = work->parent;
    uint64_t address = (uint64_t)(page->key - 1) << parent->faults.page_shift;
    size_t index;
    if (mapping_list_overlapping(&parent->maps.list, address, address + 1, &index) != index) {
        uint32_t flags = parent->maps.list.mappings[index].flags;
        return !(flags & MAPPING_SHARED) && (!(flags & MAPPING_FILE) || page->written);
    }
    return page->written || module_table_current(&parent->modules, address) == MODULE_NONE;
}

static bool inherit_pages(struct inherit_work *work)
{
    size_t position = 0;
    struct fault_model *faults = &work->child->faults;
    if (!page_history_reserve(&faults->pages, work->parent->faults.pages.count))
        return false;
    for (const struct page_entry *page;
         (page = page_history_next(&work->parent->faults.pages, &position));) {
        uint32_t giver = page->giver;
        if (giver != PAGE_KEPT && (giver = inherit_node(work, giver)) == STACK_NONE)
            return false;
        if (inherit_is_copied(work, page) &&
            !page_history_inherit(&faults->pages, page->key - 1, giver))
            return false;
    }
    faults->knows_inherited = work->child->inheritance.seen_faults;
    faults->fork_moment = ++faults->heap->owners.moment;
    return true;
}

bool inherit_take(struct trace_model *child, const struct trace_model *parent)
{
    struct inherit_work work = {
        .child = child,
        .parent = parent,
        .nodes = inherit_numbers(parent->stacks.count),
        .sites = inherit_numbers(parent->sites.count),
        .modules = inherit_numbers(parent->modules.count),
    };
    bool good = work.nodes && work.sites && work.modules && inherit_modules(&work) &&
                inherit_blocks(&work) && inherit_mappings(&work) && inherit_pools(&work) &&
                (child->without_faults || inherit_pages(&work));
    free(work.nodes);
    free(work.sites);
    free(work.modules);
    free(work.chain);
    return good;
}
