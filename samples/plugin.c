/* SPDX-License-Identifier: Apache-2.0 */
/* What plugin_load loads. */
#include <stdlib.h>

void *plugin_allocate(size_t size);

void *plugin_allocate(size_t size)
{
    void *block = malloc(size); /* leaked by the plugin */
    return block;
}
