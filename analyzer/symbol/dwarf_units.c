/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/dwarf_units.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <string.h>

#include "symbol/dwarf_scopes.h"

#define MAX_NESTING 256 /* of namespaces, classes, blocks */

enum index_depth {
    INDEX_NONE,
    INDEX_SHALLOW, /* functions that stand in the unit and its namespaces: nearly all */
    INDEX_DEEP,    /* also those inside classes and other functions */
};

struct dwarf_unit {
    struct dwarf_unit *next;
    Dwarf_Die line_die;              /* of the binary's own unit: has the line table */
    Dwarf_Die die;                   /* the same, or the one of the split file */
    struct interval_table functions; /* of struct dwarf_function */
    enum index_depth depth;
    const char *folder; /* that the compiler was started in, NULL where it is not absolute */
};

struct dwarf_function {
    Dwarf_Die die;
    uint64_t start;
    struct scope_tree *tree; /* NULL before its first use */
};

/* Ranges outside the code are of functions that the linker dropped. */
static bool is_code(const struct dwarf_units *units, uint64_t start, uint64_t end)
{
    return start < end && start >= units->text_low && end <= units->text_high;
}

static int add_unit(struct dwarf_units *units, Dwarf_Die *die)
{
    struct dwarf_unit *unit = NULL;
    Dwarf_Addr base, start, end;
    ptrdiff_t offset = 0;

    while ((offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0) {
        if (!is_code(units, start, end))
            continue;
        if (!unit) {
            unit = arena_alloc(units->pool->arena, sizeof(*unit));
            if (!unit)
                return -1;
            unit->line_die = *die;
            unit->next = units->list;
            units->list = unit;
        }
        if (interval_table_add(&units->table, start, end, unit, 0, false) != 0)
            return -1;
    }
    return 0;
}

/* The file that dwz moved common entries to, if it is needed and was not found. */
static const char *find_missing_shared(Dwarf *dwarf)
{
    const char *name = NULL;
    const void *build_id = NULL;

    if (dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &build_id) <= 0 || dwarf_getalt(dwarf))
        return NULL;
    return name;
}

int dwarf_units_init(struct dwarf_units *units, const struct symbol_file *file,
                     struct name_pool *pool)
{
    Dwarf_Addr bias = 0;
    Dwarf *dwarf = file->module ? dwfl_module_getdwarf(file->module, &bias) : NULL;
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t type;

    memset(units, 0, sizeof(*units));
    units->pool = pool;
    units->bias = bias;
    units->text_low = file->text_low - bias;
    units->text_high = file->text_high - bias;
    if (dwarf)
        units->missing = find_missing_shared(dwarf);
    while (dwarf && dwarf_get_units(dwarf, unit, &unit, NULL, &type, &die, NULL) == 0) {
        if (type != DW_UT_compile && type != DW_UT_skeleton)
            continue;
        if (add_unit(units, &die) != 0) {
            dwarf_units_release(units);
            return -1;
        }
    }
    interval_table_sort(&units->table);
    return 0;
}

void dwarf_units_release(struct dwarf_units *units)
{
    for (struct dwarf_unit *unit = units->list; unit; unit = unit->next)
        interval_table_release(&unit->functions);
    interval_table_release(&units->table);
    units->list = NULL;
}

static int add_function(const struct dwarf_units *units, struct dwarf_unit *unit, Dwarf_Die *die)
{
    struct dwarf_function *function = NULL;
    Dwarf_Addr base, start, end;
    ptrdiff_t offset = 0;

    while ((offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0) {
        if (!is_code(units, start, end))
            continue;
        if (!function) {
            function = arena_alloc(units->pool->arena, sizeof(*function));
            if (!function)
                return -1;
            function->die = *die;
            function->start = start; /* compilers put the entry's part first */
        }
        if (interval_table_add(&unit->functions, start, end, function, 0, false) != 0)
            return -1;
    }
    return 0;
}

/* Rust has its methods inside structures; C++ has only their declarations there. */
static bool is_searched(int tag, enum index_depth depth, int language)
{
    switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
        return true;
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
        return depth == INDEX_DEEP || language == DW_LANG_Rust || language == DW_LANG_D;
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
    case DW_TAG_inlined_subroutine:
        return depth == INDEX_DEEP;
    default:
        return false;
    }
}

static int index_children(const struct dwarf_units *units, struct dwarf_unit *unit,
                          Dwarf_Die *parent, int language, int nesting)
{
    Dwarf_Die child;
    int more = nesting < MAX_NESTING ? dwarf_child(parent, &child) : 1;

    for (; more == 0; more = dwarf_siblingof(&child, &child)) {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_subprogram && add_function(units, unit, &child) != 0)
            return -1;
        if (is_searched(tag, unit->depth, language) &&
            index_children(units, unit, &child, language, nesting + 1) != 0)
            return -1;
    }
    return 0;
}

/* Where the functions are: a split unit's are in a file of their own. */
static void find_split_unit(struct dwarf_units *units, struct dwarf_unit *unit)
{
    Dwarf_Attribute attribute;
    Dwarf_Die split;
    uint8_t type = 0;

    unit->die = unit->line_die;
    unit->folder = dwarf_formstring(dwarf_attr(&unit->line_die, DW_AT_comp_dir, &attribute));
    if (unit->folder && *unit->folder != '/')
        unit->folder = NULL;
    if (dwarf_cu_info(unit->line_die.cu, NULL, &type, NULL, &split, NULL, NULL, NULL) != 0 ||
        type != DW_UT_skeleton)
        return;
    if (split.cu) {
        unit->die = split;
    } else if (!units->missing) {
        units->missing = dwarf_formstring(dwarf_attr(&unit->line_die, DW_AT_dwo_name, &attribute));
        if (!units->missing)
            units->missing =
                dwarf_formstring(dwarf_attr(&unit->line_die, DW_AT_GNU_dwo_name, &attribute));
        if (!units->missing)
            units->missing = ".dwo";
    }
}

static int index_unit(struct dwarf_units *units, struct dwarf_unit *unit, enum index_depth depth)
{
    if (unit->depth == INDEX_NONE)
        find_split_unit(units, unit);
    unit->depth = depth;
    unit->functions.count = 0;
    if (index_children(units, unit, &unit->die, dwarf_srclang(&unit->die), 0) != 0)
        return -1;
    interval_table_sort(&unit->functions);
    return 0;
}

/* *found is NULL where the unit has no function at the address. */
static int find_function(struct dwarf_units *units, struct dwarf_unit *unit, uint64_t address,
                         struct dwarf_function **found)
{
    const struct interval *interval = NULL;

    *found = NULL;
    for (enum index_depth depth = INDEX_SHALLOW; !interval && depth <= INDEX_DEEP; depth++) {
        if (unit->depth < depth && index_unit(units, unit, depth) != 0)
            return -1;
        interval = interval_table_nearest(&unit->functions, address);
    }
    if (!interval)
        return 0;
    *found = (struct dwarf_function *)interval->value;
    if (!(*found)->tree)
        (*found)->tree = scope_tree_read(&(*found)->die, units->pool);
    return (*found)->tree ? 0 : -1;
}

/* Build systems name sources "../src/a.c", from the folder of the build. */
static const char *whole_file(struct dwarf_units *units, const struct dwarf_unit *unit,
                              const char *file)
{
    /* What libdw calls a file that the table lacks. */
    if (!file || strcmp(file, "???") == 0)
        return NULL;
    if (*file == '/' || !unit->folder)
        return file;
    const char *whole = arena_printf(units->pool->arena, "%s/%s", unit->folder, file);
    return whole ? whole : file;
}

static void find_line(struct dwarf_units *units, struct dwarf_unit *unit, uint64_t address,
                      struct symbol_frame *frame)
{
    Dwarf_Line *line = dwarf_getsrc_die(&unit->line_die, address);

    if (!line)
        return;
    frame->file = whole_file(units, unit, dwarf_linesrc(line, NULL, NULL));
    if (!frame->file || dwarf_lineno(line, &frame->line) != 0 || frame->line < 0)
        frame->line = 0;
}

/* Where `node` was called, into the frame of the function that it was inlined into. */
static void find_call(struct dwarf_units *units, struct dwarf_unit *unit,
                      const struct scope_node *node, struct symbol_frame *frame)
{
    Dwarf_Files *files = NULL;
    size_t count = 0;

    if (dwarf_getsrcfiles(&unit->die, &files, &count) == 0 && node->call_file < count)
        frame->file = whole_file(units, unit, dwarf_filesrc(files, node->call_file, NULL, NULL));
    frame->line = frame->file ? node->call_line : 0;
}

/* A chain that is too long loses frames next to the outermost.  An inlined function's offset is
 * that from the start of its own instructions. */
static int write_frames(struct dwarf_units *units, struct dwarf_unit *unit,
                        struct dwarf_function *function, uint64_t address,
                        struct symbol_frame *frames, int room)
{
    struct scope_tree *tree = function->tree;
    uint32_t index = scope_tree_find(tree, address);
    int count = 0;

    find_line(units, unit, address, &frames[0]);
    for (;;) {
        struct scope_node *node = &tree->nodes[index];
        struct symbol_frame *frame = &frames[count];
        uint64_t start = scope_tree_start(tree, index, address, function->start);
        frame->inlined = node->parent != SCOPE_NONE;
        frame->function = scope_node_name(node, units->pool);
        frame->function_offset = frame->function && address >= start ? address - start : 0;
        index = node->parent;
        if (index == SCOPE_NONE)
            return count + 1;
        if (count + 1 < room)
            count++;
        memset(&frames[count], 0, sizeof(frames[count]));
        find_call(units, unit, node, &frames[count]);
    }
}

int dwarf_units_resolve(struct dwarf_units *units, uint64_t address, struct symbol_frame *frames,
                        int room, bool *whole)
{
    const struct interval *interval;
    struct dwarf_function *function;
    struct dwarf_unit *unit;

    *whole = false;
    address -= units->bias;
    interval = interval_table_nearest(&units->table, address);
    if (!interval)
        return 0;
    unit = (struct dwarf_unit *)interval->value;
    memset(&frames[0], 0, sizeof(frames[0]));
    if (find_function(units, unit, address, &function) != 0)
        return -1;
    if (function) {
        int count = write_frames(units, unit, function, address, frames, room);
        *whole = function->tree->nodes[0].mangled;
        return count;
    }
    find_line(units, unit, address, &frames[0]);
    return frames[0].file ? 1 : 0;
}
