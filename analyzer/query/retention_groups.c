/* SPDX-License-Identifier: Apache-2.0 */
#include "query/retention_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "query/own_frame.h"

/* ---- roots ---- */

/* What covers the address at the scan, and the variable there. */
struct root_place {
    uint32_t module; /* or MODULE_NONE */
    const struct symbol_module *symbols;
    const char *path, *variable; /* or NULL */
    uint64_t offset;             /* in the variable */
};

static bool root_find_variable(struct report_build *build, uint64_t address, uint32_t module,
                               struct root_place *place)
{
    *place = (struct root_place){.module = module};
    if (module == MODULE_NONE)
        return true;
    place->symbols = frame_cache_module(&build->frames, module, &place->path);
    if (!place->symbols)
        return false;
    if (build->frames.symbolizer)
        place->variable =
            symbolizer_object(build->frames.symbolizer, place->symbols, address, &place->offset);
    return true;
}

static uint32_t root_module(const struct report_build *build, uint64_t address)
{
    const struct trace_model *model = build->model;
    return module_table_resolve(&model->modules, address, reach_model_judge(&model->reach)->ticks);
}

static uint32_t root_mapping_site(const struct report_build *build, uint64_t address)
{
    size_t first;
    const struct mapping_list *list = &build->model->maps.list;
    size_t end = mapping_list_overlapping(list, address, address + 1, &first);
    return first < end ? list->mappings[first].site : SITE_NONE;
}

/* Roots with one key are one group: addresses of variables, and numbers above all addresses. */
static bool root_key(struct report_build *build, const struct reach_root *root, uint32_t *module,
                     uint64_t *key)
{
    struct root_place place;
    const struct module_table *table = &build->model->modules;
    *key = UINT64_C(1) << 63 | (uint64_t)root->kind << 32;
    switch (root->kind) {
    case REACH_ROOT_DATA:
        if (*module == MODULE_NONE || root->location < table->modules[*module].start ||
            root->location >= table->modules[*module].end)
            *module = root_module(build, root->location);
        if (!root_find_variable(build, root->location, *module, &place))
            return false;
        *key = (root->location - (place.variable ? place.offset : 0)) & ~(UINT64_C(1) << 63);
        return true;
    case REACH_ROOT_MAPPING:
        *key |= root_mapping_site(build, root->location);
        return true;
    default:
        *key |= root->tid;
        return true;
    }
}

static bool root_groups_new(struct root_groups *groups, size_t root)
{
    if (groups->count == groups->capacity &&
        !vector_grow(&groups->first, &groups->capacity, sizeof(*groups->first)))
        return false;
    if (groups->count == groups->pointer_capacity &&
        !vector_grow(&groups->pointers, &groups->pointer_capacity, sizeof(*groups->pointers)))
        return false;
    groups->pointers[groups->count] = 0;
    groups->first[groups->count++] = (uint32_t)root;
    return true;
}

bool root_groups_init(struct root_groups *groups, struct report_build *build)
{
    const struct reach_graph *graph = &build->model->reach.graph;
    uint32_t module = MODULE_NONE;
    *groups =
        (struct root_groups){.groups = malloc((graph->root_count + 1) * sizeof(*groups->groups))};
    bool good = groups->groups != NULL;
    for (size_t i = 0; good && i < graph->root_count; i++) {
        uint64_t key = 0;
        if (!root_key(build, &graph->roots[i], &module, &key))
            return false;
        uint32_t group = hash_map_get(&groups->by_key, key);
        if (group == HASH_MAP_NONE) {
            group = (uint32_t)groups->count;
            good = root_groups_new(groups, i) && hash_map_put(&groups->by_key, key, group);
        }
        groups->groups[i] = group;
        if (good)
            groups->pointers[group]++;
    }
    return good;
}

void root_groups_release(struct root_groups *groups)
{
    free(groups->groups);
    free(groups->first);
    free(groups->pointers);
    hash_map_release(&groups->by_key);
}

static bool root_describe_variable(struct report_build *build, const struct reach_root *root,
                                   struct report_root *out)
{
    struct root_place place;
    if (!root_find_variable(build, root->location, root_module(build, root->location), &place))
        return false;
    out->module = place.path;
    out->offset = place.symbols ? root->location - place.symbols->bias : root->location;
    if (!place.variable)
        return true;
    out->variable_offset = place.offset;
    out->name = report_copy(build, place.variable);
    return out->name != NULL;
}

static uint64_t root_stack_offset(const struct reach_model *reach, const struct reach_root *root)
{
    for (size_t i = 0; i < reach->thread_count; i++)
        if (reach->threads[i].tid == root->tid && reach->threads[i].stack_pointer <= root->location)
            return root->location - reach->threads[i].stack_pointer;
    return REPORT_UNKNOWN;
}

bool root_describe(struct report_build *build, size_t index, struct report_root *out)
{
    static const enum report_root_kind kinds[REACH_ROOT_KINDS] = {
        [REACH_ROOT_DATA] = REPORT_ROOT_VARIABLE,     [REACH_ROOT_STACK] = REPORT_ROOT_STACK,
        [REACH_ROOT_REGISTER] = REPORT_ROOT_REGISTER, [REACH_ROOT_TLS] = REPORT_ROOT_TLS,
        [REACH_ROOT_MAPPING] = REPORT_ROOT_MAPPING,   [REACH_ROOT_LOADER] = REPORT_ROOT_LOADER,
        [REACH_ROOT_OTHER] = REPORT_ROOT_OTHER,
    };
    const struct trace_model *model = build->model;
    const struct reach_root *root = &model->reach.graph.roots[index];
    *out = (struct report_root){.kind = kinds[root->kind],
                                .offset = REPORT_UNKNOWN,
                                .variable_offset = REPORT_UNKNOWN,
                                .stack_offset = REPORT_UNKNOWN,
                                .tid = root->tid,
                                .main_thread = root->tid == model->header.pid};
    if (root->kind == REACH_ROOT_DATA)
        return root_describe_variable(build, root, out);
    if (root->kind == REACH_ROOT_MAPPING) {
        uint32_t site = root_mapping_site(build, root->location);
        out->site = site < model->sites.count ? &build->sites[site] : NULL;
    }
    if (root->kind == REACH_ROOT_STACK)
        out->stack_offset = root_stack_offset(&model->reach, root);
    uint32_t thread = root->tid ? hash_map_get(&model->threads.by_tid, root->tid) : HASH_MAP_NONE;
    if (thread >= model->threads.count || !model->threads.threads[thread].name)
        return true;
    out->name = report_copy(build, model->threads.threads[thread].name);
    return out->name != NULL;
}

/* ---- places ---- */

static int compare_text(const char *a, const char *b)
{
    if (!a || !b || a == b)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

/* Lines of source; where these are not known, functions; else addresses. */
static int compare_frames(const struct report_frame *a, const struct report_frame *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    int order = compare_text(a->function, b->function);
    order = order ? order : compare_text(a->file, b->file);
    order = order ? order : compare_text(a->module, b->module);
    if (order)
        return order;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->function || a->offset == b->offset ? 0 : a->offset < b->offset ? -1 : 1;
}

static int compare_sites(const void *left, const void *right)
{
    const struct report_site *a = *(const struct report_site *const *)left;
    const struct report_site *b = *(const struct report_site *const *)right;
    int order = compare_frames(own_frame(a->stack), own_frame(b->stack));
    if (order)
        return order;
    if (a->live_bytes != b->live_bytes)
        return a->live_bytes > b->live_bytes ? -1 : 1;
    return a < b ? -1 : a > b;
}

bool site_places_init(struct site_places *places, const struct report_build *build)
{
    size_t count = build->model->sites.count;
    const struct report_site **order = malloc((count + 1) * sizeof(*order));
    *places = (struct site_places){.places = calloc(count + 1, sizeof(*places->places)),
                                   .largest = calloc(count + 1, sizeof(*places->largest)),
                                   .sites = calloc(count + 1, sizeof(*places->sites))};
    bool good = order && places->places && places->largest && places->sites;
    for (size_t i = 0; good && i < count; i++)
        order[i] = &build->sites[i];
    if (good && count)
        qsort(order, count, sizeof(*order), compare_sites);
    for (size_t i = 0; good && i < count; i++) {
        uint32_t site = (uint32_t)(order[i] - build->sites);
        const struct report_frame *own = own_frame(order[i]->stack);
        if (i == 0 || !own || compare_frames(own, own_frame(order[i - 1]->stack)) != 0)
            places->largest[places->count++] = site;
        places->places[site] = (uint32_t)places->count - 1;
        places->sites[places->count - 1]++;
    }
    free(order);
    return good;
}

void site_places_release(struct site_places *places)
{
    free(places->places);
    free(places->largest);
    free(places->sites);
}
