/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that leaks and is unloaded: by the time of the report no code stands
 * at the addresses that the call stacks hold.
 *
 * Run:      LD_PRELOAD=libvmtrace.so ./plugin_load; vmtrace-report vmtrace.plugin_load.*.vmt
 * Look for: two leaked blocks, 77 bytes each, with plugin_allocate() and the name of the
 *           plugin in their stack, although it was closed after each of the two calls.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static __attribute__((noinline)) int use_plugin(const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW);
    if (!plugin)
        return -1;
    void *symbol = dlsym(plugin, "plugin_allocate");
    void *(*allocate)(size_t size);
    memcpy(&allocate, &symbol, sizeof(allocate));
    int result = allocate && allocate(77) ? 0 : -1; /* calls the plugin */
    dlclose(plugin);
    return result;
}

int main(void)
{
    /* The plugin lies beside the program. */
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);
    if (length < 0)
        return 1;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, "libsample_plugin.so");

    if (use_plugin(path))
        return 1;
    /* Takes the place where the plugin was, so that it is loaded elsewhere now. */
    void *blocker = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int result = use_plugin(path);
    munmap(blocker, 1 << 20);
    return result ? 1 : 0;
}
