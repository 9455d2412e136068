/* SPDX-License-Identifier: Apache-2.0 */
#include "query/error_words.h"

#include <elf.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

/* <asm-generic/siginfo.h>; the same on every Linux machine. */
enum {
    CODE_KERNEL = 0x80, /* SI_KERNEL */
    CODE_BUS_ADDRESS = 2,
    CODE_INTEGER_DIVISION = 1,
    CODE_INTEGER_OVERFLOW = 2,
    CODE_FLOAT_DIVISION = 3,
};

uint64_t error_address(const struct memory_error *error)
{
    bool untold = error->kind == ERROR_CRASH && error->code == CODE_KERNEL;
    return untold ? REPORT_UNKNOWN : error->address;
}

#define TEXT(...) arena_printf(build->arena, __VA_ARGS__)

static const char *bytes(uint64_t count)
{
    return count == 1 ? "byte" : "bytes";
}

/* "24 bytes past the end of a block of 40 bytes, freed" */
static const char *words_block(struct report_build *build, const struct memory_error *error)
{
    enum memory_error_place place = error->place;
    unsigned long long offset = error->offset, size = error->block_size;
    bool freed = place == ERROR_PLACE_INSIDE_FREED || place == ERROR_PLACE_AFTER_FREED ||
                 place == ERROR_PLACE_BEFORE_FREED;
    const char *relation = "into";
    if (place == ERROR_PLACE_AFTER_LIVE || place == ERROR_PLACE_AFTER_FREED)
        relation = "past the end of";
    else if (place == ERROR_PLACE_BEFORE_LIVE || place == ERROR_PLACE_BEFORE_FREED)
        relation = "before";
    return TEXT("%llu %s %s a block of %llu %s%s", offset, bytes(offset), relation, size,
                bytes(size), freed ? ", freed" : "");
}

static const char *words_thread(struct report_build *build, uint32_t tid)
{
    const struct thread_table *threads = &build->model->threads;
    uint32_t index = hash_map_get(&threads->by_tid, tid);
    const char *name = index < threads->count ? threads->threads[index].name : NULL;
    if (tid == build->model->header.pid)
        return "the main thread";
    return name ? TEXT("thread %u, %s", tid, name) : TEXT("thread %u", tid);
}

static const char *words_stack(struct report_build *build, const struct memory_error *error)
{
    const char *thread = words_thread(build, error->place_id);
    if (!thread)
        return NULL;
    if (error->place == ERROR_PLACE_STACK)
        return TEXT("on the stack of %s", thread);
    if (error->offset == 0)
        return TEXT("stack overflow: the end of the stack of %s", thread);
    return TEXT("stack overflow: %llu %s below the stack of %s", (unsigned long long)error->offset,
                bytes(error->offset), thread);
}

static const char *words_mapping(struct report_build *build, const struct memory_error *error)
{
    const struct site *site = &build->model->sites.sites[error->place_id];
    return TEXT("%llu %s into %s bytes that %s mapped%s%s%s", (unsigned long long)error->offset,
                bytes(error->offset), TEXT("%" PRIu64, error->block_size),
                report_kind_name(build, site->kind), site->name ? " of " : "",
                site->name ? site->name : "",
                error->place == ERROR_PLACE_UNMAPPED ? ", unmapped since" : "");
}

static const char *segment_words(enum symbol_segment segment)
{
    switch (segment) {
    case SYMBOL_SEGMENT_CODE:
        return "code";
    case SYMBOL_SEGMENT_CONSTANT:
        return "constants";
    case SYMBOL_SEGMENT_DATA:
    case SYMBOL_SEGMENT_BSS:
        return "variables";
    default:
        return "memory";
    }
}

static const char *words_module(struct report_build *build, const struct memory_error *error)
{
    const char *path, *base, *variable = NULL;
    uint64_t offset = 0;
    enum symbol_segment segment = SYMBOL_SEGMENT_UNKNOWN;
    const struct symbol_module *module = frame_cache_module(&build->frames, error->place_id, &path);
    if (!module)
        return NULL;
    base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (build->frames.symbolizer) {
        segment = symbolizer_segment(build->frames.symbolizer, module, error->address);
        if (segment != SYMBOL_SEGMENT_CODE)
            variable = symbolizer_object(build->frames.symbolizer, module, error->address, &offset);
    }
    const char *gone = error->place == ERROR_PLACE_MODULE_GONE ? ", which was unloaded" : "";
    if (variable && offset)
        return TEXT("%llu %s into the variable %s of %s%s", (unsigned long long)offset,
                    bytes(offset), variable, base, gone);
    if (variable)
        return TEXT("the variable %s of %s%s", variable, base, gone);
    return TEXT("in the %s of %s%s", segment_words(segment), base, gone);
}

static const char *words_place(struct report_build *build, const struct memory_error *error)
{
    switch (error->place) {
    case ERROR_PLACE_UNKNOWN:
        return "";
    case ERROR_PLACE_NULL:
        return error->offset == 0 ? "a null pointer"
                                  : TEXT("%llu %s from a null pointer",
                                         (unsigned long long)error->offset, bytes(error->offset));
    case ERROR_PLACE_BLOCK:
        return TEXT("a block of %llu %s, freed before", (unsigned long long)error->block_size,
                    bytes(error->block_size));
    case ERROR_PLACE_STACK:
    case ERROR_PLACE_BELOW_STACK:
        return words_stack(build, error);
    case ERROR_PLACE_MAPPING:
    case ERROR_PLACE_UNMAPPED:
        return words_mapping(build, error);
    case ERROR_PLACE_MODULE:
    case ERROR_PLACE_MODULE_GONE:
        return words_module(build, error);
    default:
        return words_block(build, error);
    }
}

/* What the processor was about, where the signal's code or its error code tells. */
static const char *crash_access(const struct memory_error *error)
{
    if (error->signal == SIGFPE)
        return error->code == CODE_INTEGER_DIVISION   ? "an integer was divided by zero"
               : error->code == CODE_INTEGER_OVERFLOW ? "an integer is too large"
               : error->code == CODE_FLOAT_DIVISION   ? "a float was divided by zero"
                                                      : "";
    if (error->flags & VMT_CRASH_EXECUTE)
        return "a jump";
    if (error->flags & VMT_CRASH_WRITE)
        return "a write";
    return error->flags & VMT_CRASH_READ ? "a read" : "";
}

static const char *crash_words(struct report_build *build, const struct memory_error *error)
{
    const char *access = crash_access(error), *place = words_place(build, error);
    if (!place)
        return NULL;
    if (error->signal != SIGSEGV && error->signal != SIGBUS && error->signal != SIGABRT &&
        error->signal != SIGILL && error->signal != SIGFPE)
        return TEXT("signal %d", error->signal);
    if (error->code <= 0 && error->signal != SIGABRT)
        return "sent by a process";
    if (error->signal == SIGSEGV && error->code == CODE_KERNEL)
        return "an address that no process has";
    if (error->signal == SIGBUS && error->code == CODE_BUS_ADDRESS)
        place = *place ? TEXT("behind the end of the file, %s", place)
                       : "behind the end of a mapped file";
    if (!place)
        return NULL;
    if (*access && *place)
        return TEXT("%s: %s", access, place);
    return *access ? access : place;
}

static const char *release_words(struct report_build *build, const struct memory_error *error)
{
    const char *kind = report_kind_name(build, error->released_kind), *place;
    if (!kind)
        return NULL;
    if (error->kind == ERROR_MISMATCHED_FREE)
        return TEXT("a block of %llu %s from %s, released by %s",
                    (unsigned long long)error->block_size, bytes(error->block_size),
                    report_kind_name(build, error->allocated_kind), kind);
    if (error->kind == ERROR_UNMAPPED_HEAP)
        return TEXT("munmap of %llu bytes, in which a live block of %llu %s lies",
                    (unsigned long long)error->offset, (unsigned long long)error->block_size,
                    bytes(error->block_size));
    place = words_place(build, error);
    if (place && !*place)
        place = "not an address that an allocation returned";
    return place;
}

const char *error_words(struct report_build *build, const struct memory_error *error, bool *good)
{
    const char *words =
        error->kind == ERROR_CRASH ? crash_words(build, error) : release_words(build, error);
    *good = *good && words;
    return words && *words ? words : NULL;
}

const char *error_hint(const struct memory_error *error)
{
    if (error->kind == ERROR_CRASH)
        return error->place == ERROR_PLACE_INSIDE_FREED && error->freed == STACK_NONE
                   ? "record with VMTRACE_FREE_STACKS=on to see who freed it"
                   : NULL;
    if (error->kind == ERROR_UNMAPPED_HEAP)
        return NULL;
    if (error->node == STACK_NONE)
        return "record with VMTRACE_FREE_STACKS=on to see where";
    bool freed = error->kind == ERROR_DOUBLE_FREE || error->kind == ERROR_REALLOC_FREED ||
                 error->place == ERROR_PLACE_INSIDE_FREED;
    return freed && error->freed == STACK_NONE
               ? "record with VMTRACE_FREE_STACKS=on to see who freed it first"
               : NULL;
}

/* By DWARF number. */
static const char *register_name(struct report_build *build, uint32_t number)
{
    static const char *const names[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    uint32_t machine = build->model->header.machine;
    if (machine == EM_X86_64 && number < sizeof(names) / sizeof(names[0]))
        return names[number];
    if (machine == EM_AARCH64)
        return number == 31 ? "sp" : TEXT("x%u", number);
    return TEXT("%u", number);
}

static const char *register_words(struct report_build *build, const struct error_register *at)
{
    const char *text = register_name(build, at->number);
    if (!text)
        return NULL;
    if (at->wild)
        return TEXT("%s is 0x%" PRIx64 ", which is no address", text, at->value);
    return TEXT("%s is 0x%" PRIx64 ", %llu %s into a block of %llu %s, freed", text, at->value,
                (unsigned long long)at->offset, bytes(at->offset),
                (unsigned long long)at->block_size, bytes(at->block_size));
}

bool error_registers(struct report_build *build, const struct memory_error *error,
                     struct report_error *out)
{
    struct report_register *list = arena_array(build->arena, error->register_count, sizeof(*list));
    bool good = list != NULL;
    for (uint32_t i = 0; good && i < error->register_count; i++) {
        const struct error_register *at = &error->registers[i];
        list[i] = (struct report_register){
            .words = register_words(build, at),
            .allocated = at->wild ? NULL : report_build_stack(build, at->allocated, &good),
            .freed = at->wild ? NULL : report_build_stack(build, at->freed, &good),
        };
        good = good && list[i].words;
    }
    out->registers = list;
    out->register_count = good ? error->register_count : 0;
    return good;
}
