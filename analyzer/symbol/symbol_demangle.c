/* SPDX-License-Identifier: Apache-2.0 */
#include <demangle.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/symbolizer.h"

/* Longer ones are kept as they are: the demangler's work grows faster than its input.  Names of
 * the heaviest template libraries stay below 20,000 bytes. */
#define MAX_MANGLED 32768

char *symbol_demangle(const char *name)
{
    const int options = DMGL_PARAMS | DMGL_ANSI;

    if (!name || name[0] != '_' || strnlen(name, MAX_MANGLED + 1) > MAX_MANGLED)
        return NULL;
    /* Automatic style means Rust and Itanium C++, but not D. */
    if (name[1] == 'D')
        return cplus_demangle(name, options | DMGL_DLANG);
    if (name[1] == 'Z' || name[1] == 'R' || strncmp(name, "__Z", 3) == 0 ||
        strncmp(name, "_GLOBAL_", 8) == 0)
        return cplus_demangle(name, options | DMGL_AUTO);
    return NULL;
}
