/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which binaries are mapped where, as the recorder knows it.
 *
 * The table is brought up to date on cold paths only (modules_refresh asks the
 * loader, which takes the loader's lock); look-ups read it without any lock.
 * Each change of the kind "a module went away" raises the epoch: program
 * counters remembered from an older epoch may now mean something else.
 */
#ifndef VMTRACE_MODULES_H
#define VMTRACE_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODULE_BUILD_ID_MAX 64
#define MODULE_PATH_MAX 1024

struct module {
    uint64_t start, end;   /* addresses of its loaded segments: [start, end) */
    uint64_t bias;         /* run-time address minus address in the file */
    uint64_t eh_frame_hdr; /* address of PT_GNU_EH_FRAME, 0 if there is none */
    uint64_t eh_frame_hdr_size;
    uint32_t flags;        /* VMT_MODULE_* */
};

/* The module that covers `pc`; false if none is known (JIT code, or a module that was loaded a
 * moment ago: then modules_stale becomes true).  Async-signal-safe, lock-free. */
bool modules_find(uint64_t pc, struct module *module);

/* Raised by one whenever a module was unloaded. */
extern uint32_t modules_epoch;

/* True if look-ups met addresses that no known module covers, or a module was closed. */
bool modules_stale(void);
void modules_mark_stale(void);

struct stream;

/* Asks the loader for the present modules and writes MODULE_LOAD and MODULE_UNLOAD records
 * for the differences into `stream`.  Cold; returns at once when another thread is at it. */
void modules_refresh(struct stream *stream);

/* Writes all known modules into the trace of a forked child. */
void modules_repeat(struct stream *stream);

#endif
