/* SPDX-License-Identifier: Apache-2.0 */
#include "modules.h"

#include "executable.h"
#include "stream.h"
#include "sys.h"
#include "text.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

enum {
    MOST_MODULES = 4096,
    MOST_MISSED = 16, /* addresses of no known module that a refresh looks at */
};

struct entry {
    struct module module; /* start == 0: free */
    uint64_t seen;        /* number of the scan that last met it */
    const void *map;      /* its struct link_map, NULL if not asked yet: tells a successor at the
                             same address */
    uint32_t build_id_size;
    uint8_t build_id[MODULE_BUILD_ID_MAX];
    char path[MODULE_PATH_MAX];
};

uint32_t modules_epoch;
struct modules_loader modules_loader;

/* Written by one thread at a time (`changing`); readers check `version` before and after: odd
 * while a change is under way. */
static struct entry table[MOST_MODULES] SYS_TABLE __attribute__((aligned(4096)));
static uint32_t table_count;
static uint32_t version;
static uint32_t changing;
static uint64_t missed[MOST_MISSED];
static uint32_t missed_count;
static uint64_t known_adds, known_subs, scan_number, additions;
static bool
    lock_may_be_lost; /* the loader's, held by a thread that did not come along to this child */

bool modules_stale(void)
{
    return __atomic_load_n(&missed_count, __ATOMIC_RELAXED) != 0;
}

static void note_miss(uint64_t pc)
{
    uint32_t place = __atomic_fetch_add(&missed_count, 1, __ATOMIC_RELAXED) % MOST_MISSED;
    __atomic_store_n(&missed[place], pc, __ATOMIC_RELAXED);
}

bool modules_peek(uint64_t pc, struct module *module)
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
        if (__atomic_load_n(&version, __ATOMIC_RELAXED) == before)
            return found;
    }
    return false;
}

bool modules_find(uint64_t pc, struct module *module)
{
    bool found = modules_peek(pc, module);
    if (!found)
        note_miss(pc);
    return found;
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

static void find_build_id(struct entry *entry, const struct dl_phdr_info *info,
                          const ElfW(Phdr) * header)
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
    memset(entry, 0, offsetof(struct entry, path));
    entry->module.bias = info->dlpi_addr;
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
    if (info->dlpi_addr && info->dlpi_addr == getauxval(AT_BASE))
        modules_loader = (struct modules_loader){start, module->end - start};
}

static void find_path(struct entry *entry, const struct dl_phdr_info *info)
{
    const char *name = info->dlpi_name ? info->dlpi_name : "";
    bool main = entry->module.flags & VMT_MODULE_MAIN;
    struct text text;
    text_init(&text, entry->path, sizeof(entry->path));
    if (main && *executable_path()) {
        text_add(&text, executable_path());
        return;
    }
    char directory[MODULE_PATH_MAX];
    if (name[0] != '/' && strchr(name, '/') &&
        sys_call(SYS_getcwd, (long)directory, sizeof(directory), 0, 0, 0, 0) > 0) {
        text_add(&text, directory);
        text_add(&text, "/");
    }
    text_add(&text, name);
}

static void record_load(struct stream *stream, const struct entry *entry)
{
    struct stream_record record;
    size_t length = strlen(entry->path);
    if (!stream_record_begin(&record, stream, VMT_OP_MODULE_LOAD,
                             6 * VMT_VARINT_MAX + MODULE_BUILD_ID_MAX + length))
        return;
    stream_record_number(&record, entry->module.bias);
    stream_record_number(&record, entry->module.start);
    stream_record_number(&record, entry->module.end);
    stream_record_string(&record, (const char *)entry->build_id, entry->build_id_size);
    stream_record_string(&record, entry->path, length);
    stream_record_number(&record, entry->module.flags);
    stream_record_end(&record);
    clock_set_mark();
}

static void record_unload(struct stream *stream, uint64_t start)
{
    struct stream_record record;
    if (!stream_record_begin(&record, stream, VMT_OP_MODULE_UNLOAD, VMT_VARINT_MAX))
        return;
    stream_record_number(&record, start);
    stream_record_end(&record);
    clock_set_mark();
}

static struct entry *find_same(const struct entry *wanted)
{
    for (uint32_t i = 0; i < table_count; i++) {
        struct entry *entry = &table[i];
        if (entry->module.start == wanted->module.start &&
            entry->module.end == wanted->module.end && entry->module.bias == wanted->module.bias &&
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
    additions++;
}

static void drop_entry(struct stream *stream, struct entry *entry)
{
    record_unload(stream, entry->module.start);
    begin_change();
    entry->module = (struct module){0};
    end_change();
    __atomic_add_fetch(&modules_epoch, 1, __ATOMIC_RELEASE);
}

/* A signal handler that jumps out of a change would leave it under way for good, and the loader's
 * lock taken; the child of one that forks could never release that. */
static bool begin_changing(uint64_t *signals)
{
    uint32_t idle = 0;
    sys_block_signals(signals);
    if (__atomic_compare_exchange_n(&changing, &idle, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return true;
    sys_restore_signals(signals);
    return false;
}

static void end_changing(const uint64_t *signals)
{
    __atomic_store_n(&changing, 0, __ATOMIC_RELEASE);
    sys_restore_signals(signals);
}

static bool refresh(struct stream *stream);

/* ---- the whole list, from the loader ---- */

struct walk {
    struct stream *stream;
    bool first;
    bool adding; /* second pass: the first one only looks which known ones are still there */
    bool unchanged;
};

static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
    static struct entry fresh; /* `changing` protects it */
    struct walk *walk = context;
    bool main = walk->first;
    walk->first = false;
    if (main && size >= offsetof(struct dl_phdr_info, dlpi_subs) + sizeof(info->dlpi_subs)) {
        walk->unchanged = !walk->adding && scan_number > 1 && info->dlpi_adds == known_adds &&
                          info->dlpi_subs == known_subs;
        if (walk->unchanged)
            return 1;
        known_adds = info->dlpi_adds;
        known_subs = info->dlpi_subs;
    }
    describe(&fresh, info);
    if (!fresh.module.start)
        return 0;
    if (main)
        fresh.module.flags |= VMT_MODULE_MAIN;
    fresh.seen = scan_number;
    struct entry *known = find_same(&fresh);
    if (known)
        known->seen = scan_number;
    if (!walk->adding || known)
        return 0;
    find_path(&fresh, info);
    add_entry(&fresh);
    record_load(walk->stream, &fresh);
    return 0;
}

/* Modules that went away are dropped before new ones, which may lie in their place, are added. */
static void scan(struct stream *stream)
{
    scan_number++;
    struct walk walk = {.stream = stream, .first = true};
    if (table_count)
        dl_iterate_phdr(visit, &walk);
    if (walk.unchanged)
        return;
    for (uint32_t i = 0; i < table_count; i++) {
        if (table[i].module.start && table[i].seen != scan_number)
            drop_entry(stream, &table[i]);
    }
    walk.adding = walk.first = true;
    dl_iterate_phdr(visit, &walk);
}

void modules_scan(struct stream *stream)
{
    uint64_t signals;
    if (!begin_changing(&signals))
        return;
    if (!lock_may_be_lost || !refresh(stream))
        scan(stream);
    end_changing(&signals);
}

/* ---- single modules, without a lock ---- */

#ifdef DLFO_STRUCT_HAS_EH_DBASE
#pragma weak _dl_find_object

static bool object_at(uint64_t address, struct dl_find_object *object)
{
    return _dl_find_object((void *)address, object) == 0;
}

static void check_known(struct stream *stream)
{
    for (uint32_t i = 0; i < table_count; i++) {
        struct entry *entry = &table[i];
        struct dl_find_object object;
        if (!entry->module.start)
            continue;
        if (!object_at(entry->module.start, &object) ||
            (entry->map && entry->map != object.dlfo_link_map))
            drop_entry(stream, entry);
        else
            entry->map = object.dlfo_link_map;
    }
}

/* The module at an address that a look-up missed.  Its first page begins with the ELF header. */
static void add_at(struct stream *stream, uint64_t address)
{
    static struct entry fresh SYS_TABLE; /* `changing` protects it */
    struct dl_find_object object;
    if (!object_at(address, &object))
        return;
    const ElfW(Ehdr) *header = object.dlfo_map_start;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return;
    struct dl_phdr_info info = {
        .dlpi_addr = object.dlfo_link_map->l_addr,
        .dlpi_name = object.dlfo_link_map->l_name,
        .dlpi_phdr = (const void *)((const char *)header + header->e_phoff),
        .dlpi_phnum = header->e_phnum,
    };
    describe(&fresh, &info);
    if (!fresh.module.start || find_same(&fresh))
        return;
    fresh.map = object.dlfo_link_map;
    find_path(&fresh, &info);
    add_entry(&fresh);
    record_load(stream, &fresh);
}

static bool refresh(struct stream *stream)
{
    if (!_dl_find_object)
        return false;
    check_known(stream);
    uint32_t count = __atomic_exchange_n(&missed_count, 0, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < count && i < MOST_MISSED; i++)
        add_at(stream, __atomic_load_n(&missed[i], __ATOMIC_RELAXED));
    return true;
}
#else
static bool refresh(struct stream *stream)
{
    (void)stream;
    return false;
}
#endif

bool modules_refresh(struct stream *stream)
{
    uint64_t signals;
    if (!begin_changing(&signals))
        return false;
    uint64_t before = additions;
    if (!refresh(stream)) {
        __atomic_store_n(&missed_count, 0, __ATOMIC_RELAXED);
        scan(stream);
    }
    bool more = additions != before;
    end_changing(&signals);
    return more;
}

void modules_repeat(struct stream *stream)
{
    lock_may_be_lost = true;
    if (version & 1) /* another thread of the parent was in the middle of a change */
        version++;
    for (uint32_t i = 0; i < table_count; i++) {
        if (table[i].module.start)
            record_load(stream, &table[i]);
    }
    __atomic_store_n(&changing, 0, __ATOMIC_RELEASE);
}
