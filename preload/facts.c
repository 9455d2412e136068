/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include "callstack.h"
#include "executable.h"
#include "name_store.h"
#include "real.h"
#include "settings.h"
#include "sys.h"
#include "text.h"
#include "thread_state.h"
#include "trace_file.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

void facts_record_text(struct stream *stream, const char *key, const char *value, size_t length)
{
    struct stream_record record;
    size_t key_length = strlen(key);
    if (!length || !stream_record_begin(&record, stream, VMT_OP_FACT,
                                        2 * VMT_VARINT_MAX + key_length + length))
        return;
    stream_record_string(&record, key, key_length);
    stream_record_string(&record, value, length);
    stream_record_end(&record);
}

static void fact(struct stream *stream, const char *key, const char *value)
{
    facts_record_text(stream, key, value, strlen(value));
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

extern void *__libc_stack_end __attribute__((weak)); /* ld.so's; where argc lies */

/* The strings of the command line as the kernel put them on the stack, one behind the other, those
 * of the environment next (fs/binfmt_elf.c).  /proc/self/cmdline shows the same bytes for 20
 * microseconds. */
static struct {
    const char *start, *end;
    size_t count;
} command_line;

/* While the process begins: later on the pointers are the program's. */
static void find_command_line(void)
{
    const uint64_t *stack = &__libc_stack_end ? __libc_stack_end : NULL;
    const char *top = (const char *)getauxval(AT_EXECFN); /* behind all of them */
    if (!stack || top <= (const char *)stack)
        return;
    size_t count = stack[0], words = (size_t)(top - (const char *)stack) / sizeof(*stack);
    if (count == 0 || count + 3 > words)
        return;
    const char *start = (const char *)stack[1], *end = (const char *)stack[count + 2];
    end = end ? end : top;
    if (start <= (const char *)&stack[count + 2] || start >= end || end > top)
        return;
    size_t most = VMT_MAX_STRING; /* bytes of all arguments that are recorded */
    command_line.end = (size_t)(end - start) < most ? end : start + most;
    command_line.start = start;
    command_line.count = count;
}

static void arguments(struct stream *stream)
{
    const char *at = command_line.start;
    for (size_t index = 0; index < command_line.count && at < command_line.end; index++) {
        size_t length = strnlen(at, (size_t)(command_line.end - at));
        struct stream_record record;
        if (!stream_record_begin(&record, stream, VMT_OP_ARGUMENT, 2 * VMT_VARINT_MAX + length))
            return;
        stream_record_number(&record, index);
        stream_record_string(&record, at, length);
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

/* What swap is on, "zram", "partition", "file" or several of them; nothing where there is none. */
static void swap_kind(struct stream *stream)
{
    static const struct {
        const char *kind, *sign; /* in the lines of /proc/swaps */
    } known[] = {{"zram", "/zram"}, {"partition", " partition\t"}, {"file", " file\t"}};
    char swaps[2048], kinds[32];
    if (sys_read_file("/proc/swaps", swaps, sizeof(swaps)) <= 0 || !strchr(swaps, '\n'))
        return;
    struct text text;
    text_init(&text, kinds, sizeof(kinds));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strstr(swaps, known[i].sign)) {
            text_add(&text, text.length ? "," : "");
            text_add(&text, known[i].kind);
        }
    }
    fact(stream, "zram", strstr(swaps, "/zram") ? "yes" : "no");
    fact(stream, "swap_kind", kinds);
}

/* A file of the control group whose path begins at `group` and ends with the line. */
static bool group_fact(struct stream *stream, const char *key, const char *root, const char *group,
                       const char *file)
{
    static char path[1024] SYS_TABLE; /* threads may have stacks of a page; one thread at a time
                                         comes here */
    char value[64];
    struct text text;
    text_init(&text, path, sizeof(path));
    text_add(&text, root);
    text_add_bytes(&text, group, strcspn(group, "\n"));
    text_add(&text, file);
    if (sys_read_file(path, value, sizeof(value)) <= 0)
        return false;
    bool none = strcmp(value, "max") == 0 || text_number(value) > UINT64_MAX / 4;
    fact(stream, key, none ? "unlimited" : value);
    return true;
}

/* Version 2 has one line "0::PATH", version 1 one for each controller: "4:memory:PATH".  In a
 * container the path may be one of outside it: then the root is the container's. */
static void control_group(struct stream *stream)
{
    static const struct {
        const char *line, *root, *limit, *high, *current;
    } versions[] = {
        {":memory:", "/sys/fs/cgroup/memory", "/memory.limit_in_bytes",
         "/memory.soft_limit_in_bytes", "/memory.usage_in_bytes"},
        {"0::", "/sys/fs/cgroup", "/memory.max", "/memory.high", "/memory.current"},
    };
    static char groups[2048] SYS_TABLE;
    if (sys_read_file("/proc/self/cgroup", groups, sizeof(groups)) <= 0)
        return;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        const char *line = strstr(groups, versions[i].line), *root = versions[i].root;
        if (!line)
            continue;
        const char *group = line + strlen(versions[i].line);
        if (!group_fact(stream, "cgroup_memory_max", root, group, versions[i].limit)) {
            group = "";
            group_fact(stream, "cgroup_memory_max", root, group, versions[i].limit);
        }
        group_fact(stream, "cgroup_memory_high", root, group, versions[i].high);
        group_fact(stream, "cgroup_memory_current", root, group, versions[i].current);
    }
}

static void machine(struct stream *stream)
{
    struct utsname name;
    if (sys_call(SYS_uname, (long)&name, 0, 0, 0, 0, 0) == 0) {
        fact(stream, "hostname", name.nodename);
        fact(stream, "kernel", name.release);
        fact(stream, "machine", name.machine);
    }
}

static void memory(struct stream *stream)
{
    struct sysinfo info;
    if (sys_call(SYS_sysinfo, (long)&info, 0, 0, 0, 0, 0) == 0) {
        number_fact(stream, "mem_total", (uint64_t)info.totalram * info.mem_unit);
        number_fact(stream, "swap_total", (uint64_t)info.totalswap * info.mem_unit);
        number_fact(stream, "swap_free", (uint64_t)info.freeswap * info.mem_unit);
    }
}

void facts_setup(void)
{
    find_command_line();
    executable_setup();
}

static void directory(struct stream *stream)
{
    char brief[512]; /* a forked child may run on a small stack */
    char *path = brief;
    long size = sys_call(SYS_getcwd, (long)path, sizeof(brief), 0, 0, 0, 0);
    if (size == -ERANGE) {
        path = name_store_space();
        size = sys_call(SYS_getcwd, (long)path, NAME_STORE_LONGEST, 0, 0, 0, 0);
    }
    if (size > 0)
        fact(stream, "cwd", path);
}

/* What getrusage will count besides what the trace tells. */
static void faults_before(struct stream *stream)
{
    char numbers[64];
    struct text text;
    text_init(&text, numbers, sizeof(numbers));
    text_add_number(&text, faultcount_before[FAULT_MINOR]);
    text_add(&text, " ");
    text_add_number(&text, faultcount_before[FAULT_MAJOR]);
    if (faultcount_before[FAULT_MINOR])
        fact(stream, "faults_before", numbers);
}

/* What the analyzer needs to know whose the memory is that a forked child has from its parent.  The
 * time comes first: the name is what sets it to work. */
static void parent(struct stream *stream)
{
    if (!trace_header->parent_trace_id)
        return;
    if (thread_state.fork_ticks)
        number_fact(stream, "fork_ticks", thread_state.fork_ticks);
    thread_state.fork_ticks = 0;
    fact(stream, "parent_trace", trace_file_parent_path());
}

void facts_record(struct stream *stream)
{
    parent(stream);
    fact(stream, "exe", executable_path());
    directory(stream);
    fact(stream, "recorder_version", VMTRACE_VERSION);
    fact(stream, "allocator", real_allocator_path());
    fact(stream, "preempted_by", real_preempted_by());
    fact(stream, "unwinder", callstack_backend());
    facts_record_faults_reason(stream);
    faults_before(stream);
    fact(stream, "scan", settings.scan == SETTINGS_SCAN_OFF ? "off" : "exit");
    arguments(stream);
    machine(stream);
}

void facts_record_faults_reason(struct stream *stream)
{
    fact(stream, "faults_reason", faultcount_reason);
}

void facts_record_fault_cost(struct stream *stream, uint64_t cost)
{
    if (cost)
        number_fact(stream, "fault_ns", cost);
}

void facts_record_costly(struct stream *stream)
{
    limits(stream);
    memory(stream);
    swap_kind(stream);
    control_group(stream);
    file_fact(stream, "overcommit_memory", "/proc/sys/vm/overcommit_memory");
    file_fact(stream, "overcommit_ratio", "/proc/sys/vm/overcommit_ratio");
    file_fact(stream, "thp_enabled", "/sys/kernel/mm/transparent_hugepage/enabled");
    file_fact(stream, "thp_defrag", "/sys/kernel/mm/transparent_hugepage/defrag");
}
