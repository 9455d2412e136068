/* SPDX-License-Identifier: Apache-2.0 */
/* A library to be opened: keeps blocks in its own data. */
#include <stdlib.h>

#include "leak_case.h"

void plugin_keep(void);
void plugin_keep_in_tls(void);
void plugin_lose(void);

static void *volatile kept;
static __thread void *volatile kept_by_thread;

void plugin_keep(void)
{
    kept = malloc(40);
}

void plugin_keep_in_tls(void)
{
    kept_by_thread = malloc(48);
}

void plugin_lose(void)
{
    leak_use(malloc(56));
}
