/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn_folder.h"

#include "sys.h"

#include <fcntl.h>
#include <stdbool.h>

/* glibc's posix/spawn_int.h; these are as they were when the last two came, in 2.29. */
enum { DO_CLOSE, DO_DUP2, DO_OPEN, DO_CHDIR, DO_FCHDIR };

struct action {
    int kind;
    union {
        struct {
            int fd;
            char *path;
            int flags;
            mode_t mode;
        } open;
        struct {
            int fd, new_fd;
        } dup2;
        const char *folder;
        int fd;
    } of;
};

/* Text that was cut names another file. */
static bool add(struct spawn_folder *folder, const char *path)
{
    text_add(&folder->text, path);
    return folder->text.length + 1 < folder->text.size;
}

static void begin(struct spawn_folder *folder, int base)
{
    folder->base = base;
    text_init(&folder->text, folder->path, sizeof(folder->path));
}

/* As chdir would: a relative one lies in those before. */
static bool change(struct spawn_folder *folder, const char *to)
{
    if (!sys_can_read_path(to))
        return false;
    if (to[0] == '/')
        begin(folder, AT_FDCWD);
    return add(folder, to) && add(folder, "/");
}

/* Of a descriptor that an action made nothing is known. */
static bool is_made(const struct action *actions, int count, int fd)
{
    for (int i = 0; i < count; i++) {
        if ((actions[i].kind == DO_OPEN && actions[i].of.open.fd == fd) ||
            (actions[i].kind == DO_DUP2 && actions[i].of.dup2.new_fd == fd))
            return true;
    }
    return false;
}

const char *spawn_folder_find(struct spawn_folder *folder,
                              const posix_spawn_file_actions_t *actions, const char *path)
{
    begin(folder, AT_FDCWD);
    if (!actions || !sys_can_read_path(path) || path[0] == '/')
        return path;
    const struct action *action = (const struct action *)actions->__actions;
    for (int i = 0; i < actions->__used; i++) {
        if (action[i].kind == DO_CHDIR && !change(folder, action[i].of.folder))
            return NULL;
        if (action[i].kind == DO_FCHDIR) {
            if (is_made(action, i, action[i].of.fd))
                return NULL;
            begin(folder, action[i].of.fd);
        }
    }
    if (!folder->text.length)
        return path;
    return add(folder, path) ? folder->path : NULL;
}
