/* SPDX-License-Identifier: Apache-2.0 */
/* One of two libraries of the same layout, at the same addresses one after the other, whose
 * functions have other names and other frames: -DERA=one or two, -DFRAME=bytes. */
#include <stdlib.h>

#define NAME_(era, name) era_##era##_##name
#define NAME(era, name) NAME_(era, name)

void *NAME(ERA, block)(void);
void *run(void);

__attribute__((noinline)) void *NAME(ERA, block)(void)
{
    volatile char space[FRAME];
    space[0] = 1;
    void *block = malloc(30);
    __asm__ volatile("" ::"r"(space));
    return block;
}

void *run(void)
{
    void *block = NAME(ERA, block)();
    __asm__ volatile("");
    return block;
}
