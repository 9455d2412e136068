/* SPDX-License-Identifier: Apache-2.0 */
#include "exec_target.h"

#include "settings.h"
#include "sys.h"
#include "text.h"
#include "thread_state.h"
#include "vmtrace/exec_file.h"

#include <unistd.h>

enum {
    PAGE = 4096,
    LONGEST_NAME = sizeof("VMTRACE_OUTPUT=") - 1,
    MOST_ROOM = 16384, /* bytes of stack for an environment that is not the caller's */
};

static long call_kernel(long number, long a, long b, long c, long d)
{
    return sys_call(number, a, b, c, d, 0, 0);
}

/* A crash would be ours.  `page`: where the last one was readable. */
static bool is_readable(const void *address, uint64_t *page)
{
    uint64_t at = ((uint64_t)address & -(uint64_t)PAGE);
    if (at != *page && !sys_can_read(at))
        return false;
    *page = at;
    return true;
}

/* As far as it may be looked at: to its end, or until it is none of the names below. */
static bool is_name_readable(const char *entry, uint64_t *page)
{
    size_t left = PAGE - ((uint64_t)entry & (PAGE - 1));
    return is_readable(entry, page) &&
           (left >= LONGEST_NAME || memchr(entry, '\0', left) || is_readable(entry + left, page));
}

/* The program's own is not asked for. */
static bool is_environment_readable(char *const environment[])
{
    uint64_t entries = UINT64_MAX, names = UINT64_MAX; /* no page */
    for (char *const *entry = environment; entry && environment != environ; entry++) {
        if (!is_readable(entry, &entries))
            return false;
        if (!*entry)
            break;
        if (!is_name_readable(*entry, &names))
            return false;
    }
    return true;
}

static enum vmt_unfollowed judge_environment(char *const environment[])
{
    bool preload = false;
    const char *output = NULL;
    /* Where it was not told there, what is missing says nothing. */
    if (!settings.preloaded || !is_environment_readable(environment))
        return VMT_FOLLOWED;
    for (char *const *entry = environment; entry && *entry; entry++) {
        if (strncmp(*entry, "LD_PRELOAD=", 11) == 0)
            preload |= strstr(*entry, "libvmtrace.so") != NULL;
        else if (!output && strncmp(*entry, "VMTRACE_OUTPUT=", 15) == 0)
            output = *entry + 15;
    }
    if (!preload)
        return VMT_UNFOLLOWED_PRELOAD;
    if (strcmp(output ? output : SETTINGS_OUTPUT, settings.output) != 0 &&
        !(output && settings_is_of_check(output)))
        return VMT_UNFOLLOWED_OUTPUT;
    return VMT_FOLLOWED;
}

static bool is_program(const char *path)
{
    struct stat status;
    return call_kernel(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0) == 0 &&
           S_ISREG(status.st_mode) && status.st_mode & 0111;
}

/* As execvp: in the caller's PATH. */
static bool judge_name(const char *name, enum vmt_unfollowed *why)
{
    char space[1024];
    const char *path = NULL;
    for (char **entry = environ; !path && entry && *entry; entry++) {
        if (strncmp(*entry, "PATH=", 5) == 0)
            path = *entry + 5;
    }
    for (const char *at = path ? path : "/bin:/usr/bin";; at++) {
        struct text text;
        size_t length = strcspn(at, ":");
        text_init(&text, space, sizeof(space));
        text_add_bytes(&text, at, length);
        text_add(&text, length ? "/" : "./");
        text_add(&text, name);
        if (text.length + 1 < sizeof(space) && is_program(space))
            return exec_file_judge(call_kernel, AT_FDCWD, space, why);
        at += length;
        if (!*at)
            return false;
    }
}

static bool is_on(void)
{
    return recording != RECORDING_OFF && settings.follow_execs;
}

enum vmt_unfollowed exec_target_judge(int folder, const char *path, char *const environment[])
{
    enum vmt_unfollowed why;
    if (!is_on() || !exec_file_judge(call_kernel, folder, path, &why))
        return VMT_FOLLOWED;
    return why ? why : judge_environment(environment);
}

enum vmt_unfollowed exec_target_judge_name(const char *name, char *const environment[])
{
    enum vmt_unfollowed why;
    if (!is_on() || !name)
        return VMT_FOLLOWED;
    if (strchr(name, '/'))
        return exec_target_judge(AT_FDCWD, name, environment);
    if (!judge_name(name, &why))
        return VMT_FOLLOWED;
    return why ? why : judge_environment(environment);
}

/* The value of an LD_PRELOAD that we stand in, or NULL. */
static const char *own_preload(const char *entry)
{
    bool own = strncmp(entry, "LD_PRELOAD=", 11) == 0 && strstr(entry, "libvmtrace.so");
    return own ? entry + 11 : NULL;
}

size_t exec_target_room(enum vmt_unfollowed why, char *const environment[])
{
    size_t room = sizeof(*environment), text = 0;
    if (!exec_file_is_spared(why) || !is_environment_readable(environment))
        return 0;
    for (char *const *entry = environment; entry && *entry; entry++) {
        room += sizeof(*entry);
        if (own_preload(*entry))
            text += strlen(*entry) + 1;
    }
    return text && room + text <= MOST_ROOM ? room + text : 0;
}

/* Another thread may add to the environment meanwhile: if so it goes as it is. */
char *const *exec_target_without(char *const environment[], void *room, size_t size)
{
    char **entries = room, *text = (char *)room + size; /* pointers from below, text from above */
    size_t count;
    for (count = 0; environment[count]; count++) {
        const char *own = own_preload(environment[count]);
        size_t length = own ? strlen(environment[count]) + 1 : 0;
        if ((size_t)(text - (char *)room) < (count + 2) * sizeof(*entries) + length)
            return environment;
        text -= length;
        entries[count] = own ? memcpy(text, environment[count], length) : environment[count];
        if (own)
            exec_target_leave(text + sizeof("LD_PRELOAD=") - 1);
    }
    entries[count] = NULL;
    return entries;
}

void exec_target_leave(char *list)
{
    char *out = list;
    for (char *at = list; *at;) {
        size_t length = strcspn(at, ": ");
        bool own = memmem(at, length, "libvmtrace.so", 13) != NULL;
        char separator = at[length];
        if (!own) {
            if (out != list)
                *out++ = ':';
            memmove(out, at, length);
            out += length;
        }
        at += length + (separator ? 1 : 0);
    }
    *out = '\0';
}
