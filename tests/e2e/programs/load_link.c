/* SPDX-License-Identifier: Apache-2.0 */
/* A library of load_chain.  FRAMED: only the outermost of its functions keeps a frame pointer. */
#include "load_link.h"

#include <alloca.h>
#include <stdlib.h>

static void *volatile kept;

static __attribute__((noinline)) void link_block(void)
{
    kept = malloc(100);
}

static __attribute__((noinline)) void link_inner(const struct link *next)
{
    if (next->call)
        next->call(next + 1);
    else
        link_block();
    kept = NULL;
}

__attribute__((visibility("default"))) void link_call(const struct link *next)
{
#ifdef FRAMED
    volatile char *space = alloca((size_t)(next->size + 16));
    space[0] = 0;
#endif
    link_inner(next);
    kept = NULL;
}
