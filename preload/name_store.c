/* SPDX-License-Identifier: Apache-2.0 */
#include "name_store.h"

#include <string.h>

/* Sorted behind the small variables, whose last page it begins in, and before SYS_TABLE. */
static char store[NAME_STORE_SIZE] __attribute__((section(".bss.names")));
static size_t used;

char *name_store_space(void)
{
    return store + used;
}

char *name_store_take(size_t size)
{
    char *start = store + used;
    start[0] = '\0';
    used += size;
    return start;
}

const char *name_store_keep(const char *name)
{
    size_t size = strnlen(name, NAME_STORE_LONGEST - 1) + 1;
    char *copy = memmove(store + used, name, size);
    copy[size - 1] = '\0';
    used += size;
    return copy;
}
