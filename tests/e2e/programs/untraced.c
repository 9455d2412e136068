/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts PROGRAM, which should leave no trace, in one of many ways:
 *     untraced WAY PROGRAM [N]
 * vfork, vfork-path (by its name in PATH), vfork-empty (without an environment), fork, exec (in its
 * own place), fexecve, execveat, spawn, spawnp, spawn-empty, system-empty, popen-empty,
 * wordexp-empty; spawn-chdir, spawn-fchdir: by a relative path in a folder that it changes to;
 * pidfd_spawn, pidfd_spawnp: where there are such functions; nested: vfork in a
 * forked child that has no trace; nested-clone: clone there; nested-malloc: vfork, and both
 * allocate, the first one losing it; nested-exec: vfork, and then that child becomes this program
 * itself; all N times. Whether PROGRAM could be started is no matter. untraced threads PROGRAM N
 * has N threads, six at a time, each of which begins with a vfork, while others allocate.
 *     untraced
 * only holds a block.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

extern char **environ;
static void *volatile held;
static char *nothing[] = {NULL};

static char *name_of(char *program)
{
    return strrchr(program, '/') + 1;
}

static const char *folder_of(const char *program)
{
    static char folder[4096];
    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(program, '/') - program), program);
    return folder;
}

static int open_folder(const char *program)
{
    return open(folder_of(program), O_PATH | O_CLOEXEC);
}

static void execute(const char *way, char *program)
{
    char *arguments[] = {program, NULL};
    if (strstr(way, "path"))
        execvp(program, arguments);
    else if (strstr(way, "empty"))
        execve(program, arguments, nothing);
    else if (strcmp(way, "fexecve") == 0)
        fexecve(open(program, O_RDONLY | O_CLOEXEC), arguments, environ);
    else if (strcmp(way, "execveat") == 0)
        execveat(open_folder(program), name_of(program), arguments, environ, 0);
    else
        execl(program, program, (char *)NULL);
}

static void use_vfork(const char *way, char *program)
{
    pid_t child = vfork();
    if (child == 0) {
        if (strcmp(way, "nested-malloc") == 0)
            free(malloc(1));
        execute(way, program);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void use_clone(const char *way, char *program)
{
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        execute(way, program);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void use_fork(const char *way, char *program)
{
    pid_t child = fork();
    if (child == 0) {
        if (strcmp(way, "nested-clone") == 0)
            use_clone(way, program);
        else if (strncmp(way, "nested", 6) == 0)
            use_vfork(way, program);
        else
            execute(way, program);
        for (int i = 0; i < 5 && strcmp(way, "nested-malloc") == 0; i++)
            held = malloc(222);
        held = NULL;
        if (strcmp(way, "nested-exec") == 0)
            execl("/proc/self/exe", "untraced", (char *)NULL);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void *begin_with_vfork(void *program)
{
    use_vfork("vfork", program);
    for (size_t i = 0; i < 3000; i++)
        free(malloc(10 + i % 100));
    return NULL;
}

static void use_threads(char *program, int count)
{
    enum { AT_ONCE = 6 };
    pthread_t threads[AT_ONCE];
    for (int begun = 0; begun < count; begun += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++) {
            if (pthread_create(&threads[i], NULL, begin_with_vfork, program) != 0)
                exit(93);
        }
        for (int i = 0; i < AT_ONCE; i++)
            pthread_join(threads[i], NULL);
    }
}

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *,
                           const posix_spawnattr_t *, char *const[], char *const[]);

/* By a path that begins above the folder that holds the program. */
static int spawn_elsewhere(const char *way, char *program, pid_t *child)
{
    char *arguments[] = {program, NULL}, path[4096];
    posix_spawn_file_actions_t actions;
    const char *folder = folder_of(program);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, 1, 7);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    if (strcmp(way, "spawn-fchdir") == 0) {
        posix_spawn_file_actions_addfchdir_np(&actions, open_folder(program));
        snprintf(path, sizeof(path), "./%s", name_of(program));
    } else {
        posix_spawn_file_actions_addchdir_np(&actions, folder + 1); /* in the root */
        posix_spawn_file_actions_addchdir_np(&actions, "..");
        snprintf(path, sizeof(path), "%s/%s", strrchr(folder, '/') + 1, name_of(program));
    }
    posix_spawn_file_actions_addclose(&actions, 7);
    int error = posix_spawn(child, path, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* As a program does that knows of it, and of the ENOSYS of old kernels. */
static void use_pidfd(const char *way, char *program)
{
    char *arguments[] = {program, NULL};
    void *function = dlsym(RTLD_DEFAULT, way);
    spawn_function *spawn;
    siginfo_t info;
    int fd = -1;
    memcpy(&spawn, &function, sizeof(spawn));
    int error = spawn(&fd, program, NULL, NULL, arguments, environ);
    if (error)
        printf("%s\n", error == ENOSYS ? "ENOSYS" : strerror(error));
    else if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED) != 0)
        exit(94);
}

static void use_spawn(const char *way, char *program)
{
    char *arguments[] = {program, NULL};
    char **environment = strstr(way, "empty") ? nothing : environ;
    pid_t child = -1;
    int error;
    if (strstr(way, "chdir"))
        error = spawn_elsewhere(way, program, &child);
    else if (strcmp(way, "spawnp") == 0)
        error = posix_spawnp(&child, program, NULL, NULL, arguments, environment);
    else
        error = posix_spawn(&child, program, NULL, NULL, arguments, environment);
    if (error == 0)
        waitpid(child, NULL, 0);
}

static void use_shell(const char *way, const char *program)
{
    clearenv();
    if (strncmp(way, "wordexp", 7) == 0) {
        char words[4096];
        wordexp_t result;
        snprintf(words, sizeof(words), "$((1 + 1)) $(%s)", program);
        if (wordexp(words, &result, 0) == 0)
            wordfree(&result);
        return;
    }
    if (strncmp(way, "system", 6) == 0) {
        if (system(program) == -1)
            exit(91);
        return;
    }
    FILE *stream = popen(program, "r");
    if (!stream || pclose(stream) == -1)
        exit(92);
}

int main(int argc, char **argv)
{
    held = malloc(77);
    if (argc < 3)
        return 0;
    const char *way = argv[1];
    if (strcmp(way, "threads") == 0) {
        use_threads(argv[2], atoi(argv[3]));
        return 0;
    }
    for (int left = argc > 3 ? atoi(argv[3]) : 1; left > 0; left--) {
        if (strncmp(way, "vfork", 5) == 0)
            use_vfork(way, argv[2]);
        else if (strncmp(way, "spawn", 5) == 0)
            use_spawn(way, argv[2]);
        else if (strncmp(way, "pidfd", 5) == 0)
            use_pidfd(way, argv[2]);
        else if (strstr("system-empty popen-empty wordexp-empty", way))
            use_shell(way, argv[2]);
        else if (strcmp(way, "exec") == 0)
            execute(way, argv[2]);
        else
            use_fork(way, argv[2]);
    }
    return 0;
}
