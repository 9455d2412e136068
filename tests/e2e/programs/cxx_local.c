/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A C program that loads a C++ plugin with RTLD_LOCAL: operator new is not to be
 * found in the global scope.  Exit status 0 when the plugin worked.
 */
#include <dlfcn.h>
#include <string.h>

int main(int argc, char **argv)
{
    void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!plugin)
        return 1;
    void *symbol = dlsym(plugin, "plugin_run");
    int (*run)(void);
    memcpy(&run, &symbol, sizeof(run));
    int result = run ? run() : 2;
    dlclose(plugin);
    return result;
}
