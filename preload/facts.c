/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include "callstack.h"
#include "real.h"
#include "settings.h"
#include "sys.h"
#include "text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void fact(struct stream *stream, const char *key, const char *value)
{
    struct stream_record record;
    size_t key_length = strlen(key), length = strlen(value);
    if (!length || !stream_record_begin(&record, stream, VMT_OP_FACT,
                                        2 * VMT_VARINT_MAX + key_length + length))
        return;
    stream_record_string(&record, key, key_length);
    stream_record_string(&record, value, length);
    stream_record_end(&record);
}

static void number_fact(struct stream *stream, const char *key, uint64_t value)
{
    char digits[24];
    struct text text;
    text_init(&text, digits, sizeof(digits));
    text_add_number(&text, value);
    fact(stream, key, digits);
}

static void file_fact(struct stream *stream, const char *key, const char *path)
{
    char value[1024];
    if (sys_read_file(path, value, sizeof(value)) > 0)
        fact(stream, key, value);
}

static void arguments(struct stream *stream)
{
    static char buffer[VMT_MAX_STRING]; /* set-up runs in one thread, before others are recorded */
    int fd = sys_open("/proc/self/cmdline", O_RDONLY, 0);
    if (fd < 0)
        return;
    size_t used = 0;
    long got;
    while (used < sizeof(buffer) - 1 &&
           (got = sys_read(fd, buffer + used, sizeof(buffer) - 1 - used)) > 0)
        used += (size_t)got;
    sys_close(fd);
    buffer[used] = '\0';
    unsigned index = 0;
    for (size_t at = 0; at < used; index++) {
        size_t length = strlen(buffer + at);
        struct stream_record record;
        if (!stream_record_begin(&record, stream, VMT_OP_ARGUMENT, 2 * VMT_VARINT_MAX + length))
            return;
        stream_record_number(&record, index);
        stream_record_string(&record, buffer + at, length);
        stream_record_end(&record);
        at += length + 1;
    }
}

static void limits(struct stream *stream)
{
    static const struct {
        const char *key;
        int resource;
    } known[] = {
        {"limit_as", RLIMIT_AS},           {"limit_data", RLIMIT_DATA},
        {"limit_stack", RLIMIT_STACK},     {"limit_rss", RLIMIT_RSS},
        {"limit_core", RLIMIT_CORE},       {"limit_nofile", RLIMIT_NOFILE},
        {"limit_memlock", RLIMIT_MEMLOCK},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct rlimit limit;
        if (sys_call(SYS_prlimit64, 0, known[i].resource, 0, (long)&limit, 0, 0))
            continue;
        if (limit.rlim_cur == RLIM_INFINITY)
            fact(stream, known[i].key, "unlimited");
        else
            number_fact(stream, known[i].key, limit.rlim_cur);
    }
}

/* "yes" when a swap device is zram. */
static void swap_kind(struct stream *stream)
{
    char swaps[2048];
    if (sys_read_file("/proc/swaps", swaps, sizeof(swaps)) > 0)
        fact(stream, "zram", strstr(swaps, "/zram") ? "yes" : "no");
}

static void machine(struct stream *stream)
{
    struct utsname name;
    if (sys_call(SYS_uname, (long)&name, 0, 0, 0, 0, 0) == 0) {
        fact(stream, "hostname", name.nodename);
        fact(stream, "kernel", name.release);
        fact(stream, "machine", name.machine);
    }
    struct sysinfo info;
    if (sys_call(SYS_sysinfo, (long)&info, 0, 0, 0, 0, 0) == 0) {
        number_fact(stream, "mem_total", (uint64_t)info.totalram * info.mem_unit);
        number_fact(stream, "swap_total", (uint64_t)info.totalswap * info.mem_unit);
        number_fact(stream, "swap_free", (uint64_t)info.freeswap * info.mem_unit);
        if (info.totalswap)
            swap_kind(stream);
    }
    file_fact(stream, "overcommit_memory", "/proc/sys/vm/overcommit_memory");
    file_fact(stream, "overcommit_ratio", "/proc/sys/vm/overcommit_ratio");
    file_fact(stream, "thp_enabled", "/sys/kernel/mm/transparent_hugepage/enabled");
    file_fact(stream, "thp_defrag", "/sys/kernel/mm/transparent_hugepage/defrag");
}

void facts_record(struct stream *stream)
{
    static char path[4096]; /* see arguments(); and a forked child may run on a small stack */
    if (sys_read_link("/proc/self/exe", path, sizeof(path)) > 0)
        fact(stream, "exe", path);
    if (sys_call(SYS_getcwd, (long)path, sizeof(path), 0, 0, 0, 0) > 0)
        fact(stream, "cwd", path);
    fact(stream, "recorder_version", VMTRACE_VERSION);
    fact(stream, "allocator", real_allocator_path());
    fact(stream, "preempted_by", real_preempted_by());
    fact(stream, "unwinder", callstack_backend());
    fact(stream, "faults_reason", faultcount_reason);
    fact(stream, "scan", "off");
    arguments(stream);
    limits(stream);
    machine(stream);
}
