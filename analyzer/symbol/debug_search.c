/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/debug_search.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STANDARD_DIR "/usr/lib/debug"
#define SERVER_PATIENCE 10  /* seconds in which a download must get on ... */
#define LEAST_PROGRESS 1024 /* ... by so many bytes */

struct text_list {
    const char **items;
    size_t count, room;
};

/* Takes over a pool's string; NULL is passed on as "out of memory". */
static int add_dir(struct text_list *dirs, const char *dir)
{
    if (!dir)
        return -1;
    for (size_t i = 0; i < dirs->count; i++)
        if (strcmp(dirs->items[i], dir) == 0)
            return 0;
    if (dirs->count == dirs->room) {
        const char **grown = reallocarray(dirs->items, dirs->room + 16, sizeof(*grown));
        if (!grown)
            return -1;
        dirs->items = grown;
        dirs->room += 16;
    }
    dirs->items[dirs->count++] = dir;
    return 0;
}

/* One option may hold several directories between colons, as gdb's debug-file-directory. */
static int add_dirs(struct text_list *dirs, const char *list, struct name_pool *pool)
{
    while (*list) {
        size_t length = strcspn(list, ":");
        char *name = strndup(list, length), *full;
        int failed = 0;

        if (!name)
            return -1;
        full = length ? realpath(name, NULL) : NULL;
        if (full)
            failed = add_dir(dirs, arena_string(pool->arena, full, strlen(full)));
        free(full);
        free(name);
        if (failed)
            return -1;
        list += length + (list[length] == ':');
    }
    return 0;
}

static int collect_dirs(struct text_list *dirs, const struct symbolizer_options *options,
                        struct name_pool *pool)
{
    for (const char *const *dir = options->debug_dirs; dir && *dir; dir++)
        if (add_dirs(dirs, *dir, pool) != 0)
            return -1;
    if (options->sysroot) {
        const char *below = arena_printf(pool->arena, "%s" STANDARD_DIR, options->sysroot);
        if (!below || add_dirs(dirs, below, pool) != 0)
            return -1;
    }
    return add_dir(dirs, STANDARD_DIR);
}

/* The debuginfod client's own functions.  libdwfl loads that library, and only if DEBUGINFOD_URLS
 * is set; here it is only looked up, never loaded. */
struct client_functions {
    void (*set_progress)(debuginfod_client *, int (*)(debuginfod_client *, long, long));
    void (*set_data)(debuginfod_client *, void *);
    void *(*get_data)(debuginfod_client *);
};

static bool find_client_functions(struct client_functions *functions)
{
    void *library = dlopen("libdebuginfod.so.1", RTLD_LAZY | RTLD_NOLOAD);

    if (!library)
        return false;
    *(void **)&functions->set_progress = dlsym(library, "debuginfod_set_progressfn");
    *(void **)&functions->set_data = dlsym(library, "debuginfod_set_user_data");
    *(void **)&functions->get_data = dlsym(library, "debuginfod_get_user_data");
    dlclose(library); /* libdwfl holds it */
    return functions->set_progress && functions->set_data && functions->get_data;
}

/* Called several times a second during a request, also while it connects; not 0 ends the
 * request (debuginfod_set_progressfn(3)).  Without it a server that is not there costs
 * $DEBUGINFOD_TIMEOUT, 90 seconds, for each module. */
static int watch_request(debuginfod_client *client, long done, long total)
{
    struct client_functions functions = {0};
    struct debug_search *search;
    struct timespec now;

    (void)total;
    if (!find_client_functions(&functions) || !(search = functions.get_data(client)))
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    /* Until an answer begins, `done` only counts the client's own rounds. */
    if (done < search->server_bytes || done - search->server_bytes >= LEAST_PROGRESS) {
        search->server_bytes = done;
        search->server_heard = now;
    }
    if (now.tv_sec - search->server_heard.tv_sec >= SERVER_PATIENCE)
        search->server_dead = true;
    return search->server_dead;
}

static void watch_server(struct debug_search *search, Dwfl *session)
{
    const char *urls = getenv("DEBUGINFOD_URLS");
    struct client_functions functions = {0};
    debuginfod_client *client;

    if (!urls || !*urls)
        return;
    client = dwfl_get_debuginfod_client(session);
    if (!client || !find_client_functions(&functions))
        return;
    functions.set_data(client, search);
    functions.set_progress(client, watch_request);
}

static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                          const char *file, const char *debuglink, GElf_Word crc, char **found)
{
    struct debug_search *search = *userdata;

    if (search) {
        search->server_bytes = 0;
        clock_gettime(CLOCK_MONOTONIC, &search->server_heard);
    }
    return dwfl_standard_find_debuginfo(module, userdata, name, base, file, debuglink, crc, found);
}

/* The empty element is the binary's own directory, `.debug` the one below it. */
static char *make_path(const char *const *dirs, struct name_pool *pool)
{
    char *path = arena_printf(pool->arena, ":.debug");

    for (; path && *dirs; dirs++)
        path = arena_printf(pool->arena, "%s:%s", path, *dirs);
    return path;
}

int debug_search_init(struct debug_search *search, const struct symbolizer_options *options,
                      struct name_pool *pool)
{
    struct text_list dirs = {0};
    int status = collect_dirs(&dirs, options, pool);

    memset(search, 0, sizeof(*search));
    search->dirs = arena_alloc(pool->arena, (dirs.count + 1) * sizeof(*search->dirs));
    if (search->dirs && dirs.count)
        memcpy(search->dirs, dirs.items, dirs.count * sizeof(*search->dirs));
    free(dirs.items);
    if (status != 0 || !search->dirs)
        return -1;
    search->path = make_path(search->dirs, pool);
    search->callbacks = (Dwfl_Callbacks){
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = find_debuginfo,
        .section_address = dwfl_offline_section_address,
        .debuginfo_path = &search->path,
    };
    return search->path ? 0 : -1;
}

Dwfl *debug_search_begin(struct debug_search *search)
{
    Dwfl *session = dwfl_begin(&search->callbacks);

    if (session)
        watch_server(search, session);
    return session;
}

void debug_search_attach(struct debug_search *search, Dwfl_Module *module)
{
    void **userdata = NULL;

    dwfl_module_info(module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
    if (userdata)
        *userdata = search;
}

char *debug_search_build_id_path(const char *dir, const uint8_t *build_id, size_t size,
                                 const char *suffix)
{
    size_t prefix = strlen(dir) + sizeof("/.build-id/");
    char *path = malloc(prefix + 2 * size + strlen(suffix) + 2), *out;

    if (!path)
        return NULL;
    out = path + sprintf(path, "%s/.build-id/%02x/", dir, build_id[0]);
    for (size_t i = 1; i < size; i++)
        out += sprintf(out, "%02x", build_id[i]);
    strcpy(out, suffix);
    return path;
}
