/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dlsym(RTLD_NEXT) finds, found without it: the symbol tables of the modules behind ours are
 * read directly.  For the functions that we wrap, dlsym takes 25 microseconds of every process's
 * start and, for those that nobody defines, allocates; this takes 3 and no lock.
 */
#ifndef VMTRACE_NEXT_SYMBOL_H
#define VMTRACE_NEXT_SYMBOL_H

#include <stdbool.h>

/* Lists the modules behind ours.  While the process begins: nobody loads any meanwhile. */
void next_symbol_setup(void);

/* The next definition of the function `name`, or NULL.  *sure: dlsym would say the same (it is
 * needed where there are too many modules, or they are not as expected). */
void *next_symbol_find(const char *name, bool *sure);

#endif
