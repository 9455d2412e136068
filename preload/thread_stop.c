/* SPDX-License-Identifier: Apache-2.0 */
#include "thread_stop.h"

#include "process_files.h"
#include "sys.h"
#include "text.h"
#include "thread_stop_parts.h"

#include <fcntl.h>
#include <string.h>

#define LEAST_ADDRESS 65536u /* vm.mmap_min_addr */
#define MOST_ADDRESS (UINT64_C(1) << 47)
#define IGNORED_BITS 0x00ffffffffffffffu /* aarch64: the processor ignores the others */

void thread_stop_begin(struct thread_stop *stop, uint32_t pid, const uint32_t spared[2])
{
    stop->pid = pid;
    stop->spared[0] = spared[0];
    stop->spared[1] = spared[1];
    stop->how = VMT_STOP_ALONE;
    stop->count = stop->value_count = 0;
}

size_t thread_stop_count(const struct thread_stop *stop)
{
    size_t standing = 0;
    for (size_t i = 0; i < stop->count; i++)
        standing += stop->threads[i].flags & VMT_THREAD_STOPPED;
    return standing;
}

struct stopped_thread *thread_stop_find(struct thread_stop *stop, uint32_t tid)
{
    for (size_t i = stop->count; i-- > 0;) {
        if (stop->threads[i].tid == tid)
            return &stop->threads[i];
    }
    return NULL;
}

void thread_stop_nap(uint64_t ns)
{
    struct timespec time = {0, (long)ns};
    sys_call(SYS_nanosleep, (long)&time, 0, 0, 0, 0, 0);
}

void thread_stop_add_value(struct thread_stop *stop, struct stopped_thread *thread, uint64_t value)
{
    uint64_t address = value & IGNORED_BITS;
    if (address < LEAST_ADDRESS || address >= MOST_ADDRESS)
        return;
    if (stop->value_count == THREAD_STOP_VALUES) {
        thread->flags &= (uint8_t)~VMT_THREAD_REGISTERS;
        return;
    }
    if (!thread->value_count)
        thread->first_value = (uint32_t)stop->value_count;
    stop->values[stop->value_count++] = value;
    thread->value_count++;
}

bool thread_stop_is_any_moving(const struct thread_stop *stop)
{
    for (size_t i = 0; i < stop->count; i++) {
        if (stop->threads[i].moving)
            return true;
    }
    return false;
}

bool thread_stop_read(const struct thread_stop *stop, uint32_t tid, const char *name, char *buffer,
                      size_t size)
{
    char path[64];
    struct text text;
    text_init(&text, path, sizeof(path));
    text_add(&text, "/proc/");
    text_add_number(&text, stop->pid);
    text_add(&text, "/task/");
    text_add_number(&text, tid);
    text_add(&text, name);
    return sys_read_file(path, buffer, size) > 0;
}

static bool is_spared(const struct thread_stop *stop, uint32_t tid)
{
    return tid == stop->spared[0] || tid == stop->spared[1];
}

struct directory_entry { /* linux_dirent64 */
    uint64_t inode, next;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* Those that are not known yet; how many they were, or -1 if that cannot be told. */
int thread_stop_list(struct thread_stop *stop)
{
    char path[32];
    if (!process_files_know_pids())
        return -1;
    struct text text;
    text_init(&text, path, sizeof(path));
    text_add(&text, "/proc/");
    text_add_number(&text, stop->pid);
    text_add(&text, "/task");
    int fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0), added = 0;
    if (fd < 0)
        return -1;
    uint64_t entries[256];
    size_t known = stop->count, next = 0; /* listed in the same order as before */
    long got;
    while ((got = sys_call(SYS_getdents64, fd, (long)entries, sizeof(entries), 0, 0, 0)) > 0) {
        for (long at = 0; at < got;) {
            const struct directory_entry *entry =
                (const struct directory_entry *)((const char *)entries + at);
            uint32_t tid = (uint32_t)text_number(entry->name);
            at += entry->size;
            if (next < known && stop->threads[next].tid == tid) {
                next++;
                continue;
            }
            if (!tid || is_spared(stop, tid) || (known && thread_stop_find(stop, tid)) ||
                stop->count == THREAD_STOP_MOST)
                continue;
            stop->threads[stop->count++] = (struct stopped_thread){.tid = tid};
            added++;
        }
    }
    sys_close(fd);
    return added;
}

void thread_stop_none(struct thread_stop *stop)
{
    stop->count = stop->value_count = 0;
    bool known = thread_stop_list(stop) >= 0;
    stop->how = stop->count || !known ? VMT_STOP_NONE : VMT_STOP_ALONE;
}

void thread_stop_end(struct thread_stop *stop)
{
    if (stop->how == VMT_STOP_PTRACE)
        thread_stop_end_ptrace(stop);
    else if (stop->how == VMT_STOP_SIGNAL && !thread_stop_end_signal())
        stop->in_use = true;
}
