/* SPDX-License-Identifier: Apache-2.0 */
/* A function that is bound at its first call, and whose resolver calls back then. */
#include "lazy_library.h"

void (*lazy_hook)(void);

static int plain(int value)
{
    return value + 1;
}

/* Not const to the compiler, so that it keeps the frame of the resolver. */
static __attribute__((used)) int (*resolve(void))(int)
{
    if (lazy_hook)
        lazy_hook();
    __asm__ volatile("");
    return plain;
}

int lazy_function(int value) __attribute__((ifunc("resolve")));
