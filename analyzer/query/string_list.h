/* SPDX-License-Identifier: Apache-2.0 */
/* A growing list of strings that live elsewhere.  All zero is an empty list. */
#ifndef VMTRACE_QUERY_STRING_LIST_H
#define VMTRACE_QUERY_STRING_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct string_list {
    const char **strings;
    size_t count, capacity;
};

void string_list_release(struct string_list *list);

/* False when out of memory, which a NULL `string` is taken for. */
bool string_list_add(struct string_list *list, const char *string);

#endif
