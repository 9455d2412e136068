/* SPDX-License-Identifier: Apache-2.0 */
#include "modules.h"

#include "stream.h"
#include "sys.h"
#include "text.h"

#include <link.h>
#include <string.h>

enum { MOST_MODULES = 4096 };

struct entry {
    struct module module; /* start == 0: free */
    uint64_t seen;        /* number of the refresh that last met it */
    uint8_t build_id[MODULE_BUILD_ID_MAX];
    uint32_t build_id_size;
};

uint32_t modules_epoch;

/* Written by one thread at a time (`refreshing`); readers check `version` before and after:
 * odd while a change is under way. */
static struct entry table[MOST_MODULES];
static uint32_t table_count;
static uint32_t version;
static uint32_t refreshing;
static uint32_t stale;
static uint64_t known_adds, known_subs, refresh_number;

bool modules_stale(void)
{
    return __atomic_load_n(&stale, __ATOMIC_RELAXED);
}

void modules_mark_stale(void)
{
    __atomic_store_n(&stale, 1, __ATOMIC_RELAXED);
}

bool modules_find(uint64_t pc, struct module *module)
{
    for (int attempt = 0; attempt < 4; attempt++) {
        uint32_t before = __atomic_load_n(&version, __ATOMIC_ACQUIRE);
        if (before & 1)
            continue;
        bool found = false;
        uint32_t count = __atomic_load_n(&table_count, __ATOMIC_RELAXED);
        for (uint32_t i = 0; i < count && !found; i++) {
            if (pc >= table[i].module.start && pc < table[i].module.end) {
                *module = table[i].module;
                found = true;
            }
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&version, __ATOMIC_RELAXED) == before) {
            if (!found)
                modules_mark_stale();
            return found;
        }
    }
    return false;
}

static void begin_change(void)
{
    __atomic_store_n(&version, version + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void end_change(void)
{
    __atomic_store_n(&version, version + 1, __ATOMIC_RELEASE);
}

static void find_build_id(struct entry *entry, const struct dl_phdr_info *info, const ElfW(Phdr) *header)
{
    const char *at = (const char *)(info->dlpi_addr + header->p_vaddr);
    const char *end = at + header->p_memsz;
    while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const void *)at;
        size_t name = (note->n_namesz + 3u) & ~3u, data = (note->n_descsz + 3u) & ~3u;
        if (name > (size_t)(end - at) || data > (size_t)(end - at) - sizeof(*note) - name)
            return;
        const char *text = at + sizeof(*note);
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(text, "GNU", 4) == 0 &&
            note->n_descsz <= MODULE_BUILD_ID_MAX) {
            memcpy(entry->build_id, text + name, note->n_descsz);
            entry->build_id_size = note->n_descsz;
            return;
        }
        at = text + name + data;
    }
}

/* Is `address` in the recorder itself? */
static bool is_own(const struct module *module)
{
    return (uint64_t)&modules_find >= module->start && (uint64_t)&modules_find < module->end;
}

/* What the loader says of one module; start stays 0 if nothing of it is mapped. */
static void describe(struct entry *entry, const struct dl_phdr_info *info)
{
    *entry = (struct entry){.module = {.bias = info->dlpi_addr}};
    struct module *module = &entry->module;
    uint64_t start = UINT64_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uint64_t address = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && header->p_memsz) {
            start = address < start ? address : start;
            if (address + header->p_memsz > module->end)
                module->end = address + header->p_memsz;
        } else if (header->p_type == PT_GNU_EH_FRAME) {
            module->eh_frame_hdr = address;
            module->eh_frame_hdr_size = header->p_memsz;
        } else if (header->p_type == PT_NOTE && !entry->build_id_size) {
            find_build_id(entry, info, header);
        }
    }
    if (start == UINT64_MAX)
        return;
    module->start = start;
    if (is_own(module))
        module->flags |= VMT_MODULE_TRACER;
}

static const char *path_of(const struct dl_phdr_info *info, bool main, char *buffer, size_t size)
{
    if (main && sys_read_link("/proc/self/exe", buffer, size) > 0)
        return buffer;
    if (!info->dlpi_name || info->dlpi_name[0] == '/' || !strchr(info->dlpi_name, '/'))
        return info->dlpi_name ? info->dlpi_name : "";
    struct text text;
    text_init(&text, buffer, size);
    char directory[MODULE_PATH_MAX];
    if (sys_call(SYS_getcwd, (long)directory, sizeof(directory), 0, 0, 0, 0) > 0) {
        text_add(&text, directory);
        text_add(&text, "/");
    }
    text_add(&text, info->dlpi_name);
    return buffer;
}

static void record_load(struct stream *stream, const struct entry *entry, const char *path)
{
    struct stream_record record;
    size_t length = strlen(path);
    if (!stream_record_begin(&record, stream, VMT_OP_MODULE_LOAD,
                             6 * VMT_VARINT_MAX + MODULE_BUILD_ID_MAX + length))
        return;
    stream_record_number(&record, entry->module.bias);
    stream_record_number(&record, entry->module.start);
    stream_record_number(&record, entry->module.end);
    stream_record_string(&record, (const char *)entry->build_id, entry->build_id_size);
    stream_record_string(&record, path, length);
    stream_record_number(&record, entry->module.flags);
    stream_record_end(&record);
}

static void record_unload(struct stream *stream, uint64_t start)
{
    struct stream_record record;
    if (!stream_record_begin(&record, stream, VMT_OP_MODULE_UNLOAD, VMT_VARINT_MAX))
        return;
    stream_record_number(&record, start);
    stream_record_end(&record);
}

static struct entry *find_same(const struct entry *wanted)
{
    for (uint32_t i = 0; i < table_count; i++) {
        struct entry *entry = &table[i];
        if (entry->module.start == wanted->module.start && entry->module.end == wanted->module.end &&
            entry->module.bias == wanted->module.bias &&
            entry->build_id_size == wanted->build_id_size &&
            memcmp(entry->build_id, wanted->build_id, wanted->build_id_size) == 0)
            return entry;
    }
    return NULL;
}

static void add_entry(const struct entry *fresh)
{
    uint32_t place = 0;
    while (place < table_count && table[place].module.start)
        place++;
    if (place == MOST_MODULES)
        return; /* its frames have no name and no unwind rows */
    begin_change();
    table[place] = *fresh;
    if (place == table_count)
        table_count++;
    end_change();
}

struct walk {
    struct stream *stream;
    bool first;
    bool repeat; /* write every module anew */
    bool adding; /* second pass: the first one only looked which known ones are still there */
    bool unchanged;
};

static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
    struct walk *walk = context;
    bool main = walk->first;
    walk->first = false;
    if (main && !walk->adding && size >= offsetof(struct dl_phdr_info, dlpi_subs) + sizeof(info->dlpi_subs)) {
        walk->unchanged = !walk->repeat && refresh_number > 1 && info->dlpi_adds == known_adds &&
                          info->dlpi_subs == known_subs;
        if (walk->unchanged)
            return 1;
        known_adds = info->dlpi_adds;
        known_subs = info->dlpi_subs;
    }
    struct entry fresh;
    describe(&fresh, info);
    if (!fresh.module.start)
        return 0;
    if (main)
        fresh.module.flags |= VMT_MODULE_MAIN;
    fresh.seen = refresh_number;
    struct entry *known = find_same(&fresh);
    if (known)
        known->seen = refresh_number;
    if (!walk->adding || (known && !walk->repeat))
        return 0;
    if (!known)
        add_entry(&fresh);
    char buffer[2 * MODULE_PATH_MAX];
    record_load(walk->stream, &fresh, path_of(info, main, buffer, sizeof(buffer)));
    return 0;
}

/* Drops the modules that the walk did not meet. */
static void drop_unseen(struct stream *stream)
{
    bool dropped = false;
    for (uint32_t i = 0; i < table_count; i++) {
        struct entry *entry = &table[i];
        if (!entry->module.start || entry->seen == refresh_number)
            continue;
        record_unload(stream, entry->module.start);
        begin_change();
        entry->module = (struct module){0};
        end_change();
        dropped = true;
    }
    if (dropped)
        __atomic_add_fetch(&modules_epoch, 1, __ATOMIC_RELEASE);
}

static void refresh(struct stream *stream, bool repeat)
{
    uint32_t idle = 0;
    if (!__atomic_compare_exchange_n(&refreshing, &idle, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    __atomic_store_n(&stale, 0, __ATOMIC_RELAXED);
    refresh_number++;
    struct walk walk = {.stream = stream, .first = true, .repeat = repeat};
    dl_iterate_phdr(visit, &walk);
    if (!walk.unchanged) {
        drop_unseen(stream);
        walk.adding = walk.first = true;
        dl_iterate_phdr(visit, &walk);
    }
    __atomic_store_n(&refreshing, 0, __ATOMIC_RELEASE);
}

void modules_refresh(struct stream *stream)
{
    refresh(stream, false);
}

void modules_repeat(struct stream *stream)
{
    __atomic_store_n(&refreshing, 0, __ATOMIC_RELAXED); /* another thread of the parent may have held it */
    if (version & 1)
        version++;
    refresh(stream, true);
}
