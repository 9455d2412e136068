/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binaries that were mapped, each with its addresses and the time it was there.
 *
 * Loads and unloads are noticed late by the recorder, so a pc can be seen before its module
 * is known: module_table_resolve answers for any time once the whole trace was read.
 */
#ifndef VMTRACE_MODEL_MODULE_TABLE_H
#define VMTRACE_MODEL_MODULE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "decode/event.h"

#define MODULE_NONE UINT32_MAX
#define MODULE_MAX ((size_t)1 << 16) /* loads; further ones are counted only */

struct module {
    uint64_t bias, start, end;         /* start <= address < end */
    uint64_t load_ticks, unload_ticks; /* UINT64_MAX: still there */
    const char *path;
    const uint8_t *build_id;
    size_t build_id_size;
    uint32_t flags; /* VMT_MODULE_* */
};

/* All zero is an empty table; strings are put into the caller's arena. */
struct module_table {
    struct module *modules; /* in the order of loading */
    size_t count, capacity;
    uint32_t *loaded; /* those that are there now, by start; they do not overlap */
    size_t loaded_count, loaded_capacity;
    uint64_t dropped; /* loads beyond MODULE_MAX */
};

void module_table_release(struct module_table *table);

/* `load` is a MODULE_LOAD record.  What it overlaps must have been unloaded unseen.  False
 * when out of memory. */
bool module_table_load(struct module_table *table, struct arena *arena,
                       const struct event_cold *load, uint64_t ticks);
void module_table_unload(struct module_table *table, uint64_t start, uint64_t ticks);

/* Takes over a module of another table: its index, MODULE_NONE if there is no room.  False when out
 * of memory. */
bool module_table_inherit(struct module_table *table, struct arena *arena,
                          const struct module *module, uint32_t *index);

/* Index of the module that covers `pc` now, or MODULE_NONE. */
uint32_t module_table_current(const struct module_table *table, uint64_t pc);

/* Where, above an address that no module covers now, the next one starts; UINT64_MAX: nowhere. */
uint64_t module_table_next_start(const struct module_table *table, uint64_t address);

/* Of the modules that ever covered `pc`: the one that did at `ticks`; else the first that was
 * loaded later; else the last that was unloaded before; else MODULE_NONE. */
uint32_t module_table_resolve(const struct module_table *table, uint64_t pc, uint64_t ticks);

#endif
