/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths that stay as long as the process, one behind the other and so in one page (the first touch
 * of a page costs 1 to 2 microseconds).  To be filled while the process begins and has one thread.
 */
#ifndef VMTRACE_NAME_STORE_H
#define VMTRACE_NAME_STORE_H

#include <stddef.h>

enum {
    NAME_STORE_LONGEST = 4096,                /* bytes, NUL included */
    NAME_STORE_SIZE = 5 * NAME_STORE_LONGEST, /* three that stay, one of them longer, and space */
};

/* A copy of `name`, which may lie in name_store_space. */
const char *name_store_keep(const char *name);

/* Room for a text that changes, empty at first. */
char *name_store_take(size_t size);

/* Room for one name; to be used at once. */
char *name_store_space(void);

#endif
