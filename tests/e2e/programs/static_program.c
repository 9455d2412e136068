/* SPDX-License-Identifier: Apache-2.0 */
/* Linked statically: LD_PRELOAD has no effect. */
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    void *volatile block = malloc(10);
    ssize_t written = write(1, "static\n", 7);
    free(block);
    return written == 7 ? 4 : 1;
}
