/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls through libraries that have just been loaded, of which none has allocated before:
 *     load_chain CALLS LIBRARY...
 * Each library's link_call() calls the next one's; the last one allocates.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "load_link.h"

#define MOST_LINKS 8

int main(int argc, char **argv)
{
    struct link links[MOST_LINKS + 1] = {{0}};
    if (argc < 3 || argc - 2 > MOST_LINKS)
        return 2;
    for (int i = 2; i < argc; i++) {
        void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        if (!library)
            return 70;
        *(void **)&links[i - 2].call = dlsym(library, "link_call");
    }
    for (int i = 0; i < atoi(argv[1]); i++)
        links[0].call(links + 1);
    return 0;
}
