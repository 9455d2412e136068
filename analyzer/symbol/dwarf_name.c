/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/dwarf_name.h"

#include <dwarf.h>
#include <string.h>

#define MAX_HOPS 16    /* origins and specifications of one entry */
#define MAX_NESTING 64 /* scopes around one entry */
#define MAX_NAME 4096  /* bytes of a name that is put together */

static const char *string_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    /* Follows DW_AT_abstract_origin and DW_AT_specification, across files, too. */
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

/* The entry that declares the function, which stands in the function's scope. */
static Dwarf_Die find_declaration(const Dwarf_Die *function)
{
    Dwarf_Die die = *function;

    for (int hops = 0; hops < MAX_HOPS; hops++) {
        Dwarf_Attribute attribute;
        Dwarf_Die next;
        if (!dwarf_attr(&die, DW_AT_abstract_origin, &attribute) &&
            !dwarf_attr(&die, DW_AT_specification, &attribute))
            break;
        if (!dwarf_formref_die(&attribute, &next))
            break;
        die = next;
    }
    return die;
}

/* The child of `parent` that is `target` or holds it: the last one that starts no later. */
static bool find_child(Dwarf_Die *parent, Dwarf_Off target, Dwarf_Die *found)
{
    Dwarf_Die child;
    int more = dwarf_child(parent, &child);
    bool any = false;

    for (; more == 0 && dwarf_dieoffset(&child) <= target; more = dwarf_siblingof(&child, &child)) {
        *found = child;
        any = true;
    }
    return any;
}

/* What a scope adds to names inside it; NULL for nothing. */
static const char *scope_name(Dwarf_Die *scope)
{
    const char *name = dwarf_diename(scope);

    switch (dwarf_tag(scope)) {
    case DW_TAG_namespace:
        return name ? name : "(anonymous namespace)";
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_subprogram:
        return name;
    default:
        return NULL;
    }
}

static const char *qualify(const Dwarf_Die *function, const char *name, struct name_pool *pool)
{
    Dwarf_Die declaration = find_declaration(function), scope, child;
    Dwarf_Off target = dwarf_dieoffset(&declaration);
    char text[MAX_NAME];
    size_t used = 0;

    if (!dwarf_diecu(&declaration, &scope, NULL, NULL))
        return name;
    switch (dwarf_srclang(&scope)) {
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case DW_LANG_Go: /* its names are whole */
        return name;
    }
    for (int nesting = 0; nesting < MAX_NESTING; nesting++) {
        const char *part;
        size_t length;
        if (!find_child(&scope, target, &child) || dwarf_dieoffset(&child) == target)
            break;
        scope = child;
        part = scope_name(&scope);
        length = part ? strnlen(part, MAX_NAME) : 0;
        if (length == 0 || length + 3 > sizeof(text) - used)
            continue;
        memcpy(text + used, part, length);
        memcpy(text + used + length, "::", 2);
        used += length + 2;
    }
    return used ? arena_printf(pool->arena, "%.*s%s", (int)used, text, name) : name;
}

const char *dwarf_name_read(Dwarf_Die *function, struct name_pool *pool, bool *mangled)
{
    const char *linkage = string_of(function, DW_AT_linkage_name), *name;

    if (!linkage)
        linkage = string_of(function, DW_AT_MIPS_linkage_name);
    *mangled = linkage && *linkage;
    if (*mangled)
        return name_pool_readable(pool, linkage);
    name = string_of(function, DW_AT_name);
    return name ? qualify(function, name, pool) : NULL;
}
